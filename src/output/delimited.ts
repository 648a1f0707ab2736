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

/**
 * Returns comma-separated lines (RFC 4180), with a header unless it was printed before. A text that a spreadsheet would take for
 * a formula gets an apostrophe in front, as OWASP recommends ("CSV Injection"); a number stays as it is.
 */
export function csv(header: readonly string[] | undefined, rows: readonly (readonly Cell[])[]): string {
  return [...(header ? [header] : []), ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

/** Matches the start of a formula, including the full-width characters of East Asian keyboards, which spreadsheets accept too. */
const formula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const number = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function csvField(cell: Cell): string {
  const text = cell === null || cell === undefined ? '' : String(cell);
  const inert = formula.test(text) && !number.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
