/** How many requests of each key this server is answering, for the limit of 1 at a time. */
export class Running {
  readonly #count = new Map<string, number>();

  /**
   * Counts one more request of a key.
   *
   * @returns how many there were already, and what to call, once or more, when this one is over
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
