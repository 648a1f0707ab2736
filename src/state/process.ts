import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from '../domain/errors.ts';

/** Identifies a process as uniquely as the operating system allows. */
export interface ProcessId {
  /** A hash of the machine, its last start, and the container. Outside of them, a pid means nothing. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in ticks of the kernel; empty if that can't be read. */
  readonly started: string;
}

/** Returns the identity of this process. */
export function thisProcess(): ProcessId {
  own ??= { machine: machine(), pid: process.pid, started: statOf(process.pid).started };
  return own;
}

let own: ProcessId | undefined;

/** Returns whether a process is running; undefined if it is on another machine. */
export function isRunning({ machine: where, pid, started }: ProcessId): boolean | undefined {
  if (where !== machine()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM means that it is running as another user.
    return codeOf(error) === 'EPERM';
  }
  const now = statOf(pid);
  // A zombie has ended. Its parent doesn't wait for it, as the first process of a container may not.
  if (now.state === 'Z') return false;
  // The pid may have been reused.
  return started === '' || now.started === started;
}

/**
 * Returns whether a process has certainly ended. Only Linux has an ID of the last start: without one, two machines of the same name look
 * like one, and a process of the other would seem to have ended.
 */
export function hasEnded(process: ProcessId): boolean {
  return bootId().trim() !== '' && isRunning(process) === false;
}

/** Formats a process as part of a file name. */
export function processName({ machine, pid, started }: ProcessId): string {
  return `${machine}.${pid}.${started || '-'}`;
}

/** Parses a part of a file name that {@link processName} returned. */
export function processNamed(text: string): ProcessId | undefined {
  const [, where, pid, started] = /^([0-9a-f]+)\.(\d+)\.(\d+|-)$/.exec(text) ?? [];
  if (where === undefined || pid === undefined || started === undefined) return undefined;
  return { machine: where, pid: Number(pid), started: started === '-' ? '' : started };
}

let machineId: string | undefined;

function machine(): string {
  // Loaded only here, because every command loads this file, and few need the machine.
  machineId ??= process
    .getBuiltinModule('node:crypto')
    .createHash('sha256')
    .update([hostname(), bootId(), namespace()].join(' '))
    .digest('hex')
    .slice(0, 12);
  return machineId;
}

function bootId(): string {
  return linux(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
}

function namespace(): string {
  return linux(() => readlinkSync('/proc/self/ns/pid'));
}

/** Returns fields 3 and 22 of `/proc/PID/stat`. Field 2, a name in parentheses, may contain spaces. */
function statOf(pid: number): { readonly state: string; readonly started: string } {
  const stat = linux(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

/** Reads what only Linux provides; returns an empty text elsewhere. */
function linux(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
