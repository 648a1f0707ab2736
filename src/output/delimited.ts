import { harmless } from './text.ts';

/** What a cell of a table can hold. */
export type Cell = string | number | boolean | null | undefined;

/** A cell as text; nothing is an empty text. */
export function cellText(cell: Cell): string {
  return cell === null || cell === undefined ? '' : harmless(String(cell));
}

/** Tab-separated lines for `cut` and `awk`: no header, nothing cut short. */
export function tsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join('\t')}\n`).join('');
}

/** Comma-separated lines with a header, as RFC 4180 has them; without one when it was printed before. */
export function csv(header: readonly string[] | undefined, rows: readonly (readonly Cell[])[]): string {
  return [...(header ? [header] : []), ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

function csvField(cell: Cell): string {
  const text = cell === null || cell === undefined ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
