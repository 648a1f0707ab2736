import { formatUsd } from '../../domain/money.ts';
import { redacted } from '../../domain/secrets.ts';
import type { SeenPool } from '../../domain/watching.ts';
import type { LiveScreen } from '../../output/live.ts';
import type { Style } from '../../output/style.ts';
import { fitted } from '../../output/table.ts';
import { harmless } from '../../output/text.ts';
import { dateAndTime } from '../../output/time.ts';

/** How many of the last changes are kept. */
const mostLines = 100;

/** One block on the screen. */
interface Row {
  readonly pool: string;
  readonly block: string;
  readonly open: boolean;
  readonly state: string;
  readonly price: number | undefined;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** What a person sees of a watch: a line a block, when it is checked next, and what changed. */
export class WatchView {
  readonly #screen: LiveScreen;
  readonly #style: Style;
  readonly #timeZone: string;
  readonly #now: () => number;
  readonly #title: string;
  #rows: Row[] = [];
  #next = 'checking…';
  #checks = 0;
  readonly #lines: string[] = [];
  /** Of the lines, how many the other screen shows too. */
  #printed = 0;
  readonly #print: (line: string) => void;
  readonly #hold: () => () => void;
  #release: (() => void) | undefined;

  constructor(
    screen: LiveScreen,
    options: {
      readonly title: string;
      readonly style: Style;
      readonly timeZone: string;
      readonly now: () => number;
      /** Prints on the terminal's own screen. */
      readonly print: (line: string) => void;
      /** Keeps everything else off the terminal. @returns what is to be called when it may be written to again */
      readonly hold: () => () => void;
    },
  ) {
    this.#screen = screen;
    this.#title = harmless(options.title);
    this.#style = options.style;
    this.#timeZone = options.timeZone;
    this.#now = options.now;
    this.#print = options.print;
    this.#hold = options.hold;
  }

  open(): void {
    this.#release ??= this.#hold();
    this.#screen.open((columns) => this.#drawing(columns));
  }

  /** Gives the terminal back, and prints there what changed since it was taken. */
  close(): void {
    this.#screen.close();
    this.#release?.();
    this.#release = undefined;
    this.#printLines();
  }

  #printLines(): void {
    for (const line of this.#lines.slice(this.#printed)) this.#print(line);
    this.#printed = this.#lines.length;
  }

  /** Shows what a check saw. */
  saw(seen: readonly SeenPool[]): void {
    const now = this.#now();
    const before = new Map(this.#rows.map((row) => [`${row.pool} ${row.block}`, row]));
    this.#checks += 1;
    this.#rows = seen.flatMap(({ pool, blocks }) =>
      blocks.map(({ block, open, state, price }) => {
        const known = before.get(`${pool} ${block}`);
        return { pool, block, open, state, price, since: known?.state === state ? known.since : now };
      }),
    );
    this.#screen.redraw();
  }

  /** Says something: while the screen is open below the blocks, else on the terminal's own. Keys in it are masked. */
  say(line: string): void {
    this.#lines.push(redacted(harmless(line)));
    if (this.#lines.length > mostLines) {
      this.#lines.shift();
      this.#printed = Math.max(0, this.#printed - 1);
    }
    if (this.#screen.isOpen) this.#screen.redraw();
    else this.#printLines();
  }

  /** @param due - epoch milliseconds of the next check */
  waits(due: number): void {
    const seconds = Math.max(0, Math.ceil((due - this.#now()) / 1000));
    this.#next = `next check in ${seconds} s`;
    this.#screen.redraw();
  }

  #drawing(columns: number): string[] {
    const { bold, dim, good, bad } = this.#style;
    const cells = (of: (row: Row) => string) => this.#rows.map(of);
    const table = fitted(
      [
        { header: dim('POOL'), cells: cells(({ pool }) => bold(harmless(pool))) },
        { header: dim('BLOCK'), cells: cells(({ block }) => block) },
        {
          header: dim('STATE'),
          cells: cells(({ open, state }) => (open ? good : bad)(harmless(state))),
        },
        {
          header: dim('PRICE/MONTH'),
          optional: 2,
          cells: cells(({ price }) => (price === undefined ? '' : formatUsd(price))),
        },
        {
          header: dim('SINCE'),
          optional: 1,
          cells: cells(({ since }) => dateAndTime(new Date(since), this.#timeZone)),
        },
      ],
      columns,
    );
    const checked = `${this.#checks} ${this.#checks === 1 ? 'check' : 'checks'}, ${this.#next}. Ctrl-C ends it.`;
    return [
      bold(this.#title),
      '',
      ...(this.#rows.length > 0 ? table.trimEnd().split('\n') : []),
      '',
      dim(checked),
      ...(this.#lines.length > 0 ? ['', dim('Last changes'), ...this.#lines.toReversed()] : []),
    ];
  }
}
