import { expect, test } from 'vitest';
import address from '../../../src/commands/agent/wallet/address.ts';
import create from '../../../src/commands/agent/wallet/create.ts';
import importKey from '../../../src/commands/agent/wallet/import.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { name: undefined }],
  ['agent', { name: 'agent' }],
  ['--account agent --password-file p', { name: undefined, account: 'agent', passwordFile: 'p' }],
  ['--keystore ./agent.json', { name: undefined, keystore: './agent.json' }],
])('reads `ci agent wallet create|import|address %s`', async (words, options) => {
  expect(await parsed(create, words)).toEqual(options);
  expect(await parsed(importKey, words)).toEqual(options);
  expect(await parsed(address, words)).toEqual(options);
});

test('refuses a private key as another argument, without showing it', async () => {
  await expect(parsed(importKey, `agent 0x${'ab'.repeat(32)}`)).rejects.toMatchObject({
    code: 'usage',
    message: 'Too many arguments: expected 1, got 2',
  });
});
