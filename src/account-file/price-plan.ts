import type { PoolCatalog } from '../account/pool-catalog.ts';
import { checkAvailable, SeatsUnavailable } from '../account/purchase/availability.ts';
import { fetchPrice, type PricedPurchase } from '../account/purchase/price.ts';
import { parseSpendLimit } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import type { AccountPlan, CurrentSubscription, PlanStep, ReserveStep } from '../domain/account-plan.ts';
import type { Block } from '../domain/blocks.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { type Cents, formatUsd, parseUsd } from '../domain/money.ts';
import { exactPrice, leastPrice, type Price } from '../domain/quote.ts';

/** What a step to reserve seats costs. */
export interface PricedStep {
  /** Undefined if the API states no price. */
  readonly purchase: PricedPurchase | undefined;
  /** Why the seats can't be bought now, as a sentence without a period: `kimi26 is sold out in europe`. */
  readonly unavailable: string | undefined;
}

/** The most that all subscriptions together may cost per month, in USD cents. */
export interface SpendingLimit {
  readonly maximum: Cents;
  /** Where it comes from, for people: `ceilings.maxMonthlySpend in account.yaml`. */
  readonly name: string;
  /**
   * What all subscriptions cost per month if the plan is carried out. A canceled subscription counts until its period ends, because it
   * is paid for. Undefined if the API doesn't state a price.
   */
  readonly spending: Cents | undefined;
  /** Whether that includes subscriptions that end. */
  readonly hasEnding: boolean;
  /** Whether seats may not be reserved: the spending would be above the maximum, or isn't known. */
  readonly isExceeded: boolean;
}

/** What a plan costs. Amounts are undefined if the API doesn't state a price. */
export interface PlanPrice {
  readonly steps: ReadonlyMap<ReserveStep, PricedStep>;
  /** Due today for all seats that would be reserved now. */
  readonly dueToday: Price | undefined;
  /** The price per month of all subscriptions that renew, without the plan. */
  readonly monthlyBefore: Cents | undefined;
  /** The same with the plan. */
  readonly monthlyAfter: Price | undefined;
  readonly limits: readonly SpendingLimit[];
  /** What isn't known, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Finds out what a plan costs. Fetches each pool where the plan reserves seats.
 *
 * @throws CommandError (not_found) for an unknown pool; (usage) if the profile's limit isn't an amount
 */
export async function pricePlan(
  context: Pick<Context, 'settings'>,
  catalog: PoolCatalog,
  desired: DesiredAccount,
  plan: AccountPlan,
  subscriptions: readonly CurrentSubscription[],
): Promise<PlanPrice> {
  const limits = limitsOf(context, desired);
  const reserves = plan.steps.filter((step) => step.action === 'reserve');
  const notes: string[] = [];
  const steps = pricedSteps(reserves, await Promise.all(reserves.map((step) => priceStep(catalog, step, notes))));
  const bought = reserves.filter((step) => isBought(step, steps.get(step)));
  const purchases = bought.map((step) => steps.get(step)?.purchase?.quote);
  const monthly = sumOf(purchases.map((quote) => quote?.monthly));
  const unpriced = subscriptions.filter((each) => counts(each) && priceOf(each) === undefined);
  for (const { id, poolSlug } of unpriced) notes.push(`The API states no price for subscription ${id} on ${poolSlug}.`);
  const monthlyBefore = sum(subscriptions.filter((each) => counts(each) && each.cancelAtPeriodEnd !== true));
  const all = sum(subscriptions.filter(counts));
  const canceled = new Set(plan.steps.flatMap((step) => (isCanceled(step) ? step.subscription : [])));
  const kept = sum(
    subscriptions.filter((each) => counts(each) && each.cancelAtPeriodEnd !== true && !canceled.has(each.id)),
  );
  const spending = all === undefined || !monthly ? undefined : all + monthly.atMost;
  return {
    steps,
    dueToday: sumOf(purchases.map((quote) => quote?.charge)),
    monthlyBefore,
    monthlyAfter: kept === undefined || !monthly ? undefined : sumOf([exactPrice(kept), monthly]),
    limits: limits.map((limit) => ({
      ...limit,
      spending,
      hasEnding: all !== kept,
      isExceeded: bought.length > 0 && (spending === undefined || spending > limit.maximum),
    })),
    notes,
  };
}

/** Returns whether seats are reserved when a plan is carried out now: nothing prevents it, and they are available or waited for. */
export function isBought({ obstacle, seats }: ReserveStep, priced: PricedStep | undefined): boolean {
  return obstacle === undefined && (priced?.unavailable === undefined || seats.onSoldOut === 'wait');
}

/**
 * Refuses a plan that would raise the price of all subscriptions above a limit.
 *
 * @throws CommandError (price_above_maximum); (unexpected_response) if a price isn't known
 */
export function checkLimits({ limits }: PlanPrice): void {
  const exceeded = limits.find(({ isExceeded }) => isExceeded);
  if (!exceeded) return;
  const isKnown = exceeded.spending !== undefined;
  throw new CommandError(isKnown ? 'price_above_maximum' : 'unexpected_response', withoutPeriod(limitNote(exceeded)), {
    hint: `Nothing was charged. ${isKnown ? 'Ask for fewer seats, or raise the limit.' : 'Run `ci plan` to see which prices are missing. Without the limit, they need not be known.'}`,
    outcome: 'not_applied',
  });
}

/** Returns a sentence about a limit that a plan exceeds. */
export function limitNote({ name, maximum, spending, hasEnding }: SpendingLimit): string {
  if (spending === undefined) return `The API doesn't state all prices, so ${name} can't be checked.`;
  const until = hasEnding ? ' until the canceled ones end' : '';
  return `Your subscriptions would cost ${formatUsd(spending)} per month${until}, which is above ${formatUsd(maximum)} (${name}).`;
}

/** Returns what the steps cost, and whether their seats are available. Seats that an earlier step buys aren't. */
function pricedSteps(
  reserves: readonly ReserveStep[],
  purchases: readonly (PricedPurchase | undefined)[],
): Map<ReserveStep, PricedStep> {
  const taken = new Map<string, number>();
  const priced = reserves.map((step, at): [ReserveStep, PricedStep] => {
    const purchase = purchases[at];
    if (!purchase) return [step, { purchase, unavailable: undefined }];
    const { obstacle, seats, missing } = step;
    const placeOf = (block: Block) => `${seats.pool} ${block}`;
    const takenOf = (block: Block) => taken.get(placeOf(block)) ?? 0;
    const free = new Map([...purchase.free].map(([block, count]) => [block, Math.max(0, count - takenOf(block))]));
    const unavailable = unavailability(purchase) ?? (obstacle ? undefined : unavailability({ ...purchase, free }));
    if (!obstacle && unavailable === undefined)
      for (const block of seats.blocks) taken.set(placeOf(block), takenOf(block) + missing);
    return [step, { purchase, unavailable }];
  });
  return new Map(priced);
}

/** Returns the price of a step. Adds a note if the API states none. @throws CommandError (not_found) for an unknown pool */
async function priceStep(
  catalog: PoolCatalog,
  { seats, missing }: ReserveStep,
  notes: string[],
): Promise<PricedPurchase | undefined> {
  const { pool, blocks, billingCycle, place } = seats;
  try {
    return await fetchPrice(catalog, pool, blocks, { quantity: missing, billingCycle });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.code === 'not_found') {
      const { file, line, column } = place;
      throw error.with({
        message: `${file}, line ${line}, column ${column}: ${error.message}`,
        outcome: 'not_applied',
      });
    }
    if (error.code !== 'unexpected_response') throw error;
    notes.push(`${withoutPeriod(error.message)}.`);
    return undefined;
  }
}

function unavailability(purchase: PricedPurchase): string | undefined {
  try {
    checkAvailable(purchase);
    return undefined;
  } catch (error) {
    if (error instanceof SeatsUnavailable) return withoutPeriod(error.message);
    throw error;
  }
}

function limitsOf(
  { settings: { maxMonthlySpend } }: Pick<Context, 'settings'>,
  { file, maxMonthlySpend: ceiling }: DesiredAccount,
): Pick<SpendingLimit, 'maximum' | 'name'>[] {
  return [
    ...(ceiling === undefined ? [] : [{ maximum: ceiling, name: `ceilings.maxMonthlySpend in ${file}` }]),
    ...(maxMonthlySpend === undefined
      ? []
      : [
          {
            maximum: parseSpendLimit(maxMonthlySpend.value),
            name: `max-monthly-spend of ${maxMonthlySpend.origin}`,
          },
        ]),
  ];
}

function isCanceled(step: PlanStep): step is Extract<PlanStep, { action: 'cancel' }> {
  return step.action === 'cancel' && step.obstacle === undefined;
}

/** Returns whether a subscription costs something: it isn't over. */
function counts({ status }: CurrentSubscription): boolean {
  return status !== 'canceled';
}

/** Returns the price of a subscription per month; undefined if the API states none, or an implausible one. */
function priceOf({ monthlyPrice }: CurrentSubscription): Cents | undefined {
  const price = monthlyPrice == null ? undefined : parseUsd(monthlyPrice);
  return price !== undefined && price >= leastPrice ? price : undefined;
}

function sum(subscriptions: readonly CurrentSubscription[]): Cents | undefined {
  return sumOf(subscriptions.map((each) => toPrice(priceOf(each))))?.cents;
}

function toPrice(cents: Cents | undefined): Price | undefined {
  return cents === undefined ? undefined : exactPrice(cents);
}

/** Returns the sum of prices; undefined if one isn't known. */
function sumOf(prices: readonly (Price | undefined)[]): Price | undefined {
  let total = exactPrice(0);
  for (const price of prices) {
    if (!price) return undefined;
    total = {
      cents: total.cents + price.cents,
      atMost: total.atMost + price.atMost,
      exact: total.exact && price.exact,
    };
  }
  return total;
}
