import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pause } from '../../../src/api/pause.ts';
import { chains } from '../../../src/domain/chains.ts';
import { startChain, type TestChain } from '../../support/chain.ts';
import { cells, json, oneLine, secret } from '../../support/cli.ts';
import { modeOf } from '../../support/folder.ts';
import { vectorPassword } from '../../support/keystore.ts';
import { errorOf, outcomesOf, recordOf, stateFiles, stateFolder } from '../../support/lost.ts';
import { newKey, type Payer, payer, payTo, shop, writeWallet } from '../../support/payer.ts';
import { nodeOnly } from '../../support/program.ts';
import { answered, RpcFailure, rpcProxy } from '../../support/rpc.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, deadUrl, server, webPage } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

const asking = 'agent subscribe kimi26 --blocks asia --password-file password';
const buy = `${asking} --yes`;
const plans = 'GET /api/agent/plans';
const claim = 'POST /api/agent/subscribe-pool';

let chain: TestChain;
beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain.close());

/** Returns the transfers that a wallet made. */
async function sentBy({ address }: Payer, to: string = payTo) {
  const transfers = await chain.transfersTo(to);
  return transfers.filter(({ from }) => from === address.toLowerCase());
}

/** Checks that a user paid nothing, and that nothing is recorded. */
async function expectNothingPaid(me: Payer): Promise<void> {
  expect(await sentBy(me)).toEqual([]);
  expect(Number(await chain.rpc('eth_getTransactionCount', [me.address, 'pending']))).toBe(0);
  expect(stateFiles(me)).toEqual([]);
}

/** Returns a catalog that sells kimi26, with changes to its product and to itself. */
function selling(product: object = {}, more: object = {}): Behavior {
  const blocks = [{ block: 'asia', priceUsdc: '39.00', availableSeats: 7 }];
  const kimi = { type: 'subscription', pool: 'kimi26', duration: '30 days', blocks, ...product };
  return answer(200, { x402: { network: 'base', asset: 'USDC', payTo, products: [kimi], ...more } });
}

/** Starts the sandbox with another catalog. */
function shopSelling(catalog: Behavior) {
  return shop(chain, ({ path: address }) => (address === '/api/agent/plans' ? catalog : undefined));
}

/** Starts the sandbox with another answer to claims. */
function shopClaiming(claiming: Behavior) {
  return shop(chain, ({ method }) => (method === 'POST' ? claiming : undefined));
}

describe('a subscription', () => {
  test('is paid, confirmed and claimed, and its key is printed', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const { code, stdout, stderr } = await me.pays(
      'agent subscribe kimi26 --blocks europe,asia --password-file password --yes',
    );
    expect([code, stderr]).toEqual([0, '']);
    const [transfer, ...others] = await sentBy(me);
    expect([transfer?.units, others]).toEqual([88_000_000n, []]);
    const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(cells(stdout)).toEqual([
      [
        uuid,
        'kimi26',
        'asia,europe',
        'active',
        '2026-05-14T09:00:00.000Z',
        uuid,
        expect.stringMatching(secret),
        transfer?.hash,
      ],
    ]);
    expect(api.requests).toEqual([plans, claim]);
    for (const { headers } of api.received) expect(headers).not.toHaveProperty('authorization');
    expect(JSON.parse(api.received.at(-1)?.body ?? '')).toEqual({
      txHash: transfer?.hash,
      poolSlug: 'kimi26',
      blocks: ['asia', 'europe'],
      signature: expect.stringMatching(/^0x[0-9a-f]{130}$/),
    });
    expect(outcomesOf(me)).toEqual(['pay applied']);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test('is printed as the API describes it, with the key in a file', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const result = await me.pays(`${buy} --json --save .env`);
    expect([result.code, result.stderr]).toEqual([0, '']);
    const [, apiKey = ''] = /^CHEAPESTINFERENCE_API_KEY=(.+)\n$/.exec(readFileSync(`${me.home}/.env`, 'utf8')) ?? [];
    expect(apiKey).toMatch(secret);
    expect(modeOf(`${me.home}/.env`)).toBe('600');
    expect(result.stdout).not.toContain(apiKey);
    const [{ hash } = { hash: '' }] = await sentBy(me);
    expect(json(result)).toEqual({
      subscriptionId: expect.any(String),
      poolSlug: 'kimi26',
      blocks: ['asia'],
      status: 'active',
      expiresAt: '2026-05-14T09:00:00.000Z',
      apiKey: `sk_sandbox_…${apiKey.slice(-4)}`,
      keyId: expect.any(String),
      txHash: hash,
      savedTo: path.join(me.home, '.env'),
      variable: 'CHEAPESTINFERENCE_API_KEY',
    });
  });

  test('is paid for each block once, even if a block is named twice', async () => {
    const me = await payer(chain, await shop(chain));
    expect((await me.pays(`${buy} --blocks asia,asia --max-price 39`)).code).toBe(0);
    expect((await sentBy(me)).map(({ units }) => units)).toEqual([39_000_000n]);
  });

  test('is paid by an account that delegates to a contract', async () => {
    const me = await payer(chain, await shop(chain));
    await chain.rpc('anvil_setCode', [me.address, `0xef0100${'ab'.repeat(20)}`]);
    expect((await me.pays(buy)).code).toBe(0);
  });

  test.skipIf(nodeOnly('sets the clock'))('waits for as many confirmations as the user says', async () => {
    const api = await shopClaiming(data({ apiKey: `sk_live_${'0123456789abcdef'.repeat(2)}` }));
    const me = await payer(chain, api);
    expect((await me.waits(`${buy} --confirmations 1`)).code).toBe(0);
    const before = Number(await chain.rpc('eth_blockNumber'));
    expect((await me.pays(`${buy} --again --confirmations 7`)).code).toBe(0);
    expect(Number(await chain.rpc('eth_blockNumber')) - before).toBe(7);
    for (const count of ['0', '1.5']) {
      expect(await me.pays([...buy.split(' '), `--confirmations=${count}`, '--again'])).toMatchObject({ code: 2 });
    }
  });
});

describe('consent', () => {
  test('is asked for on a terminal, with the amount, receiver, chain, gas and wallet', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    const session = onTerminal(me, asking, { env: { TZ: 'Asia/Tokyo' }, columns: 100 });
    await session.shows('(y/N)');
    expect(session.screen.replace(/at most 0\.0+\d+ ETH/, 'at most 0.0002 ETH')).toBe(
      [
        'Pool         kimi26',
        'Blocks       asia      00:00–08:00 UTC, 09:00–17:00 local',
        "Duration     30 days, doesn't renew",
        'Due now      39.00 USDC',
        'Paid to      0x5a4Db0c15a4dB0C15A4db0c15A4dB0C15a4Db0C1',
        "             You haven't paid this address from this machine before.",
        `Sold by      ${new URL(api.url).host}`,
        'Chain        the local chain (chain ID 8453), 3 confirmations',
        'Gas          at most 0.0002 ETH',
        `Wallet       agent (${me.address})`,
        'Balance      1000.00 USDC, 1 ETH',
        'If sold out  A payment is final. You can then claim other blocks or credit with it.',
        '? Send 39.00 USDC now? (y/N)',
      ].join('\n'),
    );
    session.type(`n${enter}`);
    expect(await session.exit).toBe(1);
    expect(session.screen).toMatch(/ci: Declined\. Nothing was changed\.$/);
    await expectNothingPaid(me);
    expect(api.changes).toEqual([]);
  });

  test('is No by default, and pays only after Yes', async () => {
    const me = await payer(chain, await shop(chain));
    const declined = onTerminal(me, asking);
    await declined.shows('(y/N)');
    declined.type(enter);
    expect(await declined.exit).toBe(1);
    await expectNothingPaid(me);
    const session = onTerminal(me, asking.replace(/ --password-file.*/, ''));
    await session.shows('(y/N)');
    session.type(`y${enter}`);
    await session.shows('Password of wallet "agent":');
    session.type(`${vectorPassword}${enter}`);
    await session.shows('Waiting for confirmations: 1 of 3');
    await chain.mine(2);
    expect(await session.exit).toBe(0);
    expect(session.screen).toMatch(/── API key: save it now ─+\nsk_sandbox_[\w-]{32}\n─+$/);
    expect(session.written).not.toContain(vectorPassword);
  });

  test('is needed without a terminal, before anything is sent', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    for (const line of [asking, `${asking} --no-input`]) {
      expect(await me.pays(line)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/Pass --yes/) });
    }
    expect(errorOf(await me.pays(`${asking} --json`))).toMatchObject({
      code: 'confirmation_required',
      outcome: 'not_applied',
    });
    expect(api.requests).toEqual([]);
    await expectNothingPaid(me);
  });

  test('shows text of the API without control sequences, in the line where it belongs', async () => {
    const duration = '30 days\u001b[2K\r\nPaid to      0xGOOD\u202e';
    const api = await shopSelling(selling({ duration, name: 'Kimi\u001b[31m\nDue now  1.00 USDC' }));
    const me = await payer(chain, api);
    const session = onTerminal(me, 'agent subscribe --password-file password');
    await session.shows('kimi26  Kimi Due now  1.00 USDC');
    session.type(enter);
    await session.shows('asia      39.00 USDC  00:00–08:00 UTC');
    session.type(` ${enter}`);
    await session.shows('(y/N)');
    expect(session.screen).toContain(
      "Duration     30 days Paid to      0xGOOD, doesn't renew\nDue now      39.00 USDC",
    );
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(session.written).not.toMatch(/\u202e|\u001b\[31m\n/);
    await expectNothingPaid(me);
  });

  test('points out an address that differs from the last one', async () => {
    const other = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
    let to = payTo;
    const api = await shop(chain, ({ path: address, method }) => {
      if (method === 'POST') return data({ apiKey: `sk_live_${'0123456789abcdef'.repeat(2)}` });
      return address === '/api/agent/plans' ? (...each) => selling({}, { payTo: to })(...each) : undefined;
    });
    const me = await payer(chain, api);
    expect((await me.pays(buy)).stderr).toBe('');
    to = other;
    const session = onTerminal(me, `${asking} --again`);
    await session.shows('(y/N)');
    const old = '0x5a4Db0c15a4dB0C15A4db0c15A4dB0C15a4Db0C1';
    expect(session.screen.replace(/\s+/g, ' ')).toContain(
      `Paid to ${other} Not the address of your last payment (just now): ${old}`,
    );
    expect(session.screen).not.toContain('never paid');
    session.type(enter);
    await session.exit;
    const { code, stderr } = await me.pays(`${buy} --again`);
    expect([code, stderr]).toEqual([
      0,
      `The API asks for payment to another address than for your last payment: ${other} instead of ${old}.\n`,
    ]);
    expect((await sentBy(me, other)).map(({ units }) => units)).toEqual([39_000_000n]);
  });

  test('lets the user pick the pool and the blocks, but not those that are sold out', async () => {
    const blocks = [
      { block: 'asia', priceUsdc: 39, availableSeats: 0 },
      { block: 'europe', priceUsdc: 49, availableSeats: 1 },
    ];
    const me = await payer(chain, await shopSelling(selling({ blocks })));
    const session = onTerminal(me, 'agent subscribe --password-file password');
    await session.shows('Pool:');
    session.type(enter);
    await session.shows('sold out');
    session.type(`a${enter}`);
    await session.shows('Send 49.00 USDC now?');
    session.type(enter);
    expect(await session.exit).toBe(1);
    for (const line of ['agent subscribe --yes', 'agent subscribe kimi26 --yes']) {
      expect(await me.pays(line)).toMatchObject({ code: 2, stderr: expect.stringMatching(/without a terminal/) });
    }
    await expectNothingPaid(me);
  });
});

describe('a command that could not deliver its result', () => {
  test.each([
    ['because the variable has a value', '--save .env', 2, /already has a value for CHEAPESTINFERENCE_API_KEY/],
    ['because the directory is missing', '--save nowhere/.env', 1, /^ci: Can't write/],
    ['because a field is unknown', '--fields nope', 2, /^ci: Unknown field "nope"\./],
    ['because of its jq expression', '--jq .[', 2, /not a valid jq expression/],
  ])('pays nothing (%s)', async (_why, option, code, message) => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    writeFileSync(path.join(me.home, '.env'), 'CHEAPESTINFERENCE_API_KEY=old\n');
    const ended = await me.pays(`${buy} ${option}`);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(message);
    expect(api.requests).toEqual([]);
    await expectNothingPaid(me);
  });
});

describe('several commands', () => {
  test('at once pay once for the same, and one after the other for different blocks', async () => {
    const me = await payer(chain, await shop(chain));
    const all = await Promise.all([me.pays(buy), me.pays(buy), me.pays(`${buy} --blocks europe`)]);
    expect(all.map(({ code }) => code).sort()).toEqual([0, 0, 2]);
    expect((await sentBy(me)).map(({ units }) => units).sort()).toEqual([39_000_000n, 49_000_000n]);
  });

  test.skipIf(nodeOnly('knows the moment'))(
    'pay once if the first one is interrupted after it sent the payment',
    async () => {
      const me = await payer(chain, await shop(chain));
      const interrupt = new AbortController();
      const first = await me.ci(buy, {
        interrupt: interrupt.signal,
        async sleep(milliseconds, signal) {
          if ((await sentBy(me)).length > 0) interrupt.abort(new Error('interrupted'));
          else if (signal !== interrupt.signal) await pause(milliseconds, signal);
        },
      });
      expect([first.code, first.stderr]).toEqual([
        130,
        expect.stringMatching(/may still be mined\. Run the same command/),
      ]);
      expect(outcomesOf(me)).toEqual(['pay unknown']);
      expect((await me.pays(buy)).code).toBe(0);
      expect([(await sentBy(me)).length, outcomesOf(me)]).toEqual([1, ['pay applied']]);
    },
  );
});

describe('`ci history`', () => {
  test('lists the payments of wallets with --all', async () => {
    const me = await payer(chain, await shop(chain));
    expect((await me.pays(buy)).code).toBe(0);
    expect((await me.ci('history --all')).stdout).toMatch(/\tpay 39\.00 USDC for kimi26 asia\tapplied\t0x/);
  });

  // `ci history reconcile` finishes them without --all.
  test('lists the payments of wallets', async () => {
    const me = await payer(chain, await shop(chain));
    expect((await me.pays(buy)).code).toBe(0);
    expect((await me.ci('history')).stdout).toContain('pay 39.00 USDC for kimi26 asia');
  });
});

describe('a repeat', () => {
  test('within 10 minutes needs --again, or a second Yes', async () => {
    const me = await payer(chain, await shop(chain));
    expect((await me.pays(buy)).code).toBe(0);
    const repeat = await me.pays(buy);
    expect([repeat.code, repeat.stdout, repeat.stderr]).toEqual([
      2,
      '',
      'ci: You paid for the same thing just now. Nothing was sent. Pass --again to pay a second time.\n',
    ]);
    const session = onTerminal(me, buy);
    await session.shows('Pay again? (y/N)');
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(await sentBy(me)).toHaveLength(1);
    expect((await me.pays(`${buy} --again`)).code).toBe(0);
    expect(await sentBy(me)).toHaveLength(2);
  });
});

describe('a price', () => {
  test('above --max-price is refused, and one that is equal is paid', async () => {
    const api = await shop(chain);
    const me = await payer(chain, api);
    expect(errorOf(await me.pays(`${buy} --max-price 38.99 --json`))).toEqual({
      code: 'price_above_maximum',
      message: 'The price is 39.00 USDC, which is above --max-price $38.99',
      hint: 'Nothing was paid. Pass a higher --max-price, or choose fewer blocks.',
      status: null,
      retryable: false,
      outcome: 'not_applied',
    });
    expect((await me.pays(`${buy} --max-price 38.99`)).code).toBe(8);
    await expectNothingPaid(me);
    expect((await me.pays(`${buy} --max-price 39`)).code).toBe(0);
  });

  test('above max-monthly-spend is refused', async () => {
    const me = await payer(chain, await shop(chain));
    await me.ci('config set max-monthly-spend 50');
    expect((await me.pays(buy)).code).toBe(0);
    const { code, stderr } = await me.pays(`${buy} --again`);
    expect([code, stderr]).toEqual([
      8,
      'ci: The recorded payments of the last 30 days would rise to 78.00 USDC, which is above max-monthly-spend $50.00 (profile "default"). Nothing was paid. Raise the limit with `ci config set max-monthly-spend USD`.\n',
    ]);
    expect(await sentBy(me)).toHaveLength(1);
  });

  test('with fractions of a cent is rounded up for max-monthly-spend', async () => {
    const blocks = [{ block: 'asia', priceUsdc: '39.000001' }];
    const me = await payer(chain, await shopSelling(selling({ blocks })));
    await me.ci('config set max-monthly-spend 39');
    expect(await me.pays(buy)).toMatchObject({
      code: 8,
      stderr: expect.stringMatching(/would rise to 39\.000001 USDC/),
    });
    await expectNothingPaid(me);
  });

  // Only one of the two payments can be mined.
  test.skipIf(nodeOnly('sets the clock'))(
    'of a payment that is replaced does not count toward max-monthly-spend',
    async () => {
      const me = await payer(chain, await shop(chain));
      await me.ci('config set max-monthly-spend 50');
      const broken = await rpcProxy(chain, ({ method }) => {
        if (method === 'eth_sendRawTransaction') throw new RpcFailure('no');
        return undefined;
      });
      expect((await me.waits(`${buy} --rpc-url ${broken.url}`)).code).toBe(10);
      expect((await me.pays(buy)).code).toBe(0);
    },
  );
});

describe('a catalog', () => {
  const invalid = '0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';

  test.each<[string, Behavior, number, RegExp]>([
    [
      'that is sold out',
      selling({ blocks: [{ block: 'asia', priceUsdc: 39, availableSeats: 0 }] }),
      6,
      /sold out in asia/,
    ],
    ['without the pool', selling({ pool: 'glm52' }), 5, /You can't buy "kimi26" with USDC\. Choose from glm52\./],
    ['without the block', selling({ blocks: [{ block: 'europe', priceUsdc: 1 }] }), 5, /can't buy asia of kimi26/],
    [
      'with a block twice',
      selling({
        blocks: [
          { block: 'asia', priceUsdc: 39 },
          { block: 'asia', priceUsdc: 1 },
        ],
      }),
      1,
      /lists the block asia of kimi26 twice/,
    ],
    ['in another token', selling({}, { asset: 'USDT' }), 1, /payment in "USDT", not in USDC/],
    ['with a product in another token', selling({ currency: 'EURC' }), 1, /payment in "EURC" for kimi26/],
    ['on another chain', selling({}, { network: 'ethereum' }), 1, /payment on "ethereum", not on Base/],
    ['on the test chain', selling({}, { network: 'base-sepolia' }), 1, /payment on "Base Sepolia", not on Base/],
    ['with another contract', selling({}, { contract: invalid }), 1, /as the contract of USDC on Base/],
    ['with a negative price', selling({ blocks: [{ block: 'asia', priceUsdc: -39 }] }), 1, /-39 as the price of asia/],
    ['with a price of zero', selling({ blocks: [{ block: 'asia', priceUsdc: '0.00' }] }), 1, /as the price of asia/],
    ['with too exact a price', selling({ blocks: [{ block: 'asia', priceUsdc: '39.0000001' }] }), 1, /as the price of/],
    ['with a huge price', selling({ blocks: [{ block: 'asia', priceUsdc: 1e30 }] }), 1, /as the price of asia/],
    ['with a price in words', selling({ blocks: [{ block: 'asia', priceUsdc: 'free' }] }), 1, /"free" as the price/],
    ['without a price', selling({ blocks: [{ block: 'asia' }] }), 1, /returned no price for asia of kimi26/],
    ['with a wrong checksum', selling({}, { payTo: invalid }), 1, /which isn't a valid address\. Nothing was paid\./],
    ['that pays nobody', selling({}, { payTo: `0x${'0'.repeat(40)}` }), 1, /which isn't a valid address/],
    ['that pays a name', selling({}, { payTo: 'vendor.eth' }), 1, /"vendor.eth", which isn't a valid address/],
    ['that is a web page', webPage(200), 1, /ci: The API returned|ci: The response to GET|ci: The API didn't/],
  ])('%s is refused', async (_what, catalog, code, message) => {
    const api = await server(catalog);
    const me = await payer(chain, api);
    const result = await me.pays(buy);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(oneLine);
    await expectNothingPaid(me);
    expect(api.changes).toEqual([]);
  });
});

describe('a wallet', () => {
  const gas = 10n ** 12n;

  test.each<[string, Parameters<typeof payer>[2], number, RegExp]>([
    [
      'with too little USDC',
      { usdc: 38_999_999n },
      8,
      /has 38\.999999 USDC, but 39\.00 USDC is due\. Nothing was sent/,
    ],
    ['without USDC', { usdc: 0n }, 8, /has 0\.00 USDC, but/],
    [
      'without ETH',
      { ether: 0n },
      8,
      /has no ETH for gas\. Nothing was sent\. Get some from the faucet of `ci sandbox serve`/,
    ],
    ['with too little ETH', { ether: gas }, 8, /has 0\.000001 ETH, but the gas may cost/],
  ])('%s is refused before it is opened', async (_what, funds, code, message) => {
    const api = await shop(chain);
    const me = await payer(chain, api, funds);
    writeFileSync(path.join(me.home, 'password'), 'wrong');
    const result = await me.pays(buy);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toMatch(message);
    await expectNothingPaid(me);
    expect(api.changes).toEqual([]);
  });

  test('that is a smart contract is refused', async () => {
    const me = await payer(chain, await shop(chain));
    await chain.rpc('anvil_setCode', [me.address, '0x6080604052']);
    const { code, stderr } = await me.pays(buy);
    expect([code, stderr]).toEqual([6, expect.stringMatching(/is a smart contract wallet, which can't claim/)]);
    await expectNothingPaid(me);
  });

  test('that states another address than that of its key is refused', async () => {
    const me = await payer(chain, await shop(chain));
    writeWallet(me, 'agent', newKey(), { address: me.address.slice(2) });
    const { code, stderr } = await me.pays(buy);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/it states the address 0x\w+, but its key is that of 0x/),
    ]);
    await expectNothingPaid(me);
  });

  test('is not used with a wrong password, and may be chosen by its file', async () => {
    const me = await payer(chain, await shop(chain));
    writeFileSync(path.join(me.home, 'wrong'), 'wrong');
    const wrong = await me.pays(buy.replace('password --yes', 'wrong --yes'));
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    expect(await me.pays(`${buy} --account nobody`)).toMatchObject({ code: 5 });
    expect(await me.pays(`${buy} --account agent --keystore x`)).toMatchObject({ code: 2 });
    await expectNothingPaid(me);
    const file = path.join(me.home, '.foundry', 'keystores', 'agent');
    const { code } = await me.pays(`${buy} --keystore ${file}`, { env: { ETH_KEYSTORE_ACCOUNT: 'nobody' } });
    expect(code).toBe(0);
  });
});

describe('real money', () => {
  test('is not sent to the address of the sandbox', async () => {
    const rpc = await rpcProxy(chain, ({ method }) => (method === 'web3_clientVersion' ? 'Geth/v1.2' : undefined));
    const me = await payer(chain, await shop(chain));
    const { code, stderr } = await me.pays(`${buy} --rpc-url ${rpc.url}`);
    expect([code, stderr]).toEqual([
      2,
      `ci: The sandbox takes payments only on a local chain for development, not on ${new URL(rpc.url).host}. Nothing was sent. Run \`ci sandbox serve --chain\` to start one, and pass --rpc-url http://127.0.0.1:8545.\n`,
    ]);
    await expectNothingPaid(me);
    expect(rpc.methods).not.toContain('eth_sendRawTransaction');
  });

  test('is not sent with --sandbox, whatever address is asked for', async () => {
    const rpc = await rpcProxy(chain, ({ method }) => (method === 'web3_clientVersion' ? 'Geth/v1.2' : undefined));
    const me = await payer(chain, { url: deadUrl });
    const sandbox = { env: { CHEAPESTINFERENCE_API_URL: '', CHEAPESTINFERENCE_SANDBOX: '1' } };
    const { code, stderr } = await me.pays(`${buy} --rpc-url ${rpc.url}`, sandbox);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/only on a local chain for development/)]);
    expect((await me.pays(buy, sandbox)).code).toBe(0);
    expect(await sentBy(me)).toHaveLength(1);
  });
});

describe('an earlier payment to the sandbox', () => {
  test.skipIf(nodeOnly('sets the clock'))('is not sent to a real chain', async () => {
    const local = await rpcProxy(chain, ({ method }) => {
      if (method === 'eth_sendRawTransaction') throw new RpcFailure('no');
      return undefined;
    });
    const real = await rpcProxy(chain, ({ method }) => (method === 'web3_clientVersion' ? 'Geth/v1.2' : undefined));
    const me = await payer(chain, await shop(chain));
    expect((await me.waits(`${buy} --rpc-url ${local.url}`)).code).toBe(10);
    for (const line of [buy, `${buy} --again`]) {
      const { code, stderr } = await me.waits(`${line} --rpc-url ${real.url}`);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/only on a local chain for development/)]);
    }
    await me.waits('history reconcile --wait', { env: { ETH_RPC_URL: real.url } });
    expect(real.methods).not.toContain('eth_sendRawTransaction');
    expect(outcomesOf(me)).toEqual(['pay unknown']);
    expect((await me.pays(buy)).code).toBe(0);
    expect([(await sentBy(me)).length, outcomesOf(me)]).toEqual([1, ['pay applied']]);
  });
});

describe('an RPC endpoint', () => {
  const huge = `0x${'f'.repeat(64)}`;

  test.each<[string, string, unknown, number, RegExp]>([
    ['of another chain', 'eth_chainId', '0x1', 2, /serves the chain 1, not Base \(8453\)/],
    ['of a huge chain', 'eth_chainId', huge, 2, /serves the chain 1\.15\S+, not Base/],
    ['without USDC', 'eth_getCode', '0x', 1, /There is no USDC contract at 0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913/],
    ['with a number that is text', 'eth_getBalance', '12', 1, /returned "12" to eth_getBalance/],
    ['with a negative number', 'eth_getTransactionCount', '-0x1', 1, /returned "-0x1" to eth_getTransactionCount/],
    ['with a malformed balance', 'eth_call', '0x1', 1, /returned "0x1" to eth_call/],
    [
      'with an absurd tip',
      'eth_maxPriorityFeePerGas',
      '0xe8d4a51000',
      6,
      /asks for up to 0\.0\d+ ETH for gas, which is/,
    ],
    ['with huge gas', 'eth_estimateGas', huge, 6, /ETH for gas, which is more than 0\.005 ETH/],
    ['with a block without a base fee', 'eth_getBlockByNumber', {}, 1, /returned nothing to eth_getBlockByNumber/],
  ])('%s is refused, and its path is not shown', async (_what, method, result, code, message) => {
    const rpc = await rpcProxy(chain, (call) => (call.method === method ? result : undefined));
    const me = await payer(chain, await shop(chain));
    const ended = await me.pays(`${buy} --debug --rpc-url ${rpc.url}/v2/s3cr3t?key=s3cr3t`);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toContain('s3cr3t');
    expect(rpc.methods).not.toContain('eth_sendRawTransaction');
    await expectNothingPaid(me);
  });

  test.each(['https://me:s3cr3t@base.example', 'https://127.0.0.1:1/s3cr3t'])(
    'at %s is refused without showing its path',
    async (url) => {
      const me = await payer(chain, await shop(chain));
      const typed = await me.pays([...buy.split(' '), '--debug', '--rpc-url', url]);
      const chosen = await me.pays(`${buy} --json`, { env: { ETH_RPC_URL: url } });
      for (const { code, stdout, stderr } of [typed, chosen]) {
        expect([url.startsWith('https://127') ? 9 : 2, '']).toEqual([code, stdout]);
        expect(stderr).not.toContain('s3cr3t');
      }
      await expectNothingPaid(me);
    },
  );

  test('of Base is refused for --chain base-sepolia', async () => {
    const me = await payer(chain, await shop(chain));
    const { code, stderr } = await me.pays(`${buy} --chain base-sepolia`);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/serves the chain 8453, not Base Sepolia \(84532\)/)]);
    expect((await me.pays(`${buy} --chain ethereum`)).code).toBe(2);
    await expectNothingPaid(me);
  });

  test('that never finishes a response ends with the timeout', async () => {
    const rpc = await rpcProxy(chain, ({ method, response }) => {
      if (method !== 'eth_estimateGas') return undefined;
      response.writeHead(200).write('{"jsonrpc":"2.0",');
      return answered;
    });
    const me = await payer(chain, await shop(chain));
    const { code, stderr } = await me.pays(`${buy} --rpc-url ${rpc.url} --timeout 3s`);
    expect([code, stderr]).toEqual([9, expect.stringMatching(/didn't answer within/)]);
    await expectNothingPaid(me);
  });

  test('with a false balance gets a transaction that the chain refuses, and no claim is sent', async () => {
    const rpc = await rpcProxy(chain, ({ method, params }) => {
      if (method === 'eth_estimateGas') return '0xea60';
      const isBalance = method === 'eth_call' && at(params[0], 'to') === chains.base.usdc;
      return isBalance ? huge : undefined;
    });
    const api = await shop(chain);
    const me = await payer(chain, api, { usdc: 1n });
    const { code, stdout, stderr } = await me.pays(`${buy} --rpc-url ${rpc.url}`);
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(/failed on the chain, so no USDC was paid\. Only the gas was spent\./);
    expect(api.changes).toEqual([]);
    expect(outcomesOf(me)).toEqual(['pay unknown']);
    // Another endpoint confirms that it failed, so it is paid now.
    await chain.setUsdc(me.address, 39_000_000n);
    expect(await me.pays(buy)).toMatchObject({ code: 0 });
    expect(outcomesOf(me)).toEqual(['pay not_applied', 'pay applied']);
    expect(await sentBy(me)).toHaveLength(1);
  });

  test.skipIf(nodeOnly('sets the clock'))(
    'that echoes another hash, or invents a receipt of another transaction, changes nothing',
    async () => {
      const other = `0x${'ab'.repeat(32)}`;
      let isHostile = true;
      const rpc = await rpcProxy(chain, ({ method }) => {
        if (!isHostile) return undefined;
        if (method === 'eth_sendRawTransaction') return other;
        if (method !== 'eth_getTransactionReceipt') return undefined;
        return { transactionHash: other, blockNumber: '0x1', status: '0x1', logs: [] };
      });
      const api = await shop(chain);
      const me = await payer(chain, api);
      const line = `${buy} --rpc-url ${rpc.url}`;
      const { code, stderr } = await me.waits(line);
      expect([code, stderr]).toEqual([
        10,
        expect.stringMatching(/^ci: Can't tell whether the payment was made: the RPC/),
      ]);
      expect(api.changes).toEqual([]);
      isHostile = false;
      expect((await me.pays(line)).code).toBe(0);
      expect(await sentBy(me)).toHaveLength(1);
      expect(outcomesOf(me)).toEqual(['pay applied']);
    },
  );

  test('with a huge tip causes no internal error', async () => {
    const rpc = await rpcProxy(chain, ({ method }) => (method === 'eth_maxPriorityFeePerGas' ? huge : undefined));
    const me = await payer(chain, await shop(chain));
    expect(errorOf(await me.pays(`${buy} --json --rpc-url ${rpc.url}`))).toMatchObject({ code: 'unavailable' });
  });

  // The user would pay a second time.
  test.skipIf(nodeOnly('sets the clock')).each([
    ['leaves out the logs of a payment', { logs: [] }],
    ['leaves out the status of a payment', { status: undefined }],
    ['says that a payment failed, which others know better', { status: '0x0', logs: [] }],
  ])('that %s does not make the user pay again', async (_what, more) => {
    let isHostile = true;
    const rpc = await rpcProxy(chain, async ({ method, forward }) => {
      if (method !== 'eth_getTransactionReceipt' || !isHostile) return undefined;
      const receipt = await forward();
      return typeof receipt === 'object' && receipt !== null ? { ...receipt, ...more } : undefined;
    });
    const me = await payer(chain, await shop(chain));
    const line = `${buy} --rpc-url ${rpc.url}`;
    await me.pays(line);
    isHostile = false;
    await me.pays(line);
    expect(await sentBy(me)).toHaveLength(1);
  });

  // The endpoint has the bytes of both, and can send the second one when its turn comes.
  test.skipIf(nodeOnly('sets the clock'))('that states a nonce too high does not get two payments', async () => {
    let isHostile = true;
    const raw: unknown[] = [];
    const rpc = await rpcProxy(chain, ({ method, params }) => {
      if (!isHostile) return undefined;
      if (method === 'eth_sendRawTransaction') raw.push(params[0]);
      if (method === 'eth_sendRawTransaction') return `0x${'ab'.repeat(32)}`;
      return method === 'eth_getTransactionCount' ? '0x1' : undefined;
    });
    let priceUsdc = 39;
    const api = await shop(chain, ({ method }) =>
      method === 'POST'
        ? data({ apiKey: `sk_live_${'0123456789abcdef'.repeat(2)}` })
        : (...each) => selling({ blocks: [{ block: 'asia', priceUsdc }] })(...each),
    );
    const me = await payer(chain, api);
    expect((await me.waits(`${buy} --rpc-url ${rpc.url}`)).code).toBe(10);
    isHostile = false;
    priceUsdc = 38;
    expect(await me.pays(buy)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has the nonce 1, but the RPC endpoint says that the next one of the wallet is 0/),
    });
    await chain.rpc('eth_sendRawTransaction', [raw[0]]).catch(() => {});
    await chain.mine(1);
    expect(await sentBy(me)).toHaveLength(0);
  });

  test.each([
    'eth_chainId',
    'eth_getCode',
    'eth_getTransactionCount',
    'eth_getBalance',
    'eth_call',
    'eth_getBlockByNumber',
    'eth_blockNumber',
  ])('that refuses %s causes no internal error', async (method) => {
    const rpc = await rpcProxy(chain, (call) => {
      if (call.method === method) throw new RpcFailure('too many requests');
      return undefined;
    });
    const me = await payer(chain, await shop(chain));
    const error = errorOf(await me.pays(`${buy} --json --rpc-url ${rpc.url}`));
    expect(error).not.toMatchObject({ code: 'internal' });
  });
});

describe('a hostile API', () => {
  // The command would run another one when it is pasted into a shell.
  test('gets no command for a shell into a hint', async () => {
    const pool = 'x;id';
    const api = await shop(chain, ({ method, path: address }) => {
      if (method === 'POST') return answer(409, { success: false, error: 'No seats' });
      return address === '/api/agent/plans' ? selling({ pool }) : undefined;
    });
    const me = await payer(chain, api);
    const { stderr } = await me.pays([...buy.split(' ').map((word) => (word === 'kimi26' ? pool : word)), '--json']);
    expect(stderr).toContain('refuses the claim: No seats');
    expect(stderr).not.toContain(`--pool ${pool} `);
  });

  test('that repeats the signature does not get it into an error', async () => {
    const api = await shop(chain, ({ method }) =>
      method === 'POST'
        ? (request, response) => answer(403, { error: `Bad: ${request.body}` })(request, response)
        : undefined,
    );
    const me = await payer(chain, api);
    const { stderr } = await me.pays(buy);
    expect(stderr).not.toContain(textAt(JSON.parse(api.received.at(-1)?.body ?? ''), 'signature'));
  });
});

describe('secrets', () => {
  test('are in no log, record, error or file but those meant for them', async () => {
    const api = await shopClaiming(answer(409, { success: false, error: 'No seats available in asia' }));
    const me = await payer(chain, api, {}, { CHEAPESTINFERENCE_API_KEY: `sk_live_${'9f'.repeat(16)}` });
    const { code, stdout, stderr } = await me.pays(`${buy} --debug --json`);
    expect([code, stdout]).toEqual([6, '']);
    const body: unknown = JSON.parse(api.received.at(-1)?.body ?? '');
    const [signature, hash] = [textAt(body, 'signature'), textAt(body, 'txHash')];
    const secrets = [me.key, vectorPassword, signature.slice(2), '9f9f9f9f'];
    const files = stateFiles(me).map((name) => path.join(stateFolder(me), name));
    expect(stateFiles(me)).toEqual([`claims/${hash}`, 'history.jsonl', expect.stringMatching(/^open\/\w+\.json$/)]);
    const claims = path.join(stateFolder(me), 'claims');
    expect([modeOf(claims), modeOf(path.join(claims, hash))]).toEqual(['700', '600']);
    expect(readFileSync(path.join(claims, hash), 'utf8')).toBe(`${signature}\n`);
    const texts = [stderr, (await me.ci('history --all --json')).stdout, JSON.stringify(recordOf(me))];
    for (const file of files.filter((each) => !each.startsWith(claims))) texts.push(readFileSync(file, 'utf8'));
    for (const each of secrets) for (const text of texts) expect(text).not.toContain(each);
  });

  test('are in no argument or environment of another program', async () => {
    const me = await payer(chain, await shop(chain));
    const log = path.join(me.home, 'calls');
    for (const name of ['anvil', 'cast', 'secret-tool', 'security', 'ps', 'sh']) {
      writeFileSync(path.join(me.home, 'bin', name), `#!/bin/sh\n{ echo "$0 $@"; env; } >> ${log}\n`, { mode: 0o755 });
    }
    expect((await me.pays(buy)).code).toBe(0);
    const calls = existsSync(log) ? readFileSync(log, 'utf8') : '';
    expect(calls).not.toContain(vectorPassword);
    expect(calls).not.toContain(me.key);
  });

  test('of a claim are not read from a file that others could have changed', async () => {
    let isDown = true;
    const api = await shop(chain, ({ method }) => (method === 'POST' && isDown ? webPage(502) : undefined));
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(10);
    isDown = false;
    const [{ hash } = { hash: '' }] = await sentBy(me);
    const file = path.join(stateFolder(me), 'claims', hash);
    chmodSync(file, 0o666);
    const open = await me.pays(buy);
    expect([open.code, open.stderr]).toEqual([1, expect.stringMatching(/Other users can write to \S+ \(mode 0666\)/)]);
    chmodSync(file, 0o600);
    if (process.geteuid?.() === 0) {
      chownSync(file, 12_345, 12_345);
      expect(await me.pays(buy)).toMatchObject({ code: 1, stderr: expect.stringMatching(/belongs to another user/) });
      chownSync(file, 0, 0);
    }
    expect((await me.pays(buy)).code).toBe(0);
    expect([await sentBy(me), existsSync(file)]).toEqual([[expect.anything()], false]);
  });

  test('of a claim are made again if their file is damaged', async () => {
    const behaviors = [webPage(502), webPage(502), webPage(502), webPage(502)];
    const api = await shop(chain, ({ method }) => (method === 'POST' ? behaviors.shift() : undefined));
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(10);
    const [{ hash } = { hash: '' }] = await sentBy(me);
    writeFileSync(path.join(stateFolder(me), 'claims', hash), 'damaged');
    expect([(await me.pays(buy)).code, (await sentBy(me)).length]).toEqual([0, 1]);
  });

  test('of a claim are made again if another wallet made them', async () => {
    const behaviors = [webPage(502), webPage(502), webPage(502), webPage(502)];
    const api = await shop(chain, ({ method }) => (method === 'POST' ? behaviors.shift() : undefined));
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(10);
    const [{ hash } = { hash: '' }] = await sentBy(me);
    writeFileSync(path.join(stateFolder(me), 'claims', hash), `0x${'11'.repeat(64)}1b\n`);
    expect([(await me.pays(buy)).code, (await sentBy(me)).length]).toEqual([0, 1]);
  });

  test('are not written if there is no room for them, and then nothing is sent', async () => {
    const me = await payer(chain, await shop(chain));
    mkdirSync(stateFolder(me), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(stateFolder(me), 'claims'), '');
    const { code, stderr } = await me.pays(buy);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^ci: Can't write to .+ Nothing was sent\./)]);
    expect(await sentBy(me)).toEqual([]);
    expect(outcomesOf(me)).toEqual([]);
  });

  test('are not written through a link in the place of the file', async () => {
    let isDown = true;
    const api = await shop(chain, ({ method }) => (method === 'POST' && isDown ? webPage(502) : undefined));
    const me = await payer(chain, api);
    expect((await me.pays(buy)).code).toBe(10);
    isDown = false;
    const [{ hash } = { hash: '' }] = await sentBy(me);
    const file = path.join(stateFolder(me), 'claims', hash);
    const other = path.join(me.home, 'other');
    writeFileSync(other, readFileSync(file), { mode: 0o600 });
    writeFileSync(path.join(me.home, 'empty'), '');
    await me.sh(`rm ${file}`);
    symlinkSync(other, file);
    expect(await me.pays(buy)).toMatchObject({ code: 1, stderr: expect.stringMatching(/is a symbolic link/) });
    expect(await sentBy(me)).toHaveLength(1);
  });
});
