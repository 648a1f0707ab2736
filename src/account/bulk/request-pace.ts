import type { Clocks } from '../../domain/pace.ts';
import type { WorkShare } from '../../state/work-share.ts';

/** Latency above this many times the lowest one means that the API is overloaded. */
const highestLatency = 2;
/** How slowly the average of the latencies follows, as the weight of a new one. */
const weight = 0.1;
/** How slowly the lowest latency rises to the average, for an API that has become slower for good. */
const forgetting = 0.001;
/** The pause after a refusal that doesn't say how long, in milliseconds. */
const usualPause = 1000;
/** The first pause after failures in a row, and the longest one, in milliseconds. */
const firstPause = 1000;
const longestPause = 30_000;
/** Number of pauses without a response before giving up. */
const mostPauses = 6;
/** Number of refusals in a row after which the pauses get longer, whatever the API says, and before giving up. */
const manyRefusals = 4;
const mostRefusals = 10;
/** The longest pause that the API may ask for, in milliseconds. Nobody watches a progress bar for longer. */
const longestRetryAfter = 900_000;

/** How a request ended. */
export type RequestEnd =
  /** The API answered. */
  | { readonly kind: 'answered'; readonly latency: number }
  /** The API refused it because there were too many requests. `retryAfter` in milliseconds. */
  | { readonly kind: 'limited'; readonly retryAfter: number | undefined }
  /** There was no response, or an error of the server. */
  | { readonly kind: 'failed' };

/** The limits of requests. */
export interface PaceLimits {
  /** The most requests at a time. */
  readonly concurrency: number;
  /** The most requests per second; undefined: any number. */
  readonly rate?: number | undefined;
  /** Reserves the time of the next request with other processes that keep to the rate, as {@link WorkShare.reserve} does. */
  readonly reserve?: ((rate: number) => Promise<number>) | undefined;
}

/**
 * Decides when requests may leave. Fewer run at a time after a 429, and while the API answers much more slowly than it did; then one more
 * after each round of answers, as TCP does (additive increase, multiplicative decrease). If the API doesn't answer at all, none leaves
 * for a while.
 */
export class RequestPace {
  readonly #clocks: Clocks;
  readonly #limits: PaceLimits;
  #allowed: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** When the next request may leave, in milliseconds of the monotonic clock. */
  #notBefore = 0;
  #average: number | undefined;
  #lowest = Number.POSITIVE_INFINITY;
  /** Failures and refusals in a row. Of requests that ran at a time, only the first refusal counts. */
  #failures = 0;
  #refusals = 0;
  #pauses = 0;
  /** When the last pause after failures began; requests that left earlier don't prolong it. */
  #pausedAt = Number.NEGATIVE_INFINITY;
  /** How long the API last asked to wait, in milliseconds. */
  #retryAfter: number | undefined;
  /** When the number of requests was last reduced; requests that left earlier don't reduce it again. */
  #reducedAt = Number.NEGATIVE_INFINITY;
  #isTimed = false;
  #stopped: { readonly reason: unknown } | undefined;

  constructor(clocks: Clocks, limits: PaceLimits) {
    this.#clocks = clocks;
    this.#limits = limits;
    this.#allowed = limits.concurrency;
  }

  /** How many requests may run at a time. */
  get allowed(): number {
    return Math.floor(this.#allowed);
  }

  /**
   * Why no more requests should be sent: the API hasn't answered for too long, or it keeps refusing them, or asks for too long a pause.
   * Undefined if they should be.
   */
  get outage():
    | { readonly kind: 'failed' }
    | { readonly kind: 'limited'; readonly retryAfter: number | undefined }
    | undefined {
    const retryAfter = this.#retryAfter;
    if (this.#refusals >= mostRefusals || (retryAfter ?? 0) > longestRetryAfter) return { kind: 'limited', retryAfter };
    return this.#pauses >= mostPauses ? { kind: 'failed' } : undefined;
  }

  /**
   * Waits until a request may leave.
   *
   * @returns a function to call when it has ended
   * @throws the reason of {@link stop}
   */
  async enter(): Promise<(end: RequestEnd) => void> {
    while (this.#stopped === undefined && (this.#running >= this.allowed || this.#wait() > 0)) {
      const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#wakeNext();
      await woken;
    }
    if (this.#stopped) throw this.#stopped.reason;
    this.#running++;
    const { rate, reserve } = this.#limits;
    if (rate !== undefined && reserve) await this.#awaitReserved(() => reserve(rate));
    const now = this.#clocks.monotonic();
    if (rate !== undefined && !reserve) this.#notBefore = Math.max(this.#notBefore, now) + 1000 / rate;
    this.#wakeNext();
    return (end) => this.#end(end, now);
  }

  async #awaitReserved(reserve: () => Promise<number>): Promise<void> {
    try {
      const wait = await reserve();
      if (wait > 0) await this.#clocks.sleep(wait);
      if (this.#stopped) throw this.#stopped.reason;
    } catch (error) {
      this.#running--;
      this.#wakeNext();
      throw error;
    }
  }

  /** Lets no more requests leave. @param reason - thrown at those that wait */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #end(end: RequestEnd, leftAt: number): void {
    this.#running--;
    if (end.kind === 'failed') this.#countFailure(leftAt);
    else {
      this.#failures = 0;
      this.#pauses = 0;
      if (end.kind === 'limited') this.#countRefusal(end.retryAfter, leftAt);
      else {
        this.#refusals = 0;
        this.#retryAfter = undefined;
        this.#count(end.latency, leftAt);
      }
    }
    this.#wakeNext();
  }

  /** Allows one more request for each round of answers, or fewer if they take much longer than they did. */
  #count(latency: number, leftAt: number): void {
    this.#average = this.#average === undefined ? latency : this.#average + weight * (latency - this.#average);
    this.#lowest = Math.min(this.#lowest + forgetting * Math.max(0, this.#average - this.#lowest), latency);
    // Differences of a few milliseconds say nothing about the load.
    const highest = highestLatency * this.#lowest + 20;
    if (this.#average > highest) {
      this.#reduce(1.25, leftAt);
      return;
    }
    this.#allowed = Math.min(this.#limits.concurrency, this.#allowed + 1 / this.#allowed);
  }

  #reduce(factor: number, leftAt: number): void {
    if (leftAt < this.#reducedAt) return;
    this.#allowed = Math.max(1, this.#allowed / factor);
    this.#reducedAt = this.#clocks.monotonic();
  }

  #countRefusal(retryAfter: number | undefined, leftAt: number): void {
    if (leftAt >= this.#reducedAt) this.#refusals++;
    this.#retryAfter = retryAfter;
    this.#reduce(2, leftAt);
    const least = this.#refusals < manyRefusals ? 0 : firstPause * 2 ** (this.#refusals - manyRefusals);
    this.#pause(Math.max(retryAfter ?? usualPause, Math.min(longestPause, least)));
  }

  #countFailure(leftAt: number): void {
    this.#failures++;
    // Single failures say nothing. All requests of a round may have failed at once.
    if (this.#failures < 2 * this.#limits.concurrency && this.#pauses === 0) return;
    if (leftAt <= this.#pausedAt) return;
    this.#pausedAt = this.#clocks.monotonic();
    this.#pause(Math.min(longestPause, firstPause * 2 ** this.#pauses));
    this.#pauses++;
    this.#allowed = 1;
  }

  #pause(milliseconds: number): void {
    this.#notBefore = Math.max(this.#notBefore, this.#clocks.monotonic() + milliseconds);
  }

  #wait(): number {
    return this.#notBefore - this.#clocks.monotonic();
  }

  /** Lets the next request go on if it may leave, or as soon as it may. */
  #wakeNext(): void {
    if (this.#waiting.length === 0 || this.#running >= this.allowed) return;
    const wait = this.#wait();
    if (wait <= 0) this.#waiting.shift()?.();
    if (wait <= 0 || this.#isTimed) return;
    this.#isTimed = true;
    const wake = () => {
      this.#isTimed = false;
      this.#wakeNext();
    };
    // An interrupt ends the wait.
    this.#clocks.sleep(wait).then(wake, (error: unknown) => this.stop(error));
  }
}
