import { cancelSubscription, endText, mostRecent, noLongerMostRecent } from '../account/cancel-subscription.ts';
import { awaitEarlier } from '../account/changes/earlier.ts';
import type { KeyContext } from '../account/keys/create.ts';
import { checkAvailable, SeatsUnavailable } from '../account/purchase/availability.ts';
import { buyFor } from '../account/purchase/buy.ts';
import { plannedPurchase } from '../account/purchase/intent.ts';
import { fetchPrice } from '../account/purchase/price.ts';
import { withinAgreed } from '../account/purchase/purchase-result.ts';
import { PurchaseSnapshot } from '../account/purchase/snapshot.ts';
import { listedSubscriptions } from '../account/purchase/unlisted.ts';
import { storedKeys, updateStoredKeys } from '../account/stored-keys/store.ts';
import { isRenewing, poolSubscriptions } from '../account/subscriptions.ts';
import type { CancelStep, ReserveStep } from '../domain/account-plan.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { CommandError } from '../domain/errors.ts';
import type { Cents } from '../domain/money.ts';
import { planSeats } from '../domain/plan-seats.ts';
import { inWords } from '../output/text.ts';
import { isTaken, isTemporary } from '../watch/failures.ts';
import { eachOnce } from './current-account.ts';
import { checkCeiling, checkCharge, type SpendingLimits } from './spending.ts';
import type { StepResults } from './step-results.ts';

/** The most seats of one purchase. */
const mostSeats = 20;

/** What purchases depend on. */
export interface SeatOptions {
  readonly desired: DesiredAccount;
  readonly limits: SpendingLimits;
}

/** Cancels subscriptions. After a failure, those of the same pool are left alone. @returns the pools with a failure */
export async function cancelSeats(
  context: KeyContext,
  steps: readonly CancelStep[],
  results: StepResults,
): Promise<ReadonlySet<string>> {
  const failedPools = new Set<string>();
  for (const step of steps) {
    if (results.end) break;
    if (failedPools.has(step.pool)) continue;
    const isDone = await results.attempt(step, async () => {
      await cancel(context, step);
      return { ids: [step.subscription] };
    });
    if (!isDone) failedPools.add(step.pool);
  }
  return failedPools;
}

/** Cancels a subscription, unless it is canceled already. @throws CommandError with its outcome */
async function cancel(context: KeyContext, { pool, subscription }: CancelStep): Promise<void> {
  await context.record.exclusively('cancel', async () => {
    await awaitEarlier(context, { action: 'cancel', intent: { action: 'cancel', pool, subscription } });
    const mine = (await poolSubscriptions(context, pool)).find(({ id }) => id === subscription);
    if (!mine || !isRenewing(mine)) return;
    const latest = await mostRecent(context, pool);
    if (latest.id !== subscription) throw noLongerMostRecent(pool, { ...mine, poolSlug: pool }, latest);
    const ended = await cancelSubscription(context, latest);
    await updateStoredKeys(context, { subscriptions: [ended] }, await storedKeys(context));
    if (ended.id !== subscription) {
      throw new CommandError('unexpected_response', `The API canceled ${ended.id} instead of ${subscription}`, {
        hint: 'Run `ci pools subscriptions` to see what renews.',
        outcome: 'applied',
      });
    }
    const end = endText(ended, await context.connections.now(), context.world.timeZone);
    context.output.done(`Canceled ${ended.id}. It ends ${end}, and its keys work until then.`);
  });
}

/** How the purchase of seats ended. */
export type Reservation =
  | { readonly kind: 'reserved'; readonly error: CommandError | undefined }
  | { readonly kind: 'failed' }
  /** They aren't available, or the API fails, and nothing was charged. */
  | { readonly kind: 'sold-out' | 'failing'; readonly error: CommandError };

/** Reserves the seats of a step. Doesn't keep a failure that may pass, because the caller decides what to do then. */
export async function reserveSeats(
  context: KeyContext,
  step: ReserveStep,
  options: SeatOptions,
  results: StepResults,
): Promise<Reservation> {
  const ids: string[] = [];
  let charged: Cents = 0;
  try {
    for (let left = step.missing; left > 0; left -= mostSeats) {
      const bought = await reserve(context, step, Math.min(left, mostSeats), options, results.charged);
      results.addCharge(bought.charged);
      charged += bought.charged;
      ids.push(...bought.ids);
      if (bought.error) {
        results.applied(step, { ids, charged, error: bought.error });
        return { kind: 'reserved', error: bought.error };
      }
    }
    results.applied(step, { ids, charged });
    return { kind: 'reserved', error: undefined };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (ids.length === 0 && error.outcome !== 'unknown' && error.outcome !== 'applied') {
      if (error instanceof SeatsUnavailable || isTaken(error)) return { kind: 'sold-out', error };
      if (isTemporary(error)) return { kind: 'failing', error };
    }
    results.fail(step, error, { ids, charged });
    return { kind: 'failed' };
  }
}

/** What a purchase bought. */
interface Reserved {
  readonly ids: readonly string[];
  readonly charged: Cents;
  /** The error for a charge above the limit. */
  readonly error?: CommandError | undefined;
}

/**
 * Makes one purchase, while no other `ci` buys for this account. Buys nothing if the account has the seats by now.
 *
 * @param before - what this apply has charged so far
 * @throws CommandError with its outcome
 */
async function reserve(
  context: KeyContext,
  { seats }: ReserveStep,
  quantity: number,
  { desired, limits }: SeatOptions,
  before: Cents,
): Promise<Reserved> {
  const { pool, blocks, billingCycle } = seats;
  return context.record.exclusively('purchase', async () => {
    const intent = { action: 'subscribe', pool, blocks, quantity, billingCycle } as const;
    await awaitEarlier(context, { ...plannedPurchase(context, intent), ignoresUnclear: true });
    let snapshot = await PurchaseSnapshot.take(context);
    const existing = await listedSubscriptions(context, intent, async (attempt) => {
      if (attempt > 0) snapshot = await PurchaseSnapshot.take(context);
      return snapshot.subscriptions(pool);
    });
    const missing = missingSeats(desired, seats, existing);
    if (missing === 0) {
      context.output.note(`You have ${inWords(blocks)} of ${pool} by now, so nothing was bought.`);
      return { ids: [], charged: 0 };
    }
    const price = await fetchPrice(snapshot.catalog, pool, blocks, {
      quantity: Math.min(missing, quantity),
      billingCycle,
    });
    checkAvailable(price);
    checkCharge(price, before, limits);
    await checkCeiling(context, desired, price, snapshot);
    const account = { existing, spent: await snapshot.spending() };
    const bought = await buyFor(context, account, price, {});
    const remaining = limits.maximum === undefined ? undefined : limits.maximum - before;
    const purchase = withinAgreed(bought, remaining);
    const charge = purchase.kind === 'bought' ? (purchase.charge ?? price.quote.charge.cents) : 0;
    const error = purchase.kind === 'bought' ? purchase.overcharge : undefined;
    return { ids: purchase.subscriptions.map(({ id }) => id), charged: charge, error };
  });
}

/**
 * Returns how many seats of an entry are missing, given the subscriptions on its pool.
 *
 * @throws CommandError (unexpected_response) if a new subscription prevents the purchase, because it may have these seats
 */
function missingSeats(
  { seats: entries }: DesiredAccount,
  entry: ReserveStep['seats'],
  existing: Awaited<ReturnType<PurchaseSnapshot['subscriptions']>>,
): number {
  const { pool } = entry;
  const ofPool = entries.filter((each) => each.pool === pool);
  const mine = eachOnce(existing).map((subscription) => ({ ...subscription, poolSlug: pool }));
  const { steps } = planSeats(ofPool, mine, { updateExisting: true, allowDestroy: false });
  const step = steps.find((each) => each.action === 'reserve' && each.seats === entry);
  if (step?.action !== 'reserve') return 0;
  if (step.obstacle === undefined) return step.missing;
  throw new CommandError('unexpected_response', `The subscriptions on ${pool} have changed: ${step.obstacle.why}`, {
    hint: 'These seats were not charged. Run `ci plan` to see what differs now.',
    outcome: 'not_applied',
  });
}
