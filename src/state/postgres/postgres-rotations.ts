import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CommandError } from '../../domain/errors.ts';
import type { Clocks } from '../../domain/pace.ts';
import { hasEnded, type ProcessId } from '../process.ts';
import { type Rotation, rotationSchema, seriesOf } from '../rotation.ts';
import type { RotationStore, SharedRotation, SharedRotations, WantedRotation } from '../rotation-store.ts';
import type { StateDatabase } from './database.ts';
import { isAlive } from './expressions.ts';
import { endExpired, endIfDead } from './locks.ts';
import type { ServerClock } from './server-clock.ts';
import { expired, type Session } from './session.ts';
import { SharedRate } from './shared-rate.ts';

/** How often to look whether other processes have finished, in milliseconds. */
const pollInterval = 300;

/** What the rotations in a database depend on. */
interface PostgresRotationsOptions {
  readonly database: StateDatabase;
  readonly clocks: Clocks;
  readonly serverClock: ServerClock;
  /** Returns the session of this process. */
  readonly session: () => Promise<Session>;
  /** The state directory of this machine. */
  readonly folder: string;
}

/** A row of the table. Times are epoch milliseconds of the server's clock. */
interface RotationRow extends Partial<ProcessId> {
  readonly rotation: unknown;
  readonly session: string | null;
  readonly is_stopped: boolean;
  readonly is_alive: boolean;
  readonly owner: string;
  readonly host: string;
}

/** The rotations that aren't finished: rows of a database, which several machines share. */
export class PostgresRotations implements RotationStore {
  readonly #options: PostgresRotationsOptions;
  readonly #rates = new Map<string, SharedRate>();
  readonly shared: SharedRotations = {
    of: (account) => this.#sharedOf(account),
    add: (rotations) => this.#add(rotations),
    withdraw: (rotations) => this.#withdraw(rotations),
    take: (wanted, count) => this.#take(wanted, count),
    saveHere: (rotation) => this.#save(rotation, this.#machine),
    stop: (rotation) => this.#stop(rotation),
    awaitOthers: (account, ids, onWait) => this.#awaitOthers(account, ids, onWait),
    reserve: (account, rate) => this.#rate(account).reserve(rate),
  };
  #machineId: string | undefined;

  constructor(options: PostgresRotationsOptions) {
    this.#options = options;
  }

  async of(account: string): Promise<Rotation[]> {
    return (await this.#sharedOf(account)).map(({ rotation }) => rotation);
  }

  save(rotation: Rotation): Promise<void> {
    return this.#save(rotation, undefined);
  }

  async remove({ account, old }: Rotation): Promise<void> {
    const { database, session } = this.#options;
    await database.rows(
      `delete from ${database.address.schema}.rotations where account = $1 and key = $2 and session = $3`,
      [account, old.id, (await session()).id],
    );
  }

  async #sharedOf(account: string): Promise<SharedRotation[]> {
    const { database } = this.#options;
    const { schema } = database.address;
    const rows = await database.rows<RotationRow>(
      `select ${this.#columns} from ${schema}.rotations left join ${schema}.sessions on sessions.id = session
       where account = $1 order by rotations.began_at, key`,
      [account],
    );
    return rows.map((row) => this.#rotationOf(row));
  }

  async #add(rotations: readonly Rotation[]): Promise<void> {
    if (rotations.length === 0) return;
    const { database, session } = this.#options;
    const { schema } = database.address;
    const own = await session();
    const rows = rotations.map((rotation) => ({
      account: rotation.account,
      key: rotation.old.id,
      series: digest(seriesOf(rotation)),
      rotation: this.#toServer(rotation),
    }));
    const [added] = await database.rows<{ is_alive: boolean }>(
      `with added as (
         insert into ${schema}.rotations (account, key, series, rotation, machine, host, began_at, updated_at)
         select account, key, series, rotation, $2, $3, clock_timestamp(), clock_timestamp()
         from json_to_recordset($1) as new (account text, key text, series text, rotation json)
         where ${own.isAlive}
         on conflict (account, key) do nothing
       )
       select ${own.isAlive} as is_alive`,
      [JSON.stringify(rows), this.#machine, hostname()],
    );
    if (!added?.is_alive) throw own.lose(expired);
  }

  async #withdraw(rotations: readonly Rotation[]): Promise<void> {
    const [first] = rotations;
    if (!first) return;
    const { database } = this.#options;
    await database.rows(
      `delete from ${database.address.schema}.rotations
       where account = $1 and key = any ($2) and session is null and machine = $3`,
      [first.account, rotations.map(({ old }) => old.id), this.#machine],
    );
  }

  async #take(wanted: readonly WantedRotation[], count: number): Promise<SharedRotation[]> {
    const [first] = wanted;
    if (!first) return [];
    const { database, session } = this.#options;
    const { schema } = database.address;
    const own = await session();
    const { account } = first.rotation;
    if (wanted.some(({ worker }) => worker !== undefined)) await this.#endDead(account, own);
    const free = (row: string) =>
      `(${row}.stopped_at is not null or ${row}.session is null or exists (select from ${schema}.sessions where id = ${row}.session and ended_at is not null))`;
    const isWanted = (row: string, want: string) =>
      `${want}.key = ${row}.key and ${row}.session is not distinct from ${want}.worker::bigint and ${free(row)}`;
    // The first rotation of a series that can be taken stands for all of them. None of the series is taken while a process works on another.
    const rows = await database.rows<RotationRow>(
      `with wanted as (select * from json_to_recordset($2) as wanted (key text, worker text)),
       heads as (
         select head.series from ${schema}.rotations as head join wanted on ${isWanted('head', 'wanted')}
         where head.account = $1
           and not exists (
             select from ${schema}.rotations as before join wanted as other on ${isWanted('before', 'other')}
             where before.account = $1 and before.series = head.series and before.key < head.key)
           and not exists (
             select from ${schema}.rotations as busy
             where busy.account = $1 and busy.series = head.series and not ${free('busy')})
         order by head.began_at, head.key limit $4
         for update of head skip locked
       ),
       taken as (
         update ${schema}.rotations set session = $3, stopped_at = null, updated_at = clock_timestamp()
         from heads, wanted
         where account = $1 and rotations.series = heads.series and ${isWanted('rotations', 'wanted')} and ${own.isAlive}
         returning rotations.*
       )
       select ${this.#columns} from taken as rotations left join ${schema}.sessions on sessions.id = session
       order by rotations.began_at, key`,
      [
        account,
        JSON.stringify(wanted.map(({ rotation, worker }) => ({ key: rotation.old.id, worker }))),
        own.id,
        count,
      ],
    );
    return rows.map((row) => this.#rotationOf(row));
  }

  /** @param machine - which now has the files of its place, if that has changed */
  async #save(rotation: Rotation, machine: string | undefined): Promise<void> {
    const { database, session } = this.#options;
    const own = await session();
    const { account, old } = rotation;
    const saved = await database.rows(
      `update ${database.address.schema}.rotations
       set rotation = $4, series = $5, updated_at = clock_timestamp(), machine = coalesce($6, machine),
         host = case when $6::text is null then host else $7 end
       where account = $1 and key = $2 and session = $3 and ${own.isAlive} and ${own.sameServer} returning key`,
      [
        account,
        old.id,
        own.id,
        JSON.stringify(this.#toServer(rotation)),
        digest(seriesOf(rotation)),
        machine ?? null,
        hostname(),
      ],
    );
    if (saved.length === 0) throw own.lose(expired);
  }

  async #stop({ account, old }: Rotation): Promise<void> {
    const { database, session } = this.#options;
    await database.rows(
      `update ${database.address.schema}.rotations set stopped_at = clock_timestamp()
       where account = $1 and key = $2 and session = $3`,
      [account, old.id, (await session()).id],
    );
  }

  async #awaitOthers(account: string, ids: readonly string[], onWait: (count: number) => void): Promise<void> {
    const { database, clocks, session } = this.#options;
    const { schema } = database.address;
    const own = await session();
    for (let isWaiting = false; ; isWaiting = true) {
      await this.#endDead(account, own);
      const [open] = await database.rows<{ running: number; free: number }>(
        `with open as (
           select key, series, stopped_at is null and session is not null
             and not exists (select from ${schema}.sessions where id = session and ended_at is not null) as is_running, stopped_at
           from ${schema}.rotations where account = $1
         )
         select count(*) filter (where is_running)::integer as running,
           count(*) filter (where not is_running and stopped_at is null and not exists (
             select from open as other where other.series = open.series and other.is_running))::integer as free
         from open where key = any ($2)`,
        [account, ids],
      );
      if (!open || open.running === 0 || open.free > 0) return;
      if (!isWaiting) onWait(open.running);
      await clocks.sleep(pollInterval);
    }
  }

  /** Ends the sessions of processes that have died and worked on rotations of an account. @throws CommandError (busy) */
  async #endDead(account: string, own: Session): Promise<void> {
    const { database } = this.#options;
    const { schema } = database.address;
    const ids = 'select session from SCHEMA.rotations where account = $2';
    if (!(await endExpired(database, own, ids, account))) throw own.lose(expired);
    const workers = await database.rows<ProcessId & { id: string }>(
      `select id::text, machine, pid, started from ${schema}.sessions
       where ended_at is null and id in (select session from ${schema}.rotations where account = $1)`,
      [account],
    );
    for (const worker of workers) await endIfDead(database, worker);
  }

  #rate(account: string): SharedRate {
    const { database, clocks } = this.#options;
    // The name of the lock for other changes of many keys, which count, too.
    const rate = this.#rates.get(account) ?? new SharedRate(database, clocks, `keys-${account}`);
    this.#rates.set(account, rate);
    return rate;
  }

  get #columns(): string {
    return `rotation, session::text, stopped_at is not null as is_stopped,
      coalesce(${isAlive}, false) as is_alive,
      sessions.machine, sessions.pid, sessions.started, rotations.machine as owner, rotations.host`;
  }

  #rotationOf(row: RotationRow): SharedRotation {
    const { session, is_stopped, is_alive, owner, host, machine, pid, started } = row;
    const { success, data } = rotationSchema().safeParse(row.rotation);
    if (!success) {
      throw new CommandError(
        'unavailable',
        `A rotation in the state database ${this.#options.database.address.label} can't be read`,
        { hint: 'Install the newest version of ci on this machine.', outcome: 'not_applied' },
      );
    }
    const isDead = machine != null && pid != null && started != null && hasEnded({ machine, pid, started });
    return {
      rotation: this.#toLocal(data),
      worker: session ?? undefined,
      state: is_stopped ? 'stopped' : is_alive && !isDead ? 'running' : 'free',
      host: owner === this.#machine ? undefined : host,
    };
  }

  /** Identifies this machine by what its files have in common. It stays the same when the machine starts again. */
  get #machine(): string {
    this.#machineId ??= digest([hostname(), installation(), this.#options.folder].join(' '));
    return this.#machineId;
  }

  /** Returns a rotation with the times of the server. No overlap gets shorter by the conversion. */
  #toServer(rotation: Rotation): Rotation {
    const { serverClock } = this.#options;
    const { startedAt, provenAt } = rotation;
    return {
      ...rotation,
      startedAt: serverClock.toServer(startedAt),
      ...(provenAt !== undefined && { provenAt: serverClock.toServerAtLatest(provenAt) }),
    };
  }

  #toLocal(rotation: Rotation): Rotation {
    const { serverClock } = this.#options;
    const { startedAt, provenAt } = rotation;
    return {
      ...rotation,
      startedAt: serverClock.toLocal(startedAt),
      ...(provenAt !== undefined && { provenAt: serverClock.toLocal(provenAt) }),
    };
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Returns what identifies the installed system; empty where nothing does. */
function installation(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
