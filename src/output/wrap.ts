import { stripVTControlCharacters } from 'node:util';
import { widthOf } from './width.ts';

/** A word with the spaces before it; a command in backticks is one. */
const words = /\s*(?:[^\s`]*`[^`]*`[^\s`]*|\S+)/g;

/** A terminal narrower than this, in columns, breaks lines itself as well as it can. */
const narrowest = 20;

const shellLine = /^\s*\$ /;

/**
 * Text whose lines fit a terminal: broken between words, and a fact (`Price  $49.00 a month`) goes on below its value. What is to be
 * copied is left whole, however long: a line of shell (`$ ci …`), and any word. One that no line holds stays where it is.
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

/** A word of a command, or an option with what follows it; what stands in apostrophes is one. */
const commandParts = /--[\w-]+(?: (?!-)(?:'[^']*'|\\'|[^\s'])+)?|(?:'[^']*'|\\'|[^\s'])+/g;

/**
 * A command of a shell, set in and in as many lines as it takes: each but the last ends with a backslash, so that all of them can be
 * copied and run.
 *
 * @param width - of the terminal, in columns
 */
export function shellLines(command: string, width: number): string {
  const lines: string[] = [];
  let current = ' ';
  for (const part of (command.match(commandParts) ?? []).flatMap((each) => partsWithin(each, width))) {
    if (current.trim() !== '' && widthOf(`${current} ${part} \\`) > width) {
      lines.push(`${current} \\`);
      current = '   ';
    }
    current += ` ${part}`;
  }
  return [...lines, current].join('\n');
}

/** Returns an option and its value apart if they don't fit one line: else they would be broken between without a backslash. */
function partsWithin(part: string, width: number): string[] {
  const [, option, value] = /^(--[\w-]+) (.+)$/.exec(part) ?? [];
  const isTooLong = widthOf(`    ${part} \\`) > width;
  return isTooLong && option !== undefined && value !== undefined ? [option, value] : [part];
}

function wrappedLine(line: string, width: number): string {
  const indent = ' '.repeat(hanging(stripVTControlCharacters(line), width));
  const lines: string[] = [];
  let current = '';
  const room = width - indent.length;
  for (const word of wordsOf(line, room)) {
    const fits = widthOf(word.trim()) <= room;
    if (fits && current.trim() !== '' && widthOf(current + word) > width) {
      lines.push(current);
      current = indent + word.trimStart();
    } else current += word;
  }
  return [...lines, current].join('\n');
}

/** A command that is too long for a line is broken like other words. */
function wordsOf(line: string, room: number): string[] {
  return (line.match(words) ?? []).flatMap((word) =>
    widthOf(word.trim()) > room ? (word.match(/\s*\S+/g) ?? []) : [word],
  );
}

/** Where a line goes on: below the value of a fact, else below where it begins. */
function hanging(line: string, width: number): number {
  const value = /^ *(?:\S+ ){0,2}\S+ {2,}/.exec(line)?.[0].length ?? 0;
  const start = /^ */.exec(line)?.[0].length ?? 0;
  return value > 0 && value <= width / 2 ? value : start <= width / 2 ? start : 0;
}
