import { describe, expect, test } from 'vitest';
import type { SeatReport } from '../../src/gateway/scheduler.ts';
import { hour, minute, outcome, SchedulerBench, seat, second } from './scheduler-bench.ts';

const nine = Date.UTC(2026, 3, 14, 9);

describe('a request', () => {
  test('gets a free seat at once, and ends when it is released', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    expect(first.turns).toEqual([{ kind: 'seat', seat: seat('a') }]);
    expect(first.ticket).toMatchObject({ state: 'running', seat: seat('a'), position: 0, expectedWait: 0 });
    expect(bench.scheduler.seats()).toEqual([
      { seat: seat('a'), state: 'busy', current: first.ticket, opensAt: undefined },
    ]);
    bench.release(first);
    expect(first.ticket).toMatchObject({ state: 'ended', seat: undefined });
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test('gets the seat that was used the longest time ago', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b'), seat('c')] });
    for (const expected of ['a', 'b', 'c', 'a', 'b']) {
      bench.pass(1);
      const request = bench.enter();
      expect(outcome(request)).toEqual([expected]);
      bench.release(request);
    }
  });

  test('waits until a seat is released, in the order of arrival', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const [first, second, third] = [bench.enter(), bench.enter(), bench.enter()];
    expect([first, second, third].map(outcome)).toEqual([['a'], [], []]);
    expect(bench.scheduler.queueLength).toBe(2);
    bench.release(first);
    expect([second, third].map(outcome)).toEqual([['a'], []]);
    bench.release(second);
    bench.release(third);
    expect(outcome(third)).toEqual(['a']);
    expect(bench.scheduler.queueLength).toBe(0);
  });

  test("gets only a seat that offers its model, and doesn't wait for those that wait for another", () => {
    const bench = new SchedulerBench({
      seats: [seat('a', { models: new Set(['kimi']) }), seat('b', { models: new Set(['glm', 'qwen']) })],
    });
    const kimi = [bench.enter('ann', 'kimi'), bench.enter('ann', 'kimi')];
    const [glm, qwen] = [bench.enter('ann', 'glm'), bench.enter('ann', 'qwen')];
    expect([...kimi, glm, qwen].map(outcome)).toEqual([['a'], [], ['b'], []]);
    expect(bench.scheduler.queueLengths()).toEqual(
      new Map([
        ['kimi', 1],
        ['qwen', 1],
      ]),
    );
    bench.release(glm);
    expect(outcome(qwen)).toEqual(['b']);
    expect(outcome(bench.enter('ann', 'other'))).toEqual(['no model']);
  });

  test('without a model gets any seat, and a seat without a list of models gets any request', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { models: new Set(['kimi']) }), seat('b')] });
    expect(outcome(bench.enter('ann'))).toEqual(['a']);
    expect(outcome(bench.enter('ann', 'anything'))).toEqual(['b']);
  });

  test('is refused without any seat', () => {
    expect(outcome(new SchedulerBench().enter())).toEqual(['no model']);
  });

  test('that leaves the queue gets no turn', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const [first, second, third] = [bench.enter(), bench.enter(), bench.enter()];
    bench.scheduler.leave(second.ticket);
    bench.scheduler.leave(second.ticket);
    expect(second.ticket.state).toBe('ended');
    bench.release(first);
    expect([second, third].map(outcome)).toEqual([[], ['a']]);
  });

  test('keeps its seat if it leaves after it got one, until it is released', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.scheduler.leave(first.ticket);
    expect(bench.states()).toEqual({ a: 'busy' });
    bench.release(first);
    bench.release(first);
    const second = bench.enter();
    bench.release(first);
    expect(bench.states()).toEqual({ a: 'busy' });
    expect(second.ticket.state).toBe('running');
  });

  test("doesn't overtake requests that wait for a seat which becomes free just now", () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.release(first, { kind: 'busy', retryAfter: second });
    const waiting = bench.enter();
    bench.pass(second);
    const late = bench.enter();
    expect([waiting, late].map(outcome)).toEqual([['a'], []]);
  });
});

describe('the queue', () => {
  test('is limited for each model', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueLimit: 2 });
    const first = bench.enter('ann', 'kimi');
    const kimi = [1, 2, 3].map(() => bench.enter('ann', 'kimi'));
    expect(kimi.map(outcome)).toEqual([[], [], ['queue full']]);
    const glm = bench.enter('ann', 'glm');
    expect(outcome(glm)).toEqual([]);
    bench.release(first);
    bench.release(glm);
    expect(outcome(bench.enter('ann', 'kimi'))).toEqual([]);
    expect(outcome(bench.enter('ann', 'kimi'))).toEqual(['queue full']);
  });

  test('of length 0 refuses what no free seat can answer', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueLimit: 0 });
    expect(['a', 'b'].map(() => outcome(bench.enter()))).toEqual([['a'], ['queue full']]);
  });

  test('lets a request that was returned in, even if it is full', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueLimit: 1 });
    const [first, second] = [bench.enter(), bench.enter()];
    bench.release(first, { kind: 'busy', retryAfter: 5000 }, true);
    expect([first, second].map(({ ticket }) => ticket.state)).toEqual(['waiting', 'waiting']);
  });

  test('ends the wait of a request after its timeout', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueTimeout: 90 * second });
    bench.enter();
    const next = bench.enter();
    bench.run(10 * second);
    const third = bench.enter();
    bench.run(80 * second - 1);
    expect(outcome(next)).toEqual([]);
    bench.run(1);
    expect(outcome(next)).toEqual(['timeout']);
    expect(outcome(third)).toEqual([]);
    bench.run(10 * second);
    expect(outcome(third)).toEqual(['timeout']);
    expect(bench.wakeAt).toBeUndefined();
  });

  test('ends the wait of a returned request after its timeout, which is before that of others', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueTimeout: 20 * second });
    const first = bench.enter();
    bench.run(15 * second);
    const late = bench.enter();
    bench.release(first, { kind: 'busy', retryAfter: minute }, true);
    bench.run(5 * second);
    expect([first, late].map(outcome)).toEqual([['a', 'timeout'], []]);
  });

  test('gives the seat to a request whose time is over at the same moment', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], queueTimeout: 5 * second });
    bench.release(bench.enter(), { kind: 'busy', retryAfter: 5 * second });
    const waiting = bench.enter();
    bench.run(5 * second);
    expect(outcome(waiting)).toEqual(['a']);
  });

  test('tells the position, and the wait that is expected', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const running = [bench.enter(), bench.enter()];
    expect(bench.enter().ticket).toMatchObject({ position: 0, expectedWait: undefined });
    bench.run(8 * second);
    for (const each of running) bench.release(each);
    bench.enter();
    expect(bench.enter().ticket).toMatchObject({ position: 0, expectedWait: 4 * second });
    expect(bench.enter().ticket).toMatchObject({ position: 1, expectedWait: 8 * second });
    expect(bench.enter('ann', 'kimi').ticket).toMatchObject({ position: 0, expectedWait: 4 * second });
  });

  test('tells the wait until the hours start', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { hours: [10] })], waitsOutside: true });
    bench.wall += 20 * minute;
    expect(bench.enter().ticket.expectedWait).toBe(40 * minute);
    bench.scheduler.update([seat('a', { hours: [] })]);
    expect(bench.enter().ticket.expectedWait).toBeUndefined();
  });

  test('learns how long a seat takes from answers only', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const times: readonly (readonly [number, SeatReport])[] = [
      [10 * second, { kind: 'answered' }],
      [99 * second, { kind: 'unused' }],
      [20 * second, { kind: 'answered' }],
    ];
    for (const [time, report] of times) {
      const request = bench.enter();
      bench.run(time);
      bench.release(request, report);
    }
    bench.enter();
    expect(bench.enter().ticket.expectedWait).toBe(12 * second);
  });
});

describe('hours', () => {
  const office = seat('a', { hours: [10, 11] });

  test('refuse a request outside all of them, with the time at which they start', () => {
    const bench = new SchedulerBench({ seats: [office, seat('b', { hours: [14] })] });
    expect(bench.enter().turns).toEqual([{ kind: 'outside hours', opensAt: nine + hour, isKnown: true }]);
    expect(bench.states()).toEqual({ a: 'outside hours', b: 'outside hours' });
    bench.run(hour);
    expect(outcome(bench.enter())).toEqual(['a']);
    expect(bench.states()).toEqual({ a: 'busy', b: 'outside hours' });
  });

  test('name the start of those of a seat that offers the model', () => {
    const bench = new SchedulerBench({
      seats: [
        seat('a', { hours: [10], models: new Set(['kimi']) }),
        seat('b', { hours: [7], models: new Set(['glm']) }),
      ],
    });
    expect(bench.enter('ann', 'glm').turns).toEqual([
      { kind: 'outside hours', opensAt: nine + 22 * hour, isKnown: true },
    ]);
  });

  test("don't end a request that has begun, but those that wait", () => {
    const bench = new SchedulerBench({ seats: [seat('a', { hours: [9] })], queueTimeout: 2 * hour });
    const [first, second] = [bench.enter(), bench.enter()];
    bench.run(hour - 1);
    expect(outcome(second)).toEqual([]);
    bench.run(1);
    expect(second.turns).toEqual([{ kind: 'outside hours', opensAt: nine + 24 * hour, isKnown: true }]);
    expect(first.ticket.state).toBe('running');
    bench.release(first);
    expect(outcome(first)).toEqual(['a']);
  });

  test('are waited for with waitsOutside, longer than the timeout', () => {
    const bench = new SchedulerBench({ seats: [office], waitsOutside: true, queueTimeout: minute });
    const request = bench.enter();
    bench.run(hour - 1);
    expect(outcome(request)).toEqual([]);
    bench.run(1);
    expect(outcome(request)).toEqual(['a']);
  });

  test('leave a request its whole timeout when they have started', () => {
    const bench = new SchedulerBench({ seats: [office], waitsOutside: true, queueTimeout: minute });
    bench.enter();
    const next = bench.enter();
    bench.run(hour + minute - 1);
    expect(outcome(next)).toEqual([]);
    bench.run(1);
    expect(outcome(next)).toEqual(['timeout']);
  });

  test('leave its whole timeout also to a request that arrived just before', () => {
    const bench = new SchedulerBench({ seats: [office], waitsOutside: true, queueTimeout: minute });
    bench.run(hour - second);
    bench.enter();
    const next = bench.enter();
    bench.run(minute + second - 1);
    expect(outcome(next)).toEqual([]);
    bench.run(1);
    expect(outcome(next)).toEqual(['timeout']);
  });

  test('are noticed soon after the machine was asleep', () => {
    const bench = new SchedulerBench({ seats: [office], waitsOutside: true, queueTimeout: 24 * hour });
    const request = bench.enter();
    bench.wall += hour;
    bench.run(30 * second);
    expect(outcome(request)).toEqual(['a']);
  });

  test('that are empty never start', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { hours: [] })] });
    expect(bench.enter().turns).toEqual([{ kind: 'outside hours', opensAt: undefined, isKnown: true }]);
    const patient = new SchedulerBench({ seats: [seat('a', { hours: [] })], waitsOutside: true, queueTimeout: minute });
    const request = patient.enter();
    patient.run(5 * hour);
    expect(outcome(request)).toEqual([]);
  });
});

describe('a seat', () => {
  test('that is busy is set aside as long as it says, and the request goes first to another', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next, third] = [bench.enter(), bench.enter(), bench.enter()];
    bench.release(first, { kind: 'busy', retryAfter: 7 * second }, true);
    expect(bench.states()).toEqual({ a: 'set aside', b: 'busy' });
    expect(first.ticket.state).toBe('waiting');
    bench.release(next);
    expect([first, third].map(outcome)).toEqual([['a', 'b'], []]);
    expect(bench.wakeAt).toBe(7 * second);
    bench.run(7 * second - 1);
    expect(outcome(third)).toEqual([]);
    bench.run(1);
    expect(outcome(third)).toEqual(['a']);
  });

  test('that is busy may answer the same request later', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.release(first, { kind: 'busy', retryAfter: second }, true);
    bench.run(second);
    expect(outcome(first)).toEqual(['a', 'a']);
  });

  test.each(['busy', 'failed'] as const)('that is %s without a time backs off twice as long each time', (kind) => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    for (const wait of kind === 'busy' ? [1, 2, 4, 8, 16, 32, 60, 60] : [1, 2, 4, 8, 10, 10]) {
      bench.release(bench.enter(), { kind, retryAfter: undefined });
      bench.pass(wait * second - 1);
      expect(bench.states()).toEqual({ a: 'set aside' });
      bench.pass(1);
      expect(bench.states()).toEqual({ a: 'free' });
    }
    bench.release(bench.enter());
    bench.release(bench.enter(), { kind, retryAfter: undefined });
    bench.pass(second);
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test.each(['busy', 'failed'] as const)('that is %s for no time at all backs off', (kind) => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const request = bench.enter();
    bench.release(request, { kind, retryAfter: 0 }, true);
    expect(bench.states()).toEqual({ a: 'set aside' });
    expect(outcome(request)).toHaveLength(kind === 'busy' ? 1 : 2);
  });

  test('is never set aside for more than a day', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next] = [bench.enter(), bench.enter()];
    bench.release(first, { kind: 'busy', retryAfter: Number.POSITIVE_INFINITY });
    bench.release(next, { kind: 'closed', retryAfter: Number.POSITIVE_INFINITY });
    bench.pass(24 * hour - 1);
    expect(bench.states()).toEqual({ a: 'set aside', b: 'outside hours' });
    bench.pass(1);
    expect(bench.states()).toEqual({ a: 'free', b: 'free' });
  });

  test("that failed doesn't get the same request again, but others", () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next] = [bench.enter(), bench.enter()];
    bench.release(first, { kind: 'failed', retryAfter: second }, true);
    bench.run(minute);
    expect(outcome(first)).toEqual(['a']);
    expect(bench.states()).toEqual({ a: 'free', b: 'busy' });
    expect(outcome(bench.enter())).toEqual(['a']);
    bench.release(next);
    expect(outcome(first)).toEqual(['a', 'b']);
  });

  test('that says it is closed is outside its hours until then', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    const waiting = bench.enter();
    bench.release(first, { kind: 'closed', retryAfter: 2 * minute }, true);
    expect(bench.states()).toEqual({ a: 'outside hours' });
    const turn = { kind: 'outside hours', opensAt: nine + 2 * minute, isKnown: false };
    expect([first.turns.at(-1), waiting.turns.at(-1), bench.enter().turns.at(-1)]).toEqual([turn, turn, turn]);
    bench.pass(2 * minute);
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test('that says it is closed opens with its hours', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { hours: [9, 12] })], waitsOutside: true });
    const first = bench.enter();
    bench.release(first, { kind: 'closed', retryAfter: 80 * minute }, true);
    expect(bench.scheduler.seats()).toMatchObject([{ state: 'outside hours', opensAt: nine + 3 * hour }]);
    bench.run(3 * hour - 1);
    expect(outcome(first)).toEqual(['a']);
    bench.run(1);
    expect(outcome(first)).toEqual(['a', 'a']);
  });

  test('wakes the queue at the end of the time for which it is closed', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], waitsOutside: true });
    const first = bench.enter();
    bench.release(first, { kind: 'closed', retryAfter: 5 * second }, true);
    expect(bench.wakeAt).toBe(5 * second);
    bench.run(5 * second);
    expect(outcome(first)).toEqual(['a', 'a']);
  });

  test('whose key was refused is set aside for a minute, then longer', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    for (const wait of [1, 2, 4, 8, 15, 15]) {
      bench.release(bench.enter(), { kind: 'refused' });
      expect(bench.states()).toEqual({ a: 'refused' });
      bench.pass(20 * second);
      expect(outcome(bench.enter())).toEqual(['refused']);
      bench.pass(wait * minute - 20 * second - 1);
      expect(outcome(bench.enter())).toEqual(['refused']);
      bench.pass(1);
    }
    bench.release(bench.enter());
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test('whose key was refused lets requests wait for the account to be read, 20 seconds', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const refused = bench.enter();
    bench.release(refused, { kind: 'refused' }, true);
    const waiting = bench.enter();
    expect(bench.wakeAt).toBe(20 * second);
    bench.run(20 * second - 1);
    expect([refused, waiting].map(outcome)).toEqual([['a'], []]);
    bench.run(1);
    expect([refused, waiting].map(outcome)).toEqual([['a', 'refused'], ['refused']]);
  });

  test('whose key was refused gets the waiting requests when the account has another one', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const refused = bench.enter();
    bench.release(refused, { kind: 'refused' }, true);
    bench.scheduler.update([seat('a', { version: '2' })]);
    expect(outcome(refused)).toEqual(['a', 'a']);
    bench.release(refused, { kind: 'refused' }, true);
    expect(outcome(refused)).toEqual(['a', 'a']);
  });

  test('whose key was refused although the account has it lets no request wait', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const [refused, waiting] = [bench.enter(), bench.enter()];
    bench.release(refused, { kind: 'refused' }, true);
    bench.scheduler.update([seat('a')]);
    expect([refused, waiting].map(outcome)).toEqual([['a', 'a'], []]);
    bench.release(refused, { kind: 'refused' }, true);
    expect([refused, waiting].map(outcome)).toEqual([['a', 'a', 'refused'], ['refused']]);
    bench.scheduler.update([seat('a')]);
    bench.release(bench.enter());
    bench.release(bench.enter(), { kind: 'refused' });
    expect(outcome(bench.enter())).toEqual([]);
  });

  test('whose key was refused is not confirmed by what was read before', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const refused = bench.enter();
    bench.pass(5 * second);
    bench.release(refused, { kind: 'refused' }, true);
    bench.scheduler.update([seat('a')], 4 * second);
    expect(outcome(refused)).toEqual(['a']);
    bench.scheduler.update([seat('a')], 5 * second);
    expect(outcome(refused)).toEqual(['a', 'a']);
  });

  test('whose key was refused and that is gone lets no request wait', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const refused = bench.enter();
    bench.release(refused, { kind: 'refused' }, true);
    bench.scheduler.update([]);
    expect(outcome(refused)).toEqual(['a', 'no model']);
  });

  test('whose key was refused ends the wait of those that have no other', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { models: new Set(['kimi']) }), seat('b')] });
    const [kimi, any] = [bench.enter('ann', 'kimi'), bench.enter()];
    const waiting = bench.enter('ann', 'kimi');
    bench.release(kimi, { kind: 'refused' }, true);
    expect([kimi, waiting].map(outcome)).toEqual([['a'], []]);
    bench.release(any, { kind: 'refused' });
    bench.run(20 * second);
    expect([kimi, waiting].map(outcome)).toEqual([['a', 'refused'], ['refused']]);
  });

  test("that can't be reached gets another request at once, but is set aside the second time", () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const request = bench.enter();
    bench.release(request, { kind: 'unreachable' }, true);
    expect(outcome(request)).toEqual(['a', 'a']);
    bench.release(request, { kind: 'unreachable' }, true);
    expect(bench.states()).toEqual({ a: 'set aside' });
    expect(bench.wakeAt).toBe(second);
    bench.run(second);
    expect(outcome(request)).toEqual(['a', 'a', 'a']);
  });

  test("that wasn't used stays as it is", () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    bench.release(bench.enter(), { kind: 'failed', retryAfter: undefined });
    bench.pass(second);
    bench.release(bench.enter(), { kind: 'unused' });
    expect(bench.states()).toEqual({ a: 'free' });
    bench.release(bench.enter(), { kind: 'failed', retryAfter: undefined });
    bench.pass(2 * second - 1);
    expect(bench.states()).toEqual({ a: 'set aside' });
  });
});

describe('update', () => {
  test('adds a seat, which gets a waiting request', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const [, next] = [bench.enter(), bench.enter()];
    bench.scheduler.update([seat('a'), seat('b')]);
    expect(outcome(next)).toEqual(['b']);
  });

  test('removes a free seat, and drains a busy one', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const first = bench.enter();
    bench.scheduler.update([]);
    expect(bench.states()).toEqual({ a: 'draining' });
    expect(outcome(bench.enter())).toEqual(['no model']);
    expect(first.ticket.state).toBe('running');
    bench.release(first);
    expect(bench.scheduler.seats()).toEqual([]);
  });

  test('ends the wait for a model that no seat offers any more', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { models: new Set(['kimi', 'glm']) })] });
    bench.enter('ann', 'kimi');
    const [kimi, glm] = [bench.enter('ann', 'kimi'), bench.enter('ann', 'glm')];
    bench.scheduler.update([seat('a', { models: new Set(['glm']) })]);
    expect([kimi, glm].map(outcome)).toEqual([['no model'], []]);
  });

  test('uses a seat that comes back while it drains', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.scheduler.update([]);
    bench.scheduler.update([seat('a')]);
    const next = bench.enter();
    expect(outcome(next)).toEqual([]);
    bench.release(first);
    expect(outcome(next)).toEqual(['a']);
  });

  test.each<SeatReport>([
    { kind: 'busy', retryAfter: hour },
    { kind: 'closed', retryAfter: hour },
    { kind: 'failed', retryAfter: hour },
    { kind: 'refused' },
  ])('forgets with a new version that a seat was $kind, and keeps it without', (report) => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    bench.release(bench.enter(), report);
    const [before] = Object.values(bench.states());
    expect(before).not.toBe('free');
    bench.scheduler.update([seat('a')]);
    // The account confirms the key.
    expect(bench.states()).toEqual({ a: report.kind === 'refused' ? 'free' : before });
    bench.scheduler.update([seat('a', { version: '2' })]);
    expect(bench.states()).toEqual({ a: 'free' });
    bench.release(bench.enter(), { kind: 'failed', retryAfter: undefined });
    bench.pass(second);
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test('forgets with other hours that a seat was closed, and keeps it with the same', () => {
    const bench = new SchedulerBench({ seats: [seat('a', { hours: [9, 11] })] });
    bench.release(bench.enter(), { kind: 'closed', retryAfter: 20 * hour });
    bench.scheduler.update([seat('a', { hours: [9, 11] })]);
    expect(bench.states()).toEqual({ a: 'outside hours' });
    bench.scheduler.update([seat('a', { hours: [9, 10, 11] })]);
    expect(bench.states()).toEqual({ a: 'free' });
  });

  test("doesn't blame a new key for what the old one was refused", () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.scheduler.update([seat('a', { version: '2' })]);
    bench.release(first, { kind: 'refused' }, true);
    expect(outcome(first)).toEqual(['a', 'a']);
    expect(first.ticket.seat?.version).toBe('2');
  });
});

test('endWaiting ends all waits, but no request that has a seat', () => {
  const bench = new SchedulerBench({ seats: [seat('a')] });
  const [first, second, third] = [bench.enter(), bench.enter('bob'), bench.enter('ann', 'kimi')];
  bench.scheduler.endWaiting();
  expect([first, second, third].map(outcome)).toEqual([['a'], ['stopping'], ['stopping']]);
  expect([bench.scheduler.queueLength, bench.wakeAt]).toEqual([0, undefined]);
});

describe('hasOther', () => {
  test('returns whether another seat could answer, now or later', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next] = [bench.enter(), bench.enter()];
    expect(bench.scheduler.hasOther(first.ticket)).toBe(true);
    bench.release(next, { kind: 'busy', retryAfter: hour });
    expect(bench.scheduler.hasOther(first.ticket)).toBe(true);
    bench.scheduler.update([seat('a'), seat('b', { hours: [3] })]);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(false);
    bench.scheduler.update([seat('a'), seat('b', { models: new Set(['kimi']) })]);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(true);
    bench.scheduler.update([seat('a')]);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(false);
  });

  test('leaves out seats that offer other models, that drain, and whose key was refused', () => {
    const kimi = { models: new Set(['kimi']) };
    const bench = new SchedulerBench({
      seats: [seat('a', kimi), seat('b', kimi), seat('c', { models: new Set(['x']) })],
    });
    const [first, next] = [bench.enter('ann', 'kimi'), bench.enter('ann', 'kimi')];
    bench.scheduler.update([seat('a', kimi), seat('c', { models: new Set(['x']) })]);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(false);
    bench.scheduler.update([seat('a', kimi), seat('b', kimi)]);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(true);
    bench.release(next, { kind: 'refused' });
    expect(bench.scheduler.hasOther(first.ticket)).toBe(false);
  });

  test('leaves out a seat that failed to answer the request', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const first = bench.enter();
    bench.release(first, { kind: 'failed', retryAfter: undefined }, true);
    expect(outcome(first)).toEqual(['a', 'b']);
    bench.pass(hour);
    expect(bench.scheduler.hasOther(first.ticket)).toBe(false);
    expect(bench.scheduler.hasOther(bench.enter().ticket)).toBe(true);
  });
});

describe('a returned request', () => {
  test('waits in its turn if it was returned so', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const [first, other] = [bench.enter('ann'), bench.enter('bob')];
    bench.release(first, { kind: 'busy', retryAfter: undefined }, 'in turn');
    bench.run(second);
    expect([first, other].map(outcome)).toEqual([['a'], ['a']]);
    bench.release(other);
    expect(outcome(first)).toEqual(['a', 'a']);
    expect(bench.scheduler.hasAnsweredSince(first.ticket, 0)).toBe(true);
  });

  test('ends if all seats within their hours failed to answer it', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b'), seat('c', { hours: [3] })] });
    const [first, next] = [bench.enter(), bench.enter()];
    bench.release(first, { kind: 'failed', retryAfter: undefined }, true);
    expect(outcome(first)).toEqual(['a']);
    bench.release(next);
    expect(outcome(first)).toEqual(['a', 'b']);
    bench.release(first, { kind: 'failed', retryAfter: undefined }, true);
    expect(outcome(first)).toEqual(['a', 'b', 'failed']);
  });

  test('is before all others, also before those of clients without a running request', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next] = [bench.enter('ann'), bench.enter('ann')];
    const waiting = bench.enter('bob');
    bench.release(first, { kind: 'busy', retryAfter: minute }, true);
    bench.release(next);
    expect([first, waiting].map(outcome)).toEqual([['a', 'b'], []]);
  });

  test('ends if every seat failed to answer it', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    const first = bench.enter();
    bench.release(first, { kind: 'failed', retryAfter: undefined }, true);
    expect(first.ticket.state).toBe('ended');
    expect(first.turns).toHaveLength(2);
    expect(bench.scheduler.queueLength).toBe(0);
  });

  test('lets others pass if the free seat is one that failed to answer it', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')] });
    const [first, next] = [bench.enter('ann'), bench.enter('bob')];
    bench.release(first, { kind: 'failed', retryAfter: second }, true);
    const third = bench.enter('cleo');
    bench.run(second);
    expect([first, third].map(outcome)).toEqual([['a'], ['a']]);
    bench.release(next);
    expect(outcome(first)).toEqual(['a', 'b']);
  });
});

describe('the wake-up', () => {
  test('is armed only while requests wait, for the earliest change', () => {
    const bench = new SchedulerBench({ seats: [seat('a'), seat('b')], queueTimeout: 20 * second });
    const [first, next] = [bench.enter(), bench.enter()];
    expect(bench.wakeAt).toBeUndefined();
    const third = bench.enter();
    expect(bench.wakeAt).toBe(20 * second);
    bench.release(first, { kind: 'busy', retryAfter: 9 * second });
    expect(bench.wakeAt).toBe(9 * second);
    bench.release(next, { kind: 'busy', retryAfter: 4 * second }, true);
    expect(bench.wakeAt).toBe(4 * second);
    bench.scheduler.leave(next.ticket);
    expect(bench.wakeAt).toBe(4 * second);
    bench.scheduler.leave(third.ticket);
    expect(bench.wakeAt).toBeUndefined();
  });

  test('is at the next full hour, and after 30 s at the latest', () => {
    const bench = new SchedulerBench({ seats: [seat('a')], wall: nine + hour - 7 * second });
    bench.enter();
    bench.enter();
    expect(bench.wakeAt).toBe(7 * second);
    bench.run(7 * second);
    expect(bench.wakeAt).toBe(37 * second);
  });

  test('may come too early', () => {
    const bench = new SchedulerBench({ seats: [seat('a')] });
    bench.enter();
    const waiting = bench.enter();
    bench.scheduler.tick();
    expect(outcome(waiting)).toEqual([]);
    expect(bench.wakeAt).toBe(30 * second);
  });
});

test('may be called by a request that gets its turn', () => {
  const bench = new SchedulerBench({ seats: [seat('a')] });
  const first = bench.enter();
  const ended: string[] = [];
  for (const name of ['one', 'two', 'three']) {
    const ticket = bench.scheduler.enter({ client: name, model: undefined }, () => {
      ended.push(name);
      bench.scheduler.release(ticket, { kind: 'answered' });
    });
  }
  bench.release(first);
  expect(ended).toEqual(['one', 'two', 'three']);
  expect(bench.states()).toEqual({ a: 'free' });
});
