import { expect, test } from 'vitest';
import { always, apiOf, consumptionKey, failureFields, serve } from '../support/http-server.ts';

const turns = [{ role: 'user', content: 'Hello "世界"' }] as const;
const authorization = `Bearer ${consumptionKey}`;

test('lists the models of a key', async () => {
  const models = { object: 'list', data: [{ id: 'kimi-k2.6', object: 'model' }] };
  const server = await serve(always(models));
  expect(await apiOf(server.url).inference.models()).toEqual(models);
  expect(server.received).toMatchObject([{ method: 'GET', path: '/v1/models', headers: { authorization } }]);
});

test('sends a chat in the OpenAI format', async () => {
  const completion = { id: 'c', choices: [{ message: { role: 'assistant', content: '"success": false' } }] };
  const server = await serve(always(completion));
  expect(await apiOf(server.url).inference.chat('kimi-k2.6', turns)).toEqual(completion);
  expect(server.received).toMatchObject([
    {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { authorization },
      body: '{"model":"kimi-k2.6","messages":[{"role":"user","content":"Hello \\"世界\\""}]}',
    },
  ]);
});

test('sends a message in the Anthropic format', async () => {
  const message = { id: 'm', content: [{ type: 'text', text: 'Hi' }] };
  const server = await serve(always(message));
  expect(await apiOf(server.url).inference.message('kimi-k2.6', turns, 16)).toEqual(message);
  expect(server.received).toMatchObject([
    {
      method: 'POST',
      path: '/anthropic/v1/messages',
      headers: { authorization },
      body: '{"model":"kimi-k2.6","messages":[{"role":"user","content":"Hello \\"世界\\""}],"max_tokens":16}',
    },
  ]);
});

test("doesn't accept a response without a choice", async () => {
  const server = await serve(always({ choices: [] }));
  expect(await failureFields(apiOf(server.url).inference.chat('m', turns))).toMatchObject({
    code: 'unexpected_response',
    exitCode: 1,
  });
});

test('sends nothing without an API key, or with another kind of key', async () => {
  const server = await serve(always({}));
  expect(await failureFields(apiOf(server.url, { consumptionKey: undefined }).inference.models())).toMatchObject({
    code: 'not_signed_in',
    exitCode: 4,
  });
  expect(await failureFields(apiOf(server.url, { consumptionKey: 'mk_abc' }).inference.models())).toMatchObject({
    code: 'usage',
    exitCode: 2,
  });
  expect(server.received).toEqual([]);
});
