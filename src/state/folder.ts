import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { CommandError, codeOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { draftOf, removeLeftovers } from './drafts.ts';

/**
 * Makes a folder, for its owner alone, and those above it; a home folder is the system's to make.
 *
 * @throws CommandError (file_error) when the home folder that it would be in is not there, or when somebody else made the folder
 * at the same moment; whatever the operating system says
 */
export function makeFolder(folder: string): void {
  const home = homeFolder();
  if (home && folder.startsWith(home + path.sep) && !existsSync(home)) {
    throw new CommandError('file_error', `the home folder ${home} is not there`, {
      hint: 'Make it, or set HOME to one that is there.',
    });
  }
  make(folder);
}

/**
 * Refuses a folder of the tool's own if somebody else could use it to redirect what the tool writes. That is a folder that
 * belongs to another user, that others can write to, that is another user's link, or whose parent lets anybody replace it. A
 * missing folder is accepted.
 *
 * - root may use any user's folder, because in a container the home folder often belongs to another user. Its owner can't make
 *   root write elsewhere, because links in it aren't followed ({@link openOwnFile}).
 * - The parent folder is refused only if everybody can write to it and it isn't sticky. In `/tmp`, which is sticky, only the
 *   owner can replace a folder. A group may write to the parent, because some systems give each user a group of their own.
 *   Anybody else who replaces the folder owns the new one, which is then refused.
 * - Windows has no such modes, and protects a user's folders from others.
 *
 * @param variable - the environment variable that chooses another folder
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
  const another = { hint: `Nothing was sent. Set ${variable} to a folder of your own.` };
  if (entry.isSymbolicLink() && !isTrusted(entry.uid, user)) {
    throw new CommandError(
      'file_error',
      `${folder} is a link that belongs to another user (uid ${entry.uid})`,
      another,
    );
  }
  const stats = entry.isSymbolicLink() ? statsOf(folder, statSync) : entry;
  // If it isn't a folder, the code that writes there reports it.
  if (!stats?.isDirectory()) return;
  if (!isTrusted(stats.uid, user)) {
    throw new CommandError('file_error', `${folder} belongs to another user (uid ${stats.uid})`, {
      hint: `Nothing was sent. Set ${variable} to a folder of your own, or run \`sudo chown -R ${user} ${shellWord(folder)}\`, once you know that what is in it is yours.`,
    });
  }
  if ((stats.mode & 0o022) !== 0) throw openFolder(folder, stats, { variable, mode: '700' });
}

/** Modes for opening a file of the tool's own: those of Node.js, and one that appends only to an existing file. */
export type OpenFlags = keyof typeof openFlags;

const { O_RDONLY, O_RDWR, O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = constants;
const openFlags = {
  r: O_RDONLY,
  'r+': O_RDWR,
  a: O_WRONLY | O_APPEND | O_CREAT,
  'a+': O_RDWR | O_APPEND | O_CREAT,
  wx: O_WRONLY | O_CREAT | O_EXCL,
  'append existing': O_WRONLY | O_APPEND,
} as const;

/**
 * Opens a file in the state or cache folder, and checks that it is the tool's own before anything is read or written: a regular
 * file of this user or root, not a link or hard link, that others can't write to. Only its owner can read a new file. Check its
 * folder first ({@link refuseForeignFolder}).
 *
 * @returns the descriptor, which the caller closes
 * @throws CommandError (file_error) with the command that fixes it; other errors of the operating system, such as ENOENT
 */
export function openOwnFile(file: string, flags: OpenFlags): number {
  const descriptor = opened(file, flags);
  try {
    refuseForeignFile(file, fstatSync(descriptor));
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function opened(file: string, flags: OpenFlags): number {
  try {
    // Windows has neither flag. O_NONBLOCK avoids waiting for a pipe.
    return openSync(file, openFlags[flags] | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), 0o600);
  } catch (error) {
    const code = codeOf(error);
    // ELOOP (EMLINK on BSD) means a link. ENXIO means a pipe without a reader, or a socket.
    if (code === 'ELOOP' || code === 'EMLINK') throw foreignFile(file, 'is a link', error);
    if (code === 'ENXIO') throw foreignFile(file, 'is not a regular file', error);
    throw error;
  }
}

function refuseForeignFile(file: string, stats: Stats): void {
  if (!stats.isFile()) throw foreignFile(file, 'is not a regular file');
  const user = process.geteuid?.();
  if (user === undefined) return;
  if (stats.nlink > 1) throw foreignFile(file, `has ${stats.nlink} names (hard links)`);
  const isOwn = stats.uid === user || stats.uid === 0;
  // root may use other users' folders, and the files in them.
  if (!isOwn && !(user === 0 && stats.uid === statsOf(path.dirname(file), statSync)?.uid)) {
    throw foreignFile(file, `belongs to another user (uid ${stats.uid})`);
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new CommandError('file_error', `${file} can be written by others (mode ${octal(stats)})`, {
      hint: `Run \`chmod 600 ${shellWord(file)}\`, once you know that what is in it is yours.`,
    });
  }
}

function foreignFile(file: string, what: string, cause?: unknown): CommandError {
  return new CommandError('file_error', `${file} ${what}, and isn't used`, {
    hint: `Move it away: \`mv ${shellWord(file)} ${shellWord(`${file}.old`)}\`.`,
    cause,
  });
}

/**
 * Writes a file atomically, readable only by its owner. Doesn't sync it, so use it only for data that may be lost. Removes drafts
 * that killed processes left next to it.
 *
 * @throws CommandError (file_error) for a folder that is not the user's alone; as {@link makeFolder}
 */
export function writeCacheFile(file: string, text: string): void {
  const folder = path.dirname(file);
  refuseForeignFolder(folder, cacheVariable);
  makeFolder(folder);
  removeLeftovers(folder);
  removeOldDrafts(folder);
  const draft = draftOf(file);
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Reads what {@link writeCacheFile} wrote. @throws CommandError (file_error) if it isn't the user's alone; file system errors */
export function readCacheFile(file: string): string {
  refuseForeignFolder(path.dirname(file), cacheVariable);
  const descriptor = openOwnFile(file, 'r');
  try {
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

const cacheVariable = 'XDG_CACHE_HOME';

/** Matches drafts of earlier versions. Their process may be in another container, so they are removed once they are a day old. */
const oldDraft = /^(?:update|usage-[0-9a-f]{16}|completion-[a-z]+-[0-9a-f]{16})\.json\.\d+$/;
const day = 24 * 3_600_000;

function removeOldDrafts(folder: string): void {
  for (const name of namesIn(folder)) {
    const file = path.join(folder, name);
    const stats = oldDraft.test(name) ? statsOf(file, lstatSync) : undefined;
    if (stats && Date.now() - stats.mtimeMs > day) rmSync(file, { force: true });
  }
}

/** The names in a folder; none where it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The user's home folder; undefined where the system knows none, and HOME is not set. */
export function homeFolder(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/** Node.js's own way never ends where a file system takes no folders, as that of `/proc`. */
function make(folder: string): void {
  if (isFolder(folder)) return;
  const parent = path.dirname(folder);
  if (!existsSync(parent)) make(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!isFolder(folder)) throw error;
    // Another process was faster: this user's, or one that an attacker had waiting.
    const user = process.geteuid?.();
    const { uid } = lstatSync(folder);
    if (user !== undefined && !isTrusted(uid, user)) {
      throw new CommandError('file_error', `${folder} was just made by another user (uid ${uid})`, { cause: error });
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

/** Whether a user can trust the owner of a folder. root trusts everybody, and everybody has to trust root. */
function isTrusted(owner: number, user: number): boolean {
  return owner === user || owner === 0 || user === 0;
}

/** @param how - the variable that chooses another folder, and the chmod mode that fixes this one */
function openFolder(
  folder: string,
  stats: Stats,
  { variable, mode }: { readonly variable: string; readonly mode: string },
): CommandError {
  const user = process.geteuid?.();
  // Folders such as /tmp are open to all on purpose.
  const isShared = (stats.mode & 0o1000) !== 0 || !(user === stats.uid || user === 0);
  return new CommandError('file_error', `${folder} can be written by others (mode ${octal(stats)})`, {
    hint: isShared
      ? `Nothing was sent. Set ${variable} to a folder of your own.`
      : `Nothing was sent. Run \`chmod ${mode} ${shellWord(folder)}\`, once you know that what is in it is yours.`,
  });
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** Returns the stats of a file; undefined if it is missing or unreadable, which opening it reports. */
function statsOf(file: string, stat: (file: string) => Stats): Stats | undefined {
  try {
    return stat(file);
  } catch {
    return undefined;
  }
}
