import type { SubscribeResult, Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { reservedBlocks } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, toUsd } from '../../domain/money.ts';
import type { SubscribeIntent } from '../../domain/reconcile.ts';
import { counted, inWords } from '../../output/text.ts';
import { type ChangingContext, carryOut } from '../changes/carry-out.ts';
import { awaitEarlier, openIntents, type Planned } from '../changes/earlier.ts';
import { poolName } from '../pools.ts';
import { showPage } from '../show-page.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { type Agreement, checkRepeat } from './agree.ts';
import { checkAvailable } from './availability.ts';
import { findCovering } from './covering.ts';
import { chargeText } from './facts.ts';
import { plannedPurchase, purchaseIntent } from './intent.ts';
import { checkSpending } from './limits.ts';
import { fetchPrice, type PricedPurchase } from './price.ts';
import {
  boughtEarlier,
  overchargeOf,
  type PurchasedSeats,
  type PurchaseResult,
  withinAgreed,
  withinLimit,
} from './purchase-result.ts';
import { PurchaseSnapshot } from './snapshot.ts';

/** How often one purchase may be made. */
export interface Repetition {
  /** Whether to buy nothing if it is covered already. */
  readonly ensure?: boolean | undefined;
  /** What the user agreed to about earlier purchases of the same; undefined: any may be repeated. */
  readonly agreed?: Agreement | undefined;
}

/** A purchase that the user agreed to. */
export interface AgreedPurchase extends Repetition {
  readonly purchase: PricedPurchase;
  /** What it was agreed on. */
  readonly snapshot: PurchaseSnapshot;
  /** `--max-price`. */
  readonly maxPrice?: Cents | undefined;
}

/** What a purchase depends on in an account. */
export interface SeenAccount {
  /** My subscriptions on the pool. */
  readonly mine: readonly Subscription[];
  /** Returned by {@link monthlySpending}. */
  readonly spent: Cents | undefined;
}

/** What buying takes. */
export type BuyingContext = ChangingContext & Pick<Context, 'api' | 'prompts'>;

/**
 * Buys, while no other `ci` on this machine buys for this account. The user has agreed.
 *
 * What was fetched before is used again if it can't have changed. The account is fetched again if the user was asked, if another
 * `ci` on this machine recorded anything, or after a few seconds; the pool after a few seconds.
 *
 * @throws CommandError with its outcome; (price_above_maximum) if the price has risen meanwhile
 */
export async function buyOnce(
  context: BuyingContext,
  { purchase, snapshot, maxPrice, ...repetition }: AgreedPurchase,
): Promise<PurchaseResult> {
  return context.record.exclusively('purchase', async () => {
    const intent = purchaseIntent(purchase);
    const earlier = context.settling.again
      ? undefined
      : await adoptEarlier(context, intent, { ignoresUnclear: repetition.ensure });
    if (earlier) return withinLimit(earlier, intent.pool, maxPrice);
    const { asksConsent } = context.prompts;
    const wasAsked = asksConsent || (repetition.agreed?.repeated.size ?? 0) > 0;
    const isCurrent = !wasAsked && (await snapshot.isCurrent());
    const now = isCurrent ? snapshot : await PurchaseSnapshot.take(context);
    const mine = await now.subscriptions(intent.pool);
    const covering = await coveringOrRefusal(context, purchase, mine, repetition);
    if (covering) return covering;
    const agreed = purchase.quote.charge.atMost;
    // Without a prompt, the limit counts as the agreed price.
    const maximum = asksConsent ? agreed : (maxPrice ?? agreed);
    const spent = await now.spending();
    // Fetching the account may have taken a while, so the price is the last to be checked.
    const current = snapshot.isFresh ? purchase : await priceNow(context, now, purchase, maximum);
    checkSpending(context, current, spent);
    // The price may have fallen since the user agreed, and risen again.
    return withinAgreed(await charge(context, current, mine), agreed);
  });
}

/**
 * Buys for an account that was looked at since no other `ci` on this machine buys for it. The user has agreed.
 *
 * @throws CommandError with its outcome
 */
export async function buyFor(
  context: BuyingContext,
  { mine, spent }: SeenAccount,
  purchase: PricedPurchase,
  repetition: Repetition,
): Promise<PurchaseResult> {
  const covering = await coveringOrRefusal(context, purchase, mine, repetition);
  if (covering) return covering;
  checkSpending(context, purchase, spent);
  return charge(context, purchase, mine);
}

/** Returns what covers a purchase with `--ensure`. @throws CommandError (confirmation_required) for a repetition */
async function coveringOrRefusal(
  context: BuyingContext,
  purchase: PricedPurchase,
  mine: readonly Subscription[],
  { ensure, agreed }: Repetition,
): Promise<PurchaseResult | undefined> {
  const { blocks, quote } = purchase;
  const covering = ensure ? findCovering(poolName(purchase.pool), mine, blocks, quote.quantity) : undefined;
  if (covering) return { kind: 'covered', subscriptions: covering };
  if (agreed) await checkRepeat(context, purchaseIntent(purchase), mine, agreed);
  return undefined;
}

/** Fetches the price again. @throws CommandError (unavailable); (price_above_maximum) if it is above what was agreed to */
async function priceNow(
  context: BuyingContext,
  snapshot: PurchaseSnapshot,
  { pool, blocks, quote }: PricedPurchase,
  maximum: Cents,
): Promise<PricedPurchase> {
  const { catalog } = snapshot.isFresh ? snapshot : await PurchaseSnapshot.take(context);
  const purchase = await fetchPrice(catalog, pool.id, blocks, quote);
  checkAvailable(purchase);
  if (purchase.quote.charge.atMost <= maximum) return purchase;
  const message = `the price of ${poolName(pool)} has risen: today's charge is ${chargeText(purchase.quote)}, and you agreed to ${formatUsd(maximum)}`;
  throw new CommandError('price_above_maximum', message, {
    hint: 'Nothing was charged. Run this again to agree to the new price.',
    outcome: 'not_applied',
  });
}

/**
 * Waits for earlier purchases that could be the same and have no known outcome, before the price is known. With `--again` it
 * doesn't wait.
 *
 * @returns the result of an earlier purchase of exactly the same thing
 * @throws as {@link awaitEarlier}
 */
export async function earlierPurchaseOf(
  context: BuyingContext,
  purchase: Omit<SubscribeIntent, 'action' | 'charge'>,
  options: Pick<Planned<'subscribe'>, 'ignoresUnclear'> = {},
): Promise<PurchasedSeats | undefined> {
  if (context.settling.again || (await openIntents(context, 'subscribe')).length === 0) return undefined;
  return adoptEarlier(context, { action: 'subscribe', ...purchase }, options);
}

async function adoptEarlier(
  context: BuyingContext,
  intent: SubscribeIntent,
  options: Pick<Planned<'subscribe'>, 'ignoresUnclear'>,
): Promise<PurchasedSeats | undefined> {
  const earlier = await awaitEarlier(context, { ...plannedPurchase(context, intent), ...options });
  if (!earlier) return undefined;
  context.result.lastChange = 'applied';
  return boughtEarlier(earlier);
}

/** Sends the purchase, and says what was charged. @param mine - my subscriptions on the pool, a moment before */
async function charge(
  context: BuyingContext,
  purchase: PricedPurchase,
  mine: readonly Subscription[],
): Promise<PurchasedSeats> {
  const pool = poolName(purchase.pool);
  const subscriptions = await subscribe(context, purchase, mine);
  const overcharge = overchargeOf(pool, purchase.quote, subscriptions);
  const charged = overcharge ? formatUsd(overcharge.charge) : chargeText(purchase.quote);
  context.output.done(`Subscribed to ${inWords(purchase.blocks)} of ${pool}: ${charged} charged.`);
  return { kind: 'bought', subscriptions, overcharge: overcharge?.error, charge: overcharge?.charge };
}

async function subscribe(
  context: BuyingContext,
  purchase: PricedPurchase,
  mine: readonly Subscription[],
): Promise<PoolSubscription[]> {
  const { blocks } = purchase;
  const { quantity, billingCycle } = purchase.quote;
  const name = poolName(purchase.pool);
  const intent = purchaseIntent(purchase);
  const before = { ids: mine.map(({ id }) => id) };
  const bought = await carryOut<'subscribe', readonly Subscription[]>(context, 'subscribe', {
    intent,
    before,
    send: async ({ pools }) =>
      subscriptionsIn(context, name, await pools.subscribe(name, { blocks, quantity, billingCycle })),
    ids: (subscriptions) => subscriptions.map(({ id }) => id),
    charge: (subscriptions) => {
      const overcharge = overchargeOf(name, purchase.quote, subscriptions)?.charge;
      return overcharge === undefined ? undefined : toUsd(overcharge);
    },
    adopt: (found) => found,
    command: `ci pools subscriptions ${name}`,
  });
  const seats = await allSeats(context, purchase, mine, bought);
  if (seats.length !== quantity) {
    const listed = counted(seats.length, 'subscription');
    context.output.note(
      `The API listed ${listed} for ${counted(quantity, 'seat')}. Run \`ci pools subscriptions ${name}\` to see all of them, and \`ci keys create NAME --subscription ID\` for each that has no key.`,
    );
  }
  return seats.map((subscription) => ({ ...subscription, poolSlug: name }));
}

/**
 * Returns the subscriptions of a purchase. Some generations of the API respond with one of them for all seats; the others are then
 * those that are new on the same blocks.
 *
 * @param mine - my subscriptions on the pool, a moment before
 */
async function allSeats(
  context: BuyingContext,
  { pool, blocks, quote }: PricedPurchase,
  mine: readonly Subscription[],
  bought: readonly Subscription[],
): Promise<readonly Subscription[]> {
  if (bought.length >= quote.quantity) return bought;
  const known = new Set([...mine, ...bought].map(({ id }) => id));
  try {
    const { pools } = await context.connections.looking();
    const now = await pools.subscriptions(poolName(pool));
    const others = now.filter(
      (each) => !known.has(each.id) && each.status !== 'canceled' && areSameBlocks(reservedBlocks(each), blocks),
    );
    return [...bought, ...others.slice(0, quote.quantity - bought.length)];
  } catch (error) {
    if (error instanceof CommandError) return bought;
    throw error;
  }
}

function areSameBlocks(some: readonly Block[], others: readonly Block[]): boolean {
  return some.length === others.length && some.every((block) => others.includes(block));
}

/** Returns the subscriptions in a response. @throws CommandError (no_payment_method) if it names a page to pay on instead */
async function subscriptionsIn(
  context: Pick<Context, 'output' | 'prompts' | 'settings' | 'world'>,
  pool: string,
  result: SubscribeResult,
): Promise<Subscription[]> {
  if (result.kind === 'subscribed') return result.subscriptions;
  await showPage(context, result.sessionUrl);
  throw new CommandError(
    'no_payment_method',
    `no card is saved; pay in the browser to subscribe: ${result.sessionUrl}`,
    {
      hint: `Nothing is charged until then. Afterwards \`ci pools subscriptions ${pool}\` shows it.`,
      outcome: 'not_applied',
    },
  );
}
