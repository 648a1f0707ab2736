import { counted } from './counted.ts';
import { reservedBlocks, reservedHours, type SubscriptionHours } from './coverage.ts';
import { durationInWords, parseDuration } from './duration.ts';
import type { Cents } from './money.ts';
import { shellWord } from './shell-word.ts';

/** What can need attention in an account. */
type Problem = 'past_due' | 'pending_key' | 'ending_soon' | 'no_key' | 'low_balance' | 'old_keys';

/** One thing that needs attention. */
export interface Finding {
  readonly problem: Problem;
  /** A sentence without its period. */
  readonly message: string;
  /** Null for the account as a whole. */
  readonly subscriptionId: string | null;
  /** The command that resolves it. */
  readonly command: string;
}

/** The parts of a subscription that can need attention. */
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
/** Credit below this may run out before anyone checks again. */
const lowBalance: Cents = 500;

/** The active keys that should be rotated. */
export interface OldKeys {
  readonly count: number;
  /** The age above which a key counts, as typed: `90d`. */
  readonly maxAge: string;
}

/** What can need attention besides the subscriptions. */
interface OtherFacts {
  /** The prepaid credit, if there are keys that spend it. */
  readonly credit?: Cents | undefined;
  /** Undefined if there is no maximum age. */
  readonly oldKeys?: OldKeys | undefined;
}

/**
 * Returns what needs attention in an account.
 *
 * @param program - `ci` with the options that select the account
 */
export function findProblems(
  subscriptions: readonly SubscriptionStatus[],
  { credit, oldKeys }: OtherFacts,
  now: Date,
  program = 'ci',
): Finding[] {
  const findings = subscriptions.flatMap((subscription) => problemsOf(subscription, now));
  if (credit !== undefined && credit < lowBalance) {
    const message = 'Your credit is below $5.00';
    findings.push({ problem: 'low_balance', message, subscriptionId: null, command: 'billing topup' });
  }
  if (oldKeys && oldKeys.count > 0) {
    const { count, maxAge } = oldKeys;
    const message = `${counted(count, 'active key')} ${count === 1 ? 'is' : 'are'} older than ${durationInWords(parseDuration(maxAge))}`;
    findings.push({
      problem: 'old_keys',
      message,
      subscriptionId: null,
      command: `keys rotate --older-than ${maxAge}`,
    });
  }
  return findings.map((finding) => ({ ...finding, command: `${program} ${finding.command}` }));
}

/** Returns what needs attention in a subscription, with commands without the program. */
function problemsOf(subscription: SubscriptionStatus, now: Date): Finding[] {
  const { id, poolSlug, status, cancelAtPeriodEnd, hasKey } = subscription;
  const found: Finding[] = [];
  const add = (problem: Problem, message: string, command: string) =>
    found.push({ problem, message, subscriptionId: id, command });
  const end = new Date(subscription.currentPeriodEnd ?? '');
  if (status === 'past_due') {
    add('past_due', `The payment for ${poolSlug} failed, and its API key is suspended`, 'billing card');
  }
  if (status === 'pending_key') {
    const since = periodStart(subscription);
    if (since !== undefined && now.getTime() - since > longestProvisioning) {
      const message = `You paid for ${poolSlug} more than 24 hours ago, but its API key hasn't arrived`;
      add('pending_key', message, `pools keys ${shellWord(poolSlug)}`);
    }
  }
  if (cancelAtPeriodEnd && end.getTime() - now.getTime() <= soon) {
    const blocks = reservedBlocks(subscription);
    const command = `pools subscribe ${shellWord(poolSlug)}${blocks.length > 0 ? ` --blocks ${blocks.join(',')}` : ''}`;
    add('ending_soon', `Your subscription to ${poolSlug} ends on ${utcDay(end)}`, command);
  }
  // A subscription that ends no longer needs a key.
  if (status === 'active' && !hasKey && !cancelAtPeriodEnd && reservedHours(subscription).length > 0) {
    add('no_key', `Your subscription to ${poolSlug} has no API key`, `keys create --subscription ${shellWord(id)}`);
  }
  return found;
}

/**
 * Returns when the current period began, in epoch milliseconds: a month or a year before its end, or on the last day of that month
 * if it is shorter.
 */
function periodStart({ billingCycle, currentPeriodEnd }: SubscriptionStatus): number | undefined {
  const end = new Date(currentPeriodEnd ?? '');
  if (Number.isNaN(end.getTime())) return undefined;
  const month = end.getUTCMonth() - (billingCycle === 'year' ? 12 : 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return end.setUTCMonth(month, Math.min(end.getUTCDate(), lastDay));
}

/** Formats a day in UTC: `14 May 2026`. */
function utcDay(moment: Date): string {
  return moment.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
}
