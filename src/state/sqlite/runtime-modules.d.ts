// Modules of runtimes that the types of Node.js 20 don't have.

declare module 'node:sqlite' {
  interface StatementSync {
    run(...values: readonly (number | string | null)[]): unknown;
    iterate(...values: readonly (number | string | null)[]): Iterable<Record<string, unknown>>;
  }
  export class DatabaseSync {
    constructor(file: string, options?: { readonly readOnly?: boolean });
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}

declare module 'bun:sqlite' {
  interface Statement {
    run(...values: readonly (number | string | null)[]): unknown;
    iterate(...values: readonly (number | string | null)[]): Iterable<Record<string, unknown>>;
    finalize(): void;
  }
  export class Database {
    constructor(file: string, options?: { readonly readonly?: boolean; readonly readwrite?: boolean });
    exec(sql: string): void;
    prepare(sql: string): Statement;
    close(): void;
  }
}
