import { type Block, blockAt, hoursPerBlock } from './blocks.ts';
import { type Cents, parseUsd, yearlyCharge } from './money.ts';

/** The billing cycles, as the API spells them. */
export const billingCycles = ['month', 'year'] as const;

/** How often a subscription is billed. */
export type BillingCycle = (typeof billingCycles)[number];

/** Lowest plausible price of a seat in one block per month. A lower one is a mistake, and the actual charge differs. */
export const leastPrice: Cents = 100;
/** Highest plausible price of a seat in one block per month. */
export const highestPrice: Cents = 10_000_000;

/** Maximum error of a block's price that is the sum of its eight hour slots, each rounded to the cent. */
const slotRounding: Cents = 4;

/** A price that may be an estimate. The exact price is never above `atMost`. */
export interface Price {
  readonly cents: Cents;
  readonly atMost: Cents;
  readonly exact: boolean;
}

/** One hour of one seat and its share of the block's monthly price, as `GET /api/pools/:id` lists them. */
export interface PricedHour {
  /** UTC hour, 0–23. */
  readonly hour: number;
  readonly price: Cents;
}

/** The price of a purchase. */
export interface Quote {
  readonly blocks: readonly { readonly block: Block; readonly monthly: Price }[];
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  /** The fraction off for a year; undefined if the API doesn't state it. */
  readonly annualDiscount: number | undefined;
  /** The price of all blocks and seats per month. */
  readonly monthly: Price;
  /** The amount due today, and again at each renewal. */
  readonly charge: Price;
}

/** Returns whether a monthly price, which may be a sum of rounded hours, is certainly above a quote. */
function isDearer(price: Cents, quote: Quote): boolean {
  return price > quote.monthly.atMost + rounding(quote);
}

/** Returns whether a price per month is plausible for a seat in one block. */
export function isPlausible({ cents }: Price): boolean {
  return cents >= leastPrice && cents <= highestPrice;
}

/** The actual cost of a purchase, as its subscriptions state it. */
export interface Paid {
  /** The price of all blocks and seats per month. */
  readonly monthly: Cents;
  /** The amount charged. */
  readonly charge: Cents;
  /** Whether the amount is higher than the user agreed to. */
  readonly isAbove: boolean;
}

/**
 * Returns the actual cost of a purchase, from the monthly prices that its subscriptions state.
 *
 * The API's documentation doesn't say whether each of several subscriptions states the price of its own seat or of all seats, and
 * a price may be the sum of hours that are each rounded to the cent. If one reading gives the agreed price, that is the actual
 * one. If none does, the price has changed, and each subscription is assumed to state its own seat: a needless warning is better
 * than a missing one.
 *
 * @param monthlyPrices - of the subscriptions that state one, without the yearly discount. An implausibly low price is ignored;
 *   seats without a price are assumed to cost as much as the most expensive of the others
 * @returns undefined if no price is stated
 */
export function paid(quote: Quote, monthlyPrices: readonly Cents[]): Paid | undefined {
  const { quantity, billingCycle, annualDiscount = 0, monthly } = quote;
  const stated = monthlyPrices.filter((price) => price >= leastPrice).map((price) => Math.min(price, highestBill));
  if (stated.length === 0) return undefined;
  const dearest = stated.reduce((most, price) => Math.max(most, price));
  const sum = total(stated) + dearest * Math.max(0, quantity - stated.length);
  const isAgreed = (price: Cents) => price >= monthly.cents - rounding(quote) && !isDearer(price, quote);
  const agreed = isAgreed(sum) ? sum : stated.every(isAgreed) ? dearest : undefined;
  // If the agreed price is exact, the rounding error of a sum of hours doesn't change it.
  if (agreed !== undefined && monthly.exact) {
    return { monthly: monthly.cents, charge: quote.charge.cents, isAbove: false };
  }
  const price = Math.min(agreed ?? sum, highestBill);
  const charge = billingCycle === 'month' ? price : yearlyCharge(price, annualDiscount);
  return { monthly: price, charge, isAbove: isDearer(price, quote) };
}

/** Returns the actual cost of a purchase, as {@link paid} does, from the subscriptions that it created. */
export function paidFor(
  quote: Quote,
  subscriptions: readonly { readonly monthlyPrice?: number | null | undefined }[],
): Paid | undefined {
  return paid(
    quote,
    subscriptions.flatMap(({ monthlyPrice }) => (monthlyPrice == null ? [] : parseUsd(monthlyPrice))),
  );
}

/** An upper bound for any bill. Twelve times this amount is still an exact integer. */
const highestBill: Cents = Math.floor(Number.MAX_SAFE_INTEGER / 12);

/** Returns the maximum error of the price of a whole purchase that is a sum of hour slots. */
function rounding({ blocks, quantity }: Quote): Cents {
  return slotRounding * blocks.length * quantity;
}

/** Returns a price that the API states. */
export function exactPrice(cents: Cents): Price {
  return { cents, atMost: cents, exact: true };
}

/**
 * Estimates a block's monthly price from the slots of one seat. The API rounds each hour's share to the cent, so the sum is off by
 * up to 4 cents: 8 × 4.88 is 39.04, although the block costs 39.00.
 *
 * @returns undefined if an hour of the block has no price
 */
export function estimatedPrice(block: Block, slots: Iterable<PricedHour>): Price | undefined {
  const hours = dearestHours(block, slots);
  if (hours.size !== hoursPerBlock) return undefined;
  const sum = total([...hours.values()]);
  return { cents: sum, atMost: sum + slotRounding, exact: false };
}

/** Returns the price of each hour of a block. Takes the most expensive seat, so that an estimate isn't below the charge. */
export function dearestHours(block: Block, slots: Iterable<PricedHour>): Map<number, Cents> {
  const hours = new Map<number, Cents>();
  for (const { hour, price } of slots) {
    if (blockAt(hour) === block) hours.set(hour, Math.max(price, hours.get(hour) ?? price));
  }
  return hours;
}

/**
 * Returns the price of blocks for a number of seats. A month costs the sum of the blocks × seats; a year is charged up front, with
 * the pool's discount. Source: Unlimited Subscriptions API, "Pricing".
 *
 * @param annualDiscount - fraction off for a year; if the API doesn't state it, the price is an upper bound without a discount
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
  return { blocks: prices, quantity, billingCycle, annualDiscount, monthly, charge };
}

/** Returns the price of one billing cycle before the discount. */
export function listPrice({ monthly, billingCycle }: Pick<Quote, 'monthly' | 'billingCycle'>): Price {
  if (billingCycle === 'month') return monthly;
  return { cents: 12 * monthly.cents, atMost: 12 * monthly.atMost, exact: monthly.exact };
}

function total(amounts: readonly Cents[]): Cents {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

/** Rebuilds the agreed quote from the record, which holds only the charge; for a year, the monthly price is therefore unknown. */
export function agreedQuote(
  { blocks, quantity, billingCycle }: { blocks: readonly Block[]; quantity: number; billingCycle: BillingCycle },
  agreed: Cents,
): Quote {
  const charge = exactPrice(agreed);
  const monthly = billingCycle === 'month' ? charge : exactPrice(Number.MAX_SAFE_INTEGER);
  const prices = blocks.map((block) => ({ block, monthly }));
  return { blocks: prices, quantity, billingCycle, annualDiscount: undefined, monthly, charge };
}
