import { monthlySpending } from '../account/purchase/limits.ts';
import { isFresh } from '../account/purchase/snapshot.ts';
import type { Subscription } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import type { Cents } from '../domain/money.ts';
import type { Candidate } from './availability.ts';

/** When a snapshot was taken. */
export interface SnapshotTime {
  /** Epoch milliseconds, from before the account was fetched. */
  readonly at: number;
  /** The mark of the record at that time. It changes if another `ci` buys. */
  readonly mark: string | undefined;
}

/** The state of the account that a purchase depends on. */
export interface AccountSnapshot extends SnapshotTime {
  /** The user's subscriptions on each pool. */
  readonly subscriptions: ReadonlyMap<string, readonly Subscription[]>;
  /** As returned by {@link monthlySpending}. */
  readonly spent: Cents | undefined;
}

/** The snapshot from before the account was first fetched. It is never current. */
export const noSnapshot: AccountSnapshot = {
  at: Number.NEGATIVE_INFINITY,
  mark: undefined,
  subscriptions: new Map(),
  spent: undefined,
};

/**
 * Fetches the state of the account that a purchase of the candidates depends on.
 *
 * @param options - `once`: whether to fetch without retries
 */
export async function readAccount(
  context: Pick<Context, 'api' | 'clocks' | 'record' | 'settings'>,
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

/** Returns whether no `ci` can have changed the account since a snapshot. */
export function isCurrent({ at, mark }: SnapshotTime, now: SnapshotTime): boolean {
  return mark === now.mark && isFresh(at, now.at);
}
