import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';
import type { ApiClient } from './client.ts';
import { segment } from './path.ts';
import { count, id, looseObject, maybe, usd } from './schema.ts';

export const keySchema = lazy(() =>
  looseObject({
    id: id(),
    name: maybe(z.string()),
    apiKey: maybe(z.string()),
    keyPlan: maybe(z.string()),
    keyType: maybe(z.string()),
    isActive: maybe(z.boolean()),
    subscriptionId: maybe(id()),
    subscriptionStatus: maybe(z.string()),
    subscriptionExpiresAt: maybe(z.string()),
    maxBudget: maybe(usd()),
    rpm: maybe(count()),
    tpm: maybe(count()),
    createdAt: maybe(z.string()),
    lastUsedAt: maybe(z.string()),
  }),
);

/** An API key as listed. `keyType` is `subscription` or `credit`; only some generations of the API return `apiKey`. */
export type Key = z.infer<ReturnType<typeof keySchema>>;

// Only the secret is required: the API may never show it again, so a missing id must not lose it.
export const createdKeySchema = lazy(() =>
  looseObject({ id: maybe(id()), name: maybe(z.string()), apiKey: z.string() }),
);

/** A new key with its secret, `apiKey`. */
export type CreatedKey = z.infer<ReturnType<typeof createdKeySchema>>;

/** A request for a key of a subscription to a pool; without `subscriptionId`, of the most recent one. */
export interface SubscriptionKeyRequest {
  readonly name?: string | undefined;
  readonly subscriptionId?: string | undefined;
}

/** A request for a key that spends prepaid credit. */
export interface CreditKeyRequest {
  readonly name: string;
  /** The limit in USD; by default, the whole balance of the account. */
  readonly maxBudget?: number | undefined;
  /** Requests per minute. */
  readonly rpm?: number | undefined;
  /** Tokens per minute. */
  readonly tpm?: number | undefined;
}

/** Sends the requests of `/api/keys`. */
export class KeysApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  list(): Promise<Key[]> {
    return this.#client.read('/api/keys', z.array(keySchema()));
  }

  createForSubscription(request: SubscriptionKeyRequest): Promise<CreatedKey> {
    const empty = request.name === undefined && request.subscriptionId === undefined;
    return this.#client.change('POST', '/api/keys/subscription', createdKeySchema(), empty ? undefined : request);
  }

  createForCredit(request: CreditKeyRequest): Promise<CreatedKey> {
    return this.#client.change('POST', '/api/keys/credit', createdKeySchema(), request);
  }

  /** Revokes a key immediately. */
  async delete(key: string): Promise<void> {
    await this.#client.change('DELETE', `/api/keys/${segment(key)}`, z.unknown());
  }
}
