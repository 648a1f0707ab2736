import * as z from 'zod/mini';
import { type Chain, chains, chainTitle, isChain } from '../domain/chains.ts';
import { CommandError } from '../domain/errors.ts';
import { memberOf } from '../domain/json.ts';
import { lazy } from '../domain/lazy.ts';
import { isPayable } from '../domain/usdc.ts';
import { type HttpAnswer, offerIn } from './answers.ts';
import type { ApiClient } from './client.ts';
import { count, looseObject, maybe, usd } from './schema.ts';
import { isInUsdcOn, type PaymentOffer, paymentOfferIn } from './x402.ts';

/** The longest value of a catalog that an error quotes, in characters. */
const longestQuote = 60;

const price = lazy(() => z.pipe(usd(), z.number().check(z.refine(isPayable))));

const blockSchema = lazy(() =>
  looseObject({
    block: z.string(),
    hoursUtc: maybe(z.string()),
    priceUsdc: price(),
    availableSeats: maybe(count()),
  }),
);

export const productSchema = lazy(() =>
  looseObject({
    type: maybe(z.string()),
    pool: maybe(z.string()),
    plan: maybe(z.string()),
    name: maybe(z.string()),
    description: maybe(z.string()),
    models: maybe(z.array(z.string())),
    currency: maybe(z.string()),
    duration: maybe(z.string()),
    blocks: maybe(z.array(blockSchema())),
    price: maybe(price()),
    minAmount: maybe(price()),
    agentCheckout: maybe(z.unknown()),
    agentTopup: maybe(z.unknown()),
  }),
);

/**
 * Something that can be bought without an account (x402 guide): a subscription to the blocks of a pool, for which `duration` says
 * how long it lasts, or credit of at least `minAmount`. Older catalogs have plans with one `price`. All amounts are in USDC.
 */
export type Product = z.infer<ReturnType<typeof productSchema>>;

/** What can be bought without an account, for USDC. */
export interface PaymentCatalog extends PaymentOffer {
  readonly products: readonly Product[];
}

/** Where the catalog is. Any inference request gets it, and this one does nothing else. */
const paths = { plans: '/api/agent/plans', inference: '/v1/models' } as const;

/** A claim of what a payment was for. The names of its members are from the guides; the user may add others. */
export type ClaimBody = Readonly<Record<string, unknown>>;

/** Sends the requests that need no account. It isn't part of `Api`, because only `ci agent` loads it. */
export class AgentApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Fetches what can be bought, without sending a key. If the server has no list of plans, reads the catalog with which it answers
   * an inference request without a key.
   *
   * @param chain - on which to pay
   * @throws CommandError (unexpected_response) if the API returns no catalog, or one with another token, another chain or an invalid price
   */
  async catalog(chain: Chain = chains.base): Promise<PaymentCatalog> {
    const plans = await this.#offerOrFailure(paths.plans, chain);
    if (plans && !(plans instanceof CommandError)) return catalogOf(plans, paths.plans, chain);
    const offer = await this.#offerOrFailure(paths.inference, chain);
    if (offer && !(offer instanceof CommandError)) return catalogOf(offer, paths.inference, chain);
    // That the list can't be read says more than that an inference request has no catalog either.
    if (plans?.code === 'unexpected_response') throw plans;
    throw offer ?? unexpected("The API didn't return a list of what you can buy with USDC");
  }

  /** Claims the subscription that a payment was for, without sending a key (agent subscriptions guide, "Claim the key"). */
  claimSubscription(body: ClaimBody): Promise<unknown> {
    return this.#client.change('POST', '/api/agent/subscribe-pool', z.unknown(), body, 'none');
  }

  /** Claims the credit that a payment was for, without sending a key (x402 guide, `agentTopup`). */
  claimCredit(body: ClaimBody): Promise<unknown> {
    return this.#client.change('POST', '/api/agent/topup', z.unknown(), body, 'none');
  }

  /** Returns the catalog at a path; undefined if the response isn't a catalog, or the failure if the server refuses the request. */
  async #offerOrFailure(path: string, chain: Chain): Promise<PaymentOffer | CommandError | undefined> {
    try {
      return await this.#offer(path, chain);
    } catch (error) {
      if (error instanceof CommandError && isRefusal(error)) return error;
      throw error;
    }
  }

  /** Returns the catalog at a path; undefined if the response is none. */
  async #offer(path: string, chain: Chain): Promise<PaymentOffer | undefined> {
    const hasValue = (answer: HttpAnswer) => offerIn(answer) !== undefined;
    const offer = paymentOfferIn(await this.#client.read(path, z.unknown(), { key: 'none', hasValue }), chain);
    // A catalog in another token is refused, even if it lists nothing.
    return offer && (offer.products || !isInUsdcOn(offer, chain)) ? offer : undefined;
  }
}

/** Returns whether a failure is the server's last word, so that the same request would fail again. */
function isRefusal({ code, status, retryable }: CommandError): boolean {
  return code === 'unexpected_response' || (status !== undefined && status < 500 && !retryable);
}

/** Checks an offer. @param path - where it was found */
function catalogOf(offer: PaymentOffer, path: string, chain: Chain): PaymentCatalog {
  if (!isInUsdcOn(offer, chain)) throw otherCurrency(offer, chain);
  const { products = [] } = offer;
  const result = z.safeParse(z.array(productSchema()), products);
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = ['products', ...(issue?.path ?? []).map(String)].join('.');
    throw (
      invalidAmount(products, issue?.path ?? []) ??
      unexpected(`The response to GET ${path} has an unexpected format (${place}: ${issue?.message ?? 'invalid'})`)
    );
  }
  for (const product of result.data) {
    const { type, pool, plan, blocks, currency } = product;
    if (currency != null && currency !== 'USDC') {
      throw unexpected(`The API asks for payment in ${quoted(currency)} for ${nameOf(product)}, not in USDC`);
    }
    const isPriced = type === 'subscription' || pool != null || plan != null;
    if (isPriced && !blocks && product.price == null)
      throw unexpected(`The API returned no price for ${nameOf(product)}`);
  }
  return { ...offer, products: result.data };
}

function otherCurrency({ asset, network, contract }: PaymentOffer, chain: Chain): CommandError {
  if (asset !== 'USDC') return unexpected(`The API asks for payment in ${quoted(asset)}, not in USDC`);
  if (isChain(network, chain) && contract !== undefined) {
    return unexpected(
      `The API names ${quoted(contract)} as the contract of USDC on ${chain.title}. It is ${chain.usdc}`,
    );
  }
  return unexpected(`The API asks for payment on ${quoted(chainTitle(network))}, not on ${chain.title}`);
}

/** Returns the error for an invalid amount; undefined if the invalid value at a path isn't an amount. */
function invalidAmount(
  products: readonly unknown[],
  [index = '', ...names]: readonly PropertyKey[],
): CommandError | undefined {
  const what = amounts.get(names.at(-1) ?? '');
  if (what === undefined) return undefined;
  const product = memberOf(products, index);
  const parent = names.slice(0, -1).reduce(memberOf, product);
  const block = memberOf(parent, 'block');
  const where = `${typeof block === 'string' ? `${shortened(block)} of ` : ''}${nameOf(product)}`;
  const value = names.reduce(memberOf, product);
  if (value == null) return unexpected(`The API returned no ${what} for ${where}`);
  return unexpected(
    `The API returned ${quoted(value)} as the ${what} of ${where}`,
    `A ${what} is an amount above zero, with at most 6 decimals. `,
  );
}

/** What the fields with amounts are called in errors. */
const amounts: ReadonlyMap<PropertyKey, string> = new Map([
  ['priceUsdc', 'price'],
  ['price', 'price'],
  ['minAmount', 'minimum'],
]);

/** Returns the name of a product, for an error. */
function nameOf(product: unknown): string {
  const names = ['pool', 'plan', 'name', 'type', 'description'].map((field) => memberOf(product, field));
  const name = names.find((each) => typeof each === 'string' && each !== '');
  return typeof name === 'string' ? shortened(name) : 'a product without a name';
}

function quoted(value: unknown): string {
  return shortened(JSON.stringify(value));
}

function shortened(text: string): string {
  return text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text;
}

function unexpected(message: string, rule = ''): CommandError {
  return new CommandError('unexpected_response', message, {
    hint: `${rule}Check the API URL with \`ci auth status\`.`,
  });
}
