import { textAt } from '../support/sandbox.ts';
import type { Amounts, FaultyApi } from './api.ts';

/** What a change adds and removes. */
export type Effect = Partial<Amounts>;

/** A command that changes something. */
export interface Change {
  readonly name: string;
  /** The arguments of `ci`. `$1`, `$2` … stand for the ids of what was created before. */
  readonly line: string;
  /** Creates what the change is about. @returns ids */
  readonly given?: (api: FaultyApi) => Promise<readonly string[]>;
  /** The request that meets the fault, such as `POST /api/keys/credit`. */
  readonly request: RegExp;
  /** Its position among the requests that change something; by default, the first. */
  readonly place?: number;
  /** The effect of the whole command; none if it only starts a payment. */
  readonly effect: Effect;
  /** The effect before that request, if there are others before it. */
  readonly earlier?: Effect;
  /** The effect of that request, if there are others. */
  readonly own?: Effect;
  /**
   * How the command finds the outcome after a lost response: it checks the account; it needn't, because the request charges nothing;
   * or it can't, because it doesn't know what the request changes.
   */
  readonly knows: 'looks' | 'anyway' | 'not';
  /** The responses in other formats that it accepts. */
  readonly takes?: RegExp;
  /** Whether it can be run again, whatever the outcome was. */
  readonly ensures?: true;
  /** Where the secret goes, if not to stdout. */
  readonly saves?: '.env';
  /** Whether the secret is also stored on this machine. */
  readonly stores?: true;
  /** Whether the API lists keys without their secrets. */
  readonly older?: true;
  /** Whether the secret of a key that is found isn't available. */
  readonly losesSecret?: true;
  /** The exit code if it continues to wait after a change that wasn't applied, until its time is up. */
  readonly waits?: number;
  /** Whether it prints events before it ends. */
  readonly reports?: true;
  /** Whether the API still sells flat plans. */
  readonly flatPlans?: true;
  /** Whether it meets fewer faults, because it hardly differs from another row. */
  readonly variant?: true;
}

const hash = `0x${'ab'.repeat(32)}`;

async function subscribed(api: FaultyApi): Promise<string[]> {
  return [textAt(await api.call('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] }), 'id')];
}

function keys(count: number) {
  return async (api: FaultyApi): Promise<string[]> => {
    const ids: string[] = [];
    for (let at = 1; at <= count; at += 1) {
      ids.push(textAt(await api.call('POST', '/api/keys/credit', { name: `old-${at}` }), 'id'));
    }
    return ids;
  };
}

/** Sends USDC and asks for it once, before it is final. */
async function sent(api: FaultyApi): Promise<string[]> {
  await api.call('POST', '/api/billing/topup', { amount: 50, method: 'usdc' });
  await api.call('POST', '/api/billing/verify-topup', { txHash: hash, amount: 50 });
  return [];
}

async function planned(api: FaultyApi): Promise<string[]> {
  return [textAt(await api.call('POST', '/api/billing/subscribe', { planSlug: 'pro' }), 'subscriptionId')];
}

const subscribe = /^POST \/api\/pools\/\S+\/subscribe$/;
const subscriptionKey = /^POST \/api\/keys\/subscription$/;
const creditKey = /^POST \/api\/keys\/credit$/;
const topup = /^POST \/api\/billing\/topup$/;
/** Any JSON, or none. */
const anyShape = /shape|text in place|empty|204/;
/** Any body, because it is printed unchanged. */
const anything = /shape|text in place|empty|204|JSON that ends/;

/** All commands that change something, in all their variants. */
export const changes: readonly Change[] = [
  {
    name: 'pools subscribe',
    line: 'pools subscribe kimi26 --blocks europe --yes',
    request: subscribe,
    effect: { charges: 1, subscriptions: 1 },
    knows: 'looks',
  },
  {
    name: 'pools subscribe, beside one that is held',
    line: 'pools subscribe kimi26 --blocks asia --yes',
    given: subscribed,
    request: subscribe,
    effect: { charges: 1, subscriptions: 1 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'pools subscribe, three seats',
    line: 'pools subscribe kimi26 --blocks europe,asia --quantity 3 --yes',
    request: subscribe,
    effect: { charges: 3, subscriptions: 3 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'pools subscribe, a year',
    line: 'pools subscribe kimi26 --blocks europe --billing-cycle year --yes',
    request: subscribe,
    effect: { charges: 1, subscriptions: 1 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'pools subscribe --ensure',
    line: 'pools subscribe kimi26 --blocks europe --ensure --yes',
    request: subscribe,
    effect: { charges: 1, subscriptions: 1 },
    knows: 'looks',
    ensures: true,
  },
  {
    name: 'pools subscribe --create-key, the subscription',
    line: 'pools subscribe kimi26 --blocks europe --create-key prod --yes',
    request: subscribe,
    effect: { charges: 1, subscriptions: 1, keys: 1 },
    own: { charges: 1, subscriptions: 1 },
    knows: 'looks',
    stores: true,
    variant: true,
  },
  {
    name: 'pools subscribe --create-key, the key',
    line: 'pools subscribe kimi26 --blocks europe --create-key prod --yes',
    request: subscriptionKey,
    place: 2,
    effect: { charges: 1, subscriptions: 1, keys: 1 },
    earlier: { charges: 1, subscriptions: 1 },
    own: { keys: 1 },
    knows: 'looks',
    stores: true,
    variant: true,
  },
  {
    name: 'pools subscribe --create-key, the second of two keys',
    line: 'pools subscribe kimi26 --blocks europe --quantity 2 --create-key prod --yes',
    request: subscriptionKey,
    place: 3,
    effect: { charges: 2, subscriptions: 2, keys: 2 },
    earlier: { charges: 2, subscriptions: 2, keys: 1 },
    own: { keys: 1 },
    knows: 'looks',
    stores: true,
    variant: true,
  },
  {
    name: 'pools watch --subscribe',
    line: 'pools watch kimi26 --blocks europe --subscribe --max-price 49 --yes --interval 50ms --for 2s',
    request: subscribe,
    effect: { charges: 1, subscriptions: 1 },
    knows: 'looks',
    waits: 6,
    reports: true,
    variant: true,
  },
  {
    name: 'pools watch --subscribe --create-key, the key',
    line: 'pools watch kimi26 --blocks europe --subscribe --max-price 49 --create-key prod --yes',
    request: subscriptionKey,
    place: 2,
    effect: { charges: 1, subscriptions: 1, keys: 1 },
    earlier: { charges: 1, subscriptions: 1 },
    own: { keys: 1 },
    knows: 'looks',
    stores: true,
    reports: true,
    variant: true,
  },
  {
    name: 'keys create',
    line: 'keys create prod --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
  },
  {
    name: 'keys create, with a list without secrets',
    line: 'keys create prod --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    older: true,
    variant: true,
  },
  {
    name: 'keys create, without a name',
    line: 'keys create --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'keys create --pool',
    line: 'keys create prod --pool kimi26 --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'keys create --ensure',
    line: 'keys create prod --ensure --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    ensures: true,
    variant: true,
  },
  {
    name: 'keys create --save',
    line: 'keys create prod --save .env --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    saves: '.env',
    variant: true,
  },
  {
    name: 'keys create --secret-only',
    line: 'keys create prod --secret-only --yes',
    given: subscribed,
    request: subscriptionKey,
    effect: { keys: 1 },
    knows: 'looks',
    variant: true,
  },
  {
    name: 'keys create --credit, beside a key of that name',
    line: 'keys create old-1 --credit --yes',
    given: keys(1),
    request: creditKey,
    effect: { keys: 1 },
    knows: 'looks',
  },
  {
    name: 'keys create --credit, with a list without secrets',
    line: 'keys create prod --credit --yes',
    request: creditKey,
    effect: { keys: 1 },
    knows: 'looks',
    older: true,
    losesSecret: true,
    variant: true,
  },
  {
    name: 'keys delete',
    line: 'keys delete $1 --yes',
    given: keys(2),
    request: /^DELETE \/api\/keys\/[^/]+$/,
    effect: { keys: -1 },
    knows: 'looks',
    takes: anyShape,
  },
  {
    name: 'keys delete, the last of three',
    line: 'keys delete $1 old-2 $3 --yes',
    given: keys(3),
    request: /^DELETE \/api\/keys\/[^/]+$/,
    place: 3,
    effect: { keys: -3 },
    earlier: { keys: -2 },
    own: { keys: -1 },
    knows: 'looks',
    takes: anyShape,
    variant: true,
  },
  {
    name: 'pools cancel',
    line: 'pools cancel kimi26 --yes',
    given: subscribed,
    request: /^DELETE \/api\/pools\/\S+\/pledge$/,
    effect: { ending: 1 },
    knows: 'looks',
    takes: anyShape,
  },
  {
    name: 'billing topup',
    line: 'billing topup 50 --yes',
    request: topup,
    effect: {},
    knows: 'anyway',
  },
  {
    name: 'billing topup --method usdc',
    line: 'billing topup 50 --method usdc --yes',
    request: topup,
    effect: {},
    knows: 'anyway',
    variant: true,
  },
  {
    name: 'billing verify',
    line: `billing verify ${hash} --amount 50 --yes`,
    given: sent,
    request: /^POST \/api\/billing\/verify-topup$/,
    effect: { credit: 50 },
    knows: 'looks',
    takes: /object of another shape/,
  },
  {
    name: 'billing card',
    line: 'billing card --yes',
    request: /^POST \/api\/billing\/setup-intent$/,
    effect: {},
    knows: 'anyway',
    takes: /object of another shape/,
  },
  {
    name: 'billing subscribe',
    line: 'billing subscribe pro --yes',
    request: /^POST \/api\/billing\/subscribe$/,
    effect: { plans: 1 },
    knows: 'looks',
    flatPlans: true,
  },
  {
    name: 'billing checkout',
    line: 'billing checkout pro --yes',
    request: /^POST \/api\/billing\/checkout$/,
    effect: {},
    knows: 'anyway',
    flatPlans: true,
  },
  {
    name: 'billing cancel',
    line: 'billing cancel $1 --yes',
    given: planned,
    request: /^POST \/api\/billing\/cancel$/,
    effect: { ending: 1 },
    knows: 'looks',
    takes: anyShape,
    flatPlans: true,
  },
  {
    name: 'api POST',
    line: 'api POST /api/keys/credit -f name=prod --yes',
    request: creditKey,
    effect: { keys: 1 },
    knows: 'not',
    takes: anything,
  },
  {
    name: 'api DELETE',
    line: 'api DELETE /api/keys/$1 --yes',
    given: keys(1),
    request: /^DELETE \/api\/keys\/[^/]+$/,
    effect: { keys: -1 },
    knows: 'not',
    takes: anything,
    variant: true,
  },
];
