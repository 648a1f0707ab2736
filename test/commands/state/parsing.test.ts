import { expect, test } from 'vitest';
import gc from '../../../src/commands/state/gc.ts';
import init from '../../../src/commands/state/init.ts';
import { parsed } from '../../support/parsing.ts';

const day = 86_400_000;

test.each([
  ['', {}],
  ['--sql', { sql: true }],
])('reads `ci state init %s`', async (words, options) => {
  expect(await parsed(init, words)).toEqual(options);
});

test.each([
  ['', {}],
  ['--older-than 31d', { olderThan: 31 * day }],
  ['--older-than 2400h', { olderThan: 100 * day }],
])('reads `ci state gc %s`', async (words, options) => {
  expect(await parsed(gc, words)).toEqual(options);
});

test.each(['30d', '7d', '90'])('refuses --older-than %s, which commands look back to', async (age) => {
  const hint = 'Commands look back up to 30 days. Use 31d or more.';
  const error = { code: 'usage', message: `"${age}" is not a valid value for --older-than`, hint };
  await expect(parsed(gc, ['--older-than', age])).rejects.toMatchObject(error);
});
