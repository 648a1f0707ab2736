import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { redacted } from '../../../src/domain/secrets.ts';
import { isAbandoned, isOpen, isUnderWay, type RecordedChange, type Settled } from '../../../src/state/change-log.ts';
import { thisProcess } from '../../../src/state/process.ts';
import { driving, strange } from '../../support/odd-texts.ts';
import type { Kind } from './contract.ts';
import { account, clockImprecision, creating, everyChange, idsIn, laterMoment, namesIn, settledAs } from './samples.ts';

/** Texts that JSON, UTF-8 or a database can't hold without care. */
const oddTexts: readonly string[] = [
  ...driving,
  ...strange,
  '\0',
  'a\0b',
  '\\u0000',
  '\\\\u0000',
  '\ud800',
  'high \udbff and low \udc00 alone',
  '\udc00\ud800',
  '\uffff\ufffe',
  "'; drop schema public; --",
  '$1 $2 ?',
  '{"a":1}',
  'é'.repeat(1000),
];

/** Removes what depends on the time and on the kind of state. */
function whatIsRecorded({ id, intent, before, account: of, process, settled }: RecordedChange) {
  const { at: _, ...outcome } = settled ?? {};
  return { id, intent, before, account: of, process, ...(settled && { settled: outcome }) };
}

/** Tests the record of changes. */
export function testChanges({ place, differs }: Kind): void {
  describe('a recorded change', () => {
    test('is read by every process as it was recorded, with its outcome', async () => {
      const shared = await place();
      const [one, other] = [shared.open(), shared.open()];
      const ids: string[] = [];
      for (const change of everyChange) ids.push(await one.changes.begin(change));
      const settled: Settled = { outcome: 'applied', by: 'look', ids: ['made'], code: 'timeout', charge: 89.76 };
      for (const id of ids) await one.changes.settle(id, settled);
      const expected = everyChange.map((change, at) => ({ id: ids[at], process: thisProcess(), ...change, settled }));
      for (const { changes } of [one, other]) {
        expect((await changes.newest(100)).map(whatIsRecorded)).toEqual(expected);
        expect((await changes.since(0)).map(whatIsRecorded)).toEqual(expected);
        expect(await changes.open()).toEqual([]);
      }
      expect(new Set(ids).size).toBe(everyChange.length);
    });

    test('has the times at which it began, its request left, and its outcome was found', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const start = performance.now();
      const times = [Date.now()];
      const id = await changes.begin(creating('a'));
      times.push(await laterMoment());
      await changes.sent(id);
      times.push(await laterMoment());
      await changes.settle(id, settledAs('applied'));
      times.push(await laterMoment());
      const [change] = await shared.open().changes.newest(1);
      const found = [change?.at, change?.sentAt, change?.settled?.at].map((at) => Date.parse(at ?? ''));
      const imprecision = clockImprecision(performance.now() - start);
      // In the record, times have whole milliseconds.
      found.forEach((at, index) => {
        expect(at).toBeGreaterThanOrEqual(times[index] ?? Number.NaN);
        expect(at).toBeLessThanOrEqual((times[index + 1] ?? Number.NaN) + imprecision);
      });
    });

    test('says who made it if several machines share the record', async () => {
      const shared = await place();
      await shared.open().changes.begin(creating('a'));
      const [change] = await shared.open().changes.open();
      expect(change?.isRunning).toBe(differs.saysWho ? true : undefined);
      if (differs.saysWho) expect(change?.by).toMatch(new RegExp(`(?:^| on )${hostname()}$`));
      else expect(change?.by).toBeUndefined();
    });

    test('is under way as long as its process runs', async () => {
      const shared = await place();
      await shared.open().changes.begin(creating('a'));
      const [change] = await shared.open().changes.open();
      expect(change && [isUnderWay(change), isAbandoned(change), isOpen(change)]).toEqual([true, false, false]);
    });

    test.each(['without an outcome', 'with an unknown outcome'])(
      'can be continued %s by another process after its own has ended, as a claim is',
      async (which) => {
        const shared = await place();
        const one = shared.open();
        const id = await one.changes.begin(creating('a'));
        if (which === 'with an unknown outcome') await one.changes.settle(id, settledAs('unknown'));
        await one.close();
        const other = shared.open();
        await other.changes.sent(id);
        await other.changes.begin(creating('b'));
        await other.changes.settle(id, settledAs('applied'));
        const [continued] = await shared.open().changes.newest(2);
        expect(continued).toMatchObject({ id, sentAt: expect.any(String), settled: { outcome: 'applied' } });
      },
    );

    test('is recorded without secrets', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const secrets = [
        'sk_live_0123456789abcdefghij',
        'mk_0123456789abcdefghij',
        'postgres://ada:hunter22@db.example/state',
        'TOKEN=hunter22hunter22',
      ];
      const id = await changes.begin({ ...creating(secrets.join(' '), { ids: secrets }), account });
      await changes.settle(id, { ...settledAs('applied', secrets), code: 'mk_0123456789abcdefghij' });
      const [change] = await shared.open().changes.newest(1);
      expect(change && whatIsRecorded(change)).toMatchObject({
        intent: { name: redacted(secrets.join(' ')) },
        before: { ids: secrets.map(redacted) },
        settled: { ids: secrets.map(redacted), code: 'mk_…ghij' },
      });
      expect(JSON.stringify(change)).not.toMatch(/0123456789abcdefgh|hunter22/);
    });

    test('holds odd texts', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const ids = await Promise.all(
        oddTexts.map((text) => changes.begin(creating(text, { ids: [text], plans: text }))),
      );
      await Promise.all(ids.map((id, at) => changes.settle(id, settledAs('unknown', [oddTexts[at] ?? '']))));
      const read = new Map((await shared.open().changes.open()).map((change) => [change.id, change]));
      for (const [at, text] of oddTexts.entries()) {
        const { intent, before, settled } = read.get(ids[at] ?? '') ?? {};
        expect({ intent, before, ids: settled?.ids }, JSON.stringify(text)).toEqual({
          intent: { action: 'create-key', type: 'credit', name: text },
          before: { ids: [text], plans: text },
          ids: [text],
        });
      }
    });

    test('holds thousands of ids and very long texts while it is open', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const many = Array.from({ length: 5000 }, (_, at) => `${at}-0000-4000-8000-000000000000`);
      const long = 'long '.repeat(20_000);
      const change = creating(long, { ids: many, plans: long });
      const id = await changes.begin(change);
      const { intent, before } = change;
      expect(await shared.open().changes.open()).toMatchObject([{ id, intent, before }]);
      await changes.settle(id, settledAs('unknown'));
      expect(await shared.open().changes.open()).toMatchObject([{ id, intent, before }]);
      expect(await shared.open().changes.newest(1)).toMatchObject([{ id, intent, before }]);
      await changes.settle(id, settledAs('applied', many));
      const [settled] = await shared.open().changes.newest(1);
      expect(settled?.settled?.outcome).toBe('applied');
      expect(settled?.intent).toEqual(
        differs.keepsAll ? intent : { ...intent, name: expect.stringMatching(/^long long .*…#[0-9a-f]{16}$/) },
      );
      expect(settled?.before.ids).toEqual(differs.keepsAll ? many : undefined);
      expect(settled?.lacksBefore).toBe(differs.keepsAll ? undefined : true);
    });
  });

  describe('the outcome of a change', () => {
    const [applied, notApplied, unknown] = [settledAs('applied'), settledAs('not_applied'), settledAs('unknown')];

    test.each<[string, readonly Settled[], Settled['outcome']]>([
      ['replaces an unknown one', [unknown, applied], 'applied'],
      ['replaces an unknown one by another', [unknown, notApplied], 'not_applied'],
      ['stays if it is final and is unknown later', [notApplied, unknown], 'not_applied'],
      ['stays applied if it is unknown later', [applied, unknown], 'applied'],
      ['stays applied if another process finds it not applied', [applied, notApplied], 'applied'],
      ['becomes applied if another process finds it', [notApplied, applied], 'applied'],
      ['stays applied after everything', [unknown, applied, notApplied, unknown], 'applied'],
    ])('%s', async (_, outcomes, expected) => {
      const shared = await place();
      const states = [shared.open(), shared.open()];
      const id = await shared.open().changes.begin(creating('a'));
      for (const [at, settled] of outcomes.entries()) await states[at % 2]?.changes.settle(id, settled);
      expect(await shared.open().changes.newest(1)).toMatchObject([{ id, settled: { outcome: expected } }]);
      expect(await shared.open().changes.open()).toEqual([]);
    });

    test.each([
      ['unknown first', [unknown, settledAs('applied', ['k'])]],
      ['unknown last', [settledAs('applied', ['k']), unknown]],
      ['not applied in between', [unknown, notApplied, settledAs('applied', ['k'])]],
    ])('is the final one of several in the same moment: %s', async (_, outcomes) => {
      const shared = await place();
      const { changes } = shared.open();
      const id = await changes.begin(creating('a'));
      await Promise.all(outcomes.map((settled) => changes.settle(id, settled)));
      expect(await shared.open().changes.newest(1)).toMatchObject([
        { id, settled: { outcome: 'applied', ids: ['k'] } },
      ]);
    });

    test('is the last one of two that say applied', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const id = await changes.begin(creating('a'));
      await changes.settle(id, { ...settledAs('applied'), code: 'timeout', charge: 5 });
      await shared.open().changes.settle(id, { outcome: 'applied', by: 'later', ids: ['k'] });
      const [change] = await changes.newest(1);
      expect(change && whatIsRecorded(change).settled).toEqual({ outcome: 'applied', by: 'later', ids: ['k'] });
    });

    test('keeps the change open while it is unknown, except for a raw request', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const id = await changes.begin(creating('a'));
      const raw = await changes.begin({ intent: { action: 'api', method: 'POST', path: '/' }, before: {}, account });
      for (const each of [id, raw]) await changes.settle(each, unknown);
      expect(idsIn((await shared.open().changes.open()).filter(isOpen))).toEqual([id]);
    });

    test('of a change that nobody recorded is ignored', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const id = await changes.begin(creating('a'));
      await changes.settle('0123456789ab', applied);
      expect(idsIn(await shared.open().changes.newest(10))).toEqual([id]);
    });
  });

  describe('the record', () => {
    test('is empty at first', async () => {
      const { changes } = (await place()).open();
      expect([await changes.open(), await changes.since(0), await changes.newest(10)]).toEqual([[], [], []]);
      expect((await changes.mark()) !== undefined).toBe(differs.hasMarkWhenEmpty);
    });

    test('is in the order in which changes began', async () => {
      const shared = await place();
      const states = [shared.open(), shared.open(), shared.open()];
      const ids: string[] = [];
      for (let turn = 0; turn < 9; turn++) {
        ids.push((await states[turn % 3]?.changes.begin(creating(`k${turn}`))) ?? '');
        await laterMoment();
      }
      // The order of their outcomes doesn't matter.
      for (const id of [...ids].reverse()) await states[0]?.changes.settle(id, settledAs('unknown'));
      for (const { changes } of states) {
        expect(idsIn(await changes.open())).toEqual(ids);
        expect(idsIn(await changes.since(0))).toEqual(ids);
        expect(idsIn(await changes.newest(9))).toEqual(ids);
      }
    });

    test('returns the newest changes, as many as asked for', async () => {
      const shared = await place();
      const names = Array.from({ length: 450 }, (_, at) => `k${at}`);
      const { changes } = shared.open();
      for (let at = 0; at < names.length; at += 50) {
        await Promise.all(names.slice(at, at + 50).map((name) => changes.begin(creating(name))));
        await laterMoment();
      }
      const other = shared.open().changes;
      for (const limit of [0, 1, 199, 200, 201, 450, 1000, Infinity])
        expect(namesIn(await other.newest(limit)), String(limit)).toEqual(limit === 0 ? [] : names.slice(-limit));
      const isTenth = ({ intent }: RecordedChange) => intent.action === 'create-key' && /0$/.test(intent.name ?? '');
      const tenths = names.filter((name) => name.endsWith('0'));
      for (const limit of [0, 1, 40, 45, 100])
        expect(namesIn(await other.newest(limit, isTenth)), String(limit)).toEqual(
          limit === 0 ? [] : tenths.slice(-limit),
        );
      expect(await other.newest(1, () => false)).toEqual([]);
    });

    test('returns what was begun, sent or settled since a moment', async () => {
      const shared = await place();
      const { changes } = shared.open();
      const [begun, sent, settled] = [
        await changes.begin(creating('begun')),
        await changes.begin(creating('sent')),
        await changes.begin(creating('settled')),
      ];
      const moments = [await laterMoment()];
      await changes.sent(sent);
      moments.push(await laterMoment());
      await changes.settle(settled, settledAs('applied'));
      moments.push(await laterMoment());
      const later = await changes.begin(creating('later'));
      const expected = [[sent, settled, later], [settled, later], [later], []];
      moments.push(await laterMoment());
      for (const [at, moment] of moments.entries())
        expect(idsIn(await shared.open().changes.since(moment)), String(at)).toEqual(expected[at]);
      expect(idsIn(await changes.since(-1))).toEqual([begun, sent, settled, later]);
      expect(await changes.since(Date.now() + 3_600_000)).toEqual([]);
    });

    test('has another mark exactly when somebody records something', async () => {
      const shared = await place();
      const [one, other] = [shared.open().changes, shared.open().changes];
      const marks = [await other.mark()];
      const isNew = async () => {
        const mark = await other.mark();
        expect(mark).toBeDefined();
        expect(await one.mark()).toBe(mark);
        await other.open();
        await other.newest(10);
        expect(await other.mark()).toBe(mark);
        expect(marks).not.toContain(mark);
        marks.push(mark);
      };
      const id = await one.begin(creating('a'));
      await isNew();
      await one.sent(id);
      await isNew();
      await one.settle(id, settledAs('unknown'));
      await isNew();
      await other.settle(id, settledAs('applied'));
      await isNew();
      await one.begin(creating('b'));
      await isNew();
    });

    test('takes many changes and outcomes at the same moment', async () => {
      const shared = await place();
      const states = [shared.open(), shared.open(), shared.open()];
      const names = Array.from({ length: 120 }, (_, at) => `k${at}`);
      const ids = await Promise.all(
        names.map((name, at) => (states[at % 3] ?? shared.open()).changes.begin(creating(name, { ids: [name] }))),
      );
      expect(new Set(ids).size).toBe(120);
      const found = await shared.open().changes.open();
      expect(new Map(found.map(({ id, before }) => [id, before.ids]))).toEqual(
        new Map(ids.map((id, at) => [id, [names[at]]])),
      );
      // Those of one process are in their order.
      for (const [at] of states.entries()) {
        const own = ids.filter((_, index) => index % 3 === at);
        expect(idsIn(found).filter((id) => own.includes(id))).toEqual(own);
      }
      const outcomes = ['applied', 'not_applied', 'unknown'] as const;
      await Promise.all(
        ids.map((id, at) =>
          states[at % 3]?.changes.settle(id, settledAs(outcomes[at % 4] ?? 'applied', [`made-${at}`])),
        ),
      );
      const settled = new Map((await shared.open().changes.newest(200)).map((change) => [change.id, change.settled]));
      for (const [at, id] of ids.entries())
        expect(settled.get(id)).toMatchObject({ outcome: outcomes[at % 4] ?? 'applied', ids: [`made-${at}`] });
      expect(idsIn(await shared.open().changes.open()).sort()).toEqual(ids.filter((_, at) => at % 4 === 2).sort());
    });
  });
}
