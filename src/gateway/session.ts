import type { Context } from '../context/context.ts';
import { counted } from '../domain/counted.ts';
import { durationInWords } from '../domain/duration.ts';
import { asClause, CommandError, messageOf } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import { Pace } from '../domain/pace.ts';
import type { Layout } from '../output/output.ts';
import type { OwnTerminal } from '../programs/own-terminal.ts';
import { sameSignal } from '../programs/signals.ts';
import {
  eventColumns,
  eventFields,
  eventLine,
  type GatewayEvent,
  gatewayEvent,
  type RequestRecord,
  requestEvent,
} from './events.ts';
import type { Gateway } from './gateway.ts';
import type { GatewayScreen } from './screen.ts';
import type { GatewaySeat } from './seat.ts';
import type { CreditKey, FoundSeats, SeatContext, SeatFinder } from './seat-finder.ts';
import type { UsageLog } from './usage-log.ts';

/** The parts of the context that a gateway uses. */
export type ServeContext = SeatContext & Pick<Context, 'api' | 'progress' | 'record' | 'result'>;

/** How often the account is read, in milliseconds. */
const refreshInterval = 300_000;
/** How often the sandbox is read, in milliseconds. Its clock can be moved at any time. */
const sandboxInterval = 5000;
/** The shortest time between two reads because a key was refused, in milliseconds. */
const shortestRefresh = 10_000;
/** How often the stored keys and the terminal are checked, in milliseconds. */
const checkInterval = 1000;
/** How often usage is written to its file, in milliseconds. */
const flushInterval = 60_000;
/** How often old usage is removed from its file, in milliseconds. */
const pruneInterval = 24 * 3_600_000;
/** How long credit doesn't pay before it is said again, in milliseconds. */
const creditPause = 3_600_000;
/** How long a gateway without users waits for the next one, and for the first one, in milliseconds. */
const unusedTime = 2000;
const firstUseTime = 30_000;

const layout: Layout<GatewayEvent> = { columns: eventColumns, fields: eventFields };

/** What a session works with. */
interface SessionParts {
  readonly finder: SeatFinder;
  /** The key that pays with prepaid credit; undefined: none does. */
  readonly creditKey: CreditKey | undefined;
  /** Its name or ID as typed; undefined: it is the only one. */
  readonly creditKeyName: string | undefined;
  readonly usage: UsageLog;
  /** Records the seats of this gateway. Returns those that no other gateway on this machine uses. */
  readonly claim: (seats: readonly GatewaySeat[]) => Promise<readonly GatewaySeat[]>;
  /** Returns whether another gateway on this machine uses a seat. */
  readonly isTaken: (id: string) => boolean;
  /** Called when the gateway begins to stop. */
  readonly onStopping: () => void;
  readonly tokenFile: string;
  /** The command that prints the token. */
  readonly tokenCommand: string;
  /** How long to wait for open requests at the end, in milliseconds. */
  readonly drain: number;
  /** Whether to end when no command uses the gateway. */
  readonly untilUnused: boolean;
  /** Whether not to print each request. */
  readonly quiet: boolean;
}

/** A gateway in this process: reads the account, prints events, and handles signals. */
export class Session {
  readonly #context: ServeContext;
  readonly #parts: SessionParts;
  readonly #stop = new AbortController();
  /** Ends the wait for the next refresh. */
  #wake = new AbortController();
  #gateway: Gateway | undefined;
  #screen: GatewayScreen | undefined;
  #terminal: OwnTerminal | undefined;
  #lastRefresh = 0;
  #nextRefresh = 0;
  /** What was already said about seats that can't be used. */
  #said = new Set<string>();
  /** What was already said about the usage file. */
  #usageProblem: string | undefined;
  /** What the latest refresh couldn't do. */
  #failed: 'read the account' | 'update the seats' | undefined;
  /** The key that pays with prepaid credit. */
  #creditKey: CreditKey | undefined;
  /** Whether it was said that the API refuses it. */
  #isCreditRefused = false;
  /** When credit last paid, in milliseconds of the monotonic clock. */
  #lastCredit = Number.NEGATIVE_INFINITY;
  /** When to refresh because a key was refused or stored, or on SIGHUP, in milliseconds of the monotonic clock. */
  #refreshDue = Number.POSITIVE_INFINITY;
  /** When to remove old usage, in milliseconds of the monotonic clock. */
  #nextPrune = 0;
  #unused: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #checkTimer: NodeJS.Timeout | undefined;
  #endSignals = () => {};
  #signal: { readonly at: number; readonly name: string } | undefined;
  readonly #end = new AbortController();

  constructor(context: ServeContext, parts: SessionParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Starts to use the seats, and prints that the gateway listens. */
  async open(gateway: Gateway, found: FoundSeats): Promise<void> {
    const { output, world, progress } = this.#context;
    this.#gateway = gateway;
    this.#lastRefresh = world.monotonic();
    this.#nextRefresh = this.#lastRefresh + this.#interval;
    this.#terminal = output.isTerminal ? await world.ownTerminal?.() : undefined;
    this.#listenToSignals();
    gateway.update(found.seats);
    const terminal = output.liveScreen;
    await this.#print(gatewayEvent('started', world.now(), { url: gateway.url, tokenFile: this.#parts.tokenFile }));
    if (terminal) {
      const { GatewayScreen } = await import('./screen.ts');
      this.#screen = new GatewayScreen(terminal, {
        url: gateway.url,
        tokenCommand: this.#parts.tokenCommand,
        style: output.style,
        timeZone: world.timeZone,
        status: () => gateway.status,
        terminal: this.#terminal,
        monotonic: world.monotonic,
        print: (line) => output.line(line),
        hold: () => progress.hold(),
      });
      this.#screen.open();
    } else if (output.format !== 'json') {
      output.note(
        `Clients use ${gateway.url}/v1 or ${gateway.url}/anthropic, with the token that \`${this.#parts.tokenCommand}\` prints.`,
      );
      output.note(`Using ${counted(found.seats.length, 'seat')}. Press Ctrl-C to stop.`);
    }
    this.#report(found);
    if (this.#parts.creditKey) this.#useCredit(this.#parts.creditKey);
    this.onUnused(firstUseTime);
    this.#flush();
    this.#flushTimer = setInterval(() => this.#flush(), flushInterval).unref();
    this.#checkTimer = setInterval(() => {
      this.#checkTerminal();
      this.#checkStore();
    }, checkInterval).unref();
  }

  /** Refreshes the seats every few minutes, until the gateway is stopped. Then answers the open requests. */
  async run(): Promise<void> {
    const { world, result } = this.#context;
    const pace = new Pace(this.#interval);
    const stopped = aborted(this.#stop.signal);
    while (!this.#stop.signal.aborted) {
      const wait = Math.min(this.#nextRefresh, this.#refreshDue) - world.monotonic();
      if (wait > 0) {
        this.#wake = new AbortController();
        await world.sleep(wait, AbortSignal.any([this.#wake.signal, this.#stop.signal]));
        continue;
      }
      // A slow API must not delay the end.
      await Promise.race([this.#refresh(pace), stopped]);
    }
    const gateway = this.#gateway;
    if (!gateway) return;
    const { running, queue } = gateway.status;
    const open = running + queue;
    if (this.#end.signal.aborted) {
      if (open > 0) result.exitCode = 1;
      return;
    }
    const message =
      open === 0
        ? 'Stopping.'
        : `Stopping. Waiting up to ${durationInWords(this.#parts.drain)} for ${counted(open, 'request')}.`;
    this.#parts.onStopping();
    await this.#print(gatewayEvent('stopping', world.now(), { message }));
    const timeout = new AbortController();
    const drained = gateway.drain().then(() => true);
    const late = world.sleep(this.#parts.drain, AbortSignal.any([timeout.signal, this.#end.signal])).then(() => false);
    const isDrained = await Promise.race([drained, late]);
    timeout.abort();
    if (isDrained) return;
    // The clients of requests that are cut off see that their answers aren't complete.
    result.exitCode = 1;
    await gateway.refuseWaiting();
  }

  async close(): Promise<void> {
    const { world } = this.#context;
    this.#endSignals();
    clearInterval(this.#flushTimer);
    clearInterval(this.#checkTimer);
    clearTimeout(this.#unused);
    this.#flush();
    this.#screen?.close();
    this.#screen = undefined;
    if (this.#gateway) await this.#print(gatewayEvent('stopped', world.now()));
  }

  /** Reads the account now, unless it was read moments ago. */
  refreshSoon(): void {
    const now = this.#context.world.monotonic();
    this.#refreshDue = Math.min(this.#refreshDue, Math.max(now, this.#lastRefresh + shortestRefresh));
    this.#wake.abort();
  }

  /** Says that prepaid credit pays, once for each time outside the hours. */
  onCredit(): void {
    const now = this.#context.world.monotonic();
    if (now - this.#lastCredit > creditPause)
      this.note('Outside the hours of all seats: prepaid credit pays for requests.');
    this.#lastCredit = now;
  }

  /** Says once that the API refuses the key that pays, and reads it again. */
  onCreditRefused(): void {
    const name = this.#creditKey?.name;
    if (!this.#isCreditRefused) {
      this.note(
        `The API refuses key "${name}", which pays with prepaid credit. Create another one with \`ci keys create NAME --credit --max-budget 5 --store\`. If the gateway was started with --credit-key, start it again with the new name.`,
      );
    }
    this.#isCreditRefused = true;
    this.refreshSoon();
  }

  onRequest(record: RequestRecord): void {
    this.#parts.usage.count(record);
    if (this.#screen) this.#screen.count(record);
    else if (!this.#parts.quiet) void this.#print(requestEvent(record, this.#context.world.now()));
  }

  /** Stops a gateway that should end without users, unless one comes soon. @param time - milliseconds */
  onUnused(time = unusedTime): void {
    if (!this.#parts.untilUnused) return;
    clearTimeout(this.#unused);
    this.#unused = setTimeout(() => {
      if (this.#gateway?.isLeased === false) this.#beginStop();
    }, time).unref();
  }

  /** Refuses users at once, because one that comes now would lose the gateway in a moment. */
  #beginStop(): void {
    this.#gateway?.refuseLeases();
    this.#stop.abort();
  }

  note(message: string): void {
    void this.#print(gatewayEvent('note', this.#context.world.now(), { message }));
  }

  get #interval(): number {
    return this.#context.settings.sandbox.value ? sandboxInterval : refreshInterval;
  }

  async #refresh(pace: Pace): Promise<void> {
    const { world } = this.#context;
    const gateway = this.#gateway;
    if (!gateway) return;
    const start = world.monotonic();
    this.#refreshDue = Number.POSITIVE_INFINITY;
    try {
      const { finder, isTaken } = this.#parts;
      const found = await finder.find({ mayListModels: (id) => !gateway.has(id) && !isTaken(id), isFirst: false });
      if (this.#stop.signal.aborted) return;
      this.#update(gateway, { ...found, seats: await this.#parts.claim(found.seats) }, start);
      await this.#refreshCreditKey(gateway, found);
      if (this.#failed === 'read the account') this.note('The account can be read again.');
      if (this.#failed === 'update the seats') this.note('The seats can be updated again.');
      this.#failed = undefined;
      this.#nextRefresh = pace.afterSuccess(start, world.monotonic());
    } catch (error) {
      // A refresh can go on after the gateway was stopped.
      if (this.#stop.signal.aborted) return;
      if (!(error instanceof CommandError)) throw error;
      const failed = error.code === 'file_error' ? 'update the seats' : 'read the account';
      if (this.#failed !== failed)
        this.note(`Can't ${failed}: ${asClause(error.message)}. The seats stay as they are.`);
      this.#failed = failed;
      this.#nextRefresh = pace.afterFailure(world.monotonic(), error);
    }
    this.#lastRefresh = world.monotonic();
  }

  /** Uses another key that pays with prepaid credit, such as after a rotation. */
  async #refreshCreditKey(gateway: Gateway, { keys }: FoundSeats): Promise<void> {
    if (!this.#creditKey) return;
    try {
      const key = await this.#parts.finder.creditKey(this.#parts.creditKeyName, keys);
      if (key.secret === this.#creditKey.secret) return;
      gateway.updateCreditKey(key);
      this.#useCredit(key);
    } catch (error) {
      // Both keys are stored during a rotation. The API says itself whether it still takes the one in use.
      if (!(error instanceof CommandError)) throw error;
    }
  }

  #useCredit(key: CreditKey): void {
    this.#creditKey = key;
    this.#isCreditRefused = false;
    this.note(creditNote(key));
  }

  /** Uses the seats that were found, and says which ones joined and left. */
  #update(gateway: Gateway, found: FoundSeats, readAt: number): void {
    const at = this.#context.world.now();
    const before = gateway.status.seats.filter(({ state }) => state !== 'draining').map(({ seat }) => seat);
    gateway.update(found.seats, readAt);
    for (const { id, name: key, pool = null } of found.seats) {
      if (!before.some((seat) => seat.id === id)) void this.#print(gatewayEvent('seat_joined', at, { key, pool }));
    }
    for (const { id, name: key, pool = null } of before) {
      if (!found.seats.some((seat) => seat.id === id)) void this.#print(gatewayEvent('seat_left', at, { key, pool }));
    }
    this.#report(found);
  }

  /** Prints a note about each seat that can't be used, once. */
  #report({ missing, problems }: FoundSeats): void {
    const said = new Set([
      ...problems,
      ...missing.map(
        ({ pool, command }) =>
          `A seat of pool ${pool} isn't used, because its key isn't stored here. Run \`${command}\`.`,
      ),
    ]);
    for (const each of said) if (!this.#said.has(each)) this.note(each);
    this.#said = said;
  }

  async #print(event: GatewayEvent): Promise<void> {
    const { output } = this.#context;
    if (this.#screen) {
      this.#screen.addMessage(eventLine(event));
    } else if (event.event === 'note' && output.format !== 'json') output.note(eventLine(event));
    else await output.event(event, layout, eventLine);
  }

  #refreshNow(): void {
    this.#refreshDue = this.#context.world.monotonic();
    this.#wake.abort();
  }

  /** Reads the account when a key was stored or removed. */
  #checkStore(): void {
    if (this.#parts.finder.hasStoreChanged) this.#refreshNow();
  }

  /** Stops if the terminal was closed. SIGHUP can arrive before that, or not at all. */
  #checkTerminal(): void {
    if (!this.#terminal?.isClosed()) return;
    this.#context.world.endWith?.('SIGHUP');
    this.#beginStop();
  }

  #flush(): void {
    const { monotonic } = this.#context.world;
    try {
      this.#parts.usage.flush();
      if (monotonic() < this.#nextPrune) return;
      this.#nextPrune = monotonic() + pruneInterval;
      this.#parts.usage.prune();
    } catch (error) {
      const message = `Can't write the usage file: ${messageOf(error)}`;
      if (this.#usageProblem !== message) this.note(message);
      this.#usageProblem = message;
    }
  }

  #listenToSignals(): void {
    const { world } = this.#context;
    const receive = (signal: NodeJS.Signals) => {
      if (signal === 'SIGHUP') {
        this.#checkTerminal();
        this.#refreshNow();
      } else if (signal === 'SIGINT' || signal === 'SIGTERM') this.#onStop(signal);
    };
    this.#endSignals = world.passSignals?.(receive) ?? (() => {});
    const stop = () => this.#onStop('SIGINT');
    if (world.interrupt.aborted) stop();
    else world.interrupt.addEventListener('abort', stop, { once: true });
  }

  #onStop(name: string): void {
    const at = this.#context.world.monotonic();
    if (this.#signal === undefined) {
      this.#signal = { at, name };
      this.#beginStop();
    } else if (this.#signal.name !== name || at - this.#signal.at > sameSignal) this.#end.abort();
  }
}

function creditNote({ name, budget }: CreditKey): string {
  const limit = budget === undefined ? 'budget unknown' : budget === null ? 'no budget' : `budget ${shownUsd(budget)}`;
  return `Outside the hours of all seats, requests are paid with prepaid credit through key "${name}" (${limit}).`;
}

/** Waits until a signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
