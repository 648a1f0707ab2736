import { describe, expect, onTestFinished, test } from 'vitest';
import { ChainNode } from '../../src/chain/node.ts';
import { RpcClient } from '../../src/chain/rpc.ts';
import { signTransfer } from '../../src/chain/transaction.ts';
import { chains } from '../../src/domain/chains.ts';
import { memberOf } from '../../src/domain/json.ts';
import type { PayIntent } from '../../src/domain/payment.ts';
import { unitsText } from '../../src/domain/payment.ts';
import type { Due } from '../../src/payment/due.ts';
import { etherText, hasEnoughFees, preparePayment } from '../../src/payment/prepare.ts';
import { Wallet } from '../../src/wallet/load.ts';
import { answer, failure, serve } from '../support/http-server.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { fastTime } from '../support/world.ts';

const from = '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23';
const to = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const due: Due = { purchase: { type: 'subscription', pool: 'kimi26', blocks: ['asia'] }, units: 39_000_000n, to };
const gwei = 10n ** 9n;
const ether = 10n ** 18n;

const hex = (value: bigint) => `0x${value.toString(16)}`;
const word = (value: bigint) => `0x${value.toString(16).padStart(64, '0')}`;

/** What a chain says about the wallet. */
interface State {
  readonly code?: string;
  readonly usdc?: bigint;
  readonly ether?: bigint;
  readonly nonce?: bigint;
  readonly pending?: bigint;
  readonly gas?: bigint | string;
  readonly base?: bigint;
  readonly tip?: bigint;
  /** What storing the transaction on Ethereum costs. */
  readonly dataFee?: bigint;
}

/** Creates a node that answers from a state. Text as the gas is an error. */
async function nodeWith(state: State = {}): Promise<ChainNode> {
  const { usdc = 100_000_000n, ether: wei = ether, nonce = 5n, gas = 50_000n, base = gwei, tip = gwei } = state;
  const { code = '0x', pending = nonce, dataFee } = state;
  const server = await serve((response, { body }) => {
    const call: unknown = JSON.parse(body);
    const [first, second] = listAt(call, 'params');
    const of: Readonly<Record<string, unknown>> = {
      eth_getCode: code,
      eth_getBalance: hex(wei),
      eth_getTransactionCount: hex(second === 'pending' ? pending : nonce),
      eth_estimateGas: typeof gas === 'string' ? undefined : hex(gas),
      eth_getBlockByNumber: { baseFeePerGas: hex(base) },
      eth_maxPriorityFeePerGas: hex(tip),
      eth_blockNumber: '0x7',
    };
    const method = textAt(call, 'method');
    const isBalance = memberOf(first, 'to') === chains.base.usdc;
    const result =
      method === 'eth_call' ? (isBalance ? word(usdc) : dataFee === undefined ? '0x' : word(dataFee)) : of[method];
    const id = memberOf(call, 'id');
    answer(response, result === undefined ? { id, error: { message: gas } } : { id, result });
  });
  const client = new RpcClient({
    url: server.url,
    userAgent: 'test',
    timeout: 120_000,
    proxies: {},
    ...fastTime(10),
    interrupt: new AbortController().signal,
  });
  onTestFinished(() => client.close());
  return new ChainNode(client, chains.base);
}

/** Returns a payment that was signed with some fees. */
function signed(most: bigint, tip: bigint, nonce = 5): PayIntent {
  const wallet = new Wallet(Buffer.from('11'.repeat(32), 'hex'));
  const transaction = { chain: chains.base, nonce, to, units: due.units, gas: 65_000n, fees: { most, tip } } as const;
  const { purchase } = due;
  const rest = {
    action: 'pay',
    purchase,
    amount: 39,
    chain: 'base',
    isLocal: true,
    host: 'sandbox',
    from,
    to,
    nonce,
    block: 1,
  } as const;
  return { ...rest, ...signTransfer(transaction, (hash) => wallet.sign(hash)) };
}

describe('an amount of ETH', () => {
  test.each([
    [0n, '0 ETH'],
    [1n, '0.000000000000000001 ETH'],
    [210_000_000_000n, '0.00000021 ETH'],
    [211_000_000_001n, '0.00000022 ETH'],
    [999_999_999_999_999_999n, '1 ETH'],
    [ether, '1 ETH'],
    [1234n * ether, '1234 ETH'],
    [5n * 10n ** 15n, '0.005 ETH'],
  ])('of %i wei is %s, and never shown as less than it is', (wei, text) => {
    expect(etherText(wei)).toBe(text);
  });

  test('of USDC is exact', () => {
    expect([unitsText(1n), unitsText(39_000_000n), unitsText(123_456_789n)]).toEqual([
      '0.000001 USDC',
      '39.00 USDC',
      '123.456789 USDC',
    ]);
  });
});

describe('a payment', () => {
  test('is prepared with the next nonce, a margin of gas, and fees that suffice if the base fee doubles', async () => {
    const prepared = await preparePayment(await nodeWith({ dataFee: 1000n }), from, due);
    const fees = { most: 3n * gwei, tip: gwei };
    expect(prepared).toEqual({
      due,
      from,
      transaction: { chain: chains.base, nonce: 5, to, units: 39_000_000n, gas: 65_000n, fees },
      gasCost: 65_000n * 3n * gwei + 1000n,
      usdc: 100_000_000n,
      ether,
      block: 7,
    });
  });

  test.each<[string, State, string, RegExp]>([
    ['a smart contract wallet', { code: '0x6080' }, 'unavailable', /is a smart contract wallet/],
    [
      'a wallet with a millionth too little',
      { usdc: 38_999_999n },
      'payment_required',
      /has 38\.999999 USDC, but 39\.00 USDC is due$/,
    ],
    ['a wallet without ETH', { ether: 0n }, 'payment_required', /has no ETH for gas$/],
    [
      'a wallet with a wei too little',
      { ether: 65_000n * 3n * gwei - 1n },
      'payment_required',
      /ETH, but the gas may cost 0\.000195 ETH$/,
    ],
    ['a wallet with a transaction that waits', { pending: 6n }, 'busy', /Another transaction of the wallet/],
    ['a transfer that would fail', { gas: 'blacklisted' }, 'unavailable', /^The transfer would fail: blacklisted$/],
    ['a price of gas that is absurd', { tip: 100n * gwei }, 'unavailable', /asks for up to 0\.00663 ETH for gas/],
    ['a fee for Ethereum that is absurd', { dataFee: ether }, 'unavailable', /asks for up to 1\.000195 ETH for gas/],
    ['an amount of gas that is absurd', { gas: 2n ** 200n }, 'unavailable', /for gas, which is more than 0\.005 ETH$/],
  ])('is refused for %s', async (_what, state, code, message) => {
    const error = await failure(preparePayment(await nodeWith(state), from, due));
    expect([error.code, error.outcome]).toEqual([code, 'not_applied']);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(/^Nothing was sent\.|^Its transactions are sent by others/);
  });

  test('that replaces another one has its nonce, and fees above it', async () => {
    const earlier = signed(10n * gwei, 4n * gwei);
    const { transaction } = await preparePayment(await nodeWith({ pending: 6n }), from, due, earlier);
    expect(transaction.nonce).toBe(5);
    expect(transaction.fees).toEqual({ most: (10n * gwei * 113n) / 100n + 1n, tip: (4n * gwei * 113n) / 100n + 1n });
    const cheap = await preparePayment(await nodeWith(), from, due, signed(1n, 1n));
    expect(cheap.transaction.fees).toEqual({ most: 3n * gwei, tip: gwei });
  });

  test('waits to be mined only if its fees allow that', async () => {
    const node = await nodeWith();
    expect(await hasEnoughFees(node, signed(3n * gwei, gwei))).toBe(true);
    expect(await hasEnoughFees(node, signed(2n * gwei, gwei))).toBe(true);
    expect(await hasEnoughFees(node, signed(2n * gwei - 1n, gwei))).toBe(false);
  });

  // The chain could execute both of them.
  test('replaces no other one that has a later nonce', async () => {
    const error = await failure(preparePayment(await nodeWith(), from, due, signed(gwei, gwei, 7)));
    expect(error.code).toBe('busy');
  });
});
