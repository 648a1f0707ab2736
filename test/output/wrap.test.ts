import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { widthOf } from '../../src/output/width.ts';
import { shellLines, wrapped } from '../../src/output/wrap.ts';

describe('a text that is too wide', () => {
  test.each([
    ['is broken between words', 'The key comes by email, always', 24, 'The key comes by email,\nalways'],
    ['fills a line to its last column', 'abcd efgh ijkl mnop qr stuv', 22, 'abcd efgh ijkl mnop qr\nstuv'],
    ['keeps the indentation', '  two spaces before each', 20, '  two spaces before\n  each'],
    [
      'keeps its other lines',
      'short\na longer line than is wide\n\nshort',
      20,
      'short\na longer line than\nis wide\n\nshort',
    ],
    ['keeps the spaces in a line', 'a b c d      ef ghijk lmno', 22, 'a b c d      ef ghijk\nlmno'],
    ['is not broken in a word', 'Pay https://a.test/long b', 20, 'Pay\nhttps://a.test/long\nb'],
    [
      'is not broken before a word that fits no line',
      'a https://a.test/longer b c',
      20,
      'a https://a.test/longer\nb c',
    ],
    ['is not broken in a command', 'Next: `ci keys create` creates it', 24, 'Next: `ci keys create`\ncreates it'],
    ['is broken before a command', 'What next: `ci keys create` makes', 24, 'What next:\n`ci keys create` makes'],
    ['is broken in a command that fits no line', 'Run `ci keys create NAME` now', 20, 'Run `ci keys create\nNAME` now'],
    ['is whole in a line of shell', '  $ ci pools list --available', 20, '  $ ci pools list --available'],
    ['is whole if the terminal is too narrow', 'The key comes by email', 19, 'The key comes by email'],
  ])('%s', (_what, text, width, lines) => {
    expect(wrapped(text, width)).toBe(lines);
  });

  test('continues below the value of a fact', () => {
    expect(wrapped('Due today  $49.00, with the saved card', 28)).toBe(
      'Due today  $49.00, with the\n           saved card',
    );
    expect(wrapped('  -V, --version  show the version\n        and more of what it says', 34)).toBe(
      '  -V, --version  show the version\n        and more of what it says',
    );
    expect(wrapped('Price  $49.00 each month\n       and more of it all', 20)).toBe(
      'Price  $49.00 each\n       month\n       and more of\n       it all',
    );
  });

  test('has an id whole on its own line if it does not fit below the value', () => {
    const id = '5c1c3088-16be-413c-a654-6705b39f06d7';
    expect(wrapped(`CREATED OR CHANGED  ${id}`, 50)).toBe(`CREATED OR CHANGED\n  ${id}`);
    expect(wrapped(`CREATED OR CHANGED  ${id}, ${id}`, 50)).toBe(`CREATED OR CHANGED\n  ${id},\n  ${id}`);
    expect(wrapped(`Subscription  ${id}`, 37)).toBe(`Subscription\n ${id}`);
    expect(wrapped(`Subscription  ${id}`, 35)).toBe(`Subscription  ${id}`);
  });

  test('does not if that would leave no room', () => {
    expect(wrapped('Amount due today  $49.00, with the card', 20)).toBe('Amount due today\n$49.00, with the\ncard');
  });

  test('keeps its colors', () => {
    expect(wrapped('\u001b[2mPrice\u001b[22m  \u001b[32mfor each month\u001b[39m', 20)).toBe(
      '\u001b[2mPrice\u001b[22m  \u001b[32mfor each\n       month\u001b[39m',
    );
  });
});

test('text that fits is unchanged', () => {
  expect(wrapped('世界'.repeat(5), 20)).toBe('世界'.repeat(5));
  expect(wrapped(' a  b ', 20)).toBe(' a  b ');
  expect(wrapped('a  b '.repeat(100), Number.POSITIVE_INFINITY)).toBe('a  b '.repeat(100));
});

test('text keeps its words, and no line of short words is too wide', () => {
  const word = fc.stringMatching(/^[a-z.,:;]{1,8}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 20, max: 60 }), (words, width) => {
      const lines = wrapped(words.join(' '), width).split('\n');
      expect(lines.flatMap((line) => line.split(' ')).filter(Boolean)).toEqual(words);
      expect(lines.filter((line) => widthOf(line) > width)).toEqual([]);
    }),
  );
});

describe('a command to copy', () => {
  const command = "ci keys create 'the team'\\''s' --pool kimi26 --ensure --save .env";

  test.each([
    [80, ["  ci keys create 'the team'\\''s' --pool kimi26 --ensure --save .env"]],
    [68, ["  ci keys create 'the team'\\''s' --pool kimi26 --ensure \\", '    --save .env']],
    [40, ["  ci keys create 'the team'\\''s' \\", '    --pool kimi26 --ensure --save .env']],
    [
      24,
      ['  ci keys create \\', "    'the team'\\''s' \\", '    --pool kimi26 \\', '    --ensure \\', '    --save .env'],
    ],
    [Number.POSITIVE_INFINITY, [`  ${command}`]],
  ])('is broken before a word in %i columns, with options next to their values', (width, lines) => {
    expect(shellLines(command, width).split('\n')).toEqual(lines);
  });

  test('is broken between an option and a value as long as the line', () => {
    const file = `/home/me/${'long/'.repeat(9)}env`;
    expect(shellLines(`ci keys create app --save ${file}`, 60).split('\n')).toEqual([
      '  ci keys create app --save \\',
      `    ${file}`,
    ]);
  });

  test('means the same to a shell at any width', () => {
    const words = (text: string) =>
      execFileSync('sh', ['-c', text.replace('ci', 'printf "%s|"')], { encoding: 'utf8' });
    for (const width of [20, 30, 40, 50, 60]) expect(words(shellLines(command, width))).toBe(words(command));
  });

  const nested = `eval "$(ci env --shell sh --key 'the team'\\''s "app" (2)')" && curl --header "Bearer $KEY"`;

  test.each([
    [100, [`  ${nested}`]],
    [
      50,
      [
        `  eval "$(ci env --shell sh \\`,
        `    --key 'the team'\\''s "app" (2)')" && curl \\`,
        '    --header "Bearer $KEY"',
      ],
    ],
  ])('is broken in a command substitution in %i columns', (width, lines) => {
    expect(shellLines(nested, width).split('\n')).toEqual(lines);
  });

  test('means the same with a command substitution at any width', () => {
    const words = (text: string) =>
      execFileSync(
        'sh',
        ['-c', `ci() { printf 'KEY=3; printf "%%s|"'; printf ' "%s"' "$*"; }; curl() { printf '%s|' "$@"; }\n${text}`],
        { encoding: 'utf8' },
      );
    for (const width of [20, 30, 40, 50, 60]) expect(words(shellLines(nested, width))).toBe(words(nested));
  });
});
