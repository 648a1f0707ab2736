import type { BillingStatus } from '../api/billing.ts';
import type { ReadOptions } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import type { Subscription } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { hoursInWords, isLive, nextLive } from '../domain/coverage.ts';
import { CommandError } from '../domain/errors.ts';
import { findByIdPrefix, isIdPrefix } from '../domain/id-prefix.ts';
import { shownUsd } from '../domain/money.ts';
import { statusText } from '../domain/subscription-status.ts';
import { distanceTo, relativeTime } from '../output/time.ts';
import type { Choice } from '../prompts/question.ts';
import { checkedPool } from './choose-pool.ts';
import { PoolCatalog } from './pool-catalog.ts';
import { withPool } from './pools.ts';

/** A subscription with the slug of its pool. */
export type PoolSubscription = Subscription & { readonly poolSlug: string };

/** Returns the user's subscriptions to a pool. @throws CommandError (not_found) with similar names */
export async function poolSubscriptions(context: Pick<Context, 'api'>, pool: string): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const found = await withPool(context, pool, () => pools.subscriptions(pool));
  return found.map((subscription) => ({ ...subscription, poolSlug: pool }));
}

/** Returns the user's subscriptions to all pools. The account lists the pools, and each pool lists its subscriptions, all at once. */
export async function allSubscriptions(
  { pools }: { readonly pools: Pick<Api['pools'], 'subscriptions'> },
  { poolPledges }: BillingStatus,
  options: Pick<ReadOptions, 'once'> = {},
): Promise<PoolSubscription[]> {
  const slugs = new Map(
    (poolPledges ?? []).map((pledge) => [pledge.poolId ?? pledge.poolSlug ?? pledge.id, pledge.poolSlug]),
  );
  const found = await Promise.all(
    [...slugs].map(async ([pool, slug]) => {
      const subscriptions = await pools.subscriptions(slug ?? pool, options);
      return subscriptions.map((subscription) => ({ ...subscription, poolSlug: slug ?? pool }));
    }),
  );
  return found.flat();
}

/** Fetches the account, and returns the user's subscriptions to all pools. */
export async function fetchSubscriptions(api: Pick<Api, 'billing' | 'pools'>): Promise<PoolSubscription[]> {
  return allSubscriptions(api, await api.billing.status());
}

/** Sorts subscriptions in the order in which the account lists them: the most recent first. Those that it doesn't list come last. */
export function inAccountOrder<Item extends Pick<Subscription, 'id'>>(
  subscriptions: readonly Item[],
  { poolPledges }: Pick<BillingStatus, 'poolPledges'>,
): Item[] {
  const order = new Map((poolPledges ?? []).map(({ id }, at) => [id, at]));
  const rank = ({ id }: Item) => order.get(id) ?? order.size;
  return subscriptions.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Returns the ID of the user's subscription that starts with what was typed; returns anything else unchanged. Fetches the
 * subscriptions only if what was typed can be the start of an ID.
 *
 * @throws CommandError (usage) if several IDs start with it
 */
export async function expandSubscription(context: Pick<Context, 'api'>, typed: string): Promise<string> {
  if (!isIdPrefix(typed)) return typed;
  const mine = await fetchSubscriptions(await context.api());
  return findByIdPrefix(mine, typed, 'subscriptions', subscriptionLabel)?.id ?? typed;
}

/** Returns a subscription in one line. */
export function subscriptionLabel(subscription: PoolSubscription): string {
  const { id, poolSlug } = subscription;
  return [id, poolSlug, hoursInWords(subscription)].filter(Boolean).join('  ');
}

/**
 * Returns a pool that the user subscribes to, as typed or picked from a list.
 *
 * @param fits - selects the subscriptions to pick from
 * @throws CommandError (input_required) if no pool was typed and the user can't be asked; (not_found) without subscriptions
 */
export async function choosePoolOfMine(
  context: Pick<Context, 'api' | 'connections' | 'prompts'>,
  typed: string | undefined,
  fits: (subscription: PoolSubscription) => boolean,
): Promise<string> {
  if (typed !== undefined) return new PoolCatalog(context).expand(checkedPool(typed));
  const missing =
    "Can't ask for the pool without a terminal. Pass its slug. Run `ci pools subscriptions` to see your subscriptions.";
  context.prompts.requirePrompt(missing);
  const mine = await fetchSubscriptions(await context.api());
  // The account lists the most recent first, which is the one that the API cancels.
  const latest = mine
    .filter(fits)
    .filter(({ poolSlug }, at, all) => at === all.findIndex((each) => each.poolSlug === poolSlug));
  if (latest.length === 0) {
    if (mine.length === 0) throw noSubscription();
    throw new CommandError('not_found', 'All your subscriptions are already canceled', {
      hint: 'Run `ci pools subscriptions` to see them.',
      outcome: 'not_applied',
    });
  }
  const choices = await subscriptionChoices(context, latest);
  const chosen = await context.prompts.search('Pool:', choices, missing);
  return chosen.poolSlug;
}

/** How the key of a subscription with the status `pending_key` arrives. */
export const keyByEmail = 'The API key will arrive by email, within 24 hours.';

/** Returns whether a subscription will renew, and can be canceled. */
export function isRenewing({ status, cancelAtPeriodEnd }: Subscription): boolean {
  return status !== 'canceled' && !cancelAtPeriodEnd;
}

/** Returns the error for an account without subscriptions. */
export function noSubscription(): CommandError {
  return new CommandError('not_found', 'You have no subscriptions', {
    hint: 'Run `ci pools subscribe` to reserve blocks of a pool.',
    outcome: 'not_applied',
  });
}

/** Returns subscriptions to choose from, with their blocks, status, price, and when they renew or end. */
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
    { cells: cells((each) => renewal(each, now)), optional: 4 },
    { cells: cells(({ id }) => id), hasIds: true },
  ]);
  return subscriptions.map((subscription, at) => ({
    name: names[at] ?? '',
    value: subscription,
    short: subscriptionName(subscription),
  }));
}

/** Returns the pool and the hours of a subscription: `kimi26 europe`. */
export function subscriptionName(subscription: PoolSubscription): string {
  return `${subscription.poolSlug} ${hoursInWords(subscription)}`.trim();
}

/** Returns when a subscription renews or ends, for people: `renews in 1 month`. Returns an empty text if that is unknown. */
export function renewal({ currentPeriodEnd, cancelAtPeriodEnd }: Subscription, now: Date): string {
  const when = distanceTo(currentPeriodEnd, now);
  return when === '' ? '' : `${cancelAtPeriodEnd ? 'ends' : 'renews'} ${when}`;
}

/** Returns whether the key of a subscription works now, or when it will, for people: `live in 3 hours`. */
export function liveness(subscription: PoolSubscription, now: Date): string {
  if (subscription.status !== 'active') return statusText(subscription.status);
  if (isLive(subscription, now)) return 'live now';
  const next = nextLive(subscription, now);
  return next ? `live ${relativeTime(next, now)}` : 'active';
}
