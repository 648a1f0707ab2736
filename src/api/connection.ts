import { once } from 'node:events';
import { request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { codeOf } from '../domain/errors.ts';
import { hostOf, portOf } from './host.ts';
import { type HttpProxy, type ProxySettings, proxyFor } from './proxies.ts';

/**
 * Connects to the host of a URL, through a proxy if the settings name one. Completes the TLS handshake, but sends no part of a request.
 *
 * @param signal - stops connecting; its reason is thrown
 * @throws Error if the connection can't be made; CommandError (usage) if the URL of the proxy is invalid
 */
export async function openConnection(url: URL, proxies: ProxySettings, signal: AbortSignal): Promise<Socket> {
  const proxy = proxyFor(url, proxies);
  if (proxy === undefined) return open(url, signal);
  const tunnel = await openTunnel(await open(proxy.url, signal), proxy, url, signal);
  return url.protocol === 'https:' ? openSecure(url, signal, tunnel) : tunnel;
}

async function open(url: URL, signal: AbortSignal): Promise<Socket> {
  if (url.protocol === 'https:') return openSecure(url, signal);
  const socket = connect({ host: hostOf(url), port: portOf(url), noDelay: true });
  await waitFor('connect', socket, signal);
  return socket;
}

/** The connections below those with TLS. */
const carriers = new WeakMap<Socket, Socket>();

/**
 * Closes a connection such that nothing arrives anymore of what was written to it. A connection that is only closed goes on sending: after
 * an interruption of the network, a request could arrive long after its time limit.
 */
export function abandon(socket: Socket): void {
  const carrier = carriers.get(socket);
  if (carrier) abandon(carrier);
  else if (!socket.destroyed) socket.resetAndDestroy();
  socket.destroy();
}

/** Opens a TLS connection. @param tunnel - the connection to use; by default, a new one */
async function openSecure(url: URL, signal: AbortSignal, tunnel?: Socket): Promise<Socket> {
  const tls = await import('node:tls');
  const host = hostOf(url);
  const carrier = tunnel ?? connect({ host, port: portOf(url), noDelay: true });
  const socket = tls.connect({
    socket: carrier,
    host,
    // An IP address isn't the name of a server (RFC 6066, section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
  });
  carriers.set(socket, carrier);
  await waitFor('secureConnect', socket, signal);
  return socket;
}

/** Asks a proxy to connect to the host of a URL (RFC 9110, section 9.3.6). */
async function openTunnel(socket: Socket, { user }: HttpProxy, url: URL, signal: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${portOf(url)}`;
  const outgoing = request({
    createConnection: () => socket,
    method: 'CONNECT',
    path: target,
    setHost: false,
    headers: {
      host: target,
      ...(user === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` }),
    },
  });
  const response = new Promise<{ status: number; rest: Buffer }>((resolve) => {
    outgoing.once('connect', ({ statusCode = 0 }, _socket, rest) => resolve({ status: statusCode, rest }));
  });
  outgoing.end();
  try {
    await waitFor('connect', outgoing, signal);
  } catch (error) {
    if (!isClosed(error)) throw error;
    throw new Error('the proxy closed the connection', { cause: error });
  }
  const { status, rest } = await response;
  const isOpen = status >= 200 && status < 300;
  // The server can't have responded yet.
  if (isOpen && rest.length === 0) return socket;
  socket.destroy();
  throw new Error(isOpen ? 'the proxy sent data of its own' : `the proxy responded with status ${status}`);
}

/** Waits for an event. @throws the error that occurs instead, or the reason of the signal, after destroying the source */
async function waitFor(event: string, source: Socket | ReturnType<typeof request>, signal: AbortSignal): Promise<void> {
  try {
    await once(source, event, { signal });
  } catch (error) {
    // What fails later doesn't matter.
    source.on('error', () => {});
    source.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

/** Returns whether an error says that the other side closed a connection. Node.js calls that a reset, but one without a system call. */
export function isClosed(error: unknown): boolean {
  return codeOf(error) === 'ECONNRESET' && error instanceof Error && !('syscall' in error);
}
