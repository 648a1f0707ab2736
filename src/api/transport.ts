import type { Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import UndiciDispatcher from 'undici/lib/dispatcher/dispatcher.js';
import { CommandError, codeOf } from '../domain/errors.ts';
import type { HttpAnswer } from './answers.ts';
import { Body } from './body.ts';
import type { ProxySettings } from './proxies.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Aborts the exchange; its reason becomes the cause of the failure. */
  readonly signal: AbortSignal;
  /** Called right before the first byte leaves. If it throws, the request isn't sent. */
  readonly onLeave?: (() => void) | undefined;
}

/** An exchange that brought no whole answer. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Whether a byte of the request may have left: only when it is false is it certain that the server did nothing. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super(reasonOf(cause), { cause });
    this.sent = sent;
  }
}

/** Sends requests over HTTP/1.1, one connection a host, kept open between requests. */
export class Transport {
  readonly #proxies: ProxySettings;
  readonly #connectTimeout: number;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();
  #keepsBaseline = false;

  /** @param connectTimeout - milliseconds for name look-up, connection and TLS handshake */
  constructor(proxies: ProxySettings, connectTimeout: number) {
    this.#proxies = proxies;
    this.#connectTimeout = connectTimeout;
  }

  /**
   * One exchange: no redirect is followed, nothing is sent again.
   *
   * @throws TransportError when no whole answer came
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
              controller.abort(new Error('the request would have been sent again'));
              return;
            }
            try {
              request.onLeave?.();
            } catch (error) {
              fail(error);
              controller.abort(new Error('the request was kept back'));
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
   * V8 optimises undici's WebAssembly parser after its first response, which takes longer than all requests of a command line
   * together; a budget that is never used up keeps the baseline code. Set while the connection is made: a flag that is set
   * makes Node.js compile what it loads from then on, TLS above all, in place of taking it from its own cache.
   */
  #keepBaseline(): void {
    if (this.#keepsBaseline) return;
    this.#keepsBaseline = true;
    process.getBuiltinModule('node:v8').setFlagsFromString('--wasm-tiering-budget=1000000000');
  }

  /** Closes every connection at once. */
  async close(): Promise<void> {
    for (const dispatcher of this.#dispatchers.values()) await (await dispatcher.catch(() => undefined))?.destroy();
    this.#dispatchers.clear();
  }

  #dispatcher(url: URL): Promise<Dispatcher> {
    const known = this.#dispatchers.get(url.origin);
    if (known) return known;
    const made = this.#connect(url);
    this.#dispatchers.set(url.origin, made);
    return made;
  }

  async #connect(url: URL): Promise<Dispatcher> {
    const { httpProxy, httpsProxy, noProxy = '' } = this.#proxies;
    // Time-outs of the whole exchange are the caller's; undici's own would cut a slow answer at another moment.
    // A connection that was idle for longer than a few seconds may be gone unnoticed, and a change sent on it would be lost.
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
    // A proxy agent opens its tunnel with a method that undici's entry point alone would add. A socket error in it would be
    // taken for one of the tunnel's own, and the tunnel opened again without end.
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
      throw new CommandError('usage', `the proxy set in HTTPS_PROXY or HTTP_PROXY is not a URL`, {
        hint: 'Write it as http://host:port.',
        cause: error,
      });
    }
  }
}

/** Whether a host is this machine: such requests go through no proxy and may be plain http. */
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
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'the connection was closed before the whole answer had come',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate chain ends in an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate cannot be verified',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is from an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors[0] !== undefined && !cause.message)
    return reasonOf(cause.errors[0]);
  return reasons[codeOf(cause) ?? ''] ?? cause.message;
}
