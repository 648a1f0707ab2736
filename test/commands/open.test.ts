import { expect, test } from 'vitest';
import open from '../../src/commands/open.ts';
import { parsed } from '../support/parsing.ts';

test.each([
  ['', { place: 'dashboard' }],
  ['billing', { place: 'billing' }],
])('reads `ci open %s`', async (words, options) => {
  expect(await parsed(open, words)).toEqual(options);
});

test.each([
  [['mars'], '"mars" is not a page'],
  [['Docs'], '"Docs" is not a page'],
  [[''], '"" is not a page'],
  [['toString'], '"toString" is not a page'],
  [['docs', 'keys'], 'Too many arguments: expected 1, got 2'],
])('refuses %j', async (words, message) => {
  await expect(parsed(open, words)).rejects.toMatchObject({ code: 'usage', message });
});
