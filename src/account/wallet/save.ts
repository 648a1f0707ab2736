import type { Context } from '../../context/context.ts';
import { interrupted } from '../../prompts/question.ts';
import { createWalletFile, type WalletPlace } from './files.ts';
import { encryptKey } from './keystore.ts';
import { type Address, addressOf } from './private-key.ts';

/** A wallet that was saved. */
export interface SavedWallet extends WalletPlace {
  readonly address: Address;
}

/**
 * Saves a private key in a new wallet. Wipes the key and the password.
 *
 * @throws CommandError (interrupted); (usage), (file_error) as {@link createWalletFile}
 */
export async function saveWallet(
  { result, world }: Pick<Context, 'result' | 'world'>,
  place: WalletPlace,
  key: Buffer,
  password: Buffer,
): Promise<SavedWallet> {
  try {
    const content = await encryptKey(key, password);
    if (world.interrupt.aborted) throw interrupted();
    createWalletFile(place, content, world.env);
    result.lastChange = 'applied';
    return { ...place, address: addressOf(key) };
  } finally {
    key.fill(0);
    password.fill(0);
  }
}
