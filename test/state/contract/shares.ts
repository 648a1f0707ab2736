import { describe, expect, test } from 'vitest';
import type { WorkShare } from '../../../src/state/work-share.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { quickClocks } from '../postgres/opened-state.ts';
import type { Kind } from './contract.ts';

const lock = { name: 'keys-0123456789abcdef', patience: 60_000 };

/** Does all rows that are handed out, some at a time. @returns the rows, in the order in which they were handed out */
async function doAll(share: WorkShare, count: number): Promise<number[]> {
  const done: number[] = [];
  do {
    for (let rows = await share.take(count); rows.length > 0; rows = await share.take(count)) {
      expect(rows.length).toBeLessThanOrEqual(count);
      done.push(...rows);
      await Promise.all(rows.map((row) => share.finish(row)));
    }
  } while (await share.hasMore(() => {}));
  return done;
}

function upTo(rows: number): number[] {
  return Array.from({ length: rows }, (_, row) => row);
}

/** Tests work on rows. */
export function testShares({ place, differs }: Kind): void {
  describe('work on rows', () => {
    test.each([0, 1, 7, 1000])('hands out all of %i rows in order to a process alone', async (rows) => {
      const state = (await place()).open();
      const done = await state.share(lock, { id: 'file', rows }, (share) => doAll(share, Math.ceil(rows / 5) + 1));
      expect(done).toEqual(upTo(rows));
    });

    test('is locked while a process does it, and free after an error', async () => {
      const shared = await place();
      const failure = new Error('the work failed');
      const work = shared.open().share(lock, { id: 'file', rows: 3 }, async () => {
        expect(await shared.open().isLocked(lock.name)).toBe(true);
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect(await shared.open().isLocked(lock.name)).toBe(false);
    });

    test('begins again when it is done again', async () => {
      const state = (await place()).open();
      for (let run = 0; run < 2; run++)
        expect(await state.share(lock, { id: 'file', rows: 5 }, (share) => doAll(share, 2))).toEqual(upTo(5));
    });

    test.runIf(differs.sharesWork)('hands out every row once to processes that do it at the same time', async () => {
      const shared = await place();
      const rows = 300;
      let joined = 0;
      const { promise: allIn, resolve: letAllIn } = withResolvers();
      const parts = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          shared.open().share(lock, { id: 'file', rows }, async (share) => {
            joined += 1;
            if (joined === 6) letAllIn();
            await allIn;
            return doAll(share, index + 1);
          }),
        ),
      );
      for (const part of parts) expect(part).toEqual([...part].sort((one, other) => one - other));
      expect(parts.flat().sort((one, other) => one - other)).toEqual(upTo(rows));
      expect(parts.filter((part) => part.length > 0).length).toBeGreaterThan(1);
    });

    test.runIf(!differs.sharesWork)('is done by one process after the other', async () => {
      const shared = await place();
      let [holders, most] = [0, 0];
      const parts = await Promise.all(
        [shared.open(), shared.open()].map((state) =>
          state.share(lock, { id: 'file', rows: 20 }, async (share) => {
            most = Math.max(most, ++holders);
            const done = await doAll(share, 3);
            holders -= 1;
            return done;
          }),
        ),
      );
      expect({ most, parts }).toEqual({ most: 1, parts: [upTo(20), upTo(20)] });
    });

    test('waits while other work has the lock', async () => {
      const shared = await place();
      const events: string[] = [];
      let other: Promise<unknown> = Promise.resolve();
      let alone: Promise<unknown> = Promise.resolve();
      const patient = { ...lock, patience: 3_600_000 };
      await shared.open().share(lock, { id: 'file', rows: 2 }, async (share) => {
        other = shared.open({ clocks: quickClocks() }).share(patient, { id: 'other file', rows: 2 }, async (rest) => {
          events.push('other work');
          await doAll(rest, 1);
        });
        alone = shared.open({ clocks: quickClocks() }).exclusively(patient, async () => {
          events.push('no shared work');
        });
        await doAll(share, 1);
        expect(await shared.open().isLocked(lock.name)).toBe(true);
        events.push('first work');
      });
      await Promise.all([other, alone]);
      expect(events[0]).toBe('first work');
      expect(events.slice(1).sort()).toEqual(['no shared work', 'other work']);
    });

    test.runIf(differs.sharesWork)('gives the rows of a process that has ended to the others', async () => {
      const shared = await place();
      const [dying, other] = [shared.open(), shared.open({ clocks: quickClocks() })];
      const waits: number[] = [];
      const { promise: dead, resolve: die } = withResolvers();
      const { promise: begun, resolve: begin } = withResolvers();
      const died = dying
        .share(lock, { id: 'file', rows: 10 }, async (share) => {
          const rows = await share.take(4);
          await share.finish(rows[1] ?? -1);
          begin();
          await dead;
          await dying.close();
          throw new Error('died');
        })
        .catch((error: unknown) => error);
      await begun;
      const again = await other.share(lock, { id: 'file', rows: 10 }, async (share) => {
        const own = await share.take(100);
        await Promise.all(own.map((row) => share.finish(row)));
        expect(own).toEqual([4, 5, 6, 7, 8, 9]);
        expect(await share.take(100)).toEqual([]);
        const isThere = await share.hasMore((rows) => {
          waits.push(rows);
          die();
        });
        expect(isThere).toBe(true);
        return doAll(share, 100);
      });
      expect(await died).toEqual(new Error('died'));
      expect({ again, waits }).toEqual({ again: [0, 2, 3], waits: [3] });
    });

    test.runIf(differs.sharesWork)('keeps to one rate for all processes', async () => {
      const shared = await place();
      const rate = 40;
      const start = performance.now();
      const times = await Promise.all(
        [shared.open(), shared.open()].map((state) =>
          state.share(lock, { id: 'file', rows: 1 }, async (share) => {
            const own: number[] = [];
            for (let request = 0; request < 20; request++) {
              const wait = (await share.reserve?.(rate)) ?? Number.NaN;
              own.push(performance.now() - start + wait);
            }
            return own;
          }),
        ),
      );
      // 40 requests take most of a second, however many processes send them; the first of them leave at once.
      const all = times.flat();
      expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan((39 / rate) * 1000 - 250);
      expect(all.every((time) => time >= 0)).toBe(true);
    });
  });
}
