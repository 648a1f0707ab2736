import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { onTestFailed, onTestFinished } from 'vitest';
import type { User } from './cli.ts';

/** A shell with job control on a terminal. */
export interface JobShell {
  /** Everything that was ever written, including control sequences. */
  readonly written: string;
  /** Waits until a text that comes after those that were waited for is written. Control sequences don't count. */
  shows(text: string | RegExp): Promise<RegExpExecArray>;
  type(keys: string): void;
  /** Types a line and Enter. */
  enter(line: string): void;
  /** Kills the shell. The terminal stays open. */
  kill(): void;
  /** Closes the terminal, as if its window were closed. @returns when the shell has ended */
  close(): Promise<void>;
}

/** Starts bash on a terminal of 80 columns, with `ci` on its path. */
export function jobShell({ home, env }: User): JobShell {
  const terminal = spawn('bash', ['--norc', '--noprofile', '-i'], {
    name: 'xterm-256color',
    cols: 80,
    rows: 50,
    cwd: home,
    env: { ...env, PS1: '$ ' },
  });
  let written = '';
  let position = 0;
  let isClosed = false;
  const waiting = new Set<() => void>();
  const look = () => {
    for (const each of waiting) each();
  };
  terminal.onData((text) => {
    written += text;
    look();
  });
  const ended = new Promise<void>((resolve) =>
    terminal.onExit(() => {
      isClosed = true;
      look();
      resolve();
    }),
  );
  onTestFailed(() => console.error(`The terminal at the end:\n${stripVTControlCharacters(written)}`));
  onTestFinished(async () => {
    if (!isClosed) terminal.kill('SIGKILL');
    await ended;
  });
  const type = (keys: string) => terminal.write(keys);
  return {
    get written() {
      return written;
    },
    shows: (text) =>
      new Promise((resolve, reject) => {
        const pattern = typeof text === 'string' ? literal(text) : text;
        const check = () => {
          const found = pattern.exec(stripVTControlCharacters(written).slice(position));
          if (!found && !isClosed) return;
          waiting.delete(check);
          if (!found) return reject(new Error(`the shell ended without showing ${pattern}`));
          position += found.index + found[0].length;
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
    type,
    enter: (line) => type(`${line}\r`),
    kill: () => terminal.kill('SIGKILL'),
    close() {
      // Not in the types, because it doesn't exist on Windows.
      const destroy: unknown = Reflect.get(terminal, 'destroy');
      if (typeof destroy !== 'function') throw new Error('the terminal cannot be closed');
      Reflect.apply(destroy, terminal, []);
      return ended;
    },
  };
}

function literal(text: string): RegExp {
  return new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
}
