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
  if (valid?.protocol === 'http:' || valid?.protocol === 'https:') return valid;
  throw usageError('The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL', 'Use a URL such as http://host:port.');
}

/** Returns whether a host is this machine. Requests to it bypass the proxy and may be plain http. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Returns whether NO_PROXY names a host: itself or a domain above it, with or without a port, or `*` for all, as in curl. */
function isExcepted({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  return noProxy.split(/[\s,]+/).some((entry) => {
    const [, name = '', itsPort = ownPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    const domain = name.replace(/^\*?\./, '');
    if (domain === '' || itsPort !== ownPort) return false;
    return domain === '*' || hostname === domain || hostname.endsWith(`.${domain}`);
  });
}
