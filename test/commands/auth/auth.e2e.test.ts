import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { browser } from '../../support/browser.ts';
import { json, lines, oneLine, type User, user } from '../../support/cli.ts';
import { answer, recordedSandbox } from '../../support/servers.ts';
import { ctrlC, enter, onTerminal, shown } from '../../support/terminal.ts';

const key = 'mk_saved_0123456789abcdef';
const masked = 'mk_…cdef';

/** Returns a user who isn't signed in, and a sandbox that records every request. */
async function newUser(env: Record<string, string> = {}) {
  const api = await recordedSandbox();
  const me = user(env);
  return {
    api,
    me,
    login: (args = '', stdin = key) => me.ci(`auth login --with-key --api-url ${api.url} ${args}`, { stdin }),
  };
}

/** Returns the values of the Authorization header that a server got. */
function shownKeys(api: Awaited<ReturnType<typeof recordedSandbox>>): (string | undefined)[] {
  return [...new Set(api.received.map(({ headers }) => headers.authorization))];
}

async function statusOf(me: User, args = ''): Promise<unknown> {
  return json(await me.ci(`auth status --json ${args}`));
}

describe('auth login', () => {
  test('checks the key against the API with --with-key, saves it so that only its owner can read it, and shows it masked', async () => {
    const { api, me, login } = await newUser();
    const { code, stdout, stderr } = await login('', `${key}\n`);
    expect([code, stderr]).toEqual([0, '']);
    const file = path.join(me.home, 'config', 'cheapestinference', 'config.json');
    expect(lines(stdout)).toEqual([
      'profile\tdefault',
      `apiUrl\t${api.url}`,
      `managementKey\t${masked}`,
      `file\t${file}`,
    ]);
    expect(api.requests).toEqual(['GET /api/billing/status']);
    expect(shownKeys(api)).toEqual([`Bearer ${key}`]);
    expect(readFileSync(file, 'utf8')).toContain(key);
    expect([statSync(file).mode & 0o777, statSync(path.dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);

    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
    expect(shownKeys(api)).toEqual([`Bearer ${key}`]);
  });

  test('asks for the key on a terminal, and never shows it', async () => {
    const { api, me } = await newUser();
    const session = onTerminal(me, `auth login --api-url ${api.url}`);
    await session.shows(/management key/);
    session.type(`${key}${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toContain(key);
    expect(session.written).not.toContain('0123456789');
    expect(session.screen).toContain('•');
    expect(session.screen).toContain('"default"');
    expect((await me.ci('billing status')).code).toBe(0);
  });

  test('asks again after a bad key, without a tick, and saves the right one', async () => {
    const { api, me } = await newUser();
    const session = onTerminal(me, `auth login --api-url ${api.url}`);
    await session.shows(/\? Paste a management key/);
    session.type(`sk_live_abcdefghijklmnopqrstuvwxyz${enter}`);
    await session.shows(/! sk_live_…wxyz is an API key\. Signing in needs a management key\. Management/);
    session.type(`mk_invalid_0123456789${enter}`);
    await session.shows(/! Invalid management key\. Copy the whole key from the dashboard/);
    expect(session.screen).not.toContain('✓');
    expect([api.requests, existsSync(path.join(me.home, 'config'))]).toEqual([['GET /api/billing/status'], false]);
    session.type(`${key}${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen).toMatch(
      /✓ Paste a management key[^✓]*•\n✓ Signed in to 127\.0\.0\.1:\d+ as profile "default"\.$/,
    );
    expect(session.written).not.toMatch(/abcdefgh|0123456789/);
    expect((await me.ci('auth token')).stdout).toBe(`${key}\n`);
  });

  test('offers to open the dashboard, and asks again', async () => {
    const { api, me } = await newUser({ DISPLAY: ':0' });
    const { opened } = browser(me);
    const session = onTerminal(me, `auth login --api-url ${api.url}`);
    await session.shows(/❯ Create a key: open cheapestinference\.com in the browser\n/);
    session.type(enter);
    expect(await opened(1)).toEqual(['https://cheapestinference.com/dashboard']);
    await session.shows(/Opened in your browser\.\n\? Paste a management key/);
    session.type(`${key}${enter}`);
    expect(await session.exit).toBe(0);
  });

  test('says that a key in the environment takes precedence', async () => {
    const { api, me } = await newUser({ CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env_0123456789wxyz' });
    const session = onTerminal(me, `auth login --api-url ${api.url}`);
    await session.shows(/\? Paste a management key/);
    session.type(`${key}${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen.replace(/\s+/g, ' ')).toContain(
      'CHEAPESTINFERENCE_MANAGEMENT_KEY is set and takes precedence over the saved key. Unset it to use the saved key.',
    );
  });

  test('exits with 130 after Ctrl-C at the prompt, with nothing sent or saved', async () => {
    const { api, me } = await newUser();
    const session = onTerminal(me, `auth login --api-url ${api.url}`);
    await session.shows(/management key/);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect([api.requests, existsSync(path.join(me.home, 'config'))]).toEqual([[], false]);
  });

  test('exits with 2 without a terminal, and says how to pipe the key', async () => {
    const { api, me } = await newUser();
    const { code, stdout, stderr } = await me.ci(`auth login --api-url ${api.url}`);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--with-key');
  });

  test.each([
    ['an API key', 'sk_live_abcdefghijklmnopqrstuvwxyz012345'],
    ['another kind of API key', 'sk-abcdefghijklmnopqrstuvwxyz012345'],
    ['the key of another service', 'ghp_abcdefghijklmnopqrstuvwxyz012345'],
    ['a key with a line break in it', 'mk_abcdefghij\nklmnopqrstuvwxyz012345'],
    ['empty input', ''],
  ])('refuses %s with exit 2, and sends and shows nothing of it', async (_what, typed) => {
    const { api, me, login } = await newUser();
    const { code, stdout, stderr } = await login('', typed);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('mk_');
    expect(stderr).not.toMatch(/abcdefgh|klmnopq/);
    expect(existsSync(path.join(me.home, 'config'))).toBe(false);
  });

  test('exits with 4 if the API refuses the key, and does not save it', async () => {
    const { me, login } = await newUser();
    const { code, stdout, stderr } = await login('', 'mk_invalid_0123456789abcdef');
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(
      /^ci: Invalid management key\. Nothing was saved\. Copy the whole key from the dashboard \(Management Keys\)\.\n$/,
    );
    expect(stderr).not.toContain('0123456789');
    expect(existsSync(path.join(me.home, 'config'))).toBe(false);
  });

  test('keeps the saved key if the new one is refused', async () => {
    const { api, me, login } = await newUser();
    await login();
    expect((await login('', 'mk_invalid_0123456789abcdef')).code).toBe(4);
    expect(await statusOf(me)).toMatchObject({ apiUrl: api.url, managementKey: masked });
  });

  test('refuses to sign in to the sandbox, which needs no key', async () => {
    const { code, stderr } = await user().ci('auth login --with-key --sandbox', { stdin: key });
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  });

  test.each([
    ['http://example.com'],
    ['ftp://example.com'],
    ['example.com'],
    ['https://example.com/v1'],
    ['https://user:word@example.com'],
  ])('sends no key to %s', async (url) => {
    const me = user();
    const { code, stderr } = await me.ci(['auth', 'login', '--with-key', '--api-url', url], { stdin: key });
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toContain('user:word');
    expect(existsSync(path.join(me.home, 'config'))).toBe(false);
  });

  test('saves the file in CHEAPESTINFERENCE_CONFIG_DIR', async () => {
    const { me, login } = await newUser();
    const elsewhere = path.join(me.home, 'elsewhere');
    const { api } = await newUser();
    const { code } = await me.ci(`auth login --with-key --api-url ${api.url}`, {
      stdin: key,
      env: { CHEAPESTINFERENCE_CONFIG_DIR: elsewhere },
    });
    expect([code, existsSync(path.join(elsewhere, 'config.json'))]).toEqual([0, true]);
    expect((await login()).code).toBe(0);
    expect(existsSync(path.join(me.home, 'config', 'cheapestinference', 'config.json'))).toBe(true);
  });
});

describe('auth status', () => {
  test('shows the origin of each value of a saved profile', async () => {
    const { api, me, login } = await newUser();
    await login('--profile work');
    expect(await statusOf(me)).toEqual({
      profile: 'work',
      profileOrigin: 'config file',
      apiUrl: api.url,
      apiUrlOrigin: 'profile "work"',
      managementKey: masked,
      managementKeyOrigin: 'profile "work"',
      apiKey: null,
      apiKeyOrigin: null,
      sandbox: false,
      valid: true,
    });
  });

  test('says in words for people where each value comes from', async () => {
    const { api, me, login } = await newUser();
    await login('--profile work');
    const { rows } = await shown(me, 'auth status');
    expect(rows.slice(0, 3)).toEqual([
      'Profile         work  from the config file',
      `API URL         ${api.url}  from profile "work"`,
      `Management key  ${masked}  from profile "work"`,
    ]);
    const named = await shown(me, `auth status --profile default --api-url ${api.url}`, {
      env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: '' },
    });
    expect(named.screen).toContain('Profile: "default" (from --profile)');
  });

  test('shows the origin of each value in the environment', async () => {
    const { api, me } = await newUser();
    const { stdout } = await me.ci('auth status --json', {
      env: {
        CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_env_0123456789wxyz',
        CHEAPESTINFERENCE_API_KEY: 'sk_live_abcdefghijklmnop7890',
        CHEAPESTINFERENCE_API_URL: api.url,
        CHEAPESTINFERENCE_PROFILE: 'team',
      },
    });
    expect(json({ stdout })).toEqual({
      profile: 'team',
      profileOrigin: 'CHEAPESTINFERENCE_PROFILE',
      apiUrl: api.url,
      apiUrlOrigin: 'CHEAPESTINFERENCE_API_URL',
      managementKey: 'mk_…wxyz',
      managementKeyOrigin: 'CHEAPESTINFERENCE_MANAGEMENT_KEY',
      apiKey: 'sk_live_…7890',
      apiKeyOrigin: 'CHEAPESTINFERENCE_API_KEY',
      sandbox: false,
      valid: true,
    });
  });

  test('shows the origin of each value from a flag', async () => {
    const { api, me, login } = await newUser();
    await login('--profile work');
    expect(await statusOf(me, `--profile work --api-url ${api.url}`)).toMatchObject({
      profile: 'work',
      profileOrigin: '--profile',
      apiUrlOrigin: '--api-url',
    });
  });

  test('shows the sandbox', async () => {
    expect(await statusOf(user(), '--sandbox')).toMatchObject({
      sandbox: true,
      apiUrl: null,
      apiUrlOrigin: '--sandbox',
      managementKey: null,
      managementKeyOrigin: '--sandbox',
      valid: true,
    });
  });

  test('exits with 4 and says how to sign in if no key is set', async () => {
    const { code, stdout, stderr } = await user().ci('auth status');
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(
      /^ci: You aren't signed in\. Run `ci auth login`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY\. Profile: "default" \(by default\)\. /,
    );
  });

  test('exits with 4 if the API refuses the key', async () => {
    const { api, me } = await newUser({ CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_revoked_0123456789' });
    const { code, stdout, stderr } = await me.ci(`auth status --api-url ${api.url}`);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toContain('0123456789');
  });
});

describe('the management key', () => {
  const fromEnvironment = 'mk_env_0123456789wxyz';

  test('in the environment takes precedence over the current profile', async () => {
    const { api, me, login } = await newUser();
    await login();
    const { code } = await me.ci('billing status', { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: fromEnvironment } });
    expect([code, api.received.at(-1)?.headers.authorization]).toEqual([0, `Bearer ${fromEnvironment}`]);
  });

  test('of an explicit --profile takes precedence over the environment', async () => {
    const { api, me, login } = await newUser();
    await login('--profile work');
    const { code } = await me.ci('billing status --profile work', {
      env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: fromEnvironment },
    });
    expect([code, api.received.at(-1)?.headers.authorization]).toEqual([0, `Bearer ${key}`]);
  });

  test('in the environment is not sent for an explicit --profile that is not saved, which exits with 4', async () => {
    const { api, me } = await newUser();
    const { code } = await me.ci(`billing status --profile nobody --api-url ${api.url}`, {
      env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: fromEnvironment },
    });
    expect([code, api.requests]).toEqual([4, []]);
  });

  test('belongs to one profile and one host', async () => {
    const { api, me, login } = await newUser();
    const other = await recordedSandbox();
    await login('--profile work');
    await me.ci(`auth login --with-key --profile play --api-url ${other.url}`, { stdin: 'mk_play_0123456789' });
    await me.ci('billing status --profile play');
    await me.ci('billing status');
    expect([shownKeys(api), shownKeys(other)]).toEqual([[`Bearer ${key}`], ['Bearer mk_play_0123456789']]);
  });

  test.each([
    ['a read', 'billing status'],
    ['a read that needs no key', 'pools list'],
    ['a change', 'pools subscribe kimi26 --blocks europe --yes'],
    ['a request with `ci api`', 'api GET /api/keys'],
  ])('that is saved is not sent to another host by %s', async (_what, line) => {
    const { me, login } = await newUser();
    const other = await recordedSandbox();
    await login();
    for (const args of [
      { flag: `--api-url ${other.url}`, env: {} },
      { flag: '', env: { CHEAPESTINFERENCE_API_URL: other.url } },
    ]) {
      await me.ci(`${line} ${args.flag}`, { env: args.env });
    }
    expect(other.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(other.changes).toEqual([]);
  });

  test.each([
    ['is saved', {}],
    ['is in the environment', { CHEAPESTINFERENCE_MANAGEMENT_KEY: fromEnvironment }],
  ])('that %s is not sent after a redirect to another host', async (_what, env) => {
    const other = await recordedSandbox();
    let moved = false;
    const api = await recordedSandbox({
      instead: ({ path: asked }) => (moved ? answer(307, '', { Location: other.url + asked }) : undefined),
    });
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    await me.ci('auth login --with-key', { stdin: key });
    moved = true;
    for (const line of [
      'pools list',
      'billing status',
      'keys create prod --credit',
      'api POST /api/keys/credit --yes',
    ]) {
      await me.ci(line, { env });
    }
    expect(other.requests).toContain('GET /api/pools');
    expect(other.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(other.changes).toEqual([]);
  });

  test('that is saved for another host is reported with that host, and exits with 4', async () => {
    const { api, me, login } = await newUser();
    const other = await recordedSandbox();
    await login();
    const { code, stdout, stderr } = await me.ci(`billing status --api-url ${other.url}`);
    expect([code, stdout, other.requests]).toEqual([4, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(api.url);
  });

  test('is not sent if it is an API key, which exits with 2', async () => {
    const { api, me } = await newUser({ CHEAPESTINFERENCE_MANAGEMENT_KEY: 'sk_live_abcdefghijklmnop7890' });
    const { code, stderr } = await me.ci(`billing status --api-url ${api.url}`);
    expect([code, api.requests]).toEqual([2, []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toContain('abcdefgh');
  });

  test('is not used with --sandbox', async () => {
    const { api, me, login } = await newUser();
    await login();
    const before = api.requests.length;
    expect((await me.ci('billing status --sandbox')).code).toBe(0);
    expect(api.requests).toHaveLength(before);
  });
});

describe('auth logout', () => {
  test('removes the key, and shows it masked', async () => {
    const { me, login } = await newUser();
    await login();
    const { code, stdout, stderr } = await me.ci('auth logout --json');
    expect([code, json({ stdout })]).toMatchObject([0, { profile: 'default', managementKey: masked }]);
    expect(stderr).toMatch(/still valid/);
    expect(readFileSync(path.join(me.home, 'config', 'cheapestinference', 'config.json'), 'utf8')).not.toContain(key);
    expect((await me.ci('billing status')).code).toBe(4);
  });

  test('removes one key, and uses no other until the user switches', async () => {
    const { me, login } = await newUser();
    await login('--profile work');
    await login('--profile play', 'mk_play_0123456789abcd');
    expect((await me.ci('auth logout --profile work')).code).toBe(0);
    expect((await me.ci('billing status')).code).toBe(4);
    expect((await me.ci('auth switch play')).code).toBe(0);
    expect(await statusOf(me)).toMatchObject({ profile: 'play', managementKey: 'mk_…abcd' });
  });

  test('exits with 4 for a profile that is not saved', async () => {
    const { me, login } = await newUser();
    await login('--profile work');
    const { code, stderr } = await me.ci('auth logout --profile play');
    expect(code).toBe(4);
    expect(stderr).toContain('work');
  });

  test('keeps the key if a field is unknown', async () => {
    const { me, login } = await newUser();
    await login();
    expect((await me.ci('auth logout --fields nope')).code).toBe(2);
    expect((await me.ci('billing status')).code).toBe(0);
  });
});
