import { describe, expect, test } from 'vitest';
import { always, apiOf, envelopes, failureFields, managementKey, serve, serving } from '../support/http-server.ts';

const key = `Bearer ${managementKey}`;
const listed = {
  id: 'pool_uuid',
  slug: 'minimax-m3',
  modelId: 'MiniMax-M3',
  modelName: 'MiniMax M3',
  description: 'Dedicated MiniMax M3 with unlimited usage.',
  status: 'active',
  totalSlots: 10,
  minPricePerDay: '39.00',
  manualProvisioning: false,
  annualDiscount: 0.15,
};
const detail = {
  id: 'pool_uuid',
  slug: 'minimax-m3',
  modelId: 'MiniMax-M3',
  status: 'active',
  hourSlots: [
    { id: 'slot_uuid', hour: 0, slotIndex: 0, pricePerDay: '4.88', status: 'available' },
    { id: 'slot_uuid', hour: 1, slotIndex: 0, pricePerDay: '4.88', status: 'available' },
  ],
};
const subscribed = {
  id: 'subscription_uuid',
  poolId: 'pool_uuid',
  status: 'active',
  monthlyPrice: '39.00',
  hours: [
    { hour: 0, slotIndex: 0, pricePerDay: '4.88' },
    { hour: 1, slotIndex: 0, pricePerDay: '4.88' },
  ],
  key: null,
};
const mine = {
  id: 'subscription_uuid',
  status: 'active',
  monthlyPrice: '39.00',
  billingCycle: 'month',
  cancelAtPeriodEnd: false,
  currentPeriodEnd: '2026-05-14T00:00:00.000Z',
  hours: [{ hour: 16, slotIndex: 0, pricePerDay: '4.88' }],
  key: { id: 'key_uuid', apiKey: 'sk_pool_abc123...', isActive: true },
};
const order = { blocks: ['europe'], quantity: 1, billingCycle: 'month' } as const;

describe.each(envelopes)('the pools API, with responses that are %s', (_name, wrap) => {
  test('lists the pools, with money as numbers', async () => {
    const { server, pools } = await serving(wrap([listed]));
    expect(await pools.list()).toEqual([{ ...listed, minPricePerDay: 39 }]);
    expect(server.received).toMatchObject([{ method: 'GET', path: '/api/pools', headers: { authorization: key } }]);
  });

  test('reads a pool with its hours', async () => {
    const { server, pools } = await serving(wrap(detail));
    expect(await pools.get('minimax-m3')).toEqual({
      ...detail,
      hourSlots: detail.hourSlots.map((slot) => ({ ...slot, pricePerDay: 4.88 })),
    });
    expect(server.received).toMatchObject([{ method: 'GET', path: '/api/pools/minimax-m3' }]);
  });

  test('buys a subscription', async () => {
    const { server, pools } = await serving(wrap(subscribed));
    expect(await pools.subscribe('minimax-m3', order)).toEqual({
      kind: 'subscribed',
      subscriptions: [
        { ...subscribed, monthlyPrice: 39, hours: subscribed.hours.map((hour) => ({ ...hour, pricePerDay: 4.88 })) },
      ],
    });
    expect(server.received).toMatchObject([
      {
        method: 'POST',
        path: '/api/pools/minimax-m3/subscribe',
        headers: { authorization: key, 'content-type': 'application/json' },
        body: '{"blocks":["europe"],"quantity":1,"billingCycle":"month"}',
      },
    ]);
  });

  test('buys several subscriptions, one for each seat', async () => {
    const seats = ['a', 'b', 'c'].map((id) => ({ ...subscribed, id }));
    const { pools } = await serving(wrap(seats));
    const result = await pools.subscribe('minimax-m3', { ...order, quantity: 3, billingCycle: 'year' });
    expect(result).toMatchObject({
      kind: 'subscribed',
      subscriptions: [
        { id: 'a', monthlyPrice: 39 },
        { id: 'b', monthlyPrice: 39 },
        { id: 'c', monthlyPrice: 39 },
      ],
    });
  });

  test('returns the page to pay on if no card is saved', async () => {
    const { pools } = await serving(wrap({ sessionUrl: 'https://checkout.stripe.com/c/1' }));
    expect(await pools.subscribe('minimax-m3', order)).toEqual({
      kind: 'checkout',
      sessionUrl: 'https://checkout.stripe.com/c/1',
    });
  });

  test("lists the account's subscriptions to a pool", async () => {
    const { server, pools } = await serving(wrap([mine]));
    expect(await pools.subscriptions('minimax-m3')).toEqual([
      { ...mine, monthlyPrice: 39, hours: [{ hour: 16, slotIndex: 0, pricePerDay: 4.88 }] },
    ]);
    expect(server.received).toMatchObject([
      { method: 'GET', path: '/api/pools/minimax-m3/my-subscriptions', headers: { authorization: key } },
    ]);
  });

  test('lists the keys of a pool', async () => {
    const { server, pools } = await serving(wrap([mine.key]));
    expect(await pools.keys('minimax-m3')).toEqual([mine.key]);
    expect(server.received).toMatchObject([{ method: 'GET', path: '/api/pools/minimax-m3/my-keys' }]);
  });

  test('cancels the most recent subscription', async () => {
    const { server, pools } = await serving(wrap({ canceled: true }));
    await pools.cancel('minimax-m3');
    expect(server.received).toMatchObject([{ method: 'DELETE', path: '/api/pools/minimax-m3/pledge', body: '' }]);
  });
});

describe('a pool of the other generation', () => {
  test('can have money as numbers, a discount as text, and unknown fields', async () => {
    const other = { ...listed, minPricePerDay: 39.5, annualDiscount: '0.15', totalSlots: '10', region: { name: 'eu' } };
    const { pools } = await serving([other]);
    expect(await pools.list()).toEqual([{ ...other, annualDiscount: 0.15, totalSlots: 10 }]);
  });

  test('can have models, and blocks with exact prices', async () => {
    const blocks = [{ block: 'asia', hoursUtc: '00-08', pricePerMonth: '39.00', status: 'sold-out', left: 0 }];
    const { pools } = await serving([{ ...listed, models: ['MiniMax-M3'], infraSpec: { gpus: 8 }, blocks }]);
    expect(await pools.list()).toMatchObject([
      {
        models: ['MiniMax-M3'],
        infraSpec: { gpus: 8 },
        blocks: [{ block: 'asia', hoursUtc: '00-08', pricePerMonth: 39, status: 'sold-out', left: 0 }],
      },
    ]);
  });

  test('can have only an id, or null for everything else', async () => {
    const nothing = Object.fromEntries(Object.keys(listed).map((field) => [field, field === 'id' ? 7 : null]));
    const { pools } = await serving([{ id: 'only' }, nothing]);
    expect(await pools.list()).toEqual([{ id: 'only' }, { ...nothing, id: '7' }]);
  });

  test('can have hours with money as numbers or without a price', async () => {
    const { pools } = await serving({ ...detail, hourSlots: [{ hour: 23, pricePerDay: 4.88 }, { hour: 0 }] });
    expect((await pools.get('x')).hourSlots).toEqual([{ hour: 23, pricePerDay: 4.88 }, { hour: 0 }]);
  });

  test("can have a subscription with missing and null fields, a key that isn't delivered yet, and a page that is null", async () => {
    const bare = { id: 9, status: 'pending_key', monthlyPrice: 78, hours: null, sessionUrl: null };
    const { pools } = await serving(bare);
    expect(await pools.subscribe('x', order)).toEqual({ kind: 'subscribed', subscriptions: [{ ...bare, id: '9' }] });
  });
});

describe('the pools', () => {
  test('are read without a key if you are not signed in', async () => {
    const server = await serve(always([listed]));
    const { pools } = apiOf(server.url, { managementKey: undefined });
    expect(await pools.list()).toHaveLength(1);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
    expect(await failureFields(pools.subscriptions('x'))).toMatchObject({ code: 'not_signed_in', exitCode: 4 });
    expect(server.received).toHaveLength(1);
  });

  test('are named by one segment of the path', async () => {
    const { server, pools } = await serving({ canceled: true });
    await pools.cancel('../keys?x=1#y');
    expect(server.received[0]?.path).toBe('/api/pools/..%2Fkeys%3Fx%3D1%23y/pledge');
  });

  test.each([
    ['an object instead of the list', { id: 'x' }, ''],
    ['a pool without an id', [listed, { slug: 'x' }], '1.id'],
    ['an invalid price', [{ ...listed, minPricePerDay: 'free' }], '0.minPricePerDay'],
  ])('are refused with %s, and the field is named', async (_what, body, where) => {
    const { pools } = await serving(body);
    const failure = await failureFields(pools.list());
    expect(failure).toMatchObject({ code: 'unexpected_response', exitCode: 1, status: 200, outcome: undefined });
    expect(failure.message).toContain(`The response to GET /api/pools has an unexpected format (${where}`);
  });
});

describe('a subscribe request', () => {
  test("is not applied without a card, with the API's message", async () => {
    const { server, pools } = await serving(
      { success: false, error: 'No payment method found — add a card first' },
      400,
    );
    expect(await failureFields(pools.subscribe('x', order))).toEqual({
      code: 'no_payment_method',
      exitCode: 8,
      outcome: 'not_applied',
      status: 400,
      retryable: false,
      message: 'No payment method found — add a card first',
    });
    expect(server.received).toHaveLength(1);
  });

  test.each([
    ['an empty list', []],
    ['an empty object', {}],
    ['null in the envelope', { success: true, data: null }],
    ['a seat without an id', [{ status: 'active' }]],
    ['an invalid price', { ...subscribed, monthlyPrice: 'n/a' }],
  ])('may have charged if the response is %s', async (_what, body) => {
    const { server, pools } = await serving(body);
    expect(await failureFields(pools.subscribe('x', order))).toMatchObject({
      code: 'outcome_unknown',
      exitCode: 10,
      outcome: 'unknown',
      status: 200,
      retryable: false,
    });
    expect(server.received).toHaveLength(1);
  });
});
