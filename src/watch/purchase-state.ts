import type { Obstacle } from '../account/changes/earlier.ts';
import type { PurchaseResult } from '../account/purchase/purchase-result.ts';
import type { Cents } from '../domain/money.ts';
import type { Candidate } from './availability.ts';

/** Seats of a candidate that the account has: bought by this watch, or covered before. */
export interface OwnedSeats {
  readonly candidate: Candidate;
  readonly purchase: PurchaseResult;
  /** The most that was charged; 0 if it was covered before. */
  readonly charge: Cents;
  /** A note to print before the seats. */
  readonly note?: string;
}

/** The state of the one purchase that a watch makes. */
export type PurchaseState =
  /** A purchase is possible. */
  | { readonly kind: 'idle' }
  /** An earlier purchase by any command may still go through. Nothing is bought until it settles. */
  | { readonly kind: 'pending'; readonly obstacle: Obstacle }
  /** The purchase of this watch may still go through. */
  | {
      readonly kind: 'unknown';
      /** The id of the purchase in the record. */
      readonly id: string;
      /** The pending change that the last check found; undefined before the first check, and when nothing is pending. */
      readonly obstacle?: Obstacle | undefined;
    }
  /** The account has the seats. Nothing more is bought. */
  | { readonly kind: 'owned'; readonly seats: OwnedSeats };

/** Returns the purchase that may still go through, if a check has found one. */
export function obstacleIn(state: PurchaseState): Obstacle | undefined {
  return state.kind === 'pending' || state.kind === 'unknown' ? state.obstacle : undefined;
}

/** Returns the state after a check for earlier purchases. */
export function stateAfterCheck(state: PurchaseState, obstacle: Obstacle | undefined): PurchaseState {
  if (state.kind === 'owned') return state;
  if (state.kind === 'unknown') return { ...state, obstacle };
  return obstacle ? { kind: 'pending', obstacle } : { kind: 'idle' };
}
