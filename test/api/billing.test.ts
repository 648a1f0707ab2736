import { describe, expect, test } from 'vitest';
import { envelopes, failureFields, managementKey, serving } from '../support/http-server.ts';

const status = {
  subscriptions: [],
  poolPledges: [
    {
      id: 'pledge_uuid',
      poolId: 'pool_uuid',
      poolSlug: 'kimi26',
      status: 'active',
      currentPeriodEnd: '2026-05-23T15:55:16.220Z',
      cancelAtPeriodEnd: false,
      hasKey: true,
    },
  ],
  plan: null,
  status: 'active',
  creditBalance: 25.0,
  stripeCustomerId: 'cus_xxx',
  subscriptionExpiresAt: null,
  legacySubscriptionKeys: [],
};
const plans = [
  { slug: 'standard', name: 'Standard', priceUsdc: '20', rateLimits: { tpm_limit: 3333, rpm_limit: 60 } },
  { slug: 'pro', name: 'Pro', priceUsdc: '60', rateLimits: { tpm_limit: 13333, rpm_limit: 200 } },
];

describe.each(envelopes)('the billing API, with responses that are %s', (_name, wrap) => {
  test('reads the account', async () => {
    const { server, billing } = await serving(wrap(status));
    expect(await billing.status()).toEqual(status);
    expect(server.received).toMatchObject([
      { method: 'GET', path: '/api/billing/status', headers: { authorization: `Bearer ${managementKey}` } },
    ]);
  });

  test('reads the account of the other generation', async () => {
    const other = {
      creditBalance: '25.00',
      poolPledges: [{ id: 4, poolSlug: null }],
      plan: { slug: 'pro' },
      since: 2024,
    };
    const { billing } = await serving(wrap(other));
    expect(await billing.status()).toEqual({ ...other, creditBalance: 25, poolPledges: [{ id: '4', poolSlug: null }] });
  });

  test('reads the credit', async () => {
    const credits = { totalTopUp: '60.00', remaining: 25.5, hasCreditKey: true, creditKeyCount: '2', note: 'x' };
    const { server, billing } = await serving(wrap(credits));
    expect(await billing.credits()).toEqual({ ...credits, totalTopUp: 60, creditKeyCount: 2 });
    expect(server.received[0]?.path).toBe('/api/billing/credits');
  });

  test('returns where to pay by card', async () => {
    const { server, billing } = await serving(wrap({ sessionUrl: 'https://pay/1', sessionId: 'cs_1' }));
    expect(await billing.topupByCard(50)).toEqual({ sessionUrl: 'https://pay/1', sessionId: 'cs_1' });
    expect(server.received).toMatchObject([
      { method: 'POST', path: '/api/billing/topup', body: '{"amount":50,"method":"stripe"}' },
    ]);
  });

  test.each(['50', 50])('returns where to send USDC if the amount is %j', async (amount) => {
    const { server, billing } = await serving(wrap({ address: '0x...', chain: 'base', amount }));
    expect(await billing.topupByUsdc(50)).toEqual({ address: '0x...', chain: 'base', amount: 50 });
    expect(server.received[0]?.body).toBe('{"amount":50,"method":"usdc"}');
  });

  test('verifies a payment', async () => {
    const { server, billing } = await serving(wrap({ credited: '50', balance: 75 }));
    expect(await billing.verifyTopup('0xabc123...', 50)).toEqual({ credited: 50, balance: 75 });
    expect(server.received).toMatchObject([
      { path: '/api/billing/verify-topup', body: '{"txHash":"0xabc123...","amount":50}' },
    ]);
  });

  test.each([{ url: 'https://card' }, { sessionUrl: 'https://card' }, { clientSecret: 'seti_1' }, {}])(
    'starts saving a card: %j',
    async (intent) => {
      const { server, billing } = await serving(wrap(intent));
      expect(await billing.setupIntent()).toEqual(intent);
      expect(server.received).toMatchObject([{ method: 'POST', path: '/api/billing/setup-intent', body: '' }]);
    },
  );

  test('lists the retired plans without a key', async () => {
    const { server, billing } = await serving(wrap(plans));
    expect(await billing.plans()).toEqual([
      { ...plans[0], priceUsdc: 20 },
      { ...plans[1], priceUsdc: 60 },
    ]);
    expect(server.received[0]?.path).toBe('/api/plans');
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });

  test('lists no plans', async () => {
    const { billing } = await serving(wrap([]));
    expect(await billing.plans()).toEqual([]);
  });

  test('subscribes to a retired plan', async () => {
    const subscribed = {
      subscriptionId: 5,
      planSlug: 'pro',
      status: 'active',
      key: { apiKey: 'sk_live_1' },
      keyError: null,
    };
    const { server, billing } = await serving(wrap(subscribed));
    const request = { planSlug: 'pro', createKey: true, keyName: 'client-acme' };
    expect(await billing.subscribeToPlan(request)).toEqual({ ...subscribed, subscriptionId: '5' });
    expect(server.received).toMatchObject([
      { path: '/api/billing/subscribe', body: '{"planSlug":"pro","createKey":true,"keyName":"client-acme"}' },
    ]);
  });

  test('checks out and cancels a retired plan', async () => {
    const { server, billing } = await serving(wrap({ sessionUrl: 'https://pay/2' }));
    expect(await billing.checkoutPlan('pro')).toEqual({ sessionUrl: 'https://pay/2' });
    expect(await billing.cancelPlan('sub_uuid')).toEqual({ sessionUrl: 'https://pay/2' });
    expect(server.received).toMatchObject([
      { method: 'POST', path: '/api/billing/checkout', body: '{"planSlug":"pro"}' },
      { method: 'POST', path: '/api/billing/cancel', body: '{"subscriptionId":"sub_uuid"}' },
    ]);
  });
});

test("says that a payment that isn't final yet can be verified again", async () => {
  const { billing } = await serving({ success: false, error: 'Transaction not final, retry' }, 425);
  expect(await failureFields(billing.verifyTopup('0x1', 50))).toMatchObject({
    message: 'Transaction not final, retry',
    outcome: 'not_applied',
    retryable: true,
  });
});

test('exits with 8 without enough credit', async () => {
  const { billing } = await serving({ error: { message: 'Insufficient credit' } }, 402);
  expect(await failureFields(billing.topupByCard(50))).toMatchObject({ code: 'payment_required', exitCode: 8 });
});
