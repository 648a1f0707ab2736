import type { HttpMethod } from '../api/transport.ts';
import type { Display } from '../output/display.ts';
import { type Sink, withWrite } from '../output/sink.ts';
import type { Spinner } from '../output/spinner.ts';

/** What a request is for, in words, by the beginning of its path: the first that fits. */
const reads: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/pools\/[^/]+\/my-subscriptions/, 'Fetching your subscriptions'],
  [/^\/api\/pools\/[^/]+\/my-keys/, 'Fetching your keys'],
  [/^\/api\/pools/, 'Fetching the pools'],
  [/^\/api\/keys/, 'Fetching your keys'],
  [/^\/api\/billing/, 'Fetching your account'],
  [/^\/(?:api|v1)\/usage/, 'Fetching the usage'],
];

/** Returns what a request that is under way is for, in words. */
export function waitingFor(method: HttpMethod, path: string): string {
  const read = method === 'GET' ? reads.find(([begin]) => begin.test(path))?.[1] : undefined;
  return read ?? 'Waiting for the answer';
}

/** Where the progress is shown. */
interface ProgressOptions {
  /** The terminal. */
  readonly stream: Sink;
  readonly display: () => Display;
  /** Whether a person is watching; asked when something is waited for. */
  readonly isWanted: () => boolean;
  /** Aborted when the user ends the command. */
  readonly interrupt: AbortSignal;
}

/** Shows a person at a terminal what a command is waiting for. */
export class Progress {
  readonly #options: ProgressOptions;
  #spinner: Spinner | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /**
   * Does something that may take its time, and shows meanwhile what is waited for.
   *
   * @param what - in words: `Waiting for a seat`
   */
  async during<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const ended = (await this.spinner())?.begin(what);
    try {
      return await work();
    } finally {
      ended?.();
    }
  }

  /** Shows nothing while something else is shown. @returns what to call when it is over */
  hold(): () => void {
    return this.#spinner?.hold() ?? (() => {});
  }

  /** Ends all waits. */
  stop(): void {
    this.#spinner?.stop();
  }

  /** Returns the spinner; undefined where nobody watches. */
  async spinner(): Promise<Spinner | undefined> {
    if (this.#spinner || !this.#options.isWanted()) return this.#spinner;
    const { Spinner } = await import('../output/spinner.ts');
    const spinner = new Spinner(this.#options.stream, this.#options.display());
    this.#options.interrupt.addEventListener('abort', () => spinner.stop(), { once: true });
    this.#spinner = spinner;
    return spinner;
  }

  /** Returns a stream whose text doesn't mix with what is shown. */
  beside(sink: Sink): Sink {
    if (!sink.isTTY) return sink;
    return withWrite(sink, (text, done) => {
      this.#spinner?.erase();
      return sink.write(text, done);
    });
  }
}
