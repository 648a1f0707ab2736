import type { Context } from '../../context/context.ts';
import { formatUsd } from '../../domain/money.ts';
import type { Quote } from '../../domain/quote.ts';
import { blockHours, poolName, priceText } from '../pools.ts';
import type { PricedPurchase } from './price.ts';

/** Returns what a person sees of a purchase before it is made, as labels and values. */
export async function purchaseFacts(
  context: Pick<Context, 'connections' | 'world'>,
  purchase: PricedPurchase,
): Promise<(readonly [string, string])[]> {
  const { pool, quote, free } = purchase;
  const now = await context.connections.now();
  const lines = quote.blocks.map(({ block, monthly }) => {
    const seats = free.get(block);
    return [
      `${block.padEnd(8)}  ${priceText(monthly)}  ${blockHours(block, now, context.world.timeZone)}`,
      ...(seats === undefined ? [] : [seats === 0 ? 'sold out' : `${seats} free`]),
    ].join(', ');
  });
  return [
    ['Pool', `${poolName(pool)}${pool.modelName ? ` (${pool.modelName})` : ''}`],
    ...lines.map((line, at): [string, string] => [at === 0 ? 'Blocks' : '', line]),
    ['Seats', `${quote.quantity} in each block`],
    ['Price', `${priceText(quote.monthly)} a month`],
    ['Charged today', `${chargeText(quote)}, to the saved card`],
    ['Renews', `every ${quote.billingCycle}, until canceled`],
    ...(pool.manualProvisioning ? [['Key', 'by mail, within 24 hours'] as const] : []),
  ];
}

/** Returns today's charge for people: `$49.00`, or with an estimate `about $49.04, at most $49.08`. */
export function chargeText({ charge }: Quote): string {
  return charge.exact
    ? formatUsd(charge.cents)
    : `about ${formatUsd(charge.cents)}, at most ${formatUsd(charge.atMost)}`;
}
