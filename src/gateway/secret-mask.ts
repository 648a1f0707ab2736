const nothing = Buffer.alloc(0);

/** Masks a secret in an answer without changing its length. In an error, a server or a proxy may repeat what it was sent. */
export class SecretMask {
  readonly #text: string;
  readonly #secret: Buffer;
  /** The end of what has arrived, which may be the beginning of the secret. */
  #held = nothing;

  /** @param secret - printable ASCII; if it is empty, nothing is masked */
  constructor(secret: string) {
    this.#text = secret;
    this.#secret = Buffer.from(secret);
  }

  /** Returns a text without the secret. */
  text(text: string): string {
    return text.replaceAll(this.#text, '*'.repeat(this.#text.length));
  }

  /** Adds a part of the body. @returns what can be passed on: everything but the beginning of a secret at its end */
  add(chunk: Buffer): Buffer {
    const arrived = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const bytes = this.#masked(arrived);
    const end = this.#startAtEnd(bytes);
    this.#held = nothing;
    if (end === bytes.length) return bytes;
    // A copy, because a part of a chunk would keep all of it in memory.
    this.#held = Buffer.from(bytes.subarray(end));
    return bytes.subarray(0, end);
  }

  /** Ends the body. @returns what wasn't passed on yet; undefined if all of it was */
  end(): Buffer | undefined {
    return this.#held.length > 0 ? this.#held : undefined;
  }

  #masked(arrived: Buffer): Buffer {
    let at = this.#secret.length === 0 ? -1 : arrived.indexOf(this.#secret);
    if (at < 0) return arrived;
    const bytes = Buffer.from(arrived);
    for (; at >= 0; at = bytes.indexOf(this.#secret, at)) bytes.fill('*', at, at + this.#secret.length);
    return bytes;
  }

  /** Returns where the end of the bytes is the beginning of the secret; their length if it isn't. */
  #startAtEnd(bytes: Buffer): number {
    const [first = 0] = this.#secret;
    let at = bytes.indexOf(first, Math.max(0, bytes.length - this.#secret.length + 1));
    while (at >= 0 && !this.#secret.subarray(0, bytes.length - at).equals(bytes.subarray(at)))
      at = bytes.indexOf(first, at + 1);
    return at < 0 ? bytes.length : at;
  }
}
