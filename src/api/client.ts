import * as z from 'zod/mini';
import { durationInWords } from '../domain/duration.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { isConsumptionKey } from '../domain/secrets.ts';
import {
  describeUnreadable,
  errorOf,
  type HttpAnswer,
  isTransient,
  reportsFailure,
  retryAfter,
  serverTime,
  statusMessage,
  unwrapped,
} from './answers.ts';
import { isAllowed } from './base-url.ts';
import { BodyTooLong } from './body.ts';
import { Deadline, type DeadlineClock } from './deadline.ts';
import type { ProxySettings } from './proxies.ts';
import { type BeforeLeaving, type HttpMethod, Transport, TransportError } from './transport.ts';

/** Maximum number of attempts at one request. */
const mostAttempts = 3;
/** The wait before the second attempt, in milliseconds. It doubles, and is randomly shortened by up to half. */
const firstBackoff = 300;
const connectTimeout = 10_000;
const mostRedirects = 5;
/** How long a change that was sent may still take after the user interrupts the command, in milliseconds. */
const graceTime = 10_000;

/** The key that authorizes a request. `if-present` means the management key if the user is signed in. */
export type KeyKind = 'management' | 'if-present' | 'consumption' | 'none';

/** Configures a client. */
export interface ClientOptions extends DeadlineClock {
  /** Scheme, host and port; https, or http on loopback. */
  readonly baseUrl: URL;
  /** `mk_…`; undefined if the user isn't signed in. */
  readonly managementKey?: string | undefined;
  /** `sk_…` from the environment. */
  readonly consumptionKey?: string | undefined;
  /** The token of the gateway, if the base URL is the gateway's. It replaces the consumption key. */
  readonly gatewayToken?: string | undefined;
  readonly userAgent: string;
  /** Milliseconds for a request and its retries. */
  readonly timeout: number;
  readonly proxies: ProxySettings;
  /** Aborted when the user interrupts the command. */
  readonly interrupt: AbortSignal;
  /** Returns the time of this machine's clock, in epoch milliseconds. */
  readonly now: () => number;
  /** Called when a request begins, with its method and path. The function that it returns is called when the request is over. */
  readonly onWait?: ((method: HttpMethod, path: string) => () => void) | undefined;
  /** Called for each exchange, with a line that contains no key. */
  readonly trace?: ((line: string) => void) | undefined;
  /** Called right before a change leaves, as the transport says. If it throws, the change isn't sent. */
  readonly onLeave?: BeforeLeaving | undefined;
  /** Called when the user interrupts the command during a change. The change gets some extra time to finish. */
  readonly onGrace?: ((milliseconds: number) => void) | undefined;
}

/** A request as the user typed it, for `ci api`. */
export interface RawRequest {
  readonly method: HttpMethod;
  /** Starts with a slash; may have a query. */
  readonly path: string;
  readonly body?: string | undefined;
  readonly key: KeyKind;
}

/** Options of a read. */
export interface ReadOptions {
  /** By default, the management key. */
  readonly key?: KeyKind | undefined;
  /** Whether not to retry, because the caller does that itself. */
  readonly once?: boolean | undefined;
  /** Returns whether a failed response has a value, too. */
  readonly hasValue?: ((answer: HttpAnswer) => boolean) | undefined;
}

/** A value and its entity tag, with which the server can say later that the value hasn't changed. */
export interface Tagged<Value> {
  readonly value: Value;
  readonly etag: string | undefined;
}

/** A request as it is sent. */
interface Request extends RawRequest, Pick<ReadOptions, 'once' | 'hasValue'> {
  /** The entity tag of the value that the caller has. */
  readonly etag?: string | undefined;
}

/**
 * Sends requests to the API. Retries reads after transient failures. Sends a change again only if the request certainly didn't
 * leave; after any other failure, only the account can tell whether the change went through.
 */
export class ApiClient {
  readonly #options: ClientOptions;
  readonly #transport: Transport;
  #clockOffset = 0;

  /** @param transport - shared with another client of the same host; by default, a new one */
  constructor(options: ClientOptions, transport?: Transport) {
    this.#options = options;
    this.#transport = transport ?? new Transport(options.proxies, Math.min(connectTimeout, options.timeout));
  }

  /** Returns a client with some options changed, which shares the connections of this one. */
  with(options: Partial<Pick<ClientOptions, 'onLeave' | 'onGrace' | 'consumptionKey'>>): ApiClient {
    return new ApiClient({ ...this.#options, ...options }, this.#transport);
  }

  /** How far the server's clock is ahead of this machine's, in milliseconds, according to the last `Date` header (in whole seconds). */
  get clockOffset(): number {
    return this.#clockOffset;
  }

  /** Scheme, host and port. */
  get baseUrl(): URL {
    return this.#options.baseUrl;
  }

  /** `mk_…`; undefined if the user isn't signed in. */
  get managementKey(): string | undefined {
    return this.#options.managementKey;
  }

  /**
   * Reads a value.
   *
   * @throws CommandError if there is no readable response
   */
  async read<Schema extends z.ZodMiniType>(
    path: string,
    schema: Schema,
    { key = 'management', once, hasValue }: ReadOptions = {},
  ): Promise<z.infer<Schema>> {
    const answer = await this.#request({ method: 'GET', path, key, once, hasValue });
    return this.#parsed('GET', path, answer, schema);
  }

  /**
   * Reads a value that may not have changed.
   *
   * @param before - the last value, which is returned again if the server says that it hasn't changed
   * @throws CommandError if there is no readable response
   */
  async readAgain<Schema extends z.ZodMiniType>(
    path: string,
    schema: Schema,
    before: Tagged<z.infer<Schema>> | undefined,
    { key = 'management', once }: ReadOptions = {},
  ): Promise<Tagged<z.infer<Schema>>> {
    const answer = await this.#request({ method: 'GET', path, key, once, etag: before?.etag });
    if (before && answer.status === 304) return before;
    return { value: this.#parsed('GET', path, answer, schema), etag: [answer.headers.etag].flat()[0] };
  }

  /**
   * Changes something.
   *
   * @throws CommandError whose `outcome` says whether the change went through; `outcome_unknown` if it may have
   */
  async change<Schema extends z.ZodMiniType>(
    method: 'POST' | 'DELETE',
    path: string,
    schema: Schema,
    body?: unknown,
    key: KeyKind = 'management',
  ): Promise<z.infer<Schema>> {
    const request = { method, path, key, body: body === undefined ? undefined : JSON.stringify(body) };
    const answer = await this.#request(request);
    try {
      return this.#parsed(method, path, answer, schema);
    } catch (error) {
      throw error instanceof CommandError ? unknownOutcome(error) : error;
    }
  }

  /** Requires a management key, so that a command can fail before it starts. @throws CommandError (not_signed_in) */
  requireSignedIn(): void {
    this.#key('management');
  }

  /** Sends a request as the user typed it, and returns the response unchanged. */
  raw(request: RawRequest): Promise<HttpAnswer> {
    return this.#request(request);
  }

  /** Opens connections in advance, so that changes don't wait for them. @param count - 0 closes them */
  prepare(count: number): void {
    this.#transport.prepare(this.#options.baseUrl, count);
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #request(request: Request): Promise<HttpAnswer> {
    const { timeout, interrupt } = this.#options;
    const deadline = new Deadline(timeout, interrupt, this.#options);
    const onEnd = this.#options.onWait?.(request.method, request.path);
    try {
      return await this.#attempts(request, deadline);
    } finally {
      deadline.release();
      onEnd?.();
    }
  }

  async #attempts(request: Request, deadline: Deadline): Promise<HttpAnswer> {
    const { interrupt } = this.#options;
    const { signal } = deadline;
    const reading = isRead(request.method);
    for (let attempt = 1; ; attempt++) {
      let failure: CommandError;
      let wait = firstBackoff * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      let repeatable: boolean;
      try {
        const answer = await this.#follow(request, deadline, attempt);
        if (answer.status >= 200 && answer.status < 300 && !reportsFailure(answer.body)) return answer;
        if (answer.status === 304 && request.etag !== undefined) return answer;
        if (request.hasValue?.(answer)) return answer;
        failure = withOutcome(redirectError(answer) ?? errorOf(answer), reading ? undefined : outcomeOf(answer.status));
        repeatable = reading && isTransient(answer.status);
        const requested = retryAfter(answer, this.#now() + this.#clockOffset);
        if (requested !== undefined) {
          wait = requested;
          failure = failure.with({ retryAfter: requested });
          if (failure.retryable) failure = failure.with({ hint: tryAgainIn(requested) });
        }
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        failure = this.#transportFailure(error, reading, deadline);
        repeatable = failure.retryable && (reading || !error.sent) && !signal.aborted;
      }
      if (!repeatable || request.once || attempt >= mostAttempts || !deadline.leaves(wait)) throw failure;
      this.#options.trace?.(`* ${failure.message}; retrying in ${Math.round(wait)} ms`);
      await this.#options.sleep(wait, interrupt);
      if (interrupt.aborted) throw failure.with({ code: 'interrupted', message: 'Interrupted', hint: undefined });
    }
  }

  /** Makes one attempt. Follows the redirects of a read, but doesn't send the key to another host. */
  async #follow(request: Request, deadline: Deadline, attempt: number): Promise<HttpAnswer> {
    const { baseUrl, trace, monotonic, onLeave, onGrace = () => {} } = this.#options;
    const { signal } = deadline;
    const leaves = () => {
      const pending = onLeave?.();
      if (pending) return pending;
      deadline.allow({ time: graceTime, onBegin: () => onGrace(graceTime) });
      return undefined;
    };
    let url = URL.canParse(request.path, baseUrl.href) ? new URL(request.path, baseUrl) : undefined;
    if (url?.origin !== baseUrl.origin) {
      throw new CommandError('usage', `"${request.path}" is not a valid API path`, {
        hint: 'Use a path such as /api/pools.',
      });
    }
    for (let redirects = 0; ; redirects++) {
      const started = monotonic();
      trace?.(`> ${request.method} ${url.href}${attempt > 1 ? ` (attempt ${attempt})` : ''}`);
      const answer = await this.#transport
        .exchange({
          method: request.method,
          url,
          headers: this.#headers(request, url),
          body: request.body,
          signal,
          onLeave: isRead(request.method) ? undefined : leaves,
        })
        .catch((error: unknown) => {
          const took = Math.round(monotonic() - started);
          trace?.(`< ${messageOf(error)}, ${took} ms`);
          throw error;
        });
      trace?.(`< ${answer.status} ${answer.body.length} bytes, ${Math.round(monotonic() - started)} ms`);
      this.#readClock(answer);
      const target = redirectTarget(answer, url);
      if (target === undefined || !isRead(request.method) || redirects === mostRedirects) return answer;
      if (!isAllowed(target) || (url.protocol === 'https:' && target.protocol !== 'https:')) return answer;
      url = target;
    }
  }

  #headers(request: Request, url: URL): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': this.#options.userAgent };
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    if (request.etag !== undefined) headers['if-none-match'] = request.etag;
    const key = this.#key(request.key);
    if (key !== undefined && url.origin === this.#options.baseUrl.origin) headers.authorization = `Bearer ${key}`;
    return headers;
  }

  #key(kind: KeyKind): string | undefined {
    const { managementKey, consumptionKey, gatewayToken } = this.#options;
    if (kind === 'none') return undefined;
    if (kind === 'consumption') {
      if (gatewayToken !== undefined) return gatewayToken;
      if (consumptionKey === undefined) {
        throw new CommandError('not_signed_in', 'This request needs an API key (sk_…), and none is set', {
          hint: 'Set CHEAPESTINFERENCE_API_KEY to a key from `ci keys create`.',
        });
      }
      if (!isConsumptionKey(consumptionKey)) {
        throw new CommandError('usage', 'The value of CHEAPESTINFERENCE_API_KEY is not a valid API key', {
          hint: 'API keys start with sk_. Create one with `ci keys create`.',
        });
      }
      return consumptionKey;
    }
    if (managementKey === undefined && kind === 'management') {
      throw new CommandError('not_signed_in', "You aren't signed in", {
        hint: 'Run `ci auth login`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY.',
      });
    }
    return managementKey;
  }

  #now(): number {
    return this.#options.now();
  }

  #readClock(answer: HttpAnswer): void {
    const date = serverTime(answer);
    if (date !== undefined) this.#clockOffset = date - this.#now();
  }

  #transportFailure(error: TransportError, reading: boolean, deadline: Deadline): CommandError {
    const { baseUrl, interrupt } = this.#options;
    const outcome = reading ? undefined : error.sent ? 'unknown' : 'not_applied';
    if (interrupt.aborted) return new CommandError('interrupted', 'Interrupted', { outcome, cause: error });
    if (error.cause instanceof BodyTooLong) {
      const failure = new CommandError('unexpected_response', `Can't read from ${baseUrl.host}: ${error.message}`, {
        outcome,
        cause: error,
        hint: checkUrlAndProxy,
      });
      return outcome === 'unknown' ? unknownOutcome(failure) : failure;
    }
    const timedOut = deadline.isPast || codeOf(error.cause) === 'ETIMEDOUT';
    const failure = new CommandError(
      timedOut ? 'timeout' : 'unreachable',
      `${error.sent ? 'No response from' : "Can't reach"} ${baseUrl.host}: ${error.message}`,
      {
        retryable: true,
        outcome,
        cause: error,
        hint: timedOut
          ? 'Try again, or allow more time with --timeout 2m.'
          : 'Check your network, the API URL and the proxy settings. --debug shows each request.',
      },
    );
    return outcome === 'unknown' ? unknownOutcome(failure) : failure;
  }

  #parsed<Schema extends z.ZodMiniType>(
    method: HttpMethod,
    path: string,
    answer: HttpAnswer,
    schema: Schema,
  ): z.infer<Schema> {
    let value: unknown;
    try {
      value = answer.body.trim() === '' ? undefined : unwrapped(answer.body);
    } catch (error) {
      const problem = describeUnreadable(answer.body, error);
      throw unreadable(`The response to ${method} ${path} ${problem}`, answer, error);
    }
    const result = z.safeParse(schema, value);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const field = issue?.path.map(String).join('.');
    const problem = `${field ? `${field}: ` : ''}${issue?.message ?? 'invalid'}`;
    throw unreadable(`The response to ${method} ${path} has an unexpected format (${problem})`, answer, result.error);
  }
}

function isRead(method: HttpMethod): boolean {
  return method === 'GET' || method === 'HEAD';
}

function redirectTarget(answer: HttpAnswer, from: URL): URL | undefined {
  const location = [301, 302, 303, 307, 308].includes(answer.status) ? [answer.headers.location].flat()[0] : undefined;
  return location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

function redirectError(answer: HttpAnswer): CommandError | undefined {
  if (answer.status < 300 || answer.status >= 400) return undefined;
  const location = [answer.headers.location].flat()[0];
  return new CommandError(
    'unexpected_response',
    `${statusMessage(answer.status)}${location ? `, a redirect to ${location}` : ''}`,
    {
      status: answer.status,
      hint: 'Check the API URL with `ci auth status`.',
    },
  );
}

/**
 * Returns the outcome that the status of a failed response implies. A 2xx or 4xx is a refusal, except 408 and 499, with which a
 * proxy stopped waiting for the server. After any other status, the outcome is unknown.
 */
function outcomeOf(status: number): 'not_applied' | 'unknown' {
  const isRefusal = (status >= 200 && status < 300) || (status >= 400 && status < 500 && ![408, 499].includes(status));
  return isRefusal ? 'not_applied' : 'unknown';
}

function withOutcome(error: CommandError, outcome: CommandError['outcome']): CommandError {
  return outcome === 'unknown' ? unknownOutcome(error) : error.with({ outcome });
}

/** Returns a failure after which the outcome of a change is unknown. Its cause is the original failure. */
function unknownOutcome(error: CommandError): CommandError {
  return error.with({ code: 'outcome_unknown', outcome: 'unknown', retryable: false, hint: undefined, cause: error });
}

function unreadable(message: string, { status }: HttpAnswer, cause: unknown): CommandError {
  return new CommandError('unexpected_response', message, { status, cause, hint: checkUrlAndProxy });
}

const checkUrlAndProxy = 'Check the API URL and the proxy settings.';

function tryAgainIn(wait: number): string {
  return wait > 0 ? `Try again in ${durationInWords(wait)}.` : 'Try again.';
}
