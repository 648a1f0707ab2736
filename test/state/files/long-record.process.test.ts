import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Intent } from '../../../src/domain/reconcile.ts';
import type { RecordedChange } from '../../../src/state/change-log.ts';
import { History } from '../../../src/state/files/history.ts';
import { children } from '../../support/children.ts';
import { emptyFolder } from '../../support/folder.ts';

const child = children('src/state/files/history.ts');

const hour = 3_600_000;
const mebibyte = 1024 * 1024;
const start = Date.UTC(2026, 3, 14, 9);
const account = { id: '0123456789abcdef', label: 'mk_…cdef (profile "default") at api.example' };
const intent: Intent = { action: 'card' };
const applied = { outcome: 'applied', by: 'answer', ids: ['made'] } as const;
const unknown = { outcome: 'unknown', by: 'look', ids: [] } as const;

function record(folder = emptyFolder()) {
  let now = start;
  const historyOf = () => new History(folder, {}, () => now);
  const history = historyOf();
  return {
    folder,
    history,
    others: historyOf,
    begin: () => history.begin({ intent, before: {}, account }),
    /** The rotated files, oldest first. */
    rotated: () =>
      readdirSync(folder)
        .filter((name) => name.startsWith('history-'))
        .sort(),
    /** Fills the current file with old changes. */
    fill: (size = 4 * mebibyte, at = start - 1000 * hour) => fill(history.file, size, at),
    advance(milliseconds: number) {
      now += milliseconds;
    },
  };
}

/** Returns a change that was made and settled, as two lines. */
function doneLines(id: string, at: number): string {
  const process = { machine: '0123456789ab', pid: 1, started: '1' };
  const time = new Date(at).toISOString();
  // Long, so that a full file has few lines to parse.
  const begin = { id, at: time, process, intent, before: { plans: 'x'.repeat(3000) }, account };
  return `${JSON.stringify(begin)}\n${JSON.stringify({ id, at: time, ...applied })}\n`;
}

function fill(file: string, size: number, at: number): void {
  const lines = Array.from({ length: 200 }, (_, turn) => doneLines(`old-${turn}`, at));
  const block = Buffer.from(lines.join(''));
  const handle = openSync(file, 'a', 0o600);
  for (let length = statSync(file).size; length < size; length += block.length) writeSync(handle, block);
  closeSync(handle);
}

function idsIn(changes: readonly RecordedChange[]): string[] {
  return changes.map(({ id }) => id);
}

describe('a full file', () => {
  test('is renamed after the current time at the next change, which starts a new file', async () => {
    const { history, begin, fill, rotated } = record();
    await begin();
    expect(rotated()).toEqual([]);
    fill();
    const mark = history.mark();
    const id = await begin();
    expect(rotated()).toEqual([expect.stringMatching(/^history-2026-04-14T09-00-00\.000Z-[0-9a-f]{8}\.jsonl$/)]);
    expect(readFileSync(history.file, 'utf8').split('\n')).toHaveLength(2);
    expect(history.mark()).not.toBe(mark);
    expect(idsIn(history.newest(1))).toEqual([id]);
  });

  test('is read together with the file after it', async () => {
    const { history, others, begin, fill, advance } = record();
    const reader = others();
    const [first, second] = [await begin(), await begin()];
    fill(4 * mebibyte, start - 1);
    expect(idsIn(reader.since(start))).toEqual([first, second]);
    advance(1000);
    const third = await begin();
    await history.settle(first, applied);
    await history.sent(second);
    const changes = [
      { id: first, settled: applied },
      { id: second, sentAt: '2026-04-14T09:00:01.000Z' },
      { id: third },
    ];
    for (const each of [reader, history, others()]) {
      expect(each.since(start)).toMatchObject(changes);
      expect(each.newest(Number.POSITIVE_INFINITY).filter(({ id }) => !id.startsWith('old'))).toMatchObject(changes);
      expect(idsIn(each.open())).toEqual([second, third]);
    }
  });

  test('is kept with the four before it, and older ones are removed', async () => {
    const { history, begin, fill, rotated, advance } = record();
    const names: string[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      fill();
      advance(hour);
      await history.settle(await begin(), applied);
      names.push(rotated().at(-1) ?? '');
    }
    expect(new Set(names).size).toBe(8);
    expect(rotated()).toEqual(names.slice(-5));
  });

  test('sorts after the earlier files even if the clock was set back', async () => {
    const { history, begin, fill, rotated, advance } = record();
    const ids: string[] = [];
    const names: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const id = await begin();
      await history.settle(id, applied);
      ids.push(id);
      fill();
      await history.settle(await begin(), applied);
      names.push(rotated().at(-1) ?? '');
      advance(-100 * hour);
    }
    expect(rotated()).toEqual(names);
    const all = idsIn(history.newest(Number.POSITIVE_INFINITY));
    expect(all.filter((id) => ids.includes(id))).toEqual(ids);
  });

  test('is not removed before each open change of version 0.1 in it has a file of its own', async () => {
    const { history, others, begin, fill, advance, rotated, folder } = record();
    const lineOf = (id: string) => {
      const process = { machine: '0123456789ab', pid: 1, started: '1' };
      return `${JSON.stringify({ id, at: new Date(start - 5000 * hour).toISOString(), process, intent, before: { ids: ['a'] }, account })}\n`;
    };
    writeFileSync(history.file, lineOf('left-behind') + lineOf('settled-later'), { mode: 0o600 });
    fill();
    await history.settle(await begin(), applied);
    expect(others().open()).toEqual([]);
    await history.settle('settled-later', applied);
    for (let turn = 0; turn < 5; turn += 1) {
      fill();
      advance(hour);
      await history.settle(await begin(), applied);
    }
    expect(rotated()).toHaveLength(5);
    expect(readdirSync(join(folder, 'open'))).toEqual(['left-behind.json']);
    expect(others().open()).toMatchObject([{ id: 'left-behind', before: { ids: ['a'] } }]);
  });

  test('is replaced by many processes at once without losing a line', async () => {
    const { history, others, folder, fill, rotated } = record();
    fill(4 * mebibyte - 800_000);
    appendFileSync(history.file, '\n'.repeat(4 * mebibyte - 2000 - statSync(history.file).size));
    const script = `
      import { History } from './module.mjs';
      const history = new History(${JSON.stringify(folder)}, {}, Date.now);
      process.stdin.once('end', async () => {
        for (let turn = 0; turn < 10; turn += 1) {
          const id = await history.begin(${JSON.stringify({ intent, before: {}, account })});
          if (turn % 5 > 0) await history.settle(id, { outcome: 'applied', by: 'answer', ids: [id] });
          console.log(id, turn % 5 > 0);
        }
      }).resume();
      console.log('ready');`;
    const running = Array.from({ length: 20 }, () => child(script));
    await Promise.all(running.map((each) => each.says('ready')));
    for (const each of running) each.release();
    const reported: [string, boolean][] = [];
    for (const each of running) {
      const { code, stdout, stderr } = await each.ended;
      expect([code, stderr]).toEqual([0, '']);
      const [, ...lines] = stdout.trim().split('\n');
      reported.push(...lines.map((line): [string, boolean] => [line.slice(0, 12), line.endsWith('true')]));
    }
    expect(reported).toHaveLength(200);
    expect(rotated().length).toBeGreaterThan(0);
    const all = new Map(
      others()
        .newest(Number.POSITIVE_INFINITY)
        .map((change) => [change.id, change]),
    );
    const open = new Set(idsIn(others().open()));
    for (const [id, isSettled] of reported) {
      expect([id, all.get(id)?.settled?.ids, open.has(id)]).toEqual([id, isSettled ? [id] : undefined, !isSettled]);
    }
    expect(open.size).toBe(40);
    expect(idsIn(history.since(Date.now() - hour)).sort()).toEqual(reported.map(([id]) => id).sort());
  });
});

describe('the record', () => {
  /** Returns what a script prints. In the script, `bytes()` returns how many bytes were read since its last call. */
  async function printed(folder: string, work: string): Promise<unknown> {
    const { stdout, stderr } = await child(`
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      import { History } from './module.mjs';
      let read = 0;
      const { readSync, readFileSync } = fs;
      fs.readSync = (...args) => {
        const bytes = readSync(...args);
        read += bytes;
        return bytes;
      };
      fs.readFileSync = (...args) => {
        const text = readFileSync(...args);
        if (typeof args[0] === 'number') read += text.length;
        return text;
      };
      syncBuiltinESMExports();
      const bytes = () => {
        const before = read;
        read = 0;
        return before;
      };
      const start = ${start};
      const change = ${JSON.stringify({ intent, before: {}, account })};
      const history = new History(${JSON.stringify(folder)}, {}, () => start);
      ${work}`).ended;
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  test('is read only at its end, even with 600 MB, and stays unchanged', async () => {
    const { folder, history, others, begin, fill, rotated } = record();
    const old = 600 * mebibyte;
    fill(old);
    const last = 'last';
    appendFileSync(history.file, doneLines(last, start - hour));
    const { size } = statSync(history.file);
    const few = 5 * mebibyte;
    const results = await printed(
      folder,
      `const results = [];
      const report = (changes) => results.push([changes.map(({ id }) => id), bytes()]);
      report(history.open());
      report(history.since(start - 24 * ${hour}));
      report(history.newest(3));
      for (let turn = 0; turn < 3; turn += 1) {
        await history.settle(await history.begin(change), { outcome: 'applied', by: 'answer', ids: [] });
        report([]);
      }
      report(history.open());
      report(history.since(start - 24 * ${hour}).slice(0, 1));
      report(history.newest(4).slice(0, 1));
      console.log(JSON.stringify(results));`,
    );
    const bytes = expect.toSatisfy((read: number) => read < few, `less than ${few}`);
    const little = expect.toSatisfy((read: number) => read < 1000, 'next to nothing');
    expect(results).toEqual([
      [[], bytes],
      [[last], bytes],
      [['old-198', 'old-199', last], bytes],
      [[], bytes],
      [[], little],
      [[], little],
      [[], little],
      [[last], bytes],
      [[last], bytes],
    ]);
    expect(rotated()).toHaveLength(1);
    for (let turn = 0; turn < 6; turn += 1) {
      fill();
      await history.settle(await begin(), applied);
    }
    // Only its end was ever read, so it may contain unknown open changes.
    expect(statSync(join(folder, rotated()[0] ?? '')).size).toBe(size);
    expect(rotated()).toHaveLength(6);
    expect(others().open()).toEqual([]);
  });

  test('is read on from where the last call stopped, any number of times', async () => {
    const { folder, history, begin, fill } = record();
    fill(mebibyte);
    await history.settle(await begin(), applied);
    const results = await printed(
      folder,
      `const results = [];
      const other = new History(${JSON.stringify(folder)}, {}, () => start);
      const report = () => {
        bytes();
        const { length } = history.since(start - 24 * ${hour});
        results.push([length, bytes()]);
      };
      report();
      for (let turn = 0; turn < 100; turn += 1) report();
      const id = await other.begin(change);
      report();
      report();
      await other.settle(id, { outcome: 'applied', by: 'answer', ids: [] });
      report();
      console.log(JSON.stringify(results));`,
    );
    const some = expect.toSatisfy((read: number) => read > 0 && read < 2000, 'the new lines');
    const all = expect.toSatisfy((read: number) => read > 10_000, 'the end');
    expect(results).toEqual([[1, all], ...Array(100).fill([1, 0]), [2, some], [2, 0], [2, some]]);
  });

  test('shows a line that was being written once it is complete', async () => {
    const { history, others, begin } = record();
    await begin();
    const reader = others();
    const [line = ''] = doneLines('new', start).split('\n');
    appendFileSync(history.file, line.slice(0, 50));
    expect(reader.since(start)).toHaveLength(1);
    appendFileSync(history.file, line.slice(50));
    expect(reader.since(start)).toHaveLength(2);
    appendFileSync(history.file, '\n');
    expect(reader.since(start)).toHaveLength(2);
    await begin();
    expect(reader.since(start)).toHaveLength(3);
  });

  test('is read again if it was replaced by another one', async () => {
    const { history, others, begin } = record();
    await begin();
    const reader = others();
    expect(reader.since(start)).toHaveLength(1);
    const lines = ['a', 'b', 'c'].map((id) => doneLines(id, start));
    writeFileSync(history.file, lines.join(''));
    expect(reader.since(start)).toHaveLength(3);
    expect(idsIn(reader.since(start))).not.toContain(idsIn(others().open())[0]);
  });

  test('accepts the long lines of version 0.1, and skips invalid lines', () => {
    const { folder, history, others } = record();
    const ids = Array.from({ length: 20_000 }, (_, at) => `0123abcd-0000-4000-8000-${String(at).padStart(12, '0')}`);
    const process = { machine: '0123456789ab', pid: 1, started: '1' };
    const lines = ['a', 'b', 'c'].map((id) =>
      JSON.stringify({ id, at: new Date(start).toISOString(), process, intent, before: { ids }, account }),
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(history.file, [lines[0], '\0'.repeat(70 * mebibyte), lines[1], lines[2], ''].join('\n'), {
      mode: 0o600,
    });
    for (const read of [others().since(start), others().newest(3)]) {
      expect(idsIn(read)).toEqual(['a', 'b', 'c']);
      for (const { before } of read) expect(before.ids).toHaveLength(20_000);
    }
    expect(idsIn(others().newest(2))).toEqual(['b', 'c']);
  });

  test('returns the newest matching changes, oldest first', async () => {
    const { history, others } = record();
    const ids: string[] = [];
    for (let at = 0; at < 600; at++) {
      const id = await history.begin({ intent: { action: 'delete-key', id: `key-${at}` }, before: {}, account });
      if (at % 200 === 0) await history.settle(id, unknown);
      ids.push(id);
    }
    expect(idsIn(others().newest(5))).toEqual(ids.slice(-5));
    expect(idsIn(others().newest(2, ({ settled }) => settled !== undefined))).toEqual([ids[200], ids[400]]);
    expect(idsIn(others().newest(9, ({ settled }) => settled !== undefined))).toHaveLength(3);
    expect(others().newest(0)).toEqual([]);
    expect(idsIn(others().newest(Number.POSITIVE_INFINITY))).toEqual(ids);
    expect(others().newest(5, ({ account: { id } }) => id === 'other')).toEqual([]);
  });
});
