import { expect, test } from 'vitest';
import create from '../../../src/commands/keys/create.ts';
import remove from '../../../src/commands/keys/delete.ts';
import list from '../../../src/commands/keys/list.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { name: undefined }],
  ['prod --pool kimi26 --ensure --reveal', { name: 'prod', pool: 'kimi26', ensure: true, reveal: true }],
  ['prod --subscription sub_1 --secret-only', { name: 'prod', subscription: 'sub_1', secretOnly: true }],
  ['prod --save .env --var KEY --force', { name: 'prod', save: '.env', var: 'KEY', force: true }],
  [
    'acme --credit --max-budget 25.50 --rpm 100 --tpm 5000',
    { name: 'acme', credit: true, maxBudget: 2550, rpm: 100, tpm: 5000 },
  ],
  ['prod --to github --to fly:app --var KEY', { name: 'prod', to: ['github', 'fly:app'], var: 'KEY' }],
  ['prod --no-wait --again --settle 5s', { name: 'prod', wait: false, again: true, settle: 5000 }],
])('reads `ci keys create %s`', async (words, options) => {
  expect(await parsed(create, words)).toEqual({ wait: true, to: [], ...options });
});

test.each([
  ['acme --credit --max-budget 0', '"0" is not a valid amount for --max-budget'],
  ['acme --credit --rpm 1.5', '"1.5" is not a valid value for --rpm'],
  ['acme --save --credit', 'Missing value: --save <file>'],
])('refuses `ci keys create %s`', async (words, message) => {
  await expect(parsed(create, words)).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', { keys: [] }],
  ['prod 3f6c --settle 1m', { keys: ['prod', '3f6c'], settle: 60_000 }],
])('reads `ci keys delete %s`', async (words, options) => {
  expect(await parsed(remove, words)).toEqual(options);
});

test.each([
  ['', {}],
  ['--older-than 90d --unused-for 12h', { olderThan: 7_776_000_000, unusedFor: 43_200_000 }],
])('reads `ci keys list %s`', async (words, options) => {
  expect(await parsed(list, words)).toEqual(options);
});
