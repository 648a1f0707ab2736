import type { Block } from './blocks.ts';
import type { BillingCycle } from './quote.ts';

/** A place in a file, for errors and results. Lines and columns count from 1. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What to do if seats are sold out: end with an error, wait until they are available, or continue without them. */
export const soldOutActions = ['fail', 'wait', 'skip'] as const;
type SoldOutAction = (typeof soldOutActions)[number];

/** The seats of a pool that an account should have, each in all of some blocks. */
export interface DesiredSeats {
  /** The slug of the pool. */
  readonly pool: string;
  /** At least one, each once, in the order of the day. */
  readonly blocks: readonly Block[];
  /** The number of seats, 1 or more. */
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly onSoldOut: SoldOutAction;
  /** Whether its subscriptions are never canceled. */
  readonly isProtected: boolean;
  readonly place: FilePlace;
}

/** An API key that an account should have. Its name is unique among all desired keys. */
export interface DesiredKey {
  readonly name: string;
  readonly type: 'credit' | 'subscription';
  /** The slug of the pool whose seat a subscription key uses, or the ID of the subscription. Exactly one of them, only for a subscription key. */
  readonly pool?: string | undefined;
  readonly subscription?: string | undefined;
  /** The limits of a credit key: USD, requests and tokens per minute. Undefined: no limit is asked for. */
  readonly maxBudget?: number | undefined;
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  /** Where the secret of a new key goes, as `--to` takes it. Undefined: to the file of `--save-to`. */
  readonly to?: string | undefined;
  /** Whether the key is never revoked or rotated. */
  readonly isProtected: boolean;
  readonly place: FilePlace;
}

/** What a file says that an account should have. */
export interface DesiredAccount {
  /** As the user named it. */
  readonly file: string;
  /** The most that all subscriptions together may cost per month, in USD cents; undefined: no limit. */
  readonly maxMonthlySpend: number | undefined;
  /** Keys whose names start with this belong to the file, so that those that it doesn't name can be revoked. */
  readonly managedPrefix: string | undefined;
  readonly seats: readonly DesiredSeats[];
  readonly keys: readonly DesiredKey[];
}
