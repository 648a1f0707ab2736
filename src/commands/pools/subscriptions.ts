import { checkedPool } from '../../account/choose-pool.ts';
import { subscriptionColumns, subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { allSubscriptions, type PoolSubscription, poolSubscriptions } from '../../account/subscriptions.ts';
import { poolArgument } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

/** `ci pools subscriptions`: mine, on every pool or on one. */
export default function subscriptions(command: Verb, context: Context): void {
  command
    .tell({
      fields: subscriptionFields,
      examples: ['ci pools subscriptions', "ci pools subscriptions kimi26 --json | jq -r '.[].id'"],
    })
    .addArgument(poolArgument())
    .action((pool?: string) => listSubscriptions(context, pool));
}

async function listSubscriptions(context: Context, typed: string | undefined): Promise<void> {
  const found = typed === undefined ? await mine(context) : await poolSubscriptions(context, checkedPool(typed));
  const now = await context.connections.now();
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
