import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
import { postgresProgram, runAsServer } from './postgres-programs.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

/** A primary with a standby that follows it asynchronously, and one address for both. */
export interface FailoverPair {
  /** The address, which leads to the primary, and to the standby after the failover. */
  readonly front: TcpProxy;
  /** The URL of the database of the primary at the address. */
  readonly url: string;
  readonly primary: Postgres;
  readonly standby: Postgres;
  /** The server that the address leads to. */
  readonly current: Postgres;
  /** Creates a schema in the primary. @returns its URL at the address */
  freshSchema(): Promise<string>;
  /** Waits until the standby has everything that was committed. */
  caughtUp(): Promise<void>;
  /** Waits until the standby has caught up, and cuts it off. What the primary commits from now on is lost in a failover. */
  stopReplication(): Promise<void>;
  /**
   * Ends the primary, promotes the standby, and lets the address lead to it. By default, the primary ends in order, and nothing that was
   * committed is lost. With `losing`, it is killed, and everything since `stopReplication` is lost.
   */
  failOver(options?: { readonly losing?: boolean }): Promise<void>;
}

type Options = Pick<PostgresOptions, 'fsync' | 'settings' | 'directory' | 'whenOver'>;

/** Starts a primary and its standby, and waits until the standby follows. */
export async function failoverPair({ whenOver = onTestFinished, ...options }: Options = {}): Promise<FailoverPair> {
  const primary = await startPostgres({ ...options, whenOver });
  const link = await tcpProxy(primary.port, { whenOver });
  const standby = await startStandby(link.urlOf(primary.adminUrl), { ...options, whenOver });
  const front = await tcpProxy(primary.port, { whenOver });
  let current = primary;
  let isCutOff = false;
  const caughtUp = async () => {
    const [row] = await primary.query('select pg_current_wal_flush_lsn()::text as position');
    await untilTrue(standby, 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as is_true', [row?.position]);
  };
  await untilTrue(primary, "select count(*) = 1 as is_true from pg_stat_replication where state = 'streaming'");
  await caughtUp();
  const pair: FailoverPair = {
    front,
    url: front.urlOf(primary.url),
    primary,
    standby,
    get current() {
      return current;
    },
    freshSchema: async () => front.urlOf(await primary.freshSchema()),
    caughtUp,
    async stopReplication() {
      await caughtUp();
      link.set('drop');
      isCutOff = true;
    },
    async failOver({ losing = false } = {}) {
      if (isCutOff && !losing) throw new Error('The standby is cut off. Use failOver({ losing: true }).');
      if (losing && !isCutOff) await pair.stopReplication();
      await primary.stop(losing ? 'crash' : 'fast');
      await standby.query('select pg_promote()');
      await untilTrue(standby, 'select not pg_is_in_recovery() as is_true');
      current = standby;
      front.leadTo(standby.port);
    },
  };
  return pair;
}

/** Starts a copy of a server that follows it. @param url - of the server, for a superuser */
function startStandby(url: string, options: Options): Promise<Postgres> {
  return startPostgres({
    ...options,
    async create(directory) {
      const data = path.join(directory, 'data');
      const copy = ['--pgdata', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync', '--dbname', url];
      await runAsServer(postgresProgram('pg_basebackup'), copy);
      return data;
    },
  });
}

/** Waits until a query answers with one row, whose `is_true` is true. */
async function untilTrue(server: Postgres, sql: string, values: readonly unknown[] = []): Promise<void> {
  for (;;) {
    const [row] = await server.query(sql, values);
    if (row?.is_true === true) return;
    await setTimeout(5);
  }
}
