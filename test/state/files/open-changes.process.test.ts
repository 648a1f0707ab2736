import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Before, Intent } from '../../../src/domain/reconcile.ts';
import type { RecordedChange } from '../../../src/state/change-log.ts';
import { History } from '../../../src/state/files/history.ts';
import { children } from '../../support/children.ts';
import { emptyFolder } from '../../support/folder.ts';

const child = children('src/state/files/history.ts');

const hour = 3_600_000;
const start = Date.UTC(2026, 3, 14, 9);
const account = { id: '0123456789abcdef', label: 'mk_…cdef (profile "default") at api.example' };
const key: Intent = { action: 'create-key', type: 'credit' };
const manyIds = Array.from({ length: 20_000 }, (_, at) => {
  const hex = createHash('md5').update(String(at)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
});
const applied = { outcome: 'applied', by: 'answer', ids: ['made'] } as const;
const unknown = { outcome: 'unknown', by: 'look', ids: [], code: 'outcome_unknown' } as const;

/** Creates a record in a folder, with a manual clock. `others` returns the record as another process sees it. */
function record(folder = join(emptyFolder(), 'state')) {
  let now = start;
  const historyOf = () => new History(folder, {}, () => now);
  const history = historyOf();
  return {
    folder,
    history,
    others: historyOf,
    begin: (intent: Intent = key, before: Before = {}) => history.begin({ intent, before, account }),
    lines: () => linesOf(history.file),
    files: () => readdirSync(join(folder, 'open')),
    advance(milliseconds: number) {
      now += milliseconds;
    },
  };
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

function hashOf(value: object): string {
  return createHash('md5')
    .update(JSON.stringify(value, Object.keys(value).sort()))
    .digest('hex');
}

function idsIn(changes: readonly RecordedChange[]): string[] {
  return changes.map(({ id }) => id);
}

/** Returns a line as version 0.1 wrote it, for a process that has ended. */
function earlierLine(id: string, at: number, before: Before = {}): string {
  const process = { machine: '0123456789ab', pid: 1, started: '1' };
  return `${JSON.stringify({ id, at: new Date(at).toISOString(), process, intent: key, before, account })}\n`;
}

describe('an open change', () => {
  test('is found by every process until its outcome is final', async () => {
    const { history, others, begin, files } = record();
    const id = await begin();
    expect(files()).toEqual([`${id}.json`]);
    for (const each of [history, others()]) expect(each.open()).toMatchObject([{ id, intent: key, account }]);
    await history.settle(id, unknown);
    for (const each of [history, others()]) expect(each.open()).toMatchObject([{ id, settled: unknown }]);
    await history.settle(id, applied);
    for (const each of [history, others()]) expect(each.open()).toEqual([]);
    expect(files()).toEqual([]);
  });

  test('is found unchanged by another record object, oldest first', async () => {
    const { others, begin, advance } = record();
    const intents: Intent[] = [key, { action: 'card' }, { action: 'delete-key', id: 'k', name: 'prod' }];
    const ids: string[] = [];
    for (const intent of intents) {
      advance(1000);
      ids.push(await begin(intent, { ids: ['a'] }));
    }
    expect(others().open()).toEqual(others().newest(9));
    expect(idsIn(others().open())).toEqual(ids);
  });

  test('is found regardless of its age and of how much was recorded since', async () => {
    const { others, history, begin, advance, folder } = record();
    const id = await begin(key, { ids: manyIds });
    await history.sent(id);
    await history.settle(id, unknown);
    advance(365 * 24 * hour);
    writeFileSync(join(folder, 'history.jsonl'), earlierLine('later', start + 364 * 24 * hour));
    expect(others().open()).toMatchObject([{ id, before: { ids: manyIds }, settled: unknown }, { id: 'later' }]);
  });

  test('counts as sent once its request was sent', async () => {
    const { history, others, begin, advance } = record();
    const id = await begin();
    advance(90_000);
    await history.sent(id);
    const sentAt = '2026-04-14T09:01:30.000Z';
    for (const each of [history.open(), others().open(), others().since(start), others().newest(1)]) {
      expect(each).toMatchObject([{ id, at: '2026-04-14T09:00:00.000Z', sentAt }]);
    }
    advance(hour);
    await history.sent(id);
    expect(others().open()).toMatchObject([{ id, sentAt: '2026-04-14T10:01:30.000Z' }]);
  });

  test('of a raw request is dropped once its outcome is recorded as unknown', async () => {
    const { history, begin, files } = record();
    const id = await begin({ action: 'api', method: 'POST', path: '/api/keys/credit' });
    expect(files()).toHaveLength(1);
    await history.settle(id, unknown);
    expect(files()).toEqual([]);
  });

  test('is not reopened by a process that gave up after another found its outcome', async () => {
    const { history, others, begin, files } = record();
    const id = await begin();
    const other = others();
    await other.settle(id, applied);
    await history.settle(id, unknown);
    for (const each of [history, other, others()]) {
      expect(each.open()).toEqual([]);
      expect(each.since(start)).toMatchObject([{ id, settled: applied }]);
      expect(each.newest(1)).toMatchObject([{ id, settled: applied }]);
    }
    expect(files()).toEqual([]);
  });

  test('is among the later changes if it was settled long after it began', async () => {
    const { history, others, begin, advance, folder } = record();
    const id = await begin(key, { ids: ['a'] });
    await history.settle(id, unknown);
    appendFileSync(join(folder, 'history.jsonl'), earlierLine('between', start + 24 * hour).repeat(2000));
    advance(72 * hour);
    await others().settle(id, applied);
    expect(others().since(start + 71 * hour)).toMatchObject([{ id, intent: key, account, settled: applied }]);
  });
});

describe('a line of the record', () => {
  const longest = 16_000;

  test('stays short for an account of any size, and its change keeps all of the earlier state', async () => {
    const { history, others, begin, lines, files, folder } = record();
    const id = await begin(
      { ...key, name: 'new' },
      { ids: manyIds, ending: manyIds, plans: 'x'.repeat(50_000), toppedUp: 5 },
    );
    await history.settle(id, unknown);
    for (const line of lines()) expect(Buffer.byteLength(line)).toBeLessThan(longest);
    const before = { ids: manyIds, ending: manyIds, plans: 'x'.repeat(50_000), toppedUp: 5 };
    for (const each of [history.open(), others().open(), others().since(start), others().newest(1)]) {
      expect(each).toMatchObject([{ id, before }]);
    }
    expect(statSync(join(folder, 'open', files()[0] ?? '')).mode & 0o777).toBe(0o600);
    await history.settle(id, applied);
    // A settled change keeps only small members. Part of a list would mean that the rest wasn't there.
    expect(others().newest(1)).toMatchObject([{ id, before: { toppedUp: 5 }, settled: applied }]);
    expect(others().newest(1)[0]?.before).toEqual({ toppedUp: 5 });
  });

  test('contains the earlier state if that is small', async () => {
    const { history, others, begin } = record();
    const before = { ids: manyIds.slice(0, 100) };
    await history.settle(await begin(key, before), applied);
    expect(others().newest(1)).toMatchObject([{ before }]);
  });

  test.each<[string, string]>([
    ['letters', 'a'],
    ['multibyte letters', 'ë'],
    ['emoji', '👋'],
    ['control characters', '\u0001'],
    ['lone surrogates', '\ud83d'],
    ['quotation marks', '"'],
  ])('stays short with long texts of %s, and distinguishes two with the same prefix', async (_what, letter) => {
    const { history, others, begin, lines } = record();
    const names = ['x', 'y'].map((end) => letter.repeat(100_000) + end);
    const ids: string[] = [];
    for (const name of names) ids.push(await begin({ ...key, name }));
    for (const line of lines()) expect(Buffer.byteLength(line)).toBeLessThan(longest);
    // Compared by a hash to keep failure reports short.
    expect(
      others()
        .open()
        .map(({ intent }) => hashOf(intent)),
    ).toEqual(names.map((name) => hashOf({ ...key, name })));
    for (const id of ids) await history.settle(id, applied);
    const kept = others()
      .newest(2)
      .map(({ intent }) => (intent.action === 'create-key' ? intent.name : undefined));
    expect(new Set(kept).size).toBe(2);
    for (const name of kept) expect(name?.slice(-18)).toMatch(/^…#[0-9a-f]{16}$/);
  });

  test('stays short with long texts everywhere', async () => {
    const { folder, others } = record();
    const long = 'x'.repeat(100_000);
    const history = new History(folder, {}, () => start);
    const id = await history.begin({
      intent: { action: 'api', method: long, path: `/${long}` },
      before: { ids: [long] },
      account: { id: account.id, label: long },
    });
    await history.settle(id, { ...applied, code: long, ids: [long, ...manyIds.slice(0, 2000)] });
    for (const line of linesOf(history.file)) expect(Buffer.byteLength(line)).toBeLessThan(longest);
    expect(others().newest(1)).toMatchObject([{ id, settled: { outcome: 'applied' } }]);
  });

  test('never contains part of a secret that was cut in two, nor does the file of the open change', async () => {
    const { begin, lines, folder, files } = record();
    const secret = 'sk_live_0123456789abcdefghijklmnopqrstuv';
    for (let length = 300; length < 400; length += 7)
      await begin({ ...key, name: `${'é'.repeat(length)} ${secret.repeat(400)}` });
    const open = files().map((name) => readFileSync(join(folder, 'open', name), 'utf8'));
    expect([...lines(), ...open].join('\n')).not.toMatch(/0123456789abcdefg|ghijklmnopq/);
  });

  test('contains the charge if it differs from the agreed one', async () => {
    const { history, others, begin } = record();
    const id = await begin({
      action: 'subscribe',
      pool: 'p',
      blocks: ['asia'],
      quantity: 1,
      billingCycle: 'month',
      charge: 49,
    });
    await history.settle(id, { ...applied, charge: 499 });
    expect(others().newest(1)).toMatchObject([{ intent: { charge: 49 }, settled: { charge: 499 } }]);
  });
});

describe('an open change without a file', () => {
  test('of version 0.1 is found, and stays found after more is recorded', () => {
    const { folder, history, others, files, advance } = record();
    mkdirSync(folder);
    writeFileSync(history.file, earlierLine('left-behind', start - 70 * hour, { ids: manyIds }));
    expect(others().open()).toMatchObject([{ id: 'left-behind', before: { ids: manyIds } }]);
    expect(files()).toEqual(['left-behind.json']);
    advance(1000 * hour);
    appendFileSync(history.file, earlierLine('new', start + 1000 * hour).repeat(5000));
    expect(idsIn(others().open())).toContain('left-behind');
  });

  test('of version 0.1 is found even if another change was made first', async () => {
    const { folder, history, others, begin } = record();
    mkdirSync(folder);
    writeFileSync(history.file, earlierLine('left-behind', start - hour));
    await history.settle(await begin(), applied);
    expect(idsIn(others().open())).toEqual(['left-behind']);
  });

  test('of version 0.1, used alongside this version, is found', async () => {
    const { history, others, begin } = record();
    await history.settle(await begin(), applied);
    appendFileSync(history.file, earlierLine('left-behind', start));
    // Timestamps of file systems have a resolution of some milliseconds.
    utimesSync(history.file, new Date(), new Date(Date.now() + 1000));
    expect(idsIn(others().open())).toEqual(['left-behind']);
  });

  test('is found if the directory of open changes is gone', async () => {
    const { history, others, begin, folder, files } = record();
    const [open, done] = [await begin(), await begin()];
    await history.settle(open, unknown);
    await history.settle(done, applied);
    rmSync(join(folder, 'open'), { recursive: true });
    expect(others().open()).toMatchObject([{ id: open, settled: unknown }]);
    expect(files()).toEqual([`${open}.json`]);
    expect(others().open()).toMatchObject([{ id: open, settled: unknown }]);
  });

  test('overrides a leftover file, which a final outcome removes', async () => {
    const { history, others, begin, files, folder } = record();
    const id = await begin();
    const file = join(folder, 'open', `${id}.json`);
    const text = readFileSync(file);
    await history.settle(id, applied);
    writeFileSync(file, text);
    expect(others().open()).toEqual([]);
    expect(files()).toEqual([]);
  });

  test('gets a new file if its own is empty, as after a power failure', async () => {
    const { others, begin, folder } = record();
    const [first, second] = [await begin(), await begin()];
    writeFileSync(join(folder, 'open', `${first}.json`), '');
    expect(idsIn(others().open()).sort()).toEqual([first, second].sort());
  });
});

describe('an open change without a line in the record', () => {
  test('was never sent, and counts as open', async () => {
    const { others, begin, history } = record();
    const id = await begin();
    rmSync(history.file);
    expect(others().open()).toMatchObject([{ id }]);
    await others().settle(id, { outcome: 'not_applied', by: 'look', ids: [] });
    expect(others().open()).toEqual([]);
  });

  test('is ignored while the file is incomplete, and removed once no process can be writing it', async () => {
    const { others, begin, history, folder, files } = record();
    await history.settle(await begin(), applied);
    const file = join(folder, 'open', '0123456789ab.json');
    writeFileSync(file, '{"id":"0123456789ab","at":"2026');
    expect([others().open(), files()]).toEqual([[], ['0123456789ab.json']]);
    const earlier = new Date(Date.now() - 2 * hour);
    utimesSync(file, earlier, earlier);
    expect([others().open(), files()]).toEqual([[], []]);
  });

  test('is ignored if the file has another name or contains another change', async () => {
    const { others, begin, history, folder } = record();
    await history.settle(await begin(), applied);
    writeFileSync(join(folder, 'open', 'other.json'), earlierLine('different', start));
    writeFileSync(join(folder, 'open', 'notes.txt'), earlierLine('notes', start));
    expect(others().open()).toEqual([]);
  });
});

describe('a clock that is set back', () => {
  test('hides no change, open or settled', async () => {
    const { history, others, begin, advance } = record();
    const [open, done] = [await begin(), await begin()];
    await history.settle(done, applied);
    advance(-10_000 * hour);
    const next = await begin();
    for (const each of [history, others()]) {
      expect(idsIn(each.since(start - 10_001 * hour))).toEqual([open, done, next]);
      expect(idsIn(each.newest(3))).toEqual([open, done, next]);
      expect(idsIn(each.open()).sort()).toEqual([open, next].sort());
    }
  });
});

describe('a full disk', () => {
  test('prevents a change, and leaves no open change behind', async () => {
    const { folder, others, begin, history, files } = record();
    await history.settle(await begin(), applied);
    const script = `
      import { History } from './module.mjs';
      const before = { ids: Array.from({ length: 1000 }, (_, at) => 'key-' + at) };
      for (const each of [before, {}]) {
        try {
          await new History(${JSON.stringify(folder)}, {}, Date.now).begin({ intent: ${JSON.stringify(key)}, before: each, account: ${JSON.stringify(account)} });
        } catch (error) {
          console.log(error.code, error.outcome);
        }
      }`;
    appendFileSync(history.file, '\n'.repeat(2000 - statSync(history.file).size));
    // Limits files to 4 blocks of 512 bytes, both the change's own and the record.
    const { stdout } = await child(script, { shell: 'ulimit -f 4; exec "$@"' }).ended;
    expect(stdout).toBe('file_error not_applied\nfile_error not_applied\n');
    expect([files(), others().open()]).toEqual([[], []]);
    await begin();
    expect(others().newest(9)).toHaveLength(2);
  });
});

describe('a killed process', () => {
  /** Makes one change in a process that does something before each of its file system calls, which it counts. */
  const script = (folder: string, beforeCall: string, before: string) => `
    import { execFileSync } from 'node:child_process';
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import { History } from './module.mjs';
    const say = fs.writeSync;
    let calls = 0;
    for (const name of ['openSync', 'writeSync', 'fsync', 'fsyncSync', 'closeSync', 'mkdirSync', 'rmSync', 'renameSync']) {
      const real = fs[name];
      fs[name] = (...args) => {
        calls += 1;
        ${beforeCall};
        return real(...args);
      };
    }
    syncBuiltinESMExports();
    const history = new History(${JSON.stringify(folder)}, {}, () => ${start});
    const id = await history.begin({ intent: ${JSON.stringify(key)}, before: ${before}, account: ${JSON.stringify(account)} });
    say(1, 'begun ' + id + '\\n');
    await history.sent(id);
    say(1, 'sent\\n');
    await history.settle(id, ${JSON.stringify(unknown)});
    say(1, 'unknown\\n');
    await history.settle(id, ${JSON.stringify(applied)});
    say(1, 'settled\\n');`;

  test.each([
    ['a small change', '{ ids: ["a"] }', ['a'], 0],
    [
      'a large change while the record is rotated',
      '{ ids: Array(2000).fill("key-id") }',
      Array(2000).fill('key-id'),
      5e6,
    ],
  ])('loses nothing that it reported, at any step: %s', async (_what, before, ids, size) => {
    const empty = () => {
      const folder = emptyFolder();
      if (size > 0) {
        // Lines that parse quickly.
        const line = `${'#'.repeat(8000)}\n`;
        writeFileSync(join(folder, 'history.jsonl'), line.repeat(Math.ceil(size / line.length)), { mode: 0o600 });
      }
      return folder;
    };
    // A process that is killed leaves what is in the folder at that moment, so one that copies it before each call does for all.
    const [whole, copies] = [empty(), emptyFolder()];
    const copy = `execFileSync('cp', ['-a', ${JSON.stringify(whole)}, ${JSON.stringify(copies)} + '/' + calls]); say(1, 'call ' + calls + '\\n')`;
    const { code, stdout: all, stderr } = await child(script(whole, copy, before)).ended;
    expect([code, stderr]).toEqual([0, '']);
    const calls = [...all.matchAll(/^call (\d+)\n/gm)];
    expect(calls.length).toBeGreaterThan(20);
    const left = calls.map(({ 1: call = '', index }) => ({
      step: `copied before call ${call}`,
      folder: join(copies, call),
      stdout: all.slice(0, index),
    }));
    // Some are killed.
    for (let call = 1; call <= calls.length; call += 7) {
      const folder = empty();
      const kill = `if (calls === ${call}) process.kill(process.pid, 'SIGKILL')`;
      const { signal, stdout, stderr } = await child(script(folder, kill, before)).ended;
      expect([call, signal, stderr]).toEqual([call, 'SIGKILL', '']);
      left.push({ step: `killed before call ${call}`, folder, stdout });
    }
    for (const { step, folder, stdout } of [...left, { step: 'at the end', folder: whole, stdout: all }]) {
      const history = new History(folder, {}, () => start);
      const [, id] = /^begun (.+)$/m.exec(stdout) ?? [];
      const open = history.open();
      if (stdout.includes('settled')) expect([step, open]).toEqual([step, []]);
      else if (open.length === 0) expect([step, stdout.includes('unknown') || id === undefined]).toEqual([step, true]);
      else expect([step, open]).toMatchObject([step, [{ before: { ids } }]]);
      if (id !== undefined && open[0]) expect(open[0].id).toBe(id);
      if (stdout.includes('sent') && open[0]) expect(open[0].sentAt).toBe('2026-04-14T09:00:00.000Z');
      if (stdout.includes('unknown') && open[0]) expect(open[0].settled).toMatchObject(unknown);
      if (id !== undefined && open.length === 0) {
        expect(history.newest(1)).toMatchObject([{ id, settled: applied }]);
      }
      // The next change works as usual.
      const after = await history.begin({ intent: { action: 'card' }, before: {}, account });
      await history.settle(after, applied);
      expect(history.open()).toEqual(open);
      expect(history.newest(1)).toMatchObject([{ id: after, settled: applied }]);
    }
  });

  test('loses no open change and settles no other one, whenever it is killed', async () => {
    const folder = join(emptyFolder(), 'state');
    const loop = `
      import { writeSync } from 'node:fs';
      import { History } from './module.mjs';
      const history = new History(${JSON.stringify(folder)}, {}, Date.now);
      for (let turn = 0; ; turn += 1) {
        const ids = turn % 3 === 0 ? Array(2000).fill('key-id') : [];
        const id = await history.begin({ intent: ${JSON.stringify(key)}, before: { ids }, account: ${JSON.stringify(account)} });
        writeSync(1, 'begun ' + id + '\\n');
        await history.settle(id, { outcome: turn % 2 ? 'applied' : 'not_applied', by: 'answer', ids: [id] });
        writeSync(1, 'settled ' + id + '\\nturn ' + turn + '\\n');
      }`;
    const outputs: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const running = [0, 1, 2, 3].map(() => child(loop));
      await Promise.all(
        running.map(async (each, at) => {
          // The child reports between two steps and continues, so it can be killed at any point.
          await each.says(`turn ${Math.floor(Math.random() * 30) + at + 1}\n`);
          each.kill('SIGKILL');
          outputs.push((await each.ended).stdout);
        }),
      );
    }
    const history = new History(folder, {}, Date.now);
    const open = new Set(idsIn(history.open()));
    const all = new Map(history.newest(Number.POSITIVE_INFINITY).map((change) => [change.id, change]));
    const text = outputs.join('');
    const begun = [...text.matchAll(/^begun (.+)$/gm)].map(([, id = '']) => id);
    const settled = new Set([...text.matchAll(/^settled (.+)$/gm)].map(([, id = '']) => id));
    expect(begun.length).toBeGreaterThan(40);
    for (const id of begun) {
      const change = all.get(id);
      expect([id, change?.id]).toEqual([id, id]);
      // It may have done its last step without reporting it.
      expect([id, open.has(id)]).toEqual([id, change?.settled === undefined]);
      if (settled.has(id)) expect(change?.settled).toMatchObject({ ids: [id] });
      else expect([[], [id]]).toContainEqual(change?.settled?.ids ?? []);
    }
    // Each process may have begun at most one change that it didn't report.
    expect([...all.keys()].filter((id) => !begun.includes(id)).length).toBeLessThanOrEqual(20);
  });
});

test('keeps a change settled if many processes settle it', async () => {
  const { folder, others, begin, files } = record();
  const id = await begin(key, { ids: manyIds });
  const outcomes = ['applied', 'unknown', 'not_applied', 'unknown'];
  const running = Array.from({ length: 12 }, (_, at) =>
    child(`
      import { History } from './module.mjs';
      process.stdin.once('end', async () => {
        await new History(${JSON.stringify(folder)}, {}, () => ${start}).settle('${id}', { outcome: '${outcomes[at % 4]}', by: 'look', ids: [] });
      }).resume();
      console.log('ready');`),
  );
  await Promise.all(running.map((each) => each.says('ready')));
  for (const each of running) each.release();
  for (const each of running) expect(await each.ended).toMatchObject({ code: 0, stderr: '' });
  expect([others().open(), files()]).toEqual([[], []]);
  expect(others().newest(9)).toMatchObject([{ id, settled: { outcome: expect.stringMatching(/applied$/) } }]);
});
