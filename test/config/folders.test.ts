import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, configFolder, sandboxFolder } from '../../src/config/folders.ts';

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
