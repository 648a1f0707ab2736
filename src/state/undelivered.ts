import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { makeFolder } from './folder.ts';

/** Room enough for the keys of 20 seats, in bytes. */
const room = 4096;

/** A file for secrets that turn out to be undeliverable, its room taken before there is a secret. Only its owner can read it. */
export interface Refuge {
  /** Keeps the secrets, a line each. @returns the file's path */
  keep(secrets: readonly string[]): string;
  /** Gives the room back: all was delivered. */
  discard(): void;
}

/** @throws the error of the file system when there is no room */
export function openRefuge(folder: string): Refuge {
  const file = path.join(folder, `undelivered-${randomBytes(6).toString('hex')}.key`);
  makeFolder(folder);
  const handle = openSync(file, 'wx', 0o600);
  const discard = () => {
    closeSync(handle);
    rmSync(file, { force: true });
  };
  try {
    if (writeSync(handle, ' '.repeat(room), 0) < room) throw new Error('the disk is full');
  } catch (error) {
    discard();
    throw error;
  }
  return {
    keep(secrets) {
      const text = secrets.map((secret) => `${secret}\n`).join('');
      writeSync(handle, text, 0);
      ftruncateSync(handle, Buffer.byteLength(text));
      fsyncSync(handle);
      closeSync(handle);
      return file;
    },
    discard,
  };
}
