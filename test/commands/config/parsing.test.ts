import { expect, test } from 'vitest';
import get from '../../../src/commands/config/get.ts';
import set from '../../../src/commands/config/set.ts';
import unset from '../../../src/commands/config/unset.ts';
import { parsed } from '../../support/parsing.ts';

const hint = 'Choose output, timeout, max-monthly-spend, settling-time, default-key, max-key-age or state-url.';

test.each([
  ['', { key: undefined }],
  ['settling-time', { key: 'settling-time' }],
])('reads `ci config get %s` and `ci config unset %s`', async (words, options) => {
  expect(await parsed(get, words)).toEqual(options);
  expect(await parsed(unset, words)).toEqual(options);
});

test.each([
  ['', { key: undefined, value: undefined }],
  ['output', { key: 'output', value: undefined }],
  ['max-monthly-spend 200', { key: 'max-monthly-spend', value: '200' }],
  ['state-url -', { key: 'state-url', value: '-' }],
])('reads `ci config set %s`', async (words, options) => {
  expect(await parsed(set, words)).toEqual(options);
});

test('refuses an unknown setting, and lists the known ones', async () => {
  const error = { code: 'usage', message: '"color" is not a setting', hint };
  await expect(parsed(get, 'color')).rejects.toMatchObject(error);
  await expect(parsed(set, 'color red')).rejects.toMatchObject(error);
  await expect(parsed(unset, 'color')).rejects.toMatchObject(error);
});
