import type { Clocks } from '../../domain/pace.ts';
import type { StateDatabase } from './database.ts';

/** How many requests are reserved at a time, in milliseconds of the rate. */
const reservedTime = 250;

/** The times at which requests may leave, so that several processes together keep to a rate. */
export class SharedRate {
  readonly #database: StateDatabase;
  readonly #clocks: Clocks;
  readonly #name: string;
  /** Reserved times of requests, in milliseconds of the monotonic clock. */
  #reserved: number[] = [];
  #reserving: Promise<void> | undefined;

  /** @param name - what the processes have in common that share the rate */
  constructor(database: StateDatabase, clocks: Clocks, name: string) {
    this.#database = database;
    this.#clocks = clocks;
    this.#name = name;
  }

  /**
   * Reserves the time of the next request.
   *
   * @param rate - requests per second
   * @returns how long to wait, in milliseconds
   * @throws CommandError (state_unreachable)
   */
  async reserve(rate: number): Promise<number> {
    for (;;) {
      const now = this.#clocks.monotonic();
      // A time that passed long ago doesn't allow more requests now.
      this.#reserved = this.#reserved.filter((time) => time > now - reservedTime);
      const next = this.#reserved.shift();
      if (next !== undefined) return Math.max(0, next - now);
      this.#reserving ??= this.#reserve(rate).finally(() => {
        this.#reserving = undefined;
      });
      await this.#reserving;
    }
  }

  async #reserve(rate: number): Promise<void> {
    const { schema } = this.#database.address;
    const count = Math.max(1, Math.floor((rate * reservedTime) / 1000));
    const [row] = await this.#database.rows<{ wait: number }>(
      `insert into ${schema}.rates as known (name, next_at)
       values ($1, clock_timestamp() + make_interval(secs => $2))
       on conflict (name) do update set next_at = greatest(known.next_at, clock_timestamp()) + make_interval(secs => $2)
       returning extract(epoch from next_at - clock_timestamp())::float8 - $2 as wait`,
      [this.#name, count / rate],
    );
    const first = this.#clocks.monotonic() + (row?.wait ?? 0) * 1000;
    this.#reserved.push(...Array.from({ length: count }, (_, index) => first + (index * 1000) / rate));
  }
}
