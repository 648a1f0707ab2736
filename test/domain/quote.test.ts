import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockNames, hoursOf } from '../../src/domain/blocks.ts';
import { parseUsd } from '../../src/domain/money.ts';
import { estimatedPrice, exactPrice, quote } from '../../src/domain/quote.ts';

/** The slots of one seat as the API prices them: the monthly price over eight hours, each rounded to the cent. */
function slots(block: (typeof blockNames)[number], monthly: number) {
  return hoursOf(block).map((hour) => ({ hour, price: Math.floor((2 * monthly + 8) / 16) }));
}

describe('estimatedPrice', () => {
  test('of eight hours at "4.88" is 39.04, and 39.08 at most, where the block costs 39.00', () => {
    const hours = hoursOf('asia').map((hour) => ({ hour, price: parseUsd('4.88') }));
    expect(estimatedPrice('asia', hours)).toEqual({ cents: 3904, atMost: 3908, exact: false });
  });

  test('is never more than 4 cents from the exact price, nor below it at most, for any monthly price', () => {
    fc.assert(
      fc.property(fc.nat(100_000_000), fc.constantFrom(...blockNames), (monthly, block) => {
        const price = estimatedPrice(block, slots(block, monthly));
        expect(Math.abs((price?.cents ?? Number.NaN) - monthly)).toBeLessThanOrEqual(4);
        expect(price?.atMost).toBeGreaterThanOrEqual(monthly);
        expect(price?.exact).toBe(false);
      }),
    );
    for (let monthly = 0; monthly <= 20_000; monthly++) {
      const price = estimatedPrice('europe', slots('europe', monthly));
      if (price === undefined || Math.abs(price.cents - monthly) > 4 || price.atMost < monthly) {
        expect.fail(`${monthly} cents are estimated as ${JSON.stringify(price)}`);
      }
    }
  });

  test('ignores the hours of other blocks', () => {
    const all = [...slots('asia', 3900), ...slots('europe', 4900), ...slots('americas', 4500)];
    expect(estimatedPrice('europe', all)).toEqual({ cents: 4904, atMost: 4908, exact: false });
    expect(estimatedPrice('americas', all)).toEqual({ cents: 4504, atMost: 4508, exact: false });
  });

  test('takes the dearest seat of each hour, so that it is not below what will be charged', () => {
    const two = [...slots('asia', 3900), ...slots('asia', 8000)];
    expect(estimatedPrice('asia', two)).toEqual({ cents: 8000, atMost: 8004, exact: false });
    expect(estimatedPrice('asia', two.toReversed())).toEqual({ cents: 8000, atMost: 8004, exact: false });
  });

  test('is not made where an hour of the block has no price', () => {
    expect(estimatedPrice('asia', slots('asia', 3900).slice(1))).toBeUndefined();
    expect(estimatedPrice('asia', slots('europe', 4900))).toBeUndefined();
    expect(estimatedPrice('asia', [])).toBeUndefined();
  });

  test('refuses an hour that no day has', () => {
    expect(() => estimatedPrice('asia', [{ hour: 24, price: 488 }])).toThrow(RangeError);
  });
});

describe('quote', () => {
  const exact = [
    { block: 'asia', monthly: exactPrice(3900) },
    { block: 'europe', monthly: exactPrice(4900) },
    { block: 'americas', monthly: exactPrice(4500) },
  ] as const;

  test('a month is the sum of the blocks times the seats, charged as it is', () => {
    const price = { cents: 26_600, atMost: 26_600, exact: true };
    expect(quote(exact, 2, 'month', 0.15)).toEqual({
      blocks: exact,
      quantity: 2,
      billingCycle: 'month',
      monthly: price,
      charge: price,
    });
  });

  test('a year is charged upfront with the discount: 133.00 × 2 × 12 × 0.85 = 2713.20', () => {
    expect(quote(exact, 2, 'year', 0.15)).toMatchObject({
      monthly: { cents: 26_600, exact: true },
      charge: { cents: 271_320, atMost: 271_320, exact: true },
    });
  });

  test('a year without a known discount is priced without one, and is not exact', () => {
    expect(quote(exact, 1, 'year', undefined).charge).toEqual({ cents: 159_600, atMost: 159_600, exact: false });
  });

  test('one estimated block makes the whole an estimate, its margin times the seats and the year', () => {
    const mixed = [exact[0], { block: 'europe', monthly: { cents: 4904, atMost: 4908, exact: false } }] as const;
    expect(quote(mixed, 3, 'month', 0.15).charge).toEqual({ cents: 26_412, atMost: 26_424, exact: false });
    expect(quote(mixed, 3, 'year', 0.15).charge).toEqual({ cents: 269_402, atMost: 269_525, exact: false });
  });

  test('never says "at most" less than what will be charged, for any price, seats and discount', () => {
    const price = fc.nat(1_000_000);
    fc.assert(
      fc.property(price, fc.integer({ min: 1, max: 20 }), fc.nat(100), (monthly, quantity, percent) => {
        const estimate = estimatedPrice('asia', slots('asia', monthly));
        if (estimate === undefined) return expect.fail('no estimate');
        for (const cycle of ['month', 'year'] as const) {
          const exactly = quote([{ block: 'asia', monthly: exactPrice(monthly) }], quantity, cycle, percent / 100);
          const about = quote([{ block: 'asia', monthly: estimate }], quantity, cycle, percent / 100);
          expect(about.charge.atMost).toBeGreaterThanOrEqual(exactly.charge.cents);
        }
      }),
    );
  });
});
