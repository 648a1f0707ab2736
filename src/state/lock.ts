import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { asClause, CommandError, messageOf } from '../domain/errors.ts';
import { makeFolder, namesIn } from './folder.ts';
import { isRunning, type ProcessId, processName, processNamed, thisProcess } from './process.ts';

/** How often a lock's owner updates its file for other machines, in milliseconds. */
const heartbeat = 10_000;
/** How long other machines trust an update, in milliseconds. */
const heartbeatTimeout = 60_000;

/** A lock that one process at a time can have. */
export interface Lock {
  /** The directory of its files. Created if missing, accessible only to its owner. */
  readonly folder: string;
  /** The prefix of the names of its files. */
  readonly name: string;
  /** The environment, which names the home directory. */
  readonly env: Environment;
  /** How long to wait for another process, in milliseconds. */
  readonly patience: number;
  /** Returns milliseconds on a clock that can't be set. */
  readonly monotonic: () => number;
  /** Waits between two attempts; may throw to stop waiting. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Called once if another process has the lock. */
  readonly onWait?: () => void;
  /** The hint if the directory can't be written. */
  readonly hint?: string;
}

/**
 * Runs a function while no other process has the lock.
 *
 * To take the lock, a process puts a file with a unique name into the directory, and then checks for files of other processes. Of any
 * two processes, at least the later one sees the other's file, removes its own, and waits. No process takes over a file, so a
 * process that is killed at any instruction leaves only a file that the next one removes.
 *
 * @throws CommandError (busy) if another process keeps the lock, (file_error) if the directory can't be written
 */
export async function withLock<Result>(lock: Lock, work: () => Promise<Result>): Promise<Result> {
  const release = await acquire(lock);
  try {
    return await work();
  } finally {
    release();
  }
}

/** Returns a process that has a lock; undefined if none has. @param name - of the lock in the directory */
export function lockOwner(folder: string, name: string): ProcessId | undefined {
  return ownerIn(folder, name, '');
}

async function acquire({ folder, name, env, patience, monotonic, pause, onWait, hint }: Lock): Promise<() => void> {
  const deadline = monotonic() + patience;
  const own = nameOf(name, thisProcess());
  const file = path.join(folder, own);
  let isWaiting = false;
  for (;;) {
    let other = ownerIn(folder, name, own);
    if (other === undefined) {
      claim(folder, file, env, hint);
      other = ownerIn(folder, name, own);
      if (other === undefined) {
        const timer = setInterval(() => touch(file), heartbeat);
        timer.unref();
        return () => {
          clearInterval(timer);
          rmSync(file, { force: true });
        };
      }
      rmSync(file, { force: true });
    }
    if (monotonic() >= deadline) {
      throw new CommandError('busy', `Another ci process (${other.pid}) holds the lock and didn't finish in time`, {
        retryable: true,
        outcome: 'not_applied',
        hint: 'Nothing was changed. Try again when it has finished.',
      });
    }
    if (!isWaiting) onWait?.();
    isWaiting = true;
    // Random, so that waiting processes don't keep trying at the same moment.
    await pause(10 + Math.random() * 40);
  }
}

/** Returns a process with a file in the directory, if there is one. Removes files of processes that have ended. */
function ownerIn(folder: string, name: string, own: string): ProcessId | undefined {
  for (const each of namesIn(folder)) {
    const owner = each === own ? undefined : ownerOf(name, each);
    if (!owner) continue;
    const file = path.join(folder, each);
    if (isRunning(owner) ?? isFresh(file)) return owner;
    rmSync(file, { force: true });
  }
  return undefined;
}

function claim(folder: string, file: string, env: Environment, hint: string | undefined): void {
  try {
    makeFolder(folder, env);
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    const reason = asClause(messageOf(error));
    throw new CommandError('file_error', `Can't write to ${folder}: ${reason}`, {
      hint,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Returns a name that contains everything about the lock, so that no file can exist without it. */
function nameOf(name: string, owner: ProcessId): string {
  return `${name}.${processName(owner)}.${randomBytes(4).toString('hex')}.lock`;
}

function ownerOf(name: string, file: string): ProcessId | undefined {
  const rest = file.startsWith(`${name}.`) ? file.slice(name.length + 1) : '';
  return processNamed(/^(.+)\.[0-9a-f]+\.lock$/.exec(rest)?.[1] ?? '');
}

function isFresh(file: string): boolean {
  try {
    // A time in the future comes from a wrong clock, and would never expire.
    return Math.abs(statSync(file).mtimeMs - Date.now()) < heartbeatTimeout;
  } catch {
    return false;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The file was removed.
  }
}
