import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import type { Cents } from '../../domain/money.ts';
import { FetchCache } from '../fetch-cache.ts';
import { PoolCatalog } from '../pool-catalog.ts';
import { withPool } from '../pools.ts';
import { monthlySpending } from './limits.ts';

/** How long what was fetched can be bought from, in milliseconds. Prices and the account may change after that. */
const freshFor = 5000;

/** Returns whether what was fetched at a moment can be bought from now. Both in epoch milliseconds; the machine may have slept. */
export function isFresh(at: number, now: number): boolean {
  return Math.abs(now - at) <= freshFor;
}

/** What a purchase depends on in an account. */
export interface PurchaseAccount {
  /** Returns my subscriptions on a pool, by its name. */
  subscriptions(pool: string): Promise<readonly Subscription[]>;
  /** Returns what {@link monthlySpending} does. */
  spending(): Promise<Cents | undefined>;
}

/** What taking a snapshot takes. */
type SnapshotContext = Pick<Context, 'api' | 'clocks' | 'record' | 'settings'>;

/** The pools and the account at one moment. Each part is fetched once, when it is first needed. */
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

  /** Takes a snapshot of now. */
  static async take(context: SnapshotContext): Promise<PurchaseSnapshot> {
    const history = await context.record.history();
    return new PurchaseSnapshot(context, history.mark());
  }

  /** Whether it is too young for prices to have changed. */
  get isFresh(): boolean {
    return isFresh(this.#takenAt, this.#context.clocks.wall());
  }

  /**
   * Returns whether it is fresh, and no `ci` on this machine has recorded anything since it was taken. While no other `ci` can buy,
   * the account is then as it was, as far as this machine knows.
   */
  async isCurrent(): Promise<boolean> {
    const history = await this.#context.record.history();
    return this.isFresh && history.mark() === this.#mark;
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
