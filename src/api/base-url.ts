import { CommandError } from '../domain/errors.ts';
import { isLoopback } from './host.ts';

/**
 * Parses an API URL.
 *
 * @returns scheme, host and port
 * @throws CommandError (usage) unless it is https, or http on loopback
 */
export function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hint =
    'Use a URL such as https://host. Plain http is allowed only for this machine, such as http://127.0.0.1:8787.';
  if (!url || !/^https?:$/.test(url.protocol))
    throw new CommandError('usage', `"${text}" is not a valid API URL`, { hint });
  if (url.username || url.password) {
    throw new CommandError('usage', "The API URL can't contain a user name or a password", { hint });
  }
  if (!isAllowed(url)) {
    throw new CommandError('usage', `"${text}" uses plain http, which would send your key unencrypted`, { hint });
  }
  if (url.pathname !== '/' || url.search || url.hash) {
    throw new CommandError('usage', `"${text}" can't have a path or a query`, {
      hint: 'Use https://host, without /v1 or /api.',
    });
  }
  return new URL(url.origin);
}

/** Returns whether a key may be sent to a URL: by https, or by http on this machine. */
export function isAllowed(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}
