import type { Environment } from '../domain/environment.ts';
import { usageError } from '../domain/errors.ts';
import { isConsumptionKey, isSandboxKey, masked } from '../domain/secrets.ts';
import { findStored, type KeyChoice, type StoredKey, storedKeysFor } from '../domain/stored-key.ts';
import { refuseOpenFile } from './permissions.ts';
import { originOf, type Settings } from './settings.ts';
import type { StoredKeys } from './stored-keys.ts';

const variable = 'CHEAPESTINFERENCE_API_KEY';

/** The keys that a command can use: the one from the environment, or stored ones. The user picks one of several. */
export type UsableKeys =
  | { readonly secret: string; readonly stored: StoredKey | undefined }
  | { readonly secret?: undefined; readonly stored: readonly StoredKey[] };

/** What decides which key is used, besides the choice of the user. */
interface KeySettings extends Pick<Settings, 'profile'> {
  readonly env: Environment;
  /** Absent in the program for simple commands, which doesn't use the sandbox. */
  readonly sandbox?: Settings['sandbox'];
}

/**
 * Returns the keys that a command can use: those that the choice names, else the key in `CHEAPESTINFERENCE_API_KEY`, else the default
 * key, else all stored keys. An explicit `--profile` takes precedence over the environment. With the sandbox, a key of another API
 * and a default key that isn't stored there don't count.
 *
 * @throws CommandError (not_found) if none is stored; (usage) if a name is ambiguous or the key in the environment isn't valid
 */
export function usableKeys(
  { env, profile, sandbox }: KeySettings,
  store: StoredKeys,
  { key, pool, defaultKey }: KeyChoice,
): UsableKeys {
  const isSandbox = sandbox?.value === true;
  const stored = store.list();
  const { [variable]: secret } = env;
  const isUnused = key !== undefined || pool !== undefined || profile.origin === '--profile';
  if (isUnused || !secret || (isSandbox && !isSandboxKey(secret))) {
    const isDefault = defaultKey !== undefined && (!isSandbox || findStored(stored, defaultKey) !== undefined);
    return { stored: storedKeysFor(stored, { key, pool, defaultKey: isDefault ? defaultKey : undefined }) };
  }
  if (isConsumptionKey(secret)) {
    const shown = masked(secret);
    return { secret, stored: stored.find((each) => each.maskedKey === shown && store.secretOf(each) === secret) };
  }
  throw usageError(
    `"${masked(secret)}" from ${variable} is not a valid API key`,
    'API keys start with sk_. Correct or unset the variable, or pass a stored key with --key.',
  );
}

/**
 * Refuses a config file that other users can write to, if the URL to which a key is about to be sent comes from it.
 *
 * @throws CommandError (file_error) with the command that fixes it
 */
export function refuseOpenConfig({ apiUrl, profile }: Pick<Settings, 'apiUrl' | 'profile'>, configFile: string): void {
  if (apiUrl.origin === originOf(profile.value)) refuseOpenFile(configFile, { holdsSecret: false });
}
