import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { type EvaluatingShell, type Shell, shells } from '../domain/shells.ts';

/** Returns the shell that started this process, or else the login shell; undefined if neither is supported. */
export function shellInUse(env: Environment): Shell | undefined {
  return firstShell(parentNames()) ?? loginShell(env) ?? (process.platform === 'win32' ? 'powershell' : undefined);
}

/** Returns the user's login shell, as `SHELL` says; undefined if it isn't supported. */
export function loginShell(env: Environment): Shell | undefined {
  return shellNamed(env.SHELL ?? '');
}

/** Returns the kind of the shell that evaluates the output of this process: that of the shell that started it, or else of the login shell. */
export function evaluatingShell(env: Environment): EvaluatingShell {
  const parent = parentNames();
  if (parent.some((name) => ['sh', 'dash', 'ash', 'ksh', 'mksh', 'busybox'].includes(nameOf(name)))) return 'sh';
  const shell = firstShell(parent) ?? loginShell(env) ?? (process.platform === 'win32' ? 'powershell' : 'bash');
  return shell === 'fish' || shell === 'powershell' ? shell : 'sh';
}

/** Returns the shell with a program's name or path. */
function shellNamed(program: string): Shell | undefined {
  const name = nameOf(program);
  return name === 'pwsh' ? 'powershell' : shells.find((each) => each === name);
}

/** Returns the first shell among names or paths of a program. */
function firstShell(programs: readonly string[]): Shell | undefined {
  return programs.map(shellNamed).find((shell) => shell !== undefined);
}

/** Returns the name of a program. That of a login shell starts with a dash. */
function nameOf(program: string): string {
  return path.basename(program.trim()).replace(/^-|\.exe$/g, '');
}

/** Returns the names of the program that started this process. A script has the name of its file, and its shell is the executable. */
function parentNames(): readonly string[] {
  if (process.platform === 'linux') {
    const parent = `/proc/${process.ppid}`;
    return [nameFrom(() => readlinkSync(`${parent}/exe`)), nameFrom(() => readFileSync(`${parent}/comm`, 'utf8'))];
  }
  // Loaded only here, because most callers need only the login shell.
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  return [
    nameFrom(() =>
      execFileSync('ps', ['-o', 'comm=', '-p', String(process.ppid)], { encoding: 'utf8', stdio: 'pipe' }),
    ),
  ];
}

/** Returns a name; an empty one if it can't be read, as for a program of another user. */
function nameFrom(read: () => string): string {
  try {
    return read().replace(/ \(deleted\)$/, '');
  } catch {
    return '';
  }
}
