import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { onTestFinished } from 'vitest';
import { bin, type Environment, type User, words } from './cli.ts';
import { Screen } from './screen.ts';

export const enter = '\r';
export const down = '\x1b[B';
export const ctrlC = '\x03';

/** A command on a terminal: stdin, stdout and stderr are all its screen. */
export interface Session {
  /** What the screen shows now. */
  readonly screen: string;
  /** All that was ever written, control sequences and all. */
  readonly written: string;
  readonly exit: Promise<number>;
  /** Waits until the screen shows a text. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
}

interface Options {
  readonly env?: Environment;
  readonly columns?: number;
}

/** Runs `ci` on a terminal of 80 columns. */
export function onTerminal(user: User, line: string | readonly string[], options: Options = {}): Session {
  const { env = {}, columns = 80 } = options;
  const screen = new Screen(columns);
  let written = '';
  const process_ = spawn(process.execPath, [bin, ...words(line)], {
    // Becomes TERM, whatever the environment says.
    name: env.TERM ?? 'xterm-256color',
    cols: columns,
    rows: 50,
    cwd: user.home,
    env: { ...user.env, ...env },
  });
  let over = false;
  const waiting = new Set<() => void>();
  process_.onData((text) => {
    written += text;
    screen.write(text);
    for (const look of waiting) look();
  });
  const exit = new Promise<number>((resolve) => {
    process_.onExit(({ exitCode }) => {
      over = true;
      resolve(exitCode);
      for (const look of waiting) look();
    });
  });
  onTestFinished(async () => {
    if (!over) process_.kill('SIGKILL');
    await exit;
  });
  return {
    get screen() {
      return screen.text;
    },
    get written() {
      return written;
    },
    exit,
    type: (keys) => process_.write(keys),
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

/** Runs `ci` on a terminal to its end: the exit code, and what the screen shows then. */
export async function shown(
  user: User,
  line: string | readonly string[],
  options: Options = {},
): Promise<{ code: number; screen: string; written: string; rows: string[] }> {
  const session = onTerminal(user, line, options);
  const code = await session.exit;
  const { screen, written } = session;
  return { code, screen, written, rows: stripVTControlCharacters(written).split('\r\n') };
}
