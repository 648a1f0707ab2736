import { checkedPool } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { subscriptionColumns, subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { fetchSubscriptions, type PoolSubscription, poolSubscriptions } from '../../account/subscriptions.ts';
import { poolArgument } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

/** Which subscriptions `ci pools subscriptions` shows. */
export interface Options {
  /** Undefined: all pools. */
  readonly pool: string | undefined;
}

/** `ci pools subscriptions`: shows the user's subscriptions on all pools or one. */
export default function subscriptions(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: subscriptionFields,
      examples: ['ci pools subscriptions', "ci pools subscriptions kimi26 --json | jq -r '.[].id'"],
    })
    .addArgument(poolArgument())
    .action((pool: string | undefined) => execute({ pool }, context));
}

/** Shows the user's subscriptions. */
export async function run({ pool }: Options, context: Pick<Context, 'api' | 'connections' | 'output'>): Promise<void> {
  const found =
    pool === undefined
      ? await fetchSubscriptions(await context.api())
      : await subscriptionsOn(context, checkedPool(pool));
  const now = await context.connections.now();
  await context.output.list(found.map(withMaskedKey), {
    columns: subscriptionColumns(now),
    fields: subscriptionFields,
    empty: 'No subscriptions. Run `ci pools list` to see the pools.',
  });
}

async function subscriptionsOn(context: Pick<Context, 'api'>, pool: string): Promise<PoolSubscription[]> {
  return poolSubscriptions(context, await new PoolCatalog(context).expand(pool));
}
