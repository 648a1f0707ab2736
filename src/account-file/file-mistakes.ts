import { Mistakes } from '../account/bulk/key-rows.ts';
import type { FilePlace } from '../domain/desired-account.ts';
import type { CommandError } from '../domain/errors.ts';

/** Collects what is wrong with a file that says what an account should have, and with its tables. */
export class FileMistakes {
  /** The file, as messages name it. */
  readonly file: string;
  readonly #lineStarts: readonly number[];
  readonly #own: { readonly offset: number; readonly problem: string }[] = [];
  readonly #ofTables: { readonly place: string; readonly problem: string }[] = [];

  constructor(file: string, text: string) {
    this.file = file;
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
  }

  get count(): number {
    return this.#own.length + this.#ofTables.length;
  }

  /** @param offset - where in the text, in UTF-16 units @param problem - a clause */
  add(offset: number, problem: string): void {
    this.#own.push({ offset, problem });
  }

  /** @param table - as the file names it */
  addInTable(table: string, line: number, problem: string): void {
    this.#ofTables.push({ place: `${table}, line ${line}`, problem });
  }

  /** Returns the place of an offset. */
  placeOf(offset: number): FilePlace {
    const starts = this.#lineStarts;
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** @throws CommandError (usage) with the places, if anything is wrong */
  check(): void {
    if (this.count > 0) throw this.error();
  }

  /** Returns the error that names the places of all mistakes. */
  error(): CommandError {
    const mistakes = new Mistakes();
    for (const { offset, problem } of this.#own.toSorted((one, other) => one.offset - other.offset)) {
      const { line, column } = this.placeOf(offset);
      mistakes.addAt(`line ${line}, column ${column}`, problem);
    }
    for (const { place, problem } of this.#ofTables) mistakes.addAt(place, problem);
    return mistakes.errorIn(this.file);
  }
}
