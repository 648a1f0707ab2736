import { expect, test } from 'vitest';
import { groupBy } from '../../src/domain/group-by.ts';

test('keeps the order of the groups and of the items in each', () => {
  const groups = groupBy(['b2', 'a1', 'b1', 'a2', 'b2'], ([letter]) => letter);
  expect([...groups]).toEqual([
    ['b', ['b2', 'b1', 'b2']],
    ['a', ['a1', 'a2']],
  ]);
});

test('leaves out items without a key, and keeps those with an empty one', () => {
  const groups = groupBy(['', ' ', 'a'], (text) => (text === ' ' ? undefined : text));
  expect([...groups]).toEqual([
    ['', ['']],
    ['a', ['a']],
  ]);
});

test('groups what can be read only once', () => {
  const groups = groupBy([1, 2, 3].values(), (number) => number % 2);
  expect([...groups]).toEqual([
    [1, [1, 3]],
    [0, [2]],
  ]);
});
