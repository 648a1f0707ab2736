import { describe, expect, test } from 'vitest';
import { at, creditKey, day, failure, hello, poolKey, sandbox, type TestSandbox, textAt } from '../support/sandbox.ts';

const hash = `0x${'aB'.repeat(32)}`;

describe('GET /api/billing/status', () => {
  test('shows a fresh account', async () => {
    const { data } = await sandbox();
    const status = await data('GET', '/api/billing/status');
    expect(status).toEqual({
      subscriptions: [],
      poolPledges: [],
      plan: null,
      status: null,
      creditBalance: 25,
      stripeCustomerId: 'cus_sandbox',
      subscriptionExpiresAt: null,
      legacySubscriptionKeys: [],
    });
    expect(Object.keys(Object(status))).toEqual([
      'subscriptions',
      'poolPledges',
      'plan',
      'status',
      'creditBalance',
      'stripeCustomerId',
      'subscriptionExpiresAt',
      'legacySubscriptionKeys',
    ]);
  });

  test('lists the newest subscription first', async () => {
    const box = await sandbox();
    const older = await poolKey(box, ['europe']);
    const newest = await box.data('POST', '/api/pools/minimax-m3/subscribe', {
      blocks: ['asia'],
      billingCycle: 'year',
    });
    await box.data('DELETE', '/api/pools/minimax-m3/pledge');
    const status = await box.data('GET', '/api/billing/status');
    expect(at(status, 'status')).toBe('active');
    expect(at(status, 'poolPledges')).toEqual([
      {
        id: at(newest, 'id'),
        poolId: '2f9e7a14-83bc-4d6e-a05b-7c1d9e4f3302',
        poolSlug: 'minimax-m3',
        status: 'active',
        currentPeriodEnd: '2027-04-14T09:00:00.000Z',
        cancelAtPeriodEnd: true,
        hasKey: false,
      },
      {
        id: older.subscriptionId,
        poolId: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
        poolSlug: 'kimi26',
        status: 'active',
        currentPeriodEnd: '2026-05-14T09:00:00.000Z',
        cancelAtPeriodEnd: false,
        hasKey: true,
      },
    ]);
  });
});

test('counts the credit keys in GET /api/billing/credits', async () => {
  const box = await sandbox();
  expect(await box.data('GET', '/api/billing/credits')).toEqual({
    totalTopUp: 25,
    remaining: 25,
    hasCreditKey: false,
    creditKeyCount: 0,
  });
  await creditKey(box);
  await creditKey(box);
  expect(await box.data('GET', '/api/billing/credits')).toMatchObject({ hasCreditKey: true, creditKeyCount: 2 });
});

describe('POST /api/billing/topup', () => {
  test('leads to a page that credits once, for Stripe', async () => {
    const { data, call, url } = await sandbox();
    const session = await data('POST', '/api/billing/topup', { amount: 50, method: 'stripe' });
    expect(session).toEqual({
      sessionUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/sandbox\/pay\/[0-9a-f-]{36}$/),
      sessionId: expect.stringMatching(/^cs_sandbox_/),
    });
    const page = textAt(session, 'sessionUrl').slice(url.length);
    const shown = await call('GET', page, { key: null });
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
    expect(shown.body).toContain('Top-up of $50.00. Nothing is charged.');
    expect(shown.body).toContain('<form method="post"><button>Pay</button></form>');
    expect(at(await data('GET', '/api/billing/status'), 'creditBalance')).toBe(25);
    expect((await call('POST', page, { key: null })).status).toBe(200);
    expect((await call('POST', page, { key: null })).status).toBe(200);
    expect((await call('GET', page, { key: null })).body).toContain('This payment is complete.');
    expect(await data('GET', '/api/billing/credits')).toMatchObject({ totalTopUp: 75, remaining: 75 });
    expect((await call('GET', '/sandbox/pay/none', { key: null })).status).toBe(404);
    expect((await call('POST', '/sandbox/pay/none', { key: null })).status).toBe(404);
  });

  test('responds as documented, for USDC', async () => {
    const { data } = await sandbox();
    expect(await data('POST', '/api/billing/topup', { amount: 50, method: 'usdc' })).toEqual({
      address: expect.stringMatching(/^0x[0-9a-f]{40}$/),
      chain: 'base',
      amount: '50',
    });
    expect(at(await data('POST', '/api/billing/topup', { amount: 10.5, method: 'usdc' }), 'amount')).toBe('10.5');
  });

  test.each([
    [{ amount: 9.99, method: 'stripe' }, 'Minimum top-up is $10'],
    [{ amount: -50, method: 'usdc' }, 'Minimum top-up is $10'],
    [{ amount: 10.001, method: 'usdc' }, 'amount must be in whole cents'],
    [{ amount: '50', method: 'stripe' }, 'amount must be a number of USD'],
    [{ method: 'stripe' }, 'amount must be a number of USD'],
    [{ amount: 1_000_001, method: 'stripe' }, 'Maximum top-up is $1000000'],
    [{ amount: 50, method: 'cash' }, 'method must be "stripe" or "usdc"'],
    [{ amount: 50 }, 'method must be "stripe" or "usdc"'],
  ])('refuses %j', async (body, error) => {
    const { call } = await sandbox();
    expect(await call('POST', '/api/billing/topup', { body })).toEqual(failure(400, error));
  });
});

describe('POST /api/billing/verify-topup', () => {
  const verify = ({ call }: TestSandbox, amount: unknown, txHash: unknown = hash) =>
    call('POST', '/api/billing/verify-topup', { body: { txHash, amount } });
  const notFinal = failure(400, 'Transaction not final yet, try again in a few seconds');
  const mismatch = failure(400, 'The amount does not match what was sent');

  test('credits at the second request, and only once', async () => {
    const box = await sandbox();
    await box.data('POST', '/api/billing/topup', { amount: 50, method: 'usdc' });
    expect(await verify(box, 50)).toEqual(notFinal);
    expect(at(await box.data('GET', '/api/billing/credits'), 'remaining')).toBe(25);
    expect((await verify(box, 50, `0x${'Ab'.repeat(32)}`)).body).toEqual({
      success: true,
      data: { credited: 50, balance: 75 },
    });
    expect(await verify(box, 50)).toEqual(failure(409, 'This transaction was already credited'));
    // There is no top-up left for another transaction.
    expect(await verify(box, 50, `0x${'12'.repeat(32)}`)).toEqual(mismatch);
    expect(await box.data('GET', '/api/billing/credits')).toMatchObject({ totalTopUp: 75, remaining: 75 });
  });

  test('requires the amount of a USDC top-up, and the same one each time', async () => {
    const box = await sandbox();
    await box.data('POST', '/api/billing/topup', { amount: 50, method: 'stripe' });
    expect(await verify(box, 50)).toEqual(mismatch);
    await box.data('POST', '/api/billing/topup', { amount: 50, method: 'usdc' });
    await box.data('POST', '/api/billing/topup', { amount: 20, method: 'usdc' });
    expect(await verify(box, 49.99)).toEqual(mismatch);
    expect(await verify(box, 20)).toEqual(notFinal);
    expect(await verify(box, 50)).toEqual(mismatch);
    expect((await verify(box, 20)).status).toBe(200);
  });

  test.each([['0xabc123'], [`0x${'g'.repeat(64)}`], [`0x${'a'.repeat(65)}`], ['a'.repeat(66)], [7], [undefined]])(
    'refuses the hash %s',
    async (txHash) => {
      const box = await sandbox();
      const body = { txHash, amount: 50 };
      expect(await box.call('POST', '/api/billing/verify-topup', { body })).toEqual(
        failure(400, 'txHash must be 0x and 64 hexadecimal digits'),
      );
    },
  );

  test('requires an amount', async () => {
    expect(await verify(await sandbox(), '50')).toEqual(failure(400, 'amount must be a number of USD'));
  });
});

describe('the card', () => {
  async function cardPage({ data, url }: TestSandbox): Promise<string> {
    return textAt(await data('POST', '/api/billing/setup-intent'), 'url').slice(url.length);
  }

  test('is saved on the page that setup-intent returns', async () => {
    const box = await sandbox({ card: false });
    const page = await cardPage(box);
    expect(page).toMatch(/^\/sandbox\/card\/[0-9a-f-]{36}$/);
    expect((await box.call('GET', page, { key: null })).body).toContain('<form method="post">');
    expect(at(await box.seen(), 'card')).toBe(false);
    expect((await box.call('POST', page, { key: null })).status).toBe(200);
    expect(at(await box.seen(), 'card')).toBe(true);
    expect((await box.call('POST', '/api/pools/kimi26/subscribe', { body: { blocks: ['asia'] } })).status).toBe(200);
    expect((await box.call('GET', '/sandbox/card/none', { key: null })).status).toBe(404);
    expect((await box.call('POST', '/sandbox/card/none', { key: null })).status).toBe(404);
  });

  test('makes a renewal past due and suspends the key if it declines, until the next card pays', async () => {
    const box = await sandbox();
    const { apiKey, subscriptionId } = await poolKey(box);
    const page = await cardPage(box);
    await box.call('POST', page, { key: null, text: 'card=declining' });
    expect(await box.call('POST', '/api/pools/kimi26/subscribe', { body: { blocks: ['asia'] } })).toEqual(
      failure(402, 'Your card was declined'),
    );
    await box.advance(40 * day);
    expect(at(await box.data('GET', '/api/billing/status'), 'status')).toBeNull();
    expect(at(await box.data('GET', '/api/billing/status'), 'poolPledges', 0)).toMatchObject({
      status: 'past_due',
      currentPeriodEnd: '2026-05-14T09:00:00.000Z',
      hasKey: false,
    });
    const refused = await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello });
    expect([refused.status, refused.body]).toEqual([
      403,
      {
        error: {
          message: 'This key is suspended because the payment for its subscription failed',
          type: 'permission_error',
          param: null,
          code: 'past_due',
        },
      },
    ]);
    await box.call('POST', page, { key: null, text: 'card=good' });
    expect(at(await box.data('GET', '/api/billing/status'), 'poolPledges', 0)).toMatchObject({
      id: subscriptionId,
      status: 'active',
      currentPeriodEnd: '2026-06-24T09:00:00.000Z',
      hasKey: true,
    });
    expect((await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello })).status).toBe(200);
    expect(at(await box.seen(), 'charges')).toMatchObject([
      { amount: '49.00', at: '2026-04-14T09:00:00.000Z', reason: 'subscribe' },
      { amount: '49.00', at: '2026-05-24T09:00:00.000Z', reason: 'renewal' },
    ]);
  });
});

describe('the retired flat plans', () => {
  test('are empty, and not sold', async () => {
    const { call } = await sandbox();
    expect((await call('GET', '/api/plans')).body).toEqual([]);
    const retired = failure(410, 'Flat plans are retired; subscribe to a pool instead');
    expect(await call('POST', '/api/billing/subscribe', { body: { planSlug: 'pro', createKey: true } })).toEqual(
      retired,
    );
    expect(await call('POST', '/api/billing/checkout', { body: { planSlug: 'pro' } })).toEqual(retired);
  });

  test('cancel a subscription to a pool at the end of its billing period', async () => {
    const { call, data, advance } = await sandbox();
    const id = textAt(await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] }), 'id');
    const cancel = (subscriptionId: unknown) => call('POST', '/api/billing/cancel', { body: { subscriptionId } });
    expect(await cancel('sub_uuid')).toEqual(failure(404, 'Subscription not found'));
    expect(await cancel(undefined)).toEqual(failure(400, 'subscriptionId must be a string'));
    expect((await cancel(id)).body).toEqual({ success: true, data: { canceled: true } });
    expect(at(await data('GET', '/api/billing/status'), 'poolPledges', 0, 'cancelAtPeriodEnd')).toBe(true);
    await advance(30 * day);
    expect(at(await data('GET', '/api/billing/status'), 'poolPledges')).toEqual([]);
    expect(await cancel(id)).toEqual(failure(404, 'Subscription not found'));
  });
});
