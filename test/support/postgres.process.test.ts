import { chmodSync, readdirSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lacksFaketime } from './faketime.ts';
import { emptyFolder } from './folder.ts';
import { type Postgres, sharedPostgres, startPostgres } from './postgres.ts';
import { lacksPostgres } from './postgres-programs.ts';

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Creates a table as superuser, and fills it. */
async function withRow(server: Postgres): Promise<void> {
  await server.query('create table public.kept (value int)');
  await server.query('insert into public.kept values (1)');
}

describe.skipIf(lacksPostgres)('a server', () => {
  const server = sharedPostgres();

  test('keeps what it has committed when it crashes', async () => {
    await withRow(server());
    for (const end of ['fast', 'immediate', 'crash'] as const) {
      await server().restart(end);
      expect(await server().query('select value from public.kept where value = $1', [1])).toEqual([{ value: 1 }]);
    }
    expect(server().log).toContain('database system was not properly shut down; automatic recovery in progress');
    expect(await server().query('show fsync')).toEqual([{ fsync: 'on' }]);
  });

  test('lets a role use its own schema and no other', async () => {
    for (const [url, schema] of [
      [server().url, 'cheapestinference'],
      [await server().freshDatabase(), 'cheapestinference'],
      [await server().freshSchema(), 'fresh_2'],
    ] as const) {
      const client = await connected(url);
      await client.query(`create table ${schema}.own (value int)`);
      for (const refused of [
        'create table public.other (value int)',
        'create schema other',
        'create temporary table other (value int)',
        'select 1 from public.kept',
        'create role other',
      ])
        await expect(client.query(refused), refused).rejects.toThrow(/permission denied/);
    }
    const other = await connected(await server().freshSchema());
    await expect(other.query('select 1 from fresh_2.own')).rejects.toThrow('permission denied for schema fresh_2');
  });

  test('asks for the password', async () => {
    const url = new URL(server().url);
    url.password = 'wrong';
    await expect(connected(url.href)).rejects.toThrow('password authentication failed for user "app"');
    const [role] = await server().query("select rolpassword from pg_authid where rolname = 'app'");
    expect(role).toMatchObject({ rolpassword: expect.stringMatching(/^SCRAM-SHA-256\$/) });
  });

  test('disconnects its clients when it stops', async () => {
    const client = await connected(server().url);
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    await server().stop();
    await ended;
    await expect(connected(server().url)).rejects.toThrow('ECONNREFUSED');
    await server().start();
    await connected(server().url);
  });
});

test.skipIf(lacksPostgres)('leaves nothing in its directory', async () => {
  const directory = emptyFolder();
  // For the user who runs the server.
  chmodSync(directory, 0o755);
  const cleanUps: (() => void | Promise<void>)[] = [];
  const server = await startPostgres({ fsync: false, directory, whenOver: (cleanUp) => cleanUps.push(cleanUp) });
  expect(await server.query('show fsync')).toEqual([{ fsync: 'off' }]);
  expect(readdirSync(directory)).toHaveLength(1);
  for (const cleanUp of cleanUps) await cleanUp();
  expect(readdirSync(directory)).toEqual([]);
});

test.skipIf(lacksPostgres || lacksFaketime)('moves the clock of a server', async () => {
  const server = await startPostgres({ movesClock: true });
  const ahead = async () => {
    const [row] = await server.query('select extract(epoch from now())::float8 as now');
    return Math.round((Number(row?.now) - Date.now() / 1000) / 60) + 0;
  };
  expect(await ahead()).toBe(0);
  server.setClock(3);
  expect(await ahead()).toBe(180);
  server.setClock(-48);
  expect(await ahead()).toBe(-2880);
});
