import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/sandbox/store.ts';
import { withResolvers } from '../support/resolvers.ts';
import { at, creditKey, day, hello, hour, listAt, poolKey, sandbox, type TestSandbox } from '../support/sandbox.ts';

const sentence =
  'This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';

const chat = ({ call }: TestSandbox, key: string | null, body: unknown = hello) =>
  call('POST', '/v1/chat/completions', { key, body });

function refusal(status: number, message: string, type: string, code: string | null) {
  return expect.objectContaining({ status, body: { error: { message, type, param: null, code } } });
}

/** A pause that lasts until it is released. */
function held() {
  const { promise: reached, resolve: waiting } = withResolvers();
  const { promise: gate, resolve: letGo } = withResolvers();
  const pause = () => {
    waiting();
    return gate;
  };
  return { pause, reached, letGo };
}

describe('POST /v1/chat/completions', () => {
  test('responds in the OpenAI format', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const { status, body } = await chat(box, apiKey);
    expect([status, body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^chatcmpl-/),
        object: 'chat.completion',
        created: Date.UTC(2026, 3, 14, 9) / 1000,
        model: 'kimi-k2.6',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: sentence, refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 2, completion_tokens: 28, total_tokens: 30 },
      },
    ]);
    const cut = await chat(box, apiKey, { ...hello, max_tokens: 2 });
    expect(at(cut.body, 'choices', 0)).toMatchObject({ message: { content: 'This is ' }, finish_reason: 'length' });
    const parts = {
      ...hello,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello!' }] }, { role: 'tool' }],
    };
    expect((await chat(box, apiKey, parts)).status).toBe(200);
  });

  test.each([
    [{ model: 'kimi-k2.6' }, 'messages must be a non-empty array of {role, content}'],
    [{ ...hello, messages: [] }, 'messages must be a non-empty array of {role, content}'],
    [{ ...hello, messages: 'Hello' }, 'messages must be a non-empty array of {role, content}'],
    [{ ...hello, messages: ['Hello'] }, 'messages must be a non-empty array of {role, content}'],
    [{ ...hello, model: 1 }, 'model must be a string'],
    [{ ...hello, stream: 'yes' }, 'stream must be true or false'],
    [{ ...hello, max_tokens: 0 }, 'max_tokens must be a positive integer'],
    [[], 'The body must be a JSON object'],
  ])('refuses %j', async (body, message) => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    expect(await chat(box, apiKey, body)).toEqual(refusal(400, message, 'invalid_request_error', null));
  });

  test('streams events that end in [DONE]', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const { body, headers } = await chat(box, apiKey, { ...hello, stream: true });
    expect(headers.get('content-type')).toBe('text/event-stream');
    const events = String(body).split('\n\n');
    expect(events.slice(-2)).toEqual(['data: [DONE]', '']);
    const chunks = events.slice(0, -2).map((event) => JSON.parse(event.replace(/^data: /, '')));
    expect(chunks.map((chunk) => at(chunk, 'choices', 0, 'delta', 'content') ?? '').join('')).toBe(sentence);
    expect(at(chunks.at(-1), 'choices', 0)).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(JSON.stringify(chunks)).not.toContain('usage');
    const counted = await chat(box, apiKey, { ...hello, stream: true, stream_options: { include_usage: true } });
    expect(JSON.parse(String(counted.body).split('\n\n').at(-3)?.slice(6) ?? '')).toMatchObject({
      choices: [],
      usage: { total_tokens: 30 },
    });
  });
});

describe('a key', () => {
  test('gets the x402 catalog if it is missing', async () => {
    const box = await sandbox();
    const { body: plans, status: open } = await box.call('GET', '/api/agent/plans', { key: null });
    expect(open).toBe(200);
    for (const [method, path] of [
      ['GET', '/v1/models'],
      ['POST', '/v1/chat/completions'],
      ['POST', '/anthropic/v1/messages'],
    ] as const) {
      const { status, body } = await box.call(method, path, { key: null });
      expect([status, body]).toEqual([402, plans]);
    }
    expect(plans).toMatchObject({
      error: 'Payment Required',
      message: expect.stringContaining('API key'),
      x402: { version: 2, network: 'base', asset: 'USDC', payTo: expect.stringMatching(/^0x[0-9a-f]{40}$/) },
    });
    const products = listAt(plans, 'x402', 'products');
    expect(products.map((product) => [at(product, 'type'), at(product, 'pool')])).toEqual([
      ['subscription', 'kimi26'],
      ['subscription', 'minimax-m3'],
      ['subscription', 'glm5'],
      ['credits', undefined],
    ]);
    expect(products[0]).toEqual({
      type: 'subscription',
      pool: 'kimi26',
      name: 'Kimi K2.6',
      models: ['kimi-k2.6'],
      currency: 'USDC',
      duration: '30 days',
      blocks: [
        { block: 'asia', hoursUtc: '00:00-08:00 UTC', priceUsdc: '39.00', availableSeats: 7 },
        { block: 'europe', hoursUtc: '08:00-16:00 UTC', priceUsdc: '49.00', availableSeats: 8 },
        { block: 'americas', hoursUtc: '16:00-24:00 UTC', priceUsdc: '45.00', availableSeats: 6 },
      ],
      agentCheckout: {
        endpoint: `${box.url}/api/agent/subscribe-pool`,
        method: 'POST',
        body: { txHash: '<USDC_TX_HASH>', poolSlug: 'kimi26', blocks: ['asia'], signature: '<SIGNATURE>' },
      },
    });
    expect(products[3]).toMatchObject({ minAmount: '10.00', agentTopup: { endpoint: `${box.url}/api/agent/topup` } });
  });

  test('is refused if it is invalid or a management key', async () => {
    const box = await sandbox();
    expect(await chat(box, 'sk_live_none')).toEqual(
      refusal(401, 'Invalid API key', 'authentication_error', 'invalid_api_key'),
    );
    const management = "Management keys (mk_) can't be used for inference. Use an API key (sk_).";
    expect(await chat(box, 'mk_sandbox')).toEqual(refusal(401, management, 'authentication_error', 'invalid_api_key'));
    expect(await box.call('GET', '/v1/models')).toEqual(
      refusal(401, management, 'authentication_error', 'invalid_api_key'),
    );
  });

  test('of an ended subscription is refused', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    await box.data('DELETE', '/api/pools/kimi26/pledge');
    expect((await chat(box, apiKey)).status).toBe(200);
    await box.advance(30 * day);
    expect(await chat(box, apiKey)).toEqual(
      refusal(403, 'This key is deactivated because its subscription has ended', 'permission_error', 'key_deactivated'),
    );
  });

  test("of a pool has only that pool's model, and a credit key those of all active pools", async () => {
    const box = await sandbox();
    const pool = await poolKey(box);
    const credit = await creditKey(box);
    const models = async (key: string) => {
      const { body } = await box.call('GET', '/v1/models', { key });
      expect(at(body, 'object')).toBe('list');
      expect(at(body, 'data', 0)).toMatchObject({ object: 'model', owned_by: 'cheapestinference' });
      return listAt(body, 'data').map((model) => at(model, 'id'));
    };
    expect(await models(pool.apiKey)).toEqual(['kimi-k2.6']);
    expect(await models(credit.apiKey)).toEqual(['kimi-k2.6', 'MiniMax-M3', 'glm-5']);
    const other = { ...hello, model: 'MiniMax-M3' };
    expect(await chat(box, pool.apiKey, other)).toEqual(
      refusal(
        404,
        'The model `MiniMax-M3` does not exist or this key has no access to it',
        'invalid_request_error',
        'model_not_found',
      ),
    );
    expect((await chat(box, credit.apiKey, other)).status).toBe(200);
    expect((await chat(box, credit.apiKey, { ...hello, model: 'qwen3.5' })).status).toBe(404);
  });

  test('of a pool works only in its reserved hours', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, ['asia', 'americas']);
    const refused = await chat(box, apiKey);
    expect(refused).toEqual(
      refusal(
        429,
        "Outside this key's reserved hours (asia 00:00–08:00, americas 16:00–24:00 UTC)",
        'rate_limit_error',
        'outside_reserved_hours',
      ),
    );
    expect(refused.headers.get('retry-after')).toBe(String(7 * 3600));
    await box.advance(7 * hour - 1);
    expect((await chat(box, apiKey)).headers.get('retry-after')).toBe('1');
    await box.advance(1); // 16:00
    expect((await chat(box, apiKey)).status).toBe(200);
    await box.advance(16 * hour - 1); // the last millisecond before 08:00
    expect((await chat(box, apiKey)).status).toBe(200);
    await box.advance(1);
    expect((await chat(box, apiKey)).headers.get('retry-after')).toBe(String(8 * 3600));
  });

  test('of a pool gets the start of its hours on the next day', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, ['asia']);
    expect((await chat(box, apiKey)).headers.get('retry-after')).toBe(String(15 * 3600));
  });

  test('of a pool handles one request at a time', async () => {
    const { pause, reached, letGo } = held();
    const box = await sandbox({ pause });
    const { apiKey, subscriptionId } = await poolKey(box);
    const other = await box.data('POST', '/api/keys/subscription', { subscriptionId });
    const streamed = chat(box, apiKey, { ...hello, stream: true });
    await reached;
    expect(await chat(box, apiKey)).toEqual(
      refusal(429, 'This key handles 1 request at a time', 'rate_limit_error', 'concurrency_limit'),
    );
    // Each key has a limit of its own.
    expect((await chat(box, String(at(other, 'apiKey')))).status).toBe(200);
    letGo();
    expect(String((await streamed).body)).toContain('[DONE]');
    expect((await chat(box, apiKey)).status).toBe(200);
  });

  test('is free again after the client of a stream has gone', async () => {
    const { pause, reached } = held();
    const box = await sandbox({ pause });
    const { apiKey } = await poolKey(box);
    const client = new AbortController();
    const response = await fetch(`${box.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ ...hello, stream: true }),
      signal: client.signal,
    });
    await reached;
    expect((await chat(box, apiKey)).status).toBe(429);
    client.abort();
    await expect(response.text()).rejects.toThrow();
    await expect.poll(async () => (await chat(box, apiKey)).status).toBe(200);
  });

  test('for credits streams any number at once', async () => {
    const { pause, reached, letGo } = held();
    const box = await sandbox({ pause });
    const { apiKey } = await creditKey(box);
    const streamed = chat(box, apiKey, { ...hello, stream: true });
    await reached;
    expect((await chat(box, apiKey)).status).toBe(200);
    letGo();
    expect((await streamed).status).toBe(200);
  });

  test('for credits is limited to its requests and tokens per minute', async () => {
    const box = await sandbox();
    const few = await creditKey(box, { rpm: 2 });
    await chat(box, few.apiKey);
    await box.advance(15_000);
    await chat(box, few.apiKey);
    const refused = await chat(box, few.apiKey);
    expect(refused).toEqual(
      refusal(429, 'Rate limit exceeded: 2 requests per minute', 'rate_limit_error', 'rate_limit_exceeded'),
    );
    expect(refused.headers.get('retry-after')).toBe('45');
    await box.advance(45_000);
    expect((await chat(box, few.apiKey)).status).toBe(200);

    const short = await creditKey(box, { tpm: 59 });
    expect((await chat(box, short.apiKey)).status).toBe(200);
    expect(await chat(box, short.apiKey)).toEqual(
      refusal(429, 'Rate limit exceeded: 59 tokens per minute', 'rate_limit_error', 'rate_limit_exceeded'),
    );
  });

  test('for credits stops when its budget or the balance is used up', async () => {
    const box = await sandbox();
    // One request costs 72 millionths of a dollar.
    const { apiKey } = await creditKey(box, { maxBudget: 0.0001 });
    expect((await chat(box, apiKey)).status).toBe(200);
    expect(await chat(box, apiKey)).toEqual(
      refusal(402, "This key's budget is spent", 'insufficient_quota', 'budget_exceeded'),
    );
    const rich = await creditKey(box);
    const long = { ...hello, messages: [{ role: 'user', content: 'x'.repeat(4_000_000) }] };
    // Credit for three such requests.
    await openStore({ folder: box.folder }).run((account) => ({
      account: { ...account, creditMicros: account.creditMicros - 38 * 600_070 },
      result: undefined,
    }));
    for (let count = 0; count < 3; count += 1) expect((await chat(box, rich.apiKey, long)).status).toBe(200);
    expect(await chat(box, rich.apiKey, long)).toEqual(
      refusal(402, 'Insufficient credits: top up to continue', 'insufficient_quota', 'insufficient_credits'),
    );
    expect(at(await box.data('GET', '/api/billing/credits'), 'remaining')).toBe(0.397058);
  }, 60_000);
});

describe('POST /anthropic/v1/messages', () => {
  const greeting = { ...hello, max_tokens: 100 };

  test('responds in the Anthropic format, with either header', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const byHeader = { key: null, headers: { 'x-api-key': apiKey }, body: { ...greeting, system: 'Be brief' } };
    const { status, body } = await box.call('POST', '/anthropic/v1/messages', byHeader);
    expect([status, body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
        type: 'message',
        role: 'assistant',
        model: 'kimi-k2.6',
        content: [{ type: 'text', text: sentence }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: { input_tokens: 4, output_tokens: 28 },
      },
    ]);
    expect((await box.call('POST', '/anthropic/v1/messages', { key: apiKey, body: greeting })).status).toBe(200);
  });

  test.each([
    [{ ...hello }, 400, 'invalid_request_error', 'max_tokens must be a positive integer'],
    [
      { ...greeting, messages: [] },
      400,
      'invalid_request_error',
      'messages must be a non-empty array of {role, content}',
    ],
    [
      { ...greeting, messages: [{ role: 'system', content: 'x' }] },
      400,
      'invalid_request_error',
      'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
    ],
    [
      { ...greeting, messages: [...hello.messages, { role: 'developer', content: 'x' }] },
      400,
      'invalid_request_error',
      'messages must be a non-empty array of {role, content}',
    ],
    [
      { ...greeting, model: 'claude' },
      404,
      'not_found_error',
      'The model `claude` does not exist or this key has no access to it',
    ],
  ])('refuses %j', async (body, status, type, message) => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    expect(await box.call('POST', '/anthropic/v1/messages', { key: apiKey, body })).toMatchObject({
      status,
      body: { type: 'error', error: { type, message } },
    });
  });

  test('refuses keys in its own format', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box, ['asia']);
    const ask = (key: string) => box.call('POST', '/anthropic/v1/messages', { key, body: greeting });
    const error = (status: number, type: string) => ({ status, body: { type: 'error', error: { type } } });
    expect(await ask('sk_live_none')).toMatchObject(error(401, 'authentication_error'));
    expect(await ask('mk_sandbox')).toMatchObject(error(401, 'authentication_error'));
    expect(await ask(apiKey)).toMatchObject(error(429, 'rate_limit_error'));
  });

  test('streams events from message_start to message_stop', async () => {
    const box = await sandbox();
    const { apiKey } = await poolKey(box);
    const { body } = await box.call('POST', '/anthropic/v1/messages', {
      key: apiKey,
      body: { ...greeting, stream: true },
    });
    const types = [...String(body).matchAll(/^event: (\w+)$/gm)].map(([, type]) => type);
    expect(types.filter((type) => type !== 'content_block_delta')).toEqual([
      'message_start',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
  });
});
