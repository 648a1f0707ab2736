import { expect, test } from 'vitest';
import { Batches } from '../../src/state/batches.ts';

/** Batches whose writes end when the test says so. */
function batches() {
  const written: (readonly number[])[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const all = new Batches<number>((items) => {
    written.push(items);
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
  });
  return { all, written, ends, turn: () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve))) };
}

test('writes together what is added at once, and what is added while a batch is written', async () => {
  const { all, written, ends, turn } = batches();
  const ended: number[] = [];
  const add = (item: number) => void all.add(item).then(() => ended.push(item));
  add(1);
  add(2);
  await turn();
  expect(written).toEqual([[1, 2]]);
  add(3);
  await turn();
  add(4);
  await turn();
  expect([written, ended]).toEqual([[[1, 2]], []]);
  ends[0]?.();
  await turn();
  expect([written, ended]).toEqual([
    [
      [1, 2],
      [3, 4],
    ],
    [1, 2],
  ]);
  ends[1]?.();
  await turn();
  add(5);
  await turn();
  expect([written.at(-1), ended]).toEqual([[5], [1, 2, 3, 4]]);
});

test('fails only the items of the batch that fails', async () => {
  const { all, written, ends, turn } = batches();
  const first = all.add(1);
  await turn();
  const second = all.add(2);
  ends[0]?.(new Error('the disk is full'));
  await expect(first).rejects.toThrow('the disk is full');
  await turn();
  ends[1]?.();
  await expect(second).resolves.toBeUndefined();
  expect(written).toEqual([[1], [2]]);
});
