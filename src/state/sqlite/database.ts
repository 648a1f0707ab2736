/** A value of a column. */
type SqlValue = number | string | null;

/** An open SQLite database. Each method throws the error of SQLite. */
export interface Database {
  /** Runs statements without values. */
  exec(sql: string): void;
  /** Runs a statement once for each list of values. */
  run(sql: string, rows: Iterable<readonly SqlValue[]>): void;
  /** Returns the rows that a query finds, as objects by column. Read them before the next call. */
  rows(sql: string, values?: readonly SqlValue[]): Iterable<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** How to open a database. The file must exist; an empty one is an empty database. */
export interface OpenOptions {
  readonly readOnly: boolean;
}
