import { describe, expect, test } from 'vitest';
import { fitted, fittedRows, table } from '../../src/output/table.ts';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;
const columns = [
  { header: 'ID', cells: ['1', '22'] },
  { header: 'NAME', optional: 2, cells: ['Ann', ''] },
  { header: 'COST', optional: 1, cells: ['$39', '$4.50'] },
];

/** Lines of text as a command writes them. */
const lines = (...text: readonly string[]) => text.map((line) => `${line}\n`).join('');

describe('a table', () => {
  test('has two spaces between columns, and none at the end of a line', () => {
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

  test('measures cells as they look, with colors and wide characters', () => {
    expect(
      table(undefined, [
        [red('ab'), 'x'],
        ['世界', 'y'],
      ]),
    ).toBe(`${red('ab')}    x\n世界  y\n`);
  });

  test('aligns numbers to the right, and their header too', () => {
    const numbers = [
      { header: 'KEY', cells: ['a', 'bb'] },
      { header: 'TOKENS', right: true, cells: [red('1,234'), '12'] },
    ];
    expect(fitted(numbers, 80)).toBe(`KEY  TOKENS\na     ${red('1,234')}\nbb       12\n`);
  });
});

describe('a table that is too wide', () => {
  const ids = ['070c335b-e0be-4618-8f94-5923c0ad02b7', '9c61e409-da24-4fff-8b7a-37eae06975fc'];
  const listed = [
    { header: 'ID', hasIds: true, cells: ids },
    { header: 'POOL', cells: ['kimi26', 'glm5'] },
    { header: 'PRICE', optional: 2, cells: ['$49.00', '$59.00'] },
    { header: 'FROM', optional: 1, cells: ['$39.00', '$49.00'] },
  ];

  test('drops optional columns in order until it fits', () => {
    expect(fitted(columns, 15)).toBe('ID  NAME  COST\n1   Ann   $39\n22        $4.50\n');
    expect(fitted(columns, 14)).toBe('ID  NAME\n1   Ann\n22\n');
    expect(fitted(columns, 7)).toBe('ID\n1\n22\n');
    expect(fitted(columns, Number.POSITIVE_INFINITY)).toContain('COST');
  });

  test('drops the least useful columns, then shortens ids, then drops others', () => {
    const headers = (width: number) => fitted(listed, width).split('\n')[0];
    expect(headers(60)).toBe('ID                                    POOL    PRICE   FROM');
    expect(headers(59)).toBe('ID                                    POOL    PRICE');
    expect(fitted(listed, 50)).toBe(
      lines('ID        POOL    PRICE', '070c335b  kimi26  $49.00', '9c61e409  glm5    $59.00'),
    );
    expect(headers(23)).toBe('ID        POOL');
  });

  test('keeps as much of ids as it takes to tell them apart', () => {
    const alike = ['070c335b-e0be-4618-8f94-5923c0ad02b7', '070c335b-e0bf-4618-8f94-5923c0ad02b7'];
    expect(fitted([{ header: 'ID', hasIds: true, cells: alike }], 20)).toBe(
      lines('ID', '070c335b-e0be', '070c335b-e0bf'),
    );
  });

  test('shortens ids in color and in sentences, but no other text', () => {
    const [id = ''] = ids;
    const cells = [bold(id), `cancel kimi26 ${id}`, 'a-name-of-more-than-8-characters'];
    expect(fitted([{ header: 'CHANGE', hasIds: true, cells }], 35)).toBe(
      lines('CHANGE', bold('070c335b'), 'cancel kimi26 070c335b', 'a-name-of-more-than-8-characters'),
    );
  });

  const wordy = [
    { header: 'WHEN', cells: ['2 hours ago', 'now'] },
    { header: 'CHANGE', cells: [`subscribe ${red('kimi26 asia, europe')} and americas, 3 seats`, 'create key a'] },
    { header: 'OUTCOME', cells: ['applied', 'applied'] },
  ];

  test('wraps its longest cells at 60 columns and more', () => {
    const wrapped = fitted(wordy, 60);
    expect(wrapped).toBe(
      lines(
        'WHEN         CHANGE                             OUTCOME',
        `2 hours ago  subscribe ${red('kimi26 asia, europe')} and  applied`,
        '             americas, 3 seats',
        'now          create key a                       applied',
      ),
    );
  });

  test('wraps lists after commas', () => {
    const word = 'x'.repeat(44);
    expect(
      fitted(
        [
          { header: 'BLOCKS', cells: ['asia,europe,americas', '$1,250.00'] },
          { header: 'TEXT', cells: [word, ''] },
        ],
        60,
      ),
    ).toBe(lines('BLOCKS        TEXT', `asia,europe,  ${word}`, 'americas', '$1,250.00'));
  });

  test('repeats a color in each line of a cell that has it', () => {
    const cells = [red('one two three four five six seven eight nine ten eleven twelve thirteen')];
    expect(fitted([{ header: 'TEXT', cells }], 60)).toBe(
      lines('TEXT', red('one two three four five six seven eight nine ten eleven'), red('twelve thirteen')),
    );
    const heavy = [bold('one two three four five six seven eight nine ten eleven twelve thirteen')];
    expect(fitted([{ header: 'TEXT', cells: heavy }], 60)).toContain(`\n${bold('twelve thirteen')}\n`);
  });

  test('becomes records below 60 columns, and if its words are too long', () => {
    expect(fitted(wordy, 59).split('\n')[0]).toBe('WHEN     2 hours ago');
    expect(fitted([{ header: 'NAME', cells: ['x'.repeat(81)] }], 80)).toBe(`NAME  ${'x'.repeat(81)}\n`);
  });
});

describe('records', () => {
  test('have a line for each cell that is not empty, and a blank line between them', () => {
    expect(fitted(columns, 1)).toBe('ID    1\nNAME  Ann\nCOST  $39\n\nID    22\nCOST  $4.50\n');
  });

  test('have their values in one column, whichever lines are missing', () => {
    const uneven = [
      { header: 'ID', cells: ['1', '2'] },
      { header: 'A LONG LABEL', cells: ['x', ''] },
    ];
    expect(fitted(uneven, 1)).toBe('ID            1\nA LONG LABEL  x\n\nID            2\n');
  });
});

test('rows to choose from have no header, and drop what does not fit', () => {
  expect(fittedRows(columns, 80)).toEqual(['1   Ann  $39', '22       $4.50']);
  expect(fittedRows(columns, 10)).toEqual(['1   Ann', '22']);
  expect(fittedRows(columns, 1)).toEqual(['1', '22']);
  const id = '070c335b-e0be-4618-8f94-5923c0ad02b7';
  expect(
    fittedRows(
      [
        { header: '', cells: ['kimi26'] },
        { header: '', hasIds: true, cells: [id] },
      ],
      40,
    ),
  ).toEqual(['kimi26  070c335b']);
});

test('one cell of a mebibyte among a thousand rows makes records, even in a pipe', () => {
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

test('aligns a table of a million rows', () => {
  const cells = Array<string>(1_000_000).fill('1');
  expect(fitted([{ header: 'ID', cells }], 80)).toHaveLength(3 + 2 * cells.length);
});
