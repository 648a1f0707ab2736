import { expect, test } from 'vitest';
import { waitingFor } from '../../src/context/progress.ts';

test.each([
  ['GET', '/api/pools', 'Fetching the pools'],
  ['GET', '/api/pools/kimi26', 'Fetching the pools'],
  ['GET', '/api/pools/kimi26/my-subscriptions', 'Fetching your subscriptions'],
  ['GET', '/api/pools/kimi26/my-keys', 'Fetching your keys'],
  ['GET', '/api/keys', 'Fetching your keys'],
  ['GET', '/api/billing/status', 'Fetching your account'],
  ['GET', '/api/usage/3f6c', 'Fetching the usage'],
  ['GET', '/v1/usage', 'Fetching the usage'],
  ['GET', '/v1/models', 'Waiting for the answer'],
  ['POST', '/api/pools/kimi26/subscribe', 'Waiting for the answer'],
  ['DELETE', '/api/keys/3f6c', 'Waiting for the answer'],
] as const)('during %s %s a person is told "%s"', (method, path, words) => {
  expect(waitingFor(method, path)).toBe(words);
});
