import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { chosenPool, withPool } from './pool.ts';
import { type PoolSubscription, subscriptionColumns, subscriptionFields, withMaskedKey } from './subscription.ts';

/** `ci pools subscriptions`: mine, on every pool or on one. */
export default function subscriptions(context: Context): Verb {
  const command = verb('subscriptions', 'list your subscriptions, on all pools or one', {
    fields: subscriptionFields,
    examples: ['ci pools subscriptions', "ci pools subscriptions kimi26 --json | jq -r '.[].id'"],
  });
  command.argument('[pool]', 'slug or UUID').action((pool?: string) => listSubscriptions(context, pool));
  return command;
}

async function listSubscriptions(context: Context, typed: string | undefined): Promise<void> {
  const found =
    typed === undefined
      ? await allSubscriptions(context)
      : await poolSubscriptions(context, await chosenPool(context, typed));
  const now = await context.now();
  const columns = subscriptionColumns(now).filter(
    ({ field }) => field !== 'cancelAtPeriodEnd' || !context.output.isForPeople,
  );
  await context.output.list(found.map(withMaskedKey), {
    columns,
    fields: subscriptionFields,
    empty: 'No subscriptions. `ci pools list` shows what there is.',
  });
}

/** My subscriptions on one pool. @throws CommandError (not_found) that names the nearest pools */
export async function poolSubscriptions(context: Context, pool: string): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const found = await withPool(context, pool, () => pools.subscriptions(pool));
  return found.map((subscription) => ({ ...subscription, poolSlug: pool }));
}

/** My subscriptions on all pools: the account names the pools, each pool its subscriptions. */
export async function allSubscriptions(context: Context): Promise<PoolSubscription[]> {
  const { billing, pools } = await context.api();
  const { poolPledges } = await billing.status();
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
