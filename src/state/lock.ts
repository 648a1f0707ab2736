import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { makeFolder, namesIn } from './folder.ts';
import { isRunning, type ProcessId, processName, processNamed, thisProcess } from './process.ts';

/** How often a holder shows other machines that it is alive, and how long they believe it, in milliseconds. */
const heartbeat = 10_000;
const believed = 60_000;

/** What one process at a time may do. */
export interface Lock {
  /** Made when absent, for its owner alone. */
  readonly folder: string;
  /** Names what is held, in a file's name. */
  readonly name: string;
  /** The environment, which says where the home folder is. */
  readonly env: Environment;
  /** How long to wait for another process, milliseconds. */
  readonly patience: number;
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Waits between two tries, milliseconds; may throw to end the waiting. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Told once, when another process has to be waited for. */
  readonly onWait?: () => void;
  /** What to do when the folder cannot be written. */
  readonly hint?: string;
}

/**
 * Does something while no other process that asks for the same lock does.
 *
 * Whoever wants the lock puts a file of a name of its own into the folder, and then looks whether there is another's: of any two
 * processes at least the later one sees the earlier, and steps back. No file is ever taken over, so a process that is killed at
 * any instruction leaves a file that the next one clears away, and nothing more.
 *
 * @throws CommandError (busy) when the lock stays held, (file_error) when the folder cannot be written
 */
export async function withLock<Result>(lock: Lock, work: () => Promise<Result>): Promise<Result> {
  const release = await hold(lock);
  try {
    return await work();
  } finally {
    release();
  }
}

async function hold({ folder, name, env, patience, monotonic, pause, onWait, hint }: Lock): Promise<() => void> {
  const deadline = monotonic() + patience;
  const mine = nameOf(name, thisProcess());
  const file = path.join(folder, mine);
  let told = false;
  for (;;) {
    let other = holder(folder, name, mine);
    if (other === undefined) {
      claim(folder, file, env, hint);
      other = holder(folder, name, mine);
      if (other === undefined) {
        const alive = setInterval(() => touch(file), heartbeat);
        alive.unref();
        return () => {
          clearInterval(alive);
          rmSync(file, { force: true });
        };
      }
      rmSync(file, { force: true });
    }
    if (monotonic() >= deadline) {
      throw new CommandError(
        'busy',
        `another ci (process ${other.pid}) is at work on the same and did not end in time`,
        {
          retryable: true,
          outcome: 'not_applied',
          hint: 'Nothing was changed. Run this again when it has ended.',
        },
      );
    }
    if (!told) onWait?.();
    told = true;
    // Of those that wait, no two try again at the same moment for long.
    await pause(10 + Math.random() * 40);
  }
}

/** The process that has its file in the folder; files of processes that are gone are cleared away. */
function holder(folder: string, name: string, mine: string): ProcessId | undefined {
  for (const each of namesIn(folder)) {
    const owner = each === mine ? undefined : ownerOf(name, each);
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
    const reason = messageOf(error);
    throw new CommandError('file_error', `${folder} cannot be written: ${reason}`, {
      hint,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** All facts are in the name: a file is there with them or not at all. */
function nameOf(name: string, owner: ProcessId): string {
  return `${name}.${processName(owner)}.${randomBytes(4).toString('hex')}.lock`;
}

function ownerOf(name: string, file: string): ProcessId | undefined {
  const rest = file.startsWith(`${name}.`) ? file.slice(name.length + 1) : '';
  return processNamed(/^(.+)\.[0-9a-f]+\.lock$/.exec(rest)?.[1] ?? '');
}

function isFresh(file: string): boolean {
  try {
    // A time to come is of a clock that is wrong: nobody would outlive it.
    return Math.abs(statSync(file).mtimeMs - Date.now()) < believed;
  } catch {
    return false;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The folder was cleared: there is nothing to show any more.
  }
}
