import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { onTestFinished } from 'vitest';
import { listening } from './http-server.ts';

/** Sends bytes, and reads what the other side sends. */
export interface RawClient {
  readonly socket: Socket;
  /** All bytes that have arrived. */
  received(): Buffer;
  /** Waits until a text has arrived, or enough. @throws Error if the connection is closed before */
  until(wanted: string | ((all: Buffer) => boolean)): Promise<string>;
  write(data: string | Buffer): void;
  /** All bytes that have arrived when the connection is closed. */
  readonly closed: Promise<Buffer>;
  /** Goes away at once. */
  leave(): void;
}

/** Connects to a server until the end of the test. @param authority - the certificate to trust */
export async function dial(url: string, authority?: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const address = { host: hostname, port: Number(port) };
  const socket =
    authority === undefined
      ? connect(address)
      : connectSecurely({ ...address, ca: authority, servername: 'localhost' });
  socket.setNoDelay();
  onTestFinished(() => {
    socket.destroy();
  });
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks);
  const waiting = new Set<() => void>();
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    for (const check of waiting) check();
  });
  socket.on('error', () => {});
  const closed = new Promise<Buffer>((resolve) => socket.once('close', () => resolve(received())));
  await new Promise<void>((resolve, reject) => {
    socket.once(authority === undefined ? 'connect' : 'secureConnect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    received,
    closed,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const all = received();
          if (typeof wanted === 'string' ? !all.includes(wanted, 0, 'latin1') : !wanted(all)) return;
          waiting.delete(check);
          resolve(all.toString('latin1'));
        };
        waiting.add(check);
        check();
        void closed.then((all) => reject(new Error(`closed after ${all.toString('latin1').slice(0, 500)}`)));
      }),
    write: (data) => void socket.write(data, 'latin1'),
    leave: () => void socket.resetAndDestroy(),
  };
}

/** Sends one request, and returns all bytes until the connection is closed. */
export async function exchange(url: string, request: string | Buffer): Promise<Buffer> {
  const client = await dial(url);
  client.write(request);
  return client.closed;
}

/** A request that a stand-in for the API got. It is answered below HTTP. */
export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The key that it was sent with. */
  readonly secret: string | undefined;
  readonly socket: Socket;
  /** What of the body has arrived. Reads on, if {@link body} doesn't. */
  readonly request: IncomingMessage;
  /** Reads the body. @throws Error if it doesn't arrive completely */
  body(): Promise<Buffer>;
  /** Sends a part of an answer. */
  write(data: string | Buffer): void;
  /** Sends an answer with a length. */
  answer(status: number, body: string, headers?: readonly string[]): void;
  /** The connection is closed. */
  readonly closed: Promise<void>;
}

/** A stand-in for the API. */
export interface StandIn {
  readonly url: string;
  readonly calls: readonly Call[];
  /** Waits for the next request, which may have arrived already. */
  next(): Promise<Call>;
  /** All bytes that it got; only with `records`. */
  bytes(): Buffer;
}

/**
 * Starts a stand-in for the API until the end of the test.
 *
 * @param onCall - answers each request; without it, the test does
 * @param records - keeps all bytes that arrive
 */
export async function standIn(
  onCall?: (call: Call) => void | Promise<void>,
  { records = false }: { readonly records?: boolean } = {},
): Promise<StandIn> {
  const calls: Call[] = [];
  const bytes: Buffer[] = [];
  const waiting: ((call: Call) => void)[] = [];
  let taken = 0;
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: 1024 * 1024 });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay();
    socket.on('error', () => {});
    if (records) socket.on('data', (chunk: Buffer) => bytes.push(chunk));
  });
  server.on('request', (request) => {
    const call = callOf(request);
    calls.push(call);
    if (onCall) {
      void Promise.resolve(onCall(call)).catch(() => call.socket.destroy());
      return;
    }
    const wanted = waiting.shift();
    if (!wanted) return;
    taken++;
    wanted(call);
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    bytes: () => Buffer.concat(bytes),
    next: () =>
      new Promise((resolve) => {
        const call = calls[taken];
        if (!call) {
          waiting.push(resolve);
          return;
        }
        taken++;
        resolve(call);
      }),
  };
}

const closes = new WeakMap<Socket, Promise<void>>();

/** Waits until a connection is closed. It may carry many requests. */
function closeOf(socket: Socket): Promise<void> {
  const known = closes.get(socket);
  if (known) return known;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closes.set(socket, closed);
  return closed;
}

function callOf(request: IncomingMessage): Call {
  const { socket, method = '', url = '' } = request;
  const headers = pairs(request.rawHeaders);
  const { authorization, 'x-api-key': key } = request.headers;
  let body: Promise<Buffer> | undefined;
  // A client that goes away in the middle shows in `body`.
  request.on('error', () => {});
  const write = (data: string | Buffer) => void socket.write(data, 'latin1');
  return {
    method,
    path: url,
    headers,
    secret: authorization?.replace(/^Bearer /, '') ?? (typeof key === 'string' ? key : undefined),
    socket,
    request,
    body() {
      body ??= (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk);
        return Buffer.concat(chunks);
      })();
      body.catch(() => {});
      return body;
    },
    write,
    answer(status, text, more = []) {
      // As servers do, so that the connection can be used again.
      if (!body) request.resume();
      const length = `Content-Length: ${Buffer.byteLength(text)}`;
      write(Buffer.from(`${[`HTTP/1.1 ${status} Status`, length, ...more].join('\r\n')}\r\n\r\n${text}`));
    },
    closed: closeOf(socket),
  };
}

function pairs(list: readonly string[]): (readonly [string, string])[] {
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? ''] as const] : []));
}

/** An answer as it was sent. */
export interface RawAnswer {
  readonly line: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Without the framing of chunks. */
  readonly body: Buffer;
  /** Whether all of it has arrived. */
  readonly isComplete: boolean;
  /** What follows on the same connection. */
  readonly rest: Buffer;
}

/** Reads an answer, without those before that only inform (1xx). @param method - of its request */
export function parseAnswer(bytes: Buffer, method = 'GET'): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`no answer: ${JSON.stringify(bytes.toString('latin1').slice(0, 500))}`);
  const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const rest = bytes.subarray(end + 4);
  if (/^HTTP\/1\.1 1\d\d/.test(line)) return parseAnswer(rest, method);
  const headers = lines.map((each) => {
    const [, name = '', value = ''] = /^([^:]*): *(.*)$/.exec(each) ?? [];
    return [name, value] as const;
  });
  const named = (name: string) => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  const none = { line, headers, body: Buffer.alloc(0), isComplete: true, rest };
  if (method === 'HEAD' || / (?:204|304)(?: |$)/.test(line)) return none;
  if (named('transfer-encoding') === 'chunked') return { line, headers, ...dechunked(rest) };
  const length = Number(named('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) return { ...none, body: rest, rest: Buffer.alloc(0) };
  return { ...none, body: rest.subarray(0, length), isComplete: rest.length >= length, rest: rest.subarray(length) };
}

function dechunked(bytes: Buffer): Pick<RawAnswer, 'body' | 'isComplete' | 'rest'> {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return { body: Buffer.concat(chunks), isComplete: false, rest: Buffer.alloc(0) };
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (size === 0) {
      const last = bytes.subarray(end).toString('latin1').startsWith('\r\n\r\n')
        ? end + 4
        : bytes.indexOf('\r\n\r\n', end) + 4;
      return { body: Buffer.concat(chunks), isComplete: last > 3, rest: bytes.subarray(last) };
    }
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** Returns a request after which the connection is closed. @param key - of the Authorization header */
export function requestWith(
  key: string,
  { method = 'POST', path = '/v1/chat/completions', headers = [], body = '{"model":"m"}' }: RequestParts = {},
): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: h',
    `Authorization: Bearer ${key}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

interface RequestParts {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  /** In Latin-1. */
  readonly body?: string;
}
