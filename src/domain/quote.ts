import { type Block, blockAt, hoursPerBlock } from './blocks.ts';
import { type Cents, parseUsd, yearlyCharge } from './money.ts';

/** How often a subscription can be billed, in the API's words. */
export const billingCycles = ['month', 'year'] as const;

/** How often a subscription is billed. */
export type BillingCycle = (typeof billingCycles)[number];

/** Lowest plausible price of a seat in one block per month. A lower price is a mistake, and the true charge differs. */
export const leastPrice: Cents = 100;
/** Highest plausible price of a seat in one block per month. */
export const highestPrice: Cents = 10_000_000;

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
  /** The fraction off for a year; undefined when the API does not say. */
  readonly annualDiscount: number | undefined;
  /** All blocks and seats, for a month. */
  readonly monthly: Price;
  /** What is charged at once, and again at each renewal. */
  readonly charge: Price;
}

/** Whether a price for a month, which may be added up of rounded hours, is above a quote for certain. */
function isDearer(price: Cents, quote: Quote): boolean {
  return price > quote.monthly.atMost + rounding(quote);
}

/** Whether a seat in one block may cost this much a month. */
export function isPlausible({ cents }: Price): boolean {
  return cents >= leastPrice && cents <= highestPrice;
}

/** The true cost of a purchase, as its subscriptions state it. */
export interface Paid {
  /** All blocks and seats, for a month. */
  readonly monthly: Cents;
  /** What was charged at once. */
  readonly charge: Cents;
  /** Whether it is more than was agreed to. */
  readonly isAbove: boolean;
}

/**
 * Returns the true cost of a purchase, from the monthly prices that its subscriptions state.
 *
 * No document says whether each of several subscriptions states the price of its own seat or of all seats, and a price may be the
 * sum of hours that are each rounded to the cent. If one reading gives the agreed price, it counts as the true one. If none does,
 * the price has changed, and each subscription is assumed to state its own seat: a needless warning is better than a missing one.
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

/** Returns the true cost of a purchase, as {@link paid} does, from the subscriptions that it created. */
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

/** How far the price of a whole purchase, summed from hour slots, can be from the exact one. */
function rounding({ blocks, quantity }: Quote): Cents {
  return slotRounding * blocks.length * quantity;
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
  return { blocks: prices, quantity, billingCycle, annualDiscount, monthly, charge };
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
