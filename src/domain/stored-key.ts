import { activeHours, nextLive } from './coverage.ts';
import { CommandError, usageError } from './errors.ts';
import { findByIdPrefix } from './id-prefix.ts';

/** What is known of a key whose secret is stored on this machine. */
export interface StoredKey {
  /** Undefined if the key isn't listed by the account, or if the API didn't say. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The secret as it may be shown. */
  readonly maskedKey: string;
  /** `subscription` or `credit`. */
  readonly keyType?: string | undefined;
  /** False if the key was revoked. */
  readonly isActive?: boolean | undefined;
  readonly subscriptionId?: string | undefined;
  /** The pool of its subscription. */
  readonly poolSlug?: string | undefined;
  /** The state of its subscription, as far as the account was read. */
  readonly subscription?: StoredSubscription | undefined;
}

/** What is known of the subscription of a stored key. */
export interface StoredSubscription {
  readonly status?: string | undefined;
  readonly cancelAtPeriodEnd?: boolean | undefined;
  /** RFC 3339. */
  readonly currentPeriodEnd?: string | undefined;
  /** The UTC hours (0–23) in which the key works. */
  readonly hours?: readonly number[] | undefined;
}

/** How many keys an error lists. */
const mostListed = 20;

/** Which stored key to use. */
export interface KeyChoice {
  /** Its name, its id, or the beginning of its id. */
  readonly key?: string | undefined;
  /** The slug of its pool. */
  readonly pool?: string | undefined;
  /** The setting `default-key`. */
  readonly defaultKey?: string | undefined;
}

/**
 * Returns the stored keys that a choice allows: those that `--key` names, else those of `--pool`, else the default key, else all.
 *
 * @throws CommandError (not_found) if none is stored; (usage) if several keys have the name, or if several IDs begin with it
 */
export function storedKeysFor<Key extends StoredKey>(
  keys: readonly Key[],
  { key, pool, defaultKey }: KeyChoice,
): readonly Key[] {
  if (key !== undefined) return [findStoredKey(keys, key)];
  if (pool !== undefined) {
    const found = keys.filter((each) => each.poolSlug === pool);
    if (found.length > 0) return found;
    throw new CommandError('not_found', `No key for pool "${pool}" is stored on this machine`, {
      hint: `Create one with \`ci keys create NAME --pool ${pool} --store\`, or store an existing one with \`ci keys secret NAME --add\`.`,
    });
  }
  if (defaultKey !== undefined) {
    const found = findStored(keys, defaultKey);
    if (found) return [found];
    throw new CommandError('not_found', `The default key "${defaultKey}" isn't stored on this machine`, {
      hint: 'Pass another one with --key, or change it with `ci config set default-key NAME`.',
    });
  }
  if (keys.length > 0) return keys;
  throw noStoredKey();
}

/** Returns the error if no key is stored. */
export function noStoredKey(): CommandError {
  return new CommandError('not_found', 'No key is stored on this machine', {
    hint: 'Create one with `ci keys create NAME --store`, or store an existing one with `ci keys secret NAME --add`.',
  });
}

/**
 * Returns a stored key by its ID, its name, or the beginning of its ID, in this order.
 *
 * @throws CommandError (not_found); (usage) if several keys have the name, or if several IDs begin with it
 */
export function findStoredKey<Key extends StoredKey>(keys: readonly Key[], typed: string): Key {
  const found = findStored(keys, typed);
  if (found) return found;
  const others = keys.length === 0 ? '' : ' These are stored:';
  throw new CommandError('not_found', `The secret of key "${typed}" isn't stored on this machine`, {
    lines: keys.slice(0, mostListed).map(storedKeyLabel),
    hint: `If you have it, store it with \`ci keys secret NAME --add\`. Otherwise, create a key with \`ci keys create NAME --store\`.${others}`,
  });
}

/** Returns a stored key as {@link findStoredKey}; undefined if it isn't stored. @throws CommandError (usage) */
export function findStored<Key extends StoredKey>(keys: readonly Key[], typed: string): Key | undefined {
  const byId = keys.find(({ id }) => id === typed);
  if (byId) return byId;
  const named = keys.filter(({ name }) => name === typed);
  if (named.length > 1)
    throw severalStored(`${named.length} stored keys are named "${typed}"`, named, 'Use one of their IDs:');
  if (named[0]) return named[0];
  const withId = keys.flatMap((stored) => (stored.id === undefined ? [] : [{ id: stored.id, stored }]));
  return findByIdPrefix(withId, typed, 'stored keys', ({ stored }) => storedKeyLabel(stored))?.stored;
}

/** Returns the error if several stored keys could be meant. @param hint - precedes the list of these keys */
export function severalStored(message: string, keys: readonly StoredKey[], hint: string): CommandError {
  return usageError(message, hint).with({ lines: keys.slice(0, mostListed).map(storedKeyLabel) });
}

/** Returns a stored key in one line: `prod-api  3f6c1a2b-…  sk_pool_…9f3a  kimi26`. */
export function storedKeyLabel({ name, id, maskedKey, poolSlug }: StoredKey): string {
  return [name, id, maskedKey, poolSlug].filter(Boolean).join('  ');
}

/** Why a key doesn't work at this moment. */
export type KeyProblem =
  | { readonly kind: 'revoked' }
  /** Its subscription ended, or isn't active for another reason. */
  | { readonly kind: 'inactive'; readonly status: string }
  /** It is outside its hours. */
  | { readonly kind: 'outside hours'; readonly next: Date };

/** Returns why a stored key doesn't work at this moment, as far as is known; undefined if no problem is known. */
export function problemOf({ isActive, subscription }: StoredKey, now: Date): KeyProblem | undefined {
  if (isActive === false) return { kind: 'revoked' };
  if (!subscription) return undefined;
  const { status = 'active', cancelAtPeriodEnd, currentPeriodEnd, hours = [] } = subscription;
  if (status !== 'active') return { kind: 'inactive', status };
  // Without a cancellation, the subscription was renewed.
  if (cancelAtPeriodEnd && currentPeriodEnd !== undefined && Date.parse(currentPeriodEnd) <= now.getTime())
    return { kind: 'inactive', status: 'canceled' };
  const next = nextLive(activeHours(hours), now);
  return hours.length > 0 && next && next > now ? { kind: 'outside hours', next } : undefined;
}
