import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';
import { isConsumptionKey, isManagementKey, masked } from '../domain/secrets.ts';

/** A key that was saved. */
export interface SavedKey {
  readonly profile: string;
  /** Scheme, host and port. */
  readonly apiUrl: string;
  /** The key that it replaces, masked. */
  readonly replaced: string | undefined;
}

/**
 * Saves a management key in the profile in use, once the API has accepted it.
 *
 * @param inKeychain - whether the system's keychain is to hold it
 * @throws CommandError
 */
export async function saveKey(
  context: Pick<Context, 'connections' | 'profiles' | 'settings'>,
  managementKey: string,
  inKeychain = false,
): Promise<SavedKey> {
  const { profiles, settings } = context;
  const profile = settings.profile.value;
  const { parseBaseUrl } = await import('../api/client.ts');
  const apiUrl = parseBaseUrl(settings.apiUrl.value).origin;
  const api = await context.connections.withManagementKey(managementKey);
  await api.billing.status();
  const replaced = await profiles.saveKey(profile, { apiUrl, managementKey }, { inKeychain });
  return { profile, apiUrl, replaced };
}

/** Refuses what is no management key, without showing it. Nothing is sent before. @throws CommandError (usage) */
export function checkedKey(key: string): string {
  if (isManagementKey(key)) return key;
  if (key === '')
    throw usageError(
      'no key was given',
      'A management key begins with mk_; the dashboard makes one, tab Management Keys.',
    );
  if (isConsumptionKey(key)) {
    throw usageError(
      `${masked(key)} is an API key, for inference; signing in needs a management key (mk_…)`,
      'Make one in the dashboard, tab Management Keys. An API key goes in CHEAPESTINFERENCE_API_KEY.',
    );
  }
  throw usageError(
    'that is no management key: it begins with mk_ and holds letters, digits, _ and -',
    'Make one in the dashboard, tab Management Keys.',
  );
}
