import { durationInWords } from '../domain/duration.ts';
import type { pause } from './pause.ts';

/** The clock and the timer of deadlines. */
export interface DeadlineClock {
  /** Returns milliseconds on a clock that can't be set. */
  readonly monotonic: () => number;
  /** Waits until the time has passed or the signal is aborted. */
  readonly sleep: typeof pause;
}

/** The longest time that a timer of Node.js can wait, in milliseconds: 24 days. A longer one would fire immediately. */
const longestTimer = 2 ** 31 - 1;

/** Extra time for a change that was already sent when the user interrupts the command. */
export interface Grace {
  /** The extra time, in milliseconds. */
  readonly time: number;
  /** Called when the extra time begins. */
  readonly onBegin: () => void;
}

/** Ends a wait when its time is up or the command is interrupted. Release it when the wait is over. */
export class Deadline {
  readonly #end = new AbortController();
  readonly #interrupt: AbortSignal;
  readonly #clock: DeadlineClock;
  readonly #over = new AbortController();
  #grace: Grace | undefined;
  // AbortSignal.any would leave a trace of each request on the signal of the whole command.
  readonly #interrupted = () => {
    const grace = this.#grace;
    if (!grace) return this.#end.abort(this.#interrupt.reason);
    this.#after(grace.time, () => this.#end.abort(this.#interrupt.reason));
    grace.onBegin();
  };
  #isPast = false;
  /** The deadline on the monotonic clock. */
  readonly #at: number;

  /** @param timeout - milliseconds */
  constructor(timeout: number, interrupt: AbortSignal, clock: DeadlineClock) {
    const wait = Math.min(timeout, longestTimer);
    this.#clock = clock;
    this.#at = clock.monotonic() + wait;
    this.#interrupt = interrupt;
    this.#after(wait, () => {
      this.#isPast = true;
      this.#end.abort(new Error(`timed out after ${durationInWords(wait)}`));
    });
    if (interrupt.aborted) this.#interrupted();
    else interrupt.addEventListener('abort', this.#interrupted);
  }

  /** A signal that is aborted at the deadline. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Whether the time was up. */
  get isPast(): boolean {
    return this.#isPast;
  }

  /** Returns whether there is time for a wait of this many milliseconds. */
  leaves(wait: number): boolean {
    return this.#clock.monotonic() + wait < this.#at;
  }

  /** From now on, gives the request extra time after an interrupt. */
  allow(grace: Grace): void {
    this.#grace = grace;
  }

  /** Stops the timers and listeners. */
  release(): void {
    // With a reason, no error with a stack is created for each request.
    this.#over.abort('released');
    this.#interrupt.removeEventListener('abort', this.#interrupted);
  }

  #after(wait: number, work: () => void): void {
    void this.#clock.sleep(wait, this.#over.signal).then(() => {
      if (!this.#over.signal.aborted) afterArrivals(work);
    });
  }
}

/** Runs work after reading what has arrived, because a stopped process may continue past its deadline with the response already there. */
function afterArrivals(work: () => void): void {
  setImmediate(() => setImmediate(work));
}
