import { shortened } from '../api/answers.ts';
import { Deadline, type DeadlineClock } from '../api/deadline.ts';
import { isLoopback } from '../api/host.ts';
import type { ProxySettings } from '../api/proxies.ts';
import { Transport, TransportError } from '../api/transport.ts';
import { chains, localRpcUrl } from '../domain/chains.ts';
import { durationInWords } from '../domain/duration.ts';
import { CommandError, usageError, withoutPeriod } from '../domain/errors.ts';
import { memberOf, parsedJson } from '../domain/json.ts';

/** Maximum number of attempts at one request. No request can change anything twice, because a transaction has a nonce. */
const mostAttempts = 3;
/** The wait before the second attempt, in milliseconds. It doubles. */
const firstBackoff = 500;
const connectTimeout = 10_000;
/** The longest message of an endpoint that is shown, in characters. */
const longestMessage = 200;

/** Configures a client. */
export interface RpcOptions extends DeadlineClock {
  readonly url: URL;
  readonly userAgent: string;
  /** Milliseconds for a request and its retries. */
  readonly timeout: number;
  readonly proxies: ProxySettings;
  /** Aborted when the user interrupts the command. */
  readonly interrupt: AbortSignal;
  /** Called for each request, with a line that doesn't contain the path of the URL, which may be a secret. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** Reports that the endpoint answered with an error of JSON-RPC. */
export class RpcError extends CommandError {
  /** What the endpoint says. */
  readonly reason: string;

  constructor(host: string, reason: string) {
    super('unexpected_response', `The RPC endpoint ${host} returned an error: ${withoutPeriod(reason)}`, {
      hint: rpcHint,
    });
    this.reason = reason;
  }
}

/** The errors with which endpoints refuse too many requests. */
const busyCode = -32005;
const busyWords = /rate.?limit|too many requests|request limit/i;

/** Sends requests to an RPC endpoint of a chain (JSON-RPC 2.0 over HTTP). */
export class RpcClient {
  readonly #options: RpcOptions;
  readonly #transport: Transport;
  #count = 0;

  constructor(options: RpcOptions) {
    this.#options = options;
    this.#transport = new Transport(options.proxies, Math.min(connectTimeout, options.timeout));
  }

  /** The host and port of the endpoint. The rest of its URL may contain a secret. */
  get host(): string {
    return this.#options.url.host;
  }

  /** Whether the endpoint is on this machine. */
  get isLocal(): boolean {
    return isLoopback(this.#options.url.hostname);
  }

  /**
   * Calls a method. Retries after transient failures.
   *
   * @returns the result
   * @throws RpcError if the endpoint refuses the call; CommandError (unreachable), (timeout), (rate_limited), (server_error),
   *   (unexpected_response), (interrupted) if the response can't be read
   */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const deadline = new Deadline(this.#options.timeout, this.#options.interrupt, this.#options);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(method, params, deadline);
        } catch (error) {
          const wait = firstBackoff * 2 ** (attempt - 1);
          const { interrupt, sleep } = this.#options;
          if (!(error instanceof CommandError) || !error.retryable || attempt >= mostAttempts) throw error;
          if (!deadline.leaves(wait)) throw error;
          await sleep(wait, interrupt);
          if (interrupt.aborted) throw interrupted();
        }
      }
    } finally {
      deadline.release();
    }
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #attempt(method: string, params: readonly unknown[], deadline: Deadline): Promise<unknown> {
    const { url, userAgent, trace } = this.#options;
    const id = ++this.#count;
    trace?.(`> ${method} ${this.host}`);
    const answer = await this.#transport
      .exchange({
        method: 'POST',
        url,
        headers: { accept: 'application/json', 'content-type': 'application/json', 'user-agent': userAgent },
        body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
        signal: deadline.signal,
      })
      .catch((error: unknown) => {
        throw error instanceof TransportError ? this.#failure(error, deadline) : error;
      });
    trace?.(`< ${answer.status} ${answer.body.length} bytes`);
    const value = parsedJson(answer.body);
    const error = memberOf(value, 'error');
    if (error != null) {
      const message = memberOf(error, 'message');
      const reason =
        typeof message === 'string' && message.trim() !== '' ? shortened(message, longestMessage) : 'unknown error';
      const refused = new RpcError(this.host, reason);
      const isBusy = answer.status === 429 || memberOf(error, 'code') === busyCode || busyWords.test(reason);
      throw isBusy ? refused.with({ code: 'rate_limited', retryable: true }) : refused;
    }
    if (answer.status === 200 && memberOf(value, 'id') === id && memberOf(value, 'result') !== undefined) {
      return memberOf(value, 'result');
    }
    if (answer.status === 429) throw this.#statusError('rate_limited', answer.status, true);
    if (answer.status >= 500) throw this.#statusError('server_error', answer.status, true);
    if (answer.status !== 200) throw this.#statusError('unexpected_response', answer.status, false);
    throw new CommandError('unexpected_response', `The response of ${this.host} to ${method} isn't valid JSON-RPC`, {
      hint: rpcHint,
    });
  }

  #statusError(code: 'rate_limited' | 'server_error' | 'unexpected_response', status: number, retryable: boolean) {
    return new CommandError(code, `The RPC endpoint ${this.host} returned ${status}`, { retryable, hint: rpcHint });
  }

  #failure(error: TransportError, deadline: Deadline): CommandError {
    if (this.#options.interrupt.aborted) return interrupted();
    if (deadline.isPast) {
      const limit = durationInWords(this.#options.timeout);
      return new CommandError('timeout', `The RPC endpoint ${this.host} didn't answer within ${limit}`, {
        retryable: true,
        hint: rpcHint,
        cause: error,
      });
    }
    return new CommandError('unreachable', `Can't reach the RPC endpoint ${this.host}: ${error.message}`, {
      retryable: true,
      hint: rpcHint,
      cause: error,
    });
  }
}

/** What to do about an endpoint that can't be used. */
export const rpcHint = 'Try again, or pass another endpoint with --rpc-url.';

/**
 * Parses the URL of an RPC endpoint.
 *
 * @param source - what it comes from, for the error: `--rpc-url`
 * @throws CommandError (usage) unless it is https, or http on this machine. The error doesn't repeat the URL, which may be a secret
 */
export function parseRpcUrl(text: string, source: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url && isAllowed && url.username === '' && url.password === '') return url;
  throw usageError(
    `The value of ${source} is not a valid RPC URL`,
    `Use a URL such as ${chains.base.rpcUrl}. Plain http is allowed only for this machine, such as ${localRpcUrl}.`,
  );
}

function interrupted(): CommandError {
  return new CommandError('interrupted', 'Interrupted');
}
