import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';

/** The API allows 12 requests for the usage of all keys in 12 hours (Usage, "Rate limited to 12 requests per 12 hours"). */
const usageLimit = { requests: 12, milliseconds: 12 * 3_600_000 } as const;

const fileSchema = z.object({
  /** When the data was received, in epoch milliseconds. */
  at: z.optional(z.number()),
  /** The `data` of the response, unchanged. */
  data: z.optional(z.array(z.unknown())),
  /** When the requests that count against the limit were sent, in epoch milliseconds. */
  requests: z.array(z.number()),
});

type Content = z.infer<typeof fileSchema>;

/** Caches the response of `GET /api/usage` for one account, in a file that only its owner can read. */
export class UsageCache {
  readonly #file: string;
  readonly #env: Environment;
  readonly #now: () => number;

  /**
   * @param account - identifies the account; only its hash is in the file's name
   * @param now - returns the time in epoch milliseconds
   */
  constructor(folder: string, env: Environment, account: string, now: () => number) {
    const name = createHash('sha256').update(account).digest('hex').slice(0, 16);
    this.#file = path.join(folder, `usage-${name}.json`);
    this.#env = env;
    this.#now = now;
  }

  /** Returns the cached data and its age in milliseconds; undefined if none exists. */
  read(): { data: readonly unknown[]; age: number } | undefined {
    const { at, data } = this.#content();
    return at === undefined || data === undefined ? undefined : { data, age: Math.max(0, this.#now() - at) };
  }

  /** Deletes the cache. */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  /** The number of requests left, as far as this machine knows. */
  get left(): number {
    return Math.max(0, usageLimit.requests - this.#content().requests.length);
  }

  /** Counts a request. */
  count(): void {
    const content = this.#content();
    this.#write({ ...content, requests: [...content.requests, this.#now()] });
  }

  /** Caches new data. */
  keep(data: readonly unknown[]): void {
    this.#write({ ...this.#content(), at: this.#now(), data: [...data] });
  }

  #content(): Content {
    const since = this.#now() - usageLimit.milliseconds;
    try {
      const content = z.parse(fileSchema, JSON.parse(readCacheFile(this.#file)));
      return { ...content, requests: content.requests.filter((at) => at > since) };
    } catch {
      // A missing or damaged cache is empty.
      return { requests: [] };
    }
  }

  #write(content: Content): void {
    try {
      writeCacheFile(this.#file, JSON.stringify(content), this.#env);
    } catch {
      // Without a cache, the data is fetched each time.
    }
  }
}
