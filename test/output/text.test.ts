import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counted, factLines, harmless, harmlessData, harmlessJson, inWords } from '../../src/output/text.ts';

const driving = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const nasty = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('\u001b[', '\u001b]', '\u009b', '\u0007', '\u001b\\', '\u202e', '\t', '\n', '31m', '\\u001b', '"'),
  ),
});

describe('harmless', () => {
  test.each([
    ['plain – größe 世界 🔑', 'plain – größe 世界 🔑'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]8;;https://evil.test\u0007link\u001b]8;;\u0007', 'link'],
    ['\u009b2Jx', 'x'],
    ['\u001b\u001b[31m[2Jx', '[2Jx'],
    ['a\tb\r\n\nc', 'a b c'],
    ['a\u0000\u0008\u007fb', 'ab'],
    ['abc\u202edef\u2066g', 'abcdefg'],
    ['a\u2028b\u2029c', 'a b c'],
    ['', ''],
  ])('makes of %j %j', (text, result) => {
    expect(harmless(text)).toBe(result);
  });

  test('leaves nothing that drives a terminal, whatever it is given, and is done the first time', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(harmless(text)).not.toMatch(driving);
        expect(harmless(harmless(text))).toBe(harmless(text));
      }),
    );
  });
});

test('harmless data is a copy in which every text is harmless', () => {
  const data = { a: '\u001b[2Jx', b: [{ c: '\u0007y' }, '\tz'], d: 1, e: null, f: undefined, g: true };
  const copy = harmlessData(data);
  expect(copy).toEqual({ a: 'x', b: [{ c: 'y' }, ' z'], d: 1, e: null, f: undefined, g: true });
  expect(data.a).toBe('\u001b[2Jx');
  expect(harmlessData(7)).toBe(7);
});

test('harmless JSON has the same value and nothing that drives a terminal', () => {
  expect(harmlessJson('"\u009b\u202e\u007f\u2028é"')).toBe('"\\u009b\\u202e\\u007f\\u2028é"');
  fc.assert(
    fc.property(nasty, (text) => {
      const json = harmlessJson(JSON.stringify({ text }));
      expect(json).not.toMatch(driving);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});

test.each([
  [[], 'and', ''],
  [['a'], 'and', 'a'],
  [['a', 'b'], 'and', 'a and b'],
  [['a', 'b', 'c'], 'or', 'a, b or c'],
])('%j with "%s" in words is "%s"', (items, last, words) => {
  expect(inWords(items, last)).toBe(words);
});

test('a list in words ends with "and" unless told otherwise', () => {
  expect(inWords(['a', 'b'])).toBe('a and b');
});

test.each([
  [0, '0 seats'],
  [1, '1 seat'],
  [20, '20 seats'],
])('%i of a thing is "%s"', (count, words) => {
  expect(counted(count, 'seat')).toBe(words);
});

test('facts stand below each other', () => {
  expect(
    factLines([
      ['Pool', 'kimi26'],
      ['', 'more'],
      ['Charged today', '$39.00'],
    ]),
  ).toBe('Pool           kimi26\n               more\nCharged today  $39.00');
});
