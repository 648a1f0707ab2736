import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { clockEnvironment, setClockFile } from './faketime.ts';
import { reservedPort } from './ports.ts';
import { createData, serverDirectory, superuser } from './postgres-data.ts';
import { type End, PostgresProcess } from './postgres-process.ts';
import { shared, type WhenOver } from './shared.ts';

/** A PostgreSQL server on a loopback port, with SCRAM passwords. */
export interface Postgres {
  readonly port: number;
  /** The URL of a database for a role that owns the empty schema `cheapestinference` there, and may do nothing else. */
  readonly url: string;
  /** The URL of the same database for a superuser. */
  readonly adminUrl: string;
  /** What the server has logged. */
  readonly log: string;
  /** Runs a query as superuser, on a new connection if the server has been restarted. @returns the rows */
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Creates a schema and a role that owns it in the same database. @returns a URL with the parameter `schema` */
  freshSchema(): Promise<string>;
  /** Creates a database like that of `url`. @returns the URL for its role */
  freshDatabase(): Promise<string>;
  /** Starts the server again on the same port, and waits until it accepts connections. */
  start(): Promise<void>;
  stop(end?: End): Promise<void>;
  restart(end?: End): Promise<void>;
  /** Sets how far the clock of the server is ahead, in hours. It has to be started with `movesClock`. */
  setClock(hours: number): void;
}

export interface PostgresOptions {
  /** Whether commits wait for the disk. By default, they do. */
  readonly fsync?: boolean;
  /** Settings of the configuration file: `{ log_statement: 'all' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The parent of its directory. By default, that is the temporary directory of the tests, which is in memory if possible. */
  readonly directory?: string;
  /** Whether `setClock` works. Needs libfaketime. */
  readonly movesClock?: boolean;
  /** Creates the data directory in a directory of the server. By default, it is that of a new cluster. */
  readonly create?: (directory: string) => Promise<string>;
  /** Registers a function to call when the server isn't needed any more; by default, when the test has finished. */
  readonly whenOver?: WhenOver;
}

/** Starts a server. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const { whenOver = onTestFinished } = options;
  const server = new Server(options, await reservedPort(whenOver));
  whenOver(() => server.remove());
  await server.create(options.create ?? createData);
  await server.start();
  if (!options.create) await server.createDatabase('app', 'app');
  return server;
}

/** Starts a server for all tests of a file. @returns a function that returns it, for use in tests */
export function sharedPostgres(options: Omit<PostgresOptions, 'whenOver'> = {}): () => Postgres {
  return shared((whenOver) => startPostgres({ ...options, whenOver }));
}

class Server implements Postgres {
  readonly port: number;
  readonly #directory: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #movesClock: boolean;
  readonly #passwords = new Map<string, string>();
  #process: PostgresProcess | undefined;
  #pool: pg.Pool | undefined;
  #count = 0;

  constructor(
    { fsync = true, settings = {}, directory = tmpdir(), movesClock = false }: PostgresOptions,
    port: number,
  ) {
    this.port = port;
    this.#directory = serverDirectory(directory);
    this.#settings = { fsync: fsync ? 'on' : 'off', ...settings };
    this.#movesClock = movesClock;
  }

  get url(): string {
    return this.#urlOf('app', 'app');
  }

  get adminUrl(): string {
    return this.#urlOf(superuser.name, 'app');
  }

  get log(): string {
    return this.#running.log;
  }

  async create(create: (directory: string) => Promise<string>): Promise<void> {
    const data = await create(this.#directory);
    if (this.#movesClock) this.setClock(0);
    const env: Record<string, string> = this.#movesClock ? clockEnvironment(this.#clockFile) : {};
    this.#process = new PostgresProcess(data, this.port, this.#settings, env);
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    if (!this.#pool) {
      this.#pool = new pg.Pool({ connectionString: this.adminUrl, max: 4 });
      this.#pool.on('error', () => {});
    }
    const { rows } = await this.#pool.query<Record<string, unknown>>(sql, [...values]);
    return rows;
  }

  async freshSchema(): Promise<string> {
    const name = this.#nextName();
    await this.query(`create role ${name} login password '${this.#newPassword(name)}'`);
    await this.query(`grant connect on database app to ${name}`);
    await this.query(`create schema ${name} authorization ${name}`);
    return `${this.#urlOf(name, 'app')}?schema=${name}`;
  }

  async freshDatabase(): Promise<string> {
    const name = this.#nextName();
    await this.createDatabase(name, name);
    return this.#urlOf(name, name);
  }

  /** Creates a role, and a database with its schema. */
  async createDatabase(database: string, role: string): Promise<void> {
    await this.#administer('postgres', [
      `create role ${role} login password '${this.#newPassword(role)}'`,
      `create database ${database}`,
      `revoke all on database ${database} from public`,
      `grant connect on database ${database} to ${role}`,
    ]);
    await this.#administer(database, [
      'revoke all on schema public from public',
      `create schema cheapestinference authorization ${role}`,
    ]);
  }

  async start(): Promise<void> {
    await this.#running.start();
  }

  async stop(end: End = 'fast'): Promise<void> {
    // Its connections end with the server.
    this.#pool?.end().catch(() => {});
    this.#pool = undefined;
    await this.#running.stop(end);
  }

  async restart(end: End = 'fast'): Promise<void> {
    await this.stop(end);
    await this.start();
  }

  setClock(hours: number): void {
    if (!this.#movesClock) throw new Error('start the server with movesClock');
    setClockFile(this.#clockFile, hours);
  }

  async remove(): Promise<void> {
    if (this.#process) {
      await this.stop('crash');
      this.#process.cleanUp();
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #running(): PostgresProcess {
    if (!this.#process) throw new Error('the server has no data');
    return this.#process;
  }

  get #clockFile(): string {
    return path.join(this.#directory, 'clock');
  }

  #urlOf(role: string, database: string): string {
    const password = role === superuser.name ? superuser.password : (this.#passwords.get(role) ?? '');
    return `postgres://${role}:${password}@127.0.0.1:${this.port}/${database}`;
  }

  #newPassword(role: string): string {
    const password = randomBytes(12).toString('hex');
    this.#passwords.set(role, password);
    return password;
  }

  #nextName(): string {
    this.#count += 1;
    return `fresh_${this.#count}`;
  }

  async #administer(database: string, statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.#urlOf(superuser.name, database) });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
