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
  [['mars'], 'there is no place "mars"'],
  [['Docs'], 'there is no place "Docs"'],
  [[''], 'there is no place ""'],
  [['toString'], 'there is no place "toString"'],
  [['docs', 'keys'], 'too many arguments. Expected 1 argument but got 2.'],
])('refuses %j', async (words, message) => {
  await expect(parsed(open, words)).rejects.toMatchObject({ code: 'usage', message });
});
