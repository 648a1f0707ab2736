import { BillingApi } from './billing.ts';
import { ApiClient, type ClientOptions } from './client.ts';
import { InferenceApi } from './inference.ts';
import { KeysApi } from './keys.ts';
import { PoolsApi } from './pools.ts';
import { UsageApi } from './usage.ts';

/** The whole API, with a member for each resource. */
export interface Api {
  readonly pools: PoolsApi;
  readonly keys: KeysApi;
  readonly billing: BillingApi;
  readonly usage: UsageApi;
  readonly inference: InferenceApi;
  readonly client: ApiClient;
}

/** Creates a client and returns the API that it speaks. */
export function createApi(options: ClientOptions): Api {
  return apiOf(new ApiClient(options));
}

/** Returns the API that a client speaks. */
export function apiOf(client: ApiClient): Api {
  return {
    pools: new PoolsApi(client),
    keys: new KeysApi(client),
    billing: new BillingApi(client),
    usage: new UsageApi(client),
    inference: new InferenceApi(client),
    client,
  };
}
