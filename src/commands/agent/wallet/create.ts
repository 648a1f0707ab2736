import type { Verb } from '../../../cli/verb.ts';
import { addNewWalletOptions, type WalletOptions, walletChoiceOf } from '../../../cli/wallet-options.ts';
import type { Context } from '../../../context/context.ts';
import { chooseNewWallet } from '../../../wallet/choose.ts';
import { newPassword } from '../../../wallet/password.ts';
import { newPrivateKey } from '../../../wallet/private-key.ts';
import { saveWallet } from '../../../wallet/save.ts';
import { fields, printSaved } from './fields.ts';

/** What `ci agent wallet create` creates. */
export interface Options extends WalletOptions {
  readonly name: string | undefined;
}

/** `ci agent wallet create`: creates a private key, and saves it in a keystore file. */
export default function create(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: [
        'ci agent wallet create agent',
        'ci agent wallet create agent --password-file agent.password',
        'ci agent wallet create --keystore ./agent.json',
      ],
    })
    .argument('[name]', 'Name of the wallet');
  addNewWalletOptions(command).action((name: string | undefined, flags: WalletOptions) =>
    execute({ name, ...flags }, context),
  );
}

const realFunds = 'Before it can pay, send USDC and a little ETH for gas to this address on Base.';
const testFunds =
  'Before it can pay, get USDC and ETH from the faucet of `ci sandbox serve --chain`. Never send real funds to a wallet of the sandbox.';

/** Creates a wallet, and prints its address. */
export async function run(
  { name, ...options }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'result' | 'settings' | 'world'>,
): Promise<void> {
  const { output } = context;
  const { passwordFile } = options;
  const choice = walletChoiceOf(name, options);
  const place = await chooseNewWallet(context, choice, 'create');
  const password = await newPassword(context, passwordFile);
  const wallet = await saveWallet(context, place, newPrivateKey(), password, options.keychain);
  output.done(`Created ${wallet.address} in ${wallet.file}.`);
  if (output.format !== 'json') {
    output.note('Back up this file and its password. If you lose either, nobody can recover the funds.');
    output.note(context.settings.sandbox.value ? testFunds : realFunds);
  }
  await printSaved(context, wallet);
}
