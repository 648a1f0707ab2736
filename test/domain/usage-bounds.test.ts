import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Moment, UsageTimeline, type WindowFigures, windows } from '../../src/domain/usage-bounds.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const start = Date.UTC(2026, 10, 1);
const end = Date.UTC(2026, 11, 1);

/** A use of a key. */
interface Use {
  readonly time: number;
  readonly amount: number;
}

const unknownLife = { created: undefined, gone: undefined };

/** Returns what was used after one time and up to another. */
function used(uses: readonly Use[], from: number, to: number): number {
  return uses.reduce((sum, { time, amount }) => (time > from && time <= to ? sum + amount : sum), 0);
}

/** Returns the figures that the API gives at some times. @param unit - it counts uses at the start of such a unit */
function figuresAt(uses: readonly Use[], times: readonly number[], unit = 1): WindowFigures {
  return times.flatMap((at) =>
    windows.map((length) =>
      uses.reduce((sum, { time, amount }) => {
        const countedAt = Math.floor(time / unit) * unit;
        return time <= at && countedAt > at - length ? sum + amount : sum;
      }, 0),
    ),
  );
}

function momentsOf(times: readonly number[], slack = 0): Moment[] {
  return times.map((time) => ({ earliest: time - slack, latest: time + slack }));
}

const someTime = fc.integer({ min: start - 40 * day, max: end + 5 * day });
const someUses = fc.array(fc.record({ time: someTime, amount: fc.integer({ min: 1, max: 1000 }) }), { maxLength: 60 });
const someSnapshots = fc
  .uniqueArray(fc.integer({ min: start - 10 * day, max: end + 10 * day }), { maxLength: 25 })
  .map((times) => times.sort((a, b) => a - b));

describe('the bounds of what a key used', () => {
  test('contain what it used, whatever it used and whenever snapshots were taken', () => {
    fc.assert(
      fc.property(
        someUses,
        someSnapshots,
        fc.constantFrom(1, minute),
        fc.integer({ min: 0, max: 2000 }),
        fc.boolean(),
        (uses, times, unit, slack, knowsCreated) => {
          const timeline = new UsageTimeline(momentsOf(times, slack), { from: start, to: end });
          const created =
            knowsCreated && uses.length > 0 ? Math.min(...uses.map(({ time }) => time)) - minute : undefined;
          const bounds = timeline.bounds(figuresAt(uses, times, unit), { created, gone: undefined });
          const exact = used(uses, middle(timeline.from), middle(timeline.to));
          expect(bounds.isContradictory).toBe(false);
          expect(bounds.least).toBeLessThanOrEqual(exact);
          expect(bounds.most).toBeGreaterThanOrEqual(exact);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('are wrong by no more than a figure is', () => {
    const uses = fc.array(fc.record({ time: someTime, amount: fc.integer({ min: 1, max: 1e6 }) }), { minLength: 20 });
    const times = someSnapshots.filter(({ length }) => length > 2);
    fc.assert(
      fc.property(uses, times, fc.nat(), (all, snapshots, place) => {
        const timeline = new UsageTimeline(momentsOf(snapshots), { from: start, to: end });
        const figures = [...figuresAt(all, snapshots)];
        const wrong = place % figures.length;
        figures[wrong] = Math.max(0, (figures[wrong] ?? 0) - 1);
        const exact = used(all, middle(timeline.from), middle(timeline.to));
        expect(timeline.bounds(figures, unknownLife).least).toBeLessThanOrEqual(exact + 1);
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  test('are exact for a key that was created after the first snapshot and is younger than 30 days', () => {
    const times = fc.array(fc.integer({ min: start, max: end }), { maxLength: 10 });
    const uses = fc.array(
      fc.record({ time: fc.integer({ min: start + day, max: end }), amount: fc.integer({ min: 1, max: 1000 }) }),
    );
    fc.assert(
      fc.property(uses, times, (all, more) => {
        const snapshots = [...new Set([start + 5000, end - 7000, ...more])].sort((a, b) => a - b);
        const timeline = new UsageTimeline(momentsOf(snapshots), { from: start, to: end });
        const bounds = timeline.bounds(figuresAt(all, snapshots), { created: start + day - hour, gone: undefined });
        const exact = used(all, middle(timeline.from), middle(timeline.to));
        expect([bounds.least, bounds.most]).toEqual([exact, exact]);
      }),
    );
  });

  /** Returns days with snapshots at some times, from a day before the month to its end, each up to half a minute early or late. */
  const daily = (times: readonly number[]) =>
    fc
      .array(fc.integer({ min: -30_000, max: 30_000 }), { minLength: 32 * times.length, maxLength: 32 * times.length })
      .map((all) =>
        all
          .map(
            (jitter, at) =>
              start + (Math.floor(at / times.length) - 1) * day + (times[at % times.length] ?? 0) + jitter,
          )
          .filter((time) => time < end + minute),
      );
  const calmAtMidnight = fc
    .array(
      fc.record({
        day: fc.integer({ min: -32, max: 31 }),
        time: fc.integer({ min: 2 * hour, max: 22 * hour }),
        amount: fc.integer({ min: 1, max: 1000 }),
      }),
    )
    .map((all) => all.map(({ day: at, time, amount }) => ({ time: start + at * day + time, amount })));

  test('are exact for a month of daily snapshots, if the key is not used around midnight', () => {
    fc.assert(
      fc.property(daily([0, hour / 2]), calmAtMidnight, (times, uses) => {
        const timeline = new UsageTimeline(momentsOf([...times, end + 1000]), { from: start, to: end });
        const figures = figuresAt(uses, [...times, end + 1000]);
        const exact = used(uses, start, end);
        expect(timeline.bounds(figures, unknownLife)).toEqual({ least: exact, most: exact, isContradictory: false });
        expect(timeline.gaps(figures, unknownLife)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('differ by at most a few hours of use for a month of daily snapshots, if the key is used all the time', () => {
    const steady = Array.from({ length: 70 * 24 * 6 }, (_, at) => ({
      time: start - 35 * day + at * 10 * minute,
      amount: 1,
    }));
    fc.assert(
      fc.property(daily([0, hour / 2, 6 * hour, 12 * hour, 18 * hour]), (times) => {
        const timeline = new UsageTimeline(momentsOf(times), { from: start, to: end });
        const { least, most } = timeline.bounds(figuresAt(steady, times), unknownLife);
        expect(most - least).toBeLessThanOrEqual(4 * 6);
      }),
      { numRuns: 20 },
    );
  });

  test('have no most, and a gap, where no window reaches', () => {
    const times = [start, start + day, start + 3 * day];
    const timeline = new UsageTimeline(momentsOf(times), { from: start, to: undefined });
    const uses = [{ time: start + 1.5 * day, amount: 7 }];
    // Only the last day is known.
    const figures = figuresAt(uses, times).map((figure, at) => (at % 4 === 1 ? figure : null));
    expect(timeline.bounds(figures, unknownLife)).toMatchObject({ least: 0, most: Number.POSITIVE_INFINITY });
    expect(timeline.gaps(figures, unknownLife)).toEqual([{ from: start + day, to: start + 2 * day }]);
  });

  test('end with the first snapshot without the key, and have a gap before it', () => {
    const times = [0, 6, 12, 18].map((each) => start + each * hour);
    const timeline = new UsageTimeline(momentsOf(times), { from: start, to: undefined });
    const figures = figuresAt([{ time: start + hour, amount: 3 }], times).map((figure, at) => (at < 8 ? figure : null));
    const life = { created: start - hour, gone: 2 };
    expect(timeline.bounds(figures, life)).toMatchObject({ least: 3, most: Number.POSITIVE_INFINITY });
    expect(timeline.gaps(figures, life)).toEqual([{ from: start + 6 * hour, to: start + 12 * hour }]);
  });

  test('of snapshots that contradict each other have the sum of windows that do not overlap, and no most', () => {
    const times = [start, start + 2 * day, start + 4 * day];
    const timeline = new UsageTimeline(momentsOf(times), { from: start, to: undefined });
    const figures = times.flatMap(() => [1, 10, 5, 20]);
    expect(timeline.bounds(figures, unknownLife)).toEqual({
      least: 20,
      most: Number.POSITIVE_INFINITY,
      isContradictory: true,
    });
  });
});

function middle({ earliest, latest }: Moment): number {
  return (earliest + latest) / 2;
}
