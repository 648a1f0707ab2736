import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';

/**
 * Creates a directory that only its owner can access, and missing directories above it except the home directory.
 *
 * @throws CommandError (file_error) if the home directory is missing, or if another user creates the directory at the same moment; the
 *   error of the file system
 */
export function makeFolder(folder: string, env: Environment): void {
  const home = homeFolder(env);
  if (home && folder.startsWith(home + path.sep) && !existsSync(home)) {
    throw new CommandError('file_error', `The home directory ${home} doesn't exist`, {
      hint: 'Create it, or set HOME to your home directory.',
    });
  }
  make(folder);
}

/**
 * Refuses a directory with which another user could redirect what this program writes. Such a directory belongs to another user, is
 * writable by others, is another user's link, or is in a directory in which anyone can replace it. A missing directory is accepted.
 *
 * - root may use any user's directory, because in a container the home directory often belongs to another user. Its owner can't make
 *   root write elsewhere, because links in it aren't followed ({@link openOwnFile}).
 * - The parent directory is refused only if everybody can write to it and it isn't sticky. In `/tmp`, which is sticky, only the
 *   owner can replace a directory. A group may write to the parent, because some systems give each user a group of their own.
 *   Anyone else who replaces the directory owns the new one, which is then refused.
 * - Windows has no such modes, and protects a user's directories from others.
 *
 * @param variable - the environment variable that chooses another directory
 * @throws CommandError (file_error) with the command that fixes it
 */
export function refuseForeignFolder(folder: string, variable: string): void {
  const user = process.geteuid?.();
  if (user === undefined) return;
  const entry = statsOf(folder, lstatSync);
  const above = path.dirname(folder);
  const parent = statsOf(above, statSync);
  if (parent?.isDirectory() && (parent.mode & 0o1002) === 0o002)
    throw openFolder(above, parent, { variable, mode: 'o-w' });
  if (!entry) return;
  const another = { hint: `Nothing was sent. Set ${variable} to a directory of your own.` };
  if (entry.isSymbolicLink() && !isTrusted(entry.uid, user)) {
    throw new CommandError(
      'file_error',
      `${folder} is a symbolic link that belongs to another user (uid ${entry.uid})`,
      another,
    );
  }
  const stats = entry.isSymbolicLink() ? statsOf(folder, statSync) : entry;
  // If it isn't a directory, the code that writes there reports it.
  if (!stats?.isDirectory()) return;
  if (!isTrusted(stats.uid, user)) {
    throw new CommandError('file_error', `${folder} belongs to another user (uid ${stats.uid})`, {
      hint: `Nothing was sent. Set ${variable} to a directory of your own. If everything in ${folder} is yours, you can run \`sudo chown -R ${user} ${shellWord(folder)}\` instead.`,
    });
  }
  if ((stats.mode & 0o022) !== 0) throw openFolder(folder, stats, { variable, mode: '700' });
}

/** Returns the names in a directory; none if it can't be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Syncs a directory, which puts a new file in it on disk. Does nothing if the directory can't be opened, as on Windows. */
export function syncFolder(folder: string): void {
  let handle: number;
  try {
    handle = openSync(folder, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Resolves the links in a path. Returns a path that leads nowhere unchanged. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** Returns the home directory; undefined if HOME isn't set and the system knows none. */
export function homeFolder(env: Environment): string | undefined {
  const chosen = process.platform === 'win32' ? env.USERPROFILE : env.HOME;
  if (chosen !== undefined) return chosen;
  try {
    // Loaded only here, because HOME is usually set.
    return process.getBuiltinModule('node:os').userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** Creates a directory and those above it. Node.js's recursive `mkdir` never ends on file systems that accept none, such as `/proc`. */
function make(folder: string): void {
  if (isFolder(folder)) return;
  const parent = path.dirname(folder);
  if (!existsSync(parent)) make(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isFolder(folder)) throw error;
    // Another process created it in the meantime: the user's own, or an attacker's.
    const user = process.geteuid?.();
    const { uid } = lstatSync(folder);
    if (user !== undefined && !isTrusted(uid, user)) {
      throw new CommandError('file_error', `${folder} was just created by another user (uid ${uid})`, { cause: error });
    }
  }
}

function isFolder(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/** Returns whether a user can trust the owner of a directory. root trusts everybody, and everybody has to trust root. */
function isTrusted(owner: number, user: number): boolean {
  return owner === user || owner === 0 || user === 0;
}

/** @param how - the variable that chooses another directory, and the chmod mode that fixes this one */
function openFolder(
  folder: string,
  stats: Stats,
  { variable, mode }: { readonly variable: string; readonly mode: string },
): CommandError {
  const user = process.geteuid?.();
  // Folders such as /tmp are open to all on purpose.
  const isShared = (stats.mode & 0o1000) !== 0 || !(user === stats.uid || user === 0);
  return new CommandError('file_error', `Other users can write to ${folder} (mode ${octal(stats)})`, {
    hint: isShared
      ? `Nothing was sent. Set ${variable} to a directory of your own.`
      : `Nothing was sent. Check that everything in it is yours, then run \`chmod ${mode} ${shellWord(folder)}\`.`,
  });
}

/** Returns the mode of a file as `chmod` takes it: `0600`. */
export function octal({ mode }: Pick<Stats, 'mode'>): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** Returns the stats of a file; undefined if it is missing or unreadable, which opening it reports. */
export function statsOf(file: string, stat: (file: string) => Stats): Stats | undefined {
  try {
    return stat(file);
  } catch {
    return undefined;
  }
}
