import { pools } from '../../src/sandbox/catalogue.ts';
import { type User, userOf } from './cli.ts';
import { ask, type HttpAnswer } from './http.ts';
import { withResolvers } from './resolvers.ts';
import { listAt, sandbox, type TestSandbox, textAt } from './sandbox.ts';
import { type Received, type RecordingServer, server } from './servers.ts';

/**
 * The three generations of the API's responses: as it responds today, as the vendor's documentation has it, and as older clients
 * saw it, without an envelope.
 */
export const generations = ['current', 'documented', 'bare'] as const;

export type Generation = (typeof generations)[number];

/** The fields that a generation leaves out or null, although the current one has them. */
export const unstated: Readonly<Record<Generation, readonly string[]>> = {
  current: [],
  documented: ['models', 'infraSpec', 'blocks', 'apiKey', 'fingerprint'],
  bare: [
    'description',
    'models',
    'infraSpec',
    'manualProvisioning',
    'cancelAtPeriodEnd',
    'poolId',
    'keyPlan',
    'plan',
    'subscriptions',
    'legacySubscriptionKeys',
    'stripeCustomerId',
    'sessionId',
    'chain',
  ],
};

/** The field that the bare generation adds to every object. */
export const introducedLater = 'introducedLater';

/** A transaction that was verified once, and is final the next time. */
export const finalHash = `0x${'f1'.repeat(32)}`;
/** A transaction that wasn't verified yet. */
export const freshHash = `0x${'a2'.repeat(32)}`;

/** The name of a key that is created without a response. */
export const unansweredName = 'never-answered';

/** A server that speaks one generation. */
interface SpeakingServer extends RecordingServer {
  /** Resolves when the key {@link unansweredName} is created. */
  readonly unanswered: Promise<void>;
}

/** An account behind a server that speaks one generation. */
export interface Customer {
  readonly api: SpeakingServer;
  readonly box: TestSandbox;
  readonly me: User;
  /** The id of the subscription to kimi26; empty for a new user. */
  readonly subscriptionId: string;
  /** The id of the key of that subscription; empty for a new user. */
  readonly apiKey: string;
}

/**
 * Creates a user with a key of a subscription to the asia and europe blocks of kimi26, a subscription to minimax-m3 without a key,
 * a credit key, and 50 USDC that were sent. The time is 09:00 UTC on 14 April 2026.
 */
export async function customerOf(generation: Generation): Promise<Customer> {
  const box = await sandbox({ card: true });
  await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'] });
  const subscription = await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia', 'europe'] });
  const subscriptionId = textAt(subscription, 'id');
  const key = await box.data('POST', '/api/keys/subscription', { name: 'prod', subscriptionId });
  await box.data('POST', '/api/keys/credit', { name: 'client-acme', maxBudget: 25 });
  await box.data('POST', '/api/billing/topup', { amount: 50, method: 'usdc' });
  await box.call('POST', '/api/billing/verify-topup', { body: { txHash: finalHash, amount: 50 } });
  const apiKey = textAt(key, 'apiKey');
  const api = await speaking(generation, box);
  return { api, box, me: userOf(api, { CHEAPESTINFERENCE_API_KEY: apiKey }), subscriptionId, apiKey };
}

/** Creates a new user without a card. */
export async function newcomerOf(generation: Generation): Promise<Customer> {
  const box = await sandbox({ card: false });
  const api = await speaking(generation, box);
  return { api, box, me: userOf(api), subscriptionId: '', apiKey: '' };
}

/** Starts a server in front of a sandbox that converts every response to one generation. */
async function speaking(generation: Generation, box: TestSandbox): Promise<SpeakingServer> {
  const { promise: unanswered, resolve: isMade } = withResolvers();
  const recorder = await server(async (request, response) => {
    const { method, path, headers, body } = request;
    const { authorization, 'content-type': type } = headers;
    const upstream =
      retired(request) ??
      answerOf(
        await ask(box.url + path, {
          method,
          headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
          body,
        }),
      );
    if (method === 'POST' && body.includes(unansweredName)) return isMade();
    const converted = /^\/(api|v1\/usage)/.test(path) ? inWordsOf[generation](upstream, request) : upstream;
    const isText = typeof converted.body === 'string';
    response.writeHead(converted.status, {
      'Content-Type': isText ? 'text/plain' : 'application/json',
      ...(upstream.date && { Date: upstream.date }),
    });
    response.end(isText ? converted.body : JSON.stringify(converted.body));
  });
  return Object.assign(recorder, { unanswered });
}

interface Answer {
  readonly status: number;
  /** JSON, or a text that is sent unchanged. */
  readonly body: unknown;
  readonly date?: string;
}

function answerOf({ status, headers, text }: HttpAnswer): Answer {
  return { status, body: JSON.parse(text), date: headers.get('date') ?? '' };
}

/** Serves the flat plans, which the sandbox no longer has, to users who still have one. */
function retired({ method, path, body }: Received): Answer | undefined {
  if (method === 'GET' && path === '/api/plans') {
    const plan = {
      slug: 'standard',
      name: 'Standard',
      priceUsdc: '20',
      rateLimits: { tpm_limit: 3333, rpm_limit: 60 },
    };
    return { status: 200, body: [plan] };
  }
  if (!body.includes('"standard"')) return undefined;
  const data =
    path === '/api/billing/subscribe'
      ? {
          subscriptionId: 'sub_7',
          planSlug: 'standard',
          status: 'active',
          currentPeriodEnd: '2026-05-14T09:00:00.000Z',
        }
      : { sessionUrl: 'https://checkout.stripe.com/c/pay/cs_test_7', sessionId: 'cs_test_7' };
  return { status: 200, body: { success: true, data } };
}

const inWordsOf: Readonly<Record<Generation, (answer: Answer, request: Received) => Answer>> = {
  current: ({ status, body }) => ({ status, body: isEnvelope(body) ? body : { success: true, data: body } }),

  documented: ({ status, body }, { method, path }) => {
    if (!isEnvelope(body) || body.success === false) return { status, body };
    const left = /^\/api\/pools(\/[^/]+)?$/.test(path)
      ? ['models', 'infraSpec', 'blocks']
      : method === 'GET' && path === '/api/keys'
        ? ['apiKey']
        : [];
    return { status, body: { success: true, data: everyObject(body.data, (object) => without(object, left)) } };
  },

  bare: ({ status, body }, { method, path }) => {
    if (isEnvelope(body) && body.success === false) return refusal(status, String(body.error));
    const value = isEnvelope(body) ? body.data : body;
    if (method === 'DELETE' && path.startsWith('/api/keys/')) return { status, body: '' };
    const older = everyObject(value, (object) => ({ ...otherMoney(thinned(object)), [introducedLater]: ['kept'] }));
    const isSeat = method === 'POST' && path.endsWith('/subscribe') && path.startsWith('/api/pools/');
    return { status, body: isSeat && !Array.isArray(older) ? [older] : older };
  },
};

/** Returns a failure in a format without the envelope. */
function refusal(status: number, words: string): Answer {
  if (status === 404) return { status, body: { error: 'not_found', message: words } };
  if (status === 409) return { status, body: { message: words } };
  if (status === 410) return { status, body: words };
  return { status, body: { error: { message: words } } };
}

/** Leaves out or nulls what a generation needn't state. */
function thinned(object: JsonObject): JsonObject {
  const kept = Object.entries(without(object, ['description', 'models', 'keyPlan', 'sessionId', 'chain']))
    .filter(([, value]) => value !== null)
    .map(([name, value]): [string, unknown] => [name, isDispensable(name, value) ? null : value]);
  return Object.fromEntries(kept);
}

function isDispensable(name: string, value: unknown): boolean {
  if (['infraSpec', 'stripeCustomerId', 'plan'].includes(name)) return typeof value === 'string';
  if (['manualProvisioning', 'cancelAtPeriodEnd'].includes(name)) return value === false;
  if (name === 'poolId') return true;
  return Array.isArray(value) && value.length === 0;
}

const money = [
  'minPricePerDay',
  'pricePerMonth',
  'pricePerDay',
  'monthlyPrice',
  'creditBalance',
  'totalTopUp',
  'remaining',
  'amount',
  'credited',
  'balance',
  'maxBudget',
  'spent',
  'limit',
  'priceUsdc',
];

/** Converts money from text to number and from number to text. */
function otherMoney(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      // `<AMOUNT_USD>` of the payment catalog stands for an amount.
      if (!money.includes(name) || Number.isNaN(Number(value))) return [name, value];
      return [name, typeof value === 'number' ? value.toFixed(2) : value === null ? null : Number(value)];
    }),
  );
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEnvelope(body: unknown): body is JsonObject {
  return isObject(body) && 'success' in body;
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Changes each object in a JSON value, the innermost first. */
function everyObject(value: unknown, change: (object: JsonObject) => JsonObject): unknown {
  if (Array.isArray(value)) return value.map((each) => everyObject(each, change));
  if (!isObject(value)) return value;
  return change(Object.fromEntries(Object.entries(value).map(([name, each]) => [name, everyObject(each, change)])));
}

/**
 * Lists the differences between two JSON values: `name: absent` if only the other has a value, `name: added` if only the first
 * has one, and `name: changed` for another value. The name is that of the nearest field.
 */
export function differences(before: unknown, after: unknown, name = ''): string[] {
  if (isNothing(before) && isNothing(after)) return [];
  if (isNothing(after)) return [`${name}: absent`];
  if (isNothing(before)) return [`${name}: added`];
  if (Array.isArray(before) && Array.isArray(after)) {
    const longer = before.length > after.length ? before : after;
    return longer.flatMap((_each, at) => differences(before[at], after[at], name));
  }
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((each) => differences(before[each], after[each], each));
  }
  return before === after ? [] : [`${name}: changed`];
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

/** Removes what differs between accounts, folders and times from a text. Each UUID except a pool's is numbered by its first appearance. */
export function anonymous(text: string, { me, api }: Customer): string {
  const seen: string[] = [];
  return text
    .replaceAll(me.home, '<home>')
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, '<api>')
    .replaceAll(new URL(api.url).host, '<host>')
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      if (pools.some((pool) => pool.id === id)) return id;
      if (!seen.includes(id)) seen.push(id);
      return `<id ${seen.indexOf(id)}>`;
    })
    .replace(/(sk_(?:live|pool|sandbox)_)(…)?[A-Za-z0-9_-]+/g, '$1$2<secret>')
    .replace(/in \d+ ms|within \d+ s|is \d+ s (?:ahead of|behind)/g, '<while>');
}

/**
 * Lists all commands that use the API: those that can fail because it is unreachable, and because it refuses the key, according to the
 * command tree.
 */
export async function commandsOfTheApi(me: User): Promise<string[]> {
  const { stdout } = await me.ci('help --json');
  return talking(JSON.parse(stdout), []);
}

function talking(node: unknown, above: readonly string[]): string[] {
  const below = listAt(node, 'commands').flatMap((each) => talking(each, [...above, textAt(each, 'name')]));
  const exitCodes = listAt(node, 'exitCodes');
  return exitCodes.includes(4) && exitCodes.includes(9) ? [above.join(' '), ...below] : below;
}
