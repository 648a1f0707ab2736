import type { pause } from './pause.ts';

/** The clock and the timer that deadlines go by. */
export interface DeadlineClock {
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Waits, or until the signal is aborted. */
  readonly sleep: typeof pause;
}

/** The longest that a timer of Node.js can wait, in milliseconds: 24 days; a longer one would end at once. */
const longestTimer = 2 ** 31 - 1;

/** Extra time for a change that was already sent when the user ends the command. */
export interface Grace {
  /** How long it may still take, milliseconds. */
  readonly time: number;
  /** Called when it begins. */
  readonly onBegin: () => void;
}

/** The end of something that is waited for: when its time is up, or the whole command ends. To be released when it is over. */
export class Deadline {
  readonly #end = new AbortController();
  readonly #interrupt: AbortSignal;
  readonly #clock: DeadlineClock;
  readonly #over = new AbortController();
  #grace: Grace | undefined;
  // Not AbortSignal.any: the signal of the whole command would keep a trace of each request for ever.
  readonly #interrupted = () => {
    const grace = this.#grace;
    if (!grace) return this.#end.abort(this.#interrupt.reason);
    this.#after(grace.time, () => this.#end.abort(this.#interrupt.reason));
    grace.onBegin();
  };
  #isPast = false;
  /** On the monotonic clock. */
  readonly #at: number;

  /** @param timeout - milliseconds */
  constructor(timeout: number, interrupt: AbortSignal, clock: DeadlineClock) {
    const wait = Math.min(timeout, longestTimer);
    this.#clock = clock;
    this.#at = clock.monotonic() + wait;
    this.#interrupt = interrupt;
    this.#after(wait, () => {
      this.#isPast = true;
      this.#end.abort(new Error(`no answer within ${wait / 1000} s`));
    });
    if (interrupt.aborted) this.#interrupted();
    else interrupt.addEventListener('abort', this.#interrupted);
  }

  /** Aborted at the end. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Whether the time is up. */
  get isPast(): boolean {
    return this.#isPast;
  }

  /** Whether there is time for a wait of this many milliseconds. */
  leaves(wait: number): boolean {
    return this.#clock.monotonic() + wait < this.#at;
  }

  /** Lets the request finish after an interrupt from now on. */
  allow(grace: Grace): void {
    this.#grace = grace;
  }

  release(): void {
    // A reason of its own spares each request an error with a stack.
    this.#over.abort('released');
    this.#interrupt.removeEventListener('abort', this.#interrupted);
  }

  #after(wait: number, work: () => void): void {
    void this.#clock.sleep(wait, this.#over.signal).then(() => {
      if (!this.#over.signal.aborted) afterArrivals(work);
    });
  }
}

/** Runs work after reading what has arrived. A stopped process that continues may find its time up and the response there. */
function afterArrivals(work: () => void): void {
  setImmediate(() => setImmediate(work));
}
