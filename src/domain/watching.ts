import type { Block } from './blocks.ts';
import type { Cents } from './money.ts';

/** A block that opens so soon after it closed is flapping, milliseconds: it is told of once it was seen open twice in a row. */
const flapsWithin = 600_000;

/** What is waited for: blocks of a pool that are to be open together. */
export interface Candidate {
  /** What the pool is called. */
  readonly pool: string;
  readonly blocks: readonly Block[];
}

/** One block as a check saw it. */
export interface SeenBlock {
  readonly block: Block;
  /** Whether as many seats as are wanted can be had. */
  readonly open: boolean;
  /** The API's word for it. */
  readonly state: string;
  /** Where the API tells. */
  readonly freeSeats: number | undefined;
  /** A seat for a month, where the API tells. */
  readonly price: Cents | undefined;
}

/** One pool as a check saw it. */
export interface SeenPool {
  readonly pool: string;
  /** Undefined when it is listed no more. */
  readonly status: string | undefined;
  readonly blocks: readonly SeenBlock[];
}

/** Something that a check found changed. */
export interface Change {
  readonly event: 'opened' | 'sold_out' | 'price_changed' | 'pool_status_changed';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly pool: string;
  /** None when it is about the whole pool. */
  readonly blocks: readonly Block[];
  readonly status: string | undefined;
  readonly previousStatus?: string | undefined;
  /** Of all the blocks, for a seat and a month. */
  readonly price?: Cents | undefined;
  readonly previousPrice?: Cents | undefined;
  readonly freeSeats?: number | undefined;
}

/** A candidate and what was told of it. */
interface Waiting {
  readonly candidate: Candidate;
  open: boolean;
  told: boolean;
  closedAt: number;
}

/** What checks found so far: from one to the next it tells what changed. Time is handed in. */
export class Watch {
  readonly #waiting: readonly Waiting[];
  readonly #pools = new Map<string, string | undefined>();
  readonly #prices = new Map<string, Cents>();

  constructor(candidates: readonly Candidate[]) {
    this.#waiting = candidates.map((candidate) => ({
      candidate,
      open: false,
      told: false,
      closedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  /**
   * What changed since the last check.
   *
   * @param at - epoch milliseconds
   * @returns the changes to be told, and the candidates that are open, in the order of the candidates
   */
  observe(seen: readonly SeenPool[], at: number): { readonly changes: Change[]; readonly open: Candidate[] } {
    const changes = seen.flatMap((pool) => [...this.#statusChange(pool, at), ...this.#priceChanges(pool, at)]);
    const open: Candidate[] = [];
    for (const waiting of this.#waiting) {
      const { candidate } = waiting;
      const now = seenOf(candidate, seen);
      if (now.isOpen) open.push(candidate);
      const event = this.#seen(waiting, now.isOpen, at);
      if (event) changes.push({ event, at, ...candidate, ...now.facts });
    }
    return { changes, open };
  }

  /**
   * Has an opening told, flapping or not: it was of use.
   *
   * @returns the change, unless it was told
   */
  tell(candidate: Candidate, seen: readonly SeenPool[], at: number): Change | undefined {
    const waiting = this.#waiting.find((each) => each.candidate === candidate);
    if (!waiting || waiting.told) return undefined;
    waiting.told = true;
    return { event: 'opened', at, ...candidate, ...seenOf(candidate, seen).facts };
  }

  #seen(waiting: Waiting, isOpen: boolean, at: number): 'opened' | 'sold_out' | undefined {
    const wasOpen = waiting.open;
    waiting.open = isOpen;
    if (isOpen) {
      const flaps = at - waiting.closedAt < flapsWithin;
      if (waiting.told || (flaps && !wasOpen)) return undefined;
      waiting.told = true;
      return 'opened';
    }
    if (!wasOpen) return undefined;
    waiting.closedAt = at;
    if (!waiting.told) return undefined;
    waiting.told = false;
    return 'sold_out';
  }

  #statusChange({ pool, status }: SeenPool, at: number): Change[] {
    const known = this.#pools.has(pool);
    const previousStatus = this.#pools.get(pool);
    this.#pools.set(pool, status);
    if (!known || status === previousStatus) return [];
    return [{ event: 'pool_status_changed', at, pool, blocks: [], status, previousStatus }];
  }

  /** A price that is not stated for a while is the last one. */
  #priceChanges({ pool, status, blocks }: SeenPool, at: number): Change[] {
    return blocks.flatMap(({ block, price }) => {
      if (price === undefined) return [];
      const previousPrice = this.#prices.get(`${pool} ${block}`);
      this.#prices.set(`${pool} ${block}`, price);
      if (previousPrice === undefined || previousPrice === price) return [];
      return [{ event: 'price_changed' as const, at, pool, blocks: [block], status, price, previousPrice }];
    });
  }
}

/** What a check saw of a candidate: the prices of its blocks added up, and the seats that are free in all of them. */
function seenOf(
  { pool: name, blocks: wanted }: Candidate,
  seen: readonly SeenPool[],
): { readonly isOpen: boolean; readonly facts: Pick<Change, 'status' | 'price' | 'freeSeats'> } {
  const pool = seen.find((each) => each.pool === name);
  const blocks = pool?.blocks.filter(({ block }) => wanted.includes(block)) ?? [];
  const prices = blocks.flatMap(({ price }) => price ?? []);
  const seats = blocks.flatMap(({ freeSeats }) => freeSeats ?? []);
  return {
    isOpen: blocks.length === wanted.length && blocks.every(({ open }) => open),
    facts: {
      status: pool?.status,
      price: prices.length === blocks.length ? prices.reduce((sum, each) => sum + each, 0) : undefined,
      freeSeats: seats.length === blocks.length ? Math.min(...seats) : undefined,
    },
  };
}
