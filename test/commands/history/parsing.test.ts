import { expect, test } from 'vitest';
import history from '../../../src/commands/history/index.ts';
import reconcile from '../../../src/commands/history/reconcile.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { limit: 1000 }],
  ['-L 10', { limit: 10 }],
  ['--all --limit 1', { all: true, limit: 1 }],
])('reads `ci history %s`', async (words, options) => {
  expect(await parsed(history, words)).toEqual(options);
});

test.each(['0', '-1', '1.5', '1e3', 'ten', ''])('refuses --limit %j', async (limit) => {
  const error = { code: 'usage', message: `"${limit}" is not a valid limit` };
  await expect(parsed(history, [`--limit=${limit}`])).rejects.toMatchObject(error);
});

test.each([
  ['', {}],
  ['--wait', { wait: true }],
])('reads `ci history reconcile %s`', async (words, options) => {
  expect(await parsed(reconcile, words)).toEqual(options);
});
