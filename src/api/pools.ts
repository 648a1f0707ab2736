import * as z from 'zod/mini';
import type { Block } from '../domain/blocks.ts';
import { lazy } from '../domain/lazy.ts';
import type { BillingCycle } from '../domain/quote.ts';
import type { ApiClient, ReadOptions, Tagged } from './client.ts';
import { segment } from './path.ts';
import { count, fraction, hour, id, looseObject, maybe, usd } from './schema.ts';

const blockSchema = lazy(() =>
  looseObject({
    block: z.string(),
    hoursUtc: maybe(z.string()),
    pricePerMonth: maybe(usd()),
    status: maybe(z.string()),
  }),
);

export const poolSchema = lazy(() =>
  looseObject({
    id: id(),
    slug: maybe(z.string()),
    modelId: maybe(z.string()),
    modelName: maybe(z.string()),
    description: maybe(z.string()),
    status: maybe(z.string()),
    totalSlots: maybe(count()),
    minPricePerDay: maybe(usd()),
    manualProvisioning: maybe(z.boolean()),
    annualDiscount: maybe(fraction()),
    models: maybe(z.array(z.string())),
    infraSpec: maybe(z.unknown()),
    blocks: maybe(z.array(blockSchema())),
  }),
);

/**
 * A pool. Despite its name, `minPricePerDay` is the lowest *monthly* price of its blocks in USD per seat
 * (Unlimited Subscriptions API, "List available plans"); `annualDiscount` is a fraction.
 */
export type Pool = z.infer<ReturnType<typeof poolSchema>>;

/** A block of a pool as the live API lists it. `pricePerMonth` is in USD; `status` is `available`, `limited` or `sold-out`. */
export type PoolBlock = z.infer<ReturnType<typeof blockSchema>>;

export const poolDetailSchema = lazy(() =>
  z.extend(poolSchema(), {
    hourSlots: maybe(
      z.array(
        looseObject({
          id: maybe(id()),
          hour: hour(),
          slotIndex: maybe(z.number()),
          pricePerDay: maybe(usd()),
          status: maybe(z.string()),
        }),
      ),
    ),
  }),
);

/**
 * A pool with an entry for each hour of each seat. The `pricePerDay` of a slot is an eighth of the block's monthly price in USD,
 * rounded to the cent (Unlimited Subscriptions API, "Plan detail").
 */
export type PoolDetail = z.infer<ReturnType<typeof poolDetailSchema>>;

const subscriptionHours = lazy(() =>
  z.array(looseObject({ hour: hour(), slotIndex: maybe(z.number()), pricePerDay: maybe(usd()) })),
);

export const poolKeySchema = lazy(() =>
  looseObject({
    id: maybe(id()),
    name: maybe(z.string()),
    apiKey: maybe(z.string()),
    isActive: maybe(z.boolean()),
    subscriptionId: maybe(id()),
    createdAt: maybe(z.string()),
  }),
);

/** A key of a subscription to a pool, with its secret. */
export type PoolKey = z.infer<ReturnType<typeof poolKeySchema>>;

export const subscriptionSchema = lazy(() =>
  looseObject({
    id: id(),
    poolId: maybe(id()),
    status: maybe(z.string()),
    monthlyPrice: maybe(usd()),
    billingCycle: maybe(z.string()),
    cancelAtPeriodEnd: maybe(z.boolean()),
    currentPeriodEnd: maybe(z.string()),
    hours: maybe(subscriptionHours()),
    key: maybe(poolKeySchema()),
  }),
);

/** A subscription to a pool: one seat. `monthlyPrice` is in USD; `status` is `active`, `pending_key`, `past_due` or `canceled`. */
export type Subscription = z.infer<ReturnType<typeof subscriptionSchema>>;

/** The result of a subscribe request: a subscription for each seat, or a Stripe Checkout page if no card is saved. */
export type SubscribeResult =
  | { readonly kind: 'subscribed'; readonly subscriptions: Subscription[] }
  | { readonly kind: 'checkout'; readonly sessionUrl: string };

const subscribeSchema = lazy(() =>
  z.union([
    z.pipe(z.array(subscriptionSchema()).check(z.minLength(1)), z.transform(subscribed)),
    z.pipe(
      looseObject({ sessionUrl: z.string() }),
      z.transform(({ sessionUrl }): SubscribeResult => ({ kind: 'checkout', sessionUrl })),
    ),
    z.pipe(
      subscriptionSchema(),
      z.transform((subscription) => subscribed([subscription])),
    ),
  ]),
);

function subscribed(subscriptions: Subscription[]): SubscribeResult {
  return { kind: 'subscribed', subscriptions };
}

/** A request to buy seats. */
export interface SubscribeRequest {
  readonly blocks: readonly Block[];
  /** The number of seats in each block, 1–20. */
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
}

/** Sends the requests of `/api/pools`. A pool is named by its slug or UUID. */
export class PoolsApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Fetches all listed pools. Works without a key. */
  list(): Promise<Pool[]> {
    return this.#client.read('/api/pools', z.array(poolSchema()), { key: 'if-present' });
  }

  /** Fetches all listed pools again. If the server says that nothing changed, returns the earlier ones at almost no cost. */
  listAgain(before: Tagged<Pool[]> | undefined, options: Pick<ReadOptions, 'once'> = {}): Promise<Tagged<Pool[]>> {
    return this.#client.readAgain('/api/pools', z.array(poolSchema()), before, { key: 'if-present', ...options });
  }

  /** Fetches a pool with its hours and seats. Works without a key. */
  get(pool: string, options: Pick<ReadOptions, 'once'> = {}): Promise<PoolDetail> {
    return this.#client.read(path(pool), poolDetailSchema(), { key: 'if-present', ...options });
  }

  /** Subscribes and charges the saved card immediately. Creates no API key. */
  subscribe(pool: string, request: SubscribeRequest): Promise<SubscribeResult> {
    return this.#client.change('POST', `${path(pool)}/subscribe`, subscribeSchema(), request);
  }

  /** Fetches the account's subscriptions to a pool. */
  subscriptions(pool: string, options: Pick<ReadOptions, 'once'> = {}): Promise<Subscription[]> {
    return this.#client.read(`${path(pool)}/my-subscriptions`, z.array(subscriptionSchema()), options);
  }

  /** Fetches all keys of the account's subscriptions to a pool, with their secrets. */
  keys(pool: string): Promise<PoolKey[]> {
    return this.#client.read(`${path(pool)}/my-keys`, z.array(poolKeySchema()));
  }

  /** Cancels the account's most recent subscription to a pool at the end of its billing period, without a refund. */
  async cancel(pool: string): Promise<void> {
    await this.#client.change(
      'DELETE',
      `${path(pool)}/pledge`,
      z.optional(looseObject({ canceled: maybe(z.boolean()) })),
    );
  }
}

function path(pool: string): string {
  return `/api/pools/${segment(pool)}`;
}
