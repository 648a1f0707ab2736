import type { Block } from '../domain/blocks.ts';
import { findByIdPrefix } from '../domain/id-prefix.ts';
import { inWords } from '../output/text.ts';
import { type Account, freshAccount } from './account.ts';
import { timeText } from './calendar.ts';
import { findPool, poolOf, pools } from './catalogue.ts';
import { freeOf } from './drops.ts';
import { settle } from './settle.ts';
import { openStore, type StoreOptions } from './store.ts';

/** A management key that the sandbox accepts. */
export const sandboxManagementKey = 'mk_sandbox';

/** The last time of the sandbox's clock. After it, the year would have five digits. */
const endOfTime = Date.UTC(9999, 11, 31);

const mostRivals = 1000;

/**
 * Replaces the account by a new one, at 09:00 UTC. Running servers use it, too.
 *
 * @param options - `card`: whether a card is saved
 */
export async function resetSandbox(store: StoreOptions, options: { card: boolean }): Promise<void> {
  const { replace, now } = openStore(store);
  await replace(freshAccount(options, now()));
}

/** Returns the time of the sandbox's clock. */
export function sandboxTime(store: StoreOptions): Promise<Date> {
  return openStore(store).run((account, time) => ({ account, result: new Date(time) }));
}

/**
 * Moves the sandbox's clock forward. Subscriptions renew or end, and keys are delivered, as they become due.
 *
 * @param milliseconds - how far, ≥ 0
 * @returns the sandbox's new time
 * @throws RangeError if the clock would move backward, or past the year 9999
 */
export async function advanceSandbox(store: StoreOptions, milliseconds: number): Promise<Date> {
  if (!(Number.isFinite(milliseconds) && milliseconds >= 0)) {
    throw new RangeError("The sandbox's clock only moves forward");
  }
  return openStore(store).run((account, time) => {
    const later = time + Math.round(milliseconds);
    if (later > endOfTime) throw new RangeError("The sandbox's clock ends with the year 9999");
    const offsetMilliseconds = account.offsetMilliseconds + Math.round(milliseconds);
    return { account: settle({ ...account, offsetMilliseconds }, later), result: new Date(later) };
  });
}

/** A request to make seats of a block available for a limited time. */
export interface DropRequest {
  /** Slug or UUID. */
  readonly pool: string;
  readonly block: Block;
  /** Milliseconds from now. */
  readonly opensIn: number;
  /** Milliseconds. */
  readonly lasts: number;
  readonly seats: number;
  /** Number of other buyers, spread evenly over that time. */
  readonly rivals: number;
}

/** A scheduled drop, with times of the sandbox's clock in the format of the API. */
export interface ScheduledDrop {
  readonly pool: string;
  readonly block: Block;
  readonly opensAt: string;
  readonly closesAt: string;
  readonly seats: number;
  readonly rivals: number;
  /** Number of seats that are still available; null before it opens. */
  readonly left: number | null;
}

/**
 * Schedules seats of a block. From now on, the block is sold out except at scheduled times.
 *
 * @throws RangeError if the pool isn't open for subscriptions, or if there are too many seats or rivals, or the time is too late
 */
export async function scheduleDrop(
  store: StoreOptions,
  { pool: name, block, opensIn, lasts, seats, rivals }: DropRequest,
): Promise<void> {
  const pool = findPool(name) ?? findByIdPrefix(pools, name, 'pools', ({ id, slug }) => `${id}  ${slug}`);
  if (pool?.status !== 'active') {
    const open = pools.filter(({ status }) => status === 'active').map(({ slug }) => slug);
    throw new RangeError(`"${name}" is not a pool that is open for subscriptions. Choose ${inWords(open, 'or')}`);
  }
  if (seats > pool.totalSlots) throw new RangeError(`${pool.slug} has only ${pool.totalSlots} seats, not ${seats}`);
  if (rivals > mostRivals) throw new RangeError(`${rivals} rivals are too many. Use at most ${mostRivals}`);
  await openStore(store).run((account, time) => {
    const opensAt = Math.round(time + opensIn);
    const closesAt = Math.round(opensAt + lasts);
    if (closesAt > endOfTime) throw new RangeError("The sandbox's clock ends with the year 9999");
    const drop = { poolId: pool.id, block, opensAt, closesAt, seats, rivals };
    const drops = [...(account.drops ?? []), { ...drop, rivalsSeen: 0, phase: 'due' as const, slots: [] }];
    return { account: settle({ ...account, drops }, time), result: undefined };
  });
}

/** Returns the scheduled drops, in the order in which they were scheduled. */
export async function scheduledDrops(store: StoreOptions): Promise<ScheduledDrop[]> {
  return openStore(store).run((account) => ({ account, result: scheduled(account) }));
}

/** Clears the schedule. Seats are available as before. */
export async function clearDrops(store: StoreOptions): Promise<void> {
  await openStore(store).run(({ drops: _drops, ...account }) => ({ account, result: undefined }));
}

function scheduled(account: Account): ScheduledDrop[] {
  return (account.drops ?? []).map((drop) => ({
    pool: poolOf(drop).slug,
    block: drop.block,
    opensAt: timeText(drop.opensAt),
    closesAt: timeText(drop.closesAt),
    seats: drop.seats,
    rivals: drop.rivals,
    left: drop.phase === 'due' ? null : freeOf(account, drop).length,
  }));
}
