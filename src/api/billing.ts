import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';
import type { ApiClient, ReadOptions } from './client.ts';
import { count, id, looseObject, maybe, usd } from './schema.ts';

const pledgeSchema = lazy(() =>
  looseObject({
    id: id(),
    poolId: maybe(id()),
    poolSlug: maybe(z.string()),
    status: maybe(z.string()),
    currentPeriodEnd: maybe(z.string()),
    cancelAtPeriodEnd: maybe(z.boolean()),
    hasKey: maybe(z.boolean()),
  }),
);

/** A subscription to a pool, as the account lists it. */
export type PoolPledge = z.infer<ReturnType<typeof pledgeSchema>>;

export const billingStatusSchema = lazy(() =>
  looseObject({
    subscriptions: maybe(z.array(z.unknown())),
    poolPledges: maybe(z.array(pledgeSchema())),
    plan: maybe(z.unknown()),
    status: maybe(z.string()),
    creditBalance: maybe(usd()),
    stripeCustomerId: maybe(z.string()),
    subscriptionExpiresAt: maybe(z.string()),
    legacySubscriptionKeys: maybe(z.array(z.unknown())),
  }),
);

/** The account: its subscriptions to pools and its credit, `creditBalance` in USD. */
export type BillingStatus = z.infer<ReturnType<typeof billingStatusSchema>>;

export const creditsSchema = lazy(() =>
  looseObject({
    totalTopUp: maybe(usd()),
    remaining: maybe(usd()),
    hasCreditKey: maybe(z.boolean()),
    creditKeyCount: maybe(count()),
  }),
);

/** The prepaid credit, in USD. */
export type Credits = z.infer<ReturnType<typeof creditsSchema>>;

export const stripeTopupSchema = lazy(() => looseObject({ sessionUrl: z.string(), sessionId: maybe(z.string()) }));
export const usdcTopupSchema = lazy(() =>
  looseObject({ address: z.string(), chain: maybe(z.string()), amount: maybe(usd()) }),
);

/** The page on which to pay by card. */
export type StripeTopup = z.infer<ReturnType<typeof stripeTopupSchema>>;

/** The address to send USDC to; `amount` is the exact amount in USD that must arrive. */
export type UsdcTopup = z.infer<ReturnType<typeof usdcTopupSchema>>;

export const verifiedTopupSchema = lazy(() => looseObject({ credited: maybe(usd()), balance: maybe(usd()) }));

/** The credit that a USDC payment added, in USD. */
export type VerifiedTopup = z.infer<ReturnType<typeof verifiedTopupSchema>>;

export const setupIntentSchema = lazy(() => looseObject({ url: maybe(z.string()), sessionUrl: maybe(z.string()) }));

/** The response to a request to save a card. Its format isn't documented; it may name a page to open. */
export type SetupIntent = z.infer<ReturnType<typeof setupIntentSchema>>;

export const planSchema = lazy(() =>
  looseObject({
    slug: z.string(),
    name: maybe(z.string()),
    priceUsdc: maybe(usd()),
    rateLimits: maybe(looseObject({ tpm_limit: maybe(count()), rpm_limit: maybe(count()) })),
  }),
);

/** A retired flat plan. */
export type Plan = z.infer<ReturnType<typeof planSchema>>;

export const planSubscriptionSchema = lazy(() =>
  looseObject({
    subscriptionId: maybe(id()),
    planSlug: maybe(z.string()),
    status: maybe(z.string()),
    currentPeriodEnd: maybe(z.string()),
    key: maybe(z.unknown()),
    keyError: maybe(z.unknown()),
  }),
);

/** A subscription to a retired flat plan. */
export type PlanSubscription = z.infer<ReturnType<typeof planSubscriptionSchema>>;

/** Sends the requests of `/api/billing` and `/api/plans`. */
export class BillingApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  status(options: Pick<ReadOptions, 'once'> = {}): Promise<BillingStatus> {
    return this.#client.read('/api/billing/status', billingStatusSchema(), options);
  }

  credits(): Promise<Credits> {
    return this.#client.read('/api/billing/credits', creditsSchema());
  }

  /** Adds credit by card. @param amount - USD, at least 10 (Management API, "Minimum $10") */
  topupByCard(amount: number): Promise<StripeTopup> {
    return this.#client.change('POST', '/api/billing/topup', stripeTopupSchema(), { amount, method: 'stripe' });
  }

  /** Adds credit by USDC. @param amount - USD, at least 10 (Management API, "Minimum $10") */
  topupByUsdc(amount: number): Promise<UsdcTopup> {
    return this.#client.change('POST', '/api/billing/topup', usdcTopupSchema(), { amount, method: 'usdc' });
  }

  /** Asks the API to credit a USDC payment. @param amount - USD, exactly the amount sent */
  verifyTopup(txHash: string, amount: number): Promise<VerifiedTopup> {
    return this.#client.change('POST', '/api/billing/verify-topup', verifiedTopupSchema(), { txHash, amount });
  }

  /** Starts saving a card. */
  setupIntent(): Promise<SetupIntent> {
    return this.#client.change('POST', '/api/billing/setup-intent', setupIntentSchema());
  }

  /** Subscribes to a flat plan, which is retired for new subscriptions. */
  subscribeToPlan(request: {
    planSlug: string;
    createKey?: boolean | undefined;
    keyName?: string | undefined;
  }): Promise<PlanSubscription> {
    return this.#client.change('POST', '/api/billing/subscribe', planSubscriptionSchema(), request);
  }

  /** Starts the checkout of a flat plan, which is retired for new subscriptions. */
  checkoutPlan(planSlug: string): Promise<StripeTopup> {
    return this.#client.change('POST', '/api/billing/checkout', stripeTopupSchema(), { planSlug });
  }

  /** Cancels a flat-plan subscription at the end of its billing period. */
  cancelPlan(subscriptionId: string): Promise<unknown> {
    return this.#client.change('POST', '/api/billing/cancel', z.unknown(), { subscriptionId });
  }

  /** Fetches the retired flat plans; today the list is empty. Needs no key. */
  plans(): Promise<Plan[]> {
    return this.#client.read('/api/plans', z.array(planSchema()), { key: 'none' });
  }
}
