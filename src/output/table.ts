import { widthOf } from './width.ts';

/** Longest table, in characters; the longest string is about twice that. One huge cell among many rows is shown as paragraphs. */
const longestTable = 2 ** 28;

/**
 * A table without lines, columns two spaces apart. Cells may hold colour.
 *
 * @param right - which columns stand at the right
 */
export function table(
  header: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string {
  const lines = header ? [header, ...rows] : rows;
  const widths: number[] = [];
  for (const line of lines) {
    for (const [at, cell] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  }
  const aligned = (cell: string, at: number) => {
    const space = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
    return right[at] ? space + cell : cell + space;
  };
  return lines.map((line) => `${line.map(aligned).join('  ').trimEnd()}\n`).join('');
}

/** A column with its cells, as drawn: they may hold colour. */
export interface DrawnColumn {
  readonly header: string;
  /** Left out where the table would be too wide: 1 first, then 2. Without it a column stays. */
  readonly optional?: number;
  /** Whether it stands at the right. */
  readonly right?: boolean;
  readonly cells: readonly string[];
}

/**
 * A table of these columns, without as many of the optional ones as it takes to fit; where what is left
 * is still too wide, a paragraph a row with a line a column.
 *
 * @param width - of the terminal, in columns
 */
export function fitted(columns: readonly DrawnColumn[], width: number): string {
  const rows = columns[0]?.cells.length ?? 0;
  const fitting = columnsWithin(columns, Math.min(width, longestTable / rows));
  if (!fitting) return cards(columns);
  return table(
    fitting.map(({ header }) => header),
    rowsOf(fitting),
    fitting.map(({ right = false }) => right),
  );
}

/** The columns' cells in lines of one width each, without a header and without what does not fit: for a list to choose from. */
export function fittedRows(columns: readonly DrawnColumn[], width: number): string[] {
  const bare = columns.map((column) => ({ ...column, header: '' }));
  const fitting = columnsWithin(bare, width) ?? bare.filter(({ optional }) => optional === undefined);
  return table(undefined, rowsOf(fitting)).split('\n').slice(0, -1);
}

/** As many of the columns as fit; undefined when not even those that must stay do. */
function columnsWithin(columns: readonly DrawnColumn[], width: number): readonly DrawnColumn[] | undefined {
  const widths = columns.map(({ header, cells }) =>
    cells.reduce((widest, cell) => Math.max(widest, widthOf(cell)), widthOf(header)),
  );
  if (widths.reduce((sum, each) => sum + each, 2 * (columns.length - 1)) <= width) return columns;
  const lowest = Math.min(...columns.map(({ optional = Number.POSITIVE_INFINITY }) => optional));
  const dropped = columns.findLastIndex(({ optional }) => optional === lowest);
  return dropped < 0 ? undefined : columnsWithin(columns.toSpliced(dropped, 1), width);
}

function rowsOf(columns: readonly DrawnColumn[]): string[][] {
  return (columns[0]?.cells ?? []).map((_cell, at) => columns.map(({ cells }) => cells[at] ?? ''));
}

function cards(columns: readonly DrawnColumn[]): string {
  const rows = (columns[0]?.cells ?? []).map((_cell, at) =>
    columns.map(({ header, cells }) => [header, cells[at] ?? '']).filter(([, cell]) => cell !== ''),
  );
  return rows.map((lines) => table(undefined, lines)).join('\n');
}
