import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Cents } from '../../domain/money.ts';
import { FetchCache } from '../fetch-cache.ts';
import { PoolCatalog } from '../pool-catalog.ts';
import { withPool } from '../pools.ts';
import { monthlySpending } from './limits.ts';

/** How long a purchase can rely on fetched data, in milliseconds. After that, prices and the account may have changed. */
const freshFor = 5000;

/** Returns whether a purchase can rely on data that was fetched at a given time. Both times are in epoch milliseconds. */
export function isFresh(at: number, now: number): boolean {
  // The clock may have been set back.
  return Math.abs(now - at) <= freshFor;
}

/** The data of an account that a purchase depends on. */
export interface PurchaseAccount {
  /** Returns the user's subscriptions on a pool. @param pool - its name */
  subscriptions(pool: string): Promise<readonly Subscription[]>;
  /** Returns the result of {@link monthlySpending}. */
  spending(): Promise<Cents | undefined>;
}

/** The parts of the context that a snapshot uses. */
type SnapshotContext = Pick<Context, 'api' | 'clocks' | 'record' | 'settings'>;

/** Fetches the pools and the account, each part once, when it is first needed. */
export class PurchaseSnapshot implements PurchaseAccount {
  readonly catalog: PoolCatalog;
  readonly #context: SnapshotContext;
  readonly #takenAt: number;
  readonly #mark: string | undefined;
  readonly #subscriptions = new FetchCache<Subscription[]>();
  readonly #spending = new FetchCache<Cents | undefined>();

  private constructor(context: SnapshotContext, mark: string | undefined) {
    this.catalog = new PoolCatalog(context);
    this.#context = context;
    this.#takenAt = context.clocks.wall();
    this.#mark = mark;
  }

  /** Creates a snapshot that is taken now. */
  static async take(context: SnapshotContext): Promise<PurchaseSnapshot> {
    const history = await context.record.history();
    return new PurchaseSnapshot(context, await history.mark());
  }

  /** Whether a purchase can rely on the snapshot. */
  get isFresh(): boolean {
    return isFresh(this.#takenAt, this.#context.clocks.wall());
  }

  /**
   * Returns whether the snapshot is fresh, and no `ci` has recorded anything since. While no other `ci` can buy, the account is then
   * unchanged, as far as the record knows.
   */
  async isCurrent(): Promise<boolean> {
    const history = await this.#context.record.history();
    return this.isFresh && (await history.mark()) === this.#mark;
  }

  subscriptions(pool: string): Promise<readonly Subscription[]> {
    return this.#subscriptions.get(pool, async () => {
      const { pools } = await this.#context.api();
      return withPool(this.#context, pool, () => pools.subscriptions(pool));
    });
  }

  spending(): Promise<Cents | undefined> {
    return this.#spending.get('', () =>
      monthlySpending(this.#context, {
        pools: { subscriptions: async (pool) => [...(await this.subscriptions(pool))] },
      }),
    );
  }
}
