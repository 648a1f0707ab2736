/** The longest that a timer of Node.js can wait, in milliseconds: 24 days; a longer one would end at once. */
const longestTimer = 2 ** 31 - 1;

/** The end of something that is waited for: when its time is up, or the whole command ends. To be released when it is over. */
export class Deadline {
  readonly #end = new AbortController();
  readonly #interrupt: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  // Not AbortSignal.any: the signal of the whole command would keep a trace of each request for ever.
  readonly #interrupted = () => this.#end.abort(this.#interrupt.reason);
  #isPast = false;
  /** Epoch milliseconds. */
  readonly at: number;

  /** @param timeout - milliseconds */
  constructor(timeout: number, interrupt: AbortSignal) {
    const wait = Math.min(timeout, longestTimer);
    this.at = Date.now() + wait;
    this.#interrupt = interrupt;
    this.#timer = setTimeout(() => {
      this.#isPast = true;
      this.#end.abort(new Error(`no answer within ${wait / 1000} s`));
    }, wait);
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

  release(): void {
    clearTimeout(this.#timer);
    this.#interrupt.removeEventListener('abort', this.#interrupted);
  }
}
