import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { cells, json, sandboxUser, secret, type User, user } from '../support/cli.ts';
import { at, hello, listAt, textAt } from '../support/sandbox.ts';
import { served } from '../support/servers.ts';
import { down, enter, onTerminal } from '../support/terminal.ts';

const sentence =
  'This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';
const messages = [{ role: 'user' as const, content: 'Hello!' }];

/** Creates a key with the commands, and the sandbox in which it works. */
async function mintedKey(me: User) {
  await me.ci('pools subscribe kimi26 --blocks europe --yes');
  const apiKey = (await me.ci('keys create my-app --secret-only')).stdout.trim();
  expect(apiKey).toMatch(secret);
  return { apiKey, ...(await served(me)) };
}

test('gets from the list to a key in five commands in a pipe', async () => {
  const me = sandboxUser();

  const list = await me.ci('pools list');
  expect(list.code).toBe(0);
  expect(list.stdout).toBe(
    [
      'kimi26\tKimi K2.6\tactive\t39.00\tavailable\tavailable\tavailable\t39.00\t49.00\t45.00\n',
      'minimax-m3\tMiniMax M3\tactive\t39.00\tlimited\tavailable\tsold-out\t39.00\t49.00\t45.00\n',
      'glm5\tGLM 5\tactive\t49.00\tavailable\tavailable\tavailable\t49.00\t59.00\t55.00\n',
      'deepseek-v4\tDeepSeek V4\tfunding\t59.00\tavailable\tavailable\tavailable\t59.00\t69.00\t65.00\n',
      'qwen35\tQwen 3.5\tpaused\t29.00\tavailable\tavailable\tavailable\t29.00\t39.00\t35.00\n',
    ].join(''),
  );

  const view = await me.ci('pools view kimi26');
  expect([view.code, Object.fromEntries(cells(view.stdout))]).toMatchObject([
    0,
    {
      slug: 'kimi26',
      id: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
      modelId: 'kimi-k2.6',
      status: 'active',
      totalSlots: '10',
      annualDiscount: '0.15',
      'asia.pricePerMonth': '39.00',
      'europe.pricePerMonth': '49.00',
      'americas.pricePerMonth': '45.00',
      'asia.freeSeats': '7',
      'europe.freeSeats': '8',
      'americas.freeSeats': '6',
    },
  ]);

  const quote = await me.ci('pools quote kimi26 --blocks europe');
  expect([quote.code, Object.fromEntries(cells(quote.stdout))]).toMatchObject([
    0,
    { pool: 'kimi26', blocks: 'europe', monthlyPrice: '49.00', charge: '49.00', exact: 'true' },
  ]);

  const subscribe = await me.ci('pools subscribe kimi26 --blocks europe --yes');
  expect(subscribe.code).toBe(0);
  const [bought = []] = cells(subscribe.stdout);
  expect(bought.slice(1, 5)).toEqual(['kimi26', 'europe', 'active', '49.00']);

  const create = await me.ci('keys create my-app --json');
  expect(create.code).toBe(0);
  expect(json(create)).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: 'my-app',
    apiKey: expect.stringMatching(secret),
  });

  const { state } = await served(me);
  expect(await state()).toMatchObject({
    charges: [{ subscriptionId: bought[0], amount: '49.00', reason: 'subscribe' }],
    keys: [{ name: 'my-app', subscriptionId: bought[0], isActive: true }],
  });
});

test('gets from the list to a key on a terminal, where it confirms the purchase', async () => {
  const me = sandboxUser();

  const list = onTerminal(me, 'pools list', { pty: true });
  await list.shows(/kimi26 +Kimi K2\.6 +active/);
  expect(await list.exit).toBe(0);

  const subscribe = onTerminal(me, 'pools subscribe kimi26 --blocks europe', { pty: true });
  await subscribe.shows('Charge $49.00 now?');
  subscribe.type(`y${enter}`);
  expect(await subscribe.exit).toBe(0);
  expect(subscribe.screen).toContain('Charged $49.00.');

  const create = onTerminal(me, 'keys create my-app', { pty: true });
  expect(await create.exit).toBe(0);
  const [apiKey = ''] = secret.exec(create.screen) ?? [];

  const { state, url } = await served(me);
  expect(listAt(await state(), 'charges')).toMatchObject([{ amount: '49.00' }]);
  expect(await chat(url, apiKey)).toMatchObject({ choices: [{ message: { content: sentence } }] });
});

test('gets a key with the wizard on a pseudo-terminal', async () => {
  const me = user();
  const session = onTerminal(me, 'setup', { pty: true });
  for (const [question, keys] of [
    ['Paste a management key (mk_…), or choose:', `${down}${enter}`],
    ['? Pool:', enter],
    ['? Working hours', `9-17${enter}`],
    ['? Blocks:', enter],
    ['? Seats', enter],
    ['? Billing cycle:', enter],
    ['? Charge $49.00 now?', `y${enter}`],
    ['? Key name:', enter],
    ['? Save the key to:', enter],
  ] as const) {
    await session.shows(question);
    session.type(keys);
  }
  expect(await session.exit).toBe(0);
  const apiKey = textAt(json(await me.process('--sandbox env --format json')), 'CHEAPESTINFERENCE_API_KEY');
  const { url } = await served(me);
  expect(await chat(url, apiKey)).toMatchObject({ choices: [{ message: { content: sentence } }] });
});

test('runs the same commands on a served sandbox, with the key that it prints', async () => {
  const owner = user();
  const serving = owner.start('sandbox serve --port 0 --json');
  const [announced] = await serving.stdout(/^.+\n/);
  const { url, managementKey, folder } = z
    .object({ url: z.string(), managementKey: z.string(), folder: z.string() })
    .parse(JSON.parse(announced));
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(folder).toBe((await owner.ci('sandbox path')).stdout.trim());

  const me = user({ CHEAPESTINFERENCE_API_URL: url, CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey });
  const subscribe = await me.ci('pools subscribe kimi26 --blocks europe,asia --yes --json');
  expect([subscribe.code, subscribe.stderr]).toEqual([0, '']);
  expect(json(subscribe)).toMatchObject({ status: 'active', monthlyPrice: 88, poolSlug: 'kimi26' });
  const { stdout } = await me.ci('keys create my-app --secret-only');
  expect(await chat(url, stdout.trim())).toMatchObject({ choices: [{ message: { content: sentence } }] });
});

test('chats with a new key, in one response and as a stream', async () => {
  const { apiKey, url } = await mintedKey(sandboxUser());
  const answer = await chat(url, apiKey);
  expect(answer).toMatchObject({ object: 'chat.completion', model: 'kimi-k2.6' });
  expect(textAt(answer, 'choices', 0, 'message', 'content')).toBe(sentence);

  const stream = await fetch(`${url}/v1/chat/completions`, request(apiKey, { ...hello, stream: true }));
  const events = (await stream.text()).split('\n\n').filter((event) => event !== '');
  expect(events.at(-1)).toBe('data: [DONE]');
  const chunks = events.slice(0, -1).map((event): unknown => JSON.parse(event.replace(/^data: /, '')));
  expect(chunks.map((chunk) => at(chunk, 'choices', 0, 'delta', 'content') ?? '').join('')).toBe(sentence);
});

test('uses a new key with the openai client, streaming and not', async () => {
  const { apiKey, url } = await mintedKey(sandboxUser());
  const openai = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
  const { choices } = await openai.chat.completions.create({ model: 'kimi-k2.6', messages });
  expect(choices[0]?.message.content).toBe(sentence);

  let text = '';
  for await (const chunk of await openai.chat.completions.create({ model: 'kimi-k2.6', messages, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  expect(text).toBe(sentence);
});

test('uses a new key with the @anthropic-ai/sdk client, streaming and not', async () => {
  const { apiKey, url } = await mintedKey(sandboxUser());
  const anthropic = new Anthropic({ apiKey, baseURL: `${url}/anthropic`, maxRetries: 0 });
  const order = { model: 'kimi-k2.6', max_tokens: 100, messages };
  const { content } = await anthropic.messages.create(order);
  expect(content).toEqual([{ type: 'text', text: sentence }]);
  const streamed = await anthropic.messages.stream(order).finalMessage();
  expect(streamed.content).toMatchObject([{ type: 'text', text: sentence }]);
});

test('refuses a deleted key immediately', async () => {
  const me = sandboxUser();
  const { apiKey, url } = await mintedKey(me);
  expect((await me.ci('keys delete my-app --yes')).code).toBe(0);
  const refused = await fetch(`${url}/v1/chat/completions`, request(apiKey, hello));
  expect(refused.status).toBe(401);
});

async function chat(url: string, apiKey: string): Promise<unknown> {
  const answer = await fetch(`${url}/v1/chat/completions`, request(apiKey, hello));
  return answer.json();
}

function request(apiKey: string, body: object): RequestInit {
  return {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
}
