import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { type Shell, shells } from '../domain/shells.ts';

/** Returns the shell that started this process, or else the login shell; undefined if neither is supported. */
export function shellInUse(env: Environment): Shell | undefined {
  return shellNamed(parentName()) ?? loginShell(env) ?? (process.platform === 'win32' ? 'powershell' : undefined);
}

/** Returns the user's login shell, as `SHELL` says; undefined if it isn't supported. */
export function loginShell(env: Environment): Shell | undefined {
  return shellNamed(env.SHELL ?? '');
}

/** Returns the shell with a program's name or path. The name of a login shell starts with a dash. */
function shellNamed(program: string): Shell | undefined {
  const name = path.basename(program.trim()).replace(/^-|\.exe$/g, '');
  return name === 'pwsh' ? 'powershell' : shells.find((each) => each === name);
}

function parentName(): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${process.ppid}/comm`, 'utf8');
    // Loaded only here, because most callers need only the login shell.
    const { execFileSync } = process.getBuiltinModule('node:child_process');
    return execFileSync('ps', ['-o', 'comm=', '-p', String(process.ppid)], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return '';
  }
}
