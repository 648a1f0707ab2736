import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { completionFolder, type Environment, xdgFolder } from '../config/folders.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { quoted } from '../domain/shell-word.ts';
import type { Shell } from '../domain/shells.ts';
import { namesIn } from '../state/folder.ts';
import { replaceFile } from '../state/replace-file.ts';

/** What a file of the user's has to hold. */
export interface Change {
  readonly file: string;
  /** `created`: all of it is new; `added`: some lines; `updated`: what was put there before has changed. */
  readonly change: 'created' | 'added' | 'updated' | 'unchanged';
  /** The lines that are the completion's, from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** All that the file then holds. */
  readonly text: string;
}

/** In every script that was generated. */
const mark = 'Generated from the command tree: `ci completion ';
const start = '# >>> completion of ci (cheapestinference) >>>';
const end = '# <<< completion of ci (cheapestinference) <<<';

/**
 * What completion in a shell takes. Where the shell has a folder that it loads completions from, that is all; else a block of
 * lines in the file that it reads at its start.
 *
 * @throws CommandError (file_error) for a file that is somebody else's, or that cannot be read
 */
export function completionChanges(shell: Shell, script: string, env: Environment): Change[] {
  const home = env.HOME || homedir();
  if (shell === 'fish') {
    const folder = path.join(xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(home, '.config'), 'fish', 'completions');
    return ['ci.fish', 'cheapestinference.fish'].map((name) => wholeFile(path.join(folder, name), script));
  }
  if (shell === 'bash') {
    const [own = ''] = (env.BASH_COMPLETION_USER_DIR ?? '').split(':');
    const data = xdgFolder(env, 'XDG_DATA_HOME') ?? path.join(home, '.local', 'share');
    const folder = path.join(own || path.join(data, 'bash-completion'), 'completions');
    const files = ['ci', 'cheapestinference'].map((name) => wholeFile(path.join(folder, name), script));
    if (loadsBashCompletion(home)) return files;
    // A login shell, which is what terminals start on macOS, reads another file.
    const rc = path.join(home, process.platform === 'darwin' ? '.bash_profile' : '.bashrc');
    return [...files, block(rc, [`[ -r ${quoted(path.join(folder, 'ci'))} ] && . ${quoted(path.join(folder, 'ci'))}`])];
  }
  if (shell === 'zsh') {
    const folder = completionFolder();
    return [
      wholeFile(path.join(folder, '_ci'), script),
      block(path.join(env.ZDOTDIR || home, '.zshrc'), [
        `fpath=(${quoted(folder)} $fpath)`,
        '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }',
        'autoload -Uz _ci && compdef _ci ci cheapestinference',
      ]),
    ];
  }
  const file = path.join(completionFolder(), 'ci.ps1');
  return [wholeFile(file, script), block(powershellProfile(), [`. '${file.replaceAll("'", "''")}'`])];
}

/** Makes a file hold what it has to; a link stays a link. @throws CommandError (file_error) */
export function applyChange({ file, change, text }: Change): void {
  if (change === 'unchanged') return;
  try {
    // Not for a group to write, whatever is usual: zsh passes over such folders.
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    replaceFile(file, text);
  } catch (error) {
    throw failure(`${file} cannot be written: ${messageOf(error)}`, error);
  }
}

/** A file that is the script and nothing else. */
function wholeFile(file: string, script: string): Change {
  const before = textOf(file);
  if (before !== undefined && !before.includes(mark)) {
    throw failure(
      `${file} is there already and is not of this program`,
      undefined,
      'Move it away, and run this again.',
    );
  }
  const change = before === undefined ? 'created' : before === script ? 'unchanged' : 'updated';
  return { file, change, firstLine: 1, lastLine: script.split('\n').length - 1, text: script };
}

/** A file of the user's with some marked lines of ours in it, at its end unless they are there already. */
function block(file: string, lines: readonly string[]): Change {
  const before = textOf(file) ?? '';
  const newline = before.includes('\r\n') ? '\r\n' : '\n';
  const ours = [start, ...lines, end];
  const there = before === '' ? [] : before.split(/\r?\n/);
  const first = there.indexOf(start);
  const last = there.indexOf(end, first);
  if (first >= 0 && last < 0) {
    throw failure(
      `${file} has the line "${start}" and not the one that ends it`,
      undefined,
      'Take it out, and run this again.',
    );
  }
  if (first < 0) {
    const kept = there.at(-1) === '' ? there.slice(0, -1) : there;
    return {
      file,
      change: before === '' ? 'created' : 'added',
      firstLine: kept.length + 1,
      lastLine: kept.length + ours.length,
      text: `${[...kept, ...ours].join(newline)}${newline}`,
    };
  }
  const text = [...there.slice(0, first), ...ours, ...there.slice(last + 1)].join(newline);
  const change = text === there.join(newline) ? 'unchanged' : 'updated';
  return { file, change, firstLine: first + 1, lastLine: first + ours.length, text };
}

/** Whether bash loads completions from the user's folder: only the package bash-completion makes it do so. */
function loadsBashCompletion(home: string): boolean {
  const own = ['.bashrc', '.bash_profile', '.bash_login', '.profile'].map((name) => path.join(home, name));
  const files = [...own, '/etc/bash.bashrc', '/etc/bashrc'];
  // What /etc/bashrc does not name it may read from this folder, as Fedora's does.
  if (existsSync('/etc/bashrc'))
    files.push(...namesIn('/etc/profile.d').map((name) => path.join('/etc/profile.d', name)));
  return files.some((file) => /^[^#\n]*bash_completion/m.test(existsSync(file) ? (textOf(file) ?? '') : ''));
}

/** The profile of all of PowerShell's hosts: only PowerShell knows where it is. */
function powershellProfile(): string {
  const ask = ['-NoProfile', '-NonInteractive', '-Command', '$PROFILE.CurrentUserAllHosts'];
  for (const program of process.platform === 'win32' ? ['pwsh', 'powershell'] : ['pwsh']) {
    try {
      const file = execFileSync(program, ask, {
        encoding: 'utf8',
        timeout: 20_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      if (path.isAbsolute(file)) return file;
    } catch {
      // It is not there, or of a kind that does not answer.
    }
  }
  throw failure(
    'PowerShell (pwsh) could not be asked where its profile is',
    undefined,
    'Add this line to it: ci completion powershell | Out-String | Invoke-Expression',
  );
}

/** A file's text; undefined when there is none. */
function textOf(file: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure(`${file} cannot be read: ${messageOf(error)}`, error);
  }
}

function failure(message: string, cause?: unknown, hint = 'Nothing was changed.'): CommandError {
  return new CommandError('file_error', message, { hint, outcome: 'not_applied', cause });
}
