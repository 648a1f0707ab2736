import type { CommandError } from './errors.ts';

/** The largest fraction by which a wait differs from the interval, so that many clients don't send requests at the same moment. */
const jitter = 0.2;
/** The wait after the first failure, in milliseconds. It doubles with each further failure, up to the longest. */
const firstBackoff = 1000;
const longestBackoff = 120_000;
/** The longest `Retry-After` that is honored, in milliseconds. */
const longestRetryAfter = 3_600_000;
/** How often a wait reads the clocks, in milliseconds. */
const tick = 1000;
/** If the wall clock gets ahead of the monotonic one by more than this, in milliseconds, the machine was asleep. */
const asleep = 5000;

/** Decides how long to wait between checks. */
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

  /** Returns when to check again after a check that succeeded, on the clock of its start and end. A slow server gets more time. */
  afterSuccess(start: number, end: number): number {
    this.#failures = 0;
    const wait = this.#jittered(this.#interval);
    return Math.max(start + wait, end + wait / 5);
  }

  /** Returns when to check again after a check that failed. After "too many requests", that isn't sooner than after a success. */
  afterFailure(end: number, { code, retryAfter }: CommandError): number {
    const backoff = Math.min(firstBackoff, this.#interval) * 2 ** Math.min(this.#failures, 30);
    this.#failures += 1;
    const wait = Math.min(this.#jittered(backoff), longestBackoff);
    const requested = retryAfter ?? (code === 'rate_limited' ? this.#jittered(this.#interval) : 0);
    return end + Math.max(wait, Math.min(requested, longestRetryAfter));
  }

  /** Forgets earlier failures, after which their cause may be gone. */
  forget(): void {
    this.#failures = 0;
  }

  #jittered(wait: number): number {
    return Math.round(wait * (1 - jitter + 2 * jitter * this.#random()));
  }
}

/** The clocks that time the checks. */
export interface Clocks {
  /** Returns the time in epoch milliseconds. */
  readonly wall: () => number;
  /** Returns milliseconds on a clock that can't be set, and that stops while the machine is asleep. */
  readonly monotonic: () => number;
  /** Waits on that clock. @throws CommandError (interrupted) */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** A time on both clocks of this machine, in milliseconds. */
export interface ClockTimes {
  readonly wall: number;
  readonly monotonic: number;
}

/** Reads both clocks. */
export function timesOf({ wall, monotonic }: Pick<Clocks, 'wall' | 'monotonic'>): ClockTimes {
  return { wall: wall(), monotonic: monotonic() };
}

/** The result of one check. */
export type CheckResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'again' }
  | { readonly kind: 'failed'; readonly error: CommandError };

/** A condition to check repeatedly. */
export interface Checks {
  readonly clocks: Clocks;
  readonly pace: Pace;
  /** When to stop, in epoch milliseconds. */
  readonly until?: number | undefined;
  /** Checks once. If it throws, the checks end. */
  readonly check: () => Promise<CheckResult>;
  /** Called at the start of each wait and every second of it. @param due - epoch milliseconds of the next check */
  readonly onWait?: (due: number) => void;
}

/**
 * Checks until the condition is met, one check at a time. Checks immediately when the machine wakes up.
 *
 * @returns whether the condition was met before the time was up
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

/** Waits. @returns whether the machine was asleep in the meantime, which ends the wait */
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
