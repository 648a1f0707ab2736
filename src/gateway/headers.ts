/** Headers as they are on the wire: names and values in turn. */
export type RawHeaders = readonly string[];

/** The headers that are about one connection (RFC 9110, section 7.6.1), in lower case. */
const ofConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers of a request that the gateway sets itself, in lower case. */
const own = new Set(['authorization', 'x-api-key', 'host', 'expect', 'content-length']);

/** Returns each header. */
export function* pairsOf(headers: RawHeaders): Iterable<readonly [name: string, value: string]> {
  for (let at = 0; at + 1 < headers.length; at += 2) yield [headers[at] ?? '', headers[at + 1] ?? ''];
}

/** Returns the headers without those that are about one connection. @param isOther - selects others that are left out */
function withoutConnection(headers: RawHeaders, isOther: (name: string, value: string) => boolean): string[] {
  const named = new Set<string>();
  for (const [name, value] of pairsOf(headers)) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const each of value.split(',')) named.add(each.trim().toLowerCase());
  }
  const kept: string[] = [];
  for (const [name, value] of pairsOf(headers)) {
    const lower = name.toLowerCase();
    if (!ofConnection.has(lower) && !named.has(lower) && !isOther(lower, value)) kept.push(name, value);
  }
  return kept;
}

/** How a client authenticates, in its API format. */
export type KeyHeader = 'authorization' | 'x-api-key';

/**
 * Returns the headers of a request to the API: those of the client, with another key.
 *
 * @param length - of the body, in bytes; undefined: there is none, or it isn't known
 */
export function requestHeaders(
  headers: RawHeaders,
  {
    secret,
    keyHeader,
    token,
    host,
    length,
  }: {
    readonly secret: string;
    readonly keyHeader: KeyHeader;
    /** The token of the client. It isn't sent on in other headers, either. */
    readonly token: string;
    readonly host: string;
    readonly length: number | undefined;
  },
): string[] {
  return [
    'Host',
    host,
    ...withoutConnection(headers, (name, value) => own.has(name) || value.includes(token)),
    ...(keyHeader === 'x-api-key' ? ['X-Api-Key', secret] : ['Authorization', `Bearer ${secret}`]),
    ...(length === undefined ? [] : ['Content-Length', String(length)]),
  ];
}

/** Returns the headers of an answer to the client. @param added - those of the gateway */
export function answerHeaders(headers: RawHeaders, added: RawHeaders): string[] {
  return [...withoutConnection(headers, () => false), ...added];
}

/** Returns the value of a header; undefined without it. @param name - in lower case */
export function headerIn(headers: RawHeaders, name: string): string | undefined {
  for (const [each, value] of pairsOf(headers)) if (each.toLowerCase() === name) return value;
  return undefined;
}

/** Returns the time that a server asks to wait, in milliseconds; undefined if it doesn't. @param now - epoch milliseconds */
export function retryAfterIn(headers: RawHeaders, now: number): number | undefined {
  const value = headerIn(headers, 'retry-after')?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000;
  // A date begins with the day of the week. `Date.parse` also takes `-5` for one.
  const date = /^[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
