import type { Address } from '../chain/address.ts';
import { KeychainEntry } from '../config/keychain.ts';
import type { Context } from '../context/context.ts';
import { interrupted } from '../prompts/question.ts';
import { createWalletFile, type WalletPlace } from './files.ts';
import { encryptKey } from './keystore.ts';
import { addressOf } from './private-key.ts';

/** A wallet that was saved. */
export interface SavedWallet extends WalletPlace {
  readonly address: Address;
}

/**
 * Saves a private key in a new wallet. Wipes the key and the password.
 *
 * @param inKeychain - whether to save the password in the system keychain
 * @throws CommandError (interrupted); (keychain_error); (usage), (file_error) as {@link createWalletFile}
 */
export async function saveWallet(
  { result, world }: Pick<Context, 'result' | 'world'>,
  place: WalletPlace,
  key: Buffer,
  password: Buffer,
  inKeychain = false,
): Promise<SavedWallet> {
  try {
    const content = await encryptKey(key, password);
    if (world.interrupt.aborted) throw interrupted();
    const entry = inKeychain ? KeychainEntry.ofWallet(place.file) : undefined;
    entry?.write(password.toString('utf8'));
    try {
      createWalletFile(place, content, world.env);
    } catch (error) {
      entry?.remove();
      throw error;
    }
    result.lastChange = 'applied';
    return { ...place, address: addressOf(key) };
  } finally {
    key.fill(0);
    password.fill(0);
  }
}
