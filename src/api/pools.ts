import * as z from 'zod/mini';
import type { Block } from '../domain/blocks.ts';
import { lazy } from '../domain/lazy.ts';
import type { BillingCycle } from '../domain/quote.ts';
import type { ApiClient, ReadOptions, Tagged } from './client.ts';
import { segment } from './path.ts';
import { count, fraction, hour, id, maybe, usd } from './schema.ts';

const blockSchema = lazy(() =>
  z.looseObject({
    block: z.string(),
    hoursUtc: maybe(z.string()),
    pricePerMonth: maybe(usd()),
    status: maybe(z.string()),
  }),
);

export const poolSchema = lazy(() =>
  z.looseObject({
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
 * A pool. `minPricePerDay`, despite its name, is the lowest *monthly* price of its blocks in USD per seat
 * (Unlimited Subscriptions API, "List available plans"); `annualDiscount` is a fraction.
 */
export type Pool = z.infer<ReturnType<typeof poolSchema>>;

/** One block of a pool as the live API lists it: `pricePerMonth` in USD; `status` `available`, `limited` or `sold-out`. */
export type PoolBlock = z.infer<ReturnType<typeof blockSchema>>;

export const poolDetailSchema = lazy(() =>
  z.extend(poolSchema(), {
    hourSlots: maybe(
      z.array(
        z.looseObject({
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
 * A pool with one entry per hour per seat. A slot's `pricePerDay` is the block's monthly price in USD spread over its
 * 8 hours and rounded to the cent (Unlimited Subscriptions API, "Plan detail").
 */
export type PoolDetail = z.infer<ReturnType<typeof poolDetailSchema>>;

const heldHours = lazy(() =>
  z.array(z.looseObject({ hour: hour(), slotIndex: maybe(z.number()), pricePerDay: maybe(usd()) })),
);

export const poolKeySchema = lazy(() =>
  z.looseObject({
    id: maybe(id()),
    name: maybe(z.string()),
    apiKey: maybe(z.string()),
    isActive: maybe(z.boolean()),
    subscriptionId: maybe(id()),
    createdAt: maybe(z.string()),
  }),
);

/** A key of a pool subscription, with its secret. */
export type PoolKey = z.infer<ReturnType<typeof poolKeySchema>>;

export const subscriptionSchema = lazy(() =>
  z.looseObject({
    id: id(),
    poolId: maybe(id()),
    status: maybe(z.string()),
    monthlyPrice: maybe(usd()),
    billingCycle: maybe(z.string()),
    cancelAtPeriodEnd: maybe(z.boolean()),
    currentPeriodEnd: maybe(z.string()),
    hours: maybe(heldHours()),
    key: maybe(poolKeySchema()),
  }),
);

/** A subscription to a pool: one seat. `monthlyPrice` in USD; `status` `active`, `pending_key`, `past_due` or `canceled`. */
export type Subscription = z.infer<ReturnType<typeof subscriptionSchema>>;

/** What comes of a subscribe request: subscriptions, one a seat, or a Stripe Checkout page where a card is still to be entered. */
export type SubscribeResult =
  | { readonly kind: 'subscribed'; readonly subscriptions: Subscription[] }
  | { readonly kind: 'checkout'; readonly sessionUrl: string };

const subscribeSchema = lazy(() =>
  z.union([
    z.pipe(z.array(subscriptionSchema()).check(z.minLength(1)), z.transform(subscribed)),
    z.pipe(
      z.looseObject({ sessionUrl: z.string() }),
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

/** What to buy. */
export interface SubscribeRequest {
  readonly blocks: readonly Block[];
  /** Seats in each block, 1–20. */
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
}

/** `/api/pools`. A pool is named by its slug or its UUID. */
export class PoolsApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** All listed pools. Works without a key too. */
  list(): Promise<Pool[]> {
    return this.#client.read('/api/pools', z.array(poolSchema()), { key: 'if-present' });
  }

  /** All listed pools once more: those of before when the server says that nothing changed, which costs next to nothing. */
  listAgain(before: Tagged<Pool[]> | undefined, options: Pick<ReadOptions, 'once'> = {}): Promise<Tagged<Pool[]>> {
    return this.#client.readAgain('/api/pools', z.array(poolSchema()), before, { key: 'if-present', ...options });
  }

  /** One pool with its hours and seats. Works without a key too. */
  get(pool: string, options: Pick<ReadOptions, 'once'> = {}): Promise<PoolDetail> {
    return this.#client.read(path(pool), poolDetailSchema(), { key: 'if-present', ...options });
  }

  /** Subscribes at once, and charges the saved card at once. No API key is made. */
  subscribe(pool: string, request: SubscribeRequest): Promise<SubscribeResult> {
    return this.#client.change('POST', `${path(pool)}/subscribe`, subscribeSchema(), request);
  }

  /** My subscriptions on one pool. */
  subscriptions(pool: string, options: Pick<ReadOptions, 'once'> = {}): Promise<Subscription[]> {
    return this.#client.read(`${path(pool)}/my-subscriptions`, z.array(subscriptionSchema()), options);
  }

  /** All keys of my subscriptions on one pool, with their secrets. */
  keys(pool: string): Promise<PoolKey[]> {
    return this.#client.read(`${path(pool)}/my-keys`, z.array(poolKeySchema()));
  }

  /** Cancels my most recent subscription on the pool at its period's end; there is no refund. */
  async cancel(pool: string): Promise<void> {
    await this.#client.change(
      'DELETE',
      `${path(pool)}/pledge`,
      z.optional(z.looseObject({ canceled: maybe(z.boolean()) })),
    );
  }
}

function path(pool: string): string {
  return `/api/pools/${segment(pool)}`;
}
