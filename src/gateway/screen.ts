import { counted } from '../domain/counted.ts';
import { redacted } from '../domain/secrets.ts';
import type { LiveScreen } from '../output/live.ts';
import type { Style } from '../output/style.ts';
import { fitted } from '../output/table.ts';
import { grouped, harmless } from '../output/text.ts';
import { wrapped } from '../output/wrap.ts';
import type { OwnTerminal } from '../programs/own-terminal.ts';
import type { RequestRecord } from './events.ts';
import type { GatewayStatus } from './gateway.ts';
import type { SeatView } from './scheduler.ts';
import type { GatewaySeat } from './seat.ts';
import { openingText, seatColumns } from './seat-table.ts';

/** How many messages are kept. */
const mostMessages = 100;
/** How long requests count for the rate, in milliseconds. */
const rateWindow = 60_000;
/** The shortest time between two drawings, in milliseconds. */
const frame = 100;

/** The options of a {@link GatewayScreen}. */
interface GatewayScreenOptions {
  readonly url: string;
  /** The command that prints the token. */
  readonly tokenCommand: string;
  readonly style: Style;
  readonly timeZone: string;
  readonly status: () => GatewayStatus;
  readonly terminal: OwnTerminal | undefined;
  /** Returns milliseconds of a clock that can't be set. */
  readonly monotonic: () => number;
  /** Prints a line to the terminal's main screen. */
  readonly print: (line: string) => void;
  /** Holds back all other output until the returned function is called. */
  readonly hold: () => () => void;
}

/** Shows a gateway on a terminal: its seats, the queue, the rate, and the latest messages. */
export class GatewayScreen {
  readonly #screen: LiveScreen;
  readonly #options: GatewayScreenOptions;
  readonly #messages: string[] = [];
  /** The requests that count for the rate: when they ended, and their tokens. */
  readonly #recent: { readonly at: number; readonly tokens: number }[] = [];
  #requests = 0;
  #tokens = 0;
  #release: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;

  constructor(screen: LiveScreen, options: GatewayScreenOptions) {
    this.#screen = screen;
    this.#options = options;
  }

  open(): void {
    this.#release = this.#options.hold();
    this.#screen.open((columns) => this.#lines(columns), this.#options.terminal);
    this.#timer = setInterval(() => this.#screen.redraw(), 1000).unref();
  }

  /** Returns to the main screen, and prints the messages and the totals to it. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#next);
    this.#screen.close();
    this.#release?.();
    for (const message of this.#messages) this.#options.print(message);
    this.#options.print(this.#totals());
  }

  /** Counts a request that has ended. */
  count({ promptTokens = 0, completionTokens = 0 }: RequestRecord): void {
    const tokens = promptTokens + completionTokens;
    this.#requests++;
    this.#tokens += tokens;
    this.#recent.push({ at: this.#options.monotonic(), tokens });
    this.redraw();
  }

  /** Shows a message below the seats. Masks secrets in it. */
  addMessage(message: string): void {
    this.#messages.push(redacted(harmless(message)));
    if (this.#messages.length > mostMessages) this.#messages.shift();
    this.redraw();
  }

  /** Draws again soon. */
  redraw(): void {
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      this.#screen.redraw();
    }, frame).unref();
  }

  #totals(): string {
    return `${amounts(this.#requests, this.#tokens, ', ')} since the start.`;
  }

  #lines(columns: number): string[] {
    const { url, tokenCommand, status, style, monotonic } = this.#options;
    const { bold, dim } = style;
    const { seats, queue, running } = status();
    const now = monotonic();
    const old = this.#recent.findIndex(({ at }) => at > now - rateWindow);
    this.#recent.splice(0, old < 0 ? this.#recent.length : old);
    const tokens = this.#recent.reduce((sum, each) => sum + each.tokens, 0);
    const fitting = (text: string) => wrapped(text, columns).split('\n');
    return [
      `${bold('Gateway')}  ${url}`,
      dim(`OpenAI: ${url}/v1   Anthropic: ${url}/anthropic`),
      ...fitting(`API key: the output of \`${tokenCommand}\``).map(dim),
      '',
      // Above the seats, which may not fit.
      ...fitting(
        `${running} running, ${queue} waiting. ${amounts(this.#recent.length, tokens, ' and ')} in the last minute.`,
      ),
      '',
      ...(seats.length > 0 ? this.#table(seats, columns, now) : [dim('No seats.')]),
      '',
      ...fitting(`${this.#totals()} Ctrl-C: quit.`).map(dim),
      ...(this.#messages.length > 0
        ? ['', dim('Latest changes'), ...this.#messages.toReversed().flatMap(fitting)]
        : []),
    ];
  }

  #table(seats: readonly SeatView<GatewaySeat>[], columns: number, now: number): string[] {
    const { style } = this.#options;
    const rows = seats.map((view) => ({
      pool: style.bold(harmless(view.seat.pool ?? '')),
      key: harmless(view.seat.name),
      hours: view.seat.hours,
      state: this.#state(view),
      client: harmless(view.current?.client ?? ''),
    }));
    const times = {
      header: style.dim('FOR'),
      right: true,
      cells: seats.map(({ current }) => (current ? `${Math.round((now - current.since) / 1000)} s` : '')),
    };
    return fitted([...seatColumns(rows, style), times], columns)
      .trimEnd()
      .split('\n');
  }

  #state({ state, opensAt }: SeatView<GatewaySeat>): string {
    const { good, bad, dim, warning } = this.#options.style;
    if (state === 'free' || state === 'busy') return state === 'busy' ? warning('busy') : good('free');
    if (state !== 'outside hours') return bad(state);
    return dim(openingText(opensAt === undefined ? undefined : new Date(opensAt), this.#options.timeZone));
  }
}

/** Returns how many requests there were, and how many tokens if the API reported some. */
function amounts(requests: number, tokens: number, separator: string): string {
  return [counted(requests, 'request'), ...(tokens > 0 ? [`${grouped(tokens)} tokens`] : [])].join(separator);
}
