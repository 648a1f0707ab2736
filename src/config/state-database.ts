import { CommandError } from '../domain/errors.ts';
import { splitPassword, withPassword } from '../domain/url-password.ts';
import { maskedStateUrl, parseStateUrl, type StateAddress } from '../state/postgres/state-url.ts';
import type { Profiles } from './profiles.ts';
import type { Profile } from './saved-profiles.ts';
import { originInWords, type Settings, stateUrlVariable } from './settings.ts';

/**
 * Returns the address of the state database, checked; undefined if files hold the state.
 *
 * @throws CommandError (usage) for an invalid URL, without its password; (file_error) if other users could have changed the saved URL or
 *   read its password; (keychain_error)
 */
export function stateAddress(
  { profile, stateUrl }: Pick<Settings, 'profile' | 'stateUrl'>,
  profiles: Pick<Profiles, 'get' | 'requirePrivate'>,
): StateAddress | undefined {
  if (stateUrl === undefined) return undefined;
  const { origin } = stateUrl;
  if (origin !== stateUrlVariable) {
    const saved = profiles.get(profile.value)?.stateUrl ?? '';
    profiles.requirePrivate(splitPassword(saved).password !== undefined);
  }
  const { value } = stateUrl;
  try {
    return parseStateUrl(value);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw error.with({ message: `${error.message} (${originInWords(origin)})` });
  }
}

/** Returns a profile's state URL as it may be shown, without opening the keychain; undefined if it has none. */
export function shownStateUrl({ stateUrl, stateKeychain }: Profile): string | undefined {
  if (stateUrl === undefined) return undefined;
  return maskedStateUrl(stateKeychain ? withPassword(stateUrl, '…') : stateUrl);
}
