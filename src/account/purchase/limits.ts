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

/**
 * Refuses a charge above the user's limit. An estimate counts with its upper bound.
 *
 * @param limit - the name of the limit
 * @throws CommandError (price_above_maximum)
 */
export function checkMaximum({ pool, quote }: PricedPurchase, maximum: Cents | undefined, limit = '--max-price'): void {
  if (maximum === undefined || quote.charge.atMost <= maximum) return;
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} would charge ${chargeText(quote)} today, above ${limit} ${formatUsd(maximum)}`,
    { hint: 'Nothing was charged. Raise --max-price, or take fewer blocks or seats.', outcome: 'not_applied' },
  );
}

/** How to find out what is spent. */
interface SpendingOptions extends Pick<ReadOptions, 'once'> {
  /** Reads the subscriptions of each pool; default: the API does. */
  readonly pools?: Pick<PoolsApi, 'subscriptions'>;
}

/**
 * Returns the monthly price of all subscriptions together; undefined if the profile sets no `max-monthly-spend`. A subscription
 * that is ending counts until it has ended, because its month is paid.
 *
 * @throws CommandError (unexpected_response) if the API doesn't state what has to be counted; (usage) if the saved limit is not an
 *   amount, because it must not count as no limit
 */
export async function monthlySpending(
  context: Pick<Context, 'api' | 'settings'>,
  { pools, ...options }: SpendingOptions = {},
): Promise<Cents | undefined> {
  const { maxMonthlySpend } = context.settings;
  if (maxMonthlySpend === undefined) return undefined;
  parseSpendLimit(maxMonthlySpend.value);
  const api = await context.api();
  const account = await api.billing.status(options);
  if (account.poolPledges == null) throw uncountable('does not list your subscriptions');
  const mine = await allSubscriptions({ pools: pools ?? api.pools }, account, options);
  return mine
    .filter(({ status }) => status !== 'canceled')
    .reduce((sum, { id, monthlyPrice }) => {
      if (monthlyPrice == null) throw uncountable(`states no price for ${id}`);
      const price = parseUsd(monthlyPrice);
      // An implausibly low price, above all a negative one, would leave room for a purchase that the limit should prevent.
      if (price < leastPrice) throw uncountable(`prices ${id} at ${formatUsd(price)} per month`);
      return sum + price;
    }, 0);
}

/**
 * Refuses a purchase that would bring the monthly price of all subscriptions above the profile's `max-monthly-spend`. An estimate
 * counts with its upper bound.
 *
 * @param spent - of {@link monthlySpending}
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
    `${poolName(pool)} would add ${formatUsd(quote.monthly.atMost)} to the ${formatUsd(spent)} a month of your subscriptions, above max-monthly-spend ${formatUsd(limit)} (${origin})`,
    {
      hint: 'Nothing was charged. Cancel one, or raise it: `ci config set max-monthly-spend USD`.',
      outcome: 'not_applied',
    },
  );
}

function uncountable(what: string): CommandError {
  return new CommandError('unexpected_response', `the API ${what}, which max-monthly-spend must count`, {
    hint: 'Nothing was charged. `ci config set max-monthly-spend default` takes the limit out.',
    outcome: 'not_applied',
  });
}
