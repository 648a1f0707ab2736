import type { Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import UndiciDispatcher from 'undici/lib/dispatcher/dispatcher.js';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import type { HttpAnswer } from './answers.ts';
import { Body } from './body.ts';
import type { ProxySettings } from './proxies.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request as it is sent. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Aborts the exchange. Its reason becomes the cause of the failure. */
  readonly signal: AbortSignal;
  /** Called right before the first byte leaves. If it throws, the request isn't sent. */
  readonly onLeave?: (() => void) | undefined;
}

/** Reports an exchange without a complete response. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Whether any of the request may have left. Only if not is it certain that the server did nothing. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super(reasonOf(cause), { cause });
    this.sent = sent;
  }
}

/** Sends requests over HTTP/1.1, with one connection per host, kept open between requests. */
export class Transport {
  readonly #proxies: ProxySettings;
  readonly #connectTimeout: number;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();
  #keepsBaseline = false;

  /** @param connectTimeout - milliseconds for name lookup, connection and TLS handshake */
  constructor(proxies: ProxySettings, connectTimeout: number) {
    this.#proxies = proxies;
    this.#connectTimeout = connectTimeout;
  }

  /**
   * Sends a request once, without following redirects.
   *
   * @throws TransportError if no complete response arrives
   */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    const dispatcher = await this.#dispatcher(request.url);
    return new Promise((resolve, reject) => {
      let sent = false;
      let status = 0;
      let headers: HttpAnswer['headers'] = {};
      const body = new Body();
      let abort = () => {};
      const fail = (cause: unknown) => {
        request.signal.removeEventListener('abort', onAbort);
        reject(new TransportError(sent, request.signal.aborted ? request.signal.reason : cause));
      };
      const onAbort = () => {
        abort();
        fail(request.signal.reason);
      };
      if (request.signal.aborted) return fail(request.signal.reason);
      request.signal.addEventListener('abort', onAbort);
      dispatcher.dispatch(
        {
          origin: request.url.origin,
          path: `${request.url.pathname}${request.url.search}`,
          method: request.method,
          headers: request.headers,
          body: request.body ?? null,
        },
        {
          onRequestStart(controller) {
            if (sent || request.signal.aborted) {
              controller.abort(new Error('the request is not sent twice'));
              return;
            }
            try {
              request.onLeave?.();
            } catch (error) {
              fail(error);
              controller.abort(new Error('the request was not sent'));
              return;
            }
            sent = true;
            abort = () => controller.abort(new Error('aborted'));
          },
          onResponseStart(_controller, statusCode, answerHeaders) {
            status = statusCode;
            headers = answerHeaders;
          },
          onResponseData(controller, chunk) {
            const failure = body.add(chunk, [headers['content-length']].flat()[0]);
            if (failure) controller.abort(failure);
          },
          onResponseEnd() {
            request.signal.removeEventListener('abort', onAbort);
            resolve({ status, headers, body: body.toString() });
          },
          onResponseError(_controller, error) {
            fail(error);
          },
        },
      );
      this.#keepBaseline();
    });
  }

  /**
   * Keeps the baseline code of undici's WebAssembly parser. V8 would optimize it after the first response, which takes longer than
   * all requests of a command; a budget that is never used up prevents that. Call it only while a connection is being made: once a
   * flag is set, Node.js compiles what it loads, above all TLS, instead of using its code cache.
   */
  #keepBaseline(): void {
    if (this.#keepsBaseline) return;
    this.#keepsBaseline = true;
    process.getBuiltinModule('node:v8').setFlagsFromString('--wasm-tiering-budget=1000000000');
  }

  /** Closes all connections immediately. */
  async close(): Promise<void> {
    for (const dispatcher of this.#dispatchers.values()) await (await dispatcher.catch(() => undefined))?.destroy();
    this.#dispatchers.clear();
  }

  #dispatcher(url: URL): Promise<Dispatcher> {
    const existing = this.#dispatchers.get(url.origin);
    if (existing) return existing;
    const dispatcher = this.#connect(url);
    this.#dispatchers.set(url.origin, dispatcher);
    return dispatcher;
  }

  async #connect(url: URL): Promise<Dispatcher> {
    const { httpProxy, httpsProxy, noProxy = '' } = this.#proxies;
    // The caller limits the time of the whole exchange; undici's own timeouts would end a slow response at another moment.
    // A connection that was idle for more than a few seconds may be broken, and a change sent on it would be lost.
    const timeouts = {
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveMaxTimeout: 4000,
      connect: { timeout: this.#connectTimeout },
    };
    if ((!httpProxy && !httpsProxy) || isLoopback(url.hostname)) return new Client(url.origin, timeouts);
    const [{ default: EnvHttpProxyAgent }, { default: connect }] = await Promise.all([
      import('undici/lib/dispatcher/env-http-proxy-agent.js'),
      import('undici/lib/api/api-connect.js'),
    ]);
    // A proxy agent opens its tunnel with a method that only undici's entry point adds. The agent would mistake a socket error in it
    // for one of an open tunnel, and open the tunnel again and again.
    Object.assign(UndiciDispatcher.prototype, {
      async connect(this: Dispatcher, options: Dispatcher.ConnectOptions) {
        try {
          return await connect.call(this, options);
        } catch (error) {
          if (codeOf(error) !== 'UND_ERR_SOCKET') throw error;
          throw new Error('the proxy closed the connection', { cause: error });
        }
      },
    });
    try {
      return new EnvHttpProxyAgent({ ...timeouts, httpProxy: httpProxy ?? '', httpsProxy: httpsProxy ?? '', noProxy });
    } catch (error) {
      throw new CommandError('usage', 'The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL', {
        hint: 'Use a URL such as http://host:port.',
        cause: error,
      });
    }
  }
}

/** Returns whether a host is this machine. Requests to it bypass the proxy and may be plain http. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
  ENOTFOUND: 'the host name was not found',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed before the response was complete',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate chain ends in an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate can't be verified",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is from an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors[0] !== undefined && !cause.message)
    return reasonOf(cause.errors[0]);
  return reasons[codeOf(cause) ?? ''] ?? messageOf(cause);
}
