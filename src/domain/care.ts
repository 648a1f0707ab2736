import { hoursHeld, type SubscriptionHours } from './coverage.ts';
import type { Cents } from './money.ts';

/** What can be wrong with an account. */
type Problem = 'past_due' | 'pending_key' | 'ending_soon' | 'no_key' | 'low_balance';

/** One thing that needs care. */
export interface Finding {
  readonly problem: Problem;
  readonly message: string;
  /** Whose it is; null for the account as a whole. */
  readonly subscriptionId: string | null;
}

/** A subscription, as far as it can need care. */
export interface SubscriptionStatus extends SubscriptionHours {
  readonly id: string;
  readonly poolSlug: string;
  readonly billingCycle?: string | null | undefined;
  readonly currentPeriodEnd?: string | null | undefined;
  readonly hasKey: boolean;
}

const day = 24 * 3_600_000;
/** A key is delivered within 24 hours (Unlimited Subscriptions API, "manualProvisioning"). */
const longestProvisioning = day;
const soon = 7 * day;
/** Below this, credit runs out before anyone looks again. */
const lowBalance: Cents = 500;

/**
 * What needs care in an account.
 *
 * @param credit - the prepaid credit, when there are keys that spend it
 */
export function needsCare(
  subscriptions: readonly SubscriptionStatus[],
  credit: Cents | undefined,
  now: Date,
): Finding[] {
  const findings = subscriptions.flatMap((subscription) => careOf(subscription, now));
  if (credit !== undefined && credit < lowBalance) {
    findings.push({ problem: 'low_balance', message: 'the credit is below $5.00', subscriptionId: null });
  }
  return findings;
}

function careOf(subscription: SubscriptionStatus, now: Date): Finding[] {
  const { id, poolSlug, status, cancelAtPeriodEnd, hasKey } = subscription;
  const found: Finding[] = [];
  const add = (problem: Problem, message: string) =>
    found.push({ problem, message: `${poolSlug}: ${message}`, subscriptionId: id });
  const end = Date.parse(subscription.currentPeriodEnd ?? '');
  if (status === 'past_due') add('past_due', 'the payment failed, and the key is suspended');
  if (status === 'pending_key') {
    const since = periodStart(subscription);
    if (since !== undefined && now.getTime() - since > longestProvisioning) {
      add('pending_key', 'paid more than 24 hours ago, and the key has not come');
    }
  }
  if (cancelAtPeriodEnd && end - now.getTime() <= soon) add('ending_soon', `ends on ${subscription.currentPeriodEnd}`);
  if (status === 'active' && !hasKey && hoursHeld(subscription).length > 0) add('no_key', 'has no key');
  return found;
}

/** When the running period began, epoch milliseconds: its end less a month or a year, or the month's last day before it. */
function periodStart({ billingCycle, currentPeriodEnd }: SubscriptionStatus): number | undefined {
  const end = new Date(currentPeriodEnd ?? '');
  if (Number.isNaN(end.getTime())) return undefined;
  const month = end.getUTCMonth() - (billingCycle === 'year' ? 12 : 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return end.setUTCMonth(month, Math.min(end.getUTCDate(), lastDay));
}
