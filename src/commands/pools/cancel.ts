import type { Api } from '../../api/index.ts';
import type { Subscription } from '../../api/pools.ts';
import { blocksHeld } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { shownUsd } from '../../domain/money.ts';
import { judgeCancel, type Verdict } from '../../domain/reconcile.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { carryOut } from '../change.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';
import { blockHours } from '../pool.ts';
import { chosenPoolOfMine, isGoing, type PoolSubscription, poolSubscriptions } from '../subscriptions.ts';
import { subscriptionFields, withMaskedKey } from './subscription.ts';

/** `ci pools cancel`: ends the most recent subscription on a pool with its period. */
export default function cancel(command: Verb, context: Context): void {
  command
    .tell({
      fields: subscriptionFields,
      changes: true,
      examples: ['ci pools cancel kimi26', 'ci pools cancel kimi26 --yes --json'],
    })
    .argument('[pool]', 'slug or UUID')
    .action((pool?: string) => cancelSubscription(context, pool));
}

async function cancelSubscription(context: Context, typed: string | undefined): Promise<void> {
  const { output, prompts } = context;
  prompts.requireConsent('canceling a subscription');
  const pool = await chosenPoolOfMine(context, typed, isGoing);
  const named = await mostRecent(context, pool);
  const now = await context.now();
  const end = dayAndDistance(named.currentPeriodEnd, now, context.timeZone) || 'the end of its period';
  if (prompts.canAsk) {
    output.note(
      factLines([
        ['Subscription', named.id],
        ['Pool', pool],
        ...blocksHeld(named).map(
          (block, at) =>
            [at === 0 ? 'Blocks' : '', `${block.padEnd(8)}  ${blockHours(block, now, context.timeZone)}`] as const,
        ),
        ['Price', named.monthlyPrice == null ? '' : `${shownUsd(named.monthlyPrice)} a month`],
        ['Ends', end],
        ['Refund', 'none, for whatever is left of the period'],
        ['Account', context.account()],
      ]),
    );
    await prompts.consent('Cancel this subscription?');
  }
  const ended = await cancelAndSee(context, pool, named);
  if (ended.id !== named.id) output.note(`The API ended another subscription than expected: ${named.id} goes on.`);
  output.done(
    `${ended.id} ends ${dayAndDistance(ended.currentPeriodEnd, now, context.timeZone)}, and any key works until then.`,
  );
  await output.record(withMaskedKey(ended), { columns, fields: subscriptionFields, drawing: () => '' });
}

/** Cancels, and finds out which subscription ends now: the API does not say. */
async function cancelAndSee(context: Context, pool: string, named: Named): Promise<PoolSubscription> {
  const { pools } = await context.api();
  const before = { ending: [...named.endingBefore] };
  let accepted = false;
  const seen = async ({ pools }: Api, others?: () => ReadonlySet<string>): Promise<Verdict<PoolSubscription>> => {
    const mine = (await pools.subscriptions(pool)).map((each) => ({ ...each, poolSlug: pool }));
    const verdict = judgeCancel(named.id, before, mine, others?.());
    // What the API accepted may still happen.
    if (verdict.outcome !== 'not_applied' || !accepted) return verdict;
    return { outcome: 'unknown', why: `the API accepted it, and ${named.id} is not marked as ending` };
  };
  return carryOut(context, {
    intent: { action: 'cancel', pool, subscription: named.id },
    before,
    send: async () => {
      await pools.cancel(pool);
      accepted = true;
      const verdict = await seen(await context.lookingApi()).catch(() => undefined);
      if (verdict?.outcome === 'applied') return verdict.found;
      throw new CommandError('outcome_unknown', 'the API accepted the cancellation', { outcome: 'unknown' });
    },
    ids: ({ id }) => [id],
    look: seen,
    adopt: (found) => found,
    command: `ci pools subscriptions ${pool}`,
  });
}

interface Named extends Subscription {
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
  const order = new Map(((await billing.status()).poolPledges ?? []).map(({ id }, at) => [id, at]));
  const rank = ({ id }: Subscription) => order.get(id) ?? Number.POSITIVE_INFINITY;
  const [subscription] = going.toSorted((a, b) => rank(a) - rank(b));
  if (!subscription) throw new CommandError('internal', 'no subscription is the most recent');
  const endingBefore = new Set(mine.filter((each) => each.cancelAtPeriodEnd).map(({ id }) => id));
  return { ...subscription, endingBefore };
}

const columns: readonly Column<PoolSubscription>[] = [
  { field: 'id', header: 'Subscription', value: ({ id }) => id },
  { field: 'poolSlug', header: 'Pool', value: ({ poolSlug }) => poolSlug },
  { field: 'status', header: 'Status', value: ({ status }) => status },
  { field: 'cancelAtPeriodEnd', header: 'Ending', value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd },
  { field: 'currentPeriodEnd', header: 'Ends', value: ({ currentPeriodEnd }) => currentPeriodEnd },
];
