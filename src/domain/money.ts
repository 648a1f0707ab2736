/** An amount of money in whole US cents. All arithmetic on money is done in it; it is always a safe integer. */
export type Cents = number;

/** The largest amount that is still exact, far above any bill. */
const largest = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Reads an amount of USD as the API writes it, a decimal string (`"39.00"`) or a number (`25.00`), into cents.
 * Digits beyond the cent are rounded half up (away from zero).
 *
 * @throws RangeError when the text is no amount or too large to be exact
 */
export function parseUsd(amount: string | number): Cents {
  const { digits, scale } = decimal(amount);
  return rounded(digits * 100n, 10n ** BigInt(scale));
}

/** Cents as a number of USD, for JSON: 3904 is 39.04. */
export function toUsd(cents: Cents): number {
  return cents / 100;
}

/** Cents for people: `$1,234.50`. */
export function formatUsd(cents: Cents): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  const dollars = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',');
  return `${cents < 0 ? '-' : ''}$${dollars}.${digits.slice(-2)}`;
}

/** An amount of USD of the API for a pipe, to its last digit and at least to the cent: `39.00`, `0.00125`; nothing for none. */
export function decimalUsd(amount: number | null | undefined): string {
  if (amount == null) return '';
  const { scale } = decimal(amount);
  return amount.toFixed(Math.max(2, scale));
}

/** An amount of USD of the API for people: `$39.00`; nothing for none. */
export function shownUsd(amount: number | null | undefined): string {
  return amount == null ? '' : formatUsd(parseUsd(amount));
}

/**
 * What a year costs, paid upfront: monthlyPrice × 12 × (1 − annualDiscount), rounded half up to the cent.
 * Source: Unlimited Subscriptions API, "Annual amount".
 *
 * @param monthly - price of a month
 * @param annualDiscount - fraction off, from 0 to 1: 0.15 is 15 %
 * @throws RangeError when the discount is no fraction of one
 */
export function yearlyCharge(monthly: Cents, annualDiscount: number): Cents {
  if (!(annualDiscount >= 0 && annualDiscount <= 1)) {
    throw new RangeError(`the annual discount is ${annualDiscount}, not a fraction from 0 to 1`);
  }
  const { digits, scale } = decimal(annualDiscount);
  const one = 10n ** BigInt(scale);
  return rounded(BigInt(monthly) * 12n * (one - digits), one);
}

/** A decimal number as an integer and how many of its digits are decimals: "4.88" is 488 and 2. */
function decimal(value: string | number): { digits: bigint; scale: number } {
  const text = String(value).trim();
  const match = /^(-?)\$?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d*))?(?:e([+-]?\d{1,2}))?$/i.exec(text);
  if (!match) throw new RangeError(`"${text}" is not an amount of USD`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(`${whole.replaceAll(',', '')}${fraction}`) * (sign ? -1n : 1n);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

function rounded(numerator: bigint, denominator: bigint): Cents {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const cents = (magnitude * 2n + denominator) / (denominator * 2n);
  if (cents > largest) throw new RangeError('the amount is too large');
  return Number(numerator < 0n ? -cents : cents);
}
