import type {
  CancelStep,
  CurrentSubscription,
  Difference,
  Obstacle,
  PlanNote,
  PlanOptions,
  ReserveStep,
  UncountedSeats,
  Unmanaged,
} from './account-plan.ts';
import { type Block, hoursPerBlock } from './blocks.ts';
import { hoursInWords, reservedBlocks, reservedHours, seatsOf, willRenew } from './coverage.ts';
import type { DesiredSeats } from './desired-account.ts';
import { groupBy } from './group-by.ts';
import { parseUsd } from './money.ts';

/** What a plan says about seats. */
export interface SeatsPlan {
  /** First what is canceled, in the order in which the API cancels; then what is reserved. */
  readonly steps: readonly (CancelStep | ReserveStep)[];
  readonly unmanaged: readonly Unmanaged[];
  readonly notes: readonly PlanNote[];
}

/**
 * Compares the seats that a file asks for with the subscriptions of an account.
 *
 * @param protectedKeys - the names of protected keys, by the ID of their subscription, which isn't canceled
 */
export function planSeats(
  desired: readonly DesiredSeats[],
  subscriptions: readonly CurrentSubscription[],
  options: PlanOptions,
  protectedKeys: ReadonlyMap<string, string> = new Map(),
): SeatsPlan {
  const desiredOf = groupBy(desired, ({ pool }) => pool);
  const existingOf = groupBy(subscriptions, ({ poolSlug }) => poolSlug);
  const pools = [...new Set([...desiredOf.keys(), ...existingOf.keys()])].map((pool) =>
    planPool(desiredOf.get(pool) ?? [], existingOf.get(pool) ?? [], { ...options, protectedKeys }),
  );
  return {
    steps: [...pools.flatMap(({ cancels }) => cancels), ...pools.flatMap(({ reserves }) => reserves)],
    unmanaged: pools.flatMap(({ unmanaged }) => unmanaged),
    notes: pools.flatMap(({ notes }) => notes),
  };
}

/** A subscription that counts: it is paid for, and will renew. */
interface RenewingSeats {
  readonly subscription: CurrentSubscription;
  /** Empty if its hours aren't whole blocks. */
  readonly blocks: readonly Block[];
  readonly seats: number;
}

/** What changes together: some subscriptions are canceled, and seats are reserved in their place. */
interface Change {
  readonly entry: DesiredSeats;
  readonly cancels: readonly RenewingSeats[];
  /** The number of seats to reserve. */
  readonly missing: number;
  /** The number of seats that there are. */
  readonly have: number;
  /** The subscriptions that have the seats, but end or aren't paid. A reservation would be paid for in addition. */
  readonly uncounted: readonly UncountedSeats[];
  /** Why it isn't carried out, whatever the options; undefined if it can be. */
  blocked: string | undefined;
}

function planPool(
  entries: readonly DesiredSeats[],
  existing: readonly CurrentSubscription[],
  options: PlanOptions & { readonly protectedKeys: ReadonlyMap<string, string> },
): { cancels: CancelStep[]; reserves: ReserveStep[]; unmanaged: Unmanaged[]; notes: PlanNote[] } {
  const held = existing.filter(willRenew).map(heldSeats);
  const { matching, others } = match(entries, held);
  const changes = entries.flatMap((entry) =>
    changesOf({ entry, held: matching.get(entry) ?? [], others, existing }, options),
  );
  for (const change of changes) change.blocked ??= protectedKeyOf(change, options.protectedKeys);
  blockOutOfOrder(changes, existing);
  const changed = new Set(changes.flatMap(({ cancels }) => cancels));
  const notes = changes.flatMap(({ uncounted }) => uncounted);
  const noted = new Set(notes.map(({ subscription }) => subscription));
  const named = new Set([...matching.values()].flat());
  const heldOf = new Map(held.map((each) => [each.subscription, each]));
  const unmanaged = existing.filter((subscription) => {
    const mine = heldOf.get(subscription);
    if (mine) return !named.has(mine) && !changed.has(mine);
    return subscription.status === 'past_due' && subscription.cancelAtPeriodEnd !== true && !noted.has(subscription.id);
  });
  return {
    cancels: changes
      .flatMap((change) => change.cancels.map((each) => cancelStep(change, each, options)))
      .toSorted(inOrderOf(existing)),
    reserves: changes.filter(({ missing }) => missing > 0).map((change) => reserveStep(change, options)),
    unmanaged: unmanaged.map((each) => ({ type: 'subscription', id: each.id, name: nameOf(each) })),
    notes: notes.filter(({ subscription }, at) => notes.findIndex((each) => each.subscription === subscription) === at),
  };
}

/** Assigns each subscription to the entry with its blocks and billing cycle. */
function match(entries: readonly DesiredSeats[], held: readonly RenewingSeats[]) {
  const matching = new Map<DesiredSeats, RenewingSeats[]>();
  const others: RenewingSeats[] = [];
  const add = (entry: DesiredSeats, each: RenewingSeats) => {
    const mine = matching.get(entry);
    if (mine) mine.push(each);
    else matching.set(entry, [each]);
  };
  const unstated: RenewingSeats[] = [];
  for (const each of held) {
    if (cycleOf(each.subscription) === undefined) unstated.push(each);
    else {
      const entry = entries.find((one) => hasBlocks(each, one) && one.billingCycle === each.subscription.billingCycle);
      if (entry) add(entry, each);
      else others.push(each);
    }
  }
  // A billing cycle that the API doesn't state can't differ.
  for (const each of unstated) {
    const fitting = entries.filter((entry) => hasBlocks(each, entry));
    const entry = fitting.find((one) => seatsIn(matching.get(one) ?? []) < one.quantity) ?? fitting[0];
    if (entry) add(entry, each);
    else others.push(each);
  }
  return { matching, others };
}

/** An entry, and what its pool has. */
interface EntrySeats {
  readonly entry: DesiredSeats;
  /** The subscriptions of the entry. */
  readonly held: readonly RenewingSeats[];
  /** Those that no entry has. Replaced ones are taken out. */
  readonly others: RenewingSeats[];
  readonly existing: readonly CurrentSubscription[];
}

/** Returns what has to change for an entry. */
function changesOf(seats: EntrySeats, options: PlanOptions): Change[] {
  const { entry, held } = seats;
  const have = seatsIn(held);
  if (have < entry.quantity) return [missingSeats(seats, have, options)];
  return surplusSeats(entry, have, held);
}

function missingSeats({ entry, others, existing }: EntrySeats, have: number, { unavailable }: PlanOptions): Change {
  const missing = entry.quantity - have;
  const uncounted = uncountedSeats(entry, existing);
  const unpaid = uncounted.find(({ type }) => type === 'past_due');
  if (unpaid) {
    const blocked = `subscription ${unpaid.subscription} has its seats, but a failed payment`;
    return { entry, cancels: [], missing, have, uncounted, blocked };
  }
  const unstated = others.find(({ subscription }) => reservedHours(subscription).length === 0);
  if (unstated) {
    // A wrong guess would buy the same seats again each time.
    const blocked = `the API doesn't state the blocks of subscription ${unstated.subscription.id}`;
    return { entry, cancels: [], missing, have, uncounted, blocked };
  }
  const cancels: RenewingSeats[] = [];
  const byFit = [
    ...others.filter((each) => hasBlocks(each, entry)),
    ...others.filter((each) => !hasBlocks(each, entry)),
  ];
  for (const each of byFit) {
    if (seatsIn(cancels) >= missing) break;
    cancels.push(each);
    others.splice(others.indexOf(each), 1);
  }
  const isLost = cancels.length > 0 && unavailable?.has(entry) === true;
  const blocked = isLost ? "the seats that replace it aren't available" : undefined;
  return { entry, cancels, missing, have, uncounted, blocked };
}

/** Returns a change for each subscription that can be canceled without giving up a seat that is asked for. */
function surplusSeats(entry: DesiredSeats, have: number, held: readonly RenewingSeats[]): Change[] {
  let surplus = have - entry.quantity;
  const blocked = entry.isProtected ? 'it is protected' : undefined;
  const changes: Change[] = [];
  const kept: RenewingSeats[] = [];
  for (const each of held) {
    if (each.seats > surplus) kept.push(each);
    else {
      surplus -= each.seats;
      changes.push({ entry, cancels: [each], missing: 0, have, uncounted: [], blocked });
    }
  }
  const [first] = kept;
  if (surplus === 0 || !first) return changes;
  const why = `it has ${first.seats} seats, which can only be canceled together, and ${surplus} of them ${surplus === 1 ? 'is' : 'are'} too many`;
  return [...changes, { entry, cancels: [first], missing: 0, have, uncounted: [], blocked: blocked ?? why }];
}

/** Returns why a change that would end a protected key isn't made; undefined if it ends none. */
function protectedKeyOf({ cancels }: Change, protectedKeys: ReadonlyMap<string, string>): string | undefined {
  for (const { subscription } of cancels) {
    const name = protectedKeys.get(subscription.id);
    if (name !== undefined) return `subscription ${subscription.id} has key ${name}, which is protected`;
  }
  return undefined;
}

/** Blocks the changes that would cancel a subscription that isn't the most recent renewing one when its turn comes. */
function blockOutOfOrder(changes: readonly Change[], existing: readonly CurrentSubscription[]): void {
  const changeOf = new Map(
    changes.flatMap((change) => change.cancels.map(({ subscription }) => [subscription, change] as const)),
  );
  const renewing = existing.filter(({ status, cancelAtPeriodEnd }) => status !== 'canceled' && !cancelAtPeriodEnd);
  // A blocked change keeps its subscriptions, which then stand before earlier ones.
  for (let at = 0; at < renewing.length; ) {
    const subscription = renewing[at];
    const change = subscription && changeOf.get(subscription);
    if (change && change.blocked === undefined) {
      at += 1;
      continue;
    }
    const blockedNow = renewing
      .slice(at)
      .flatMap((each) => changeOf.get(each) ?? [])
      .filter(({ blocked }) => blocked === undefined);
    if (blockedNow.length === 0) return;
    for (const each of blockedNow) {
      each.blocked = `the API cancels only the most recent subscription of a pool, which is ${subscription?.id}`;
    }
    at = 0;
  }
}

function cancelStep(change: Change, { subscription, blocks }: RenewingSeats, options: PlanOptions): CancelStep {
  const { id, poolSlug, currentPeriodEnd, monthlyPrice } = subscription;
  return {
    action: 'cancel',
    kind: 'update',
    pool: poolSlug,
    subscription: id,
    blocks,
    ends: currentPeriodEnd ?? undefined,
    perMonth: monthlyPrice == null ? undefined : parseUsd(monthlyPrice),
    differences: change.missing > 0 ? differencesOf(change, subscription) : [quantityDifference(change)],
    obstacle: obstacleOf(change, options),
  };
}

function reserveStep(change: Change, options: PlanOptions): ReserveStep {
  const { entry, cancels, missing } = change;
  const [replaced] = cancels;
  return {
    action: 'reserve',
    kind: replaced ? 'update' : 'create',
    seats: entry,
    missing,
    differences: [
      ...(replaced ? differencesOf(change, replaced.subscription) : []),
      ...(change.have > 0 ? [quantityDifference(change)] : []),
    ],
    obstacle: obstacleOf(change, options),
  };
}

function obstacleOf({ blocked, cancels, uncounted }: Change, { updateExisting }: PlanOptions): Obstacle | undefined {
  if (blocked !== undefined) return { why: blocked };
  if (updateExisting) return undefined;
  const [ending] = uncounted;
  if (ending)
    return { option: '--update-existing', why: `subscription ${ending.subscription} has its seats, and ends` };
  return cancels.length === 0 ? undefined : { option: '--update-existing', why: 'it differs' };
}

function differencesOf({ entry }: Change, subscription: CurrentSubscription): Difference[] {
  const from = hoursInWords(subscription);
  const to = entry.blocks.join(',');
  const cycle = cycleOf(subscription);
  return [
    ...(from === to ? [] : [{ field: 'blocks', from, to } as const]),
    ...(cycle === undefined || cycle === entry.billingCycle
      ? []
      : [{ field: 'billingCycle', from: cycle, to: entry.billingCycle } as const]),
  ];
}

function quantityDifference({ entry, have }: Change): Difference {
  return { field: 'quantity', from: have, to: entry.quantity };
}

/** Returns the subscriptions that have an entry's seats, but that end or aren't paid. */
function uncountedSeats(entry: DesiredSeats, existing: readonly CurrentSubscription[]): UncountedSeats[] {
  return existing.flatMap((subscription) => {
    const { id, poolSlug, status, cancelAtPeriodEnd, currentPeriodEnd } = subscription;
    const isPastDue = status === 'past_due';
    if (!isPastDue && !(cancelAtPeriodEnd === true && status !== 'canceled')) return [];
    const each = heldSeats(subscription);
    const cycle = cycleOf(subscription);
    if (!hasBlocks(each, entry) || (cycle !== undefined && cycle !== entry.billingCycle)) return [];
    return [
      {
        type: isPastDue ? 'past_due' : 'ending',
        subscription: id,
        pool: poolSlug,
        blocks: each.blocks,
        ends: currentPeriodEnd ?? undefined,
      } as const,
    ];
  });
}

function heldSeats(subscription: CurrentSubscription): RenewingSeats {
  const blocks = reservedBlocks(subscription);
  const isWhole = blocks.length > 0 && blocks.length * hoursPerBlock === reservedHours(subscription).length;
  if (!isWhole) return { subscription, blocks: [], seats: 1 };
  return { subscription, blocks, seats: Math.max(1, Math.min(...blocks.map((block) => seatsOf(subscription, block)))) };
}

function seatsIn(held: readonly RenewingSeats[]): number {
  return held.reduce((sum, { seats }) => sum + seats, 0);
}

function hasBlocks({ blocks }: RenewingSeats, entry: DesiredSeats): boolean {
  return blocks.length === entry.blocks.length && blocks.every((block) => entry.blocks.includes(block));
}

/** Returns the billing cycle of a subscription; undefined if the API doesn't state one that a file can name. */
function cycleOf({ billingCycle }: CurrentSubscription): 'month' | 'year' | undefined {
  return billingCycle === 'month' || billingCycle === 'year' ? billingCycle : undefined;
}

/** Returns a subscription for people: `kimi26 asia,europe`. */
function nameOf(subscription: CurrentSubscription): string {
  return `${subscription.poolSlug} ${hoursInWords(subscription)}`.trim();
}

function inOrderOf(existing: readonly CurrentSubscription[]): (a: CancelStep, b: CancelStep) => number {
  const order = new Map(existing.map(({ id }, at) => [id, at]));
  return (a, b) => (order.get(a.subscription) ?? 0) - (order.get(b.subscription) ?? 0);
}
