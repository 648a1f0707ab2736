import { expect, test } from 'vitest';
import install from '../../../src/commands/completion/install.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { shell: undefined }],
  ['powershell', { shell: 'powershell' }],
])('reads `ci completion install %s`', async (words, options) => {
  expect(await parsed(install, words)).toEqual(options);
});

test('refuses a shell that there is no completion for', async () => {
  const message = 'there is no completion for "ksh"';
  const hint = 'Choose one of bash, zsh, fish, powershell.';
  await expect(parsed(install, 'ksh')).rejects.toMatchObject({ code: 'usage', message, hint });
});
