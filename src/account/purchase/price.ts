import type { Pool, PoolDetail } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
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
import {
  blockChoices,
  blockPrice,
  findPool,
  freeSeats,
  hasListedPrices,
  poolName,
  pricedHours,
  priceText,
} from '../pools.ts';

/** What to buy, as typed: the options of `quote` and `subscribe`. */
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
  purchase: PurchaseOptions,
): Promise<PricedPurchase> {
  const { pools } = await context.api();
  const pool = findPool(await pools.list(), name);
  return pricePurchase(pool, await pools.get(pool.id), blocks, purchase);
}

/**
 * What a purchase costs, of what the API told of the pool.
 *
 * @param detail - undefined when it was not asked for: the list must then state the prices
 * @throws CommandError (unexpected_response) for a price that no seat can have; {@link UnstatedPrice} when none is stated
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
