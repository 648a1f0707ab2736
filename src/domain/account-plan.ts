import type { Block } from './blocks.ts';
import type { SubscriptionHours } from './coverage.ts';
import type { DesiredKey, DesiredSeats } from './desired-account.ts';

/** A subscription of an account, with the slug of its pool. */
export interface CurrentSubscription extends SubscriptionHours {
  readonly id: string;
  readonly poolSlug: string;
  /** In USD. */
  readonly monthlyPrice?: number | null | undefined;
  /** `month` or `year`. */
  readonly billingCycle?: string | null | undefined;
  /** RFC 3339. */
  readonly currentPeriodEnd?: string | null | undefined;
}

/** A key of an account. A limit that is null isn't set; one that is undefined isn't stated. */
export interface CurrentKey {
  readonly id: string;
  readonly name?: string | null | undefined;
  /** `subscription` or `credit`. */
  readonly keyType?: string | null | undefined;
  readonly isActive?: boolean | null | undefined;
  readonly subscriptionId?: string | null | undefined;
  readonly subscriptionStatus?: string | null | undefined;
  readonly maxBudget?: number | null | undefined;
  readonly rpm?: number | null | undefined;
  readonly tpm?: number | null | undefined;
}

/** What an account has, as the API states it. */
export interface CurrentAccount {
  /** Those of a pool with the most recent first, which is the one that the API cancels. */
  readonly subscriptions: readonly CurrentSubscription[];
  readonly keys: readonly CurrentKey[];
}

/** What a plan may change. */
export interface PlanOptions {
  /** Whether to change what exists and differs. */
  readonly updateExisting: boolean;
  /** Whether to revoke keys that the file manages, but doesn't name. */
  readonly allowDestroy: boolean;
  /** The entries whose seats can't be bought now. Nothing that they would replace is canceled, and keys can't use them. */
  readonly unavailable?: ReadonlySet<DesiredSeats> | undefined;
}

/** A member that differs. Undefined: not set, or not stated. */
export interface Difference {
  readonly field:
    | 'type'
    | 'pool'
    | 'subscription'
    | 'maxBudget'
    | 'rpm'
    | 'tpm'
    | 'blocks'
    | 'quantity'
    | 'billingCycle';
  readonly from: string | number | undefined;
  readonly to: string | number | undefined;
}

/** Why a step isn't carried out. */
export interface Obstacle {
  /** The option that allows it; undefined if none does. */
  readonly option?: '--update-existing' | '--allow-destroy' | undefined;
  /** A clause for people: `it is protected`. */
  readonly why: string;
}

interface StepBase {
  /** `create`: it is missing. `update`: it differs. `destroy`: the file doesn't name it, but manages its name. */
  readonly kind: 'create' | 'update' | 'destroy';
  readonly differences: readonly Difference[];
  /** Undefined if the step is carried out. */
  readonly obstacle?: Obstacle | undefined;
}

/** Cancels a subscription at the end of its period. The API cancels only the most recent one of a pool. */
export interface CancelStep extends StepBase {
  readonly action: 'cancel';
  readonly pool: string;
  readonly subscription: string;
  readonly blocks: readonly Block[];
  /** The end of its period, RFC 3339, if the API states it. */
  readonly ends?: string | undefined;
  /** Its monthly price in USD cents, if the API states it. */
  readonly perMonth: number | undefined;
}

/** Reserves seats that are missing. */
export interface ReserveStep extends StepBase {
  readonly action: 'reserve';
  readonly seats: DesiredSeats;
  /** How many seats are missing, 1 or more. */
  readonly missing: number;
}

/** Creates a key. */
export interface CreateKeyStep extends StepBase {
  readonly action: 'create-key';
  readonly key: DesiredKey;
}

/** Replaces a key by one with the desired limits. */
export interface RotateKeyStep extends StepBase {
  readonly action: 'rotate-key';
  readonly key: DesiredKey;
  /** The ID of the key that is replaced. */
  readonly id: string;
}

/** Revokes a key. */
export interface RevokeKeyStep extends StepBase {
  readonly action: 'revoke-key';
  readonly id: string;
  readonly name: string;
}

/** One thing to do so that the account is as the file says. */
export type PlanStep = CancelStep | ReserveStep | CreateKeyStep | RotateKeyStep | RevokeKeyStep;

/** Something that exists, and that the file doesn't name. It is left alone. */
export interface Unmanaged {
  readonly type: 'subscription' | 'key';
  readonly id: string;
  /** For people: the name of a key, or the pool and blocks of a subscription. */
  readonly name: string;
}

/** A subscription that has seats that the file asks for, but doesn't count: it ends, or its payment failed. */
export interface UncountedSeats {
  readonly type: 'ending' | 'past_due';
  readonly subscription: string;
  readonly pool: string;
  readonly blocks: readonly Block[];
  /** The end of its period, RFC 3339, if the API states it. */
  readonly ends?: string | undefined;
}

/** Something that people should know about a plan. */
export type PlanNote =
  | UncountedSeats
  /** A subscription that is canceled has keys, which end with it. */
  | { readonly type: 'ending-keys'; readonly subscription: string; readonly keys: readonly string[] }
  /** The API doesn't state the limits of some keys, so they weren't compared. */
  | { readonly type: 'limits-not-stated'; readonly keys: number };

/** The difference between a file and an account. */
export interface AccountPlan {
  /** In the order in which they are carried out. Empty: the account is as the file says. */
  readonly steps: readonly PlanStep[];
  readonly unmanaged: readonly Unmanaged[];
  readonly notes: readonly PlanNote[];
}
