import { poolName } from '../account/pools.ts';
import { allSubscriptions, type PoolSubscription } from '../account/subscriptions.ts';
import type { BillingStatus } from '../api/billing.ts';
import type { Key } from '../api/keys.ts';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';

/** What an account has. It can be compared with a file: it is a `CurrentAccount`. */
export interface FetchedAccount {
  /** In the account's order: the most recent first, which is the one that the API cancels. */
  readonly subscriptions: readonly PoolSubscription[];
  /** Each with the ID of its subscription, if the API states it anywhere. */
  readonly keys: readonly Key[];
}

/**
 * Fetches the subscriptions and keys of the account, with one request for the account, one for the keys, and one for each pool.
 *
 * @throws CommandError (unexpected_response) if the API doesn't list the subscriptions, because everything would seem to be missing
 */
export async function fetchAccount(context: Pick<Context, 'api'>): Promise<FetchedAccount> {
  const api = await context.api();
  const [subscriptions, keys] = await Promise.all([
    api.billing.status().then(async (status) => {
      if (status.poolPledges == null) throw unlisted();
      return inOrder(await allSubscriptions(api, await withSlugs(context, status)), status);
    }),
    api.keys.list(),
  ]);
  const subscriptionOf = new Map(
    subscriptions.flatMap(({ id, key }) => (key?.id == null ? [] : [[key.id, id] as const])),
  );
  return {
    subscriptions,
    keys: keys.map((key) => {
      const subscriptionId = key.subscriptionId ?? subscriptionOf.get(key.id);
      return subscriptionId === undefined ? key : { ...key, subscriptionId };
    }),
  };
}

/** Adds the slugs of pools that the account lists by their UUID only. Fetches the list of pools only for those. */
async function withSlugs(context: Pick<Context, 'api'>, status: BillingStatus): Promise<BillingStatus> {
  const pledges = status.poolPledges ?? [];
  if (pledges.every(({ poolSlug }) => poolSlug != null)) return status;
  const pools = await (await context.api()).pools.list();
  const slugs = new Map(pools.map((pool) => [pool.id, poolName(pool)]));
  return {
    ...status,
    poolPledges: pledges.map((pledge) => ({
      ...pledge,
      poolSlug: pledge.poolSlug ?? slugs.get(pledge.poolId ?? '') ?? pledge.poolId,
    })),
  };
}

/** Sorts subscriptions in the order in which the account lists them. */
function inOrder(subscriptions: readonly PoolSubscription[], { poolPledges }: BillingStatus): PoolSubscription[] {
  const order = new Map((poolPledges ?? []).map(({ id }, at) => [id, at]));
  const rank = ({ id }: PoolSubscription) => order.get(id) ?? order.size;
  return subscriptions.toSorted((a, b) => rank(a) - rank(b));
}

function unlisted(): CommandError {
  return new CommandError(
    'unexpected_response',
    "The API doesn't list your subscriptions, so they can't be compared with a file",
    { hint: 'Nothing was changed. Try again later.', outcome: 'not_applied' },
  );
}
