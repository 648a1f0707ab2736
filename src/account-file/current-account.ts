import { poolName } from '../account/pools.ts';
import { allSubscriptions, inAccountOrder, type PoolSubscription } from '../account/subscriptions.ts';
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
 * Fetches the subscriptions and keys of the account, with one request for the account, one for the keys, and one for each pool. If the
 * answers contradict each other, because the account is just being changed, fetches them again.
 *
 * @throws CommandError (unexpected_response) if a list is missing or not complete, because what it lacks would be bought or created again
 */
export async function fetchAccount(context: Pick<Context, 'api'>): Promise<FetchedAccount> {
  const first = await fetchLists(context);
  const { missing, ...account } = first.missing === undefined ? first : await fetchLists(context);
  if (missing !== undefined) throw unusable(`The API's answers contradict each other: one lacks ${missing}`);
  return account;
}

/** Fetches all lists of the account. @returns also what one of them lacks, as another one shows */
async function fetchLists(
  context: Pick<Context, 'api'>,
): Promise<FetchedAccount & { readonly missing: string | undefined }> {
  const api = await context.api();
  const [{ status, subscriptions }, keys] = await Promise.all([
    api.billing.status().then(async (status) => {
      if (status.poolPledges == null) throw unlisted();
      const found = eachOnce(await allSubscriptions(api, await withSlugs(context, status)));
      return { status, subscriptions: inAccountOrder(found, status) };
    }),
    api.keys.list().then(eachOnce),
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
    missing: missingSubscription(subscriptions, status) ?? missingKey(keys, subscriptions),
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

/** Removes repetitions from a list, which would count as more seats or as namesakes. */
export function eachOnce<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  const ids = new Set<string>();
  return items.filter(({ id }) => ids.size < ids.add(id).size);
}

/** Returns a subscription that the account lists, but its pool doesn't. */
function missingSubscription(
  found: readonly PoolSubscription[],
  { poolPledges }: Pick<BillingStatus, 'poolPledges'>,
): string | undefined {
  const ids = new Set(found.map(({ id }) => id));
  const missing = poolPledges?.find(({ id, status }) => isCurrent(status) && !ids.has(id));
  return missing && `subscription ${missing.id}, which your account lists`;
}

/** Returns a key that a subscription has, but the account doesn't list. */
function missingKey(keys: readonly Key[], subscriptions: readonly PoolSubscription[]): string | undefined {
  const ids = new Set(keys.map(({ id }) => id));
  for (const { id, key, status } of subscriptions) {
    if (key?.id == null || key.isActive !== true || !isCurrent(status) || ids.has(key.id)) continue;
    return `key ${key.id}, which subscription ${id} has`;
  }
  return undefined;
}

function isCurrent(status: string | null | undefined): boolean {
  return status === 'active' || status === 'pending_key';
}

function unlisted(): CommandError {
  return unusable("The API doesn't list your subscriptions, so they can't be compared with a file");
}

function unusable(message: string): CommandError {
  return new CommandError('unexpected_response', message, {
    hint: 'Try again later.',
    outcome: 'not_applied',
  });
}
