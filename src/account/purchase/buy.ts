import type { SubscribeResult, Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { counted } from '../../domain/counted.ts';
import { reservedBlocks } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, toUsd } from '../../domain/money.ts';
import type { SubscribeIntent } from '../../domain/reconcile.ts';
import { inWords } from '../../output/text.ts';
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
import { listedSubscriptions, refuseUnlisted } from './unlisted.ts';

/** Whether a purchase may repeat an earlier one. */
export interface Repetition {
  /** Whether to buy nothing if active subscriptions already cover it. */
  readonly ensure?: boolean | undefined;
  /** The consent to repeat earlier purchases of the same thing; undefined: any may be repeated. */
  readonly agreed?: Agreement | undefined;
}

/** A purchase that the user agreed to. */
export interface AgreedPurchase extends Repetition {
  readonly purchase: PricedPurchase;
  /** The data that the user agreed on. */
  readonly snapshot: PurchaseSnapshot;
  /** `--max-price`. */
  readonly maxPrice?: Cents | undefined;
}

/** The state of an account that a purchase depends on. */
export interface AccountState {
  /** The user's subscriptions on the pool. */
  readonly existing: readonly Subscription[];
  /** As returned by {@link monthlySpending}. */
  readonly spent: Cents | undefined;
}

/** The parts of the context that buying uses. */
export type BuyingContext = ChangingContext & Pick<Context, 'api' | 'profiles' | 'prompts'>;

/**
 * Makes a purchase that the user agreed to, while no other `ci` buys for this account.
 *
 * Reuses what was fetched before if it can't have changed. Fetches the account again if the user was asked, if another `ci` recorded
 * anything, or after a few seconds. Fetches the pool again after a few seconds.
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
    let now = snapshot;
    if (wasAsked || !(await snapshot.isCurrent())) now = await PurchaseSnapshot.take(context);
    const existing = await (repetition.ensure
      ? listedSubscriptions(context, intent, async (attempt) => {
          if (attempt > 0) now = await PurchaseSnapshot.take(context);
          return now.subscriptions(intent.pool);
        })
      : now.subscriptions(intent.pool));
    const covering = await coveringOrRefusal(context, purchase, existing, repetition);
    if (covering) return covering;
    const agreed = purchase.quote.charge.atMost;
    // If the user isn't asked, the limit counts as the agreed price.
    const maximum = asksConsent ? agreed : (maxPrice ?? agreed);
    const spent = await now.spending();
    // Fetching the account may have taken a while, so check the price last.
    const current = snapshot.isFresh ? purchase : await priceNow(context, now, purchase, maximum);
    checkSpending(context, current, spent);
    // The price may have fallen since the user agreed, and risen again.
    return withinAgreed(await charge(context, current, existing), agreed);
  });
}

/**
 * Makes a purchase that the user agreed to. The caller keeps every other `ci` from buying for the account, and has
 * fetched its state since.
 *
 * @throws CommandError with its outcome
 */
export async function buyFor(
  context: BuyingContext,
  { existing, spent }: AccountState,
  purchase: PricedPurchase,
  repetition: Repetition,
): Promise<PurchaseResult> {
  const covering = await coveringOrRefusal(context, purchase, existing, repetition);
  if (covering) return covering;
  checkSpending(context, purchase, spent);
  return charge(context, purchase, existing);
}

/** Returns the subscriptions that cover a purchase, with `--ensure`. @throws CommandError (confirmation_required) for a repeat without consent */
async function coveringOrRefusal(
  context: BuyingContext,
  purchase: PricedPurchase,
  existing: readonly Subscription[],
  { ensure, agreed }: Repetition,
): Promise<PurchaseResult | undefined> {
  const { blocks, quote } = purchase;
  const intent = purchaseIntent(purchase);
  if (ensure) await refuseUnlisted(context, intent, existing);
  const covering = ensure ? findCovering(poolName(purchase.pool), existing, blocks, quote.quantity) : undefined;
  if (covering) return { kind: 'covered', subscriptions: covering };
  if (agreed) await checkRepeat(context, intent, existing, agreed);
  return undefined;
}

/** Fetches the price again. @throws CommandError (unavailable); (price_above_maximum) if it is above the agreed price */
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
  const message = `The price of ${poolName(pool)} has risen to ${chargeText(purchase.quote)}, but you agreed to ${formatUsd(maximum)}`;
  throw new CommandError('price_above_maximum', message, {
    hint: 'Nothing was charged. Run the command again to agree to the new price.',
    outcome: 'not_applied',
  });
}

/**
 * Waits for earlier purchases that could be the same and have an unknown outcome. Call it before you fetch the price. With
 * `--again`, it doesn't wait.
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

/** Sends the purchase, and notes the charge. @param existing - the user's subscriptions on the pool, from before the purchase */
async function charge(
  context: BuyingContext,
  purchase: PricedPurchase,
  existing: readonly Subscription[],
): Promise<PurchasedSeats> {
  const pool = poolName(purchase.pool);
  const subscriptions = await subscribe(context, purchase, existing);
  const overcharge = overchargeOf(pool, purchase.quote, subscriptions);
  const charged = overcharge ? formatUsd(overcharge.charge) : chargeText(purchase.quote);
  context.output.done(`Subscribed to ${inWords(purchase.blocks)} of ${pool}. Charged ${charged}.`);
  return { kind: 'bought', subscriptions, overcharge: overcharge?.error, charge: overcharge?.charge };
}

async function subscribe(
  context: BuyingContext,
  purchase: PricedPurchase,
  existing: readonly Subscription[],
): Promise<PoolSubscription[]> {
  const { blocks } = purchase;
  const { quantity, billingCycle } = purchase.quote;
  const name = poolName(purchase.pool);
  const intent = purchaseIntent(purchase);
  const before = { ids: existing.map(({ id }) => id) };
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
  const seats = await allSeats(context, purchase, existing, bought);
  if (seats.length !== quantity) {
    const listed = counted(seats.length, 'subscription');
    context.output.note(
      `The API listed ${listed} for ${counted(quantity, 'seat')}. Run \`ci pools subscriptions ${name}\` to see all of them, and \`ci keys create NAME --subscription ID\` for each that has no key.`,
    );
  }
  return seats.map((subscription) => ({ ...subscription, poolSlug: name }));
}

/**
 * Returns the subscriptions of a purchase. Some versions of the API return only one of several. The others are then the new ones on
 * the same blocks.
 *
 * @param existing - the user's subscriptions on the pool, from before the purchase
 */
async function allSeats(
  context: BuyingContext,
  { pool, blocks, quote }: PricedPurchase,
  existing: readonly Subscription[],
  bought: readonly Subscription[],
): Promise<readonly Subscription[]> {
  if (bought.length >= quote.quantity) return bought;
  const known = new Set([...existing, ...bought].map(({ id }) => id));
  try {
    const { pools } = await context.connections.looking();
    const now = await pools.subscriptions(poolName(pool));
    const others = now.filter(
      (each) => !known.has(each.id) && each.status !== 'canceled' && areSameBlocks(reservedBlocks(each), blocks),
    );
    // The only subscription in a response may state the price of all seats, which the list states for each.
    const prices = new Map(now.map(({ id, monthlyPrice }) => [id, monthlyPrice]));
    const priced = bought.map((each) => ({ ...each, monthlyPrice: prices.get(each.id) ?? each.monthlyPrice }));
    return [...priced, ...others.slice(0, quote.quantity - bought.length)];
  } catch (error) {
    if (error instanceof CommandError) return bought;
    throw error;
  }
}

function areSameBlocks(some: readonly Block[], others: readonly Block[]): boolean {
  return some.length === others.length && some.every((block) => others.includes(block));
}

/** Returns the subscriptions in a response. @throws CommandError (no_payment_method) if the response has a payment page instead */
async function subscriptionsIn(
  context: Pick<Context, 'output' | 'prompts' | 'settings' | 'world'>,
  pool: string,
  result: SubscribeResult,
): Promise<Subscription[]> {
  if (result.kind === 'subscribed') return result.subscriptions;
  await showPage(context, result.sessionUrl);
  throw new CommandError(
    'no_payment_method',
    `You have no saved card. Open ${result.sessionUrl} in the browser to pay and subscribe`,
    {
      hint: `Nothing was charged. After you pay, run \`ci pools subscriptions ${pool}\` to see the subscription.`,
      outcome: 'not_applied',
    },
  );
}
