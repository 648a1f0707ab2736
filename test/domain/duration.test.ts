import { expect, test } from 'vitest';
import { durationInWords, parseDuration } from '../../src/domain/duration.ts';
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
])('parses %j as %i milliseconds', (text, milliseconds) => {
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
])('refuses %j with a hint', (text) => {
  expect(() => parseDuration(text)).toThrow(
    expect.objectContaining({
      code: 'usage',
      exitCode: 2,
      message: `"${text}" is not a valid duration`,
      hint: 'Use a number and a unit, such as 500ms, 30s, 5m, 6h or 30d.',
    }),
  );
  expect(() => parseDuration(text)).toThrow(CommandError);
});

test('names the option or setting of an invalid duration', () => {
  expect(() => parseDuration('soon', '--for')).toThrow('"soon" is not a valid duration for --for');
});

test.each([
  [0, '0 seconds'],
  [400, '400 ms'],
  [1, '1 ms'],
  [1000, '1 second'],
  [1001, '2 seconds'],
  [30_000, '30 seconds'],
  [59_001, '1 minute'],
  [90_000, '90 seconds'],
  [120_000, '2 minutes'],
  [121_000, '2 minutes'],
  [601_000, '10 minutes'],
  [3_600_000, '1 hour'],
  [5_400_000, '90 minutes'],
  [10_082_000, '3 hours'],
  [172_800_000, '2 days'],
])('formats %i ms as %j', (milliseconds, words) => {
  expect(durationInWords(milliseconds)).toBe(words);
});
