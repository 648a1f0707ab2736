import { counted } from '../domain/counted.ts';
import { formatUsd } from '../domain/money.ts';
import { redacted } from '../domain/secrets.ts';
import type { LiveScreen } from '../output/live.ts';
import type { Style } from '../output/style.ts';
import { fitted } from '../output/table.ts';
import { harmless } from '../output/text.ts';
import { dateAndTime } from '../output/time.ts';
import type { OwnTerminal } from '../programs/own-terminal.ts';
import type { PoolAvailability } from './availability.ts';

/** Maximum number of messages to keep. */
const mostLines = 100;

/** One block on the screen. */
interface Row {
  readonly pool: string;
  readonly block: string;
  readonly open: boolean;
  readonly state: string;
  readonly price: number | undefined;
  /** When the state last changed, epoch milliseconds. */
  readonly since: number;
}

/** The options of a {@link WatchScreen}. */
interface WatchScreenOptions {
  readonly title: string;
  readonly style: Style;
  readonly timeZone: string;
  readonly now: () => number;
  readonly terminal: OwnTerminal | undefined;
  /** Prints a line to the terminal's main screen. */
  readonly print: (line: string) => void;
  /** Holds back all other output until the returned function is called. */
  readonly hold: () => () => void;
}

/** Shows a watch on a terminal: a line for each block, the time until the next check, and the latest messages. */
export class WatchScreen {
  readonly #screen: LiveScreen;
  readonly #style: Style;
  readonly #timeZone: string;
  readonly #now: () => number;
  readonly #terminal: OwnTerminal | undefined;
  readonly #title: string;
  #rows: Row[] = [];
  #next = 'checking…';
  #checks = 0;
  readonly #messages: string[] = [];
  /** How many of the messages were already printed to the main screen. */
  #printed = 0;
  readonly #print: (line: string) => void;
  readonly #hold: () => () => void;
  #release: (() => void) | undefined;

  constructor(screen: LiveScreen, options: WatchScreenOptions) {
    this.#screen = screen;
    this.#title = harmless(options.title);
    this.#style = options.style;
    this.#timeZone = options.timeZone;
    this.#now = options.now;
    this.#terminal = options.terminal;
    this.#print = options.print;
    this.#hold = options.hold;
  }

  open(): void {
    this.#release ??= this.#hold();
    this.#screen.open((columns) => this.#lines(columns), this.#terminal);
  }

  /** Returns to the main screen, and prints the messages since {@link open} to it. */
  close(): void {
    this.#screen.close();
    this.#release?.();
    this.#release = undefined;
    this.#printMessages();
  }

  #printMessages(): void {
    for (const line of this.#messages.slice(this.#printed)) this.#print(line);
    this.#printed = this.#messages.length;
  }

  /** Shows the result of a poll. */
  update(pools: readonly PoolAvailability[]): void {
    const now = this.#now();
    const before = new Map(this.#rows.map((row) => [`${row.pool} ${row.block}`, row]));
    this.#checks += 1;
    this.#rows = pools.flatMap(({ pool, blocks }) =>
      blocks.map(({ block, open, state, price }) => {
        const known = before.get(`${pool} ${block}`);
        return { pool, block, open, state, price, since: known?.state === state ? known.since : now };
      }),
    );
    this.#screen.redraw();
  }

  /** Shows a message below the blocks, or prints it if the screen isn't open. Masks secrets in it. */
  addMessage(line: string): void {
    this.#messages.push(redacted(harmless(line)));
    if (this.#messages.length > mostLines) {
      this.#messages.shift();
      this.#printed = Math.max(0, this.#printed - 1);
    }
    if (this.#screen.isOpen) this.#screen.redraw();
    else this.#printMessages();
  }

  /** Shows the time until the next check. @param due - epoch milliseconds */
  countDown(due: number): void {
    const seconds = Math.max(0, Math.ceil((due - this.#now()) / 1000));
    this.#next = `next check in ${seconds} s`;
    this.#screen.redraw();
  }

  #lines(columns: number): string[] {
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
    const checked = `${counted(this.#checks, 'check')}, ${this.#next}. Ctrl-C: quit.`;
    return [
      bold(this.#title),
      '',
      ...(this.#rows.length > 0 ? table.trimEnd().split('\n') : []),
      '',
      dim(checked),
      ...(this.#messages.length > 0 ? ['', dim('Latest changes'), ...this.#messages.toReversed()] : []),
    ];
  }
}
