import type { Account, Key, Subscription } from './account.ts';
import { addMonths } from './calendar.ts';
import { periodCents, poolOf } from './catalogue.ts';
import { nextEvent } from './drops.ts';

/** Returns when the current period of a subscription ends, in epoch milliseconds. */
export function periodEnd({ anchor, paidPeriods, billingCycle, expiresAt }: Subscription): number {
  return expiresAt ?? addMonths(anchor, paidPeriods * (billingCycle === 'year' ? 12 : 1));
}

/**
 * Returns the account at a given time, after everything that was due before it. At the end of a period, a subscription renews, with
 * a charge per period, ends if it was canceled (Management API, "cancelAtPeriodEnd"), or becomes past due if the card declines.
 * Manually provisioned pools deliver keys. Scheduled blocks open and close, and rivals take seats.
 *
 * It is a pure function in the order of time, so that settling in two steps has the same result as settling at once.
 *
 * @param now - the sandbox's clock, epoch milliseconds
 * @returns the same object if nothing was due
 */
export function settle(account: Account, now: number): Account {
  let settled = account;
  for (let due = nextDue(settled, now); due !== undefined; due = nextDue(settled, now)) {
    settled = due.apply(settled);
  }
  return settled;
}

/** Renews a subscription: charges it, and extends it by a period. */
export function renew(account: Account, subscription: Subscription, at: number): Account {
  const cents = periodCents(poolOf(subscription), subscription.monthlyCents, subscription.billingCycle);
  const renewed: Subscription = { ...subscription, status: 'active', paidPeriods: subscription.paidPeriods + 1 };
  return {
    ...withSubscription(account, renewed),
    charges: [...account.charges, newCharge(account, subscription.id, cents, at, 'renewal')],
  };
}

/** Returns a charge with the next number of the account. */
export function newCharge(
  account: Account,
  subscriptionId: string,
  cents: number,
  at: number,
  reason: 'subscribe' | 'renewal',
): Account['charges'][number] {
  return { id: `ch_${String(account.charges.length + 1).padStart(6, '0')}`, subscriptionId, cents, at, reason };
}

/** Returns the account with a subscription replaced. */
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
  const drop = nextEvent(account);
  if (drop !== undefined && drop.at <= now && (first === undefined || drop.at < first.at)) first = drop;
  return first;
}

function dueOf(account: Account, subscription: Subscription): Due | undefined {
  if (subscription.status === 'canceled') return undefined;
  const { provisioning } = subscription;
  if (subscription.status === 'pending_key' && provisioning !== null) {
    return { at: provisioning.at, apply: (before) => deliverKey(before, subscription, provisioning) };
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

function deliverKey(
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
