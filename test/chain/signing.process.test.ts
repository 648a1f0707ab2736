import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signerOf } from '../../src/chain/signature.ts';
import { feesIn, signedLength, signTransfer, type TransferTransaction } from '../../src/chain/transaction.ts';
import { chains, type Hex } from '../../src/domain/chains.ts';
import { Wallet } from '../../src/wallet/load.ts';
import { startChain, type TestChain } from '../support/chain.ts';
import { textAt } from '../support/sandbox.ts';

/** The key of the first account of anvil, from its documentation. */
const key = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const to = '0x5a4Db0c15a4dB0C15A4db0c15A4dB0C15a4Db0C1';

let chain: TestChain;
let wallet: Wallet;
beforeAll(async () => {
  chain = await startChain();
  wallet = new Wallet(Buffer.from(key, 'hex'));
});
afterAll(async () => {
  wallet.close();
  await chain.close();
});

function transfer(more: Partial<TransferTransaction> = {}): TransferTransaction {
  const fees = { most: 3_000_000_000n, tip: 1_000_000_000n };
  return { chain: chains.base, nonce: 0, to, units: 39_000_000n, gas: 100_000n, fees, ...more };
}

function signed(transaction: TransferTransaction) {
  return signTransfer(transaction, (hash) => wallet.sign(hash));
}

describe('the signature of a text', () => {
  test.each([
    ['a claim', `CheapestInference: claim pool subscription for transaction 0x${'1f'.repeat(32)}`],
    ['an empty text', ''],
    ['text that is not ASCII', 'Zürich ✓ 𝒳\n'],
    ['text that looks like bytes', '0x00ff'],
  ])('equals that of personal_sign (%s)', async (_what, text) => {
    const bytes = `0x${Buffer.from(text).toString('hex')}`;
    const signature = wallet.signMessage(text);
    expect(signature).toBe(await chain.rpc('personal_sign', [bytes, chain.accounts[0]]));
    expect(signerOf(text, signature)).toBe(wallet.address);
    expect(signerOf(text, signature.toUpperCase().replace('0X', '0x'))).toBe(wallet.address);
    expect(signerOf(`${text}.`, signature)).not.toBe(wallet.address);
  });

  test.each([
    ['empty', ''],
    ['too short', `0x${'11'.repeat(64)}`],
    ['too long', `0x${'11'.repeat(66)}`],
    ['without 0x', '11'.repeat(65)],
    ['not hexadecimal', `0x${'zz'.repeat(65)}`],
    ['zero', `0x${'00'.repeat(64)}1b`],
    ['above the order of the curve', `0x${'ff'.repeat(64)}1b`],
    ['with an unknown recovery ID', `0x${'11'.repeat(64)}63`],
  ])('has no signer if it is %s', (_what, signature) => {
    expect(signerOf('text', signature)).toBeUndefined();
  });
});

describe('a signed transfer', () => {
  test('is mined under the hash that was known before, with the fees and nonce that were signed', async () => {
    await chain.setUsdc(wallet.address, 40_000_000n);
    const { hash, raw } = signed(transfer());
    expect(await chain.transactSigned(raw)).toBe(hash);
    expect(await chain.transfersTo(to)).toEqual([
      { hash, from: wallet.address.toLowerCase(), to: to.toLowerCase(), units: 39_000_000n, block: expect.any(Number) },
    ]);
    const known = await chain.rpc('eth_getTransactionByHash', [hash]);
    expect(known).toMatchObject({ nonce: '0x0', maxFeePerGas: '0xb2d05e00', maxPriorityFeePerGas: '0x3b9aca00' });
    expect(textAt(known, 'from')).toBe(wallet.address.toLowerCase());
    expect(feesIn(raw)).toEqual(transfer().fees);
    expect(await chain.usdcOf(wallet.address)).toBe(1_000_000n);
  });

  test('is not executed twice, and not on another chain', async () => {
    const again = signed(transfer());
    await expect(chain.rpc('eth_sendRawTransaction', [again.raw])).rejects.toThrow(/nonce too low/);
    const elsewhere = signed(transfer({ chain: chains['base-sepolia'], nonce: 1 }));
    await expect(chain.rpc('eth_sendRawTransaction', [elsewhere.raw])).rejects.toThrow(/chain id/i);
  });

  test('is never longer than its estimate', () => {
    for (const [nonce, units] of [
      [0, 1n],
      [127, 39_000_000n],
      [2 ** 32, 2n ** 200n],
    ] as const) {
      const transaction = transfer({ nonce, units });
      const estimate = signedLength(transaction);
      const length = (signed(transaction).raw.length - 2) / 2;
      expect(estimate).toBeGreaterThanOrEqual(length);
      expect(estimate - length).toBeLessThan(12);
    }
  });

  test('is signed by a wallet only while it is open, and only for 32 bytes', () => {
    const other = new Wallet(Buffer.from(key, 'hex'));
    const hash: Hex = `0x${'11'.repeat(32)}`;
    expect(other.sign(hash)).toMatch(/^0x[0-9a-f]{128}1[bc]$/);
    expect(() => other.sign('0x11')).toThrow('32 bytes');
    other.close();
    expect(() => other.sign(hash)).toThrow('closed');
  });
});
