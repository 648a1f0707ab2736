import { describe, expect, test } from 'vitest';
import { parseWebhook, Webhook } from '../../src/api/webhook.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { answer, serve } from '../support/http-server.ts';
import { reservedPort } from '../support/ports.ts';
import { realTime } from '../support/world.ts';

const secret = 'T0K3N-of-the-webhook';

/** Creates a webhook that records the pauses between attempts instead of waiting. */
function webhookTo(url: URL, interrupt = new AbortController().signal) {
  const waits: number[] = [];
  const webhook = new Webhook(new URL(`/hook/${secret}?key=${secret}`, url), {
    proxies: {},
    userAgent: 'test/1',
    interrupt,
    clock: realTime,
    pause: async (milliseconds) => {
      waits.push(milliseconds);
    },
  });
  return { webhook, waits };
}

describe('the URL of a webhook', () => {
  test.each(['https://hooks.example/x?y=1', 'http://127.0.0.1:8080/x', 'http://localhost/', 'http://[::1]:1/'])(
    'can be %s',
    (text) => {
      expect(parseWebhook(text).href).toBe(text);
    },
  );

  test.each([
    ['hooks.example/x', 'not a valid URL'],
    ['ftp://hooks.example/x', 'not a valid URL'],
    ['', 'not a valid URL'],
    ['http://hooks.example/x', 'hooks.example'],
    ['http://127.0.0.1.example/x', '127.0.0.1.example'],
    [`https://user:${secret}@hooks.example/x`, 'password'],
  ])("can't be %s", (text, named) => {
    expect(() => parseWebhook(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => parseWebhook(text)).toThrow(named);
    expect(() => parseWebhook(text)).not.toThrow(secret);
  });
});

describe('a webhook', () => {
  test('receives the JSON without a key', async () => {
    const server = await serve((response) => answer(response, {}, 204));
    const { webhook, waits } = webhookTo(server.url);
    await webhook.post({ event: 'opened', pool: 'kimi26' });
    await webhook.close();
    expect(server.received).toEqual([
      {
        method: 'POST',
        path: `/hook/${secret}?key=${secret}`,
        headers: expect.objectContaining({ 'content-type': 'application/json', 'user-agent': 'test/1' }),
        body: '{"event":"opened","pool":"kimi26"}',
      },
    ]);
    expect(server.received[0]?.headers).not.toHaveProperty('authorization');
    expect(waits).toEqual([]);
  });

  test('gets it again after a transient failure', async () => {
    const statuses = [500, 429, 408, 200];
    const server = await serve((response, _request, count) => answer(response, {}, statuses[count - 1]));
    const { webhook, waits } = webhookTo(server.url);
    await webhook.post({});
    await webhook.close();
    expect([server.received.length, waits]).toEqual([4, [1000, 4000, 16_000]]);
  });

  test.each([
    [404, 1, 'it returned 404 Not Found'],
    [302, 1, 'it returned 302 Found'],
    [503, 4, 'it returned 503 Service Unavailable'],
  ])('fails with %s after %s attempts, and the error names only the host', async (status, times, reason) => {
    const server = await serve((response) => answer(response, {}, status, { location: 'https://elsewhere.example/' }));
    const { webhook } = webhookTo(server.url);
    const error: unknown = await webhook.post({}).catch((each: unknown) => each);
    await webhook.close();
    expect(server.received).toHaveLength(times);
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toHaveProperty('message', `The webhook at ${server.url.host} couldn't be notified: ${reason}`);
  });

  test("is tried four times if it can't be reached", async () => {
    const port = await reservedPort();
    const { webhook, waits } = webhookTo(new URL(`http://127.0.0.1:${port}`));
    await expect(webhook.post({})).rejects.toThrow(
      `The webhook at 127.0.0.1:${port} couldn't be notified: the connection was refused`,
    );
    expect(waits).toEqual([1000, 4000, 16_000]);
  });

  test('is not retried after the user interrupts the command', async () => {
    const end = new AbortController();
    const server = await serve(() => end.abort(new Error('interrupted')));
    const { webhook, waits } = webhookTo(server.url, end.signal);
    await expect(webhook.post({})).rejects.toThrow('interrupted');
    await webhook.close();
    expect([server.received.length, waits]).toEqual([1, []]);
  });
});
