import type { Cents } from '../../domain/money.ts';
import type { Obstacle } from '../changes/earlier.ts';
import type { PurchaseResult } from '../purchase/purchase-result.ts';
import type { Candidate } from './availability.ts';

/** A candidate that the account holds: bought now, bought by a purchase whose response was lost, or covered before. */
export interface HeldSeats {
  readonly candidate: Candidate;
  readonly purchase: PurchaseResult;
  /** The most that was charged; 0 if it was covered before. */
  readonly charge: Cents;
  /** What to print first. */
  readonly note?: string;
}

/** Where the one purchase of a watch stands. */
export type PurchaseState =
  /** Nothing is in the way of a purchase. */
  | { readonly kind: 'idle' }
  /** An earlier purchase, by whatever command, may still go through. Until it settles, nothing is bought. */
  | { readonly kind: 'pending'; readonly obstacle: Obstacle }
  /** This watch's own purchase may still go through. */
  | {
      readonly kind: 'unknown';
      /** In the record. */
      readonly id: string;
      /** What is pending according to the last check; undefined before the first, and once nothing is. */
      readonly obstacle?: Obstacle | undefined;
    }
  /** The account holds a candidate. Nothing more is bought. */
  | { readonly kind: 'held'; readonly seats: HeldSeats };

/** Returns the purchase that may still go through, as far as the account was checked for it. */
export function obstacleIn(state: PurchaseState): Obstacle | undefined {
  return state.kind === 'pending' || state.kind === 'unknown' ? state.obstacle : undefined;
}

/** Returns the state after a check for earlier purchases. */
export function stateAfterCheck(state: PurchaseState, obstacle: Obstacle | undefined): PurchaseState {
  if (state.kind === 'held') return state;
  if (state.kind === 'unknown') return { ...state, obstacle };
  return obstacle ? { kind: 'pending', obstacle } : { kind: 'idle' };
}
