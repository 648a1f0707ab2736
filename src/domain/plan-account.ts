import type { AccountPlan, CurrentAccount, PlanOptions } from './account-plan.ts';
import type { DesiredAccount } from './desired-account.ts';
import { planKeys } from './plan-keys.ts';
import { planSeats } from './plan-seats.ts';

/**
 * Compares what a file says with what an account has, and returns what to do so that they agree. Steps that need an option that
 * isn't given, or that the API can't carry out, have an obstacle.
 */
export function planAccount(desired: DesiredAccount, current: CurrentAccount, options: PlanOptions): AccountPlan {
  const seats = planSeats(desired.seats, current.subscriptions, options);
  const keys = planKeys(desired, current, seats.steps, options);
  return {
    steps: [...seats.steps, ...keys.steps],
    unmanaged: [...seats.unmanaged, ...keys.unmanaged],
    notes: [...seats.notes, ...keys.notes],
  };
}
