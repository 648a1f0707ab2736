import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { isLoopback } from '../../src/api/host.ts';
import { Transport, TransportError } from '../../src/api/transport.ts';
import type { Job, Report } from '../support/caller.ts';
import { selfSigned } from '../support/certificate.ts';
import { always, clientOf, failure, managementKey, serve, serveSockets } from '../support/http-server.ts';
import { withResolvers } from '../support/resolvers.ts';
import { proxyTo, secureServer } from '../support/tls-servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'transport-test-'));
const certificate = selfSigned('api.fake.test', 'localhost');
const authority = join(folder, 'authority.pem');
const caller = join(folder, 'caller.mjs');

beforeAll(async () => {
  writeFileSync(authority, certificate.cert);
  const bundle = await rolldown({ input: 'test/support/caller.ts', platform: 'node' });
  await bundle.write({ file: caller, format: 'esm', codeSplitting: false });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Sends a request in a process that trusts the certificate of these tests. */
async function call(job: Partial<Job>): Promise<Report> {
  const child = fork(caller, { env: { ...process.env, NODE_EXTRA_CA_CERTS: authority } });
  const order: Job = {
    baseUrl: 'https://api.fake.test',
    proxies: {},
    method: 'GET',
    path: '/',
    timeout: 20_000,
    ...job,
  };
  child.send(order);
  const reported = once(child, 'message');
  const ended = once(child, 'exit');
  const [report] = await Promise.race([reported, ended.then(() => reported)]);
  await ended;
  return report;
}

describe("a certificate that isn't trusted", () => {
  test.each([
    ['GET', undefined],
    ['POST', 'not_applied'],
  ] as const)('prevents a %s from being sent', async (method, outcome) => {
    const server = await secureServer(certificate);
    const { client, trace } = clientOf(new URL(`https://127.0.0.1:${server.port}`));
    const error = await failure(client.raw({ method, path: '/', key: 'management' }));
    expect(error).toMatchObject({ code: 'unreachable', exitCode: 9, outcome });
    expect(error.message).toMatch(/^Can't reach 127\.0\.0\.1:\d+: its certificate is self-signed$/);
    expect(trace.filter((line) => line.startsWith('> '))).toHaveLength(3);
    expect(server.received).toEqual([]);
  });
});

describe('a certificate of a trusted authority', () => {
  test('lets a request through', async () => {
    const server = await secureServer(certificate);
    const report = await call({ baseUrl: `https://localhost:${server.port}` });
    expect(report.value).toEqual({ a: 1 });
    expect(server.received[0]?.headers.authorization).toBe(`Bearer ${managementKey}`);
  });

  test('for another host prevents a change from being sent', async () => {
    const server = await secureServer(certificate);
    const proxy = await proxyTo(server.port);
    const report = await call({
      baseUrl: 'https://other.fake.test',
      proxies: { httpsProxy: proxy.url },
      method: 'POST',
    });
    expect(report.error).toMatchObject({
      code: 'unreachable',
      message: "Can't reach other.fake.test: its certificate is for another host",
      outcome: 'not_applied',
    });
    expect(server.received).toEqual([]);
  });

  test("doesn't allow a redirect to plain http, even to this machine", async () => {
    const plain = await serve(always({ b: 2 }));
    const server = await secureServer(certificate);
    server.redirectTo(plain.url.href);
    const report = await call({ baseUrl: `https://localhost:${server.port}`, path: '/plain' });
    expect(report.error).toMatchObject({
      code: 'unexpected_response',
      message: `The API returned 302 Found, a redirect to ${plain.url.href}`,
    });
    expect(plain.received).toEqual([]);
  });
});

describe('a proxy', () => {
  test('tunnels requests, and sees neither them nor the key', async () => {
    const server = await secureServer(certificate);
    const proxy = await proxyTo(server.port);
    const report = await call({ proxies: { httpsProxy: proxy.url } });
    expect(report.value).toEqual({ a: 1 });
    expect(proxy.tunnels).toMatchObject([{ to: 'api.fake.test:443' }]);
    expect(proxy.tunnels[0]?.headers.authorization).toBeUndefined();
    expect(proxy.bytes()).not.toContain(managementKey);
    expect(server.received).toMatchObject([
      { method: 'GET', headers: { host: 'api.fake.test', authorization: `Bearer ${managementKey}` } },
    ]);
  });

  test('gets the user and password of its URL', async () => {
    const server = await secureServer(certificate);
    const proxy = await proxyTo(server.port);
    const report = await call({ proxies: { httpsProxy: proxy.url.replace('//', '//me:p%40ss@') } });
    expect(report.value).toEqual({ a: 1 });
    expect(proxy.tunnels[0]?.headers['proxy-authorization']).toBe(`Basic ${btoa('me:p@ss')}`);
    expect(server.received[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  test.each([
    ['api.fake.test'],
    ['fake.test'],
    ['.fake.test'],
    ['*.fake.test'],
    ['other.test,api.fake.test:443'],
    ['*'],
  ])('is bypassed for the hosts in NO_PROXY: %s', async (noProxy) => {
    const proxy = await proxyTo(1);
    const report = await call({ proxies: { httpsProxy: proxy.url, noProxy }, method: 'POST' });
    expect(report.error).toMatchObject({ code: 'unreachable', outcome: 'not_applied' });
    expect(proxy.tunnels).toEqual([]);
  });

  test("is used for hosts that NO_PROXY doesn't name", async () => {
    const server = await secureServer(certificate);
    const proxy = await proxyTo(server.port);
    const report = await call({
      proxies: { httpsProxy: proxy.url, noProxy: 'other.test,fake.test.org,ake.test,api.fake.test:8443' },
    });
    expect([report.value, proxy.tunnels.length]).toEqual([{ a: 1 }, 1]);
  });

  test('is never used for this machine', async () => {
    const server = await secureServer(certificate);
    const proxy = await proxyTo(server.port);
    const proxies = { httpsProxy: proxy.url, httpProxy: proxy.url };
    expect((await call({ baseUrl: `https://localhost:${server.port}`, proxies })).value).toEqual({ a: 1 });
    expect((await call({ baseUrl: `https://127.0.0.1:${server.port}`, proxies })).value).toEqual({ a: 1 });
    const plain = await serve(always({ b: 2 }));
    expect(await clientOf(plain.url, { proxies }).client.read('/', z.unknown())).toEqual({ b: 2 });
    expect(proxy.tunnels).toEqual([]);
  });

  test.each([
    ['refuses the tunnel', (socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'), /407/],
    ['closes the connection', (socket: Socket) => socket.end(), /: the proxy closed the connection$/],
    [
      'sends data of its own',
      (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
      /: the proxy sent data of its own$/,
    ],
    [
      'speaks no TLS',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      },
      /: the TLS handshake failed$/,
    ],
    ['resets the connection', (socket: Socket) => socket.resetAndDestroy(), /: the connection was reset$/],
    [
      'closes the tunnel as it opens',
      (socket: Socket) => socket.end('HTTP/1.1 200 Connection Established\r\n\r\n'),
      /^Can't reach /,
    ],
  ])('that %s is tried three times, and a change is not applied', async (_what, refuse, message) => {
    const proxy = await proxyTo(1, refuse);
    const report = await call({ proxies: { httpsProxy: proxy.url }, method: 'POST' });
    expect(report.error).toMatchObject({ code: 'unreachable', outcome: 'not_applied', exitCode: 9 });
    expect(report.error?.message).toMatch(message);
    expect(proxy.tunnels).toHaveLength(3);
  });

  test("that doesn't respond times out, and a change is not applied", async () => {
    const proxy = await proxyTo(1, () => {});
    const report = await call({ proxies: { httpsProxy: proxy.url }, method: 'POST', timeout: 1000 });
    expect(report.error).toMatchObject({ code: 'timeout', outcome: 'not_applied', exitCode: 9 });
    expect(proxy.tunnels).toHaveLength(1);
  });

  test('never causes a change to be sent twice', async () => {
    const server = await secureServer(certificate, (socket) => socket.destroy());
    const proxy = await proxyTo(server.port);
    const report = await call({ proxies: { httpsProxy: proxy.url }, method: 'POST' });
    expect(report.error).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', exitCode: 10 });
    expect(server.received).toHaveLength(1);
  });

  test('is a usage error if its password is not percent-encoded, before a connection is made', async () => {
    const proxy = await proxyTo(1);
    const httpsProxy = proxy.url.replace('//', '//me:100%@');
    const report = await call({ proxies: { httpsProxy }, method: 'POST' });
    expect(report.error).toMatchObject({
      code: 'usage',
      message: 'The password of the proxy in HTTPS_PROXY or HTTP_PROXY is not percent-encoded',
    });
    expect(proxy.tunnels).toEqual([]);
  });

  test('is a usage error if its URL is invalid, and everything can be closed afterward', async () => {
    const { client } = clientOf(new URL('https://api.fake.test'), { proxies: { httpsProxy: 'http://' } });
    expect(await failure(client.change('POST', '/', z.unknown(), {}))).toMatchObject({
      code: 'usage',
      exitCode: 2,
      message: 'The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL',
      hint: 'Use a URL such as http://host:port.',
    });
    await expect(client.close()).resolves.toBeUndefined();
  });
});

describe('an exchange', () => {
  const exchange = (url: URL, signal: AbortSignal) =>
    new Transport({}, 10_000).exchange({ method: 'GET', url, headers: {}, signal });

  test('returns the status, the headers and the whole body', async () => {
    const server = await serve((response) => response.writeHead(418, { 'X-A': ['1', '2'] }).end('ü'));
    const transport = new Transport({}, 10_000);
    const answer = await transport.exchange({
      method: 'GET',
      url: new URL('/a?b', server.url),
      headers: { 'x-b': 'c' },
      signal: new AbortController().signal,
    });
    await transport.close();
    expect([answer.status, answer.headers['x-a'], answer.body]).toEqual([418, ['1', '2'], 'ü']);
    expect(server.received).toMatchObject([{ path: '/a?b', headers: { 'x-b': 'c' } }]);
  });

  test('has not been sent if it is aborted before it starts', async () => {
    const server = await serveSockets(() => {});
    const reason = new Error('too late');
    const error = await exchange(server.url, AbortSignal.abort(reason)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ sent: false, cause: reason, message: 'too late' });
  });

  test('may have been sent if it is aborted while in progress', async () => {
    const abort = new AbortController();
    const server = await serve(() => abort.abort(new Error('enough')));
    const error = await exchange(server.url, abort.signal).catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'TransportError', sent: true, message: 'enough' });
  });

  test("doesn't go on arriving after it was aborted", async () => {
    const { promise: accepted, resolve: accept } = withResolvers<Socket>();
    const server = await serveSockets((socket) => socket.once('data', () => accept(socket.pause())));
    const abort = new AbortController();
    const body = 'x'.repeat(16_000_000);
    const sent = new Transport({}, 10_000)
      .exchange({ method: 'POST', url: server.url, headers: {}, body, signal: abort.signal })
      .catch((error: unknown) => error);
    const socket = await accepted;
    abort.abort(new Error('enough'));
    expect(await sent).toMatchObject({ sent: true, message: 'enough' });
    const ended = new Promise((resolve) => {
      socket.on('end', () => resolve('the end of the request'));
      socket.on('error', resolve);
    });
    socket.resume();
    expect(await ended).toMatchObject({ code: 'ECONNRESET' });
  });

  test('is not sent if it is aborted while connecting, even if the connection is made later', async () => {
    let received = '';
    const server = await serveSockets((socket) =>
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      }),
    );
    const abort = new AbortController();
    const transport = new Transport({}, 10_000);
    const request = { method: 'POST', url: server.url, headers: {}, body: 'first', signal: abort.signal } as const;
    const first = transport.exchange(request).catch((error: unknown) => error);
    const second = transport
      .exchange({ ...request, body: 'second', signal: new AbortController().signal })
      .catch((error: unknown) => error);
    // Long enough for the request to be queued, but not for a connection.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    abort.abort(new Error('enough'));
    expect(await first).toMatchObject({ sent: false, message: 'enough' });
    await expect.poll(() => received).toContain('second');
    expect(received).not.toContain('first');
    await transport.close();
    expect(await second).toMatchObject({ sent: true });
  });
});

describe('a connection', () => {
  /** Serves one response per request as raw bytes, and counts the connections. */
  async function rawServer(response: string) {
    const sockets: Socket[] = [];
    const server = await serveSockets((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write(response));
    });
    const transport = new Transport({}, 10_000);
    const get = () =>
      transport.exchange({ method: 'GET', url: server.url, headers: {}, signal: new AbortController().signal });
    const request = { method: 'GET', url: server.url, headers: {}, signal: new AbortController().signal } as const;
    return { sockets, get, transport, request, close: () => transport.close() };
  }
  const response = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

  test('is used for the next request', async () => {
    const { sockets, get, close } = await rawServer(response);
    expect([(await get()).body, (await get()).body, sockets.length]).toEqual(['hi', 'hi', 1]);
    const ended = once(sockets[0] ?? expect.fail(), 'close');
    await close();
    await ended;
  });

  test.each([
    ['closes it', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi'],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['sends more than the response', `${response}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong`],
  ])("isn't used again if the server %s", async (_what, bytes) => {
    const { sockets, get, close } = await rawServer(bytes);
    await get();
    await once(sockets[0] ?? expect.fail(), 'close');
    expect((await get()).body).toBe('hi');
    expect(sockets.length).toBe(2);
    await close();
  });

  test("isn't used again if the server sends something without a request", async () => {
    const { sockets, get, close } = await rawServer(response);
    await get();
    const ended = once(sockets[0] ?? expect.fail(), 'close');
    sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong');
    await ended;
    expect([(await get()).body, sockets.length]).toEqual(['hi', 2]);
    await close();
  });

  test.each([
    ['closed', (socket: Socket) => socket.end()],
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
  ])("isn't used again if the server has %s it", async (_what, end) => {
    const { sockets, get, close } = await rawServer(response);
    await get();
    const ended = once(sockets[0] ?? expect.fail(), 'close');
    end(sockets[0] ?? expect.fail());
    await ended;
    // The client may learn it later than the server.
    await expect
      .poll(() =>
        get().then(
          () => sockets.length,
          () => 0,
        ),
      )
      .toBe(2);
    await close();
  });

  test("isn't used again after four seconds", async () => {
    const { sockets, get, close } = await rawServer(response);
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    onTestFinished(() => now.mockRestore());
    await get();
    now.mockReturnValue(4999);
    await get();
    expect(sockets.length).toBe(1);
    now.mockReturnValue(8999);
    await get();
    expect(sockets.length).toBe(2);
    await close();
  });

  test('is never used for a change, nor after an abort', async () => {
    const { sockets, transport, request, close } = await rawServer(response);
    await transport.exchange(request);
    await transport.exchange({ ...request, onLeave: () => undefined });
    expect(sockets.length).toBe(2);
    const aborted = { ...request, signal: AbortSignal.abort(new Error('too late')) };
    expect(await transport.exchange(aborted).catch((error: unknown) => error)).toMatchObject({ sent: false });
    const abort = new AbortController();
    const late = { ...request, signal: abort.signal, onLeave: () => void abort.abort(new Error('enough')) };
    expect(await transport.exchange(late).catch((error: unknown) => error)).toMatchObject({ sent: false });
    await close();
  });
});

describe('a connection that was opened in advance', () => {
  const response = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

  /** Serves one response per request, and says on which connection each request came. */
  async function countingServer() {
    const sockets: Socket[] = [];
    const used: number[] = [];
    const server = await serveSockets((socket, count) => {
      sockets.push(socket);
      socket.on('data', () => {
        used.push(count);
        socket.write(response);
      });
    });
    const transport = new Transport({}, 10_000);
    onTestFinished(() => transport.close());
    const change = () =>
      transport.exchange({
        method: 'POST',
        url: server.url,
        headers: {},
        signal: new AbortController().signal,
        onLeave: () => undefined,
      });
    const opened = (count: number) => expect.poll(() => sockets.length).toBe(count);
    return { server, sockets, used, transport, change, opened };
  }

  test('is used by changes that follow each other', async () => {
    const { server, used, transport, change, opened } = await countingServer();
    transport.prepare(server.url, 1);
    await opened(1);
    for (let count = 0; count < 3; count++) {
      await change();
      await new Promise(setImmediate);
    }
    expect(used).toEqual([1, 1, 1]);
  });

  test("isn't used again half a second after a change", async () => {
    const { server, used, transport, change, opened } = await countingServer();
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    onTestFinished(() => now.mockRestore());
    transport.prepare(server.url, 1);
    await opened(1);
    await new Promise(setImmediate);
    await change();
    await new Promise(setImmediate);
    now.mockReturnValue(1499);
    await change();
    await new Promise(setImmediate);
    now.mockReturnValue(1999);
    await change();
    expect(used).toEqual([1, 1, 2]);
  });

  test("isn't used again if the server closes it after the response", async () => {
    const used: number[] = [];
    const server = await serveSockets((socket, count) => {
      socket.on('data', () => {
        used.push(count);
        socket.end(response.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      });
    });
    const transport = new Transport({}, 10_000);
    onTestFinished(() => transport.close());
    transport.prepare(server.url, 1);
    for (let count = 0; count < 3; count++) {
      await transport.exchange({
        method: 'POST',
        url: server.url,
        headers: {},
        signal: new AbortController().signal,
        onLeave: () => undefined,
      });
      await new Promise(setImmediate);
    }
    expect(new Set(used).size).toBe(3);
  });

  test('is closed if no change needs it', async () => {
    const { server, sockets, transport, opened } = await countingServer();
    transport.prepare(server.url, 2);
    await opened(2);
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    transport.prepare(server.url, 0);
    await closed;
  });

  test.each([
    ['closes it', (socket: Socket) => socket.end()],
    ['sends something without a request', (socket: Socket) => socket.write(response)],
  ])("isn't used if the server %s", async (_what, act) => {
    const { server, sockets, used, transport, change, opened } = await countingServer();
    transport.prepare(server.url, 1);
    await opened(1);
    const closed = once(sockets[0] ?? expect.fail(), 'close');
    act(sockets[0] ?? expect.fail());
    await closed;
    expect((await change()).body).toBe('hi');
    expect(used).not.toContain(1);
  });

  test("isn't used after two seconds", async () => {
    const { server, used, transport, change, opened } = await countingServer();
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
    onTestFinished(() => now.mockRestore());
    transport.prepare(server.url, 1);
    await opened(1);
    await new Promise(setImmediate);
    now.mockReturnValue(3000);
    await change();
    expect(used).not.toContain(1);
  });

  test("is reported by the change if it can't be opened", async () => {
    const transport = new Transport({}, 10_000);
    const url = new URL('http://127.0.0.1:1');
    transport.prepare(url, 2);
    const change = {
      method: 'POST',
      url,
      headers: {},
      signal: new AbortController().signal,
      onLeave: () => undefined,
    } as const;
    expect(await transport.exchange(change).catch((error: unknown) => error)).toMatchObject({ sent: false });
    await transport.close();
  });
});

test('keeps at most eight idle connections', async () => {
  let open = 0;
  let opened = 0;
  const server = await serveSockets((socket) => {
    open++;
    opened++;
    socket.on('close', () => open--);
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
  });
  const transport = new Transport({}, 10_000);
  onTestFinished(() => transport.close());
  const change = { method: 'POST', url: server.url, headers: {}, onLeave: () => undefined } as const;
  for (let count = 0; count < 30; count++)
    await transport.exchange({ ...change, signal: new AbortController().signal });
  await expect.poll(() => [opened, open]).toEqual([30, 8]);
});

describe('a response', () => {
  test.each([
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'the response has the status 101'],
    [
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'the connection was closed before the response was complete',
    ],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'the response is not valid HTTP'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 'the headers of the response are too large'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'the response is not valid HTTP'],
  ])('of %j means that the request may have been carried out', async (bytes, message) => {
    const server = await serveSockets((socket) => socket.on('data', () => socket.write(bytes)));
    const { client } = clientOf(server.url);
    const error = await failure(client.change('POST', '/', z.unknown(), {}));
    expect(error).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', exitCode: 10 });
    expect(error.message).toContain(message);
    await client.close();
  });
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.3', true],
  ['[::1]', true],
  ['localhost.evil.test', false],
  ['127.0.0.1.evil.test', false],
  ['128.0.0.1', false],
  ['0.0.0.0', false],
  ['[::2]', false],
  ['', false],
])('returns whether the host "%s" is this machine: %s', (host, answer) => {
  expect(isLoopback(host)).toBe(answer);
});
