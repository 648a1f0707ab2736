import { CommandError, usageError } from '../domain/errors.ts';
import { statusMessage } from './answers.ts';
import { Deadline, type DeadlineClock } from './deadline.ts';
import { isLoopback } from './host.ts';
import type { ProxySettings } from './proxies.ts';
import { Transport, TransportError } from './transport.ts';

/** The longest time that one request may take, in milliseconds. */
const timeout = 10_000;
/** The pauses before the retries, in milliseconds. */
const pauses = [1000, 4000, 16_000] as const;

/**
 * Parses the URL of a webhook.
 *
 * @throws CommandError (usage) unless it is https, or http on loopback. The message doesn't quote the URL, which may contain a secret.
 */
export function parseWebhook(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint = 'Use a URL such as https://host/path. Plain http is allowed only for this machine.';
  if (!url || !/^https?:$/.test(url.protocol)) throw usageError('The value of --webhook is not a valid URL', hint);
  if (url.username || url.password) throw usageError("--webhook can't contain a user name or a password", hint);
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw usageError(`--webhook uses plain http for ${url.host}`, hint);
  }
  return url;
}

/** Sends JSON to a URL of the user's, without any key. */
export class Webhook {
  readonly #url: URL;
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #interrupt: AbortSignal;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #clock: DeadlineClock;

  /** @param pause - waits before a retry; may throw to prevent it */
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

  /** Posts JSON, and retries if that may help. @throws CommandError (unreachable), which names only the host */
  async post(body: object): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#attempt(JSON.stringify(body));
      if (failure === undefined) return;
      const wait = pauses[attempt];
      if (!failure.isRetryable || wait === undefined || this.#interrupt.aborted) {
        throw new CommandError(
          'unreachable',
          `The webhook at ${this.#url.host} couldn't be notified: ${failure.reason}`,
        );
      }
      await this.#pause(wait);
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #attempt(body: string): Promise<{ readonly reason: string; readonly isRetryable: boolean } | undefined> {
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
      const reason = statusMessage(status, 'it');
      return { reason, isRetryable: status === 408 || status === 429 || status >= 500 };
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return { reason: error.message, isRetryable: true };
    } finally {
      deadline.release();
    }
  }
}
