import type { BillingStatus } from '../api/billing.ts';
import type { Api } from '../api/index.ts';
import type { Subscription } from '../api/pools.ts';
import type { Context } from './context.ts';
import { withPool } from './pool.ts';

/** A subscription and the pool it is on. */
export type PoolSubscription = Subscription & { readonly poolSlug: string };

/** My subscriptions on one pool. @throws CommandError (not_found) that names the nearest pools */
export async function poolSubscriptions(context: Context, pool: string): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const found = await withPool(context, pool, () => pools.subscriptions(pool));
  return found.map((subscription) => ({ ...subscription, poolSlug: pool }));
}

/** My subscriptions on all pools: the account names the pools, each pool its subscriptions. */
export async function allSubscriptions({ pools }: Api, { poolPledges }: BillingStatus): Promise<PoolSubscription[]> {
  const mine = new Map(
    (poolPledges ?? []).map((pledge) => [pledge.poolId ?? pledge.poolSlug ?? pledge.id, pledge.poolSlug]),
  );
  const found: PoolSubscription[] = [];
  for (const [pool, slug] of mine) {
    const subscriptions = await pools.subscriptions(slug ?? pool);
    found.push(...subscriptions.map((subscription) => ({ ...subscription, poolSlug: slug ?? pool })));
  }
  return found;
}
