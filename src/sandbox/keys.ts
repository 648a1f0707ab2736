import { randomBytes, randomUUID } from 'node:crypto';
import type { Account, Key, Subscription } from './account.ts';
import { poolOf } from './catalogue.ts';

/** What a new key may be told; the rest begins at nothing. */
export interface NewKey {
  name: string;
  subscriptionId: string | null;
  budgetMicros?: number | null;
  rpm?: number | null;
  tpm?: number | null;
}

/** A key made now, not yet in the account. */
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
 * Returns a new secret: 32 random characters that need no escaping in a URL or a shell. The prefix tells it from the keys of the real
 * API, `sk_live_…` and `sk_pool_…`.
 */
export function newSecret(): string {
  return `sk_sandbox_${randomBytes(24).toString('base64url')}`;
}

/** The subscription a key belongs to; undefined for a credit key. */
export function subscriptionOf(account: Account, key: Key): Subscription | undefined {
  return account.subscriptions.find(({ id }) => id === key.subscriptionId);
}

/** Whether a key works: a credit key always, a subscription's while that is active ("past_due: key suspended"). */
export function isActive(account: Account, key: Key): boolean {
  return key.subscriptionId === null || subscriptionOf(account, key)?.status === 'active';
}

/** The most recent working key of a subscription. */
export function activeKeyOf(account: Account, subscription: Subscription): Key | undefined {
  return account.keys.findLast((key) => key.subscriptionId === subscription.id && isActive(account, key));
}

/** `subscription` or `credit`. */
export function keyType(key: Key): 'subscription' | 'credit' {
  return key.subscriptionId === null ? 'credit' : 'subscription';
}

/** A key's plan: the slug of its pool, or `credits` (Usage, field `plan`). */
export function keyPlan(account: Account, key: Key): string {
  const subscription = subscriptionOf(account, key);
  return subscription === undefined ? 'credits' : poolOf(subscription).slug;
}
