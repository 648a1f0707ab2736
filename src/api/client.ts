import * as z from 'zod/mini';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { isConsumptionKey } from '../domain/secrets.ts';
import {
  errorOf,
  type HttpAnswer,
  isTransient,
  retryAfter,
  saysFailed,
  serverTime,
  statusWords,
  unwrapped,
  whatInstead,
} from './answers.ts';
import { BodyTooLong } from './body.ts';
import { Deadline, type DeadlineClock } from './deadline.ts';
import type { ProxySettings } from './proxies.ts';
import { type HttpMethod, isLoopback, Transport, TransportError } from './transport.ts';

/** How often a request is sent at the most. */
const mostAttempts = 3;
/** The wait before a second attempt, in milliseconds; it doubles, and is jittered down to half. */
const firstBackoff = 300;
const connectTimeout = 10_000;
const mostRedirects = 5;
/** How long a change that was sent may still take when the user ends the command, milliseconds. */
const graceTime = 10_000;

/** Which key a request carries. `if-present`: the management key when there is one. */
export type KeyKind = 'management' | 'if-present' | 'consumption' | 'none';

/** What the client needs of the world. */
export interface ClientOptions extends DeadlineClock {
  /** Scheme, host and port; https, or http on loopback. */
  readonly baseUrl: URL;
  /** `mk_…`; undefined when not signed in. */
  readonly managementKey?: string | undefined;
  /** `sk_…` of the environment. */
  readonly consumptionKey?: string | undefined;
  readonly userAgent: string;
  /** Milliseconds for a whole request, its repetitions included. */
  readonly timeout: number;
  readonly proxies: ProxySettings;
  /** Ends whatever is under way. */
  readonly interrupt: AbortSignal;
  /** This machine's clock, epoch milliseconds. */
  readonly now: () => number;
  /** Called when a request begins, with the method and path of it; what it returns, when that is over. */
  readonly onWait?: ((method: HttpMethod, path: string) => () => void) | undefined;
  /** Told of every exchange; what it is told holds no key. */
  readonly trace?: ((line: string) => void) | undefined;
  /** Called right before a change leaves. If it throws, the change isn't sent. */
  readonly onLeave?: (() => void) | undefined;
  /** Called when the user ends the command while a change is under way. The change gets a little more time to finish. */
  readonly onGrace?: ((milliseconds: number) => void) | undefined;
}

/** A request as typed by the user, for `ci api`. */
export interface RawRequest {
  readonly method: HttpMethod;
  /** Begins with a slash; may have a query. */
  readonly path: string;
  readonly body?: string | undefined;
  readonly key: KeyKind;
}

/** How to ask for something. */
export interface ReadOptions {
  /** Default: the management key. */
  readonly key?: KeyKind | undefined;
  /** Not to be repeated after a failure: whoever asks will ask again by itself. */
  readonly once?: boolean | undefined;
}

/** An answer and its tag, by which the server can say later that it still holds. */
export interface Tagged<Value> {
  readonly value: Value;
  readonly etag: string | undefined;
}

/** A request as it is sent. */
interface Request extends RawRequest {
  readonly once?: boolean | undefined;
  /** The tag of the answer that is known. */
  readonly etag?: string | undefined;
}

/**
 * The HTTP client. It retries reads after transient failures. It sends a change again only if the request certainly didn't leave;
 * after any other failure, only a look at the account can tell whether the change went through.
 */
export class ApiClient {
  readonly #options: ClientOptions;
  readonly #transport: Transport;
  #clockOffset = 0;

  /** @param transport - shared with another client of the same host; default: one of its own */
  constructor(options: ClientOptions, transport?: Transport) {
    this.#options = options;
    this.#transport = transport ?? new Transport(options.proxies, Math.min(connectTimeout, options.timeout));
  }

  /** Returns a client that differs in some options, and shares the connections of this one. */
  with(options: Partial<Pick<ClientOptions, 'onLeave' | 'onGrace'>>): ApiClient {
    return new ApiClient({ ...this.#options, ...options }, this.#transport);
  }

  /** How far the server's clock is ahead of this machine's, in milliseconds, as its last answer's `Date` tells (to the second). */
  get clockOffset(): number {
    return this.#clockOffset;
  }

  /** Scheme, host and port. */
  get baseUrl(): URL {
    return this.#options.baseUrl;
  }

  /** `mk_…`; undefined when not signed in. */
  get managementKey(): string | undefined {
    return this.#options.managementKey;
  }

  /**
   * Asks for something.
   *
   * @throws CommandError for every way to get no readable answer
   */
  async read<Schema extends z.ZodMiniType>(
    path: string,
    schema: Schema,
    { key = 'management', once }: ReadOptions = {},
  ): Promise<z.infer<Schema>> {
    const answer = await this.#request({ method: 'GET', path, key, once });
    return this.#parsed('GET', path, answer, schema);
  }

  /**
   * Asks for something that may not have changed.
   *
   * @param before - the last answer, which is the answer again when the server says so
   * @throws CommandError for every way to get no readable answer
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
   * Changes something. An error tells by its `outcome` whether it was carried out.
   *
   * @throws CommandError; `outcome_unknown` when the request may have been carried out
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

  /** Refuses at once what could not be sent later. @throws CommandError (not_signed_in) */
  requireSignedIn(): void {
    this.#key('management');
  }

  /** Sends what the user typed and returns the answer as it came. */
  raw(request: RawRequest): Promise<HttpAnswer> {
    return this.#request(request);
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #request(request: Request): Promise<HttpAnswer> {
    const { timeout, interrupt } = this.#options;
    const deadline = new Deadline(timeout, interrupt, this.#options);
    const answered = this.#options.onWait?.(request.method, request.path);
    try {
      return await this.#attempts(request, deadline);
    } finally {
      deadline.release();
      answered?.();
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
        if (answer.status >= 200 && answer.status < 300 && !saysFailed(answer.body)) return answer;
        if (answer.status === 304 && request.etag !== undefined) return answer;
        failure = withOutcome(redirectError(answer) ?? errorOf(answer), reading ? undefined : outcomeOf(answer.status));
        repeatable = reading && isTransient(answer.status);
        const asked = retryAfter(answer, this.#now() + this.#clockOffset);
        if (asked !== undefined) {
          wait = asked;
          failure = failure.with({ retryAfter: asked });
          if (failure.retryable) failure = failure.with({ hint: `Try again in ${seconds(asked)}.` });
        }
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        // The error says why the request wasn't sent.
        if (!error.sent && error.cause instanceof CommandError) throw error.cause;
        failure = this.#transportFailure(error, reading, deadline);
        repeatable = failure.retryable && (reading || !error.sent) && !signal.aborted;
      }
      if (!repeatable || request.once || attempt >= mostAttempts || !deadline.leaves(wait)) throw failure;
      this.#options.trace?.(`* ${failure.message}; trying again in ${Math.round(wait)} ms`);
      await this.#options.sleep(wait, interrupt);
      if (interrupt.aborted) throw failure.with({ code: 'interrupted', message: 'interrupted', hint: undefined });
    }
  }

  /** One attempt; a read follows redirects, and its key does not follow to another host. */
  async #follow(request: Request, deadline: Deadline, attempt: number): Promise<HttpAnswer> {
    const { baseUrl, trace, monotonic, onLeave, onGrace = () => {} } = this.#options;
    const { signal } = deadline;
    const leaves = () => {
      onLeave?.();
      deadline.allow({ time: graceTime, onBegin: () => onGrace(graceTime) });
    };
    let url = URL.canParse(request.path, baseUrl.href) ? new URL(request.path, baseUrl) : undefined;
    if (url?.origin !== baseUrl.origin) throw new CommandError('usage', `"${request.path}" is not a path of the API`);
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
    const { managementKey, consumptionKey } = this.#options;
    if (kind === 'none') return undefined;
    if (kind === 'consumption') {
      if (consumptionKey === undefined) {
        throw new CommandError('not_signed_in', 'this needs an API key (sk_…) and none is set', {
          hint: 'Set CHEAPESTINFERENCE_API_KEY to a key made with `ci keys create`.',
        });
      }
      if (!isConsumptionKey(consumptionKey)) {
        throw new CommandError('usage', 'CHEAPESTINFERENCE_API_KEY holds no API key: such a key begins with sk_');
      }
      return consumptionKey;
    }
    if (managementKey === undefined && kind === 'management') {
      throw new CommandError('not_signed_in', 'not signed in', {
        hint: 'Run `ci auth login`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY; `--sandbox` needs no key.',
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
    if (interrupt.aborted) return new CommandError('interrupted', 'interrupted', { outcome, cause: error });
    if (error.cause instanceof BodyTooLong) {
      const failure = new CommandError('unexpected_response', `${baseUrl.host}: ${error.message}`, {
        outcome,
        cause: error,
        hint: 'Check the API URL and the proxy.',
      });
      return outcome === 'unknown' ? unknownOutcome(failure) : failure;
    }
    const timedOut = deadline.isPast || codeOf(error.cause) === 'UND_ERR_CONNECT_TIMEOUT';
    const failure = new CommandError(
      timedOut ? 'timeout' : 'unreachable',
      `${baseUrl.host} ${error.sent ? 'did not answer' : 'could not be reached'}: ${error.message}`,
      {
        retryable: true,
        outcome,
        cause: error,
        hint: timedOut
          ? 'Try again, or give it longer with --timeout 2m.'
          : 'Check the network, the API URL and the proxy settings; --debug shows each request.',
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
      const what = whatInstead(answer.body, error);
      throw unreadable(`${method} ${path} was answered with ${what}`, answer, error);
    }
    const result = z.safeParse(schema, value);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const where = issue?.path.map(String).join('.') || 'the answer';
    throw unreadable(
      `the answer to ${method} ${path} is not as documented: ${where}: ${issue?.message ?? 'invalid'}`,
      answer,
      result.error,
    );
  }
}

/**
 * Reads an API URL.
 *
 * @returns scheme, host and port
 * @throws CommandError (usage) unless it is https, or http on loopback
 */
export function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint = 'Write it as https://host; plain http is allowed on loopback alone (http://127.0.0.1:8787).';
  if (!url || !/^https?:$/.test(url.protocol)) throw new CommandError('usage', `"${text}" is not an API URL`, { hint });
  if (url.username || url.password) {
    throw new CommandError('usage', 'the API URL holds a user name or a password', { hint });
  }
  if (!isAllowed(url)) {
    throw new CommandError('usage', `"${text}" is not encrypted, and a key would be sent to it`, { hint });
  }
  if (url.pathname !== '/' || url.search || url.hash) {
    throw new CommandError('usage', `"${text}" has a path: the API URL is the host only, without /v1 or /api`, {
      hint,
    });
  }
  return new URL(url.origin);
}

function isAllowed(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
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
  return new CommandError('unexpected_response', `${statusWords(answer.status)}${location ? ` to ${location}` : ''}`, {
    status: answer.status,
    hint: 'Check the API URL: `ci auth status` shows it.',
  });
}

/**
 * Returns the outcome that the status of a failed answer implies. A 2xx or 4xx is a refusal, except 408 and 499, with which a
 * proxy stopped waiting for the server. Anything else leaves the outcome open.
 */
function outcomeOf(status: number): 'not_applied' | 'unknown' {
  const isRefusal = status < 300 || (status >= 400 && status < 500 && ![408, 499].includes(status));
  return isRefusal ? 'not_applied' : 'unknown';
}

function withOutcome(error: CommandError, outcome: CommandError['outcome']): CommandError {
  return outcome === 'unknown' ? unknownOutcome(error) : error.with({ outcome });
}

/** A failure that leaves open whether a change was carried out; how it failed is its cause. */
function unknownOutcome(error: CommandError): CommandError {
  return error.with({ code: 'outcome_unknown', outcome: 'unknown', retryable: false, hint: undefined, cause: error });
}

function unreadable(message: string, { status }: HttpAnswer, cause: unknown): CommandError {
  return new CommandError('unexpected_response', message, { status, cause, hint: 'Check the API URL and the proxy.' });
}

function seconds(milliseconds: number): string {
  const whole = Math.ceil(milliseconds / 1000);
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.ceil(whole / 60)} min` : `${Math.ceil(whole / 3600)} h`;
}
