import { describe, expect, test } from 'vitest';
import { cells, type Environment, json, oneLine, sandboxUser, user, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { at, day, hour, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox, server } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

/** Creates a customer without problems: europe and asia on kimi26, each with a key. It is 09:00 UTC on 14 April 2026. */
async function subscriber(env: Environment = {}, instead?: (request: Received) => Behavior | undefined) {
  const api = await recordedSandbox(instead ? { instead } : {});
  const { box } = api;
  const subscribe = async (pool: string, block: string) => {
    const subscriptionId = textAt(await box.data('POST', `/api/pools/${pool}/subscribe`, { blocks: [block] }), 'id');
    await box.data('POST', '/api/keys/subscription', { subscriptionId });
    return subscriptionId;
  };
  const europe = await subscribe('kimi26', 'europe');
  const asia = await subscribe('kimi26', 'asia');
  return { api, me: userOf(api, env), europe, asia };
}

/** Makes the saved card decline from now on. */
async function decliningCard(api: Awaited<ReturnType<typeof subscriber>>['api']) {
  const page = textAt(await api.box.data('POST', '/api/billing/setup-intent'), 'url');
  await fetch(page, { method: 'POST', body: new URLSearchParams({ card: 'declining' }) });
}

describe('status', () => {
  test('is a line per fact in a pipe', async () => {
    const { me, europe, asia } = await subscriber();
    const { code, stdout, stderr } = await me.ci('status');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `creditBalance\t25.00\nsubscriptions\t${asia},${europe}\nlive\t${europe}\nkeys\t2\nproblems\t\n`,
    );
  });

  test('is one JSON object with credit, subscriptions and when they are live, keys and problems', async () => {
    const { me, europe, asia } = await subscriber();
    const account = json(await me.ci('status --json'));
    expect(account).toEqual({
      creditBalance: 25,
      subscriptions: [
        expect.objectContaining({
          id: asia,
          poolSlug: 'kimi26',
          status: 'active',
          monthlyPrice: 39,
          live: false,
          liveAt: '2026-04-15T00:00:00.000Z',
          currentPeriodEnd: '2026-05-14T09:00:00.000Z',
          cancelAtPeriodEnd: false,
        }),
        expect.objectContaining({ id: europe, monthlyPrice: 49, live: true, liveAt: null }),
      ],
      keys: 2,
      problems: [],
    });
  });

  test('has the same facts in CSV and YAML', async () => {
    const { me } = await subscriber();
    const [header, row, ...more] = csvRows((await me.ci('status -o csv')).stdout);
    expect(header?.map((field, column) => [field, row?.[column]])).toEqual(cells((await me.ci('status')).stdout));
    expect(more).toEqual([]);
    expect((await me.ci('status -o yaml --fields creditBalance,keys')).stdout).toBe('creditBalance: 25\nkeys: 2\n');
  });

  test.each([
    ['UTC', '00:00'],
    ['Asia/Kolkata', '05:30'],
    ['America/New_York', '20:00'],
  ])('shows on a terminal in %s what is live now, and what is next at %s local time', async (TZ, next) => {
    const { api, me } = await subscriber({ TZ });
    await api.box.advance(hour / 4);
    const { code, rows, screen } = await shown(me, 'status');
    expect(code).toBe(0);
    expect(rows.filter((row) => [...row].length > 80)).toEqual([]);
    expect(screen).toMatch(/Credit +\$25\.00/);
    expect(screen).toMatch(/Keys +2/);
    expect(screen).toMatch(/POOL +BLOCKS +NOW +RENEWS +KEYS/);
    expect(screen).toMatch(new RegExp(`kimi26 +asia +${next} \\(in 15 hours\\) +in 1 month +1`));
    expect(screen).toMatch(/kimi26 +europe +live +in 1 month +1/);
  });

  test('uses the clock of the API for what is live', async () => {
    const { api, me, asia } = await subscriber();
    await api.box.advance(15.25 * hour);
    expect((await me.ci('status --jq .subscriptions[]|select(.live).id')).stdout).toBe(`${asia}\n`);
    expect((await shown(me, 'status')).screen).toMatch(/europe +08:00 \(in 8 hours\)/);
  });

  test('marks what ends and what has no key, with the command that creates one', async () => {
    const { api, me } = await subscriber();
    await api.box.data('DELETE', '/api/pools/kimi26/pledge');
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const { screen } = await shown(me, 'status');
    expect(screen).toMatch(/kimi26 +asia .*ends in 1 month/);
    expect(screen).toMatch(/minimax-m3 +europe +live +in 1 month +none/);
    expect(screen).toMatch(
      /! Your subscription to minimax-m3 has no API key \([0-9a-f]{8}\)\.\n {2}\$ ci keys create --subscription [0-9a-f-]{36}$/,
    );
    expect(screen).not.toContain('kimi26 has');
    const sandbox = sandboxUser();
    await sandbox.ci('pools subscribe kimi26 --blocks europe --yes');
    expect((await sandbox.ci('status --check')).stdout).toMatch(
      /\tci --sandbox keys create --subscription [0-9a-f-]{36}\n$/,
    );
  });

  test('points to the pools if the account is empty', async () => {
    const me = sandboxUser();
    expect((await shown(me, 'status')).screen).toMatch(/No subscriptions\. Run `ci pools list`/);
    expect(json(await me.ci('status --json'))).toMatchObject({ subscriptions: [], keys: 0, problems: [] });
  });

  test('shows no secret, in any format', async () => {
    const { me } = await subscriber();
    for (const flags of ['', '--json', '-o csv', '-o yaml', '-o table', '--debug']) {
      const { stdout, stderr } = await me.ci(`status ${flags}`);
      expect(stdout + stderr).not.toMatch(/sk_(?:live|pool)_[A-Za-z0-9]|mk_of_the_tests/);
    }
  });

  test.each([
    ['an argument', 'status all'],
    ['an unknown option', 'status --problems'],
    ['two formats', 'status --json -o csv'],
  ])('exits with code 2 and sends nothing with %s', async (_what, line) => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(line.includes('--json') ? /^\{.*\}\n$/ : oneLine);
  });
});

describe('status --check', () => {
  test('prints nothing and exits with code 0 if nothing needs attention', async () => {
    const { me } = await subscriber();
    expect(await me.ci('status --check')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await me.ci('status --check --json')).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await shown(me, 'status --check')).toMatchObject({ code: 0, screen: 'Nothing needs attention.' });
  });

  test('finds a card that declined at renewal, for each subscription', async () => {
    const { api, me, europe, asia } = await subscriber();
    await decliningCard(api);
    expect((await me.ci('status --check')).code).toBe(0);
    await api.box.advance(31 * day);
    const { code, stdout, stderr } = await me.ci('status --check');
    expect([code, stderr]).toEqual([3, '']);
    expect(cells(stdout)).toEqual([
      ['past_due', asia, 'The payment for kimi26 failed, and its API key is suspended', 'ci billing card'],
      ['past_due', europe, 'The payment for kimi26 failed, and its API key is suspended', 'ci billing card'],
    ]);
  });

  test('finds a subscription that ends within a week, with its day', async () => {
    const { api, me, asia } = await subscriber();
    await api.box.data('DELETE', '/api/pools/kimi26/pledge');
    expect((await me.ci('status --check')).code).toBe(0);
    await api.box.advance(25 * day);
    const { code, stdout } = await me.ci('status --check');
    expect([code, cells(stdout)]).toEqual([
      3,
      [
        [
          'ending_soon',
          asia,
          'Your subscription to kimi26 ends on 14 May 2026',
          'ci pools subscribe kimi26 --blocks asia',
        ],
      ],
    ]);
  });

  test('finds a subscription without a key', async () => {
    const { api, me } = await subscriber();
    const id = textAt(await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }), 'id');
    const { code, stdout } = await me.ci('status --check');
    expect([code, stdout]).toEqual([
      3,
      `no_key\t${id}\tYour subscription to minimax-m3 has no API key\tci keys create --subscription ${id}\n`,
    ]);
  });

  test('finds a subscription with a revoked key', async () => {
    const { api, me, europe } = await subscriber();
    const key = textAt(
      json(await me.ci(['keys', 'list', '--jq', `.[] | select(.subscriptionId == "${europe}") | {id}`])),
      'id',
    );
    await api.box.data('DELETE', `/api/keys/${key}`);
    const { code, stdout } = await me.ci('status --check');
    expect([code, cells(stdout).map(([problem, id]) => [problem, id])]).toEqual([3, [['no_key', europe]]]);
  });

  test('ignores a key that will come by email', async () => {
    const { api, me } = await subscriber();
    await api.box.data('POST', '/api/pools/glm5/subscribe', { blocks: ['asia'] });
    expect(await me.ci('status --check')).toMatchObject({ code: 0, stdout: '' });
  });

  test('finds little credit only if a key spends it', async () => {
    const poor = data({ creditBalance: '4.99', poolPledges: [], status: null });
    const { api, me } = await subscriber({}, ({ path }) => (path === '/api/billing/status' ? poor : undefined));
    expect(await me.ci('status --check')).toMatchObject({ code: 0, stdout: '' });
    await api.box.data('POST', '/api/keys/credit', { name: 'client-acme' });
    const { code, stdout } = await me.ci('status --check');
    expect([code, cells(stdout)]).toEqual([3, [['low_balance', '', 'Your credit is below $5.00', 'ci billing topup']]]);
  });

  test('finds active keys that are older than max-key-age', async () => {
    const { api, me } = await subscriber();
    await api.box.advance(20 * day);
    const id = textAt(await api.box.data('POST', '/api/keys/credit', { name: 'new' }), 'id');
    await api.box.advance(5 * day);
    expect(await me.ci('status --check')).toMatchObject({ code: 0, stdout: '' });
    await me.ci('config set max-key-age 10d');
    const { code, stdout, stderr } = await me.ci('status --check');
    expect([code, stderr]).toEqual([3, '']);
    expect(cells(stdout)).toEqual([
      ['old_keys', '', '2 active keys are older than 10 days', 'ci keys rotate --older-than 10d'],
    ]);
    expect((await shown(me, 'status')).screen).toContain(
      '! 2 active keys are older than 10 days.\n  $ ci keys rotate --older-than 10d',
    );
    await me.ci('config set max-key-age 30d');
    expect(await me.ci('status --check')).toMatchObject({ code: 0, stdout: '' });
    await me.ci('config set max-key-age 1d');
    await api.box.data('DELETE', `/api/keys/${id}`);
    expect(cells((await me.ci('status --check')).stdout)[0]?.[2]).toBe('2 active keys are older than 24 hours');
  });

  test('says how many keys have no age to compare to max-key-age', async () => {
    const undated = data([
      { id: 'a', isActive: true },
      { id: 'b', isActive: true },
      { id: 'c', isActive: false },
    ]);
    const { me } = await subscriber({}, ({ path }) => (path === '/api/keys' ? undated : undefined));
    await me.ci('config set max-key-age 90d');
    const { stdout, stderr } = await me.ci('status --check');
    expect(stdout).not.toContain('old_keys');
    expect(stderr).toBe("2 keys aren't checked for max-key-age, because the API doesn't say when they were created.\n");
  });

  test('prints all problems in every format', async () => {
    const { api, me, asia } = await subscriber();
    await api.box.data('DELETE', '/api/pools/kimi26/pledge');
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    await api.box.advance(25 * day);
    const asJson = await me.ci('status --check --json');
    expect(asJson.code).toBe(3);
    const problems = json(asJson);
    expect(problems).toEqual(
      expect.arrayContaining([
        { problem: 'ending_soon', message: expect.any(String), subscriptionId: asia, command: expect.any(String) },
      ]),
    );
    expect(problems).toHaveLength(2);
    const csv = await me.ci('status --check -o csv');
    expect([csv.code, csvRows(csv.stdout)[0]]).toEqual([3, ['problem', 'subscriptionId', 'message', 'command']]);
    expect(csvRows(csv.stdout).slice(1)).toEqual(cells((await me.ci('status --check')).stdout));
    const yaml = await me.ci('status --check -o yaml --fields problem');
    expect([yaml.code, yaml.stdout.split('\n').toSorted()]).toEqual([
      3,
      ['', '- problem: ending_soon', '- problem: no_key'],
    ]);
    expect(at(json(await me.ci('status --json')), 'problems')).toEqual(problems);
    const { code, screen } = await shown(me, 'status --check');
    expect([
      code,
      screen
        .split('\n')
        .filter((row) => row.startsWith('!'))
        .toSorted(),
    ]).toEqual([
      3,
      [
        `! Your subscription to kimi26 ends on 14 May 2026 (${asia.slice(0, 8)}).`,
        expect.stringMatching(/^! Your subscription to minimax-m3 has no API key \([0-9a-f]{8}\)\.$/),
      ],
    ]);
  });

  test('is not needed for status itself to exit with code 0', async () => {
    const { api, me } = await subscriber();
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const { code, stdout } = await me.ci('status');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\nproblems\tno_key\n$/)]);
  });

  test('exits with another code than 3 if the API fails or refuses', async () => {
    const failing = userOf(await server(answer(500, { success: false, error: 'database is down' })));
    const { code, stdout, stderr } = await failing.ci('status --check');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(oneLine);
    const stranger = user({ CHEAPESTINFERENCE_API_URL: (await server(data({}))).url });
    expect((await stranger.ci('status --check')).code).toBe(4);
  });
});
