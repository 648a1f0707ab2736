import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freshAccount } from '../../src/sandbox/account.ts';
import { settle } from '../../src/sandbox/settle.ts';
import { clearDrops, type DropRequest, scheduleDrop, scheduledDrops } from '../../src/sandbox/state.ts';
import { emptyFolder } from '../support/folder.ts';
import { at, day, failure, listAt, machineStart, sandbox, type TestSandbox } from '../support/sandbox.ts';

const now = () => machineStart;
const second = 1000;

const drop: DropRequest = {
  pool: 'minimax-m3',
  block: 'americas',
  opensIn: 10 * second,
  lasts: 90 * second,
  seats: 1,
  rivals: 0,
};

async function scheduled(request: Partial<DropRequest> = {}): Promise<TestSandbox> {
  const box = await sandbox();
  await scheduleDrop({ folder: box.folder, now }, { ...drop, ...request });
  return box;
}

/** Returns the status of the americas block of minimax-m3, and how many seats are available in its slots. */
async function seen({ data }: TestSandbox): Promise<[unknown, number]> {
  const list = await data('GET', '/api/pools');
  const slots = listAt(await data('GET', '/api/pools/minimax-m3'), 'hourSlots');
  const free = slots.filter((slot) => at(slot, 'hour') === 16 && at(slot, 'status') === 'available');
  return [at(list, 1, 'blocks', 2, 'status'), free.length];
}

const buy = (box: TestSandbox) =>
  box.call('POST', '/api/pools/minimax-m3/subscribe', { body: { blocks: ['americas'] } });
const rival = (box: TestSandbox) =>
  box.call('POST', '/sandbox/rivals', { body: { pool: 'minimax-m3', block: 'americas' }, key: null });

describe('a drop', () => {
  test('opens a block at its time, and closes it', async () => {
    const box = await scheduled({ seats: 2 });
    expect(await seen(box)).toEqual(['sold-out', 0]);
    await box.advance(10 * second - 1);
    expect(await seen(box)).toEqual(['sold-out', 0]);
    await box.advance(1);
    expect(await seen(box)).toEqual(['limited', 2]);
    await box.advance(90 * second - 1);
    expect(await seen(box)).toEqual(['limited', 2]);
    await box.advance(1);
    expect(await seen(box)).toEqual(['sold-out', 0]);
  });

  test('closes a block that had seats, until its time and afterward', async () => {
    const box = await scheduled({ pool: 'kimi26', block: 'europe', seats: 9 });
    const word = async () => at(await box.data('GET', '/api/pools'), 0, 'blocks', 1, 'status');
    expect(await word()).toBe('sold-out');
    await box.advance(10 * second);
    expect(await word()).toBe('available');
    await box.advance(day);
    expect(await word()).toBe('sold-out');
    await clearDrops({ folder: box.folder, now });
    expect(await word()).toBe('available');
  });

  test('sells its seats, and no more', async () => {
    const box = await scheduled();
    expect(await buy(box)).toEqual(failure(409, 'Not enough seats: americas is sold out'));
    await box.advance(10 * second);
    expect((await buy(box)).status).toBe(200);
    expect(await seen(box)).toEqual(['sold-out', 0]);
    expect(await buy(box)).toEqual(failure(409, 'Not enough seats: americas is sold out'));
    await box.advance(day);
    expect(at(await box.data('GET', '/api/pools/minimax-m3/my-subscriptions'), 0, 'hours', 0)).toMatchObject({
      hour: 16,
      slotIndex: 9,
    });
  });

  test("offers seats other than the account's", async () => {
    const box = await scheduled({ opensIn: 0, seats: 1 });
    expect((await buy(box)).status).toBe(200);
    await scheduleDrop({ folder: box.folder, now }, { ...drop, opensIn: 0 });
    await scheduleDrop({ folder: box.folder, now }, { ...drop, opensIn: 0 });
    expect(await seen(box)).toEqual(['limited', 2]);
  });

  test('loses its seats to other buyers at even intervals', async () => {
    const box = await scheduled({ opensIn: 0, seats: 2, rivals: 2 });
    const left = async () => (await scheduledDrops({ folder: box.folder, now })).map((each) => each.left);
    expect(await left()).toEqual([2]);
    await box.advance(30 * second - 1);
    expect(await left()).toEqual([2]);
    await box.advance(1);
    expect([await left(), await seen(box)]).toEqual([[1], ['limited', 1]]);
    await box.advance(30 * second);
    expect([await left(), await seen(box)]).toEqual([[0], ['sold-out', 0]]);
  });

  test("loses one seat to another buyer, and none of the account's", async () => {
    const box = await scheduled({ opensIn: 0, seats: 2 });
    expect(await rival(box)).toMatchObject({ status: 200, body: { data: { taken: true } } });
    expect((await buy(box)).status).toBe(200);
    expect(await rival(box)).toEqual(failure(409, 'Not enough seats: americas is sold out'));
    expect(listAt(await box.data('GET', '/api/pools/minimax-m3/my-subscriptions'))).toHaveLength(1);
  });

  test('is reported as it was scheduled', async () => {
    const box = await scheduled({ seats: 3, rivals: 5 });
    const drop = {
      pool: 'minimax-m3',
      block: 'americas',
      opensAt: '2026-04-14T09:00:10.000Z',
      closesAt: '2026-04-14T09:01:40.000Z',
      seats: 3,
      rivals: 5,
    };
    expect(await scheduledDrops({ folder: box.folder, now })).toEqual([{ ...drop, left: null }]);
    await box.advance(10 * second);
    expect(await scheduledDrops({ folder: box.folder, now })).toEqual([{ ...drop, left: 3 }]);
    await box.advance(day);
    expect(await scheduledDrops({ folder: box.folder, now })).toEqual([{ ...drop, left: 0 }]);
  });

  test.each<[string, Partial<DropRequest>, string]>([
    ['an unknown pool', { pool: 'kimi27' }, '"kimi27" is not a pool'],
    ['a pool that is paused', { pool: 'qwen35' }, '"qwen35" is not a pool'],
    ['more seats than it has', { seats: 11 }, 'only 10 seats, not 11'],
    ['too many rivals', { rivals: 1001 }, 'at most 1000'],
    ['an invalid time', { opensIn: 8000 * 365 * day }, '9999'],
  ])('is refused for %s', async (_what, request, words) => {
    const box = await sandbox();
    const refused = scheduleDrop({ folder: box.folder, now }, { ...drop, ...request });
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused).rejects.toThrow(words);
    expect(await scheduledDrops({ folder: box.folder, now })).toEqual([]);
  });
});

test('loads a state of a version without drops', async () => {
  const folder = emptyFolder();
  const { drops, ...account } = { drops: undefined, ...freshAccount({ card: true }, machineStart) };
  expect(drops).toBeUndefined();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'state.1.json'), JSON.stringify({ version: 1, lineage: ['a'], account }));
  const box = await sandbox({ folder });
  expect(await seen(box)).toEqual(['sold-out', 0]);
});

test('settles drops in two steps as in one', () => {
  const origin = Date.UTC(2026, 0, 1);
  const someTime = fc.integer({ min: 0, max: 100_000 }).map((after) => origin + after);
  const drops = fc.array(
    fc
      .record({
        block: fc.constantFrom('asia' as const, 'europe' as const),
        opensAt: someTime,
        lasts: fc.integer({ min: 1, max: 50_000 }),
        seats: fc.integer({ min: 1, max: 10 }),
        rivals: fc.integer({ min: 0, max: 12 }),
      })
      .map(({ lasts, ...each }) => ({
        ...each,
        poolId: '2f9e7a14-83bc-4d6e-a05b-7c1d9e4f3302',
        closesAt: each.opensAt + lasts,
        rivalsSeen: 0,
        phase: 'due' as const,
        slots: [],
      })),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(drops, someTime, someTime, (all, one, other) => {
      const account = { ...freshAccount({ card: true }, origin), drops: all };
      const [earlier, later] = [Math.min(one, other), Math.max(one, other)];
      expect(settle(settle(account, earlier), later)).toEqual(settle(account, later));
      const settled = settle(account, later);
      expect(settle(settled, later)).toBe(settled);
      for (const each of settled.drops ?? []) {
        expect(each.phase).toBe(later < each.opensAt ? 'due' : later < each.closesAt ? 'open' : 'over');
      }
    }),
  );
});
