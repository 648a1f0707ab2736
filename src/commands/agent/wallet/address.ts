import type { Address } from '../../../chain/address.ts';
import type { Verb } from '../../../cli/verb.ts';
import { addWalletOptions, passwordSourceOf, type WalletOptions, walletChoiceOf } from '../../../cli/wallet-options.ts';
import type { Context } from '../../../context/context.ts';
import { chooseWallet } from '../../../wallet/choose.ts';
import { readKeystore, type WalletPlace } from '../../../wallet/files.ts';
import { loadWallet } from '../../../wallet/load.ts';
import type { PasswordSource } from '../../../wallet/password.ts';
import { fields } from './fields.ts';

/** Which wallet `ci agent wallet address` prints the address of. */
export interface Options extends WalletOptions {
  readonly name: string | undefined;
}

/** `ci agent wallet address`: prints the address of a wallet. */
export default function address(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [5],
      examples: ['ci agent wallet address agent', 'ci agent wallet address --keystore ./agent.json'],
    })
    .argument('[name]', 'Name of the wallet');
  addWalletOptions(command).action((name: string | undefined, flags: WalletOptions) =>
    execute({ name, ...flags }, context),
  );
}

/** Prints the address of a wallet. */
export async function run(
  { name, ...options }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'world'>,
): Promise<void> {
  const { output } = context;
  const choice = walletChoiceOf(name, options);
  output.checkFields(fields);
  const place = await chooseWallet(context, choice);
  const { address, isProven } = await addressOf(context, place, passwordSourceOf(options));
  if (!isProven) {
    output.note(
      "This is what the file says. To check that it is the address of the wallet's key, pass --password-file.",
    );
  }
  if (output.format === undefined) return output.line(address);
  await output.record({ ...place, address }, { fields });
}

/**
 * Returns the address that the file states, which anyone may have written. If it states none, or there is a password file, derives it
 * from the private key.
 */
async function addressOf(
  context: Pick<Context, 'prompts' | 'world'>,
  place: WalletPlace,
  password: PasswordSource,
): Promise<{ readonly address: Address; readonly isProven: boolean }> {
  const stated = password.file === undefined && !password.keychain ? readKeystore(place).address : undefined;
  if (stated !== undefined) return { address: stated, isProven: false };
  const wallet = await loadWallet(context, place, password);
  wallet.close();
  return { address: wallet.address, isProven: true };
}
