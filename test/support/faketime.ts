import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The library that moves the clock of a process, in the directory of libraries of each architecture. */
const library = existsSync('/usr/lib')
  ? readdirSync('/usr/lib')
      .map((name) => path.join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1'))
      .find((file) => existsSync(file))
  : undefined;

/** Whether to skip tests that move the clock of a process, because libfaketime isn't installed. In CI, it is required. */
export const lacksFaketime: boolean = library === undefined && !process.env.CI;

/** Returns variables for a process whose wall clock is as far ahead as a file says. Its monotonic clock isn't moved. */
export function clockEnvironment(file: string): Record<string, string> {
  if (library === undefined) throw new Error('libfaketime is not installed. Install the package `libfaketime`.');
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** Sets how far the clock of the processes with a file is ahead. */
export function setClockFile(file: string, hours: number): void {
  // A process may read it at any time.
  const draft = `${file}.new`;
  writeFileSync(draft, `${hours < 0 ? '' : '+'}${hours}h\n`, { mode: 0o644 });
  renameSync(draft, file);
}

/** Removes what the library leaves in memory when a process is killed. */
export function cleanUpClock(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
    rmSync(path.join('/dev/shm', name), { force: true });
}
