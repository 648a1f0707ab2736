import type { AccountPlan, CurrentAccount, PlanNote, PlanOptions } from './account-plan.ts';
import type { DesiredAccount } from './desired-account.ts';
import { planKeys } from './plan-keys.ts';
import { planSeats, type SeatsPlan } from './plan-seats.ts';

/**
 * Compares what a file says with what an account has, and returns what to do so that they agree. Steps that need an option that
 * isn't given, or that the API can't carry out, have an obstacle.
 */
export function planAccount(desired: DesiredAccount, current: CurrentAccount, options: PlanOptions): AccountPlan {
  const seats = planSeats(desired.seats, current.subscriptions, options, protectedKeys(desired, current));
  const keys = planKeys(desired, current, seats.steps, options);
  return {
    steps: [...seats.steps, ...keys.steps],
    unmanaged: [...seats.unmanaged, ...keys.unmanaged],
    notes: [...seats.notes, ...endingKeys(seats.steps, current), ...keys.notes],
  };
}

/** Returns the names of protected keys, by the subscription whose seat they use. */
function protectedKeys({ keys: desired }: DesiredAccount, { keys }: CurrentAccount): ReadonlyMap<string, string> {
  const names = new Set(desired.flatMap(({ name, isProtected }) => (isProtected ? [name.trim()] : [])));
  return new Map(
    keys.flatMap(({ name, subscriptionId, isActive }) => {
      const trimmed = name?.trim() ?? '';
      return isActive !== false && subscriptionId != null && names.has(trimmed) ? [[subscriptionId, trimmed]] : [];
    }),
  );
}

/** Returns notes on the keys of subscriptions that are canceled. */
function endingKeys(steps: SeatsPlan['steps'], { keys }: CurrentAccount): PlanNote[] {
  return steps.flatMap((step) => {
    if (step.action !== 'cancel' || step.obstacle) return [];
    const { subscription } = step;
    const names = keys.flatMap(({ id, name, isActive, subscriptionId }) =>
      isActive !== false && subscriptionId === subscription ? [name?.trim() || id] : [],
    );
    return names.length === 0 ? [] : [{ type: 'ending-keys', subscription, keys: names } as const];
  });
}
