import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  cells,
  type Environment,
  json,
  managementKey,
  namesIn,
  oneLine,
  type User,
  user,
  userOf,
} from '../../support/cli.ts';
import { csvRows } from '../../support/csv.ts';
import { at, creditKey, day, hello, hour, poolKey, type TestSandbox, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const all = 'GET /api/usage';
const limited = answer(
  429,
  { success: false, error: 'Rate limit exceeded: 12 requests per 12 hours' },
  { 'Retry-After': '43200' },
);

/** Sends a chat request with a key. Returns how many tokens it used. */
async function chat(box: TestSandbox, key: string) {
  const { body } = await box.call('POST', '/v1/chat/completions', { body: hello, key });
  const count = (name: string) => Number(at(body, 'usage', name));
  return { prompt: count('prompt_tokens'), completion: count('completion_tokens'), total: count('total_tokens') };
}

/** Creates a customer with a key that was used twice, one that was used once, and one that was not used. */
async function customerWithUsage(env: Environment = {}, instead?: (request: Received) => Behavior | undefined) {
  const api = await recordedSandbox(instead ? { instead } : {});
  const busy = await poolKey(api.box);
  const calm = await creditKey(api.box, { name: 'client-acme', maxBudget: 25 });
  const idle = await creditKey(api.box, { name: 'idle' });
  const each = await chat(api.box, busy.apiKey);
  await chat(api.box, busy.apiKey);
  await chat(api.box, calm.apiKey);
  return { api, me: userOf(api, env), busy, calm, idle, each };
}

function cacheFolder({ home }: User): string {
  return path.join(home, '.cache', 'cheapestinference');
}

/** Returns the file of the cache. */
function cacheFile(me: User): string {
  const [name = 'none', ...others] = readdirSync(cacheFolder(me));
  expect(others).toEqual([]);
  return path.join(cacheFolder(me), name);
}

describe('`ci usage`', () => {
  test('prints a line per key in a pipe: id, name, type, requests, tokens, prompt tokens, completion tokens', async () => {
    const { api, me, busy, calm, idle, each } = await customerWithUsage();
    const { code, stdout } = await me.ci('usage');
    expect([code, api.requests]).toEqual([0, [all]]);
    expect(stdout).toBe(
      [
        `${idle.id}\tidle\tcredit\t0\t0\t0\t0\n`,
        `${calm.id}\tclient-acme\tcredit\t1\t${each.total}\t${each.prompt}\t${each.completion}\n`,
        `${busy.id}\tdefault\tsubscription\t2\t${2 * each.total}\t${2 * each.prompt}\t${2 * each.completion}\n`,
      ].join(''),
    );
  });

  test('prints the same figures as JSON, CSV and YAML', async () => {
    const { me, busy, each } = await customerWithUsage();
    const listed = json(await me.ci('usage --json'));
    const used = {
      requests: 2,
      tokens: 2 * each.total,
      promptTokens: 2 * each.prompt,
      completionTokens: 2 * each.completion,
    };
    expect(at(listed, 2)).toEqual({
      id: busy.id,
      name: 'default',
      type: 'subscription',
      plan: 'kimi26',
      isActive: true,
      usage: { last1h: used, last24h: used, last7d: used, last30d: used },
      subscription: { status: 'active', expiresAt: '2026-05-14T09:00:00.000Z' },
      createdAt: '2026-04-14T09:00:00.000Z',
    });
    const csv = csvRows((await me.ci('usage -o csv')).stdout);
    expect(csv[0]).toEqual(['id', 'name', 'type', 'requests', 'tokens', 'promptTokens', 'completionTokens']);
    expect(csv.slice(1)).toEqual(cells((await me.ci('usage')).stdout));
    expect((await me.ci('usage -o yaml --fields name')).stdout).toBe(
      '- name: idle\n- name: client-acme\n- name: default\n',
    );
  });

  test('draws a bar per key on a terminal of 80 columns, the longest for the key with the most tokens', async () => {
    const { me } = await customerWithUsage();
    const { code, rows } = await shown(me, 'usage');
    const bars = (name: string) => /[█▏▎▍▌▋▊▉]+/.exec(rows.find((row) => row.includes(name)) ?? '')?.[0] ?? '';
    expect(code).toBe(0);
    expect(rows.filter((row) => [...row].length > 80)).toEqual([]);
    expect([bars('default').length, bars('client-acme').length, bars('idle').length]).toEqual([12, 6, 0]);
  });

  test('names the period and shows the total on a terminal', async () => {
    const { me, each } = await customerWithUsage();
    const { rows } = await shown(me, 'usage --period 7d');
    expect(rows.slice(1, 3)).toEqual(['Usage in the last 7 days', '']);
    expect(rows.find((row) => row.includes('Total'))).toMatch(
      new RegExp(`^ +Total +3 +${3 * each.total} +${3 * each.prompt}$`),
    );
    const one = userOf(await server(data([{ id: 'k', name: 'only', usage: { last24h: { requests: 1 } } }])));
    expect((await shown(one, 'usage')).screen).not.toContain('Total');
  });

  test('shows all figures and the bars on a wide terminal', async () => {
    const { me } = await customerWithUsage();
    const { rows } = await shown(me, 'usage', { columns: 160 });
    const heading = rows.find((row) => row.startsWith('ID'));
    expect(heading).toMatch(/^ID +KEY +TYPE +REQUESTS +TOKENS +PROMPT +COMPLETION/);
    expect(rows.find((row) => row.includes('default'))).toMatch(/ subscription +2 +\d+ +\d+ +\d+ +█{12}$/);
  });

  test('groups the digits of large numbers on a terminal only', async () => {
    const used = { requests: 12_345, tokens: 9_876_543, promptTokens: 9_000_000, completionTokens: 876_543 };
    const me = userOf(await server(data([{ id: 'k', name: 'big', type: 'credit', usage: { last24h: used } }])));
    expect((await shown(me, 'usage')).screen).toMatch(/12,345 +9,876,543/);
    expect((await me.ci('usage')).stdout).toBe('k\tbig\tcredit\t12345\t9876543\t9000000\t876543\n');
  });

  test('shows the given period, or 24 hours', async () => {
    const { api, me } = await customerWithUsage();
    const requests = async (flags: string) => cells((await me.ci(`usage --refresh ${flags}`)).stdout).at(-1)?.[3];
    expect([await requests('--period 1h'), await requests('')]).toEqual(['2', '2']);
    await api.box.advance(2 * hour);
    expect([await requests('--period 1h'), await requests('--period 24h')]).toEqual(['0', '2']);
    await api.box.advance(2 * day);
    expect([await requests(''), await requests('--period 7d')]).toEqual(['0', '2']);
    await api.box.advance(8 * day);
    expect([await requests('--period 7d'), await requests('--period 30d')]).toEqual(['0', '2']);
  });

  test('prints all periods as JSON, regardless of --period', async () => {
    const { me } = await customerWithUsage();
    expect((await me.ci('usage --period 1h --json')).stdout).toBe((await me.ci('usage --period 30d --json')).stdout);
  });

  test('prints an empty list without keys, and says on a terminal how to create one', async () => {
    const me = userOf(await recordedSandbox());
    expect(await me.ci('usage')).toMatchObject({ code: 0, stdout: '' });
    expect((await me.ci('usage --json')).stdout).toBe('[]\n');
    expect((await shown(me, 'usage')).screen).toContain('ci keys create');
  });

  test.each([
    ['an invalid period', ['usage', '--period', '2h']],
    ['an empty period', ['usage', '--period', '']],
    ['an empty key', ['usage', '']],
    ['two keys', ['usage', 'a', 'b']],
    ['a key and --self', ['usage', 'a', '--self']],
  ])('exits with code 2 and sends nothing with %s', async (_what, args) => {
    const { api, me } = await customerWithUsage();
    const { code, stdout, stderr } = await me.ci(args, {
      env: { CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdef' },
    });
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('exits with code 4 and sends nothing if you are not signed in', async () => {
    const api = await server(data([]));
    const { code, stdout, stderr } = await user().ci(`usage --api-url ${api.url}`);
    expect([code, stdout, api.requests]).toEqual([4, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('`ci usage --all`', () => {
  test('prints a row per key and period as CSV and JSON, with --format or -o', async () => {
    const { api, me, busy, calm, idle, each } = await customerWithUsage();
    await api.box.advance(2 * hour);
    const csv = (await me.ci('usage --all --format csv')).stdout;
    const [header, ...rows] = csvRows(csv);
    expect(header).toEqual(['id', 'name', 'type', 'period', 'requests', 'tokens', 'promptTokens', 'completionTokens']);
    const used = ['2', `${2 * each.total}`, `${2 * each.prompt}`, `${2 * each.completion}`];
    expect(rows.slice(-4)).toEqual([
      [busy.id, 'default', 'subscription', '1h', '0', '0', '0', '0'],
      ...['24h', '7d', '30d'].map((period) => [busy.id, 'default', 'subscription', period, ...used]),
    ]);
    expect(rows.map(([id]) => id)).toEqual([idle, calm, busy].flatMap(({ id }) => [id, id, id, id]));
    const listed = json(await me.ci('usage --all --format json'));
    expect(at(listed, 5)).toEqual({
      ...{ id: calm.id, name: 'client-acme', type: 'credit', period: '24h', requests: 1 },
      ...{ tokens: each.total, promptTokens: each.prompt, completionTokens: each.completion },
    });
    expect((await me.ci('usage --all -o csv')).stdout).toBe(csv);
    expect(json(await me.ci('usage --all --json --format json'))).toEqual(listed);
    expect((await me.ci('usage --all --format csv --fields name,period')).stdout).toMatch(
      /^name,period\r\nidle,1h\r\n/,
    );
    expect((await shown(me, 'usage --all')).screen).toMatch(/client-acme +credit +24h +1 /);
  });

  test.each([
    ['--format csv', '--format can only be used with --all'],
    ['--all --format yaml', '"yaml" is not a valid value for --format'],
    ['--all --format csv --json', "--format csv and --json can't be combined"],
    ['-o yaml --all --format csv', "--format csv and --output yaml can't be combined"],
    ['--all --self', "--all and --self can't be combined"],
    ['--all --gateway', "--all and --gateway can't be combined"],
    ['--all --period 7d', "--all and --period can't be combined"],
    ['prod --all', "--all and a key can't be combined"],
  ])('refuses %s', async (words, message) => {
    const { api, me } = await customerWithUsage();
    const { code, stderr } = await me.ci(`usage ${words}`);
    expect([code, api.requests]).toEqual([2, []]);
    expect(stderr).toContain(message);
  });
});

describe('the cache of usage', () => {
  test('answers a second call without a request, with its age and the refreshes left', async () => {
    const { api, me } = await customerWithUsage();
    const first = await me.ci('usage');
    expect(first.stderr).toMatch(/\b11 refreshes left\b/);
    const second = await me.ci('usage --json');
    expect([second.code, api.requests]).toEqual([0, [all]]);
    expect(second.stderr).toMatch(/ago\b.*--refresh.*\b11 refreshes left\b/);
    expect(json(second)).toHaveLength(3);
    expect((await me.ci('usage')).stdout).toBe(first.stdout);
  });

  test('is updated by --refresh', async () => {
    const { api, me, busy } = await customerWithUsage();
    await me.ci('usage');
    await chat(api.box, busy.apiKey);
    expect(cells((await me.ci('usage')).stdout).at(-1)?.[3]).toBe('2');
    const { stdout, stderr } = await me.ci('usage --refresh');
    expect([cells(stdout).at(-1)?.[3], api.requests]).toEqual(['3', [all, all]]);
    expect(stderr).toMatch(/\b10 refreshes left\b/);
  });

  test('answers the 13th request within 12 hours, with a warning', async () => {
    const { api, me } = await customerWithUsage();
    for (let left = 11; left >= 0; left -= 1) {
      const { code, stderr } = await me.ci('usage --refresh');
      expect([code, stderr]).toEqual([0, expect.stringMatching(new RegExp(`\\b${left} refresh(?:es)? left\\b`))]);
    }
    const last = await me.ci('usage');
    const { code, stdout, stderr } = await me.ci('usage --refresh');
    expect([code, stdout]).toEqual([0, last.stdout]);
    expect(stderr).toMatch(/^Warning: .*12 requests per 12 hours.*ago/);
    expect(api.requests.filter((name) => name === all).length).toBeLessThanOrEqual(13);
    expect((await me.ci('usage --refresh --json')).stdout).toBe((await me.ci('usage --json')).stdout);
  });

  test('exits with code 7 at the limit if it is empty', async () => {
    const me = userOf(await server(limited));
    const { code, stdout, stderr } = await me.ci('usage');
    expect([code, stdout]).toEqual([7, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('12 requests per 12 hours');
  });

  test('is not used after another error', async () => {
    let fails = false;
    const { me } = await customerWithUsage({}, () =>
      fails ? answer(401, { success: false, error: 'No entry' }) : undefined,
    );
    await me.ci('usage');
    fails = true;
    const { code, stdout, stderr } = await me.ci('usage --refresh');
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(oneLine);
  });

  test('is updated after two hours', async () => {
    const { api, me } = await customerWithUsage();
    await me.ci('usage');
    const file = cacheFile(me);
    const aged = readFileSync(file, 'utf8').replace(
      /"at":(\d+)/,
      (_all, at: string) => `"at":${Number(at) - 2 * hour}`,
    );
    writeFileSync(file, aged);
    await me.ci('usage');
    expect(api.requests).toEqual([all, all]);
  });

  test('is a file that only its owner can read, without secrets', async () => {
    const { me, busy, calm } = await customerWithUsage();
    await me.ci('usage');
    const file = cacheFile(me);
    expect([statSync(file).mode & 0o777, statSync(cacheFolder(me)).mode & 0o777]).toEqual([0o600, 0o700]);
    const text = readFileSync(file, 'utf8') + file;
    for (const key of [managementKey, busy.apiKey, calm.apiKey]) expect(text).not.toContain(key);
  });

  test('is separate for each account', async () => {
    const { api, me } = await customerWithUsage();
    await me.ci('usage');
    await me.ci('usage', { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' } });
    expect(api.requests).toEqual([all, all]);
  });

  test('is replaced if it is damaged', async () => {
    const { api, me } = await customerWithUsage();
    const { stdout } = await me.ci('usage');
    for (const text of ['', '{', '[]', '{"at":1,"data":[1],"requests":[]}']) {
      writeFileSync(cacheFile(me), text);
      expect(await me.ci('usage')).toMatchObject({ code: 0, stdout });
    }
    expect(api.requests.every((name) => name === all)).toBe(true);
  });
});

describe('the usage of one key', () => {
  test('takes one request by ID, and has a line per field', async () => {
    const { api, me, calm, each } = await customerWithUsage();
    const { code, stdout, stderr } = await me.ci(`usage ${calm.id}`);
    expect([code, stderr, api.requests]).toEqual([0, '', [`GET /api/usage/${calm.id}`]]);
    expect(stdout).toBe(
      [
        `id\t${calm.id}`,
        'name\tclient-acme',
        'type\tcredit',
        'requests\t1',
        `tokens\t${each.total}`,
        `promptTokens\t${each.prompt}`,
        `completionTokens\t${each.completion}\n`,
      ].join('\n'),
    );
  });

  test('is found by name, without a request for all usage', async () => {
    const { api, me, calm } = await customerWithUsage();
    const usage = json(await me.ci('usage client-acme --json'));
    expect(usage).toMatchObject({
      id: calm.id,
      name: 'client-acme',
      type: 'credit',
      usage: { last24h: { requests: 1 } },
    });
    expect(api.requests).toEqual(['GET /api/keys', `GET /api/usage/${calm.id}`]);
  });

  test('is printed as CSV and YAML, and with its period on a terminal', async () => {
    const { api, me, calm, each } = await customerWithUsage();
    const { total, prompt, completion } = each;
    expect((await me.ci('usage client-acme -o csv')).stdout).toBe(
      `id,name,type,requests,tokens,promptTokens,completionTokens\r\n${calm.id},client-acme,credit,1,${total},${prompt},${completion}\r\n`,
    );
    expect((await me.ci('usage client-acme -o yaml --fields name,type')).stdout).toBe(
      'name: client-acme\ntype: credit\n',
    );
    await api.box.advance(2 * hour);
    expect((await shown(me, 'usage client-acme')).screen).toMatch(/client-acme[\s\S]*requests +1$/im);
    const lastHour = (await shown(me, 'usage client-acme --period 1h')).screen;
    expect(lastHour).toMatch(/client-acme[\s\S]*requests +0$[\s\S]*^period +last hour$/im);
  });

  test('exits with code 5 for an unknown name or ID', async () => {
    const { me } = await customerWithUsage();
    for (const key of ['unknown', '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601']) {
      const { code, stdout, stderr } = await me.ci(`usage ${key}`);
      expect([code, stdout]).toEqual([5, '']);
      expect(stderr).toMatch(oneLine);
    }
  });

  test('exits with code 2 for an ambiguous name, and lists both keys', async () => {
    const { api, me, idle } = await customerWithUsage();
    const twin = await creditKey(api.box, { name: 'idle' });
    const { code, stdout, stderr } = await me.ci('usage idle');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^ci: 2 keys are named "idle"\. Use one of their IDs:\n {2}idle {2}[^\n]+\n {2}idle {2}[^\n]+\n$/,
    );
    expect([stderr.includes(idle.id), stderr.includes(twin.id)]).toEqual([true, true]);
  });
});

describe('`ci usage --self`', () => {
  const self = { path: '/v1/usage' };

  test('uses only the key in CHEAPESTINFERENCE_API_KEY', async () => {
    const { api, calm } = await customerWithUsage();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_API_KEY: calm.apiKey });
    const { code, stdout, stderr } = await me.ci('usage --self');
    expect([code, stderr, api.requests]).toEqual([0, '', [`GET ${self.path}`]]);
    expect(api.received[0]?.headers.authorization).toBe(`Bearer ${calm.apiKey}`);
    expect(Object.fromEntries(cells(stdout))).toMatchObject({
      key: 'client-acme',
      type: 'credit',
      limit: '25.00',
      plan: '',
    });
    expect(stdout).toMatch(/^resets_at\t2026-05-14T09:00:00\.000Z$/m);
    expect(stdout + stderr).not.toContain(calm.apiKey);
  });

  test('prints JSON, CSV and YAML', async () => {
    const { api, busy } = await customerWithUsage();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_API_KEY: busy.apiKey });
    const answered = json(await me.ci('usage --self --json'));
    expect(answered).toEqual({
      budget: { spent: 0, limit: null, duration: null, resets_at: null },
      rate_limits: { rpm: null, tpm: null },
      plan: { slug: 'kimi26', status: 'active', expires_at: '2026-05-14T09:00:00.000Z' },
      credits: { balance: expect.any(Number) },
      key: { name: 'default', type: 'subscription', created_at: '2026-04-14T09:00:00.000Z' },
    });
    const [header, row, ...more] = csvRows((await me.ci('usage --self -o csv')).stdout);
    expect(header?.map((field, column) => [field, row?.[column]])).toEqual(cells((await me.ci('usage --self')).stdout));
    expect(more).toEqual([]);
    expect((await me.ci('usage --self -o yaml --fields key')).stdout).toMatch(/^key:\n {2}name: default\n/);
    expect((await me.ci('usage --self --jq .plan.slug')).stdout).toBe('kimi26\n');
  });

  test('shows dollars and days on a terminal', async () => {
    const { api, calm } = await customerWithUsage();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_API_KEY: calm.apiKey });
    const { code, screen } = await shown(me, 'usage --self');
    expect(code).toBe(0);
    expect(screen).toMatch(/Limit +\$25\.00/);
    expect(screen).toMatch(/14 May 2026 \(in 1 month\)/);
  });

  test.each([
    ['without a key in the environment', {}, 4],
    ['with a management key in its place', { CHEAPESTINFERENCE_API_KEY: managementKey }, 2],
  ])('sends nothing %s', async (_what, env, exitCode) => {
    const api = await server(data({}));
    const { code, stdout, stderr } = await userOf(api, env).ci('usage --self');
    expect([code, stdout, api.requests]).toEqual([exitCode, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('CHEAPESTINFERENCE_API_KEY');
    expect(stderr).not.toContain(managementKey);
  });

  test('exits with code 4 for an invalid or revoked key', async () => {
    const { api, busy } = await customerWithUsage();
    const refused = async (key: string) =>
      user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_API_KEY: key }).ci('usage --self --json');
    const unknown = await refused('sk_live_unknown_key_0123456789');
    expect([unknown.code, at(JSON.parse(unknown.stderr), 'error', 'code')]).toEqual([4, 'unauthorized']);
    await api.box.data('DELETE', '/api/pools/kimi26/pledge');
    await api.box.advance(31 * day);
    const deactivated = await refused(busy.apiKey);
    expect([deactivated.code, textAt(JSON.parse(deactivated.stderr), 'error', 'code')]).toEqual([4, 'forbidden']);
  });

  test('exits with code 1 and a retryable error while data is unavailable', async () => {
    const api = await server(answer(502, { error: 'Data temporarily unavailable' }));
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdef' });
    const { code, stdout, stderr } = await me.ci('usage --self --json');
    expect([code, stdout]).toEqual([1, '']);
    const error = at(JSON.parse(stderr), 'error');
    expect(namesIn(error)).toEqual(['code', 'message', 'hint', 'status', 'retryable', 'outcome']);
    expect(error).toMatchObject({ status: 502, retryable: true, message: 'Data temporarily unavailable' });
  });
});
