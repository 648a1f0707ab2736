/** Work on rows that is shared by several processes. Each has the same rows, and works on those that are handed out to it. */
export interface SharedWork {
  /** Identifies the rows: the same in all processes that have the same ones. */
  readonly id: string;
  /** Number of rows. */
  readonly rows: number;
}

/** The part of one process in {@link SharedWork}. Rows are known by their place: 0, 1, … */
export interface WorkShare {
  /**
   * Hands out rows that no process has worked on, each to one process.
   *
   * @param count - the most rows
   * @returns their places in ascending order, all of them above those handed out to this process before; none if there are no more
   * @throws CommandError (busy), (state_unreachable)
   */
  take(count: number): Promise<readonly number[]>;

  /** Says that this process has finished a row, even if it failed. @throws CommandError (state_unreachable) */
  finish(place: number): Promise<void>;

  /**
   * Waits until all rows are finished, or some can be handed out again, because the process that had them has died. What the caller knows
   * about the account is then out of date.
   *
   * @param onWait - called once if it has to wait. @param rows - on which other processes work
   * @returns whether there are such rows
   * @throws CommandError (busy), (state_unreachable), (interrupted)
   */
  hasMore(onWait: (rows: number) => void): Promise<boolean>;

  /**
   * Reserves the time of the next request, so that all processes together keep to a rate.
   *
   * @param rate - requests per second
   * @returns how long to wait, in milliseconds; undefined if no other process can take part
   * @throws CommandError (state_unreachable)
   */
  reserve?(rate: number): Promise<number>;
}

/** Work that no other process can take part in. */
export class OwnWork implements WorkShare {
  readonly #rows: number;
  #next = 0;

  /** @param rows - number of rows */
  constructor(rows: number) {
    this.#rows = rows;
  }

  async take(count: number): Promise<readonly number[]> {
    const from = this.#next;
    this.#next = Math.min(this.#rows, from + count);
    return Array.from({ length: this.#next - from }, (_, index) => from + index);
  }

  async finish(): Promise<void> {}

  async hasMore(): Promise<boolean> {
    return false;
  }
}
