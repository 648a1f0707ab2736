import { expect, test } from 'vitest';
import { waitingFor } from '../../src/context/progress.ts';

test.each([
  ['GET', '/api/pools', 'Fetching pools'],
  ['GET', '/api/pools/kimi26', 'Fetching pools'],
  ['GET', '/api/pools/kimi26/my-subscriptions', 'Fetching your subscriptions'],
  ['GET', '/api/pools/kimi26/my-keys', 'Fetching your keys'],
  ['GET', '/api/keys', 'Fetching your keys'],
  ['GET', '/api/billing/status', 'Fetching your account'],
  ['GET', '/api/usage/3f6c', 'Fetching usage'],
  ['GET', '/v1/usage', 'Fetching usage'],
  ['GET', '/v1/models', 'Waiting for the response'],
  ['POST', '/api/pools/kimi26/subscribe', 'Waiting for the response'],
  ['DELETE', '/api/keys/3f6c', 'Waiting for the response'],
] as const)('shows progress during %s %s: "%s"', (method, path, words) => {
  expect(waitingFor(method, path)).toBe(words);
});
