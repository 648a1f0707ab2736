import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ClientConfig, Pool, PoolClient, QueryResultRow } from 'pg';
import { connectionFailures } from '../../domain/connection-failures.ts';
import type { Environment } from '../../domain/environment.ts';
import { asClause, CommandError, codeOf, messageOf } from '../../domain/errors.ts';
import { checkVersion } from './schema.ts';
import type { StateAddress } from './state-url.ts';

/** How long a transaction may wait for its next statement, in milliseconds: a process that is stopped must not block others. */
const longestPause = 10_000;

/** How long to wait for a connection, and for an answer, in milliseconds. */
const connectTimeout = 10_000;
const queryTimeout = 10_000;

/** How long to wait for statements that are under way when the process ends, in milliseconds. */
const longestEnd = 1500;

/** The hint after a failure that may pass. */
const offlineHint = 'Nothing was sent. Try again when the database is available, or pass --offline to use local files.';

/** Runs statements. */
export interface Statements {
  /**
   * Runs a statement.
   *
   * @returns the rows
   * @throws CommandError (state_unreachable); the statement may have been carried out
   */
  rows<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * A PostgreSQL database. Each statement is a transaction of its own, and nothing outlives it in a connection, so that a pooler may hand
 * out connections by the transaction.
 */
export class StateDatabase implements Statements {
  readonly address: StateAddress;
  readonly #env: Environment;
  readonly #interrupt: AbortSignal | undefined;
  readonly #sockets = new Set<Socket>();
  #pool: Promise<Pool> | undefined;
  #hasAnswered = false;

  /** @param interrupt - ends the wait for the first answer; nothing can have been sent to the API by then */
  constructor(address: StateAddress, env: Environment, interrupt?: AbortSignal) {
    this.address = address;
    this.#env = env;
    this.#interrupt = interrupt;
  }

  async rows<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      const pool = await this.#connections();
      return (await this.#answer(pool.query<Row>(text, [...values]))).rows;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Runs statements in one transaction. @throws CommandError; the transaction may have been committed if its last answer was lost */
  async transaction<Result>(work: (statements: Statements) => Promise<Result>): Promise<Result> {
    let connecting: Promise<PoolClient> | undefined;
    let client: PoolClient | undefined;
    try {
      const pool = await this.#connections();
      connecting = pool.connect();
      client = await this.#answer(connecting);
      const connection = client;
      await connection.query(`begin; set local idle_in_transaction_session_timeout = ${longestPause}`);
      const rows = async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) => {
        // Without values, a text may have several statements.
        const answer =
          values.length > 0 ? await connection.query<Row>(text, [...values]) : await connection.query<Row>(text);
        return answer.rows;
      };
      const result = await work({ rows });
      await connection.query('commit');
      client.release();
      return result;
    } catch (error) {
      // Closing the connection rolls the transaction back.
      if (client) client.release(true);
      else connecting?.then((late) => late.release(true)).catch(() => {});
      throw this.#failure(error);
    }
  }

  /** Checks the connection, and that the tables are of this version. @throws CommandError */
  async check(): Promise<void> {
    const [row] = await this.rows<{ version: number }>(`select version from ${this.address.schema}.schema_version`);
    checkVersion(this.address, row?.version ?? 0);
  }

  /** Does something last, and closes all connections. Waits only briefly if the database doesn't answer. */
  async close(last: () => Promise<void> = async () => {}): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined);
    if (!pool) return;
    let timer: NodeJS.Timeout | undefined;
    const isLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, longestEnd);
    });
    if (this.#hasAnswered) await Promise.race([last().then(() => pool.end()), isLate]).catch(() => {});
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#pool = undefined;
  }

  /** Waits for an answer, the first one only until the user interrupts. @throws CommandError (interrupted), the error of the answer */
  async #answer<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const interrupt = this.#interrupt;
    let stop = () => {};
    const interrupted = new Promise<never>((_, reject) => {
      stop = () => reject(new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' }));
    });
    if (!this.#hasAnswered && interrupt?.aborted) stop();
    if (!this.#hasAnswered) interrupt?.addEventListener('abort', stop);
    try {
      const answered = await Promise.race([answer, interrupted]);
      this.#hasAnswered = true;
      return answered;
    } finally {
      interrupt?.removeEventListener('abort', stop);
    }
  }

  #connections(): Promise<Pool> {
    this.#pool ??= this.#open();
    return this.#pool;
  }

  async #open(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({
      ...this.#config(),
      // Signing in takes longer than all statements of a command.
      max: 1,
      idleTimeoutMillis: 0,
      allowExitOnIdle: true,
      connectionTimeoutMillis: connectTimeout,
      query_timeout: queryTimeout,
      keepAlive: true,
      stream: () => this.#socket(),
    });
    // The next statement reports it.
    pool.on('error', () => {});
    return pool;
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  #config(): ClientConfig {
    const {
      host,
      port,
      user,
      password = this.#env.PGPASSWORD,
      database,
      tls,
      rootCertificates,
      bindsChannel,
    } = this.address;
    const ca = rootCertificates === undefined ? undefined : certificatesIn(rootCertificates);
    return {
      host,
      port,
      user,
      // pg reads the environment of the process and ~/.pgpass if there is none.
      password: password ?? '',
      database,
      application_name: 'ci',
      ssl: tls === 'none' ? false : { rejectUnauthorized: true, ...(ca !== undefined && { ca }) },
      enableChannelBinding: bindsChannel,
    };
  }

  #failure(error: unknown): unknown {
    if (error instanceof CommandError) return error;
    const { label, schema } = this.address;
    const code = codeOf(error) ?? '';
    const details = { outcome: 'not_applied', cause: error } as const;
    if (['42P01', '3F000'].includes(code)) {
      return new CommandError('unavailable', `The state database ${label} has no tables in the schema ${schema}`, {
        ...details,
        hint: 'Run `ci state init` to create them.',
      });
    }
    const refusal = isWithoutPassword(error) ? needsPassword : isWithoutTls(error) ? needsTls : refusals[code];
    if (refusal !== undefined) {
      const [what, hint] = refusal;
      return new CommandError('state_unreachable', `The state database ${label} ${what}`, {
        ...details,
        hint: `Nothing was sent. ${hint}`,
      });
    }
    return new CommandError('state_unreachable', `Can't use the state database ${label}: ${reasonOf(error)}`, {
      ...details,
      retryable: true,
      hint: offlineHint,
    });
  }
}

/** Reads the certificates of the authorities to trust. @throws CommandError (file_error) */
function certificatesIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError('file_error', `Can't read ${file}: ${asClause(messageOf(error))}`, {
      outcome: 'not_applied',
      hint: 'Nothing was sent. Check sslrootcert in the state URL: `ci config get state-url`.',
      cause: error,
    });
  }
}

/** What a failure means, and what to do. */
type Refusal = readonly [what: string, hint: string];

const needsPassword: Refusal = ['needs a password', 'Add it to the state URL, or set PGPASSWORD.'];

/** Returns whether the client gave up because it has no password. */
function isWithoutPassword(error: unknown): boolean {
  return error instanceof Error && /^SASL: .*client password must be/.test(error.message);
}

const needsTls: Refusal = [
  "doesn't offer TLS",
  'Give the server a certificate or, if nobody else can listen on the network, add ?sslmode=disable to the state URL.',
];

/** Returns whether the server has no certificate. */
function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && /^The server does not support SSL/.test(error.message);
}

/** What some codes of PostgreSQL mean (PostgreSQL documentation, appendix A), and what to do. */
const refusals: Readonly<Record<string, Refusal>> = {
  '28P01': [
    'refused the password',
    'Set the state URL again with `ci config set state-url -`, or check CHEAPESTINFERENCE_STATE_URL.',
  ],
  '28000': [
    'refused the sign-in',
    'Set the state URL again with `ci config set state-url -`, or check CHEAPESTINFERENCE_STATE_URL.',
  ],
  '3D000': ["doesn't exist", 'Check the state URL: `ci config get state-url`.'],
  '42501': ['refused a statement: the role lacks a privilege', 'Make the role the owner of the schema.'],
  '25006': ['is read-only', 'Use the address of the primary server.'],
  '55000': ['is a standby server', 'Use the address of the primary server.'],
};

/** Reasons of a failed connection, by the code of the system or of PostgreSQL. */
const reasons: Readonly<Record<string, string>> = {
  ...connectionFailures,
  '57P01': 'the server is shutting down',
  '57P03': 'the server is starting up',
  '53300': 'the server has too many connections',
};

/** Reasons by the message of the client, whose errors have no code. */
const clientReasons: readonly (readonly [RegExp, string])[] = [
  [/timeout/i, "it didn't answer in time"],
  [/^Connection terminated/, 'the connection was lost'],
  [/establishing an SSL connection/, "the server didn't answer as PostgreSQL does"],
];

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = codeOf(error);
  const message = messageOf(error);
  const known = code === undefined ? clientReasons.find(([pattern]) => pattern.test(message)) : undefined;
  return reasons[code ?? ''] ?? known?.[1] ?? asClause(message);
}
