import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, type Load, type Plan, partsOf, planOf } from './seat-load.ts';

/** What the API counted. */
export interface SeatApiReport {
  readonly requests: number;
  /** Whole answers. */
  readonly answered: number;
  /** Requests to a key that was answering another one. */
  readonly violations: number;
  /** Requests that it began to answer twice. */
  readonly twice: number;
  /** Requests with a body or a key that no client sent. */
  readonly changed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The time in which keys were answering, in milliseconds. */
  readonly busyTime: number;
  /** The time since the last reset of the counters, in milliseconds. */
  readonly time: number;
  /** The times from the end of an answer to the next request with the same key, in milliseconds. */
  readonly gaps: readonly number[];
}

/** A request that a key is answering. */
interface Answering {
  /** Whether the other side closed the connection. */
  isGone: boolean;
}

/** How long a fault pauses, in milliseconds. */
const stallTime = 300;
/** How many turns of the event loop later than a request the end of another connection may be noticed. */
const noticeTurns = 20;

/** A stand-in for the API. It answers one request per key at a time, streams, and counts what must not happen. */
export class SeatApi {
  readonly #server: Server;
  #load: Load;
  readonly #answering = new Map<string, Answering>();
  readonly #endedAt = new Map<string, number>();
  /** How often each request was received. */
  readonly #attempts = new Map<number, number>();
  /** The requests that got the beginning of an answer. */
  readonly #begun = new Set<number>();
  #counts = newCounts();
  #changedAt = performance.now();

  constructor(load: Load) {
    this.#load = load;
    this.#server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => {
      void this.#handle(request, response);
    });
    this.#server.on('connection', (socket) => socket.setNoDelay());
  }

  /** Starts to listen on a free port of loopback, and returns the URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error("The server doesn't listen on a port");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Forgets all requests, and answers those of another load. */
  setLoad(load: Load): void {
    this.#load = load;
    this.#attempts.clear();
    this.#begun.clear();
    this.resetCounts();
  }

  resetCounts(): void {
    this.#counts = newCounts();
    this.#changedAt = performance.now();
  }

  report(): SeatApiReport {
    this.#countTime();
    const { since, ...counts } = this.#counts;
    return { ...counts, time: performance.now() - since };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.method === 'GET') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'bench' }] }));
      return;
    }
    const number = Number(request.headers['x-request']);
    const plan = planOf(this.#load, number);
    const key = keyOf(request);
    this.#counts.requests++;
    const answering: Answering = { isGone: false };
    const onGone = () => {
      answering.isGone = true;
      this.#free(key, answering);
    };
    const { socket } = request;
    socket.once('end', onGone);
    socket.once('close', onGone);
    response.once('close', () => {
      socket.off('end', onGone);
      socket.off('close', onGone);
      this.#free(key, answering);
    });
    if (!(await this.#take(key, answering))) {
      this.#counts.violations++;
      request.resume();
      this.#fail(response, 429, '1');
      return;
    }
    const body = answering.isGone ? '' : await bodyOf(request);
    if (answering.isGone) return;
    if (body !== plan.body || !key.startsWith('sk_')) this.#counts.changed++;
    const attempt = this.#attempts.get(number) ?? 0;
    this.#attempts.set(number, attempt + 1);
    const fault = plan.faults[attempt];
    if (fault) this.#counts.faults[fault] = (this.#counts.faults[fault] ?? 0) + 1;
    switch (fault) {
      case 'reset':
        this.#free(key, answering);
        socket.resetAndDestroy();
        return;
      case '429':
      case '500':
        this.#free(key, answering);
        this.#fail(response, Number(fault));
        return;
      case '429 with Retry-After':
      case '503 with Retry-After':
        this.#free(key, answering);
        this.#fail(response, Number.parseInt(fault, 10), '0.2');
        return;
      case 'silence':
        return;
      default:
        if (this.#begun.has(number)) this.#counts.twice++;
        this.#begun.add(number);
        await this.#answer(response, { plan, number, fault, end: () => this.#free(key, answering) });
    }
  }

  /**
   * Takes a key. Returns whether it was free. The gateway may have closed the connection of one of two requests before it sent the other
   * one, but connections aren't read in the order in which that happened: either of them can be the later one here.
   */
  async #take(key: string, answering: Answering): Promise<boolean> {
    for (let earlier = this.#answering.get(key); earlier; earlier = this.#answering.get(key)) {
      for (let turn = 0; turn < noticeTurns && !earlier.isGone && !answering.isGone; turn++) await sleep(1);
      if (answering.isGone) return true;
      if (!earlier.isGone) return false;
    }
    this.#countTime();
    this.#answering.set(key, answering);
    const endedAt = this.#endedAt.get(key);
    if (endedAt !== undefined) this.#counts.gaps.push(performance.now() - endedAt);
    return true;
  }

  #free(key: string, answering: Answering): void {
    if (this.#answering.get(key) !== answering) return;
    this.#countTime();
    this.#answering.delete(key);
    this.#endedAt.set(key, performance.now());
  }

  #countTime(): void {
    const now = performance.now();
    this.#counts.busyTime += (now - this.#changedAt) * this.#answering.size;
    this.#changedAt = now;
  }

  #fail(response: ServerResponse, status: number, retryAfter?: string): void {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
    });
    response.end('{"error":{"message":"Not now","type":"server_error","param":null,"code":null}}');
  }

  /** @param end - called before the last part is sent, so that no request can overtake it */
  async #answer(
    response: ServerResponse,
    { plan, number, fault, end }: { plan: Plan; number: number; fault: Fault | undefined; end: () => void },
  ): Promise<void> {
    const parts = partsOf(plan, number);
    const middle = Math.floor(parts.length / 2);
    if (fault === 'stall') await sleep(stallTime);
    response.writeHead(200, {
      'Content-Type': plan.isStream ? 'text/event-stream' : 'application/json',
      ...(plan.isStream ? {} : { 'Content-Length': Buffer.byteLength(parts.join('')) }),
    });
    const start = performance.now();
    for (const [at, part] of parts.entries()) {
      if (fault === 'pause' && at === middle) await sleep(stallTime);
      if (fault === 'half' && at === middle) {
        response.write(part.slice(0, part.length / 2), () => {
          end();
          response.destroy();
        });
        return;
      }
      // Late events are sent at once, so that a slow reader doesn't change the pace.
      const wait = start + plan.pause * at - performance.now();
      if (wait > 0) await sleep(wait);
      if (response.destroyed) return;
      if (at === parts.length - 1) {
        end();
        this.#counts.answered++;
        response.end(part);
      } else if (!response.write(part)) await drained(response);
    }
  }
}

function newCounts() {
  const faults: Record<string, number> = {};
  const gaps: number[] = [];
  return {
    requests: 0,
    answered: 0,
    violations: 0,
    twice: 0,
    changed: 0,
    faults,
    busyTime: 0,
    gaps,
    since: performance.now(),
  };
}

function keyOf({ headers }: IncomingMessage): string {
  const own = headers['x-api-key'];
  return typeof own === 'string' ? own : (headers.authorization ?? '').replace('Bearer ', '');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', resolve);
    request.once('close', resolve);
  });
  return Buffer.concat(chunks).toString();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
