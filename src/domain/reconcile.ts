import { type Block, blockNames } from './blocks.ts';
import { counted } from './counted.ts';
import { reservedBlocks, reservedHours, type SubscriptionHours, seatsOf } from './coverage.ts';
import { formatUsd } from './money.ts';
import type { PayIntent } from './payment.ts';
import type { BillingCycle } from './quote.ts';
import { redacted } from './secrets.ts';

/** What a command changes, as the record stores it, without secrets. Amounts are in USD. */
export type Intent =
  | SubscribeIntent
  | KeyIntent
  | { readonly action: 'delete-key'; readonly id: string; readonly name?: string | undefined }
  | { readonly action: 'cancel'; readonly pool: string; readonly subscription: string }
  | { readonly action: 'topup'; readonly amount: number; readonly method: 'stripe' | 'usdc' }
  | PayIntent
  | { readonly action: 'verify'; readonly txHash: string; readonly amount: number }
  | { readonly action: 'card' }
  | { readonly action: 'checkout-plan'; readonly plan: string }
  | { readonly action: 'subscribe-plan'; readonly plan: string }
  | { readonly action: 'cancel-plan'; readonly subscription: string }
  | { readonly action: 'api'; readonly method: string; readonly path: string };

/** A purchase of seats. `charge` is the most that the user agreed to pay, and `monthly` the price per month of what is paid yearly. */
export interface SubscribeIntent {
  readonly action: 'subscribe';
  readonly pool: string;
  readonly blocks: readonly Block[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly charge?: number | undefined;
  readonly monthly?: number | undefined;
}

/** The creation of a key. Without a name, the API chooses one. */
export interface KeyIntent {
  readonly action: 'create-key';
  readonly type: 'subscription' | 'credit';
  readonly name?: string | undefined;
  readonly subscriptionId?: string | undefined;
  /** The limits of a credit key: USD, requests per minute and tokens per minute. */
  readonly maxBudget?: number | undefined;
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  /** Whether the key is revoked at the end of the command that creates it. */
  readonly temporary?: true | undefined;
  /** The id of the key that it replaces in a rotation. */
  readonly replaces?: string | undefined;
}

/**
 * The state of the account before a change, as far as it is needed to find the outcome. Each action has its own members; what
 * couldn't be read is absent. Amounts are in USD.
 */
export interface Before {
  /** Ids of things that the change creates one more of: subscriptions to the pool, or keys of that name. */
  readonly ids?: readonly string[] | undefined;
  /** Ids of subscriptions that were already ending. */
  readonly ending?: readonly string[] | undefined;
  /** The total ever credited; the balance if the API doesn't state the total. */
  readonly toppedUp?: number | undefined;
  /** The account's retired plans, as one text. */
  readonly plans?: string | undefined;
}

/**
 * What the account says about a change if its response was lost: it was applied, it was not applied (so far, because a server may
 * be late), or either is possible.
 */
export type Verdict<Found> =
  | { readonly outcome: 'applied'; readonly found: Found }
  | { readonly outcome: 'not_applied' }
  | { readonly outcome: 'unknown'; readonly why: string };

/** The parts of a subscription that identify it. */
export interface SeenSubscription extends SubscriptionHours {
  readonly id: string;
  readonly billingCycle?: string | null | undefined;
}

/** The parts of a key that identify it. */
export interface SeenKey {
  readonly id: string;
  readonly name?: string | null | undefined;
  readonly keyType?: string | null | undefined;
  readonly subscriptionId?: string | null | undefined;
}

/**
 * Decides whether seats were bought. They were if there are as many new subscriptions as seats, with exactly the requested blocks
 * and billing cycle.
 *
 * @param others - ids that other changes are known to have created
 */
export function judgeSubscribe<Subscription extends SeenSubscription>(
  intent: SubscribeIntent,
  before: Before,
  mine: readonly Subscription[],
  others: ReadonlySet<string> = none,
): Verdict<Subscription[]> {
  const known = new Set(before.ids);
  const bought = mine.filter((each) => !known.has(each.id) && !others.has(each.id) && fits(intent, each));
  if (bought.length === 0) return { outcome: 'not_applied' };
  const seats = bought.reduce(
    (sum, each) => sum + Math.min(...intent.blocks.map((block) => seatsOf(each, block) || 1)),
    0,
  );
  if (seats === intent.quantity) return { outcome: 'applied', found: bought };
  const ids = bought.map(({ id }) => id).join(', ');
  return {
    outcome: 'unknown',
    why: `there are ${counted(seats, 'new seat')} instead of ${intent.quantity} (${ids})`,
  };
}

/** Returns whether a subscription could be from this purchase. What the API doesn't state can't rule it out. */
function fits({ blocks, billingCycle }: SubscribeIntent, subscription: SeenSubscription): boolean {
  const reserved = reservedBlocks(subscription);
  const sameBlocks =
    reservedHours(subscription).length === 0 ||
    blockNames.every((each) => blocks.includes(each) === reserved.includes(each));
  return sameBlocks && (subscription.billingCycle == null || subscription.billingCycle === billingCycle);
}

/** Returns whether a request could have created a key. */
export function couldBe({ name, type, subscriptionId }: KeyIntent, key: SeenKey): boolean {
  return (
    (name === undefined || isNamed(key.name?.trim(), name.trim())) &&
    (key.keyType == null || key.keyType === type) &&
    (subscriptionId === undefined || key.subscriptionId == null || key.subscriptionId === subscriptionId)
  );
}

/** Returns whether the results of two changes can't be told apart. Those of purchases always can, because only one runs at a time. */
export function areRivals(one: Intent, other: Intent): boolean {
  if (one.action !== 'create-key' || other.action !== 'create-key' || one.type !== other.type) return false;
  const sameName = one.name === undefined || other.name === undefined || isNamed(one.name.trim(), other.name.trim());
  return sameName && fitsSubscription(one, other);
}

/** Returns whether two purchases ask for exactly the same thing. */
export function areSamePurchases(one: SubscribeIntent, other: SubscribeIntent): boolean {
  return (
    one.pool === other.pool &&
    one.blocks.join() === other.blocks.join() &&
    one.quantity === other.quantity &&
    one.billingCycle === other.billingCycle
  );
}

/** Returns whether two purchases have a block in common. */
export function overlap({ blocks }: SubscribeIntent, other: SubscribeIntent): boolean {
  return blocks.some((block) => other.blocks.includes(block));
}

/** Returns whether two requests for a key are the same request. */
export function areSameKeys(one: KeyIntent, other: KeyIntent): boolean {
  const sameLimits = one.maxBudget === other.maxBudget && one.rpm === other.rpm && one.tpm === other.tpm;
  const sameUse = one.subscriptionId === other.subscriptionId && one.replaces === other.replaces;
  return couldBeSameKey(one, other) && sameUse && sameLimits;
}

/** Returns whether one request for a key could repeat the other. A request that names no subscription may be for any. */
export function couldBeSameKey(one: KeyIntent, other: KeyIntent): boolean {
  const sameName =
    one.name === undefined || other.name === undefined
      ? one.name === other.name
      : isNamed(one.name.trim(), other.name.trim());
  return one.type === other.type && sameName && fitsSubscription(one, other);
}

function fitsSubscription(one: KeyIntent, other: KeyIntent): boolean {
  const { subscriptionId } = one;
  return subscriptionId === undefined || other.subscriptionId === undefined || subscriptionId === other.subscriptionId;
}

/** Compares a name with a recorded one, in which the record masks anything that looks like a key. */
function isNamed(actual: string | undefined, recorded: string): boolean {
  return actual === recorded || (actual !== undefined && recorded.includes('…') && redacted(actual) === recorded);
}

/**
 * Decides whether a key was created. It was if there is one new key of that name, type and subscription.
 *
 * @param others - ids that other changes are known to have created
 */
export function judgeKey<Key extends SeenKey>(
  intent: KeyIntent,
  before: Before,
  keys: readonly Key[],
  others: ReadonlySet<string> = none,
): Verdict<Key> {
  const known = new Set(before.ids);
  const created = keys.filter((key) => !known.has(key.id) && !others.has(key.id) && couldBe(intent, key));
  const [only, second] = created;
  if (!only) return { outcome: 'not_applied' };
  if (!second) return { outcome: 'applied', found: only };
  const ids = created.map(({ id }) => id).join(', ');
  return { outcome: 'unknown', why: `there are ${created.length} new keys that match (${ids})` };
}

/** Decides whether a key was revoked. It was if it is no longer listed. */
export function judgeDelete(id: string, keys: readonly SeenKey[]): Verdict<string> {
  return keys.some((key) => key.id === id) ? { outcome: 'not_applied' } : { outcome: 'applied', found: id };
}

/**
 * Decides whether a subscription was canceled. It was if one ends that didn't before. The API chooses which one it cancels, so if
 * there are several, the named one counts.
 */
export function judgeCancel<Subscription extends SeenSubscription>(
  named: string,
  before: Before,
  mine: readonly Subscription[],
  others: ReadonlySet<string> = none,
): Verdict<Subscription> {
  const known = new Set(before.ending);
  const ending = mine.filter(
    ({ id, cancelAtPeriodEnd }) => cancelAtPeriodEnd === true && !known.has(id) && !others.has(id),
  );
  const found = ending.find(({ id }) => id === named) ?? ending[0];
  if (found) return { outcome: 'applied', found };
  const one = mine.find(({ id }) => id === named);
  if (!one || one.status === 'canceled') return { outcome: 'unknown', why: `subscription ${named} no longer exists` };
  if (one.cancelAtPeriodEnd == null) {
    return { outcome: 'unknown', why: `the API doesn't say whether subscription ${named} is canceled` };
  }
  return { outcome: 'not_applied' };
}

/** Decides whether a payment was credited. It was if the total ever credited rose by exactly its amount. */
export function judgeVerify(
  amount: number,
  before: Before,
  toppedUp: number | undefined,
): Verdict<{ readonly credited: number }> {
  if (before.toppedUp === undefined || toppedUp === undefined) {
    return { outcome: 'unknown', why: "the API didn't return the total credit" };
  }
  const rise = Math.round((toppedUp - before.toppedUp) * 100);
  if (rise === 0) return { outcome: 'not_applied' };
  if (rise === Math.round(amount * 100)) return { outcome: 'applied', found: { credited: amount } };
  return { outcome: 'unknown', why: `the credit changed by ${formatUsd(rise)} in the meantime` };
}

const none: ReadonlySet<string> = new Set();
