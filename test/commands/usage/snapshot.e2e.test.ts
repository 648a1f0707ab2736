import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sqlite from 'node-sqlite3-wasm';
import { expect, test } from 'vitest';
import { processName, thisProcess } from '../../../src/state/process.ts';
import { json, managementKey, oneLine, type User, userOf } from '../../support/cli.ts';
import { emptyFolder } from '../../support/folder.ts';
import { creditKey, hour } from '../../support/sandbox.ts';
import { answer, data, type Received, recordedSandbox, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const all = 'GET /api/usage';
const limited = answer(429, { success: false, error: 'Rate limit exceeded: 12 requests per 12 hours' });

function stateFolder({ home }: User): string {
  return path.join(home, '.local', 'state', 'cheapestinference');
}

/** Returns the database with the snapshots. */
function databaseOf(me: User): string {
  const names = readdirSync(stateFolder(me)).filter((each) => /^usage-[0-9a-f]{16}\.db$/.test(each));
  expect(names).toHaveLength(1);
  return path.join(stateFolder(me), names[0] ?? '');
}

/** Takes a snapshot without a cache, as if the last one were older. */
function snapshot(me: User, flags = '') {
  return me.ci(`usage snapshot ${flags}`, { env: { XDG_CACHE_HOME: emptyFolder() } });
}

test('stores the usage of all keys in a database that only its owner can read', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await creditKey(api.box, { name: 'acme' });
  const { code, stdout } = await me.ci('usage snapshot --json');
  const file = databaseOf(me);
  expect([code, api.requests]).toEqual([0, [all]]);
  expect(JSON.parse(stdout)).toEqual({
    ...{ status: 'stored', time: expect.stringMatching(/^2026-04-14T09:00:0\d/), keys: 1, cached: false },
    ...{ requestsLeft: 11, file },
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const bytes = readFileSync(file);
  expect(bytes.subarray(0, 15).toString()).toBe('SQLite format 3');
  expect([bytes.includes('acme'), bytes.includes(managementKey)]).toEqual([true, false]);
  expect(readdirSync(stateFolder(me))).toEqual([path.basename(file)]);
});

test('uses what `ci usage` fetched moments ago, and stores nothing twice', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await me.ci('usage');
  expect(json(await me.ci('usage snapshot --json'))).toMatchObject({
    status: 'stored',
    cached: true,
    requestsLeft: 11,
  });
  expect(json(await me.ci('usage snapshot --json'))).toMatchObject({ status: 'unchanged', cached: true });
  expect(api.requests).toEqual([all]);
});

test('says on a terminal what it stored', async () => {
  const me = userOf(await recordedSandbox());
  const { code, screen } = await shown(me, 'usage snapshot');
  expect(code).toBe(0);
  expect(screen).toMatch(
    /✓ Stored: the usage of 0 keys at 2026-04-14 09:00 UTC\n11 usage requests left in this 12-hour window\./,
  );
});

test('exits with code 7 at the limit of requests, and stores nothing', async () => {
  const me = userOf(await server(limited));
  const { code, stdout, stderr } = await me.ci('usage snapshot');
  expect([code, stdout]).toEqual([7, '']);
  expect(stderr).toMatch(oneLine);
  expect(existsSync(path.join(stateFolder(me), 'usage'))).toBe(false);
  expect(readdirSync(stateFolder(me)).filter((name) => name.endsWith('.db'))).toEqual([]);
});

test('refuses a damaged database and one of a newer version, and leaves them unchanged', async () => {
  const me = userOf(await recordedSandbox());
  await snapshot(me);
  const file = databaseOf(me);
  const good = readFileSync(file);
  const newer = Buffer.from(good);
  // `user_version` in the header of the file format.
  newer.writeUInt32BE(99, 60);
  const torn = Buffer.concat([good.subarray(0, 4096), Buffer.alloc(good.length - 4096, 7)]);
  for (const [bytes, words] of [
    [Buffer.from('This is not a database. '.repeat(400)), /can't be read: .*The file is damaged.*mv /s],
    [torn, /The file is damaged.*mv /s],
    [newer, /written by a newer version of ci \(format 99\)\. Update ci/],
  ] as const) {
    writeFileSync(file, bytes);
    for (const line of ['usage snapshot', 'usage report --month 2026-04']) {
      const { code, stdout, stderr } = await me.ci(line, { env: { XDG_CACHE_HOME: emptyFolder() } });
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toMatch(words);
    }
    expect(readFileSync(file).equals(bytes)).toBe(true);
  }
});

test('keeps the snapshots of several processes that run at once', async () => {
  let usage = 0;
  const count = (_request: Received) => data([{ id: 'k', name: 'a', usage: { last1h: { requests: ++usage } } }]);
  const times = Array.from({ length: 8 }, (_, at) => new Date(Date.UTC(2026, 3, 14, at)).toUTCString());
  const api = await server((request, response) => {
    response.setHeader('Date', times[usage] ?? '');
    return count(request)(request, response);
  });
  const me = userOf(api);
  const ended = await Promise.all(
    times.map(() => me.process('usage snapshot --json', { env: { XDG_CACHE_HOME: emptyFolder() } })),
  );
  expect(ended.map(({ code }) => code)).toEqual(times.map(() => 0));
  const report = json(await me.ci('usage report --month 2026-04 --json'));
  expect(report).toMatchObject({ from: '2026-04-01T00:00:00.000Z', rows: [{ name: 'a', ids: ['k'] }] });
  expect(readdirSync(stateFolder(me))).toEqual([path.basename(databaseOf(me))]);
  const database = new sqlite.Database(databaseOf(me), { readOnly: true });
  expect(database.get('SELECT count(*) AS count FROM snapshots')).toEqual({ count: 8 });
  expect(database.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
  database.close();
});

test.skipIf(process.getuid?.() === 0)('says what to do if the state directory is read-only', async () => {
  const me = userOf(await recordedSandbox());
  await snapshot(me);
  chmodSync(stateFolder(me), 0o500);
  const { code, stderr } = await snapshot(me);
  chmodSync(stateFolder(me), 0o700);
  expect(code).toBe(1);
  expect(stderr).toContain("Can't write to");
});

test('keeps the database if the disk is full, and says so', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await snapshot(me);
  await api.box.advance(hour);
  const before = readFileSync(databaseOf(me));
  const full = await me.sh("trap '' XFSZ; ulimit -f 8; ci usage snapshot", { env: { XDG_CACHE_HOME: emptyFolder() } });
  expect([full.code, full.stdout]).toEqual([1, '']);
  expect(full.stderr).toMatch(/usage-[0-9a-f]{16}\.db can't be written to: .* Free up disk space/);
  expect(readFileSync(databaseOf(me)).equals(before)).toBe(true);
  expect(readdirSync(stateFolder(me))).toEqual([path.basename(databaseOf(me))]);
  expect(json(await me.ci('usage report --month 2026-04 --json'))).toMatchObject({ month: '2026-04' });
});

test('removes what killed processes left', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await snapshot(me);
  await api.box.advance(hour);
  const file = databaseOf(me);
  const ended = processName({ ...thisProcess(), pid: 4_194_305 });
  const left = `${file}.${ended}.0123456789ab.tmp`;
  writeFileSync(left, 'half');
  mkdirSync(`${left}.lock`);
  const { code } = await snapshot(me);
  expect(code).toBe(0);
  expect(readdirSync(stateFolder(me))).toEqual([path.basename(file)]);
});

test('needs a management key', async () => {
  const api = await server(data([]));
  const me = userOf(api, { CHEAPESTINFERENCE_MANAGEMENT_KEY: '' });
  for (const line of ['usage snapshot', 'usage report --month 2026-04']) {
    const { code, stderr } = await me.ci(line);
    expect([code, api.requests]).toEqual([4, []]);
    expect(stderr).toMatch(oneLine);
  }
});
