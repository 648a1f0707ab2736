import type { Seat } from './scheduler.ts';

/** A key that the gateway uses. */
export interface GatewayKey {
  /** Its name, or its ID. */
  readonly name: string;
  readonly secret: string;
}

/** A model as the API lists it. */
export type ListedModel = Readonly<Record<string, unknown>> & { readonly id: string };

/** A seat that the gateway uses. */
export interface GatewaySeat extends Seat, GatewayKey {
  /** The slug of its pool; undefined if it isn't known. */
  readonly pool: string | undefined;
  readonly subscriptionId: string | undefined;
  /** The name or ID with which commands find its key. */
  readonly key: string;
  /** Its models as `/v1/models` lists them for its key. */
  readonly listed: readonly ListedModel[];
}
