import { getSignPayload } from 'ox/PersonalMessage';
import { sign } from 'ox/Secp256k1';
import { toHex } from 'ox/Signature';
import type { Address } from '../chain/address.ts';
import type { Context } from '../context/context.ts';
import type { Hex } from '../domain/chains.ts';
import { readKeystore, type WalletPlace } from './files.ts';
import { decryptKey } from './keystore.ts';
import { type PasswordSource, unlocked } from './password.ts';
import { addressOf } from './private-key.ts';

/** An open wallet, which signs. Call {@link Wallet.close} when it is done. */
export class Wallet {
  readonly address: Address;
  readonly #key: Buffer;
  #isClosed = false;

  /** @param key - its private key, which the wallet wipes */
  constructor(key: Buffer) {
    this.#key = key;
    this.address = addressOf(key);
  }

  /** Signs a hash of 32 bytes, such as that of a transaction. @returns r, s and v (27 or 28): 65 bytes */
  sign(hash: Hex): Hex {
    if (this.#isClosed) throw new Error('the wallet is closed');
    if (!/^0x[0-9a-f]{64}$/i.test(hash)) throw new Error('a hash has 32 bytes');
    return toHex(sign({ payload: hash, privateKey: this.#key }));
  }

  /** Signs a text as `personal_sign` does (EIP-191). @returns as {@link sign} */
  signMessage(text: string): Hex {
    return this.sign(getSignPayload(`0x${Buffer.from(text).toString('hex')}`));
  }

  /** Wipes the private key. Copies that the library made while it signed may remain until their memory is used again. */
  close(): void {
    this.#isClosed = true;
    this.#key.fill(0);
  }
}

/**
 * Opens a wallet with the password in a file or in the keychain, or with one that the user is asked for.
 *
 * @throws CommandError (not_found), (file_error) as {@link readKeystore}; (usage) if the password in the file is wrong;
 *   (input_required) if there is no password
 */
export async function loadWallet(
  context: Pick<Context, 'prompts' | 'world'>,
  place: WalletPlace,
  password: PasswordSource,
): Promise<Wallet> {
  const keystore = readKeystore(place);
  const which = place.name === null ? place.file : `wallet "${place.name}"`;
  const key = await unlocked(context, password, { wallet: place, message: `Password of ${which}:` }, (text) =>
    decryptKey(keystore, text, place.file),
  );
  return new Wallet(key);
}
