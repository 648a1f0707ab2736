import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { connectionFailures } from '../domain/connection-failures.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import type { HttpAnswer } from './answers.ts';
import { Body } from './body.ts';
import { abandon, isClosed, openConnection } from './connection.ts';
import type { ProxySettings } from './proxies.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Allows a change to leave at this instant; a promise if something has to be done first. @throws CommandError to refuse it */
export type BeforeLeaving = () => Promise<void> | undefined;

/** A request as it is sent. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Aborts the exchange. Its reason becomes the cause of the failure. */
  readonly signal: AbortSignal;
  /**
   * Called right before the first byte leaves. If it returns a promise, it is called again once that resolves. If it throws a
   * CommandError, the request isn't sent, and `exchange` throws it.
   */
  readonly onLeave?: BeforeLeaving | undefined;
}

/** Reports an exchange without a complete response. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Whether any of the request may have left. Only if not is it certain that the server did nothing. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super(reasonOf(cause, sent), { cause });
    this.sent = sent;
  }
}

/** How long a connection may be idle before a read uses it, in milliseconds. Servers usually close one after five seconds. */
const longestIdle = 4000;

/** Number of idle connections to a host that are kept. Commands rarely send more reads at once. */
const mostIdle = 8;

/** How long a connection that was opened in advance waits for its first change, in milliseconds. */
const longestReady = 2000;

/** How long it waits for the next one, in milliseconds: so shortly after a response, hardly any server closes it. */
const longestPause = 500;

/** A connection that waits for the next request. */
interface IdleConnection {
  readonly socket: Socket;
  /** Until when it can be used, by `performance.now()`. */
  readonly until: number;
}

/** Sends requests over HTTP/1.1. Keeps connections open between requests. */
export class Transport {
  readonly #proxies: ProxySettings;
  readonly #connectTimeout: number;
  readonly #idle = new Map<string, IdleConnection[]>();
  readonly #sockets = new Set<Socket>();
  readonly #attempts = new Set<AbortController>();
  /** Connections for changes to come. */
  #ready: IdleConnection[] = [];
  /** How many of them there should be, and how many are being opened. */
  #wanted = 0;
  #opening = 0;
  #isClosed = false;

  /** @param connectTimeout - milliseconds for name lookup, connection and TLS handshake */
  constructor(proxies: ProxySettings, connectTimeout: number) {
    this.#proxies = proxies;
    this.#connectTimeout = connectTimeout;
  }

  /**
   * Sends a request once, without following redirects. Nothing is sent until the connection is made. A request with `onLeave` has a
   * connection of its own, because an idle one may be broken, and a change that is sent on it would be lost. After {@link prepare}, it
   * can be one that was opened or used moments before.
   *
   * @throws TransportError if no complete response arrives; CommandError if the request may not be sent
   */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    const { url, signal, onLeave } = request;
    let sent = false;
    try {
      const socket = (onLeave ? usable(this.#ready) : this.#takeIdle(url)) ?? (await this.#connect(url, signal));
      try {
        signal.throwIfAborted();
        for (let pending = onLeave?.(); pending; pending = onLeave?.()) {
          await pending;
          signal.throwIfAborted();
          // In the meantime the server may have closed it.
          if (!socket.writable) throw new Error('the connection was closed');
        }
        return await this.#send(request, socket, () => {
          sent = true;
        });
      } catch (error) {
        abandon(socket);
        throw error;
      }
    } catch (error) {
      if (!sent && !signal.aborted && error instanceof CommandError) throw error;
      throw new TransportError(sent, signal.aborted ? signal.reason : error);
    }
  }

  /**
   * Opens connections in advance, so that many changes don't wait for them. One that was used is used again if the next change follows
   * at once.
   *
   * @param count - of them; 0 closes them
   */
  prepare(url: URL, count: number): void {
    this.#wanted = count;
    if (count === 0) for (const { socket } of this.#ready.splice(0)) socket.destroy();
    while (this.#ready.length + this.#opening < count) this.#openReady(url);
  }

  #openReady(url: URL): void {
    this.#opening++;
    this.#connect(url, new AbortController().signal).then(
      (socket) => {
        this.#opening--;
        this.#keepReady(socket, longestReady);
      },
      () => {
        // The change reports it when it opens its own connection.
        this.#opening--;
      },
    );
  }

  /** Keeps a connection for a change to come. @param time - how long, in milliseconds */
  #keepReady(socket: Socket, time: number): void {
    if (this.#isClosed || this.#ready.length >= this.#wanted) return void socket.destroy();
    socket.on('data', destroy);
    this.#ready.push({ socket, until: performance.now() + time });
  }

  /** Closes all connections immediately. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const attempt of this.#attempts) attempt.abort(new Error('the connection was closed'));
    for (const socket of this.#sockets) socket.destroy();
    this.#idle.clear();
  }

  /**
   * Sends a request on a connection, and keeps the connection for the next one if both sides agree.
   *
   * @param onSend - called right before the first byte leaves
   */
  #send(
    { url, method, headers, body, signal, onLeave }: HttpRequest,
    socket: Socket,
    onSend: () => void,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        createConnection: () => socket,
        method,
        path: `${url.pathname}${url.search}`,
        setHost: false,
        headers: {
          host: url.host,
          connection: 'keep-alive',
          ...headers,
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
      });
      const fail = (error: Error) => {
        reject(error);
        abandon(socket);
        outgoing.destroy();
      };
      const onAbort = () => fail(new Error('aborted'));
      signal.addEventListener('abort', onAbort);
      let isComplete = false;
      outgoing.on('error', reject);
      outgoing.on('close', () => {
        signal.removeEventListener('abort', onAbort);
        if (isComplete && socket.writable) {
          if (onLeave && this.#wanted > 0) this.#keepReady(socket, longestPause);
          else this.#keep(url, socket);
        }
        // Has no effect after the response or an error.
        reject(new Error(closedEarly));
      });
      outgoing.on('response', (response) => {
        const { statusCode = 0 } = response;
        // A 101 that announces no other protocol.
        if (statusCode < 200) return fail(new Error(`the response has the status ${statusCode}`));
        const content = new Body();
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          const failure = content.add(chunk, response.headers['content-length']);
          if (failure) fail(failure);
        });
        response.on('end', () => {
          isComplete = response.complete;
          if (!isComplete) return reject(new Error(closedEarly));
          resolve({ status: statusCode, headers: headersOf(response), body: content.toString() });
        });
      });
      if (signal.aborted) return onAbort();
      onSend();
      outgoing.end(body);
    });
  }

  async #connect(url: URL, signal: AbortSignal): Promise<Socket> {
    const attempt = new AbortController();
    const onAbort = () => attempt.abort(signal.reason);
    const timer = setTimeout(() => attempt.abort(timedOut()), this.#connectTimeout);
    signal.addEventListener('abort', onAbort);
    this.#attempts.add(attempt);
    try {
      signal.throwIfAborted();
      if (this.#isClosed) throw new Error('the connection was closed');
      const socket = await openConnection(url, this.#proxies, attempt.signal);
      this.#sockets.add(socket);
      // A request reports an error of its connection itself.
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
      return socket;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.#attempts.delete(attempt);
    }
  }

  #keep(url: URL, socket: Socket): void {
    if (this.#isClosed) return;
    const idle = (this.#idle.get(url.origin) ?? []).filter((each) => each.socket.writable);
    this.#idle.set(url.origin, idle);
    // Each change has a new connection, so thousands of changes would leave thousands of idle ones.
    if (idle.length >= mostIdle) return void socket.destroy();
    socket.on('data', destroy);
    idle.push({ socket, until: performance.now() + longestIdle });
  }

  #takeIdle({ origin }: URL): Socket | undefined {
    return usable(this.#idle.get(origin) ?? []);
  }
}

/** Takes the latest connection that can still be used. Closes those that can't. */
function usable(connections: IdleConnection[]): Socket | undefined {
  for (let last = connections.pop(); last; last = connections.pop()) {
    const { socket, until } = last;
    socket.off('data', destroy);
    if (socket.writable && performance.now() < until) return socket;
    socket.destroy();
  }
  return undefined;
}

/** Closes a connection on which the server sends something, although no response is due. */
function destroy(this: Socket): void {
  this.destroy();
}

/** Returns the headers of a response. A header that occurs several times is a list. */
function headersOf({ headersDistinct }: IncomingMessage): HttpAnswer['headers'] {
  return Object.fromEntries(
    Object.entries(headersDistinct).map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]),
  );
}

/** Returns the error of a connection that takes too long, with the code that the system uses. */
function timedOut(): Error {
  return Object.assign(new Error('the connection timed out'), { code: 'ETIMEDOUT' });
}

const closedEarly = 'the connection was closed before the response was complete';

const reasons: Readonly<Record<string, string>> = {
  ...connectionFailures,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate chain ends in an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate can't be verified",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is from an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** @param sent - whether any of the request may have left */
function reasonOf(cause: unknown, sent: boolean): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors[0] !== undefined && !cause.message)
    return reasonOf(cause.errors[0], sent);
  if (isClosed(cause)) return sent ? closedEarly : 'the connection was closed before the request was sent';
  const code = codeOf(cause) ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') return 'the headers of the response are too large';
  if (code.startsWith('HPE_')) return 'the response is not valid HTTP';
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return 'the TLS handshake failed';
  return reasons[code] ?? messageOf(cause);
}
