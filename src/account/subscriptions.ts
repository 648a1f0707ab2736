import type { BillingStatus } from '../api/billing.ts';
import type { ReadOptions } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import type { Subscription } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { hoursInWords, isLive, nextLive } from '../domain/coverage.ts';
import { CommandError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import { distanceTo, relativeTime } from '../output/time.ts';
import type { Choice } from '../prompts/question.ts';
import { checkedPool } from './choose-pool.ts';
import { withPool } from './pools.ts';

/** A subscription and the pool it is on. */
export type PoolSubscription = Subscription & { readonly poolSlug: string };

/** Returns my subscriptions on one pool. @throws CommandError (not_found) with the nearest names */
export async function poolSubscriptions(context: Pick<Context, 'api'>, pool: string): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const found = await withPool(context, pool, () => pools.subscriptions(pool));
  return found.map((subscription) => ({ ...subscription, poolSlug: pool }));
}

/** Returns my subscriptions on all pools. The account names the pools, and each pool lists its subscriptions. */
export async function allSubscriptions(
  { pools }: { readonly pools: Pick<Api['pools'], 'subscriptions'> },
  { poolPledges }: BillingStatus,
  options: Pick<ReadOptions, 'once'> = {},
): Promise<PoolSubscription[]> {
  const mine = new Map(
    (poolPledges ?? []).map((pledge) => [pledge.poolId ?? pledge.poolSlug ?? pledge.id, pledge.poolSlug]),
  );
  const found: PoolSubscription[] = [];
  for (const [pool, slug] of mine) {
    const subscriptions = await pools.subscriptions(slug ?? pool, options);
    for (const subscription of subscriptions) found.push({ ...subscription, poolSlug: slug ?? pool });
  }
  return found;
}

/**
 * Returns the name of a pool that I have a subscription on, as typed or picked from those.
 *
 * @param fits - selects the subscriptions to pick from
 * @throws CommandError (input_required) if none was typed and nobody can be asked; (not_found) if there is none to pick
 */
export async function choosePoolOfMine(
  context: Pick<Context, 'api' | 'connections' | 'prompts'>,
  typed: string | undefined,
  fits: (subscription: PoolSubscription) => boolean,
): Promise<string> {
  if (typed !== undefined) return checkedPool(typed);
  const missing = 'which pool? Name it: `ci pools subscriptions` shows yours';
  context.prompts.requireSomebody(missing);
  const api = await context.api();
  const mine = await allSubscriptions(api, await api.billing.status());
  // The account lists the most recent first: that is the one of a pool that most commands mean.
  const meant = mine
    .filter(fits)
    .filter(({ poolSlug }, at, all) => at === all.findIndex((each) => each.poolSlug === poolSlug));
  if (meant.length === 0) {
    if (mine.length === 0) throw noSubscription();
    throw new CommandError('not_found', 'all your subscriptions have ended, or end with their period', {
      hint: '`ci pools subscriptions` shows them.',
      outcome: 'not_applied',
    });
  }
  const choices = await subscriptionChoices(context, meant);
  const chosen = await context.prompts.search('Which pool?', choices, missing);
  return chosen.poolSlug;
}

/** How the key of a subscription comes that is `pending_key`. */
export const keyByMail = 'The key of this pool is sent by mail, usually within hours, always within 24 hours.';

/** Returns whether a subscription will renew, and can be canceled. */
export function isGoing({ status, cancelAtPeriodEnd }: Subscription): boolean {
  return status !== 'canceled' && !cancelAtPeriodEnd;
}

/** That there is nothing to choose from. */
export function noSubscription(): CommandError {
  return new CommandError('not_found', 'you have no subscription', {
    hint: '`ci pools subscribe` reserves blocks of a pool.',
    outcome: 'not_applied',
  });
}

/** Subscriptions to choose from: what each holds, when it is live, what it costs and when it renews or ends. */
export async function subscriptionChoices(
  context: Pick<Context, 'connections' | 'prompts'>,
  subscriptions: readonly PoolSubscription[],
): Promise<Choice<PoolSubscription>[]> {
  const now = await context.connections.now();
  const cells = (cell: (subscription: PoolSubscription) => string) => subscriptions.map(cell);
  const names = await context.prompts.rows([
    { cells: cells(({ poolSlug }) => poolSlug) },
    { cells: cells(hoursInWords) },
    { cells: cells((each) => liveness(each, now)), optional: 3 },
    { cells: cells(({ monthlyPrice }) => shownUsd(monthlyPrice)), optional: 2 },
    {
      cells: cells(({ currentPeriodEnd, cancelAtPeriodEnd }) => {
        const when = distanceTo(currentPeriodEnd, now);
        return when === '' ? '' : `${cancelAtPeriodEnd ? 'ends' : 'renews'} ${when}`;
      }),
      optional: 4,
    },
    { cells: cells(({ id }) => id), optional: 1 },
  ]);
  return subscriptions.map((subscription, at) => ({
    name: names[at] ?? '',
    value: subscription,
    short: `${subscription.poolSlug} ${hoursInWords(subscription)}`.trim(),
  }));
}

/** Whether a subscription's hours run, or when they do next, in words. */
export function liveness(subscription: PoolSubscription, now: Date): string {
  if (subscription.status !== 'active') return subscription.status ?? '';
  if (isLive(subscription, now)) return 'live now';
  const next = nextLive(subscription, now);
  return next ? `live ${relativeTime(next, now)}` : 'active';
}
