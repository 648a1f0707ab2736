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

/** The newest versions that stay on disk; whoever reads one has that many commits' time to do so. */
const keptVersions = 16;

/** How many commits back a state names its ancestors. */
const keptLineage = 128;

/** A temporary file this old (milliseconds) was left by a process that died. */
const abandonedAfter = 60_000;

const formatVersion = 1;

const fileSchema = z.object({
  version: z.literal(formatVersion),
  /** The commits that led here, by their random names, this one last: tells whether an old commit is part of this state. */
  lineage: z.array(z.string()),
  account: accountSchema,
});

/** What a request makes of the account: the account after it (the same object when it only read), and its result. */
export interface Change<T> {
  account: Account;
  result: T;
}

/**
 * The account on disk, shared by any number of processes without a lock.
 *
 * Every state is one whole file, `state.<N>.json`, the highest N being the present one. A change is written to a file of its own and
 * then linked to the next name, which only one process can do; the others start again from what that one wrote. So a process can
 * be killed at any instruction and leave nothing but a stray file.
 */
export interface Store {
  /** The machine's clock, epoch milliseconds. */
  readonly now: () => number;
  /**
   * Carries a request out: once for certain, and more often when others were faster, so `request` has to be a function of what it
   * is given. What it throws leaves the account as it was.
   *
   * @param request - given the account, settled, and the sandbox's time (epoch milliseconds) at which it was settled
   * @throws Error when the state on disk is not one of this program's, or when it is unknown whether the change was stored
   */
  run<T>(request: (account: Account, now: number) => Change<T>): Promise<T>;
  /** Puts an account in place of whatever is there, readable or not. */
  replace(account: Account): Promise<void>;
}

/** Where an account is kept. */
export interface StoreOptions {
  /** Made when absent (0700). */
  readonly folder: string;
  /** The environment, which says where the home folder is; default empty. */
  readonly env?: Environment;
  /** The machine's clock, epoch milliseconds; default `Date.now`. */
  readonly now?: () => number;
}

interface Version {
  number: number;
  lineage: string[];
  account: Account;
}

/**
 * The account in the folder. The first request makes both, with a card on file, when there is none.
 *
 */
export function openStore({ folder, env = {}, now = Date.now }: StoreOptions): Store {
  let cached: { version: Version; file: string } | undefined;

  /** The present version; undefined when there is none yet. */
  function newest(): Version | undefined {
    if (cached && isNewest(cached)) return cached.version;
    for (;;) {
      const number = Math.max(0, ...versionsIn(folder));
      if (number === 0) return undefined;
      const path = join(folder, nameOf(number));
      try {
        const file = fileOf(statSync(path));
        // The file too: the folder may have been deleted and begun anew under a running server.
        if (cached?.version.number !== number || cached.file !== file) {
          cached = { version: { number, ...parse(path, readFileSync(path, 'utf8')) }, file };
        }
        return cached.version;
      } catch (error) {
        // Pruned since it was listed: there are newer ones.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  /**
   * Whether a version that was read before is still the newest, without a look at the whole folder. Versions are written without
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

  /** Whether the account was stored as the version after `base`; false when another process was first. */
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
      // ENOENT: the folder was deleted, or this process slept so long that its draft was taken for abandoned.
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
   * Whether what was just linked became part of the present state. When many versions were written since this process looked, its
   * name may have been free only because that version was already pruned.
   */
  function isPresent(number: number, id: string): boolean {
    if (Math.max(...versionsIn(folder)) < number + keptVersions) return true;
    const latest = newest();
    const stored = latest?.lineage[latest.lineage.length - 1 - (latest.number - number)];
    if (stored === undefined) {
      throw new Error(
        `other processes changed ${folder} so often meanwhile that it is unknown whether the change was stored`,
      );
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
    throw new Error(`${path} is not a sandbox state that this version reads; \`ci sandbox reset\` starts a new one`);
  }
  return file.data;
}

function nameOf(version: number): string {
  return `state.${version}.json`;
}

/** Tells a file from another of the same name. */
function fileOf({ ino, mtimeMs }: Stats): string {
  return `${ino} ${mtimeMs}`;
}

/** The version a file holds; 0 when it holds none. */
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
