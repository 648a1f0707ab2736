import { KeyStore } from '../../config/stored-keys.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { KnownAccount } from './facts.ts';

/** The parts of the context that the store of keys uses. */
export type StoreContext = Pick<Context, 'clocks' | 'profiles' | 'settings' | 'world'>;

/** Returns the stored keys of the account in use. @throws CommandError (usage) if the API URL is not valid */
export async function keyStoreOf({ clocks, profiles, settings, world }: StoreContext): Promise<KeyStore> {
  const name = settings.profile.value;
  return new KeyStore(
    profiles.folder,
    settings.sandbox.value ? { sandbox: true } : { profile: name, apiUrl: await originOfApi(settings) },
    {
      env: world.env,
      monotonic: clocks.monotonic,
      pause: clocks.sleep,
      usesKeychain: profiles.get(name)?.keychain === true,
    },
  );
}

/** Removes the stored keys of the sandbox, because its account no longer exists. @throws CommandError (file_error) */
export async function forgetSandboxKeys({
  clocks,
  profiles,
  world,
}: Pick<Context, 'clocks' | 'profiles' | 'world'>): Promise<void> {
  if (!hasFolder(profiles)) return;
  const { env } = world;
  const { monotonic, sleep: pause } = clocks;
  const store = new KeyStore(profiles.folder, { sandbox: true }, { env, monotonic, pause, usesKeychain: false });
  await store.remove(store.list());
}

/** Returns scheme, host and port of the API in use. @throws CommandError (usage) */
export async function originOfApi({ apiUrl }: Context['settings']): Promise<string> {
  const { parseBaseUrl } = await import('../../api/base-url.ts');
  return parseBaseUrl(apiUrl.value).origin;
}

/** Returns whether there is a config directory. Without a home directory, there may be none. */
function hasFolder(profiles: Context['profiles']): boolean {
  try {
    profiles.requirePlace();
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** A key that was revoked. */
export interface ForgottenKey {
  readonly id: string;
  readonly name: string | undefined;
  /** The key as the API shows it. Several keys can have one name, so a stored key without an ID is found only with this. */
  readonly apiKey?: string | null | undefined;
}

/** Removes the secret of a key that was revoked. If that fails, prints a note and continues. */
export async function forgetKey(
  context: StoreContext & Pick<Context, 'output'>,
  { id, name, apiKey }: ForgottenKey,
): Promise<void> {
  const stored = await storedKeys(context);
  const namesakes = stored.filter((key) => key.id === undefined && name !== undefined && key.name === name);
  const isSame = (key: StoredKey) => isMaskOf(key, apiKey);
  try {
    const revoked = [...stored.filter((key) => key.id === id), ...namesakes.filter(isSame)];
    if (revoked.length > 0) await (await keyStoreOf(context)).remove(revoked);
    if (name !== undefined && !namesakes.every(isSame)) {
      const { programOf } = await import('../program.ts');
      const command = `${programOf(context)} keys secret ${shellWord(name)} --remove`;
      context.output.note(
        `A secret named "${name}" is still stored on this machine. To remove it, run \`${command}\`.`,
      );
    }
  } catch (error) {
    noteFailure(context, error, 'The secret of the revoked key is still stored on this machine');
  }
}

/** Returns whether a stored key can be the one that the API shows: both end in the same characters. */
export function isMaskOf({ maskedKey }: Pick<StoredKey, 'maskedKey'>, apiKey: string | null | undefined): boolean {
  return apiKey != null && masked(apiKey).slice(-4) === maskedKey.slice(-4);
}

/** Returns the stored keys of the account in use. If they can't be read, prints a note and returns none. */
export async function storedKeys(context: StoreContext & Pick<Context, 'output'>): Promise<readonly StoredKey[]> {
  try {
    return hasFolder(context.profiles) ? (await keyStoreOf(context)).list() : [];
  } catch (error) {
    noteFailure(context, error, "The stored keys can't be read");
    return [];
  }
}

/**
 * Updates what is known of the stored keys: whether they are active, and the hours and state of their subscriptions. If that fails,
 * prints a note and continues.
 *
 * @param stored - the stored keys before the account was read
 */
export async function updateStoredKeys(
  context: StoreContext & Pick<Context, 'output'>,
  account: Omit<KnownAccount, 'storedBefore'>,
  stored: readonly StoredKey[],
): Promise<void> {
  if (stored.length > 0) await update(context, { ...account, storedBefore: stored });
}

async function update(context: StoreContext & Pick<Context, 'output'>, account: KnownAccount): Promise<void> {
  try {
    // Not loaded by a command that lists keys, if none is stored.
    const { factsOf } = await import('./facts.ts');
    await (await keyStoreOf(context)).update(factsOf(account));
  } catch (error) {
    noteFailure(context, error, "What is known of the stored keys can't be updated");
  }
}

/**
 * Reads the keys of the account and the subscriptions of the stored ones, and updates what is known of the stored keys. The API may
 * list a key late that was just created, so none is taken to be revoked. If that fails, prints a note and continues.
 */
export async function readStoredKeys(context: StoreContext & Pick<Context, 'connections' | 'output'>): Promise<void> {
  try {
    const api = await context.connections.looking();
    const keys = await api.keys.list();
    const stored = new Set((await keyStoreOf(context)).list().map(({ id }) => id));
    const mine = new Set(keys.filter(({ id }) => stored.has(id)).map(({ subscriptionId }) => subscriptionId));
    const { poolPledges } = await api.billing.status();
    const { allSubscriptions } = await import('../subscriptions.ts');
    const subscriptions = await allSubscriptions(api, {
      poolPledges: (poolPledges ?? []).filter(({ id }) => mine.has(id)),
    });
    await update(context, { keys, subscriptions });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    context.output.note(`Can't read the hours of the key: ${asClause(error.message)}.`);
  }
}

/** Prints a note about a failure. @param what - doesn't work, as a sentence without its period */
function noteFailure({ output }: Pick<Context, 'output'>, error: unknown, what: string): void {
  if (!(error instanceof CommandError)) throw error;
  output.note(`${what}: ${asClause(error.message)}.`);
}
