import { parseBaseUrl } from '../api/base-url.ts';
import { configFolder } from '../config/folders.ts';
import { profilesFile, profilesIn, readProfiles } from '../config/saved-profiles.ts';
import { resolveIdentity } from '../config/settings.ts';
import { StoredKeys } from '../config/stored-keys.ts';
import { refuseOpenConfig, usableKeys } from '../config/usable-keys.ts';
import { isSandboxKey } from '../domain/secrets.ts';
import type { KeyChoice, StoredKey } from '../domain/stored-key.ts';

/** A key to use, and the API that it is for. */
export interface QuickKey {
  readonly secret: string;
  readonly stored: StoredKey | undefined;
  /** The origin of the API. */
  readonly baseUrl: string;
}

/**
 * Returns the stored key to use, as the whole program would; undefined if it would have to ask which one.
 *
 * @throws CommandError
 */
export function quickKey(choice: Omit<KeyChoice, 'defaultKey'>, profile: string | undefined): QuickKey | undefined {
  const { env } = process;
  const folder = configFolder({
    env,
    get cwd() {
      return process.cwd();
    },
  });
  const file = profilesFile(folder);
  const profiles = profilesIn(readProfiles(file));
  const identity = resolveIdentity({ profile }, env, profiles);
  const { defaultKey } = profiles.get(identity.profile.value) ?? {};
  const baseUrl = parseBaseUrl(identity.apiUrl.value).origin;
  refuseOpenConfig(identity, file);
  const store = new StoredKeys(folder, { profile: identity.profile.value, apiUrl: baseUrl });
  const { secret, stored } = usableKeys({ env, ...identity }, store, { ...choice, defaultKey });
  // The whole program checks whether the API can accept such a key.
  if (secret !== undefined) return isSandboxKey(secret) ? undefined : { secret, stored, baseUrl };
  const [only, second] = stored;
  if (!only || second) return undefined;
  return { secret: store.secretOf(only), stored: only, baseUrl };
}
