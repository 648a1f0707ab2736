import { describe, expect, test } from 'vitest';
import type { PaymentCatalog } from '../../src/api/agent.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { usdcOf } from '../../src/domain/usdc.ts';
import { checkMaximum, creditDue, type Due, subscriptionDue, topupDue } from '../../src/payment/due.ts';

const address = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';

type Product = PaymentCatalog['products'][number];

const kimi: Product = {
  type: 'subscription',
  pool: 'kimi26',
  duration: '30 days',
  blocks: [
    { block: 'asia', priceUsdc: 0.1, availableSeats: 7 },
    { block: 'europe', priceUsdc: 0.2 },
    { block: 'americas', priceUsdc: 45, availableSeats: 0 },
  ],
};

function catalog(products: readonly Product[] = [kimi], payTo: string = address): PaymentCatalog {
  return { network: 'base', asset: 'USDC', payTo, products };
}

/** Returns the code and message of the error that a function throws. */
function errorOf(work: () => unknown): [string, string] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    expect(error.outcome ?? 'not_applied').toBe('not_applied');
    return [error.code, error.message];
  }
  throw new Error('it did not fail');
}

describe('a subscription', () => {
  test('costs the exact sum of its blocks', () => {
    const due = subscriptionDue(catalog(), 'kimi26', ['asia', 'europe']);
    expect(due).toEqual({
      purchase: { type: 'subscription', pool: 'kimi26', blocks: ['asia', 'europe'] },
      units: 300_000n,
      to: address,
      duration: '30 days',
    });
    expect(usdcOf(due.units)).toBe(0.3);
    const small = { ...kimi, blocks: [{ block: 'asia', priceUsdc: 0.000001 }] };
    expect(usdcOf(subscriptionDue(catalog([small]), 'kimi26', ['asia']).units)).toBe(0.000001);
  });

  test('is refused if the product names another address than the catalog', () => {
    const other = { ...kimi, payTo: `0x${'d'.repeat(40)}` };
    expect(errorOf(() => subscriptionDue(catalog([other]), 'kimi26', ['asia']))).toEqual([
      'unexpected_response',
      `The API asks for payment to two addresses: ${address} and "${other.payTo}"`,
    ]);
    const same = { ...kimi, payTo: address.toLowerCase() };
    expect(subscriptionDue(catalog([same]), 'kimi26', ['asia']).to).toBe(address);
  });

  test('is refused if a block is sold out, missing or listed twice', () => {
    expect(errorOf(() => subscriptionDue(catalog(), 'kimi26', ['asia', 'americas']))).toEqual([
      'unavailable',
      'kimi26 is sold out in americas',
    ]);
    const asia = { ...kimi, blocks: [{ block: 'asia', priceUsdc: 39 }] };
    expect(errorOf(() => subscriptionDue(catalog([asia]), 'kimi26', ['asia', 'europe']))).toEqual([
      'not_found',
      "You can't buy europe of kimi26 with USDC",
    ]);
    const twice = {
      ...kimi,
      blocks: [
        { block: 'asia', priceUsdc: 39 },
        { block: 'asia', priceUsdc: 1 },
      ],
    };
    expect(errorOf(() => subscriptionDue(catalog([twice]), 'kimi26', ['asia']))).toEqual([
      'unexpected_response',
      'The API lists the block asia of kimi26 twice',
    ]);
  });

  test('is refused for a pool that is not in the catalog, or has no blocks', () => {
    const credit: Product = { type: 'credits', pool: 'glm52', minAmount: 10 };
    expect(errorOf(() => subscriptionDue(catalog([kimi, credit]), 'glm52', ['asia']))).toEqual([
      'not_found',
      'You can\'t buy "glm52" with USDC',
    ]);
    expect(errorOf(() => subscriptionDue(catalog([]), 'kimi26', ['asia']))[0]).toBe('not_found');
    const flat: Product = { type: 'subscription', pool: 'kimi26', price: 39 };
    expect(errorOf(() => subscriptionDue(catalog([flat]), 'kimi26', ['asia']))[0]).toBe('not_found');
  });
});

describe('the address to pay', () => {
  test.each([address, address.toLowerCase(), `0x${address.slice(2).toUpperCase()}`])('may be %s', (payTo) => {
    expect(subscriptionDue(catalog([kimi], payTo), 'kimi26', ['asia']).to).toBe(address);
  });

  test.each([
    ['empty', ''],
    ['without 0x', address.slice(2)],
    ['too short', address.slice(0, -1)],
    ['too long', `${address}0`],
    ['with a wrong checksum', address.replace('aA', 'AA')],
    ['zero', `0x${'0'.repeat(40)}`],
    ['a name', 'vendor.eth'],
    ['with a space', `${address} `],
    ['with another address', `${address},${address}`],
  ])('may not be %s', (_what, payTo) => {
    for (const due of [
      () => subscriptionDue(catalog([kimi], payTo), 'kimi26', ['asia']),
      () => creditDue(catalog([{ type: 'credits' }], payTo), 1000),
      () => topupDue(1000, { address: payTo }),
    ]) {
      expect(errorOf(due)).toEqual(['unexpected_response', expect.stringMatching(/isn't a valid address$/)]);
    }
  });
});

describe('credit', () => {
  test('costs what the user asks for, from the minimum on', () => {
    const credit: Product = { type: 'credits', minAmount: 10 };
    expect(creditDue(catalog([kimi, credit]), 1000)).toEqual({
      purchase: { type: 'credit' },
      units: 10_000_000n,
      to: address,
    });
    expect(errorOf(() => creditDue(catalog([credit]), 999))).toEqual(['usage', '$9.99 is too small for a top-up']);
    expect(creditDue(catalog([{ type: 'credits' }]), 1).units).toBe(10_000n);
    expect(errorOf(() => creditDue(catalog(), 1000))).toEqual(['not_found', "The API doesn't sell credit for USDC"]);
  });

  test('of an account is refused if the API asks for another amount or chain', () => {
    expect(topupDue(2500, { address, chain: 'base', amount: 25 }).units).toBe(25_000_000n);
    expect(topupDue(2500, { address, chain: null, amount: null }).units).toBe(25_000_000n);
    for (const amount of [2500, 25.01, 24.999999, 250, 0]) {
      expect(errorOf(() => topupDue(2500, { address, chain: 'base', amount }))[0]).toBe('unexpected_response');
    }
    for (const chain of ['ethereum', 'base-sepolia', '', 'BASE']) {
      expect(errorOf(() => topupDue(2500, { address, chain }))).toEqual([
        'unexpected_response',
        `The API asks for payment on ${JSON.stringify(chain)}, not on Base`,
      ]);
    }
  });
});

describe('the maximum price', () => {
  const due = (units: bigint): Due => ({ purchase: { type: 'credit' }, units, to: address });

  test('includes the price itself, and nothing above it', () => {
    expect(() => checkMaximum(due(39_000_000n), 3900)).not.toThrow();
    expect(() => checkMaximum(due(39_000_000n), undefined)).not.toThrow();
    expect(errorOf(() => checkMaximum(due(39_000_001n), 3900))).toEqual([
      'price_above_maximum',
      'The price is 39.000001 USDC, which is above --max-price $39.00',
    ]);
    expect(errorOf(() => checkMaximum(due(1n), 0))[0]).toBe('price_above_maximum');
  });
});
