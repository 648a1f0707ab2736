import { randomUUID } from 'node:crypto';
import { ask } from './http.ts';
import { at, listAt, textAt } from './sandbox.ts';
import type { Instead } from './servers.ts';

/** Answers `/v1/responses` with what the sandbox answers in `/v1/chat/completions`, as a stream of events. */
export const responses: Instead = ({ method, path }, box) => {
  if (method !== 'POST' || path !== '/v1/responses') return undefined;
  return async ({ headers, body }, response) => {
    const request: unknown = JSON.parse(body);
    const model = at(request, 'model');
    if (model === undefined) {
      const error = { message: "Missing required parameter: 'model'.", type: 'invalid_request_error' };
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    const completion = await ask(`${box.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: headers.authorization ?? '', 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: promptOf(request) }] }),
    });
    if (completion.status !== 200) {
      response.writeHead(completion.status, { 'content-type': 'application/json' }).end(completion.text);
      return;
    }
    const text = textAt(JSON.parse(completion.text), 'choices', 0, 'message', 'content');
    const [id, itemId] = [`resp_${randomUUID()}`, `msg_${randomUUID()}`];
    const part = { type: 'output_text', text, annotations: [] };
    const item = { id: itemId, type: 'message', role: 'assistant', status: 'completed', content: [part] };
    const usage = { input_tokens: 10, output_tokens: 20, total_tokens: 30 };
    const place = { item_id: itemId, output_index: 0, content_index: 0 };
    const whole = {
      id,
      object: 'response',
      created_at: 1_776_157_200,
      model,
      status: 'completed',
      output: [item],
      usage,
    };
    if (at(request, 'stream') !== true) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(whole));
      return;
    }
    const events = [
      { type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
      { type: 'response.output_text.delta', ...place, delta: text },
      { type: 'response.output_text.done', ...place, text },
      { type: 'response.content_part.done', ...place, part },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: whole },
    ].map(
      (event, number) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: number })}\n\n`,
    );
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''));
  };
};

/** Returns the text of a prompt, which is one text or a list of items. */
function promptOf(request: unknown): string {
  const input = at(request, 'input');
  if (typeof input === 'string') return input;
  return listAt(input)
    .filter((item) => at(item, 'type') === 'message')
    .flatMap((item) => listAt(item, 'content').map((part) => at(part, 'text')))
    .filter((text) => typeof text === 'string')
    .join('\n');
}
