import type { Block } from '../domain/blocks.ts';
import type { Cents } from '../domain/money.ts';

/** A block that reopens within this time is flapping, in milliseconds. It is reported after two checks in a row find it open. */
const flapsWithin = 600_000;

/** Blocks of one pool that a watch waits for. They must be open together. */
export interface Candidate {
  /** The name of the pool. */
  readonly pool: string;
  readonly blocks: readonly Block[];
}

/** The availability of one block at one check. */
export interface BlockAvailability {
  readonly block: Block;
  /** Whether as many seats as requested are available. */
  readonly open: boolean;
  /** The state for people: `sold out`. */
  readonly state: string;
  /** Undefined if the API doesn't say. */
  readonly freeSeats: number | undefined;
  /** For one seat and one month. Undefined if the API doesn't say. */
  readonly price: Cents | undefined;
}

/** The availability of one pool at one check. */
export interface PoolAvailability {
  readonly pool: string;
  /** Undefined if the pool isn't listed. */
  readonly status: string | undefined;
  readonly blocks: readonly BlockAvailability[];
}

/** A change from one check to the next. */
export interface AvailabilityChange {
  readonly event: 'opened' | 'sold_out' | 'price_changed' | 'pool_status_changed';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly pool: string;
  /** Empty if the change is about the whole pool. */
  readonly blocks: readonly Block[];
  readonly status: string | undefined;
  readonly previousStatus?: string | undefined;
  /** Of all blocks, for one seat and one month. */
  readonly price?: Cents | undefined;
  readonly previousPrice?: Cents | undefined;
  readonly freeSeats?: number | undefined;
}

/** A candidate, and what the watch has reported about it. */
interface TrackedCandidate {
  readonly candidate: Candidate;
  isOpen: boolean;
  isReported: boolean;
  closedAt: number;
}

/** Compares each check with the earlier ones, and returns the changes. It reads no clock. */
export class AvailabilityTracker {
  readonly #candidates: readonly TrackedCandidate[];
  readonly #statuses = new Map<string, string | undefined>();
  readonly #prices = new Map<string, Cents>();

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates.map((candidate) => ({
      candidate,
      isOpen: false,
      isReported: false,
      closedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  /**
   * Takes the availability at one check.
   *
   * @param at - epoch milliseconds
   * @returns the changes to report, and the open candidates in their own order
   */
  update(
    pools: readonly PoolAvailability[],
    at: number,
  ): { readonly changes: AvailabilityChange[]; readonly open: Candidate[] } {
    const changes = pools.flatMap((pool) => [...this.#statusChange(pool, at), ...this.#priceChanges(pool, at)]);
    const open: Candidate[] = [];
    for (const tracked of this.#candidates) {
      const { candidate } = tracked;
      const now = availabilityOf(candidate, pools);
      if (now.isOpen) open.push(candidate);
      const event = eventFor(tracked, now.isOpen, at);
      if (event) changes.push({ event, at, ...candidate, ...now.facts });
    }
    return { changes, open };
  }

  /** Returns the opening that led to a purchase, even if the block is flapping; undefined if it was already reported. */
  reportOpening(candidate: Candidate, pools: readonly PoolAvailability[], at: number): AvailabilityChange | undefined {
    const tracked = this.#candidates.find((each) => each.candidate === candidate);
    if (!tracked || tracked.isReported) return undefined;
    tracked.isReported = true;
    return { event: 'opened', at, ...candidate, ...availabilityOf(candidate, pools).facts };
  }

  #statusChange({ pool, status }: PoolAvailability, at: number): AvailabilityChange[] {
    const isKnown = this.#statuses.has(pool);
    const previousStatus = this.#statuses.get(pool);
    this.#statuses.set(pool, status);
    if (!isKnown || status === previousStatus) return [];
    return [{ event: 'pool_status_changed', at, pool, blocks: [], status, previousStatus }];
  }

  /** If the API states no price, the last known one counts. */
  #priceChanges({ pool, status, blocks }: PoolAvailability, at: number): AvailabilityChange[] {
    return blocks.flatMap(({ block, price }) => {
      if (price === undefined) return [];
      const previousPrice = this.#prices.get(`${pool} ${block}`);
      this.#prices.set(`${pool} ${block}`, price);
      if (previousPrice === undefined || previousPrice === price) return [];
      return [{ event: 'price_changed' as const, at, pool, blocks: [block], status, price, previousPrice }];
    });
  }
}

/** Updates a candidate, and returns the event to report. */
function eventFor(tracked: TrackedCandidate, isOpen: boolean, at: number): 'opened' | 'sold_out' | undefined {
  const wasOpen = tracked.isOpen;
  tracked.isOpen = isOpen;
  if (isOpen) {
    const flaps = at - tracked.closedAt < flapsWithin;
    if (tracked.isReported || (flaps && !wasOpen)) return undefined;
    tracked.isReported = true;
    return 'opened';
  }
  if (!wasOpen) return undefined;
  tracked.closedAt = at;
  if (!tracked.isReported) return undefined;
  tracked.isReported = false;
  return 'sold_out';
}

/** Returns whether all blocks of a candidate are open, the sum of their prices, and the seats that every block has. */
function availabilityOf(
  { pool: name, blocks: names }: Candidate,
  pools: readonly PoolAvailability[],
): { readonly isOpen: boolean; readonly facts: Pick<AvailabilityChange, 'status' | 'price' | 'freeSeats'> } {
  const pool = pools.find((each) => each.pool === name);
  const blocks = pool?.blocks.filter(({ block }) => names.includes(block)) ?? [];
  const prices = blocks.flatMap(({ price }) => price ?? []);
  const seats = blocks.flatMap(({ freeSeats }) => freeSeats ?? []);
  return {
    isOpen: blocks.length === names.length && blocks.every(({ open }) => open),
    facts: {
      status: pool?.status,
      price: prices.length === blocks.length ? prices.reduce((sum, each) => sum + each, 0) : undefined,
      freeSeats: seats.length === blocks.length ? Math.min(...seats) : undefined,
    },
  };
}
