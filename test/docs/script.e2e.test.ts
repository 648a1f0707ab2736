import path from 'node:path';
import { expect, test } from 'vitest';
import { managementKey, user } from '../support/cli.ts';
import { needs } from '../support/programs.ts';
import { at, textAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

const script = path.join(import.meta.dirname, '../support/management-api.sh');

test("gets a completion with the requests of the Management API document's closing example", async (context) => {
  needs(context, 'bash', 'curl', 'jq');
  const api = await recordedSandbox();
  const env = { API_HOST: api.url, MANAGEMENT_KEY: managementKey };
  const { code, stdout } = await user().sh(`exec bash '${script}'`, { env });
  expect(code).toBe(0);
  const completion: unknown = JSON.parse(stdout);
  expect(textAt(completion, 'choices', 0, 'message', 'content')).toMatch(/kimi-k2\.6/);
  expect(at(completion, 'object')).toBe('chat.completion');

  const account = await api.box.seen();
  const subscriptionId = textAt(account, 'subscriptions', 0, 'id');
  expect(account).toMatchObject({ charges: [{ amount: '49.00' }], keys: [{ name: 'my-app', subscriptionId }] });
  expect(api.requests).toEqual([
    'GET /api/pools',
    'POST /api/pools/kimi26/subscribe',
    'GET /api/billing/status',
    'POST /api/keys/subscription',
    'POST /v1/chat/completions',
  ]);
  expect(api.received.map(({ body }) => (body === '' ? undefined : JSON.parse(body)))).toEqual([
    undefined,
    { blocks: ['europe'], quantity: 1, billingCycle: 'month' },
    undefined,
    { name: 'my-app', subscriptionId },
    { model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] },
  ]);
  expect(api.received.slice(0, 4).map(({ headers }) => headers.authorization)).toEqual(
    Array(4).fill(`Bearer ${managementKey}`),
  );
  expect(api.received[4]?.headers.authorization).toMatch(/^Bearer sk_/);
});
