import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { CommandError } from '../../domain/errors.ts';
import { type Clocks, type ClockTimes, timesOf } from '../../domain/pace.ts';
import { thisProcess } from '../process.ts';
import type { StateDatabase } from './database.ts';
import { isAlive, milliseconds } from './expressions.ts';
import { checkVersion } from './schema.ts';
import type { ServerClock } from './server-clock.ts';
import { identitySql } from './server-identity.ts';

/** The shortest time between the last moment at which a request may leave and the end of the lease, in milliseconds. */
const shortestMargin = 5000;

/** How often a session is renewed during its lease. */
const renewals = 4;

/** The codes of a server that lacks these functions, or doesn't let the role call them. */
const withoutIdentity = ['42501', '42883', '0A000'];

/** What a session depends on. */
interface SessionOptions {
  readonly database: StateDatabase;
  readonly clocks: Clocks;
  readonly serverClock: ServerClock;
  /** What this process does: `ci pools watch`. */
  readonly program: string;
  /** The longest time that a request of this process takes, in milliseconds. */
  readonly requestTime: number;
  /** The session of this process that was lost before; it ends when this one begins. */
  readonly previous: string | undefined;
}

/** The row of a session that was just opened. Times in milliseconds. */
interface OpenedRow {
  readonly id: string;
  readonly identity: string;
  readonly now: number;
  readonly version: number;
  readonly since_change: number;
  readonly longest_lease: number;
}

/**
 * The session of this process in the database: a lease, which also is that of all its locks. It is taken with the clock of the server,
 * and renewed until it ends. A session that was lost once stays lost.
 */
export class Session {
  /** A random number: after a failover, a sequence could count the same numbers again. */
  readonly id: string;
  /** An expression that is true in a statement as long as the server is the one at the start. */
  readonly sameServer: string;
  /** An expression that is true in a statement as long as the session is alive. */
  readonly isAlive: string;
  /** Until when changes have to wait because the server was replaced moments ago, in milliseconds of the monotonic clock. */
  readonly quarantinedUntil: number;
  readonly #options: SessionOptions;
  readonly #lease: number;
  #expires: ClockTimes;
  #lost: CommandError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  private constructor(options: SessionOptions, opened: OpenedRow, asked: ClockTimes, settlingTime: number) {
    const { clocks, requestTime } = options;
    this.#options = options;
    this.#lease = leaseFor(requestTime);
    this.id = opened.id;
    const { schema } = options.database.address;
    this.isAlive = `exists (select from ${schema}.sessions where id = ${opened.id} and ${isAlive})`;
    this.sameServer = opened.identity === '' ? 'true' : `${identitySql} = '${opened.identity.replaceAll("'", "''")}'`;
    this.#expires = after(asked, this.#lease);
    // Until then, a process whose session was lost in a failover may send, and what it sent may take effect.
    this.quarantinedUntil = clocks.monotonic() + opened.longest_lease + settlingTime - opened.since_change;
    this.#timer = setInterval(() => void this.renew().catch(() => {}), this.#lease / renewals);
    this.#timer.unref();
  }

  /**
   * Opens a session.
   *
   * @param settlingTime - how long a request may take effect after it left, in milliseconds
   * @throws CommandError (state_unreachable); (unavailable) if the tables are missing or of another version
   */
  static async open(options: SessionOptions, settlingTime: number): Promise<Session> {
    const asked = timesOf(options.clocks);
    const opened = await insert(options).catch((error: unknown) => {
      if (withoutIdentity.includes(sqlState(error))) return insert(options, "''");
      throw error;
    });
    checkVersion(options.database.address, opened.version);
    options.serverClock.measure(opened.now, asked.wall);
    return new Session(options, opened, asked, settlingTime);
  }

  /** Why the session was lost; undefined if it wasn't, as far as this process knows. */
  get lost(): CommandError | undefined {
    return this.#lost;
  }

  /** Returns whether the lease lasts for some time, in milliseconds. */
  outlives(time: number): boolean {
    const now = timesOf(this.#options.clocks);
    const { wall, monotonic } = this.#expires;
    return this.#lost === undefined && now.wall + time < wall && now.monotonic + time < monotonic;
  }

  /**
   * Prolongs the lease.
   *
   * @throws CommandError (busy) if the session was lost; (state_unreachable) if that isn't known
   */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Marks the session as lost. @returns the error that says so */
  lose(why: string): CommandError {
    clearInterval(this.#timer);
    this.#lost ??= new CommandError('busy', why, {
      hint: 'Nothing was sent. Try again.',
      retryable: true,
      outcome: 'not_applied',
    });
    return this.#lost;
  }

  /**
   * Waits for a statement that takes something for this session, and gives up the session if the answer is lost: the statement may have
   * been carried out, and others would wait for what this process doesn't know that it has. So would this process itself.
   */
  async orLose<Result>(statement: Promise<Result>): Promise<Result> {
    try {
      return await statement;
    } catch (error) {
      if (error instanceof CommandError && error.code === 'state_unreachable') this.lose(error.message);
      throw error;
    }
  }

  /** Ends the session, which frees its locks. Ignores a failure: then others wait until the lease has expired. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#lost) return;
    const { database } = this.#options;
    this.lose('The session in the state database has ended');
    try {
      await database.rows(
        `update ${database.address.schema}.sessions set ended_at = clock_timestamp() where id = $1 and ended_at is null`,
        [this.id],
      );
    } catch {
      // The database is away.
    }
  }

  async #renew(): Promise<void> {
    if (this.#lost) throw this.#lost;
    const { clocks, database, serverClock } = this.#options;
    const asked = timesOf(clocks);
    const [renewed] = await database.rows<{ now: number }>(
      `update ${database.address.schema}.sessions
       set seen_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $2)
       where id = $1 and ${isAlive} and ${this.sameServer}
       returning ${milliseconds('clock_timestamp()')} as now`,
      [this.id, this.#lease / 1000],
    );
    if (!renewed) throw this.lose(expired);
    serverClock.measure(renewed.now, asked.wall);
    this.#expires = after(asked, this.#lease);
  }
}

/** Why a session is lost that isn't renewed in time. */
export const expired =
  'This process was stopped or cut off from the state database for too long, so other machines may have taken over';

/** Returns how long a lease lasts, in milliseconds. @param requestTime - the longest time that a request takes */
export function leaseFor(requestTime: number): number {
  return requestTime + Math.max(requestTime, shortestMargin);
}

async function insert(
  { database, program, requestTime, previous }: SessionOptions,
  identity = identitySql,
): Promise<OpenedRow> {
  const { schema } = database.address;
  const { machine, pid, started } = thisProcess();
  const [opened] = await database.rows<OpenedRow>(
    `with here as (select ${identity} as identity),
     noted as (
       insert into ${schema}.server as known (identity, changed_at, longest_lease)
       select identity, '-infinity', $7 from here
       where not exists (select from ${schema}.server where server.identity = here.identity and longest_lease >= $7)
       on conflict (one) do update set
         identity = excluded.identity,
         longest_lease = greatest(known.longest_lease, excluded.longest_lease),
         changed_at = case when known.identity = excluded.identity then known.changed_at else clock_timestamp() end
       returning changed_at, longest_lease
     ),
     server as (select * from noted union all select changed_at, longest_lease from ${schema}.server limit 1),
     ended as (
       update ${schema}.sessions set ended_at = clock_timestamp() where id = $8 and ended_at is null
     ),
     opened as (
       insert into ${schema}.sessions (id, machine, host, username, pid, started, program, began_at, seen_at, expires_at)
       select $9::bigint, $1, $2, $3, $4, $5, $6,
         clock_timestamp(), clock_timestamp(), clock_timestamp() + make_interval(secs => $7)
       returning id
     )
     select opened.id::text, here.identity, schema_version.version,
       ${milliseconds('clock_timestamp()')} as now,
       (extract(epoch from clock_timestamp()) - extract(epoch from server.changed_at))::float8 * 1000 as since_change,
       server.longest_lease * 1000 as longest_lease
     from opened, here, server, ${schema}.schema_version`,
    [
      machine,
      hostname(),
      userName(),
      pid,
      started,
      program,
      leaseFor(requestTime) / 1000,
      previous ?? null,
      BigInt(`0x${randomBytes(7).toString('hex')}`).toString(),
    ],
  );
  if (!opened) {
    throw new CommandError('unavailable', `The state database ${database.address.label} is incomplete`, {
      outcome: 'not_applied',
    });
  }
  return opened;
}

/** Returns the name of the user who runs this process; empty if the system knows none. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

function sqlState(error: unknown): string {
  const cause = error instanceof CommandError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function after({ wall, monotonic }: ClockTimes, time: number): ClockTimes {
  return { wall: wall + time, monotonic: monotonic + time };
}
