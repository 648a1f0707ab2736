import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { checkedPool } from '../pool.ts';
import { allSubscriptions, type PoolSubscription, poolSubscriptions } from '../subscriptions.ts';
import { subscriptionColumns, subscriptionFields, withMaskedKey } from './subscription.ts';

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
  const found = typed === undefined ? await mine(context) : await poolSubscriptions(context, checkedPool(typed));
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

async function mine(context: Context): Promise<PoolSubscription[]> {
  const api = await context.api();
  return allSubscriptions(api, await api.billing.status());
}
