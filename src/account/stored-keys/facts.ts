import type { Key } from '../../api/keys.ts';
import type { KeyFacts } from '../../config/stored-keys.ts';
import { reservedHours } from '../../domain/coverage.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { PoolSubscription } from '../subscriptions.ts';

/** What was read of an account. */
export interface KnownAccount {
  /** All its keys; undefined if they weren't read. */
  readonly keys?: readonly Key[];
  /** The keys that were stored before the account was read. Those of them that it doesn't list were revoked. */
  readonly storedBefore?: readonly StoredKey[];
  /** Some of its subscriptions. */
  readonly subscriptions?: readonly Pick<
    PoolSubscription,
    'id' | 'poolSlug' | 'status' | 'cancelAtPeriodEnd' | 'currentPeriodEnd' | 'hours'
  >[];
}

/** Returns a function that returns what an account says about a stored key. */
export function factsOf({
  keys,
  storedBefore = [],
  subscriptions = [],
}: KnownAccount): (stored: StoredKey) => KeyFacts {
  const listed = new Map(keys?.map((key) => [key.id, key]));
  const earlier = new Set(storedBefore.map(({ id }) => id));
  const known = new Map(subscriptions.map((subscription) => [subscription.id, subscription]));
  return (stored) => {
    const key = stored.id === undefined ? undefined : listed.get(stored.id);
    const subscriptionId = key?.subscriptionId ?? stored.subscriptionId;
    const subscription = subscriptionId === undefined ? undefined : known.get(subscriptionId);
    const hours = subscription && reservedHours(subscription);
    const isMissing = keys !== undefined && stored.id !== undefined && !key && earlier.has(stored.id);
    return {
      isActive: isMissing ? false : (key?.isActive ?? (key ? true : undefined)),
      keyType: key?.keyType ?? undefined,
      subscriptionId,
      poolSlug: subscription?.poolSlug ?? (subscriptionId === undefined ? undefined : (key?.keyPlan ?? undefined)),
      subscription: {
        status: subscription?.status ?? key?.subscriptionStatus ?? undefined,
        cancelAtPeriodEnd: subscription?.cancelAtPeriodEnd ?? undefined,
        currentPeriodEnd: subscription?.currentPeriodEnd ?? key?.subscriptionExpiresAt ?? undefined,
        hours: hours && hours.length > 0 ? hours : undefined,
      },
    };
  };
}
