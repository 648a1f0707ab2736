import type { Pool, PoolDetail } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { CommandError } from '../../domain/errors.ts';
import { formatUsd, toUsd, yearlyCharge } from '../../domain/money.ts';
import {
  type BillingCycle,
  dearestHours,
  highestPrice,
  isPlausible,
  leastPrice,
  type Price,
  type Quote,
  quote,
} from '../../domain/quote.ts';
import type { Column } from '../../output/output.ts';
import { percent } from '../../output/text.ts';
import {
  blockChoices,
  blockHours,
  blockPrice,
  findPool,
  freeSeats,
  hasListedPrices,
  poolName,
  pricedHours,
  priceText,
} from '../pools.ts';

/** What is to be bought, as typed: the options of `quote` and `subscribe`. */
export interface Purchase {
  readonly blocks?: readonly Block[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
}

/** A purchase with its price. */
export interface PricedPurchase {
  readonly pool: Pool;
  readonly blocks: readonly Block[];
  readonly quote: Quote;
  /** Free seats of each block, where the API tells. */
  readonly free: ReadonlyMap<Block, number>;
}

/**
 * The blocks as typed, or picked from the list.
 *
 * @param onlyFree - whether those without a free seat cannot be picked
 * @throws CommandError (input_required) when none was typed and nobody can be asked; (unavailable) when none can be picked
 */
export async function chosenBlocks(
  context: Context,
  name: string,
  typed: readonly Block[] | undefined,
  onlyFree: boolean,
): Promise<readonly Block[]> {
  if (typed) return typed;
  const { prompts } = context;
  const missing = 'which blocks? Name them: --blocks asia,europe or --blocks all';
  prompts.requireSomebody(missing);
  const { pools } = await context.api();
  const listed = findPool(await pools.list(), name);
  const detail = await pools.get(listed.id);
  const choices = await blockChoices(context, { listed, detail, now: await context.connections.now(), onlyFree });
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new CommandError('unavailable', `${poolName(listed)} is sold out`, {
      hint: 'Nothing was charged. `ci pools list --available` shows what is open.',
      outcome: 'not_applied',
    });
  }
  return prompts.pickSeveral('Which blocks?', choices, missing);
}

/** Reports that the API states no price, so the cost isn't known before the charge. */
export class UnstatedPrice extends CommandError {}

/**
 * What a purchase costs: the list's exact block prices, else an estimate from the pool's slots.
 *
 * @throws CommandError (not_found) for an unknown pool; (unexpected_response) for a price that no seat can have;
 *   {@link UnstatedPrice} when the API states none
 */
export async function priced(
  context: Context,
  name: string,
  blocks: readonly Block[],
  purchase: Purchase,
): Promise<PricedPurchase> {
  const { pools } = await context.api();
  const pool = findPool(await pools.list(), name);
  return pricedOf(pool, await pools.get(pool.id), blocks, purchase);
}

/**
 * What a purchase costs, of what the API told of the pool.
 *
 * @param detail - undefined when it was not asked for: the list must then state the prices
 * @throws CommandError (unexpected_response) for a price that no seat can have; {@link UnstatedPrice} when none is stated
 */
export function pricedOf(
  pool: Pool,
  detail: PoolDetail | undefined,
  blocks: readonly Block[],
  purchase: Omit<Purchase, 'blocks'>,
): PricedPurchase {
  const prices = blocks.map((block) => {
    const monthly = blockPrice(hasListedPrices(pool, [block]) ? pool : (detail ?? pool), detail, block);
    if (!monthly) {
      throw new UnstatedPrice(
        'unexpected_response',
        `the API states no price for the ${block} block of ${poolName(pool)}`,
      );
    }
    checkPlausible(pool, detail, block, monthly);
    return { block, monthly };
  });
  const discount = pool.annualDiscount ?? detail?.annualDiscount ?? undefined;
  if (purchase.billingCycle === 'year' && discount !== undefined) {
    for (const price of prices) checkDiscount(pool, discount, price);
  }
  const free = new Map<Block, number>();
  for (const block of blocks) {
    const seats = detail && freeSeats(detail, block);
    if (seats !== undefined) free.set(block, seats);
  }
  return { pool, blocks, quote: quote(prices, purchase.quantity, purchase.billingCycle, discount), free };
}

/**
 * Refuses an implausible price. The true charge would be another one, and no limit would hold.
 *
 * @param detail - has the hours that an estimate is the sum of; one that costs nothing or less makes the whole sum meaningless
 */
function checkPlausible(pool: Pool, detail: PoolDetail | undefined, block: Block, monthly: Price): void {
  const hours = monthly.exact ? [] : [...dearestHours(block, pricedHours(detail))];
  const senseless = hours.find(([, price]) => price <= 0);
  if (senseless) throw implausible(pool, block, `costs ${formatUsd(senseless[1])} in hour ${senseless[0]} (UTC)`);
  if (!isPlausible(monthly)) throw implausible(pool, block, `costs ${priceText(monthly)} per month`);
}

/** Refuses a discount that makes the monthly price of a seat implausibly low. */
function checkDiscount(pool: Pool, discount: number, { block, monthly }: Quote['blocks'][number]): void {
  const year = yearlyCharge(monthly.cents, discount);
  if (year >= 12 * leastPrice) return;
  throw implausible(pool, block, `costs ${formatUsd(year)} per year, with ${percent(discount)} off`);
}

function implausible(pool: Pool, block: Block, what: string): CommandError {
  const range = `${formatUsd(leastPrice)} to ${formatUsd(highestPrice)} per month`;
  return new CommandError(
    'unexpected_response',
    `the API says that a seat in ${block} of ${poolName(pool)} ${what}, and a plausible price is ${range}`,
    { hint: 'Nothing was charged. Check the price with `ci open pools` before you buy.', outcome: 'not_applied' },
  );
}

/** A quote as JSON has it: USD as numbers; `exact` is false when a price is an estimate, which `chargeAtMost` bounds. */
export interface QuoteRecord {
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
}

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
] as const;

export function quoteRecord({ pool, blocks, quote, free }: PricedPurchase): QuoteRecord {
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
  };
}

/** A quote's lines, in a pipe and for `--fields`. */
export const quoteColumns: readonly Column<QuoteRecord>[] = [
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
];

/** The facts of a purchase for a person, before it is made. */
export async function facts(purchase: PricedPurchase, context: Context): Promise<(readonly [string, string])[]> {
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

/** What is charged today, for people: `$49.00`, or with an estimate `about $49.04, at most $49.08`. */
export function chargeText({ charge }: Quote): string {
  return charge.exact
    ? formatUsd(charge.cents)
    : `about ${formatUsd(charge.cents)}, at most ${formatUsd(charge.atMost)}`;
}

/**
 * Refuses a charge above the user's own limit; an estimate counts with its upper bound.
 *
 * @param maximum - cents
 * @param limit - what the limit is called
 * @throws CommandError (price_above_maximum)
 */
export function checkMaximum(
  { pool, quote }: PricedPurchase,
  maximum: number | undefined,
  limit = '--max-price',
): void {
  if (maximum === undefined || quote.charge.atMost <= maximum) return;
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} would charge ${chargeText(quote)} today, above ${limit} ${formatUsd(maximum)}`,
    { hint: 'Nothing was charged. Raise --max-price, or take fewer blocks or seats.', outcome: 'not_applied' },
  );
}
