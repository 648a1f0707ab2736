import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { admit, modelsOf, requireKey } from '../admission.ts';
import { bearerToken } from '../authorization.ts';
import type { Completion } from '../completion.ts';
import { contentText, words } from '../completion.ts';
import { body, checkBody, json, parseBody } from '../reply.ts';
import type { Running } from '../running.ts';
import type { Store } from '../store.ts';
import { eventStream } from '../stream.ts';
import { paymentRequired } from '../x402.ts';

const messagesMessage = 'messages must be a non-empty array of {role, content}';
const maxTokensMessage = 'max_tokens must be a positive integer';
const tokenLimit = z.nullish(z.int(maxTokensMessage).check(z.positive(maxTokensMessage)));

const completionBody = body({
  model: z.string('model must be a string'),
  messages: z
    .array(
      z.looseObject({ role: z.string(messagesMessage), content: z.optional(z.unknown()) }, messagesMessage),
      messagesMessage,
    )
    .check(z.minLength(1, messagesMessage)),
  stream: z.nullish(z.boolean('stream must be true or false')),
  stream_options: z.nullish(z.looseObject({ include_usage: z.nullish(z.boolean()) })),
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
});

/** Routes `GET /v1/models` and `POST /v1/chat/completions`, in OpenAI's format. */
export function openaiRoutes(
  store: Store,
  address: () => string,
  running: Running,
  pause: (milliseconds: number) => Promise<void>,
): Hono {
  const routes = new Hono();

  routes.get('/models', async (context) => {
    const secret = bearerToken(context.req.header('Authorization'));
    if (secret === undefined) return paymentRequired(store, address());
    const models = await store.run((account) => ({ account, result: modelsOf(account, requireKey(account, secret)) }));
    return json({
      object: 'list',
      data: models.map((id) => ({ id, object: 'model', created: 1_767_225_600, owned_by: 'cheapestinference' })),
    });
  });

  routes.post('/chat/completions', async (context) => {
    const secret = bearerToken(context.req.header('Authorization'));
    if (secret === undefined) return paymentRequired(store, address());
    const text = await context.req.text();
    const { others, end } = running.begin(secret);
    let streaming = false;
    try {
      const { order, completion, created } = await store.run((account, now) => {
        const key = requireKey(account, secret);
        const order = checkBody(completionBody, parseBody(text));
        const prompt = {
          model: order.model,
          text: order.messages.map(({ content }) => contentText(content)).join('\n'),
          maxTokens: order.max_completion_tokens ?? order.max_tokens ?? undefined,
        };
        const { account: changed, result } = admit(account, key, prompt, others, now);
        return { account: changed, result: { order, completion: result, created: Math.floor(now / 1000) } };
      });
      const head = { id: `chatcmpl-${randomUUID()}`, created, model: order.model };
      if (order.stream !== true) return json(whole(head, completion));
      streaming = true;
      return eventStream(chunks(head, completion, order.stream_options?.include_usage === true), pause, end);
    } finally {
      if (!streaming) end();
    }
  });

  return routes;
}

interface Head {
  id: string;
  created: number;
  model: string;
}

function whole({ id, created, model }: Head, completion: Completion) {
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: completion.text, refusal: null },
        logprobs: null,
        finish_reason: finishReason(completion),
      },
    ],
    usage: usage(completion),
  };
}

function chunks({ id, created, model }: Head, completion: Completion, includeUsage: boolean): string[] {
  const event = (choices: object[], used: object | null) => {
    const chunk = { id, object: 'chat.completion.chunk', created, model, choices };
    return `data: ${JSON.stringify(includeUsage ? { ...chunk, usage: used } : chunk)}\n\n`;
  };
  const choice = (delta: object, finish_reason: string | null) => ({ index: 0, delta, logprobs: null, finish_reason });
  return [
    event([choice({ role: 'assistant', content: '' }, null)], null),
    ...words(completion.text).map((word) => event([choice({ content: word }, null)], null)),
    event([choice({}, finishReason(completion))], null),
    ...(includeUsage ? [event([], usage(completion))] : []),
    'data: [DONE]\n\n',
  ];
}

function finishReason({ cut }: Completion): 'stop' | 'length' {
  return cut ? 'length' : 'stop';
}

function usage({ promptTokens, completionTokens }: Completion) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
