import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Clocks } from '../../../src/domain/pace.ts';
import { StateDatabase } from '../../../src/state/postgres/database.ts';
import { initialize } from '../../../src/state/postgres/initialize.ts';
import { PostgresState } from '../../../src/state/postgres/postgres-state.ts';
import { parseStateUrl } from '../../../src/state/postgres/state-url.ts';
import { UnsyncedChanges } from '../../../src/state/unsynced.ts';
import { emptyFolder } from '../../support/folder.ts';
import type { Postgres } from '../../support/postgres.ts';
import { realTime } from '../../support/world.ts';

/** The clocks of this machine. */
export const realClocks: Clocks = { wall: Date.now, monotonic: realTime.monotonic, sleep: realTime.pause };

/** Returns clocks on which a wait of a command takes a moment, and that move by all of it. */
export function quickClocks(): Clocks {
  let ahead = 0;
  return {
    wall: Date.now,
    monotonic: () => performance.now() + ahead,
    sleep: async (milliseconds) => {
      await realTime.pause(Math.min(milliseconds, 2));
      ahead += milliseconds;
    },
  };
}

/** Clocks of a machine that a test sets. Otherwise, only waits move them, so that they don't show how fast the machine of the test is. */
export class SetClocks implements Clocks {
  readonly #start = { wall: Date.now(), monotonic: performance.now() };
  /** How far the wall clock is ahead, in milliseconds. */
  wallAhead = 0;
  /** How far the monotonic clock is ahead, in milliseconds. */
  monotonicAhead = 0;
  readonly wall = () => this.#start.wall + this.wallAhead;
  readonly monotonic = () => this.#start.monotonic + this.monotonicAhead;
  readonly sleep = async (milliseconds: number) => {
    await realTime.pause(Math.min(milliseconds, 2));
    this.wallAhead += milliseconds;
    this.monotonicAhead += milliseconds;
  };
}

/** The state of one process in a database. */
export interface OpenedState {
  readonly state: PostgresState;
  readonly database: StateDatabase;
  readonly unsynced: UnsyncedChanges;
  /** What the process has told its user. */
  readonly notes: string[];
  /** How many changes were brought in at a time. */
  readonly synced: number[];
}

interface Options {
  readonly clocks?: Clocks;
  /** The longest time that a request takes, in milliseconds. The lease is 5 seconds longer. */
  readonly requestTime?: number;
  readonly settlingTime?: number;
  /** The state directory of the machine. */
  readonly folder?: string;
}

/** Opens the state in a database as one process does, until the test has finished. */
export function opened(url: string, options: Options = {}): OpenedState {
  const { clocks = realClocks, requestTime = 1000, settlingTime = 0, folder = emptyFolder() } = options;
  const database = new StateDatabase(parseStateUrl(url), {});
  const unsynced = new UnsyncedChanges(folder, {}, 'a database');
  const notes: string[] = [];
  const synced: number[] = [];
  const state = new PostgresState({
    database,
    clocks,
    program: 'ci test',
    requestTime: () => requestTime,
    settlingTime: () => settlingTime,
    note: (message) => notes.push(message),
    unsynced,
    earlier: async () => [],
    onSync: (count) => synced.push(count),
  });
  onTestFinished(() => state.close());
  return { state, database, unsynced, notes, synced };
}

/** Opens a database without a state, until the test has finished. */
export function databaseAt(url: string): StateDatabase {
  const database = new StateDatabase(parseStateUrl(url), {});
  onTestFinished(() => database.close());
  return database;
}

/** A schema with the tables of the state. */
export interface StateSchema {
  readonly url: string;
  readonly schema: string;
  /** Runs a query as superuser; `SCHEMA` stands for the schema. @returns the rows */
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

/** Creates a schema and its tables. @param through - returns the URL to use instead */
export async function freshState(server: Postgres, through = (url: string) => url): Promise<StateSchema> {
  const url = through(await server.freshSchema());
  const database = new StateDatabase(parseStateUrl(url), {});
  await initialize(database);
  await database.close();
  const { schema } = database.address;
  return { url, schema, query: (sql, values) => server.query(sql.replaceAll('SCHEMA', schema), values) };
}

/** Adds the session of a process of another machine. @returns its number */
export async function sessionElsewhere(
  { query }: StateSchema,
  { machine = randomBytes(6).toString('hex'), pid = 4321, started = '7', lease = 60 } = {},
): Promise<string> {
  const [row] = await query(
    `insert into SCHEMA.sessions (id, machine, host, username, pid, started, program, began_at, seen_at, expires_at)
     select nextval('SCHEMA.fence'), $1, 'build-3', 'ada', $2, $3, 'ci pools subscribe', now(), now(),
       clock_timestamp() + make_interval(secs => $4)
     returning id::text`,
    [machine, pid, started, lease],
  );
  return String(row?.id);
}
