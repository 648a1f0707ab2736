import { expect, test } from 'vitest';
import { padded, widthOf } from '../../src/output/width.ts';

test.each([
  ['', 0],
  ['abc', 3],
  ['sk_live_…9f3a', 13],
  ['größe', 5],
  ['gro\u0308ße', 5],
  ['世界', 4],
  ['한글 かな', 9],
  ['Ｗ', 2],
  ['🔑 key', 6],
  ['a\u200db', 2],
  ['08:00–16:00', 11],
  ['\u001b[31mred\u001b[39m', 3],
  ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 4],
  ['\u001b[2m世\u001b[22m', 2],
])('%j is %i columns wide', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

test('a padded text has the width asked for, unless it is wider', () => {
  expect([padded('世', 4), padded('\u001b[1mab\u001b[22m', 3), padded('abc', 2)]).toEqual([
    '世  ',
    '\u001b[1mab\u001b[22m ',
    'abc',
  ]);
});
