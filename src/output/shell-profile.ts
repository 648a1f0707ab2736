import { loginShell } from '../config/shell.ts';
import { startupFile, type UnixShell } from '../config/startup-files.ts';
import type { Environment } from '../domain/environment.ts';
import { quoted } from '../domain/shell-word.ts';
import { applyChange, type Block, checkChange, withBlock } from './file-change.ts';

/** The startup file of a shell, which loads a dotenv file. Only the dotenv file holds secrets. */
export interface ShellProfile {
  readonly shell: UnixShell;
  /** The startup file. Other users may be able to read it. */
  readonly file: string;
  /** Checks that `load` would work. @throws CommandError (file_error) */
  check(dotenv: string): void;
  /** Makes new shells load a dotenv file, instead of any earlier one. @throws CommandError (file_error) */
  load(dotenv: string): void;
}

/** Returns the startup file of the user's login shell; undefined if the shell isn't supported. */
export function findShellProfile(env: Environment): ShellProfile | undefined {
  const shell = loginShell(env);
  if (!env.HOME || shell === undefined || shell === 'powershell') return undefined;
  const file = startupFile(shell, env);
  const change = (dotenv: string) => withBlock(file, blockFor(shell, dotenv));
  return { shell, file, check: (dotenv) => checkChange(change(dotenv)), load: (dotenv) => applyChange(change(dotenv)) };
}

function blockFor(shell: UnixShell, dotenv: string): Block {
  return {
    start: '# >>> CheapestInference API key >>>',
    lines: shell === 'fish' ? fishLines(dotenv) : posixLines(dotenv),
    end: '# <<< CheapestInference API key <<<',
  };
}

function posixLines(dotenv: string): string[] {
  const file = quoted(dotenv);
  return [`if [ -r ${file} ]; then set -a; . ${file}; set +a; fi`];
}

function fishLines(dotenv: string): string[] {
  const file = `'${dotenv.replace(/[\\']/g, '\\$&')}'`;
  return [
    `if test -r ${file}`,
    `  for line in (string match -r '^\\w+=.*' < ${file})`,
    '    set -gx (string split -m 1 = -- $line)',
    '  end',
    'end',
  ];
}
