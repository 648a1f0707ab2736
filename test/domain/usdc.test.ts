import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chains, chainTitle, isChain } from '../../src/domain/chains.ts';
import { fromSmallestUnits, isPayable, isTransactionHash, paymentRequest } from '../../src/domain/usdc.ts';

const address = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const prefix = `ethereum:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/transfer?address=${address}&uint256=`;

describe('a payment request', () => {
  test.each([
    [50, '50000000'],
    [10.5, '10500000'],
    [12.345678, '12345678'],
    [0.000001, '1'],
    [1_000_000, '1000000000000'],
  ])('writes %d USDC in millionths', (amount, units) => {
    expect(paymentRequest(address, amount)).toBe(prefix + units);
  });

  test('is exact for every amount in cents', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000_00 }), (cents) => {
        expect(paymentRequest(address, cents / 100)).toBe(`${prefix}${BigInt(cents) * 10_000n}`);
      }),
    );
  });

  test.each([Number.NaN, -1, 1.2345678, Number.POSITIVE_INFINITY, 1e21])('refuses the amount %d', (amount) => {
    expect(() => paymentRequest(address, amount)).toThrow(`${amount} is not a valid amount of USDC`);
  });

  test.each(['', '0x5a', `${address}0`, address.replace('0x', ''), '0xzz4db0c15a4db0c15a4db0c15a4db0c15a4db0c1'])(
    'refuses the address %j',
    (wrong) => {
      expect(() => paymentRequest(wrong, 50)).toThrow(`"${wrong}" is not a valid address`);
    },
  );
});

test.each([
  [`0x${'a1'.repeat(32)}`, true],
  [`0x${'A1'.repeat(32)}`, true],
  [`0x${'a1'.repeat(31)}`, false],
  ['a1'.repeat(32), false],
  [`0x${'g1'.repeat(32)}`, false],
  [` 0x${'a1'.repeat(32)}`, false],
])('returns whether %j is a transaction hash: %s', (text, is) => {
  expect(isTransactionHash(text)).toBe(is);
});

test.each([
  ['base', true, 'Base'],
  ['eip155:8453', true, 'Base'],
  ['base-sepolia', false, 'Base Sepolia'],
  ['eip155:84532', false, 'Base Sepolia'],
  ['Base ', false, 'Base '],
  ['', false, ''],
])('returns whether the network %j is Base (%s), and its name', (network, is, name) => {
  expect([isChain(network, chains.base), chainTitle(network)]).toEqual([is, name]);
});

test.each([
  [39, true],
  [0.000001, true],
  [1_000_000.123456, true],
  [0, false],
  [-0, false],
  [-39, false],
  [0.0000001, false],
  [39.1234567, false],
  [1e21, false],
  [Number.NaN, false],
  [Number.POSITIVE_INFINITY, false],
])('returns whether %d USDC can be paid: %s', (amount, is) => {
  expect(isPayable(amount)).toBe(is);
});

test('converts millionths to USDC without rounding', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (units) => {
      const [whole = '', fraction = ''] = fromSmallestUnits(String(units)).split('.');
      expect([fraction.length, BigInt(whole) * 1_000_000n + BigInt(fraction)]).toEqual([6, units]);
    }),
  );
});
