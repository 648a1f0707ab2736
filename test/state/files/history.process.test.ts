import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Before, Intent } from '../../../src/domain/reconcile.ts';
import { changesToFind, isAbandoned, isOpen, type RecordedChange } from '../../../src/state/change-log.ts';
import { History } from '../../../src/state/files/history.ts';
import { thisProcess } from '../../../src/state/process.ts';
import { children } from '../../support/children.ts';
import { emptyFolder } from '../../support/folder.ts';

const child = children('src/state/files/history.ts');

const start = Date.UTC(2026, 3, 14, 9);
const account = { id: '0123456789abcdef', label: 'mk_…cdef (profile "default") at api.example' };
const intent: Intent = {
  action: 'subscribe',
  pool: 'kimi26',
  blocks: ['asia', 'europe'],
  quantity: 2,
  billingCycle: 'year',
  charge: 897.6,
};

function record(folder = join(emptyFolder(), 'state')) {
  let now = start;
  const history = new History(folder, {}, () => now);
  const begin = (what: Intent = intent, before: Before = {}) => history.begin({ intent: what, before, account });
  return {
    folder,
    history,
    begin,
    text: () => readFileSync(history.file, 'utf8'),
    advance(milliseconds: number) {
      now += milliseconds;
    },
  };
}

function idsIn(changes: readonly RecordedChange[]): string[] {
  return changes.map(({ id }) => id);
}

describe('a recorded change', () => {
  const every: readonly [Intent, Before][] = [
    [intent, { ids: ['a', 'b'] }],
    [{ ...intent, charge: undefined }, {}],
    [{ action: 'create-key', type: 'subscription' }, { ids: [] }],
    [{ action: 'create-key', type: 'credit', name: 'Zoë’s "key"\n\u2028' }, { ids: ['k'] }],
    [{ action: 'create-key', type: 'subscription', name: 'prod', subscriptionId: 's' }, {}],
    [{ action: 'delete-key', id: 'k', name: 'prod' }, {}],
    [{ action: 'cancel', pool: 'kimi26', subscription: 's' }, { ending: ['t'] }],
    [{ action: 'topup', amount: 50.5, method: 'usdc' }, {}],
    [{ action: 'verify', txHash: `0x${'ab'.repeat(32)}`, amount: 50 }, { toppedUp: 12.34 }],
    [{ action: 'card' }, {}],
    [{ action: 'checkout-plan', plan: 'pro' }, {}],
    [{ action: 'subscribe-plan', plan: 'pro' }, { plans: '{"plan":null}' }],
    [{ action: 'cancel-plan', subscription: 'sub_1' }, {}],
    [{ action: 'api', method: 'POST', path: '/api/keys/credit' }, {}],
  ];

  test('is read as it was written, with its outcome', async () => {
    const { history, begin, advance } = record();
    const ids: string[] = [];
    for (const [what, before] of every) ids.push(await begin(what, before));
    advance(1500);
    for (const id of ids) await history.settle(id, { outcome: 'applied', by: 'answer', ids: ['made'] });
    expect(new Set(ids).size).toBe(every.length);
    expect(history.newest(Infinity)).toEqual(
      every.map(([what, before], at) => ({
        id: ids[at],
        at: '2026-04-14T09:00:00.000Z',
        intent: JSON.parse(JSON.stringify(what)),
        before,
        account,
        process: thisProcess(),
        settled: { at: '2026-04-14T09:00:01.500Z', outcome: 'applied', by: 'answer', ids: ['made'] },
      })),
    );
    expect(history.since(0)).toEqual(history.newest(Infinity));
  });

  test('is a line of JSON for each event, in order', async () => {
    const { history, begin, text } = record();
    const first = await begin({ action: 'card' });
    const second = await begin({ action: 'delete-key', id: 'k' });
    await history.settle(second, { outcome: 'unknown', by: 'look', ids: [], code: 'outcome_unknown' });
    await history.settle(first, { outcome: 'not_applied', by: 'answer', ids: [], code: 'server_error' });
    const lines = text().split('\n');
    expect(lines.pop()).toBe('');
    const at = '2026-04-14T09:00:00.000Z';
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { id: first, at, process: thisProcess(), intent: { action: 'card' }, before: {}, account },
      { id: second, at, process: thisProcess(), intent: { action: 'delete-key', id: 'k' }, before: {}, account },
      { id: second, at, outcome: 'unknown', by: 'look', ids: [], code: 'outcome_unknown' },
      { id: first, at, outcome: 'not_applied', by: 'answer', ids: [], code: 'server_error' },
    ]);
  });

  test('can be settled again, and the last outcome counts', async () => {
    const { history, begin } = record();
    const id = await begin();
    await history.settle(id, { outcome: 'unknown', by: 'look', ids: [] });
    await history.settle(id, { outcome: 'applied', by: 'look', ids: ['s'] });
    expect(history.newest(Infinity)).toMatchObject([{ id, settled: { outcome: 'applied', ids: ['s'] } }]);
  });

  test("doesn't exist before the first change", () => {
    const { history, folder } = record();
    expect([history.newest(Infinity), history.since(0)]).toEqual([[], []]);
    expect(new History(join(folder, 'none', 'deeper'), {}, () => start).newest(Infinity)).toEqual([]);
  });
});

describe('redaction', () => {
  const key = 'sk_live_0123456789abcdefghijklmnopqrstuv';
  const managementKey = 'mk_0123456789abcdefghijklmnopqrstuv';

  test.each<[string, Intent]>([
    ['a name that is a key', { action: 'create-key', type: 'credit', name: key }],
    ['a name that contains a key', { action: 'delete-key', id: 'k', name: `was ${managementKey}, old` }],
    ['a path that contains a key', { action: 'api', method: 'POST', path: `/api/keys/${key}/rotate` }],
    ['a query that contains a key', { action: 'api', method: 'POST', path: `/api/x?key=${managementKey}&v=1` }],
    ['a query that contains it escaped', { action: 'api', method: 'POST', path: `/api/x?h=Bearer%20${managementKey}` }],
    ['a header in a name', { action: 'create-key', type: 'credit', name: `Authorization: Bearer ${key}` }],
  ])('masks %s', async (_what, secretive) => {
    const { history, begin, text } = record();
    const id = await begin(secretive);
    expect(text()).not.toMatch(/0123456789abcdef(?=g)|ghijklmnopq/);
    expect(history.newest(Infinity)).toMatchObject([{ id, intent: { action: secretive.action } }]);
  });
});

test.each([`TOKEN='abc`, 'PASSWORD="', '{"apiKey":"', 'authorization: Bearer \\', 'https://ada:'])(
  'keeps the line readable if a name looks like the start of a secret: %j',
  async (name) => {
    const { history, begin } = record();
    const ids = [await begin({ action: 'create-key', type: 'credit', name }), await begin({ action: 'card' })];
    expect(history.newest(Infinity).map(({ id }) => id)).toEqual(ids);
  },
);

describe('the file of the record', () => {
  test('is accessible only to its owner, as is its folder', async () => {
    const { history, begin, folder } = record(join(emptyFolder(), 'not', 'there'));
    await begin();
    expect(statSync(history.file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['history.jsonl', 'open']);
    const open = join(folder, 'open');
    expect(statSync(open).mode & 0o777).toBe(0o700);
    expect(readdirSync(open).map((name) => statSync(join(open, name)).mode & 0o777)).toEqual([0o600]);
  });

  test('is so whatever the umask is', async () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const script = `
      import { History } from './module.mjs';
      await new History(${JSON.stringify(folder)}, {}, Date.now).begin(${JSON.stringify({ intent, before: {}, account })});`;
    expect(await child(script, { shell: 'umask 0; exec "$@"' }).ended).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(join(folder, 'history.jsonl')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, '..')).mode & 0o777).toBe(0o700);
  });

  test.each([0o644, 0o640, 0o604])('is closed again if others could read it (%o)', async (mode) => {
    const { history, begin } = record();
    await begin();
    chmodSync(history.file, mode);
    await begin();
    expect(statSync(history.file).mode & 0o777).toBe(0o600);
    expect(history.newest(Infinity)).toHaveLength(2);
  });

  test("is reported if it can't be written, before anything is sent", async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    const { begin } = record(join(folder, 'file', 'state'));
    await expect(begin()).rejects.toThrowError(
      expect.objectContaining({
        code: 'file_error',
        outcome: 'not_applied',
        hint: expect.stringContaining('Nothing was sent'),
      }),
    );
  });

  test("is reported if it can't be read, and doesn't count as empty", () => {
    const { history } = record();
    mkdirSync(history.file, { recursive: true });
    expect(() => history.newest(Infinity)).toThrowError(expect.objectContaining({ code: 'file_error' }));
  });

  test.each<[string, string, (file: string, target: string) => void]>([
    ['a symbolic link', 'history.jsonl is a symbolic link', (file, target) => symlinkSync(target, file)],
    ['a hard link to another file', 'has 2 hard links', (file, target) => linkSync(target, file)],
    ['a file that others can write', 'Other users can write to', (file) => writeFileSync(file, '', { mode: 0o666 })],
    ['a folder', 'is not a regular file', (file) => mkdirSync(file)],
  ])('is refused if it is %s, and nothing is written', async (_what, reason, make) => {
    const { history, begin, folder } = record();
    mkdirSync(folder);
    const target = join(emptyFolder(), 'elsewhere');
    writeFileSync(target, 'mine\n');
    make(history.file, target);
    if (reason.startsWith('Other users')) chmodSync(history.file, 0o666);
    await expect(begin()).rejects.toThrowError(
      expect.objectContaining({
        code: 'file_error',
        outcome: 'not_applied',
        message: expect.stringMatching(new RegExp(`^Can't record the change: .*${history.file}`)),
      }),
    );
    await expect(begin()).rejects.toThrowError(new RegExp(reason, 'i'));
    expect(readFileSync(target, 'utf8')).toBe('mine\n');
    expect(readdirSync(folder)).toEqual(['history.jsonl']);
  });
});

describe('a damaged record', () => {
  test('loses only an incomplete line at its end', async () => {
    const { history, begin, text } = record();
    const kept = await begin();
    const torn = await begin();
    truncateSync(history.file, Buffer.byteLength(text()) - 20);
    expect(idsIn(history.newest(Infinity))).toEqual([kept]);
    const next = await begin();
    expect(idsIn(history.newest(Infinity))).toEqual([kept, next]);
    await history.settle(next, { outcome: 'applied', by: 'answer', ids: [] });
    expect(history.newest(Infinity).at(-1)).toMatchObject({ id: next, settled: { outcome: 'applied' } });
    expect(text()).not.toContain('\n\n');
    expect(text()).toContain(torn);
  });

  test('loses only a line that is cut within a character', async () => {
    const { history, begin, text } = record();
    await begin({ action: 'create-key', type: 'credit', name: 'Zoë' });
    const at = Buffer.from(text()).indexOf(Buffer.from('ë'));
    truncateSync(history.file, at + 1);
    const next = await begin();
    expect(idsIn(history.newest(Infinity))).toEqual([next]);
  });

  test.each([
    ['text that is not JSON', 'garbage'],
    ['an empty line', ''],
    ['null bytes, as after a crash', '\0'.repeat(200)],
    ['a number', '7'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a line of another program', '{"level":"info","msg":"hello"}'],
    ['an action of a later version', '{"id":"x","at":"2026-04-14T09:00:00.000Z","intent":{"action":"renew"}}'],
    ['an invalid time', '{"id":"x","at":"yesterday","outcome":"applied","by":"answer","ids":[]}'],
    [
      'the end of a change that is not there',
      '{"id":"x","at":"2026-04-14T09:00:00.000Z","outcome":"applied","by":"answer","ids":[]}',
    ],
    ['an invalid outcome', '{"id":"x","at":"2026-04-14T09:00:00.000Z","outcome":"maybe","by":"answer","ids":[]}'],
    [
      'a name that objects have',
      '{"id":"__proto__","at":"2026-04-14T09:00:00.000Z","outcome":"applied","by":"answer","ids":[]}',
    ],
  ])('is read around %s in a line', async (_what, line) => {
    const { history, begin } = record();
    const before = await begin();
    appendFileSync(history.file, `${line}\n`);
    const after = await begin();
    expect(idsIn(history.newest(Infinity))).toEqual([before, after]);
  });

  test('loses only the cut-off line before a whole one', async () => {
    const { history, begin, text } = record();
    const first = await begin();
    const line = text();
    writeFileSync(history.file, `${line}${line.slice(0, 100)}${line.replace(first, 'abcdefabcdef')}`);
    expect(idsIn(history.newest(Infinity))).toEqual([first, 'abcdefabcdef']);
  });

  test("loses only a line that another process didn't finish", async () => {
    const { history, begin } = record();
    const first = await begin();
    appendFileSync(history.file, '{"id":"half');
    const second = await begin();
    expect(idsIn(history.newest(Infinity))).toEqual([first, second]);
  });
});

test('ignores what a later version adds', async () => {
  const { history, begin, text } = record();
  const id = await begin();
  await history.settle(id, { outcome: 'applied', by: 'answer', ids: ['s'] });
  const later = text()
    .trim()
    .split('\n')
    .map((line) => JSON.stringify({ ...JSON.parse(line), introducedLater: { deep: [1] } }))
    .join('\n')
    .replace('"pool":', '"introducedLater":true,"pool":');
  writeFileSync(history.file, `${later}\n`);
  expect(history.newest(Infinity)).toMatchObject([
    { id, intent: { pool: 'kimi26' }, settled: { outcome: 'applied', ids: ['s'] } },
  ]);
});

describe('many processes', () => {
  test('record at once without losing a line', async () => {
    const folder = join(emptyFolder(), 'state');
    const script = `
      import { History } from './module.mjs';
      const history = new History(${JSON.stringify(folder)}, {}, Date.now);
      const change = ${JSON.stringify({ intent, before: { ids: Array.from({ length: 40 }, (_, at) => `subscription-${at}`) }, account })};
      for (let turn = 0; turn < 10; turn += 1) {
        const id = await history.begin(change);
        await history.settle(id, { outcome: 'applied', by: 'answer', ids: [process.pid + '-' + turn] });
        console.log(id);
      }`;
    const ends = await Promise.all(Array.from({ length: 20 }, () => child(script).ended));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(Array(20).fill([0, '']));
    const printed = ends.flatMap(({ stdout }) => stdout.trim().split('\n'));
    const { history } = record(folder);
    const all = history.newest(Infinity);
    expect(new Set(printed).size).toBe(200);
    expect(new Set(idsIn(all))).toEqual(new Set(printed));
    expect(new Set(all.flatMap(({ settled }) => settled?.ids ?? [])).size).toBe(200);
    // A line that another process was writing may look cut off. Then an empty line follows it.
    expect(readFileSync(history.file, 'utf8').split(/\n+/).filter(Boolean)).toHaveLength(400);
  });

  test('leave a change open if they are killed, and not while they are working', async () => {
    const folder = join(emptyFolder(), 'state');
    const other = child(`
      import { History } from './module.mjs';
      const history = new History(${JSON.stringify(folder)}, {}, Date.now);
      console.log('began ' + await history.begin(${JSON.stringify({ intent, before: {}, account })}));
      process.stdin.resume();`);
    await other.says('began');
    const { history } = record(folder);
    const [working] = history.newest(Infinity);
    if (!working) throw new Error('nothing is recorded');
    expect([isAbandoned(working), isOpen(working)]).toEqual([false, false]);
    other.kill('SIGKILL');
    await other.ended;
    expect([isAbandoned(working), isOpen(working)]).toEqual([true, true]);
    expect(await changesToFind({ open: async () => history.open() })).toEqual([working]);
  });

  test('leave none to find if they record the outcome and end while another one reads the record', async () => {
    const folder = join(emptyFolder(), 'state');
    const other = child(`
      import { History } from './module.mjs';
      const history = new History(${JSON.stringify(folder)}, {}, Date.now);
      const id = await history.begin(${JSON.stringify({ intent, before: {}, account })});
      process.stdin.resume().on('end', () => history.settle(id, { outcome: 'applied', by: 'answer', ids: [] }));
      console.log('began');`);
    await other.says('began');
    const { history } = record(folder);
    const read: number[] = [];
    const open = async () => {
      const changes = history.open();
      read.push(changes.length);
      other.release();
      await other.ended;
      return changes;
    };
    expect(await changesToFind({ open })).toEqual([]);
    expect(read).toEqual([1, 0]);
  });
});

describe('a change', () => {
  const base = { id: 'x', at: '2026-04-14T09:00:00.000Z', intent, before: {}, account, process: thisProcess() };
  const settled = (outcome: 'applied' | 'not_applied' | 'unknown') =>
    ({ outcome, by: 'look', ids: [], at: '2026-04-14T09:00:00.000Z' }) as const;
  const elsewhere = { machine: '0123456789ab', pid: 1, started: '' };

  test.each<[string, RecordedChange, boolean, boolean]>([
    ['not while its process is working', base, false, false],
    ['if its process has ended', { ...base, process: { ...base.process, started: '1' } }, true, true],
    ['if its process is on another machine', { ...base, process: elsewhere }, true, true],
    ['if its outcome is unknown', { ...base, settled: settled('unknown') }, false, true],
    ['not if it was applied', { ...base, process: elsewhere, settled: settled('applied') }, false, false],
    ['not if it was not applied', { ...base, process: elsewhere, settled: settled('not_applied') }, false, false],
  ])('is open or not: %s', (_when, change, leftBehind, open) => {
    expect([isAbandoned(change), isOpen(change)]).toEqual([leftBehind, open]);
  });
});
