import { chmodSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  cacheFolder,
  configFolder,
  homeOf,
  resolved,
  sandboxFolder,
  stateFolder,
  workingDirectory,
  xdgFolder,
} from '../../src/config/folders.ts';
import type { Environment } from '../../src/domain/environment.ts';
import { emptyFolder } from '../support/folder.ts';

/** A user in a directory below their home directory. */
function at(env: Environment) {
  return { env: { HOME: '/home/me', ...env }, cwd: '/home/me/app' };
}

describe.runIf(process.platform !== 'win32')('the home directory', () => {
  test('is HOME, or else the one that the system knows', () => {
    expect(homeOf({ HOME: '/home/me' })).toBe('/home/me');
    expect(homeOf({})).toBe(userInfo().homedir);
  });

  test.each(['', 'somewhere'])('is unknown with HOME=%j', (home) => {
    expect(() => homeOf({ HOME: home })).toThrow(
      `Your home directory isn't known: "${home}" in HOME is not an absolute path`,
    );
  });
});

test('refuses only relative paths in a removed working directory', () => {
  const removed = {
    env: { CHEAPESTINFERENCE_CONFIG_DIR: 'here' },
    get cwd(): string {
      throw new Error('ENOENT: no such file or directory, uv_cwd');
    },
  };
  expect(workingDirectory(removed)).toBeUndefined();
  expect(resolved('/some/.env', removed)).toBe('/some/.env');
  expect(() => configFolder(removed)).toThrow("The working directory was removed, so here can't be found");
});

describe('the config directory', () => {
  test('is CHEAPESTINFERENCE_CONFIG_DIR if it is set', () => {
    expect(configFolder(at({ CHEAPESTINFERENCE_CONFIG_DIR: '/some/where' }))).toBe('/some/where');
    expect(configFolder(at({ CHEAPESTINFERENCE_CONFIG_DIR: 'here' }))).toBe('/home/me/app/here');
  });

  test.runIf(process.platform === 'linux')('is in XDG_CONFIG_HOME if it is set', () => {
    expect(configFolder(at({ XDG_CONFIG_HOME: '/xdg/config' }))).toBe('/xdg/config/cheapestinference');
    expect(configFolder(at({ XDG_CONFIG_HOME: '/xdg/config', CHEAPESTINFERENCE_CONFIG_DIR: '' }))).toBe(
      '/xdg/config/cheapestinference',
    );
  });

  test.runIf(process.platform === 'linux')('is in ~/.config by default', () => {
    expect(configFolder(at({ XDG_CONFIG_HOME: '' }))).toBe('/home/me/.config/cheapestinference');
  });
});

describe.runIf(process.platform === 'linux')('the sandbox directory', () => {
  test('is in XDG_DATA_HOME if it is set', () => {
    expect(sandboxFolder({ HOME: '/home/me', XDG_DATA_HOME: '/xdg/data' })).toBe('/xdg/data/cheapestinference/sandbox');
  });

  test('is in ~/.local/share by default, and independent of the config directory', () => {
    const env = { HOME: '/home/me', XDG_DATA_HOME: '', CHEAPESTINFERENCE_CONFIG_DIR: '/some/where' };
    expect(sandboxFolder(env)).toBe('/home/me/.local/share/cheapestinference/sandbox');
  });
});

test.runIf(process.platform === 'linux')('puts the cache directory in XDG_CACHE_HOME', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/xdg/cache' })).toBe('/xdg/cache/cheapestinference');
  expect(cacheFolder({ HOME: '/home/me', XDG_CACHE_HOME: '' })).toBe('/home/me/.cache/cheapestinference');
});

describe('the state directory', () => {
  test('is in XDG_STATE_HOME if it is set', () => {
    const folder = emptyFolder();
    expect(stateFolder({ XDG_STATE_HOME: folder })).toBe(join(folder, 'cheapestinference'));
  });

  test.each(['', 'state', './state', '../state'])('is in the default place with XDG_STATE_HOME=%j', (relative) => {
    expect(stateFolder({ XDG_STATE_HOME: relative })).toBe(stateFolder({}));
  });

  test.skipIf(process.platform === 'win32')('is refused if anyone can replace it', () => {
    const folder = emptyFolder();
    chmodSync(folder, 0o777);
    expect(() => stateFolder({ XDG_STATE_HOME: folder })).toThrow(`Other users can write to ${folder} (mode 0777)`);
  });
});

test.each([
  ['/some/where', '/some/where'],
  ['some/where', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads %j in an XDG variable as %j', (value, folder) => {
  expect(xdgFolder({ XDG_DATA_HOME: value }, 'XDG_DATA_HOME')).toBe(folder);
});
