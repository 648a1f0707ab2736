import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { proxiesOf } from '../api/proxies.ts';
import { stateFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { counted } from '../domain/counted.ts';
import { durationInWords } from '../domain/duration.ts';
import { asClause, CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import { Pace } from '../domain/pace.ts';
import type { Layout } from '../output/output.ts';
import { inWords } from '../output/text.ts';
import { withLock } from '../state/lock.ts';
import { type Address, addressText } from './address.ts';
import { type CertificateFiles, certificateFor } from './certificate.ts';
import {
  eventColumns,
  eventFields,
  eventLine,
  type GatewayEvent,
  gatewayEvent,
  type RequestRecord,
  requestEvent,
} from './events.ts';
import { Gateway } from './gateway.ts';
import type { Outside } from './outside.ts';
import { RunningGateways } from './running.ts';
import type { GatewayScreen } from './screen.ts';
import { type FoundSeats, type SeatChoice, type SeatContext, SeatFinder } from './seats.ts';
import { readTokens } from './token.ts';
import { UsageLog } from './usage-log.ts';

/** How to serve a gateway. */
export interface ServeOptions extends SeatChoice, CertificateFiles {
  readonly listen: Address;
  /** An absolute path. */
  readonly tokenFile: string;
  readonly outside: Outside;
  /** The name or ID of the key for `--outside credit`; undefined: the only one. */
  readonly creditKey: string | undefined;
  readonly queueLimit: number;
  /** Milliseconds. */
  readonly queueTimeout: number;
  /** How long to wait for running requests at the end, in milliseconds. */
  readonly drain: number;
  /** Whether to end when no command uses it. */
  readonly untilUnused: boolean;
  /** Whether not to print each request. */
  readonly quiet: boolean;
}

/** The parts of the context that a gateway uses. */
export type ServeContext = SeatContext & Pick<Context, 'api' | 'progress' | 'record' | 'result'>;

/** Time between two looks at the account, in milliseconds. */
const lookInterval = 300_000;
/** The shortest time between two looks because a key was refused. */
const shortestLook = 10_000;
/** How often usage is written to its file, in milliseconds. */
const flushInterval = 60_000;
/** Time in which a second signal counts as the same, in milliseconds: `timeout` signals the process and then its group. */
const sameSignal = 300;
/** How long a gateway without users waits for the next one, and for the first one, in milliseconds. */
const unusedTime = 2000;
const firstUseTime = 30_000;

const layout: Layout<GatewayEvent> = { columns: eventColumns, fields: eventFields };

/**
 * Serves a gateway until it is interrupted.
 *
 * @throws CommandError if it can't start
 */
export async function serveGateway(context: ServeContext, options: ServeOptions): Promise<void> {
  saveMemory();
  const { output, world } = context;
  output.checkFields(eventFields);
  const certificate = certificateFor(options.listen, options);
  const tokens = readTokens(options.tokenFile, world.env);
  const finder = new SeatFinder(context, options);
  const creditKey = options.outside === 'credit' ? await finder.creditKey(options.creditKey) : undefined;
  const api = await context.api();
  const account = await context.record.account();
  const running = new RunningGateways(stateFolder(world.env), world.env);
  const usage = new UsageLog(stateFolder(world.env), world.env, account.id, world.now);
  const session = new Session(context, { options, finder, usage });
  const gateway = new Gateway({
    ...options.listen,
    api: api.client.baseUrl,
    proxies: proxiesOf(world.env),
    tokens,
    certificate,
    waitsOutside: options.outside === 'wait',
    creditKey,
    queueLimit: options.queueLimit,
    queueTimeout: options.queueTimeout,
    wall: () => world.now() + api.client.clockOffset,
    monotonic: world.monotonic,
    onRefused: () => session.lookSoon(),
    onRequest: (record) => session.onRequest(record),
    onUnused: () => session.onUnused(),
  });
  const { env } = world;
  const { monotonic, sleep: pause } = context.clocks;
  try {
    // Two gateways with the same seats would get in each other's way.
    await withLock({ folder: stateFolder(env), name: 'gateway', env, patience: 60_000, monotonic, pause }, async () => {
      const found = await finder.find({ isIdle: () => true, isFirst: true });
      refuseOverlap(found, running.of(account.id));
      if (found.seats.length === 0 && !creditKey) throw noSeat(found);
      await listen(gateway, options.listen);
      running.add({
        url: gateway.url,
        tokenFile: options.tokenFile,
        certificate: options.cert === undefined ? undefined : path.resolve(world.cwd, options.cert),
        account: account.id,
        label: account.label,
        seats: found.seats.map(({ id }) => id),
        startedAt: new Date(world.now()).toISOString(),
        drain: options.drain,
        untilUnused: options.untilUnused,
      });
      await session.open(gateway, found);
    });
    if (creditKey) {
      const budget =
        creditKey.budget === undefined ? 'no budget of its own' : `a budget of ${shownUsd(creditKey.budget)}`;
      session.note(
        `Outside the hours of all seats, requests are paid with prepaid credit through key "${creditKey.name}" (${budget}).`,
      );
    }
    await session.run();
  } finally {
    try {
      await gateway.close();
      await session.close();
    } finally {
      // Last, because `ci gateway stop` waits for it.
      running.remove();
    }
  }
  await output.written().catch(() => {});
}

/**
 * Keeps what V8 collects often small. Streams fill it with chunks that are soon passed on, and by default it would grow to use twice the
 * memory with many streams.
 */
function saveMemory(): void {
  if (process.versions.bun === undefined) setFlagsFromString('--semi-space-growth-factor=1');
}

/** A gateway in this process: looks at the account, prints events, and handles signals. */
class Session {
  readonly #context: ServeContext;
  readonly #options: ServeOptions;
  readonly #finder: SeatFinder;
  readonly #usage: UsageLog;
  readonly #stop = new AbortController();
  /** Ends the wait for the next look. */
  #wake = new AbortController();
  #gateway: Gateway | undefined;
  #screen: GatewayScreen | undefined;
  #lastLook = 0;
  #nextLook = 0;
  /** Whether to look again as soon as possible, even if a look is under way. */
  #isLookDue = false;
  /** What was already said about seats that can't be used. */
  #said = new Set<string>();
  #wasUnreachable = false;
  #unused: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #endSignals = () => {};
  #signal: { readonly at: number; readonly name: string } | undefined;
  readonly #end = new AbortController();

  constructor(
    context: ServeContext,
    {
      options,
      finder,
      usage,
    }: { readonly options: ServeOptions; readonly finder: SeatFinder; readonly usage: UsageLog },
  ) {
    this.#context = context;
    this.#options = options;
    this.#finder = finder;
    this.#usage = usage;
  }

  /** Starts to use the seats, and prints that the gateway listens. */
  async open(gateway: Gateway, found: FoundSeats): Promise<void> {
    const { output, world, progress } = this.#context;
    this.#gateway = gateway;
    this.#lastLook = world.monotonic();
    this.#nextLook = this.#lastLook + lookInterval;
    this.#listenToSignals();
    gateway.update(found.seats);
    const terminal = output.liveScreen;
    await this.#print(gatewayEvent('started', world.now(), { url: gateway.url, tokenFile: this.#options.tokenFile }));
    if (terminal) {
      const { GatewayScreen } = await import('./screen.ts');
      this.#screen = new GatewayScreen(terminal, {
        url: gateway.url,
        style: output.style,
        timeZone: world.timeZone,
        status: () => gateway.status,
        monotonic: world.monotonic,
        print: (line) => output.line(line),
        hold: () => progress.hold(),
      });
      this.#screen.open();
    } else if (output.format !== 'json') {
      output.note(
        `Clients use ${gateway.url}/v1 or ${gateway.url}/anthropic, with the token that \`ci gateway token\` prints.`,
      );
      output.note(`Using ${counted(found.seats.length, 'seat')}. Press Ctrl-C to stop.`);
    }
    this.#tell(found);
    this.onUnused(firstUseTime);
    try {
      this.#usage.prune();
    } catch (error) {
      this.note(`Can't read the usage file: ${messageOf(error)}`);
    }
    this.#flushTimer = setInterval(() => this.#flush(), flushInterval).unref();
  }

  /** Looks at the account every few minutes, until the gateway is stopped. Then answers the open requests. */
  async run(): Promise<void> {
    const { world, result } = this.#context;
    const pace = new Pace(lookInterval);
    while (!this.#stop.signal.aborted) {
      const wait = this.#nextLook - world.monotonic();
      if (wait > 0 && !this.#isLookDue) {
        this.#wake = new AbortController();
        await world.sleep(wait, AbortSignal.any([this.#wake.signal, this.#stop.signal]));
        continue;
      }
      await this.#look(pace);
    }
    const gateway = this.#gateway;
    if (!gateway || this.#end.signal.aborted) return;
    const { running, queue } = gateway.status;
    const open = running + queue;
    const message =
      open === 0
        ? 'Stopping.'
        : `Stopping. Waiting up to ${durationInWords(this.#options.drain)} for ${counted(open, 'request')}.`;
    await this.#print(gatewayEvent('stopping', world.now(), { message }));
    const timeout = new AbortController();
    const drained = gateway.drain().then(() => true);
    const late = world
      .sleep(this.#options.drain, AbortSignal.any([timeout.signal, this.#end.signal]))
      .then(() => false);
    const isDrained = await Promise.race([drained, late]);
    timeout.abort();
    // The clients of requests that were cut off see that their answers aren't complete.
    if (!isDrained) result.exitCode = 1;
  }

  async close(): Promise<void> {
    const { world } = this.#context;
    this.#endSignals();
    clearInterval(this.#flushTimer);
    clearTimeout(this.#unused);
    this.#flush();
    this.#screen?.close();
    this.#screen = undefined;
    if (this.#gateway) await this.#print(gatewayEvent('stopped', world.now()));
  }

  /** Looks at the account now, unless it was looked at moments ago. */
  lookSoon(): void {
    const now = this.#context.world.monotonic();
    this.#nextLook = Math.min(this.#nextLook, Math.max(now, this.#lastLook + shortestLook));
    this.#wake.abort();
  }

  onRequest(record: RequestRecord): void {
    this.#usage.count(record);
    if (this.#screen) this.#screen.count(record);
    else if (!this.#options.quiet) void this.#print(requestEvent(record, this.#context.world.now()));
  }

  /** Stops a gateway that should end without users, unless one comes soon. @param time - milliseconds */
  onUnused(time = unusedTime): void {
    if (!this.#options.untilUnused) return;
    clearTimeout(this.#unused);
    this.#unused = setTimeout(() => {
      if (this.#gateway?.isLeased === false) this.#stop.abort();
    }, time).unref();
  }

  note(message: string): void {
    void this.#print(gatewayEvent('note', this.#context.world.now(), { message }));
  }

  async #look(pace: Pace): Promise<void> {
    const { world } = this.#context;
    const gateway = this.#gateway;
    if (!gateway) return;
    const start = world.monotonic();
    this.#isLookDue = false;
    try {
      const found = await this.#finder.find({ isIdle: (id) => !gateway.has(id), isFirst: false });
      this.#update(gateway, found);
      if (this.#wasUnreachable) this.note('The account can be read again.');
      this.#wasUnreachable = false;
      this.#nextLook = pace.afterSuccess(start, world.monotonic());
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (!this.#wasUnreachable)
        this.note(`Can't read the account: ${asClause(error.message)}. The seats stay as they are.`);
      this.#wasUnreachable = true;
      this.#nextLook = pace.afterFailure(world.monotonic(), error);
    }
    this.#lastLook = world.monotonic();
  }

  /** Uses the seats that were found, and says which ones joined and left. */
  #update(gateway: Gateway, found: FoundSeats): void {
    const at = this.#context.world.now();
    const before = gateway.status.seats.filter(({ state }) => state !== 'draining').map(({ seat }) => seat);
    gateway.update(found.seats);
    for (const { id, name: key, pool = null } of found.seats) {
      if (!before.some((seat) => seat.id === id)) void this.#print(gatewayEvent('seat_joined', at, { key, pool }));
    }
    for (const { id, name: key, pool = null } of before) {
      if (!found.seats.some((seat) => seat.id === id)) void this.#print(gatewayEvent('seat_left', at, { key, pool }));
    }
    this.#tell(found);
  }

  /** Says what can't be used, and why, once. */
  #tell({ missing, problems }: FoundSeats): void {
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

  #flush(): void {
    try {
      this.#usage.flush();
    } catch (error) {
      this.note(`Can't write the usage file: ${messageOf(error)}`);
    }
  }

  #listenToSignals(): void {
    const { world } = this.#context;
    const receive = (signal: NodeJS.Signals) => {
      if (signal === 'SIGHUP') {
        this.#isLookDue = true;
        this.#wake.abort();
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
      this.#stop.abort();
    } else if (this.#signal.name !== name || at - this.#signal.at > sameSignal) this.#end.abort();
  }
}

/** Refuses seats that another gateway uses. @throws CommandError (busy) */
function refuseOverlap({ seats }: FoundSeats, others: ReturnType<RunningGateways['of']>): void {
  for (const { url, pid, seats: taken } of others) {
    const shared = seats.filter(({ id }) => taken.includes(id));
    if (shared.length === 0) continue;
    const names = inWords(shared.map(({ name }) => `"${name}"`));
    throw new CommandError('busy', `The gateway at ${url} (process ${pid}) already uses ${names}`, {
      hint: 'Use that one, stop it with `ci gateway stop`, or choose other seats with --pools or --keys.',
    });
  }
}

function noSeat({ missing, problems }: FoundSeats): CommandError {
  const [first] = missing;
  const next = first
    ? `You have a seat of pool ${first.pool}. Run \`${first.command}\`.`
    : 'Reserve a seat and store its key with `ci pools subscribe POOL --create-key NAME --store`.';
  return new CommandError('not_found', 'No key of a subscription is stored on this machine', {
    hint: [...problems, next].join(' '),
  });
}

async function listen(gateway: Gateway, address: Address): Promise<void> {
  try {
    // Bun doesn't say why it can't listen on a host that can't be found.
    if (isIP(address.host) === 0) await lookup(address.host);
    await gateway.start();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EADDRINUSE') {
      throw new CommandError('busy', `Another program listens on ${addressText(address)}`, {
        hint: 'Choose another port with --listen, such as --listen 127.0.0.1:8789.',
        cause: error,
      });
    }
    const why = unusable[code ?? ''];
    if (why !== undefined) {
      throw usageError(`Can't listen on ${addressText(address)}: ${why}`, 'Choose another address with --listen.');
    }
    throw error;
  }
}

/** Why an address can't be listened on, by the code of the operating system. */
const unusable: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: "it isn't an address of this machine",
  EACCES: "this user isn't allowed to",
  ENOTFOUND: "the host can't be found",
  DNS_ENOTFOUND: "the host can't be found",
  EAI_AGAIN: "the host can't be found",
};
