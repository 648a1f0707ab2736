import { pickKey } from '../../account/stored-keys/choose.ts';
import { isMaskOf, keyStoreOf, readStoredKeys, type StoreContext } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import { readStdin } from '../../cli/input.ts';
import { refuseSecret } from '../../cli/key-name.ts';
import { missingOption } from '../../cli/options.ts';
import { namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { KeyStore } from '../../config/stored-keys.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError, withoutPeriod } from '../../domain/errors.ts';
import { isManagementKey, isSandboxKey, isWholeKey, masked } from '../../domain/secrets.ts';
import { findStored, findStoredKey, noStoredKey, type StoredKey, storedKeyLabel } from '../../domain/stored-key.ts';
import type { Column } from '../../output/output.ts';
import { maskInLog } from '../../output/workflow-commands.ts';

export const fields = ['id', 'name', 'apiKey', 'stored'] as const;

interface Flags {
  readonly add?: true;
  readonly remove?: true;
  readonly force?: true;
}

/** Which secret `ci keys secret` prints, stores or removes. */
export interface Options extends Flags {
  /** The name or ID of the key. Undefined: ask. */
  readonly key: string | undefined;
}

type SecretContext = StoreContext & Pick<Context, 'connections' | 'output' | 'prompts'>;

/** `ci keys secret`: prints the secret of a key that is stored on this machine. */
export default function secret(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [5],
      examples: [
        'ci keys secret prod-api',
        'ci keys secret prod-api --add < secret.txt',
        'ci keys secret prod-api --remove --yes',
      ],
    })
    .addArgument(new ValueArgument('[key]', 'Name or ID of the key', namesOf('keys')))
    .option('--add', 'Store a secret, read from standard input')
    .option('--remove', 'Remove the secret from this machine, without revoking the key')
    .option('--force', 'With --add, replace another secret without asking')
    .action((key: string | undefined, flags: Flags) => execute({ key, ...flags }, context));
}

/** Prints the secret of a stored key, stores one, or removes one. */
export async function run({ key, add, remove, force }: Options, context: SecretContext): Promise<void> {
  if (add && remove) throw usageError("--add and --remove can't be combined", 'Pass one of them.');
  if (force && !add) throw missingOption('--force', '--add');
  if (key?.trim() === '') throw usageError('The key name is empty', 'Pass the name or ID of a key.');
  refuseSecret(key);
  const store = await keyStoreOf(context);
  if (add) return addSecret(context, store, key, force);
  const stored = key === undefined ? await picked(context, store) : findStoredKey(store.list(), key);
  if (remove) return removeSecret(context, store, stored);
  const { output, world } = context;
  const apiKey = store.secretOf(stored);
  maskInLog(world, [apiKey]);
  output.checkFields(fields);
  // The format of a profile must not break a tool that runs this as its helper.
  if (output.requested === undefined || output.requested === 'table') return output.line(apiKey);
  await output.record({ ...shown(stored), apiKey }, { columns, fields });
}

/** Returns the only stored key, or the one that the user picks. */
async function picked(context: SecretContext, store: KeyStore): Promise<StoredKey> {
  const keys = store.list();
  if (keys.length === 0) throw noStoredKey();
  return pickKey(context, keys, { hint: 'Pass the name or ID of one:' });
}

/** Stores a secret that is typed, or read from stdin. */
async function addSecret(
  context: SecretContext,
  store: KeyStore,
  name: string | undefined,
  force: true | undefined,
): Promise<void> {
  if (name === undefined) throw usageError('--add needs the name of the key', 'Run `ci keys secret NAME --add`.');
  const { output, world } = context;
  store.requirePlace(1);
  const before = findStored(store.list(), name);
  const apiKey = await givenSecret(context);
  maskInLog(world, [apiKey]);
  if (context.settings.sandbox.value && !isSandboxKey(apiKey))
    throw usageError(
      `${masked(apiKey)} is not a key of the sandbox`,
      'To store it for the API, run the command without the sandbox.',
    );
  const { listed, note } = await findInAccount(context, name, apiKey);
  const key = { id: listed?.id ?? before?.id, name: listed?.name ?? before?.name ?? name };
  const replaced = store.list().filter((each) => isSame(each, before) || (key.id !== undefined && each.id === key.id));
  for (const each of replaced) {
    const old = store.secretOf(each);
    if (old !== apiKey && !force) await agreeToReplace(context, name, old);
  }
  await store.add([{ ...key, subscriptionId: listed?.subscriptionId ?? undefined, secret: apiKey }]);
  await store.remove(replaced.filter((each) => each.id !== key.id));
  if (listed) await readStoredKeys(context);
  output.done(`Stored the secret of key "${key.name}" on this machine.`);
  if (note !== undefined) output.note(note);
  const stored = { ...shown({ ...key, maskedKey: masked(apiKey) }), stored: true };
  await output.record(stored, { columns, fields, drawing: () => '' });
}

function isSame(one: StoredKey, other: StoredKey | undefined): boolean {
  return other !== undefined && one.id === other.id && one.name === other.name;
}

/** Asks for consent to replace a secret, which may be its only copy. */
async function agreeToReplace({ prompts }: SecretContext, name: string, old: string): Promise<void> {
  if (!prompts.canAsk) {
    throw new CommandError(
      'confirmation_required',
      `Another secret of key "${name}" is already stored (${masked(old)})`,
      {
        hint: 'Nothing was changed. Pass --force to replace it.',
        outcome: 'not_applied',
      },
    );
  }
  await prompts.consentAgain(`Replace the stored secret ${masked(old)} of key "${name}"?`);
}

/** Returns a secret that is typed on a terminal, or read from stdin. @throws CommandError (usage) if it isn't one */
async function givenSecret({ prompts, world }: SecretContext): Promise<string> {
  const isTyped = world.stdin.isTTY === true;
  const text = isTyped
    ? await prompts.secret('API key (sk_…):', "Can't ask for the secret without a terminal. Pipe it in.", mistakeIn)
    : await readStdin(world);
  const mistake = mistakeIn(text);
  if (mistake !== undefined)
    throw usageError(mistake, 'API keys start with sk_. Pass the whole secret on standard input.');
  return text.trim();
}

/** Returns what is wrong with a secret; undefined if it is an API key. */
function mistakeIn(text: string): string | undefined {
  const secret = text.trim();
  if (isWholeKey(secret)) return undefined;
  if (secret === '') return 'No secret was given';
  if (isManagementKey(secret)) return `${masked(secret)} is a management key, not an API key`;
  return 'Not a valid API key';
}

/**
 * Returns the key of that name or ID in the account, or what to note if there is none, or if the account can't be read.
 *
 * @throws CommandError (usage) if its secret is another
 */
async function findInAccount(
  { connections, settings }: SecretContext,
  typed: string,
  apiKey: string,
): Promise<{ readonly listed?: Key; readonly note?: string }> {
  if (!settings.sandbox.value && settings.managementKey === undefined) return {};
  try {
    const { keys } = await connections.looking();
    const { findKey } = await import('../../account/keys/find.ts');
    const listed = findKey(await keys.list(), typed);
    if (listed.apiKey && !isMaskOf({ maskedKey: masked(apiKey) }, listed.apiKey)) {
      throw usageError(
        `This isn't the secret of key "${typed}", which ends in ${masked(listed.apiKey).slice(-4)}`,
        'Nothing was stored. Check the name with `ci keys list`.',
      );
    }
    return { listed };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'usage') throw error;
    const note =
      error.code === 'not_found'
        ? `Your account has no key "${typed}", so its hours aren't known.`
        : `The account can't be checked: ${withoutPeriod(error.message)}.`;
    return { note };
  }
}

/** Removes the secret of a key after a confirmation. */
async function removeSecret(context: SecretContext, store: KeyStore, stored: StoredKey): Promise<void> {
  const { output, prompts } = context;
  prompts.requireConsent();
  if (prompts.canAsk)
    output.note(`${storedKeyLabel(stored)}\nThe key stays valid, but its secret can't be shown again.`);
  await prompts.consent('Remove this secret from this machine?');
  await store.remove([stored]);
  output.done(`Removed the secret of key "${stored.name ?? stored.id}" from this machine.`);
  await output.record({ ...shown(stored), stored: false }, { columns, fields, drawing: () => '' });
}

/** A stored key as it is printed. */
function shown({ id, name, maskedKey }: StoredKey) {
  return { id: id ?? null, name: name ?? null, apiKey: maskedKey, stored: true };
}

const columns: readonly Column<ReturnType<typeof shown>>[] = [
  { field: 'id', header: 'ID', value: ({ id }) => id },
  { field: 'name', header: 'Name', value: ({ name }) => name },
  { field: 'apiKey', header: 'Key', value: ({ apiKey }) => apiKey },
  { field: 'stored', header: 'Stored', value: ({ stored }) => stored },
];
