import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ascii,
  factLines,
  grouped,
  harmless,
  harmlessData,
  harmlessJson,
  inWords,
  linked,
  percent,
} from '../../src/output/text.ts';
import { codePoint } from '../support/code-point.ts';

const driving =
  /[\u0000-\u001f\u007f-\u009f\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad\ufff9-\ufffb\u{e0000}-\u{e0fff}]/u;
const nasty = fc.string({
  unit: fc.oneof(
    codePoint,
    fc.constantFrom(
      '\u001b[',
      '\u001b]',
      '\u009b',
      '\u0007',
      '\u001b\\',
      '\u202e',
      '\u200d',
      '\ufe0f',
      '\u{e0041}',
      '🔑',
      '\t',
      '\n',
      '31m',
      '\\u001b',
      '"',
    ),
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
    ['p\u200br\u200co\u200dd', 'prod'],
    ['p\u200er\u200fo\u061cd', 'prod'],
    ['\ufeffp\u2060r\u2064o\u00add\u180e', 'prod'],
    ['prod\u{e0041}\u{e007f}\u{e0100}\u{e01ef}', 'prod'],
    ['pr\ufe0fod\u034f\u3164\ufff9', 'prod'],
    ['می\u200cخواهم', 'میخواهم'],
    ['क्\u200dष', 'क्ष'],
    ['👨\u200d👩\u200d👧\u200d👦', '👨\u200d👩\u200d👧\u200d👦'],
    ['❤\ufe0f\u200d🔥 👍🏽 🧑🏽\u200d⚕\ufe0f', '❤\ufe0f\u200d🔥 👍🏽 🧑🏽\u200d⚕\ufe0f'],
    ['🏳\ufe0f\u200d🌈 🇯🇵 1\ufe0f\u20e3 ✓\ufe0e', '🏳\ufe0f\u200d🌈 🇯🇵 1\ufe0f\u20e3 ✓'],
    ['🔑\u200d 🔑\ufe0f\ufe0f\ufe0f', '🔑 🔑\ufe0f'],
    ['🏴\u{e0067}\u{e0062}\u{e007f}', '🏴'],
  ])('turns %j into %j', (text, result) => {
    expect(harmless(text)).toBe(result);
  });

  test('removes everything that controls a terminal, in one pass', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(harmless(text)).not.toMatch(driving);
        expect(harmless(harmless(text))).toBe(harmless(text));
      }),
    );
  });
});

test('harmlessData makes every text in a copy harmless', () => {
  const data = { a: '\u001b[2Jx', b: [{ c: '\u0007y' }, '\tz'], d: 1, e: null, f: undefined, g: true };
  const copy = harmlessData(data);
  expect(copy).toEqual({ a: 'x', b: [{ c: 'y' }, ' z'], d: 1, e: null, f: undefined, g: true });
  expect(data.a).toBe('\u001b[2Jx');
  expect(harmlessData(7)).toBe(7);
});

test('harmlessData is ASCII for a terminal without UTF-8', () => {
  expect(harmlessData({ größe: 'sk_live_…9f3a', b: [{ c: '世界' }] }, false)).toEqual({
    'gro?e': 'sk_live_...9f3a',
    b: [{ c: '??' }],
  });
});

test('harmlessJson keeps its value for a terminal without UTF-8', () => {
  const json = harmlessJson('"ß世🔑\u007f"', false);
  expect(json).toBe('"\\u00df\\u4e16\\ud83d\\udd11\\u007f"');
  expect(JSON.parse(json)).toBe('ß世🔑\u007f');
});

describe('ascii', () => {
  test.each([
    ['✓ Signed in', '+ Signed in'],
    ['✗ ! 08:00–16:00 — sk_…9f3a · • ─ →', 'x ! 08:00-16:00 - sk_...9f3a . * - >'],
    ['█▌▏', '##-'],
    ['Ärger, ngjërë, Łódź', 'Arger, ngjere, ?odz'],
    ['世🔑\u009b', '???'],
    ['\u001b[32mgreen\u001b[39m\t\n', '\u001b[32mgreen\u001b[39m\t\n'],
  ])('%j is %j', (text, result) => {
    expect(ascii(text)).toBe(result);
  });

  test('keeps the width of marks, so that tables stay aligned', () => {
    for (const mark of '✓✗×–—─→·•█▉▊▋▌▍▎▏’“”') expect(ascii(mark)).toHaveLength(1);
  });
});

describe('a URL becomes a link', () => {
  const link = (url: string) => `\u001b]8;;${url}\u001b\\${url}\u001b]8;;\u001b\\`;

  test.each([
    ['Pay here: https://example.com/a?b=c#d', `Pay here: ${link('https://example.com/a?b=c#d')}`],
    ['(see https://example.com/a).', `(see ${link('https://example.com/a')}).`],
    ['`https://a.test`, http://127.0.0.1:8787/x', `\`${link('https://a.test')}\`, ${link('http://127.0.0.1:8787/x')}`],
    ['https://a.test\nhttps://b.test', `${link('https://a.test')}\n${link('https://b.test')}`],
  ])('in %j', (text, result) => {
    expect(linked(text)).toBe(result);
  });

  test.each(['ftp://a.test', 'file:///etc/passwd', 'example.com', 'no URL'])('%j has no link', (text) => {
    expect(linked(text)).toBe(text);
  });
});

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567, '1,234,567'],
  [-1_234_567, '-1,234,567'],
  [0.5, '0.5'],
  [null, ''],
  [undefined, ''],
])('formats %d as "%s"', (count, text) => {
  expect(grouped(count)).toBe(text);
});

test('harmlessJson keeps its value and holds nothing that controls a terminal', () => {
  expect(harmlessJson('"\u009b\u202e\u007f\u2028é"')).toBe('"\\u009b\\u202e\\u007f\\u2028é"');
  expect(harmlessJson('"a\u200b\u{e0041}👨\u200d👩"')).toBe('"a\\u200b\\udb40\\udc4\u0031👨\u200d👩"');
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
])('lists %j with "%s" as "%s"', (items, last, words) => {
  expect(inWords(items, last)).toBe(words);
});

test('inWords uses "and" by default', () => {
  expect(inWords(['a', 'b'])).toBe('a and b');
});

test.each([
  [0.15, '15%'],
  [0.125, '12.5%'],
  [0.07, '7%'],
])('formats %d as "%s"', (fraction, text) => {
  expect(percent(fraction)).toBe(text);
});

test('factLines aligns values', () => {
  expect(
    factLines([
      ['Pool', 'kimi26'],
      ['', 'more'],
      ['Charged today', '$39.00'],
    ]),
  ).toBe('Pool           kimi26\n               more\nCharged today  $39.00');
});
