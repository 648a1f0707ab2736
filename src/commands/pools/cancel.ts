import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { blockHours } from '../../account/pools.ts';
import { subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { choosePoolOfMine, isGoing, type PoolSubscription, poolSubscriptions } from '../../account/subscriptions.ts';
import type { Subscription } from '../../api/pools.ts';
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
import { CommandError } from '../../domain/errors.ts';
import { shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';

/** What `ci pools cancel` ends. */
export interface Options extends SettlingOptions {
  /** Undefined: ask. */
  readonly pool: string | undefined;
}

/** `ci pools cancel`: ends the most recent subscription on a pool with its period. */
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

/** Ends the most recent subscription on a pool with its period. */
export async function run(
  options: Options,
  context: ChangingContext & Pick<Context, 'api' | 'prompts'>,
): Promise<void> {
  context.settling = settlingOf(options);
  const { output, prompts } = context;
  prompts.requireConsent('canceling a subscription');
  const typed = await choosePoolOfMine(context, options.pool, isGoing);
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
    if (ended.id !== agreed.id) output.note(`The API ended another subscription than expected: ${agreed.id} goes on.`);
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
    ['Price', monthlyPrice == null ? '' : `${shownUsd(monthlyPrice)} a month`],
    ['Ends', dayAndDistance(currentPeriodEnd, now, timeZone) || 'the end of its period'],
    ['Refund', 'none, for whatever is left of the period'],
    ['Account', accountLabel(settings)],
  ];
}

/** Refuses to cancel a different subscription than the one that the user agreed to. */
function noLongerMostRecent(pool: string, agreed: PoolSubscription, latest: PoolSubscription): CommandError {
  return new CommandError('unavailable', `${agreed.id} is no longer the most recent subscription on ${pool}`, {
    hint: `Nothing was changed. The API would cancel ${latest.id} now; run this again to cancel it.`,
    outcome: 'not_applied',
  });
}

async function show(
  { connections, output, world }: Pick<Context, 'connections' | 'output' | 'world'>,
  ended: PoolSubscription,
): Promise<void> {
  const now = await connections.now();
  output.done(
    `${ended.id} ends ${dayAndDistance(ended.currentPeriodEnd, now, world.timeZone)}, and any key works until then.`,
  );
  await output.record(withMaskedKey(ended), { columns, fields: subscriptionFields, drawing: () => '' });
}

/** Cancels. The response doesn't say which subscription ends now; the account does. */
function cancelSubscription(context: ChangingContext, latest: MostRecent): Promise<PoolSubscription> {
  const { id, poolSlug: pool, endingBefore } = latest;
  return carryOut<'cancel', PoolSubscription>(context, 'cancel', {
    intent: { action: 'cancel', pool, subscription: id },
    before: { ending: [...endingBefore] },
    send: ({ pools }) => pools.cancel(pool),
    adopt: (subscription) => ({ ...subscription, poolSlug: pool }),
    command: `ci pools subscriptions ${pool}`,
  });
}

/** The subscription that the API will end. */
interface MostRecent extends PoolSubscription {
  /** The ids of those that are ending already. */
  readonly endingBefore: ReadonlySet<string>;
}

/**
 * Returns the subscription that the API will end: the most recent (Unlimited Subscriptions API, "Cancel subscription"). The account
 * lists the most recent first (Management API, the script at its end takes the first of `poolPledges` for the one just made).
 *
 * @throws CommandError (not_found) if there is none; (unavailable) if all are ending already
 */
async function mostRecent(context: Pick<Context, 'api'>, pool: string): Promise<MostRecent> {
  const mine = (await poolSubscriptions(context, pool)).filter(({ status }) => status !== 'canceled');
  if (mine.length === 0) {
    throw new CommandError('not_found', `you have no subscription on ${pool}`, {
      hint: '`ci pools subscriptions` shows what you have.',
      outcome: 'not_applied',
    });
  }
  const going = mine.filter(isGoing);
  if (going.length === 0) {
    throw new CommandError(
      'unavailable',
      `your subscription on ${pool} is ending already: ${mine[0]?.currentPeriodEnd}`,
      {
        hint: 'Nothing was changed.',
        outcome: 'not_applied',
      },
    );
  }
  const { billing } = await context.api();
  const pledges = (await billing.status()).poolPledges ?? [];
  const order = new Map(pledges.map(({ id }, at) => [id, at]));
  const rank = ({ id }: Subscription) => order.get(id) ?? Number.POSITIVE_INFINITY;
  const [subscription] = going.toSorted((a, b) => rank(a) - rank(b));
  if (!subscription) throw new CommandError('internal', 'no subscription is the most recent');
  const endingBefore = new Set(mine.filter((each) => each.cancelAtPeriodEnd).map(({ id }) => id));
  const poolSlug = pledges.find(({ id }) => id === subscription.id)?.poolSlug ?? pool;
  return { ...subscription, poolSlug, endingBefore };
}

const columns: readonly Column<PoolSubscription>[] = [
  { field: 'id', header: 'Subscription', value: ({ id }) => id },
  { field: 'poolSlug', header: 'Pool', value: ({ poolSlug }) => poolSlug },
  { field: 'status', header: 'Status', value: ({ status }) => status },
  { field: 'cancelAtPeriodEnd', header: 'Ending', value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd },
  { field: 'currentPeriodEnd', header: 'Ends', value: ({ currentPeriodEnd }) => currentPeriodEnd },
];
