import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { LiveScreen } from '../../src/output/live.ts';

/** A terminal that records what is written. */
class Terminal extends EventEmitter {
  readonly isTTY = true;
  columns = 20;
  rows = 3;
  written: string[] = [];

  write(text: string): void {
    this.written.push(text);
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.written = [];
    this.emit('resize');
  }
}

/** Returns what drawing lines writes: from the top left corner, with each line and the rest of the screen erased. */
function drawn(...lines: readonly string[]): string {
  return `\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`;
}

function opened() {
  const terminal = new Terminal();
  const screen = new LiveScreen(terminal, (text) => text.replaceAll('…', '...'));
  return { terminal, screen };
}

test('a live screen is an alternate screen, which closing removes', () => {
  const { terminal, screen } = opened();
  screen.redraw();
  expect([screen.isOpen, terminal.written]).toEqual([false, []]);
  screen.open((columns) => [`${columns} columns`]);
  expect([screen.isOpen, terminal.written]).toEqual([true, ['\x1b[?1049h\x1b[?25l', drawn('19 columns')]]);
  terminal.written = [];
  screen.close();
  screen.close();
  screen.redraw();
  expect([screen.isOpen, terminal.written]).toEqual([false, ['\x1b[?25h\x1b[?1049l']]);
});

test('redraws after a change of size, until it is closed', () => {
  const { terminal, screen } = opened();
  screen.open((columns) => [`${columns} columns`]);
  terminal.resize(60, 3);
  expect(terminal.written).toEqual([drawn('59 columns')]);
  screen.close();
  terminal.resize(30, 3);
  expect([terminal.written, terminal.listenerCount('resize')]).toEqual([[], 0]);
});

test('draws what fits, in characters that the terminal can show', () => {
  const { terminal, screen } = opened();
  screen.open(() => ['waiting…', '\x1b[1mabcdefghijklmnopqrstuvwxyz\x1b[22m', '東京東京東京東京東京東京', 'too many']);
  expect(terminal.written.at(-1)).toBe(drawn('waiting...', 'abcdefghijklmnopqrs', '東京東京東京東京東'));
});
