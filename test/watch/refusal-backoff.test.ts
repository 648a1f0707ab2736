import { expect, test } from 'vitest';
import { RefusalBackoff } from '../../src/watch/refusal-backoff.ts';

const asia = { pool: 'kimi26', blocks: ['asia'] } as const;
const europe = { pool: 'kimi26', blocks: ['europe'] } as const;

/** Returns a backoff, and a function that returns the seconds of the pause after one more refusal. */
function backoffAt() {
  const clock = { now: 0 };
  const backoff = new RefusalBackoff(() => clock.now);
  const pauseAfterRefusal = () => {
    backoff.add(asia);
    const start = clock.now;
    while (backoff.isPaused(asia)) clock.now += 1000;
    return (clock.now - start) / 1000;
  };
  return { backoff, pauseAfterRefusal };
}

test('doubles the pause with each refusal, up to two minutes', () => {
  const { pauseAfterRefusal } = backoffAt();
  expect(Array.from({ length: 7 }, pauseAfterRefusal)).toEqual([5, 10, 20, 40, 80, 120, 120]);
});

test('starts over after the candidate has closed', () => {
  const { backoff, pauseAfterRefusal } = backoffAt();
  pauseAfterRefusal();
  backoff.keep([asia]);
  expect(pauseAfterRefusal()).toBe(10);
  backoff.keep([europe]);
  expect(pauseAfterRefusal()).toBe(5);
});

test("doesn't pause other candidates", () => {
  const { backoff } = backoffAt();
  backoff.add(asia);
  expect([backoff.isPaused(asia), backoff.isPaused(europe)]).toEqual([true, false]);
});
