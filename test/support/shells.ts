import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { expect, onTestFinished } from 'vitest';
import type { Environment, User } from './cli.ts';
import { Screen } from './screen.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The result of pressing Tab at the end of a line. */
interface Completed {
  /** The line after it. A trailing space was added by the shell. */
  readonly line: string;
  /** The words that were written to the terminal: the line and the suggestions. */
  readonly words: readonly string[];
}

/** A shell on a terminal that waits for input. */
export interface Prompt {
  /** Types a line, presses Tab, and removes the line again. */
  tab(line: string): Promise<Completed>;
  /** Types a line, presses Tab, then Enter, and waits until the shell is ready for the next one. @returns what the screen shows from there */
  enter(line: string): Promise<string>;
  /** Everything that was ever written, including control sequences. */
  readonly written: string;
}

const ready = 'ready> ';
const clearLine = '\x15';
/** A text that is in no completion. Typed after Tab, it shows where the line ends. */
const end = '%%';
/** What the shell writes when the result of a Tab is complete. A terminal doesn't show it. */
const done = '\x1b]7777;\x07';
const printDone = 'printf "\\033]7777;\\007"';

/** The startup script of a shell, which marks the input line and the end of a completion on the screen. */
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
  // zsh shows no list while there is more to read, so the end mark is part of the completion.
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

/** Writes the startup script of a shell. */
export function writeSettings(user: User, shell: Shell, more = ''): void {
  const { file, text } = settings[shell];
  const folder = shell === 'fish' ? user.env.XDG_CONFIG_HOME || path.join(user.home, '.config') : user.home;
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  appendFileSync(target, more);
}

/** Starts a shell with completion from `ci completion install`. */
export async function completing(user: User, shell: Shell, env: Environment = {}): Promise<Prompt> {
  writeSettings(user, shell);
  const { code, stderr } = await user.ci(`completion install ${shell} --yes`);
  expect([code, stderr]).toEqual([0, expect.stringContaining('run this command again')]);
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
    // fish lists completions on half of them.
    rows: 100,
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
  /** The row of the last prompt. */
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
      // A shell may redraw its line further down.
      const asked = () => rows().findLastIndex((each) => each.startsWith(`${ready}${typed.slice(0, 20)}`));
      process_.write('\r');
      await until(() => line() === '' && asked() >= 0 && row() > asked());
      return rows().slice(asked(), row()).join('\n');
    },
  };
}
