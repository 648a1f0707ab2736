import type { Api } from '../api/index.ts';
import { CommandError } from '../domain/errors.ts';
import { formatUsd, parseUsd } from '../domain/money.ts';
import {
  type Before,
  couldBe,
  type Intent,
  judgeCancel,
  judgeDelete,
  judgeKey,
  judgeSubscribe,
  judgeVerify,
  type KeyIntent,
  type Verdict,
} from '../domain/reconcile.ts';
import { counted } from '../output/text.ts';

/** A change in a few words: `subscribe kimi26 europe, 1 seat`. */
export function inWordsOf(intent: Intent): string {
  switch (intent.action) {
    case 'subscribe': {
      const { pool, blocks, quantity, billingCycle, charge } = intent;
      const price = charge === undefined ? [] : [formatUsd(parseUsd(charge))];
      return [
        `subscribe ${pool} ${blocks.join(',')}`,
        counted(quantity, 'seat'),
        `by the ${billingCycle}`,
        ...price,
      ].join(', ');
    }
    case 'create-key':
      return [
        'create',
        ...(intent.type === 'credit' ? ['credit'] : []),
        'key',
        ...(intent.name ? [intent.name] : []),
      ].join(' ');
    case 'delete-key':
      return `delete key ${intent.name ?? intent.id}`;
    case 'cancel':
      return `cancel ${intent.pool} ${intent.subscription}`;
    case 'topup':
      return `top up ${formatUsd(parseUsd(intent.amount))} by ${intent.method}`;
    case 'verify':
      return `verify ${formatUsd(parseUsd(intent.amount))} of ${intent.txHash}`;
    case 'card':
      return 'save a card';
    case 'checkout-plan':
      return `check out plan ${intent.plan}`;
    case 'subscribe-plan':
      return `subscribe to plan ${intent.plan}`;
    case 'cancel-plan':
      return `cancel plan ${intent.subscription}`;
    case 'api':
      return `${intent.method} ${intent.path}`;
  }
}

/**
 * Looks at the account for what came of a change.
 *
 * @param others - ids that other changes are known to have made; asked once the account was looked at
 * @returns what was found, as ids
 * @throws CommandError when the account cannot be looked at
 */
export async function look(
  api: Api,
  intent: Intent,
  before: Before,
  others: () => ReadonlySet<string>,
): Promise<Verdict<readonly string[]>> {
  switch (intent.action) {
    case 'subscribe':
      return idsIn(judgeSubscribe(intent, before, await api.pools.subscriptions(intent.pool), others()), (found) =>
        found.map(({ id }) => id),
      );
    case 'create-key':
      return idsIn(judgeKey(intent, before, await api.keys.list(), others()), ({ id }) => [id]);
    case 'delete-key':
      return idsIn(judgeDelete(intent.id, await api.keys.list()), (id) => [id]);
    case 'cancel':
      return idsIn(
        judgeCancel(intent.subscription, before, await api.pools.subscriptions(intent.pool), others()),
        ({ id }) => [id],
      );
    case 'verify':
      return idsIn(judgeVerify(intent.amount, before, await toppedUp(api)), () => []);
    case 'subscribe-plan':
      return judgePlan(intent.plan, before, await plansHeld(api));
    case 'cancel-plan':
      return judgeCancelPlan(api, intent.subscription);
    case 'topup':
    case 'card':
    case 'checkout-plan':
      // What is charged is charged on the page that the answer named, and not by the request.
      return { outcome: 'not_applied' };
    case 'api':
      return { outcome: 'unknown', why: 'what the request was to change is not known here' };
  }
}

/** The keys that are there and could be taken for the one that is to be made. */
export async function keysBefore(api: Api, intent: KeyIntent): Promise<Before> {
  const keys = await api.keys.list();
  return { ids: keys.filter((key) => couldBe(intent, key)).map(({ id }) => id) };
}

/** All that was ever credited, in USD; where the API does not say, the balance; undefined when it says neither. */
export async function toppedUp({ billing }: Api): Promise<number | undefined> {
  const credits = await billing.credits().catch((error: unknown) => {
    if (error instanceof CommandError && error.code === 'not_found') return undefined;
    throw error;
  });
  return credits?.totalTopUp ?? credits?.remaining ?? (await billing.status()).creditBalance ?? undefined;
}

/** What the account says of the retired plans, as one text. */
export async function plansHeld({ billing }: Api): Promise<string> {
  const { plan, subscriptions, legacySubscriptionKeys } = await billing.status();
  return JSON.stringify({ plan, subscriptions, keys: legacySubscriptionKeys?.length });
}

function judgePlan(plan: string, { plans }: Before, held: string): Verdict<readonly string[]> {
  if (held === plans) return { outcome: 'not_applied' };
  if (held.includes(JSON.stringify(plan))) return { outcome: 'applied', found: [] };
  return { outcome: 'unknown', why: 'the account changed meanwhile' };
}

async function judgeCancelPlan({ billing }: Api, id: string): Promise<Verdict<readonly string[]>> {
  const { poolPledges, subscriptions } = await billing.status();
  const held: readonly unknown[] = [...(poolPledges ?? []), ...(subscriptions ?? [])];
  const one = held.find((each) => memberOf(each, 'id') === id || memberOf(each, 'subscriptionId') === id);
  if (one === undefined) return { outcome: 'unknown', why: `${id} is not among the account's subscriptions` };
  return memberOf(one, 'cancelAtPeriodEnd') === true ? { outcome: 'applied', found: [id] } : { outcome: 'not_applied' };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function idsIn<Found>(verdict: Verdict<Found>, ids: (found: Found) => readonly string[]): Verdict<readonly string[]> {
  return verdict.outcome === 'applied' ? { outcome: 'applied', found: ids(verdict.found) } : verdict;
}
