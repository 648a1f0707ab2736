import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { seat, secretOf, startGateway, token } from '../support/gateway.ts';
import { type Call, standIn } from '../support/raw-http.ts';
import { hello, poolKey, sandbox } from '../support/sandbox.ts';

const model = 'm';
const text = 'Grüße 👩‍💻, “quoted” \u2028 and\ttabs\n';
const messages = [{ role: 'user' as const, content: text }];
const parameters = { type: 'object' as const, properties: { city: { type: 'string' } } };

const usage = {
  prompt_tokens: 11,
  completion_tokens: 22,
  total_tokens: 33,
  prompt_tokens_details: { cached_tokens: 5 },
  odd_detail: [1.5, null],
};
const toolCalls = [
  { index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
  { index: 1, id: 'call_2', type: 'function', function: { name: 'weather', arguments: '{"city":"東京"}' } },
];
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_776_157_200,
  model,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: text, refusal: null, tool_calls: toolCalls, reasoning_content: 'Hm …' },
      logprobs: null,
      finish_reason: 'tool_calls',
    },
  ],
  usage,
  system_fingerprint: 'fp',
};

/** Returns a chunk of a stream of OpenAI's format. */
function chunk(delta: object, more: object = {}): string {
  const choices = [{ index: 0, delta, finish_reason: null, ...more }];
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices })}\n\n`;
}

const openaiStream = [
  ': a comment\n\n',
  chunk({ role: 'assistant', content: '' }),
  ...Array.from(text, (each) => chunk({ content: each })),
  chunk({ reasoning_content: 'Hm …' }),
  ...toolCalls.flatMap(({ index, id, type, function: { name, arguments: all } }) => [
    chunk({ tool_calls: [{ index, id, type, function: { name, arguments: '' } }] }),
    ...Array.from(all, (each) => chunk({ tool_calls: [{ index, function: { arguments: each } }] })),
  ]),
  chunk({}, { finish_reason: 'tool_calls' }),
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [], usage })}\r\n\r\n`,
  'data: [DONE]\n\n',
].join('');

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model,
  content: [
    { type: 'thinking', thinking: 'Hm …', signature: 'c2ln' },
    { type: 'text', text },
    { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Köln' } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 11, output_tokens: 22, cache_read_input_tokens: 5 },
};

/** Returns an event of a stream of Anthropic's format. */
function event(type: string, more: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
}

const anthropicStream = [
  event('message_start', {
    message: { ...message, content: [], stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } },
  }),
  event('ping', {}),
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  event('a_new_type', { odd: true }),
  ...Array.from(text, (each) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: each } })),
  event('content_block_stop', { index: 0 }),
  event('content_block_start', {
    index: 1,
    content_block: { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} },
  }),
  ...Array.from('{"city":"東京"}', (each) =>
    event('content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: each } }),
  ),
  event('content_block_stop', { index: 1 }),
  event('message_delta', { delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 22 } }),
  event('message_stop', {}),
].join('');

const json = ['Content-Type: application/json', 'X-Request-Id: req_1', 'Request-Id: req_1', 'X-RateLimit-Remaining: 3'];

/** Sends a stream in chunks that split characters and lines. */
function stream(call: Call, events: string): void {
  call.write(
    `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-Request-Id: req_1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const bytes = Buffer.from(events);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size % 7) + 1) {
    const part = bytes.subarray(at, at + size);
    call.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
  }
  call.write('0\r\n\r\n');
}

/** Answers like an API. A model such as `status-400` asks for an error. */
async function respond(call: Call): Promise<void> {
  const body = (await call.body()).toString();
  const asked: { model?: string; stream?: boolean } = body === '' ? {} : JSON.parse(body);
  const isAnthropic = call.path.startsWith('/anthropic/');
  const status = Number(/^status-(\d+)$/.exec(asked.model ?? '')?.[1] ?? 200);
  if (status !== 200) {
    const error = { type: 'odd_error', message: `Größe ${status}`, param: 'model', code: 'odd_code', more: [1] };
    call.answer(status, JSON.stringify(isAnthropic ? { type: 'error', error, request_id: 'req_1' } : { error }), json);
  } else if (asked.model === 'page') call.answer(500, '<h1>nginx</h1>', ['Content-Type: text/html']);
  else if (asked.model === 'nothing') call.answer(502, '');
  else if (asked.stream) stream(call, isAnthropic ? anthropicStream : openaiStream);
  else if (call.path.endsWith('/count_tokens')) call.answer(200, '{"input_tokens":7}', json);
  else if (call.path === '/v1/embeddings')
    call.answer(
      200,
      '{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}],"usage":{"prompt_tokens":1,"total_tokens":1}}',
      json,
    );
  else call.answer(200, JSON.stringify(isAnthropic ? message : completion), json);
}

/** Describes the error of a client. */
async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof OpenAI.APIError) && !(error instanceof Anthropic.APIError)) throw error;
    const { name, status, message: what } = error;
    return {
      name,
      class: error.constructor.name,
      status,
      what,
      type: error.type,
      error: error.error,
      ...('code' in error && { code: error.code, param: error.param }),
    };
  }
  throw new Error('it did not fail');
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of items) list.push(each);
  return list;
}

type Scenario<Client> = readonly [name: string, run: (client: Client) => Promise<unknown>];

const statuses = [400, 402, 403, 404, 409, 413, 422, 500, 503];
const failing = [...statuses.map((status) => `status-${status}`), 'page', 'nothing'];
const openaiTools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];

const openaiScenarios: readonly Scenario<OpenAI>[] = [
  ['a completion with tools', (client) => client.chat.completions.create({ model, messages, tools: openaiTools })],
  [
    'the headers of an answer',
    async (client) => {
      const { response, request_id } = await client.chat.completions.create({ model, messages }).withResponse();
      return [
        request_id,
        response.status,
        ...['content-type', 'x-request-id', 'x-ratelimit-remaining'].map((each) => response.headers.get(each)),
      ];
    },
  ],
  [
    'a stream with tools',
    async (client) =>
      listOf(await client.chat.completions.create({ model, messages, tools: openaiTools, stream: true })),
  ],
  [
    'a stream as a whole',
    (client) =>
      client.chat.completions
        .stream({ model, messages, stream_options: { include_usage: true } })
        .finalChatCompletion(),
  ],
  ['embeddings', (client) => client.embeddings.create({ model, input: text })],
  ...failing.map(
    (each): Scenario<OpenAI> => [
      `the error ${each}`,
      (client) => failureOf(client.chat.completions.create({ model: each, messages })),
    ],
  ),
  [
    'the error of a stream',
    (client) => failureOf(client.chat.completions.create({ model: 'status-400', messages, stream: true })),
  ],
];

const order = { model, max_tokens: 100, messages };
const anthropicTools = [{ name: 'weather', input_schema: parameters }];

const anthropicScenarios: readonly Scenario<Anthropic>[] = [
  ['a message with tools', (client) => client.messages.create({ ...order, tools: anthropicTools })],
  [
    'a stream with tools',
    async (client) => listOf(await client.messages.create({ ...order, tools: anthropicTools, stream: true })),
  ],
  ['a stream as a whole', (client) => client.messages.stream({ ...order, tools: anthropicTools }).finalMessage()],
  ['a count of tokens', (client) => client.messages.countTokens({ model, messages })],
  ...failing.map(
    (each): Scenario<Anthropic> => [
      `the error ${each}`,
      (client) => failureOf(client.messages.create({ ...order, model: each })),
    ],
  ),
  [
    'the error of a stream',
    (client) => failureOf(client.messages.stream({ ...order, model: 'status-404' }).finalMessage()),
  ],
];

describe('the openai client gets the same as directly:', () => {
  test.each(openaiScenarios)('%s', async (_name, run) => {
    const api = await standIn(respond);
    const gateway = await startGateway(api.url, { seats: [seat(0, { models: undefined })] });
    const direct = await run(new OpenAI({ apiKey: secretOf(0), baseURL: `${api.url}/v1`, maxRetries: 0 }));
    const through = await run(new OpenAI({ apiKey: token, baseURL: `${gateway.url}/v1`, maxRetries: 0 }));
    expect(through).toEqual(direct);
    const [one, other] = api.calls;
    expect(await other?.body()).toEqual(await one?.body());
    expect(api.calls).toHaveLength(2);
  });

  test('the error of a wrong key', async () => {
    const api = await standIn(respond);
    const gateway = await startGateway(api.url);
    const client = new OpenAI({ apiKey: 'gw_wrong', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      name: 'Error',
      status: 401,
      code: 'invalid_api_key',
      type: 'authentication_error',
    });
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    expect(api.calls).toEqual([]);
  });

  test('the models of all seats', async () => {
    const api = await standIn(respond);
    const listed = (id: string) => ({ models: new Set([id]), listed: [{ id, object: 'model', owned_by: id }] });
    const gateway = await startGateway(api.url, {
      seats: [seat(0, listed('a')), seat(1, listed('b')), seat(2, listed('a'))],
    });
    const client = new OpenAI({ apiKey: token, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    expect((await client.models.list()).data).toEqual(['a', 'b'].map((id) => ({ id, object: 'model', owned_by: id })));
    await expect(client.chat.completions.create({ model: 'c', messages })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    expect(api.calls).toEqual([]);
  });

  test('the end of a stream that it stops', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = new OpenAI({ apiKey: token, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const streaming = client.chat.completions.create({ model, messages, stream: true });
    const call = await api.next();
    const events = chunk({ content: 'one' });
    call.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${events}`);
    for await (const each of await streaming) {
      expect(each.choices[0]?.delta.content).toBe('one');
      break;
    }
    await call.closed;
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, complete: false }]);
  });
});

describe('the @anthropic-ai/sdk client gets the same as directly:', () => {
  test.each(anthropicScenarios)('%s', async (_name, run) => {
    const api = await standIn(respond);
    const gateway = await startGateway(api.url, { seats: [seat(0, { models: undefined })] });
    const direct = await run(new Anthropic({ apiKey: secretOf(0), baseURL: `${api.url}/anthropic`, maxRetries: 0 }));
    const through = await run(new Anthropic({ apiKey: token, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 }));
    expect(through).toEqual(direct);
    // Brings the seat back if it was set aside.
    await gateway.advance(3_600_000);
    const withToken = new Anthropic({
      apiKey: null,
      authToken: token,
      baseURL: `${gateway.url}/anthropic`,
      maxRetries: 0,
    });
    expect(await run(withToken)).toEqual(direct);
    expect(api.calls.map(({ secret }) => secret)).toEqual(Array.from({ length: 3 }, () => secretOf(0)));
  });

  test('the error of a wrong key', async () => {
    const api = await standIn(respond);
    const gateway = await startGateway(api.url);
    const client = new Anthropic({ apiKey: 'gw_wrong', baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
    const refused = client.messages.create(order);
    await expect(refused).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    await expect(refused).rejects.toMatchObject({ status: 401, type: 'authentication_error' });
    expect(api.calls).toEqual([]);
  });
});

test('clients that send many requests at once with one key get no 429 from the sandbox', async () => {
  const box = await sandbox();
  const { apiKey } = await poolKey(box, ['europe']);
  const gateway = await startGateway(box.url, { seats: [seat(0, { secret: apiKey, models: undefined })] });
  const openai = new OpenAI({ apiKey: token, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: token, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
  const asked = { model: hello.model, messages: [{ role: 'user' as const, content: 'Hello!' }] };
  const run = async () => {
    const whole = await openai.chat.completions.create(asked);
    const parts = await listOf(
      await openai.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } }),
    );
    const { content } = await anthropic.messages.create({ ...asked, max_tokens: 100 });
    const final = await anthropic.messages.stream({ ...asked, max_tokens: 100 }).finalMessage();
    return [
      whole.choices[0]?.message.content,
      parts.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
      ...[content, final.content].map(([first]) => (first?.type === 'text' ? first.text : undefined)),
    ];
  };
  const sentence = `This is the CheapestInference sandbox, answering instead of ${hello.model}. Your key and your request are correct.`;
  const results = await Promise.all(Array.from({ length: 25 }, run));
  expect(results.flat()).toEqual(Array.from({ length: 100 }, () => sentence));
  const records = await gateway.ended(100);
  // A request that the API refuses is sent again.
  expect(records.map(({ status, attempts }) => [status, attempts])).toEqual(
    Array.from({ length: 100 }, () => [200, 1]),
  );
  expect(records.every(({ promptTokens, completionTokens }) => promptTokens && completionTokens)).toBe(true);
});
