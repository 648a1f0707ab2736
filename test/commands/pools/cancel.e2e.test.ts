import { describe, expect, test } from 'vitest';
import { type Environment, json, oneLine, secret, settlesIn, userOf } from '../../support/cli.ts';
import { errorOf } from '../../support/lost.ts';
import { at, day, listAt, textAt } from '../../support/sandbox.ts';
import { appliedThen, data, downFromChangeOn, type Instead, recordedSandbox, reset } from '../../support/servers.ts';
import { ctrlC, enter, onTerminal, shown } from '../../support/terminal.ts';

const question = 'Cancel this subscription?';
const pledge = 'DELETE /api/pools/kimi26/pledge';
const end = '2026-05-14T09:00:00.000Z';

/** Returns a user with two subscriptions on kimi26, at 09:00 UTC on 14 April 2026. */
async function subscriber(env: Environment = {}, instead?: Instead) {
  const api = await recordedSandbox(instead ? { instead } : {});
  const subscribe = async (block: string) =>
    textAt(await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: [block] }), 'id');
  const older = await subscribe('europe');
  const latest = await subscribe('asia');
  const ending = async () =>
    listAt(await api.box.seen(), 'subscriptions')
      .filter((each) => at(each, 'cancelAtPeriodEnd') === true)
      .map((each) => textAt(each, 'id'));
  return { api, me: userOf(api, env), older, latest, ending };
}

describe('the consent of ci pools cancel', () => {
  test('shows the subscription, its pool, its end, the refund and the account', async () => {
    const { api, me, older, latest } = await subscriber();
    const session = onTerminal(me, 'pools cancel kimi26');
    await session.shows(question);
    for (const fact of [latest, 'kimi26', 'asia', '$39.00', '14 May 2026', 'in 1 month']) {
      expect(session.screen).toContain(fact);
    }
    expect(session.screen).toMatch(/refund +none|no refund/i);
    expect(session.screen).toContain('mk_…cdef');
    expect(session.screen).toContain(new URL(api.url).host);
    expect(session.screen).not.toContain(older);
    expect(api.changes).toEqual([]);
    session.type(enter);
    await session.exit;
  });

  test('shows the blocks in UTC and local time', async () => {
    const { me } = await subscriber({ TZ: 'Asia/Kolkata' });
    const session = onTerminal(me, 'pools cancel kimi26');
    await session.shows(question);
    expect(session.screen).toContain('00:00–08:00');
    expect(session.screen).toContain('05:30–13:30');
    session.type(enter);
    await session.exit;
  });

  test.each([
    ['Enter', enter],
    ['n', `n${enter}`],
  ])('takes %s as No, and exits with 1', async (_what, keys) => {
    const { api, me, ending } = await subscriber();
    const session = onTerminal(me, 'pools cancel kimi26');
    await session.shows(question);
    session.type(keys);
    expect([await session.exit, api.changes, await ending()]).toEqual([1, [], []]);
  });

  test('exits with 130 after Ctrl-C', async () => {
    const { api, me } = await subscriber();
    const session = onTerminal(me, 'pools cancel kimi26');
    await session.shows(question);
    session.type(ctrlC);
    expect([await session.exit, api.changes]).toEqual([130, []]);
  });

  test.each([
    ['without a terminal', 'pools cancel kimi26'],
    ['without a terminal and a pool', 'pools cancel'],
    ['with --no-input', 'pools cancel kimi26 --no-input'],
  ])('exits with 2 before the first request %s', async (_what, line) => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--yes');
  });

  test("isn't asked for on a terminal with --no-input", async () => {
    const { api, me } = await subscriber();
    const { code, screen } = await shown(me, 'pools cancel kimi26 --no-input');
    expect([code, api.requests]).toEqual([2, []]);
    expect(screen).not.toContain(question);
  });

  test("doesn't replace a missing pool: exits with 2", async () => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci('pools cancel --yes');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });

  test('comes after a picker if no pool is typed', async () => {
    const { me, ending, latest } = await subscriber();
    const session = onTerminal(me, 'pools cancel');
    await session.shows('Pool:');
    await session.shows(/❯ kimi26/);
    session.type(enter);
    await session.shows(question);
    session.type(`y${enter}`);
    expect([await session.exit, await ending()]).toEqual([0, [latest]]);
  });
});

describe('ci pools cancel', () => {
  test('cancels the most recent subscription once, and says which one and when it ends', async () => {
    const { api, me, latest, ending } = await subscriber();
    const session = onTerminal(me, 'pools cancel kimi26', { columns: 120 });
    await session.shows(question);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect([api.changes, await ending()]).toEqual([[pledge], [latest]]);
    const [, after = ''] = session.screen.split(question);
    expect(after).toContain(latest);
    expect(after).toContain('ends on 14 May 2026');
    expect(after).toContain('keys work until then');
  });

  test('prints a line per field in a pipe', async () => {
    const { api, me, latest, ending } = await subscriber();
    const { code, stdout, stderr } = await me.ci('pools cancel kimi26 --yes');
    const expected = [
      `id\t${latest}`,
      'poolSlug\tkimi26',
      'status\tactive',
      'cancelAtPeriodEnd\ttrue',
      `currentPeriodEnd\t${end}`,
    ];
    expect([code, stdout, stderr]).toEqual([0, `${expected.join('\n')}\n`, '']);
    expect([api.changes, await ending()]).toEqual([[pledge], [latest]]);
  });

  test('shows the subscription on a terminal with --yes, without asking', async () => {
    const { me, latest, ending } = await subscriber();
    const { code, screen } = await shown(me, 'pools cancel kimi26 --yes');
    expect([code, await ending()]).toEqual([0, [latest]]);
    expect(screen).toContain('14 May 2026');
    expect(screen).not.toContain(question);
  });

  test('prints the subscription as JSON, CSV and YAML with a masked key', async () => {
    for (const [format, beginning] of [
      ['--json', '{"id":"'],
      ['-o csv', 'id,poolSlug,status,cancelAtPeriodEnd,currentPeriodEnd\r\n'],
      ['-o yaml', 'id: '],
    ] as const) {
      const { api, me, latest } = await subscriber();
      const apiKey = textAt(await api.box.data('POST', '/api/keys/subscription', { subscriptionId: latest }), 'apiKey');
      const { code, stdout, stderr } = await me.ci(`pools cancel kimi26 --yes ${format}`);
      expect([code, stdout.startsWith(beginning), stderr]).toEqual([0, true, '']);
      expect(stdout).toContain(latest);
      expect(stdout).not.toContain(apiKey);
      expect(stdout).not.toMatch(secret);
      if (format === '--json') {
        expect(json({ stdout })).toMatchObject({ id: latest, cancelAtPeriodEnd: true, currentPeriodEnd: end });
      }
    }
  });

  test('cancels the one before it the second time, and exits with 6 the third time', async () => {
    const { api, me, older, latest, ending } = await subscriber();
    await me.ci('pools cancel kimi26 --yes');
    expect(json(await me.ci('pools cancel kimi26 --yes --json'))).toMatchObject({ id: older });
    expect(await ending()).toEqual([older, latest]);
    const { code, stdout, stderr } = await me.ci('pools cancel kimi26 --yes');
    expect([code, stdout, api.changes]).toEqual([6, '', [pledge, pledge]]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/already canceled: [0-9a-f-]{36} ends on \d+ May 2026/);
    const third = at(JSON.parse((await me.ci('pools cancel kimi26 --yes --json')).stderr), 'error');
    expect(third).toMatchObject({ code: 'unavailable', outcome: 'not_applied', retryable: false });
  });

  test('leaves the key working until the period ends', async () => {
    const { api, me } = await subscriber();
    await me.ci('pools cancel kimi26 --yes');
    expect(listAt(json(await me.ci('pools subscriptions kimi26 --json')))).toHaveLength(2);
    await api.box.advance(31 * day);
    expect(listAt(json(await me.ci('pools subscriptions kimi26 --json')))).toHaveLength(1);
  });

  test("isn't confused with a cancellation made while the prompt was open", async () => {
    let endedElsewhere = '';
    const { me, older } = await subscriber({}, ({ method, path }, box) => {
      if (endedElsewhere === '') return undefined;
      if (method === 'DELETE') return data({ canceled: true });
      if (path !== '/api/pools/kimi26/my-subscriptions') return undefined;
      return async (request, response) => {
        const mine = listAt(await box.data('GET', path)).map((each) =>
          at(each, 'id') === endedElsewhere ? Object.assign({}, each, { cancelAtPeriodEnd: true }) : each,
        );
        return data(mine)(request, response);
      };
    });
    const session = onTerminal(me, 'pools cancel kimi26 --settle 100ms', { columns: 120 });
    await session.shows(question);
    endedElsewhere = older;
    session.type(`y${enter}`);
    expect(await session.exit).toBe(10);
    expect(session.screen).toContain('The change may or may not have gone through');
  });

  test.each([
    ['a pool without a subscription', 'minimax-m3', /minimax-m3/],
    ['an unknown pool', 'kimi', /"kimi".*kimi26/],
  ])('exits with 5 for %s', async (_what, pool, said) => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci(`pools cancel ${pool} --yes`);
    expect([code, stdout, api.changes]).toEqual([5, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(said);
  });

  test("isn't repeated after a lost response, and reports its outcome", async () => {
    const look = 'GET /api/pools/kimi26/my-subscriptions';
    const lost = async (instead: Instead, settles = '1s', patience = '5s') => {
      const { api, me, latest, ending } = await subscriber({}, instead);
      settlesIn(me, settles);
      const ended = await me.ci(`pools cancel kimi26 --yes --json --settle ${patience}`);
      expect(api.changes).toEqual([pledge]);
      const after = api.requests.slice(api.requests.indexOf(pledge) + 1);
      return { ...ended, latest, ending: await ending(), after };
    };
    const [not, inDoubt, done, unknown] = await Promise.all([
      lost(({ method }) => (method === 'DELETE' ? reset : undefined)),
      lost(({ method }) => (method === 'DELETE' ? reset : undefined), '1h', '100ms'),
      lost(({ method }, box) => (method === 'DELETE' ? appliedThen(box, reset) : undefined)),
      lost(downFromChangeOn(reset)),
    ]);
    expect([not.code, not.stdout, not.ending, [...new Set(not.after)]]).toEqual([9, '', [], [look]]);
    // Until the cancellation can no longer take effect, the outcome is uncertain.
    expect(not.after.length).toBeGreaterThan(1);
    expect(errorOf(not)).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/. The change didn't go through$/),
      outcome: 'not_applied',
    });
    expect([inDoubt.code, inDoubt.stdout, inDoubt.ending]).toEqual([10, '', []]);
    expect(errorOf(inDoubt)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', retryable: false });
    expect([done.code, done.ending, done.after]).toEqual([0, [done.latest], [look]]);
    expect(json(done)).toMatchObject({ id: done.latest, cancelAtPeriodEnd: true, currentPeriodEnd: end });
    expect(done.stderr).toMatch(/^The response was lost \(.+\), but the change went through\.\n$/);
    expect([unknown.code, unknown.stdout]).toEqual([10, '']);
    expect(errorOf(unknown)).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      hint: expect.stringMatching(/`ci history reconcile --wait`.*`ci pools subscriptions kimi26`\./),
    });
  });
});
