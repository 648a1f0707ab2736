import { poolName } from '../account/pools.ts';
import type { BuyingContext } from '../account/purchase/buy.ts';
import { CommandError } from '../domain/errors.ts';
import { type CheckResult, checkUntilDone, Pace } from '../domain/pace.ts';
import { inWords } from '../output/text.ts';
import { type AvailabilityChange, AvailabilityTracker, type Candidate } from './availability.ts';
import { SeatBuyer } from './buyer.ts';
import type { BuyOptions } from './candidate-purchase.ts';
import type { WatchEvent } from './events.ts';
import { endsWatch } from './failures.ts';
import type { NotifyOptions } from './notify.ts';
import type { Poll, PoolPoller } from './poll.ts';
import { EventReporter, type ReportContext } from './reporter.ts';

/** The parts of the context that a watch uses. */
export type WatchContext = BuyingContext & ReportContext;

/** A length of time, also as typed. */
export interface Duration {
  readonly text: string;
  readonly milliseconds: number;
}

/** What to do when a seat opens, and when to stop. */
export interface WatchOptions extends NotifyOptions, Omit<BuyOptions, 'timeLimit'> {
  readonly for?: Duration;
  readonly count?: number;
  readonly forever?: true;
  readonly subscribe?: true;
}

/** Waits for seats, and reports or buys them. */
export class SeatWatch {
  readonly #context: WatchContext;
  readonly #poller: PoolPoller;
  readonly #options: WatchOptions;
  readonly #tracker: AvailabilityTracker;
  readonly #reporter: EventReporter;
  /** Undefined if the watch only reports. */
  readonly #buyer: SeatBuyer | undefined;
  /** The number of reported openings. */
  #reported = 0;

  constructor(context: WatchContext, poller: PoolPoller, options: WatchOptions) {
    const { candidates } = poller;
    this.#context = context;
    this.#poller = poller;
    this.#options = options;
    this.#tracker = new AvailabilityTracker(candidates);
    this.#reporter = new EventReporter(context, options);
    this.#buyer = options.subscribe
      ? new SeatBuyer(context, candidates, { ...options, timeLimit: options.for?.text })
      : undefined;
  }

  /**
   * Checks repeatedly, until the requested number of openings is reported or one is bought.
   *
   * @param interval - milliseconds
   * @throws CommandError (unavailable) when the time limit is reached; any error that ends the watch
   */
  async run(interval: number): Promise<void> {
    const { clocks } = this.#context;
    await this.#buyer?.readAccount({ once: false });
    if (await this.#deliverOwned()) return;
    if (this.#buyer) {
      await this.#buyer.askConsent(await this.#poller.poll());
      await this.#buyer.prepare();
    }
    await this.#reporter.open(this.#poller.pools.map(poolName));
    try {
      const inTime = await checkUntilDone({
        clocks,
        pace: new Pace(interval),
        until: this.#options.for && clocks.wall() + this.#options.for.milliseconds,
        check: () => this.#check(),
        onWait: (due) => this.#reporter.countDown(due),
      });
      if (!inTime && !(this.#options.forever && this.#reported > 0)) throw this.#timeIsUp();
    } catch (error) {
      throw this.#withPending(error);
    } finally {
      await this.#reporter.close();
    }
  }

  async #check(): Promise<CheckResult> {
    // Fetch the account first, so that nothing delays the purchase when a seat opens.
    const account = await this.#attempt(async () => this.#buyer?.readAccount({ once: true }));
    if (account.kind === 'failed') return account;
    if (await this.#deliverOwned()) return { kind: 'done' };
    const polled = await this.#attempt(() => this.#poller.poll());
    if (polled.kind === 'failed') return polled;
    const poll = polled.value;
    const { changes, open } = this.#tracker.update(poll.pools, this.#context.clocks.wall());
    this.#buyer?.updateOpen(open);
    if (open.length > 0 && this.#buyer) return this.#buy(this.#buyer, poll, changes, open);
    this.#reporter.forgetFailures();
    this.#reporter.showPools(poll.pools);
    this.#reporter.notify(await this.#report(changes));
    return { kind: this.#isEnough ? 'done' : 'again' };
  }

  /** Runs a part of a check, and reports a failure that doesn't end the watch. @throws CommandError if it does */
  async #attempt<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly kind: 'done'; readonly value: Result } | Extract<CheckResult, { kind: 'failed' }>> {
    try {
      return { kind: 'done', value: await work() };
    } catch (error) {
      if (!(error instanceof CommandError) || endsWatch(error)) throw error;
      await this.#reporter.printFailure(error);
      return { kind: 'failed', error };
    }
  }

  /** Buys first, and reports the changes with the purchase. */
  async #buy(
    buyer: SeatBuyer,
    poll: Poll,
    changes: readonly AvailabilityChange[],
    open: readonly Candidate[],
  ): Promise<CheckResult> {
    const { clocks, output } = this.#context;
    const reporter = this.#reporter;
    const unreported = [...changes];
    let toNotify: WatchEvent[] = [];
    const report = async () => {
      toNotify.push(...(await this.#report(unreported.splice(0))));
    };
    let isRefused = false;
    try {
      const result = await buyer.buy(poll, open, {
        buying: async () => {
          reporter.closeScreen();
          // On a terminal, the opening is reported before the purchase.
          if (output.isForPeople) await report();
        },
        bought: async (delivered, seats) => {
          const opening = this.#tracker.reportOpening(seats.candidate, poll.pools, clocks.wall());
          if (opening) unreported.push(opening);
          await report();
          toNotify = [await reporter.printPurchase(delivered, seats)];
        },
        refused: async (error, candidate) => {
          isRefused = true;
          await report();
          await reporter.printFailure(error, candidate);
        },
      });
      await report();
      if (result.kind === 'failed') await reporter.printFailure(result.error);
      else if (!isRefused && !buyer.isPaused) reporter.forgetFailures();
      if (result.kind !== 'done') reporter.reopenScreen();
      return result;
    } finally {
      reporter.showPools(poll.pools);
      await report();
      reporter.notify(toNotify);
    }
  }

  /** Whether the requested number of openings is reported. With `--subscribe`, only a purchase ends the watch. */
  get #isEnough(): boolean {
    if (this.#buyer) return false;
    return !this.#reporter.hasReader || (!this.#options.forever && this.#reported >= (this.#options.count ?? 1));
  }

  /** Reports changes, up to the last requested opening. @returns their events */
  async #report(changes: readonly AvailabilityChange[]): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    for (const change of changes) {
      if (this.#isEnough) break;
      if (change.event === 'opened') this.#reported += 1;
      events.push(await this.#reporter.printChange(change));
    }
    return events;
  }

  /** Delivers the seats that the account already has. @returns whether it has any */
  async #deliverOwned(): Promise<boolean> {
    const seats = await this.#buyer?.findOwned();
    if (!seats) return false;
    this.#reporter.closeScreen();
    await this.#buyer?.deliver(seats, {
      bought: async (delivered) => this.#reporter.notify([await this.#reporter.printPurchase(delivered, seats)]),
    });
    return true;
  }

  /** Returns the error; an interrupt says so if a purchase may still go through. */
  #withPending(error: unknown): unknown {
    if (!this.#buyer?.isPending || !(error instanceof CommandError) || error.code !== 'interrupted') return error;
    return error.with({ message: 'Interrupted, but a purchase may still go through', ...pending });
  }

  #timeIsUp(): CommandError {
    const limit = this.#options.for?.text;
    if (this.#buyer?.isPending) {
      const message = `The time limit of ${limit} was reached, but a purchase may still go through`;
      return new CommandError('outcome_unknown', message, pending);
    }
    const names = this.#poller.candidates.map(({ pool, blocks }) => `${pool} ${inWords(blocks)}`);
    const none = `No seat ${this.#buyer ? 'could be bought' : 'opened'} on ${inWords(names, 'or')}`;
    const some = `Saw only ${this.#reported} of ${this.#options.count} openings`;
    const what = this.#buyer || this.#reported === 0 ? none : some;
    const bought = this.#buyer ? 'Nothing was charged. ' : '';
    return new CommandError('unavailable', `${what} within ${limit}`, {
      hint: `${bought}Pass a longer --for, or run \`ci pools list --available\` to see what is available.`,
      outcome: 'not_applied',
    });
  }
}

/** The details of an error while a purchase may still go through. */
const pending = { hint: 'Run `ci history reconcile --wait` to find out.', outcome: 'unknown' } as const;
