import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, told from every other that was or will be, as far as the operating system lets it be told. */
export interface ProcessId {
  /** The machine since its last start, and the container on it: a number of a process means nothing elsewhere. */
  readonly machine: string;
  readonly pid: number;
  /** When it started, in the kernel's own count; empty where that cannot be read. */
  readonly started: string;
}

/** This process. */
export function thisProcess(): ProcessId {
  return { machine: machine(), pid: process.pid, started: startOf(process.pid) };
}

/** Whether a process still runs; undefined when it is of another machine, which cannot be asked. */
export function isRunning({ machine: where, pid, started }: ProcessId): boolean | undefined {
  if (where !== machine()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user: it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // A number is given out again.
  return started === '' || startOf(pid) === started;
}

let known: string | undefined;

function machine(): string {
  known ??= createHash('sha256')
    .update([hostname(), linux(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')), namespace()].join(' '))
    .digest('hex')
    .slice(0, 12);
  return known;
}

function namespace(): string {
  return linux(() => readlinkSync('/proc/self/ns/pid'));
}

/** Field 22 of `/proc/PID/stat`; the second one, a name in brackets, may hold spaces. */
function startOf(pid: number): string {
  const stat = linux(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** What only Linux tells; empty elsewhere. */
function linux(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
