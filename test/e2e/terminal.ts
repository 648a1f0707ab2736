import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { onTestFailed, onTestFinished } from 'vitest';
import { bin, type Environment, type User, words } from './cli.ts';
import { Screen } from './screen.ts';

export const enter = '\r';
export const down = '\x1b[B';
export const ctrlC = '\x03';

const aroundCommand = (redirection: string) =>
  `trap : INT; "$0" "$@" ${redirection}; printf "\\033]7777;%s\\007" "$?"; read -r _`;
const endMark = /\x1b\]7777;(\d+)\x07/;

/** A command on a terminal: stdin, stdout and stderr are all its screen. */
export interface Session {
  /** What the screen shows now. */
  readonly screen: string;
  /** The same, cell by cell, with colour and weight. */
  readonly cells: Screen['cells'];
  /** The words and lines in it that a line break cuts in two. */
  readonly cuts: readonly string[];
  /** All that was ever written, control sequences and all. */
  readonly written: string;
  readonly exit: Promise<number>;
  /** Waits until the screen shows a text. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
  /** Makes the terminal as wide, and what it shows as empty as after its user cleared it. */
  resize(columns: number, rows: number): void;
}

interface Options {
  readonly env?: Environment;
  readonly columns?: number;
  /** Whether the command has no standard input at all. */
  readonly closedStdin?: boolean;
}

/** Runs `ci` on a terminal of 80 columns. */
export function onTerminal(user: User, line: string | readonly string[], options: Options = {}): Session {
  const { env = {}, columns = 80, closedStdin = false } = options;
  let screen = new Screen(columns);
  let written = '';
  // A terminal that is closed drops what was not read yet: a shell around the command tells its end, and waits to be let go.
  const process_ = spawn(
    '/bin/sh',
    ['-c', aroundCommand(closedStdin ? '<&-' : ''), process.execPath, bin, ...words(line)],
    {
      // Becomes TERM, whatever the environment says.
      name: env.TERM ?? 'xterm-256color',
      cols: columns,
      rows: 50,
      cwd: user.home,
      env: { ...user.env, ...env },
    },
  );
  let over = false;
  let held = '';
  const waiting = new Set<() => void>();
  const show = (text: string) => {
    written += text;
    screen.write(text);
    for (const look of waiting) look();
  };
  const exit = new Promise<number>((resolve, reject) => {
    process_.onData((text) => {
      // What comes after the end is the terminal's echo of the shell being let go.
      if (over) return;
      held += text;
      const end = endMark.exec(held);
      if (!end) {
        const at = held.lastIndexOf('\x1b');
        const cut = at >= 0 && '\x1b]7777;'.startsWith(held.slice(at, at + 7)) ? at : held.length;
        show(held.slice(0, cut));
        held = held.slice(cut);
        return;
      }
      over = true;
      show(held.slice(0, end.index));
      process_.write('\r');
      resolve(Number(end[1]));
    });
    process_.onExit(() => reject(new Error(`the terminal was closed: ${written}`)));
  });
  const closed = new Promise<void>((resolve) => process_.onExit(() => resolve()));
  onTestFailed(() => console.error(`The screen at the end:\n${screen.text}`));
  onTestFinished(async () => {
    exit.catch(() => {});
    if (!over) process_.kill('SIGKILL');
    await closed;
  });
  return {
    get screen() {
      return screen.text;
    },
    get cells() {
      return screen.cells;
    },
    get cuts() {
      return screen.cuts;
    },
    get written() {
      return written;
    },
    exit,
    type: (keys) => process_.write(keys),
    resize: (columns, rows) => {
      screen = new Screen(columns);
      process_.resize(columns, rows);
    },
    shows: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = typeof text === 'string' ? screen.text.includes(text) : text.test(screen.text);
          if (!found && !over) return;
          waiting.delete(look);
          if (found) resolve();
          else reject(new Error(`the command ended and the screen never showed ${text}:\n${screen.text}`));
        };
        waiting.add(look);
        look();
      }),
  };
}

/** What is told while a request is under way: whether one takes so long, the machine decides. */
const waiting = /(?:\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] [^\r]*\x1b\[K)+\r\x1b\[K/g;

/** Runs `ci` on a terminal to its end: the exit code, and what the screen shows then. */
export async function shown(
  user: User,
  line: string | readonly string[],
  options: Options = {},
): Promise<{ code: number; screen: string; written: string; rows: string[] }> {
  const session = onTerminal(user, line, options);
  const code = await session.exit;
  const { screen } = session;
  const written = session.written.replace(waiting, '');
  return { code, screen, written, rows: stripVTControlCharacters(written).split('\r\n') };
}
