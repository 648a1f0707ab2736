import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from '../domain/errors.ts';

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
  return { machine: machine(), pid: process.pid, started: statOf(process.pid).started };
}

/** Whether a process still runs; undefined when it is of another machine, which cannot be asked. */
export function isRunning({ machine: where, pid, started }: ProcessId): boolean | undefined {
  if (where !== machine()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user: it is there.
    return codeOf(error) === 'EPERM';
  }
  const now = statOf(pid);
  // It has ended, and its parent does not ask what became of it: a container's first process may never do.
  if (now.state === 'Z') return false;
  // A number is given out again.
  return started === '' || now.started === started;
}

/** A process as a part of a file's name. */
export function processName({ machine, pid, started }: ProcessId): string {
  return `${machine}.${pid}.${started || '-'}`;
}

/** The process that a part of a file's name tells, as {@link processName} made it. */
export function processNamed(text: string): ProcessId | undefined {
  const [, where, pid, started] = /^([0-9a-f]+)\.(\d+)\.(\d+|-)$/.exec(text) ?? [];
  if (where === undefined || pid === undefined || started === undefined) return undefined;
  return { machine: where, pid: Number(pid), started: started === '-' ? '' : started };
}

let known: string | undefined;

function machine(): string {
  // Loaded here because every command loads this file, and few ask which process wrote a file.
  known ??= process
    .getBuiltinModule('node:crypto')
    .createHash('sha256')
    .update([hostname(), linux(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')), namespace()].join(' '))
    .digest('hex')
    .slice(0, 12);
  return known;
}

function namespace(): string {
  return linux(() => readlinkSync('/proc/self/ns/pid'));
}

/** Fields 3 and 22 of `/proc/PID/stat`; the second one, a name in brackets, may hold spaces. */
function statOf(pid: number): { readonly state: string; readonly started: string } {
  const stat = linux(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

/** What only Linux tells; empty elsewhere. */
function linux(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
