import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';
import { namesIn, refuseForeignFolder } from '../state/folder.ts';

/** What of an account can be completed. */
export const completed = ['pools', 'keys', 'subscriptions'] as const;

export type Completed = (typeof completed)[number];

/** A name of something, what it is, and another name of the same: an id. */
export interface KnownName {
  readonly name: string;
  readonly description: string;
  readonly id: string;
}

/** What is kept of the names; times are epoch milliseconds. */
export interface KeptNames {
  /** The names as they last came, and when. */
  readonly names?: readonly KnownName[] | undefined;
  readonly at?: number | undefined;
  /** When they were last asked for. */
  readonly asked?: number | undefined;
  /** When it last turned out that they cannot be had. */
  readonly failed?: number | undefined;
}

const prefix = 'completion-';

/** The names that a shell completes, of one kind and one account, in a file that only its owner can read. No secret is in it. */
export class CompletionCache {
  readonly #file: string;
  readonly #env: Environment;

  /** @param account - tells one account from another; only its hash is in the file's name */
  constructor(folder: string, env: Environment, kind: Completed, account: string) {
    this.#env = env;
    const name = createHash('sha256').update(account).digest('hex').slice(0, 16);
    this.#file = path.join(folder, `${prefix}${kind}-${name}.json`);
  }

  /** What is kept; a file that is absent or damaged keeps nothing. */
  read(): KeptNames {
    try {
      const kept: unknown = JSON.parse(readCacheFile(this.#file));
      return isKept(kept) ? kept : {};
    } catch {
      return {};
    }
  }

  /** Keeps that the names are asked for now. @throws Error when the file cannot be written */
  ask(now: number): void {
    this.#write({ ...this.read(), asked: now });
  }

  /**
   * Keeps what came of asking, unless what was kept was forgotten meanwhile: the answer may be from before the change.
   *
   * @param asked - when it was asked for, as it was kept
   * @throws Error when the file cannot be written
   */
  answer(asked: number | undefined, change: (kept: KeptNames) => KeptNames): void {
    const kept = this.read();
    if (kept.asked === asked) this.#write(change(kept));
  }

  #write(kept: KeptNames): void {
    writeCacheFile(this.#file, JSON.stringify(kept), this.#env);
  }
}

/** Forgets the names of all accounts, because something was changed. @param cacheFolder - returns the folder; may throw */
export function forgetNames(cacheFolder: () => string): void {
  try {
    const folder = cacheFolder();
    refuseForeignFolder(folder, 'XDG_CACHE_HOME');
    for (const each of namesIn(folder)) {
      if (each.startsWith(prefix)) rmSync(path.join(folder, each), { force: true });
    }
  } catch {
    // Nothing of ours is in it.
  }
}

function isKept(value: unknown): value is KeptNames {
  if (!isObject(value)) return false;
  const { names, at, asked, failed } = value;
  const times = [at, asked, failed].every((time) => time === undefined || typeof time === 'number');
  return times && (names === undefined || (Array.isArray(names) && names.every(isName)));
}

function isName(value: unknown): value is KnownName {
  return isObject(value) && [value.name, value.description, value.id].every((text) => typeof text === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
