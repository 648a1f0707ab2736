import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { asClause, CommandError } from '../../domain/errors.ts';
import type { Clocks } from '../../domain/pace.ts';
import { Batches } from '../batches.ts';
import { type ChangeLog, type NewChange, type RecordedChange, replacesOutcome, type Settled } from '../change-log.ts';
import { thisProcess } from '../process.ts';
import { type ChangeRow, changeColumns, changeOfRow } from './change-rows.ts';
import type { StateDatabase } from './database.ts';
import { isAlive, isOpen, milliseconds } from './expressions.ts';
import { rowsText, textOf } from './rows-text.ts';
import type { ServerClock } from './server-clock.ts';
import { expired, type Session, userName } from './session.ts';

/** How far back the mark looks, in minutes. It is compared within seconds. */
const markedMinutes = 10;

/**
 * An expression that makes a commit wait for the disk of the server, if the server is set up not to. What was committed before is then also
 * on disk. Without that, a crash could lose a change that was sent.
 */
const durable =
  "case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'local', true) end";

/** How many changes are read at a time when the newest are searched. */
const pageSize = 200;

/** What the record depends on. */
interface ChangeLogOptions {
  readonly database: StateDatabase;
  readonly clocks: Clocks;
  readonly serverClock: ServerClock;
  /** Returns the session of this process, which it opens if necessary. @throws CommandError */
  readonly session: () => Promise<Session>;
  /** Returns the number of the lock that was taken last; undefined if this process has none. */
  readonly fence: () => string | undefined;
  /** Keeps an outcome that can't be recorded, until the database is available again. @throws Error if it can't be kept */
  readonly keep: (change: RecordedChange) => void;
  /** Brings in the changes that the database lacks. @throws CommandError */
  readonly beforeReading: () => Promise<unknown>;
}

/** A change that this process began, and when, by this machine's clock. */
interface BegunHere {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** When the request left, if that was recorded, epoch milliseconds. */
  readonly sentAt?: number;
  readonly change: NewChange;
}

/** An outcome to record. */
interface Settlement {
  readonly id: string;
  readonly settled: Settled;
}

/** The record in a database. Changes that begin or end in the same moment share a statement. */
export class PostgresChangeLog implements ChangeLog {
  readonly place: string;
  readonly #options: ChangeLogOptions;
  /** The changes that this process began. */
  readonly #begun = new Map<string, BegunHere>();
  readonly #beginnings = new Batches<BegunHere>((changes) => this.#insert(changes));
  readonly #endings = new Batches<Settlement>((settlements) => this.#update(settlements));

  constructor(options: ChangeLogOptions) {
    this.#options = options;
    this.place = options.database.address.label;
  }

  async begin(change: NewChange): Promise<string> {
    const begun = { id: randomBytes(6).toString('hex'), at: this.#options.clocks.wall(), change };
    await this.#beginnings.add(begun);
    this.#begun.set(begun.id, begun);
    return begun.id;
  }

  async sent(id: string): Promise<void> {
    const { database, session, clocks } = this.#options;
    const { schema } = database.address;
    const own = await session();
    const begun = this.#begun.get(id);
    const sentAt = clocks.wall();
    // A process may continue what another one began, such as a payment, but only after that one can send nothing more.
    const mayContinue = begun
      ? 'false'
      : `not exists (select from ${schema}.sessions where id = changes.session and ${isAlive})`;
    const sent = await database.rows(
      `update ${schema}.changes set session = $2, sent_at = clock_timestamp(), touched_at = clock_timestamp(), version = nextval('${schema}.fence')
       where id = $1 and (session = $2 or ${mayContinue}) and (outcome is null or outcome = 'unknown') and ${own.sameServer} and ${own.isAlive}
       returning id`,
      [id, own.id],
    );
    if (sent.length === 0) throw begun ? own.lose(expired) : notContinued();
    if (begun) this.#begun.set(id, { ...begun, sentAt });
  }

  async settle(id: string, settled: Settled): Promise<void> {
    try {
      await this.#endings.add({ id, settled });
    } catch (error) {
      const begun = this.#begun.get(id);
      if (!begun) throw error;
      this.#options.keep(this.#changeWith(begun, settled));
    }
  }

  async open(): Promise<RecordedChange[]> {
    return this.#read(`where ${isOpen} order by at, version`);
  }

  async since(moment: number): Promise<RecordedChange[]> {
    await this.#measureClock();
    const from = Math.max(0, this.#options.serverClock.toServer(moment)) / 1000;
    return this.#read('where touched_at >= to_timestamp($1) order by at, version', [from]);
  }

  async newest(limit: number, fits: (change: RecordedChange) => boolean = () => true): Promise<RecordedChange[]> {
    // A change that begins meanwhile moves one of this page to the next.
    const found = new Map<string, RecordedChange>();
    for (let offset = 0; found.size < limit; offset += pageSize) {
      const page = await this.#rows('order by at desc, version desc limit $1 offset $2', [pageSize, offset]);
      for (const change of this.#changesOf(page).filter(fits)) if (found.size < limit) found.set(change.id, change);
      if (page.length < pageSize) break;
    }
    return [...found.values()].reverse();
  }

  async mark(): Promise<string | undefined> {
    const { database } = this.#options;
    // Not the highest version, because a change with a lower one may be committed later.
    const [marked] = await database.rows<{ mark: string }>(
      `select count(*)::text || ' ' || coalesce(sum(version), 0)::text as mark from ${database.address.schema}.changes
       where touched_at > clock_timestamp() - make_interval(mins => $1)`,
      [markedMinutes],
    );
    return marked?.mark;
  }

  /** Adds changes of another record. What is recorded of them already stays, unless they have a later outcome. */
  async add(changes: readonly RecordedChange[]): Promise<void> {
    const { database, serverClock } = this.#options;
    await this.#measureClock();
    const rows = changes.map(({ id, at, sentAt, intent, before, account, process }) => ({
      ...rowOf({ id, change: { intent, before, account } }),
      machine: process.machine,
      process,
      at: serverClock.toServer(Date.parse(at)) / 1000,
      sent_at: sentAt === undefined ? null : serverClock.toServerAtLatest(Date.parse(sentAt)) / 1000,
    }));
    const { schema } = database.address;
    await database.rows(
      `insert into ${schema}.changes
         (id, account, label, action, intent, before, machine, host, username, process, at, sent_at, version, touched_at)
       select id, coalesce((select accounts.account from ${schema}.accounts where key = new.account), account), label, action, intent::json, before::json,
         machine, $2, $3, process::json, to_timestamp(at), to_timestamp(sent_at),
         nextval('${schema}.fence'), clock_timestamp()
       from json_to_recordset($1) as new (id text, account text, label text, action text, intent text, before text, machine text,
         process text, at float8, sent_at float8)
       on conflict (id) do nothing`,
      [rowsText(rows), hostname(), userName()],
    );
    const settlements = changes.flatMap(({ id, settled }) => (settled ? [{ id, settled }] : []));
    if (settlements.length > 0) await this.#update(settlements);
  }

  async #insert(begun: readonly BegunHere[]): Promise<void> {
    const { database, session, fence } = this.#options;
    const { schema } = database.address;
    const own = await session();
    const added = await own.orLose(
      database.rows(
        `insert into ${schema}.changes (id, account, label, action, intent, before, machine, host, username, process, session, fence,
         at, version, touched_at)
       select new.id, account, label, action, intent::json, before::json, machine, host, username, $2, sessions.id, $4,
         clock_timestamp(), nextval('${schema}.fence'), clock_timestamp()
       from json_to_recordset($1) as new (id text, account text, label text, action text, intent text, before text)
         join ${schema}.sessions on sessions.id = $3
       where ${own.isAlive} and ${own.sameServer}
       returning id, ${durable}`,
        [rowsText(begun.map(rowOf)), textOf(thisProcess()), own.id, fence() ?? null],
      ),
    );
    if (added.length === 0) throw own.lose(expired);
  }

  async #update(settlements: readonly Settlement[]): Promise<void> {
    const { database } = this.#options;
    const { schema } = database.address;
    const latest = new Map<string, Settled>();
    for (const { id, settled } of settlements) {
      const earlier = latest.get(id);
      if (!earlier || replacesOutcome(settled, earlier)) latest.set(id, settled);
    }
    const rows = [...latest].map(([id, settled]) => ({ id, ...settled }));
    // As in files, an unknown outcome doesn't replace a final one, and nothing replaces `applied`.
    const recorded = await database.rows<{ id: string }>(
      `with new as (
         select * from json_to_recordset($1) as new (id text, outcome text, by text, ids text, code text, charge float8)
       ),
       settled as (
         update ${schema}.changes set outcome = new.outcome, found_by = new.by, ids = new.ids::json, code = new.code, charge = new.charge,
           settled_at = clock_timestamp(), touched_at = clock_timestamp(), version = nextval('${schema}.fence')
         from new
         where changes.id = new.id
           and not (changes.outcome is not distinct from 'applied' and new.outcome <> 'applied')
           and not (new.outcome = 'unknown' and changes.outcome is not distinct from 'not_applied')
       )
       select changes.id from ${schema}.changes join new on new.id = changes.id`,
      [rowsText(rows)],
    );
    const known = new Set(recorded.map(({ id }) => id));
    const missing = [...latest].flatMap(([id, settled]) => {
      const begun = known.has(id) ? undefined : this.#begun.get(id);
      return begun ? [this.#changeWith(begun, settled)] : [];
    });
    // A failover has lost them.
    if (missing.length > 0) await this.add(missing);
    for (const [id, { outcome }] of latest) if (outcome !== 'unknown') this.#begun.delete(id);
  }

  #changeWith({ id, at, sentAt, change }: BegunHere, settled: Settled): RecordedChange {
    const now = new Date(this.#options.clocks.wall()).toISOString();
    return {
      id,
      at: new Date(at).toISOString(),
      ...(sentAt !== undefined && { sentAt: new Date(sentAt).toISOString() }),
      process: thisProcess(),
      ...change,
      settled: { ...settled, at: now },
    };
  }

  async #read(condition: string, values?: readonly unknown[]): Promise<RecordedChange[]> {
    return this.#changesOf(await this.#rows(condition, values));
  }

  async #rows(condition: string, values: readonly unknown[] = []): Promise<ChangeRow[]> {
    const { database, serverClock, clocks, beforeReading } = this.#options;
    const { schema } = database.address;
    await beforeReading();
    const asked = clocks.wall();
    const rows = await database.rows<ChangeRow>(
      `select ${changeColumns(schema)} from ${schema}.changes ${condition}`,
      values,
    );
    const [row] = rows;
    if (row) serverClock.measure(row.now, asked);
    return rows;
  }

  #changesOf(rows: readonly ChangeRow[]): RecordedChange[] {
    const { serverClock } = this.#options;
    try {
      return rows.flatMap((each) => changeOfRow(each, serverClock, this.#begun.get(each.id)?.at) ?? []);
    } catch (error) {
      throw new CommandError('unavailable', `The record in ${this.place} can't be read: ${asClause(String(error))}`, {
        outcome: 'not_applied',
        cause: error,
      });
    }
  }

  /** Measures the clock of the server unless that was done. @throws CommandError (state_unreachable) */
  async #measureClock(): Promise<void> {
    const { database, serverClock, clocks } = this.#options;
    if (serverClock.isMeasured) return;
    const asked = clocks.wall();
    const [row] = await database.rows<{ now: number }>(`select ${milliseconds('clock_timestamp()')} as now`);
    if (row) serverClock.measure(row.now, asked);
  }
}

function notContinued(): CommandError {
  return new CommandError('busy', 'Another ci process is working on this change, or has settled it', {
    hint: 'Nothing was sent. Try again.',
    retryable: true,
    outcome: 'not_applied',
  });
}

/** Returns the columns of a change that don't depend on the process. */
function rowOf({ id, change: { intent, before, account } }: Pick<BegunHere, 'id' | 'change'>) {
  return { id, account: account.id, label: account.label, action: intent.action, intent, before };
}
