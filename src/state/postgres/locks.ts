import { CommandError } from '../../domain/errors.ts';
import type { Clocks } from '../../domain/pace.ts';
import { hasEnded, type ProcessId } from '../process.ts';
import type { StateDatabase } from './database.ts';
import { isAlive, isFree } from './expressions.ts';
import { expired, type Session } from './session.ts';

/** The pauses between two attempts to take a lock, in milliseconds. The last one is repeated, each randomly shortened by up to half. */
const pauses = [20, 40, 80, 160, 250] as const;

/** A lock to take. */
interface WantedLock {
  readonly name: string;
  /** Identifies the work that the lock is taken for. Several processes may have a lock for the same work; without one, only one may. */
  readonly work?: string | undefined;
  /** How long to wait for another process, in milliseconds. */
  readonly patience: number;
  /** Called once if another process has the lock. @param holder - says which: `pid 42 on build-3` */
  readonly onWait: (holder: string) => void;
}

/** A lock that was taken. */
export interface TakenLock {
  readonly name: string;
  /** Its number, which is above those of all earlier holders. */
  readonly fence: string;
  /** The number with which the first of the processes took it that share the work. */
  readonly run: string;
}

/** A process that has a lock. */
interface HolderRow extends ProcessId {
  readonly id: string;
  /** Empty if the table lacks the session. */
  readonly host: string;
  readonly has_ended: boolean;
}

/**
 * Takes a lock, and waits while another process has it. A holder that has died keeps it until its lease has expired, unless it was a
 * process of this machine.
 *
 * Nobody takes a lock from a session that could still be renewed: an expired session is ended first, in a statement that its renewal
 * excludes. A session that isn't seen yet counts as one that hasn't ended.
 *
 * @throws CommandError (busy), (state_unreachable), (interrupted)
 */
export async function takeLock(
  database: StateDatabase,
  clocks: Clocks,
  session: Session,
  { name, work, patience, onWait }: WantedLock,
): Promise<TakenLock> {
  const { schema } = database.address;
  const deadline = clocks.monotonic() + patience;
  let isWaiting = false;
  for (let attempt = 0; ; attempt++) {
    const [taken] = await database.rows<{ fence: string; run: string }>(
      `insert into ${schema}.locks as held (name, work, run, sessions, fence, taken_at)
       select $1, $3, fence, array[id], fence, clock_timestamp()
       from (select id, nextval('${schema}.fence') as fence from ${schema}.sessions
         where id = $2 and ${isAlive} and ${session.sameServer}) as own
       on conflict (name) do update set
         work = excluded.work,
         fence = excluded.fence,
         taken_at = excluded.taken_at,
         run = case when ${isFree(schema, 'held')} then excluded.run else held.run end,
         sessions = case when ${isFree(schema, 'held')} then excluded.sessions else held.sessions || excluded.sessions end
       where ${isFree(schema, 'held')} or held.work = excluded.work
       returning fence::text, run::text`,
      [name, session.id, work ?? null],
    );
    if (taken) return { name, ...taken };
    const isOwnAlive = await endExpired(
      database,
      session,
      'select unnest(sessions) from SCHEMA.locks where name = $2',
      name,
    );
    if (!isOwnAlive) throw session.lose(expired);
    const holder = (await holdersOf(database, name)).find(({ has_ended }) => !has_ended);
    if (!holder || (await endIfDead(database, holder))) continue;
    const who = holder.host === '' ? 'of an unknown machine' : `pid ${holder.pid} on ${holder.host}`;
    if (clocks.monotonic() >= deadline) {
      throw new CommandError('busy', `Another ci process (${who}) holds the lock and didn't finish in time`, {
        retryable: true,
        outcome: 'not_applied',
        hint: 'Nothing was changed. Try again when it has finished.',
      });
    }
    if (!isWaiting) onWait(who);
    isWaiting = true;
    await clocks.sleep((pauses[attempt] ?? pauses[4]) * (0.5 + Math.random() / 2));
  }
}

/** Frees a lock. @throws CommandError (state_unreachable); then the lock lasts as long as the session */
export async function releaseLock(database: StateDatabase, session: Session, { name }: TakenLock): Promise<void> {
  await database.rows(
    `update ${database.address.schema}.locks set sessions = array_remove(sessions, $2::bigint) where name = $1`,
    [name, session.id],
  );
}

/** Returns whether a process that may still be running has a lock. @throws CommandError (state_unreachable) */
export async function isLockHeld(database: StateDatabase, name: string): Promise<boolean> {
  const holders = await holdersOf(database, name, 'and expires_at > clock_timestamp()');
  return holders.some((holder) => !holder.has_ended && !hasEnded(holder));
}

/**
 * Ends sessions that have expired, or whose process was one of this machine and has ended without doing so.
 *
 * @param ids - a query for the sessions; `SCHEMA` stands for the schema
 * @param value - of `$2` in the query
 * @returns whether the own session is alive
 */
export async function endExpired(
  database: StateDatabase,
  session: Session,
  ids: string,
  value: string,
): Promise<boolean> {
  const { schema } = database.address;
  const query = ids.replaceAll('SCHEMA', schema);
  const [own] = await database.rows<{ is_alive: boolean }>(
    `with ended as (
       update ${schema}.sessions set ended_at = clock_timestamp()
       where id in (${query}) and ended_at is null and expires_at <= clock_timestamp()
     )
     select ${isAlive} and ${session.sameServer} as is_alive from ${schema}.sessions where id = $1`,
    [session.id, value],
  );
  return own?.is_alive === true;
}

/** Ends the session of a process of this machine that has ended without doing so. @returns whether it has ended */
export async function endIfDead(
  database: StateDatabase,
  process: ProcessId & { readonly id: string },
): Promise<boolean> {
  if (!hasEnded(process)) return false;
  await database.rows(
    `update ${database.address.schema}.sessions set ended_at = clock_timestamp() where id = $1 and ended_at is null`,
    [process.id],
  );
  return true;
}

function holdersOf(database: StateDatabase, name: string, condition = ''): Promise<HolderRow[]> {
  const { schema } = database.address;
  return database.rows<HolderRow>(
    `select holder::text as id, coalesce(machine, '') as machine, coalesce(pid, 0) as pid, coalesce(started, '') as started,
       coalesce(host, '') as host, ended_at is not null as has_ended
     from ${schema}.locks cross join unnest(sessions) as holder left join ${schema}.sessions on sessions.id = holder
     where locks.name = $1 ${condition} order by has_ended`,
    [name],
  );
}
