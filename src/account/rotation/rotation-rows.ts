import type { Key } from '../../api/keys.ts';
import { CommandError } from '../../domain/errors.ts';
import { createColumns, type KeyLimits, limitsOf, Mistakes, unknownColumns } from '../bulk/key-rows.ts';
import type { RowFile } from '../bulk/row-file.ts';
import { keyFinder } from '../keys/find.ts';
import { isNamed } from './choose.ts';
import type { Rotation } from './rotation.ts';

/** The columns of a file with keys to rotate: those that `keys create` reads and writes. */
const rotateColumns = ['id', 'apiKey', 'subscriptionId', ...createColumns] as const;

/** A key to rotate, as a row of a file says it. */
export interface RotationRow {
  readonly line: number;
  /** Its ID or name. */
  readonly typed: string;
  /** Where the new secret goes, as `--to` takes it. */
  readonly to: string | undefined;
  /** The limits of the new key, if the API doesn't say those of the old one. */
  readonly limits: KeyLimits;
}

/** Reads the rows of a file. @throws CommandError (usage) with the lines of all mistakes */
export async function rotationRows(file: RowFile): Promise<RotationRow[]> {
  const mistakes = new Mistakes();
  const unknown = unknownColumns(rotateColumns);
  const lines = new Map<string, number>();
  const rows: RotationRow[] = [];
  for await (const row of file.rows()) {
    const { line, values, problem } = row;
    unknown(row, mistakes);
    const [id, name, to] = ['id', 'name', 'to'].map((column) => textOf(values.get(column)));
    const typed = id ?? name;
    const limits = limitsOf(values);
    const earlier = typed === undefined ? undefined : lines.get(typed);
    if (problem !== undefined) mistakes.add(line, problem);
    else if (typed === undefined) mistakes.add(line, 'its name and its ID are missing');
    else if (typeof limits === 'string') mistakes.add(line, limits);
    else if (earlier !== undefined) mistakes.add(line, `"${typed}" is also in line ${earlier}`);
    else {
      lines.set(typed, line);
      rows.push({ line, typed, to, limits });
    }
  }
  mistakes.check(file);
  return rows;
}

/**
 * Checks that all rows name a key, or one whose rotation isn't finished.
 *
 * @throws CommandError (usage) with the lines of all mistakes
 */
export function checkRotationRows(
  file: RowFile,
  rows: readonly RotationRow[],
  { all, begun }: { readonly all: readonly Key[]; readonly begun: readonly Rotation[] },
): void {
  const mistakes = new Mistakes();
  const find = keyFinder(all);
  for (const { line, typed } of rows) {
    if (begun.some((rotation) => isNamed(rotation, typed))) continue;
    try {
      find(typed);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      mistakes.add(line, error.message);
    }
  }
  mistakes.check(file);
}

function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}
