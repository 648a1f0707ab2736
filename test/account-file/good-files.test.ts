import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { blockNames } from '../../src/domain/blocks.ts';
import {
  type DesiredAccount,
  type DesiredKey,
  type DesiredSeats,
  soldOutActions,
} from '../../src/domain/desired-account.ts';
import { emptyFolder } from '../support/folder.ts';
import { long, strange } from '../support/odd-texts.ts';
import { read } from './reading.ts';

const whole = `# yaml-language-server: $schema=https://raw.githubusercontent.com/cheapestinference/cli/main/docs/account.schema.json
version: 1
ceilings:
  maxMonthlySpend: 200        # USD
managed:
  prefix: tenant-
seats:
  - pool: kimi26
    blocks: [europe, asia]
    quantity: 2
    billingCycle: year
    onSoldOut: wait
    protected: true
  - pool: " glm51 "
    blocks: all
keys:
  - name: prod-api
    type: subscription
    pool: kimi26
    to: github:owner/repo
    protected: true
  - name: batch
    type: credit
    maxBudget: 25.50
    rpm: 60
    tpm: 100000
    fingerprint: sk_live_…abcd
  - name: " plain "
  - name: by-id
    subscription: sub_1
`;

const wholeAccount = {
  file: 'account.yaml',
  maxMonthlySpend: 20_000,
  managedPrefix: 'tenant-',
  seats: [
    {
      pool: 'kimi26',
      blocks: ['asia', 'europe'],
      quantity: 2,
      billingCycle: 'year',
      onSoldOut: 'wait',
      isProtected: true,
      place: { file: 'account.yaml', line: 8, column: 5 },
    },
    {
      pool: 'glm51',
      blocks: ['asia', 'europe', 'americas'],
      quantity: 1,
      billingCycle: 'month',
      onSoldOut: 'fail',
      isProtected: false,
      place: { file: 'account.yaml', line: 14, column: 5 },
    },
  ],
  keys: [
    {
      name: 'prod-api',
      type: 'subscription',
      pool: 'kimi26',
      to: 'github:owner/repo',
      isProtected: true,
      place: { file: 'account.yaml', line: 17, column: 5 },
    },
    {
      name: 'batch',
      type: 'credit',
      maxBudget: 25.5,
      rpm: 60,
      tpm: 100_000,
      isProtected: false,
      place: { file: 'account.yaml', line: 22, column: 5 },
    },
    { name: 'plain', type: 'credit', isProtected: false, place: { file: 'account.yaml', line: 28, column: 5 } },
    {
      name: 'by-id',
      type: 'subscription',
      subscription: 'sub_1',
      isProtected: false,
      place: { file: 'account.yaml', line: 29, column: 5 },
    },
  ],
};

describe('a file', () => {
  test('says what an account should have, and where each entry is', async () => {
    expect(await read(whole)).toEqual(wholeAccount);
  });

  test.each([
    ['a byte order mark', `\ufeff${whole}`],
    ['line ends of Windows', whole.replaceAll('\n', '\r\n')],
    ['no line end at the end', whole.trimEnd()],
    ['spaces at the ends of lines', whole.replaceAll('\n', '  \n')],
  ])('is the same with %s', async (_name, text) => {
    expect(await read(text)).toEqual(wholeAccount);
  });

  test.each([
    ['the marks of a document', '---\nversion: 1\n...\n'],
    ['the version of YAML', '%YAML 1.2\n---\nversion: 1\n'],
    ['empty lists', 'version: 1\nseats: []\nkeys: []\n'],
    ['only JSON', '{"version": 1}'],
    [
      'JSON with tabs and the address of the schema',
      '{\n\t"$schema": "./docs/account.schema.json",\n\t"version": 1\n}\n',
    ],
  ])('may have %s', async (_name, text) => {
    expect(await read(text)).toMatchObject({ maxMonthlySpend: undefined, seats: [], keys: [] });
  });

  test('is read from standard input', async () => {
    const { file, seats } = await read('version: 1\nseats:\n  - {pool: kimi26, blocks: all}\n', { name: '-' });
    expect([file, seats[0]?.place]).toEqual(['standard input', { file: 'standard input', line: 3, column: 5 }]);
  });

  test('may have 10,000 keys with all their fields', async () => {
    const entry = (at: number) =>
      `  - name: tenant-${at}\n    type: credit\n    maxBudget: 25.5\n    rpm: ${at + 1}\n    tpm: 1000\n    fingerprint: sk_live_…${at}\n`;
    const { keys } = await read(`version: 1\nkeys:\n${Array.from({ length: 10_000 }, (_, at) => entry(at)).join('')}`);
    expect(keys).toHaveLength(10_000);
    expect(keys.at(-1)).toMatchObject({ name: 'tenant-9999', rpm: 10_000, place: { line: 59_997, column: 5 } });
  });

  test('keeps text that YAML 1.1 read as something else', async () => {
    const { keys } = await read(
      'version: 1\nkeys:\n  - name: yes\n  - name: 2026-04-14\n  - name: 12:30\n  - name: "007"\n',
    );
    expect(keys.map(({ name }) => name)).toEqual(['yes', '2026-04-14', '12:30', '007']);
  });
});

const amount = fc.integer({ min: 1, max: 10_000_000 }).map((cents) => cents / 100);
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const isName = (text: string) => text.trim() !== '' && !/\p{Cc}|\p{Cs}/u.test(text);
const word = fc.oneof(fc.stringMatching(/^[a-z0-9-]{1,12}$/), fc.constantFrom(...strange.filter(isName), long));
const name = fc
  .oneof(word, fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter(isName))
  .map((text) => text.trim());
const anywhere = { file: '', line: 1, column: 1 };

const seats: fc.Arbitrary<DesiredSeats> = fc.record({
  pool: word.map((text) => text.trim()).filter((text) => text !== ''),
  blocks: fc.subarray([...blockNames], { minLength: 1 }),
  quantity: count,
  billingCycle: fc.constantFrom('month', 'year'),
  onSoldOut: fc.constantFrom(...soldOutActions),
  isProtected: fc.boolean(),
  place: fc.constant(anywhere),
});
const own = { name, isProtected: fc.boolean(), to: optional(fc.constantFrom('command:./store', 'command:a b')) };
const key: fc.Arbitrary<DesiredKey> = fc.oneof(
  fc.record({
    ...own,
    type: fc.constant('credit' as const),
    maxBudget: optional(amount),
    rpm: optional(count),
    tpm: optional(count),
    place: fc.constant(anywhere),
  }),
  fc.record({ ...own, type: fc.constant('subscription' as const), pool: name, place: fc.constant(anywhere) }),
  fc.record({ ...own, type: fc.constant('subscription' as const), subscription: name, place: fc.constant(anywhere) }),
);
const account: fc.Arbitrary<DesiredAccount> = fc.record({
  file: fc.constant('account.yaml'),
  maxMonthlySpend: optional(amount.map((usd) => Math.round(usd * 100))),
  managedPrefix: optional(name),
  seats: fc.uniqueArray(seats, {
    maxLength: 6,
    selector: ({ pool, blocks, billingCycle }) => JSON.stringify([pool, blocks, billingCycle]),
  }),
  keys: fc.uniqueArray(key, { maxLength: 12, selector: (each) => each.name }),
});

/** Returns the content of a file that says what an account should have. */
function contentOf({ maxMonthlySpend, managedPrefix, seats: all, keys }: DesiredAccount) {
  return {
    version: 1,
    ...(maxMonthlySpend === undefined ? {} : { ceilings: { maxMonthlySpend: maxMonthlySpend / 100 } }),
    ...(managedPrefix === undefined ? {} : { managed: { prefix: managedPrefix } }),
    seats: all.map(({ isProtected, place: _, ...each }) => ({ ...each, protected: isProtected })),
    keys: keys.map(({ isProtected, place: _, ...each }) => ({ ...each, protected: isProtected })),
  };
}

function withoutPlaces({ seats: all, keys, ...others }: DesiredAccount) {
  const placeless = <Entry extends { readonly place: unknown }>({ place: _, ...each }: Entry) => each;
  return { ...others, seats: all.map(placeless), keys: keys.map(placeless) };
}

const styles: Readonly<Record<string, (content: object) => string>> = {
  'in block style': (content) => stringify(content),
  'with quotes': (content) => stringify(content, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }),
  'with single quotes': (content) => stringify(content, { singleQuote: true, indentSeq: false, indent: 4 }),
  'in flow style': (content) => stringify(content, { collectionStyle: 'flow' }),
  'as JSON': (content) => JSON.stringify(content),
  'as JSON with tabs': (content) => JSON.stringify(content, null, '\t'),
};

test.each(Object.entries(styles))('any account written %s is read back', async (_name, write) => {
  const folder = emptyFolder();
  await fc.assert(
    fc.asyncProperty(account, async (desired) => {
      // Members without a value aren't written.
      const content: object = JSON.parse(JSON.stringify(contentOf(desired)));
      expect(withoutPlaces(await read(write(content), { folder }))).toEqual(withoutPlaces(desired));
    }),
    { numRuns: 60 },
  );
});
