import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Environment } from '../domain/environment.ts';
import { codeOf } from '../domain/errors.ts';
import { makeFolder } from '../state/folder.ts';
import type { Account } from './account.ts';
import { accountSchema, freshAccount } from './account.ts';
import { settle } from './settle.ts';

/** Number of versions that are kept, so that a reader has time to read one while others are written. */
const keptVersions = 16;

/** Number of ancestors that a version names. */
const keptLineage = 128;

/** Age from which a temporary file counts as left by a killed process, in milliseconds. */
const abandonedAfter = 60_000;

const formatVersion = 1;

const fileSchema = z.object({
  version: z.literal(formatVersion),
  /** The random names of the commits that led here, this one last. They show whether a commit is part of this state. */
  lineage: z.array(z.string()),
  account: accountSchema,
});

/** The result of a request, and the account after it: the same object if the request only read it. */
export interface Change<T> {
  account: Account;
  result: T;
}

/**
 * Stores the account on disk, for any number of processes, without a lock.
 *
 * Each version is a file, `state.<N>.json`, and the highest N is the current one. A change is written to a temporary file and then
 * linked to the next name. Only one process can do so, and the others start again from its version. A process that is killed
 * leaves at most a temporary file.
 */
export interface Store {
  /** Returns this machine's time, epoch milliseconds. */
  readonly now: () => number;
  /**
   * Runs a request. If other processes are faster, runs it again, so `request` must be a pure function. If it throws, the account
   * doesn't change.
   *
   * @param request - takes the settled account, and the sandbox's time (epoch milliseconds)
   * @throws Error if the state can't be read, or if it is unknown whether the change was stored
   */
  run<T>(request: (account: Account, now: number) => Change<T>): Promise<T>;
  /** Replaces the account, even if the state can't be read. */
  replace(account: Account): Promise<void>;
}

/** Where to store an account. */
export interface StoreOptions {
  /** The directory, created if missing (0700). */
  readonly folder: string;
  /** The environment, for the home directory. Empty by default. */
  readonly env?: Environment;
  /** Returns this machine's time, epoch milliseconds. `Date.now` by default. */
  readonly now?: () => number;
}

interface Version {
  number: number;
  lineage: string[];
  account: Account;
}

/** Opens the account in a directory. The first request creates both if they are missing, with a saved card. */
export function openStore({ folder, env = {}, now = Date.now }: StoreOptions): Store {
  let cached: { version: Version; file: string } | undefined;

  /** Returns the current version; undefined if none exists yet. */
  function newest(): Version | undefined {
    if (cached && isNewest(cached)) return cached.version;
    for (;;) {
      const number = Math.max(0, ...versionsIn(folder));
      if (number === 0) return undefined;
      const path = join(folder, nameOf(number));
      try {
        const file = fileOf(statSync(path));
        // Compares the file, too, because the directory may have been deleted and created again while a server runs.
        if (cached?.version.number !== number || cached.file !== file) {
          cached = { version: { number, ...parse(path, readFileSync(path, 'utf8')) }, file };
        }
        return cached.version;
      } catch (error) {
        // It was deleted since it was listed, because there are newer versions.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  /**
   * Whether a version that was read before is still the newest, without a look at the whole directory. Versions are written without
   * gaps and pruned from the lowest, so while a version is there, and not another file of its name, the next one is missing only
   * because it was never written.
   */
  function isNewest({ version: { number }, file }: { version: Version; file: string }): boolean {
    const found = (each: number) => statSync(join(folder, nameOf(each)), { throwIfNoEntry: false });
    // The next one first: otherwise both could be pruned in between.
    if (found(number + 1)) return false;
    const own = found(number);
    return own !== undefined && fileOf(own) === file;
  }

  function present(): Version {
    return newest() ?? { number: 0, lineage: [], account: freshAccount({ card: true }, now()) };
  }

  /** Stores an account as the version after `base`. @returns false if another process was first */
  function commit(base: { number: number; lineage: string[] }, account: Account): boolean {
    const id = randomBytes(9).toString('base64url');
    const lineage = [...base.lineage, id].slice(-keptLineage);
    const number = base.number + 1;
    makeFolder(folder, env);
    const draft = join(folder, `state.${process.pid}-${id}.tmp`);
    try {
      writeFileSync(draft, JSON.stringify({ version: formatVersion, lineage, account }), { mode: 0o600, flag: 'wx' });
      linkSync(draft, join(folder, nameOf(number)));
    } catch (error) {
      // ENOENT: the directory was deleted, or another process deleted the draft, because this one slept for too long.
      if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const certain = isPresent(number, id);
    prune();
    return certain;
  }

  /**
   * Returns whether the version that was just linked is part of the current state. After many other commits, its name may have been
   * free only because that version was already deleted.
   */
  function isPresent(number: number, id: string): boolean {
    if (Math.max(...versionsIn(folder)) < number + keptVersions) return true;
    const latest = newest();
    const stored = latest?.lineage[latest.lineage.length - 1 - (latest.number - number)];
    if (stored === undefined) {
      throw new Error(`other processes changed ${folder} too often, so the change may not have been stored`);
    }
    return stored === id;
  }

  function prune(): void {
    // From the lowest, which isNewest() relies on.
    const names = listed(folder).sort((one, other) => numberOf(one) - numberOf(other));
    const highest = Math.max(0, ...names.map(numberOf));
    for (const name of names) {
      const number = numberOf(name);
      const obsolete =
        number > 0
          ? number <= highest - keptVersions
          : /^state\..+\.tmp$/.test(name) && isAbandoned(join(folder, name));
      if (obsolete) rmSync(join(folder, name), { force: true });
    }
  }

  return {
    now,
    async run(request) {
      for (let attempt = 0; ; attempt += 1) {
        const version = present();
        const time = now() + version.account.offsetMilliseconds;
        const { account, result } = request(settle(version.account, time), time);
        if (version.number > 0 && account === version.account) return result;
        if (commit(version, account)) return result;
        await sleep(Math.random() * Math.min(attempt, 10));
      }
    },
    async replace(account) {
      for (;;) {
        const number = Math.max(0, ...versionsIn(folder));
        if (commit({ number, lineage: [] }, account)) return;
      }
    },
  };
}

function parse(path: string, text: string): { lineage: string[]; account: Account } {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  const file = fileSchema.safeParse(content);
  if (!file.success) {
    throw new Error(`this version of ci can't read ${path}. Run \`ci sandbox reset\` to start over`);
  }
  return file.data;
}

function nameOf(version: number): string {
  return `state.${version}.json`;
}

/** Distinguishes a file from another with the same name. */
function fileOf({ ino, mtimeMs }: Stats): string {
  return `${ino} ${mtimeMs}`;
}

/** Returns the version number in a file name; 0 if none exists. */
function numberOf(name: string): number {
  return Number(/^state\.([1-9]\d{0,14})\.json$/.exec(name)?.[1] ?? 0);
}

function versionsIn(folder: string): number[] {
  return listed(folder).map(numberOf);
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function isAbandoned(path: string): boolean {
  try {
    return statSync(path).mtimeMs < Date.now() - abandonedAfter;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
