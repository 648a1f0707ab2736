import { describe, expect, test } from 'vitest';
import { AgentApi, type PaymentCatalog } from '../../src/api/agent.ts';
import {
  answer,
  apiOf,
  consumptionKey,
  envelopes,
  failureFields,
  managementKey,
  serve,
} from '../support/http-server.ts';

const payTo = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const contract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const onBase = { network: 'base', asset: 'USDC', payTo };
const block = { block: 'asia', hoursUtc: '00:00-08:00 UTC', priceUsdc: '39.00', availableSeats: 7 };
const pool = { type: 'subscription', pool: 'kimi26', currency: 'USDC', duration: '30 days', blocks: [block] };
const credit = { type: 'credits', minAmount: '10.00' };
const read = { ...pool, blocks: [{ ...block, priceUsdc: 39 }] };

/** Returns the catalog of a server that sends this in response to every request. */
async function catalogOf(body: unknown, status = 200): Promise<PaymentCatalog> {
  const { url } = await serve((response) => answer(response, body, status));
  return new AgentApi(apiOf(url).client).catalog();
}

/** Returns a catalog with these products. */
function selling(...products: readonly unknown[]) {
  return { error: 'Payment Required', x402: { version: 2, ...onBase, facilitator: 'https://pay.test', products } };
}

const forms = [
  ['today', (products: unknown) => ({ x402: { version: 2, ...onBase, products } })],
  ['at the top', (products: unknown) => ({ version: 2, ...onBase, products })],
  [
    'nested, version 1',
    (products: unknown) => ({ x402: { version: 1, accepts: [{ ...onBase, extra: { products } }] } }),
  ],
  ['version 1', (products: unknown) => ({ x402Version: 1, accepts: [{ ...onBase, asset: contract, products }] })],
] as const;

describe.each(forms)('a catalog as it is written %s', (_form, written) => {
  test.each(envelopes)('is read from an %s response', async (_name, enveloped) => {
    expect(await catalogOf(enveloped(written([pool, credit])))).toEqual({
      ...onBase,
      products: [read, { type: 'credits', minAmount: 10 }],
    });
  });

  test.each(envelopes)('is read from an %s 402 response', async (_name, enveloped) => {
    const { products } = await catalogOf(enveloped(written([pool])), 402);
    expect(products).toEqual([read]);
  });

  test('is read from a 402 response that reports a failure', async () => {
    const { products } = await catalogOf({ success: false, ...written([pool]) }, 402);
    expect(products).toEqual([read]);
  });

  test('may be empty', async () => {
    expect((await catalogOf(written([]))).products).toEqual([]);
  });

  test('is refused with an invalid price', async () => {
    const body = written([{ ...pool, blocks: [{ ...block, priceUsdc: '-39.00' }] }]);
    expect(await failureFields(catalogOf(body))).toMatchObject({
      code: 'unexpected_response',
      exitCode: 1,
      message: 'The API returned "-39.00" as the price of asia of kimi26',
    });
  });
});

describe('a product', () => {
  test('keeps unknown fields, and has numbers for amounts and seats', async () => {
    const checkout = { endpoint: 'https://api.test/api/agent/subscribe-pool', body: { txHash: '<USDC_TX_HASH>' } };
    const product = {
      ...pool,
      more: [1],
      agentCheckout: checkout,
      blocks: [{ ...block, availableSeats: '7', more: {} }],
    };
    expect((await catalogOf(selling(product))).products).toEqual([
      { ...product, blocks: [{ ...block, priceUsdc: 39, availableSeats: 7, more: {} }] },
    ]);
  });

  test('may be a plan of an older catalog, or of an unknown type', async () => {
    const products = [{ type: 'subscription', plan: 'pro', price: '60' }, { type: 'gift' }, { more: 1 }, {}];
    expect((await catalogOf(selling(...products))).products).toEqual([
      { ...products[0], price: 60 },
      ...products.slice(1),
    ]);
  });

  test('may lack everything that only describes it', async () => {
    const product = {
      pool: 'kimi26',
      name: null,
      models: null,
      currency: null,
      blocks: [{ block: 'x', priceUsdc: 39 }],
    };
    expect((await catalogOf(selling(product))).products).toEqual([product]);
  });

  test.each([
    ['39.00', 39],
    [39, 39],
    ['$1,234.50', 1234.5],
    ['0.000001', 0.000001],
    [10_000_000_000, 10_000_000_000],
  ])('costs %j', async (price, amount) => {
    const { products } = await catalogOf(selling({ type: 'subscription', plan: 'pro', price }));
    expect(products).toEqual([{ type: 'subscription', plan: 'pro', price: amount }]);
  });

  const long = 'x'.repeat(1000);

  test.each([
    ['zero', 0, '0'],
    ['zero as text', '0.00', '"0.00"'],
    ['negative', -39, '-39'],
    ['words', 'free', '"free"'],
    ['empty', '', '""'],
    ['Infinity as text', 'Infinity', '"Infinity"'],
    ['NaN as text', 'NaN', '"NaN"'],
    ['hexadecimal', '0x27', '"0x27"'],
    ['huge', 1e300, '1e+300'],
    ['above the largest amount', '10000000001', '"10000000001"'],
    ['finer than USDC', '39.0000001', '"39.0000001"'],
    ['tiny', 5e-324, '5e-324'],
    ['a boolean', true, 'true'],
    ['an object', { usd: 39 }, '{"usd":39}'],
    ['a list', [39], '[39]'],
    ['a long text', long, `"${'x'.repeat(59)}…`],
  ])('is refused with a price that is %s', async (_what, price, quoted) => {
    const bad = { ...block, block: 'europe', priceUsdc: price };
    const wrong = { code: 'unexpected_response', exitCode: 1, outcome: undefined };
    expect(await failureFields(catalogOf(selling(credit, { ...pool, blocks: [block, bad] })))).toMatchObject({
      ...wrong,
      message: `The API returned ${quoted} as the price of europe of kimi26`,
    });
    expect(await failureFields(catalogOf(selling({ type: 'subscription', plan: 'pro', price })))).toMatchObject({
      ...wrong,
      message: `The API returned ${quoted} as the price of pro`,
    });
    expect(await failureFields(catalogOf(selling({ type: 'credits', minAmount: price })))).toMatchObject({
      ...wrong,
      message: `The API returned ${quoted} as the minimum of credits`,
    });
  });

  test.each([
    ['a block without a price', { ...pool, blocks: [{ block: 'asia' }] }, 'no price for asia of kimi26'],
    ['a block with null as price', { ...pool, blocks: [{ ...block, priceUsdc: null }] }, 'no price for asia of kimi26'],
    ['a pool without blocks', { type: 'subscription', pool: 'kimi26' }, 'no price for kimi26'],
    ['a plan without a price', { plan: 'pro', price: null }, 'no price for pro'],
    ['a subscription to nothing', { type: 'subscription' }, 'no price for subscription'],
    ['blocks in an object', { ...pool, blocks: { asia: 39 } }, /unexpected format \(products\.0\.blocks: /],
    ['a block that is a text', { ...pool, blocks: ['asia'] }, /unexpected format \(products\.0\.blocks\.0: /],
    ['a block without a name', { ...pool, blocks: [{ priceUsdc: 39 }] }, /\(products\.0\.blocks\.0\.block: /],
    ['seats in words', { ...pool, blocks: [{ ...block, availableSeats: 'many' }] }, /\.availableSeats: /],
    ['a pool that is a number', { ...pool, pool: 26 }, /\(products\.0\.pool: /],
    ['a text', 'kimi26', /\(products\.0: /],
    ['null', null, /\(products\.0: /],
    ['a list', [pool], /\(products\.0: /],
  ])('is refused as %s', async (_what, product, message) => {
    expect(await failureFields(catalogOf(selling(product)))).toMatchObject({
      code: 'unexpected_response',
      message: typeof message === 'string' ? `The API returned ${message}` : expect.stringMatching(message),
    });
  });
});

describe('a catalog', () => {
  test.each([
    ['DAI', '"DAI"'],
    ['', '""'],
    ['USDС', '"USDС"'],
    [payTo, `"${payTo}"`],
    ['U'.repeat(1000), `"${'U'.repeat(59)}…`],
  ])('in the token %j is refused', async (asset, quoted) => {
    for (const body of [selling(pool).x402, { ...selling(pool).x402, products: undefined }]) {
      expect(await failureFields(catalogOf({ x402: { ...body, asset } }))).toMatchObject({
        code: 'unexpected_response',
        exitCode: 1,
        message: `The API asks for payment in ${quoted}, not in USDC`,
      });
    }
  });

  test.each(['solana', 'base-goerli', 'ethereum', 'eip155:84531', ''])(
    'on the chain %j is refused',
    async (network) => {
      expect(await failureFields(catalogOf({ x402: { ...selling(pool).x402, network } }))).toMatchObject({
        code: 'unexpected_response',
        exitCode: 1,
        message: `The API asks for payment on "${network}", not on Base`,
      });
    },
  );

  test('with a product in another currency is refused', async () => {
    expect(await failureFields(catalogOf(selling({ ...pool, currency: 'EUR' })))).toMatchObject({
      code: 'unexpected_response',
      message: 'The API asks for payment in "EUR" for kimi26, not in USDC',
    });
  });

  test('may name Base and USDC by their ids', async () => {
    const body = { ...selling(pool).x402, network: 'eip155:8453', asset: contract.toLowerCase() };
    expect(await catalogOf({ x402: body })).toMatchObject({ asset: 'USDC', products: [read] });
  });
});

describe('the request', () => {
  /** Starts a server that has no list of plans, but offers the catalog with 402. */
  function older(status: number, body: unknown, offer: unknown = selling(pool), offerStatus = 402) {
    return serve((response, { path }) =>
      path === '/api/agent/plans' ? answer(response, body, status) : answer(response, offer, offerStatus),
    );
  }

  test('carries no key', async () => {
    const server = await older(404, { error: 'Not found' });
    await new AgentApi(apiOf(server.url, { managementKey, consumptionKey }).client).catalog();
    expect(server.received.map(({ method, path, headers }) => [method, path, headers.authorization])).toEqual([
      ['GET', '/api/agent/plans', undefined],
      ['GET', '/v1/models', undefined],
    ]);
  });

  test('is the only one if it gets a catalog', async () => {
    const server = await older(200, selling(pool));
    await new AgentApi(apiOf(server.url).client).catalog();
    expect(server.received.map(({ path }) => path)).toEqual(['/api/agent/plans']);
  });

  test.each([
    ['404', 404, { error: 'Not found' }],
    ['401', 401, { error: 'Missing management key' }],
    ['402 without a catalog', 402, { error: 'Payment Required' }],
    ['an empty list', 200, []],
    ['an older list', 200, { success: true, data: [{ slug: 'pro', priceUsdc: 20 }] }],
    ['a catalog without products', 200, { x402: { version: 2, ...onBase } }],
    ['a failure', 200, { success: false, error: 'No plans' }],
    ['null', 200, null],
    ['a text', 200, 'plans'],
  ])('falls back to the catalog of an inference request after %s', async (_what, status, body) => {
    const { url } = await older(status, body);
    expect((await new AgentApi(apiOf(url).client).catalog()).products).toEqual([read]);
  });

  test('falls back after a web page', async () => {
    const { url } = await serve((response, { path }) =>
      path === '/api/agent/plans'
        ? response.writeHead(200).end('<!doctype html>')
        : answer(response, selling(pool), 402),
    );
    expect((await new AgentApi(apiOf(url).client).catalog()).products).toEqual([read]);
  });

  test.each([
    ['a server error', 500, 'server_error', 3],
    ['a rate limit', 429, 'rate_limited', 3],
    ['an unsupported request', 501, 'server_error', 1],
  ])("doesn't fall back after %s", async (_what, status, code, count) => {
    const server = await older(status, { error: 'No' });
    expect(await failureFields(new AgentApi(apiOf(server.url).client).catalog())).toMatchObject({ code, status });
    expect(server.received.map(({ path }) => path)).toEqual(Array(count).fill('/api/agent/plans'));
  });

  test("doesn't fall back after a catalog that is refused", async () => {
    const server = await older(200, { x402: { ...selling(pool).x402, asset: 'DAI' } });
    expect(await failureFields(new AgentApi(apiOf(server.url).client).catalog())).toMatchObject({
      code: 'unexpected_response',
    });
    expect(server.received.length).toBe(1);
  });

  test.each([
    ['another value', 200, { data: [] }],
    ['a catalog without products', 402, { x402: { version: 1, accepts: [onBase] } }],
  ])('fails if the fallback gets %s', async (_what, status, offer) => {
    const { url } = await older(404, {}, offer, status);
    expect(await failureFields(new AgentApi(apiOf(url).client).catalog())).toMatchObject({
      code: 'unexpected_response',
      exitCode: 1,
      message: "The API didn't return a list of what you can buy with USDC",
    });
  });

  test.each([
    [402, 'payment_required', 'Insufficient credits'],
    [404, 'not_found', 'Not here'],
    [401, 'unauthorized', 'No key'],
  ])("fails with the fallback's own error %i", async (status, code, error) => {
    const { url } = await older(404, { error: 'Not found' }, { error }, status);
    expect(await failureFields(new AgentApi(apiOf(url).client).catalog())).toMatchObject({
      code,
      status,
      message: error,
    });
  });
});
