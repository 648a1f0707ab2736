import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandError } from '../../src/domain/errors.ts';
import { emptyFolder } from '../support/folder.ts';
import { driving, strange } from '../support/odd-texts.ts';
import { read } from './reading.ts';

const good = `version: 1
ceilings:
  maxMonthlySpend: 200   # USD
managed: {prefix: tenant-}
seats:
  - pool: kimi26
    blocks: [europe, asia]
    quantity: 2
    onSoldOut: fail
keys:
  - name: "prod-api"
    type: subscription
    pool: kimi26
    to: github:owner/repo
    protected: true
  - {name: 'batch', type: credit, maxBudget: 25, rpm: 60, tpm: 100000}
  - from: tenants.csv
    template: {type: credit, maxBudget: 25, rpm: 60}
    to: command:./store
`;
const lines = good.split('\n');
const tables = { 'tenants.csv': 'name,rpm\nacme,\nglobex,90\n' };

/** Pieces of YAML that are wrong in most places, and odd texts. */
const pieces = [
  ...[
    '&a ',
    '*a',
    '!!str ',
    '!x',
    '<<: *a',
    '? ',
    '- ',
    '-',
    ': ',
    ':',
    ', ',
    '#',
    ' # ',
    '\n---\n',
    '\n...\n',
    '%YAML 1.1\n',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '|',
    '>-',
    '\t',
    '\n\t',
    ' ',
    '  ',
    '\n',
    '\r',
    '\r\n',
    '\\',
    '@',
    '`',
    '~',
    'null',
  ],
  ...['yes', 'true', '007', '1e309', '.nan', '-1', '0x1F', '2026-04-14', '\ufeff', '\0', '\u0085', '\u2028', '\ud800'],
  ...['__proto__: 1\n', 'constructor', 'version: 1\n', 'name: a\n', 'sk_live_abcdefghijklmnop1234', 'x'.repeat(2000)],
  ...driving,
  ...strange,
];
const piece = fc.constantFrom(...pieces);
const position = fc.nat({ max: good.length });
const line = fc.nat({ max: lines.length - 1 });
/** Matches a value, or the name of a field. */
const words = [...good.matchAll(/[\w-]+/g)].map(({ 0: { length }, index }) => ({ index, length }));

type Change = (text: string) => string;

const spliced =
  (at: number, length: number, inserted: string): Change =>
  (text) =>
    text.slice(0, at) + inserted + text.slice(at + length);
const changedLines =
  (change: (all: string[]) => string[]): Change =>
  (text) =>
    change(text.split('\n')).join('\n');

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(position, piece).map(([at, inserted]) => spliced(at, 0, inserted)),
  fc.tuple(position, fc.nat({ max: 30 })).map(([at, length]) => spliced(at, length, '')),
  fc.tuple(fc.constantFrom(...words), piece).map(([{ index, length }, inserted]) => spliced(index, length, inserted)),
  position.map(
    (at): Change =>
      (text) =>
        text.slice(0, at),
  ),
  line.map((at) => changedLines((all) => all.toSpliced(at, 0, all[at] ?? ''))),
  line.map((at) => changedLines((all) => all.toSpliced(at, 1))),
  fc
    .tuple(line, line)
    .map(([from, to]) => changedLines((all) => all.toSpliced(from, 1).toSpliced(to, 0, all[from] ?? ''))),
  fc
    .tuple(line, fc.constantFrom(' ', '   ', '\t', '- '))
    .map(([at, lead]) => changedLines((all) => all.with(at % all.length, lead + all[at % all.length]))),
  line.map((at) => changedLines((all) => all.with(at % all.length, (all[at % all.length] ?? '').trimStart()))),
);

test('a file with random mistakes is refused with their places, or read', async () => {
  const folder = emptyFolder();
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const text = changes.reduce((before, each) => each(before), good);
      try {
        await read(text, { folder, tables });
        seen.add('read');
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        expect([error.code, error.exitCode]).toEqual(['usage', 2]);
        expect(error.lines.length).toBeGreaterThan(0);
        for (const each of error.lines) if (!/^and \d+ more$/.test(each)) expectPlace(each, text);
        for (const each of error.lines) seen.add(each.replace(/^.*?: /, '').replace(/"[^"]*"|\d+/g, '…'));
        // In the middle of a word, it isn't a key.
        expect(error.lines.join('\n')).not.toMatch(/(?<!\w)sk_live_abcdefghijklmnop/);
      }
    }),
    { numRuns: 600 },
  );
  // The changes lead to many kinds of mistakes, and some to none.
  expect(seen).toContain('read');
  expect(seen.size).toBeGreaterThan(40);
});

/** Expects a place that exists. */
function expectPlace(mistake: string, text: string): void {
  const [, table, number, column] = /^(?:(tenants\.csv), )?line (\d+)(?:, column (\d+))?: \S/.exec(mistake) ?? [];
  expect(mistake).toMatch(table === undefined ? /^line \d+, column \d+: \S/ : /^tenants\.csv, line \d+: \S/);
  const all = (table === undefined ? text.replace(/^\ufeff/, '') : tables['tenants.csv']).split('\n');
  expect(Number(number)).toBeGreaterThanOrEqual(1);
  expect(Number(number)).toBeLessThanOrEqual(all.length);
  if (column !== undefined) expect(Number(column)).toBeLessThanOrEqual((all[Number(number) - 1] ?? '').length + 1);
}

test('random bytes are refused with a place', async () => {
  const folder = emptyFolder();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
      const error: unknown = await read(Buffer.from(bytes), { folder }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(CommandError);
      if (error instanceof CommandError) expect(error.lines[0]).toMatch(/^line \d+, column \d+: \S/);
    }),
    { numRuns: 300 },
  );
});
