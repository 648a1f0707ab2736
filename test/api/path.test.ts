import { expect, test } from 'vitest';
import { segment } from '../../src/api/path.ts';
import { always, apiOf, failureFields, serve } from '../support/http-server.ts';

test.each([
  ['kimi26', 'kimi26'],
  ['a/b', 'a%2Fb'],
  ['../keys', '..%2Fkeys'],
  ['%2e%2e', '%252e%252e'],
  ['a?b#c', 'a%3Fb%23c'],
  ['...', '...'],
  ['größe 1', 'gr%C3%B6%C3%9Fe%201'],
])('encodes %j as %s', (name, path) => {
  expect(segment(name)).toBe(path);
});

test.each(['', '.', '..', 'a\ud800'])('refuses %j, and sends nothing', async (name) => {
  const server = await serve(always({ success: true, data: {} }));
  const { pools, keys, usage } = apiOf(server.url);
  const calls = [
    async () => pools.get(name),
    async () => pools.subscribe(name, { blocks: ['asia'], quantity: 1, billingCycle: 'month' }),
    async () => pools.cancel(name),
    async () => keys.delete(name),
    async () => usage.get(name),
  ];
  for (const call of calls) {
    expect(await failureFields(call())).toMatchObject({
      code: 'usage',
      message: `"${name}" is not a valid name or ID`,
    });
  }
  expect(server.received).toEqual([]);
});
