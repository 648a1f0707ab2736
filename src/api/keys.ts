import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';
import type { ApiClient } from './client.ts';
import { segment } from './path.ts';
import { count, id, maybe, usd } from './schema.ts';

export const keySchema = lazy(() =>
  z.looseObject({
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

/** A consumption key as listed. `keyType` is `subscription` or `credit`; `apiKey` is in the answer of some generations only. */
export type Key = z.infer<ReturnType<typeof keySchema>>;

// Only the secret is required: it is shown this once, and must not be lost for want of an id.
export const createdKeySchema = lazy(() =>
  z.looseObject({ id: maybe(id()), name: maybe(z.string()), apiKey: z.string() }),
);

/** A key just made: the only time that its secret, `apiKey`, is shown. */
export type CreatedKey = z.infer<ReturnType<typeof createdKeySchema>>;

/** A key for a pool subscription; without `subscriptionId` for the most recent one. */
export interface SubscriptionKeyRequest {
  readonly name?: string | undefined;
  readonly subscriptionId?: string | undefined;
}

/** A key that spends the prepaid balance. */
export interface CreditKeyRequest {
  readonly name: string;
  /** USD; absent: the account's shared balance. */
  readonly maxBudget?: number | undefined;
  /** Requests a minute. */
  readonly rpm?: number | undefined;
  /** Tokens a minute. */
  readonly tpm?: number | undefined;
}

/** `/api/keys`. */
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

  /** Revokes a key at once. */
  async delete(key: string): Promise<void> {
    await this.#client.change('DELETE', `/api/keys/${segment(key)}`, z.unknown());
  }
}
