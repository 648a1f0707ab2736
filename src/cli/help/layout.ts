/** A term of a list, and what it means. */
export type Definition = readonly [term: string, meaning: string];

/** Columns that a meaning needs beside its term; with fewer it goes below the term. */
const narrowest = 30;
/** Indentation of a meaning below its term. */
const below = 6;

/** Lays out a list in two columns, or with each meaning below its term if a line has too few columns for both. */
export function definitionList(definitions: readonly Definition[], width: number): string {
  const longest = Math.max(...definitions.map(([term]) => term.length));
  return definitions.map(([term, meaning]) => definitionLines(term, meaning, longest, width)).join('\n');
}

/**
 * Lays out one entry of a list.
 *
 * @param longest - columns of the longest term of the list
 * @param width - columns of a line
 */
export function definitionLines(term: string, meaning: string, longest: number, width: number): string {
  if (meaning === '') return `  ${term}`;
  const room = width - longest - 4;
  if (room < narrowest) return `  ${term}\n${filled(meaning, width, below)}`;
  return `  ${term.padEnd(longest)}  ${filled(meaning, width, longest + 4).trimStart()}`;
}

/** Fills lines with the words of a text. A command in backticks stays in one line. */
export function filled(text: string, width: number, indentation = 0): string {
  const margin = ' '.repeat(indentation);
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/`[^`]*`\S*|\S+/g) ?? []) {
    if (line !== '' && `${margin}${line} ${word}`.length > width) {
      lines.push(margin + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, margin + line].join('\n');
}

/** Fills the paragraphs of a text again, for another width. Keeps lists, which are indented. */
export function refilled(text: string, width: number): string {
  const paragraphs = text.split('\n\n');
  return paragraphs.map((each) => (each.startsWith(' ') ? each : filled(each, width))).join('\n\n');
}
