import type { SubscribeResult, Subscription } from '../../api/pools.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { isDearer } from '../../domain/quote.ts';
import { judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { counted, inWords } from '../../output/text.ts';
import { carryOut } from '../change.ts';
import type { Context } from '../context.ts';
import { blockState, poolName, withPool } from '../pool.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { alreadyCovering } from './covering.ts';
import { chargeText, type PricedPurchase } from './purchase.ts';
import { type Agreement, checkRepeat } from './repeat.ts';
import { checkSpending, monthlySpending } from './spending.ts';

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

/** What came of a purchase: it was made, or it was not needed. */
export type Bought =
  | { readonly kind: 'bought'; readonly subscriptions: PoolSubscription[] }
  | { readonly kind: 'covered'; readonly subscriptions: PoolSubscription[] };

/**
 * Buys, while no other `ci` on this machine buys for this account: what was looked at before anybody was asked is looked at again.
 * The user has consented.
 *
 * @throws CommandError with its outcome
 */
export async function buyOnce(context: Context, purchase: PricedPurchase, repetition: Repetition): Promise<Bought> {
  return context.exclusively('purchase', async () => {
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
): Promise<Bought> {
  const pool = poolName(purchase.pool);
  const covering = ensure ? alreadyCovering(pool, mine, purchase.blocks, purchase.quote.quantity) : undefined;
  if (covering) return { kind: 'covered', subscriptions: covering };
  if (agreed) await checkRepeat(context, intentOf(purchase), mine, agreed);
  checkSpending(context, purchase, spent);
  const subscriptions = await buy(context, purchase, mine);
  context.output.done(`Subscribed to ${inWords(purchase.blocks)} of ${pool}: ${chargeText(purchase.quote)} charged.`);
  return { kind: 'bought', subscriptions };
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
export function intentOf({ pool, blocks, quote }: PricedPurchase): SubscribeIntent {
  const { quantity, billingCycle, charge } = quote;
  return { action: 'subscribe', pool: poolName(pool), blocks, quantity, billingCycle, charge: toUsd(charge.atMost) };
}

/** @param mine - my subscriptions on the pool, a moment before */
async function buy(
  context: Context,
  purchase: PricedPurchase,
  mine: readonly Subscription[],
): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const { blocks } = purchase;
  const { quantity, billingCycle } = purchase.quote;
  const name = poolName(purchase.pool);
  const intent = intentOf(purchase);
  const before = { ids: mine.map(({ id }) => id) };
  const bought = await carryOut<Subscription[], Subscription[]>(context, {
    intent,
    before,
    send: async () => subscribed(context, name, await pools.subscribe(name, { blocks, quantity, billingCycle })),
    ids: (subscriptions) => subscriptions.map(({ id }) => id),
    look: async (api, others) => judgeSubscribe(intent, before, await api.pools.subscriptions(name), others()),
    adopt: (found) => found,
    command: `ci pools subscriptions ${name}`,
  });
  if (bought.length !== quantity) {
    const told = counted(bought.length, 'subscription');
    context.output.note(
      `The API told of ${told} for ${counted(quantity, 'seat')}: \`ci pools subscriptions ${name}\` shows all.`,
    );
  }
  noteDearer(context, purchase, bought);
  return bought.map((subscription) => ({ ...subscription, poolSlug: name }));
}

/** Says that a price rose between the look at it and the purchase: the request cannot name a limit. */
function noteDearer({ output }: Context, { pool, quote }: PricedPurchase, bought: readonly Subscription[]): void {
  const prices = bought.flatMap(({ monthlyPrice }) => (monthlyPrice == null ? [] : parseUsd(monthlyPrice)));
  // Whether each of several subscriptions states the price of one seat or of all, no document says.
  const price = Math.max(0, ...prices);
  if (!isDearer(price, quote)) return;
  const cancel = `\`ci pools cancel ${poolName(pool)}\` ends it with its period`;
  output.note(
    `The API charges ${formatUsd(price)} a month, and ${formatUsd(quote.monthly.atMost)} was agreed: ${cancel}.`,
  );
}

/** What an answer says was bought. @throws CommandError (no_payment_method) when it names a page to pay on instead */
async function subscribed(context: Context, pool: string, result: SubscribeResult): Promise<Subscription[]> {
  if (result.kind === 'subscribed') return result.subscriptions;
  await context.showPage(result.sessionUrl);
  throw new CommandError(
    'no_payment_method',
    `no card is saved; pay in the browser to subscribe: ${result.sessionUrl}`,
    {
      hint: `Nothing is charged until then. Afterwards \`ci pools subscriptions ${pool}\` shows it.`,
      outcome: 'not_applied',
    },
  );
}
