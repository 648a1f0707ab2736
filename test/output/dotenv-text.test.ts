import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { variableIn, withVariable } from '../../src/output/dotenv-text.ts';
import { emptyFolder } from '../support/folder.ts';

/** The text with KEY set. */
function set(text: string, value = 'new'): string {
  return withVariable(Buffer.from(text), 'KEY', value).toString();
}

describe('an assignment of the variable', () => {
  test.each([
    ['none in an empty file', '', 'KEY=new\n'],
    ['none', 'A=1\n', 'A=1\nKEY=new\n'],
    ['none, and no final line break', 'A=1', 'A=1\nKEY=new\n'],
    ['none, and CRLF', 'A=1\r\nB=2\r\n', 'A=1\r\nB=2\r\nKEY=new\r\n'],
    ['none, and CRLF but at the end', 'A=1\r\nB=2', 'A=1\r\nB=2\r\nKEY=new\r\n'],
    ['none, in blank lines', '\n\n', '\n\nKEY=new\n'],
    ['none, behind a byte order mark', '\ufeffA=1\n', '\ufeffA=1\nKEY=new\n'],
    ['first', 'KEY=old\nA=1\n', 'KEY=new\nA=1\n'],
    ['none, and nothing but a byte order mark', '\ufeff', '\ufeff\nKEY=new\n'],
    ['behind a byte order mark amid files put together', '\ufeffA=1\n\ufeffKEY=old\n', '\ufeffA=1\n\ufeffKEY=new\n'],
    ['behind a byte order mark', '\ufeffKEY=old\nA=1\n', '\ufeffKEY=new\nA=1\n'],
    ['without a line break', 'KEY=old', 'KEY=new'],
    ['with CRLF', 'KEY=old\r\nA=1\r\n', 'KEY=new\r\nA=1\r\n'],
    ['exported, with a comment', 'export KEY=old # mine\n', 'export KEY=new # mine\n'],
    ['with a comment of many words', 'KEY="old"\t# it\'s "mine"\r\n', 'KEY=new\t# it\'s "mine"\r\n'],
    ['of a value that holds a #', 'KEY="o # d"\nA=1#2\n', 'KEY=new\nA=1#2\n'],
    ['empty, with a comment', 'KEY= # later\n', 'KEY=new # later\n'],
    ['commented out behind its name', 'KEY=#old\n', 'KEY=new #old\n'],
    ['empty in quotation marks, with a comment right behind', 'KEY=""#old\r\n', 'KEY=new #old\r\n'],
    ['indented, spaced', '  KEY = "old"\n', '  KEY=new\n'],
    ['as YAML has it', 'KEY: old\n', 'KEY=new\n'],
    ['twice: the last one counts', 'KEY=1\nA=1\nKEY=2\nB=2\n', 'KEY=1\nA=1\nKEY=new\nB=2\n'],
    ['between apostrophes in comments', "A=1 \\\n# it's\nKEY=old\n# don't\n", "A=1 \\\n# it's\nKEY=new\n# don't\n"],
    ['only in a comment', '# KEY=old\n', '# KEY=old\nKEY=new\n'],
    ['only of others', 'MY_KEY=1\nKEYS=2\nA=KEY=3\n', 'MY_KEY=1\nKEYS=2\nA=KEY=3\nKEY=new\n'],
    ['in a value that goes on behind the byte A0', "A=à#'\nKEY=old\n'\n", "A=à#'\nKEY=old\n'\nKEY=new\n"],
    ['only as a bare name', 'KEY\n', 'KEY\nKEY=new\n'],
    ['before its export', 'KEY=old\nexport KEY\n', 'KEY=new\nexport KEY\n'],
  ])('%s', (_where, before, after) => {
    expect(set(before)).toBe(after);
    expect(set(after)).toBe(after);
  });
});

test.each([
  ['', undefined],
  ['A=1\n', undefined],
  ['KEY=\n', undefined],
  ['KEY=""\n', undefined],
  ['KEY= # later\n', undefined],
  ['# KEY=old\n', undefined],
  ['MY_KEY=old\n', undefined],
  ['KEY=old', 'old'],
  ['KEY=old # mine\r\n', 'old'],
  ['KEY=o#d\n', 'o#d'],
  ['  export KEY = "o # d" # mine\n', 'o # d'],
  ["KEY='one\ntwo'\nA=1\n", 'one\ntwo'],
  ['KEY="open\nA=1\n', '"open'],
  ['KEY: old\n', 'old'],
  ['KEY=1\nKEY=ключ\n', 'ключ'],
  ['KEY=voilà\n', 'voilà'],
])('finds the value of a variable in %j', (text, value) => {
  expect(variableIn(Buffer.from(text), 'KEY')).toBe(value);
});

describe('a value of several lines', () => {
  test.each([
    ['in double quotes', 'A="one\nKEY=inside\n"\nB=2\n'],
    ['in single quotes', "A='one\nKEY=inside\n'\nB=2\n"],
    ['in backticks', 'A=`one\nKEY=inside\n`\nB=2\n'],
    ['with CRLF', 'A="one\r\nKEY=inside\r\n"\r\nB=2\r\n'],
    ['with a comment behind it', 'A="one\nKEY=inside\n" # it\'s\nB=2\n'],
    ['a key', 'export A="-----BEGIN KEY-----\nKEY=\n-----END KEY-----"\n'],
    ['with the other quotes in it', 'A="it\'s\nKEY=`1`\n"\n'],
  ])('of another variable, %s, is unchanged', (_what, text) => {
    const eol = text.includes('\r') ? '\r\n' : '\n';
    expect(set(text)).toBe(`${text}KEY=new${eol}`);
    expect(set(`KEY=old${eol}${text}`)).toBe(`KEY=new${eol}${text}`);
    expect(set(`${text}KEY=old${eol}C=3`)).toBe(`${text}KEY=new${eol}C=3`);
  });

  test.each([
    ['in double quotes', 'A=1\nexport KEY="one\nA=2\n"\nB=2\n'],
    ['in single quotes', "A=1\nexport KEY='one\ntwo'\nB=2\n"],
    ['in backticks', 'A=1\nexport KEY=`one\ntwo`\nB=2\n'],
    ['with quotes escaped in it', 'A=1\nexport KEY="one \\"\ntwo"\nB=2\n'],
  ])('of the variable itself, %s, is replaced', (_what, text) => {
    expect(set(text)).toBe('A=1\nexport KEY=new\nB=2\n');
  });

  test('of the variable itself keeps the comment after it', () => {
    expect(set('KEY="one # no\ntwo" # yes\nB=2\n')).toBe('KEY=new # yes\nB=2\n');
  });
});

describe('if readers differ, a line at the end that all read the same:', () => {
  test.each([
    ['a backslash that the shell joins lines with', 'A=one\\\nKEY=old\n', 'KEY=new\n'],
    ['a backslash at the end', 'A=one\\\n', '\nKEY=new\n'],
    ['apostrophes that the shell takes for quotes', "A=it's\nKEY=old\nB=don't\n", 'KEY=new\n'],
    ['escaped quotes, which `node --env-file` does not know', 'A="say \\"\nKEY=old\n"\n', 'KEY=new\n'],
    ['assignments within that it does see', 'KEY="say \\"\nA=1\n"\n', 'KEY=new\n'],
    ['a backslash before the last single quote', "A='one\\'\nKEY=old\ntwo'\n", 'KEY=new\n'],
    [
      'a backslash before a single quote, which docker compose alone reads on from',
      "A='one\\'\nKEY=old\n' two\n",
      'KEY=new\n',
    ],
    ['words behind a quote', 'A="one\nKEY=old\n" two\n', 'KEY=new\n'],
    ['a value on the line below its name', 'A=\n"one\nKEY=old\n"\n', 'KEY=new\n'],
    ['a colon at the end', 'A:\n', '\nKEY=new\n'],
    ['lines that end in CR alone', 'KEY=old\rA=1\rB=2\n', 'KEY=new\n'],
  ])('%s', (_what, text, added) => {
    expect(set(text)).toBe(text + added);
    expect(set(text + added)).toBe(text + added);
  });
});

describe('an unclosed quote', () => {
  test.each(['"', "'", '`'])('is part of its line: %s', (quote) => {
    expect(set(`A=${quote}one\nB=2\n`)).toBe(`A=${quote}one\nB=2\nKEY=new\n`);
    expect(set(`A=${quote}one\nKEY=old\nB=2\n`)).toBe(`A=${quote}one\nKEY=new\nB=2\n`);
    expect(set(`KEY=${quote}old\nB=2\n`)).toBe('KEY=new\nB=2\n');
  });

  test('that the new value would close adds a line at the end', () => {
    expect(set('A="one\nKEY="old"\n')).toBe('A="one\nKEY="old"\nKEY=new\n');
  });
});

describe('a value', () => {
  test.each([
    ['sk_live_a-Z.0:/@%+=', 'KEY=sk_live_a-Z.0:/@%+=\n'],
    ['', "KEY=''\n"],
    ['two words', "KEY='two words'\n"],
    ['#1', "KEY='#1'\n"],
    ['$HOME `id` "q"', 'KEY=\'$HOME `id` "q"\'\n'],
    ["it's", 'KEY="it\'s"\n'],
    ['ключ', "KEY='ключ'\n"],
  ])('is written so that every reader reads it unchanged: %j', (value, line) => {
    expect(set('', value)).toBe(line);
    expect(byPackage(line)).toEqual(new Map([['KEY', value]]));
    expect(byNode(line)).toEqual(new Map([['KEY', value]]));
    expect(byShell(line)).toEqual(new Map([['KEY', value]]));
  });

  test.each(['a\nB=1', 'a\r', 'a\0', 'back\\slash', `it's "both"`, `it's $HOME`])('refuses %j', (value) => {
    expect(() => set('A=1\n', value)).toThrow("programs that read dotenv files don't agree on how to quote the value");
  });
});

/** What any file may hold, and what is hard on a reader of dotenv files. */
const anything = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc
    .array(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.constantFrom('A=', 'B=', 'KEY=', 'export KEY=', ' KEY = ', 'KEY: ', '# KEY=', 'KEY'),
        },
        { weight: 4, arbitrary: fc.constantFrom('\n', '\n', '\r\n', '\r', '\\\n') },
        { weight: 4, arbitrary: fc.constantFrom('"', "'", '`', '\\"', "\\'", ' #', '=', ':', ' ') },
        { weight: 1, arbitrary: fc.constantFrom('\xff', '\xa0', '\x00', 'x') },
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join('')),
  fc
    .array(
      fc.constantFrom(
        ...[
          'A="one',
          "A='one",
          'A=`one',
          'one\\"',
          '"',
          "'",
          '`',
          'A="1" two',
          'A=',
          "B=it's",
          'B=1\\',
          'B="a\\"b" # "',
        ],
        ...['KEY=1', 'export KEY="2" # it\'s', " KEY = '3'", 'KEY="4', '# KEY=5', '"KEY=6"', '\xef\xbb\xbfKEY=7'],
        ...['KEY=\\', 'KEY:', '\xe4', ''],
      ),
      { maxLength: 9 },
    )
    .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\n')}\n`, `${lines.join('\r\n')}\r\n`)),
);

describe('with any file', () => {
  const put = (before: string) => withVariable(Buffer.from(before, 'latin1'), 'KEY', 'new').toString('latin1');

  test('keeps every byte outside the assignment', () => {
    fc.assert(
      fc.property(anything, (before) => {
        const after = put(before);
        // All places of the assignment in the text after, of which one has to be the one that was written.
        const places = [...after.matchAll(/KEY=new/g)].map(({ index }) => index);
        const kept = places.some((at) => {
          const [head, end] = [after.slice(0, at), after.slice(at + 'KEY=new'.length)];
          // A comment right behind the value gets a space before it.
          const tail = before.endsWith(end) ? end : end.replace(/^ #/, '#');
          if (head.startsWith(before))
            return /^(?:\r?\n){0,2}$/.test(head.slice(before.length)) && /^\r?\n$/.test(tail);
          if (!before.startsWith(head) || !before.endsWith(tail)) return false;
          const replaced = before.slice(head.length, before.length - tail.length);
          return /^KEY\s*[=:]/.test(replaced) && [...byPackage(`${replaced}\n`).keys()].every((name) => name === 'KEY');
        });
        expect([before, after, kept]).toEqual([before, after, true]);
      }),
      { numRuns: 5000 },
    );
  });

  test('is idempotent', () => {
    fc.assert(
      fc.property(anything, (before) => {
        expect(put(put(before))).toBe(put(before));
      }),
      { numRuns: 5000 },
    );
  });

  test('lets the dotenv package read the new value, and all others unchanged', () => {
    fc.assert(
      fc.property(anything, (before) => {
        const read = (text: string) => byPackage(Buffer.from(text, 'latin1').toString());
        const after = put(before);
        // A name and a colon at the very end count once a line break is behind them.
        const old = read(after.startsWith(before) ? `${before}\n` : before);
        expect([before, read(after)]).toEqual([before, new Map([...old, ['KEY', 'new']])]);
      }),
      { numRuns: 5000, examples: [['KEY\xa0=`\rA=`']] },
    );
  });
});

/** Statements that the shell, Node.js and the dotenv package read alike. */
const word = fc.stringMatching(/^[a-z0-9_./:@-]{1,8}$/);
const inside = fc.array(fc.constantFrom('a', ' ', '\n', '\nKEY=inside', '\nexport KEY=inside\n', '# ', '='), {
  maxLength: 6,
});
const quotes = fc.constantFrom('"', "'");
const statement = fc.oneof(
  fc.tuple(inside, quotes, quotes).map(([parts, quote, other]) => {
    const text = parts.join('');
    return quote === other ? `${quote}${text}${quote}` : `${quote}${text}${other}${text}${quote}`;
  }),
  word,
);
const wellFormed = fc
  .array(
    fc.oneof(
      fc
        .tuple(
          fc.constantFrom('', 'export ', '  '),
          fc.constantFrom('A', 'B', 'KEY', 'KEY'),
          statement,
          fc.constantFrom('', '', " # it's", ' # KEY=comment'),
        )
        .map((parts) => `${parts[0]}${parts[1]}=${parts[2]}${parts[3]}`),
      fc.constantFrom('', '# KEY=comment', "# it's", '#"'),
    ),
    { maxLength: 7 },
  )
  .map((lines) => lines.map((line) => `${line}\n`).join(''));
const values = fc.oneof(word, fc.stringMatching(/^[ -&(-[\]-~]{1,12}$/), fc.stringMatching(/^[ !#%-[\]-_a-~]{1,12}$/));

describe('with every reader', () => {
  test.each([
    ['the dotenv package', (text: string) => byPackage(text), 2000],
    ['node --env-file', (text: string) => byNode(text), 2000],
    ['a POSIX shell', (text: string) => byShell(text), 150],
  ])('lets %s read the new value, and all others unchanged', (_who, read, numRuns) => {
    fc.assert(
      fc.property(wellFormed, values, (before, value) => {
        expect([before, read(set(before, value))]).toEqual([before, new Map([...read(before), ['KEY', value]])]);
      }),
      { numRuns },
    );
  });

  const joined = fc
    .array(
      fc.tuple(
        wellFormed,
        fc.constantFrom('A=one\\\nKEY=inside\n', "B='one'\\''\n'\n", 'A=one" "\\"\n', "B=it's\nKEY=inside\n'\n"),
      ),
    )
    .map((parts) => parts.flat().join(''));

  test('lets a shell read multiline values', () => {
    fc.assert(
      fc.property(joined, (before) => {
        expect([before, byShell(set(before))]).toEqual([before, new Map([...byShell(before), ['KEY', 'new']])]);
      }),
      { numRuns: 100 },
    );
  });
});

test('handles a file of a megabyte', () => {
  const before = Array.from({ length: 20_000 }, (_, at) => `NAME_${at}="it's \\"value\\" ${at}" # '`).join('\n');
  expect(set(`${before}\nKEY=old\nB=2\n`)).toBe(`${before}\nKEY=new\nB=2\n`);
});

/** A reader by the rules of the `dotenv` package: a quoted value ends at the last quote it can before its line ends. */
function byPackage(text: string): Map<string, string> {
  const quoted = ['"', "'", '`'].map((quote) => `\\s*${quote}(?:\\\\${quote}|[^${quote}])*${quote}`).join('|');
  const pattern = new RegExp(
    `^\\s*(?:export\\s+)?(?<name>[\\w.-]+)(?:\\s*=\\s*?|:\\s+?)(?<value>${quoted}|[^#\\n]+)?\\s*(?:#.*)?$`,
    'gm',
  );
  const read = new Map<string, string>();
  for (const { groups } of text.replace(/\r\n?/g, '\n').matchAll(pattern)) {
    const value = (groups?.value ?? '').trim();
    read.set(groups?.name ?? '', value.replace(/^(["'`])([\s\S]*)\1$/, '$2'));
  }
  return read;
}

function byNode(text: string): Map<string, string | undefined> {
  return new Map(Object.entries(parseEnv(text)));
}

/** What a real shell has in its variables after it has read the file. */
function byShell(text: string): Map<string, string> {
  const file = join(emptyFolder(), 'env');
  writeFileSync(file, text);
  const script = `. "$0"; for name in A B KEY; do eval "[ -z \\"\\\${$name+x}\\" ] || printf '%s=%s\\0' $name \\"\\$$name\\""; done`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script, file], { env: {}, encoding: 'utf8' });
  expect([text, status, stderr]).toEqual([text, 0, '']);
  return new Map(
    stdout
      .split('\0')
      .slice(0, -1)
      .map((each) => {
        const at = each.indexOf('=');
        return [each.slice(0, at), each.slice(at + 1)] as const;
      }),
  );
}
