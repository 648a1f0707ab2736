import type { Context } from '../../context/context.ts';
import { formatUsd } from '../../domain/money.ts';
import { listPrice, type Quote } from '../../domain/quote.ts';
import { percent } from '../../output/text.ts';
import { blockHours, poolName, priceText, seatsText } from '../pools.ts';
import type { PricedPurchase } from './price.ts';

/** Returns a purchase and its price for people, as labels and values. */
export async function purchaseFacts(
  context: Pick<Context, 'connections' | 'world'>,
  purchase: PricedPurchase,
): Promise<(readonly [string, string])[]> {
  const { pool, quote, free } = purchase;
  const now = await context.connections.now();
  const blocks = quote.blocks.map(({ block, monthly }) => {
    const hours = `${block.padEnd(8)}  ${priceText(monthly)}  ${blockHours(block, now, context.world.timeZone)}`;
    return [hours, seatsText(free.get(block))].filter(Boolean).join(', ');
  });
  return [
    ['Pool', `${poolName(pool)}${pool.modelName ? ` (${pool.modelName})` : ''}`],
    ...blocks.map((line, at): [string, string] => [at === 0 ? 'Blocks' : '', line]),
    ['Seats', `${quote.quantity} per block`],
    ...priceFacts(quote),
    ['Due today', chargeText(quote)],
    ['Billing', `${cycleText(quote)}, renews until canceled`],
    ...(pool.manualProvisioning ? [['Key', 'by email, within 24 hours'] as const] : []),
  ];
}

/** Returns today's charge for people: `$49.00`, or for an estimate `about $49.04 (at most $49.08)`. */
export function chargeText({ charge }: Quote): string {
  if (charge.exact) return formatUsd(charge.cents);
  const atMost = `at most ${formatUsd(charge.atMost)}`;
  return charge.cents === charge.atMost ? atMost : `about ${formatUsd(charge.cents)} (${atMost})`;
}

/** Returns how often a purchase is billed, as a label: `Monthly`. */
export function cycleText({ billingCycle }: Pick<Quote, 'billingCycle'>): string {
  return billingCycle === 'month' ? 'Monthly' : 'Yearly';
}

/** Returns the list price, and for a year the discount. */
function priceFacts(quote: Quote): (readonly [string, string])[] {
  const { monthly, billingCycle, annualDiscount, charge } = quote;
  if (billingCycle === 'month') return [['List price', `${priceText(monthly)} per month`]];
  const list = listPrice(quote);
  const saved = formatUsd(list.cents - charge.cents);
  const discount = annualDiscount === undefined ? 'unknown' : `${percent(annualDiscount)} off, saves ${saved}`;
  return [
    ['List price', `${priceText(list)} per year (12 × ${priceText(monthly)})`],
    ['Discount', annualDiscount === 0 ? 'none' : discount],
  ];
}
