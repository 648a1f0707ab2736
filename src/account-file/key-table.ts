import path from 'node:path';
import { createColumns, type KeyRow, keyRowOf, type Mistakes, unknownColumns } from '../account/bulk/key-rows.ts';
import { type FileRow, RowFile } from '../account/bulk/row-file.ts';
import { resolved } from '../config/folders.ts';
import type { World } from '../context/world.ts';
import type { KeyTableEntry } from './schema.ts';

/**
 * Opens the table that an entry names.
 *
 * @param file - the file with the entry, as the user named it; `-` for standard input
 * @throws CommandError (usage) if it can't be read
 */
export function openTable(world: Pick<World, 'cwd'>, file: string, { from }: KeyTableEntry): RowFile {
  const cwd = file === '-' ? world.cwd : path.dirname(resolved(file, world));
  return RowFile.open({ cwd }, from);
}

/**
 * Reads the keys of a table. A cell wins over the template.
 *
 * @param mistakes - takes what is wrong with the rows, which are left out
 */
export async function* tableKeys(
  file: RowFile,
  { template = {}, to }: KeyTableEntry,
  mistakes: Pick<Mistakes, 'add'>,
): AsyncGenerator<KeyRow> {
  const { type, protected: _, ...others } = template;
  const reportUnknown = unknownColumns(createColumns);
  for await (const row of file.rows()) {
    reportUnknown(row, mistakes);
    const key = keyRowOf({ ...row, values: filled(row.values, { ...others, type, to }) });
    if (typeof key === 'string') mistakes.add(row.line, key);
    else yield key;
  }
}

/**
 * Returns the values of a row, with those that it leaves empty.
 *
 * @param values - by column; without a type, a key without a pool or subscription is a credit key
 */
export function filled(
  values: FileRow['values'],
  defaults: Readonly<Record<string, string | number | undefined>>,
): ReadonlyMap<string, unknown> {
  const all = new Map<string, unknown>(values);
  // A key has one seat: the row's, if it names one.
  const hasSeat = values.has('pool') || values.has('subscription');
  for (const [column, value] of Object.entries(defaults)) {
    const isOtherSeat = hasSeat && (column === 'pool' || column === 'subscription');
    if (value !== undefined && !all.has(column) && !isOtherSeat) all.set(column, value);
  }
  if (!all.has('type') && !all.has('pool') && !all.has('subscription')) all.set('type', 'credit');
  return all;
}
