import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { CommandError } from '../domain/errors.ts';

/**
 * Makes a folder, for its owner alone, and those above it; a home folder is the system's to make.
 *
 * @throws CommandError (file_error) when the home folder that it would be in is not there; whatever the operating system says
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

/** Writes a file whole, for its owner alone: who reads it meanwhile has the one before. For what can be lost. @throws as {@link makeFolder} */
export function writeCacheFile(file: string, text: string): void {
  makeFolder(path.dirname(file));
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
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
    // Another process was faster.
    if (!isFolder(folder)) throw error;
  }
}

function isFolder(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
