import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Shell, shells } from '../domain/shells.ts';
import type { Environment } from './folders.ts';

/** How far up the shell is looked for: a package runner and its own shell may stand between. */
const generations = 4;

/** The shell that the program was started from, else the user's own; undefined when neither is one that is known. */
export function shellInUse(env: Environment): Shell | undefined {
  let pid = process.ppid;
  for (let generation = 0; generation < generations && pid > 1; generation += 1) {
    const parent = processOf(pid);
    if (!parent) break;
    const shell = shellNamed(parent.name);
    if (shell) return shell;
    pid = parent.parent;
  }
  return shellNamed(env.SHELL ?? '') ?? (process.platform === 'win32' ? 'powershell' : undefined);
}

/** The shell of a program's name or path; a login shell has a dash before it. */
function shellNamed(program: string): Shell | undefined {
  const name = path.basename(program).replace(/^-|\.exe$/g, '');
  return name === 'pwsh' ? 'powershell' : shells.find((each) => each === name);
}

function processOf(pid: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const text =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^\d+ \((.*)\) \S (\d+) [\s\S]*$/, '$2 $1')
        : execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'latin1', stdio: 'pipe' });
    const [, parent, name] = /^\s*(\d+)\s+(.+?)\s*$/.exec(text) ?? [];
    return name === undefined ? undefined : { name, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
