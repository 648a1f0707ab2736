import { expect, test } from 'vitest';
import { paymentOfferIn } from '../../src/api/x402.ts';
import { always, apiOf, serve } from '../support/http-server.ts';

const contract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const payTo = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const usdcOnBase = { network: 'base', asset: 'USDC', payTo };

test.each([
  ['today', { error: 'Payment Required', x402: { version: 2, ...usdcOnBase, products: [] } }, usdcOnBase],
  ['nested, version 1', { x402: { version: 1, accepts: [{ scheme: 'exact', ...usdcOnBase }] } }, usdcOnBase],
  ['at the top', { x402Version: 1, accepts: [{ network: 'base', asset: contract, payTo }] }, usdcOnBase],
  ['without anything to accept', { x402Version: 1, accepts: [] }, undefined],
  ['without a catalog', { error: 'Insufficient credits' }, undefined],
  ['a text', 'Payment Required', undefined],
])('reads the catalog of a 402 response: %s', (_form, body, offer) => {
  expect(paymentOfferIn(body)).toEqual(offer);
});

test.each([
  [{ error: 'Payment Required', message: 'Buy something to get a key.', x402: { version: 2, ...usdcOnBase } }],
  [{ x402Version: 1, error: 'Buy something to get a key.', accepts: [{ ...usdcOnBase, asset: contract }] }],
])('says how to pay after the 402 response %j', async (body) => {
  const { url } = await serve(always(body, 402));
  await expect(apiOf(url).inference.models()).rejects.toMatchObject({
    code: 'payment_required',
    message: 'Buy something to get a key.',
    hint: 'Set CHEAPESTINFERENCE_API_KEY to an API key, or pay with USDC on Base: `ci api GET /api/agent/plans` shows the prices.',
  });
});

test('says nothing about paying when a 402 response offers nothing', async () => {
  const { url } = await serve(always({ error: 'Insufficient credits' }, 402));
  await expect(apiOf(url).inference.models()).rejects.toMatchObject({
    message: 'Insufficient credits',
    hint: undefined,
  });
});
