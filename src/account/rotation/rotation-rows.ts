import type { Key } from '../../api/keys.ts';
import type { Rotation } from '../../state/rotation.ts';
import {
  existingColumns,
  type KeyLimits,
  limitsOf,
  Mistakes,
  shortened,
  unknownColumns,
  wordOf,
} from '../bulk/key-rows.ts';
import { destinationChecker } from '../bulk/row-destinations.ts';
import type { RowFile } from '../bulk/row-file.ts';
import { rowError } from '../bulk/row-runner.ts';
import { keyFinder } from '../keys/find.ts';
import { rotationFinder } from './choose.ts';

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

/**
 * Reads the rows of a file.
 *
 * @param destinationOf - throws CommandError if a destination isn't valid
 * @throws CommandError (usage) with the lines of all mistakes
 */
export async function rotationRows(
  file: RowFile,
  destinationOf: (to: string) => Promise<unknown>,
): Promise<RotationRow[]> {
  const mistakes = new Mistakes();
  const unknown = unknownColumns(existingColumns);
  const checkDestination = destinationChecker(destinationOf);
  const lines = new Map<string, number>();
  const rows: RotationRow[] = [];
  for await (const row of file.rows()) {
    const { line, values, problem } = row;
    unknown(row, mistakes);
    const [id, name, to] = ['id', 'name', 'to'].map((column) => wordOf(values, column));
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
      await checkDestination({ line, to }, mistakes);
    }
  }
  mistakes.check(file);
  return rows;
}

/**
 * Finds the keys that the rows name, or their rotations that aren't finished.
 *
 * @returns the rows by the IDs of the keys to replace
 * @throws CommandError (usage) with the lines of all mistakes
 */
export function rowsByKey(
  file: RowFile,
  rows: readonly RotationRow[],
  { all, begun }: { readonly all: readonly Key[]; readonly begun: readonly Rotation[] },
): ReadonlyMap<string, RotationRow> {
  const mistakes = new Mistakes();
  const findKey = keyFinder(all);
  const findRotations = rotationFinder(begun);
  const found = new Map<string, RotationRow>();
  for (const row of rows) {
    const { line, typed } = row;
    try {
      const rotations = findRotations(typed);
      const ids = rotations.length > 0 ? rotations.map(({ old }) => old.id) : [findKey(typed).id];
      for (const id of ids) {
        const earlier = found.get(id);
        if (earlier) mistakes.add(line, `"${shortened(typed)}" is the key of line ${earlier.line}, too`);
        else found.set(id, row);
      }
    } catch (error) {
      mistakes.add(line, rowError(error).message);
    }
  }
  mistakes.check(file);
  return found;
}
