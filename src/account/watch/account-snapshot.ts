import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Cents } from '../../domain/money.ts';
import { monthlySpending } from '../purchase/limits.ts';
import { isFresh } from '../purchase/snapshot.ts';
import type { Candidate } from './availability.ts';

/** When a snapshot was taken. */
export interface SnapshotTime {
  /** Epoch milliseconds, from before the account was read. */
  readonly at: number;
  /** The mark of the record at that time. Another `ci` on this machine that buys changes it. */
  readonly mark: string | undefined;
}

/** What a purchase depends on, as the account showed it. */
export interface AccountSnapshot extends SnapshotTime {
  /** The user's subscriptions on each pool. */
  readonly subscriptions: ReadonlyMap<string, readonly Subscription[]>;
  /** As returned by {@link monthlySpending}. */
  readonly spent: Cents | undefined;
}

/** The snapshot before the account was read. It is never current. */
export const noSnapshot: AccountSnapshot = {
  at: Number.NEGATIVE_INFINITY,
  mark: undefined,
  subscriptions: new Map(),
  spent: undefined,
};

/**
 * Reads what a purchase of the candidates depends on.
 *
 * @param options - `once`: without retries
 */
export async function readAccount(
  context: Pick<Context, 'api' | 'settings'>,
  candidates: readonly Candidate[],
  time: SnapshotTime,
  options: { readonly once: boolean },
): Promise<AccountSnapshot> {
  const { pools } = await context.api();
  const subscriptions = new Map<string, readonly Subscription[]>();
  for (const { pool } of candidates) {
    if (!subscriptions.has(pool)) subscriptions.set(pool, await pools.subscriptions(pool, options));
  }
  return { ...time, subscriptions, spent: await monthlySpending(context, options) };
}

/** Returns the user's subscriptions on the pool of a candidate. */
export function subscriptionsOn({ subscriptions }: AccountSnapshot, { pool }: Candidate): readonly Subscription[] {
  return subscriptions.get(pool) ?? [];
}

/** Whether nothing on this machine can have changed the account since a snapshot. The machine may have slept since. */
export function isCurrent({ at, mark }: SnapshotTime, now: SnapshotTime): boolean {
  return mark === now.mark && isFresh(at, now.at);
}
