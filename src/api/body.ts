/** Longest body that is read, in bytes: 64 MiB, about a hundred times the answer for an account with 10,000 keys. */
export const longestBody = 64 * 1024 * 1024;

/** Reports a body longer than 64 MiB. The rest of it is not read. */
export class BodyTooLong extends Error {
  constructor() {
    super(`the answer is larger than ${longestBody / 1024 ** 2} MiB, the most that is read`);
  }
}

/** Size of the blocks allocated for a body, in bytes. */
const blockLength = 64 * 1024;

/**
 * A body as it arrives. Its chunks are copied into blocks, because each chunk keeps the whole read buffer that it came from in
 * memory: chunks of a few bytes would take thousands of times their own length.
 */
export class Body {
  #blocks: Buffer[] = [];
  #length = 0;

  /**
   * Adds the next bytes.
   *
   * @param announced - the answer's `Content-Length`, so that a body that would be too long is refused at its first bytes
   * @returns why reading stops; undefined if it continues
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
