/** Millionths of a US dollar in one cent: what a completion costs is far below a cent. */
export const microsPerCent = 10_000;

/** Where USDC is sent on Base: an address of nobody. */
export const usdcAddress = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';

const microsPerDollar = 1_000_000;

/** An amount of whole cents as the documents write prices: `"39.00"`. */
export function priceText(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** An amount of millionths of a dollar as the documents write balances: a number of USD. */
export function dollars(micros: number): number {
  return micros / microsPerDollar;
}

/** A number of USD in whole cents, or undefined when it is no whole number of cents. */
export function wholeCents(usd: number): number | undefined {
  const cents = Math.round(usd * 100);
  return cents / 100 === usd ? cents : undefined;
}

/** A number of USD in millionths, the fraction below rounded up so that a positive amount stays positive. */
export function microsOf(usd: number): number {
  return Math.ceil(Number((usd * microsPerDollar).toFixed(3)));
}

/** `numerator / denominator`, for whole numbers ≥ 0, rounded half up. */
export function halfUp(numerator: number, denominator: number): number {
  return Math.floor((2 * numerator + denominator) / (2 * denominator));
}
