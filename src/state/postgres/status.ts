import type { Clocks } from '../../domain/pace.ts';
import type { Intent } from '../../domain/reconcile.ts';
import { intentSchema } from '../change-schema.ts';
import { userOn } from './change-rows.ts';
import type { StateDatabase } from './database.ts';
import { isAlive, isOpen, milliseconds } from './expressions.ts';
import { versionOf } from './initialize.ts';
import { schemaVersion } from './schema.ts';
import { ServerClock } from './server-clock.ts';

/** How far back to look for machines. */
const recentDays = 7;

/** The most rows of each kind. */
const mostRows = 1000;

/** The server and the tables. */
export interface DatabaseStatus {
  /** The version of the tables; 0: there are none. */
  readonly version: number;
  /** The version that this `ci` needs. */
  readonly needed: number;
  /** The version of PostgreSQL: `15.8`. */
  readonly server: string;
  /** The time from a statement to its answer, in milliseconds. */
  readonly roundTrip: number;
  /** How far the clock of the server is ahead of this machine's, in milliseconds. */
  readonly clockDifference: number;
}

/** A user on a machine that has changed accounts lately. */
export interface SeenMachine {
  readonly host: string;
  readonly user: string;
  readonly seenAt: string;
  /** The processes that are running. */
  readonly processes: readonly { readonly pid: number; readonly program: string; readonly beganAt: string }[];
}

/** The changes without a known outcome. */
export interface OpenChanges {
  readonly count: number;
  /** How many of them a process is working on. */
  readonly running: number;
  readonly oldest: {
    readonly id: string;
    readonly at: string;
    readonly by: string;
    readonly intent: Intent | null;
  } | null;
}

/** A lock that a process has. */
export interface HeldLock {
  /** What it is for: `subscribe`. */
  readonly name: string;
  /** The account that it is for; null if nothing is recorded for it. */
  readonly account: string | null;
  readonly by: string;
  readonly pid: number;
  readonly program: string;
  readonly since: string;
  /** How long the process can keep it without renewing its lease, in milliseconds. */
  readonly leaseLeft: number;
}

/** An account with recorded changes. */
export interface SeenAccount {
  readonly id: string;
  readonly label: string;
  readonly changes: number;
  readonly lastChangeAt: string;
}

/** A file with secrets that weren't delivered. */
export interface UndeliveredSecrets {
  readonly host: string;
  readonly user: string;
  readonly file: string;
  /** Whose secrets they are, for people; null if that isn't known. */
  readonly account: string | null;
  readonly at: string;
}

/** What is in the tables. Times are by this machine's clock. */
export interface StateContents {
  readonly machines: readonly SeenMachine[];
  readonly openChanges: OpenChanges;
  readonly locks: readonly HeldLock[];
  readonly undelivered: readonly UndeliveredSecrets[];
  readonly accounts: readonly SeenAccount[];
}

/** Reads the status of a state database. */
export class StatusReader {
  readonly #database: StateDatabase;
  readonly #clocks: Clocks;
  readonly #serverClock: ServerClock;

  constructor(database: StateDatabase, clocks: Clocks) {
    this.#database = database;
    this.#clocks = clocks;
    this.#serverClock = new ServerClock(clocks.wall);
  }

  /** Reads the version of the tables, and measures the connection. @throws CommandError (state_unreachable) */
  async database(): Promise<DatabaseStatus> {
    const database = this.#database;
    const version = await versionOf(database, database.address.schema);
    // The connection is open now.
    const [asked, begun] = [this.#clocks.wall(), this.#clocks.monotonic()];
    const [row] = await database.rows<{ server: string; now: number }>(
      `select split_part(current_setting('server_version'), ' ', 1) as server, ${milliseconds('clock_timestamp()')} as now`,
    );
    const roundTrip = this.#clocks.monotonic() - begun;
    const now = row?.now ?? asked;
    this.#serverClock.measure(now, asked);
    const clockDifference = Math.round(now - (asked + this.#clocks.wall()) / 2);
    return {
      version,
      needed: schemaVersion,
      server: row?.server ?? '',
      roundTrip: Math.round(roundTrip * 10) / 10,
      clockDifference,
    };
  }

  /** Reads what is in the tables, whose version has to fit. Call it after {@link database}. @throws CommandError */
  async contents(): Promise<StateContents> {
    return {
      machines: await this.#machines(),
      openChanges: await this.#openChanges(),
      locks: await this.#locks(),
      undelivered: await this.#undelivered(),
      accounts: await this.#accounts(),
    };
  }

  async #machines(): Promise<SeenMachine[]> {
    const { schema } = this.#database.address;
    const rows = await this.#database.rows<{
      host: string;
      user: string;
      seen_at: number;
      processes: readonly { readonly pid: number; readonly program: string; readonly began_at: number }[] | null;
    }>(
      `select host, username as user, ${milliseconds('max(seen_at)')} as seen_at,
         json_agg(json_build_object('pid', pid, 'program', program, 'began_at', ${milliseconds('began_at')}) order by began_at)
           filter (where ${isAlive}) as processes
       from ${schema}.sessions where seen_at > clock_timestamp() - make_interval(days => $1)
       group by host, username order by max(seen_at) desc limit $2`,
      [recentDays, mostRows],
    );
    return rows.map(({ host, user, seen_at, processes }) => ({
      host,
      user,
      seenAt: this.#time(seen_at),
      processes: (processes ?? []).map(({ pid, program, began_at }) => ({
        pid,
        program,
        beganAt: this.#time(began_at),
      })),
    }));
  }

  async #openChanges(): Promise<OpenChanges> {
    const { schema } = this.#database.address;
    const [row] = await this.#database.rows<{
      count: number;
      running: number;
      id: string | null;
      at: number;
      host: string;
      username: string;
      intent: unknown;
    }>(
      `with open as (
         select *, outcome is null and exists (
           select from ${schema}.sessions where sessions.id = changes.session and ${isAlive}
         ) as is_running
         from ${schema}.changes where ${isOpen}
       )
       select counts.*, oldest.id, ${milliseconds('oldest.at')} as at, oldest.host, oldest.username, oldest.intent
       from (select count(*)::integer as count, (count(*) filter (where is_running))::integer as running from open) as counts
         left join (select * from open order by at, version limit 1) as oldest on true`,
    );
    if (!row) return { count: 0, running: 0, oldest: null };
    const { count, running, id, at, host, username } = row;
    // A newer version of ci may have recorded a kind of change that this one doesn't know.
    const intent = intentSchema.safeParse(row.intent);
    const oldest =
      id === null
        ? null
        : { id, at: this.#time(at), by: userOn(username, host), intent: intent.success ? intent.data : null };
    return { count, running, oldest };
  }

  async #locks(): Promise<HeldLock[]> {
    const { schema } = this.#database.address;
    const rows = await this.#database.rows<{
      name: string;
      account: string | null;
      username: string;
      host: string;
      pid: number;
      program: string;
      since: number;
      lease_left: number;
    }>(
      `select regexp_replace(name, '-[^-]*$', '') as name,
         (select label from ${schema}.changes where changes.account = regexp_replace(locks.name, '^.*-', '') order by at desc limit 1) as account,
         username, host, pid, program, ${milliseconds('taken_at')} as since,
         ${milliseconds('expires_at')} - ${milliseconds('clock_timestamp()')} as lease_left
       from ${schema}.locks join ${schema}.sessions on sessions.id = any (locks.sessions)
       where ${isAlive}
       order by taken_at, sessions.id limit $1`,
      [mostRows],
    );
    return rows.map(({ username, host, since, lease_left, ...row }) => ({
      ...row,
      by: userOn(username, host),
      since: this.#time(since),
      leaseLeft: Math.round(lease_left),
    }));
  }

  async #undelivered(): Promise<UndeliveredSecrets[]> {
    const { schema } = this.#database.address;
    const rows = await this.#database.rows<{ host: string; user: string; file: string; account: string; at: number }>(
      `select host, username as user, file, account, ${milliseconds('at')} as at from ${schema}.undelivered order by undelivered.at, file limit $1`,
      [mostRows],
    );
    return rows.map(({ account, at, ...row }) => ({
      ...row,
      account: account === '' ? null : account,
      at: this.#time(at),
    }));
  }

  async #accounts(): Promise<SeenAccount[]> {
    const { schema } = this.#database.address;
    const rows = await this.#database.rows<{ id: string; label: string; changes: number; last: number }>(
      `select account as id, (array_agg(label order by at desc))[1] as label, count(*)::integer as changes, ${milliseconds('max(at)')} as last
       from ${schema}.changes group by account order by max(at) desc limit $1`,
      [mostRows],
    );
    return rows.map(({ last, ...row }) => ({ ...row, lastChangeAt: this.#time(last) }));
  }

  #time(serverTime: number): string {
    return new Date(this.#serverClock.toLocal(serverTime)).toISOString();
  }
}
