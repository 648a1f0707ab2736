/** Values that are fetched once each, when they are first needed. A failed fetch is repeated the next time. */
export class FetchCache<Value> {
  readonly #values = new Map<string, Promise<Value>>();

  /** Returns the value of a key, and fetches it if it isn't there yet. */
  get(key: string, fetch: () => Promise<Value>): Promise<Value> {
    const known = this.#values.get(key);
    if (known) return known;
    const value = fetch();
    this.#values.set(key, value);
    value.catch(() => this.#values.delete(key));
    return value;
  }
}
