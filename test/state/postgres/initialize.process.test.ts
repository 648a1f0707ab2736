import { describe, expect, test } from 'vitest';
import { initialize, versionOf } from '../../../src/state/postgres/initialize.ts';
import { initSql } from '../../../src/state/postgres/schema.ts';
import { lacksPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { creating, idsIn } from '../contract/samples.ts';
import { databaseAt, opened } from './opened-state.ts';

describe.skipIf(lacksPostgres)('the tables', () => {
  const server = sharedPostgres({ fsync: false });

  /** Returns what is in a schema. */
  const tablesIn = (schema: string) =>
    server().query(
      `select table_name, column_name, data_type, is_nullable from information_schema.columns
       where table_schema = $1 order by table_name, ordinal_position`,
      [schema],
    );

  test('are created once, also twice', async () => {
    const url = await server().freshSchema();
    const database = databaseAt(url);
    expect(await versionOf(database, database.address.schema)).toBe(0);
    expect(await initialize(database)).toEqual({ from: 0, to: 1 });
    const id = await opened(url).state.changes.begin(creating('a'));
    expect(await initialize(database)).toEqual({ from: 1, to: 1 });
    expect(await versionOf(database, database.address.schema)).toBe(1);
    expect(idsIn(await opened(url).state.changes.open())).toEqual([id]);
  });

  test('are created once by eight processes at once', async () => {
    const url = await server().freshSchema();
    const results = await Promise.all(Array.from({ length: 8 }, () => initialize(databaseAt(url))));
    expect(results.filter(({ from }) => from === 0)).toHaveLength(1);
    expect(results.filter(({ from }) => from === 1)).toHaveLength(7);
    await opened(url).state.changes.begin(creating('a'));
  });

  test.skipIf(lacksPgBouncer)('are created once by eight processes at once behind a pooler', async () => {
    const pooler = await startPgBouncer(server());
    const url = pooler.urlOf(await server().freshSchema());
    const results = await Promise.all(Array.from({ length: 8 }, () => initialize(databaseAt(url))));
    expect(results.map(({ from }) => from).sort()).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
  });

  test('are created in a schema that the role creates', async () => {
    const url = await server().freshSchema();
    const { username } = new URL(url);
    await server().query(`grant create on database app to ${username}`);
    const other = url.replace(/schema=.*/, `schema=${username}_more`);
    expect(await initialize(databaseAt(other))).toEqual({ from: 0, to: 1 });
    await opened(other).state.changes.begin(creating('a'));
    expect(await tablesIn(username)).toEqual([]);
  });

  test('are not created by a role that may not', async () => {
    const url = (await server().freshSchema()).replace(/schema=.*/, 'schema=not_allowed');
    await expect(initialize(databaseAt(url))).rejects.toMatchObject({
      code: 'state_unreachable',
      message: expect.stringMatching(
        /^The role fresh_\d+ may not create the tables in the schema not_allowed of the state database /,
      ),
    });
    const foreign = (await server().freshSchema()).replace(/schema=.*/, 'schema=cheapestinference');
    await expect(initialize(databaseAt(foreign))).rejects.toMatchObject({ code: 'state_unreachable' });
    expect(await tablesIn('cheapestinference')).toEqual([]);
  });

  test('are created whole or not at all', async () => {
    const url = await server().freshSchema();
    const { username } = new URL(url);
    await server().query(`create table ${username}.changes (mine int)`);
    await expect(initialize(databaseAt(url))).rejects.toMatchObject({ code: 'state_unreachable' });
    expect(await tablesIn(username)).toHaveLength(1);
    await server().query(`drop table ${username}.changes`);
    expect(await initialize(databaseAt(url))).toEqual({ from: 0, to: 1 });
  });

  test('of a newer version are left alone', async () => {
    const url = await server().freshSchema();
    const database = databaseAt(url);
    await initialize(database);
    const before = await tablesIn(database.address.schema);
    await database.rows(`update ${database.address.schema}.schema_version set version = 7`);
    await expect(initialize(database)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ was upgraded by a newer version of ci$/),
    });
    expect(await versionOf(database, database.address.schema)).toBe(7);
    expect(await tablesIn(database.address.schema)).toEqual(before);
  });

  test('are the same if a person runs the SQL', async () => {
    const [byCommand, byHand] = [databaseAt(await server().freshSchema()), databaseAt(await server().freshSchema())];
    await initialize(byCommand);
    await server().query(initSql(byHand.address.schema, byHand.address.user));
    const found = await tablesIn(byHand.address.schema);
    expect(found).toEqual(await tablesIn(byCommand.address.schema));
    expect(new Set(found.map(({ table_name }) => table_name)).size).toBeGreaterThan(5);
  });
});
