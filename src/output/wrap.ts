import { withoutSequences } from './text.ts';
import { widthOf } from './width.ts';

/** Matches a word with the spaces before it. A command in backticks is one word. */
const words = /\s*(?:[^\s`]*`[^`]*`[^\s`]*|\S+)/g;

/** A terminal narrower than this, in columns, gets unbroken lines, which it wraps itself. */
const narrowest = 20;

const shellLine = /^\s*\$ /;

/**
 * Breaks lines between words so that they fit a terminal. A fact such as `Price  $49.00 per month` continues below its value. What
 * users copy is never broken: words, and lines of shell (`$ ci …`).
 *
 * @param width - of the terminal, in columns
 */
export function wrapped(text: string, width: number): string {
  if (width < narrowest) return text;
  return text
    .split('\n')
    .map((line) => (widthOf(line) <= width || shellLine.test(line) ? line : wrappedLine(line, width)))
    .join('\n');
}

/** Matches a word of a command, or an option with its value. A text in quotation marks is one word, but not the command in `"$(…)"`. */
const commandParts =
  /--[\w-]+(?: (?!-)(?:'[^']*'|\)"|"\$\(|"[^"]*"|\\'|[^\s'"])+)?|(?:'[^']*'|\)"|"\$\(|"[^"]*"|\\'|[^\s'"])+/g;

/**
 * Returns a shell command, indented and broken into lines that end with a backslash, so that it can be copied and run.
 *
 * @param width - of the terminal, in columns
 * @param measure - returns the width of text as it will be shown, if that differs
 */
export function shellLines(command: string, width: number, measure = widthOf): string {
  const lines: string[] = [];
  let current = ' ';
  for (const part of (command.match(commandParts) ?? []).flatMap((each) => partsWithin(each, width, measure))) {
    if (current.trim() !== '' && measure(`${current} ${part} \\`) > width) {
      lines.push(`${current} \\`);
      current = '   ';
    }
    current += ` ${part}`;
  }
  return [...lines, current].join('\n');
}

/** Splits an option from its value if they don't fit in one line, so that a backslash goes between them. */
function partsWithin(part: string, width: number, measure: typeof widthOf): string[] {
  const [, option, value] = /^(--[\w-]+) (.+)$/.exec(part) ?? [];
  const isTooLong = measure(`    ${part} \\`) > width;
  return isTooLong && option !== undefined && value !== undefined ? [option, value] : [part];
}

function wrappedLine(line: string, width: number): string {
  const indent = hanging(withoutSequences(line), width);
  const lines: string[] = [];
  let current = '';
  for (const word of wordsOf(line, width - indent)) {
    const spare = width - widthOf(word.trim());
    if (spare >= 0 && current.trim() !== '' && widthOf(current + word) > width) {
      lines.push(current);
      // A word that doesn't fit below the value, such as an id, begins further to the left.
      current = ' '.repeat(spare >= indent ? indent : Math.min(spare, 2)) + word.trimStart();
    } else current += word;
  }
  return [...lines, current].join('\n');
}

/** Returns the words of a line. A command that is too long for a line is split into its words. */
function wordsOf(line: string, room: number): string[] {
  return (line.match(words) ?? []).flatMap((word) =>
    widthOf(word.trim()) > room ? (word.match(/\s*\S+/g) ?? []) : [word],
  );
}

/** Returns the indentation of continued lines: that of a fact's value, else that of the line. */
function hanging(line: string, width: number): number {
  const value = /^ *(?:\S+ ){0,2}\S+ {2,}/.exec(line)?.[0].length ?? 0;
  const start = /^ */.exec(line)?.[0].length ?? 0;
  return value > 0 && value <= width / 2 ? value : start <= width / 2 ? start : 0;
}
