import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandError, type ErrorCode } from '../../src/domain/errors.ts';
import { type CheckResult, checkUntilDone, Pace } from '../../src/domain/pace.ts';

const again: CheckResult = { kind: 'again' };
const done: CheckResult = { kind: 'done' };

function failed(retryAfter?: number, code: ErrorCode = 'server_error'): CheckResult {
  return { kind: 'failed', error: new CommandError(code, 'busy', { retryAfter }) };
}

/** A machine whose time passes only while it sleeps. */
function machine() {
  const time = { wall: Date.UTC(2026, 3, 14), monotonic: 1000 };
  /** How long the machine is suspended during the first wait, in milliseconds. */
  let lid = 0;
  return {
    time,
    closeLid: (milliseconds: number) => {
      lid = milliseconds;
    },
    clocks: {
      wall: () => time.wall,
      monotonic: () => time.monotonic,
      sleep: async (milliseconds: number) => {
        time.monotonic += milliseconds;
        time.wall += milliseconds + lid;
        lid = 0;
      },
    },
  };
}

/** Returns when checks start on the monotonic clock, relative to the first. */
async function moments(results: readonly CheckResult[], interval: number, random = 0.5): Promise<number[]> {
  const { clocks, time } = machine();
  const started: number[] = [];
  await checkUntilDone({
    clocks,
    pace: new Pace(interval, () => random),
    check: async () => {
      started.push(time.monotonic - 1000);
      return results[started.length - 1] ?? done;
    },
  });
  return started;
}

describe('checkUntilDone', () => {
  test('checks at the interval until a check is done', async () => {
    expect(await moments([again, again, again], 15_000)).toEqual([0, 15_000, 30_000, 45_000]);
  });

  test('varies the interval by at most a fifth', async () => {
    expect(await moments([again, again], 15_000, 0)).toEqual([0, 12_000, 24_000]);
    expect(await moments([again, again], 15_000, 1)).toEqual([0, 18_000, 36_000]);
  });

  test('retries a failed check after a second, then after twice the time each, up to two minutes', async () => {
    const results = Array.from({ length: 10 }, () => failed());
    const started = await moments(results, 15_000);
    const waits = started.slice(1).map((moment, at) => moment - (started[at] ?? 0));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
  });

  test('returns to the interval after a success, and starts over at the next failure', async () => {
    const results = [failed(), failed(), failed(), again, failed(), again];
    expect(await moments(results, 15_000)).toEqual([0, 1000, 3000, 7000, 22_000, 23_000, 38_000]);
  });

  test('never retries faster than the interval', async () => {
    expect(await moments([failed(), failed(), failed()], 200)).toEqual([0, 200, 600, 1400]);
  });

  test('waits as long as the server asks, up to a limit', async () => {
    expect(await moments([failed(90_000), again], 15_000)).toEqual([0, 90_000, 105_000]);
    expect(await moments([failed(600_000)], 15_000)).toEqual([0, 600_000]);
    expect(await moments([failed(1e12)], 15_000)).toEqual([0, 3_600_000]);
    expect(await moments([failed(0)], 15_000)).toEqual([0, 1000]);
  });

  test('waits at least the interval after too many requests, unless the server says how long', async () => {
    const limited = (retryAfter?: number) => failed(retryAfter, 'rate_limited');
    expect(await moments([limited(), limited()], 15_000)).toEqual([0, 15_000, 30_000]);
    expect(await moments([limited(2000), again], 15_000)).toEqual([0, 2000, 17_000]);
    const waits = Array.from({ length: 6 }, () => limited());
    expect(await moments(waits, 15_000)).toEqual([0, 15_000, 30_000, 45_000, 60_000, 76_000, 108_000]);
  });

  test('gives a slow server more time, and never overlaps checks', async () => {
    const { clocks, time } = machine();
    const started: number[] = [];
    let running = 0;
    await checkUntilDone({
      clocks,
      pace: new Pace(10_000, () => 0.5),
      check: async () => {
        running += 1;
        expect(running).toBe(1);
        started.push(time.monotonic - 1000);
        time.monotonic += 25_000;
        time.wall += 25_000;
        running -= 1;
        return started.length === 3 ? done : again;
      },
    });
    expect(started).toEqual([0, 27_000, 54_000]);
  });

  test("doesn't drift from the interval, however long a check takes", async () => {
    const { clocks, time } = machine();
    let checks = 0;
    const start = time.monotonic;
    await checkUntilDone({
      clocks,
      pace: new Pace(15_000, () => 0.5),
      check: async () => {
        checks += 1;
        time.monotonic += 400;
        time.wall += 400;
        return checks === 1001 ? done : again;
      },
    });
    expect(time.monotonic - start).toBe(1000 * 15_000 + 400);
  });

  test('checks immediately when the machine wakes up, and forgets earlier failures', async () => {
    const { clocks, time, closeLid } = machine();
    const results = [failed(), failed(), failed(), failed(), failed(), failed(), failed(), again];
    const started: { wall: number; monotonic: number }[] = [];
    const begun = { ...time };
    await checkUntilDone({
      clocks,
      pace: new Pace(15_000, () => 0.5),
      check: async () => {
        started.push({ wall: time.wall - begun.wall, monotonic: time.monotonic - begun.monotonic });
        if (started.length === 5) closeLid(8 * 3_600_000);
        return results[started.length - 1] ?? done;
      },
    });
    const waits = started.slice(1).map(({ monotonic }, at) => monotonic - (started[at]?.monotonic ?? 0));
    // The fifth wait would take 16 s. When the machine wakes up, a second of it has passed.
    expect(waits).toEqual([1000, 2000, 4000, 8000, 1000, 1000, 2000, 15_000]);
    expect(started[5]).toEqual({ wall: 8 * 3_600_000 + 16_000, monotonic: 16_000 });
  });

  test("doesn't mistake a clock that is set back or slightly forward for sleep", async () => {
    for (const step of [-3_600_000, 4000]) {
      const { clocks, closeLid, time } = machine();
      const started: number[] = [];
      await checkUntilDone({
        clocks,
        pace: new Pace(15_000, () => 0.5),
        check: async () => {
          started.push(time.monotonic - 1000);
          if (started.length === 1) closeLid(step);
          return started.length === 3 ? done : again;
        },
      });
      expect(started).toEqual([0, 15_000, 30_000]);
    }
  });

  test("stops when the time is up, and says that it wasn't done", async () => {
    const { clocks, time } = machine();
    const begun = time.wall;
    let checks = 0;
    const check = async () => {
      checks += 1;
      return again;
    };
    const until = begun + 40_000;
    expect(await checkUntilDone({ clocks, pace: new Pace(15_000, () => 0.5), until, check })).toBe(false);
    expect([checks, time.wall - begun]).toEqual([3, 40_000]);
    expect(await checkUntilDone({ clocks, pace: new Pace(15_000), until, check })).toBe(false);
    expect(checks).toBe(3);
    expect(await checkUntilDone({ clocks, pace: new Pace(15_000), check: async () => done })).toBe(true);
  });

  test('passes on what a check throws', async () => {
    const { clocks } = machine();
    const error = new CommandError('unauthorized', 'revoked');
    await expect(checkUntilDone({ clocks, pace: new Pace(15_000), check: () => Promise.reject(error) })).rejects.toBe(
      error,
    );
  });

  test('reports once per second when the next check is due', async () => {
    const { clocks, time } = machine();
    const waits: number[] = [];
    let checks = 0;
    await checkUntilDone({
      clocks,
      pace: new Pace(3000, () => 0.5),
      onWait: (due) => waits.push(due - time.wall),
      check: async () => {
        checks += 1;
        return checks === 2 ? done : again;
      },
    });
    expect(waits).toEqual([3000, 2000, 1000]);
  });
});

test('waits between 80% of the shortest wait and two minutes or what the server asked for', () => {
  const outcome = fc.oneof(
    fc.constant('again' as const),
    fc.integer({ min: 0, max: 5_000_000 }),
    fc.constant('failed' as const),
  );
  fc.assert(
    fc.property(fc.array(outcome), fc.double({ min: 0, max: 0.999, noNaN: true }), (outcomes, random) => {
      const pace = new Pace(15_000, () => random);
      for (const each of outcomes) {
        if (each === 'again') {
          const wait = pace.afterSuccess(1000, 1200) - 1000;
          expect(wait).toBeGreaterThanOrEqual(12_000);
          expect(wait).toBeLessThanOrEqual(18_000);
        } else {
          const asked = each === 'failed' ? 0 : each;
          const error = new CommandError('server_error', 'down', { retryAfter: each === 'failed' ? undefined : each });
          const wait = pace.afterFailure(1200, error) - 1200;
          expect(wait).toBeGreaterThanOrEqual(Math.max(800, Math.min(asked, 3_600_000)));
          expect(wait).toBeLessThanOrEqual(Math.max(120_000, Math.min(asked, 3_600_000)));
        }
      }
    }),
  );
});
