import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { thisProcess } from '../../../src/state/process.ts';
import { children } from '../../support/children.ts';
import { emptyFolder } from '../../support/folder.ts';
import { type Postgres, sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { creating } from '../contract/samples.ts';
import { freshState, opened, quickClocks, type StateSchema, sessionElsewhere } from './opened-state.ts';

const lock = { name: 'keys-0123456789abcdef', patience: 1000 };

/** Gives the lock to sessions. */
async function heldBy({ query }: StateSchema, ...sessions: readonly string[]): Promise<void> {
  await query(
    `insert into SCHEMA.locks (name, run, sessions, fence, taken_at)
     values ($1, nextval('SCHEMA.fence'), $2, currval('SCHEMA.fence'), now())`,
    [lock.name, sessions],
  );
}

/** Returns which sessions have ended, in the order in which they began. */
async function ended({ query }: StateSchema): Promise<unknown[]> {
  const rows = await query('select ended_at is not null as has_ended from SCHEMA.sessions order by began_at');
  return rows.map(({ has_ended }) => has_ended);
}

/** Begins a transaction as superuser. */
async function transaction(server: Postgres): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  return client;
}

describe.skipIf(lacksPostgres)('a lock', () => {
  const server = sharedPostgres({ fsync: false });
  const child = children('test/state/postgres/child-state.ts');

  /** Returns a script that does work with the state of a process of its own. Its lease doesn't end during the test. */
  const script = ({ url }: StateSchema, work: string) => `
    import { openInChild } from './module.mjs';
    // Nothing else keeps the process running.
    process.stdin.resume();
    const state = openInChild(${JSON.stringify(url)}, ${JSON.stringify(emptyFolder())}, 600_000);
    const lock = ${JSON.stringify(lock)};
    ${work}`;

  test('has a higher number each time, which the changes made under it have', async () => {
    const place = await freshState(server());
    const states = [opened(place.url).state, opened(place.url).state, opened(place.url).state];
    for (let turn = 0; turn < 6; turn++) {
      const state = states[turn % 3];
      await state?.exclusively(lock, () => state.changes.begin(creating(`k${turn}`)));
    }
    const rows = await place.query('select fence::int from SCHEMA.changes order by at');
    const fences = rows.map(({ fence }) => Number(fence));
    expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
  });

  test('of a killed process of this machine is free at once', async () => {
    const place = await freshState(server());
    const killed = child(
      script(
        place,
        `await state.exclusively(lock, async () => { console.log('taken'); await new Promise(() => {}); });`,
      ),
    );
    await killed.says('taken');
    const { state, notes } = opened(place.url);
    expect(await state.isLocked(lock.name)).toBe(true);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(await state.isLocked(lock.name)).toBe(false);
    expect(await state.exclusively({ ...lock, patience: 0 }, async () => 'taken')).toBe('taken');
    expect(notes).toEqual([]);
    const [row] = await place.query('select bool_or(expires_at < ended_at) as waited from SCHEMA.sessions');
    expect(row).toEqual({ waited: false });
  });

  test('of a process of another machine is kept until its lease ends', async () => {
    const place = await freshState(server());
    // A process with this number has certainly ended here.
    const session = await sessionElsewhere(place, { pid: 4_194_400 });
    await heldBy(place, session);
    const { state, notes } = opened(place.url, { clocks: quickClocks() });
    await expect(state.exclusively(lock, async () => {})).rejects.toMatchObject({
      code: 'busy',
      message: "Another ci process (pid 4194400 on build-3) holds the lock and didn't finish in time",
    });
    expect(notes).toEqual([
      'Waiting for another ci process (pid 4194400 on build-3) that is changing the same account…',
    ]);
    expect(await state.isLocked(lock.name)).toBe(true);
    await place.query("update SCHEMA.sessions set expires_at = now() - interval '1 ms' where id = $1", [session]);
    expect(await state.isLocked(lock.name)).toBe(false);
    expect(await state.exclusively(lock, async () => ended(place))).toEqual([true, false]);
  });

  test('of a reused process id of this machine is free at once', async () => {
    const place = await freshState(server());
    const { machine, pid } = thisProcess();
    await heldBy(place, await sessionElsewhere(place, { machine, pid, started: '1' }));
    const { state, notes } = opened(place.url);
    expect(await state.exclusively({ ...lock, patience: 0 }, async () => 'taken')).toBe('taken');
    expect(notes).toEqual([]);
  });

  test.each([
    ['commits', 'commit', true],
    ['fails', 'rollback', false],
  ])('is not taken over while the lease is being renewed, and the renewal %s', async (_, end, isKept) => {
    const place = await freshState(server());
    const session = await sessionElsewhere(place, { lease: -1 });
    await heldBy(place, session);
    const renewal = await transaction(server());
    await renewal.query(
      `update ${place.schema}.sessions set expires_at = clock_timestamp() + interval '1 minute' where id = $1`,
      [session],
    );
    let isTaken = false;
    const { state } = opened(place.url, { clocks: quickClocks() });
    const taking = state
      .exclusively(lock, async () => {
        isTaken = true;
      })
      .catch((error: unknown) => error);
    const waiting = () =>
      place.query(
        "select from pg_stat_activity where usename = $1 and wait_event_type = 'Lock' and query like '%ended_at%'",
        [place.schema],
      );
    await expect.poll(waiting).toHaveLength(1);
    expect(isTaken).toBe(false);
    await renewal.query(end);
    const error = await taking;
    expect(isTaken).toBe(!isKept);
    if (isKept) expect(error).toMatchObject({ code: 'busy' });
    expect(await ended(place)).toEqual([!isKept, false]);
  });

  test('is taken over by one of many', async () => {
    const place = await freshState(server());
    await heldBy(place, await sessionElsewhere(place, { lease: -1 }));
    let [holders, most] = [0, 0];
    await Promise.all(
      Array.from({ length: 6 }, () =>
        opened(place.url).state.exclusively({ ...lock, patience: 60_000 }, async () => {
          most = Math.max(most, ++holders);
          await new Promise((resolve) => setImmediate(resolve));
          holders -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
  });

  test('is refused after the patience if nothing is known of its holder', async () => {
    const place = await freshState(server());
    await heldBy(place, '999999');
    const { state } = opened(place.url, { clocks: quickClocks() });
    await expect(state.exclusively(lock, async () => {})).rejects.toMatchObject({
      code: 'busy',
      message: "Another ci process (of an unknown machine) holds the lock and didn't finish in time",
    });
  });

  test('for shared work is kept until the last of the processes has ended', async () => {
    const place = await freshState(server());
    const [gone, there] = [await sessionElsewhere(place, { lease: -1 }), await sessionElsewhere(place)];
    await heldBy(place, gone, there);
    const { state } = opened(place.url, { clocks: quickClocks() });
    await expect(state.exclusively(lock, async () => {})).rejects.toMatchObject({ code: 'busy' });
    expect(await state.isLocked(lock.name)).toBe(true);
    await place.query('update SCHEMA.sessions set ended_at = now() where id = $1', [there]);
    expect(await state.exclusively(lock, async () => ended(place))).toEqual([true, true, false]);
  });

  test('gives up the locks of a process that is taken over', async () => {
    const place = await freshState(server());
    const [slow, other] = [opened(place.url).state, opened(place.url)];
    await slow.exclusively(lock, async () => {
      await place.query("update SCHEMA.sessions set expires_at = now() - interval '1 ms'");
      await other.state.exclusively({ ...lock, patience: 0 }, async () => {
        await expect(slow.changes.begin(creating('a'))).rejects.toMatchObject({ code: 'busy' });
        await other.state.changes.begin(creating('b'));
      });
    });
    expect(await place.query("select intent->>'name' as name from SCHEMA.changes")).toEqual([{ name: 'b' }]);
    expect(other.notes).toEqual([]);
  });

  test('hands out the rows of a killed process of this machine at once', async () => {
    const place = await freshState(server());
    const killed = child(
      script(
        place,
        `await state.share(lock, { id: 'file', rows: 6 }, async (share) => {
          await share.finish((await share.take(4))[0]);
          console.log('taken');
          await new Promise(() => {});
        });`,
      ),
    );
    await killed.says('taken');
    const { state } = opened(place.url, { clocks: quickClocks() });
    const taken = await state.share(lock, { id: 'file', rows: 6 }, async (share) => {
      const own = await share.take(10);
      for (const row of own) await share.finish(row);
      killed.kill('SIGKILL');
      await killed.ended;
      const waits: number[] = [];
      expect(await share.hasMore((rows) => waits.push(rows))).toBe(true);
      expect(waits).toEqual([]);
      const rest = await share.take(10);
      for (const row of rest) await share.finish(row);
      expect(await share.hasMore(() => {})).toBe(false);
      return [own, rest];
    });
    expect(taken).toEqual([
      [4, 5],
      [1, 2, 3],
    ]);
  });

  test('hands out the rows of a process of another machine after its lease, to one of the others', async () => {
    const place = await freshState(server());
    const session = await sessionElsewhere(place);
    const sharers = [
      opened(place.url, { clocks: quickClocks() }).state,
      opened(place.url, { clocks: quickClocks() }).state,
    ];
    let joined = 0;
    const { promise: bothIn, resolve: letIn } = withResolvers();
    const parts = await Promise.all(
      sharers.map((state) =>
        state.share(lock, { id: 'file', rows: 8 }, async (share) => {
          joined += 1;
          if (joined === 2) {
            await place.query('update SCHEMA.work_rows set session = $1 where place < 5', [session]);
            letIn();
          }
          await bothIn;
          const done: number[] = [];
          const doOwn = async () => {
            for (let rows = await share.take(1); rows.length > 0; rows = await share.take(1)) {
              done.push(...rows);
              await Promise.all(rows.map((row) => share.finish(row)));
            }
          };
          await doOwn();
          const expired = () =>
            place.query("update SCHEMA.sessions set expires_at = now() - interval '1 ms' where id = $1", [session]);
          while (await share.hasMore((rows) => rows === 5 && void expired())) await doOwn();
          return done;
        }),
      ),
    );
    expect(parts.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await ended(place)).toEqual([true, false, false]);
  });

  test('names the machine that has it', async () => {
    const place = await freshState(server());
    await heldBy(place, await sessionElsewhere(place, { machine: randomBytes(6).toString('hex'), pid: 17 }));
    const { state, notes } = opened(place.url, { clocks: quickClocks() });
    await expect(state.exclusively({ ...lock, patience: 0 }, async () => {})).rejects.toThrow('(pid 17 on build-3)');
    expect(notes).toHaveLength(1);
  });
});
