import type { Database, OpenOptions } from './database.ts';

/**
 * Opens a SQLite database with the SQLite of Node.js, or with a library before Node.js 22.13. A standalone binary has
 * `open-embedded-database.ts` instead of this module. Only a lock can keep two processes apart: the library's own locks aren't those
 * of SQLite.
 *
 * @throws the error of SQLite
 */
export async function openDatabase(file: string, options: OpenOptions): Promise<Database> {
  return process.getBuiltinModule('node:sqlite') === undefined
    ? openWithLibrary(file, options)
    : openBuiltIn(file, options);
}

function openBuiltIn(file: string, { readOnly }: OpenOptions): Database {
  const { DatabaseSync } = builtIn();
  const database = new DatabaseSync(file, { readOnly });
  return {
    exec: (sql) => database.exec(sql),
    run(sql, rows) {
      const statement = database.prepare(sql);
      for (const values of rows) statement.run(...values);
    },
    rows: (sql, values = []) => database.prepare(sql).iterate(...values),
    close: () => database.close(),
  };
}

/** Loads the SQLite of Node.js without its warning that it is experimental, which is about its interface. */
function builtIn(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:module').createRequire(import.meta.url)('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

async function openWithLibrary(file: string, { readOnly }: OpenOptions): Promise<Database> {
  const { rmdirSync } = process.getBuiltinModule('node:fs');
  const sqlite = await import('node-sqlite3-wasm');
  try {
    // The library's lock, if a process was killed.
    rmdirSync(`${file}.lock`);
  } catch {
    // Usually, there is none.
  }
  const database = new sqlite.default.Database(file, { readOnly, fileMustExist: true });
  return {
    exec: (sql) => database.exec(sql),
    run(sql, rows) {
      const statement = database.prepare(sql);
      try {
        for (const values of rows) statement.run([...values]);
      } finally {
        statement.finalize();
      }
    },
    *rows(sql, values = []) {
      const statement = database.prepare(sql);
      try {
        yield* statement.iterate([...values]);
      } finally {
        statement.finalize();
      }
    },
    close: () => database.close(),
  };
}
