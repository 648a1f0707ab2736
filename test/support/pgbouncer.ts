import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { reservedPort } from './ports.ts';
import type { Postgres } from './postgres.ts';
import { serverDirectory, superuser } from './postgres-data.ts';
import { lacksPostgres, serverUser } from './postgres-programs.ts';
import type { WhenOver } from './shared.ts';

/** Debian's package puts it where only the PATH of root leads. */
const program = '/usr/sbin/pgbouncer';

/** Whether to skip tests that start PgBouncer, because it isn't installed. In CI, it is required. */
export const lacksPgBouncer: boolean = lacksPostgres || (!existsSync(program) && !process.env.CI);

/** A pooler that gives a client a connection of the server for one transaction at a time. */
export interface PgBouncer {
  readonly port: number;
  /** The URL of the server's database through the pooler. */
  readonly url: string;
  /** Returns another URL of the server through the pooler. */
  urlOf(url: string): string;
}

interface Options {
  /** How many connections the clients of a role share. By default, there are 2. */
  readonly connections?: number;
  /** Registers a function to call when it isn't needed any more; by default, when the test has finished. */
  readonly whenOver?: WhenOver;
}

/** Starts PgBouncer before a server. Clients sign in with their passwords for the server. */
export async function startPgBouncer(
  server: Postgres,
  { connections = 2, whenOver = onTestFinished }: Options = {},
): Promise<PgBouncer> {
  const port = await reservedPort(whenOver);
  const directory = serverDirectory(tmpdir());
  whenOver(() => rmSync(directory, { recursive: true }));
  const [users, settings] = [path.join(directory, 'users'), path.join(directory, 'settings')];
  writeFileSync(users, `"${superuser.name}" "${superuser.password}"\n`, { mode: 0o644 });
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${server.port} auth_user=${superuser.name}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    'pool_mode = transaction',
    `default_pool_size = ${connections}`,
    'max_client_conn = 1000',
  ];
  writeFileSync(settings, `${lines.join('\n')}\n`, { mode: 0o644 });
  // It ends with the process of the tests, however that ends.
  const args = ['--pdeathsig', 'KILL', program, settings];
  const child = spawn('setpriv', args, { cwd: '/', ...serverUser, stdio: ['ignore', 'ignore', 'pipe'] });
  whenOver(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (/process up/.test(log)) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`PgBouncer ended: ${log}`)));
  });
  const urlOf = (url: string) => {
    const pooled = new URL(url);
    pooled.host = `127.0.0.1:${port}`;
    return pooled.href;
  };
  return { port, url: urlOf(server.url), urlOf };
}
