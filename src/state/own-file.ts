import { closeSync, constants, fchmodSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { octal, statsOf } from './folder.ts';

/** Modes for opening one of this program's files: those of Node.js, and one that appends only to an existing file. */
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

/** What differs for a file that isn't this program's alone. */
interface SharedFile {
  /** Whether it may have other hard links; by default it may not. */
  readonly hasLinks?: boolean;
  /** The hint if it isn't a regular file of this user; by default, to move it away. */
  readonly hint?: string;
}

/**
 * Opens a file in the state or cache directory, and checks before anything is read or written that it is this program's: a regular
 * file of this user or root, without other hard links, that others can't write to. Only its owner can read a new file. Check its directory
 * first (see `refuseForeignFolder`).
 *
 * @returns the descriptor, which the caller closes
 * @throws CommandError (file_error) with the command that fixes it; other errors of the operating system, such as ENOENT
 */
export function openOwnFile(file: string, flags: OpenFlags, shared: SharedFile = {}): number {
  const descriptor = opened(file, flags, shared);
  try {
    refuseForeignFile(file, fstatSync(descriptor), shared);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Opens one of this program's files, and makes it readable only by its owner.
 *
 * @returns the descriptor, which the caller closes, and the stats of the file before
 * @throws as {@link openOwnFile}
 */
export function openPrivateFile(file: string, flags: OpenFlags): { readonly handle: number; readonly stats: Stats } {
  const handle = openOwnFile(file, flags);
  try {
    const stats = fstatSync(handle);
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) fchmodSync(handle, 0o600);
    return { handle, stats };
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/** Opens a file like {@link openPrivateFile}, and passes it to a function. @throws as {@link openOwnFile} */
export function withOwnFile<Result>(
  file: string,
  flags: OpenFlags,
  work: (handle: number, stats: Stats) => Result,
): Result {
  const { handle, stats } = openPrivateFile(file, flags);
  try {
    return work(handle, stats);
  } finally {
    closeSync(handle);
  }
}

function opened(file: string, flags: OpenFlags, { hint }: SharedFile): number {
  try {
    // Windows has neither flag. O_NONBLOCK avoids waiting for a pipe.
    return openSync(file, openFlags[flags] | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), 0o600);
  } catch (error) {
    const code = codeOf(error);
    // ELOOP (EMLINK on BSD) means a link. ENXIO means a pipe without a reader, or a socket.
    if (code === 'ELOOP' || code === 'EMLINK') throw foreignFile(file, 'is a symbolic link', { hint, cause: error });
    if (code === 'ENXIO') throw foreignFile(file, 'is not a regular file', { hint, cause: error });
    throw error;
  }
}

function refuseForeignFile(file: string, stats: Stats, { hasLinks = false, hint }: SharedFile): void {
  if (!stats.isFile()) throw foreignFile(file, 'is not a regular file', { hint });
  const user = process.geteuid?.();
  if (user === undefined) return;
  if (stats.nlink > 1 && !hasLinks) throw foreignFile(file, `has ${stats.nlink} hard links`, { hint });
  const isOwn = stats.uid === user || stats.uid === 0;
  // root may use other users' directories, and the files in them.
  if (!isOwn && !(user === 0 && stats.uid === statsOf(path.dirname(file), statSync)?.uid)) {
    throw foreignFile(file, `belongs to another user (uid ${stats.uid})`, { hint });
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new CommandError('file_error', `Other users can write to ${file} (mode ${octal(stats)})`, {
      hint: `Check that everything in it is yours, then run \`chmod 600 ${shellWord(file)}\`.`,
    });
  }
}

function foreignFile(
  file: string,
  what: string,
  { hint, cause }: { readonly hint: string | undefined; readonly cause?: unknown },
): CommandError {
  return new CommandError('file_error', `${file} ${what}, so it isn't used`, {
    hint: hint ?? `Move it away: \`mv ${shellWord(file)} ${shellWord(`${file}.old`)}\`.`,
    cause,
  });
}
