import type { Surroundings } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { configFolder } from './folders.ts';
import { profilesIn, type SavedProfiles, savedProfiles, shownKey } from './saved-profiles.ts';
import { managementKeyVariable, resolveIdentity, type SettingFlags, sandboxSetting } from './settings.ts';

/** The account and host that commands use. */
export interface AccountSummary {
  /** The masked key; undefined if the user isn't signed in. */
  readonly managementKey: string | undefined;
  /** The source of the key, for people. */
  readonly origin: string;
  readonly host: string;
  readonly sandbox: boolean;
}

/**
 * Returns the account and host that commands use, to show them. Doesn't open the keychain, and treats invalid settings as missing.
 */
export function accountSummary(flags: SettingFlags, surroundings: Surroundings): AccountSummary {
  const { env } = surroundings;
  const profiles = orElse(() => savedProfiles(configFolder(surroundings)), none);
  const { profile, apiUrl, managementKey } = resolveIdentity(flags, env, profiles);
  const isSaved = managementKey?.origin !== managementKeyVariable;
  return {
    managementKey:
      managementKey && (isSaved ? shownKey(profiles.get(profile.value) ?? {}) : masked(managementKey.value)),
    origin: isSaved ? `profile "${profile.value}"` : managementKey.origin,
    host: URL.canParse(apiUrl.value) ? new URL(apiUrl.value).host : apiUrl.value,
    sandbox: orElse(() => sandboxSetting(flags, env).value, false),
  };
}

const none: SavedProfiles = profilesIn({});

function orElse<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof CommandError) return otherwise;
    throw error;
  }
}
