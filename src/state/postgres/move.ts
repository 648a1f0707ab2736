import { hostname } from 'node:os';
import type { Clocks } from '../../domain/pace.ts';
import type { RecordedChange } from '../change-log.ts';
import type { StateDatabase } from './database.ts';
import { milliseconds } from './expressions.ts';
import { rowText } from './rows-text.ts';
import { ServerClock } from './server-clock.ts';
import { userName } from './session.ts';

/** The most changes, and about the most characters, that are sent at a time. */
const mostRows = 500;
const mostText = 1_000_000;

/** What became of changes of another record. */
export interface AddedChanges {
  /** Those that the database lacked. */
  readonly added: number;
  /** Those whose outcome it lacked. */
  readonly updated: number;
}

/**
 * Adds changes of the record of this machine, with their outcomes and times. What the database already has of them stays. Can be
 * repeated after it was interrupted.
 *
 * @param changes - oldest first
 * @throws CommandError (state_unreachable), (unavailable)
 */
export async function addRecorded(
  database: StateDatabase,
  clocks: Clocks,
  changes: readonly RecordedChange[],
): Promise<AddedChanges> {
  const clock = await measuredClock(database, clocks);
  let [added, updated] = [0, 0];
  for (const texts of chunksOf(changes, clock)) {
    const rows = await addChunk(database, texts);
    added += rows.filter(({ is_new }) => is_new).length;
    updated += rows.filter(({ is_new }) => !is_new).length;
  }
  return { added, updated };
}

/** Measures the clock of the server. */
async function measuredClock(database: StateDatabase, clocks: Clocks): Promise<ServerClock> {
  const read = () => database.rows<{ now: number }>(`select ${milliseconds('clock_timestamp()')} as now`);
  // The first statement connects.
  await read();
  const clock = new ServerClock(clocks.wall);
  const asked = clocks.wall();
  const [row] = await read();
  if (row) clock.measure(row.now, asked);
  return clock;
}

/** Returns the rows in parts, as JSON. */
function* chunksOf(changes: readonly RecordedChange[], clock: ServerClock): Generator<readonly string[]> {
  let texts: string[] = [];
  let length = 0;
  for (const change of changes) {
    const text = changeText(change, clock);
    if (texts.length > 0 && (texts.length >= mostRows || length + text.length > mostText)) {
      yield texts;
      texts = [];
      length = 0;
    }
    texts.push(text);
    length += text.length;
  }
  if (texts.length > 0) yield texts;
}

function changeText(change: RecordedChange, clock: ServerClock): string {
  const { id, at, sentAt, intent, before, account, process, settled } = change;
  const seconds = (time: string) => clock.toServer(Date.parse(time)) / 1000;
  const row = {
    id,
    account: account.id,
    label: account.label,
    action: intent.action,
    intent,
    before,
    machine: process.machine,
    process,
    at: seconds(at),
    ...(sentAt !== undefined && { sent_at: clock.toServerAtLatest(Date.parse(sentAt)) / 1000 }),
    ...(settled && {
      outcome: settled.outcome,
      found_by: settled.by,
      ids: settled.ids,
      code: settled.code,
      charge: settled.charge,
      settled_at: seconds(settled.at),
    }),
  };
  return rowText(row);
}

function addChunk(database: StateDatabase, texts: readonly string[]): Promise<{ is_new: boolean }[]> {
  const { schema } = database.address;
  // Commands look for recent changes by `touched_at`. An open change has to be found, however old it is.
  return database.rows<{ is_new: boolean }>(
    `insert into ${schema}.changes as known
       (id, account, label, action, intent, before, machine, host, username, process, at, sent_at,
        outcome, found_by, ids, code, charge, settled_at, version, touched_at)
     select id, coalesce((select accounts.account from ${schema}.accounts where key = new.account), account), label, action, intent::json, before::json,
       machine, $2, $3, process::json, to_timestamp(at), to_timestamp(sent_at),
       outcome, found_by, ids::json, code, charge, to_timestamp(settled_at), nextval('${schema}.fence'),
       case when outcome in ('applied', 'not_applied') then to_timestamp(greatest(at, sent_at, settled_at)) else clock_timestamp() end
     from json_to_recordset($1) as new (id text, account text, label text, action text, intent text, before text, machine text,
       process text, at float8, sent_at float8, outcome text, found_by text, ids text, code text, charge float8, settled_at float8)
     on conflict (id) do update set
       outcome = excluded.outcome, found_by = excluded.found_by, ids = excluded.ids, code = excluded.code, charge = excluded.charge,
       settled_at = excluded.settled_at, version = excluded.version, touched_at = clock_timestamp()
     where excluded.outcome is not null and known.outcome is distinct from excluded.outcome
       and known.outcome is distinct from 'applied'
       and not (excluded.outcome = 'unknown' and known.outcome is not distinct from 'not_applied')
     returning xmax = 0 as is_new`,
    [`[${texts.join(',')}]`, hostname(), userName()],
  );
}
