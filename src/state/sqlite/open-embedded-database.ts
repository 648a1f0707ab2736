import { Database as BunDatabase } from 'bun:sqlite';
import type { Database, OpenOptions } from './database.ts';

/** Opens a SQLite database with the SQLite of Bun, in a standalone binary. @throws the error of SQLite */
export async function openDatabase(file: string, { readOnly }: OpenOptions): Promise<Database> {
  const database = new BunDatabase(file, readOnly ? { readonly: true } : { readwrite: true });
  return {
    exec: (sql) => database.exec(sql),
    run(sql, rows) {
      const statement = database.prepare(sql);
      try {
        for (const values of rows) statement.run(...values);
      } finally {
        statement.finalize();
      }
    },
    *rows(sql, values = []) {
      const statement = database.prepare(sql);
      try {
        yield* statement.iterate(...values);
      } finally {
        statement.finalize();
      }
    },
    close: () => database.close(),
  };
}
