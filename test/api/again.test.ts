import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { answer, apiOf, clientOf, failureFields, serve } from '../support/http-server.ts';

const anything = z.unknown();

describe('a repeated read', () => {
  test('sends the entity tag, and returns the earlier value on 304', async () => {
    const server = await serve((response, { headers }) =>
      headers['if-none-match'] === '"v1"'
        ? response.writeHead(304, { etag: '"v1"' }).end()
        : answer(response, { success: true, data: [1, 2] }, 200, { etag: '"v1"' }),
    );
    const { client } = clientOf(server.url);
    const first = await client.readAgain('/api/x', anything, undefined);
    expect(first).toEqual({ value: [1, 2], etag: '"v1"' });
    expect(await client.readAgain('/api/x', anything, first)).toBe(first);
    expect(server.received.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"v1"']);
  });

  test('returns the new value and its entity tag, weak tags unchanged', async () => {
    const server = await serve((response, _request, count) => answer(response, count, 200, { etag: `W/"${count}"` }));
    const { client } = clientOf(server.url);
    const first = await client.readAgain('/', anything, undefined);
    const second = await client.readAgain('/', anything, first);
    expect([first, second]).toEqual([
      { value: 1, etag: 'W/"1"' },
      { value: 2, etag: 'W/"2"' },
    ]);
    expect(server.received[1]?.headers['if-none-match']).toBe('W/"1"');
  });

  test('sends no entity tag if there was none, and then treats 304 as an error', async () => {
    const server = await serve((response, _request, count) =>
      count === 1 ? answer(response, 1) : response.writeHead(304).end(),
    );
    const { client } = clientOf(server.url);
    const first = await client.readAgain('/', anything, undefined);
    expect(first).toEqual({ value: 1, etag: undefined });
    expect(await failureFields(client.readAgain('/', anything, first))).toMatchObject({
      code: 'unexpected_response',
      status: 304,
    });
    expect(server.received[1]?.headers).not.toHaveProperty('if-none-match');
  });
});

describe("a read that isn't retried", () => {
  test('is sent once, whatever the response', async () => {
    for (const status of [429, 500, 503]) {
      const server = await serve((response) => answer(response, { error: 'no' }, status));
      const { client } = clientOf(server.url);
      await failureFields(client.read('/', anything, { once: true }));
      await failureFields(client.readAgain('/', anything, undefined, { once: true }));
      expect([status, server.received.length]).toEqual([status, 2]);
    }
  });

  test('reports how long the server asks to wait', async () => {
    const headers = { 'retry-after': '77' };
    const server = await serve((response) => answer(response, { error: 'no' }, 429, headers));
    const { client } = clientOf(server.url);
    const error = await client.read('/', anything, { once: true }).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'rate_limited', retryAfter: 77_000, hint: 'Try again in 77 seconds.' });
  });
});

test('reads pools, subscriptions and a pool once if asked to', async () => {
  const server = await serve((response) => answer(response, {}, 503));
  const { pools } = apiOf(server.url);
  await failureFields(pools.listAgain({ value: [], etag: '"v1"' }, { once: true }));
  await failureFields(pools.get('kimi26', { once: true }));
  await failureFields(pools.subscriptions('kimi26', { once: true }));
  expect(server.received.map(({ method, path, headers }) => [method, path, headers['if-none-match']])).toEqual([
    ['GET', '/api/pools', '"v1"'],
    ['GET', '/api/pools/kimi26', undefined],
    ['GET', '/api/pools/kimi26/my-subscriptions', undefined],
  ]);
});
