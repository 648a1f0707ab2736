import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { addRecorded } from '../../../src/state/postgres/move.ts';
import { thisProcess } from '../../../src/state/process.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { creating, idsIn, namesIn, settledAs } from '../contract/samples.ts';
import { freshState, opened, realClocks, SetClocks } from './opened-state.ts';

const hour = 3_600_000;

describe.skipIf(lacksPostgres)('the record in a database', () => {
  const server = sharedPostgres({ fsync: false });

  describe.each([3, -3, 48 * 30, -48 * 30])('read by a machine whose clock is %i hours ahead', (ahead) => {
    const set = () => Object.assign(new SetClocks(), { wallAhead: ahead * hour });

    test('has the changes since a moment, also if it is the first that the process asks for', async () => {
      const place = await freshState(server());
      const id = await opened(place.url).state.changes.begin(creating('a'));
      const clocks = set();
      const moment = clocks.wall() - 60_000;
      expect(idsIn(await opened(place.url, { clocks }).state.changes.since(moment))).toEqual([id]);
      expect(await opened(place.url, { clocks }).state.changes.since(clocks.wall() + 60_000)).toEqual([]);
    });

    test('has the times of its own clock', async () => {
      const place = await freshState(server());
      const other = opened(place.url).state.changes;
      const start = performance.now();
      const clocks = set();
      const own = opened(place.url, { clocks }).state.changes;
      for (const changes of [other, own]) {
        const id = await changes.begin(creating('a'));
        await changes.sent(id);
        await changes.settle(id, settledAs('applied'));
      }
      const elapsed = performance.now() - start;
      for (const [changes, now] of [
        [other, Date.now()],
        [own, clocks.wall()],
      ] as const) {
        for (const { at, sentAt = '', settled } of await changes.newest(2))
          for (const time of [at, sentAt, settled?.at ?? ''])
            expect(Math.abs(Date.parse(time) - now)).toBeLessThan(5000 + elapsed);
      }
    });
  });

  test('has changes of a kind that this version does not know, and leaves them out', async () => {
    const place = await freshState(server());
    const { changes } = opened(place.url).state;
    const names = Array.from({ length: 250 }, (_, at) => `k${at}`);
    const ids = await Promise.all(names.map((name) => changes.begin(creating(name))));
    await place.query(`update SCHEMA.changes set action = 'new', intent = '{"action":"new"}' where id = any ($1)`, [
      [ids[0], ids[249]],
    ]);
    const known = names.slice(1, -1);
    expect(namesIn(await changes.newest(1000))).toEqual(known);
    expect(namesIn(await changes.newest(1))).toEqual(known.slice(-1));
    expect(namesIn(await changes.open())).toEqual(known);
    expect(namesIn(await changes.since(0))).toEqual(known);
  });

  test('lets no process continue a change while the one that began it may send it', async () => {
    const place = await freshState(server());
    const [one, other] = [opened(place.url).state.changes, opened(place.url).state.changes];
    const id = await one.begin(creating('a'));
    await expect(other.sent(id)).rejects.toMatchObject({ code: 'busy', outcome: 'not_applied' });
    await other.begin(creating('b'));
    await one.sent(id);
  });

  test('lets a process send no change that another one continues', async () => {
    const place = await freshState(server());
    const [one, other] = [opened(place.url).state.changes, opened(place.url).state.changes];
    const id = await one.begin(creating('a'));
    await place.query('update SCHEMA.sessions set ended_at = clock_timestamp()');
    await other.sent(id);
    await expect(one.sent(id)).rejects.toMatchObject({ code: 'busy', outcome: 'not_applied' });
  });

  test('has another mark when an outcome is committed after a later one', async () => {
    const place = await freshState(server());
    const { changes } = opened(place.url).state;
    const [slow, fast] = [await changes.begin(creating('slow')), await changes.begin(creating('fast'))];
    const client = new pg.Client({ connectionString: server().adminUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('begin');
    await client.query(
      `update ${place.schema}.changes set outcome = 'unknown', version = nextval('${place.schema}.fence'),
         touched_at = clock_timestamp() where id = $1`,
      [slow],
    );
    await changes.settle(fast, settledAs('applied'));
    const mark = await changes.mark();
    await client.query('commit');
    expect(await changes.mark()).not.toBe(mark);
  });

  test('gets a change again that a failover has lost, with its outcome', async () => {
    const place = await freshState(server());
    const { changes } = opened(place.url).state;
    const start = performance.now();
    const id = await changes.begin(creating('a', { ids: ['b'] }));
    const [before] = await changes.open();
    await place.query('delete from SCHEMA.changes');
    await changes.settle(id, settledAs('applied', ['k']));
    const [after] = await opened(place.url).state.changes.newest(1);
    const elapsed = performance.now() - start;
    expect(after).toMatchObject({ id, intent: before?.intent, before: before?.before, settled: { ids: ['k'] } });
    expect(Math.abs(Date.parse(after?.at ?? '') - Date.parse(before?.at ?? ''))).toBeLessThan(2000 + elapsed);
  });

  test('has the outcome that another process found', async () => {
    const place = await freshState(server());
    const id = await opened(place.url).state.changes.begin(creating('a'));
    const other = opened(place.url).state.changes;
    await other.settle(id, { outcome: 'not_applied', by: 'later', ids: [], code: 'server_error' });
    expect(await other.newest(1)).toMatchObject([{ settled: { outcome: 'not_applied', by: 'later' } }]);
  });

  test('takes odd texts from the record of a machine, too', async () => {
    const place = await freshState(server());
    const { state, database } = opened(place.url);
    const text = 'a\0b \ud800 \u001b[2J';
    const change = {
      id: '0123456789ab',
      at: '2026-04-14T09:00:00.000Z',
      process: thisProcess(),
      ...creating(text, { ids: [text] }),
      settled: { ...settledAs('unknown', [text]), at: '2026-04-14T09:00:01.000Z' },
    };
    expect(await addRecorded(database, realClocks, [change])).toEqual({ added: 1, updated: 0 });
    const { id, intent, before, settled } = change;
    expect(await state.changes.open()).toMatchObject([{ id, intent, before, settled }]);
  });

  test.each([-1900, -600, 600, 1900])(
    'settles a moved change no earlier if its machine is %i ms ahead',
    async (ahead) => {
      const place = await freshState(server());
      const { state, database } = opened(place.url);
      const clocks = { ...realClocks, wall: () => Date.now() + ahead };
      const sentAt = Date.now();
      const at = new Date(sentAt + ahead).toISOString();
      const change = { id: 'a', at, sentAt: at, process: thisProcess(), ...creating('a') };
      expect(await addRecorded(database, clocks, [change])).toEqual({ added: 1, updated: 0 });
      const [moved] = await state.changes.newest(1);
      expect(Date.parse(moved?.sentAt ?? '')).toBeGreaterThanOrEqual(sentAt);
    },
  );

  test('has what a query by hand understands', async () => {
    const place = await freshState(server());
    const { changes } = opened(place.url).state;
    const id = await changes.begin(creating('prod', { ids: ['a'] }));
    await changes.settle(id, { ...settledAs('applied', ['k']), charge: 12.5 });
    expect(
      await place.query(
        `select action, label, intent->>'name' as name, before->'ids'->>0 as before, outcome, ids->>0 as made, charge,
           (process->>'pid')::int as pid from SCHEMA.changes`,
      ),
    ).toEqual([
      {
        action: 'create-key',
        label: 'mk_…cdef (profile "default") at api.example',
        name: 'prod',
        before: 'a',
        outcome: 'applied',
        made: 'k',
        charge: 12.5,
        pid: process.pid,
      },
    ]);
  });
});
