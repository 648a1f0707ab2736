import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { redacted } from '../domain/secrets.ts';
import type { Client } from './exchange.ts';
import { type Refusal, sendRefusal, tooLarge } from './refusal.ts';
import { largestBody } from './request-body.ts';

/** A local token, with the name of the clients that use it. */
export interface Token {
  readonly token: string;
  /** Undefined for the only token: its clients are named by the `X-Client` header. */
  readonly client: string | undefined;
}

/** A certificate and its key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Answers the requests of clients that have a token. */
interface Handlers {
  /** A request to the API. */
  forward(client: Client, request: IncomingMessage, response: ServerResponse): void;
  /** `GET /v1/models`. */
  models(client: Client, request: IncomingMessage, response: ServerResponse): void;
  /** `GET /metrics`. */
  metrics(request: IncomingMessage, response: ServerResponse): void;
  /** `GET /status`. */
  status(request: IncomingMessage, response: ServerResponse): void;
  /** `GET /lease`. */
  lease(request: IncomingMessage, response: ServerResponse): void;
}

/** What a server depends on. */
export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tokens: readonly Token[];
  /** Undefined: plain HTTP. */
  readonly certificate: Certificate | undefined;
  readonly handlers: Handlers;
}

/** How long a client may take to send the headers of a request, in milliseconds. */
const headersTimeout = 60_000;
/** How long an idle connection is kept, in milliseconds: longer than clients do, because a request on a closed one fails. */
const keepAliveTimeout = 600_000;

/** The server that clients connect to. */
export interface GatewayServer {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections, and closes those without a request. */
  stopListening(): void;
  /** Closes all connections at once. */
  close(): Promise<void>;
}

/**
 * Starts to listen.
 *
 * @throws the error of the operating system, such as EADDRINUSE; that of OpenSSL for a certificate that can't be used
 */
export async function startServer({ host, port, certificate, ...options }: ServerOptions): Promise<GatewayServer> {
  const tokens = options.tokens.map(({ token, client }) => ({ digest: digestOf(token), client }));
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const refusal = route(request, response, { tokens, handlers: options.handlers });
    if (refusal) sendRefusal(request, response, refusal);
  };
  // The body of a request is read only when a seat takes it, which may take long.
  const settings = { requestTimeout: 0, headersTimeout, keepAliveTimeout };
  const server: Server = certificate
    ? createSecureServer({ ...settings, ...certificate }, listener)
    : createServer(settings, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay();
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Many clients may connect at the same moment.
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Too many open files: the connection waits.
  server.on('error', () => {});
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error("The server doesn't listen on a port");
  return {
    host,
    port: address.port,
    stopListening() {
      server.close();
      server.closeIdleConnections();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface KnownToken {
  readonly digest: Buffer;
  readonly client: string | undefined;
}

/** Answers a request, or returns why it isn't answered. */
function route(
  request: IncomingMessage,
  response: ServerResponse,
  { tokens, handlers }: { readonly tokens: readonly KnownToken[]; readonly handlers: Handlers },
): Refusal | undefined {
  const { url = '', method = '' } = request;
  const path = url.replace(/\?.*/s, '');
  if (path === '/healthz') {
    sendText(response, 'application/json', '{"status":"ok"}\n');
    return undefined;
  }
  const client = clientOf(request, tokens);
  if (!client) return noToken;
  // The API would send back the request, with its key.
  if (method === 'TRACE') return { status: 405, code: 'method_not_allowed', message: 'TRACE is not allowed.' };
  const isRead = method === 'GET' || method === 'HEAD';
  if (path === '/v1/models' && isRead) handlers.models(client, request, response);
  else if (path.startsWith('/v1/') || path.startsWith('/anthropic/v1/')) {
    if (!isPlainPath(path)) return invalidPath;
    if (url.includes(client.token)) return tokenInUrl;
    if (Number(request.headers['content-length']) > largestBody) return tooLarge;
    handlers.forward(client, request, response);
  } else {
    const own = { '/metrics': handlers.metrics, '/status': handlers.status, '/lease': handlers.lease };
    const handler = Object.entries(own).find(([each]) => each === path)?.[1];
    if (!handler) return notFound;
    if (!isRead) return { status: 405, code: 'method_not_allowed', message: `${path} can only be read.` };
    handler(request, response);
  }
  return undefined;
}

const noToken: Refusal = {
  status: 401,
  code: 'invalid_api_key',
  message: 'The token of the gateway is missing or wrong. Run `ci gateway token` to see it.',
};
const invalidPath: Refusal = {
  status: 400,
  code: 'invalid_path',
  message: 'The path of the request leads out of its directory.',
};
const tokenInUrl: Refusal = {
  status: 400,
  code: 'token_in_url',
  message: 'The token of the gateway is in the URL, which the API would see. Send it only in a header.',
};
const notFound: Refusal = {
  status: 404,
  code: 'not_found',
  message: 'Not found. The gateway answers /v1/ and /anthropic/v1/.',
};

/** Returns whether the API sees the same path: no segment leads out of its directory. */
function isPlainPath(path: string): boolean {
  // Some servers decode a path twice, or ignore what follows a semicolon in a segment.
  const decoded = path
    .replace(/%25/g, '%')
    .replace(/%2f|%5c|\\/gi, '/')
    .replace(/%3b/gi, ';');
  return decoded.split('/').every((each) => !/^(?:\.|%2e){1,2}(?:;|$)/i.test(each));
}

/** Returns the client of a request; undefined without a valid token. */
function clientOf({ headers }: IncomingMessage, tokens: readonly KnownToken[]): Client | undefined {
  const { authorization = '', 'x-api-key': key } = headers;
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  const own = headers['x-client'];
  for (const [keyHeader, typed] of [
    ['x-api-key', key],
    ['authorization', bearer],
  ] as const) {
    if (typeof typed !== 'string') continue;
    const digest = digestOf(typed);
    // Compares with each token, so that the time says nothing about them.
    const found = tokens.filter((each) => timingSafeEqual(each.digest, digest))[0];
    if (!found) continue;
    return { name: found.client ?? clientName(typeof own === 'string' ? own : ''), keyHeader, token: typed };
  }
  return undefined;
}

/** Digests have the same length whatever was typed. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Returns the name of a client as it named itself, without what can't be printed. */
function clientName(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '').trim();
  return redacted(printable.slice(0, longestName)) || 'default';
}

const longestName = 64;

/** Answers with a text. */
export function sendText(response: ServerResponse, type: string, text: string, status = 200): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
