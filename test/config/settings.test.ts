import { describe, expect, test } from 'vitest';
import type { Profiles } from '../../src/config/profiles.ts';
import { keyFor, resolveSettings, type SettingFlags } from '../../src/config/settings.ts';
import { emptyFolder } from '../support/folder.ts';
import { profilesIn } from '../support/world.ts';

/** Saves the profiles "work", which is current, and "local", each for its own host. */
async function saved(): Promise<Profiles> {
  const profiles = profilesIn(emptyFolder());
  await profiles.save('work', { apiUrl: 'https://work.test', managementKey: 'mk_work' });
  await profiles.save('local', { apiUrl: 'http://127.0.0.1:8787', managementKey: 'mk_local' });
  return profiles;
}

describe('without any settings', () => {
  test('uses the defaults', () => {
    expect(resolveSettings({}, {}, profilesIn(emptyFolder()))).toEqual({
      profile: { value: 'default', origin: 'default' },
      apiUrl: { value: 'https://api.cheapestinference.com', origin: 'default' },
      managementKey: undefined,
      consumptionKey: undefined,
      sandbox: { value: false, origin: 'default' },
      timeout: { value: 30_000, origin: 'default' },
      settlingTime: { value: 120_000, origin: 'default' },
    });
  });
});

describe('a setting', () => {
  const environment = {
    CHEAPESTINFERENCE_PROFILE: 'local',
    CHEAPESTINFERENCE_API_URL: 'https://env.test',
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env',
    CHEAPESTINFERENCE_API_KEY: 'sk_env',
    CHEAPESTINFERENCE_SANDBOX: '1',
  };

  test('comes from the profile if neither flag nor environment has it', async () => {
    const settings = resolveSettings({}, {}, await saved());
    expect(settings).toMatchObject({
      profile: { value: 'work' },
      apiUrl: { value: 'https://work.test', origin: 'profile "work"' },
      managementKey: { value: 'mk_work', origin: 'profile "work"' },
    });
  });

  test('uses the timeout of the profile unless a flag sets it', async () => {
    const profiles = await saved();
    await profiles.save('slow', { timeout: '2m' });
    expect(resolveSettings({ profile: 'slow' }, {}, profiles).timeout).toEqual({
      value: 120_000,
      origin: 'profile "slow"',
    });
    expect(resolveSettings({ profile: 'slow', timeout: '1s' }, {}, profiles).timeout).toEqual({
      value: 1000,
      origin: '--timeout',
    });
  });

  test('takes the settling time from the profile', async () => {
    const profiles = await saved();
    await profiles.save('slow', { settlingTime: '5m' });
    expect(resolveSettings({ profile: 'slow' }, {}, profiles).settlingTime).toEqual({
      value: 300_000,
      origin: 'profile "slow"',
    });
  });

  test('takes the state URL from the environment, or else from the profile', async () => {
    const profiles = await saved();
    expect(resolveSettings({}, {}, profiles).stateUrl).toBeUndefined();
    await profiles.saveStateUrl('work', 'postgres://ci:pw@db.test/state');
    const fromProfile = { value: 'postgres://ci:pw@db.test/state', origin: 'profile "work"' };
    expect(resolveSettings({}, {}, profiles).stateUrl).toEqual(fromProfile);
    expect(resolveSettings({}, { CHEAPESTINFERENCE_STATE_URL: '' }, profiles).stateUrl).toEqual(fromProfile);
    expect(resolveSettings({ profile: 'local' }, {}, profiles).stateUrl).toBeUndefined();
    const env = { CHEAPESTINFERENCE_STATE_URL: 'postgres://ci@other.test/state' };
    expect(resolveSettings({}, env, profiles).stateUrl).toEqual({
      value: 'postgres://ci@other.test/state',
      origin: 'CHEAPESTINFERENCE_STATE_URL',
    });
  });

  test('comes from the environment before the profile', async () => {
    expect(resolveSettings({}, environment, await saved())).toEqual({
      profile: { value: 'local', origin: 'CHEAPESTINFERENCE_PROFILE' },
      apiUrl: { value: 'https://env.test', origin: 'CHEAPESTINFERENCE_API_URL' },
      managementKey: { value: 'mk_env', origin: 'CHEAPESTINFERENCE_MANAGEMENT_KEY' },
      consumptionKey: { value: 'sk_env', origin: 'CHEAPESTINFERENCE_API_KEY' },
      sandbox: { value: true, origin: 'CHEAPESTINFERENCE_SANDBOX' },
      timeout: { value: 30_000, origin: 'default' },
      settlingTime: { value: 120_000, origin: 'default' },
    });
  });

  test('comes from the flag before the environment', async () => {
    const flags: SettingFlags = { profile: 'work', apiUrl: 'https://flag.test', timeout: '5m' };
    expect(resolveSettings(flags, { ...environment, CHEAPESTINFERENCE_SANDBOX: '0' }, await saved())).toEqual({
      profile: { value: 'work', origin: '--profile' },
      apiUrl: { value: 'https://flag.test', origin: '--api-url' },
      managementKey: { value: 'mk_work', origin: 'profile "work"' },
      consumptionKey: { value: 'sk_env', origin: 'CHEAPESTINFERENCE_API_KEY' },
      sandbox: { value: false, origin: 'default' },
      timeout: { value: 300_000, origin: '--timeout' },
      settlingTime: { value: 120_000, origin: 'default' },
    });
    expect(resolveSettings({ sandbox: true }, { CHEAPESTINFERENCE_SANDBOX: '0' }, await saved()).sandbox).toEqual({
      value: true,
      origin: '--sandbox',
    });
  });

  test('ignores empty variables', async () => {
    const empty = Object.fromEntries(Object.keys(environment).map((name) => [name, '']));
    expect(resolveSettings({}, empty, await saved())).toEqual(resolveSettings({}, {}, await saved()));
  });

  test('uses the key and the host of the profile that the environment names', async () => {
    expect(resolveSettings({}, { CHEAPESTINFERENCE_PROFILE: 'local' }, await saved())).toMatchObject({
      apiUrl: { value: 'http://127.0.0.1:8787', origin: 'profile "local"' },
      managementKey: { value: 'mk_local', origin: 'profile "local"' },
    });
  });

  test('uses an explicit --profile before a key in the environment, even if the profile has none', async () => {
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env' };
    expect(resolveSettings({ profile: 'local' }, env, await saved()).managementKey).toEqual({
      value: 'mk_local',
      origin: 'profile "local"',
    });
    expect(resolveSettings({ profile: 'new' }, env, await saved())).toMatchObject({
      apiUrl: { value: 'https://api.cheapestinference.com', origin: 'default' },
      managementKey: undefined,
    });
    expect(
      resolveSettings({}, { ...env, CHEAPESTINFERENCE_PROFILE: 'local' }, await saved()).managementKey?.value,
    ).toBe('mk_env');
  });

  test.each([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
  ])('reads CHEAPESTINFERENCE_SANDBOX=%s as %s', (text, value) => {
    const settings = resolveSettings({}, { CHEAPESTINFERENCE_SANDBOX: text }, profilesIn(emptyFolder()));
    expect(settings.sandbox.value).toBe(value);
  });

  test.each([
    ['"yes" is not a valid value for CHEAPESTINFERENCE_SANDBOX', {}, { CHEAPESTINFERENCE_SANDBOX: 'yes' }],
    ['"soon" is not a valid duration', { timeout: 'soon' }, {}],
    ["--sandbox and --api-url can't be combined", { sandbox: true, apiUrl: 'https://a.test' }, {}],
  ])('is refused: %s', (message, flags, env) => {
    expect(() => resolveSettings(flags, env, profilesIn(emptyFolder()))).toThrow(
      expect.objectContaining({ code: 'usage', exitCode: 2, message }),
    );
  });
});

describe('the key of a request', () => {
  async function key(flags: SettingFlags, env: Record<string, string> = {}) {
    const profiles = await saved();
    return keyFor(resolveSettings(flags, env, profiles), profiles);
  }

  test("is the profile's, to its own host", async () => {
    expect(await key({})).toBe('mk_work');
    expect(await key({ profile: 'local' })).toBe('mk_local');
    expect(await key({ apiUrl: 'https://WORK.test:443/' })).toBe('mk_work');
  });

  test.each([
    ['https://evil.test', '--api-url', { apiUrl: 'https://evil.test' }, {}],
    ['http://work.test', '--api-url', { apiUrl: 'http://work.test' }, {}],
    ['https://work.test:8443', '--api-url', { apiUrl: 'https://work.test:8443' }, {}],
    ['https://env.test', 'CHEAPESTINFERENCE_API_URL', {}, { CHEAPESTINFERENCE_API_URL: 'https://env.test' }],
  ])("is never the profile's to %s, from %s", async (url, origin, flags, env) => {
    await expect(key(flags, env)).rejects.toMatchObject({
      code: 'not_signed_in',
      exitCode: 4,
      message: `The key of profile "work" was saved for https://work.test, so it isn't sent to ${url} (from ${origin})`,
      hint: `Sign in there with \`ci auth login --profile NAME --api-url ${url}\`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY.`,
    });
  });

  test('of a profile without an API URL goes only to the default one', async () => {
    const profiles = await saved();
    await profiles.save('bare', { managementKey: 'mk_bare' });
    const keyTo = (flags: SettingFlags) =>
      keyFor(resolveSettings({ profile: 'bare', ...flags }, {}, profiles), profiles);
    expect(keyTo({})).toBe('mk_bare');
    expect(() => keyTo({ apiUrl: 'https://evil.test' })).toThrow(
      expect.objectContaining({
        code: 'not_signed_in',
        message: expect.stringContaining("isn't sent to https://evil.test"),
      }),
    );
  });

  test("is the environment's, to any host that is named with it", async () => {
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env' };
    expect(await key({ apiUrl: 'https://other.test' }, env)).toBe('mk_env');
  });

  test('is undefined if none is known', async () => {
    expect(await key({ profile: 'new' })).toBeUndefined();
  });

  test.each([
    ['sk_live_abc123def456', 'sk_live_…f456'],
    ['mk_abc\n', 'mk_…'],
    ['secret', '…'],
  ])('is never %j from the environment, which the error masks', async (value, shown) => {
    await expect(key({}, { CHEAPESTINFERENCE_MANAGEMENT_KEY: value })).rejects.toMatchObject({
      code: 'usage',
      message: `"${shown}" from CHEAPESTINFERENCE_MANAGEMENT_KEY is not a valid management key`,
    });
  });
});
