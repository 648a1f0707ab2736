import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Certificate } from './certificate.ts';
import { listening } from './http-server.ts';

/**
 * Serves the API over TLS, under the names of the certificate, on a loopback port.
 *
 * @param act - does something else with the connection of a request than answer it
 */
export async function secureServer(certificate: Certificate, act?: (socket: Socket) => void) {
  const received: { method: string | undefined; headers: IncomingHttpHeaders }[] = [];
  let elsewhere = '';
  const secure = createSecureServer(certificate, (request, response) => {
    received.push({ method: request.method, headers: request.headers });
    if (act) act(request.socket);
    else if (elsewhere !== '') response.writeHead(302, { location: elsewhere }).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true,"data":{"a":1}}');
  });
  const port = await listening(secure);
  return {
    port,
    received,
    redirectTo(url: string) {
      elsewhere = url;
    },
  };
}

/** Starts a proxy that opens every tunnel to one loopback port, or does something else with it. */
export async function proxyTo(port: number, refuse?: (socket: Socket) => void) {
  const tunnels: { to: string | undefined; headers: IncomingHttpHeaders }[] = [];
  let bytes = '';
  const http = createServer((request) => tunnels.push({ to: request.url, headers: request.headers }));
  http.on('connect', (request, socket: Socket) => {
    tunnels.push({ to: request.url, headers: request.headers });
    socket.on('error', () => {});
    if (refuse) return refuse(socket);
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.on('data', (chunk) => {
        bytes += chunk.toString('latin1');
      });
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  const own = await listening(http);
  return { url: `http://127.0.0.1:${own}`, tunnels, bytes: () => bytes };
}
