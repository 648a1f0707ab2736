import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../src/domain/errors.ts';
import { FileState } from '../../../src/state/files/file-state.ts';
import { OfflineState } from '../../../src/state/offline-state.ts';
import { thisProcess } from '../../../src/state/process.ts';
import { ReadableState } from '../../../src/state/readable-state.ts';
import { UnsyncedChanges } from '../../../src/state/unsynced.ts';
import { emptyFolder } from '../../support/folder.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { tcpProxy } from '../../support/tcp-proxy.ts';
import { account, clockImprecision, creating, idsIn, namesIn, settledAs } from '../contract/samples.ts';
import { freshState, opened, realClocks } from './opened-state.ts';

const lock = { name: 'keys-0123456789abcdef', patience: 0 };
const away = { code: 'state_unreachable', message: expect.stringContaining('the connection was refused') };

function fileState(folder = path.join(emptyFolder(), 'state'), clocks = realClocks) {
  return new FileState({ folder, env: {}, clocks, onWait: () => {}, hint: 'Free up disk space.' });
}

describe.skipIf(lacksPostgres)('a state that can be read without its database', () => {
  const server = sharedPostgres({ fsync: false });

  async function readable({ isChanging = false } = {}) {
    const place = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const files = fileState();
    await files.changes.begin(creating('of this machine'));
    const failures: CommandError[] = [];
    const state = new ReadableState({
      shared: opened(proxy.urlOf(place.url)).state,
      local: async () => files.changes,
      localRotations: () => files.rotations(),
      isChanging,
      onFallback: (error) => failures.push(error),
    });
    const goAway = () => {
      proxy.refuse();
      proxy.reset();
    };
    return { state, failures, goAway, comeBack: () => proxy.accept(), place };
  }

  test('reads the record of this machine, and says so once', async () => {
    const { state, failures, goAway } = await readable();
    goAway();
    expect(namesIn(await state.changes.newest(10))).toEqual(['of this machine']);
    expect(namesIn(await state.changes.open())).toEqual(['of this machine']);
    expect(namesIn(await state.changes.since(0))).toEqual(['of this machine']);
    expect(await state.changes.mark()).toBeDefined();
    expect(await state.account(account, async () => 'customer')).toEqual(account);
    expect(failures).toEqual([expect.objectContaining(away)]);
  });

  test('keeps to that record, and changes nothing, even if the database comes back', async () => {
    const { state, failures, goAway, comeBack, place } = await readable();
    goAway();
    await state.changes.open();
    await comeBack();
    expect(namesIn(await state.changes.open())).toEqual(['of this machine']);
    for (const change of [
      () => state.changes.begin(creating('a')),
      () => state.changes.sent('0123456789ab'),
      () => state.changes.settle('0123456789ab', settledAs('applied')),
      () => state.exclusively(lock, async () => {}),
      () => state.share(lock, { id: 'file', rows: 1 }, async () => {}),
      async () => state.mayLeave(0),
    ])
      await expect(change()).rejects.toBe(failures[0]);
    expect(await place.query('select from SCHEMA.changes')).toEqual([]);
  });

  test('is not replaced by the record of this machine in a command that changes something', async () => {
    const { state, failures, goAway } = await readable({ isChanging: true });
    goAway();
    await expect(state.changes.open()).rejects.toMatchObject(away);
    await expect(state.changes.mark()).rejects.toMatchObject(away);
    await expect(state.account(account, async () => 'customer')).rejects.toMatchObject(away);
    await expect(state.exclusively(lock, async () => {})).rejects.toMatchObject(away);
    expect(failures).toEqual([]);
  });

  test('is not replaced after a change', async () => {
    const { state, failures, goAway, comeBack } = await readable();
    const id = await state.changes.begin(creating('a'));
    goAway();
    await expect(state.changes.since(0)).rejects.toMatchObject({ code: 'state_unreachable' });
    await comeBack();
    expect(idsIn(await state.changes.since(0))).toEqual([id]);
    expect(failures).toEqual([]);
  });

  test('is still read if the API does not say who the customer is', async () => {
    const { state, failures } = await readable();
    const failure = new CommandError('unreachable', "Can't reach api.example");
    await expect(state.account(account, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(namesIn(await state.changes.newest(10))).toEqual([]);
    expect(failures).toEqual([]);
  });

  test('reads the rotations of this machine, also where machines share them', async () => {
    const { state, failures, goAway } = await readable();
    goAway();
    const rotations = await state.rotations();
    expect([await rotations.of(account.id), await rotations.shared?.of(account.id)]).toEqual([[], []]);
    expect(failures).toEqual([expect.objectContaining(away)]);
  });

  test('does not hide another error', async () => {
    const { state, failures } = await readable();
    const failure = new Error('a bug');
    const wrong = () => {
      throw failure;
    };
    await state.changes.begin(creating('a'));
    await expect(state.changes.newest(1, wrong)).rejects.toThrow('a bug');
    expect(failures).toEqual([]);
  });
});

describe('a state without its database', () => {
  function offline() {
    const folder = path.join(emptyFolder(), 'state');
    const unsynced = new UnsyncedChanges(folder, {}, 'a database');
    const said = { count: 0 };
    const files = fileState(folder);
    const onChange = () => {
      said.count += 1;
    };
    return {
      state: new OfflineState({ files, unsynced, clocks: realClocks, onChange }),
      files,
      unsynced,
      said,
      folder,
    };
  }

  test('says once that others do not see the changes, and only if there are some', async () => {
    const { state, said } = offline();
    expect(await state.account(account)).toBe(account);
    await state.changes.open();
    await state.changes.newest(1);
    await state.isLocked(lock.name);
    expect(said.count).toBe(0);
    await state.exclusively(lock, () => state.changes.begin(creating('a')));
    await state.share(lock, { id: 'file', rows: 1 }, async () => {});
    await state.changes.begin(creating('b'));
    expect(said.count).toBe(1);
  });

  test('has the changes in the record of this machine, too', async () => {
    const { state, files } = offline();
    const id = await state.changes.begin(creating('a'));
    expect(idsIn(await files.changes.open())).toEqual([id]);
    await state.changes.settle(id, settledAs('applied'));
    expect(await files.changes.newest(1)).toMatchObject([{ id, settled: { outcome: 'applied' } }]);
  });

  test('keeps what the database lacks up to date', async () => {
    const { state, unsynced } = offline();
    const kept = async () => {
      let found: unknown;
      await unsynced
        .sync(async (changes) => {
          found = changes;
          throw new Error('keep them');
        })
        .catch(() => {});
      return found;
    };
    const many = Array.from({ length: 1000 }, (_, each) => `id-${each}`);
    const change = creating('long '.repeat(5000), { ids: many });
    const id = await state.changes.begin(change);
    expect(await kept()).toEqual([expect.objectContaining({ id, ...change })]);
    await state.changes.sent(id);
    expect(await kept()).toEqual([expect.objectContaining({ id, ...change, sentAt: expect.any(String) })]);
    for (const outcome of ['unknown', 'applied'] as const) {
      await state.changes.settle(id, settledAs(outcome));
      expect(await kept()).toEqual([
        expect.objectContaining({
          id,
          ...change,
          sentAt: expect.any(String),
          settled: expect.objectContaining({ outcome }),
        }),
      ]);
    }
  });

  test('keeps the outcome that a later process finds', async () => {
    const { state, unsynced, files } = offline();
    const id = await state.changes.begin(creating('a'));
    await state.changes.settle(id, settledAs('unknown'));
    await unsynced.sync(async () => {});
    const later = new OfflineState({ files, unsynced, clocks: realClocks, onChange: () => {} });
    await later.changes.settle(id, { outcome: 'applied', by: 'later', ids: ['k'] });
    await unsynced.sync(async (changes) =>
      expect(changes).toMatchObject([{ id, settled: { outcome: 'applied', by: 'later' } }]),
    );
    expect(unsynced.count).toBe(0);
  });

  test('has the changes whose outcomes the database could not be told', async () => {
    const { state, unsynced, files } = offline();
    const at = new Date().toISOString();
    const kept = { id: '0123456789ab', at, process: thisProcess(), ...creating('a', { ids: ['b'] }) };
    unsynced.keep({ ...kept, settled: { ...settledAs('unknown'), at } });
    const later = await state.changes.begin(creating('later'));
    for (const changes of [await state.changes.open(), await state.changes.since(0), await state.changes.newest(2)])
      expect(idsIn(changes)).toEqual([kept.id, later]);
    expect(await state.changes.newest(1)).toMatchObject([{ id: later }]);
    expect((await state.changes.open())[0]).toMatchObject({ id: kept.id, settled: { outcome: 'unknown' } });
    await state.changes.settle(kept.id, settledAs('applied', ['k']));
    await state.changes.settle(kept.id, settledAs('unknown'));
    expect(idsIn(await state.changes.open())).toEqual([later]);
    expect(unsynced.get(kept.id)).toMatchObject({ ...kept, settled: { outcome: 'applied', ids: ['k'] } });
    // It stays one of the database.
    expect(idsIn(await files.changes.newest(10))).toEqual([later]);
  });

  test('does not record a change that it cannot keep for the database', async () => {
    const { state, unsynced, files } = offline();
    mkdirSync(path.dirname(unsynced.folder), { mode: 0o700, recursive: true });
    writeFileSync(unsynced.folder, 'in the way');
    await expect(state.changes.begin(creating('a'))).rejects.toMatchObject({
      code: 'file_error',
      outcome: 'not_applied',
      message: expect.stringMatching(/^Can't record the change in /),
    });
    expect((await files.changes.open()).filter(({ settled }) => settled?.outcome !== 'not_applied')).toEqual([]);
  });
});

describe.skipIf(lacksPostgres)('changes made without the database', () => {
  const server = sharedPostgres({ fsync: false });

  test.each([-1900, -600, 600, 1900])(
    'settle no earlier on other machines if the clock of this one is %i ms ahead',
    async (ahead) => {
      const place = await freshState(server());
      const folder = path.join(emptyFolder(), 'state');
      const clocks = { ...realClocks, wall: () => Date.now() + ahead };
      const unsynced = new UnsyncedChanges(folder, {}, 'a database');
      const { changes } = new OfflineState({ files: fileState(folder, clocks), unsynced, clocks, onChange: () => {} });
      const id = await changes.begin(creating('a'));
      const sentAt = Date.now();
      await changes.sent(id);
      const { state, synced } = opened(place.url, { folder, clocks });
      await state.changes.newest(1);
      const [elsewhere] = await opened(place.url).state.changes.newest(1);
      expect([synced, elsewhere?.id]).toEqual([[1], id]);
      expect(Date.parse(elsewhere?.sentAt ?? '')).toBeGreaterThanOrEqual(sentAt);
    },
  );

  test('are in the database after the next command, with their times and outcomes', async () => {
    const place = await freshState(server());
    const folder = path.join(emptyFolder(), 'state');
    const files = fileState(folder);
    const unsynced = new UnsyncedChanges(folder, {}, 'a database');
    const state = new OfflineState({ files, unsynced, clocks: realClocks, onChange: () => {} });
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, at) => state.changes.begin(creating(`k${at}`, { ids: [`b${at}`] }))),
    );
    for (const id of ids.slice(0, 10)) await state.changes.sent(id);
    await Promise.all(ids.slice(0, 20).map((id) => state.changes.settle(id, settledAs('applied', [id]))));
    const kept = unsynced.all();
    const start = performance.now();
    const { state: online, synced } = opened(place.url, { folder });
    const found = new Map((await online.changes.newest(100)).map((change) => [change.id, change]));
    const imprecision = clockImprecision(performance.now() - start);
    const local = await files.changes.newest(100);
    expect([found.size, synced, unsynced.count]).toEqual([30, [30], 0]);
    for (const { id, intent, before, settled } of local) {
      const { outcome, ids: made } = settled ?? {};
      expect(found.get(id)).toMatchObject({
        intent,
        before,
        ...(settled && { settled: { outcome, ids: made } }),
      });
    }
    const gap = (one = '', other = '') => Math.abs(Date.parse(one) - Date.parse(other));
    expect(kept.filter(({ sentAt }) => sentAt !== undefined)).toHaveLength(10);
    for (const { id, at, sentAt } of kept) {
      expect(gap(found.get(id)?.at, at)).toBeLessThanOrEqual(imprecision);
      if (sentAt === undefined) expect(found.get(id)?.sentAt).toBeUndefined();
      else expect(gap(found.get(id)?.sentAt, sentAt)).toBeLessThanOrEqual(imprecision);
    }
  });
});
