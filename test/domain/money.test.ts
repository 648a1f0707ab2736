import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalUsd, formatUsd, parseUsd, shownUsd, toUsd, yearlyCharge } from '../../src/domain/money.ts';

const safeCents = fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

describe('parseUsd', () => {
  test.each([
    ['39.00', 3900],
    ['39', 3900],
    ['39.', 3900],
    ['4.88', 488],
    ['0.1', 10],
    [' 49.5 ', 4950],
    ['$1,234.50', 123450],
    ['$0', 0],
    ['1,234,567.89', 123456789],
    ['-12.34', -1234],
    ['-$1.00', -100],
    ['1e2', 10000],
    ['1.5E3', 150000],
    ['1e-2', 1],
    ['12345e-3', 1235],
    ['0e99', 0],
    ['90071992547409.91', Number.MAX_SAFE_INTEGER],
  ])('parses the text %j as %i cents', (text, cents) => {
    expect(parseUsd(text)).toBe(cents);
  });

  test.each([
    [39, 3900],
    [25.0, 2500],
    [1.23, 123],
    [0.1 + 0.2, 30],
    [1e-7, 0],
    [1.23456e-99, 0],
    [Number.MIN_VALUE, 0],
    [-0, 0],
    [2713.2, 271320],
    [1e13, 1e15],
  ])('parses the number %d as %i cents', (amount, cents) => {
    expect(parseUsd(amount)).toBe(cents);
  });

  test.each([
    ['1.005', 101],
    ['1.004999', 100],
    ['2.675', 268],
    [1.005, 101],
    ['-1.005', -101],
    ['-1.004', -100],
    ['0.005', 1],
    ['0.0049', 0],
  ])('rounds %j half up, away from zero, to %i cents', (amount, cents) => {
    expect(parseUsd(amount)).toBe(cents);
  });

  test.each([
    '',
    ' ',
    'free',
    '1.2.3',
    '1,23',
    '1,2345',
    ',123',
    '1 234',
    '$-5',
    '$$5',
    '5$',
    '€5',
    '.5',
    '.',
    '0x10',
    '1e',
    '1e100',
    '--1',
    '+1',
    'NaN',
    'null',
  ])('refuses %j', (text) => {
    expect(() => parseUsd(text)).toThrow(new RangeError(`"${text.trim()}" is not an amount in USD`));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d', (amount) => {
    expect(() => parseUsd(amount)).toThrow(RangeError);
  });

  test.each(['90071992547409.92', '1e20', '-90071992547409.92'])('refuses %s as too large', (text) => {
    expect(() => parseUsd(text)).toThrow(new RangeError('the amount is too large'));
  });

  test('rounds every decimal as integer arithmetic does', () => {
    const decimals = fc.tuple(fc.integer({ min: 0, max: 1_000_000_000 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(decimals, ([digits, places]) => {
        const padded = String(digits).padStart(places + 1, '0');
        const text = places === 0 ? padded : `${padded.slice(0, -places)}.${padded.slice(-places)}`;
        const scale = 10n ** BigInt(places);
        const reference = (BigInt(digits) * 100n * 2n + scale) / (2n * scale);
        expect(BigInt(parseUsd(text))).toBe(reference);
        expect(parseUsd(`-${text}`) + Number(reference)).toBe(0);
      }),
    );
  });

  test('keeps the order of amounts', () => {
    fc.assert(
      fc.property(safeCents, safeCents, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(parseUsd(formatUsd(less))).toBeLessThanOrEqual(parseUsd(formatUsd(more)));
      }),
    );
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (a, b) => {
          expect(parseUsd(Math.min(a, b))).toBeLessThanOrEqual(parseUsd(Math.max(a, b)));
        },
      ),
    );
  });
});

test('refuses endless digits before it computes with them', () => {
  for (const text of ['1'.repeat(2_000_000), `0.${'0'.repeat(2_000_000)}1`, `1e-${'9'.repeat(2_000_000)}`]) {
    expect(() => parseUsd(text)).toThrow(new RangeError('the amount has too many digits'));
  }
  expect(parseUsd(`0.${'0'.repeat(150)}1`)).toBe(0);
});

describe('decimalUsd', () => {
  test.each([
    [39, '39.00'],
    [0.00125, '0.00125'],
    [1e-7, '0.0000001'],
    [1.23456e-99, `0.${'0'.repeat(98)}12`],
    [Number.MIN_VALUE, `0.${'0'.repeat(100)}`],
    [-0.5, '-0.50'],
    [1e300, '1e+300'],
    [null, ''],
    [undefined, ''],
  ])('formats %d as %s', (amount, text) => {
    expect(decimalUsd(amount)).toBe(text);
  });
});

describe('shownUsd', () => {
  test.each([
    [39, '$39.00'],
    [1.23456e-99, '$0.00'],
    [-1234.5, '-$1,234.50'],
    [1e300, '$1e+300'],
    [null, ''],
  ])('formats %d as %s', (amount, text) => {
    expect(shownUsd(amount)).toBe(text);
  });
});

test('formats every number with decimalUsd and shownUsd', () => {
  fc.assert(
    fc.property(fc.double(), (amount) => {
      expect(decimalUsd(amount)).not.toBe('');
      expect(shownUsd(amount)).toMatch(/^-?\$/);
    }),
  );
});

describe('formatUsd', () => {
  test.each([
    [0, '$0.00'],
    [5, '$0.05'],
    [50, '$0.50'],
    [3904, '$39.04'],
    [99999, '$999.99'],
    [123450, '$1,234.50'],
    [123456789, '$1,234,567.89'],
    [-5, '-$0.05'],
    [-123450, '-$1,234.50'],
    [Number.MAX_SAFE_INTEGER, '$90,071,992,547,409.91'],
  ])('formats %i cents as %s', (cents, text) => {
    expect(formatUsd(cents)).toBe(text);
  });

  test('is the inverse of parseUsd for every amount', () => {
    fc.assert(fc.property(safeCents, (cents) => void expect(parseUsd(formatUsd(cents))).toBe(cents)));
  });
});

describe('toUsd', () => {
  test.each([
    [0, 0],
    [1, 0.01],
    [3904, 39.04],
    [-271320, -2713.2],
  ])('converts %i cents to %d', (cents, usd) => {
    expect(toUsd(cents)).toBe(usd);
  });

  test('returns numbers that parse as the same cents, for every amount up to a billion', () => {
    const cents = fc.integer({ min: -100_000_000_000, max: 100_000_000_000 });
    fc.assert(fc.property(cents, (amount) => void expect(parseUsd(toUsd(amount))).toBe(amount)));
  });
});

describe('yearlyCharge', () => {
  test.each([
    [13300 * 2, 0.15, 271320],
    [13300, 0.15, 135660],
    [3900, 0.15, 39780],
    [4900, 0.15, 49980],
    [3900, 0, 46800],
    [3900, 1, 0],
    [488, 0.15, 4978],
    [1, 0.125, 11],
    [333, 1 / 3, 2664],
    [0, 0.15, 0],
  ])('returns for %i cents per month with a discount of %d: %i cents', (monthly, discount, charge) => {
    expect(yearlyCharge(monthly, discount)).toBe(charge);
  });

  test.each([-0.01, 1.01, 15, Number.NaN])('refuses a discount of %d', (discount) => {
    expect(() => yearlyCharge(3900, discount)).toThrow(
      new RangeError(`the annual discount is ${discount}, not a fraction from 0 to 1`),
    );
  });

  test('agrees with exact arithmetic for every price and every discount in hundredths of a percent', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.nat(10_000), (monthly, hundredths) => {
        const reference = (BigInt(monthly) * 12n * BigInt(10_000 - hundredths) * 2n + 10_000n) / 20_000n;
        expect(BigInt(yearlyCharge(monthly, hundredths / 10_000))).toBe(reference);
      }),
    );
  });
});
