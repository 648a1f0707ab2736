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
import { listAt, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, data, deadUrl, server } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

const checks = [
  'Node.js',
  'configuration folder',
  'configuration file',
  'proxy',
  'management key',
  'address',
  'API',
  'clock',
  'signed in',
];

/** An API on this machine's clock, to which somebody is signed in. */
async function examinedCustomer(env: Environment = {}, behavior: Behavior = data([])) {
  const api = await server((request, response) =>
    (request.path === '/api/billing/status' ? data({ poolPledges: [] }) : behavior)(request, response),
  );
  return { api, me: userOf(api, env) };
}

/** What doctor says of each of its checks. */
function examined({ stdout }: Ended): Record<string, { status: string; detail: string }> {
  return Object.fromEntries(
    listAt(json({ stdout })).map((each) => [
      textAt(each, 'check'),
      { status: textAt(each, 'status'), detail: textAt(each, 'detail') },
    ]),
  );
}

/** The file of profiles, made with a mode of its own in a folder with another. */
function configured({ home }: User, folderMode: number, fileMode: number, text = '{"profiles":{}}'): string {
  const folder = path.join(home, 'config', 'cheapestinference');
  const file = path.join(folder, 'config.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, fileMode);
  chmodSync(folder, folderMode);
  return file;
}

describe('doctor', () => {
  test('finds all in order: exit 0, and a line a check', async () => {
    const { api, me } = await examinedCustomer();
    const { code, stdout, stderr } = await me.ci('doctor');
    expect([code, stderr]).toEqual([0, '']);
    const rows = cells(stdout);
    expect(rows.map(([check, status]) => [check, status])).toEqual(checks.map((check) => [check, 'ok']));
    expect(rows.every((row) => row.length === 3 && row[2] !== '')).toBe(true);
    expect(api.changes).toEqual([]);
  });

  test('prints JSON, CSV and YAML', async () => {
    const { me } = await examinedCustomer();
    const found = await me.ci('doctor --json');
    expect([found.code, Object.keys(examined(found))]).toEqual([0, checks]);
    const [header, ...rows] = csvRows((await me.ci('doctor -o csv')).stdout);
    expect([header, rows.map(([check]) => check)]).toEqual([['check', 'status', 'detail'], checks]);
    expect((await me.ci('doctor -o yaml --fields check')).stdout).toBe(
      checks.map((check) => `- check: ${check}\n`).join(''),
    );
  });

  test('on a terminal is a line a check, each with its mark', async () => {
    const { me } = await examinedCustomer();
    const { code, rows } = await shown(me, 'doctor');
    expect(code).toBe(0);
    // A path is to be copied: its line is one line, however long.
    expect(rows.filter((row) => [...row].length > 80 && !row.includes(me.home))).toEqual([]);
    for (const check of checks) expect(rows.filter((row) => row.startsWith(`✓ ${check} `))).toHaveLength(1);
  });

  test('in the sandbox needs no account', async () => {
    const { code, stdout } = await sandboxUser().ci('doctor');
    expect([code, cells(stdout).map(([, status]) => status)]).toEqual([0, checks.map(() => 'ok')]);
  });

  test('shows no key', async () => {
    const { me } = await examinedCustomer({ CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdefghij' });
    for (const flags of ['', '--json', '-o yaml', '--debug']) {
      const { stdout, stderr } = await me.ci(`doctor ${flags}`);
      expect(stdout + stderr).not.toContain(managementKey);
      expect(stdout + stderr).not.toContain('0123456789abcdefghij');
    }
  });

  test('says where the key and the host came from', async () => {
    const { api, me } = await examinedCustomer();
    const found = examined(await me.ci('doctor --json'));
    expect(found['management key']?.detail).toBe('mk_…cdef from CHEAPESTINFERENCE_MANAGEMENT_KEY');
    expect(found.address?.detail).toBe(`${api.url} (from CHEAPESTINFERENCE_API_URL)`);
    expect(Object.values(found).map(({ detail }) => detail)).toContainEqual(
      expect.stringContaining('CHEAPESTINFERENCE_API_URL'),
    );
  });

  test.each([
    ['a word too many', 'doctor all'],
    ['a flag that is none', 'doctor --fix'],
  ])('%s is exit 2, and nothing is sent', async (_what, line) => {
    const { api, me } = await examinedCustomer();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('what is wrong is exit 1, and said', () => {
  test.each([
    ['configuration folder', 0o755, 0o600, /0755.*chmod 700/],
    ['configuration file', 0o700, 0o644, /0644.*chmod 600/],
    ['configuration file', 0o700, 0o640, /0640.*chmod 600/],
  ])('a %s of mode %o and %o', async (check, folderMode, fileMode, said) => {
    const { me } = await examinedCustomer();
    configured(me, folderMode, fileMode);
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    const wrong = Object.entries(examined(found)).filter(([, { status }]) => status !== 'ok');
    expect(wrong).toEqual([[check, { status: 'failed', detail: expect.stringMatching(said) }]]);
  });

  test('modes that let nobody else in are in order', async () => {
    const { me } = await examinedCustomer();
    const file = configured(me, 0o700, 0o600);
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(0);
    expect(examined(found)['configuration file']?.detail).toContain(file);
  });

  test('a file that is damaged, and all other checks are still made', async () => {
    const { me } = await examinedCustomer();
    const file = configured(me, 0o700, 0o600, '{');
    const { code, stdout } = await me.ci('doctor');
    expect([code, cells(stdout).map(([check]) => check)]).toEqual([1, expect.arrayContaining(['Node.js', 'proxy'])]);
    expect(cells(stdout)).toContainEqual(['configuration file', 'failed', expect.stringContaining(file)]);
  });

  test('no key', async () => {
    const { api } = await examinedCustomer();
    const found = await user({ CHEAPESTINFERENCE_API_URL: api.url }).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found)['management key']).toEqual({
      status: 'failed',
      detail: expect.stringContaining('ci auth login'),
    });
    expect(examined(found).API?.status).toBe('ok');
  });

  test('a key that is none', async () => {
    const { me } = await examinedCustomer({ CHEAPESTINFERENCE_MANAGEMENT_KEY: 'sk_live_0123456789abcdefghij' });
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found)['management key']?.status).toBe('failed');
    expect(found.stdout + found.stderr).not.toContain('0123456789abcdefghij');
  });

  test('a key that the API refuses', async () => {
    const refusal = answer(401, { success: false, error: 'Invalid management key' });
    const api = await server((request, response) =>
      (request.path === '/api/billing/status' ? refusal : data([]))(request, response),
    );
    const found = await userOf(api).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found)['signed in']).toEqual({
      status: 'failed',
      detail: expect.stringContaining('Invalid management key'),
    });
    expect(examined(found).API?.status).toBe('ok');
  });

  test('an API that cannot be reached', async () => {
    const url = deadUrl;
    const found = await userOf({ url }).ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found).API).toEqual({ status: 'failed', detail: expect.stringContaining(new URL(url).host) });
  });

  test('an API that fails', async () => {
    const { me } = await examinedCustomer({}, answer(500, { success: false, error: 'database is down' }));
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found).API).toEqual({ status: 'failed', detail: expect.stringContaining('database is down') });
  });

  test('a proxy that is none', async () => {
    const { me } = await examinedCustomer({ HTTPS_PROXY: 'not a url' });
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(1);
    expect(examined(found).proxy).toEqual({ status: 'failed', detail: expect.stringContaining('HTTPS_PROXY') });
  });

  test('on a terminal, with a mark of its own', async () => {
    const { api } = await examinedCustomer();
    const { code, rows } = await shown(user({ CHEAPESTINFERENCE_API_URL: api.url }), 'doctor', { columns: 200 });
    expect(code).toBe(1);
    expect(rows.filter((row) => row.startsWith('✗ management key'))).toHaveLength(1);
    expect(rows.filter((row) => row.startsWith('✓ API'))).toHaveLength(1);
  });
});

describe('what is worth knowing is told, and exit 0', () => {
  test.each([['HTTPS_PROXY'], ['https_proxy'], ['HTTP_PROXY'], ['http_proxy']])(
    'the proxy of %s, without its password',
    async (name) => {
      const { me } = await examinedCustomer({
        [name]: 'http://ada:lovelace@proxy.example:3128',
        NO_PROXY: 'example.org',
      });
      const found = await me.ci('doctor --json');
      expect(found.code).toBe(0);
      expect(examined(found).proxy?.detail).toContain('http://proxy.example:3128');
      expect(examined(found).proxy?.detail).toContain(name);
      expect(examined(found).proxy?.detail).toContain('example.org');
      expect(found.stdout + found.stderr).not.toContain('lovelace');
    },
  );

  test.each([
    ['ahead', 'Wed, 01 Jan 2098 00:00:00 GMT'],
    ['behind', 'Wed, 01 Jan 2020 00:00:00 GMT'],
  ])('a server whose clock is %s', async (direction, date) => {
    const { me } = await examinedCustomer({}, answer(200, { success: true, data: [] }, { Date: date }));
    const found = await me.ci('doctor --json');
    expect(found.code).toBe(0);
    expect(examined(found).clock).toEqual({ status: 'warning', detail: expect.stringContaining(direction) });
    expect(examined(found).clock?.detail).not.toContain('-');
  });

  test('a server whose clock is right', async () => {
    const { me } = await examinedCustomer();
    expect(examined(await me.ci('doctor --json')).clock?.status).toBe('ok');
  });
});
