import type { Clocks } from '../../domain/pace.ts';
import { Batches } from '../batches.ts';
import type { ProcessId } from '../process.ts';
import type { SharedWork, WorkShare } from '../work-share.ts';
import type { StateDatabase } from './database.ts';
import { endExpired, endIfDead, type TakenLock } from './locks.ts';
import { expired, type Session } from './session.ts';
import { SharedRate } from './shared-rate.ts';

/** How often to look whether other processes have finished their rows, in milliseconds. */
const pollInterval = 300;

/** What the part of a process depends on. */
interface PostgresWorkOptions {
  readonly database: StateDatabase;
  readonly clocks: Clocks;
  readonly session: Session;
  /** The lock that the processes share. */
  readonly lock: TakenLock;
  readonly work: SharedWork;
}

/** The part of this process in work whose rows a database hands out. */
export class PostgresWork implements WorkShare {
  readonly #options: PostgresWorkOptions;
  readonly #rate: SharedRate;
  readonly #finished = new Batches<number>((places) => this.#finish(places));
  /** Whether rows of processes that have died are handed out. */
  #takesOver = false;

  private constructor(options: PostgresWorkOptions) {
    const { database, clocks, lock } = options;
    this.#options = options;
    this.#rate = new SharedRate(database, clocks, lock.name);
  }

  /** Takes part in work. Adds its rows unless another process has. @throws CommandError (state_unreachable) */
  static async open(options: PostgresWorkOptions): Promise<PostgresWork> {
    const { database, lock, work } = options;
    const { schema } = database.address;
    await database.rows(
      `with added as (
         insert into ${schema}.work (run, name, rows, began_at) values ($1, $2, $3, clock_timestamp())
         on conflict (run) do nothing returning run
       )
       insert into ${schema}.work_rows (run, place) select run, generate_series(0, $3::integer - 1) from added`,
      [lock.run, lock.name, work.rows],
    );
    return new PostgresWork(options);
  }

  async take(count: number): Promise<readonly number[]> {
    const { database, lock, session } = this.#options;
    const { schema } = database.address;
    const free = this.#takesOver
      ? `(session is null or exists (select from ${schema}.sessions where id = work_rows.session and ended_at is not null))`
      : 'session is null';
    const taken = await database.rows<{ place: number }>(
      `with next as (
         select place from ${schema}.work_rows where run = $1 and ended_at is null and ${free}
         order by place limit $3 for update skip locked
       )
       update ${schema}.work_rows set session = $2 from next
       where work_rows.run = $1 and work_rows.place = next.place and ${session.isAlive} and ${session.sameServer}
       returning work_rows.place`,
      [lock.run, session.id, count],
    );
    return taken.map(({ place }) => place).sort((one, other) => one - other);
  }

  finish(place: number): Promise<void> {
    return this.#finished.add(place);
  }

  async hasMore(onWait: (rows: number) => void): Promise<boolean> {
    const { database, clocks, lock, session } = this.#options;
    const { schema } = database.address;
    this.#takesOver = true;
    for (let isWaiting = false; ; isWaiting = true) {
      const ids = 'select session from SCHEMA.work_rows where run = $2 and ended_at is null';
      if (!(await endExpired(database, session, ids, lock.run))) throw session.lose(expired);
      const left = await database.rows<Partial<ProcessId> & { id: string; count: number; is_free: boolean }>(
        `select session::text as id, machine, pid, started, count(*)::integer as count, session is null or sessions.ended_at is not null as is_free
         from ${schema}.work_rows left join ${schema}.sessions on sessions.id = session
         where run = $1 and work_rows.ended_at is null group by session, machine, pid, started, sessions.ended_at`,
        [lock.run],
      );
      let isFree = left.some(({ is_free }) => is_free);
      for (const { id, machine, pid, started } of left) {
        if (machine == null || pid == null || started == null) continue;
        isFree = (await endIfDead(database, { id, machine, pid, started })) || isFree;
      }
      if (isFree) return true;
      if (left.length === 0) return false;
      if (!isWaiting) onWait(left.reduce((sum, { count }) => sum + count, 0));
      await clocks.sleep(pollInterval);
    }
  }

  reserve(rate: number): Promise<number> {
    return this.#rate.reserve(rate);
  }

  async #finish(places: readonly number[]): Promise<void> {
    const { database, lock, session } = this.#options;
    await database.rows(
      `update ${database.address.schema}.work_rows set ended_at = clock_timestamp()
       where run = $1 and place = any ($2::integer[]) and session = $3 and ended_at is null`,
      [lock.run, places, session.id],
    );
  }
}
