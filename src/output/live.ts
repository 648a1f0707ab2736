import type { OwnTerminal } from '../programs/own-terminal.ts';
import type { Sink } from './sink.ts';
import { withoutSequences } from './text.ts';
import { widthOf } from './width.ts';

const home = '\x1b[H';
const eraseLine = '\x1b[K';
const eraseBelow = '\x1b[J';
const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';

/** Draws on the alternate screen of a terminal, again after each change of content or size. Closing it restores the screen before, and so does Ctrl-Z. */
export class LiveScreen {
  readonly #stdout: Sink;
  #draw: ((columns: number) => readonly string[]) | undefined;
  #terminal: OwnTerminal | undefined;
  #isShown = false;
  #endStops = () => {};
  readonly #legible: (text: string) => string;
  readonly #redraw = () => this.redraw();

  /** @param legible - replaces characters that the terminal can't show */
  constructor(stdout: Sink, legible: (text: string) => string) {
    this.#stdout = stdout;
    this.#legible = legible;
  }

  get isOpen(): boolean {
    return this.#draw !== undefined;
  }

  /**
   * @param draw - returns the lines for a width in columns. They may hold color; those that don't fit are left out
   * @param terminal - the terminal, if the process can be stopped there
   */
  open(draw: (columns: number) => readonly string[], terminal?: OwnTerminal): void {
    if (!this.#draw) {
      this.#enter();
      this.#terminal = terminal;
      this.#endStops = terminal?.aroundStop(() => this.#leave(), this.#redraw) ?? (() => {});
      this.#stdout.on?.('resize', this.#redraw);
    }
    this.#draw = draw;
    this.redraw();
  }

  redraw(): void {
    if (!this.#draw) return;
    if (!this.#isShown) {
      // After `bg`, the shell uses the terminal.
      if (this.#terminal?.isOccupied()) return;
      this.#enter();
    }
    const { columns = 80, rows = 24 } = this.#stdout;
    // Where the cursor goes after the last column differs between terminals.
    const lines = this.#draw(columns - 1).slice(0, rows);
    const text = lines.map((line) => `${fitted(this.#legible(line), columns - 1)}${eraseLine}`).join('\n');
    this.#stdout.write(`${home}${text}${eraseBelow}`);
  }

  close(): void {
    if (!this.#draw) return;
    this.#draw = undefined;
    this.#stdout.off?.('resize', this.#redraw);
    this.#endStops();
    this.#leave();
  }

  #enter(): void {
    this.#isShown = true;
    this.#stdout.write(enter);
  }

  #leave(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#stdout.write(leave);
  }
}

/** Cuts a line to a width. A line that is cut loses its color. */
function fitted(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let cut = '';
  for (const character of withoutSequences(line)) {
    if (widthOf(cut + character) > columns) break;
    cut += character;
  }
  return cut;
}
