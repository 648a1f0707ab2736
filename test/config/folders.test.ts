import { chmodSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, configFolder, sandboxFolder, stateFolder, xdgFolder } from '../../src/config/folders.ts';
import { emptyFolder } from './folder.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the folder of the profiles', () => {
  test('is CHEAPESTINFERENCE_CONFIG_DIR where that is set', () => {
    expect(configFolder({ CHEAPESTINFERENCE_CONFIG_DIR: '/some/where' })).toBe('/some/where');
    expect(configFolder({ CHEAPESTINFERENCE_CONFIG_DIR: 'here' })).toBe(resolve('here'));
  });

  test.runIf(process.platform === 'linux')('is in XDG_CONFIG_HOME where that is set', () => {
    vi.stubEnv('XDG_CONFIG_HOME', '/xdg/config');
    expect(configFolder({})).toBe('/xdg/config/cheapestinference');
    expect(configFolder({ CHEAPESTINFERENCE_CONFIG_DIR: '' })).toBe('/xdg/config/cheapestinference');
  });

  test.runIf(process.platform === 'linux')('is in ~/.config otherwise', () => {
    vi.stubEnv('XDG_CONFIG_HOME', '');
    expect(configFolder({})).toBe(join(homedir(), '.config', 'cheapestinference'));
  });
});

describe.runIf(process.platform === 'linux')('the folder of the sandbox', () => {
  test('is in XDG_DATA_HOME where that is set', () => {
    vi.stubEnv('XDG_DATA_HOME', '/xdg/data');
    expect(sandboxFolder()).toBe('/xdg/data/cheapestinference/sandbox');
  });

  test('is in ~/.local/share otherwise, and does not move with the profiles', () => {
    vi.stubEnv('XDG_DATA_HOME', '');
    vi.stubEnv('CHEAPESTINFERENCE_CONFIG_DIR', '/some/where');
    expect(sandboxFolder()).toBe(join(homedir(), '.local', 'share', 'cheapestinference', 'sandbox'));
  });
});

test.runIf(process.platform === 'linux')(
  'the folder of answers that can be asked for again is in XDG_CACHE_HOME',
  () => {
    vi.stubEnv('XDG_CACHE_HOME', '/xdg/cache');
    expect(cacheFolder()).toBe('/xdg/cache/cheapestinference');
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(cacheFolder()).toBe(join(homedir(), '.cache', 'cheapestinference'));
  },
);

describe('the state folder', () => {
  test('is in XDG_STATE_HOME if it is set', () => {
    const folder = emptyFolder();
    expect(stateFolder({ XDG_STATE_HOME: folder })).toBe(join(folder, 'cheapestinference'));
  });

  test.each(['', 'state', './state', '../state'])('is in the default place with XDG_STATE_HOME=%j', (relative) => {
    vi.stubEnv('XDG_STATE_HOME', '');
    expect(stateFolder({ XDG_STATE_HOME: relative })).toBe(stateFolder({}));
  });

  test.skipIf(process.platform === 'win32')('is refused if everybody can replace it', () => {
    const folder = emptyFolder();
    chmodSync(folder, 0o777);
    expect(() => stateFolder({ XDG_STATE_HOME: folder })).toThrow(`${folder} can be written by others (mode 0777)`);
  });
});

test.each([
  ['/some/where', '/some/where'],
  ['some/where', undefined],
  ['', undefined],
  [undefined, undefined],
])('the folder of a variable %j of the XDG specification is %j', (value, folder) => {
  expect(xdgFolder({ XDG_DATA_HOME: value }, 'XDG_DATA_HOME')).toBe(folder);
});
