import { describe, expect, test } from 'vitest';
import { thisProcess } from '../../../src/state/process.ts';
import type { State } from '../../../src/state/state.ts';
import { children } from '../../support/children.ts';
import { emptyFolder } from '../../support/folder.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { failoverPair } from '../../support/postgres-failover.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { creating, settledAs } from '../contract/samples.ts';
import { freshState, opened, SetClocks, type StateSchema, sessionElsewhere } from './opened-state.ts';

const lock = { name: 'keys-0123456789abcdef', patience: 0 };

/** What a command says whose session was lost. */
const lost = {
  code: 'busy',
  retryable: true,
  outcome: 'not_applied',
  message:
    'This process was stopped or cut off from the state database for too long, so other machines may have taken over',
  hint: 'Nothing was sent. Try again.',
};

/** Lets all leases end now. */
async function expire({ query }: StateSchema): Promise<void> {
  await query("update SCHEMA.sessions set expires_at = clock_timestamp() - interval '1 second'");
}

/** Asks twice whether a request may leave: the first time, a renewal that began before may be under way. */
async function leave(state: State, requestTime: number): Promise<void> {
  await state.mayLeave(requestTime);
  await state.mayLeave(requestTime);
}

describe.skipIf(lacksPostgres)('a session', () => {
  const server = sharedPostgres({ fsync: false });
  const child = children('test/state/postgres/child-state.ts');

  test('says which process has it, and how long', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url, { requestTime: 7000 });
    expect(await place.query('select from SCHEMA.sessions')).toEqual([]);
    await state.exclusively(lock, async () => {
      const { machine, pid, started } = thisProcess();
      expect(
        await place.query(
          `select machine, pid, started, program, ended_at, extract(epoch from expires_at - began_at)::float8 as lease
           from SCHEMA.sessions`,
        ),
      ).toEqual([{ machine, pid, started, program: 'ci test', ended_at: null, lease: expect.closeTo(14, 1) }]);
    });
  });

  test('is one for all locks and changes of a process', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await Promise.all([
      state.exclusively(lock, () => state.changes.begin(creating('a'))),
      state.exclusively({ ...lock, name: 'purchase' }, () => state.changes.begin(creating('b'))),
      state.changes.begin(creating('c')),
    ]);
    expect(await place.query('select count(*)::int from SCHEMA.sessions')).toEqual([{ count: 1 }]);
    expect(await place.query('select count(distinct session)::int from SCHEMA.changes')).toEqual([{ count: 1 }]);
  });

  test('is renewed while the process runs', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url, { requestTime: 0 });
    await state.changes.begin(creating('a'));
    const end = async () => {
      const [row] = await place.query('select extract(epoch from expires_at)::float8 as expires from SCHEMA.sessions');
      return Number(row?.expires);
    };
    const first = await end();
    await expect.poll(end).toBeGreaterThan(first + 1);
    expect(state.mayLeave(0)).toBeUndefined();
  });

  test.each(['monotonicAhead', 'wallAhead'] as const)(
    'is renewed before a request that could outlive it (%s)',
    async (clock) => {
      const place = await freshState(server());
      const clocks = new SetClocks();
      const { state } = opened(place.url, { clocks });
      await state.changes.begin(creating('a'));
      clocks[clock] += 4500;
      expect(state.mayLeave(1000)).toBeUndefined();
      clocks[clock] += 1000;
      expect(state.mayLeave(1000)).toBeInstanceOf(Promise);
      await leave(state, 1000);
      expect(state.mayLeave(1000)).toBeUndefined();
    },
  );

  test('lets nothing leave once it was lost, and never revives', async () => {
    const place = await freshState(server());
    const clocks = new SetClocks();
    const { state } = opened(place.url, { clocks });
    await state.exclusively(lock, async () => {
      const id = await state.changes.begin(creating('a'));
      await expire(place);
      clocks.wallAhead += 10_000;
      await expect(leave(state, 1000)).rejects.toMatchObject(lost);
      await place.query("update SCHEMA.sessions set expires_at = clock_timestamp() + interval '1 hour'");
      clocks.wallAhead -= 10_000;
      await expect(leave(state, 1000)).rejects.toMatchObject(lost);
      await expect(state.changes.begin(creating('b'))).rejects.toMatchObject(lost);
      await expect(state.changes.sent(id)).rejects.toMatchObject(lost);
      await expect(state.exclusively({ ...lock, name: 'purchase' }, async () => {})).rejects.toMatchObject(lost);
      // What was sent before still has an outcome.
      await state.changes.settle(id, settledAs('applied', ['k']));
    });
    expect(await place.query('select outcome from SCHEMA.changes')).toEqual([{ outcome: 'applied' }]);
  });

  test.each<[string, (place: StateSchema) => Promise<unknown>]>([
    ['has expired', expire],
    ['was ended by another process', ({ query }) => query('update SCHEMA.sessions set ended_at = clock_timestamp()')],
  ])('keeps changes out of the record when it %s', async (_, lose) => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.exclusively(lock, async () => {
      await state.changes.begin(creating('a'));
      await lose(place);
      await expect(state.changes.begin(creating('b'))).rejects.toMatchObject(lost);
    });
    expect(await place.query('select sent_at from SCHEMA.changes')).toEqual([{ sent_at: null }]);
  });

  test('keeps a request from leaving again when it has expired', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.exclusively(lock, async () => {
      const id = await state.changes.begin(creating('a'));
      await expire(place);
      await expect(state.changes.sent(id)).rejects.toMatchObject(lost);
    });
    expect(await place.query('select sent_at from SCHEMA.changes')).toEqual([{ sent_at: null }]);
  });

  test('gets no more rows of shared work when it has expired', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.share(lock, { id: 'file', rows: 4 }, async (share) => {
      expect(await share.take(1)).toEqual([0]);
      await expire(place);
      expect(await share.take(1)).toEqual([]);
      await expect(share.hasMore(() => {})).rejects.toMatchObject(lost);
      await expect(state.mayLeave(60_000)).rejects.toMatchObject(lost);
    });
    expect(await place.query('select count(session)::int from SCHEMA.work_rows')).toEqual([{ count: 1 }]);
  });

  test('is followed by another one when the process has no lock', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.changes.begin(creating('a'));
    await expire(place);
    await expect(state.changes.begin(creating('b'))).rejects.toMatchObject(lost);
    await state.exclusively(lock, () => state.changes.begin(creating('c')));
    expect(state.mayLeave(1000)).toBeUndefined();
    expect(await place.query('select count(*)::int from SCHEMA.sessions')).toEqual([{ count: 2 }]);
    expect(await place.query('select count(*)::int from SCHEMA.changes')).toEqual([{ count: 2 }]);
  });

  test('of a stopped process is lost after its lease, and the process sends nothing when it continues', async () => {
    const place = await freshState(server());
    const stopped = child(`
      import { openInChild } from './module.mjs';
      const state = openInChild(${JSON.stringify(place.url)}, ${JSON.stringify(emptyFolder())});
      const continued = new Promise((resolve) => process.stdin.on('end', resolve).resume());
      await state.exclusively(${JSON.stringify(lock)}, async () => {
        console.log('taken');
        await continued;
        try {
          await state.mayLeave(0);
          console.log('leaves');
        } catch ({ code }) {
          console.log(code);
        }
      });
      await state.close();
      process.exit(0);`);
    await stopped.says('taken');
    stopped.kill('SIGSTOP');
    const start = performance.now();
    const { state, notes } = opened(place.url);
    await state.exclusively({ ...lock, patience: 20_000 }, async () => {
      expect(performance.now() - start).toBeGreaterThan(2000);
      stopped.release();
      stopped.kill('SIGCONT');
      expect(await stopped.ended).toMatchObject({ code: 0, stdout: 'taken\nbusy\n', stderr: '' });
    });
    expect(notes).toEqual([expect.stringMatching(`^Waiting for another ci process \\(pid ${stopped.pid} on `)]);
  });

  test('ends when it is closed, and frees the locks', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    const other = opened(place.url);
    await state.exclusively(lock, async () => {
      await state.close();
      expect(await place.query('select ended_at is not null as has_ended from SCHEMA.sessions')).toEqual([
        { has_ended: true },
      ]);
      expect(await other.state.exclusively(lock, async () => 'free')).toBe('free');
    });
    expect(other.notes).toEqual([]);
  });

  test('begins after a while if another server has taken the place of the earlier one', async () => {
    const place = await freshState(server());
    await opened(place.url, { requestTime: 30_000 }).state.changes.begin(creating('a'));
    await place.query("update SCHEMA.server set identity = 'another server'");
    const clocks = new SetClocks();
    const { state, notes } = opened(place.url, { clocks, settlingTime: 120_000 });
    const start = clocks.monotonic();
    await state.changes.begin(creating('b'));
    await state.changes.begin(creating('c'));
    // The lease of the other process, and the time in which its request may take effect.
    expect((clocks.monotonic() - start) / 1000).toBeCloseTo(180, 0);
    expect(notes).toEqual([
      'The state database has been replaced by another server, which may lack the latest changes. Waiting up to 3 minutes until the account shows them.',
    ]);
  });

  test('is lost in a failover, and nothing is recorded before others have lost theirs', async () => {
    const pair = await failoverPair({ fsync: false });
    const place = await freshState(pair.primary, (url) => pair.front.urlOf(url));
    const [clocks, otherClocks] = [new SetClocks(), new SetClocks()];
    const { state, notes } = opened(place.url, { clocks, requestTime: 30_000 });
    const other = opened(place.url, { clocks: otherClocks, requestTime: 30_000 });
    await state.exclusively(lock, async () => {
      await state.changes.begin(creating('a'));
      await pair.failOver({ losing: true });
      // The connections ended with the server.
      await other.state.changes.open().catch(() => {});
      await expect.poll(() => state.changes.mark().catch(() => undefined)).toBeDefined();
      await expect(state.changes.begin(creating('b'))).rejects.toMatchObject(lost);
    });
    expect(notes).toEqual([]);
    const start = otherClocks.monotonic();
    await other.state.changes.begin(creating('c'));
    expect((otherClocks.monotonic() - start) / 1000).toBeGreaterThan(50);
    expect(other.notes).toEqual([expect.stringMatching(/^The state database has been replaced by another server/)]);
  });

  test("doesn't depend on functions that a server keeps from the role", async () => {
    const url = await server().freshDatabase();
    const place = opened(url);
    const { initialize } = await import('../../../src/state/postgres/initialize.ts');
    await initialize(place.database);
    const pg = await import('pg');
    const admin = new URL(server().adminUrl);
    admin.pathname = new URL(url).pathname;
    const client = new pg.default.Client({ connectionString: admin.href });
    await client.connect();
    await client.query('revoke execute on function pg_control_system() from public');
    await client.end();
    await expect(place.database.rows('select pg_control_system()')).rejects.toThrow('lacks a privilege');
    expect(await place.state.exclusively(lock, () => place.state.changes.begin(creating('a')))).toMatch(/^[0-9a-f]+$/);
  });

  test('of another machine counts until its lease ends', async () => {
    const place = await freshState(server());
    const session = await sessionElsewhere(place);
    const { state } = opened(place.url);
    const id = await state.changes.begin(creating('a'));
    await place.query('update SCHEMA.changes set session = $1', [session]);
    const isRunning = async () => (await opened(place.url).state.changes.open()).map((change) => change.isRunning);
    expect(await isRunning()).toEqual([true]);
    await place.query("update SCHEMA.sessions set expires_at = now() - interval '1 second' where id = $1", [session]);
    expect(await isRunning()).toEqual([false]);
    await state.changes.settle(id, settledAs('applied'));
  });
});
