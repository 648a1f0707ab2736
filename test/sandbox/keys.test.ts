import { describe, expect, test } from 'vitest';
import { at, creditKey, failure, hello, listAt, poolKey, sandbox, textAt } from '../support/sandbox.ts';

describe('POST /api/keys/subscription', () => {
  test('creates a key for the most recent active subscription without a body', async () => {
    const { data, call } = await sandbox();
    expect(await call('POST', '/api/keys/subscription')).toEqual(
      failure(400, 'You need an active pool subscription to create keys'),
    );
    await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    const latest = await data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    await data('POST', '/api/pools/glm5/subscribe', { blocks: ['europe'] });
    const key = await data('POST', '/api/keys/subscription');
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'default',
      apiKey: expect.stringMatching(/^sk_sandbox_[\w-]{32}$/),
    });
    expect(Object.keys(Object(key))).toEqual(['id', 'name', 'apiKey']);
    expect(at(await data('GET', '/api/keys'), 0, 'subscriptionId')).toBe(at(latest, 'id'));
  });

  test('creates any number of keys for one subscription', async () => {
    const { data } = await sandbox();
    const subscriptionId = at(await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] }), 'id');
    for (const name of ['a', 'b', 'a']) await data('POST', '/api/keys/subscription', { name, subscriptionId });
    const keys = listAt(await data('GET', '/api/keys'));
    expect(keys.map((key) => [at(key, 'name'), at(key, 'isActive')])).toEqual([
      ['a', true],
      ['b', true],
      ['a', true],
    ]);
    expect(new Set(keys.map((key) => at(key, 'apiKey'))).size).toBe(3);
  });

  test.each([
    [{ subscriptionId: 'nope' }, 404, 'Subscription not found'],
    [{ subscriptionId: 7 }, 400, 'subscriptionId must be a string'],
    [{ name: '' }, 400, 'name must be a non-empty string'],
    [{ name: ' ' }, 400, 'name must be a non-empty string'],
    [{ name: 1 }, 400, 'name must be a non-empty string'],
  ])('refuses %j', async (body, status, error) => {
    const { call, data } = await sandbox();
    await data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    expect(await call('POST', '/api/keys/subscription', { body })).toEqual(failure(status, error));
  });
});

describe('POST /api/keys/credit', () => {
  test.each([
    [{}, 'name must be a non-empty string'],
    [{ name: '' }, 'name must be a non-empty string'],
    [{ name: 'a', maxBudget: 0 }, 'maxBudget must be a positive number'],
    [{ name: 'a', maxBudget: '25' }, 'maxBudget must be a positive number'],
    [{ name: 'a', rpm: -1 }, 'rpm must be a positive number'],
    [{ name: 'a', tpm: null }, 'tpm must be a positive number'],
  ])('refuses %j', async (body, error) => {
    const { call } = await sandbox();
    expect(await call('POST', '/api/keys/credit', { body })).toEqual(failure(400, error));
  });
});

test('lists both types in GET /api/keys, the most recent first', async () => {
  const box = await sandbox();
  const pool = await poolKey(box);
  const limited = await box.data('POST', '/api/keys/credit', {
    name: 'client-acme',
    maxBudget: 25,
    rpm: 100,
    tpm: 50000,
  });
  const free = await creditKey(box);
  await box.call('POST', '/v1/chat/completions', { key: pool.apiKey, body: hello });
  const keys = await box.data('GET', '/api/keys');
  expect(keys).toEqual([
    {
      id: free.id,
      name: 'credit',
      apiKey: free.apiKey,
      keyPlan: 'credits',
      keyType: 'credit',
      isActive: true,
      maxBudget: null,
      rpm: null,
      tpm: null,
      createdAt: '2026-04-14T09:00:00.000Z',
      lastUsedAt: null,
    },
    {
      ...Object(limited),
      keyPlan: 'credits',
      keyType: 'credit',
      isActive: true,
      maxBudget: 25,
      rpm: 100,
      tpm: 50000,
      createdAt: '2026-04-14T09:00:00.000Z',
      lastUsedAt: null,
    },
    {
      id: pool.id,
      name: 'default',
      apiKey: pool.apiKey,
      keyPlan: 'kimi26',
      keyType: 'subscription',
      isActive: true,
      subscriptionId: pool.subscriptionId,
      subscriptionStatus: 'active',
      subscriptionExpiresAt: '2026-05-14T09:00:00.000Z',
      createdAt: '2026-04-14T09:00:00.000Z',
      lastUsedAt: '2026-04-14T09:00:00.000Z',
    },
  ]);
});

test('revokes immediately and permanently in DELETE /api/keys/:id', async () => {
  const box = await sandbox();
  const { id, apiKey } = await poolKey(box);
  expect((await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello })).status).toBe(200);
  expect((await box.call('DELETE', `/api/keys/${id}`)).body).toEqual({ success: true, data: { deleted: true } });
  expect(await box.data('GET', '/api/keys')).toEqual([]);
  expect(await box.data('GET', '/api/pools/kimi26/my-keys')).toEqual([]);
  expect((await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello })).status).toBe(401);
  expect((await box.call('GET', '/v1/usage', { key: apiKey })).status).toBe(401);
  expect(await box.call('DELETE', `/api/keys/${id}`)).toEqual(failure(404, 'Key not found'));
});

test('shows no secret in GET /sandbox/state', async () => {
  const box = await sandbox();
  const { apiKey, id, subscriptionId } = await poolKey(box);
  const state = await box.seen();
  expect(JSON.stringify(state)).not.toContain(apiKey);
  expect(JSON.stringify(state)).not.toContain('sk_');
  expect(at(state, 'keys')).toEqual([
    {
      id,
      name: 'default',
      type: 'subscription',
      isActive: true,
      subscriptionId,
      createdAt: '2026-04-14T09:00:00.000Z',
    },
  ]);
  expect(textAt(state, 'now')).toBe('2026-04-14T09:00:00.000Z');
});
