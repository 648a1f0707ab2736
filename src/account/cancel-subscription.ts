import type { Subscription } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';
import { dayAndDistance } from '../output/time.ts';
import { type ChangingContext, carryOut } from './changes/carry-out.ts';
import { inAccountOrder, isRenewing, type PoolSubscription, poolSubscriptions } from './subscriptions.ts';

/** Cancels a subscription. The response doesn't say which one ends, so the account is fetched afterwards. */
export function cancelSubscription(context: ChangingContext, latest: MostRecent): Promise<PoolSubscription> {
  const { id, poolSlug: pool, endingBefore } = latest;
  return carryOut<'cancel', PoolSubscription>(context, 'cancel', {
    intent: { action: 'cancel', pool, subscription: id },
    before: { ending: [...endingBefore] },
    send: ({ pools }) => pools.cancel(pool),
    adopt: (subscription) => ({ ...subscription, poolSlug: pool }),
    command: `ci pools subscriptions ${pool}`,
  });
}

/** The subscription that the API will cancel. */
export interface MostRecent extends PoolSubscription {
  /** The ids of the subscriptions that were already canceled. */
  readonly endingBefore: ReadonlySet<string>;
}

/**
 * Returns the subscription that the API will cancel: the most recent one (Unlimited Subscriptions API, "Cancel subscription"). The
 * account lists it first (Management API: the script at its end takes the first of `poolPledges` as the one that it just created).
 *
 * @throws CommandError (not_found) if the pool has no subscription; (unavailable) if all are already canceled
 */
export async function mostRecent(
  context: Pick<Context, 'api' | 'connections' | 'world'>,
  pool: string,
): Promise<MostRecent> {
  const existing = (await poolSubscriptions(context, pool)).filter(({ status }) => status !== 'canceled');
  if (existing.length === 0) {
    throw new CommandError('not_found', `You have no subscription on ${pool}`, {
      hint: 'Run `ci pools subscriptions` to see your subscriptions.',
      outcome: 'not_applied',
    });
  }
  const renewing = existing.filter(isRenewing);
  if (renewing.length === 0) {
    throw new CommandError('unavailable', await alreadyCanceled(context, pool, existing), {
      hint: 'Nothing was changed.',
      outcome: 'not_applied',
    });
  }
  const { billing } = await context.api();
  const status = await billing.status();
  const [subscription] = inAccountOrder(renewing, status);
  if (!subscription) throw new CommandError('internal', 'No subscription is the most recent');
  const endingBefore = new Set(existing.filter((each) => each.cancelAtPeriodEnd).map(({ id }) => id));
  const poolSlug = status.poolPledges?.find(({ id }) => id === subscription.id)?.poolSlug ?? pool;
  return { ...subscription, poolSlug, endingBefore };
}

/** Says that all subscriptions on a pool are canceled, and when each ends. */
async function alreadyCanceled(
  { connections, world }: Pick<Context, 'connections' | 'world'>,
  pool: string,
  existing: readonly Subscription[],
): Promise<string> {
  const now = await connections.now();
  const ends = existing.map((each) => `${each.id} ends ${endText(each, now, world.timeZone)}`);
  return existing.length === 1
    ? `Your subscription on ${pool} is already canceled: ${ends.join('')}`
    : `All your subscriptions on ${pool} are already canceled: ${inWords(ends)}`;
}

/** Returns the error for a cancellation that would end a different subscription than the user agreed to. */
export function noLongerMostRecent(pool: string, agreed: PoolSubscription, latest: PoolSubscription): CommandError {
  return new CommandError('unavailable', `${agreed.id} is no longer the most recent subscription on ${pool}`, {
    hint: `Nothing was changed. The API would now cancel ${latest.id}. Run the command again to cancel that one.`,
    outcome: 'not_applied',
  });
}

/** Returns when a canceled subscription ends, as it follows "ends". */
export function endText({ currentPeriodEnd }: Subscription, now: Date, timeZone: string): string {
  const end = dayAndDistance(currentPeriodEnd, now, timeZone);
  return end === '' ? 'at the end of its billing period' : `on ${end}`;
}
