import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { admit, requireKey } from '../admission.ts';
import { bearerToken } from '../authorization.ts';
import type { Completion } from '../completion.ts';
import { contentText, words } from '../completion.ts';
import { body, checkBody, json, parseBody } from '../reply.ts';
import type { Running } from '../running.ts';
import type { Store } from '../store.ts';
import { eventStream } from '../stream.ts';
import { paymentRequired } from '../x402.ts';

const messagesMessage = 'messages must be a non-empty array of {role, content}';
/** Claude Code sends such messages to models that it doesn't know, and sends them in another way after Anthropic's error. */
const roleMessage = ({ input }: { readonly input?: unknown }) =>
  input === 'system'
    ? 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'
    : messagesMessage;
const maxTokensMessage = 'max_tokens must be a positive integer';

const messageBody = body({
  model: z.string('model must be a string'),
  max_tokens: z.int(maxTokensMessage).check(z.positive(maxTokensMessage)),
  messages: z
    .array(
      z.looseObject(
        { role: z.enum(['user', 'assistant'], { error: roleMessage }), content: z.unknown() },
        messagesMessage,
      ),
      messagesMessage,
    )
    .check(z.minLength(1, messagesMessage)),
  system: z.optional(z.unknown()),
  stream: z.optional(z.boolean('stream must be true or false')),
});

/** Routes `POST /anthropic/v1/messages`, in Anthropic's format. */
export function anthropicRoutes(
  store: Store,
  address: () => string,
  running: Running,
  pause: (milliseconds: number) => Promise<void>,
): Hono {
  const routes = new Hono();

  routes.post('/messages', async (context) => {
    const secret = context.req.header('x-api-key') ?? bearerToken(context.req.header('Authorization'));
    if (secret === undefined) return paymentRequired(store, address());
    const text = await context.req.text();
    const { others, end } = running.begin(secret);
    let streaming = false;
    try {
      const { order, completion } = await store.run((account, now) => {
        const key = requireKey(account, secret);
        const order = checkBody(messageBody, parseBody(text));
        const prompt = {
          model: order.model,
          text: [order.system, ...order.messages.map(({ content }) => content)].map(contentText).join('\n'),
          maxTokens: order.max_tokens,
        };
        const { account: changed, result } = admit(account, key, prompt, others, now);
        return { account: changed, result: { order, completion: result } };
      });
      const id = `msg_${randomUUID().replaceAll('-', '')}`;
      if (order.stream !== true) return json(whole(id, order.model, completion));
      streaming = true;
      return eventStream(events(id, order.model, completion), pause, end);
    } finally {
      if (!streaming) end();
    }
  });

  return routes;
}

function whole(id: string, model: string, completion: Completion) {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: completion.text }],
    stop_reason: stopReason(completion),
    stop_sequence: null,
    usage: { input_tokens: completion.promptTokens, output_tokens: completion.completionTokens },
  };
}

function events(id: string, model: string, completion: Completion): string[] {
  const begun = {
    ...whole(id, model, completion),
    content: [],
    stop_reason: null,
    usage: { input_tokens: completion.promptTokens, output_tokens: 1 },
  };
  return [
    event('message_start', { message: begun }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...words(completion.text).map((text) =>
      event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
    ),
    event('content_block_stop', { index: 0 }),
    event('message_delta', {
      delta: { stop_reason: stopReason(completion), stop_sequence: null },
      usage: { output_tokens: completion.completionTokens },
    }),
    event('message_stop', {}),
  ];
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

function stopReason({ cut }: Completion): 'end_turn' | 'max_tokens' {
  return cut ? 'max_tokens' : 'end_turn';
}
