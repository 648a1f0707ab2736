import { CommandError, usageError } from '../domain/errors.ts';
import { statusWords } from './answers.ts';
import { Deadline, type DeadlineClock } from './deadline.ts';
import type { ProxySettings } from './proxies.ts';
import { isLoopback, Transport, TransportError } from './transport.ts';

/** The longest that one request may take, milliseconds. */
const timeout = 10_000;
/** The waits between tries, milliseconds. */
const pauses = [1000, 4000, 16_000] as const;

/**
 * Reads the address of a webhook.
 *
 * @throws CommandError (usage) unless it is https, or http on loopback; the address is in no message, as it may hold a secret
 */
export function parseWebhook(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint = 'Write it as https://host/path; plain http is allowed on this machine alone.';
  if (!url || !/^https?:$/.test(url.protocol)) throw usageError('--webhook is no address of the web', hint);
  if (url.username || url.password) throw usageError('--webhook holds a user name or a password', hint);
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw usageError(`--webhook goes to ${url.host} without encryption`, hint);
  }
  return url;
}

/** Sends JSON to an address of the user's, which gets no key of ours. */
export class Webhook {
  readonly #url: URL;
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #interrupt: AbortSignal;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #clock: DeadlineClock;

  /** @param pause - waits between tries; may throw to end them */
  constructor(
    url: URL,
    options: {
      readonly proxies: ProxySettings;
      readonly userAgent: string;
      readonly interrupt: AbortSignal;
      readonly pause: (milliseconds: number) => Promise<void>;
      readonly clock: DeadlineClock;
    },
  ) {
    this.#url = url;
    this.#transport = new Transport(options.proxies, timeout);
    this.#userAgent = options.userAgent;
    this.#interrupt = options.interrupt;
    this.#pause = options.pause;
    this.#clock = options.clock;
  }

  /** Posts, and tries again when that may help. @throws CommandError that names the host alone */
  async post(body: object): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#attempt(JSON.stringify(body));
      if (failure === undefined) return;
      const wait = pauses[attempt];
      if (!failure.again || wait === undefined || this.#interrupt.aborted) {
        throw new CommandError('unreachable', `the webhook at ${this.#url.host} was not told: ${failure.reason}`);
      }
      await this.#pause(wait);
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #attempt(body: string): Promise<{ readonly reason: string; readonly again: boolean } | undefined> {
    const deadline = new Deadline(timeout, this.#interrupt, this.#clock);
    try {
      const { status } = await this.#transport.exchange({
        method: 'POST',
        url: this.#url,
        headers: { 'content-type': 'application/json', 'user-agent': this.#userAgent },
        body,
        signal: deadline.signal,
      });
      if (status >= 200 && status < 300) return undefined;
      const reason = statusWords(status).replace('the API', 'it');
      return { reason, again: status === 408 || status === 429 || status >= 500 };
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return { reason: error.message, again: true };
    } finally {
      deadline.release();
    }
  }
}
