import { harmless } from './text.ts';

/** A cell of a table. */
export type Cell = string | number | boolean | null | undefined;

/** Returns a cell as text; empty for null and undefined. */
export function cellText(cell: Cell): string {
  return cell === null || cell === undefined ? '' : harmless(String(cell));
}

/** Returns tab-separated lines for `cut` and `awk`, without a header and never truncated. */
export function tsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join('\t')}\n`).join('');
}

/**
 * Returns comma-separated lines (RFC 4180), with a header if there is one. An apostrophe goes before a text that a spreadsheet would
 * run as a formula, as OWASP recommends ("CSV Injection"). Numbers stay as they are.
 */
export function csv(header: readonly string[] | undefined, rows: readonly (readonly Cell[])[]): string {
  return [...(header ? [header] : []), ...rows].map((row) => `${row.map(inertField).join(',')}\r\n`).join('');
}

/** Returns comma-separated lines like {@link csv}, for programs: every text stays as it is. */
export function exactCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map((cell) => csvField(textOf(cell))).join(',')}\r\n`).join('');
}

/** Matches the start of a formula, including the full-width characters of East Asian keyboards, which spreadsheets accept too. */
const formula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const number = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function inertField(cell: Cell): string {
  const text = textOf(cell);
  return csvField(formula.test(text) && !number.test(text) ? `'${text}` : text);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function textOf(cell: Cell): string {
  return cell === null || cell === undefined ? '' : String(cell);
}
