import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { type Checked, checkUntilDone, Pace } from '../../domain/pace.ts';
import { type Candidate, type Change, Watch } from '../../domain/watching.ts';
import { inWords } from '../../output/text.ts';
import type { DeliveredPurchase } from '../purchase/buy-with-keys.ts';
import { noteNextStep, printPurchase, savedText } from '../purchase/receipt.ts';
import { withMaskedKey } from '../subscription-table.ts';
import { type TakeOptions, Taker } from './buyer.ts';
import {
  changeEvent,
  errorEvent,
  eventColumns,
  eventFields,
  eventLine,
  subscribedEvent,
  type WatchEvent,
} from './events.ts';
import { Telling, type TellingOptions } from './notify.ts';
import type { Look, Lookout } from './poll.ts';
import type { WatchView } from './screen.ts';

/** A length of time, and as it was typed. */
export interface Duration {
  readonly text: string;
  readonly milliseconds: number;
}

/** What to do about what opens, and when to end. */
export interface WatchOptions extends TellingOptions, Omit<TakeOptions, 'patience'> {
  readonly for?: Duration;
  readonly count?: number;
  readonly forever?: true;
  readonly subscribe?: true;
}

/** One run of the command, from its first look to its end. */
export class Watched {
  readonly #context: Context;
  readonly #lookout: Lookout;
  readonly #options: WatchOptions;
  readonly #watch: Watch;
  readonly #taker: Taker | undefined;
  #telling: Telling | undefined;
  #view: WatchView | undefined;
  /** How many openings were reported. */
  #reported = 0;
  /** Whether nobody reads any more what is printed. */
  #unread = false;
  /** The failures that were told since the last check without one, so that an outage is told once. */
  readonly #failures = new Set<string>();

  constructor(context: Context, lookout: Lookout, options: WatchOptions) {
    this.#context = context;
    this.#lookout = lookout;
    this.#options = options;
    this.#watch = new Watch(lookout.candidates);
    this.#taker = options.subscribe
      ? new Taker(context, lookout.candidates, { ...options, patience: options.for?.text })
      : undefined;
  }

  /**
   * Checks until it is done.
   *
   * @param interval - milliseconds
   * @throws CommandError (unavailable) when the time is up; whatever else leaves no hope for another check
   */
  async run(interval: number): Promise<void> {
    const { clocks } = this.#context;
    if (await this.#isHeld()) return;
    await this.#consent();
    const telling = await Telling.begin(this.#context, this.#options, (message) => this.#say(message));
    this.#telling = telling;
    this.#view = await this.#begunView();
    try {
      const inTime = await checkUntilDone({
        clocks,
        pace: new Pace(interval),
        until: this.#options.for && clocks.wall() + this.#options.for.milliseconds,
        check: () => this.#check(),
        onWait: (due) => this.#view?.waits(due),
      });
      if (!inTime && !(this.#options.forever && this.#reported > 0)) throw this.#timeIsUp();
    } catch (error) {
      throw this.#withDoubt(error);
    } finally {
      this.#view?.close();
      await telling.done();
    }
  }

  async #check(): Promise<Checked> {
    // Read the account first, so that nothing delays the purchase once a seat opens.
    const account = await this.#tried(async () => this.#taker?.lookAtAccount(true));
    if (account.kind === 'failed') return account;
    if (await this.#tellHeld()) return { kind: 'done' };
    const looked = await this.#tried(() => this.#lookout.look());
    if (looked.kind === 'failed') return looked;
    const look = looked.value;
    const at = this.#context.clocks.wall();
    const { changes, open } = this.#watch.observe(look.seen, at);
    this.#taker?.sees(open);
    if (open.length > 0 && this.#taker) return this.#take(this.#taker, look, changes, open);
    this.#failures.clear();
    this.#view?.saw(look.seen);
    for (const event of await this.#report(changes)) this.#announce(event);
    return { kind: this.#isEnough ? 'done' : 'again' };
  }

  /** Does a part of a check, and reports a failure that may pass. @throws CommandError that ends the watch */
  async #tried<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly kind: 'did'; readonly value: Result } | Extract<Checked, { kind: 'failed' }>> {
    try {
      return { kind: 'did', value: await work() };
    } catch (error) {
      if (!(error instanceof CommandError) || endsWatch(error)) throw error;
      await this.#fail(error);
      return { kind: 'failed', error };
    }
  }

  /** Buys before anything else is done; what changed is told with it. */
  async #take(taker: Taker, look: Look, changes: readonly Change[], open: readonly Candidate[]): Promise<Checked> {
    const { clocks, output } = this.#context;
    const untold = [...changes];
    const announced: WatchEvent[] = [];
    const tell = async () => announced.push(...(await this.#report(untold.splice(0))));
    let passed = true;
    try {
      const result = await taker.take(look, open, {
        buying: async () => {
          this.#view?.close();
          // A person reads of the opening first.
          if (output.isForPeople) await tell();
        },
        bought: async (told, candidate, charge) => {
          const opening = this.#watch.tell(candidate, look.seen, clocks.wall());
          if (opening) untold.push(opening);
          await tell();
          const event = await this.#tellBought(told, candidate, charge);
          announced.splice(0, announced.length, event);
        },
        refused: async (error, candidate) => {
          passed = false;
          await tell();
          await this.#fail(error, candidate);
        },
      });
      await tell();
      if (result.kind === 'failed') await this.#fail(result.error);
      else if (passed && !taker.isResting) this.#failures.clear();
      if (result.kind !== 'done') this.#view?.open();
      return result;
    } finally {
      this.#view?.saw(look.seen);
      await tell();
      for (const event of announced) this.#announce(event);
    }
  }

  /** Whether all openings were reported that were asked for; where one is to be bought, only that is the end. */
  get #isEnough(): boolean {
    return !this.#taker && (this.#unread || (!this.#options.forever && this.#reported >= (this.#options.count ?? 1)));
  }

  /** Tells of what changed, up to the last opening that was asked for. @returns what was told */
  async #report(changes: readonly Change[]): Promise<WatchEvent[]> {
    const told: WatchEvent[] = [];
    for (const change of changes) {
      if (this.#isEnough) break;
      if (change.event === 'opened') this.#reported += 1;
      const event = changeEvent(change);
      await this.#print(event);
      told.push(event);
    }
    return told;
  }

  #printPurchase({ kind, subscriptions }: DeliveredPurchase): Promise<void> {
    return printPurchase(this.#context, kind === 'covered' ? subscriptions.map(withMaskedKey) : subscriptions);
  }

  /** Tells of a failure that does not end the watch, when it was not told already. */
  async #fail(error: CommandError, candidate?: Candidate): Promise<void> {
    const event = errorEvent(error, this.#context.clocks.wall(), candidate);
    const about = [event.pool, event.blocks.join(), event.code].join(' ');
    if (this.#failures.has(about)) return;
    this.#failures.add(about);
    await this.#print(event);
  }

  /** @param instead - what is printed for a person in the line's place */
  async #print(event: WatchEvent, instead?: () => Promise<void>): Promise<void> {
    const { output, world } = this.#context;
    const { timeZone } = world;
    if (output.isForPeople && instead) return instead();
    if (this.#view) return this.#view.say(eventLine(event, timeZone));
    await output.event(event, { columns: eventColumns, fields: eventFields }, (clean) => eventLine(clean, timeZone));
    // A purchase is made whether or not somebody reads of it.
    if (this.#taker) return;
    await output.written().catch(() => {
      this.#unread = true;
    });
  }

  #announce(event: WatchEvent): void {
    if (event.event === 'opened' || event.event === 'subscribed') this.#telling?.tell(event);
  }

  #say(message: string): void {
    if (this.#view) this.#view.say(message);
    else this.#context.output.note(message);
  }

  async #isHeld(): Promise<boolean> {
    await this.#taker?.lookAtAccount(false);
    return this.#tellHeld();
  }

  async #consent(): Promise<void> {
    if (!this.#taker) return;
    await this.#taker.consent(await this.#lookout.look());
    await this.#taker.makeReady();
  }

  /** Tells of what is held already, if it is. */
  async #tellHeld(): Promise<boolean> {
    const held = await this.#taker?.held();
    if (!held) return false;
    this.#view?.close();
    await this.#taker?.deliver(held, {
      bought: async (told, candidate, charge) => this.#announce(await this.#tellBought(told, candidate, charge)),
    });
    if (held.got.kind === 'bought' && held.got.overcharge) throw held.got.overcharge;
    return true;
  }

  async #tellBought(told: DeliveredPurchase, candidate: Candidate, charge: Cents): Promise<WatchEvent> {
    const event = subscribedEvent(told, candidate, charge, this.#context.clocks.wall());
    await this.#print(event, () => this.#printPurchase(told));
    this.#sayMore(told);
    return event;
  }

  /** What is said about a purchase besides. */
  #sayMore({ kind, subscriptions, saved }: DeliveredPurchase): void {
    const withKeys = this.#options.createKey !== undefined;
    const { output } = this.#context;
    if (kind === 'covered') {
      const ids = inWords(subscriptions.map(({ id }) => id));
      const noKey = withKeys ? ', and no key was made' : '';
      output.note(`Already covered by ${ids}: nothing was charged${noKey}.`);
      return;
    }
    noteNextStep(this.#context, subscriptions, withKeys);
    if (saved) output.done(savedText(saved));
  }

  async #begunView(): Promise<WatchView | undefined> {
    const { output, world, clocks } = this.#context;
    const screen = output.liveScreen;
    if (!screen) return undefined;
    const { WatchView } = await import('./screen.ts');
    const names = inWords(this.#lookout.pools, 'or');
    const title = this.#taker ? `Waiting to subscribe to ${names}` : `Waiting for ${names}`;
    const print = (line: string) => output.line(line);
    const hold = () => this.#context.progress.hold();
    const view = new WatchView(screen, {
      title,
      style: output.style,
      timeZone: world.timeZone,
      now: clocks.wall,
      print,
      hold,
    });
    view.open();
    return view;
  }

  /** Adds to an interrupt that a purchase may still go through, if so. */
  #withDoubt(error: unknown): unknown {
    if (!this.#taker?.isPending || !(error instanceof CommandError) || error.code !== 'interrupted') return error;
    return error.with({
      message: 'interrupted, and a purchase may still go through',
      hint: 'Run `ci history reconcile --wait` to find out.',
      outcome: 'unknown',
    });
  }

  #timeIsUp(): CommandError {
    if (this.#taker?.isPending) {
      return new CommandError(
        'outcome_unknown',
        `the time limit of ${this.#options.for?.text} is reached, and a purchase may still go through`,
        {
          hint: 'Run `ci history reconcile --wait` to find out.',
          outcome: 'unknown',
        },
      );
    }
    const names = this.#lookout.candidates.map(({ pool, blocks }) => `${pool} ${inWords(blocks)}`);
    const none = `no seat was ${this.#taker ? 'to be had' : 'free'} on ${inWords(names, 'or')}`;
    const some = `${this.#reported} of ${this.#options.count} openings came`;
    const what = this.#taker || this.#reported === 0 ? none : some;
    const bought = this.#taker ? 'Nothing was charged. ' : '';
    return new CommandError('unavailable', `${what} within ${this.#options.for?.text}`, {
      hint: `${bought}Watch for longer with --for, or see what is open: \`ci pools list --available\`.`,
      outcome: 'not_applied',
    });
  }
}

/** Whether a failed check is the last: a refused key stays refused. */
function endsWatch({ code }: CommandError): boolean {
  return ['unauthorized', 'forbidden', 'not_signed_in', 'usage', 'interrupted', 'file_error', 'internal'].includes(
    code,
  );
}
