import { widthOf } from './width.ts';

/** Returns the words of a cell of a table, with the spaces before them. A list such as `asia,europe` is several words. */
export function cellWords(cell: string): string[] {
  return cell.match(/\s*(?:[^\s,]+,(?=[a-z])|\S+)/g) ?? [];
}

/**
 * Breaks a cell of a table between words. Each line has the colors of its own text and no others.
 *
 * @param width - of the column; no word is longer
 */
export function cellLines(cell: string, width: number): string[] {
  if (widthOf(cell) <= width) return [cell];
  const lines = [''];
  for (const word of cellWords(cell)) {
    const line = `${lines.at(-1)}${word}`;
    if (widthOf(line) > width) lines.push(word.trimStart());
    else lines[lines.length - 1] = line;
  }
  return withOwnColors(lines);
}

/** Matches what chalk writes before and after text in a color or weight. */
const colorSequence = /\u001b\[(\d+)m/g;
const endOfColor = '\u001b[39m';
const endOfWeight = '\u001b[22m';

/** Ends the color or weight of a text at the end of each line, and begins it again in the next one. */
function withOwnColors(lines: readonly string[]): string[] {
  let begun = '';
  return lines.map((line) => {
    const before = begun;
    for (const [sequence] of line.matchAll(colorSequence)) {
      begun = sequence === endOfColor || sequence === endOfWeight ? '' : sequence;
    }
    const end = begun === '' ? '' : /\[[12]m$/.test(begun) ? endOfWeight : endOfColor;
    return `${before}${line}${end}`;
  });
}
