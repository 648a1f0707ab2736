/** Counts the running requests of each key, for the limit of 1 at a time. */
export class Running {
  readonly #count = new Map<string, number>();

  /**
   * Counts a request of a key.
   *
   * @returns the number of other requests, and a function to call, at least once, at the end of this one
   */
  begin(secret: string): { others: number; end: () => void } {
    const others = this.#count.get(secret) ?? 0;
    this.#count.set(secret, others + 1);
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      const left = (this.#count.get(secret) ?? 1) - 1;
      if (left === 0) this.#count.delete(secret);
      else this.#count.set(secret, left);
    };
    return { others, end };
  }
}
