import { type Block, blockNames } from './blocks.ts';
import { blocksHeld, type HeldHours, hoursHeld, seatsOf } from './coverage.ts';
import type { BillingCycle } from './quote.ts';
import { redacted } from './secrets.ts';

/** What a command is to change, as the record keeps it. Holds no secret; amounts in USD. */
export type Intent =
  | SubscribeIntent
  | KeyIntent
  | { readonly action: 'delete-key'; readonly id: string; readonly name?: string | undefined }
  | { readonly action: 'cancel'; readonly pool: string; readonly subscription: string }
  | { readonly action: 'topup'; readonly amount: number; readonly method: 'stripe' | 'usdc' }
  | { readonly action: 'verify'; readonly txHash: string; readonly amount: number }
  | { readonly action: 'card' }
  | { readonly action: 'checkout-plan'; readonly plan: string }
  | { readonly action: 'subscribe-plan'; readonly plan: string }
  | { readonly action: 'cancel-plan'; readonly subscription: string }
  | { readonly action: 'api'; readonly method: string; readonly path: string };

/** Seats to be bought: `charge` is what the user agreed to be charged, at most. */
export interface SubscribeIntent {
  readonly action: 'subscribe';
  readonly pool: string;
  readonly blocks: readonly Block[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly charge?: number | undefined;
}

/** A key to be made; without a name the API gives one. */
export interface KeyIntent {
  readonly action: 'create-key';
  readonly type: 'subscription' | 'credit';
  readonly name?: string | undefined;
  readonly subscriptionId?: string | undefined;
  /** The limits of a credit key: USD, requests and tokens per minute. */
  readonly maxBudget?: number | undefined;
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
}

/**
 * What of the account was there before a change, as far as it tells what came of it. Amounts in USD; each action has its own
 * members, and what could not be seen is absent.
 */
export interface Before {
  /** Ids of what the change makes: subscriptions on the pool, keys of that name. */
  readonly ids?: readonly string[] | undefined;
  /** Ids of subscriptions that were ending. */
  readonly ending?: readonly string[] | undefined;
  /** All that was ever credited; where the API does not say, the balance. */
  readonly toppedUp?: number | undefined;
  /** The retired plans, as one text. */
  readonly plans?: string | undefined;
}

/**
 * What a look at the account says of a change whose answer was lost: it was carried out, it was not (as far as this look shows:
 * a server may be late), or both is possible.
 */
export type Verdict<Found> =
  | { readonly outcome: 'applied'; readonly found: Found }
  | { readonly outcome: 'not_applied' }
  | { readonly outcome: 'unknown'; readonly why: string };

/** What is needed of a subscription to know it again. */
export interface SeenSubscription extends HeldHours {
  readonly id: string;
  readonly billingCycle?: string | null | undefined;
}

/** What is needed of a key to know it again. */
export interface SeenKey {
  readonly id: string;
  readonly name?: string | null | undefined;
  readonly keyType?: string | null | undefined;
  readonly subscriptionId?: string | null | undefined;
}

/**
 * Whether seats were bought: by new subscriptions that hold just the blocks asked for, are billed in the same cycle, and are as
 * many as the seats.
 *
 * @param others - ids that other changes are known to have made
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
  return { outcome: 'unknown', why: `${seats} of ${intent.quantity} seats found: ${ids}` };
}

/** What an answer does not say of a subscription cannot tell it from another. */
function fits({ blocks, billingCycle }: SubscribeIntent, subscription: SeenSubscription): boolean {
  const held = blocksHeld(subscription);
  const sameBlocks =
    hoursHeld(subscription).length === 0 || blockNames.every((each) => blocks.includes(each) === held.includes(each));
  return sameBlocks && (subscription.billingCycle == null || subscription.billingCycle === billingCycle);
}

/** Whether a key is one that a request could have made. */
export function couldBe({ name, type, subscriptionId }: KeyIntent, key: SeenKey): boolean {
  return (
    (name === undefined || isNamed(key.name?.trim(), name.trim())) &&
    (key.keyType == null || key.keyType === type) &&
    (subscriptionId === undefined || key.subscriptionId == null || key.subscriptionId === subscriptionId)
  );
}

/** Returns whether the results of two changes couldn't be told apart. Purchases always can: only one runs at a time. */
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
  return couldBeSameKey(one, other) && one.subscriptionId === other.subscriptionId && sameLimits;
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

/** The record masks what looks like a key in a name too. */
function isNamed(actual: string | undefined, recorded: string): boolean {
  return actual === recorded || (actual !== undefined && recorded.includes('…') && redacted(actual) === recorded);
}

/** Whether a key was made: by one new key of that name, kind and subscription. @param others - as of {@link judgeSubscribe} */
export function judgeKey<Key extends SeenKey>(
  intent: KeyIntent,
  before: Before,
  keys: readonly Key[],
  others: ReadonlySet<string> = none,
): Verdict<Key> {
  const known = new Set(before.ids);
  const made = keys.filter((key) => !known.has(key.id) && !others.has(key.id) && couldBe(intent, key));
  const [only, second] = made;
  if (!only) return { outcome: 'not_applied' };
  if (!second) return { outcome: 'applied', found: only };
  return { outcome: 'unknown', why: `${made.length} new keys could be it: ${made.map(({ id }) => id).join(', ')}` };
}

/** Whether a key was revoked: it is listed no more. */
export function judgeDelete(id: string, keys: readonly SeenKey[]): Verdict<string> {
  return keys.some((key) => key.id === id) ? { outcome: 'not_applied' } : { outcome: 'applied', found: id };
}

/** Whether a subscription was canceled: one ends that did not before. The API chooses which; the named one is taken first. */
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
  if (!one || one.status === 'canceled') return { outcome: 'unknown', why: `${named} is held no more` };
  if (one.cancelAtPeriodEnd == null) return { outcome: 'unknown', why: `the API does not say whether ${named} ends` };
  return { outcome: 'not_applied' };
}

/** Whether a payment was credited: all that was ever credited rose by just its amount. */
export function judgeVerify(
  amount: number,
  before: Before,
  toppedUp: number | undefined,
): Verdict<{ readonly credited: number }> {
  if (before.toppedUp === undefined || toppedUp === undefined) {
    return { outcome: 'unknown', why: 'the API does not say how much was ever credited' };
  }
  const rise = Math.round((toppedUp - before.toppedUp) * 100);
  if (rise === 0) return { outcome: 'not_applied' };
  if (rise === Math.round(amount * 100)) return { outcome: 'applied', found: { credited: amount } };
  return { outcome: 'unknown', why: `the credit changed by ${rise / 100} USD meanwhile` };
}

const none: ReadonlySet<string> = new Set();
