import type { Tagged } from '../../api/client.ts';
import type { Api } from '../../api/index.ts';
import type { Pool, PoolDetail } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import type { Candidate, SeenBlock, SeenPool } from '../../domain/watching.ts';
import { blockPrice, blockState, findPool, freeSeats, hasListedPrices, isOpen, poolName } from '../pools.ts';
import { type PricedPurchase, type PurchaseOptions, pricePurchase } from '../purchase/price.ts';

/** What is looked for. */
export interface Sought {
  /** Slugs or UUIDs, as typed. */
  readonly pools: readonly string[];
  readonly blocks: readonly Block[];
  /** Whether the blocks of a pool are to be open together. */
  readonly together: boolean;
  /** How many seats are to be free in each block. */
  readonly quantity: number;
}

/** What one look at the API showed. */
export interface Look {
  readonly seen: readonly SeenPool[];
  /** What a candidate would cost now. @throws CommandError (unexpected_response) when the API states no price */
  readonly priced: (candidate: Candidate, purchase: Omit<PurchaseOptions, 'blocks'>) => PricedPurchase;
}

/** Looks at the same pools again and again. */
export class Lookout {
  /** In the order in which they are preferred: pools as typed, blocks in the day's order. */
  readonly candidates: readonly Candidate[];
  readonly #api: Api;
  readonly #sought: Sought;
  readonly #pools: readonly { readonly id: string; readonly name: string }[];
  #known: Tagged<Pool[]>;
  /** The first look's list, which the first check need not ask for again. */
  #fresh = true;

  private constructor(api: Api, sought: Sought, known: Tagged<Pool[]>) {
    this.#api = api;
    this.#sought = sought;
    this.#known = known;
    const found = new Map(sought.pools.map((typed) => findPool(known.value, typed)).map((pool) => [pool.id, pool]));
    this.#pools = [...found.values()].map((pool) => ({ id: pool.id, name: poolName(pool) }));
    this.candidates = this.#pools.flatMap(({ name: pool }) =>
      sought.together ? [{ pool, blocks: sought.blocks }] : sought.blocks.map((block) => ({ pool, blocks: [block] })),
    );
  }

  /** The first look. @throws CommandError (not_found) that names the nearest, for a pool that there is not */
  static async begin(api: Api, sought: Sought): Promise<Lookout> {
    return new Lookout(api, sought, await api.pools.listAgain(undefined));
  }

  /** The names of the pools, as the API has them. */
  get pools(): readonly string[] {
    return this.#pools.map(({ name }) => name);
  }

  /** Looks once: a failure is the caller's to repeat. @throws CommandError */
  async look(): Promise<Look> {
    if (!this.#fresh) this.#known = await this.#api.pools.listAgain(this.#known, { once: true });
    this.#fresh = false;
    const { blocks, quantity } = this.#sought;
    const found = new Map<string, { readonly pool: Pool; readonly detail: PoolDetail | undefined }>();
    const seen: SeenPool[] = [];
    for (const { id, name } of this.#pools) {
      const pool = this.#known.value.find((each) => each.id === id);
      const detail = pool && this.#needsDetail(pool) ? await this.#api.pools.get(id, { once: true }) : undefined;
      if (pool) found.set(name, { pool, detail });
      seen.push({
        pool: name,
        status: pool?.status ?? undefined,
        blocks: blocks.map((block) => seenBlock(pool, detail, block, quantity)),
      });
    }
    return {
      seen,
      priced: ({ pool: name, blocks }, purchase) => {
        const { pool, detail } = found.get(name) ?? { pool: findPool(this.#known.value, name), detail: undefined };
        return pricePurchase(pool, detail, blocks, purchase);
      },
    };
  }

  /** The list may be silent about seats and prices, and never says how many seats are free. */
  #needsDetail(pool: Pool): boolean {
    const { blocks, quantity } = this.#sought;
    return (
      blocks.some((block) => blockState(pool, block) === 'unknown' || !hasListedPrices(pool, [block])) ||
      (quantity > 1 && blocks.some((block) => isOpen(pool, block)))
    );
  }
}

function seenBlock(pool: Pool | undefined, detail: PoolDetail | undefined, block: Block, quantity: number): SeenBlock {
  if (!pool) return { block, open: false, state: 'not listed', freeSeats: undefined, price: undefined };
  const whole: PoolDetail = { ...pool, hourSlots: detail?.hourSlots };
  const free = freeSeats(whole, block);
  const open = isOpen(whole, block) && (free === undefined || free >= quantity);
  return {
    block,
    open,
    state: stateOf(pool, block, open, free),
    freeSeats: free,
    price: blockPrice(pool, whole, block)?.cents,
  };
}

function stateOf(pool: Pool, block: Block, open: boolean, free: number | undefined): string {
  if (pool.status !== 'active') return pool.status ?? 'unknown';
  if (open) return blockState(pool, block) === 'limited' ? 'open, few seats' : 'open';
  return free ? `${free} free` : 'sold out';
}
