/** Millionths of a dollar per cent. A completion costs far less than a cent. */
export const microsPerCent = 10_000;

/** The address to send USDC to, which no one owns. */
export const usdcAddress = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';

const microsPerDollar = 1_000_000;

/** Formats cents like prices of the API: `"39.00"`. */
export function priceText(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** Converts millionths of a dollar to USD, like balances of the API. */
export function dollars(micros: number): number {
  return micros / microsPerDollar;
}

/** Converts USD to cents. Undefined if that isn't a whole number. */
export function wholeCents(usd: number): number | undefined {
  const cents = Math.round(usd * 100);
  return cents / 100 === usd ? cents : undefined;
}

/** Converts USD to millionths, rounded up so that a positive amount stays positive. */
export function microsOf(usd: number): number {
  return Math.ceil(Number((usd * microsPerDollar).toFixed(3)));
}

/** Divides whole numbers ≥ 0, rounding half up. */
export function halfUp(numerator: number, denominator: number): number {
  return Math.floor((2 * numerator + denominator) / (2 * denominator));
}
