import type { Block } from '../domain/blocks.ts';
import { findByIdPrefix } from '../domain/id-prefix.ts';
import { type Account, freshAccount } from './account.ts';
import { timeText } from './calendar.ts';
import { findPool, poolOf, pools } from './catalogue.ts';
import { freeOf } from './drops.ts';
import { settle } from './settle.ts';
import { openStore, type StoreOptions } from './store.ts';

/** A management key that the sandbox accepts. */
export const sandboxManagementKey = 'mk_sandbox';

/** The last moment the sandbox's clock can show: beyond it the API's times have no four-digit year. */
const endOfTime = Date.UTC(9999, 11, 31);

const mostRivals = 1000;

/**
 * Starts a new account in the folder, at 09:00 UTC; running servers go on with it.
 *
 * @param options - `card`: whether a payment card is on file
 */
export async function resetSandbox(store: StoreOptions, options: { card: boolean }): Promise<void> {
  const { replace, now } = openStore(store);
  await replace(freshAccount(options, now()));
}

/**
 * Moves the sandbox's clock on, and lets happen what falls due in between: renewals, endings, keys handed over.
 *
 * @param milliseconds - how far, ≥ 0
 * @returns the sandbox's new time
 * @throws RangeError when the clock would go back, or past the year 9999
 */
export async function advanceSandbox(store: StoreOptions, milliseconds: number): Promise<Date> {
  if (!(Number.isFinite(milliseconds) && milliseconds >= 0)) {
    throw new RangeError("the sandbox's clock only moves forward");
  }
  return openStore(store).run((account, time) => {
    const later = time + Math.round(milliseconds);
    if (later > endOfTime) throw new RangeError("the sandbox's clock ends with the year 9999");
    const offsetMilliseconds = account.offsetMilliseconds + Math.round(milliseconds);
    return { account: settle({ ...account, offsetMilliseconds }, later), result: new Date(later) };
  });
}

/** Seats of a block that are to be on offer for a time. */
export interface DropRequest {
  /** Slug or UUID. */
  readonly pool: string;
  readonly block: Block;
  /** Milliseconds from now. */
  readonly opensIn: number;
  /** Milliseconds. */
  readonly lasts: number;
  readonly seats: number;
  /** How many others come for a seat, evenly spread over the time. */
  readonly rivals: number;
}

/** A drop as it is told; times by the sandbox's clock, as the API writes them. */
export interface ScheduledDrop {
  readonly pool: string;
  readonly block: Block;
  readonly opensAt: string;
  readonly closesAt: string;
  readonly seats: number;
  readonly rivals: number;
  /** How many of the seats nobody took yet; null before it opens. */
  readonly left: number | null;
}

/**
 * Schedules seats of a block: from now on the block is sold out but for the times that are scheduled.
 *
 * @throws RangeError for a pool that cannot be subscribed to, more seats than it has, too many rivals, or a time that there is not
 */
export async function scheduleDrop(
  store: StoreOptions,
  { pool: name, block, opensIn, lasts, seats, rivals }: DropRequest,
): Promise<void> {
  const pool = findPool(name) ?? findByIdPrefix(pools, name, 'pools', ({ id, slug }) => `${id}  ${slug}`);
  if (pool?.status !== 'active') {
    const open = pools.filter(({ status }) => status === 'active').map(({ slug }) => slug);
    throw new RangeError(`the sandbox has no pool "${name}" that can be subscribed to, but ${open.join(', ')}`);
  }
  if (seats > pool.totalSlots) throw new RangeError(`${pool.slug} has ${pool.totalSlots} seats, not ${seats}`);
  if (rivals > mostRivals) throw new RangeError(`no more than ${mostRivals} rivals can come, and not ${rivals}`);
  await openStore(store).run((account, time) => {
    const opensAt = Math.round(time + opensIn);
    const closesAt = Math.round(opensAt + lasts);
    if (closesAt > endOfTime) throw new RangeError("the sandbox's clock ends with the year 9999");
    const drop = { poolId: pool.id, block, opensAt, closesAt, seats, rivals };
    const drops = [...(account.drops ?? []), { ...drop, rivalsSeen: 0, phase: 'due' as const, slots: [] }];
    return { account: settle({ ...account, drops }, time), result: undefined };
  });
}

/** All that is scheduled, in the order in which it was. */
export async function scheduledDrops(store: StoreOptions): Promise<ScheduledDrop[]> {
  return openStore(store).run((account) => ({ account, result: scheduled(account) }));
}

/** Forgets all that is scheduled: seats are free or not as before. */
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
