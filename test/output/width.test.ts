import { expect, test } from 'vitest';
import { widthOf } from '../../src/output/width.ts';

test.each([
  ['', 0],
  ['abc', 3],
  ['sk_live_…9f3a', 13],
  ['größe', 5],
  ['gro\u0308ße', 5],
  ['世界', 4],
  ['本番キー、', 10],
  ['zero\u200bwidth\ufeff', 9],
  ['한글 かな', 9],
  ['Ｗ', 2],
  ['🔑 key', 6],
  ['family 👨‍👩‍👧‍👦', 9],
  ['🏳️‍🌈 🇯🇵', 5],
  ['❤️', 2],
  ['กำ', 2],
  ['a\u200db', 2],
  ['08:00–16:00', 11],
  ['\u001b[31mred\u001b[39m', 3],
  ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 4],
  ['\u001b[2m世\u001b[22m', 2],
])('measures %j as %i columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
});
