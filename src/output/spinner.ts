import type { Display } from './display.ts';
import type { Sink } from './sink.ts';

/** How long to wait before the first frame, in milliseconds. */
const delay = 200;
const frameInterval = 80;

/** Shows on stderr what the command is waiting for. It disappears before anything else is written, and keeps no process alive. */
export class Spinner {
  readonly #sink: Sink;
  readonly #display: Display;
  readonly #frames: readonly string[];
  /** Everything that is being waited for. The first one is shown. */
  readonly #waits = new Set<{ readonly what: string }>();
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #isShown = false;
  #isOver = false;

  /** @param display - of the same terminal */
  constructor(sink: Sink, display: Display) {
    this.#sink = sink;
    this.#display = display;
    this.#frames = [...(display.unicode ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '|/-\\')];
  }

  /**
   * Shows that something is being waited for.
   *
   * @param what - such as `Waiting for an answer`
   * @returns a function to call at the end of the wait
   */
  begin(what: string): () => void {
    const wait = { what };
    this.#waits.add(wait);
    this.#update();
    return () => {
      this.#waits.delete(wait);
      this.#update();
    };
  }

  /** Hides the spinner during a question. @returns a function to call after the answer */
  hold(): () => void {
    this.#holds += 1;
    this.#update();
    return () => {
      this.#holds -= 1;
      this.#update();
    };
  }

  /** Erases the line before other text is written. It comes back after that. */
  erase(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#sink.write('\r\u001b[K');
  }

  /** Removes the spinner for good. */
  stop(): void {
    this.#isOver = true;
    this.#update();
  }

  #update(): void {
    const isActive = this.#waits.size > 0 && this.#holds === 0 && !this.#isOver;
    if (isActive === (this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timer = isActive ? setTimeout(() => this.#draw(), delay).unref() : undefined;
    if (!isActive) this.erase();
  }

  #draw(): void {
    this.#timer = setTimeout(() => this.#draw(), frameInterval).unref();
    const [wait] = this.#waits;
    const frame = this.#frames[this.#frame++ % this.#frames.length] ?? '';
    const line = this.#display.legible(`${frame} ${wait?.what ?? ''}…`);
    // Only one line can be erased again.
    this.#sink.write(`\r${line.slice(0, this.#display.width - 1)}\u001b[K`);
    this.#isShown = true;
  }
}
