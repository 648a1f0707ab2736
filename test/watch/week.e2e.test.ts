import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { at } from '../support/sandbox.ts';

test('sends the planned requests for a week with 20% failures, without leaking memory', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', 'test/bench/week.mjs'], {
    env: { PATH: process.env.PATH, INTERVAL: '120' },
  });
  const week: unknown = JSON.parse(stdout);
  const number = (...path: string[]) => Number(at(week, ...path));
  expect([stderr, number('code'), number('hours')]).toEqual(['', 0, 168]);
  // The last request may have been retried.
  expect(number('passed')).toBeCloseTo(1, 4);
  expect(number('requests')).toBeGreaterThan(6000);
  // There is one request at a time, and a new connection only after a failure.
  expect(number('atOnce')).toBe(1);
  expect(number('connections')).toBeLessThanOrEqual(number('faults') + 1);
  expect(Math.abs(number('requests') / number('planned') - 1)).toBeLessThan(0.03);
  expect(number('faults') / number('requests')).toBeGreaterThan(0.19);
  // An unchanged list costs a 304.
  expect(number('unchanged')).toBeGreaterThan(4500);
  expect(number('events', 'error')).toBeLessThan(number('faults'));
  expect(Math.abs(number('events', 'opened') - number('events', 'sold_out'))).toBeLessThanOrEqual(1);
  // A listener that leaks with each request needs more memory.
  expect(number('bytesPerRequest')).toBeLessThan(100);
  // There is no time limit, because the week has its own clock, and each request has its own limit.
}, 0);
