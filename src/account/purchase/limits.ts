import type { ReadOptions } from '../../api/client.ts';
import type { PoolsApi } from '../../api/pools.ts';
import { parseSpendLimit } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, parseUsd } from '../../domain/money.ts';
import { leastPrice } from '../../domain/quote.ts';
import { poolName } from '../pools.ts';
import { allSubscriptions } from '../subscriptions.ts';
import { chargeText } from './facts.ts';
import type { PricedPurchase } from './price.ts';
import { unlistedPrice, unlistedPurchases } from './unlisted.ts';

/**
 * Refuses a charge above the user's limit. For an estimate, the upper bound counts.
 *
 * @param limit - the name of the limit, for the error
 * @throws CommandError (price_above_maximum)
 */
export function checkMaximum({ pool, quote }: PricedPurchase, maximum: Cents | undefined, limit = '--max-price'): void {
  if (maximum === undefined || quote.charge.atMost <= maximum) return;
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} costs ${chargeText(quote)} today, which is above ${limit} ${formatUsd(maximum)}`,
    {
      hint: 'Nothing was charged. Pass a higher --max-price, or choose fewer blocks or seats.',
      outcome: 'not_applied',
    },
  );
}

/** How to find out the monthly spending. */
interface SpendingOptions extends Pick<ReadOptions, 'once'> {
  /** Fetches the subscriptions of each pool. Default: the API. */
  readonly pools?: Pick<PoolsApi, 'subscriptions'>;
}

/**
 * Returns the monthly price of all subscriptions together; undefined if the profile sets no `max-monthly-spend`. A canceled
 * subscription counts until its period ends, because it is paid for. So does a purchase that the account doesn't list yet.
 *
 * @throws CommandError (unexpected_response) if the API doesn't state a price that has to be counted; (usage) if the saved limit
 *   isn't an amount, because an invalid limit must not count as no limit
 */
export async function monthlySpending(
  context: Pick<Context, 'api' | 'clocks' | 'record' | 'settings'>,
  { pools, ...options }: SpendingOptions = {},
): Promise<Cents | undefined> {
  const { maxMonthlySpend } = context.settings;
  if (maxMonthlySpend === undefined) return undefined;
  parseSpendLimit(maxMonthlySpend.value);
  const api = await context.api();
  const account = await api.billing.status(options);
  if (account.poolPledges == null) throw uncountable("doesn't list your subscriptions");
  const existing = await allSubscriptions({ pools: pools ?? api.pools }, account, options);
  const unlisted = (await unlistedPurchases(context, existing)).map((purchase) => {
    const price = unlistedPrice(purchase);
    if (price === undefined) throw uncountable("doesn't list a recent purchase yet");
    return price;
  });
  const listed = existing
    .filter(({ status }) => status !== 'canceled')
    .reduce((sum, { id, monthlyPrice }) => {
      if (monthlyPrice == null) throw uncountable(`returned no price for subscription ${id}`);
      const price = parseUsd(monthlyPrice);
      // An implausibly low or negative price would leave room for a purchase that the limit should prevent.
      if (price < leastPrice)
        throw uncountable(`returned a price of ${formatUsd(price)} per month for subscription ${id}`);
      return sum + price;
    }, 0);
  return unlisted.reduce((sum, price) => sum + price, listed);
}

/**
 * Refuses a purchase that would raise the monthly price of all subscriptions above the profile's `max-monthly-spend`. For an
 * estimate, the upper bound counts.
 *
 * @param spent - as returned by {@link monthlySpending}
 * @throws CommandError (price_above_maximum)
 */
export function checkSpending(
  { settings }: Pick<Context, 'settings'>,
  { pool, quote }: PricedPurchase,
  spent: Cents | undefined,
): void {
  const { maxMonthlySpend } = settings;
  if (maxMonthlySpend === undefined || spent === undefined) return;
  const { value, origin } = maxMonthlySpend;
  const limit = parseSpendLimit(value);
  if (spent + quote.monthly.atMost <= limit) return;
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} would raise the price of your subscriptions from ${formatUsd(spent)} to ${formatUsd(spent + quote.monthly.atMost)} per month, which is above max-monthly-spend ${formatUsd(limit)} (${origin})`,
    {
      hint: 'Nothing was charged. Cancel a subscription, or raise the limit with `ci config set max-monthly-spend USD`.',
      outcome: 'not_applied',
    },
  );
}

function uncountable(what: string): CommandError {
  return new CommandError('unexpected_response', `The API ${what}, so max-monthly-spend can't be checked`, {
    hint: 'Nothing was charged. Run `ci config set max-monthly-spend default` to remove the limit.',
    outcome: 'not_applied',
  });
}
