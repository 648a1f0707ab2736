import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { vi } from 'vitest';
import { Transport } from '../../src/api/transport.ts';
import { currentProcess, type SimulatedProcess } from './process.ts';

const idHeader = 'x-exchange';

/** A complete response. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A request and its response. It is in transit until the server has it, held while the server takes its time, in transit again
 * until the client has the response, and over then or as soon as the client gives up.
 */
interface Exchange {
  readonly process: SimulatedProcess | undefined;
  state: 'in transit' | 'held' | 'over';
}

/** A request that has arrived at the server. */
export interface Arrival {
  readonly method: string;
  /** The path with the query. */
  readonly path: string;
  readonly body: string;
  /** Returns a header; empty if it is missing. */
  readonly authorization: string;
  /** The process that sent it. */
  readonly process: SimulatedProcess | undefined;
  /** Sends a response. Does nothing if the client has disconnected. */
  answer(answer: Answer): void;
  /** Closes the connection without a response. */
  drop(): void;
}

/** Handles a request. If it isn't answered by then, it is held. */
export type Handler = (arrival: Arrival) => Promise<void>;

/** A real HTTP server on loopback that tracks which requests and responses are in transit. */
export class Network {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #handler: Handler;
  readonly #server = createServer(
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
    (request, response) => {
      this.#arrive(request, response).catch((error: unknown) => this.#failures.push(error));
    },
  );
  readonly #failures: unknown[] = [];
  #count = 0;
  #work = 0;
  #url = '';

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  get url(): string {
    return this.#url;
  }

  /** Whether nothing is in transit, in either direction or inside the server. @throws what the server's handler threw */
  get isStill(): boolean {
    if (this.#failures.length > 0) throw this.#failures[0];
    if (this.#work > 0) return false;
    for (const { state, process } of this.#exchanges.values())
      if (state === 'in transit' && !process?.isKilled) return false;
    return true;
  }

  /** Returns whether the process waits for a response that the server holds back. */
  isHeld(process: SimulatedProcess): boolean {
    for (const each of this.#exchanges.values()) if (each.process === process && each.state === 'held') return true;
    return false;
  }

  /** Starts to listen, and to track every request that leaves. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
    this.#url = `http://127.0.0.1:${address.port}`;
    const exchanges = this.#exchanges;
    const exchange = Transport.prototype.exchange;
    const nextId = () => String(++this.#count);
    vi.spyOn(Transport.prototype, 'exchange').mockImplementation(async function (this: Transport, request) {
      const id = nextId();
      const one: Exchange = { process: currentProcess(), state: 'in transit' };
      exchanges.set(id, one);
      try {
        return await exchange.call(this, { ...request, headers: { ...request.headers, [idHeader]: id } });
      } finally {
        one.state = 'over';
        exchanges.delete(id);
        // The end of its connection would wake a process that was killed.
        if (one.process?.isKilled) await new Promise(() => {});
      }
    });
  }

  async stop(): Promise<void> {
    vi.mocked(Transport.prototype.exchange).mockRestore();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Does something inside the server that takes no time on the virtual clock. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#work += 1;
    try {
      return await work();
    } finally {
      this.#work -= 1;
    }
  }

  /** Does something inside the server that nobody waits for; a failure is thrown by {@link isStill}. */
  background(work: () => Promise<void>): void {
    this.during(work).catch((error: unknown) => this.#failures.push(error));
  }

  async #arrive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const exchange = this.#exchanges.get(String(request.headers[idHeader]));
    const process = exchange?.process;
    const reply = (send: () => void) => {
      if (exchange?.state === 'over') return;
      const sendNow = () => {
        if (!exchange || exchange.state === 'over') return;
        exchange.state = 'in transit';
        send();
      };
      if (process) process.deliver(sendNow);
      else sendNow();
    };
    let isAnswered = false;
    await this.#handler({
      method: request.method ?? '',
      path: request.url ?? '',
      body: Buffer.concat(chunks).toString('utf8'),
      authorization: request.headers.authorization ?? '',
      process,
      answer: ({ status, headers, body }) => {
        isAnswered = true;
        reply(() => response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body));
      },
      drop: () => {
        isAnswered = true;
        reply(() => response.destroy());
      },
    });
    if (exchange?.state === 'in transit' && (!isAnswered || !process?.isRunning)) exchange.state = 'held';
  }
}
