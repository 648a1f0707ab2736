import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rowError, runRows } from '../../../src/account/bulk/row-runner.ts';
import { CommandError } from '../../../src/domain/errors.ts';

/** Rows whose work ends when the test says so. */
function running(rows: readonly number[], places: number, hasEnded = () => false) {
  const begun: number[] = [];
  const ends = new Map<number, (error?: Error) => void>();
  const leaves = new Map<number, () => void>();
  async function* each() {
    yield* rows;
  }
  const ended = runRows(each(), {
    places,
    hasEnded,
    work: (row, leave) => {
      begun.push(row);
      leaves.set(row, leave);
      return new Promise((resolve, reject) => ends.set(row, (error) => (error ? reject(error) : resolve())));
    },
  });
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  ended.then(over, over);
  return {
    ended,
    isOver: () => isOver,
    begun,
    end: async (row: number, error?: Error) => {
      ends.get(row)?.(error);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    },
    leave: async (row: number) => {
      leaves.get(row)?.();
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    },
  };
}

test('works on as many rows at a time as there are places, in their order', async () => {
  const run = running([1, 2, 3, 4], 2);
  await nextTurn();
  expect(run.begun).toEqual([1, 2]);
  await run.end(2);
  expect(run.begun).toEqual([1, 2, 3]);
  await run.end(1);
  await run.end(3);
  expect([run.begun, run.isOver()]).toEqual([[1, 2, 3, 4], false]);
  await run.end(4);
  await run.ended;
});

test('gives the place of a row that waits to the next one, once', async () => {
  const run = running([1, 2, 3, 4, 5], 1);
  await nextTurn();
  await run.leave(1);
  await run.leave(1);
  expect(run.begun).toEqual([1, 2]);
  await run.end(1);
  expect(run.begun).toEqual([1, 2]);
  await run.end(2);
  expect(run.begun).toEqual([1, 2, 3]);
});

test('begins no more rows at the end, and waits for those under way', async () => {
  let isEnd = false;
  const run = running([1, 2, 3, 4], 2, () => isEnd);
  await nextTurn();
  isEnd = true;
  await run.end(1);
  expect([run.begun, run.isOver()]).toEqual([[1, 2], false]);
  await run.end(2);
  await run.ended;
});

test('waits for the rows under way before it throws an error of the program', async () => {
  const run = running([1, 2, 3], 2);
  await nextTurn();
  await run.end(1, new Error('a mistake'));
  expect([run.begun, run.isOver()]).toEqual([[1, 2], false]);
  await run.end(2);
  await expect(run.ended).rejects.toThrow('a mistake');
});

test('takes only errors for the user as those of a row', () => {
  const failure = new CommandError('unavailable', 'No');
  expect(rowError(failure)).toBe(failure);
  expect(() => rowError(new TypeError('x'))).toThrow(TypeError);
});
