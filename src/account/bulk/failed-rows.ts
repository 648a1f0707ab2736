import { lstatSync } from 'node:fs';
import { resolved } from '../../config/folders.ts';
import type { World } from '../../context/world.ts';
import { asClause, CommandError, messageOf, usageError } from '../../domain/errors.ts';
import { exactCsv } from '../../output/delimited.ts';
import { statsOf } from '../../state/folder.ts';
import { Draft } from '../../state/replace-file.ts';
import { formatOf, type RowFormat } from './row-file.ts';
import type { FailedRow } from './row-runner.ts';
import { isSameFile } from './same-file.ts';

/** What the file depends on. */
interface FailedRowsOptions {
  /** The path of the input, or `-`. */
  readonly from: string;
  /** If the name of the file says none. */
  readonly format: RowFormat;
  /** The columns of CSV. */
  readonly columns: readonly string[];
}

/** A file for the rows that failed, with the reason in the column `error`. It can be the input of the next run. */
export class FailedRowsFile {
  readonly name: string;
  readonly #format: RowFormat;
  readonly #columns: readonly string[];
  readonly #isInput: boolean;
  readonly #draft: Draft;

  /**
   * Makes room for the file next to it. It is replaced only at the end, because it may be the input.
   *
   * @throws CommandError (usage), (file_error)
   */
  constructor(world: Pick<World, 'cwd'>, name: string, { from, format, columns }: FailedRowsOptions) {
    if (name.trim() === '')
      throw usageError('--failed is empty', 'Pass the path of a file, such as --failed failed.csv.');
    this.name = name;
    this.#format = formatOf(name) ?? format;
    this.#columns = columns;
    this.#isInput = from !== '-' && isSameFile(world, name, from);
    const file = resolved(name, world);
    try {
      if (statsOf(file, lstatSync)?.isDirectory()) throw new Error('it is a directory');
      this.#draft = new Draft(file);
    } catch (error) {
      throw notWritten(name, error, 'not_applied');
    }
  }

  /**
   * Writes the rows; a file without rows if none failed. If not all rows were begun, and this is the file with them, leaves it as it was.
   *
   * @param note - called with a sentence if it can't be written: the result is shown nevertheless
   * @returns whether it was written
   */
  write(rows: readonly FailedRow[], hasEndedEarly: boolean, note: (message: string) => void): boolean {
    if (hasEndedEarly && this.#isInput) return false;
    const objects = rows.map(
      ({ values, error }) => new Map<string, unknown>([...withoutSecret(values), ['error', error.message]]),
    );
    const text =
      this.#format === 'csv'
        ? exactCsv([this.#columns, ...objects.map((row) => this.#columns.map((column) => cellOf(row.get(column))))])
        : objects.map((row) => `${JSON.stringify(Object.fromEntries(row))}\n`).join('');
    try {
      this.#draft.replace(text);
      return true;
    } catch (error) {
      note(`${notWritten(this.name, error).message}.`);
      return false;
    }
  }

  /** Leaves the file as it was. */
  discard(): void {
    this.#draft.discard();
  }
}

function cellOf(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' || value === undefined ? value : JSON.stringify(value);
}

function notWritten(name: string, error: unknown, outcome?: 'not_applied'): CommandError {
  return new CommandError('file_error', `Can't write to ${name}: ${asClause(messageOf(error))}`, {
    outcome,
    cause: error,
  });
}

/** Leaves out the secret of a row: a file with secrets can be the input. */
function withoutSecret(values: FailedRow['values']): (readonly [string, unknown])[] {
  return [...values].filter(([column]) => column !== 'apiKey');
}
