import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { onTestFailed, onTestFinished } from 'vitest';
import { type Environment, type User, words } from './cli.ts';
import { isBinary, program } from './program.ts';
import { Screen } from './screen.ts';

export const enter = '\r';
export const down = '\x1b[B';
export const ctrlC = '\x03';

const aroundCommand = (redirection: string) =>
  `trap : INT; "$0" "$@" ${redirection}; printf "\\033]7777;%s\\007" "$?"; read -r _`;
const endMark = /\x1b\]7777;(\d+)\x07/;

/** A command on a terminal, which is its stdin, stdout and stderr. */
export interface Session {
  /** What the screen shows now. */
  readonly screen: string;
  /** The same, cell by cell, with color and weight. */
  readonly cells: Screen['cells'];
  /** The words and lines that a line break cuts in two. */
  readonly cuts: readonly string[];
  /** Everything that was ever written, including control sequences. */
  readonly written: string;
  readonly exit: Promise<number>;
  /** Waits until the screen shows a text. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
  /** Changes the width of the terminal, and clears it. */
  resize(columns: number, rows: number): void;
}

interface Options {
  readonly env?: Environment;
  readonly columns?: number;
  /** Rows of the terminal; by default, 50. */
  readonly rows?: number;
  /** Whether to use a pseudo-terminal and a process, for tests about them. */
  readonly pty?: boolean;
  /** Whether the command has no standard input; needs a pseudo-terminal. */
  readonly closedStdin?: boolean;
}

/** Runs `ci` on a terminal of 80 columns. */
export function onTerminal(user: User, line: string | readonly string[], options: Options = {}): Session {
  const { pty = isBinary, closedStdin = false } = options;
  return pty || closedStdin ? onPty(user, line, options) : onFakeTerminal(user, line, options);
}

/** A terminal for a command in this process. It converts line breaks as a terminal driver does. */
class FakeTerminal extends Writable {
  readonly isTTY = true;
  readonly rows: number;
  columns: number;
  readonly #show: (text: string) => void;

  constructor(columns: number, rows: number, show: (text: string) => void) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
    this.#show = show;
  }

  /** Does nothing, because a question ends the stream it wrote to. */
  override end(): this {
    return this;
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    this.#show(chunk.toString().replaceAll('\n', '\r\n'));
    done();
  }
}

/** Runs `ci` in this process on a simulated terminal, which has colors and reads keys one by one. */
function onFakeTerminal(
  user: User,
  line: string | readonly string[],
  { env = {}, columns = 80, rows = 50 }: Options,
): Session {
  const seen = new Seen(columns);
  const interrupt = new AbortController();
  const [stdout, stderr] = [0, 1].map(() => new FakeTerminal(columns, rows, (text) => seen.show(text)));
  if (!stdout || !stderr) throw new Error('there is no terminal');
  let isRaw = false;
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode(raw: boolean) {
      isRaw = raw;
      return stdin;
    },
  });
  const exit = user.here(
    line,
    { stdin, stdout, stderr },
    { env: { TERM: 'xterm-256color', ...env }, interrupt: interrupt.signal },
  );
  let typed = Promise.resolve();
  let isOver = false;
  const end = () => {
    isOver = true;
    seen.end();
  };
  exit.then(end, end);
  onTestFinished(async () => {
    interrupt.abort(new Error('interrupted'));
    await exit.catch(() => {});
  });
  return Object.assign(seen, {
    exit,
    type(keys: string) {
      typed = typed.then(async () => {
        // A question reads keys from the turn of the event loop in which it is drawn.
        do await nextTurn();
        while (!isRaw && !isOver);
        stdin.write(keys);
      });
    },
    resize(wide: number) {
      seen.clear(wide);
      for (const terminal of [stdout, stderr]) {
        terminal.columns = wide;
        terminal.emit('resize');
      }
    },
  });
}

/** The output to a terminal, and what it shows. */
class Seen {
  #screen: Screen;
  #isOver = false;
  #isDue = false;
  readonly #waiting = new Set<() => void>();
  written = '';

  constructor(columns: number) {
    this.#screen = new Screen(columns);
    onTestFailed(() => console.error(`The screen at the end:\n${this.screen}`));
  }

  get screen(): string {
    return this.#screen.text;
  }

  get cells(): Screen['cells'] {
    return this.#screen.cells;
  }

  get cuts(): readonly string[] {
    return this.#screen.cuts;
  }

  show(text: string): void {
    this.written += text;
    this.#screen.write(text);
    if (this.#isDue) return;
    this.#isDue = true;
    // Once for everything that is written in a turn, because a screen is expensive to compute.
    setImmediate(() => {
      this.#isDue = false;
      for (const look of this.#waiting) look();
    });
  }

  /** Clears the screen, and changes its width. */
  clear(columns: number): void {
    this.#screen = new Screen(columns);
  }

  /** Fails the waits that are left after the command ended. */
  end(): void {
    this.#isOver = true;
    for (const look of this.#waiting) look();
  }

  shows(text: string | RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = typeof text === 'string' ? this.screen.includes(text) : text.test(this.screen);
        if (!found && !this.#isOver) return;
        this.#waiting.delete(look);
        if (found) resolve();
        else reject(new Error(`the command ended and the screen never showed ${text}:\n${this.screen}`));
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Runs `ci` in a process of its own, on a pseudo-terminal. */
export function onPty(user: User, line: string | readonly string[], options: Options = {}): Session {
  const { env = {}, columns = 80, rows = 50, closedStdin = false } = options;
  const seen = new Seen(columns);
  // A closed terminal drops unread output, so a shell around the command reports its end and waits to be released.
  const process_ = spawn('/bin/sh', ['-c', aroundCommand(closedStdin ? '<&-' : ''), ...program, ...words(line)], {
    // Sets TERM, whatever the environment says.
    name: env.TERM ?? 'xterm-256color',
    cols: columns,
    rows,
    cwd: user.home,
    env: { ...user.env, ...env },
  });
  let over = false;
  let held = '';
  const exit = new Promise<number>((resolve, reject) => {
    process_.onData((text) => {
      // What comes after the end is the terminal's echo of the release.
      if (over) return;
      held += text;
      const end = endMark.exec(held);
      if (!end) {
        const at = held.lastIndexOf('\x1b');
        const cut = at >= 0 && '\x1b]7777;'.startsWith(held.slice(at, at + 7)) ? at : held.length;
        seen.show(held.slice(0, cut));
        held = held.slice(cut);
        return;
      }
      over = true;
      seen.show(held.slice(0, end.index));
      seen.end();
      process_.write('\r');
      resolve(Number(end[1]));
    });
    process_.onExit(() => reject(new Error(`the terminal was closed: ${seen.written}`)));
  });
  const closed = new Promise<void>((resolve) => process_.onExit(() => resolve()));
  onTestFinished(async () => {
    exit.catch(() => {});
    if (!over) process_.kill('SIGKILL');
    await closed;
  });
  return Object.assign(seen, {
    exit,
    type: (keys: string) => process_.write(keys),
    resize: (wide: number, rows: number) => {
      seen.clear(wide);
      process_.resize(wide, rows);
    },
  });
}

/**
 * Returns a pattern of a screen that shows a text and was drawn for a width, which live views don't use to the last column. A view that
 * hasn't noticed a new width yet may be drawn for the old one once more.
 */
export function drawnFor(columns: number, text: RegExp): RegExp {
  return new RegExp(`^(?=[^]*${text.source})(?:.{0,${columns - 1}}(?:\\n|$))*$`, 'u');
}

/** Matches the progress line of a request, which appears only on a slow machine. */
const waiting = /(?:\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏|/\\-] [^\r]*\x1b\[K)+\r\x1b\[K/g;

/** Returns what was written to a terminal without the progress lines of requests. */
export function withoutProgress(written: string): string {
  return written.replace(waiting, '');
}

/** Runs `ci` on a terminal to its end. @returns the exit code, and what the screen shows then */
export async function shown(
  user: User,
  line: string | readonly string[],
  options: Options = {},
): Promise<{ code: number; screen: string; written: string; rows: string[] }> {
  const session = onTerminal(user, line, options);
  const code = await session.exit;
  const { screen } = session;
  const written = withoutProgress(session.written);
  return { code, screen, written, rows: stripVTControlCharacters(written).split('\r\n') };
}
