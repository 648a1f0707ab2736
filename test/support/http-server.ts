import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { ApiClient, type ClientOptions } from '../../src/api/client.ts';
import { type Api, createApi } from '../../src/api/index.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { fastTime } from './world.ts';

/** A request as the server really received it. */
interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  readonly url: URL;
  readonly received: readonly Received[];
}

type Handler = (response: ServerResponse, request: Received, count: number) => void;

/** A server on loopback until the test is over. The handler is told the how-many-eth request it answers, from 1. */
export async function serve(handler: Handler): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url: path = '', headers } = request;
    const whole = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
    received.push(whole);
    handler(response, whole, received.length);
  });
  const port = await listening(server);
  return { url: new URL(`http://127.0.0.1:${port}`), received };
}

/** A server below HTTP: what it does with a connection, and how many it has had. */
export async function serveSockets(
  onConnection: (socket: Socket, count: number) => void,
): Promise<{ url: URL; port: number; connections: () => number }> {
  let count = 0;
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket, ++count);
  });
  const port = await listening(server);
  return { url: new URL(`http://127.0.0.1:${port}`), port, connections: () => count };
}

/** Listens on a free port of loopback until the test is over. @returns the port */
export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return portOf(server.address());
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** A port of loopback on which nothing listens. The system gives none of its range to the servers of other tests. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createTcpServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Answers with JSON. */
export function answer(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A handler that answers every request alike. */
export function always(body: unknown, status = 200, headers: Record<string, string> = {}): Handler {
  return (response) => answer(response, body, status, headers);
}

export const managementKey = 'mk_test_abc123def456';
export const consumptionKey = 'sk_live_abc123def456';

export interface TestClient {
  readonly client: ApiClient;
  /** What `--debug` would show. */
  readonly trace: readonly string[];
  readonly interrupt: AbortController;
}

/** A client of a server, with both kinds of key, closed after the test. */
export function clientOf(baseUrl: URL, options: Partial<ClientOptions> = {}): TestClient {
  const { all, trace, interrupt } = optionsFor(baseUrl, options);
  const client = new ApiClient(all);
  onTestFinished(() => client.close());
  return { client, trace, interrupt };
}

/** The whole API of a server, closed after the test. */
export function apiOf(baseUrl: URL, options: Partial<ClientOptions> = {}): Api {
  const api = createApi(optionsFor(baseUrl, options).all);
  onTestFinished(() => api.client.close());
  return api;
}

function optionsFor(baseUrl: URL, options: Partial<ClientOptions>) {
  const trace: string[] = [];
  const interrupt = new AbortController();
  const all: ClientOptions = {
    baseUrl,
    managementKey,
    consumptionKey,
    userAgent: 'cheapestinference-cli/1.2.3 (test)',
    timeout: 20_000,
    proxies: {},
    ...fastTime(10),
    interrupt: interrupt.signal,
    trace: (line) => trace.push(line),
    ...options,
  };
  return { all, trace, interrupt };
}

/** The failure that a promise ends in. */
export async function failure(promise: Promise<unknown>): Promise<CommandError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** What of a failure scripts rely on. */
export async function told(promise: Promise<unknown>) {
  const { code, exitCode, outcome, status, retryable, message } = await failure(promise);
  return { code, exitCode, outcome, status, retryable, message };
}
