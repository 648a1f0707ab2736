import { describe, expect, test } from 'vitest';
import {
  always,
  apiOf,
  consumptionKey,
  envelopes,
  failureFields,
  managementKey,
  serve,
  serving,
} from '../support/http-server.ts';

const self = {
  budget: { spent: 1.23, limit: 10.0, duration: '30d', resets_at: '2026-02-15T10:00:00.000Z' },
  rate_limits: { rpm: 60, tpm: 3333 },
  plan: { slug: 'standard', status: 'active', expires_at: '2026-02-15T10:00:00.000Z' },
  credits: { balance: 5.0 },
  key: { name: 'prod-key', type: 'subscription', created_at: '2026-01-15T10:00:00.000Z' },
};
const used = {
  id: 'key-uuid',
  name: 'user-alice',
  type: 'subscription',
  plan: 'pro',
  isActive: true,
  usage: {
    last1h: { requests: 3, tokens: 8200, promptTokens: 7800, completionTokens: 400 },
    last24h: { requests: 45, tokens: 128000, promptTokens: 120000, completionTokens: 8000 },
    last7d: { requests: 312, tokens: 890000, promptTokens: 840000, completionTokens: 50000 },
    last30d: { requests: 1287, tokens: 35895828, promptTokens: 35634452, completionTokens: 261376 },
  },
  subscription: { status: 'active', expiresAt: '2026-04-23T15:12:31.565Z' },
  createdAt: '2026-03-05T13:29:01.800Z',
};

describe.each(envelopes)('the usage API, with responses that are %s', (_name, wrap) => {
  test('reads the usage of an API key, authorized by that key', async () => {
    const { server, usage } = await serving(wrap(self));
    expect(await usage.self()).toEqual(self);
    expect(server.received).toMatchObject([
      { method: 'GET', path: '/v1/usage', headers: { authorization: `Bearer ${consumptionKey}` } },
    ]);
  });

  test('reads it from the other generation', async () => {
    const { usage } = await serving(
      wrap({
        budget: { spent: '1.23', limit: null, duration: null },
        rate_limits: { rpm: '60', tpm: null },
        plan: { slug: null },
        credits: { balance: '5.00', currency: 'USD' },
        key: null,
      }),
    );
    expect(await usage.self()).toEqual({
      budget: { spent: 1.23, limit: null, duration: null },
      rate_limits: { rpm: 60, tpm: null },
      plan: { slug: null },
      credits: { balance: 5, currency: 'USD' },
      key: null,
    });
  });

  test('reads the usage of all keys', async () => {
    const { server, usage } = await serving(wrap([used, { id: 2, usage: { last1h: { requests: '9' } }, x: 1 }]));
    expect(await usage.list()).toEqual([used, { id: '2', usage: { last1h: { requests: 9 } }, x: 1 }]);
    expect(server.received).toMatchObject([
      { method: 'GET', path: '/api/usage', headers: { authorization: `Bearer ${managementKey}` } },
    ]);
  });

  test('reads the usage of one key', async () => {
    const { server, usage } = await serving(wrap({ ...used, subscription: undefined, plan: null }));
    const { subscription: _absent, ...rest } = used;
    expect(await usage.get('KEY_UUID')).toEqual({ ...rest, plan: null });
    expect(server.received[0]?.path).toBe('/api/usage/KEY_UUID');
  });
});

test.each([
  [401, 'unauthorized', 4],
  [403, 'forbidden', 4],
  [404, 'not_found', 5],
  [429, 'rate_limited', 7],
  [502, 'server_error', 1],
])('maps the response %i for a key to %s', async (status, code, exitCode) => {
  const server = await serve(always({ error: 'Because' }, status, { 'retry-after': '3600' }));
  expect(await failureFields(apiOf(server.url).usage.self())).toMatchObject({
    code,
    exitCode,
    status,
    message: 'Because',
  });
  expect(server.received).toHaveLength(1);
});
