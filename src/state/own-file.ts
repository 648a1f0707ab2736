import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, type Stats } from 'node:fs';
import { type OpenFlags, openOwnFile } from './folder.ts';

/**
 * Opens a file of the tool's own, makes it readable only by its owner, and passes it to a function.
 *
 * @throws as {@link openOwnFile}
 */
export function withOwnFile<Result>(
  file: string,
  flags: OpenFlags,
  work: (handle: number, stats: Stats) => Result,
): Result {
  const handle = openOwnFile(file, flags);
  try {
    const stats = fstatSync(handle);
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) fchmodSync(handle, 0o600);
    return work(handle, stats);
  } finally {
    closeSync(handle);
  }
}

/** Syncs a folder, which puts a new file in it on disk. Does nothing if the folder can't be opened, as on Windows. */
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
