import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  cells,
  type Ended,
  type Environment,
  json,
  managementKey,
  oneLine,
  sandboxUser,
  type User,
  user,
  userOf,
} from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { startPostgres } from '../support/postgres.ts';
import { lacksPostgres } from '../support/postgres-programs.ts';
import { isBinary } from '../support/program.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, data, deadUrl, server } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

const checks = [
  'build',
  // The binary has its own runtime.
  ...(isBinary ? [] : ['Node.js']),
  'config directory',
  'config file',
  'proxy',
  'management key',
  'API URL',
  'API',
  'clock',
  'signed in',
];

/** Starts an API with the clock of this machine, and signs a user in to it. */
async function signedInCustomer(env: Environment = {}, behavior: Behavior = data([])) {
  const api = await server((request, response) =>
    (request.path === '/api/billing/status' ? data({ poolPledges: [] }) : behavior)(request, response),
  );
  return { api, me: userOf(api, env) };
}

/** Returns the finding of each check. */
function findingsOf({ stdout }: Ended): Record<string, { status: string; detail: string }> {
  return Object.fromEntries(
    listAt(json({ stdout })).map((each) => [
      textAt(each, 'check'),
      { status: textAt(each, 'status'), detail: textAt(each, 'detail') },
    ]),
  );
}

/** Creates a config file and its directory with the given modes. */
function writeConfig({ home }: User, folderMode: number, fileMode: number, text = '{"profiles":{}}'): string {
  const folder = path.join(home, 'config', 'cheapestinference');
  const file = path.join(folder, 'config.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, fileMode);
  chmodSync(folder, folderMode);
  return file;
}

describe('doctor', () => {
  test('prints a line per check, and exits with 0 if all is well', async () => {
    const { api, me } = await signedInCustomer();
    const { code, stdout, stderr } = await me.ci('doctor');
    expect([code, stderr]).toEqual([0, '']);
    const rows = cells(stdout);
    expect(rows.map(([check, status]) => [check, status])).toEqual(checks.map((check) => [check, 'ok']));
    expect(rows.every((row) => row.length === 3 && row[2] !== '')).toBe(true);
    expect(api.changes).toEqual([]);
  });

  test('prints JSON, CSV and YAML', async () => {
    const { me } = await signedInCustomer();
    const found = await me.ci('doctor --json');
    expect([found.code, Object.keys(findingsOf(found))]).toEqual([0, checks]);
    const [header, ...rows] = csvRows((await me.ci('doctor -o csv')).stdout);
    expect([header, rows.map(([check]) => check)]).toEqual([['check', 'status', 'detail'], checks]);
    expect((await me.ci('doctor -o yaml --fields check')).stdout).toBe(
      checks.map((check) => `- check: ${check}\n`).join(''),
    );
  });

  test('marks each check on a terminal', async () => {
    const { me } = await signedInCustomer();
    const { code, rows } = await shown(me, 'doctor');
    expect(code).toBe(0);
    // A path must stay in one line, so that it can be copied.
    expect(rows.filter((row) => [...row].length > 80 && !row.includes(me.home))).toEqual([]);
    for (const check of checks)
      expect(rows.filter((row) => row.toLowerCase().startsWith(`✓ ${check.toLowerCase()}  `))).toHaveLength(1);
  });

  test('needs no account in the sandbox', async () => {
    const { code, stdout } = await sandboxUser().ci('doctor');
    expect([code, cells(stdout).map(([, status]) => status)]).toEqual([0, checks.map(() => 'ok')]);
  });

  test('never prints a whole key', async () => {
    const { me } = await signedInCustomer({ CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdefghij' });
    for (const flags of ['', '--json', '-o yaml', '--debug']) {
      const { stdout, stderr } = await me.ci(`doctor ${flags}`);
      expect(stdout + stderr).not.toContain(managementKey);
      expect(stdout + stderr).not.toContain('0123456789abcdefghij');
    }
  });

  test('says where the key and the host come from', async () => {
    const { api, me } = await signedInCustomer();
    const found = findingsOf(await me.ci('doctor --json'));
    expect(found['management key']?.detail).toBe('mk_…cdef from CHEAPESTINFERENCE_MANAGEMENT_KEY');
    expect(found['API URL']?.detail).toBe(`${api.url} (from CHEAPESTINFERENCE_API_URL)`);
    expect(Object.values(found).map(({ detail }) => detail)).toContainEqual(
      expect.stringContaining('CHEAPESTINFERENCE_API_URL'),
    );
  });

  test.skipIf(lacksPostgres)('checks the state database, and names it without its password', async () => {
    const { url, port } = await startPostgres();
    const { me } = await signedInCustomer({ CHEAPESTINFERENCE_STATE_URL: url });
    const password = new URL(url).password;
    const stateOf = (stdout: string) => cells(stdout).find(([check]) => check === 'state database');
    const label = `postgres://127.0.0.1:${port}/app`;
    const missing = await me.ci('doctor');
    expect([missing.code, stateOf(missing.stdout)]).toEqual([
      1,
      [
        'state database',
        'failed',
        `The state database ${label} has no tables in the schema cheapestinference. Run \`ci state init\` to create them.`,
      ],
    ]);
    await me.ci('state init');
    const { stdout, stderr } = await me.ci('doctor --debug');
    expect(stateOf(stdout)).toEqual(['state database', 'ok', `${label} (from CHEAPESTINFERENCE_STATE_URL)`]);
    expect(stdout + stderr).not.toContain(password);
    const { rows } = await shown(me, 'doctor');
    expect(rows.filter((row) => row.startsWith('✓ State database  '))).toHaveLength(1);
  });

  test('reports an invalid state URL, and where it comes from', async () => {
    const { me } = await signedInCustomer({ CHEAPESTINFERENCE_STATE_URL: 'mysql://team:hunter2@db.test/state' });
    const { code, stdout, stderr } = await me.ci('doctor');
    expect([code, cells(stdout).find(([check]) => check === 'state database')]).toEqual([
      1,
      [
        'state database',
        'failed',
        '"mysql://" is not a valid scheme for a state URL (from CHEAPESTINFERENCE_STATE_URL). Use a URL such as postgres://USER:PASSWORD@HOST/DATABASE.',
      ],
    ]);
    expect(stdout + stderr).not.toContain('hunter2');
  });

  test.skipIf(process.platform === 'win32')(
    'reports a state URL with a password that other users can read',
    async () => {
      const { me } = await signedInCustomer();
      await me.ci('config set state-url -', { stdin: 'postgres://team:hunter2@db.test/state' });
      const file = (await me.ci('config path')).stdout.trim();
      chmodSync(file, 0o644);
      expect(findingsOf(await me.ci('doctor --json'))['state database']).toMatchObject({
        status: 'failed',
        detail: expect.stringContaining(`chmod 600 ${file}`),
      });
    },
  );

  test.each([
    ['too many arguments', 'doctor all'],
    ['an unknown option', 'doctor --fix'],
  ])('refuses %s before anything is sent', async (_what, line) => {
    const { api, me } = await signedInCustomer();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('doctor exits with 1 and reports', () => {
  test.each([
    ['config directory', 0o755, 0o600, /0755.*chmod 700/],
    ['config file', 0o700, 0o644, /0644.*chmod 600/],
    ['config file', 0o700, 0o640, /0640.*chmod 600/],
  ])('a %s of mode %o and %o', async (check, folderMode, fileMode, said) => {
    const { me } = await signedInCustomer();
    writeConfig(me, folderMode, fileMode);
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    const wrong = Object.entries(findingsOf(found)).filter(([, { status }]) => status !== 'ok');
    expect(wrong).toEqual([[check, { status: 'failed', detail: expect.stringMatching(said) }]]);
  });

  test.each([
    [0o700, 0o600],
    [0o500, 0o400],
    [0o700, 0o700],
  ])('nothing about modes that only let the owner in: %o and %o', async (folderMode, fileMode) => {
    const { me } = await signedInCustomer();
    const file = writeConfig(me, folderMode, fileMode);
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(0);
    expect(findingsOf(found)['config file']?.detail).toContain(file);
  });

  test('a damaged config file, and still makes the other checks', async () => {
    const { me } = await signedInCustomer();
    const file = writeConfig(me, 0o700, 0o600, '{');
    const { code, stdout } = await me.ci('doctor');
    expect([code, cells(stdout).map(([check]) => check)]).toEqual([
      1,
      expect.arrayContaining(['config directory', 'proxy']),
    ]);
    expect(cells(stdout)).toContainEqual(['config file', 'failed', expect.stringContaining(file)]);
  });

  test('a missing key', async () => {
    const { api } = await signedInCustomer();
    const found = await user({ CHEAPESTINFERENCE_API_URL: api.url }).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found)['management key']).toEqual({
      status: 'failed',
      detail: expect.stringContaining('ci auth login'),
    });
    expect(findingsOf(found).API?.status).toBe('ok');
  });

  test('an invalid key', async () => {
    const { me } = await signedInCustomer({ CHEAPESTINFERENCE_MANAGEMENT_KEY: 'sk_live_0123456789abcdefghij' });
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found)['management key']?.status).toBe('failed');
    expect(found.stdout + found.stderr).not.toContain('0123456789abcdefghij');
  });

  test('a key that the API refuses', async () => {
    const refusal = answer(401, { success: false, error: 'Invalid management key' });
    const api = await server((request, response) =>
      (request.path === '/api/billing/status' ? refusal : data([]))(request, response),
    );
    const found = await userOf(api).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found)['signed in']).toEqual({
      status: 'failed',
      detail: expect.stringContaining('Invalid management key'),
    });
    expect(findingsOf(found).API?.status).toBe('ok');
  });

  test('an unreachable API', async () => {
    const url = deadUrl;
    const found = await userOf({ url }).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found).API).toEqual({ status: 'failed', detail: expect.stringContaining(new URL(url).host) });
  });

  test('an API that fails', async () => {
    const { me } = await signedInCustomer({}, answer(500, { success: false, error: 'database is down' }));
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found).API).toEqual({ status: 'failed', detail: expect.stringContaining('database is down') });
  });

  test('an invalid proxy', async () => {
    const { me } = await signedInCustomer({ HTTPS_PROXY: 'not a url' });
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(findingsOf(found).proxy).toEqual({ status: 'failed', detail: expect.stringContaining('HTTPS_PROXY') });
  });

  test('problems on a terminal with a mark', async () => {
    const { api } = await signedInCustomer();
    const { code, rows } = await shown(user({ CHEAPESTINFERENCE_API_URL: api.url }), 'doctor', { columns: 200 });
    expect(code).toBe(1);
    expect(rows.filter((row) => row.startsWith('✗ Management key'))).toHaveLength(1);
    expect(rows.filter((row) => row.startsWith('✓ API  '))).toHaveLength(1);
  });
});

describe('doctor exits with 0 and reports', () => {
  test.each([['HTTPS_PROXY'], ['https_proxy'], ['HTTP_PROXY'], ['http_proxy']])(
    'the proxy of %s, without its password',
    async (name) => {
      const { me } = await signedInCustomer({
        [name]: 'http://ada:lovelace@proxy.example:3128',
        NO_PROXY: 'example.org',
      });
      const found = await me.ci('doctor --json');
      expect(found.code).toBe(0);
      expect(findingsOf(found).proxy?.detail).toContain('http://proxy.example:3128');
      expect(findingsOf(found).proxy?.detail).toContain(name);
      expect(findingsOf(found).proxy?.detail).toContain('example.org');
      expect(found.stdout + found.stderr).not.toContain('lovelace');
    },
  );

  test.each([
    ['behind', 'Wed, 01 Jan 2098 00:00:00 GMT'],
    ['ahead of', 'Wed, 01 Jan 2020 00:00:00 GMT'],
  ])("a clock that is %s the server's", async (direction, date) => {
    const { me } = await signedInCustomer({}, answer(200, { success: true, data: [] }, { Date: date }));
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(0);
    expect(findingsOf(found).clock).toEqual({
      status: 'warning',
      detail: expect.stringMatching(new RegExp(`^This machine's clock is \\d+ days ${direction} the server's\\. `)),
    });
  });

  test('clocks that agree', async () => {
    const { me } = await signedInCustomer();
    expect(findingsOf(await me.ci('doctor --json')).clock?.status).toBe('ok');
  });
});
