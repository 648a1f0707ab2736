import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { placeOfFile, placeOfName, requireFree, type WalletPlace, walletsIn } from './files.ts';

/** Which wallet to use, as typed. */
export interface WalletChoice {
  /** Its name in Foundry's directory. */
  readonly account?: string | undefined;
  /** The path of its file. */
  readonly keystore?: string | undefined;
}

/** The environment variable of Foundry that names a wallet. */
const accountVariable = 'ETH_KEYSTORE_ACCOUNT';

/** Returns where the wallet is that was typed, if one was. */
function typedPlace({ account, keystore }: WalletChoice, { world }: Pick<Context, 'world'>): WalletPlace | undefined {
  if (account !== undefined && keystore !== undefined) {
    throw usageError("--account and --keystore can't be combined", 'Pass one of them.');
  }
  if (keystore !== undefined) return placeOfFile(keystore, world);
  return account === undefined ? undefined : placeOfName(account, world.env);
}

/**
 * Returns where the wallet to use is: as typed, or else as `ETH_KEYSTORE_ACCOUNT` says. Asks if neither does.
 *
 * @throws CommandError (usage) if the choice isn't valid; (input_required); (not_found) if there is no wallet to choose from
 */
export async function chooseWallet(
  context: Pick<Context, 'prompts' | 'world'>,
  choice: WalletChoice,
): Promise<WalletPlace> {
  const { prompts, world } = context;
  const typed = typedPlace(choice, context);
  if (typed) return typed;
  const usual = world.env[accountVariable];
  if (usual) return placeOfName(usual, world.env);
  const missing = `Can't ask for the wallet without a terminal. Pass its name, or set ${accountVariable}`;
  prompts.requirePrompt(missing);
  const wallets = walletsIn(world.env);
  if (wallets.length === 0) {
    throw new CommandError('not_found', 'There are no wallets on this machine', {
      hint: 'Run `ci agent wallet create` to create one.',
    });
  }
  const choices = wallets.map((place) => ({ name: place.name ?? place.file, value: place }));
  return prompts.pick('Wallet:', choices, missing);
}

/**
 * Returns where a new wallet goes. Asks for its name if none was typed.
 *
 * @param verb - `create` or `import`
 * @throws CommandError (usage) if the choice isn't valid, or the wallet exists; (input_required)
 */
export async function chooseNewWallet(
  context: Pick<Context, 'prompts' | 'world'>,
  choice: WalletChoice,
  verb: string,
): Promise<WalletPlace> {
  const { prompts, world } = context;
  const missing = `Can't ask for the name of the wallet without a terminal. Pass a name: \`ci agent wallet ${verb} NAME\``;
  const place =
    typedPlace(choice, context) ??
    placeOfName(await prompts.text('Name of the wallet:', missing, (typed) => mistakeIn(typed)), world.env);
  if (place.name !== null) {
    const mistake = mistakeIn(place.name);
    if (mistake !== undefined) throw usageError(`"${place.name}" is not a valid name for a new wallet`, mistake);
  }
  requireFree(place);
  return place;
}

/** Returns what is wrong with the name of a new wallet. It must need no quotes in a shell, and not look like an option. */
function mistakeIn(name: string): string | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !name.endsWith('.tmp')) return undefined;
  return 'Use up to 63 letters, digits, dots, hyphens and underscores, with a letter or digit first.';
}
