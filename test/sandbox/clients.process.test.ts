import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { hello, poolKey, sandbox } from '../support/sandbox.ts';

const sentence =
  'This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';
/** What Anthropic's API answers, too, so that Claude Code sends such messages in another way. */
const roleRefusal = 'Unexpected role \\"system\\". The Messages API accepts a top-level `system` parameter';
const messages = [{ role: 'user' as const, content: 'Hello!' }];

describe('the official openai client', () => {
  async function client(blocks = ['europe']) {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, blocks);
    return new OpenAI({ apiKey, baseURL: `${box.url}/v1`, maxRetries: 0 });
  }

  test('completes, streams and lists models', async () => {
    const openai = await client();
    const { choices, usage } = await openai.chat.completions.create({ model: hello.model, messages });
    expect(choices[0]?.message.content).toBe(sentence);
    expect(usage?.total_tokens).toBe(30);

    const stream = await openai.chat.completions.create({
      model: hello.model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let tokens: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    expect([text, tokens]).toEqual([sentence, 30]);

    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['kimi-k2.6']);
  });

  test('reads the errors', async () => {
    const openai = await client(['asia']);
    const refused = openai.chat.completions.create({ model: hello.model, messages });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await expect(refused).rejects.toMatchObject({ status: 429, code: 'outside_reserved_hours' });
  });
});

describe('the official @anthropic-ai/sdk client', () => {
  async function client(blocks = ['europe']) {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, blocks);
    return new Anthropic({ apiKey, baseURL: `${box.url}/anthropic`, maxRetries: 0 });
  }

  test('completes and streams', async () => {
    const anthropic = await client();
    const order = { model: hello.model, max_tokens: 100, messages };
    const { content, usage } = await anthropic.messages.create(order);
    expect(content).toEqual([{ type: 'text', text: sentence }]);
    expect(usage).toMatchObject({ input_tokens: 2, output_tokens: 28 });

    const message = await anthropic.messages.stream(order).finalMessage();
    expect(message.content).toMatchObject([{ type: 'text', text: sentence }]);
    expect([message.stop_reason, message.usage.output_tokens]).toEqual(['end_turn', 28]);
  });

  test('reads the errors', async () => {
    const anthropic = await client(['asia']);
    const refused = anthropic.messages.create({ model: hello.model, max_tokens: 100, messages });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    await expect(refused).rejects.toMatchObject({ status: 429, type: 'rate_limit_error' });
  });

  test('reads the refusal of the role "system"', async () => {
    const anthropic = await client();
    // The types of the SDK don't allow this role, which Claude Code sends.
    const refused = anthropic.post('/v1/messages', {
      body: { model: hello.model, max_tokens: 100, messages: [{ role: 'system', content: 'Be brief.' }, ...messages] },
    });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining(roleRefusal) });
    const { content } = await anthropic.messages.create({
      model: hello.model,
      max_tokens: 100,
      system: 'Be brief.',
      messages,
    });
    expect(content).toEqual([{ type: 'text', text: sentence }]);
  });
});
