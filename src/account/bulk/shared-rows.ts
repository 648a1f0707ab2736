import type { WorkShare } from '../../state/work-share.ts';
import type { KeyRow } from './key-rows.ts';

/** The rows of a file that are handed out to this process. Others may work on the rest. */
export class SharedRows {
  readonly #share: WorkShare;
  readonly #read: () => AsyncIterable<KeyRow>;
  readonly #atOnce: number;
  readonly #places = new WeakMap<KeyRow, number>();
  /** The places of rows that were handed out and aren't read yet, in ascending order. */
  #next: number[] = [];
  /** The places of rows that precede those that were read. The next pass reads them. */
  #missed: number[] = [];

  /**
   * @param read - reads all rows from the start
   * @param atOnce - how many rows to ask for at a time
   */
  constructor(share: WorkShare, read: () => AsyncIterable<KeyRow>, atOnce: number) {
    this.#share = share;
    this.#read = read;
    this.#atOnce = atOnce;
  }

  /** Reads the rows that are handed out now. */
  async *pass(): AsyncGenerator<KeyRow> {
    this.#next = this.#missed.splice(0).sort((one, other) => one - other);
    let place = 0;
    for await (const row of this.#read()) {
      if (this.#next.length === 0 && !(await this.#take(place))) return;
      if (this.#next[0] === place) {
        this.#next.shift();
        this.#places.set(row, place);
        yield row;
      }
      place++;
    }
  }

  /** Says that a row is finished, even if it failed. @throws CommandError (state_unreachable) */
  async finish(row: KeyRow): Promise<void> {
    const place = this.#places.get(row);
    if (place !== undefined) await this.#share.finish(place);
  }

  /** Returns whether another pass reads more rows, as {@link WorkShare.hasMore}. */
  async hasMore(onWait: (rows: number) => void): Promise<boolean> {
    return this.#missed.length > 0 || (await this.#share.hasMore(onWait));
  }

  /** @returns whether there are rows from a place on */
  async #take(place: number): Promise<boolean> {
    for (;;) {
      const taken = await this.#share.take(this.#atOnce);
      if (taken.length === 0) return false;
      this.#missed.push(...taken.filter((each) => each < place));
      this.#next = taken.filter((each) => each >= place);
      if (this.#next.length > 0) return true;
    }
  }
}
