import type { Context } from '../../context/context.ts';
import { toUsd } from '../../domain/money.ts';
import type { SubscribeIntent } from '../../domain/reconcile.ts';
import type { Planned } from '../changes/earlier.ts';
import { poolName } from '../pools.ts';
import type { PricedPurchase } from './price.ts';

/** Returns a purchase as the record keeps it. */
export function purchaseIntent({ pool, blocks, quote }: PricedPurchase): SubscribeIntent {
  const { quantity, billingCycle, charge, monthly } = quote;
  return {
    action: 'subscribe',
    pool: poolName(pool),
    blocks,
    quantity,
    billingCycle,
    charge: toUsd(charge.atMost),
    ...(billingCycle === 'year' && { monthly: toUsd(monthly.atMost) }),
  };
}

/** Returns what a planned purchase has to wait for: earlier ones of the same thing, or all of them if a spending limit is set. */
export function plannedPurchase(
  { settings }: Pick<Context, 'settings'>,
  intent: SubscribeIntent,
): Planned<'subscribe'> {
  return { action: 'subscribe', intent, any: settings.maxMonthlySpend !== undefined };
}
