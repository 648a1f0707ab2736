import type { HttpMethod } from '../api/transport.ts';
import type { Display } from '../output/display.ts';
import { type Sink, withWrite } from '../output/sink.ts';
import type { Spinner } from '../output/spinner.ts';

/** Texts for requests, by the start of the path. The first match applies. */
const reads: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/pools\/[^/]+\/my-subscriptions/, 'Fetching your subscriptions'],
  [/^\/api\/pools\/[^/]+\/my-keys/, 'Fetching your keys'],
  [/^\/api\/pools/, 'Fetching pools'],
  [/^\/api\/keys/, 'Fetching your keys'],
  [/^\/api\/billing/, 'Fetching your account'],
  [/^\/(?:api|v1)\/usage/, 'Fetching usage'],
  [/^\/api\/agent\/plans/, 'Fetching prices'],
];

/** Returns what to show while waiting for a request. */
export function waitingFor(method: HttpMethod, path: string): string {
  const read = method === 'GET' ? reads.find(([begin]) => begin.test(path))?.[1] : undefined;
  return read ?? 'Waiting for the response';
}

/** What the progress depends on. */
interface ProgressOptions {
  /** The terminal. */
  readonly stream: Sink;
  readonly display: () => Display;
  /** Returns whether to show progress. Called at the start of each wait. */
  readonly isWanted: () => boolean;
  /** Aborted when the user interrupts the command. */
  readonly interrupt: AbortSignal;
}

/** Shows on a terminal what a command is waiting for. */
export class Progress {
  readonly #options: ProgressOptions;
  #spinner: Spinner | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /**
   * Shows progress while something is done.
   *
   * @param what - the text to show: `Waiting for a seat`
   */
  async during<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const ended = (await this.spinner())?.begin(what);
    try {
      return await work();
    } finally {
      ended?.();
    }
  }

  /** Pauses the progress while something else is shown. @returns a function that resumes it */
  hold(): () => void {
    return this.#spinner?.hold() ?? (() => {});
  }

  /** Ends all waits. */
  stop(): void {
    this.#spinner?.stop();
  }

  /** Returns the spinner; undefined if progress isn't shown. */
  async spinner(): Promise<Spinner | undefined> {
    if (this.#spinner || !this.#options.isWanted()) return this.#spinner;
    const { Spinner } = await import('../output/spinner.ts');
    const spinner = new Spinner(this.#options.stream, this.#options.display());
    this.#options.interrupt.addEventListener('abort', () => spinner.stop(), { once: true });
    this.#spinner = spinner;
    return spinner;
  }

  /** Returns a stream that erases the progress before it writes. */
  beside(sink: Sink): Sink {
    if (!sink.isTTY) return sink;
    return withWrite(sink, (text, done) => {
      this.#spinner?.erase();
      return sink.write(text, done);
    });
  }
}
