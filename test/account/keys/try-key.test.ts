import { describe, expect, test } from 'vitest';
import { nextHours, tryKey } from '../../../src/account/keys/try-key.ts';
import { CommandError } from '../../../src/domain/errors.ts';
import { apiOf, failureFields, serving } from '../../support/http-server.ts';
import { creditKey, poolKey, sandbox } from '../../support/sandbox.ts';

const sentence =
  'This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';

describe('a request with a key', () => {
  test.each(['openai', 'anthropic'] as const)('returns what the model of the sandbox says (%s)', async (format) => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const api = apiOf(new URL(box.url), { consumptionKey: apiKey });
    expect(await tryKey(api, 'kimi-k2.6', format)).toBe(sentence);
  });

  test('is refused in the format that the sandbox does not have', async () => {
    const box = await sandbox();
    const { apiKey } = await creditKey(box);
    const api = apiOf(new URL(box.url), { consumptionKey: apiKey });
    expect(await failureFields(tryKey(api, 'kimi-k2.6', 'responses'))).toMatchObject({
      code: 'not_found',
      status: 404,
    });
  });

  test.each([
    ['openai', 'POST', '/v1/chat/completions', { choices: [{ message: { content: 'Hi' } }] }, {}],
    ['anthropic', 'POST', '/anthropic/v1/messages', { content: [{ type: 'text', text: 'Hi' }] }, { max_tokens: 1024 }],
    ['responses', 'POST', '/v1/responses', { id: 'r', output: [] }, {}],
  ] as const)('is one request (%s)', async (format, method, path, reply, more) => {
    const { server, ...api } = await serving(reply);
    await tryKey(api, 'some/model', format);
    const [request, another] = server.received;
    expect([request?.method, request?.path, another]).toEqual([method, path, undefined]);
    const prompt = 'Say hello in one short sentence.';
    expect(JSON.parse(request?.body ?? '')).toEqual({
      model: 'some/model',
      ...(format === 'responses' ? { input: prompt } : { messages: [{ role: 'user', content: prompt }] }),
      ...more,
    });
  });

  test.each([
    ['openai', { choices: [{ message: { content: '\n Hello.\nMore.' } }] }, 'Hello.'],
    ['openai', { choices: [{ message: { content: null } }] }, ''],
    ['openai', { choices: [{ message: {} }] }, ''],
    ['openai', { choices: [{}] }, ''],
    ['anthropic', { content: [{ type: 'thinking' }, { type: 'text', text: 'Hello.' }] }, 'Hello.'],
    ['anthropic', { content: [{ type: 'thinking' }] }, ''],
    ['anthropic', { content: [{ type: 'text', text: '' }] }, ''],
    ['responses', { anything: true }, ''],
  ] as const)('returns the first line of the answer (%s, %j)', async (format, reply, line) => {
    expect(await tryKey(await serving(reply), 'm', format)).toBe(line);
  });
});

describe('the time from which a key works', () => {
  const now = new Date('2026-04-14T09:00:00Z');

  test('is what a key outside its hours says', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, ['asia']);
    const api = apiOf(new URL(box.url), { consumptionKey: apiKey });
    const error = await tryKey(api, 'kimi-k2.6', 'openai').catch((each: unknown) => each);
    if (!(error instanceof CommandError)) throw error;
    expect(nextHours(error, now)).toEqual(new Date('2026-04-15T00:00:00Z'));
  });

  test.each([
    ['a limit per minute', 'rate_limited', 60_000],
    ['a limit without a time', 'rate_limited', undefined],
    ['another failure', 'server_error', 3_600_000],
  ] as const)("isn't known after %s", (_what, code, retryAfter) => {
    expect(nextHours(new CommandError(code, 'x', { retryAfter }), now)).toBeUndefined();
  });
});
