import { Writable } from 'node:stream';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords } from '../../domain/duration.ts';
import type { Sink } from '../../output/sink.ts';
import { grouped } from '../../output/text.ts';

/** How often a line is written where there is no terminal, in milliseconds. */
const lineInterval = 60_000;
/** How often the bar is drawn, in milliseconds. */
const frameInterval = 100;
const barWidth = 24;

/** How far the rows are. */
export interface RowCounts {
  /** Those that have ended, failed ones included. */
  readonly done: number;
  readonly failed: number;
  /** Those whose outcome the account has to show. */
  readonly unclear: number;
}

/** The parts of the context that the progress uses. */
type ProgressContext = Pick<Context, 'clocks' | 'output' | 'progress' | 'world'>;

/** Shows how far many changes are: a bar on a terminal, a line a minute elsewhere. */
export class BulkProgress {
  readonly #context: ProgressContext;
  readonly #total: number;
  readonly #counts: () => RowCounts;
  readonly #start: number;
  #stop = () => {};

  private constructor(context: ProgressContext, total: number, counts: () => RowCounts) {
    this.#context = context;
    this.#total = total;
    this.#counts = counts;
    this.#start = context.clocks.monotonic();
  }

  /** Starts to show progress. @param total - number of rows */
  static async start(context: ProgressContext, total: number, counts: () => RowCounts): Promise<BulkProgress> {
    const progress = new BulkProgress(context, total, counts);
    const { stderr } = context.world;
    if ((await context.progress.spinner()) && stderr.isTTY) await progress.#showBar(stderr);
    else progress.#writeLines();
    return progress;
  }

  /** Ends the progress and removes the bar. */
  stop(): void {
    this.#stop();
    this.#stop = () => {};
  }

  async #showBar(sink: Sink): Promise<void> {
    const { default: cliProgress } = await import('cli-progress');
    const resume = this.#context.progress.hold();
    const { unicode } = this.#context.output;
    const bar = new cliProgress.SingleBar({
      stream: new BarStream(sink),
      format: '{bar} {rows}',
      barsize: barWidth,
      barCompleteChar: unicode ? '█' : '#',
      barIncompleteChar: unicode ? '░' : '-',
      clearOnComplete: true,
      hideCursor: true,
      // The command handles signals.
      gracefulExit: false,
    });
    const update = () => bar.update(this.#counts().done, { rows: this.#text() });
    bar.start(this.#total, 0, { rows: this.#text() });
    const timer = setInterval(update, frameInterval);
    this.#stop = () => {
      clearInterval(timer);
      bar.stop();
      resume();
    };
  }

  #writeLines(): void {
    const timer = setInterval(() => this.#context.output.note(this.#text()), lineInterval);
    this.#stop = () => clearInterval(timer);
  }

  /** Returns the counts, the rate and the time that is left: `120 of 5,000, 150 per second, 33 seconds left`. */
  #text(): string {
    const { done, failed, unclear } = this.#counts();
    const time = this.#context.clocks.monotonic() - this.#start;
    const rate = time > 0 ? (done / time) * 1000 : 0;
    const left = rate > 0 ? ((this.#total - done) / rate) * 1000 : 0;
    return [
      `${grouped(done)} of ${grouped(this.#total)}`,
      ...(done > 0 && time >= 1000 ? [`${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} per second`] : []),
      ...(done > 0 && time >= 1000 && left > 0 ? [`${durationInWords(left)} left`] : []),
      ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
      ...(unclear > 0 ? [`${counted(unclear, 'outcome')} unclear`] : []),
    ].join(', ');
  }
}

/** The terminal, as a stream that the bar is drawn on. */
class BarStream extends Writable {
  readonly isTTY = true;
  readonly #sink: Sink;

  constructor(sink: Sink) {
    super({ decodeStrings: false });
    this.#sink = sink;
  }

  get columns(): number {
    return this.#sink.columns ?? 80;
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sink.write(String(chunk));
    done();
  }
}
