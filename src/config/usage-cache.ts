import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';

/** The API answers 12 requests for all usage in 12 hours (Usage, "Rate limited to 12 requests per 12 hours"). */
const usageLimit = { requests: 12, milliseconds: 12 * 3_600_000 } as const;

const fileSchema = z.object({
  /** Epoch milliseconds at which the figures came. */
  at: z.optional(z.number()),
  /** The answer's `data`, as it came. */
  data: z.optional(z.array(z.unknown())),
  /** Epoch milliseconds of the requests that count against the limit. */
  requests: z.array(z.number()),
});

type Content = z.infer<typeof fileSchema>;

/** What is kept of `GET /api/usage` for one account, in a file that only its owner can read. */
export class UsageCache {
  readonly #file: string;
  readonly #env: Environment;
  readonly #now: () => number;

  /**
   * @param account - tells one account from another; only its hash is in the file's name
   * @param now - epoch milliseconds
   */
  constructor(folder: string, env: Environment, account: string, now: () => number) {
    const name = createHash('sha256').update(account).digest('hex').slice(0, 16);
    this.#file = path.join(folder, `usage-${name}.json`);
    this.#env = env;
    this.#now = now;
  }

  /** The figures kept last and their age in milliseconds; undefined when there are none. */
  read(): { data: readonly unknown[]; age: number } | undefined {
    const { at, data } = this.#content();
    return at === undefined || data === undefined ? undefined : { data, age: Math.max(0, this.#now() - at) };
  }

  /** Forgets everything. */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  /** How many requests are left, as far as this machine knows. */
  get left(): number {
    return Math.max(0, usageLimit.requests - this.#content().requests.length);
  }

  /** Counts a request. */
  count(): void {
    const content = this.#content();
    this.#write({ ...content, requests: [...content.requests, this.#now()] });
  }

  /** Keeps new figures. */
  keep(data: readonly unknown[]): void {
    this.#write({ ...this.#content(), at: this.#now(), data: [...data] });
  }

  #content(): Content {
    const since = this.#now() - usageLimit.milliseconds;
    try {
      const content = z.parse(fileSchema, JSON.parse(readCacheFile(this.#file)));
      return { ...content, requests: content.requests.filter((at) => at > since) };
    } catch {
      // A cache that is absent or damaged is an empty one.
      return { requests: [] };
    }
  }

  #write(content: Content): void {
    try {
      writeCacheFile(this.#file, JSON.stringify(content), this.#env);
    } catch {
      // Without a cache the figures are asked for each time, which is no reason to show none.
    }
  }
}
