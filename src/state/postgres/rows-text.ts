import { redacted } from '../../domain/secrets.ts';

/**
 * Serializes a row for `json_to_recordset`, redacted text by text, as the record in files is. Objects in it become texts of JSON, to be
 * cast to `json`: PostgreSQL unescapes the others, and its texts can't have null characters or lone surrogates.
 */
export function rowText(row: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, columnOf(value)])));
}

/** Serializes rows like {@link rowText}. */
export function rowsText(rows: readonly object[]): string {
  return `[${rows.map(rowText).join(',')}]`;
}

/** Serializes a value, redacted text by text. */
export function textOf(value: object): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'string' ? redacted(each) : each));
}

function columnOf(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return textOf(value);
  return typeof value === 'string' ? redacted(value).toWellFormed().replaceAll('\0', '\ufffd') : value;
}
