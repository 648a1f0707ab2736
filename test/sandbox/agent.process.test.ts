import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { chains } from '../../src/domain/chains.ts';
import { startChain, type TestChain } from '../support/chain.ts';
import { at, day, failure, hello, sandbox, type TestSandbox, textAt } from '../support/sandbox.ts';
import { answer, deadUrl, server } from '../support/servers.ts';

const { usdc } = chains.base;
const payTo = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const stranger = `0x${'ab'.repeat(20)}`;
/** The price of the block `europe` of kimi26, in millionths. */
const price = 49_000_000n;

let chain: TestChain;
let before: string;
let payer: string;

beforeAll(async () => {
  chain = await startChain();
  payer = chain.accounts[0];
  await chain.setUsdc(payer, 1_000_000_000n);
});
afterAll(() => chain.close());
beforeEach(async () => {
  before = await chain.snapshot();
});
afterEach(() => chain.revert(before));

function box(setting: Parameters<typeof sandbox>[0] = {}): Promise<TestSandbox> {
  return sandbox({ rpcUrl: chain.url, ...setting });
}

/** Pays, and waits for the confirmations. */
async function paid(units = price, to = payTo): Promise<string> {
  const hash = await chain.send(payer, to, units);
  await chain.mine(2);
  return hash;
}

function signed(hash: string, by = payer): Promise<string> {
  const text = `CheapestInference: claim pool subscription for transaction ${hash}`;
  return chain.rpc('personal_sign', [`0x${Buffer.from(text).toString('hex')}`, by]).then(String);
}

/** Claims a subscription to the block `europe`, without a key. */
async function subscribe({ call }: TestSandbox, txHash: string, more: object = {}) {
  const body = { txHash, poolSlug: 'kimi26', blocks: ['europe'], signature: await signed(txHash), ...more };
  return call('POST', '/api/agent/subscribe-pool', { key: null, body });
}

function topUp({ call }: TestSandbox, txHash: unknown, amount: unknown) {
  return call('POST', '/api/agent/topup', { key: null, body: { txHash, amount } });
}

const notFinal = failure(400, 'Transaction not final yet, try again in a few seconds');
const mismatch = failure(400, 'The amount does not match what was sent');
const claimed = failure(409, 'This transaction was already claimed');
const notByPayer = failure(403, 'The signature is not from the wallet that sent the payment');

describe('POST /api/agent/subscribe-pool', () => {
  test('takes a seat for 30 days, with a key that works', async () => {
    const sold = await box();
    const { status, body } = await subscribe(sold, await paid(), { unknown: 'field' });
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        data: {
          subscriptionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          poolSlug: 'kimi26',
          blocks: ['europe'],
          status: 'active',
          expiresAt: '2026-05-14T09:00:00.000Z',
          apiKey: expect.stringMatching(/^sk_sandbox_\S{32}$/),
          keyId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
      },
    ]);
    const key = textAt(body, 'data', 'apiKey');
    expect((await sold.call('POST', '/v1/chat/completions', { key, body: hello })).status).toBe(200);
    expect(at(await sold.seen(), 'subscriptions')).toMatchObject([
      {
        id: textAt(body, 'data', 'subscriptionId'),
        blocks: ['europe'],
        monthlyPrice: '49.00',
        cancelAtPeriodEnd: true,
      },
    ]);
    expect(at(await sold.seen(), 'charges')).toEqual([]);
  });

  test('ends after 30 days of a shorter or longer month, without a charge', async () => {
    const sold = await box();
    await sold.advance(20 * day);
    const { body } = await subscribe(sold, await paid());
    expect(textAt(body, 'data', 'expiresAt')).toBe('2026-06-03T09:00:00.000Z');
    const key = textAt(body, 'data', 'apiKey');
    await sold.advance(30 * day - 1);
    expect(at(await sold.seen(), 'subscriptions', 0, 'status')).toBe('active');
    await sold.advance(1);
    expect(at(await sold.seen(), 'subscriptions', 0, 'status')).toBe('canceled');
    expect(at(await sold.seen(), 'charges')).toEqual([]);
    expect((await sold.call('POST', '/v1/chat/completions', { key, body: hello })).status).toBe(403);
  });

  test('takes the sum of several blocks, in any order', async () => {
    const sold = await box();
    const hash = await paid(133_000_000n);
    const { body } = await subscribe(sold, hash, { blocks: ['americas', 'asia', 'europe'] });
    expect(at(body, 'data', 'blocks')).toEqual(['asia', 'europe', 'americas']);
  });

  test.each([
    [{ txHash: '0xabc' }, 'txHash must be 0x and 64 hexadecimal digits'],
    [{ txHash: undefined }, 'txHash must be 0x and 64 hexadecimal digits'],
    [{ poolSlug: 7 }, 'poolSlug must be a string'],
    [{ blocks: [] }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: 'europe' }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: ['mars'] }, 'blocks must be an array of one or more of asia, europe, americas'],
    [{ blocks: ['asia', 'asia'] }, 'blocks must not name a block twice'],
    [{ signature: undefined }, 'signature must be a string'],
  ])('refuses %j', async (change, error) => {
    expect(await subscribe(await box(), `0x${'1'.repeat(64)}`, change)).toEqual(failure(400, error));
  });

  test('refuses an unknown pool, and one that is not open', async () => {
    const sold = await box();
    const hash = await paid();
    expect(await subscribe(sold, hash, { poolSlug: 'none' })).toEqual(failure(404, 'Pool not found'));
    expect(await subscribe(sold, hash, { poolSlug: 'qwen35' })).toEqual(
      failure(409, 'This pool is not open for subscriptions (paused)'),
    );
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('requires 3 confirmations', async () => {
    const sold = await box();
    const hash = await chain.send(payer, payTo, price);
    expect(await subscribe(sold, hash)).toEqual(notFinal);
    await chain.mine(1);
    expect(await subscribe(sold, hash)).toEqual(notFinal);
    expect(await topUp(sold, hash, 49)).toEqual(notFinal);
    await chain.mine(1);
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('refuses a transaction that is unknown, or waits to be mined', async () => {
    const sold = await box();
    expect(await subscribe(sold, `0x${'1'.repeat(64)}`)).toEqual(notFinal);
    await chain.rpc('evm_setAutomine', [false]);
    onTestFinished(async () => void (await chain.rpc('evm_setAutomine', [true])));
    const waiting = await chain.submit(payer, payTo, price);
    expect(await subscribe(sold, waiting)).toEqual(notFinal);
    await chain.mine(3);
    expect((await subscribe(sold, waiting)).status).toBe(200);
  });

  test('counts the confirmations again after a reorganization', async () => {
    const sold = await box();
    const hash = await paid();
    const raw = await chain.rpc('eth_getRawTransactionByHash', [hash]);
    await chain.rpc('anvil_reorg', [3, []]);
    expect(await subscribe(sold, hash)).toEqual(notFinal);
    // The third of the three new blocks has the transaction.
    await chain.rpc('anvil_reorg', [3, [[raw, 2]]]);
    expect(await subscribe(sold, hash)).toEqual(notFinal);
    expect(at(await sold.seen(), 'subscriptions')).toEqual([]);
    await chain.mine(2);
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('requires the exact amount', async () => {
    const sold = await box();
    expect(await subscribe(sold, await paid(price - 1n))).toEqual(mismatch);
    expect(await subscribe(sold, await paid(price + 1n))).toEqual(mismatch);
    const hash = await paid();
    expect(await subscribe(sold, hash, { blocks: ['asia'] })).toEqual(mismatch);
    expect(await subscribe(sold, hash, { blocks: ['asia', 'europe'] })).toEqual(mismatch);
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('refuses a transfer to another address, of another token, or that failed', async () => {
    const sold = await box();
    const notSent = failure(400, `USDC was not sent to ${payTo} in this transaction`);
    expect(await subscribe(sold, await paid(price, stranger))).toEqual(notSent);
    const eth = await chain.transact({ from: payer, to: payTo, value: '0x2ebae40' });
    await chain.mine(2);
    expect(await subscribe(sold, eth)).toEqual(notSent);

    const token = `0x${'70'.repeat(20)}`;
    await chain.rpc('anvil_setCode', [token, await chain.rpc('eth_getCode', [usdc, 'latest'])]);
    await chain.rpc('anvil_setStorageAt', [token, word(payer), word(`0x${price.toString(16)}`)]);
    const data = `0xa9059cbb${word(payTo).slice(2)}${price.toString(16).padStart(64, '0')}`;
    const other = await chain.transact({ from: payer, to: token, data, gas: '0x186a0' });
    await chain.mine(2);
    expect(at(await chain.rpc('eth_getTransactionReceipt', [other]), 'status')).toBe('0x1');
    expect(await subscribe(sold, other)).toEqual(notSent);

    await chain.setUsdc(payer, 1n);
    expect(await subscribe(sold, await paid())).toEqual(
      failure(400, 'The transaction failed, so it transferred nothing'),
    );
  });

  test('refuses a signature of anyone but the payer, of another text, and of none', async () => {
    const sold = await box();
    const [hash, other] = [await paid(), await paid()];
    expect(await subscribe(sold, hash, { signature: await signed(hash, chain.accounts[1]) })).toEqual(notByPayer);
    expect(await subscribe(sold, hash, { signature: await signed(other) })).toEqual(notByPayer);
    for (const signature of ['', '0x', `0x${'0'.repeat(130)}`, `0x${'f'.repeat(130)}`, (await signed(hash)).slice(2)]) {
      expect(await subscribe(sold, hash, { signature })).toEqual(notByPayer);
    }
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('refuses a payment of a smart contract', async () => {
    const sold = await box();
    const notPlain = failure(
      403,
      'The payment must come from an ordinary account (EOA) that sent the transaction itself, not from a smart contract',
    );
    // Passes its input on to USDC: CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY … CALL.
    const wallet = `0x${'77'.repeat(20)}`;
    await chain.rpc('anvil_setCode', [wallet, `0x365f5f375f5f365f5f73${usdc.slice(2)}5af100`]);
    await chain.setUsdc(wallet, price);
    const data = `0xa9059cbb${word(payTo).slice(2)}${price.toString(16).padStart(64, '0')}`;
    const relayed = await chain.transact({ from: payer, to: wallet, data, gas: '0x30d40' });
    await chain.mine(2);
    expect(await chain.usdcOf(wallet)).toBe(0n);
    expect(await subscribe(sold, relayed)).toEqual(notPlain);

    const hash = await paid();
    await chain.rpc('anvil_setCode', [payer, '0x00']);
    expect(await subscribe(sold, hash)).toEqual(notPlain);
    // An ordinary account that delegates to a contract (EIP-7702) is still one.
    await chain.rpc('anvil_setCode', [payer, `0xef0100${'77'.repeat(20)}`]);
    expect((await subscribe(sold, hash)).status).toBe(200);
  });

  test('counts a transaction once, however its hash is written', async () => {
    const sold = await box();
    const hash = await paid();
    const upper = `0x${hash.slice(2).toUpperCase()}`;
    const answers = await Promise.all([hash, upper, hash, upper].map((each) => subscribe(sold, each)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    expect(await subscribe(sold, upper)).toEqual(claimed);
    expect(await topUp(sold, upper, 49)).toEqual(claimed);
    expect(at(await sold.seen(), 'subscriptions')).toHaveLength(1);
    expect(at(await sold.seen(), 'creditBalance')).toBe(25);
  });

  test('leaves the transaction unclaimed if there is no seat', async () => {
    const sold = await box();
    const hash = await paid(45_000_000n);
    const order = { poolSlug: 'minimax-m3', blocks: ['americas'] };
    expect(await subscribe(sold, hash, order)).toEqual(failure(409, 'No seats available in americas'));
    expect((await subscribe(sold, hash, { blocks: ['americas'] })).status).toBe(200);
  });

  test('takes the last seat once', async () => {
    const sold = await box();
    const order = { poolSlug: 'minimax-m3', blocks: ['asia'] };
    const hashes = [await paid(39_000_000n), await paid(39_000_000n), await paid(39_000_000n)];
    const answers = await Promise.all(hashes.map((hash) => subscribe(sold, hash, order)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 409]);
  });
});

describe('POST /api/agent/topup', () => {
  test('adds credit and creates a key for it, once', async () => {
    const sold = await box();
    const hash = await paid(50_500_000n);
    const { status, body } = await topUp(sold, hash, '50.50');
    expect([status, body]).toEqual([
      200,
      { success: true, data: { credited: 50.5, balance: 75.5, apiKey: expect.stringMatching(/^sk_sandbox_\S{32}$/) } },
    ]);
    expect(await sold.data('GET', '/api/billing/credits')).toMatchObject({ totalTopUp: 75.5, remaining: 75.5 });
    const key = textAt(body, 'data', 'apiKey');
    expect((await sold.call('POST', '/v1/chat/completions', { key, body: hello })).status).toBe(200);
    expect(await topUp(sold, `0x${hash.slice(2).toUpperCase()}`, 50.5)).toEqual(claimed);
    expect(await subscribe(sold, hash)).toEqual(mismatch);
  });

  test('requires the exact amount', async () => {
    const sold = await box();
    const hash = await paid(10_000_001n);
    expect(await topUp(sold, hash, 10)).toEqual(mismatch);
    expect(await topUp(sold, await paid(), 50)).toEqual(mismatch);
    expect((await topUp(sold, await paid(10_000_000n), 10)).status).toBe(200);
  });

  test.each([
    ['9.99', 'Minimum top-up is $10'],
    [0, 'Minimum top-up is $10'],
    [1_000_001, 'Maximum top-up is $1000000'],
    ['10.001', 'amount must be in whole cents'],
    ['ten', 'amount must be a number of USD, such as "10.00"'],
    ['-10', 'amount must be a number of USD, such as "10.00"'],
    ['1e2', 'amount must be a number of USD, such as "10.00"'],
    [null, 'amount must be a number of USD, such as "10.00"'],
    [undefined, 'amount must be a number of USD, such as "10.00"'],
  ])('refuses the amount %j', async (amount, error) => {
    expect(await topUp(await box(), `0x${'1'.repeat(64)}`, amount)).toEqual(failure(400, error));
  });
});

describe('POST /api/billing/verify-topup with a chain', () => {
  const verify = ({ call }: TestSandbox, txHash: string, amount: number) =>
    call('POST', '/api/billing/verify-topup', { body: { txHash, amount } });

  test('checks a transaction that the chain has', async () => {
    const sold = await box();
    await sold.data('POST', '/api/billing/topup', { amount: 49, method: 'usdc' });
    const hash = await chain.send(payer, payTo, price);
    expect(await verify(sold, hash, 49)).toEqual(notFinal);
    expect(await verify(sold, hash, 49)).toEqual(notFinal);
    await chain.mine(2);
    expect(await verify(sold, hash, 50)).toEqual(mismatch);
    expect((await verify(sold, hash, 49)).body).toEqual({ success: true, data: { credited: 49, balance: 74 } });
    expect(await verify(sold, hash, 49)).toEqual(failure(409, 'This transaction was already credited'));
    expect(await subscribe(sold, hash)).toEqual(claimed);
  });

  test('responds as without a chain to a transaction that the chain does not have', async () => {
    const sold = await box();
    await sold.data('POST', '/api/billing/topup', { amount: 49, method: 'usdc' });
    const unknown = `0x${'1'.repeat(64)}`;
    expect(await verify(sold, unknown, 49)).toEqual(notFinal);
    expect((await verify(sold, unknown, 49)).status).toBe(200);
  });
});

describe('the faucet', () => {
  const ask = ({ call }: TestSandbox, address: string) => call('POST', `/sandbox/faucet/${address}`, { key: null });

  test('adds 1,000 USDC and 1 ETH', async () => {
    const sold = await box();
    const address = '0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB';
    expect((await ask(sold, stranger)).body).toEqual({ address, usdc: '1000', eth: '1' });
    await chain.setUsdc(stranger, 1_500_000n);
    await chain.setEth(stranger, 1n);
    expect((await ask(sold, address)).body).toEqual({ address, usdc: '1001.5', eth: '1.000000000000000001' });
    expect(await chain.usdcOf(stranger)).toBe(1_001_500_000n);
  });

  test.each(['0x1', 'me', `${'ab'.repeat(20)}`, '0xabABaBaBABabABabAbAbABAbABabababaBaBABaB'])(
    'refuses the address %s',
    async (address) => {
      expect(await ask(await box(), address)).toEqual(failure(400, 'The address must be 0x and 40 hexadecimal digits'));
    },
  );

  test("refuses a chain with another USDC, whose balances it can't set", async () => {
    await chain.rpc('anvil_setCode', [usdc, '0x00']);
    expect(await ask(await box(), stranger)).toEqual(
      failure(502, 'The faucet works only on the chain of `ci sandbox serve --chain`'),
    );
  });
});

describe('a chain that is no use', () => {
  /** Returns what all requests answer. Nothing may be bought. */
  async function answers(rpcUrl?: URL) {
    const sold = await sandbox(rpcUrl && { rpcUrl });
    const hash = `0x${'1'.repeat(64)}`;
    const all = [
      await subscribe(sold, hash),
      await topUp(sold, hash, 10),
      await sold.call('POST', `/sandbox/faucet/${stranger}`, { key: null }),
    ];
    expect(await sold.seen()).toMatchObject({ subscriptions: [], keys: [], creditBalance: 25 });
    return all;
  }

  function rpcServer(results: Readonly<Record<string, unknown>>): Promise<{ url: string }> {
    return server(({ body }, response) => {
      const { id, method }: { id: number; method: string } = JSON.parse(body);
      const result = results[method];
      return answer(200, result === undefined ? { id, error: { message: 'no such method' } } : { id, result })(
        { method: 'POST', path: '/', headers: {}, body },
        response,
      );
    });
  }

  test('is refused if nothing answers', async () => {
    const url = new URL(deadUrl);
    const dead = failure(
      503,
      `The sandbox can't reach a chain at ${url.host}. Start one with \`ci sandbox serve --chain\`.`,
    );
    expect(await answers(url)).toEqual([dead, dead, dead]);
  });

  test('is refused if the sandbox has none', async () => {
    const none = failure(503, 'This sandbox has no chain');
    expect(await answers()).toEqual([none, none, none]);
  });

  test('is refused if it is on another machine', async () => {
    const far = failure(502, 'The sandbox takes payments only on a chain on this machine');
    expect(await answers(new URL('https://mainnet.base.org'))).toEqual([far, far, far]);
  });

  test("is refused if it isn't for development", async () => {
    const { url } = await rpcServer({ web3_clientVersion: 'Geth/v1.14', eth_chainId: '0x2105', eth_getCode: '0x00' });
    const real = failure(502, expect.stringContaining('only on a development chain'));
    expect(await answers(new URL(url))).toEqual([real, real, real]);
  });

  test('is refused if it is not Base, or has no USDC', async () => {
    const other = await rpcServer({ web3_clientVersion: 'anvil/v1', eth_chainId: '0x7a69' });
    const notBase = failure(502, expect.stringContaining('serves the chain 31337, not Base (8453)'));
    expect(await answers(new URL(other.url))).toEqual([notBase, notBase, notBase]);
    const empty = await rpcServer({ web3_clientVersion: 'anvil/v1', eth_chainId: '0x2105', eth_getCode: '0x' });
    const noUsdc = failure(502, expect.stringContaining('no USDC contract'));
    expect(await answers(new URL(empty.url))).toEqual([noUsdc, noUsdc, noUsdc]);
  });

  test('is refused if it returns an error', async () => {
    const { url } = await rpcServer({});
    const error = failure(502, `The chain at ${new URL(url).host} returned an error: no such method`);
    expect(await answers(new URL(url))).toEqual([error, error, error]);
  });
});

test('needs no key to buy with USDC, but for everything else', async () => {
  const { call } = await sandbox();
  const missing = failure(401, 'Missing management key: send it as "Authorization: Bearer mk_..."');
  expect(await call('GET', '/api/agent/topup', { key: null })).toEqual(missing);
  expect(await call('POST', '/api/agent/plans', { key: null })).toEqual(missing);
  expect(await call('POST', '/api/agent/topup/', { key: null })).toEqual(missing);
});

function word(value: string): string {
  return `0x${value.slice(2).toLowerCase().padStart(64, '0')}`;
}
