import {
  blockPrice,
  blockState,
  closedReason,
  findPool,
  freeSeats,
  hasListedPrices,
  isOpen,
  poolName,
  seatsText,
} from '../account/pools.ts';
import { type PricedPurchase, type PurchaseOptions, pricePurchase } from '../account/purchase/price.ts';
import type { Tagged } from '../api/client.ts';
import type { Api } from '../api/index.ts';
import type { Pool, PoolDetail } from '../api/pools.ts';
import type { Block } from '../domain/blocks.ts';
import type { Clocks } from '../domain/pace.ts';
import type { BlockAvailability, Candidate, PoolAvailability } from './availability.ts';

/** The pools and blocks to watch. */
export interface WatchTarget {
  /** Slugs or UUIDs, as typed. */
  readonly pools: readonly string[];
  readonly blocks: readonly Block[];
  /** Whether the blocks of a pool must be available together. */
  readonly together: boolean;
  /** How many seats must be available in each block. */
  readonly quantity: number;
}

/** The result of one poll of the pools. */
export interface Poll {
  /** When the list was requested, epoch milliseconds. */
  readonly at: number;
  readonly pools: readonly PoolAvailability[];
  /** Returns the price of a candidate. @throws CommandError (unexpected_response) if the API states none */
  readonly price: (candidate: Candidate, purchase: Omit<PurchaseOptions, 'blocks'>) => PricedPurchase;
}

/** The parts of the context that polling uses. */
interface PollingContext {
  readonly api: Pick<Api, 'pools'>;
  readonly clocks: Clocks;
}

/** Polls the same pools repeatedly. */
export class PoolPoller {
  /** In order of preference: pools as typed, blocks in the order of the day. */
  readonly candidates: readonly Candidate[];
  /** The pools to watch, as the API listed them at the start. */
  readonly pools: readonly Pool[];
  readonly #api: Pick<Api, 'pools'>;
  readonly #clocks: Clocks;
  readonly #target: WatchTarget;
  #list: Tagged<Pool[]>;
  #listedAt: number;
  /** Whether the list is the one that {@link start} fetched. The first poll reuses it. */
  #isFirst = true;

  private constructor(
    { api, clocks }: PollingContext,
    target: WatchTarget,
    { list, at }: { readonly list: Tagged<Pool[]>; readonly at: number },
  ) {
    this.#api = api;
    this.#clocks = clocks;
    this.#target = target;
    this.#list = list;
    this.#listedAt = at;
    const found = target.pools.map((typed) => findPool(list.value, typed));
    this.pools = [...new Map(found.map((pool) => [pool.id, pool])).values()];
    this.candidates = this.pools
      .map(poolName)
      .flatMap((pool) =>
        target.together ? [{ pool, blocks: target.blocks }] : target.blocks.map((block) => ({ pool, blocks: [block] })),
      );
  }

  /** Fetches the list of pools, and finds those to watch. @throws CommandError (not_found) with similar names */
  static async start(context: PollingContext, target: WatchTarget): Promise<PoolPoller> {
    const at = context.clocks.wall();
    return new PoolPoller(context, target, { list: await context.api.pools.listAgain(undefined), at });
  }

  /** Polls once, without retries. @throws CommandError */
  async poll(): Promise<Poll> {
    if (!this.#isFirst) {
      const at = this.#clocks.wall();
      this.#list = await this.#api.pools.listAgain(this.#list, { once: true });
      this.#listedAt = at;
    }
    this.#isFirst = false;
    const { blocks, quantity } = this.#target;
    const found = new Map<string, { readonly pool: Pool; readonly detail: PoolDetail | undefined }>();
    const pools: PoolAvailability[] = [];
    for (const watched of this.pools) {
      const { id } = watched;
      const name = poolName(watched);
      const pool = this.#list.value.find((each) => each.id === id);
      const detail = pool && this.#needsDetail(pool) ? await this.#api.pools.get(id, { once: true }) : undefined;
      if (pool) found.set(name, { pool, detail });
      pools.push({
        pool: name,
        status: pool?.status ?? undefined,
        blocks: blocks.map((block) => blockAvailability(pool, detail, block, quantity)),
      });
    }
    return {
      at: this.#listedAt,
      pools,
      price: ({ pool: name, blocks }, purchase) => {
        const { pool, detail } = found.get(name) ?? { pool: findPool(this.#list.value, name), detail: undefined };
        return pricePurchase(pool, detail, blocks, purchase);
      },
    };
  }

  /** Whether the list lacks a fact. It never states how many seats are available, and older responses lack prices. */
  #needsDetail(pool: Pool): boolean {
    const { blocks, quantity } = this.#target;
    return (
      blocks.some((block) => blockState(pool, block) === 'unknown' || !hasListedPrices(pool, [block])) ||
      (quantity > 1 && blocks.some((block) => isOpen(pool, block)))
    );
  }
}

function blockAvailability(
  pool: Pool | undefined,
  detail: PoolDetail | undefined,
  block: Block,
  quantity: number,
): BlockAvailability {
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
  const closed = closedReason(pool);
  if (closed !== undefined) return closed;
  if (open) return blockState(pool, block) === 'limited' ? 'open, few seats left' : 'open';
  return free ? seatsText(free) : 'sold out';
}
