import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenCounter, type Tokens, tokensIn } from '../../src/gateway/token-counter.ts';

/** Counts the tokens of an answer that arrives in chunks of a size. */
async function counted(answer: string | Buffer, encoding?: string, size = 1000): Promise<Tokens | undefined> {
  const counter = new TokenCounter(encoding);
  const bytes = Buffer.from(answer);
  for (let at = 0; at < bytes.length; at += size) counter.add(bytes.subarray(at, at + size));
  const tokens = await counter.tokens();
  counter.close();
  return tokens;
}

const events = (...data: readonly unknown[]) => data.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('');

const openai = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: {
    prompt_tokens: 11,
    completion_tokens: 22,
    total_tokens: 33,
    prompt_tokens_details: { cached_tokens: 5 },
  },
});
const openaiChunk = (content: string) => ({
  object: 'chat.completion.chunk',
  choices: [{ delta: { content } }],
  usage: null,
});
const openaiStream = `${events(openaiChunk('Hel'), ...Array.from({ length: 2000 }, () => openaiChunk('lo')), {
  object: 'chat.completion.chunk',
  choices: [],
  usage: { prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 },
})}data: [DONE]\n\n`;
const anthropic = JSON.stringify({
  type: 'message',
  content: [{ type: 'text', text: 'Hello' }],
  usage: { input_tokens: 5, cache_creation_input_tokens: 4, cache_read_input_tokens: 2, output_tokens: 22 },
});
const anthropicStream = [
  { type: 'message_start', message: { content: [], usage: { input_tokens: 11, output_tokens: 1 } } },
  ...Array.from({ length: 2000 }, () => ({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'lo' } })),
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 22 } },
  { type: 'message_stop' },
]
  .map((event) => `event: ${event.type}\n${events(event)}`)
  .join('');
const responses = {
  object: 'response',
  status: 'completed',
  output: [],
  usage: {
    input_tokens: 11,
    input_tokens_details: { cached_tokens: 3 },
    output_tokens: 22,
    output_tokens_details: { reasoning_tokens: 9 },
    total_tokens: 33,
  },
};
const answers = [
  ['an answer of OpenAI', openai],
  ['an answer of OpenAI with spaces', JSON.stringify(JSON.parse(openai), undefined, 2)],
  ['a stream of OpenAI', openaiStream],
  ['an answer of Anthropic', anthropic],
  ['a stream of Anthropic', anthropicStream],
  ['an answer of the Responses API', JSON.stringify(responses)],
  [
    'a stream of the Responses API',
    events(
      { type: 'response.created', response: { usage: null } },
      { type: 'response.completed', response: responses },
    ),
  ],
] as const;
const encodings = [
  [undefined, (text: string) => Buffer.from(text)],
  ['identity', (text: string) => Buffer.from(text)],
  ['gzip', (text: string) => gzipSync(text)],
  ['X-GZIP', (text: string) => gzipSync(text)],
  ['deflate', (text: string) => deflateSync(text)],
  ['br', (text: string) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
] as const;

describe.each(answers)('the tokens of %s', (_what, answer) => {
  test.each(encodings)('are counted with the encoding %s', async (encoding, encode) => {
    expect(await counted(encode(answer), encoding)).toEqual({ prompt: 11, completion: 22 });
  });

  test('are counted wherever it is divided', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (size) => {
        expect(await counted(answer, undefined, size)).toEqual({ prompt: 11, completion: 22 });
      }),
      { numRuns: 20 },
    );
  });
});

describe('no tokens are counted', () => {
  test.each([
    ['an answer without them', '{"choices":[]}'],
    ['an empty answer', ''],
    ['usage that is null', '{"usage":null}'],
    ['usage without tokens', '{"usage":{"cost":1}}'],
    ['usage with texts', '{"usage":{"prompt_tokens":"1","completion_tokens":null}}'],
    ["usage that isn't complete", '{"usage":{"prompt_tokens":11'],
    ["usage that isn't JSON", '{"usage":{prompt_tokens:11}}'],
    ['text that names them', JSON.stringify({ content: openai })],
    ['a stream whose text names them', events(openaiChunk(openai), openaiChunk(JSON.stringify({ a: openai })))],
    [
      'arguments of a tool that name them',
      JSON.stringify({ arguments: JSON.stringify({ a: JSON.stringify(openai) }) }),
    ],
  ])('in %s', async (_what, answer) => {
    expect(await counted(answer)).toBeUndefined();
  });

  test.each(['zstd', 'gzip, br', '', 'constructor', '__proto__', 'toString'])(
    'with the encoding %j',
    async (encoding) => {
      expect(await counted(openai, encoding)).toBeUndefined();
    },
  );

  test('in gzip that is corrupt or incomplete', async () => {
    const bytes = gzipSync(openai);
    expect(await counted(bytes.subarray(0, -12), 'gzip')).toBeUndefined();
    expect(await counted(openai, 'gzip')).toBeUndefined();
    for (const size of [1, 1000]) {
      for (let at = 0; at < 30; at++) {
        const corrupt = Buffer.from(bytes);
        corrupt.fill(0xff, at + 10);
        expect(await counted(corrupt, 'gzip', size)).toBeUndefined();
      }
    }
  });

  test('after the answer was forgotten', async () => {
    for (const encoding of [undefined, 'gzip']) {
      const counter = new TokenCounter(encoding);
      counter.add(Buffer.from(openai));
      counter.close();
      counter.close();
      counter.add(Buffer.from(openai));
      expect(await counter.tokens()).toBeUndefined();
    }
  });
});

test('counts the text that has them beside the text that names them', async () => {
  const answer = JSON.stringify({ content: '"usage":{"prompt_tokens":999}', ...JSON.parse(openai) });
  expect(await counted(answer)).toEqual({ prompt: 11, completion: 22 });
});

test('counts nothing that can be no number of tokens', () => {
  expect(tokensIn('{"usage":{"prompt_tokens":1e999,"completion_tokens":2}}')).toEqual({ prompt: 0, completion: 2 });
  expect(tokensIn('{"usage":{"prompt_tokens":1e308,"completion_tokens":1.5}}')).toBe(undefined);
});

test('counts nothing below 0', () => {
  expect(tokensIn('{"usage":{"prompt_tokens":-5,"completion_tokens":3}}')).toEqual({ prompt: 0, completion: 3 });
});

test('takes the largest numbers of a stream', () => {
  const text = events(
    { usage: { input_tokens: 7, output_tokens: 9 } },
    { usage: { input_tokens: 8, output_tokens: 2 } },
  );
  expect(tokensIn(text)).toEqual({ prompt: 8, completion: 9 });
});

test('finds them at the end of a long answer', async () => {
  const long = { content: 'x'.repeat(2_000_000), ...JSON.parse(openai) };
  expect(await counted(JSON.stringify(long), undefined, 65_536)).toEqual({ prompt: 11, completion: 22 });
  expect(await counted(gzipSync(JSON.stringify(long)), 'gzip')).toEqual({ prompt: 11, completion: 22 });
});

test('keeps little of an answer that grows a thousand times when it is decompressed', async () => {
  const zip = createGzip({ level: 9 });
  const chunks: Buffer[] = [];
  zip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => zip.once('end', resolve));
  const block = Buffer.alloc(1024 * 1024, 'x');
  for (let written = 0; written < 300; written++) zip.write(block);
  zip.end();
  await ended;
  const counter = new TokenCounter('gzip');
  const before = process.memoryUsage();
  let most = 0;
  for (const chunk of chunks) {
    counter.add(chunk);
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
  }
  expect(await counter.tokens()).toBeUndefined();
  expect(most).toBeLessThan(64 * 1024 * 1024);
});
