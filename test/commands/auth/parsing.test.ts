import { expect, test } from 'vitest';
import login from '../../../src/commands/auth/login.ts';
import switchProfile from '../../../src/commands/auth/switch.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', {}],
  ['--with-key', { withKey: true }],
  ['--keychain --with-key', { withKey: true, keychain: true }],
])('reads `ci auth login %s`', async (words, options) => {
  expect(await parsed(login, words)).toEqual(options);
});

test('refuses a key as an argument, where other processes could read it', async () => {
  const message = 'Too many arguments: expected 0, got 1';
  await expect(parsed(login, 'mk_key')).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', { profile: undefined }],
  ['work', { profile: 'work' }],
])('reads `ci auth switch %s`', async (words, options) => {
  expect(await parsed(switchProfile, words)).toEqual(options);
});
