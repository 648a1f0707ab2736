import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Environment } from '../domain/environment.ts';
import { parsedJson } from '../domain/json.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';

/** The API allows 12 requests for the usage of all keys in 12 hours (Usage, "Rate limited to 12 requests per 12 hours"). */
const usageLimit = { requests: 12, milliseconds: 12 * 3_600_000 } as const;

/** The first line of the file. The second one is the `data` of the response, if there is one, which may be large. */
const headerSchema = z.object({
  /** When the data was received, in epoch milliseconds. */
  at: z.optional(z.number()),
  /** When the API counted it: between these times of its clock, in epoch milliseconds. */
  counted: z.optional(z.object({ earliest: z.number(), latest: z.number() })),
  /** When the requests that count against the limit were sent, in epoch milliseconds. */
  requests: z.array(z.number()),
});

type Header = z.infer<typeof headerSchema>;

/** Data from the cache. */
interface CachedUsage {
  readonly data: readonly unknown[];
  /** Milliseconds since it was received. */
  readonly age: number;
  /** When the API counted it: between these times of its clock, in epoch milliseconds. Unknown if an earlier version cached it. */
  readonly counted: Header['counted'];
}

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

  /** Returns the cached data; undefined if none exists. */
  read(): CachedUsage | undefined {
    const { header, data } = this.#content();
    if (header.at === undefined || data === undefined) return undefined;
    const value = parsedJson(data);
    const age = Math.max(0, this.#now() - header.at);
    return Array.isArray(value) ? { data: value, age, counted: header.counted } : undefined;
  }

  /** Deletes the cache. */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  /** The number of requests left, as far as this machine knows. */
  get left(): number {
    return Math.max(0, usageLimit.requests - this.#content().header.requests.length);
  }

  /** Counts a request. */
  count(): void {
    const { header, data } = this.#content();
    this.#write({ ...header, requests: [...header.requests, this.#now()] }, data);
  }

  /** Caches new data. @param counted - when the API counted it, in epoch milliseconds of its clock */
  keep(data: readonly unknown[], counted: Header['counted']): void {
    this.#write({ ...this.#content().header, at: this.#now(), counted }, JSON.stringify(data));
  }

  /** Reads the file without parsing the data. */
  #content(): { readonly header: Header; readonly data?: string | undefined } {
    const since = this.#now() - usageLimit.milliseconds;
    try {
      const [first = '', data] = readCacheFile(this.#file).split('\n');
      const header = z.parse(headerSchema, JSON.parse(first));
      return { header: { ...header, requests: header.requests.filter((at) => at > since) }, data };
    } catch {
      // A missing or damaged cache is empty.
      return { header: { requests: [] } };
    }
  }

  #write(header: Header, data: string | undefined): void {
    try {
      const lines = [JSON.stringify(header), ...(data === undefined ? [] : [data])];
      writeCacheFile(this.#file, lines.join('\n'), this.#env);
    } catch {
      // Without a cache, the data is fetched each time.
    }
  }
}
