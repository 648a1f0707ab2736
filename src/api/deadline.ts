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
  readonly #timer: NodeJS.Timeout;
  #graceTimer: NodeJS.Timeout | undefined;
  #grace: Grace | undefined;
  // Not AbortSignal.any: the signal of the whole command would keep a trace of each request for ever.
  readonly #interrupted = () => {
    const grace = this.#grace;
    if (!grace) return this.#end.abort(this.#interrupt.reason);
    this.#graceTimer = setTimeout(() => afterArrivals(() => this.#end.abort(this.#interrupt.reason)), grace.time);
    grace.onBegin();
  };
  #isPast = false;
  /** Epoch milliseconds. */
  readonly at: number;

  /** @param timeout - milliseconds */
  constructor(timeout: number, interrupt: AbortSignal) {
    const wait = Math.min(timeout, longestTimer);
    this.at = Date.now() + wait;
    this.#interrupt = interrupt;
    this.#timer = setTimeout(() => this.#expire(wait), wait);
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

  /** Lets the request finish after an interrupt from now on. */
  allow(grace: Grace): void {
    this.#grace = grace;
  }

  release(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#graceTimer);
    this.#interrupt.removeEventListener('abort', this.#interrupted);
  }

  #expire(wait: number): void {
    afterArrivals(() => {
      this.#isPast = true;
      this.#end.abort(new Error(`no answer within ${wait / 1000} s`));
    });
  }
}

/** Runs work after reading what has arrived. A stopped process that continues may find its time up and the response there. */
function afterArrivals(work: () => void): void {
  setImmediate(() => setImmediate(work));
}
