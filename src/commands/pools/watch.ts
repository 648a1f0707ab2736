import { type Block, blockNames } from '../../domain/blocks.ts';
import { parseDuration } from '../../domain/duration.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { type Checked, checkUntilDone, Pace } from '../../domain/pace.ts';
import type { BillingCycle } from '../../domain/quote.ts';
import { type Candidate, type Change, Watch } from '../../domain/watching.ts';
import { inWords } from '../../output/text.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { billingCycleOption, parseAmount, parseBlocks, parseCount, quantityOption } from '../options.ts';
import { checkedPool, poolChoices } from '../pool.ts';
import { printBought, savedText, sayWhatIsNext } from './bought.ts';
import { addWantedOptions, checkWanted, type Told, type Wanted } from './deliver.ts';
import { chosenBlocks } from './purchase.ts';
import { withMaskedKey } from './subscription.ts';
import {
  changeEvent,
  errorEvent,
  eventColumns,
  eventFields,
  eventLine,
  subscribedEvent,
  type WatchEvent,
} from './watching/event.ts';
import { type Look, Lookout, type Sought } from './watching/look.ts';
import { type Held, Taker } from './watching/take.ts';
import { Telling, type TellingOptions } from './watching/telling.ts';
import type { WatchView } from './watching/view.ts';

/** The shortest interval, but for an API on this machine. Milliseconds. */
const shortestInterval = 5000;

/** A length of time, and as it was typed. */
interface Duration {
  readonly text: string;
  readonly milliseconds: number;
}

/** Blocks as typed: any of them, or all of them together. */
interface BlockChoice {
  readonly blocks: readonly Block[];
  readonly together?: boolean;
}

interface Options extends Wanted, TellingOptions {
  readonly blocks?: BlockChoice;
  readonly allBlocks?: true;
  readonly interval?: Duration;
  readonly for?: Duration;
  readonly count?: number;
  readonly forever?: true;
  readonly subscribe?: true;
  readonly quantity: number;
  readonly billingCycle?: BillingCycle;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly again?: true;
}

/** `ci pools watch`: waits for a seat, and takes it. */
export default function watch(command: Verb, context: Context): void {
  command
    .tell({
      fields: eventFields,
      changes: true,
      examples: [
        'ci pools watch minimax-m3 --blocks americas',
        'ci pools watch kimi26 minimax-m3 --blocks any --for 6h --bell',
        'ci pools watch minimax-m3 --blocks americas --subscribe --max-price 45 --yes --json',
        'ci pools watch kimi26 --blocks all --forever --exec \'notify-send "$CHEAPESTINFERENCE_POOL is open"\'',
      ],
    })
    .argument('[pool...]', 'slugs or UUIDs: the first that opens')
    .option(
      '--blocks <names>',
      'asia, europe, americas (comma between): any of them; any, or all together',
      parseChoice,
    )
    .option('--all-blocks', 'wait until the named blocks are open together')
    .option('--interval <duration>', 'time between two checks, at least 5s (default: 15s)', duration)
    .option('--for <duration>', 'give up after this long, with exit code 6', duration)
    .option('--count <openings>', 'go on until so many openings were reported (default: 1)', parseCount('--count'))
    .option('--forever', 'go on reporting')
    .option('--bell', "ring the terminal's bell")
    .option('--exec <command>', 'run this through your shell, told by CHEAPESTINFERENCE_EVENT, _POOL, _BLOCKS…')
    .option('--webhook <url>', 'post the event there as JSON; https, or http on this machine')
    .option('--subscribe', 'buy what opens at once: charges the saved card')
    .addOption(quantityOption())
    .addOption(billingCycleOption().default(undefined))
    .option('--max-price <usd>', 'with --subscribe: the most it may charge', parseAmount('--max-price'))
    .option('--ensure', 'with --subscribe: end at once when you hold one of them already')
    .option('--again', 'with --subscribe: buy it though the same was bought a moment ago');
  addWantedOptions(command);
  command.action((pools: string[], options: Options) => watchPools(context, pools, options));
}

async function watchPools(context: Context, typed: readonly string[], options: Options): Promise<void> {
  await check(options);
  const { prompts } = context;
  if (options.subscribe && !options.ensure)
    prompts.requireConsent('watching with --subscribe charges the saved card, which');
  const api = await context.api();
  const interval = await intervalFor(context, options.interval);
  if (options.subscribe) {
    requireLimit(context, options);
    api.client.requireSignedIn();
  }
  const sought = await chosen(context, typed, options);
  const watched = new Watched(context, await Lookout.begin(api, sought), options);
  await watched.run(interval);
}

/** One run of the command, from its first look to its end. */
class Watched {
  readonly #context: Context;
  readonly #lookout: Lookout;
  readonly #options: Options;
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

  constructor(context: Context, lookout: Lookout, options: Options) {
    const { billingCycle = 'month' } = options;
    this.#context = context;
    this.#lookout = lookout;
    this.#options = options;
    this.#watch = new Watch(lookout.candidates);
    this.#taker = options.subscribe
      ? new Taker(context, lookout.candidates, { ...options, billingCycle, patience: options.for?.text })
      : undefined;
  }

  /** @param interval - milliseconds */
  async run(interval: number): Promise<void> {
    const { clock, clocks } = this.#context;
    if (await this.#holdsAlready()) return;
    await this.#consent();
    const telling = await Telling.begin(this.#context, this.#options, (message) => this.#say(message));
    this.#telling = telling;
    this.#view = await this.#begunView();
    try {
      const inTime = await checkUntilDone({
        clocks,
        pace: new Pace(interval),
        until: this.#options.for && clock() + this.#options.for.milliseconds,
        check: () => this.#check(),
        onWait: (due) => this.#view?.waits(due),
      });
      if (!inTime && !(this.#options.forever && this.#reported > 0)) throw this.#timeIsUp();
    } finally {
      this.#view?.close();
      await telling.done();
    }
  }

  async #check(): Promise<Checked> {
    let look: Look;
    try {
      // The account comes first, so that nothing comes between an opening and its purchase.
      const held = await this.#taker?.prepare(true);
      if (held) {
        this.#view?.close();
        await this.#tellHeld(held);
        return { kind: 'done' };
      }
      look = await this.#lookout.look();
    } catch (error) {
      if (!(error instanceof CommandError) || endsWatch(error)) throw error;
      await this.#fail(error);
      return { kind: 'failed', error };
    }
    const at = this.#context.clock();
    const { changes, open } = this.#watch.observe(look.seen, at);
    if (open.length > 0 && this.#taker) return this.#take(this.#taker, look, changes, open);
    this.#failures.clear();
    this.#view?.saw(look.seen);
    for (const event of await this.#report(changes)) this.#announce(event);
    return { kind: this.#isEnough ? 'done' : 'again' };
  }

  /** Buys before anything else is done; what changed is told with it. */
  async #take(taker: Taker, look: Look, changes: readonly Change[], open: readonly Candidate[]): Promise<Checked> {
    const { clock, output } = this.#context;
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
          const opening = this.#watch.tell(candidate, look.seen, clock());
          if (opening) untold.push(opening);
          await tell();
          const event = subscribedEvent(told, candidate, charge, clock());
          await this.#print(event, () => this.#printBought(told));
          this.#sayMore(told, this.#options.createKey !== undefined);
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
      else if (passed) this.#failures.clear();
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

  #printBought({ kind, subscriptions }: Told): Promise<void> {
    return printBought(this.#context, kind === 'covered' ? subscriptions.map(withMaskedKey) : subscriptions);
  }

  /** Tells of a failure that does not end the watch, when it was not told already. */
  async #fail(error: CommandError, candidate?: Candidate): Promise<void> {
    const event = errorEvent(error, this.#context.clock(), candidate);
    const about = [event.pool, event.blocks.join(), event.code].join(' ');
    if (this.#failures.has(about)) return;
    this.#failures.add(about);
    await this.#print(event);
  }

  /** @param instead - what is printed for a person in the line's place */
  async #print(event: WatchEvent, instead?: () => Promise<void>): Promise<void> {
    const { output, timeZone } = this.#context;
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

  async #holdsAlready(): Promise<boolean> {
    const held = await this.#taker?.prepare(false);
    if (held) await this.#tellHeld(held);
    return held !== undefined;
  }

  async #consent(): Promise<void> {
    if (!this.#taker) return;
    await this.#taker.consent(await this.#lookout.look());
    await this.#taker.makeReady();
  }

  async #tellHeld({ candidate, subscriptions, charge }: Held): Promise<void> {
    const told: Told = { kind: charge > 0 ? 'bought' : 'covered', subscriptions: subscriptions.map(withMaskedKey) };
    if (charge > 0) this.#context.output.note('The purchase whose answer was lost was carried out after all.');
    const event = subscribedEvent(told, candidate, charge, this.#context.clock());
    await this.#print(event, () => this.#printBought(told));
    this.#sayMore(told, false);
    this.#announce(event);
  }

  /** What is said about a purchase besides. @param withKeys - whether its keys were made */
  #sayMore({ kind, subscriptions, saved }: Told, withKeys: boolean): void {
    const { output } = this.#context;
    if (kind === 'covered') {
      const ids = inWords(subscriptions.map(({ id }) => id));
      const noKey = this.#options.createKey === undefined ? '' : ', and no key was made';
      output.note(`Already covered by ${ids}: nothing was charged${noKey}.`);
      return;
    }
    sayWhatIsNext(this.#context, subscriptions, withKeys);
    if (saved) output.done(savedText(saved));
  }

  async #begunView(): Promise<WatchView | undefined> {
    const { output, timeZone, clock } = this.#context;
    const screen = output.liveScreen;
    if (!screen) return undefined;
    const { WatchView } = await import('./watching/view.ts');
    const names = inWords(this.#lookout.pools, 'or');
    const title = this.#taker ? `Waiting to subscribe to ${names}` : `Waiting for ${names}`;
    const print = (line: string) => output.line(line);
    const hold = () => this.#context.holdSpinner();
    const view = new WatchView(screen, { title, style: output.style, timeZone, now: clock, print, hold });
    view.open();
    return view;
  }

  #timeIsUp(): CommandError {
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

/** Refuses flags that contradict each other, before anything is sent. */
async function check(options: Options): Promise<void> {
  const { subscribe, blocks, allBlocks, count, forever } = options;
  const only = [
    options.billingCycle && '--billing-cycle',
    options.maxPrice !== undefined && '--max-price',
    options.ensure && '--ensure',
    options.again && '--again',
    options.createKey !== undefined && '--create-key',
    options.save !== undefined && '--save',
  ].find((flag) => typeof flag === 'string');
  if (only && !subscribe) throw usageError(`${only} goes with --subscribe`);
  if (blocks?.together === false && allBlocks) throw usageError('--blocks any and --all-blocks exclude each other');
  if (count !== undefined && forever) throw usageError('--count and --forever exclude each other');
  const more = count !== undefined ? '--count' : forever ? '--forever' : undefined;
  if (subscribe && more)
    throw usageError(`--subscribe and ${more} exclude each other`, 'It ends with its one purchase.');
  if (options.ensure && options.again) throw usageError('--ensure and --again exclude each other');
  if (options.exec?.trim() === '') throw usageError('--exec is empty');
  if (options.webhook !== undefined) {
    const { parseWebhook } = await import('../../api/webhook.ts');
    parseWebhook(options.webhook);
  }
  await checkWanted(options);
}

/** Where nobody can be asked, the most that may be charged is to be said. @throws CommandError (input_required) */
function requireLimit({ prompts }: Context, { maxPrice }: Options): void {
  if (maxPrice !== undefined) return;
  prompts.requireSomebody('what may it charge at the most? Say it: --max-price 49');
}

/** Milliseconds between two checks. @throws CommandError (usage) for one that is too short for an API that others use too */
async function intervalFor(context: Context, typed: Duration | undefined): Promise<number> {
  const milliseconds = typed?.milliseconds ?? 15_000;
  if (milliseconds >= shortestInterval) return milliseconds;
  const { isLoopback } = await import('../../api/transport.ts');
  const { client } = await context.api();
  if (isLoopback(client.baseUrl.hostname)) return milliseconds;
  throw usageError(
    `--interval is "${typed?.text}", and the API is asked every 5s at the most`,
    'A shorter one is for the sandbox alone.',
  );
}

/** What to look for, as typed or picked. */
async function chosen(context: Context, typed: readonly string[], options: Options): Promise<Sought> {
  const pools = typed.length > 0 ? typed.map(checkedPool) : await pickedPools(context);
  const blocks = await chosenBlocks(context, pools[0] ?? '', options.blocks?.blocks, false);
  const together = options.allBlocks ?? options.blocks?.together ?? false;
  return { pools, blocks, together, quantity: options.quantity };
}

async function pickedPools(context: Context): Promise<string[]> {
  const missing = 'which pools? Name them: `ci pools list` shows them';
  context.prompts.requireSomebody(missing);
  const pools = await (await context.api()).pools.list();
  return context.prompts.pickSeveral('Which pools?', await poolChoices(context, pools), missing);
}

/** Whether a failed check is the last: a refused key stays refused. */
function endsWatch({ code }: CommandError): boolean {
  return ['unauthorized', 'forbidden', 'not_signed_in', 'usage', 'interrupted', 'file_error', 'internal'].includes(
    code,
  );
}

function parseChoice(text: string): BlockChoice {
  const word = text.trim().toLowerCase();
  if (word === 'any') return { blocks: blockNames, together: false };
  if (word === 'all') return { blocks: blockNames, together: true };
  return { blocks: parseBlocks(text) };
}

function duration(text: string): Duration {
  return { text, milliseconds: parseDuration(text) };
}
