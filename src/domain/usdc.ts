import { type Chain, chains } from './chains.ts';
import type { Cents } from './money.ts';

const decimals = 6;

/** Returns whether a text is an Ethereum transaction hash: 0x and 64 hexadecimal digits. */
export function isTransactionHash(text: string): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(text);
}

/** Returns whether this is the address of the USDC contract on a chain. */
export function isUsdcContract(address: string, { usdc }: Chain): boolean {
  return address.toLowerCase() === usdc.toLowerCase();
}

/** Returns whether an amount of USDC can be paid exactly: above zero, with at most 6 decimals. */
export function isPayable(amount: number): boolean {
  return amount > 0 && exactUnits(amount) !== undefined;
}

/**
 * Converts millionths of a USDC, as x402 catalogs write amounts, to USDC.
 *
 * @param units - a whole number
 * @returns a decimal number
 */
export function fromSmallestUnits(units: string): string {
  return withPoint(units, decimals);
}

/** Converts millionths of a USDC to USDC. */
export function usdcOf(units: bigint): number {
  return Number(fromSmallestUnits(String(units)));
}

/** Converts cents to millionths of a USDC, which is worth a dollar. */
export function unitsOf(cents: Cents): bigint {
  return BigInt(cents) * 10n ** BigInt(decimals - 2);
}

/** Returns a whole number divided by a power of ten, as a decimal number: `withPoint('1500', 3)` is `1.500`. */
export function withPoint(units: string, places: number): string {
  const digits = units.padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** Returns whether a text is an Ethereum address: 0x and 40 hexadecimal digits. */
export function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

/**
 * Returns the request for a payment of USDC on Base that a wallet reads from a QR code (EIP-681).
 *
 * @param address - the recipient
 * @param amount - in USDC, with at most 6 decimals
 * @throws RangeError if the address is invalid or the amount has more than 6 decimals
 */
export function paymentRequest(address: string, amount: number): string {
  if (!isAddress(address)) throw new RangeError(`"${address}" is not a valid address`);
  const { usdc, id } = chains.base;
  return `ethereum:${usdc}@${id}/transfer?address=${address}&uint256=${toSmallestUnits(amount)}`;
}

/** Converts an amount of USDC to millionths. @throws RangeError if it is negative or has more than 6 decimals */
export function toSmallestUnits(amount: number): bigint {
  const units = exactUnits(amount);
  if (units === undefined) throw new RangeError(`${amount} is not a valid amount of USDC`);
  return units;
}

/** Returns an amount in millionths of a USDC; undefined if it is negative or has more than 6 decimals. */
function exactUnits(amount: number): bigint | undefined {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(amount)) ?? [];
  return whole === undefined || fraction.length > decimals ? undefined : BigInt(whole + fraction.padEnd(decimals, '0'));
}
