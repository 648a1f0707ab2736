import { cellLines, cellWords } from './table-cell.ts';
import { widthOf } from './width.ts';

/** The longest table, in characters; the longest string is about twice that. With one huge cell among many rows, rows become records. */
const longestTable = 2 ** 28;

/** A terminal of this width or more, in columns, shows a table even if cells must be wrapped. */
const narrowestTable = 60;

/**
 * Returns a table without lines, with two spaces between columns. Cells may hold color.
 *
 * @param right - which columns are aligned to the right
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

/** A column with its cells, as drawn: they may hold color. */
export interface DrawnColumn {
  readonly header: string;
  /**
   * When the column is dropped from a table that is too wide: 1 before ids are shortened, higher numbers after that, in their
   * order. A column without it stays.
   */
  readonly optional?: number;
  /** Whether cells are aligned to the right. */
  readonly right?: boolean;
  /** Whether cells hold UUIDs, which are shortened if the table is too wide. */
  readonly hasIds?: boolean;
  readonly cells: readonly string[];
}

/**
 * Returns a table that fits a width: it drops optional columns and shortens ids, and then wraps cells. If that isn't enough, or
 * leaves too little room for each cell, it returns a record per row, with a line per column.
 *
 * @param width - of the terminal, in columns
 */
export function fitted(columns: readonly DrawnColumn[], width: number): string {
  const room = Math.min(width, longestTable / (columns[0]?.cells.length ?? 0));
  let narrowest = columns;
  for (narrowest of narrower(columns)) {
    if (widthOfTable(narrowest) <= room) return drawn(narrowest, rowsOf(narrowest));
  }
  const wrapped = room < narrowestTable ? undefined : wrappedRows(narrowest, room);
  return wrapped ? drawn(narrowest, wrapped) : records(columns);
}

/** Returns each row as a line, without a header and without what doesn't fit, for a list to choose from. */
export function fittedRows(columns: readonly DrawnColumn[], width: number): string[] {
  let fitting: readonly DrawnColumn[] = [];
  for (fitting of narrower(columns.map((column) => ({ ...column, header: '' })))) {
    if (widthOfTable(fitting) <= width) break;
  }
  return table(undefined, rowsOf(fitting)).split('\n').slice(0, -1);
}

/** Yields the columns, and then narrower and narrower selections of them. */
function* narrower(columns: readonly DrawnColumn[]): Generator<readonly DrawnColumn[]> {
  let current = columns;
  yield current;
  const ranks = columns.flatMap(({ optional }) => optional ?? []).sort((a, b) => a - b);
  for (const rank of new Set([1, ...ranks])) {
    for (let at = current.length - 1; at >= 0; at -= 1) {
      if (current[at]?.optional !== rank) continue;
      current = current.toSpliced(at, 1);
      yield current;
    }
    if (rank !== 1) continue;
    current = current.map((column) => (column.hasIds ? withShortIds(column) : column));
    yield current;
  }
}

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** Shortens UUIDs to the shortest prefix that tells them apart. Commands accept a prefix of 8 characters or more. */
function withShortIds(column: DrawnColumn): DrawnColumn {
  const ids = new Set(column.cells.flatMap((cell) => cell.match(uuid) ?? []));
  let length = 8;
  while (new Set([...ids].map((id) => id.slice(0, length))).size < ids.size) length += 1;
  return { ...column, cells: column.cells.map((cell) => cell.replace(uuid, (id) => id.slice(0, length))) };
}

function widthOfTable(columns: readonly DrawnColumn[]): number {
  return columns.reduce((sum, column) => sum + widthOfColumn(column), 2 * (columns.length - 1));
}

function widthOfColumn({ header, cells }: DrawnColumn): number {
  return cells.reduce((widest, cell) => Math.max(widest, widthOf(cell)), widthOf(header));
}

/** Returns the lines of a table with wrapped cells; undefined if words are too long for that. */
function wrappedRows(columns: readonly DrawnColumn[], width: number): string[][] | undefined {
  const narrowest = columns.map(({ header, cells }) =>
    cells.flatMap(cellWords).reduce((widest, word) => Math.max(widest, widthOf(word.trim())), widthOf(header)),
  );
  const room = width - 2 * (columns.length - 1);
  if (narrowest.reduce((sum, each) => sum + each, 0) > room) return undefined;
  const widths = columns.map((column) => Math.min(widthOfColumn(column), room));
  while (widths.reduce((sum, each) => sum + each, 0) > room) {
    const shrinkable = widths.map((each, at) => (each > (narrowest[at] ?? 0) ? each : 0));
    const widest = shrinkable.indexOf(Math.max(...shrinkable));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return rowsOf(columns).flatMap((row) => {
    const cells = row.map((cell, at) => cellLines(cell, widths[at] ?? 0));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ''));
  });
}

function drawn(columns: readonly DrawnColumn[], rows: readonly (readonly string[])[]): string {
  return table(
    columns.map(({ header }) => header),
    rows,
    columns.map(({ right = false }) => right),
  );
}

function rowsOf(columns: readonly DrawnColumn[]): string[][] {
  return (columns[0]?.cells ?? []).map((_cell, at) => columns.map(({ cells }) => cells[at] ?? ''));
}

/** Returns a record per row, with labels of the same width in all of them. */
function records(columns: readonly DrawnColumn[]): string {
  const width = Math.max(...columns.map(({ header }) => widthOf(header)));
  const labels = columns.map(({ header }) => header + ' '.repeat(width - widthOf(header)));
  return rowsOf(columns)
    .map((row) => row.flatMap((cell, at) => (cell === '' ? [] : [`${labels[at]}  ${cell}\n`])).join(''))
    .join('\n');
}
