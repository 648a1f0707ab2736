import { cancelSubscription, endText, mostRecent, noLongerMostRecent } from '../../account/cancel-subscription.ts';
import type { ChangingContext } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { blockHours } from '../../account/pools.ts';
import { type StoreContext, storedKeys, updateStoredKeys } from '../../account/stored-keys/store.ts';
import { subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { choosePoolOfMine, isRenewing, type PoolSubscription } from '../../account/subscriptions.ts';
import {
  againOption,
  noWaitOption,
  poolArgument,
  type SettlingOptions,
  settleOption,
  settlingOf,
} from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { reservedBlocks } from '../../domain/coverage.ts';
import { shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';

/** The options of `ci pools cancel`. */
export interface Options extends SettlingOptions {
  /** Undefined: ask the user. */
  readonly pool: string | undefined;
}

/** Declares `ci pools cancel`, which cancels the most recent subscription on a pool. */
export default function cancel(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: subscriptionFields,
      changes: true,
      examples: ['ci pools cancel kimi26', 'ci pools cancel kimi26 --yes --json'],
    })
    .addArgument(poolArgument())
    .addOption(againOption())
    .addOption(noWaitOption())
    .addOption(settleOption())
    .action((pool: string | undefined, flags: SettlingOptions) => execute({ pool, ...flags }, context));
}

/** Cancels the most recent subscription on a pool at the end of its billing period. */
export async function run(
  options: Options,
  context: ChangingContext & Pick<Context, 'api' | 'profiles' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(options);
  const { output, prompts } = context;
  prompts.requireConsent();
  const typed = await choosePoolOfMine(context, options.pool, isRenewing);
  const pool = await new PoolCatalog(context).nameOf(typed);
  const planned = { action: 'cancel', intent: { action: 'cancel', pool, subscription: '' } } as const;
  const earlier = await awaitEarlier(context, planned);
  if (earlier) return show(context, { ...earlier.found, poolSlug: pool });
  const agreed = await mostRecent(context, pool);
  if (prompts.canAsk) {
    output.note(factLines(await cancellationFacts(context, pool, agreed)));
    await prompts.consent('Cancel this subscription?');
  }
  await context.record.exclusively('cancel', async () => {
    const meanwhile = await awaitEarlier(context, planned);
    if (meanwhile) return show(context, { ...meanwhile.found, poolSlug: pool });
    const latest = await mostRecent(context, pool);
    if (latest.id !== agreed.id) throw noLongerMostRecent(pool, agreed, latest);
    const ended = await cancelSubscription(context, latest);
    if (ended.id !== agreed.id)
      output.note(`The API canceled a different subscription than expected. ${agreed.id} continues.`);
    await show(context, ended);
  });
}

async function cancellationFacts(
  { connections, settings, world: { timeZone } }: Pick<Context, 'connections' | 'settings' | 'world'>,
  pool: string,
  subscription: PoolSubscription,
): Promise<(readonly [string, string])[]> {
  const now = await connections.now();
  const { id, monthlyPrice, currentPeriodEnd } = subscription;
  const blocks = reservedBlocks(subscription).map((block) => `${block.padEnd(8)}  ${blockHours(block, now, timeZone)}`);
  return [
    ['Subscription', id],
    ['Pool', pool],
    ...blocks.map((line, at) => [at === 0 ? 'Blocks' : '', line] as const),
    ...(monthlyPrice == null ? [] : [['Price', `${shownUsd(monthlyPrice)} per month`] as const]),
    ['Ends', dayAndDistance(currentPeriodEnd, now, timeZone) || 'at the end of its billing period'],
    ['Refund', 'none for the rest of the period'],
    ['Account', accountLabel(settings)],
  ];
}

async function show(
  context: StoreContext & Pick<Context, 'connections' | 'output'>,
  ended: PoolSubscription,
): Promise<void> {
  const { connections, output, world } = context;
  await updateStoredKeys(context, { subscriptions: [ended] }, await storedKeys(context));
  const now = await connections.now();
  const end = endText(ended, now, world.timeZone);
  output.done(`Canceled ${ended.id}. It ends ${end}, and its keys work until then.`);
  await output.record(withMaskedKey(ended), { columns, fields: subscriptionFields, drawing: () => '' });
}

const columns: readonly Column<PoolSubscription>[] = [
  { field: 'id', header: 'Subscription', value: ({ id }) => id },
  { field: 'poolSlug', header: 'Pool', value: ({ poolSlug }) => poolSlug },
  { field: 'status', header: 'Status', value: ({ status }) => status },
  { field: 'cancelAtPeriodEnd', header: 'Ending', value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd },
  { field: 'currentPeriodEnd', header: 'Ends', value: ({ currentPeriodEnd }) => currentPeriodEnd },
];
