/**
 * What a terminal shows after some output: characters where the cursor was, with line feeds, carriage returns, backspaces,
 * cursor movements and erasing obeyed. Nothing scrolls away; colour is left out.
 */
export class Screen {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** All lines from the first, without blanks at their ends. */
  get text(): string {
    return this.#rows
      .map((row) =>
        Array.from(row, (character) => character ?? ' ')
          .join('')
          .trimEnd(),
      )
      .join('\n')
      .trimEnd();
  }

  write(output: string): void {
    const parts = /\x1b\[([?>=]?)([\d;]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b.|[\s\S]/gu;
    for (const [part, isPrivate, parameters = '', final] of output.matchAll(parts)) {
      if (final !== undefined) {
        if (isPrivate === '') this.#control(final, parameters.split(';').map(Number));
      } else if (part === '\n') this.#moveTo(this.#row + 1, this.#column);
      else if (part === '\r') this.#moveTo(this.#row, 0);
      else if (part === '\b') this.#moveTo(this.#row, this.#column - 1);
      else if (!/[\x00-\x1f\x7f]/.test(part)) this.#put(part);
    }
  }

  #put(character: string): void {
    if (this.#column >= this.#columns) this.#moveTo(this.#row + 1, 0);
    const row = this.#rows[this.#row] ?? [];
    row[this.#column] = character;
    this.#column += 1;
  }

  #control(final: string, [first = 0, second = 0]: readonly number[]): void {
    const count = Math.max(1, first);
    const row = this.#rows[this.#row] ?? [];
    if (final === 'A') this.#moveTo(this.#row - count, this.#column);
    else if (final === 'B') this.#moveTo(this.#row + count, this.#column);
    else if (final === 'C') this.#moveTo(this.#row, this.#column + count);
    else if (final === 'D') this.#moveTo(this.#row, this.#column - count);
    else if (final === 'G') this.#moveTo(this.#row, count - 1);
    else if (final === 'H') this.#moveTo(count - 1, Math.max(1, second) - 1);
    else if (final === 'J' && first === 0) {
      row.length = Math.min(row.length, this.#column);
      this.#rows.length = this.#row + 1;
    } else if (final === 'K') {
      if (first === 0) row.length = Math.min(row.length, this.#column);
      else if (first === 2) row.length = 0;
    }
  }

  #moveTo(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = Math.max(0, column);
    while (this.#rows.length <= this.#row) this.#rows.push([]);
  }
}
