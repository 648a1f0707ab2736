import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../src/domain/errors.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { quickClocks } from '../postgres/opened-state.ts';
import type { Kind } from './contract.ts';

const lock = { name: 'purchase-0123456789abcdef', patience: 60_000 };

/** Tests the locks. */
export function testLocks({ place, differs }: Kind): void {
  describe('a lock', () => {
    test('is had by one process at a time', async () => {
      const shared = await place();
      let [holders, most, turns] = [0, 0, 0];
      const work = async () => {
        holders += 1;
        most = Math.max(most, holders);
        await new Promise((resolve) => setImmediate(resolve));
        holders -= 1;
        turns += 1;
      };
      await Promise.all(
        Array.from({ length: 6 }, async () => {
          const state = shared.open();
          for (let turn = 0; turn < 3; turn++) await state.exclusively(lock, work);
        }),
      );
      expect({ most, turns }).toEqual({ most: 1, turns: 18 });
    });

    test('returns what the work returns, and is free after an error', async () => {
      const shared = await place();
      const state = shared.open();
      expect(await state.exclusively(lock, async () => 42)).toBe(42);
      const failure = new Error('the work failed');
      await expect(state.exclusively(lock, () => Promise.reject(failure))).rejects.toBe(failure);
      expect(await shared.open().isLocked(lock.name)).toBe(false);
      expect(await shared.open().exclusively({ ...lock, patience: 0 }, async () => 'free')).toBe('free');
    });

    test('is seen by other processes while the work lasts', async () => {
      const shared = await place();
      const other = shared.open();
      expect(await other.isLocked(lock.name)).toBe(false);
      await shared.open().exclusively(lock, async () => {
        expect(await other.isLocked(lock.name)).toBe(true);
        expect(await other.isLocked('keys-0123456789abcdef')).toBe(false);
      });
      expect(await other.isLocked(lock.name)).toBe(false);
    });

    test('is waited for', async () => {
      const shared = await place();
      const [taken, released] = [withResolvers(), withResolvers()];
      const events: string[] = [];
      const first = shared.open().exclusively(lock, async () => {
        taken.resolve();
        await released.promise;
        events.push('first has ended');
      });
      await taken.promise;
      const second = shared.open({ clocks: quickClocks() }).exclusively({ ...lock, patience: 3_600_000 }, async () => {
        events.push('second has begun');
      });
      released.resolve();
      await Promise.all([first, second]);
      expect(events).toEqual(['first has ended', 'second has begun']);
    });

    test('is refused after the patience, and nothing is done', async () => {
      const shared = await place();
      let isDone = false;
      await shared.open().exclusively(lock, async () => {
        const error = await shared
          .open({ clocks: quickClocks() })
          .exclusively({ ...lock, patience: 500 }, async () => {
            isDone = true;
          })
          .catch((thrown: unknown) => thrown);
        if (!(error instanceof CommandError)) throw error;
        expect(error).toMatchObject({ code: 'busy', retryable: true, outcome: 'not_applied' });
        expect(error.message).toMatch(/^Another ci process \(.*\) holds the lock and didn't finish in time$/);
        expect(error.message).toMatch(differs.holder);
        expect(error.hint).toBe('Nothing was changed. Try again when it has finished.');
      });
      expect(isDone).toBe(false);
    });

    test('does not keep others from a lock with another name', async () => {
      const shared = await place();
      const [one, other] = [shared.open(), shared.open()];
      const result = await one.exclusively(lock, () =>
        one.exclusively({ ...lock, name: 'keys-0123456789abcdef' }, () =>
          other.exclusively({ ...lock, name: 'purchase-fedcba9876543210' }, async () => 'all three'),
        ),
      );
      expect(result).toBe('all three');
      for (const name of [lock.name, 'keys-0123456789abcdef', 'purchase-fedcba9876543210'])
        expect(await other.isLocked(name)).toBe(false);
    });

    test('lets requests leave that end in time', async () => {
      const state = (await place()).open();
      expect(state.mayLeave(1000)).toBeUndefined();
      await state.exclusively(lock, async () => expect(state.mayLeave(1000)).toBeUndefined());
    });
  });
}
