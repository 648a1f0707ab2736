import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findShellProfile } from '../../src/output/shell-profile.ts';
import { emptyFolder } from '../support/folder.ts';

const bashFile = process.platform === 'darwin' ? '.bash_profile' : '.bashrc';

/** Creates the startup file of a shell in a home directory of its own. */
function profileOf(shell: string, env: Record<string, string> = {}) {
  const home = emptyFolder();
  const profile = findShellProfile({ HOME: home, SHELL: shell, ...env });
  if (!profile) throw new Error(`${shell} is not supported`);
  const text = () => readFileSync(profile.file, 'utf8');
  return { home, profile, text };
}

const block = (file: string) =>
  `# >>> CheapestInference API key >>>\nif [ -r '${file}' ]; then set -a; . '${file}'; set +a; fi\n# <<< CheapestInference API key <<<\n`;

describe('the startup file', () => {
  test.each([
    ['/bin/bash', {}, bashFile],
    ['-zsh', {}, '.zshrc'],
    ['/usr/bin/fish', {}, '.config/fish/config.fish'],
    ['/usr/bin/fish', { XDG_CONFIG_HOME: 'relative' }, '.config/fish/config.fish'],
  ])('of %s with %j is ~/%s', (shell, env, file) => {
    const { home, profile } = profileOf(shell, env);
    expect(profile.file).toBe(join(home, file));
  });

  test.each([
    ['zsh', { ZDOTDIR: '/z' }, '/z/.zshrc'],
    ['fish', { XDG_CONFIG_HOME: '/x' }, '/x/fish/config.fish'],
  ])('of %s follows %j', (shell, env, file) => {
    expect(profileOf(shell, env).profile.file).toBe(file);
  });

  test.each([
    { HOME: '/home/me' },
    { HOME: '/home/me', SHELL: '/bin/tcsh' },
    { HOME: '/home/me', SHELL: '/usr/bin/pwsh' },
    { HOME: '', SHELL: '/bin/zsh' },
    { SHELL: '/bin/zsh' },
  ])('is unknown with %j', (env) => {
    expect(findShellProfile(env)).toBeUndefined();
  });
});

describe('the lines that load a dotenv file', () => {
  test('are created with the directories, or added after other lines', () => {
    const fish = profileOf('fish');
    fish.profile.load("/it's/env");
    expect(fish.text()).toMatch(/^# >>>.*\nif test -r '\/it\\'s\/env'\n(?: {2}.*\n)+end\n# <<<.*\n$/);
    const bash = profileOf('bash');
    writeFileSync(bash.profile.file, 'alias a=b');
    bash.profile.load('/a/env');
    expect(bash.text()).toBe(`alias a=b\n${block('/a/env')}`);
  });

  test('replace those of another dotenv file, and are unchanged otherwise', () => {
    const { profile, text } = profileOf('zsh');
    profile.load('/a/env');
    writeFileSync(profile.file, `${text()}alias a=b\n`);
    profile.load('/b/env');
    const { ino } = statSync(profile.file);
    profile.load('/b/env');
    expect([text(), statSync(profile.file).ino]).toEqual([`${block('/b/env')}alias a=b\n`, ino]);
  });

  test('keep the mode of the file and symbolic links to it', () => {
    const { home, profile, text } = profileOf('zsh');
    writeFileSync(join(home, 'dotfiles'), '');
    chmodSync(join(home, 'dotfiles'), 0o640);
    symlinkSync('dotfiles', profile.file);
    profile.load('/a/env');
    expect([lstatSync(profile.file).isSymbolicLink(), statSync(profile.file).mode & 0o777]).toEqual([true, 0o640]);
    expect([text(), readdirSync(home).sort()]).toEqual([block('/a/env'), ['.zshrc', 'dotfiles']]);
  });

  test.each([
    ['isn’t UTF-8', Buffer.from([0x41, 0xff]), "Can't read"],
    [
      'holds half of them',
      Buffer.from('# >>> CheapestInference API key >>>\n'),
      'but not "# <<< CheapestInference API key <<<"',
    ],
  ])('are refused if the file %s', (_what, bytes, message) => {
    const { profile } = profileOf('zsh');
    writeFileSync(profile.file, bytes);
    const error = expect.objectContaining({ code: 'file_error', message: expect.stringContaining(message) });
    expect(() => profile.check('/a/env')).toThrow(error);
    expect(() => profile.load('/a/env')).toThrow(error);
    expect(readFileSync(profile.file)).toEqual(bytes);
  });

  test('are accepted if there is no file', () => {
    const { home, profile } = profileOf('zsh');
    expect(() => profile.check('/a/env')).not.toThrow();
    expect(readdirSync(home)).toEqual([]);
  });
});
