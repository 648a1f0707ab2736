import type { SubscribeResult, Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { agreedQuote, paidFor, type Quote } from '../../domain/quote.ts';
import type { SubscribeIntent } from '../../domain/reconcile.ts';
import { counted, inWords } from '../../output/text.ts';
import { carryOut } from '../changes/carry-out.ts';
import { awaitEarlier, type EarlierChange, openIntents, type Planned } from '../changes/earlier.ts';
import { blockState, findPool, poolName, withPool } from '../pools.ts';
import { showPage } from '../show-page.ts';
import { withMaskedKey } from '../subscription-table.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { findCovering } from './covering.ts';
import { chargeText } from './facts.ts';
import { checkSpending, monthlySpending } from './limits.ts';
import type { PricedPurchase } from './price.ts';
import { type Agreement, checkRepeat } from './repeat.ts';

/** How often one purchase may be made. */
export interface Repetition {
  /** Buys nothing when it is covered already. */
  readonly ensure?: boolean | undefined;
  /** What was agreed of earlier purchases of the same; undefined: any may be repeated. */
  readonly agreed?: Agreement | undefined;
}

/** What of an account a purchase depends on. */
export interface SeenAccount {
  /** My subscriptions on the pool. */
  readonly mine: readonly Subscription[];
  /** Of {@link monthlySpending}. */
  readonly spent: Cents | undefined;
}

/** Seats that were bought. */
export interface PurchasedSeats {
  readonly kind: 'bought';
  readonly subscriptions: PoolSubscription[];
  /** The error for a charge above the agreed price; thrown once the result is shown. */
  readonly overcharge?: CommandError | undefined;
  /** The charge, if it is known and differs from the agreed one. */
  readonly charge?: Cents | undefined;
}

/** What came of a purchase: it was made, or it was not needed. */
export type PurchaseResult = PurchasedSeats | { readonly kind: 'covered'; readonly subscriptions: PoolSubscription[] };

/**
 * Buys, while no other `ci` on this machine buys for this account: what was looked at before anybody was asked is looked at again.
 * The user has consented.
 *
 * @throws CommandError with its outcome
 */
export async function buyOnce(
  context: Context,
  purchase: PricedPurchase,
  repetition: Repetition,
): Promise<PurchaseResult> {
  return context.record.exclusively('purchase', async () => {
    const again = context.settling.again;
    const earlier = again
      ? undefined
      : await takenUp(context, purchaseIntent(purchase), { ignoresUnclear: repetition.ensure });
    if (earlier) return earlier;
    const mine = await mineOn(context, poolName(purchase.pool));
    return buyFor(context, { mine, spent: await monthlySpending(context) }, purchase, repetition);
  });
}

/**
 * Buys for an account that was looked at since no other `ci` on this machine buys for it. The user has consented.
 *
 * @throws CommandError with its outcome
 */
export async function buyFor(
  context: Context,
  { mine, spent }: SeenAccount,
  purchase: PricedPurchase,
  { ensure, agreed }: Repetition,
): Promise<PurchaseResult> {
  const pool = poolName(purchase.pool);
  const covering = ensure ? findCovering(pool, mine, purchase.blocks, purchase.quote.quantity) : undefined;
  if (covering) return { kind: 'covered', subscriptions: covering };
  if (agreed) await checkRepeat(context, purchaseIntent(purchase), mine, agreed);
  checkSpending(context, purchase, spent);
  const subscriptions = await buy(context, purchase, mine);
  const overcharge = overchargeOf(pool, purchase.quote, subscriptions);
  const charged = overcharge ? formatUsd(overcharge.charge) : chargeText(purchase.quote);
  context.output.done(`Subscribed to ${inWords(purchase.blocks)} of ${pool}: ${charged} charged.`);
  return { kind: 'bought', subscriptions, overcharge: overcharge?.error, charge: overcharge?.charge };
}

/** Returns which earlier purchases a planned one has to wait for: any purchase if a monthly spending limit is set. */
export function plannedPurchase({ settings }: Context, intent: SubscribeIntent): Planned<'subscribe'> {
  return { action: 'subscribe', intent, any: settings.maxMonthlySpend !== undefined };
}

/** Returns an earlier purchase, with an error if it charged more than a limit that is set now. @param maximum - cents */
export function withinLimit(bought: PurchasedSeats, pool: string, maximum: Cents | undefined): PurchasedSeats {
  const { charge } = bought;
  if (maximum === undefined || charge === undefined || charge <= maximum) return bought;
  const message = `an earlier purchase of ${pool} charged ${formatUsd(charge)}, above the limit of ${formatUsd(maximum)}`;
  const error = new CommandError('price_above_maximum', message, { hint: cancelHint(pool), outcome: 'applied' });
  return { ...bought, overcharge: error };
}

/**
 * Waits for earlier purchases that could be the same and have no known outcome, before the price is known.
 *
 * @param pool - as typed; its name is looked up only if there is something to wait for
 * @returns the result of an earlier purchase of exactly the same thing
 * @throws as {@link awaitEarlier}
 */
export async function earlierPurchaseOf(
  context: Context,
  pool: string,
  { blocks, quantity, billingCycle }: Pick<SubscribeIntent, 'blocks' | 'quantity' | 'billingCycle'>,
  options: Pick<Planned<'subscribe'>, 'ignoresUnclear'> = {},
): Promise<PurchasedSeats | undefined> {
  if ((await openIntents(context, 'subscribe')).length === 0) return undefined;
  const { pools } = await context.api();
  const name = poolName(findPool(await pools.list(), pool));
  return takenUp(context, { action: 'subscribe', pool: name, blocks, quantity, billingCycle }, options);
}

async function takenUp(
  context: Context,
  intent: SubscribeIntent,
  options: Pick<Planned<'subscribe'>, 'ignoresUnclear'> = {},
): Promise<PurchasedSeats | undefined> {
  const earlier = await awaitEarlier(context, { ...plannedPurchase(context, intent), ...options });
  if (!earlier) return undefined;
  context.result.lastChange = 'applied';
  return boughtEarlier(earlier);
}

/** Returns the seats and the charge of an earlier purchase. A key that was created since is not shown again. */
export function boughtEarlier({ intent, found }: EarlierChange<'subscribe'>): PurchasedSeats {
  const { pool, charge } = intent;
  const subscriptions = found.map((each) => withMaskedKey({ ...each, poolSlug: pool }));
  const agreed = charge === undefined ? undefined : parseUsd(charge);
  const overcharge = agreed === undefined ? undefined : overchargeOf(pool, agreedQuote(intent, agreed), found);
  return { kind: 'bought', subscriptions, overcharge: overcharge?.error, charge: overcharge?.charge ?? agreed };
}

/** Refuses before anyone is asked what the list already rules out. @throws CommandError (unavailable) */
export function checkOpen({ pool, blocks, free, quote }: PricedPurchase): void {
  const short = blocks.find((block) => (free.get(block) ?? quote.quantity) < quote.quantity && free.get(block) !== 0);
  if (short) {
    const seats = counted(free.get(short) ?? 0, 'seat');
    throw new CommandError(
      'unavailable',
      `${poolName(pool)} has ${seats} free in ${short}, and you asked for ${quote.quantity}`,
      {
        hint: 'Nothing was charged. Take fewer seats, or other blocks.',
        outcome: 'not_applied',
      },
    );
  }
  const soldOut = blocks.filter((block) => blockState(pool, block) === 'sold-out');
  if (pool.status === 'paused' || soldOut.length > 0) {
    const what = pool.status === 'paused' ? 'is paused' : `is sold out in ${inWords(soldOut)}`;
    throw new CommandError('unavailable', `${poolName(pool)} ${what}`, {
      hint: 'Nothing was charged. `ci pools list --available` shows what is open.',
      outcome: 'not_applied',
    });
  }
}

/** My subscriptions on the pool. @throws CommandError (not_found) that names the nearest pools */
export async function mineOn(context: Context, pool: string): Promise<Subscription[]> {
  const { pools } = await context.api();
  return withPool(context, pool, () => pools.subscriptions(pool));
}

/** A purchase, as the record keeps it. */
export function purchaseIntent({ pool, blocks, quote }: PricedPurchase): SubscribeIntent {
  const { quantity, billingCycle, charge } = quote;
  return { action: 'subscribe', pool: poolName(pool), blocks, quantity, billingCycle, charge: toUsd(charge.atMost) };
}

/** @param mine - my subscriptions on the pool, a moment before */
async function buy(
  context: Context,
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
      subscribed(context, name, await pools.subscribe(name, { blocks, quantity, billingCycle })),
    ids: (subscriptions) => subscriptions.map(({ id }) => id),
    charge: (subscriptions) => {
      const charge = overchargeOf(name, purchase.quote, subscriptions)?.charge;
      return charge === undefined ? undefined : toUsd(charge);
    },
    adopt: (found) => found,
    command: `ci pools subscriptions ${name}`,
  });
  if (bought.length !== quantity) {
    const told = counted(bought.length, 'subscription');
    context.output.note(
      `The API told of ${told} for ${counted(quantity, 'seat')}: \`ci pools subscriptions ${name}\` shows all.`,
    );
  }
  return bought.map((subscription) => ({ ...subscription, poolSlug: name }));
}

function cancelHint(pool: string): string {
  return `\`ci pools cancel ${pool}\` ends the subscription with its period.`;
}

/** Returns a charge above the agreed price. The request can't name a limit, and the price may rise at the last moment. */
function overchargeOf(
  pool: string,
  quote: Quote,
  bought: readonly Subscription[],
): { readonly charge: Cents; readonly error: CommandError } | undefined {
  const actual = paidFor(quote, bought);
  if (!actual?.isAbove) return undefined;
  const message = `${pool} charged ${formatUsd(actual.charge)}, and you agreed to ${formatUsd(quote.charge.atMost)}`;
  const error = new CommandError('price_above_maximum', message, {
    hint: `The price rose during the purchase. ${cancelHint(pool)}`,
    outcome: 'applied',
  });
  return { charge: actual.charge, error };
}

/** What an answer says was bought. @throws CommandError (no_payment_method) when it names a page to pay on instead */
async function subscribed(context: Context, pool: string, result: SubscribeResult): Promise<Subscription[]> {
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
