import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';
import { namesIn, refuseForeignFolder } from '../state/folder.ts';

/** The things of an account that a shell completes. */
export const completed = ['pools', 'keys', 'subscriptions'] as const;

export type Completed = (typeof completed)[number];

/** A name that a shell completes, with the id of the same thing. */
export interface KnownName {
  readonly name: string;
  readonly description: string;
  readonly id: string;
}

/** The cached names of a kind. Times are epoch milliseconds. */
export interface CachedNames {
  /** The names, and when they were fetched. */
  readonly names?: readonly KnownName[] | undefined;
  readonly at?: number | undefined;
  /** When they were last requested. */
  readonly requested?: number | undefined;
  /** When a request for them last failed. */
  readonly failed?: number | undefined;
}

const prefix = 'completion-';

/** Caches the names of one kind and account in a file that only the user can read. It contains no secrets. */
export class CompletionCache {
  readonly #file: string;
  readonly #env: Environment;

  /** @param account - identifies the account; the name of the file contains only its hash */
  constructor(folder: string, env: Environment, kind: Completed, account: string) {
    this.#env = env;
    const name = createHash('sha256').update(account).digest('hex').slice(0, 16);
    this.#file = path.join(folder, `${prefix}${kind}-${name}.json`);
  }

  /** Reads the cached names. Returns nothing if the file is missing or damaged. */
  read(): CachedNames {
    try {
      const cached: unknown = JSON.parse(readCacheFile(this.#file));
      return isCached(cached) ? cached : {};
    } catch {
      return {};
    }
  }

  /** Saves that the names are requested now. @throws Error if the file can't be written */
  markRequested(now: number): void {
    this.#write({ ...this.read(), requested: now });
  }

  /**
   * Saves the result of a request, unless the cache was cleared meanwhile: the response may be from before the change.
   *
   * @param requested - when the names were requested, as cached
   * @throws Error if the file can't be written
   */
  saveResult(requested: number | undefined, change: (cached: CachedNames) => CachedNames): void {
    const cached = this.read();
    if (cached.requested === requested) this.#write(change(cached));
  }

  #write(kept: CachedNames): void {
    writeCacheFile(this.#file, JSON.stringify(kept), this.#env);
  }
}

/** Clears the names of all accounts after a change. @param cacheFolder - returns the directory; may throw */
export function forgetNames(cacheFolder: () => string): void {
  try {
    const folder = cacheFolder();
    refuseForeignFolder(folder, 'XDG_CACHE_HOME');
    for (const each of namesIn(folder)) {
      if (each.startsWith(prefix)) rmSync(path.join(folder, each), { force: true });
    }
  } catch {
    // Without a cache directory, there is nothing to clear.
  }
}

function isCached(value: unknown): value is CachedNames {
  if (!isObject(value)) return false;
  const { names, at, requested, failed } = value;
  const times = [at, requested, failed].every((time) => time === undefined || typeof time === 'number');
  return times && (names === undefined || (Array.isArray(names) && names.every(isName)));
}

function isName(value: unknown): value is KnownName {
  return isObject(value) && [value.name, value.description, value.id].every((text) => typeof text === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
