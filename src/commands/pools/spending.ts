import { CommandError } from '../../domain/errors.ts';
import { formatUsd, parseUsd } from '../../domain/money.ts';
import type { Context } from '../context.ts';
import { poolName } from '../pool.ts';
import { allSubscriptions } from '../subscriptions.ts';
import type { PricedPurchase } from './purchase.ts';

/**
 * Refuses a purchase that would bring the monthly prices of all subscriptions above the profile's `max-monthly-spend`. One that ends
 * counts until it has ended, as its month is paid; an estimate counts with its upper bound.
 *
 * @throws CommandError (price_above_maximum), or (unexpected_response) when a price is not stated
 */
export async function checkSpending(context: Context, { pool, quote }: PricedPurchase): Promise<void> {
  const { maxMonthlySpend } = context.settings;
  if (maxMonthlySpend === undefined) return;
  const api = await context.api();
  const mine = await allSubscriptions(api, await api.billing.status());
  const spent = mine
    .filter(({ status }) => status !== 'canceled')
    .reduce((sum, { id, monthlyPrice }) => {
      if (monthlyPrice != null) return sum + parseUsd(monthlyPrice);
      throw new CommandError(
        'unexpected_response',
        `the API states no price for ${id}, which max-monthly-spend must count`,
        {
          outcome: 'not_applied',
        },
      );
    }, 0);
  const { value: limit, origin } = maxMonthlySpend;
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
