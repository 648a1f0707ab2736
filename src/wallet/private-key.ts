import { checksum, fromPublicKey } from 'ox/Address';
import { getPublicKey, randomPrivateKey } from 'ox/Secp256k1';
import type { Address } from '../chain/address.ts';
import { type CommandError, usageError } from '../domain/errors.ts';

/** The length of a private key, in bytes. */
export const keyLength = 32;

/** The order of the curve secp256k1 (SEC 2, section 2.4.1). A private key is a number from 1 to this less 1. */
const order = Buffer.from('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141', 'hex');

/** Returns a new private key. Its caller wipes it. */
export function newPrivateKey(): Buffer {
  const bytes = randomPrivateKey({ as: 'Bytes' });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Returns whether bytes are a private key. */
export function isPrivateKey(bytes: Buffer): boolean {
  return bytes.length === keyLength && bytes.some((byte) => byte !== 0) && Buffer.compare(bytes, order) < 0;
}

/** Returns the address of a private key. */
export function addressOf(key: Buffer): Address {
  return checksum(fromPublicKey(getPublicKey({ privateKey: key })));
}

/** Returns whether a text may be a private key, or most of one. */
export function looksLikePrivateKey(text: string): boolean {
  return /^\s*(?:0x)?[0-9a-f]{48,}\s*$/i.test(text);
}

/**
 * Parses a private key: 64 hexadecimal digits, with or without `0x`, and with spaces or line breaks around them. Copies it to no
 * string, because strings can't be wiped.
 *
 * @param text - ASCII
 * @returns the key, which the caller wipes
 * @throws CommandError (usage), which contains nothing of the key
 */
export function parsePrivateKey(text: Buffer): Buffer {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text[from])) from++;
  while (to > from && isSpace(text[to - 1])) to--;
  if (from === to) throw notAKey('The private key is empty');
  // 0x or 0X.
  if (text[from] === 0x30 && ((text[from + 1] ?? 0) | 0x20) === 0x78) from += 2;
  const digits = text.subarray(from, to);
  if (digits.some((code) => digitOf(code) === undefined)) {
    throw notAKey('The private key contains something other than hexadecimal digits');
  }
  if (digits.length !== 2 * keyLength) throw notAKey(`The private key has ${digits.length} digits`);
  const key = Buffer.alloc(keyLength);
  for (const [at, code] of digits.entries()) key[at >> 1] = ((key[at >> 1] ?? 0) << 4) | (digitOf(code) ?? 0);
  if (isPrivateKey(key)) return key;
  key.fill(0);
  throw notAKey('The private key is out of range: it must be above 0 and below the order of secp256k1');
}

function notAKey(message: string): CommandError {
  return usageError(
    message,
    `Nothing was saved. A private key has ${2 * keyLength} hexadecimal digits, after an optional 0x.`,
  );
}

/** Returns whether a byte is a space, a tab or a line break. */
function isSpace(code: number | undefined): boolean {
  return code === 0x20 || (code !== undefined && code >= 0x09 && code <= 0x0d);
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}
