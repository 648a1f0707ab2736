/** Fetches each value once, when it is first needed. If a fetch fails, the next call tries again. */
export class FetchCache<Value> {
  readonly #values = new Map<string, Promise<Value>>();

  /** Returns the value for a key. Fetches it on the first call. */
  get(key: string, fetch: () => Promise<Value>): Promise<Value> {
    const known = this.#values.get(key);
    if (known) return known;
    const value = fetch();
    this.#values.set(key, value);
    value.catch(() => this.#values.delete(key));
    return value;
  }
}
