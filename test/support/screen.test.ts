import { expect, test } from 'vitest';
import { Screen } from './screen.ts';

test('shows the same, however the output is cut', () => {
  const output =
    'ready> \x1b]7777;\x07one\x1b[1A\x1b[3D\x1b[?25l\x1b[31mtwo\x1b[0m\x1b(B\x1b=\r\nthree \x1b]0;title\x1b\\four\x1b[K';
  const screen = new Screen(20);
  for (const character of output) screen.write(character);
  expect(screen.text).toBe('ready> two\nthree four');
  const whole = new Screen(20);
  whole.write(output);
  expect(screen.cells).toEqual(whole.cells);
});
