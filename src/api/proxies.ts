import { usageError } from '../domain/errors.ts';
import { hostOf, isLoopback, portOf } from './host.ts';

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

/** A proxy to use. */
export interface HttpProxy {
  readonly url: URL;
  /** Its user and password, as `user:password`; empty without them. */
  readonly user: string;
}

/**
 * Returns the proxy for a URL; undefined to connect directly, as to this machine.
 *
 * @throws CommandError (usage) if the URL of the proxy is invalid, or its password isn't percent-encoded
 */
export function proxyFor(url: URL, { httpProxy, httpsProxy, noProxy = '' }: ProxySettings): HttpProxy | undefined {
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy;
  if (!proxy || isLoopback(url.hostname) || isExcepted(url, noProxy)) return undefined;
  const valid = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (valid && /^https?:$/.test(valid.protocol)) return { url: valid, user: userOf(valid) };
  throw usageError('The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL', 'Use a URL such as http://host:port.');
}

function userOf({ username, password }: URL): string {
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

/** Returns whether NO_PROXY names a host: itself or a domain above it, with or without a port, or `*` for all. */
function isExcepted(url: URL, noProxy: string): boolean {
  const [host, port] = [hostOf(url), String(portOf(url))];
  return noProxy.split(/[\s,]+/).some((entry) => {
    // Without brackets, all of an IPv6 address is the host.
    const pattern = /:.*:/.test(entry) ? /^\[?([^\]]*)\]?(?::(\d+))?$/ : /^(.*?)(?::(\d+))?$/;
    const [, name = '', itsPort = port] = pattern.exec(entry.toLowerCase()) ?? [];
    const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
    if (domain === '' || itsPort !== port) return false;
    return domain === '*' || host === domain || host.endsWith(`.${domain}`);
  });
}
