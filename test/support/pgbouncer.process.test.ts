import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lacksPgBouncer, startPgBouncer } from './pgbouncer.ts';
import { sharedPostgres } from './postgres.ts';

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe.skipIf(lacksPgBouncer)('PgBouncer', () => {
  const server = sharedPostgres();

  test('gives the clients a connection for one transaction at a time', async () => {
    const pooler = await startPgBouncer(server(), { connections: 1 });
    const [one, two] = [await connected(pooler.url), await connected(pooler.url)];
    const connection = async (client: pg.Client) => (await client.query('select pg_backend_pid() as pid')).rows;
    expect(await connection(one)).toEqual(await connection(two));
    await one.query('begin');
    const waiting = connection(two);
    expect(await server().query("select count(*)::int from pg_stat_activity where usename = 'app'")).toEqual([
      { count: 1 },
    ]);
    await one.query('commit');
    await waiting;
  });

  test('signs in each role with its password', async () => {
    const pooler = await startPgBouncer(server());
    const url = pooler.urlOf(await server().freshSchema());
    const client = await connected(url);
    const { rows } = await client.query('select current_user::text as role');
    expect(rows).toEqual([{ role: new URL(url).username }]);
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(connected(wrong.href)).rejects.toThrow('SASL authentication failed');
  });
});
