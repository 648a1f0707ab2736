import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { ApiClient, type ClientOptions } from '../../src/api/client.ts';
import { type Api, createApi } from '../../src/api/index.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { fastTime } from './world.ts';

/** A request as the server received it. */
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

/** Starts a server on loopback until the end of the test. The handler gets the number of the request, from 1. */
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

/** Starts a server below HTTP, with a handler for connections, and counts them. */
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

/** Listens on a free loopback port until the end of the test. @returns the port */
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

/** Responds with JSON. */
export function answer(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Returns a handler that sends the same response to every request. */
export function always(body: unknown, status = 200, headers: Record<string, string> = {}): Handler {
  return (response) => answer(response, body, status, headers);
}

export const managementKey = 'mk_test_abc123def456';
export const consumptionKey = 'sk_live_abc123def456';

export interface TestClient {
  readonly client: ApiClient;
  /** The lines that `--debug` would print. */
  readonly trace: readonly string[];
  readonly interrupt: AbortController;
}

/** Creates a client of a server with both kinds of key, which is closed after the test. */
export function clientOf(baseUrl: URL, options: Partial<ClientOptions> = {}): TestClient {
  const { all, trace, interrupt } = optionsFor(baseUrl, options);
  const client = new ApiClient(all);
  onTestFinished(() => client.close());
  return { client, trace, interrupt };
}

/** Creates the whole API of a server, which is closed after the test. */
export function apiOf(baseUrl: URL, options: Partial<ClientOptions> = {}): Api {
  const api = createApi(optionsFor(baseUrl, options).all);
  onTestFinished(() => api.client.close());
  return api;
}

/** Starts a server that sends the same response to every request, and creates its API. */
export async function serving(body: unknown, status = 200): Promise<Api & { readonly server: TestServer }> {
  const server = await serve(always(body, status));
  return { server, ...apiOf(server.url) };
}

/** How the generations of the API wrap the data of a response: in an envelope, or not at all. */
export const envelopes = [
  ['enveloped', (data: unknown) => ({ success: true, data })],
  ['bare', (data: unknown) => data],
] as const;

function optionsFor(baseUrl: URL, options: Partial<ClientOptions>) {
  const trace: string[] = [];
  const interrupt = new AbortController();
  const all: ClientOptions = {
    baseUrl,
    managementKey,
    consumptionKey,
    userAgent: 'cheapestinference-cli/1.2.3 (test)',
    timeout: 120_000,
    proxies: {},
    ...fastTime(10),
    interrupt: interrupt.signal,
    trace: (line) => trace.push(line),
    ...options,
  };
  return { all, trace, interrupt };
}

/** Returns the error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<CommandError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Returns the parts of an error that scripts rely on. */
export async function failureFields(promise: Promise<unknown>) {
  const { code, exitCode, outcome, status, retryable, message } = await failure(promise);
  return { code, exitCode, outcome, status, retryable, message };
}
