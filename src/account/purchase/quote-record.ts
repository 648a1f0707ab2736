import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { toUsd } from '../../domain/money.ts';
import { type BillingCycle, listPrice } from '../../domain/quote.ts';
import type { Column } from '../../output/output.ts';
import { factLines } from '../../output/text.ts';
import { poolName } from '../pools.ts';
import { purchaseFacts } from './facts.ts';
import type { PricedPurchase } from './price.ts';

/** A quote in JSON, with amounts in USD. If `exact` is false, the price is an estimate, and `chargeAtMost` is its upper bound. */
interface QuoteRecord {
  readonly poolId: string;
  readonly pool: string;
  readonly blocks: readonly Block[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly monthlyPrice: number;
  readonly charge: number;
  readonly chargeAtMost: number;
  readonly exact: boolean;
  readonly prices: readonly {
    readonly block: Block;
    readonly pricePerMonth: number;
    readonly freeSeats: number | null;
  }[];
  /** The price of one billing cycle before the discount. */
  readonly listPrice: number;
  /** The fraction off for a year: 0.15 is 15%. Null if the API states none. */
  readonly annualDiscount: number | null;
}

/** The fields of a quote, in this order. */
export const quoteFields = [
  'poolId',
  'pool',
  'blocks',
  'quantity',
  'billingCycle',
  'monthlyPrice',
  'charge',
  'chargeAtMost',
  'exact',
  'prices',
  'listPrice',
  'annualDiscount',
] as const;

/** Returns the quote of a purchase for JSON and pipes. */
function quoteRecord({ pool, blocks, quote, free }: PricedPurchase): QuoteRecord {
  return {
    poolId: pool.id,
    pool: poolName(pool),
    blocks,
    quantity: quote.quantity,
    billingCycle: quote.billingCycle,
    monthlyPrice: toUsd(quote.monthly.cents),
    charge: toUsd(quote.charge.cents),
    chargeAtMost: toUsd(quote.charge.atMost),
    exact: quote.charge.exact,
    prices: quote.blocks.map(({ block, monthly }) => ({
      block,
      pricePerMonth: toUsd(monthly.cents),
      freeSeats: free.get(block) ?? null,
    })),
    listPrice: toUsd(listPrice(quote).cents),
    annualDiscount: quote.annualDiscount ?? null,
  };
}

/** The columns of a quote in a pipe, in CSV, and for `--fields`. */
const quoteColumns: readonly Column<QuoteRecord>[] = [
  { field: 'pool', header: 'Pool', value: (row) => row.pool },
  { field: 'poolId', header: 'Pool ID', value: (row) => row.poolId },
  { field: 'blocks', header: 'Blocks', value: (row) => row.blocks.join(',') },
  { field: 'quantity', header: 'Seats', value: (row) => row.quantity },
  { field: 'billingCycle', header: 'Billing cycle', value: (row) => row.billingCycle },
  { field: 'monthlyPrice', header: 'Monthly price', value: (row) => row.monthlyPrice.toFixed(2) },
  { field: 'charge', header: 'Charge', value: (row) => row.charge.toFixed(2) },
  { field: 'chargeAtMost', header: 'Charge at most', value: (row) => row.chargeAtMost.toFixed(2) },
  { field: 'exact', header: 'Exact', value: (row) => row.exact },
  {
    field: 'prices',
    header: 'Prices',
    value: (row) => row.prices.map(({ block, pricePerMonth }) => `${block}=${pricePerMonth.toFixed(2)}`).join(','),
  },
  { field: 'listPrice', header: 'List price', value: (row) => row.listPrice.toFixed(2) },
  { field: 'annualDiscount', header: 'Annual discount', value: (row) => row.annualDiscount },
];

/** Prints a quote. */
export async function printQuote(
  context: Pick<Context, 'connections' | 'output' | 'world'>,
  purchase: PricedPurchase,
): Promise<void> {
  await context.output.record(quoteRecord(purchase), {
    columns: quoteColumns,
    fields: quoteFields,
    drawing: async () => `${factLines(await purchaseFacts(context, purchase))}\n`,
  });
}
