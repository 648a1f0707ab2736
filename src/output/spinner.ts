import type { Display } from './display.ts';
import type { Sink } from './sink.ts';

/** How long something is under way before it is worth a word, in milliseconds. */
const patience = 200;
const betweenFrames = 80;

/**
 * A line on stderr that tells, while something takes its time, what is waited for. It is gone without a trace before anything else
 * is written, and keeps no process alive.
 */
export class Spinner {
  readonly #sink: Sink;
  readonly #display: Display;
  readonly #frames: readonly string[];
  /** What is waited for, each with its own identity; the first is told. */
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
   * Something has begun.
   *
   * @param what - in words: `Waiting for an answer`
   * @returns what is to be called when it has ended
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

  /** Makes room for a question. @returns what is to be called when it has been answered */
  hold(): () => void {
    this.#holds += 1;
    this.#update();
    return () => {
      this.#holds -= 1;
      this.#update();
    };
  }

  /** Makes room for other text; the line comes again after it. */
  erase(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#sink.write('\r\u001b[K');
  }

  /** Ends it for good. */
  stop(): void {
    this.#isOver = true;
    this.#update();
  }

  #update(): void {
    const isWanted = this.#waits.size > 0 && this.#holds === 0 && !this.#isOver;
    if (isWanted === (this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timer = isWanted ? setTimeout(() => this.#draw(), patience).unref() : undefined;
    if (!isWanted) this.erase();
  }

  #draw(): void {
    this.#timer = setTimeout(() => this.#draw(), betweenFrames).unref();
    const [wait] = this.#waits;
    const frame = this.#frames[this.#frame++ % this.#frames.length] ?? '';
    const line = this.#display.legible(`${frame} ${wait?.what ?? ''}…`);
    // One line, however narrow the terminal: more could not be taken back.
    this.#sink.write(`\r${line.slice(0, this.#display.width - 1)}\u001b[K`);
    this.#isShown = true;
  }
}
