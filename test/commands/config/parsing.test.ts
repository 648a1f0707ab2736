import { expect, test } from 'vitest';
import get from '../../../src/commands/config/get.ts';
import set from '../../../src/commands/config/set.ts';
import { parsed } from '../../support/parsing.ts';

const hint = 'The settings are: output, timeout, max-monthly-spend, settling-time.';

test.each([
  ['', { key: undefined }],
  ['settling-time', { key: 'settling-time' }],
])('reads `ci config get %s`', async (words, options) => {
  expect(await parsed(get, words)).toEqual(options);
});

test.each([
  ['', { key: undefined, value: undefined }],
  ['output', { key: 'output', value: undefined }],
  ['max-monthly-spend 200', { key: 'max-monthly-spend', value: '200' }],
])('reads `ci config set %s`', async (words, options) => {
  expect(await parsed(set, words)).toEqual(options);
});

test('refuses a setting that does not exist, and names the others', async () => {
  const error = { code: 'usage', message: 'there is no setting "colour"', hint };
  await expect(parsed(get, 'colour')).rejects.toMatchObject(error);
  await expect(parsed(set, 'colour red')).rejects.toMatchObject(error);
});
