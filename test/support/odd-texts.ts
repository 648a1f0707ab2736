/** Texts that could control a terminal, or break its lines and columns. */
export const driving: readonly string[] = [
  '\u001b[2J\u001b[Hcleared',
  '\u001b[31mred\u001b[0m',
  '\u001b[5mblinking',
  '\u001b]0;title\u0007titled',
  '\u001b]2;title\u001b\\titled',
  '\u001b]8;;https://evil.test\u0007link\u001b]8;;\u0007',
  '\u001b]8;;https://evil.test\u001b\\link\u001b]8;;\u001b\\',
  '\u001b]52;c;ZXZpbA==\u0007clipboard',
  '\u001b]52;c;ZXZpbA==\u001b\\clipboard',
  '\u001bP1;2|device\u001b\\control',
  '\u001bcreset',
  '\u009b2Jcleared',
  '\u009d0;title\u009ctitled',
  'a\u0085next line',
  'back\b\b\bspace',
  'bell\u0007',
  'nul\u0000led',
  'form\ffeed\vand tab',
  'delete\u007fd',
  'tab\tin\tit',
  'line\nfeed',
  'carriage\rreturn',
  'both\r\n\r\nof them',
  'lines\u2028and\u2029paragraphs',
  'over\u202eedir',
  'isolated\u2066left\u2069',
  'em\u202abedded\u202c',
  'zero\u200bwidth\u200d\ufeff',
  'mark\u200eed\u200f and \u061calso',
  '\ufeffordered',
  'soft\u00adly \u2060joined\u2064',
  'tagged\u{e0041}\u{e0042}\u{e007f}',
  'varied\ufe0f\u{e0100}',
  '\u001b',
  '\u001b[',
  '\u001b]0;never ended',
];

/** Texts that are wide, narrow, mixed or empty, or that mean something to another program. */
export const strange: readonly string[] = [
  'plain',
  '🔑',
  'party 🎉 time',
  'family 👨‍👩‍👧‍👦',
  'flag 🏳️‍🌈 🇯🇵',
  'hand 👍🏽',
  'heart ❤️',
  '本番キー',
  '프로덕션',
  'ｆｕｌｌ',
  'مفتاح الإنتاج',
  'מפתח',
  'e\u0301tude o\u0308l',
  'Z\u0310\u0311\u0312a\u0313lgo',
  ' leading and trailing ',
  '\u00a0\u3000',
  '=cmd()',
  '=HYPERLINK("http://evil.test";"x")',
  '+1',
  '-1',
  '@SUM(A1)',
  'a "quoted", text',
  '"',
  ',',
  "it's",
  '$& %s %d \\n \\',
  '{{x}} $(y) `z`',
  '<b>&amp;</b>',
  'null',
  'yes',
  '~',
  '007',
  '1e3',
  '0x1f',
  '2026-04-14',
  '- item',
  '# comment',
  'key: value',
  '*anchor &alias !tag',
  '%YAML 1.2',
  '|',
  '>-',
  '---',
  '__proto__',
  '',
];

/** A text of 500 characters. */
export const long = '0123456789'.repeat(50);

/** Matches characters that control a terminal, change text direction or are invisible, except those that join emoji. */
export const control =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u;

/** Removes line ends (also of CSV) and the program's own colors from terminal output. */
export function uncoloured(written: string): string {
  return written.replace(/\r*\n/g, '\n').replace(/\u001b\[(?:1|2|22|31|32|35|39)m/g, '');
}

/** Parses CSV according to RFC 4180 into rows of cells. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  while (cell.lastIndex < text.length) {
    const begin = cell.lastIndex;
    const match = cell.exec(text);
    if (!match) throw new Error(`no CSV at ${begin}: ${JSON.stringify(text.slice(begin, begin + 60))}`);
    const [, quoted, plain = '', end] = match;
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
