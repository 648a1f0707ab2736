import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { failoverPair } from './postgres-failover.ts';
import { lacksPostgres } from './postgres-programs.ts';

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

test.skipIf(lacksPostgres)('loses what is committed after the replication stops', async () => {
  const pair = await failoverPair();
  const url = await pair.freshSchema();
  const before = await connected(url);
  await before.query('create table fresh_1.kept (value int)');
  await before.query('insert into fresh_1.kept values (1)');
  await pair.stopReplication();
  await before.query('insert into fresh_1.kept values (2)');
  const ended = new Promise((resolve) => before.once('end', resolve));
  await pair.failOver({ losing: true });
  await ended;
  const after = await connected(url);
  expect((await after.query('select value from fresh_1.kept')).rows).toEqual([{ value: 1 }]);
  await after.query('insert into fresh_1.kept values (3)');
  expect(await pair.current.query('select value from fresh_1.kept')).toEqual([{ value: 1 }, { value: 3 }]);
});

test.skipIf(lacksPostgres)('loses nothing when the primary ends in order', async () => {
  const pair = await failoverPair();
  const before = await connected(pair.url);
  await before.query('create table cheapestinference.kept (value int)');
  const values = Array.from({ length: 100 }, (_, value) => value);
  for (const value of values) await before.query('insert into cheapestinference.kept values ($1)', [value]);
  await pair.failOver();
  const after = await connected(pair.url);
  const { rows } = await after.query('select value from cheapestinference.kept order by value');
  expect(rows).toEqual(values.map((value) => ({ value })));
});
