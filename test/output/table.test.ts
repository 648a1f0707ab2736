import { expect, test } from 'vitest';
import { fitted, fittedRows, table } from '../../src/output/table.ts';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
const columns = [
  { header: 'ID', cells: ['1', '22'] },
  { header: 'NAME', optional: 2, cells: ['Ann', ''] },
  { header: 'COST', optional: 1, cells: ['$39', '$4.50'] },
];

test('a table has its columns two spaces apart, and no space at the end of a line', () => {
  expect(
    table(
      ['ID', 'NAME'],
      [
        ['1', 'Ann'],
        ['22', ''],
      ],
    ),
  ).toBe('ID  NAME\n1   Ann\n22\n');
  expect(
    table(undefined, [
      ['a', 'b'],
      ['cc', 'd'],
    ]),
  ).toBe('a   b\ncc  d\n');
});

test('columns are as wide as their cells look, colours and wide characters aside', () => {
  expect(
    table(undefined, [
      [red('ab'), 'x'],
      ['世界', 'y'],
    ]),
  ).toBe(`${red('ab')}    x\n世界  y\n`);
});

test('a table leaves out optional columns, the lowest number first, until it fits', () => {
  expect(fitted(columns, 15)).toBe('ID  NAME  COST\n1   Ann   $39\n22        $4.50\n');
  expect(fitted(columns, 14)).toBe('ID  NAME\n1   Ann\n22\n');
  expect(fitted(columns, 7)).toBe('ID\n1\n22\n');
  expect(fitted(columns, Number.POSITIVE_INFINITY)).toContain('COST');
});

test('a table that cannot fit is a paragraph a row, with a line a cell that is not empty', () => {
  expect(fitted(columns, 1)).toBe('ID    1\nNAME  Ann\nCOST  $39\n\nID    22\nCOST  $4.50\n');
});

test('numbers stand at the right, their header too', () => {
  const numbers = [
    { header: 'KEY', cells: ['a', 'bb'] },
    { header: 'TOKENS', right: true, cells: [red('1,234'), '12'] },
  ];
  expect(fitted(numbers, 80)).toBe(`KEY  TOKENS\na     ${red('1,234')}\nbb       12\n`);
});

test('rows to choose from have no header, and leave out what does not fit', () => {
  expect(fittedRows(columns, 80)).toEqual(['1   Ann  $39', '22       $4.50']);
  expect(fittedRows(columns, 10)).toEqual(['1   Ann', '22']);
  expect(fittedRows(columns, 1)).toEqual(['1', '22']);
});

test('one cell of a mebibyte among a thousand rows makes paragraphs, even in a pipe', () => {
  const cells = ['x'.repeat(2 ** 20), ...Array<string>(1000).fill('short')];
  const drawn = fitted(
    [
      { header: 'ID', cells: cells.map(String) },
      { header: 'NAME', cells },
    ],
    Number.POSITIVE_INFINITY,
  );
  expect(drawn.length).toBeLessThan(3 * 2 ** 20);
  expect(drawn).toContain('\n\nID    short\nNAME  short\n');
});

test('a table of a million rows has its columns too', () => {
  const cells = Array<string>(1_000_000).fill('1');
  expect(fitted([{ header: 'ID', cells }], 80)).toHaveLength(3 + 2 * cells.length);
});
