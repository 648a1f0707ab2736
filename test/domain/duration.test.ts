import { expect, test } from 'vitest';
import { parseDuration } from '../../src/domain/duration.ts';
import { CommandError } from '../../src/domain/errors.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['30', 30_000],
  ['5m', 300_000],
  ['6h', 21_600_000],
  ['30d', 2_592_000_000],
  ['1.5h', 5_400_000],
  ['0.5', 500],
  ['0.6ms', 1],
  [' 2s ', 2000],
])('%j is %i milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  '',
  ' ',
  '0',
  '0s',
  '0.4ms',
  '-5s',
  '5 s',
  '5M',
  '5w',
  's',
  '1e3',
  '1h30m',
  'soon',
  '99999999999999d',
  'NaN',
])('%j is refused with what would be right', (text) => {
  expect(() => parseDuration(text)).toThrow(
    expect.objectContaining({
      code: 'usage',
      exitCode: 2,
      message: `"${text}" is not a length of time`,
      hint: 'Write a number and a unit: 500ms, 30s, 5m, 6h or 30d.',
    }),
  );
  expect(() => parseDuration(text)).toThrow(CommandError);
});
