import { checksum } from 'ox/Address';
import type { Hex } from '../domain/chains.ts';

/** An Ethereum address with the capital letters of its checksum (EIP-55). */
export type Address = Hex;

/** Returns an address with its checksum, from 40 hexadecimal digits with or without `0x`; undefined for other text. */
export function addressIn(text: string): Address | undefined {
  const [, digits] = /^(?:0x)?([0-9a-f]{40})$/i.exec(text) ?? [];
  return digits === undefined ? undefined : checksum(`0x${digits.toLowerCase()}`);
}

/** Returns whether an address has lower and upper case letters that contradict its checksum (EIP-55). */
export function hasWrongChecksum(text: string): boolean {
  const digits = text.replace(/^0x/i, '');
  const address = addressIn(digits);
  const isMixed = /[a-f]/.test(digits) && /[A-F]/.test(digits);
  return address !== undefined && isMixed && address.slice(2) !== digits;
}
