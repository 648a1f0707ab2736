import type { Pool, PoolDetail } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import { CommandError } from '../../domain/errors.ts';
import { formatUsd, yearlyCharge } from '../../domain/money.ts';
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
import { percent } from '../../output/text.ts';
import type { PoolCatalog } from '../pool-catalog.ts';
import { blockPrice, findPool, freeSeats, hasListedPrices, poolName, pricedHours, priceText } from '../pools.ts';

/** The options of `pools quote` and `pools subscribe` that determine the price. */
export interface PurchaseOptions {
  readonly blocks?: readonly Block[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
}

/** A purchase with its price. */
export interface PricedPurchase {
  readonly pool: Pool;
  readonly blocks: readonly Block[];
  readonly quote: Quote;
  /** The available seats of each block, if the API states them. */
  readonly free: ReadonlyMap<Block, number>;
}

/** Reports that the API states no price, so the charge isn't known in advance. */
export class UnstatedPrice extends CommandError {}

/**
 * Fetches the price of a purchase: the exact block prices from the list of pools, or an estimate from the pool's slots.
 *
 * @param name - slug or UUID
 * @throws CommandError (not_found) for an unknown pool; (unexpected_response) for an implausible price; {@link UnstatedPrice}
 */
export async function fetchPrice(
  catalog: PoolCatalog,
  name: string,
  blocks: readonly Block[],
  purchase: Omit<PurchaseOptions, 'blocks'>,
): Promise<PricedPurchase> {
  const pool = findPool(await catalog.list(), name);
  return pricePurchase(pool, await catalog.detail(pool), blocks, purchase);
}

/**
 * Calculates the price of a purchase from what the API states.
 *
 * @param detail - undefined if it wasn't fetched, because the list states the prices
 * @throws CommandError (unexpected_response) for an implausible price; {@link UnstatedPrice}
 */
export function pricePurchase(
  pool: Pool,
  detail: PoolDetail | undefined,
  blocks: readonly Block[],
  purchase: Omit<PurchaseOptions, 'blocks'>,
): PricedPurchase {
  const prices = blocks.map((block) => {
    const monthly = blockPrice(hasListedPrices(pool, [block]) ? pool : (detail ?? pool), detail, block);
    if (!monthly) {
      throw new UnstatedPrice('unexpected_response', `The API returned no price for ${block} of ${poolName(pool)}`);
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
 * Refuses an implausible price. The true charge would differ, and no limit would hold.
 *
 * @param detail - has the hourly prices that an estimate adds up. If one of them is zero or negative, the sum is meaningless
 */
function checkPlausible(pool: Pool, detail: PoolDetail | undefined, block: Block, monthly: Price): void {
  const hours = monthly.exact ? [] : [...dearestHours(block, pricedHours(detail))];
  const invalid = hours.find(([, price]) => price <= 0);
  if (invalid) throw implausible(pool, block, `${formatUsd(invalid[1])} in hour ${invalid[0]} (UTC)`);
  if (!isPlausible(monthly)) throw implausible(pool, block, `${priceText(monthly)} per month`);
}

/** Refuses a discount that makes the monthly price of a seat implausibly low. */
function checkDiscount(pool: Pool, discount: number, { block, monthly }: Quote['blocks'][number]): void {
  const year = yearlyCharge(monthly.cents, discount);
  if (year >= 12 * leastPrice) return;
  throw implausible(pool, block, `${formatUsd(year)} per year, with ${percent(discount)} off`);
}

function implausible(pool: Pool, block: Block, price: string): CommandError {
  const range = `${formatUsd(leastPrice)} to ${formatUsd(highestPrice)} per month`;
  return new CommandError(
    'unexpected_response',
    `The API returned a price of ${price} for a seat in ${block} of ${poolName(pool)}. A plausible price is ${range}`,
    { hint: 'Nothing was charged. Run `ci open pools` to check the price before you buy.', outcome: 'not_applied' },
  );
}
