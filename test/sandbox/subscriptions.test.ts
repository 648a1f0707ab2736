import { describe, expect, test } from 'vitest';
import { at, day, failure, hour, listAt, poolKey, sandbox, textAt } from '../support/sandbox.ts';

const subscribePath = '/api/pools/kimi26/subscribe';

describe('POST /api/pools/:id/subscribe', () => {
  test('reserves one seat and charges for it', async () => {
    const { data, seen } = await sandbox();
    const subscription = await data('POST', subscribePath, { blocks: ['europe'], quantity: 1, billingCycle: 'month' });
    expect(subscription).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      poolId: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
      status: 'active',
      monthlyPrice: '49.00',
      hours: [8, 9, 10, 11, 12, 13, 14, 15].map((one) => ({ hour: one, slotIndex: 2, pricePerDay: '6.13' })),
      key: null,
    });
    expect(Object.keys(Object(subscription))).toEqual(['id', 'poolId', 'status', 'monthlyPrice', 'hours', 'key']);
    const id = at(subscription, 'id');
    expect(await seen()).toEqual({
      now: '2026-04-14T09:00:00.000Z',
      card: true,
      charges: [
        { id: 'ch_000001', subscriptionId: id, amount: '49.00', at: '2026-04-14T09:00:00.000Z', reason: 'subscribe' },
      ],
      subscriptions: [
        {
          id,
          poolId: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
          poolSlug: 'kimi26',
          status: 'active',
          blocks: ['europe'],
          monthlyPrice: '49.00',
          billingCycle: 'month',
          cancelAtPeriodEnd: false,
          currentPeriodEnd: '2026-05-14T09:00:00.000Z',
          createdAt: '2026-04-14T09:00:00.000Z',
        },
      ],
      keys: [],
      creditBalance: 25,
    });
  });

  test('creates a subscription and a charge for each seat', async () => {
    const { data, seen } = await sandbox();
    const seats = await data('POST', subscribePath, {
      blocks: ['americas', 'asia'],
      quantity: 3,
      billingCycle: 'year',
    });
    expect(
      listAt(seats).map((seat) => [
        at(seat, 'monthlyPrice'),
        at(seat, 'hours', 0),
        at(seat, 'hours', 15),
        listAt(seat, 'hours').length,
      ]),
    ).toEqual(
      [0, 1, 2].map((index) => [
        '84.00',
        { hour: 0, slotIndex: 3 + index, pricePerDay: '4.88' },
        { hour: 23, slotIndex: 4 + index, pricePerDay: '5.63' },
        16,
      ]),
    );
    // 84.00 × 12 × 0.85
    expect(listAt(await seen(), 'charges').map((charge) => at(charge, 'amount'))).toEqual([
      '856.80',
      '856.80',
      '856.80',
    ]);
    expect(at(await data('GET', '/api/pools/kimi26/my-subscriptions'), 0)).toMatchObject({
      billingCycle: 'year',
      currentPeriodEnd: '2027-04-14T09:00:00.000Z',
    });
  });

  test.each([
    [{}, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: [] }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: 'europe' }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: ['mars'] }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: [1] }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: ['asia', 'asia'] }, 'blocks must not name a block twice'],
    [{ blocks: ['asia'], quantity: 0 }, 'quantity must be an integer from 1 to 20'],
    [{ blocks: ['asia'], quantity: 21 }, 'quantity must be an integer from 1 to 20'],
    [{ blocks: ['asia'], quantity: 1.5 }, 'quantity must be an integer from 1 to 20'],
    [{ blocks: ['asia'], quantity: '2' }, 'quantity must be an integer from 1 to 20'],
    [{ blocks: ['asia'], billingCycle: 'week' }, 'billingCycle must be "month" or "year"'],
  ])('refuses %j', async (body, error) => {
    const { call, seen } = await sandbox();
    expect(await call('POST', subscribePath, { body })).toEqual(failure(400, error));
    expect(await seen()).toMatchObject({ charges: [], subscriptions: [] });
  });

  test("refuses a pool that isn't open, an unknown pool and a missing card", async () => {
    const { call, seen } = await sandbox({ card: false });
    const body = { blocks: ['asia'] };
    const subscribe = (pool: string) => call('POST', `/api/pools/${pool}/subscribe`, { body });
    expect(await subscribe('deepseek-v4')).toEqual(failure(409, 'This pool is not open for subscriptions (funding)'));
    expect(await subscribe('qwen35')).toEqual(failure(409, 'This pool is not open for subscriptions (paused)'));
    expect(await subscribe('gpt-9')).toEqual(failure(404, 'Pool not found'));
    expect(await subscribe('kimi26')).toEqual(failure(400, 'No payment method found — add a card first'));
    expect(await seen()).toMatchObject({ card: false, charges: [], subscriptions: [] });
  });

  test('buys nothing without enough seats in every block', async () => {
    const { call, data, seen } = await sandbox();
    const order = (body: object) => call('POST', '/api/pools/minimax-m3/subscribe', { body });
    expect(await order({ blocks: ['europe', 'americas'] })).toEqual(
      failure(409, 'Not enough seats: americas is sold out'),
    );
    expect(await order({ blocks: ['asia'], quantity: 3 })).toEqual(failure(409, 'Not enough seats: asia has 2 left'));
    expect(await seen()).toMatchObject({ charges: [], subscriptions: [] });
    await data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'], quantity: 2 });
    expect(await order({ blocks: ['asia'] })).toEqual(failure(409, 'Not enough seats: asia is sold out'));
  });

  test('sells the last two seats to only two of ten buyers at once', async () => {
    const { call, seen } = await sandbox();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => call('POST', '/api/pools/minimax-m3/subscribe', { body: { blocks: ['asia'] } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, ...Array(8).fill(409)]);
    const slots = answers.flatMap(({ status, body }) =>
      status === 200 ? [at(body, 'data', 'hours', 0, 'slotIndex')] : [],
    );
    expect(slots.sort()).toEqual([8, 9]);
    expect(listAt(await seen(), 'charges')).toHaveLength(2);
  });
});

describe('a manually provisioned pool', () => {
  test('delivers its key after two hours', async () => {
    const { data, call, advance } = await sandbox();
    const subscription = await data('POST', '/api/pools/glm5/subscribe', { blocks: ['europe'] });
    expect(subscription).toMatchObject({ status: 'pending_key', monthlyPrice: '59.00', key: null });
    const subscriptionId = textAt(subscription, 'id');
    expect(await call('POST', '/api/keys/subscription', { body: { subscriptionId } })).toEqual(
      failure(400, 'You need an active pool subscription to create keys; this one is pending_key'),
    );
    expect(at(await data('GET', '/api/billing/status'), 'status')).toBeNull();

    await advance(2 * hour - 1);
    expect(at(await data('GET', '/api/pools/glm5/my-subscriptions'), 0)).toMatchObject({
      status: 'pending_key',
      key: null,
    });
    await advance(1);
    expect(at(await data('GET', '/api/pools/glm5/my-subscriptions'), 0)).toMatchObject({
      status: 'active',
      key: { apiKey: expect.stringMatching(/^sk_sandbox_[\w-]{32}$/), isActive: true },
    });
    expect(await data('GET', '/api/pools/glm5/my-keys')).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: 'GLM 5',
        apiKey: expect.stringMatching(/^sk_sandbox_/),
        isActive: true,
        subscriptionId,
        createdAt: '2026-04-14T11:00:00.000Z',
      },
    ]);
  });
});

describe('GET /api/pools/:id/my-subscriptions and my-keys', () => {
  test('shows the most recent first, with the most recent key of each', async () => {
    const box = await sandbox();
    const first = await poolKey(box, ['europe']);
    const newer = await box.data('POST', '/api/keys/subscription', {
      name: 'newer',
      subscriptionId: first.subscriptionId,
    });
    const second = await box.data('POST', subscribePath, { blocks: ['asia'] });
    await poolKey(box, ['asia'], 'minimax-m3');
    const mine = await box.data('GET', '/api/pools/kimi26/my-subscriptions');
    expect(mine).toEqual([
      {
        id: at(second, 'id'),
        status: 'active',
        monthlyPrice: '39.00',
        billingCycle: 'month',
        cancelAtPeriodEnd: false,
        currentPeriodEnd: '2026-05-14T09:00:00.000Z',
        hours: at(second, 'hours'),
        key: null,
      },
      {
        id: first.subscriptionId,
        status: 'active',
        monthlyPrice: '49.00',
        billingCycle: 'month',
        cancelAtPeriodEnd: false,
        currentPeriodEnd: '2026-05-14T09:00:00.000Z',
        hours: expect.arrayContaining([{ hour: 15, slotIndex: 2, pricePerDay: '6.13' }]),
        key: { id: at(newer, 'id'), apiKey: at(newer, 'apiKey'), isActive: true },
      },
    ]);
    expect(await box.data('GET', '/api/pools/kimi26/my-keys')).toEqual([
      {
        ...Object(newer),
        isActive: true,
        subscriptionId: first.subscriptionId,
        createdAt: '2026-04-14T09:00:00.000Z',
      },
      {
        id: first.id,
        name: 'default',
        apiKey: first.apiKey,
        isActive: true,
        subscriptionId: first.subscriptionId,
        createdAt: '2026-04-14T09:00:00.000Z',
      },
    ]);
    expect(await box.data('GET', '/api/pools/glm5/my-subscriptions')).toEqual([]);
    expect(await box.call('GET', '/api/pools/x/my-subscriptions')).toEqual(failure(404, 'Pool not found'));
    expect(await box.call('GET', '/api/pools/x/my-keys')).toEqual(failure(404, 'Pool not found'));
  });
});

describe('DELETE /api/pools/:id/pledge', () => {
  test('ends the most recent subscription with its billing period, and frees its seat then', async () => {
    const box = await sandbox();
    const older = await poolKey(box, ['europe']);
    const latest = await poolKey(box, ['europe']);
    expect(await box.data('DELETE', '/api/pools/kimi26/pledge')).toEqual({ canceled: true });
    const ending = async () =>
      listAt(await box.data('GET', '/api/pools/kimi26/my-subscriptions')).map((one) => [
        at(one, 'id'),
        at(one, 'status'),
        at(one, 'cancelAtPeriodEnd'),
        at(one, 'currentPeriodEnd'),
      ]);
    expect(await ending()).toEqual([
      [latest.subscriptionId, 'active', true, '2026-05-14T09:00:00.000Z'],
      [older.subscriptionId, 'active', false, '2026-05-14T09:00:00.000Z'],
    ]);

    await box.advance(30 * day - 1);
    expect(await ending()).toHaveLength(2);
    await box.advance(1);
    expect(await ending()).toEqual([[older.subscriptionId, 'active', false, '2026-06-14T09:00:00.000Z']]);
    expect(at(await box.data('GET', '/api/pools/kimi26/my-keys'), 0)).toMatchObject({ id: latest.id, isActive: false });
    expect(
      listAt(await box.seen(), 'charges').map((charge) => [at(charge, 'subscriptionId'), at(charge, 'reason')]),
    ).toEqual([
      [older.subscriptionId, 'subscribe'],
      [latest.subscriptionId, 'subscribe'],
      [older.subscriptionId, 'renewal'],
    ]);
    expect(
      await box.call('POST', '/api/keys/subscription', { body: { subscriptionId: latest.subscriptionId } }),
    ).toEqual(failure(400, 'You need an active pool subscription to create keys; this one is canceled'));
    // The freed seat, slot 3, is the next one sold.
    expect(at(await box.data('POST', subscribePath, { blocks: ['europe'] }), 'hours', 0, 'slotIndex')).toBe(3);
  });

  test('ends the next older one the second time, and finds none the third time', async () => {
    const { call, data } = await sandbox();
    await data('POST', subscribePath, { blocks: ['asia'], quantity: 2 });
    await data('DELETE', '/api/pools/kimi26/pledge');
    await data('DELETE', '/api/pools/kimi26/pledge');
    expect(await call('DELETE', '/api/pools/kimi26/pledge')).toEqual(failure(404, 'No active subscription found'));
    expect(await call('DELETE', '/api/pools/glm5/pledge')).toEqual(failure(404, 'No active subscription found'));
    expect(await call('DELETE', '/api/pools/x/pledge')).toEqual(failure(404, 'Pool not found'));
  });
});
