/** An amount of money in whole US cents, which all arithmetic on money uses. It is always a safe integer. */
export type Cents = number;

/** The largest exact amount, far above any bill. */
const largest = BigInt(Number.MAX_SAFE_INTEGER);
/** The maximum number of decimals that `toFixed` accepts. */
const mostDecimals = 100;
/** Longest text that is parsed as an amount. Arithmetic on millions of digits would take minutes. */
const longestAmount = 1000;

/**
 * Parses an amount in USD as the API writes it, a decimal string (`"39.00"`) or a number (`25.00`).
 * Fractions of a cent are rounded half up (away from zero).
 *
 * @throws RangeError if the text isn't an amount, or is too large to be exact
 */
export function parseUsd(amount: string | number): Cents {
  const { digits, scale } = decimal(amount);
  return rounded(digits * 100n, 10n ** BigInt(scale));
}

/** Converts cents to USD for JSON: 3904 is 39.04. */
export function toUsd(cents: Cents): number {
  return cents / 100;
}

/** Formats cents for people: `$1,234.50`. */
export function formatUsd(cents: Cents): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  const dollars = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',');
  return `${cents < 0 ? '-' : ''}$${dollars}.${digits.slice(-2)}`;
}

/**
 * Formats an amount in USD for a pipe, to its last digit (up to 100 decimals) and at least to the cent: `39.00`, `0.00125`.
 * Returns an empty text without an amount. Never throws.
 */
export function decimalUsd(amount: number | null | undefined): string {
  if (amount == null) return '';
  const [, fraction = '', exponent = '0'] = /(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(amount)) ?? [];
  const decimals = fraction.length - Number(exponent);
  return amount.toFixed(Math.min(Math.max(2, decimals), mostDecimals));
}

/** Formats an amount in USD for people: `$39.00`. Returns an empty text without an amount. Never throws. */
export function shownUsd(amount: number | null | undefined): string {
  if (amount == null) return '';
  return Number.isSafeInteger(Math.round(amount * 100)) ? formatUsd(parseUsd(amount)) : `$${amount}`;
}

/**
 * Returns the price of a year, paid up front: monthlyPrice × 12 × (1 − annualDiscount), rounded half up to the cent.
 * Source: Unlimited Subscriptions API, "Annual amount".
 *
 * @param monthly - price per month
 * @param annualDiscount - fraction off, from 0 to 1: 0.15 is 15%
 * @throws RangeError if the discount isn't from 0 to 1
 */
export function yearlyCharge(monthly: Cents, annualDiscount: number): Cents {
  if (!(annualDiscount >= 0 && annualDiscount <= 1)) {
    throw new RangeError(`the annual discount is ${annualDiscount}, not a fraction from 0 to 1`);
  }
  const { digits, scale } = decimal(annualDiscount);
  const one = 10n ** BigInt(scale);
  return rounded(BigInt(monthly) * 12n * (one - digits), one);
}

/** A number of things at a price each, or per so many. */
export interface PricedQuantity {
  readonly quantity: number;
  /** In USD, as {@link unitPrice} returns it. */
  readonly price: bigint;
  readonly per: 1 | 1_000_000;
}

/** Decimals of a price per unit. */
const priceDecimals = 12;

/** Parses a price per unit in USD: `0.15`. @returns trillionths of a dollar; undefined if it isn't a price with up to 12 decimals */
export function unitPrice(text: string): bigint | undefined {
  const [, whole, fraction = ''] = /^\$?(\d{1,9})(?:\.(\d{1,12}))?$/.exec(text.trim()) ?? [];
  return whole === undefined ? undefined : BigInt(whole + fraction.padEnd(priceDecimals, '0'));
}

/** Sums quantities at their prices, and rounds the sum once, half up to the cent. */
export function charge(items: readonly PricedQuantity[]): Cents {
  const sum = items.reduce(
    (total, { quantity, price, per }) => total + BigInt(quantity) * price * BigInt(1_000_000 / per),
    0n,
  );
  return rounded(sum * 100n, 1_000_000n * 10n ** BigInt(priceDecimals));
}

/** Splits a decimal number into an integer and its number of decimals: "4.88" is 488 and 2. */
function decimal(value: string | number): { digits: bigint; scale: number } {
  const text = String(value).trim();
  if (text.length > longestAmount) throw new RangeError('the amount has too many digits');
  // A number may be as small as 5e-324, but 1e100 is not a valid amount.
  const match = /^(-?)\$?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d*))?(?:e(\+?\d{1,2}|-\d{1,3}))?$/i.exec(text);
  if (!match) throw new RangeError(`"${text}" is not an amount in USD`);
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
