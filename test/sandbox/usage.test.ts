import { describe, expect, test } from 'vitest';
import { at, creditKey, day, failure, hello, hour, listAt, poolKey, sandbox } from '../support/sandbox.ts';

const none = { requests: 0, tokens: 0, promptTokens: 0, completionTokens: 0 };
/** The usage of {@link hello}: 6 characters in, 109 out, and 4 per token. */
const once = { requests: 1, tokens: 30, promptTokens: 2, completionTokens: 28 };
const twice = { requests: 2, tokens: 60, promptTokens: 4, completionTokens: 56 };

describe('GET /api/usage', () => {
  test('sums what each key used over four periods', async () => {
    const box = await sandbox();
    const { id, apiKey } = await poolKey(box, ['asia', 'europe', 'americas']);
    const credit = await creditKey(box);
    const use = async () =>
      expect((await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello })).status).toBe(200);
    const usage = async () => at(await box.data('GET', `/api/usage/${id}`), 'usage');
    await use();
    expect(await box.data('GET', '/api/usage')).toEqual([
      {
        id: credit.id,
        name: 'credit',
        type: 'credit',
        plan: 'credits',
        isActive: true,
        usage: { last1h: none, last24h: none, last7d: none, last30d: none },
        createdAt: '2026-04-14T09:00:00.000Z',
      },
      {
        id,
        name: 'default',
        type: 'subscription',
        plan: 'kimi26',
        isActive: true,
        usage: { last1h: once, last24h: once, last7d: once, last30d: once },
        subscription: { status: 'active', expiresAt: '2026-05-14T09:00:00.000Z' },
        createdAt: '2026-04-14T09:00:00.000Z',
      },
    ]);
    await box.advance(hour);
    expect(await usage()).toEqual({ last1h: none, last24h: once, last7d: once, last30d: once });
    await use();
    expect(await usage()).toEqual({ last1h: once, last24h: twice, last7d: twice, last30d: twice });
    await box.advance(day - hour);
    expect(await usage()).toEqual({ last1h: none, last24h: once, last7d: twice, last30d: twice });
    await box.advance(6 * day);
    expect(await usage()).toEqual({ last1h: none, last24h: none, last7d: once, last30d: twice });
    await box.advance(23 * day);
    expect(await usage()).toEqual({ last1h: none, last24h: none, last7d: none, last30d: once });
    await use();
    await box.advance(hour);
    expect(await usage()).toEqual({ last1h: none, last24h: once, last7d: once, last30d: once });
  });

  test('is refused the thirteenth time within twelve hours, until the first is that old', async () => {
    const { call, advance } = await sandbox();
    for (let count = 0; count < 12; count += 1) {
      expect((await call('GET', '/api/usage')).status).toBe(200);
      await advance(60_000);
    }
    const refused = await call('GET', '/api/usage');
    expect(refused).toEqual(failure(429, 'Rate limit exceeded: 12 requests per 12 hours'));
    expect(refused.headers.get('retry-after')).toBe(String(12 * 3600 - 12 * 60));
    await advance(12 * hour - 12 * 60_000 - 1);
    expect((await call('GET', '/api/usage')).headers.get('retry-after')).toBe('1');
    await advance(1);
    expect((await call('GET', '/api/usage')).status).toBe(200);
    expect((await call('GET', '/api/usage')).status).toBe(429);
  });

  test('responds with 404 for an unknown key', async () => {
    const { call } = await sandbox();
    expect(await call('GET', '/api/usage/none')).toEqual(failure(404, 'Key not found'));
  });
});

describe('GET /v1/usage', () => {
  test('responds to a subscription key without an envelope', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const { status, body } = await box.call('GET', '/v1/usage', { key: apiKey });
    expect([status, body]).toEqual([
      200,
      {
        budget: { spent: 0, limit: null, duration: null, resets_at: null },
        rate_limits: { rpm: null, tpm: null },
        plan: { slug: 'kimi26', status: 'active', expires_at: '2026-05-14T09:00:00.000Z' },
        credits: { balance: 25 },
        key: { name: 'default', type: 'subscription', created_at: '2026-04-14T09:00:00.000Z' },
      },
    ]);
  });

  test('responds to a credit key, whose budget restarts every 30 days', async () => {
    const box = await sandbox();
    const { apiKey } = await creditKey(box, { maxBudget: 10, rpm: 60, tpm: 3333 });
    await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello });
    const own = async () => (await box.call('GET', '/v1/usage', { key: apiKey })).body;
    // 2 × $0.60 and 28 × $2.50 per million: 71.2 millionths, rounded up.
    expect(await own()).toEqual({
      budget: { spent: 0.000072, limit: 10, duration: '30d', resets_at: '2026-05-14T09:00:00.000Z' },
      rate_limits: { rpm: 60, tpm: 3333 },
      plan: { slug: null, status: 'active', expires_at: null },
      credits: { balance: 24.999928 },
      key: { name: 'credit', type: 'credit', created_at: '2026-04-14T09:00:00.000Z' },
    });
    await box.advance(30 * day);
    expect(at(await own(), 'budget')).toMatchObject({ spent: 0, resets_at: '2026-06-13T09:00:00.000Z' });
    await box.call('POST', '/v1/chat/completions', { key: apiKey, body: hello });
    expect(at(await own(), 'budget', 'spent')).toBe(0.000072);
    expect(at(await box.data('GET', '/api/billing/status'), 'creditBalance')).toBe(24.999856);
  });

  test('refuses an invalid and a deactivated key', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const unknown = {
      status: 401,
      body: {
        error: {
          message: 'Missing, invalid, or unrecognized API key',
          type: 'authentication_error',
          param: null,
          code: 'invalid_api_key',
        },
      },
    };
    expect(await box.call('GET', '/v1/usage', { key: null })).toMatchObject(unknown);
    expect(await box.call('GET', '/v1/usage', { key: 'sk_live_x' })).toMatchObject(unknown);
    expect(await box.call('GET', '/v1/usage')).toMatchObject(unknown);
    await box.data('DELETE', '/api/pools/kimi26/pledge');
    await box.advance(31 * day);
    expect(await box.call('GET', '/v1/usage', { key: apiKey })).toMatchObject({
      status: 403,
      body: { error: { message: 'This key is deactivated', code: 'key_deactivated' } },
    });
    expect(listAt(await box.data('GET', '/api/usage'))).toMatchObject([
      { isActive: false, subscription: { status: 'canceled' } },
    ]);
  });
});
