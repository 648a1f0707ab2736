import { usageError } from '../domain/errors.ts';

/** The proxies to use, as the environment names them. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** Returns the proxies of an environment. Lower-case variables take precedence, as in curl. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  return {
    httpProxy: env.http_proxy || env.HTTP_PROXY,
    httpsProxy: env.https_proxy || env.HTTPS_PROXY,
    noProxy: env.no_proxy || env.NO_PROXY,
  };
}

/**
 * Returns the proxy for a URL; undefined to connect directly, as to this machine.
 *
 * @throws CommandError (usage) if the URL of the proxy is invalid
 */
export function proxyFor(url: URL, { httpProxy, httpsProxy, noProxy = '' }: ProxySettings): URL | undefined {
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy;
  if (!proxy || isLoopback(url.hostname) || isExcepted(url, noProxy)) return undefined;
  const valid = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (!valid || !/^https?:$/.test(valid.protocol)) {
    throw usageError(
      'The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL',
      'Use a URL such as http://host:port.',
    );
  }
  userOf(valid);
  return valid;
}

/**
 * Returns the user and password of a proxy, as `user:password`; empty if its URL has neither.
 *
 * @throws CommandError (usage) if they are not percent-encoded
 */
export function userOf({ username, password }: URL): string {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw usageError(
      'The password of the proxy in HTTPS_PROXY or HTTP_PROXY is not percent-encoded',
      'Replace % with %25, @ with %40, : with %3A and / with %2F.',
    );
  }
}

/** Returns whether a host is this machine. Requests to it bypass the proxy and may be plain http. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Returns whether NO_PROXY names a host: itself or a domain above it, with or without a port, or `*` for all. */
function isExcepted({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return noProxy.split(/[\s,]+/).some((entry) => {
    // Without brackets, all of an IPv6 address is the host.
    const pattern = /:.*:/.test(entry) ? /^\[?([^\]]*)\]?(?::(\d+))?$/ : /^(.*?)(?::(\d+))?$/;
    const [, name = '', itsPort = ownPort] = pattern.exec(entry.toLowerCase()) ?? [];
    const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
    if (domain === '' || itsPort !== ownPort) return false;
    return domain === '*' || host === domain || host.endsWith(`.${domain}`);
  });
}
