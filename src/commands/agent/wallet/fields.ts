import type { Context } from '../../../context/context.ts';
import type { SavedWallet } from '../../../wallet/save.ts';

/** The JSON fields of a wallet. */
export const fields = ['name', 'address', 'file'] as const;

/** Prints a wallet that was saved. Its key is in the file only. */
export async function printSaved({ output }: Pick<Context, 'output'>, wallet: SavedWallet): Promise<void> {
  await output.record({ name: wallet.name, address: wallet.address, file: wallet.file }, { fields, drawing: () => '' });
}
