import { randomBytes, randomUUID } from 'node:crypto';
import type { Account, Key, Subscription } from './account.ts';
import { poolOf } from './catalogue.ts';

/** The properties of a new key that can be chosen. */
export interface NewKey {
  name: string;
  subscriptionId: string | null;
  budgetMicros?: number | null;
  rpm?: number | null;
  tpm?: number | null;
}

/** Returns a new key, which isn't in the account yet. */
export function newKey(
  { name, subscriptionId, budgetMicros = null, rpm = null, tpm = null }: NewKey,
  now: number,
): Key {
  return {
    id: randomUUID(),
    name,
    apiKey: newSecret(),
    subscriptionId,
    createdAt: now,
    lastUsedAt: null,
    budgetMicros,
    rpm,
    tpm,
    spentMicros: 0,
    spentPeriod: 0,
    minutes: [],
  };
}

/**
 * Returns a new secret: 32 random characters that need no escaping in a URL or a shell. The prefix distinguishes it from keys of the real
 * API, `sk_live_…` and `sk_pool_…`.
 */
export function newSecret(): string {
  return `sk_sandbox_${randomBytes(24).toString('base64url')}`;
}

/** Returns the subscription of a key; undefined for a credit key. */
export function subscriptionOf(account: Account, key: Key): Subscription | undefined {
  return account.subscriptions.find(({ id }) => id === key.subscriptionId);
}

/** Returns whether a key works. A credit key always does, another one if its subscription is active ("past_due: key suspended"). */
export function isActive(account: Account, key: Key): boolean {
  return key.subscriptionId === null || subscriptionOf(account, key)?.status === 'active';
}

/** Returns the most recent working key of a subscription. */
export function activeKeyOf(account: Account, subscription: Subscription): Key | undefined {
  return account.keys.findLast((key) => key.subscriptionId === subscription.id && isActive(account, key));
}

/** Returns the type of a key. */
export function keyType(key: Key): 'subscription' | 'credit' {
  return key.subscriptionId === null ? 'credit' : 'subscription';
}

/** Returns the plan of a key: the slug of its pool, or `credits` (Usage, field `plan`). */
export function keyPlan(account: Account, key: Key): string {
  const subscription = subscriptionOf(account, key);
  return subscription === undefined ? 'credits' : poolOf(subscription).slug;
}
