/** The maximum size of a body, in bytes: 64 MiB, about twenty times the response for an account with 10,000 keys. */
export const longestBody = 64 * 1024 * 1024;

/** Reports a body larger than 64 MiB. The rest of it isn't read. */
export class BodyTooLong extends Error {
  constructor() {
    super(`the response is larger than ${longestBody / 1024 ** 2} MiB`);
  }
}

/** Size of the blocks allocated for a body, in bytes. */
const blockLength = 64 * 1024;

/**
 * Collects a body while it arrives. Copies its chunks into blocks, because each chunk keeps its whole read buffer in memory:
 * chunks of a few bytes would take thousands of times their size.
 */
export class Body {
  #blocks: Buffer[] = [];
  #length = 0;

  /**
   * Adds the next bytes.
   *
   * @param announced - the response's `Content-Length`, so that a body that is too large is refused at its first bytes
   * @returns the error that stops the reading; undefined if it continues
   */
  add(chunk: Buffer, announced?: string): BodyTooLong | undefined {
    if (this.#length + chunk.length > longestBody || Number(announced) > longestBody) {
      this.#blocks = [];
      return new BodyTooLong();
    }
    for (let copied = 0; copied < chunk.length; ) {
      const used = this.#length % blockLength;
      const part = chunk.subarray(copied, copied + blockLength - used);
      if (used === 0) this.#blocks.push(Buffer.allocUnsafeSlow(blockLength));
      this.#blocks.at(-1)?.set(part, used);
      copied += part.length;
      this.#length += part.length;
    }
    return undefined;
  }

  toString(): string {
    return Buffer.concat(this.#blocks, this.#length).toString('utf8');
  }
}
