import { carryOut } from '../../account/changes/carry-out.ts';
import { awaitEarlier } from '../../account/changes/earlier.ts';
import { blockHours, poolName } from '../../account/pools.ts';
import { subscriptionFields, withMaskedKey } from '../../account/subscription-table.ts';
import { chosenPoolOfMine, isGoing, type PoolSubscription, poolSubscriptions } from '../../account/subscriptions.ts';
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
import { blocksHeld } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { shownUsd } from '../../domain/money.ts';
import { judgeCancel } from '../../domain/reconcile.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';

/** `ci pools cancel`: ends the most recent subscription on a pool with its period. */
export default function cancel(command: Verb, context: Context): void {
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
    .action((pool: string | undefined, options: SettlingOptions) => {
      context.settling = settlingOf(options);
      return cancelSubscription(context, pool);
    });
}

async function cancelSubscription(context: Context, typed: string | undefined): Promise<void> {
  const { output, prompts } = context;
  prompts.requireConsent('canceling a subscription');
  const pool = await recordedName(context, await chosenPoolOfMine(context, typed, isGoing));
  const planned = { action: 'cancel', intent: { action: 'cancel', pool, subscription: '' } } as const;
  const earlier = await awaitEarlier(context, planned);
  if (earlier) return tell(context, { ...earlier.found, poolSlug: pool });
  const named = await mostRecent(context, pool);
  const now = await context.connections.now();
  const end = dayAndDistance(named.currentPeriodEnd, now, context.world.timeZone) || 'the end of its period';
  if (prompts.canAsk) {
    output.note(
      factLines([
        ['Subscription', named.id],
        ['Pool', pool],
        ...blocksHeld(named).map(
          (block, at) =>
            [
              at === 0 ? 'Blocks' : '',
              `${block.padEnd(8)}  ${blockHours(block, now, context.world.timeZone)}`,
            ] as const,
        ),
        ['Price', named.monthlyPrice == null ? '' : `${shownUsd(named.monthlyPrice)} a month`],
        ['Ends', end],
        ['Refund', 'none, for whatever is left of the period'],
        ['Account', accountLabel(context.settings)],
      ]),
    );
    await prompts.consent('Cancel this subscription?');
  }
  await context.record.exclusively('cancel', async () => {
    const meanwhile = await awaitEarlier(context, planned);
    if (meanwhile) return tell(context, { ...meanwhile.found, poolSlug: pool });
    await requireMostRecent(context, pool, named);
    const ended = await cancelAndSee(context, named);
    if (ended.id !== named.id) output.note(`The API ended another subscription than expected: ${named.id} goes on.`);
    await tell(context, ended);
  });
}

/** Refuses to cancel a different subscription than the one the user agreed to. @throws CommandError (unavailable) */
async function requireMostRecent(context: Context, pool: string, named: Named): Promise<void> {
  const now = await mostRecent(context, pool);
  if (now.id === named.id) return;
  throw new CommandError('unavailable', `${named.id} is no longer the most recent subscription on ${pool}`, {
    hint: `Nothing was changed. The API would cancel ${now.id} now; run this again to cancel it.`,
    outcome: 'not_applied',
  });
}

async function tell(context: Context, ended: PoolSubscription): Promise<void> {
  const { output } = context;
  const now = await context.connections.now();
  output.done(
    `${ended.id} ends ${dayAndDistance(ended.currentPeriodEnd, now, context.world.timeZone)}, and any key works until then.`,
  );
  await output.record(withMaskedKey(ended), { columns, fields: subscriptionFields, drawing: () => '' });
}

/** Cancels, and finds out which subscription ends now: the API doesn't say. */
async function cancelAndSee(context: Context, named: Named): Promise<PoolSubscription> {
  const { poolSlug: pool } = named;
  const before = { ending: [...named.endingBefore] };
  const withPool = (subscription: Subscription): PoolSubscription => ({ ...subscription, poolSlug: pool });
  return carryOut(context, 'cancel', {
    intent: { action: 'cancel', pool, subscription: named.id },
    before,
    send: async ({ pools }) => {
      await pools.cancel(pool);
      const { pools: seen } = await context.connections.looking();
      const mine = await seen.subscriptions(pool).catch((error: unknown) => {
        if (error instanceof CommandError) return [];
        throw error;
      });
      const verdict = judgeCancel(named.id, before, mine);
      if (verdict.outcome === 'applied') return withPool(verdict.found);
      const message = 'the API accepted the cancellation, but the account does not show it';
      throw new CommandError('outcome_unknown', message, { outcome: 'unknown' });
    },
    ids: ({ id }) => [id],
    adopt: withPool,
    command: `ci pools subscriptions ${pool}`,
  });
}

/** The name under which a pool is recorded: its slug, so that cancellations by slug and by UUID can be compared. */
async function recordedName(context: Context, typed: string): Promise<string> {
  if (!/^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(typed)) return typed;
  const { pools } = await context.api();
  const pool = (await pools.list()).find(({ id, slug }) => id === typed || slug === typed);
  return pool ? poolName(pool) : typed;
}

interface Named extends PoolSubscription {
  /** Those that were ending before. */
  readonly endingBefore: ReadonlySet<string>;
}

/**
 * The subscription that the API will end: the most recent (Unlimited Subscriptions API, "Cancel subscription"). The account
 * lists the most recent first (Management API, the script at its end takes the first of `poolPledges` for the one just made).
 *
 * @throws CommandError (not_found) when there is none; (unavailable) when all are ending already
 */
async function mostRecent(context: Context, pool: string): Promise<Named> {
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
