import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { makeFolder, namesIn } from './folder.ts';
import { isRunning, processName, processNamed, thisProcess } from './process.ts';

/** Room enough for the keys of 20 seats, in bytes. */
const room = 4096;

/** Nobody is at work for so long on a delivery, in milliseconds. */
const abandonedAfter = 24 * 3_600_000;

/** A file for secrets that turn out to be undeliverable, its room taken before there is a secret. Only its owner can read it. */
export interface Refuge {
  /** Writes a secret down, on a line of its own: from here on it outlives the process. @throws the error of the file system */
  add(secret: string): void;
  /** Leaves the secrets where they are. @returns the file's path @throws the error of the file system */
  keep(): string;
  /** Gives the room back: all was delivered. */
  discard(): void;
}

/**
 * @param onAbandoned - told of the file when the process ends with secrets that were neither delivered nor kept
 * @throws the error of the file system when there is no room
 */
export function openRefuge(folder: string, onAbandoned: (file: string) => void): Refuge {
  const name = `undelivered-${processName(thisProcess())}.${randomBytes(4).toString('hex')}.key`;
  const file = path.join(folder, name);
  makeFolder(folder);
  const handle = openSync(file, 'wx', 0o600);
  let length = 0;
  const release = () => {
    process.off('exit', abandon);
    closeSync(handle);
  };
  const discard = () => {
    release();
    rmSync(file, { force: true });
  };
  const keep = () => {
    ftruncateSync(handle, length);
    fsyncSync(handle);
    release();
    return file;
  };
  const abandon = () => {
    if (length === 0) discard();
    else onAbandoned(keep());
  };
  const write = (text: string, at: number) => {
    const bytes = Buffer.from(text);
    if (writeSync(handle, bytes, 0, bytes.length, at) < bytes.length) throw new Error('the disk is full');
    return bytes.length;
  };
  try {
    write(' '.repeat(room), 0);
  } catch (error) {
    discard();
    throw error;
  }
  process.on('exit', abandon);
  return {
    add(secret) {
      length += write(`${secret}\n`, length);
      fsyncSync(handle);
    },
    keep,
    discard,
  };
}

/** Files with secrets that no process delivers any more; those of killed processes that hold none are cleared away. */
export function undeliveredIn(folder: string): string[] {
  return namesIn(folder).flatMap((name) => {
    const owner = processNamed(/^undelivered-(.+)\.[0-9a-f]+\.key$/.exec(name)?.[1] ?? '');
    const running = owner && isRunning(owner);
    if (!owner || running) return [];
    const file = path.join(folder, name);
    try {
      if (readFileSync(file, 'utf8').trim() !== '') return [file];
      if (running === false || statSync(file).mtimeMs < Date.now() - abandonedAfter) rmSync(file, { force: true });
    } catch {
      // Another process cleared it away.
    }
    return [];
  });
}
