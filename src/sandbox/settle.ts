import type { Account, Key, Subscription } from './account.ts';
import { addMonths } from './calendar.ts';
import { periodCents, poolOf } from './catalogue.ts';
import { nextHappening } from './drops.ts';

/** When the paid time of a subscription ends, epoch milliseconds. */
export function periodEnd({ anchor, paidPeriods, billingCycle }: Subscription): number {
  return addMonths(anchor, paidPeriods * (billingCycle === 'year' ? 12 : 1));
}

/**
 * The account at a moment: what the vendor's background jobs have done until then. Subscriptions whose period has ended renew
 * for one charge a period, or end when they were canceled (Management API, "cancelAtPeriodEnd"), or are past due when the card
 * declines; keys of manually provisioned pools are handed over. And what was scheduled for the sandbox: blocks open and close, and
 * rivals take seats.
 *
 * A pure function, and in the order of time, so that settling in two steps gives what settling at once gives.
 *
 * @param now - the sandbox's clock, epoch milliseconds
 * @returns the same object when nothing was due
 */
export function settle(account: Account, now: number): Account {
  let settled = account;
  for (let due = nextDue(settled, now); due !== undefined; due = nextDue(settled, now)) {
    settled = due.apply(settled);
  }
  return settled;
}

/** One more period paid: a charge, and the period's end moves on. */
export function renew(account: Account, subscription: Subscription, at: number): Account {
  const cents = periodCents(poolOf(subscription), subscription.monthlyCents, subscription.billingCycle);
  const renewed: Subscription = { ...subscription, status: 'active', paidPeriods: subscription.paidPeriods + 1 };
  return {
    ...withSubscription(account, renewed),
    charges: [...account.charges, newCharge(account, subscription.id, cents, at, 'renewal')],
  };
}

/** A charge record with the account's next number. */
export function newCharge(
  account: Account,
  subscriptionId: string,
  cents: number,
  at: number,
  reason: 'subscribe' | 'renewal',
): Account['charges'][number] {
  return { id: `ch_${String(account.charges.length + 1).padStart(6, '0')}`, subscriptionId, cents, at, reason };
}

/** The account with one subscription replaced by its newer self. */
export function withSubscription(account: Account, changed: Subscription): Account {
  return {
    ...account,
    subscriptions: account.subscriptions.map((one) => (one.id === changed.id ? changed : one)),
  };
}

interface Due {
  at: number;
  apply: (account: Account) => Account;
}

function nextDue(account: Account, now: number): Due | undefined {
  let first: Due | undefined;
  for (const subscription of account.subscriptions) {
    const due = dueOf(account, subscription);
    if (due !== undefined && due.at <= now && (first === undefined || due.at < first.at)) first = due;
  }
  const drop = nextHappening(account);
  if (drop !== undefined && drop.at <= now && (first === undefined || drop.at < first.at)) first = drop;
  return first;
}

function dueOf(account: Account, subscription: Subscription): Due | undefined {
  if (subscription.status === 'canceled') return undefined;
  const { provisioning } = subscription;
  if (subscription.status === 'pending_key' && provisioning !== null) {
    return { at: provisioning.at, apply: (before) => handOver(before, subscription, provisioning) };
  }
  const at = periodEnd(subscription);
  if (subscription.cancelAtPeriodEnd) {
    return { at, apply: (before) => withSubscription(before, { ...subscription, status: 'canceled' }) };
  }
  if (subscription.status === 'past_due') return undefined;
  if (account.card !== 'good') {
    return { at, apply: (before) => withSubscription(before, { ...subscription, status: 'past_due' }) };
  }
  return { at, apply: (before) => renew(before, subscription, at) };
}

function handOver(
  account: Account,
  subscription: Subscription,
  { at, keyId, apiKey }: { at: number; keyId: string; apiKey: string },
): Account {
  const key: Key = {
    id: keyId,
    name: poolOf(subscription).modelName,
    apiKey,
    subscriptionId: subscription.id,
    createdAt: at,
    lastUsedAt: null,
    budgetMicros: null,
    rpm: null,
    tpm: null,
    spentMicros: 0,
    spentPeriod: 0,
    minutes: [],
  };
  const active: Subscription = { ...subscription, status: 'active', provisioning: null };
  return { ...withSubscription(account, active), keys: [...account.keys, key] };
}
