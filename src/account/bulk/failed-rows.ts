import { resolved } from '../../config/folders.ts';
import type { World } from '../../context/world.ts';
import { asClause, CommandError, messageOf, usageError } from '../../domain/errors.ts';
import { exactCsv } from '../../output/delimited.ts';
import { Draft } from '../../state/replace-file.ts';
import { formatOf, type RowFormat } from './row-file.ts';
import type { FailedRow } from './row-runner.ts';

/** A file for the rows that failed, with the reason in the column `error`. It can be the input of the next run. */
export class FailedRowsFile {
  readonly name: string;
  readonly #format: RowFormat;
  readonly #columns: readonly string[];
  readonly #draft: Draft;

  /**
   * Makes room for the file next to it. It is replaced only at the end, because it may be the input.
   *
   * @param format - if its name says none
   * @param columns - of CSV
   * @throws CommandError (usage), (file_error)
   */
  constructor(world: Pick<World, 'cwd'>, name: string, format: RowFormat, columns: readonly string[]) {
    if (name.trim() === '')
      throw usageError('--failed is empty', 'Pass the path of a file, such as --failed failed.csv.');
    this.name = name;
    this.#format = formatOf(name) ?? format;
    this.#columns = columns;
    try {
      this.#draft = new Draft(resolved(name, world));
    } catch (error) {
      throw notWritten(name, error, 'not_applied');
    }
  }

  /** Writes the rows; a file without rows if none failed. @throws CommandError (file_error) */
  write(rows: readonly FailedRow[]): void {
    const objects = rows.map(({ values, error }) => new Map<string, unknown>([...values, ['error', error.message]]));
    const text =
      this.#format === 'csv'
        ? exactCsv([this.#columns, ...objects.map((row) => this.#columns.map((column) => cellOf(row.get(column))))])
        : objects.map((row) => `${JSON.stringify(Object.fromEntries(row))}\n`).join('');
    try {
      this.#draft.replace(text);
    } catch (error) {
      throw notWritten(this.name, error);
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
