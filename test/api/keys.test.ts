import { describe, expect, test } from 'vitest';
import { apiOf, envelopes, failureFields, managementKey, serve, serving } from '../support/http-server.ts';

const created = { id: 'key_uuid', name: 'prod-api', apiKey: 'sk_live_abc123...' };

describe.each(envelopes)('the keys API, with responses that are %s', (_name, wrap) => {
  test('lists the keys, with or without their secrets', async () => {
    const keys = [
      {
        id: 'key_uuid',
        name: 'prod-api',
        apiKey: 'sk_live_abc123',
        keyPlan: 'pool',
        keyType: 'subscription',
        isActive: true,
        subscriptionId: 12,
        subscriptionStatus: 'active',
        subscriptionExpiresAt: '2026-05-14T00:00:00.000Z',
        createdAt: '2026-04-14T00:00:00.000Z',
        lastUsedAt: null,
        unknown: [1],
      },
      { id: 2, maxBudget: '25.00' },
      { id: 'c', maxBudget: 25.5 },
    ];
    const { server, keys: api } = await serving(wrap(keys));
    expect(await api.list()).toEqual([
      { ...keys[0], subscriptionId: '12' },
      { id: '2', maxBudget: 25 },
      { id: 'c', maxBudget: 25.5 },
    ]);
    expect(server.received).toMatchObject([
      { method: 'GET', path: '/api/keys', headers: { authorization: `Bearer ${managementKey}` } },
    ]);
  });

  test.each([
    [{ name: 'prod-api', subscriptionId: 'sub_uuid' }, '{"name":"prod-api","subscriptionId":"sub_uuid"}'],
    [{ subscriptionId: 'subscription_uuid' }, '{"subscriptionId":"subscription_uuid"}'],
    [{ name: 'größer 🔑' }, '{"name":"größer 🔑"}'],
    [{}, ''],
    [{ name: undefined, subscriptionId: undefined }, ''],
  ])('creates a key for a subscription from %j', async (request, body) => {
    const { server, keys } = await serving(wrap(created));
    expect(await keys.createForSubscription(request)).toEqual(created);
    expect(server.received).toMatchObject([{ method: 'POST', path: '/api/keys/subscription', body }]);
    expect(server.received[0]?.headers['content-type']).toBe(body === '' ? undefined : 'application/json');
  });

  test('creates a key that spends credit', async () => {
    const { server, keys } = await serving(wrap({ ...created, name: null, extra: 1 }));
    const request = { name: 'client-acme', maxBudget: 25, rpm: 100, tpm: 50_000 };
    expect(await keys.createForCredit(request)).toEqual({ ...created, name: null, extra: 1 });
    expect(server.received).toMatchObject([
      { path: '/api/keys/credit', body: '{"name":"client-acme","maxBudget":25,"rpm":100,"tpm":50000}' },
    ]);
  });

  test('deletes a key', async () => {
    const { server, keys } = await serving(wrap({ deleted: true }));
    expect(await keys.delete('KEY/ID')).toBeUndefined();
    expect(server.received).toMatchObject([{ method: 'DELETE', path: '/api/keys/KEY%2FID', body: '' }]);
  });
});

test('deletes a key if the response has no body', async () => {
  const server = await serve((response) => response.writeHead(204).end());
  expect(await apiOf(server.url).keys.delete('a')).toBeUndefined();
});

test('leaves the outcome unknown if the response to a new key contains no secret', async () => {
  const { server, keys } = await serving({ success: true, data: { id: 'key_uuid' } });
  const failure = await failureFields(keys.createForSubscription({}));
  expect(failure).toMatchObject({ code: 'outcome_unknown', exitCode: 10, outcome: 'unknown', retryable: false });
  expect(failure.message).toContain('The response to POST /api/keys/subscription has an unexpected format (apiKey: ');
  expect(server.received).toHaveLength(1);
});

test("reports a key that doesn't exist", async () => {
  const { keys } = await serving({ success: false, error: 'Key not found' }, 404);
  expect(await failureFields(keys.delete('x'))).toMatchObject({
    code: 'not_found',
    exitCode: 5,
    outcome: 'not_applied',
    message: 'Key not found',
  });
});
