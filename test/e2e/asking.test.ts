import { describe, expect, test } from 'vitest';
import { listAt } from '../sandbox/harness.ts';
import { type Environment, userOf } from './cli.ts';
import { recordedSandbox } from './servers.ts';
import { ctrlC, down, enter, onTerminal, shown } from './terminal.ts';

const subscribe = 'pools subscribe kimi26 --blocks europe';
const question = 'Charge $49.00 now?';

async function someone(env: Environment = {}) {
  const api = await recordedSandbox();
  return { api, me: userOf(api, env) };
}

describe('before a charge', () => {
  test('the pool, its hours in UTC and local time, the amount and the account are shown', async () => {
    const { api, me } = await someone({ TZ: 'Asia/Kolkata' });
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    const { screen } = session;
    for (const fact of ['kimi26', 'Kimi K2.6', 'europe', '08:00–16:00', 'UTC', '13:30–21:30', '$49.00', 'month']) {
      expect(screen).toContain(fact);
    }
    expect(screen).toContain('mk_…cdef');
    expect(screen).toContain(new URL(api.url).host);
    expect(session.written).not.toContain('mk_of_the_tests');
    session.type(enter);
    await session.exit;
  });

  test('the answer is No unless it is yes: exit 1, nothing charged', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect([api.changes, listAt(await api.box.seen(), 'charges')]).toEqual([[], []]);
  });

  test('n is No', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(`n${enter}`);
    expect(await session.exit).toBe(1);
    expect(api.changes).toEqual([]);
  });

  test('y charges, once', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    expect(api.changes).toEqual([]);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00' }]);
  });

  test('Ctrl-C is exit 130, nothing charged', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, subscribe);
    await session.shows(question);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
    expect(session.screen).not.toMatch(/\n\s+at /);
  });

  test('--yes charges without a question, and still shows what', async () => {
    const { api, me } = await someone();
    const { code, screen } = await shown(me, `${subscribe} --yes`);
    expect([code, api.changes.length]).toEqual([0, 1]);
    expect(screen).toContain('$49.00');
    expect(screen).not.toContain('now?');
  });

  test('the seats, the year and its discount are in the amount', async () => {
    const { me } = await someone();
    const session = onTerminal(me, `${subscribe} --quantity 3 --billing-cycle year`);
    await session.shows('Charge $1,499.40 now?');
    expect(session.screen).toContain('year');
    session.type(enter);
    expect(await session.exit).toBe(1);
  });
});

describe('what is missing is asked for', () => {
  test('a pool and its blocks are picked from lists', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, 'pools subscribe');
    await session.shows('Which pool?');
    await session.shows('minimax-m3');
    session.type(down);
    await session.shows(/❯ minimax-m3/);
    session.type(enter);
    await session.shows('Which blocks?');
    await session.shows(/❯\s*◯ asia/);
    session.type(down);
    await session.shows(/❯\s*◯ europe/);
    session.type(' ');
    await session.shows(/◉ europe/);
    session.type(enter);
    await session.shows(question);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'subscriptions')).toMatchObject([
      { poolSlug: 'minimax-m3', blocks: ['europe'] },
    ]);
  });

  test('Ctrl-C at a list is exit 130, and nothing is changed', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, 'pools subscribe');
    await session.shows('Which pool?');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(api.changes).toEqual([]);
  });

  test('a credit key is asked for its name', async () => {
    const { api, me } = await someone();
    const session = onTerminal(me, 'keys create --credit');
    await session.shows(/called\?/);
    session.type(`client-acme${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([{ name: 'client-acme', type: 'credit' }]);
  });
});

describe('before a key is revoked', () => {
  async function withKey() {
    const { api, me } = await someone();
    await me.ci('keys create old --credit');
    return { api, me };
  }

  test('its name and id are shown, and the answer is No unless it is yes', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    expect(session.screen).toMatch(/old .*[0-9a-f]{8}-[0-9a-f]{4}/);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
  });

  test('y revokes it', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
  });

  test('Ctrl-C is exit 130, and it stays', async () => {
    const { api, me } = await withKey();
    const session = onTerminal(me, 'keys delete old');
    await session.shows('Revoke this key');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
  });
});

describe('where nobody is to be asked', () => {
  test.each([
    ['CI=true', subscribe, { CI: 'true' }],
    ['CI=1', subscribe, { CI: '1' }],
    ['--no-input', `${subscribe} --no-input`, {}],
    ['--no-input before the command', `--no-input ${subscribe}`, {}],
  ])('on a terminal with %s a charge is exit 2, and no change is sent', async (_what, line, env) => {
    const { api, me } = await someone();
    const { code, screen } = await shown(me, line, { env });
    expect([code, api.changes]).toEqual([2, []]);
    expect(screen).toContain('--yes');
    expect(screen).not.toContain('now?');
  });

  test('with CI=true a missing pool is exit 2, not a list to pick from', async () => {
    const { api, me } = await someone();
    const { code, screen } = await shown(me, 'pools view', { env: { CI: 'true' } });
    expect([code, api.requests]).toEqual([2, []]);
    expect(screen).toMatch(/^ci: which pool\?/);
  });

  test('with CI=false there is somebody to ask', async () => {
    const { me } = await someone();
    const session = onTerminal(me, subscribe, { env: { CI: 'false' } });
    await session.shows(question);
    session.type(enter);
    expect(await session.exit).toBe(1);
  });

  test('CI=true with --yes charges', async () => {
    const { api, me } = await someone();
    const { code } = await shown(me, `${subscribe} --yes`, { env: { CI: 'true' } });
    expect([code, api.changes.length]).toEqual([0, 1]);
  });
});
