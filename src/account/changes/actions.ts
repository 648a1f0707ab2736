import type { Api } from '../../api/index.ts';
import type { Key } from '../../api/keys.ts';
import type { Subscription } from '../../api/pools.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { memberOf } from '../../domain/json.ts';
import { formatUsd, parseUsd, toUsd } from '../../domain/money.ts';
import { describePurchased, usdcText } from '../../domain/payment.ts';
import { agreedQuote, paidFor } from '../../domain/quote.ts';
import {
  areSameKeys,
  areSamePurchases,
  type Before,
  couldBe,
  couldBeSameKey,
  type Intent,
  judgeCancel,
  judgeDelete,
  judgeKey,
  judgeSubscribe,
  judgeVerify,
  type KeyIntent,
  overlap,
  type Verdict,
} from '../../domain/reconcile.ts';

/** A kind of change, as the record names it. */
export type Action = Intent['action'];

/** The intent of one kind of change. */
export type IntentOf<A extends Action> = Extract<Intent, { readonly action: A }>;

/** What the account shows for each kind of change that went through. */
export interface FoundBy {
  readonly subscribe: readonly Subscription[];
  readonly 'create-key': Key;
  readonly 'delete-key': string;
  readonly cancel: Subscription;
  readonly verify: { readonly credited: number; readonly txHash: string };
  readonly 'subscribe-plan': string;
  readonly 'cancel-plan': string;
  readonly topup: never;
  readonly pay: never;
  readonly card: never;
  readonly 'checkout-plan': never;
  readonly api: never;
}

/** How to describe one kind of change, and how to find its outcome. */
interface ActionRow<A extends Action> {
  /** Describes the change in a few words: `subscribe kimi26 europe, 1 seat`. */
  readonly describe: (intent: IntentOf<A>) => string;
  /**
   * Checks the account once. A fixed verdict means that no check is needed.
   *
   * @param others - returns the ids that other changes are known to have created; call it after reading the account
   */
  readonly check:
    | ((
        api: Api,
        intent: IntentOf<A>,
        before: Before,
        others: () => Promise<ReadonlySet<string>>,
      ) => Promise<Verdict<FoundBy[A]>>)
    | Verdict<never>;
  /** Returns the ids of what was found. */
  readonly ids: (found: FoundBy[A]) => readonly string[];
  /** Returns the charge in USD if what was found shows a different amount than was agreed. */
  readonly charge?: (intent: IntentOf<A>, found: FoundBy[A]) => number | undefined;
  /** Fetches what was found before, by its ids; undefined if it no longer exists. */
  readonly refetch?: (api: Api, intent: IntentOf<A>, ids: readonly string[]) => Promise<FoundBy[A] | undefined>;
  /** Whether two such requests at the same time ask for one thing. The second then adopts the result of the first. */
  readonly isOneThing?: true;
  /** Whether a refusal is final if the account can't tell the outcome, because the request can succeed only once. */
  readonly trustsRefusal?: true;
  /**
   * Whether a second change of this kind has to wait until the outcome of the first is known. `same`: if the first went through,
   * the second needs nothing else. `related`: they interfere with each other. Without this function, no change has to wait.
   */
  readonly compare?: (one: IntentOf<A>, other: IntentOf<A>) => 'same' | 'related' | undefined;
}

const nothingIsCharged: Verdict<never> = { outcome: 'not_applied' };
const none = () => [];

const actions: { readonly [A in Action]: ActionRow<A> } = {
  subscribe: {
    describe: ({ pool, blocks, quantity, billingCycle, charge }) =>
      [
        `subscribe ${pool} ${blocks.join(',')}`,
        counted(quantity, 'seat'),
        `${billingCycle}ly`,
        ...(charge === undefined ? [] : [formatUsd(parseUsd(charge))]),
      ].join(', '),
    check: async (api, intent, before, others) => {
      const mine = await api.pools.subscriptions(intent.pool);
      return judgeSubscribe(intent, before, mine, await others());
    },
    ids: (found) => found.map(({ id }) => id),
    charge: (intent, found) => {
      if (intent.charge === undefined) return undefined;
      const actual = paidFor(agreedQuote(intent, parseUsd(intent.charge)), found);
      return actual?.isAbove ? toUsd(actual.charge) : undefined;
    },
    refetch: async (api, { pool }, ids) => {
      const mine = (await api.pools.subscriptions(pool)).filter(({ id }) => ids.includes(id));
      return mine.length === 0 ? undefined : mine;
    },
    compare: (one, other) =>
      areSamePurchases(one, other) ? 'same' : one.pool === other.pool && overlap(one, other) ? 'related' : undefined,
  },
  'create-key': {
    describe: ({ type, name, temporary, replaces }) =>
      [
        'create',
        ...(temporary ? ['temporary'] : []),
        ...(replaces === undefined ? [] : ['replacement']),
        ...(type === 'credit' ? ['credit'] : []),
        'key',
        ...(name ? [name] : []),
      ].join(' '),
    check: async (api, intent, before, others) => {
      const keys = await api.keys.list();
      return judgeKey(intent, before, keys, await others());
    },
    ids: ({ id }) => [id],
    refetch: async (api, _intent, ids) => (await api.keys.list()).find(({ id }) => ids.includes(id)),
    compare: (one, other) => (areSameKeys(one, other) ? 'same' : couldBeSameKey(one, other) ? 'related' : undefined),
  },
  'delete-key': {
    describe: ({ id, name }) => `revoke key ${name ?? id}`,
    check: async (api, { id }) => judgeDelete(id, await api.keys.list()),
    ids: (id) => [id],
  },
  cancel: {
    describe: ({ pool, subscription }) => `cancel ${pool} ${subscription}`,
    check: async (api, { pool, subscription }, before, others) => {
      const mine = await api.pools.subscriptions(pool);
      return judgeCancel(subscription, before, mine, await others());
    },
    ids: ({ id }) => [id],
    refetch: async (api, { pool }, ids) => (await api.pools.subscriptions(pool)).find(({ id }) => ids.includes(id)),
    isOneThing: true,
    // The API cancels the most recent subscription, whichever is named. A second request would cancel a second one.
    compare: (one, other) => (one.pool === other.pool ? 'same' : undefined),
  },
  verify: {
    describe: ({ amount, txHash }) => `verify ${formatUsd(parseUsd(amount))} of ${txHash}`,
    check: async (api, { amount, txHash }, before, others) => {
      const verdict = judgeVerify(amount, before, await toppedUp(api));
      if (verdict.outcome !== 'applied') return verdict;
      // The credit doesn't say which payment it is for.
      if ((await others()).size > 0) return { outcome: 'unknown', why: 'another payment was credited in the meantime' };
      return { outcome: 'applied', found: { ...verdict.found, txHash } };
    },
    ids: ({ txHash }) => [txHash],
    trustsRefusal: true,
  },
  'subscribe-plan': {
    describe: ({ plan }) => `subscribe to plan ${plan}`,
    check: async (api, { plan }, before) => judgePlan(plan, before, await currentPlans(api)),
    ids: none,
    refetch: async (_api, { plan }) => plan,
    isOneThing: true,
    compare: (one, other) => (one.plan === other.plan ? 'same' : 'related'),
  },
  'cancel-plan': {
    describe: ({ subscription }) => `cancel plan ${subscription}`,
    check: (api, { subscription }, before) => judgeCancelPlan(api, subscription, before),
    ids: (id) => [id],
    refetch: async (_api, { subscription }) => subscription,
    isOneThing: true,
    compare: (one, other) => (one.subscription === other.subscription ? 'same' : undefined),
  },
  // The page that the response names makes the charge; the request doesn't.
  topup: {
    describe: ({ amount, method }) =>
      `top up ${formatUsd(parseUsd(amount))} ${method === 'usdc' ? 'with USDC' : 'by card'}`,
    check: nothingIsCharged,
    ids: none,
  },
  pay: {
    describe: ({ amount, purchase }) => `pay ${usdcText(amount)} for ${describePurchased(purchase)}`,
    check: { outcome: 'unknown', why: 'only the chain can tell' },
    ids: none,
  },
  card: { describe: () => 'save a card', check: nothingIsCharged, ids: none },
  'checkout-plan': { describe: ({ plan }) => `check out plan ${plan}`, check: nothingIsCharged, ids: none },
  api: {
    describe: ({ method, path }) => `${method} ${path}`,
    check: { outcome: 'unknown', why: "ci can't tell what a raw request changes" },
    ids: none,
  },
};

function rowOf<A extends Action>(action: A): ActionRow<A> {
  return actions[action];
}

/** Describes a change in a few words: `subscribe kimi26 europe, 1 seat`. */
export function describeChange(intent: Intent): string {
  return rowOf(intent.action).describe(intent);
}

/** Returns the charge in USD if the account shows a different amount than was agreed. */
export function chargeFound<A extends Action>(action: A, intent: IntentOf<A>, found: FoundBy[A]): number | undefined {
  return rowOf(action).charge?.(intent, found);
}

/** Returns the ids of what was found. */
export function idsFound<A extends Action>(action: A, found: FoundBy[A]): readonly string[] {
  return rowOf(action).ids(found);
}

/** Returns whether an intent is of one kind of change. */
export function hasAction<A extends Action>(intent: Intent, action: A): intent is IntentOf<A> {
  return intent.action === action;
}

/** Fetches what was found before, by its ids; undefined if it no longer exists, or if there is nothing to fetch. */
export async function fetchFound<A extends Action>(
  api: Api,
  action: A,
  intent: IntentOf<A>,
  ids: readonly string[],
): Promise<FoundBy[A] | undefined> {
  return rowOf(action).refetch?.(api, intent, ids);
}

/** Returns whether two such requests at the same time ask for one thing. */
export function areOneThing(action: Action): boolean {
  return rowOf(action).isOneThing === true;
}

/** Returns whether a refusal is final if the account can't tell the outcome. */
export function trustsRefusal(action: Action): boolean {
  return rowOf(action).trustsRefusal === true;
}

/** Returns what is known about a change with a lost response before the account is checked; undefined if a check can tell. */
export function outcomeWithoutCheck(action: Action): Verdict<never> | undefined {
  const { check } = rowOf(action);
  return typeof check === 'function' ? undefined : check;
}

/**
 * Checks the account once for the outcome of a change.
 *
 * @param others - returns the ids that other changes are known to have created; called after the account is read
 * @throws CommandError if the account can't be read
 */
export async function checkAccount<A extends Action>(
  api: Api,
  action: A,
  intent: IntentOf<A>,
  before: Before,
  others: () => Promise<ReadonlySet<string>>,
): Promise<Verdict<FoundBy[A]>> {
  const { check } = rowOf(action);
  return typeof check === 'function' ? check(api, intent, before, others) : check;
}

/** Returns whether a change has to wait for another, as {@link ActionRow.compare} says; changes of two kinds never do. */
export function compareChanges(one: Intent, other: Intent): 'same' | 'related' | undefined {
  return one.action === other.action ? rowOf(one.action).compare?.(one, other) : undefined;
}

/** Returns the ids of the existing keys that could be mistaken for the one to create. */
export function keysBefore(keys: readonly Key[], intent: KeyIntent): Before {
  return { ids: keys.filter((key) => couldBe(intent, key)).map(({ id }) => id) };
}

/** Returns the total ever credited, in USD. Falls back to the balance. Returns undefined if the API states neither. */
export async function toppedUp({ billing }: Api): Promise<number | undefined> {
  const credits = await billing.credits().catch((error: unknown) => {
    if (error instanceof CommandError && error.code === 'not_found') return undefined;
    throw error;
  });
  return credits?.totalTopUp ?? credits?.remaining ?? (await billing.status()).creditBalance ?? undefined;
}

/** Returns the account's retired plans, as one text. */
export async function currentPlans({ billing }: Api): Promise<string> {
  const { plan, subscriptions, legacySubscriptionKeys } = await billing.status();
  return JSON.stringify({ plan, subscriptions, keys: legacySubscriptionKeys?.length });
}

function judgePlan(plan: string, { plans }: Before, current: string): Verdict<string> {
  if (current === plans) return { outcome: 'not_applied' };
  if (current.includes(JSON.stringify(plan))) return { outcome: 'applied', found: plan };
  return { outcome: 'unknown', why: 'the account changed in the meantime' };
}

/** Returns whether the account lists a subscription, to a pool or to a retired plan. */
export async function hasSubscription(api: Api, id: string): Promise<boolean> {
  return (await subscriptionListed(api, id)) !== undefined;
}

async function subscriptionListed({ billing }: Api, id: string): Promise<unknown> {
  const { poolPledges, subscriptions } = await billing.status();
  const all: readonly unknown[] = [...(poolPledges ?? []), ...(subscriptions ?? [])];
  return all.find((each) => memberOf(each, 'id') === id || memberOf(each, 'subscriptionId') === id);
}

async function judgeCancelPlan(api: Api, id: string, before: Before): Promise<Verdict<string>> {
  const one = await subscriptionListed(api, id);
  if (one === undefined && before.ids?.length === 0) return { outcome: 'not_applied' };
  if (one === undefined) return { outcome: 'unknown', why: `subscription ${id} is not in the account` };
  return memberOf(one, 'cancelAtPeriodEnd') === true ? { outcome: 'applied', found: id } : { outcome: 'not_applied' };
}
