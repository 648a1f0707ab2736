import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';
import type { ApiClient } from './client.ts';
import { segment } from './path.ts';
import { count, id, looseObject, maybe, usd } from './schema.ts';

const periodSchema = lazy(() =>
  looseObject({
    requests: maybe(count()),
    tokens: maybe(count()),
    promptTokens: maybe(count()),
    completionTokens: maybe(count()),
  }),
);

export const keyUsageSchema = lazy(() =>
  looseObject({
    id: id(),
    name: maybe(z.string()),
    type: maybe(z.string()),
    plan: maybe(z.string()),
    isActive: maybe(z.boolean()),
    usage: maybe(
      looseObject({
        last1h: maybe(periodSchema()),
        last24h: maybe(periodSchema()),
        last7d: maybe(periodSchema()),
        last30d: maybe(periodSchema()),
      }),
    ),
    subscription: maybe(looseObject({ status: maybe(z.string()), expiresAt: maybe(z.string()) })),
    createdAt: maybe(z.string()),
  }),
);

/** The usage of one key in the last hour, day, week and 30 days. */
export type KeyUsage = z.infer<ReturnType<typeof keyUsageSchema>>;

export const selfUsageSchema = lazy(() =>
  looseObject({
    budget: maybe(
      looseObject({
        spent: maybe(usd()),
        limit: maybe(usd()),
        duration: maybe(z.string()),
        resets_at: maybe(z.string()),
      }),
    ),
    rate_limits: maybe(looseObject({ rpm: maybe(count()), tpm: maybe(count()) })),
    plan: maybe(looseObject({ slug: maybe(z.string()), status: maybe(z.string()), expires_at: maybe(z.string()) })),
    credits: maybe(looseObject({ balance: maybe(usd()) })),
    key: maybe(looseObject({ name: maybe(z.string()), type: maybe(z.string()), created_at: maybe(z.string()) })),
  }),
);

/** The usage that an API key can read of itself; `spent`, `limit` and `balance` are in USD. */
export type SelfUsage = z.infer<ReturnType<typeof selfUsageSchema>>;

/** Sends the requests of `/api/usage` and `/v1/usage`. */
export class UsageApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Fetches the usage of all keys. The API allows 12 such requests in 12 hours, so cache the result. */
  list(): Promise<KeyUsage[]> {
    return this.#client.read('/api/usage', z.array(keyUsageSchema()));
  }

  get(key: string): Promise<KeyUsage> {
    return this.#client.read(`/api/usage/${segment(key)}`, keyUsageSchema());
  }

  /** Fetches the usage of the API key that authorizes the request. */
  self(): Promise<SelfUsage> {
    return this.#client.read('/v1/usage', selfUsageSchema(), { key: 'consumption' });
  }
}
