import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { accountSummary } from '../../src/config/account-summary.ts';
import { resolveSettings } from '../../src/config/settings.ts';
import { masked } from '../../src/domain/secrets.ts';
import { emptyFolder } from '../support/folder.ts';
import { profilesIn } from '../support/world.ts';

const key = 'mk_work_0123456789abcdef';

/** Creates a folder with the profiles "work", which is current, and "local", each for its own host, and "bare" without a key. */
async function saved(): Promise<string> {
  const folder = emptyFolder();
  const profiles = profilesIn(folder);
  await profiles.save('work', { apiUrl: 'https://work.test', managementKey: key });
  await profiles.save('local', { apiUrl: 'http://127.0.0.1:8787', managementKey: 'mk_local_0123456789' });
  await profiles.save('bare', { output: 'json' });
  return folder;
}

describe('the account that commands use', () => {
  test.each([
    [{}, {}],
    [{ profile: 'local' }, {}],
    [{ profile: 'bare' }, {}],
    [{ profile: 'none' }, {}],
    [{ profile: '__proto__' }, {}],
    [{ apiUrl: 'https://flag.test' }, {}],
    [{ sandbox: true }, {}],
    [{}, { CHEAPESTINFERENCE_PROFILE: 'local' }],
    [{}, { CHEAPESTINFERENCE_PROFILE: '' }],
    [{}, { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env_0123456789' }],
    [{ profile: 'local' }, { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env_0123456789' }],
    [{}, { CHEAPESTINFERENCE_API_URL: 'https://env.test:8443' }],
    [{}, { CHEAPESTINFERENCE_SANDBOX: '1' }],
    [{}, { CHEAPESTINFERENCE_SANDBOX: '0' }],
    [{ apiUrl: 'https://flag.test' }, { CHEAPESTINFERENCE_SANDBOX: '1' }],
  ])('matches the settings with the flags %j and the environment %j', async (flags, env) => {
    const folder = await saved();
    const settings = resolveSettings(flags, env, profilesIn(folder));
    const { managementKey, apiUrl, sandbox } = settings;
    const seen = accountSummary(flags, { env: { ...env, CHEAPESTINFERENCE_CONFIG_DIR: folder }, cwd: '/' });
    expect(seen).toMatchObject({
      managementKey: managementKey && masked(managementKey.value),
      host: new URL(apiUrl.value).host,
      sandbox: sandbox.value,
    });
    if (managementKey) expect(seen.origin).toBe(managementKey.origin);
  });
});

test('shows a key in the keychain without opening it', () => {
  const folder = emptyFolder();
  const profile = { apiUrl: 'https://work.test', keychain: true, maskedKey: 'mk_…cdef' };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentProfile: 'work', profiles: { work: profile } }));
  expect(accountSummary({}, { env: { CHEAPESTINFERENCE_CONFIG_DIR: folder }, cwd: '/' })).toEqual({
    managementKey: 'mk_…cdef',
    origin: 'profile "work"',
    host: 'work.test',
    sandbox: false,
  });
});

test.each(['{', 'null', '[]', '"x"', '{"currentProfile":7,"profiles":[]}', '{"profiles":{"default":null}}'])(
  'treats a file with %s as missing',
  (text) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'config.json'), text);
    expect(accountSummary({}, { env: { CHEAPESTINFERENCE_CONFIG_DIR: folder }, cwd: '/' })).toEqual({
      managementKey: undefined,
      origin: 'profile "default"',
      host: 'api.cheapestinference.com',
      sandbox: false,
    });
  },
);

test('shows an invalid URL as it is', () => {
  const env = { CHEAPESTINFERENCE_CONFIG_DIR: emptyFolder() };
  expect(accountSummary({ apiUrl: 'nothing' }, { env, cwd: '/' }).host).toBe('nothing');
});
