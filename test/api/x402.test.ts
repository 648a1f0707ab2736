import { expect, test } from 'vitest';
import { paymentOfferIn } from '../../src/api/x402.ts';
import { always, apiOf, serve } from '../support/http-server.ts';

const contract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const payTo = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const usdcOnBase = { network: 'base', asset: 'USDC', payTo };

const products = [{ type: 'credits', minAmount: '10.00' }];
const sold = { ...usdcOnBase, products };
const listsNothing = { ...usdcOnBase, products: undefined };
const daiOnBase = { network: 'base', asset: 'DAI', payTo: `0x${'d'.repeat(40)}` };

test.each([
  ['today', { error: 'Payment Required', x402: { version: 2, ...sold } }, sold],
  ['today, at the top', { version: 2, ...sold }, sold],
  ['with nothing to buy', { x402: { version: 2, ...usdcOnBase, products: [] } }, { ...usdcOnBase, products: [] }],
  ['without products', { x402: { version: 2, ...usdcOnBase } }, listsNothing],
  ['with products in another shape', { x402: { version: 2, ...usdcOnBase, products: { 0: {} } } }, listsNothing],
  ['nested, version 1', { x402: { version: 1, accepts: [{ scheme: 'exact', ...usdcOnBase }] } }, listsNothing],
  [
    'nested, version 1, with products',
    { x402: { version: 1, accepts: [{ ...usdcOnBase, extra: { products } }] } },
    sold,
  ],
  ['version 1', { x402Version: 1, accepts: [{ network: 'base', asset: contract, payTo }] }, listsNothing],
  ['version 1, with products', { x402Version: 1, accepts: [{ ...usdcOnBase, products }] }, sold],
  ['version 1, with products beside', { x402Version: 1, accepts: [usdcOnBase], products }, sold],
  ['version 1, with two ways to pay', { x402Version: 1, accepts: [daiOnBase, { ...usdcOnBase, products }] }, sold],
  ['version 1, in another token', { x402Version: 1, accepts: [daiOnBase] }, { ...daiOnBase, products: undefined }],
  ['with the CAIP-2 name of Base', { x402: { ...sold, network: 'eip155:8453' } }, { ...sold, network: 'eip155:8453' }],
  ['without anything to accept', { x402Version: 1, accepts: [] }, undefined],
  ['with odd ways to pay', { x402Version: 1, accepts: [null, 'base', 7, [], { network: 'base' }] }, undefined],
  ['without an address', { x402: { ...sold, payTo: undefined } }, undefined],
  ['with an address that is a number', { x402: { ...sold, payTo: 7 } }, undefined],
  ['with a list of tokens', { x402: { ...sold, asset: ['USDC'] } }, undefined],
  ['with null for a catalog', { x402: null }, undefined],
  ['with a text for a catalog', { x402: 'USDC' }, undefined],
  ['without a catalog', { error: 'Insufficient credits' }, undefined],
  ['a list', [sold], undefined],
  ['a text', 'Payment Required', undefined],
  ['nothing', undefined, undefined],
])('reads the catalog of a 402 response: %s', (_form, body, offer) => {
  expect(paymentOfferIn(body)).toStrictEqual(offer);
});

test.each([
  ['maxAmountRequired', '39000000', '39.000000'],
  ['maxAmountRequired', 39_000_000, '39.000000'],
  ['amount', '1', '0.000001'],
  ['maxAmountRequired', '0.002', '0.002'],
  ['maxAmountRequired', '-39000000', '-39000000'],
  ['maxAmountRequired', { usd: 39 }, { usd: 39 }],
])('turns ways to pay into products if no products are listed: %s %j', (name, amount, price) => {
  const way = { ...usdcOnBase, description: 'Kimi K2.6', [name]: amount };
  const elsewhere = { ...way, payTo: `0x${'e'.repeat(40)}` };
  const body = { x402Version: 1, accepts: [{ ...daiOnBase, [name]: amount }, way, usdcOnBase, elsewhere] };
  expect(paymentOfferIn(body)).toStrictEqual({ ...usdcOnBase, products: [{ ...way, price }] });
});

test.each([
  [{ error: 'Payment Required', message: 'Buy something to get a key.', x402: { version: 2, ...usdcOnBase } }],
  [{ x402Version: 1, error: 'Buy something to get a key.', accepts: [{ ...usdcOnBase, asset: contract }] }],
])('says how to pay after the 402 response %j', async (body) => {
  const { url } = await serve(always(body, 402));
  await expect(apiOf(url).inference.models()).rejects.toMatchObject({
    code: 'payment_required',
    message: 'Buy something to get a key.',
    hint: 'Set CHEAPESTINFERENCE_API_KEY to an API key, or pay with USDC on Base: `ci agent plans` shows the prices.',
  });
});

test('says nothing about paying when a 402 response offers nothing', async () => {
  const { url } = await serve(always({ error: 'Insufficient credits' }, 402));
  await expect(apiOf(url).inference.models()).rejects.toMatchObject({
    message: 'Insufficient credits',
    hint: undefined,
  });
});
