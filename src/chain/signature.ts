import { checksum } from 'ox/Address';
import { getSignPayload } from 'ox/PersonalMessage';
import { recoverAddress } from 'ox/Secp256k1';
import { fromHex } from 'ox/Signature';
import { type Hex, lowerCase } from '../domain/chains.ts';
import type { Address } from './address.ts';

/** Returns the hash of a text that `personal_sign` signs (EIP-191). */
function messageHash(text: string): Hex {
  return getSignPayload(`0x${Buffer.from(text).toString('hex')}`);
}

/** Returns who signed a text with `personal_sign`; undefined if that isn't a valid signature. @param signature - r, s and v */
export function signerOf(text: string, signature: string): Address | undefined {
  if (!/^0x[0-9a-f]{130}$/i.test(signature)) return undefined;
  try {
    return checksum(recoverAddress({ payload: messageHash(text), signature: fromHex(lowerCase(signature)) }));
  } catch {
    return undefined;
  }
}
