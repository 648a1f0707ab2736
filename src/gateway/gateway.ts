import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProxySettings } from '../api/proxies.ts';
import { addressText } from './address.ts';
import type { RequestRecord } from './events.ts';
import { type Client, Exchange, type ExchangeParts } from './exchange.ts';
import { Metrics, metricsType } from './metrics.ts';
import { sendRefusal, stopping } from './refusal.ts';
import { ReplayMemory } from './request-body.ts';
import { Scheduler, type SeatView } from './scheduler.ts';
import type { GatewayKey, GatewaySeat } from './seat.ts';
import { type Certificate, type GatewayServer, sendText, startServer, type Token } from './server.ts';
import { Upstream } from './upstream.ts';

/** How to start a gateway. */
export interface GatewayOptions {
  /** The origin of the API. */
  readonly api: URL;
  readonly proxies: ProxySettings;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tokens: readonly Token[];
  readonly certificate?: Certificate | undefined;
  /** Whether requests outside the hours of all seats wait. */
  readonly waitsOutside: boolean;
  /** The key that pays for these requests with prepaid credit; undefined: none does. */
  readonly creditKey?: GatewayKey | undefined;
  /** The longest queue of a model. */
  readonly queueLimit: number;
  /** How long a request waits for a seat, in milliseconds. */
  readonly queueTimeout: number;
  /** Returns the time of the API, in epoch milliseconds. */
  readonly wall: () => number;
  /** Returns milliseconds of a clock that can't be set. */
  readonly monotonic: () => number;
  /** Called if the API refuses a key. */
  readonly onRefused?: () => void;
  /** Called if prepaid credit pays for a request. */
  readonly onCredit?: () => void;
  /** Called if the API refuses the key that pays with prepaid credit. */
  readonly onCreditRefused?: () => void;
  readonly onRequest?: (record: RequestRecord) => void;
  /** Called if the last user of the gateway is gone. */
  readonly onUnused?: () => void;
}

/** What a gateway does at a moment. */
export interface GatewayStatus {
  readonly seats: readonly SeatView<GatewaySeat>[];
  readonly queue: number;
  /** Requests that have a seat, or are paid for with credit. */
  readonly running: number;
}

/** Answers the requests of clients with the seats of an account. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #scheduler: Scheduler<GatewaySeat>;
  readonly #upstream: Upstream;
  readonly #metrics = new Metrics();
  readonly #memory = new ReplayMemory();
  readonly #leases = new Set<ServerResponse>();
  #creditKey: GatewayKey | undefined;
  #server: GatewayServer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #open = 0;
  /** Answers that have ended, but that their clients don't have yet. */
  #unsent = 0;
  #refusesLeases = false;
  #isDraining = false;
  /** Called at the end of each answer. */
  #onChange = () => {};

  constructor(options: GatewayOptions) {
    const { monotonic, wall, waitsOutside, queueLimit, queueTimeout, api, proxies } = options;
    this.#options = options;
    this.#creditKey = options.creditKey;
    this.#upstream = new Upstream(api, proxies);
    this.#scheduler = new Scheduler<GatewaySeat>({
      monotonic,
      wall,
      waitsOutside,
      queueLimit,
      queueTimeout,
      wakeAt: (time) => this.#wakeAt(time),
    });
  }

  /** Starts to listen. @throws as {@link startServer} */
  async start(): Promise<void> {
    const { host, port, tokens, certificate } = this.#options;
    this.#server = await startServer({
      host,
      port,
      tokens,
      certificate,
      handlers: {
        forward: (client, request, response) => this.#forward(client, request, response),
        models: (client, request, response) => this.#sendModels(client, request, response),
        metrics: (_request, response) => sendText(response, metricsType, this.#metricsText()),
        status: (_request, response) =>
          sendText(response, 'application/json', `${JSON.stringify(this.statusJson())}\n`),
        lease: (request, response) => this.#lease(request, response),
      },
    });
  }

  /** The URL that clients use: `http://127.0.0.1:8788`. */
  get url(): string {
    const { certificate } = this.#options;
    const { host = '', port = 0 } = this.#server ?? {};
    return `${certificate ? 'https' : 'http'}://${addressText({ host: reachable[host] ?? host, port })}`;
  }

  /** Whether a command uses it until it ends. */
  get isLeased(): boolean {
    return this.#leases.size > 0;
  }

  /** Returns whether a seat is known. */
  has(id: string): boolean {
    return this.#scheduler.seats().some(({ seat }) => seat.id === id);
  }

  /**
   * Replaces the seats. One that is gone finishes its request.
   *
   * @param readAt - when the account was read, in milliseconds of the monotonic clock
   */
  update(seats: readonly GatewaySeat[], readAt?: number): void {
    this.#scheduler.update(seats, readAt);
  }

  /** Replaces the key that pays with prepaid credit. */
  updateCreditKey(key: GatewayKey): void {
    this.#creditKey = key;
  }

  get status(): GatewayStatus {
    return {
      seats: this.#scheduler.seats(),
      queue: this.#scheduler.queueLength,
      running: this.#open - this.#scheduler.queueLength,
    };
  }

  /** Returns the status for other processes. It has no secrets. */
  statusJson() {
    const { seats, queue, running } = this.status;
    return {
      seats: seats.map(({ seat, state, current, opensAt }) => ({
        key: seat.name,
        pool: seat.pool ?? null,
        subscription: seat.subscriptionId ?? null,
        models: seat.models ? [...seat.models] : null,
        hours: seat.hours ?? null,
        state,
        client: current?.client ?? null,
        opensAt: opensAt === undefined ? null : new Date(opensAt).toISOString(),
      })),
      queue,
      running,
      now: new Date(this.#options.wall()).toISOString(),
      outside: this.#creditKey ? 'credit' : this.#options.waitsOutside ? 'wait' : 'fail',
    };
  }

  /** Takes no more users. The next one then starts another gateway. */
  refuseLeases(): void {
    this.#refusesLeases = true;
  }

  /** Takes no more connections, and waits until all requests are answered, and all clients have their answers. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#refusesLeases = true;
    for (const lease of this.#leases) lease.end();
    // Node.js takes a connection for idle as soon as its answer has ended, and would close it before the client has all of it.
    if (this.#unsent > 0) await this.#until(() => this.#unsent === 0);
    this.#server?.stopListening();
    await this.#until(() => this.#open === 0 && this.#unsent === 0);
  }

  /** Refuses all requests that wait for a seat. */
  async refuseWaiting(): Promise<void> {
    this.#scheduler.endWaiting();
    // Sends the answers.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Closes all connections at once. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all([this.#server?.close(), this.#upstream.close()]);
  }

  #forward(client: Client, request: IncomingMessage, response: ServerResponse): void {
    if (this.#isDraining) {
      sendRefusal(request, response, stopping, ['Connection', 'close']);
      return;
    }
    const { monotonic, wall, onRequest } = this.#options;
    const { onRefused = () => {}, onCredit = () => {}, onCreditRefused = () => {} } = this.#options;
    const parts: ExchangeParts = {
      scheduler: this.#scheduler,
      upstream: this.#upstream,
      memory: this.#memory,
      metrics: this.#metrics,
      creditKey: () => this.#creditKey,
      monotonic,
      wall,
      onRefused,
      onCredit,
      onCreditRefused,
      onEnd: (record) => {
        this.#open--;
        this.#awaitClient(response);
        this.#onChange();
        onRequest?.(record);
      },
    };
    const begin = () => {
      this.#open++;
      void new Exchange(parts, client, request, response).run();
    };
    // A client that sends a request before it has the answer to the one before gets them one after the other.
    if (response.socket) begin();
    else response.once('socket', begin);
  }

  /** Waits for a condition, which is checked at the end of each answer. */
  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (holds()) resolve();
      };
      this.#onChange();
    });
  }

  /** Counts an answer until its client has it, or is gone. */
  #awaitClient(response: ServerResponse): void {
    if (response.writableFinished || response.destroyed) return;
    this.#unsent++;
    const end = () => {
      response.off('finish', end);
      response.off('close', end);
      this.#unsent--;
      this.#onChange();
    };
    response.on('finish', end);
    response.on('close', end);
  }

  /** Answers with the models of all seats, each once. A seat whose models aren't known is asked itself. */
  #sendModels(client: Client, request: IncomingMessage, response: ServerResponse): void {
    const seats = this.#scheduler.seats();
    const data = [...new Map(seats.flatMap(({ seat }) => seat.listed.map((model) => [model.id, model]))).values()];
    if (data.length === 0 && seats.length > 0) this.#forward(client, request, response);
    else sendText(response, 'application/json', JSON.stringify({ object: 'list', data }));
  }

  #metricsText(): string {
    const seats = this.#scheduler.seats().map(({ seat, state }) => ({
      seat: seat.name,
      pool: seat.pool ?? '',
      isBusy: state === 'busy',
      isAvailable: state === 'busy' || state === 'free',
    }));
    return this.#metrics.text({ seats, queue: this.#scheduler.queueLengths() });
  }

  /** Keeps a response open until the other side closes it. */
  #lease(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refusesLeases) {
      sendText(response, 'text/plain', `${stopping.message}\n`, stopping.status);
      return;
    }
    this.#leases.add(response);
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.flushHeaders();
    request.socket.once('close', () => {
      this.#leases.delete(response);
      if (this.#leases.size === 0) this.#options.onUnused?.();
    });
  }

  #wakeAt(time: number | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined) return;
    const wait = Math.max(0, Math.ceil(time - this.#options.monotonic()));
    this.#timer = setTimeout(() => this.#scheduler.tick(), wait).unref();
  }
}

/** The addresses at which clients on this machine reach a server that listens on all. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
