import type { StateDatabase } from './database.ts';
import { isFree, isOpen } from './expressions.ts';

/** How many rows are removed at a time. */
const chunkSize = 1000;

/** How many rows of each kind have ended. */
export interface EndedRows {
  readonly changes: number;
  readonly sessions: number;
  readonly locks: number;
  readonly work: number;
  readonly undelivered: number;
}

/** Rows of a table that may be removed. `$1` is the epoch second before which they ended. */
interface Removal {
  readonly kind: keyof EndedRows;
  readonly table: string;
  readonly key: string;
  readonly condition: string;
}

/**
 * What may be removed, in this order. `SCHEMA` stands for the schema.
 *
 * - Open changes stay, and so do those that ended after an open change of the same account began: they tell which of the things in the
 *   account are theirs. Payments stay, because a later one is compared with the last, and with all addresses that were paid.
 * - A session is the proof that a lock or a row is free again, so it stays as long as one refers to it.
 */
const removals: readonly Removal[] = [
  {
    kind: 'changes',
    table: 'changes',
    key: 'id',
    condition: `touched_at < to_timestamp($1) and action <> 'pay' and not ${isOpen} and not exists (
      select from SCHEMA.changes as open where open.account = changes.account and ${isOpen.replaceAll(/\b(outcome|action)\b/g, 'open.$1')}
        and open.at - interval '1 day' < changes.touched_at)`,
  },
  {
    kind: 'locks',
    table: 'locks',
    key: 'name',
    condition: `taken_at < to_timestamp($1) and ${isFree('SCHEMA', 'locks')}`,
  },
  {
    kind: 'work',
    table: 'work',
    key: 'run',
    condition: `began_at < to_timestamp($1) and not exists (select from SCHEMA.locks where locks.run = work.run)`,
  },
  {
    kind: 'sessions',
    table: 'sessions',
    key: 'id',
    condition: `coalesce(ended_at, expires_at) < to_timestamp($1)
      and not exists (select from SCHEMA.locks where sessions.id = any (locks.sessions))
      and not exists (select from SCHEMA.work_rows where work_rows.session = sessions.id)
      and not exists (select from SCHEMA.rotations where rotations.session = sessions.id)`,
  },
  { kind: 'undelivered', table: 'undelivered', key: 'file', condition: 'at < to_timestamp($1)' },
];

/** Returns a time some time ago by the clock of the server, in epoch seconds. @param age - milliseconds @throws CommandError */
export async function serverTimeBefore(database: StateDatabase, age: number): Promise<number> {
  const [row] = await database.rows<{ time: number }>(
    'select extract(epoch from clock_timestamp())::float8 - $1::float8 as time',
    [age / 1000],
  );
  return row?.time ?? 0;
}

/** Counts what has ended. @param before - epoch seconds of the server's clock @throws CommandError */
export function countEnded(database: StateDatabase, before: number): Promise<EndedRows> {
  return forEach(async ({ table, condition }) => {
    const { schema } = database.address;
    const [row] = await database.rows<{ count: number }>(
      `select count(*)::integer as count from ${schema}.${table} where ${condition.replaceAll('SCHEMA', schema)}`,
      [before],
    );
    return row?.count ?? 0;
  });
}

/** Removes what has ended, and returns how much that was. @param before - epoch seconds of the server's clock @throws CommandError */
export function removeEnded(database: StateDatabase, before: number): Promise<EndedRows> {
  const { schema } = database.address;
  return forEach(async ({ table, key, condition }) => {
    const ended = condition.replaceAll('SCHEMA', schema);
    for (let removed = 0; ; ) {
      // The condition applies to the row as it is when it is removed.
      const rows = await database.rows(
        `delete from ${schema}.${table}
         where ${key} in (select ${key} from ${schema}.${table} where ${ended} limit ${chunkSize}) and ${ended} returning 1`,
        [before],
      );
      removed += rows.length;
      if (rows.length === 0) return removed;
    }
  });
}

async function forEach(count: (removal: Removal) => Promise<number>): Promise<EndedRows> {
  const counts = { changes: 0, sessions: 0, locks: 0, work: 0, undelivered: 0 };
  for (const removal of removals) counts[removal.kind] = await count(removal);
  return counts;
}
