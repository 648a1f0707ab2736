import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { updateInstructions } from '../../src/update/installation.ts';
import { emptyFolder } from '../support/folder.ts';

const latest = 'https://github.com/cheapestinference/cli/releases/latest';
const script = `curl -fsSL ${latest}/download/install.sh | sh`;
const home = '/home/me';

test.each([
  ['the npm package', undefined, '/usr/bin/node', 'npm install --global cheapestinference'],
  ['install.sh', 'linux-x64', '/home/me/.local/bin/ci', script],
  ['install.sh in another directory', 'linux-x64', '/usr/local/bin/ci', `${script} -s -- --to /usr/local/bin`],
  [
    'install.sh of another user',
    'darwin-x64',
    '/Users/you/.local/bin/ci',
    `${script} -s -- --to /Users/you/.local/bin`,
  ],
  ['a directory with a space', 'darwin-arm64', '/Users/me/my tools/ci', `${script} -s -- --to '/Users/me/my tools'`],
  ['the Debian package', 'linux-arm64', '/usr/bin/cheapestinference', `the package at ${latest}`],
  ['Homebrew', 'darwin-arm64', '/opt/homebrew/Cellar/cheapestinference/0.1.0/bin/ci', 'brew upgrade cheapestinference'],
  ['Scoop', 'windows-x64', 'C:\\Users\\me\\scoop\\apps\\ci\\0.1.0\\ci.exe', 'scoop update cheapestinference'],
  [
    'install.ps1',
    'windows-x64',
    'C:\\Users\\me\\AppData\\Local\\Programs\\cheapestinference\\ci.exe',
    `irm ${latest}/download/install.ps1 | iex`,
  ],
  [
    'install.ps1 in another directory',
    'windows-x64',
    "C:\\Joe's\\ci.exe",
    `& ([scriptblock]::Create((irm ${latest}/download/install.ps1))) -To 'C:\\Joe''s'`,
  ],
])('updates %s', (_what, platform, executable, way) => {
  expect(updateInstructions({ platform, executable, home })).toBe(way);
});

test('follows the link that Homebrew puts on the path', () => {
  const folder = emptyFolder();
  const keg = path.join(folder, 'Cellar', 'cheapestinference', '0.1.0', 'bin');
  mkdirSync(keg, { recursive: true });
  writeFileSync(path.join(keg, 'ci'), '');
  const executable = path.join(folder, 'ci');
  symlinkSync(path.join(keg, 'ci'), executable);
  expect(updateInstructions({ platform: 'darwin-arm64', executable })).toBe('brew upgrade cheapestinference');
});

test('knows the directory of install.sh behind a link', () => {
  const folder = emptyFolder();
  mkdirSync(path.join(folder, 'real', '.local', 'bin'), { recursive: true });
  symlinkSync('real', path.join(folder, 'home'));
  const executable = path.join(folder, 'real', '.local', 'bin', 'ci');
  expect(updateInstructions({ platform: 'linux-x64', executable, home: path.join(folder, 'home') })).toBe(script);
});
