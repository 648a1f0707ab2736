import { describe, expect, test } from 'vitest';
import {
  blockAt,
  blockNames,
  hoursOf,
  hoursPerBlock,
  isBlock,
  startHour,
  utcHours,
  wholeBlocks,
} from '../../src/domain/blocks.ts';

describe('blocks', () => {
  test.each([
    ['asia', 0, [0, 1, 2, 3, 4, 5, 6, 7], '00:00–08:00'],
    ['europe', 8, [8, 9, 10, 11, 12, 13, 14, 15], '08:00–16:00'],
    ['americas', 16, [16, 17, 18, 19, 20, 21, 22, 23], '16:00–24:00'],
  ] as const)('starts the block %s at %i UTC, and ends it eight hours later', (block, start, hours, words) => {
    expect(startHour(block)).toBe(start);
    expect(hoursOf(block)).toEqual(hours);
    expect(utcHours(block)).toBe(words);
    expect(hours.map(blockAt)).toEqual(hours.map(() => block));
  });

  test('divides the day into three blocks without overlap', () => {
    expect(blockNames).toEqual(['asia', 'europe', 'americas']);
    expect(hoursPerBlock).toBe(8);
    expect(blockNames.flatMap(hoursOf)).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
  });

  test.each([-1, 24, 7.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d as an hour', (hour) => {
    expect(() => blockAt(hour)).toThrow(new RangeError(`${hour} is not an hour of the day`));
  });
});

test.each([
  ['asia', true],
  ['americas', true],
  ['Asia', false],
  ['all', false],
  ['', false],
  ['constructor', false],
])('returns from isBlock(%j): %s', (word, answer) => {
  expect(isBlock(word)).toBe(answer);
});

describe('wholeBlocks', () => {
  test('returns completely reserved blocks, in the order of the day', () => {
    expect(wholeBlocks([...hoursOf('americas'), ...hoursOf('asia')])).toEqual(['asia', 'americas']);
    expect(wholeBlocks(Array.from({ length: 24 }, (_, hour) => 23 - hour))).toEqual(['asia', 'europe', 'americas']);
  });

  test('leaves out a block with a missing hour', () => {
    expect(wholeBlocks([...hoursOf('asia').slice(1), ...hoursOf('europe'), 16])).toEqual(['europe']);
    expect(wholeBlocks([])).toEqual([]);
  });

  test('counts a repeated hour once', () => {
    expect(wholeBlocks([0, 0, 1, 2, 3, 4, 5, 6])).toEqual([]);
  });
});
