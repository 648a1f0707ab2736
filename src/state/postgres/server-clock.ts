/** How far the clocks may be apart without being treated as different, in milliseconds. Record times are compared to the second. */
const tolerance = 500;

/**
 * The clock of the database server, as this machine sees it. All times in the database are its own. Where the difference isn't known
 * precisely, an event is taken to be later than it may have been, so that a change is never thought to have settled too early.
 */
export class ServerClock {
  readonly #wall: () => number;
  /** By how much the server's clock is ahead, at least, in milliseconds; undefined before the first measurement. */
  #offset: number | undefined;
  /** By how much it was ahead at the last measurement, at most, in milliseconds. */
  #mostOffset = 0;

  /** @param wall - returns this machine's time, in epoch milliseconds */
  constructor(wall: () => number) {
    this.#wall = wall;
  }

  /** Whether it is known how far the server's clock is ahead. */
  get isMeasured(): boolean {
    return this.#offset !== undefined;
  }

  /**
   * Measures how far the server's clock is ahead.
   *
   * @param serverTime - a time that the server stated, epoch milliseconds
   * @param asked - when it was asked, by this machine's clock
   */
  measure(serverTime: number, asked: number): void {
    const least = serverTime - this.#wall();
    const most = serverTime - asked;
    const isPossible = this.#offset !== undefined && this.#offset >= least && this.#offset <= most;
    // Otherwise one of the clocks was set, or the earlier measurement was less precise.
    if (!isPossible) this.#offset = least;
    this.#mostOffset = most;
  }

  /** Converts a time of the server to this machine's clock. If the clocks differ, the result is rounded to a later second. */
  toLocal(serverTime: number): number {
    return serverTime - this.#shift;
  }

  /** Converts a time of this machine's clock to the server's. If the clocks differ, the result is up to two seconds earlier. */
  toServer(localTime: number): number {
    return localTime + this.#shift - (this.#shift === 0 ? 0 : 1000);
  }

  /**
   * Converts a time from which a change settles to the server's. If the clocks differ, the result is later: by up to a second, and the
   * time that the server takes to answer.
   */
  toServerAtLatest(localTime: number): number {
    const isSame = this.#shift === 0 && this.#mostOffset < tolerance;
    return localTime + (isSame ? 0 : Math.ceil(this.#mostOffset / 1000) * 1000);
  }

  get #shift(): number {
    const offset = this.#offset ?? 0;
    return Math.abs(offset) < tolerance ? 0 : Math.floor(offset / 1000) * 1000;
  }
}
