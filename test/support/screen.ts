/** A character on a screen, and the codes of its color and weight (ECMA-48, "Select Graphic Rendition"), in order. */
export interface Cell {
  readonly character: string;
  readonly graphics: readonly number[];
}

/**
 * What a terminal shows after some output. Supports line feeds, carriage returns, backspaces,
 * cursor movements and erasing. Nothing scrolls away.
 */
export class Screen {
  readonly #columns: number;
  readonly #rows: Cell[][] = [[]];
  /** The characters that were written beyond the last column. */
  readonly #overlong = new Set<readonly Cell[]>();
  /** The start of a control sequence that the next output completes. */
  #begun = '';
  #row = 0;
  #column = 0;
  #graphics: readonly number[] = [];

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** All lines from the first, without trailing spaces. */
  get text(): string {
    return this.#rows
      .map((row) =>
        Array.from(row, (cell) => cell?.character ?? ' ')
          .join('')
          .trimEnd(),
      )
      .join('\n')
      .trimEnd();
  }

  /**
   * The words that a line break cuts in two, in lines that were wider than the screen and in lines of questions that fill it,
   * because questions are wrapped before they are written. URLs, paths and masked secrets are exceptions.
   */
  get cuts(): string[] {
    const rows = this.text.split('\n');
    return rows.flatMap((row, at) => {
      const [begin = ''] = /\S*$/.exec(row) ?? [];
      const [end = ''] = /^\S*/.exec(rows[at + 1] ?? '') ?? [];
      const isFull =
        row.length === this.#columns && /^(?:[?!❯>]|[✓+] [^?]*\?| [◯◉[-])/.test(row) && begin !== '' && end !== '';
      const isCut = (isFull || this.#overlong.has(this.#rows[at] ?? [])) && !/^(?:https?:|\/|•)/.test(begin);
      return isCut ? [begin + end] : [];
    });
  }

  /** All lines from the first, cell by cell; undefined where nothing was written. */
  get cells(): readonly (readonly (Cell | undefined)[])[] {
    return this.#rows;
  }

  write(output: string): void {
    const parts = /\x1b\[([?>=]?)([\d;]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b.|[\s\S]/gu;
    const text = this.#begun + output;
    this.#begun = /\x1b(?:\[[?>=]?[\d;]*|\][^\x07\x1b]*\x1b?|[()])?$/.exec(text)?.[0] ?? '';
    const complete = text.slice(0, text.length - this.#begun.length);
    for (const [part, isPrivate, parameters = '', final] of complete.matchAll(parts)) {
      if (final !== undefined) {
        if (isPrivate === '') this.#control(final, parameters.split(';').map(Number));
      } else if (part === '\n') this.#moveTo(this.#row + 1, this.#column);
      else if (part === '\r') this.#moveTo(this.#row, 0);
      else if (part === '\b') this.#moveTo(this.#row, this.#column - 1);
      else if (!/[\x00-\x1f\x7f]/.test(part)) this.#put(part);
    }
  }

  #put(character: string): void {
    if (this.#column >= this.#columns) {
      this.#overlong.add(this.#rows[this.#row] ?? []);
      this.#moveTo(this.#row + 1, 0);
    }
    const row = this.#rows[this.#row] ?? [];
    row[this.#column] = { character, graphics: this.#graphics };
    this.#column += 1;
  }

  #control(final: string, parameters: readonly number[]): void {
    const [first = 0, second = 0] = parameters;
    const count = Math.max(1, first);
    const row = this.#rows[this.#row] ?? [];
    if (final === 'A') this.#moveTo(this.#row - count, this.#column);
    else if (final === 'm') for (const each of parameters) this.#paint(each);
    else if (final === 'B') this.#moveTo(this.#row + count, this.#column);
    else if (final === 'C') this.#moveTo(this.#row, this.#column + count);
    else if (final === 'D') this.#moveTo(this.#row, this.#column - count);
    else if (final === 'G') this.#moveTo(this.#row, count - 1);
    else if (final === 'H') this.#moveTo(count - 1, Math.max(1, second) - 1);
    else if (final === 'J' && first === 0) {
      row.length = Math.min(row.length, this.#column);
      this.#rows.length = this.#row + 1;
    } else if (final === 'K') {
      this.#overlong.delete(row);
      if (first === 0) row.length = Math.min(row.length, this.#column);
      else if (first === 2) row.length = 0;
    }
  }

  #paint(number: number): void {
    const without = (ended: (each: number) => boolean) => this.#graphics.filter((each) => !ended(each));
    if (number === 0) this.#graphics = [];
    else if (number === 22) this.#graphics = without((each) => each === 1 || each === 2);
    else if (number === 39) this.#graphics = without((each) => each >= 30 && each <= 37);
    else if (number === 49) this.#graphics = without((each) => (each >= 40 && each <= 47) || each >= 100);
    else this.#graphics = [...this.#graphics, number].toSorted((a, b) => a - b);
  }

  #moveTo(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = Math.max(0, column);
    while (this.#rows.length <= this.#row) this.#rows.push([]);
  }
}
