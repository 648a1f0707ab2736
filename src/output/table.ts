import Table from 'cli-table3';
import stringWidth from 'string-width';

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** A table without lines, columns two spaces apart. Cells may hold colour. */
export function table(header: readonly string[] | undefined, rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    ...(header ? { head: [...header] } : {}),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) drawn.push([...row]);
  return `${drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

/** A column with its cells, as drawn: they may hold colour. */
export interface DrawnColumn {
  readonly header: string;
  /** Left out where the table would be too wide: 1 first, then 2. Without it a column stays. */
  readonly optional?: number;
  readonly cells: readonly string[];
}

/**
 * A table of these columns, without as many of the optional ones as it takes to fit; where what is left
 * is still too wide, a paragraph a row with a line a column.
 *
 * @param width - of the terminal, in columns
 */
export function fitted(columns: readonly DrawnColumn[], width: number): string {
  return fittingTable(columns, width) ?? cards(columns);
}

function fittingTable(columns: readonly DrawnColumn[], width: number): string | undefined {
  const rows = (columns[0]?.cells ?? []).map((_cell, at) => columns.map(({ cells }) => cells[at] ?? ''));
  const drawn = table(
    columns.map(({ header }) => header),
    rows,
  );
  if (drawn.split('\n').every((line) => stringWidth(line) <= width)) return drawn;
  const lowest = Math.min(...columns.map(({ optional = Number.POSITIVE_INFINITY }) => optional));
  const dropped = columns.findLastIndex(({ optional }) => optional === lowest);
  return dropped < 0 ? undefined : fittingTable(columns.toSpliced(dropped, 1), width);
}

function cards(columns: readonly DrawnColumn[]): string {
  const rows = (columns[0]?.cells ?? []).map((_cell, at) =>
    columns.map(({ header, cells }) => [header, cells[at] ?? '']).filter(([, cell]) => cell !== ''),
  );
  return rows.map((lines) => table(undefined, lines)).join('\n');
}
