import { lstatSync, rmSync } from 'node:fs';
import path from 'node:path';
import { namesIn } from './folder.ts';
import { isRunning, processName, processNamed, thisProcess } from './process.ts';

/** A draft of this age was abandoned, in milliseconds. */
const abandonedAfter = 24 * 3_600_000;

/** Matches the end of the names of drafts and locks: the process, and random digits. */
const ours = /\.([0-9a-f]{12}\.\d+\.(?:\d+|-))\.[0-9a-f]{8,12}\.(?:tmp|lock)$/;

/**
 * Returns a new name for a draft next to a file. The name is unpredictable and identifies its process. Open the draft with `wx`,
 * which doesn't follow links.
 */
export function draftOf(file: string): string {
  // Loaded only here, because every command loads this file, and few write a draft.
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  return `${file}.${processName(thisProcess())}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Returns whether a name is that of a draft or lock, which any process may remove once its own has ended. */
export function isLeftoverName(name: string): boolean {
  return ours.test(name);
}

/**
 * Removes drafts and locks that killed processes left in a directory. Keeps those of running processes, and for a day those of
 * processes in other containers or on other machines, which can't be checked. A secret in a draft is also in the state directory.
 */
export function removeLeftovers(folder: string): void {
  for (const name of namesIn(folder)) {
    const owner = processNamed(ours.exec(name)?.[1] ?? '');
    if (!owner) continue;
    const file = path.join(folder, name);
    try {
      if (!(isRunning(owner) ?? isRecent(file))) rmSync(file);
    } catch {
      // Another process removed it, or this user may not.
    }
  }
}

function isRecent(file: string): boolean {
  return Date.now() - lstatSync(file).mtimeMs < abandonedAfter;
}
