import { expect, test } from 'vitest';
import install from '../../../src/commands/completion/install.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { shell: undefined }],
  ['powershell', { shell: 'powershell' }],
])('reads `ci completion install %s`', async (words, options) => {
  expect(await parsed(install, words)).toEqual(options);
});

test('refuses an unknown shell', async () => {
  const message = 'Completion doesn\'t support "ksh"';
  const hint = 'Choose bash, zsh, fish or powershell.';
  await expect(parsed(install, 'ksh')).rejects.toMatchObject({ code: 'usage', message, hint });
});
