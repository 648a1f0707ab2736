import { type Block, blockAt, hoursPerBlock } from './blocks.ts';
import { type Cents, yearlyCharge } from './money.ts';

/** How often a subscription is billed, in the API's words. */
export type BillingCycle = 'month' | 'year';

/** How far a block's price summed from its eight hour slots can be from the exact one: each is rounded to the cent. */
const slotRounding: Cents = 4;

/** A price that may be an estimate: then the exact one is nowhere above `atMost`. */
export interface Price {
  readonly cents: Cents;
  readonly atMost: Cents;
  readonly exact: boolean;
}

/** One seat-hour of a pool and its share of the block's monthly price, as `GET /api/pools/:id` lists them. */
export interface PricedHour {
  /** UTC hour, 0–23. */
  readonly hour: number;
  readonly price: Cents;
}

/** What a purchase would cost. */
export interface Quote {
  readonly blocks: readonly { readonly block: Block; readonly monthly: Price }[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  /** All blocks and seats, for a month. */
  readonly monthly: Price;
  /** What is charged at once, and again at each renewal. */
  readonly charge: Price;
}

/** Whether a price for a month, which may be added up of rounded hours, is above a quote for certain. */
export function isDearer(price: Cents, { blocks, quantity, monthly }: Quote): boolean {
  return price > monthly.atMost + slotRounding * blocks.length * quantity;
}

/** A block's price as the API states it. */
export function exactPrice(cents: Cents): Price {
  return { cents, atMost: cents, exact: true };
}

/**
 * A block's monthly price from the slots of one seat. The API rounds each hour's share to the cent,
 * so the sum is off by up to 4 cents: 8 × 4.88 is 39.04 where the block costs 39.00.
 *
 * @returns undefined when an hour of the block has no priced slot
 */
export function estimatedPrice(block: Block, slots: Iterable<PricedHour>): Price | undefined {
  const dearest = new Map<number, Cents>();
  for (const { hour, price } of slots) {
    if (blockAt(hour) === block) dearest.set(hour, Math.max(price, dearest.get(hour) ?? price));
  }
  if (dearest.size !== hoursPerBlock) return undefined;
  const sum = [...dearest.values()].reduce((total, price) => total + price, 0);
  return { cents: sum, atMost: sum + slotRounding, exact: false };
}

/**
 * What the blocks cost for a number of seats: the sum of the blocks × seats a month;
 * a year is charged upfront with the pool's discount. Source: Unlimited Subscriptions API, "Pricing".
 *
 * @param annualDiscount - fraction off for a year; when the API does not say, the year is priced without one, as "at most"
 */
export function quote(
  prices: readonly { block: Block; monthly: Price }[],
  quantity: number,
  billingCycle: BillingCycle,
  annualDiscount: number | undefined,
): Quote {
  const monthly: Price = {
    cents: total(prices.map(({ monthly }) => monthly.cents)) * quantity,
    atMost: total(prices.map(({ monthly }) => monthly.atMost)) * quantity,
    exact: prices.every(({ monthly }) => monthly.exact),
  };
  const charge: Price =
    billingCycle === 'month'
      ? monthly
      : {
          cents: yearlyCharge(monthly.cents, annualDiscount ?? 0),
          atMost: yearlyCharge(monthly.atMost, annualDiscount ?? 0),
          exact: monthly.exact && annualDiscount !== undefined,
        };
  return { blocks: prices, quantity, billingCycle, monthly, charge };
}

function total(amounts: readonly Cents[]): Cents {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}
