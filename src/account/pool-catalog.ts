import type { Pool, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { isId, isIdPrefix } from '../domain/id-prefix.ts';
import { FetchCache } from './fetch-cache.ts';
import { findPool, poolName } from './pools.ts';

/** Fetches the list of pools and each pool once, when it is first needed. */
export class PoolCatalog {
  readonly #context: Pick<Context, 'api'>;
  readonly #lists = new FetchCache<Pool[]>();
  readonly #details = new FetchCache<PoolDetail>();

  constructor(context: Pick<Context, 'api'>) {
    this.#context = context;
  }

  /** Returns all pools that the API lists. */
  list(): Promise<Pool[]> {
    return this.#lists.get('', async () => (await this.#context.api()).pools.list());
  }

  /** Returns a pool with its hours and seats. */
  detail({ id }: Pool): Promise<PoolDetail> {
    return this.#details.get(id, async () => (await this.#context.api()).pools.get(id));
  }

  /**
   * Returns the name under which the record keeps a pool, so that changes by slug and by UUID can be compared. Fetches the list of
   * pools only for a UUID.
   *
   * @param typed - slug or UUID
   */
  async nameOf(typed: string): Promise<string> {
    if (!isId(typed)) return typed;
    const pool = (await this.list()).find(({ id, slug }) => id === typed || slug === typed);
    return pool ? poolName(pool) : typed;
  }

  /**
   * Returns the name of the pool with a UUID that begins with what was typed; returns anything else unchanged. Fetches the list only
   * for such a prefix.
   *
   * @throws CommandError (not_found) with the nearest names; (usage) if several begin with it
   */
  async expand(typed: string): Promise<string> {
    return isIdPrefix(typed) ? poolName(findPool(await this.list(), typed)) : typed;
  }
}
