import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellText, csv, tsv } from '../../src/output/delimited.ts';
import { codePoint } from '../support/code-point.ts';

test.each([
  [null, ''],
  [undefined, ''],
  ['', ''],
  [0, '0'],
  [false, 'false'],
  [4.5, '4.5'],
  ['a\tb\r\nc', 'a b c'],
])('formats the cell %j as %j', (cell, text) => {
  expect(cellText(cell)).toBe(text);
});

test('writes as many tab-separated fields as there are cells, whatever they hold', () => {
  const rows = fc.array(
    fc.array(fc.oneof(fc.string({ unit: codePoint }), fc.constantFrom('\t', '\n', '\r\n', '\u2028')), {
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

test('ends lines of CSV with CR LF and quotes cells as RFC 4180 requires', () => {
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

test.each(['=cmd()', '+x', '-x', '@SUM(A1)', '\tx', '\rx', '\n=x', '＝cmd()', '--1', '- item', '-', '-1+cmd()'])(
  'keeps a spreadsheet from running %j as a formula',
  (text) => {
    expect(parsed(csv(['h'], [[text]]))).toEqual([['h'], [`'${text}`]]);
    expect(parsed(csv([text], []))).toEqual([[`'${text}`]]);
  },
);

test.each(['-5', '-0.50', '+1', '-1e3', '5', 'a=b', ' =x', "'=x"])('leaves %j unchanged in CSV', (text) => {
  expect(csv(['h'], [[text]])).toBe(`h\r\n${text}\r\n`);
});

test('leaves a negative number unchanged in CSV', () => {
  expect(csv(['h'], [[-5], [-0.5]])).toBe('h\r\n-5\r\n-0.5\r\n');
});

test('writes CSV that parses to the same cells, except for the apostrophe', () => {
  const cell = fc.oneof(
    fc.string().map((text) => text.replace(/^'+/, '')),
    fc.constantFrom('"', '""', ',', '\r\n', '\n', '\r', ' '),
  );
  const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 });
  const read = (cells: string[][]) =>
    parsed(csv(['h', 'i'], cells)).map((row) => row.map((each) => each.replace(/^'(?=[=+\-@\t\r\n])/, '')));
  fc.assert(fc.property(rows, (cells) => void expect(read(cells)).toEqual([['h', 'i'], ...cells])));
});

/** Parses CSV by the grammar of RFC 4180. */
function parsed(text: string): string[][] {
  const fields = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy);
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of fields) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}
