import type {
  CreateKeyStep,
  CurrentAccount,
  CurrentKey,
  Difference,
  Obstacle,
  PlanNote,
  PlanOptions,
  PlanStep,
  RevokeKeyStep,
  RotateKeyStep,
  Unmanaged,
} from './account-plan.ts';
import type { DesiredAccount, DesiredKey } from './desired-account.ts';
import { groupBy } from './group-by.ts';

/** What a plan says about keys. */
export interface KeysPlan {
  readonly steps: readonly (CreateKeyStep | RotateKeyStep | RevokeKeyStep)[];
  readonly unmanaged: readonly Unmanaged[];
  readonly notes: readonly PlanNote[];
}

/** Compares the keys that a file names with those of an account. @param seatSteps - what the plan does to seats */
export function planKeys(
  { keys: desired, managedPrefix }: Pick<DesiredAccount, 'keys' | 'managedPrefix'>,
  current: CurrentAccount,
  seatSteps: readonly PlanStep[],
  options: PlanOptions,
): KeysPlan {
  const active = current.keys.filter(({ isActive }) => isActive !== false);
  const named = groupBy(active, ({ name }) => name?.trim() || undefined);
  const seats = new Seats(current, seatSteps, options);
  const creations: CreateKeyStep[] = [];
  const rotations: RotateKeyStep[] = [];
  let unstated = 0;
  for (const key of desired) {
    const existing = named.get(key.name.trim()) ?? [];
    const [first] = existing;
    if (!first) {
      creations.push({ action: 'create-key', kind: 'create', key, differences: [], obstacle: seats.obstacleFor(key) });
      continue;
    }
    if (existing.length > 1) {
      const ids = existing.map(({ id }) => id).join(', ');
      const why = `there are ${existing.length} active keys of this name (${ids}); revoke all but one`;
      rotations.push({ action: 'rotate-key', kind: 'update', key, id: first.id, differences: [], obstacle: { why } });
      continue;
    }
    if (!statesLimits(first, key)) unstated += 1;
    const differences = differencesOf(first, key, seats);
    if (differences.length === 0) continue;
    const obstacle = rotationObstacle(key, seats, options);
    rotations.push({ action: 'rotate-key', kind: 'update', key, id: first.id, differences, obstacle });
  }
  const { revocations, unmanaged } = planOthers(active, new Set(desired.map(({ name }) => name.trim())), {
    ...options,
    managedPrefix,
  });
  return {
    steps: [...creations, ...rotations, ...revocations],
    unmanaged,
    notes: unstated > 0 ? [{ type: 'limits-not-stated', keys: unstated }] : [],
  };
}

function planOthers(
  active: readonly CurrentKey[],
  named: ReadonlySet<string>,
  { allowDestroy, managedPrefix }: PlanOptions & Pick<DesiredAccount, 'managedPrefix'>,
): { revocations: RevokeKeyStep[]; unmanaged: Unmanaged[] } {
  const obstacle: Obstacle | undefined = allowDestroy
    ? undefined
    : { option: '--allow-destroy', why: "the file doesn't name it" };
  const revocations: RevokeKeyStep[] = [];
  const unmanaged: Unmanaged[] = [];
  for (const { id, name } of active) {
    const trimmed = name?.trim() ?? '';
    if (named.has(trimmed)) continue;
    if (managedPrefix && trimmed.startsWith(managedPrefix)) {
      revocations.push({ action: 'revoke-key', kind: 'destroy', id, name: trimmed, differences: [], obstacle });
    } else unmanaged.push({ type: 'key', id, name: trimmed || id });
  }
  return { revocations, unmanaged };
}

/** The obstacle of a key for a subscription that isn't set up yet. */
const byEmail: Obstacle = { why: 'the first key of its subscription arrives by email, within 24 hours' };

/** The seats that keys can use. */
class Seats {
  /** The pool of each subscription, by its ID. */
  readonly poolOf: ReadonlyMap<string, string>;
  readonly #usable: ReadonlySet<string>;
  readonly #pools: ReadonlySet<string>;
  /** The IDs and pools of the subscriptions for which no key can be created yet. */
  readonly #pending: ReadonlySet<string>;
  /** By pool: undefined if the plan reserves a seat, else why it doesn't. */
  readonly #reserved = new Map<string, Obstacle | undefined>();

  constructor({ subscriptions }: CurrentAccount, seatSteps: readonly PlanStep[], { unavailable }: PlanOptions) {
    const usable = subscriptions.filter(({ status }) => status === 'active');
    this.#pending = new Set(
      subscriptions.filter(({ status }) => status === 'pending_key').flatMap(({ id, poolSlug }) => [id, poolSlug]),
    );
    this.poolOf = new Map(subscriptions.map(({ id, poolSlug }) => [id, poolSlug]));
    this.#usable = new Set(usable.map(({ id }) => id));
    this.#pools = new Set(usable.map(({ poolSlug }) => poolSlug));
    for (const step of seatSteps) {
      if (step.action !== 'reserve') continue;
      const { pool } = step.seats;
      const obstacle = step.obstacle ?? (unavailable?.has(step.seats) ? { why: "it isn't available" } : undefined);
      if (obstacle === undefined || !this.#reserved.has(pool)) this.#reserved.set(pool, obstacle);
    }
  }

  /** Returns why a key can't use any seat; undefined if it can, or doesn't need one. */
  obstacleFor({ type, pool, subscription }: DesiredKey): Obstacle | undefined {
    if (type === 'credit') return undefined;
    if (subscription !== undefined) {
      if (this.#usable.has(subscription)) return undefined;
      return this.#pending.has(subscription) ? byEmail : { why: `you have no active subscription ${subscription}` };
    }
    if (pool === undefined || this.#pools.has(pool)) return undefined;
    if (!this.#reserved.has(pool)) {
      if (this.#pending.has(pool)) return byEmail;
      return { why: `you have no active subscription on ${pool}, and the file reserves no seat there` };
    }
    const obstacle = this.#reserved.get(pool);
    return obstacle && { ...obstacle, why: `its seat on ${pool} isn't reserved: ${obstacle.why}` };
  }
}

function rotationObstacle(key: DesiredKey, seats: Seats, { updateExisting }: PlanOptions): Obstacle | undefined {
  if (key.isProtected) return { why: 'it is protected' };
  const noSeat = seats.obstacleFor(key);
  if (noSeat && noSeat.option === undefined) return noSeat;
  return updateExisting ? noSeat : { option: '--update-existing', why: 'it differs' };
}

const limits = ['maxBudget', 'rpm', 'tpm'] as const;

/** Returns whether the API states all limits of a key that the file sets. */
function statesLimits(current: CurrentKey, desired: DesiredKey): boolean {
  return limits.every((limit) => desired[limit] === undefined || current[limit] !== undefined);
}

/** Returns what differs. What the file leaves out isn't compared, and what the API doesn't state can't differ. */
function differencesOf(current: CurrentKey, desired: DesiredKey, { poolOf }: Seats): Difference[] {
  const { keyType, subscriptionId, subscriptionStatus } = current;
  if ((keyType === 'credit' || keyType === 'subscription') && keyType !== desired.type) {
    return [{ field: 'type', from: keyType, to: desired.type }];
  }
  const differences: Difference[] = [];
  const pool = subscriptionId == null ? undefined : poolOf.get(subscriptionId);
  if (desired.pool !== undefined && pool !== undefined && pool !== desired.pool) {
    differences.push({ field: 'pool', from: pool, to: desired.pool });
  } else if (desired.pool !== undefined && subscriptionId != null && subscriptionStatus === 'canceled') {
    // Its seat is gone, so it needs one that is there.
    differences.push({ field: 'subscription', from: subscriptionId, to: undefined });
  }
  if (desired.subscription !== undefined && subscriptionId != null && subscriptionId !== desired.subscription) {
    differences.push({ field: 'subscription', from: subscriptionId, to: desired.subscription });
  }
  for (const limit of limits) {
    const from = current[limit];
    const to = desired[limit];
    if (to === undefined || from === undefined || (from !== null && isSame(limit, from, to))) continue;
    differences.push({ field: limit, from: from ?? undefined, to });
  }
  return differences;
}

/** Returns whether two limits are the same. Amounts are the same if they are equal to the cent. */
function isSame(limit: (typeof limits)[number], a: number, b: number): boolean {
  return limit === 'maxBudget' ? Math.round(a * 100) === Math.round(b * 100) : a === b;
}
