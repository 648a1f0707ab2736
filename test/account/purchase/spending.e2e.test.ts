import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, type User, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { errorOf, recordOf } from '../../support/lost.ts';
import { at, day, listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox, reset, server } from '../../support/servers.ts';
import { enter, onTerminal, shown } from '../../support/terminal.ts';

const subscribe = 'pools subscribe kimi26 --blocks europe --yes';

interface Held {
  readonly pool?: string;
  readonly blocks: readonly string[];
  readonly quantity?: number;
  readonly billingCycle?: string;
}

/** Returns a user with a monthly spending limit and some subscriptions. */
async function customerWithLimit(limit: string | undefined, held: readonly Held[] = []) {
  const { api, me } = await customer();
  for (const { pool = 'kimi26', ...order } of held) await api.box.data('POST', `/api/pools/${pool}/subscribe`, order);
  if (limit !== undefined) expect((await me.ci(`config set max-monthly-spend ${limit}`)).code).toBe(0);
  return { api, me };
}

/** Changes a response of the sandbox. */
function changed(
  isMeant: (request: Received) => boolean,
  box: () => string,
  change: (data: unknown) => unknown,
): (request: Received) => Behavior | undefined {
  return (request) =>
    isMeant(request)
      ? async (received, response) => {
          const { authorization = '' } = received.headers;
          const answer = await fetch(box() + received.path, { headers: { authorization } });
          await data(change(at(await answer.json(), 'data')))(received, response);
        }
      : undefined;
}

function withLimit(me: User, value: unknown): void {
  const file = path.join(me.home, 'config', 'cheapestinference', 'config.json');
  const saved: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const profile = {
    ...Object.fromEntries(Object.entries(at(saved, 'profiles', 'default') ?? {})),
    maxMonthlySpend: value,
  };
  writeFileSync(file, JSON.stringify({ currentProfile: 'default', profiles: { default: profile } }));
}

describe('max-monthly-spend', () => {
  test.each([
    ['a cent below the price', '48.99', 8],
    ['exactly the price', '49', 0],
    ['exactly the price, with cents', '49.00', 0],
    ['a cent above it', '49.01', 0],
    ['zero', '0', 8],
  ])('of %s allows or refuses the first subscription', async (_what, limit, expected) => {
    const { api, me } = await customerWithLimit(limit);
    const { code } = await me.ci(subscribe);
    expect([code, api.changes.length]).toEqual([expected, expected === 0 ? 1 : 0]);
  });

  test.each([
    ['a cent below', '136.99', 8],
    ['exactly that', '137', 0],
  ])('of %s is compared to the price plus the existing subscriptions', async (_what, limit, expected) => {
    const { api, me } = await customerWithLimit(limit, [
      { blocks: ['asia'] },
      { pool: 'minimax-m3', blocks: ['europe'] },
    ]);
    const { code } = await me.ci(subscribe);
    expect([code, api.changes.length]).toEqual([expected, expected === 0 ? 1 : 0]);
  });

  test('exits with 8, and shows the amounts and the origin of the limit', async () => {
    const { api, me } = await customerWithLimit('100', [{ blocks: ['europe'], quantity: 2 }]);
    const { code, stdout, stderr } = await me.ci('pools subscribe kimi26 --blocks asia --yes');
    expect([code, stdout, api.changes]).toEqual([8, '', []]);
    expect(stderr).toBe(
      'ci: kimi26 would raise the price of your subscriptions from $98.00 to $137.00 per month, which is above max-monthly-spend $100.00 (profile "default"). Nothing was charged. Cancel a subscription, or raise the limit with `ci config set max-monthly-spend USD`.\n',
    );
    expect(errorOf(await me.ci('pools subscribe kimi26 --blocks asia --yes --json'))).toMatchObject({
      code: 'price_above_maximum',
      outcome: 'not_applied',
      retryable: false,
    });
  });

  test('counts all seats in all blocks', async () => {
    const { me } = await customerWithLimit('265.99');
    const line = 'pools subscribe kimi26 --blocks all --quantity 2 --yes';
    expect((await me.ci(line)).code).toBe(8);
    await me.ci('config set max-monthly-spend 266');
    expect((await me.ci(line)).code).toBe(0);
  });

  test('counts yearly subscriptions by their monthly price', async () => {
    const { me } = await customerWithLimit('97.99', [{ blocks: ['europe'], billingCycle: 'year' }]);
    const line = 'pools subscribe kimi26 --blocks europe --billing-cycle year --yes';
    expect((await me.ci(line)).code).toBe(8);
    await me.ci('config set max-monthly-spend 98');
    expect((await me.ci(line)).code).toBe(0);
  });

  test('counts a subscription that waits for its key', async () => {
    const { api, me } = await customerWithLimit('97.99', [{ pool: 'glm5', blocks: ['asia'] }]);
    expect(await api.box.seen()).toMatchObject({ subscriptions: [{ status: 'pending_key' }] });
    expect((await me.ci(subscribe)).code).toBe(8);
  });

  test('counts a canceled subscription until it ends', async () => {
    const { api, me } = await customerWithLimit('97.99', [{ blocks: ['europe'] }]);
    expect((await me.ci('pools cancel kimi26 --yes')).code).toBe(0);
    expect((await me.ci(subscribe)).code).toBe(8);
    await api.box.advance(32 * day);
    expect((await me.ci(subscribe)).code).toBe(0);
  });

  test('counts subscriptions on other pools', async () => {
    const { api, me } = await customerWithLimit('150', [
      { blocks: ['europe'] },
      { pool: 'minimax-m3', blocks: ['europe'] },
      { pool: 'glm5', blocks: ['asia'] },
    ]);
    expect([(await me.ci(subscribe)).code, api.changes]).toEqual([8, []]);
  });

  test('applies to --dry-run', async () => {
    const { me } = await customerWithLimit('48');
    const { code, stdout } = await me.ci('pools subscribe kimi26 --blocks europe --dry-run');
    expect([code, stdout]).toEqual([8, '']);
    await me.ci('config set max-monthly-spend 49');
    expect((await me.ci('pools subscribe kimi26 --blocks europe --dry-run')).code).toBe(0);
  });

  test('is checked before the prompt', async () => {
    const { me } = await customerWithLimit('48');
    const session = onTerminal(me, 'pools subscribe kimi26 --blocks europe');
    expect(await session.exit).toBe(8);
    expect(session.screen).not.toContain('now?');
  });

  test('is checked again after the prompt, with purchases made meanwhile', async () => {
    const { api, me } = await customerWithLimit('97.99');
    const session = onTerminal(me, 'pools subscribe kimi26 --blocks europe');
    await session.shows('Charge $49.00 now?');
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    session.type(`y${enter}`);
    expect([await session.exit, api.changes]).toEqual([8, []]);
  });

  test('applies to several simultaneous purchases together', async () => {
    const { api, me } = await customerWithLimit('100');
    const lines = ['asia', 'europe', 'americas'].map((block) => `pools subscribe kimi26 --blocks ${block} --yes`);
    const ends = await Promise.all(lines.map((line) => me.process(line)));
    expect(ends.map(({ code }) => code).toSorted()).toEqual([0, 0, 8]);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(2);
  });

  test("doesn't apply to a purchase that is already covered", async () => {
    const { me } = await customerWithLimit('1', [{ blocks: ['europe'] }]);
    expect((await me.ci(`${subscribe} --ensure`)).code).toBe(0);
  });

  test("sends no extra request if it isn't set", async () => {
    const { api, me } = await customerWithLimit(undefined);
    expect((await me.ci(subscribe)).code).toBe(0);
    expect(api.requests).not.toContain('GET /api/billing/status');
  });

  test('is removed by `default`', async () => {
    const { me } = await customerWithLimit('1');
    expect((await me.ci(subscribe)).code).toBe(8);
    expect((await me.ci('config set max-monthly-spend default')).code).toBe(0);
    expect((await me.ci('config get max-monthly-spend')).stdout).toBe('none\n');
    expect((await me.ci(subscribe)).code).toBe(0);
  });

  test('is that of the current profile', async () => {
    const { me } = await customerWithLimit('1');
    expect((await me.ci(subscribe)).code).toBe(8);
    const env = { CHEAPESTINFERENCE_PROFILE: 'another' };
    expect((await me.ci(subscribe, { env })).code).toBe(0);
  });
});

describe('max-monthly-spend with incomplete data', () => {
  /** Returns a user of an API with different data. */
  async function untold(isMeant: (request: Received) => boolean, change: (data: unknown) => unknown) {
    const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({
      instead: changed(isMeant, () => api.box.url, change),
    });
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    const me = userOf(api);
    await me.ci('config set max-monthly-spend 1000');
    return { api, me };
  }
  const isList = ({ path }: Received) => path.endsWith('/my-subscriptions');
  const isStatus = ({ path }: Received) => path === '/api/billing/status';
  const members = (value: unknown) => Object.fromEntries(Object.entries(value ?? {}));

  test.each([
    ['a price that is null', null],
    ['a price that is not stated', undefined],
  ])('refuses %s', async (_what, monthlyPrice) => {
    const { api, me } = await untold(isList, (list) =>
      listAt(list).map((each) => ({ ...members(each), monthlyPrice })),
    );
    const { code, stderr } = await me.ci(subscribe);
    const id = textAt(await api.box.seen(), 'subscriptions', 0, 'id');
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toContain(`The API returned no price for subscription ${id}, so max-monthly-spend can't be checked`);
    expect(errorOf(await me.ci(`${subscribe} --json`))).toMatchObject({
      code: 'unexpected_response',
      outcome: 'not_applied',
    });
  });

  test('ignores the missing price of a canceled subscription', async () => {
    const { me } = await untold(isList, (list) =>
      listAt(list).map((each) => ({ ...members(each), status: 'canceled', monthlyPrice: null })),
    );
    expect((await me.ci(subscribe)).code).toBe(0);
  });

  test('counts a subscription with a failed payment', async () => {
    const { me } = await untold(isList, (list) =>
      listAt(list).map((each) => ({ ...members(each), status: 'past_due' })),
    );
    await me.ci('config set max-monthly-spend 87.99');
    expect((await me.ci(subscribe)).code).toBe(8);
    await me.ci('config set max-monthly-spend 88');
    expect((await me.ci(subscribe)).code).toBe(0);
  });

  test.each([
    ['null', null],
    ['absent', undefined],
  ])('refuses an account with subscriptions that are %s', async (_what, poolPledges) => {
    const { api, me } = await untold(isStatus, (status) => ({ ...members(status), poolPledges }));
    const { code, stderr } = await me.ci(subscribe);
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toMatch(/^ci: The API doesn't list your subscriptions, so max-monthly-spend can't be checked/);
  });
});

describe('an invalid limit', () => {
  test.each(['much', '-1', '1e3', '49.999', '', ' ', '1,000', 'Infinity'])(
    'is refused by config set: %j',
    async (value) => {
      const { me } = await customerWithLimit(undefined);
      const { code, stdout, stderr } = await me.ci(['config', 'set', 'max-monthly-spend', value]);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(oneLine);
      expect((await me.ci('config get max-monthly-spend')).stdout).toBe('none\n');
    },
  );

  test.each(['much', '', '-1'])("%j in the file doesn't count as no limit", async (value) => {
    const { api, me } = await customerWithLimit('100');
    withLimit(me, value);
    const { code, stderr } = await me.ci(subscribe);
    expect([code, api.changes]).toEqual([2, []]);
    expect(stderr).toContain(`"${value}" is not a valid value for max-monthly-spend`);
  });

  test('of another type makes the file invalid', async () => {
    const { api, me } = await customerWithLimit('100');
    withLimit(me, 100);
    expect([(await me.ci(subscribe)).code, api.changes]).toEqual([1, []]);
  });

  test('in the file can be replaced', async () => {
    const { me } = await customerWithLimit('100');
    withLimit(me, 'much');
    expect((await me.ci('pools list')).code).toBe(0);
    expect((await me.ci('config set max-monthly-spend 49')).code).toBe(0);
    expect(json(await me.ci('config get max-monthly-spend --json'))).toMatchObject({ value: '49' });
    expect((await me.ci(subscribe)).code).toBe(0);
  });
});

describe('a price that rises during the purchase', () => {
  /** Lists kimi26 at $49 per month, and charges more. The response arrives or is lost. */
  async function seller(charged: string, bought: Behavior | undefined) {
    let subscriptions: unknown[] = [];
    const api = await server((request, response) => {
      const { method, path: where } = request;
      if (where === '/api/pools') {
        const blocks = [{ block: 'europe', status: 'available', pricePerMonth: '49.00' }];
        return data([{ id: 'p1', slug: 'kimi26', status: 'active', blocks }])(request, response);
      }
      if (where === '/api/pools/p1') {
        return data({ id: 'p1', slug: 'kimi26', status: 'active', hourSlots: [] })(request, response);
      }
      if (method !== 'POST') return data(subscriptions)(request, response);
      const hours = Array.from({ length: 8 }, (_value, hour) => ({ hour: hour + 8, slotIndex: 0 }));
      const one = { id: 's1', poolId: 'p1', status: 'active', billingCycle: 'month', monthlyPrice: charged, hours };
      subscriptions = [one];
      return (bought ?? data(one))(request, response);
    });
    return { api, me: userOf(api) };
  }

  test.each([
    ['its response comes', undefined, 'answer'],
    ['its response is lost', reset, 'look'],
    ['it is refused', answer(400, { success: false, error: 'Key provisioning failed' }), 'look'],
  ])('exits with 8, with the subscription and the actual charge, when %s', async (_what, bought, by) => {
    const { api, me } = await seller('499.00', bought);
    const ended = await me.ci(`${subscribe} --max-price 49 --json`);
    expect([ended.code, api.changes]).toEqual([8, ['POST /api/pools/kimi26/subscribe']]);
    expect(json(ended)).toMatchObject({ id: 's1', poolSlug: 'kimi26', status: 'active', monthlyPrice: 499 });
    expect(errorOf(ended)).toMatchObject({
      code: 'price_above_maximum',
      message: 'The API charged $499.00 for kimi26, but you agreed to $49.00',
      hint: expect.stringContaining('`ci pools cancel kimi26`'),
      outcome: 'applied',
      retryable: false,
    });
    expect(recordOf(me).at(-1)).toMatchObject({ outcome: 'applied', by, ids: ['s1'], charge: 499 });
    expect(at(json(await me.ci('history --json')), 0, 'change')).toContain('$499.00');
  });

  test('is shown on a terminal after the purchase', async () => {
    const { me } = await seller('499.00', undefined);
    const { code, screen } = await shown(me, subscribe, { columns: 120 });
    expect(code).toBe(8);
    expect(screen).toMatch(
      /✓ Subscribed to europe of kimi26\. Charged \$499\.00\..*Subscription +s1.*ci: The API charged \$499\.00 for kimi26, but you agreed to \$49\.00/s,
    );
  });

  test('counts as the agreed price if it rises only by rounding', async () => {
    const { me } = await seller('49.04', undefined);
    const ended = await me.ci(`${subscribe} --max-price 49 --json`);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
  });
});
