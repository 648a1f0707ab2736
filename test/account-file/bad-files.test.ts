import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cpuTimer } from '../support/cpu-time.ts';
import { emptyFolder } from '../support/folder.ts';
import { errorOf, mistakesIn, read, readIn } from './reading.ts';

const start = 'version: 1\n';
const keys = `${start}keys:\n`;
const key = `${keys}  - name: a\n`;
const seat = `${start}seats:\n  - pool: kimi26\n`;
const secret = 'sk_live_abcdefghijklmnop1234';

const keyFields = 'name, type, pool, subscription, maxBudget, rpm, tpm, protected, to and fingerprint';

describe('what isn’t YAML', () => {
  test.each<[string, string | Buffer, string]>([
    ['nothing', '', '1, column 1: the file is empty; start it with version: 1, or write it with `ci export`'],
    [
      'only a comment',
      '# x\n',
      '1, column 1: the file is empty; start it with version: 1, or write it with `ci export`',
    ],
    [
      'an anchor',
      `${start}seats: &all []\n`,
      "2, column 8: an anchor (&) isn't allowed; write the value out each time, or quote it if it is text",
    ],
    [
      'an alias',
      `${start}seats: *all\n`,
      "2, column 8: an alias (*) isn't allowed; write the value out, or quote it if it is text",
    ],
    [
      'a tag',
      `${keys}  - name: !!str 007\n`,
      "3, column 11: a tag (!) isn't allowed; remove it, or quote the value if it is text",
    ],
    ['a merge key', `${key}    <<: {rpm: 1}\n`, "4, column 5: a merge key (<<) isn't allowed; write the fields out"],
    [
      'another version of YAML',
      `%YAML 1.1\n---\n${start}`,
      "1, column 1: a directive (%) isn't allowed; remove it, or quote the value if it is text",
    ],
    [
      'two documents',
      `${start}---\n${start}`,
      '2, column 1: a second document starts here; write one document per file',
    ],
    ['a field twice', `${start}version: 1\n`, '2, column 1: field "version" appears twice; remove one'],
    ['a field twice, once in quotes', `${key}    "name": b\n`, '4, column 5: field "name" appears twice; remove one'],
    ['a tab as indentation', `${keys}\t- name: a\n`, '3, column 1: a tab indents this line; indent with spaces'],
    [
      'other indentation',
      `${seat}   blocks: all\n`,
      "4, column 1: this doesn't line up with its list or map; indent its entries by the same number of spaces",
    ],
    [
      'an indented field',
      `${start} seats: []\n`,
      '1, column 10: a second field starts in this value; write it on a line of its own, indented like the first, or quote the value',
    ],
    [
      'a colon in a text',
      `${keys}  - name: a: b\n`,
      '3, column 11: a second field starts in this value; write it on a line of its own, indented like the first, or quote the value',
    ],
    ['no colon', `${start}seats\n`, '2, column 1: this is text where a field is expected; write name: value'],
    [
      'no space after a colon',
      `${keys}  - name:a\n`,
      '3, column 5: entry 1 of keys "name:a" isn\'t a map of fields, such as name: prod-api; write a space after the colon',
    ],
    [
      'text after a value',
      `${keys}  - name: "a" b\n`,
      '3, column 15: this follows a value that has ended; quote the whole value, or start a line',
    ],
    ['a reserved character', `${keys}  - name: @a\n`, "3, column 11: a value can't start with @; write it in quotes"],
    ['a percent sign', `${keys}  - name: %a\n`, "3, column 11: a value can't start with %; write it in quotes"],
    ['an open quotation mark', `${keys}  - name: "a\n`, '3, column 11: this quotation mark (") isn\'t closed'],
    [
      'an open single quotation mark',
      `${keys}  - name: 'it''s\n`,
      "3, column 11: this quotation mark (') isn't closed",
    ],
    ['an open list', `${start}keys: [{name: a}\n`, '3, column 1: ] is missing before this'],
    ['an open map', `${start}keys: [{name: a]\n`, '2, column 16: } is missing before this'],
    [
      'an unknown escape',
      `${keys}  - name: "a\\qb"\n`,
      '3, column 13: "\\q" isn\'t an escape; write "\\\\" for a backslash',
    ],
    ['a field without a name', `? [a]\n: 1\n${start}`, '1, column 3: the name of a field is text, not a list or map'],
    ['a NUL byte', `${keys}  - name: a\0b\n`, "3, column 12: control character U+0000 isn't allowed; remove it"],
    [
      'Latin-1',
      Buffer.from(`${keys}  - name: \ufffd caf\u00e9\n`.replace('\ufffd', 'x'), 'latin1'),
      "3, column 16: this isn't UTF-8; save the file as UTF-8",
    ],
    ['UTF-16', Buffer.from(`\ufeff${start}`, 'utf16le'), '1, column 1: the file is UTF-16; save it as UTF-8'],
    [
      'UTF-16 without a byte order mark',
      Buffer.from(start, 'utf16le'),
      "1, column 2: control character U+0000 isn't allowed; remove it",
    ],
  ])('%s is shown with its place', async (_name, text, line) => {
    expect(await mistakesIn(text)).toEqual([`line ${line}`]);
  });

  test('the first byte that isn’t UTF-8 is found after characters that say so', async () => {
    const bytes = Buffer.concat([Buffer.from('\ufeff# \ufffd \u{1f511}\n# \ufffd'), Buffer.from([0xc3, 0x28])]);
    expect(await mistakesIn(bytes)).toEqual(["line 2, column 4: this isn't UTF-8; save the file as UTF-8"]);
  });
});

describe('what doesn’t match the format', () => {
  test.each<[string, string, string]>([
    ['a list', '- 1\n', '1, column 1: the file is a list, but should be a map of fields, such as version: 1'],
    ['a text', 'hello\n', '1, column 1: the file "hello" isn\'t a map of fields, such as version: 1'],
    [
      'no version',
      'seats: []\n',
      '1, column 1: version is missing; it should be 1, the version that this program reads',
    ],
    ['another version', 'version: 2\n', "1, column 10: version 2 isn't 1, the version that this program reads"],
    ['a version in quotes', 'version: "1"\n', '1, column 10: version "1" is text; write it without quotes: 1'],
    ['a field with a typo', `${start}seat: []\n`, '2, column 1: field "seat" isn\'t known; did you mean "seats"?'],
    [
      'an unknown field',
      `${start}pools: []\n`,
      '2, column 1: field "pools" isn\'t known; the fields are $schema, version, ceilings, managed, seats and keys',
    ],
    [
      'a field of objects',
      `${start}constructor: 1\n`,
      '2, column 1: field "constructor" isn\'t known; the fields are $schema, version, ceilings, managed, seats and keys',
    ],
    ['the prototype of objects', `${start}__proto__: {a: 1}\n`, '2, column 1: field "__proto__" isn\'t known'],
    [
      'an unknown field of a key',
      `${key}    password: ${'x'.repeat(20)}\n`,
      `4, column 5: field "password" isn't known; the fields are ${keyFields}`,
    ],
    [
      'a field without a value',
      `${start}seats:\n`,
      '2, column 1: seats has no value; it should be a list of entries, each after a dash (-)',
    ],
    ['null', `${keys}  - name: ~\n`, '3, column 11: name has no value; it should be the name of a key'],
    ['an empty text', `${keys}  - name: ""\n`, '3, column 11: name is empty; it should be the name of a key'],
    [
      'an amount with a sign',
      `${start}ceilings: {maxMonthlySpend: $5}\n`,
      '2, column 29: maxMonthlySpend "$5" isn\'t an amount in USD above 0, such as 49 or 49.50',
    ],
    [
      'fractions of a cent',
      `${start}ceilings: {maxMonthlySpend: 0.001}\n`,
      "2, column 29: maxMonthlySpend 0.001 isn't an amount in USD above 0, such as 49 or 49.50",
    ],
    [
      'infinity',
      `${start}ceilings: {maxMonthlySpend: .inf}\n`,
      "2, column 29: maxMonthlySpend .inf isn't an amount in USD above 0, such as 49 or 49.50",
    ],
    [
      'an empty prefix',
      `${start}managed: {prefix: ""}\n`,
      '2, column 19: prefix is empty; it should be the start of the names of keys, such as tenant-',
    ],
    [
      'seats without a pool',
      `${start}seats:\n  - blocks: all\n`,
      '3, column 5: pool is missing; it should be the slug of a pool, such as kimi26',
    ],
    [
      'seats without blocks',
      seat,
      '3, column 5: blocks is missing; it should be all, or a list of blocks, such as [europe, asia]',
    ],
    [
      'a block with a typo',
      `${seat}    blocks: [asia, eurpe]\n`,
      '4, column 20: entry 2 of blocks "eurpe" isn\'t asia, europe or americas; did you mean "europe"?',
    ],
    [
      'no blocks',
      `${seat}    blocks: []\n`,
      '4, column 13: blocks is empty; it should be a list of at least one block, such as [europe, asia]',
    ],
    ['a block twice', `${seat}    blocks: [asia, europe, asia]\n`, '4, column 28: block asia appears twice'],
    [
      'blocks that aren’t a list',
      `${seat}    blocks: asia\n`,
      '4, column 13: blocks "asia" isn\'t all, or a list of blocks, such as [europe, asia]',
    ],
    ['no seats', `${seat}    blocks: all\n    quantity: 0\n`, "5, column 15: quantity 0 isn't a whole number above 0"],
    [
      'half a seat',
      `${seat}    blocks: all\n    quantity: 1.5\n`,
      "5, column 15: quantity 1.5 isn't a whole number above 0",
    ],
    [
      'a negative amount',
      `${key}    maxBudget: -1\n`,
      "4, column 16: maxBudget -1 isn't an amount in USD above 0, such as 49 or 49.50",
    ],
    [
      'too large a number',
      `${key}    rpm: 99999999999999999999\n`,
      "4, column 10: rpm 99999999999999999999 isn't a whole number above 0",
    ],
    [
      'another billing cycle',
      `${seat}    blocks: all\n    billingCycle: weekly\n`,
      '5, column 19: billingCycle "weekly" isn\'t month or year',
    ],
    [
      'a boolean of YAML 1.1',
      `${seat}    blocks: all\n    protected: yes\n`,
      '5, column 16: protected "yes" isn\'t true or false',
    ],
    [
      'a boolean in quotes',
      `${key}    protected: "true"\n`,
      '4, column 16: protected "true" is text; write it without quotes: true',
    ],
    ['a number in quotes', `${key}    rpm: "60"\n`, '4, column 10: rpm "60" is text; write it without quotes: 60'],
    ['a date', `${key}    rpm: 2026-04-14\n`, '4, column 10: rpm "2026-04-14" isn\'t a whole number above 0'],
    ['a number as a name', `${keys}  - name: 007\n`, '3, column 11: name 007 is a number; write it in quotes: "007"'],
    ['true as a name', `${keys}  - name: true\n`, '3, column 11: name true isn\'t text; write it in quotes: "true"'],
    ['a list as a name', `${keys}  - name: [a]\n`, '3, column 11: name is a list, but should be the name of a key'],
    [
      'names without fields',
      `${start}keys: [a]\n`,
      '2, column 8: entry 1 of keys "a" isn\'t a map of fields, such as name: prod-api',
    ],
    [
      'a map in place of a list',
      `${start}keys: {name: a}\n`,
      '2, column 7: keys is a map of fields, but should be a list of entries, each after a dash (-), or a table',
    ],
    [
      'a table with the fields of a key',
      `${keys}  - from: a.csv\n    rpm: 1\n`,
      '4, column 5: field "rpm" isn\'t known; the fields are from, template and to',
    ],
  ])('%s is shown with its place', async (_name, text, line) => {
    expect(await mistakesIn(text)).toEqual([`line ${line}`]);
  });
});

describe('what can’t be', () => {
  test.each<[string, string, string]>([
    [
      'the same seats twice',
      `${seat}    blocks: [asia, europe]\n  - pool: kimi26\n    blocks: [europe, asia]\n`,
      '5, column 5: line 3 has the same seats; add up their quantity there',
    ],
    ['a name twice', `${key}  - name: " a "\n`, '4, column 11: key "a" is also in line 3; names must differ'],
    ['a credit key with a pool', `${key}    type: credit\n    pool: x\n`, '5, column 11: a credit key has no pool'],
    [
      'a pool and a subscription',
      `${key}    pool: x\n    subscription: y\n`,
      '5, column 19: it has a pool and a subscription; name one of them',
    ],
    ['a limit of a subscription key', `${key}    pool: x\n    rpm: 5\n`, '5, column 10: only credit keys have rpm'],
    [
      'a subscription key without one',
      `${key}    type: subscription\n`,
      '3, column 5: its pool or subscription is missing',
    ],
    [
      'a control character in a name',
      `${keys}  - name: "a\\u001b[2J"\n`,
      '3, column 11: its name has a control character',
    ],
    [
      'a name that is a secret',
      `${keys}  - name: ${secret}\n`,
      '3, column 11: sk_live_…1234 is a secret, which this file must not have; remove it, and replace the key',
    ],
    [
      'a secret in a comment',
      `${key}    # ${secret}\n`,
      '4, column 7: sk_live_…1234 is a secret, which this file must not have; remove it, and replace the key',
    ],
    [
      'a management key',
      `${key}    to: command:x --key=mk_0123456789abcdefghij\n`,
      '4, column 25: mk_…ghij is a secret, which this file must not have; remove it, and replace the key',
    ],
    [
      'an unknown destination',
      `${key}    to: nowhere\n`,
      '4, column 9: "nowhere" is not a valid destination; choose github, gitlab, vercel, fly, cloudflare, kubernetes, kubernetes-manifest, systemd or command, as in to: github:acme/api@production',
    ],
    [
      'a destination for two keys',
      `${key}    to: gitlab\n  - name: b\n    to: gitlab\n`,
      '6, column 9: destination "gitlab" holds one secret, and this one would replace the secret of line 3',
    ],
    [
      'a table that doesn’t exist',
      `${start}keys: {from: none.csv}\n`,
      "2, column 14: can't read none.csv: no such file or directory",
    ],
    [
      'a table from standard input',
      `${start}keys: {from: "-"}\n`,
      "2, column 14: can't read -: no such file or directory",
    ],
  ])('%s is shown with its place', async (_name, text, line) => {
    expect(await mistakesIn(text)).toEqual([`line ${line}`]);
  });
});

test('all mistakes are shown in the order of the file, with what to do', async () => {
  const error = await errorOf(read(`${keys}  - name: 5\n    rpn: 1\n  - nam: x\nseat: 1\n`));
  expect([error.code, error.exitCode, error.outcome, error.message, error.hint, error.lines]).toEqual([
    'usage',
    2,
    'not_applied',
    'account.yaml has 5 mistakes',
    'Nothing was sent. Correct them, and run the command again:',
    [
      'line 3, column 11: name 5 is a number; write it in quotes: "5"',
      'line 4, column 5: field "rpn" isn\'t known; did you mean "rpm"?',
      'line 5, column 5: name is missing; it should be the name of a key',
      'line 5, column 5: field "nam" isn\'t known; did you mean "name"?',
      'line 6, column 1: field "seat" isn\'t known; did you mean "seats"?',
    ],
  ]);
});

test('20 mistakes are shown, and the others counted', async () => {
  const lines = await mistakesIn(`${keys}${'  - 1\n'.repeat(25)}`);
  expect([lines.length, lines[19], lines[20]]).toEqual([
    21,
    "line 22, column 5: entry 20 of keys 1 isn't a map of fields, such as name: prod-api",
    'and 5 more',
  ]);
});

test('a long value is shown in part, without a secret in it', async () => {
  const long = `${'x'.repeat(90)} password=hunter2hunter2 ${'y'.repeat(1_000_000)}`;
  const [line = ''] = await mistakesIn(`${start}ceilings: {maxMonthlySpend: "${long}"}\n`);
  expect(line.length).toBeLessThan(250);
  expect(line).not.toContain('hunter2');
});

describe('a file that can’t be read', () => {
  const hint = 'Pass the path of a YAML file, or - for standard input. To write one, run `ci export > account.yaml`.';

  test('is named, with the command that writes one', async () => {
    const { code, message, hint: advice } = await errorOf(readIn(emptyFolder(), 'account.yaml'));
    expect([code, message, advice]).toEqual(['usage', "Can't read account.yaml: no such file or directory", hint]);
  });

  test('is a directory', async () => {
    const folder = emptyFolder();
    mkdirSync(path.join(folder, 'account.yaml'));
    const { message } = await errorOf(readIn(folder, 'account.yaml'));
    expect(message).toBe("Can't read account.yaml: it is a directory");
  });

  test('has no name', async () => {
    const { message, hint: advice } = await errorOf(readIn(emptyFolder(), ' '));
    expect([message, advice]).toEqual(['The path of the file is empty', hint]);
  });

  test('is empty standard input', async () => {
    const { message, lines } = await errorOf(read('', { name: '-' }));
    expect([message, lines.length]).toEqual(['standard input has a mistake', 1]);
  });
});

describe('a huge or hostile file', () => {
  const million = 1_000_000;
  /** In milliseconds of the processor. Each takes about a second at most. */
  const mostTime = 4000;
  const tooDeep = 'this is nested too deeply; the format has five levels';
  const tooMany = 'the file has too many entries up to here; move keys to a table, as in from: tenants.csv';

  // Each took between seconds and minutes in the parser, overflowed its stack, or still would.
  test.each<[string, string, string]>([
    [
      'more than 4 MiB',
      '#'.repeat(5 * million),
      '1, column 4194306: the file is larger than 4 MiB; move keys to a table, as in from: tenants.csv',
    ],
    [
      'a megabyte on one line',
      'x'.repeat(million),
      `1, column 1: the file "${'x'.repeat(99)}…" isn't a map of fields, such as version: 1`,
    ],
    ['deep lists', '['.repeat(million), `1, column 40: ${tooDeep}`],
    ['deep maps', '{a: '.repeat(million / 2), `1, column 157: ${tooDeep}`],
    ['deep dashes', '- '.repeat(million), `1, column 79: ${tooDeep}`],
    ['deep questions', '? '.repeat(million), `1, column 79: ${tooDeep}`],
    ['commas', `[${','.repeat(million)}`, `1, column 600000: ${tooMany}`],
    ['items', '- 1\n'.repeat(million), `150001, column 1: ${tooMany}`],
    ['documents', '---\n'.repeat(100_000), '2, column 1: a second document starts here; write one document per file'],
    ['escapes', `"${'\\x'.repeat(million)}"`, '1, column 2: "\\x" isn\'t an escape; write "\\\\" for a backslash'],
    [
      'escapes in capitals',
      `"${'\\X41'.repeat(million)}"`,
      '1, column 2: "\\X" isn\'t an escape; write "\\\\" for a backslash',
    ],
    ['backslashes', `"${'\\'.repeat(million + 1)}`, '1, column 1: this quotation mark (") isn\'t closed'],
    [
      'directives',
      '%a\n'.repeat(100_000),
      "1, column 1: a directive (%) isn't allowed; remove it, or quote the value if it is text",
    ],
    ['line ends', '\n'.repeat(4 * million), `150001, column 1: ${tooMany}`],
    [
      'aliases of aliases',
      `a: &a [x]\n${Array.from({ length: 20 }, (_, at) => `b${at}: &b${at} [*a, *a]`).join('\n')}`,
      "1, column 4: an anchor (&) isn't allowed; write the value out each time, or quote it if it is text",
    ],
  ])('of %s is refused soon', async (_name, text, line) => {
    const used = cpuTimer();
    const [first] = await mistakesIn(text);
    expect(first).toBe(`line ${line}`);
    expect(used()).toBeLessThan(mostTime);
  });

  test.each([
    ['closing brackets', ']'.repeat(million)],
    ['quotation marks', '"'.repeat(million)],
    ['errors on lines', 'a: ]\n'.repeat(100_000)],
    ['anchors', '&a '.repeat(million)],
  ])('of %s is refused soon, with a place', async (_name, text) => {
    const used = cpuTimer();
    expect((await mistakesIn(text))[0]).toMatch(/^line \d+, column \d+: /);
    expect(used()).toBeLessThan(mostTime);
  });
});
