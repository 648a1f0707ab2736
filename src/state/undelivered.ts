import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { removeLeftovers } from './drafts.ts';
import { makeFolder, namesIn } from './folder.ts';
import { openOwnFile, withOwnFile } from './own-file.ts';
import { isRunning, processName, processNamed, thisProcess } from './process.ts';
import { Draft } from './replace-file.ts';

/** Enough space for the keys of 20 seats, in bytes. */
const reservedSize = 4096;

/** The age, in milliseconds, at which a file counts as abandoned. No delivery takes this long. */
const abandonedAfter = 24 * 3_600_000;

/** A file for secrets that can't be delivered. Its space is reserved before there is a secret. Only its owner can read it. */
export interface FallbackFile {
  /** Writes a secret on a separate line, so that it outlives the process. @throws the error of the file system */
  add(secret: string): void;
  /**
   * Keeps the secrets in a file that can be reached by its path. If the opened file was removed or couldn't hold all of them,
   * writes them to another one.
   *
   * @returns the file's path
   * @throws the error of the file system if the secrets couldn't be kept
   */
  keep(): string;
  /** Removes the file, after everything was delivered. */
  discard(): void;
}

/**
 * Opens a fallback.
 *
 * @param onAbandoned - called with the file if the process ends with secrets that were neither delivered nor kept; without a file
 * if they couldn't be kept
 * @throws the error of the file system if there is no space
 */
export function openFallbackFile(
  folder: string,
  env: Environment,
  onAbandoned: (file: string | undefined) => void,
): FallbackFile {
  makeFolder(folder, env);
  const { file, handle } = newFile(folder);
  const secrets: string[] = [];
  let length = 0;
  const release = () => {
    process.off('exit', abandon);
    closeSync(handle);
  };
  const discard = () => {
    release();
    rmSync(file, { force: true });
  };
  const isKept = (text: string) => {
    try {
      ftruncateSync(handle, length);
      fsyncSync(handle);
      return length === Buffer.byteLength(text) && isAt(file, handle);
    } catch {
      return false;
    }
  };
  const keep = () => {
    const text = linesOf(secrets);
    try {
      if (isKept(text)) return file;
      const other = writeElsewhere(folder, env, text);
      rmSync(file, { force: true });
      return other;
    } finally {
      release();
    }
  };
  const abandon = () => {
    if (secrets.length === 0) return discard();
    let kept: string | undefined;
    try {
      kept = keep();
    } catch {
      // The callback reports it.
    }
    onAbandoned(kept);
  };
  try {
    writeAt(handle, ' '.repeat(reservedSize), 0);
  } catch (error) {
    discard();
    throw error;
  }
  process.on('exit', abandon);
  return {
    add(secret) {
      secrets.push(secret);
      length += writeAt(handle, linesOf([secret]), length);
      fsyncSync(handle);
    },
    keep,
    discard,
  };
}

/** Creates a file that no other process uses. */
function newFile(folder: string): { readonly file: string; readonly handle: number } {
  const name = `undelivered-${processName(thisProcess())}.${randomBytes(4).toString('hex')}.key`;
  const file = path.join(folder, name);
  return { file, handle: openOwnFile(file, 'wx') };
}

/** Writes secrets to a new file; its directory may have been removed. @returns its path */
function writeElsewhere(folder: string, env: Environment, text: string): string {
  makeFolder(folder, env);
  const { file, handle } = newFile(folder);
  try {
    writeAt(handle, text, 0);
    fsyncSync(handle);
    return file;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** Writes a text at an offset. @returns its size in bytes @throws Error if it couldn't be written completely */
function writeAt(handle: number, text: string, at: number): number {
  const bytes = Buffer.from(text);
  if (writeSync(handle, bytes, 0, bytes.length, at) < bytes.length) throw new Error('the disk is full');
  return bytes.length;
}

/** Returns whether a path leads to an open file. */
function isAt(file: string, handle: number): boolean {
  const open = fstatSync(handle, { bigint: true });
  const there = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  return there?.ino === open.ino && there.dev === open.dev;
}

function linesOf(secrets: readonly string[]): string {
  return secrets.map((secret) => `${secret}\n`).join('');
}

/**
 * Returns the files with secrets that no process will deliver. Removes the files of killed processes without secrets, and whatever
 * else such processes left in the directory.
 */
export function undeliveredIn(folder: string): string[] {
  removeLeftovers(folder);
  return namesIn(folder).flatMap((name) => {
    const owner = processNamed(/^undelivered-(.+)\.[0-9a-f]+\.key$/.exec(name)?.[1] ?? '');
    const running = owner && isRunning(owner);
    if (!owner || running) return [];
    const file = path.join(folder, name);
    try {
      if (readFileSync(file, 'utf8').trim() !== '') return [file];
      if (running === false || statSync(file).mtimeMs < Date.now() - abandonedAfter) rmSync(file, { force: true });
    } catch {
      // Another process removed it.
    }
    return [];
  });
}

/** The file with the hashes of the places on other machines that were pointed out. */
const notedName = 'noted-undelivered';

/**
 * Returns the places of secrets on other machines that weren't pointed out on this one before, and remembers all of them. If that fails,
 * they are pointed out again.
 */
export function markNoted(folder: string, env: Environment, places: readonly string[]): string[] {
  const file = path.join(folder, notedName);
  let noted: readonly string[] = [];
  try {
    noted = withOwnFile(file, 'r', (handle) => readFileSync(handle, 'utf8')).split('\n');
  } catch {
    // There is none yet, or it can't be read.
  }
  const hashed = places.map((place) => ({
    place,
    hash: createHash('sha256').update(place).digest('hex').slice(0, 16),
  }));
  const added = hashed.filter(({ hash }) => !noted.includes(hash));
  if (added.length === 0) return [];
  try {
    makeFolder(folder, env);
    // Without those that no longer exist.
    new Draft(file).replace(hashed.map(({ hash }) => `${hash}\n`).join(''), { sync: false });
  } catch {
    // Pointing them out twice is harmless.
  }
  return added.map(({ place }) => place);
}
