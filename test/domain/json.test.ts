import fc from 'fast-check';
import { expect, test } from 'vitest';
import { excessOf } from '../../src/domain/json.ts';

/** Nests a value in this many objects and arrays. */
function nested(levels: number): unknown {
  let value: unknown = 'within';
  for (let level = 0; level < levels; level++) value = level % 2 ? { a: 1, b: value } : [null, value];
  return value;
}

test.each([0, 1, 99, 100])('accepts %i levels of nesting', (levels) => {
  expect(excessOf(nested(levels))).toBeUndefined();
});

test.each([101, 100_000])('reports %i levels of nesting', (levels) => {
  expect(excessOf(nested(levels))).toBe('is nested more than 100 levels deep');
});

test('limits the length of a text anywhere in the value', () => {
  for (const at of [
    (text: string) => text,
    (text: string) => [{ a: [text] }],
    (text: string) => ({ b: { c: text } }),
  ]) {
    expect(excessOf(at('12345'), 5)).toBeUndefined();
    expect(excessOf(at('123456'), 5)).toBe('contains a string of 6 characters');
    expect(excessOf(at('123456'))).toBeUndefined();
  }
});

test('accepts ordinary JSON', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void expect(excessOf(value, 100_000)).toBeUndefined()));
});

test('walks a million members without a stack overflow', () => {
  expect(excessOf(Array.from({ length: 1_000_000 }, () => ({ id: 1 })))).toBeUndefined();
});
