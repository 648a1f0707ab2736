import { describe, expect, test } from 'vitest';
import { ServerClock } from '../../../src/state/postgres/server-clock.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 3, 14, 9);

/** Returns a clock, and the time of this machine, which the test sets. */
function clock() {
  const machine = { now: start };
  return { machine, server: new ServerClock(() => machine.now) };
}

describe('the clock of the server', () => {
  test('counts as that of this machine until it is measured', () => {
    const { server } = clock();
    expect([server.isMeasured, server.toLocal(start), server.toServer(start)]).toEqual([false, start, start]);
    expect(server.toServerAtLatest(start)).toBe(start);
  });

  test.each([0, 1, -1, 499, -499])('counts as that of this machine if it is %i ms ahead', (ahead) => {
    const { server } = clock();
    server.measure(start + ahead, start);
    expect([server.isMeasured, server.toLocal(start), server.toServer(start)]).toEqual([true, start, start]);
    expect(server.toServerAtLatest(start)).toBe(start);
  });

  test.each([500, -500, 1234, -1234, hour, -hour, 48 * hour + 700, -1000 * hour - 1])(
    'is converted if it is %i ms ahead: to a later second here, and to an earlier one there',
    (ahead) => {
      const { server } = clock();
      server.measure(start + ahead, start);
      const early = start - server.toLocal(start + ahead);
      expect(early).toBeLessThanOrEqual(0);
      expect(early).toBeGreaterThan(-1000);
      const late = server.toServer(start) - (start + ahead);
      expect(late).toBeLessThanOrEqual(0);
      expect(late).toBeGreaterThanOrEqual(-2000);
      const atLatest = server.toServerAtLatest(start) - (start + ahead);
      expect(atLatest).toBeGreaterThanOrEqual(0);
      expect(atLatest).toBeLessThan(1000);
      // What was recorded at a time is found by asking for that time as it is shown here.
      expect(server.toServer(server.toLocal(start + ahead))).toBeLessThanOrEqual(start + ahead);
    },
  );

  test.each([0, 1, 2000, 4000])('never makes an event earlier if the server answers after %i of 4000 ms', (after) => {
    for (const ahead of [0, hour, -hour, 1500, -1500]) {
      const { machine, server } = clock();
      machine.now = start + 4000;
      server.measure(start + after + ahead, start);
      const late = server.toLocal(start + ahead) - start;
      expect(late, String(ahead)).toBeGreaterThanOrEqual(0);
      expect(late, String(ahead)).toBeLessThan(4000 + 1000);
      expect(server.toServer(start), String(ahead)).toBeLessThanOrEqual(start + ahead);
      const atLatest = server.toServerAtLatest(start) - (start + ahead);
      expect(atLatest, String(ahead)).toBeGreaterThanOrEqual(0);
      expect(atLatest, String(ahead)).toBeLessThan(4000 + 1000);
    }
  });

  test('keeps the more precise measurement', () => {
    const { machine, server } = clock();
    server.measure(start + hour, start);
    machine.now = start + 4000;
    server.measure(start + hour, start);
    expect(server.toLocal(start + hour)).toBe(start);
    expect(server.toServerAtLatest(start)).toBe(start + hour);
  });

  test('is measured anew if a clock was set', () => {
    const { machine, server } = clock();
    server.measure(start, start);
    machine.now = start + 3 * hour + 400;
    server.measure(start + 200, start + 3 * hour);
    expect(server.toLocal(start)).toBeGreaterThanOrEqual(start + 3 * hour);
    expect(server.toLocal(start)).toBeLessThan(start + 3 * hour + 400 + 1000);
  });
});
