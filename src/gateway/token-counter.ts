import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { isObject, memberOf } from '../domain/json.ts';

/** How much of the beginning and of the end of an answer is searched, in bytes. */
const headSize = 4 * 1024;
const tailSize = 4 * 1024;
const keptSize = headSize + tailSize;
/** How much memory an answer gets at first, in bytes. */
const firstSize = 1024;
/** After this many decompressed bytes, the answer isn't searched. */
const mostDecompressed = 256 * 1024 * 1024;

/** The tokens of a request. */
export interface Tokens {
  readonly prompt: number;
  readonly completion: number;
}

/**
 * Finds the number of tokens in an answer, without changing it. It is at the end in OpenAI's format, and at the beginning and at the end
 * of a stream in Anthropic's.
 */
export class TokenCounter {
  /**
   * The beginning of the answer, and then its end as a ring. It is a copy, because a stream has many small chunks, and each of them takes
   * hundreds of bytes besides its content.
   */
  #kept = Buffer.alloc(0);
  #keptSize = 0;
  /** Where the ring continues when it is full. */
  #next = headSize;
  #size = 0;
  readonly #decompress: Transform | undefined;
  #isReadable = true;

  /** @param encoding - the Content-Encoding header */
  constructor(encoding: string | undefined) {
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
    const decompress = decompressors.get(encoding.toLowerCase())?.();
    this.#isReadable = decompress !== undefined;
    this.#decompress = decompress;
    decompress?.on('data', (chunk: Buffer) => this.#keep(chunk));
    decompress?.on('error', () => {
      this.#isReadable = false;
    });
  }

  add(chunk: Buffer): void {
    if (!this.#isReadable) return;
    if (this.#decompress) this.#decompress.write(chunk);
    else this.#keep(chunk);
  }

  /** Returns the tokens; undefined if the answer doesn't say. */
  async tokens(): Promise<Tokens | undefined> {
    const decompress = this.#decompress;
    if (decompress && this.#isReadable) {
      await new Promise<void>((resolve) => {
        decompress.once('end', resolve);
        decompress.once('error', () => resolve());
        decompress.once('close', resolve);
        decompress.end();
      });
    }
    return this.#isReadable ? tokensIn(this.#text()) : undefined;
  }

  /** Forgets the answer. */
  close(): void {
    this.#isReadable = false;
    this.#decompress?.destroy();
    this.#kept = Buffer.alloc(0);
    this.#keptSize = 0;
  }

  #text(): string {
    const kept = this.#kept.subarray(0, this.#keptSize);
    const parts = [kept.subarray(0, headSize), kept.subarray(this.#next), kept.subarray(headSize, this.#next)];
    return Buffer.concat(parts).toString();
  }

  #keep(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#decompress && this.#size > mostDecompressed) {
      this.close();
      return;
    }
    const first = chunk.subarray(0, keptSize - this.#keptSize);
    this.#makeRoomFor(first.length);
    first.copy(this.#kept, this.#keptSize);
    this.#keptSize += first.length;
    for (let rest = chunk.subarray(first.length).subarray(-tailSize); rest.length > 0; ) {
      const copied = rest.copy(this.#kept, this.#next);
      this.#next = this.#next + copied === keptSize ? headSize : this.#next + copied;
      rest = rest.subarray(copied);
    }
  }

  #makeRoomFor(bytes: number): void {
    const needed = this.#keptSize + bytes;
    if (needed <= this.#kept.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(keptSize, Math.max(firstSize, needed, 2 * this.#kept.length)));
    this.#kept.copy(larger, 0, 0, this.#keptSize);
    this.#kept = larger;
  }
}

const decompressors: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** Returns the token counts that a part of a response reports; undefined if it reports none. */
export function tokensIn(text: string): Tokens | undefined {
  let found: Tokens | undefined;
  for (const { index, 0: match } of text.matchAll(/(?<!\\)"usage"\s*:\s*(?=\{)/g)) {
    const tokens = tokensOf(objectAt(text, index + match.length));
    if (!tokens) continue;
    // The beginning of a stream names fewer tokens than its end.
    found = {
      prompt: Math.max(found?.prompt ?? 0, tokens.prompt),
      completion: Math.max(found?.completion ?? 0, tokens.completion),
    };
  }
  return found;
}

function tokensOf(usage: unknown): Tokens | undefined {
  if (!isObject(usage)) return undefined;
  const count = (...names: readonly string[]) => {
    const values = names.map((name) => memberOf(usage, name)).filter(isCount);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + Math.max(0, value), 0);
  };
  const prompt = count('prompt_tokens', 'input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens');
  const completion = count('completion_tokens', 'output_tokens');
  return prompt === undefined && completion === undefined
    ? undefined
    : { prompt: prompt ?? 0, completion: completion ?? 0 };
}

/** Returns whether a value can be a number of tokens. `1e999` is a number of JSON, too, but Infinity isn't. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Returns the JSON object at an index; undefined if it isn't complete. */
function objectAt(text: string, start: number): unknown {
  let depth = 0;
  for (const { 0: mark, index } of text.slice(start).matchAll(/[{}]/g)) {
    depth += mark === '{' ? 1 : -1;
    if (depth > 0) continue;
    try {
      return JSON.parse(text.slice(start, start + index + 1));
    } catch {
      return undefined;
    }
  }
  return undefined;
}
