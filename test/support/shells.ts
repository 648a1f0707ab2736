import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { expect, onTestFinished } from 'vitest';
import type { Environment, User } from './cli.ts';
import { Screen } from './screen.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What became of a line when Tab was pressed at its end. */
interface Completed {
  /** The line then: a blank at its end is one that the shell put there. */
  readonly line: string;
  /** The words that the terminal was written: the line, and what is offered. */
  readonly words: readonly string[];
}

/** A shell that waits for a line on a terminal. */
export interface Prompt {
  /** Types a line, presses Tab, and takes the line away again. */
  tab(line: string): Promise<Completed>;
  /** Types a line, presses Tab, then Enter, and waits until the shell is ready for the next one: what the screen shows from there. */
  enter(line: string): Promise<string>;
  /** All that was ever written, control sequences and all. */
  readonly written: string;
}

const ready = 'ready> ';
const clearLine = '\x15';
/** What no completion holds: typed after Tab, it shows where the line then ends. */
const end = '%%';
/** What the shell writes when all that comes of a Tab is on the screen; a terminal shows nothing of it. */
const done = '\x1b]7777;\x07';
const printDone = 'printf "\\033]7777;\\007"';

/** What a shell reads at its start, so that a line can be told from all else on the screen, and the end of a Tab from its middle. */
const settings = {
  bash: {
    file: '.bashrc',
    text: `PS1='${ready}' HISTFILE=
bind 'set show-all-if-ambiguous on'
bind 'set enable-bracketed-paste off'
bind -x '"\\C-]": ${printDone}'
`,
    args: ['--noprofile', '-i'],
    tab: '\t\x1d',
  },
  // zsh shows no list while there is more to read: what ends a Tab is a part of it.
  zsh: {
    file: '.zshrc',
    text: `PS1='${ready}'
unsetopt prompt_sp
tab() { zle expand-or-complete; zle -R; ${printDone} }
zle -N tab; bindkey '^I' tab
`,
    args: ['-d', '-i'],
    tab: '\t',
  },
  fish: {
    file: 'fish/config.fish',
    text: `set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function fish_prompt; echo -n '${ready}'; end
function tabbed; ${printDone}; end
bind \\c] tabbed
`,
    args: ['-i'],
    tab: '\t\x1d',
  },
} as const satisfies Record<Shell, object>;

/** Writes what a shell reads at its start. */
export function writeSettings(user: User, shell: Shell, more = ''): void {
  const { file, text } = settings[shell];
  const folder = shell === 'fish' ? user.env.XDG_CONFIG_HOME || path.join(user.home, '.config') : user.home;
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  appendFileSync(target, more);
}

/** Starts a shell in which completion was set up by `ci completion install`. */
export async function completing(user: User, shell: Shell, env: Environment = {}): Promise<Prompt> {
  writeSettings(user, shell);
  const { code, stderr } = await user.ci(`completion install ${shell} --yes`);
  expect([code, stderr]).toEqual([0, expect.stringContaining('run this again')]);
  return startShell(user, shell, env);
}

/** Starts a shell on a terminal of 100 columns, and waits until it is ready. */
export async function startShell(user: User, shell: Shell, env: Environment = {}): Promise<Prompt> {
  const screen = new Screen(100);
  let written = '';
  const waiting = new Set<() => void>();
  let tabs = 0;
  const process_ = spawn(shell, [...settings[shell].args], {
    name: 'xterm-256color',
    cols: 100,
    rows: 60,
    cwd: user.home,
    env: { LANG: 'C.UTF-8', ...user.env, ...env },
  });
  let closed = false;
  process_.onData((text) => {
    written += text;
    tabs = written.split(done).length - 1;
    screen.write(text);
    for (const look of waiting) look();
  });
  const ended = new Promise<void>((resolve) =>
    process_.onExit(() => {
      closed = true;
      for (const look of waiting) look();
      resolve();
    }),
  );
  onTestFinished(async () => {
    if (!closed) process_.kill('SIGKILL');
    await ended;
  });
  const until = (found: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const isFound = found();
        if (!isFound && !closed) return;
        waiting.delete(look);
        if (isFound) resolve();
        else reject(new Error(`${shell} ended: ${screen.text}`));
      };
      waiting.add(look);
      look();
    });
  const rows = () => screen.text.split('\n');
  /** The row of the last line that the shell asked for. */
  const row = () => rows().findLastIndex((each) => each.startsWith(ready.trimEnd()));
  const line = () => rows()[row()]?.slice(ready.length);
  const press = async (typed: string) => {
    const before = tabs;
    process_.write(typed + settings[shell].tab);
    await until(() => tabs > before);
  };
  await until(() => line() === '');
  return {
    get written() {
      return written;
    },
    async tab(typed) {
      const from = written.length;
      await press(typed);
      const words = stripVTControlCharacters(written.slice(from)).split(/[\s()]+/);
      process_.write(end);
      await until(() => line()?.endsWith(end) === true);
      const completed = line()?.slice(0, -end.length) ?? '';
      process_.write(clearLine);
      await until(() => line() === '');
      return { line: completed, words };
    },
    async enter(typed) {
      await press(typed);
      // A shell may draw its line once more, further down.
      const asked = () => rows().findLastIndex((each) => each.startsWith(`${ready}${typed.slice(0, 20)}`));
      process_.write('\r');
      await until(() => line() === '' && asked() >= 0 && row() > asked());
      return rows().slice(asked(), row()).join('\n');
    },
  };
}
