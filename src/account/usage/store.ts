import { closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError, codeOf, messageOf } from '../../domain/errors.ts';
import { parsedJson } from '../../domain/json.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Moment } from '../../domain/usage-bounds.ts';
import { draftOf, removeLeftovers } from '../../state/drafts.ts';
import { namesIn, syncFolder } from '../../state/folder.ts';
import { openOwnFile } from '../../state/own-file.ts';
import type { Database } from '../../state/sqlite/database.ts';
import { openDatabase } from '../../state/sqlite/open-database.ts';
import type { Figures, KeyFigures, KeyHistory } from './snapshot.ts';

/** Changes with the tables. */
const schemaVersion = 1;

const schema = `
CREATE TABLE snapshots (snapshot INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, latest INTEGER NOT NULL) STRICT;
CREATE TABLE keys (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, type TEXT, created INTEGER, newest INTEGER NOT NULL
) STRICT;
CREATE TABLE usage (
  key INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, figures TEXT NOT NULL, PRIMARY KEY (key, first)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = ${schemaVersion};
`;

/** A snapshot, by its number. */
export interface NumberedMoment extends Moment {
  readonly snapshot: number;
}

/** What {@link UsageStore.read} finds. */
export interface StoredUsage {
  /** In the order of their times. */
  readonly snapshots: readonly NumberedMoment[];
  /** Keys of these snapshots. */
  readonly keys: readonly KeyHistory[];
}

/**
 * The snapshots of an account's usage, in a SQLite database that only its owner can read. Each change is made to a copy, which then
 * replaces the file: whatever fails, and whenever the process is killed, the file is whole. A lock keeps processes apart.
 *
 * Each key has a row for each range of snapshots with the same figures, so that unused keys need little space.
 */
export class UsageStore {
  readonly file: string;
  readonly #context: Pick<Context, 'record' | 'world'>;
  readonly #account: string;

  private constructor(context: Pick<Context, 'record' | 'world'>, account: string) {
    this.#context = context;
    this.#account = account;
    this.file = path.join(context.record.folder, `usage-${account}.db`);
  }

  /** Returns the store of the current account. @throws CommandError (file_error) if the state directory can't be used */
  static async of(context: Pick<Context, 'record' | 'world'>): Promise<UsageStore> {
    return new UsageStore(context, (await context.record.ownAccount()).id);
  }

  /** Returns the last snapshot. @throws CommandError (file_error), (busy) */
  async last(): Promise<NumberedMoment | undefined> {
    return this.#reading((database) => lastOf(database));
  }

  /**
   * Appends a snapshot.
   *
   * @throws CommandError (file_error) if it can't be kept, (busy); nothing is then changed
   */
  async append({ earliest, latest }: Moment, keys: readonly KeyFigures[]): Promise<void> {
    await this.#locked(async () => {
      const draft = this.#copy();
      try {
        const database = await openDatabase(draft, { readOnly: false });
        try {
          // The draft is discarded if anything fails, so it needs no journal.
          database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;');
          if (versionOf(database) === 0) database.exec(schema);
          database.exec('BEGIN');
          appendTo(database, { earliest, latest }, keys);
          database.exec('COMMIT');
        } finally {
          database.close();
        }
        sync(draft);
        renameSync(draft, this.file);
      } finally {
        rmSync(draft, { force: true });
      }
      try {
        syncFolder(path.dirname(this.file));
      } catch {
        // Some network file systems can't sync directories.
      }
    }, 'written to');
  }

  /**
   * Returns the times of the snapshots of a time span.
   *
   * @param from - epoch milliseconds
   * @param to - epoch milliseconds
   * @throws CommandError (file_error), (busy)
   */
  async moments(from: number, to: number): Promise<readonly NumberedMoment[]> {
    return (await this.#reading((database) => momentsIn(database, from, to))) ?? [];
  }

  /**
   * Returns the snapshots of a time span, and what they have of each key.
   *
   * @param from - epoch milliseconds
   * @param to - epoch milliseconds
   * @throws CommandError (file_error), (busy)
   */
  async read(from: number, to: number): Promise<StoredUsage> {
    const none: StoredUsage = { snapshots: [], keys: [] };
    return (await this.#reading((database) => readFrom(database, from, to))) ?? none;
  }

  async #reading<Result>(work: (database: Database) => Result): Promise<Result | undefined> {
    return this.#locked(async () => {
      try {
        closeSync(openOwnFile(this.file, 'r'));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
      const database = await openDatabase(this.file, { readOnly: true });
      try {
        return versionOf(database) === 0 ? undefined : work(database);
      } finally {
        database.close();
      }
    }, 'read');
  }

  /** Runs a function while no other process uses the file. @param use - what failed, for the error */
  async #locked<Result>(work: () => Promise<Result>, use: string): Promise<Result> {
    return this.#context.record.exclusivelyHere('usage', async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof CommandError) throw error;
        const [, hint] = problems.find(([pattern]) => pattern.test(messageOf(error))) ?? [];
        throw new CommandError('file_error', `${this.file} can't be ${use}: ${asClause(messageOf(error))}`, {
          hint: hint?.(this.file) ?? 'Free up disk space, or check the permissions of the state directory.',
          cause: error,
        });
      }
    });
  }

  /** Copies the file, or creates an empty one. Removes what killed processes left. @returns the copy */
  #copy(): string {
    const folder = path.dirname(this.file);
    removeLeftovers(folder);
    for (const name of namesIn(folder)) {
      if (name.startsWith(`usage-${this.#account}.db`) && name.endsWith('.lock'))
        removeEmptyFolder(path.join(folder, name));
    }
    const draft = draftOf(this.file);
    closeSync(openSync(draft, 'wx', 0o600));
    try {
      closeSync(openOwnFile(this.file, 'r'));
      copyFileSync(this.file, draft);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return draft;
      rmSync(draft, { force: true });
      throw error;
    }
    return draft;
  }
}

/** What SQLite says about a file that isn't ours, and what to do. */
const problems: readonly (readonly [RegExp, (file: string) => string])[] = [
  [
    /not a database|malformed|corrupt|no such (?:table|column)/i,
    (file) =>
      `The file is damaged. Restore it from a backup, or start again: \`mv ${shellWord(file)} ${shellWord(`${file}.old`)}\`.`,
  ],
];

/** Removes a directory that the SQLite library used as a lock. */
function removeEmptyFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is a lock of ours: a file.
  }
}

function sync(file: string): void {
  const handle = openSync(file, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Returns the version of the tables; 0 if there are none. @throws CommandError (file_error) for one of a newer program */
function versionOf(database: Database): number {
  const [row] = [...database.rows('PRAGMA user_version')];
  const version = Number(row?.user_version ?? 0);
  if (version <= schemaVersion) return version;
  throw new CommandError(
    'file_error',
    `The usage snapshots were written by a newer version of ci (format ${version})`,
    {
      hint: 'Update ci, and run this command again.',
    },
  );
}

function lastOf(database: Database): NumberedMoment | undefined {
  const [row] = [...database.rows('SELECT snapshot, earliest, latest FROM snapshots ORDER BY snapshot DESC LIMIT 1')];
  return row && momentOf(row);
}

function momentOf({ snapshot, earliest, latest }: Readonly<Record<string, unknown>>): NumberedMoment {
  return { snapshot: Number(snapshot), earliest: Number(earliest), latest: Number(latest) };
}

function appendTo(database: Database, { earliest, latest }: Moment, keys: readonly KeyFigures[]): void {
  const last = lastOf(database)?.snapshot ?? 0;
  const snapshot = last + 1;
  database.run('INSERT INTO snapshots VALUES (?, ?, ?)', [[snapshot, earliest, latest]]);
  const known = new Map<
    unknown,
    { readonly key: number; readonly newest: number; readonly last: number; figures: unknown }
  >();
  for (const row of database.rows(
    'SELECT id, key, newest, last, figures FROM keys JOIN usage USING (key) WHERE first = newest',
  )) {
    known.set(row.id, {
      key: Number(row.key),
      newest: Number(row.newest),
      last: Number(row.last),
      figures: row.figures,
    });
  }
  let count = known.size;
  const added: (readonly [number, number, number, string])[] = [];
  const extended: (readonly [number, number, number])[] = [];
  const described = [...new Map(keys.map((key) => [key.id, key])).values()].map(
    ({ id, name, type, createdAt, figures }) => {
      const before = known.get(id);
      const key = before?.key ?? ++count;
      const text = JSON.stringify(figures);
      const isSame = before?.last === last && before.figures === text;
      if (isSame) extended.push([snapshot, key, before.newest]);
      else added.push([key, snapshot, snapshot, text]);
      return [key, id, name, type, createdAt, isSame ? before.newest : snapshot] as const;
    },
  );
  database.run('INSERT INTO usage VALUES (?, ?, ?, ?)', added);
  database.run('UPDATE usage SET last = ? WHERE key = ? AND first = ?', extended);
  database.run('INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?)', described);
}

function momentsIn(database: Database, from: number, to: number): NumberedMoment[] {
  const found = database.rows(
    'SELECT * FROM snapshots WHERE latest >= ? AND earliest <= ? ORDER BY earliest, snapshot',
    [from, to],
  );
  return [...found].map(momentOf);
}

function readFrom(database: Database, from: number, to: number): StoredUsage {
  const snapshots = momentsIn(database, from, to);
  const numbers = snapshots.map(({ snapshot }) => snapshot);
  if (numbers.length === 0) return { snapshots, keys: [] };
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const keys: KeyHistory[] = [];
  let current: { readonly key: unknown; readonly ranges: { first: number; last: number; figures: Figures }[] } = {
    key: undefined,
    ranges: [],
  };
  const rows = database.rows(
    `SELECT key, id, name, type, created, first, last, figures FROM keys JOIN usage USING (key)
    WHERE first <= ? AND last >= ? AND first >= coalesce(
      (SELECT max(earlier.first) FROM usage AS earlier WHERE earlier.key = keys.key AND earlier.first <= ?), 0
    ) ORDER BY key, first`,
    [last, first, first],
  );
  for (const row of rows) {
    if (current.key !== row.key) {
      current = { key: row.key, ranges: [] };
      keys.push({
        id: String(row.id),
        name: textOf(row.name),
        type: textOf(row.type),
        createdAt: typeof row.created === 'number' ? row.created : null,
        ranges: current.ranges,
      });
    }
    current.ranges.push({ first: Number(row.first), last: Number(row.last), figures: figuresOf(row.figures) });
  }
  return { snapshots, keys };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function figuresOf(text: unknown): Figures {
  const value = parsedJson(String(text));
  if (!Array.isArray(value)) throw new Error('the database is malformed');
  return value.map((each: unknown) => (typeof each === 'number' ? each : null));
}
