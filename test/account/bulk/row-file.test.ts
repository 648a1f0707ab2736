import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FileRow, formatOf, RowFile, type RowFormat } from '../../../src/account/bulk/row-file.ts';
import { exactCsv } from '../../../src/output/delimited.ts';
import { cpuTimer } from '../../support/cpu-time.ts';

/** Returns the rows of a text: their lines, and their values or what is wrong with them. */
async function rowsOf(text: string | Buffer, format: RowFormat = 'csv') {
  const rows: [number, Record<string, unknown> | string][] = [];
  for await (const { line, values, problem } of RowFile.of('keys', Buffer.from(text), format).rows())
    rows.push([line, problem ?? Object.fromEntries(values)]);
  return rows;
}

describe('CSV', () => {
  test.each([
    ['line breaks of Unix', 'name,type\nacme,credit\nglobex,credit\n'],
    ['line breaks of Windows', 'name,type\r\nacme,credit\r\nglobex,credit\r\n'],
    ['line breaks of old Macs', 'name,type\racme,credit\rglobex,credit\r'],
    ['line breaks of several kinds', 'name,type\r\nacme,credit\nglobex,credit'],
    ['no last line break', 'name,type\nacme,credit\nglobex,credit'],
    ['a byte order mark', '\ufeffname,type\nacme,credit\nglobex,credit\n'],
    ['spaces around values', ' name , type \n acme ,credit\t\n globex, credit \n'],
    ['quotes', '"name","type"\n"acme","credit"\nglobex,"credit"\n'],
  ])('is read with %s', async (_name, text) => {
    expect(await rowsOf(text)).toEqual([
      [2, { name: 'acme', type: 'credit' }],
      [3, { name: 'globex', type: 'credit' }],
    ]);
  });

  test('leaves out empty lines and empty values, and counts all lines', async () => {
    expect(await rowsOf('\nname,type\n\nacme,\n\n,credit\n,\n')).toEqual([
      [4, { name: 'acme' }],
      [6, { type: 'credit' }],
      [7, {}],
    ]);
  });

  test('keeps line breaks, quotes and commas in quotes, and counts their lines', async () => {
    expect(await rowsOf('name,to\n"a ""b"", c","x\ny"\nacme,z\n')).toEqual([
      [3, { name: 'a "b", c', to: 'x\ny' }],
      [4, { name: 'acme', to: 'z' }],
    ]);
  });

  test('reports rows with too many values, and takes those with too few', async () => {
    expect(await rowsOf('name,type\nacme\nglobex,credit,1\n')).toEqual([
      [2, { name: 'acme' }],
      [3, 'it has 3 values, but there are 2 columns'],
    ]);
  });

  test('reports a column that appears twice', async () => {
    expect(await rowsOf('name,type,name\nacme,credit,x\n')).toContainEqual([1, 'column "name" appears twice']);
  });

  test.each([
    ['a quote that is never closed', 'name,type\nacme,credit\n"globex,credit\n'],
    ['a quote in the middle', 'name,type\nacme,credit\nglo"bex,credit\n'],
    ['text after a quote', 'name,type\nacme,credit\n"glo"bex,credit\n'],
  ])('reports %s', async (_name, text) => {
    expect((await rowsOf(text)).at(-1)).toEqual([3, expect.stringMatching(/^it isn't CSV \(/)]);
  });

  test.each(['', '\n', '\ufeff', 'name,type', 'name,type\n', 'name,type\n\n'])('may have no rows: %j', async (text) => {
    expect(await rowsOf(text)).toEqual([]);
  });

  test('reads back all that is written', async () => {
    const value = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\r', '').trim());
    const columns = ['name', 'to'] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, value), { maxLength: 8 }), async (rows) => {
        const whole = rows.filter(([name]) => name !== '');
        const read = await rowsOf(exactCsv([columns, ...whole]));
        expect(read.map(([, values]) => values)).toEqual(
          whole.map(([name, to]) => ({ name, ...(to === '' ? {} : { to }) })),
        );
      }),
    );
  });

  test('takes 100,000 columns, and says once that one appears twice', async () => {
    const columns = Array.from({ length: 100_000 }, (_, at) => `c${at}`);
    const used = cpuTimer();
    expect(await rowsOf(`${columns.join()},c1\n`)).toEqual([[1, 'column "c1" appears twice']]);
    expect(used()).toBeLessThan(5000);
  });

  test('is read in parts, wherever they end', async () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `käufer-${at}-✓`);
    const rows = await rowsOf(`name\r\n${names.join('\r\n')}`);
    expect(rows.map(([, values]) => values)).toEqual(names.map((name) => ({ name })));
  });
});

describe('NDJSON', () => {
  test('is read with a byte order mark, line breaks of Windows, empty lines, and without a last line break', async () => {
    expect(
      await rowsOf('\ufeff{"name":"acme"}\r\n\r\n  {"name":"globex","rpm":5,"pool":null,"to":""}', 'ndjson'),
    ).toEqual([
      [1, { name: 'acme' }],
      [3, { name: 'globex', rpm: 5 }],
    ]);
  });

  test.each(['{"name":', 'null', '[]', '"acme"', '1', '{"name":"a"} {"name":"b"}', "{'name':'a'}", 'name,type'])(
    'reports a line that is no object: %s',
    async (line) => {
      expect(await rowsOf(`{"name":"acme"}\n${line}\n{"name":"globex"}\n`, 'ndjson')).toEqual([
        [1, { name: 'acme' }],
        [2, "it isn't a JSON object"],
        [3, { name: 'globex' }],
      ]);
    },
  );

  test('takes the names of object members as columns', async () => {
    const [row] = await rowsOf('{"__proto__":{"name":"x"},"constructor":1}', 'ndjson');
    expect(row?.[1]).toEqual({ ['__proto__']: { name: 'x' }, constructor: 1 });
  });
});

test('knows the format by the name of the file, else by its first character', () => {
  expect(['a.csv', 'A.CSV', 'a.ndjson', 'a.jsonl', 'a.json', 'a', 'csv'].map(formatOf)).toEqual([
    'csv',
    'csv',
    'ndjson',
    'ndjson',
    'ndjson',
    undefined,
    undefined,
  ]);
});

test('can be read more than once', async () => {
  const file = RowFile.of('keys', Buffer.from('name\nacme\n'), 'csv');
  const read = async () => {
    const rows: FileRow[] = [];
    for await (const row of file.rows()) rows.push(row);
    return rows;
  };
  expect(await read()).toEqual(await read());
});

test.runIf(process.platform !== 'win32')('a device that never ends is refused', () => {
  const world = { cwd: '/' };
  expect(() => RowFile.open(world, '/dev/zero')).toThrow("Can't read /dev/zero: it is a device");
  expect(() => RowFile.open(world, '/dev/null')).not.toThrow();
});
