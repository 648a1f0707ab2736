import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { blockHours } from '../../account/pools.ts';
import { type StoreContext, updateStoredKeys } from '../../account/stored-keys/store.ts';
import { subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { choosePoolOfMine, isRenewing, type PoolSubscription, poolSubscriptions } from '../../account/subscriptions.ts';
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
import { factLines, inWords } from '../../output/text.ts';
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

/** Returns the error for a cancellation that would end a different subscription than the user agreed to. */
function noLongerMostRecent(pool: string, agreed: PoolSubscription, latest: PoolSubscription): CommandError {
  return new CommandError('unavailable', `${agreed.id} is no longer the most recent subscription on ${pool}`, {
    hint: `Nothing was changed. The API would now cancel ${latest.id}. Run the command again to cancel that one.`,
    outcome: 'not_applied',
  });
}

async function show(
  context: StoreContext & Pick<Context, 'connections' | 'output'>,
  ended: PoolSubscription,
): Promise<void> {
  const { connections, output, world } = context;
  await updateStoredKeys(context, { subscriptions: [ended] });
  const now = await connections.now();
  const end = endText(ended, now, world.timeZone);
  output.done(`Canceled ${ended.id}. It ends ${end}, and its keys work until then.`);
  await output.record(withMaskedKey(ended), { columns, fields: subscriptionFields, drawing: () => '' });
}

/** Cancels a subscription. The response doesn't say which one ends, so the account is fetched afterwards. */
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

/** The subscription that the API will cancel. */
interface MostRecent extends PoolSubscription {
  /** The ids of the subscriptions that were already canceled. */
  readonly endingBefore: ReadonlySet<string>;
}

/**
 * Returns the subscription that the API will cancel: the most recent one (Unlimited Subscriptions API, "Cancel subscription"). The
 * account lists it first (Management API: the script at its end takes the first of `poolPledges` as the one that it just created).
 *
 * @throws CommandError (not_found) if the pool has no subscription; (unavailable) if all are already canceled
 */
async function mostRecent(context: Pick<Context, 'api' | 'connections' | 'world'>, pool: string): Promise<MostRecent> {
  const existing = (await poolSubscriptions(context, pool)).filter(({ status }) => status !== 'canceled');
  if (existing.length === 0) {
    throw new CommandError('not_found', `You have no subscription on ${pool}`, {
      hint: 'Run `ci pools subscriptions` to see your subscriptions.',
      outcome: 'not_applied',
    });
  }
  const renewing = existing.filter(isRenewing);
  if (renewing.length === 0) {
    throw new CommandError('unavailable', await alreadyCanceled(context, pool, existing), {
      hint: 'Nothing was changed.',
      outcome: 'not_applied',
    });
  }
  const { billing } = await context.api();
  const pledges = (await billing.status()).poolPledges ?? [];
  const order = new Map(pledges.map(({ id }, at) => [id, at]));
  const rank = ({ id }: Subscription) => order.get(id) ?? Number.POSITIVE_INFINITY;
  const [subscription] = renewing.toSorted((a, b) => rank(a) - rank(b));
  if (!subscription) throw new CommandError('internal', 'No subscription is the most recent');
  const endingBefore = new Set(existing.filter((each) => each.cancelAtPeriodEnd).map(({ id }) => id));
  const poolSlug = pledges.find(({ id }) => id === subscription.id)?.poolSlug ?? pool;
  return { ...subscription, poolSlug, endingBefore };
}

/** Says that all subscriptions on a pool are canceled, and when each ends. */
async function alreadyCanceled(
  { connections, world }: Pick<Context, 'connections' | 'world'>,
  pool: string,
  existing: readonly Subscription[],
): Promise<string> {
  const now = await connections.now();
  const ends = existing.map((each) => `${each.id} ends ${endText(each, now, world.timeZone)}`);
  return existing.length === 1
    ? `Your subscription on ${pool} is already canceled: ${ends.join('')}`
    : `All your subscriptions on ${pool} are already canceled: ${inWords(ends)}`;
}

/** Returns when a canceled subscription ends, as it follows "ends". */
function endText({ currentPeriodEnd }: Subscription, now: Date, timeZone: string): string {
  const end = dayAndDistance(currentPeriodEnd, now, timeZone);
  return end === '' ? 'at the end of its billing period' : `on ${end}`;
}

const columns: readonly Column<PoolSubscription>[] = [
  { field: 'id', header: 'Subscription', value: ({ id }) => id },
  { field: 'poolSlug', header: 'Pool', value: ({ poolSlug }) => poolSlug },
  { field: 'status', header: 'Status', value: ({ status }) => status },
  { field: 'cancelAtPeriodEnd', header: 'Ending', value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd },
  { field: 'currentPeriodEnd', header: 'Ends', value: ({ currentPeriodEnd }) => currentPeriodEnd },
];
