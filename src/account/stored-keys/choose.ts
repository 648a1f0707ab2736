import { profilesFile } from '../../config/saved-profiles.ts';
import { refuseOpenConfig, usableKeys } from '../../config/usable-keys.ts';
import { sandboxStore } from '../../context/connections.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { isSandboxKey } from '../../domain/secrets.ts';
import { type KeyChoice, type StoredKey, severalStored } from '../../domain/stored-key.ts';
import { keyProblemText } from '../../output/key-problem.ts';
import { keyStoreOf, originOfApi, type StoreContext } from './store.ts';

/** The parts of the context that choosing a stored key uses. */
export type ChoiceContext = StoreContext & Pick<Context, 'output' | 'prompts'>;

/** A key to use. */
export interface ChosenKey {
  readonly secret: string;
  /** What is known of it; undefined for a key from the environment that isn't stored. */
  readonly stored: StoredKey | undefined;
}

/**
 * Returns the key to use: the one that `--key` or `--pool` names, else that of the environment, else the default key, else the only
 * one. Asks if there are several. Notes why it doesn't work at this moment, if that is known.
 *
 * @throws CommandError (usage) for options that contradict each other, or if there are several and the user can't be asked;
 *   (not_found) if it isn't stored
 */
export async function chooseKey(
  context: ChoiceContext,
  { key, pool }: Pick<KeyChoice, 'key' | 'pool'>,
): Promise<ChosenKey> {
  const { output, profiles, settings, world } = context;
  if (key !== undefined && pool !== undefined)
    throw usageError("--key and --pool can't be combined", 'Pass one of them.');
  if (key?.trim() === '') throw usageError('--key is empty', 'Pass the name or ID of a stored key.');
  if (!settings.sandbox.value) refuseOpenConfig(settings, profilesFile(profiles.folder));
  const store = await keyStoreOf(context);
  const { defaultKey } = profiles.get(settings.profile.value) ?? {};
  const { secret, stored: usable } = usableKeys({ env: world.env, ...settings }, store, { key, pool, defaultKey });
  if (secret !== undefined && isSandboxKey(secret)) await requireSandbox(settings);
  const stored = secret === undefined ? await pickKey(context, usable, { pool, hint: passKey }) : usable;
  const problem = stored && keyProblemText(stored, await timeOf(context), world.timeZone);
  if (problem !== undefined) output.note(problem);
  return { secret: secret ?? (stored ? store.secretOf(stored) : ''), stored };
}

/** Refuses a key of the sandbox from the environment for another API. @throws CommandError (usage) */
async function requireSandbox(settings: Context['settings']): Promise<void> {
  if (settings.sandbox.value) return;
  const { hostname } = new URL(await originOfApi(settings));
  const { isLoopback } = await import('../../api/host.ts');
  if (isLoopback(hostname)) return;
  throw usageError(
    `CHEAPESTINFERENCE_API_KEY has a key of the sandbox, which ${hostname} doesn't accept`,
    'Unset the variable, or pass --sandbox.',
  );
}

/** Returns the time that decides which hours it is: that of the sandbox's clock in the sandbox, else this machine's. */
async function timeOf({ clocks, settings, world }: StoreContext): Promise<Date> {
  if (!settings.sandbox.value) return new Date(clocks.wall());
  const { sandboxTime } = await import('../../sandbox/state.ts');
  return sandboxTime(sandboxStore(world));
}

/** How to choose one of several keys without a terminal. */
const passKey = 'Pass the name or ID of one with --key:';

/**
 * Returns the only key, or the one that the user picks.
 *
 * @param choice - the pool that all the keys belong to, and the hint if the user can't be asked, which precedes a list of the keys
 */
export async function pickKey(
  { prompts }: Pick<Context, 'prompts'>,
  keys: readonly StoredKey[],
  { pool, hint }: { readonly pool?: string | undefined; readonly hint: string },
): Promise<StoredKey> {
  const [only, second] = keys;
  if (only && !second) return only;
  const what = pool === undefined ? `${keys.length} keys` : `${keys.length} keys for pool "${pool}"`;
  if (!prompts.canAsk) throw severalStored(`${what} are stored on this machine`, keys, hint);
  const names = await prompts.rows([
    { cells: keys.map(({ name, id }) => name ?? id ?? '') },
    { cells: keys.map(({ poolSlug }) => poolSlug ?? ''), optional: 3 },
    { cells: keys.map(({ maskedKey }) => maskedKey), optional: 2 },
    { cells: keys.map(({ id }) => id ?? ''), optional: 1, hasIds: true },
  ]);
  const choices = keys.map((key, at) => ({ name: names[at] ?? '', value: key, short: key.name ?? key.id ?? '' }));
  return prompts.search('Key:', choices, "Can't ask for the key without a terminal. Pass it with --key.");
}
