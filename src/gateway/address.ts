import { isIP } from 'node:net';
import { usageError } from '../domain/errors.ts';

/** Where the gateway listens. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** The address by default. */
export const defaultAddress: Address = { host: '127.0.0.1', port: 8788 };

/** Formats an address as in a URL: `[::1]:8788`. */
export function addressText({ host, port }: Address): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Parses `HOST:PORT`, `:PORT` or `PORT`. Without a host, it is this machine only. @throws CommandError (usage) */
export function parseAddress(text: string): Address {
  const [, host, name, port = ''] = /^(?:(\[[^\]]+\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const inner = host?.startsWith('[') ? host.slice(1, -1) : name;
  const isValid = host?.startsWith('[') ? isIP(inner ?? '') === 6 : /^[\w.-]*$/.test(inner ?? '');
  if (port !== '' && Number(port) <= 65_535 && isValid) {
    return { host: inner || defaultAddress.host, port: Number(port) };
  }
  throw usageError(
    `"${text}" is not a valid address to listen on`,
    'Use a host and a port, such as 127.0.0.1:8788, or a port alone.',
  );
}
