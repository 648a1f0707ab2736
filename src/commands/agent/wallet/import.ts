import { mistakeIn } from '../../../cli/options.ts';
import type { Verb } from '../../../cli/verb.ts';
import { addNewWalletOptions, type WalletOptions, walletChoiceOf } from '../../../cli/wallet-options.ts';
import type { Context } from '../../../context/context.ts';
import { readSecret } from '../../../context/input-stream.ts';
import { chooseNewWallet } from '../../../wallet/choose.ts';
import { newPassword, requirePassword } from '../../../wallet/password.ts';
import { parsePrivateKey } from '../../../wallet/private-key.ts';
import { saveWallet } from '../../../wallet/save.ts';
import { fields, printSaved } from './fields.ts';

/** Where `ci agent wallet import` saves the key. */
export interface Options extends WalletOptions {
  readonly name: string | undefined;
}

/** `ci agent wallet import`: saves a private key in a keystore file. */
export default function importKey(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: [
        'ci agent wallet import agent',
        'pass show agent-key | ci agent wallet import agent --password-file agent.password',
      ],
    })
    .argument('[name]', 'Name of the wallet');
  addNewWalletOptions(command).action((name: string | undefined, flags: WalletOptions) =>
    execute({ name, ...flags }, context),
  );
}

/** Saves a private key from standard input, which on a terminal is a hidden prompt. */
export async function run(
  { name, ...options }: Options,
  context: Pick<Context, 'output' | 'prompts' | 'result' | 'world'>,
): Promise<void> {
  const { output } = context;
  const { passwordFile } = options;
  const choice = walletChoiceOf(name, options);
  // Before the key is read, which may come from a slow program or from a person.
  requirePassword(context, passwordFile);
  const place = await chooseNewWallet(context, choice, 'import');
  const key = await privateKey(context);
  let password: Buffer;
  try {
    password = await newPassword(context, passwordFile);
  } catch (error) {
    key.fill(0);
    throw error;
  }
  const wallet = await saveWallet(context, place, key, password, options.keychain);
  output.done(`Imported ${wallet.address} into ${wallet.file}.`);
  await printSaved(context, wallet);
}

async function privateKey({ prompts, world }: Pick<Context, 'prompts' | 'world'>): Promise<Buffer> {
  if (world.stdin.isTTY) {
    const missing = "Can't ask for the private key. Pipe it to `ci agent wallet import`";
    const check = mistakeIn((typed) => parsed(Buffer.from(typed)).fill(0));
    const typed = await prompts.secret('Private key:', missing, check);
    return parsed(Buffer.from(typed));
  }
  return parsed(await readSecret(world, 'Standard input', 1024));
}

/** Parses a private key, and wipes the text. */
function parsed(text: Buffer): Buffer {
  try {
    return parsePrivateKey(text);
  } finally {
    text.fill(0);
  }
}
