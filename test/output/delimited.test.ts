import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellText, csv, tsv } from '../../src/output/delimited.ts';

test.each([
  [null, ''],
  [undefined, ''],
  ['', ''],
  [0, '0'],
  [false, 'false'],
  [4.5, '4.5'],
  ['a\tb\r\nc', 'a b c'],
])('the cell %j is the text %j', (cell, text) => {
  expect(cellText(cell)).toBe(text);
});

test('tab-separated lines have as many fields as cells, whatever they hold', () => {
  const rows = fc.array(
    fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\t', '\n', '\r\n', '\u2028')), {
      minLength: 3,
      maxLength: 3,
    }),
  );
  fc.assert(
    fc.property(rows, (cells) => {
      const lines = tsv(cells).split('\n');
      expect(lines.pop()).toBe('');
      expect(lines.map((line) => line.split('\t').length)).toEqual(cells.map(() => 3));
    }),
  );
});

test('CSV ends its lines with CR LF and quotes what RFC 4180 wants quoted', () => {
  expect(
    csv(
      ['a', 'b,c'],
      [
        ['x', null],
        ['q"q', 'l\nl'],
        [1, true],
      ],
    ),
  ).toBe('a,"b,c"\r\nx,\r\n"q""q","l\nl"\r\n1,true\r\n');
  expect(csv(['a'], [])).toBe('a\r\n');
});

test('CSV is read back as it was, whatever it holds', () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('"', '""', ',', '\r\n', '\n', '\r', ' '));
  const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 });
  fc.assert(fc.property(rows, (cells) => void expect(parsed(csv(['h', 'i'], cells))).toEqual([['h', 'i'], ...cells])));
});

/** Reads CSV by the grammar of RFC 4180. */
function parsed(text: string): string[][] {
  const fields = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy);
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of fields) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}
