import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockNames, hoursOf } from '../../src/domain/blocks.ts';
import { parseUsd, yearlyCharge } from '../../src/domain/money.ts';
import { estimatedPrice, exactPrice, isPlausible, paid, quote } from '../../src/domain/quote.ts';

/** Returns the slots of one seat as the API prices them: an eighth of the monthly price each, rounded to the cent. */
function slots(block: (typeof blockNames)[number], monthly: number) {
  return hoursOf(block).map((hour) => ({ hour, price: Math.floor((2 * monthly + 8) / 16) }));
}

describe('estimatedPrice', () => {
  test('estimates 39.04, and at most 39.08, from eight hours at "4.88" of a block for 39.00', () => {
    const hours = hoursOf('asia').map((hour) => ({ hour, price: parseUsd('4.88') }));
    expect(estimatedPrice('asia', hours)).toEqual({ cents: 3904, atMost: 3908, exact: false });
  });

  test('is within 4 cents of the exact price, and never below it at most, for any monthly price', () => {
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

  test('takes the most expensive seat of each hour, so that it is not below the charge', () => {
    const two = [...slots('asia', 3900), ...slots('asia', 8000)];
    expect(estimatedPrice('asia', two)).toEqual({ cents: 8000, atMost: 8004, exact: false });
    expect(estimatedPrice('asia', two.toReversed())).toEqual({ cents: 8000, atMost: 8004, exact: false });
  });

  test('returns nothing if an hour of the block has no price', () => {
    expect(estimatedPrice('asia', slots('asia', 3900).slice(1))).toBeUndefined();
    expect(estimatedPrice('asia', slots('europe', 4900))).toBeUndefined();
    expect(estimatedPrice('asia', [])).toBeUndefined();
  });

  test('refuses an invalid hour', () => {
    expect(() => estimatedPrice('asia', [{ hour: 24, price: 488 }])).toThrow(RangeError);
  });
});

describe('quote', () => {
  const exact = [
    { block: 'asia', monthly: exactPrice(3900) },
    { block: 'europe', monthly: exactPrice(4900) },
    { block: 'americas', monthly: exactPrice(4500) },
  ] as const;

  test('charges for a month the sum of the blocks times the seats', () => {
    const price = { cents: 26_600, atMost: 26_600, exact: true };
    expect(quote(exact, 2, 'month', 0.15)).toEqual({
      blocks: exact,
      quantity: 2,
      billingCycle: 'month',
      annualDiscount: 0.15,
      monthly: price,
      charge: price,
    });
  });

  test('charges a year up front with the discount: 133.00 × 2 × 12 × 0.85 = 2713.20', () => {
    expect(quote(exact, 2, 'year', 0.15)).toMatchObject({
      monthly: { cents: 26_600, exact: true },
      charge: { cents: 271_320, atMost: 271_320, exact: true },
    });
  });

  test('prices a year without a known discount as an upper bound', () => {
    expect(quote(exact, 1, 'year', undefined).charge).toEqual({ cents: 159_600, atMost: 159_600, exact: false });
  });

  test('is an estimate if one block is, with its margin times the seats and the year', () => {
    const mixed = [exact[0], { block: 'europe', monthly: { cents: 4904, atMost: 4908, exact: false } }] as const;
    expect(quote(mixed, 3, 'month', 0.15).charge).toEqual({ cents: 26_412, atMost: 26_424, exact: false });
    expect(quote(mixed, 3, 'year', 0.15).charge).toEqual({ cents: 269_402, atMost: 269_525, exact: false });
  });

  test('never returns an upper bound below the charge, for any price, seats and discount', () => {
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

describe('isPlausible', () => {
  test.each([
    [-4900, false],
    [0, false],
    [99, false],
    [100, true],
    [4900, true],
    [10_000_000, true],
    [10_000_001, false],
  ])('returns for %i cents per month: %s', (cents, answer) => {
    expect(isPlausible(exactPrice(cents))).toBe(answer);
  });
});

describe('paid', () => {
  const agreed = (quantity: number, cycle: 'month' | 'year' = 'month', discount: number | undefined = 0.15) =>
    quote([{ block: 'europe', monthly: exactPrice(4900) }], quantity, cycle, discount);
  const estimated = (quantity: number, cycle: 'month' | 'year' = 'month') =>
    quote([{ block: 'asia', monthly: { cents: 3904, atMost: 3908, exact: false } }], quantity, cycle, 0.15);

  test.each([
    ['the agreed price', 1, [4900], 4900, false],
    ['a price that rose from 49 to 499', 1, [49_900], 49_900, true],
    ['a price that rose by a dollar', 1, [5000], 5000, true],
    ['a price that fell', 1, [3900], 3900, false],
    ['a sum of rounded hours, as the exact price', 1, [4904], 4900, false],
    ['a cent more than rounding explains', 1, [4905], 4905, true],
    ['three seats that state one seat each', 3, [4900, 4900, 4900], 14_700, false],
    ['three seats that state the total each', 3, [14_700, 14_700, 14_700], 14_700, false],
    ['three seats that rose, one seat each', 3, [49_900, 49_900, 49_900], 149_700, true],
    ['three seats of which one rose', 3, [4900, 49_900, 4900], 59_700, true],
    ['three seats that fell, one seat each', 3, [3900, 3900, 3900], 11_700, false],
    ['three seats of one subscription that states a seat', 3, [4900], 14_700, false],
    ['three seats of one subscription that states the total', 3, [14_700], 14_700, false],
    ['three seats, two with a price', 3, [4900, 4900], 14_700, false],
    ['three seats, the expensive one with a price', 3, [49_900], 149_700, true],
    ['a total beside single seats, which is a rise', 3, [14_700, 4900, 4900], 24_500, true],
    ['two readings of which neither was agreed', 3, [9800, 9800, 9800], 29_400, true],
    ['a price and an impossible one', 2, [4900, 0], 9800, false],
  ] as const)('interprets %s', (_what, quantity, prices, monthly, isAbove) => {
    expect(paid(agreed(quantity), prices)).toEqual({ monthly, charge: monthly, isAbove });
  });

  test.each([[[]], [[0]], [[-4900]], [[99]], [[0, 0, 0]]])('returns nothing for %j', (prices) => {
    expect(paid(agreed(1), prices)).toBeUndefined();
  });

  test('charges a year up front with its discount', () => {
    expect(paid(agreed(1, 'year'), [4900])).toEqual({ monthly: 4900, charge: 49_980, isAbove: false });
    expect(paid(agreed(1, 'year'), [49_900])).toEqual({ monthly: 49_900, charge: 508_980, isAbove: true });
    expect(paid(agreed(2, 'year'), [9800, 9800])).toEqual({ monthly: 9800, charge: 99_960, isAbove: false });
  });

  test('charges a year without a known discount in full, as agreed', () => {
    const whole = quote([{ block: 'europe', monthly: exactPrice(4900) }], 1, 'year', undefined);
    expect(paid(whole, [4900])).toEqual({ monthly: 4900, charge: 58_800, isAbove: false });
    expect(paid(whole, [49_900])).toEqual({ monthly: 49_900, charge: 598_800, isAbove: true });
  });

  test('uses the stated price if an estimate was agreed', () => {
    expect(paid(estimated(1), [3900])).toEqual({ monthly: 3900, charge: 3900, isAbove: false });
    expect(paid(estimated(1), [3904])).toEqual({ monthly: 3904, charge: 3904, isAbove: false });
    expect(paid(estimated(1), [3912])).toEqual({ monthly: 3912, charge: 3912, isAbove: false });
    expect(paid(estimated(1), [3913])).toEqual({ monthly: 3913, charge: 3913, isAbove: true });
    expect(paid(estimated(3), [11_712, 11_712, 11_712])).toEqual({ monthly: 11_712, charge: 11_712, isAbove: false });
    expect(paid(estimated(1, 'year'), [3900])).toEqual({ monthly: 3900, charge: 39_780, isAbove: false });
  });

  test('adds up several blocks of one seat with separate subscriptions', () => {
    const two = quote(
      [
        { block: 'asia', monthly: exactPrice(3900) },
        { block: 'europe', monthly: exactPrice(4900) },
      ],
      1,
      'month',
      0.15,
    );
    expect(paid(two, [3900, 4900])).toEqual({ monthly: 8800, charge: 8800, isAbove: false });
    expect(paid(two, [8808])).toEqual({ monthly: 8800, charge: 8800, isAbove: false });
    expect(paid(two, [8809])?.isAbove).toBe(true);
  });

  test('reports an overcharge as a safe integer for any price, however large', () => {
    const price = fc.integer({ min: 1_000_000_000, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(
        fc.array(price, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        (prices, seats) => {
          for (const cycle of ['month', 'year'] as const) {
            const result = paid(agreed(seats, cycle), prices);
            expect(result?.isAbove).toBe(true);
            expect(Number.isSafeInteger(result?.charge)).toBe(true);
          }
        },
      ),
    );
  });

  test('reports no overcharge for the agreed price in any form', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 10_000_000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(80),
        fc.integer({ min: -4, max: 4 }),
        (cents, seats, percent, off) => {
          const year = quote([{ block: 'asia', monthly: exactPrice(cents) }], seats, 'year', percent / 100);
          const due = { monthly: cents * seats, charge: yearlyCharge(cents * seats, percent / 100), isAbove: false };
          const seat = Math.max(100, cents + off);
          expect(paid(year, Array(seats).fill(seat))).toEqual(due);
          expect(paid(year, Array(seats).fill(seat * seats))).toEqual(due);
        },
      ),
    );
  });
});
