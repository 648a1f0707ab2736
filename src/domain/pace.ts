import type { CommandError } from './errors.ts';

/** How far a wait is from the interval at the most, as a fraction: many who wait for the same do not ask at the same moment. */
const jitter = 0.2;
/** The wait after a first failure; it doubles from one failure to the next, up to the longest. Milliseconds. */
const firstBackoff = 1000;
const longestBackoff = 120_000;
/** A server that asks for more than this is asked again nevertheless, milliseconds. */
const longestRetryAfter = 3_600_000;
/** How often the clocks are looked at while waiting, milliseconds. */
const tick = 1000;
/** The clock on the wall ran ahead of the other by more than this: the machine slept. Milliseconds. */
const asleep = 5000;

/** How long to wait between checks. */
export class Pace {
  readonly #interval: number;
  readonly #random: () => number;
  #failures = 0;

  /**
   * @param interval - milliseconds from the start of one check to the start of the next
   * @param random - from 0 to 1
   */
  constructor(interval: number, random: () => number = Math.random) {
    this.#interval = interval;
    this.#random = random;
  }

  /** When to check again after a check that brought an answer; on the clock of its start and end. A slow server gets a rest. */
  afterSuccess(start: number, end: number): number {
    this.#failures = 0;
    const wait = this.#jittered(this.#interval);
    return Math.max(start + wait, end + wait / 5);
  }

  /** When to check again after one that failed. Who is asked too often is not asked sooner than after a success. */
  afterFailure(end: number, { code, retryAfter }: CommandError): number {
    const backoff = Math.min(firstBackoff, this.#interval) * 2 ** Math.min(this.#failures, 30);
    this.#failures += 1;
    const wait = Math.min(this.#jittered(backoff), longestBackoff);
    const asked = retryAfter ?? (code === 'rate_limited' ? this.#jittered(this.#interval) : 0);
    return end + Math.max(wait, Math.min(asked, longestRetryAfter));
  }

  /** Forgets the failures: what was in the way may be gone. */
  forget(): void {
    this.#failures = 0;
  }

  #jittered(wait: number): number {
    return Math.round(wait * (1 - jitter + 2 * jitter * this.#random()));
  }
}

/** The clocks that checks go by. */
export interface Clocks {
  /** Epoch milliseconds, as the clock on the wall shows them. */
  readonly wall: () => number;
  /** Milliseconds on a clock that nobody sets, and that stands still while the machine sleeps. */
  readonly monotonic: () => number;
  /** Waits on that clock. @throws CommandError (interrupted) when the user ends it */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What came of one check. */
export type Checked =
  | { readonly kind: 'done' }
  | { readonly kind: 'again' }
  | { readonly kind: 'failed'; readonly error: CommandError };

/** Something to be checked again and again. */
export interface Checks {
  readonly clocks: Clocks;
  readonly pace: Pace;
  /** When to give up, epoch milliseconds. */
  readonly until?: number | undefined;
  /** What it throws ends the checks. */
  readonly check: () => Promise<Checked>;
  /** Told every second of a wait, and when it begins. @param due - epoch milliseconds of the next check */
  readonly onWait?: (due: number) => void;
}

/**
 * Checks until it is done: one check at a time, at once when the machine wakes up.
 *
 * @returns whether it was done before the time was up
 */
export async function checkUntilDone({ clocks, pace, until, check, onWait }: Checks): Promise<boolean> {
  const timeIsUp = () => until !== undefined && clocks.wall() >= until;
  while (!timeIsUp()) {
    const start = clocks.monotonic();
    const result = await check();
    if (result.kind === 'done') return true;
    const end = clocks.monotonic();
    const due = result.kind === 'failed' ? pace.afterFailure(end, result.error) : pace.afterSuccess(start, end);
    if (await slept(clocks, due, until, onWait)) pace.forget();
  }
  return false;
}

/** Waits. @returns whether the machine slept meanwhile, which ends the wait */
async function slept(
  { wall, monotonic, sleep }: Clocks,
  due: number,
  until = Number.POSITIVE_INFINITY,
  onWait: (due: number) => void = () => {},
): Promise<boolean> {
  let before = { wall: wall(), monotonic: monotonic() };
  while (before.monotonic < due && before.wall < until) {
    onWait(before.wall + due - before.monotonic);
    await sleep(Math.min(tick, due - before.monotonic, until - before.wall));
    const now = { wall: wall(), monotonic: monotonic() };
    if (now.wall - before.wall - (now.monotonic - before.monotonic) > asleep) return true;
    before = now;
  }
  return false;
}
