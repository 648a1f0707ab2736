import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chains } from '../../src/domain/chains.ts';
import { startChain, type TestChain } from '../support/chain.ts';
import { at, listAt } from '../support/sandbox.ts';

const { usdc } = chains.base;
const receiver = `0x${'ab'.repeat(20)}`;
let chain: TestChain;
let before: string;

beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain.close());
beforeEach(async () => {
  before = await chain.snapshot();
});
afterEach(() => chain.revert(before));

/** Calls the contract without a transaction. */
function call(data: string, from = chain.accounts[0]): Promise<unknown> {
  return chain.rpc('eth_call', [{ from, to: usdc, data }, 'latest']);
}

function word(value: string): string {
  return value.replace('0x', '').padStart(64, '0');
}

describe('the USDC of a local chain', () => {
  test('has 6 decimals', async () => {
    expect(await call('0x313ce567')).toBe(`0x${word('6')}`);
  });

  test('returns the balance that is set, and none for others', async () => {
    await chain.setUsdc(receiver, 2n ** 255n);
    expect(await chain.usdcOf(receiver)).toBe(2n ** 255n);
    expect(await chain.usdcOf(chain.accounts[0])).toBe(0n);
  });

  test('moves a transfer and logs it', async () => {
    const [from] = chain.accounts;
    await chain.setUsdc(from, 1000n);
    await chain.setUsdc(receiver, 5n);
    const hash = await chain.send(from, receiver, 999n);
    expect([await chain.usdcOf(from), await chain.usdcOf(receiver)]).toEqual([1n, 1004n]);
    expect(await chain.transfersTo(receiver)).toEqual([
      { hash, from, to: receiver, units: 999n, block: Number(await chain.rpc('eth_blockNumber')) },
    ]);
    const receipt = await chain.rpc('eth_getTransactionReceipt', [hash]);
    expect([at(receipt, 'status'), listAt(receipt, 'logs').length]).toEqual(['0x1', 1]);
  });

  test('returns true for a transfer of the whole balance, and of nothing', async () => {
    await chain.setUsdc(chain.accounts[0], 7n);
    expect(await call(`0xa9059cbb${word(receiver)}${word('7')}`)).toBe(`0x${word('1')}`);
    expect(await call(`0xa9059cbb${word(receiver)}${word('0')}`)).toBe(`0x${word('1')}`);
  });

  test('creates nothing in a transfer to oneself', async () => {
    const [from] = chain.accounts;
    await chain.setUsdc(from, 7n);
    await chain.send(from, from, 7n);
    expect(await chain.usdcOf(from)).toBe(7n);
  });

  test('reverts above the balance', async () => {
    const [from] = chain.accounts;
    await chain.setUsdc(from, 7n);
    await expect(call(`0xa9059cbb${word(receiver)}${word('8')}`)).rejects.toThrow(/revert/);
    await expect(call(`0xa9059cbb${word(receiver)}${'f'.repeat(64)}`)).rejects.toThrow(/revert/);
    const hash = await chain.send(from, receiver, 8n);
    expect(at(await chain.rpc('eth_getTransactionReceipt', [hash]), 'status')).toBe('0x0');
    expect([await chain.usdcOf(from), await chain.usdcOf(receiver)]).toEqual([7n, 0n]);
  });

  test.each(['0x', '0x00', '0x23b872dd', '0x095ea7b3'])('reverts at the call %s', async (data) => {
    await expect(call(data)).rejects.toThrow(/revert/);
  });
});
