import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RecordedChange } from '../../../src/state/change-log.ts';
import { thisProcess } from '../../../src/state/process.ts';
import { UnsyncedChanges } from '../../../src/state/unsynced.ts';
import { emptyFolder, modeOf } from '../../support/folder.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { tcpProxy } from '../../support/tcp-proxy.ts';
import { creating, settledAs } from '../contract/samples.ts';
import { freshState, opened } from './opened-state.ts';

const at = '2026-04-14T09:00:00.000Z';
const applied = { ...settledAs('applied', ['k']), at };

function change(id: string, more: Partial<RecordedChange> = {}): RecordedChange {
  return { id, at, process: thisProcess(), ...creating(`key ${id}`, { ids: ['b'] }), ...more };
}

describe('changes that the database lacks', () => {
  test('are passed on once, and removed then', async () => {
    const unsynced = new UnsyncedChanges(emptyFolder(), {}, 'a database');
    expect([unsynced.count, existsSync(unsynced.folder)]).toEqual([0, false]);
    const all = [change('a'), change('b', { sentAt: at, settled: applied })];
    for (const each of all) unsynced.keep(each);
    expect(unsynced.count).toBe(2);
    const passed: RecordedChange[] = [];
    const send = async (changes: readonly RecordedChange[]) => void passed.push(...changes);
    expect(await unsynced.sync(send)).toBe(2);
    expect(passed.sort((one, other) => one.id.localeCompare(other.id))).toEqual(all);
    expect([await unsynced.sync(send), unsynced.count, readdirSync(unsynced.folder)]).toEqual([0, 0, []]);
  });

  test('have the latest that is known, and no secrets, in files that others cannot read', () => {
    const unsynced = new UnsyncedChanges(emptyFolder(), {}, 'a database');
    unsynced.keep(change('a'));
    unsynced.keep(change('a', { ...creating('sk_live_0123456789abcdefghij'), settled: applied }));
    expect(readdirSync(unsynced.folder)).toEqual(['a.json']);
    const file = path.join(unsynced.folder, 'a.json');
    expect(modeOf(file)).toBe('600');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      intent: { name: 'sk_live_…ghij' },
      settled: { outcome: 'applied' },
    });
  });

  test('stay if they are replaced while they are passed on', async () => {
    const unsynced = new UnsyncedChanges(emptyFolder(), {}, 'a database');
    for (const id of ['a', 'b']) unsynced.keep(change(id));
    await unsynced.sync(async () => unsynced.keep(change('a', { settled: applied })));
    expect(readdirSync(unsynced.folder)).toEqual(['a.json']);
    await unsynced.sync(async (changes) => expect(changes).toEqual([change('a', { settled: applied })]));
    expect(unsynced.count).toBe(0);
  });

  test('stay if they cannot be passed on', async () => {
    const unsynced = new UnsyncedChanges(emptyFolder(), {}, 'a database');
    unsynced.keep(change('a'));
    const failure = new Error('away');
    await expect(unsynced.sync(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(unsynced.count).toBe(1);
  });

  test('are passed on next to damaged and foreign files, which stay', async () => {
    const unsynced = new UnsyncedChanges(emptyFolder(), {}, 'a database');
    mkdirSync(unsynced.folder, { recursive: true });
    const foreign = {
      'empty.json': '',
      'cut.json': '{"id":"cut","at":"2026-',
      'other.json': '{"id":"other"}',
      'later.json': JSON.stringify({ ...change('later'), intent: { action: 'new' } }),
      'notes.txt': 'mine',
    };
    for (const [name, text] of Object.entries(foreign))
      writeFileSync(path.join(unsynced.folder, name), text, { mode: 0o600 });
    const sent: RecordedChange[] = [];
    const send = async (changes: readonly RecordedChange[]) => void sent.push(...changes);
    expect([await unsynced.sync(send), sent]).toEqual([0, []]);
    unsynced.keep(change('a'));
    expect([await unsynced.sync(send), sent]).toEqual([1, [change('a')]]);
    expect(readdirSync(unsynced.folder).sort()).toEqual(Object.keys(foreign).sort());
  });
});

describe.skipIf(lacksPostgres)('a database that is away when a change ends', () => {
  const server = sharedPostgres({ fsync: false });

  test('gets the outcome with the next command', async () => {
    const place = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const folder = path.join(emptyFolder(), 'state');
    const { state, notes, unsynced, database } = opened(proxy.urlOf(place.url), { folder });
    const [one, two] = [await state.changes.begin(creating('one')), await state.changes.begin(creating('two'))];
    proxy.refuse();
    proxy.reset();
    await state.changes.settle(one, settledAs('unknown'));
    await state.changes.settle(one, settledAs('applied', ['k']));
    await state.changes.settle(two, settledAs('unknown'));
    expect(unsynced.count).toBe(2);
    expect(notes).toEqual([
      `Can't record the outcome in ${database.address.label}. It is kept in ${unsynced.folder}, and the next command brings it in.`,
    ]);
    const next = opened(place.url, { folder });
    expect(await next.state.changes.newest(2)).toMatchObject([
      { id: one, settled: { outcome: 'applied', ids: ['k'] } },
      { id: two, settled: { outcome: 'unknown' } },
    ]);
    expect([next.synced, unsynced.count]).toEqual([[2], 0]);
    await next.state.changes.open();
    expect(next.synced).toEqual([2]);
  });

  test('gets the time at which the request left, even if it has lost the change', async () => {
    const place = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const folder = path.join(emptyFolder(), 'state');
    const { state } = opened(proxy.urlOf(place.url), { folder });
    const id = await state.changes.begin(creating('a'));
    await state.changes.sent(id);
    proxy.refuse();
    proxy.reset();
    await state.changes.settle(id, settledAs('unknown'));
    await place.query('delete from SCHEMA.changes');
    expect(await opened(place.url, { folder }).state.changes.open()).toMatchObject([
      { id, sentAt: expect.any(String), settled: { outcome: 'unknown' } },
    ]);
  });

  test('says so once, however many outcomes are kept', async () => {
    const place = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const { state, notes, unsynced } = opened(proxy.urlOf(place.url));
    const ids = await Promise.all([1, 2, 3].map((at) => state.changes.begin(creating(`k${at}`))));
    proxy.refuse();
    proxy.reset();
    await Promise.all(ids.map((id) => state.changes.settle(id, settledAs('applied'))));
    expect([unsynced.count, notes.length]).toEqual([3, 1]);
  });

  test('gets a change whole that it lacks', async () => {
    const place = await freshState(server());
    const folder = emptyFolder();
    const { state, unsynced } = opened(place.url, { folder });
    const kept = change('0123456789ab', { ...creating('a\0b \ud800', { ids: ['x'] }), sentAt: at, settled: applied });
    unsynced.keep(kept);
    const [found] = await state.changes.newest(1);
    const { id, intent, before, account, process, sentAt } = kept;
    expect(found).toMatchObject({ id, at, intent, before, account, process, sentAt, settled: { outcome: 'applied' } });
  });

  test('gets it for the account that its key belongs to', async () => {
    const place = await freshState(server());
    const { state, unsynced } = opened(place.url);
    const [first, second] = [
      { id: '0000000000000001', label: 'one' },
      { id: '0000000000000002', label: 'two' },
    ];
    for (const key of [first, second]) await state.account(key, async () => 'customer');
    unsynced.keep(change('0123456789ab', { account: second }));
    expect((await state.changes.newest(1))[0]?.account).toEqual({ ...second, id: first.id });
  });

  test.each([
    ['applied', 'unknown', 'applied'],
    ['applied', 'not_applied', 'applied'],
    ['not_applied', 'unknown', 'not_applied'],
    ['unknown', 'applied', 'applied'],
    ['not_applied', 'applied', 'applied'],
  ] as const)('has %s, gets %s, and says %s', async (recorded, brought, expected) => {
    const place = await freshState(server());
    const { state, unsynced } = opened(place.url);
    const id = await state.changes.begin(creating('a'));
    await state.changes.settle(id, settledAs(recorded));
    unsynced.keep(change(id, { settled: { ...settledAs(brought), at } }));
    expect((await state.changes.newest(1))[0]?.settled?.outcome).toBe(expected);
  });

  test('gets nothing twice from two processes at once', async () => {
    const place = await freshState(server());
    const folder = emptyFolder();
    const { unsynced } = opened(place.url, { folder });
    for (let each = 0; each < 20; each++) unsynced.keep(change(`c${each}`, { settled: applied }));
    await Promise.all(Array.from({ length: 4 }, () => opened(place.url, { folder }).state.sync()));
    expect(await place.query('select count(*)::int from SCHEMA.changes')).toEqual([{ count: 20 }]);
    expect(unsynced.count).toBe(0);
  });

  test('does not keep the outcome of a change that another process began', async () => {
    const place = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const id = await opened(place.url).state.changes.begin(creating('a'));
    const { state, unsynced } = opened(proxy.urlOf(place.url));
    await state.changes.open();
    proxy.refuse();
    proxy.reset();
    await expect(state.changes.settle(id, settledAs('applied'))).rejects.toMatchObject({ code: 'state_unreachable' });
    expect(unsynced.count).toBe(0);
  });
});
