import { describe, expect, test } from 'vitest';
import { cpuTimer } from '../support/cpu-time.ts';
import { emptyFolder } from '../support/folder.ts';
import { mistakesIn, read } from './reading.ts';

const table = (entry: string) => `version: 1\nkeys:\n  ${entry}\n`;
const tenants = table('from: tenants.csv\n  template: {type: credit, maxBudget: 25, rpm: 60}\n  to: command:./store');

describe('a table of keys', () => {
  test('fills what its rows leave empty from the template, and says where each key is', async () => {
    const { keys } = await read(tenants, {
      tables: { 'tenants.csv': 'name,maxBudget,rpm,to\nacme,,,\nglobex,30,90,github:a/b\n' },
    });
    const [first, second] = keys;
    expect(keys).toHaveLength(2);
    expect(first).toEqual({
      name: 'acme',
      type: 'credit',
      maxBudget: 25,
      rpm: 60,
      to: 'command:./store',
      isProtected: false,
      place: { file: 'tenants.csv', line: 2, column: 1 },
    });
    expect(second).toMatchObject({ name: 'globex', maxBudget: 30, rpm: 90, to: 'github:a/b', place: { line: 3 } });
  });

  test.each([
    [
      'NDJSON',
      'keys.ndjson',
      '{"name":"a","rpm":5}\n{"name":7}\n',
      [
        ['a', 5],
        ['7', undefined],
      ],
    ],
    [
      'CSV',
      'keys.csv',
      'name,rpm\r\na,5\r\n7,\r\n',
      [
        ['a', 5],
        ['7', undefined],
      ],
    ],
  ])('may be %s', async (_name, from, text, expected) => {
    const { keys } = await read(table(`from: ${from}`), { tables: { [from]: text } });
    expect(keys.map(({ name, type, rpm }) => [name, type, rpm])).toEqual(
      expected.map(([name, rpm]) => [name, 'credit', rpm]),
    );
  });

  test('may be one of several entries', async () => {
    const { keys } = await read(
      table('- name: one\n  - from: a.csv\n  - from: b.csv\n    template: {pool: kimi26, protected: true}'),
      {
        tables: { 'a.csv': 'name\ntwo\n', 'b.csv': 'name,pool,subscription\nthree,,\nfour,glm51,\nfive,,sub_1\n' },
      },
    );
    expect(
      keys.map(({ name, type, pool, subscription, isProtected }) => [name, type, pool ?? subscription, isProtected]),
    ).toEqual([
      ['one', 'credit', undefined, false],
      ['two', 'credit', undefined, false],
      ['three', 'subscription', 'kimi26', true],
      ['four', 'subscription', 'glm51', true],
      ['five', 'subscription', 'sub_1', true],
    ]);
  });

  test('is relative to the file, and for standard input to the working directory', async () => {
    const text = table('from: tenants.csv');
    const folder = emptyFolder();
    const tables = { 'a/tenants.csv': 'name\ninner\n', 'tenants.csv': 'name\nouter\n' };
    const [inner, outer] = [
      await read(text, { folder, tables, name: 'a/account.yaml' }),
      await read(text, { folder, tables, name: '-' }),
    ];
    expect([inner.keys[0]?.name, outer.keys[0]?.name]).toEqual(['inner', 'outer']);
  });

  test('has its mistakes shown with its lines, after those of the file', async () => {
    const rows =
      'name,type,rpm,pool,colour\nacme,,0,,\n,,,,\nacme2,credit,,kimi26,\nglobex,,,,\nglobex,,,,\nprod,,,,\n';
    const text = table('- name: prod\n    to: nowhere\n  - from: tenants.csv');
    const [first, ...others] = await mistakesIn(text, { tables: { 'tenants.csv': rows } });
    expect(first).toMatch(/^line 4, column 9: "nowhere" is not a valid destination; choose /);
    expect(others).toEqual([
      'tenants.csv, line 1: column "colour" isn\'t known; the columns are name, type, pool, subscription, maxBudget, rpm, tpm, to and error',
      'tenants.csv, line 2: rpm "0" isn\'t a whole number above 0',
      'tenants.csv, line 3: its name is missing',
      'tenants.csv, line 4: a credit key has no pool',
      'tenants.csv, line 6: key "globex" is also in tenants.csv, line 5; names must differ',
      'tenants.csv, line 7: key "prod" is also in account.yaml, line 3; names must differ',
    ]);
  });

  test('has a destination for one secret reported once, where the file names it', async () => {
    const tables = { 'tenants.csv': 'name\na\nb\nc\n' };
    expect(await mistakesIn(table('from: tenants.csv\n  to: gitlab'), { tables })).toEqual([
      'line 4, column 7: destination "gitlab" holds one secret, and this one would replace the secret of tenants.csv, line 2',
    ]);
  });

  test.each(['', 'name,rpm\n'])('without keys is a mistake, because it may be cut off: %j', async (content) => {
    expect(await mistakesIn(table('from: tenants.csv'), { tables: { 'tenants.csv': content } })).toEqual([
      'line 3, column 9: tenants.csv has no keys; remove this entry',
    ]);
  });

  test('that isn’t UTF-8 is shown where the file names it', async () => {
    const tables = { 'tenants.csv': Buffer.from('name\ncaf\u00e9\n', 'latin1') };
    expect(await mistakesIn(table('from: tenants.csv'), { tables })).toEqual([
      "line 3, column 9: tenants.csv isn't UTF-8",
    ]);
  });

  test.each([1000, 100_000])('of %i rows takes little time', async (count) => {
    const rows = Array.from({ length: count }, (_, at) => `tenant-${at},${at + 1}`).join('\n');
    const folder = emptyFolder();
    const tables = { 'tenants.csv': `name,rpm\n${rows}\n` };
    // The first time, modules are loaded.
    await read(tenants, { folder, tables: { 'tenants.csv': 'name\na\n' } });
    const used = cpuTimer();
    const { keys } = await read(tenants, { folder, tables });
    const time = used();
    expect(keys).toHaveLength(count);
    expect(keys.at(-1)).toMatchObject({ name: `tenant-${count - 1}`, maxBudget: 25, rpm: count });
    // 1,000 rows take about 30 ms, and 100,000 rows 1.2 s.
    expect(time).toBeLessThan(200 + count / 25);
  });
});
