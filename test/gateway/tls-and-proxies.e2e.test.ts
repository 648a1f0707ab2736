import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { secretOf, startGateway, token } from '../support/gateway.ts';
import { listening } from '../support/http-server.ts';
import { dial, exchange, parseAnswer, requestWith, standIn } from '../support/raw-http.ts';
import { proxyTo } from '../support/tls-servers.ts';

const certificate = selfSigned('api.fake.test', 'localhost');
const folder = mkdtempSync(path.join(tmpdir(), 'ci-gateway-tls-'));
const authority = path.join(folder, 'authority.pem');
writeFileSync(authority, certificate.cert);
afterAll(() => rmSync(folder, { recursive: true }));
/** For a process that trusts the certificate of these tests. */
const env = { NODE_EXTRA_CA_CERTS: authority };

/** Starts an API with TLS, which returns the key that it gets and the body. */
async function secureApi(act?: (socket: Socket) => void) {
  const keys: (string | undefined)[] = [];
  const server = createServer(certificate, async (request, response) => {
    keys.push(request.headers.authorization);
    if (act) {
      act(request.socket);
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for await (const chunk of request) response.write(chunk);
    response.end();
  });
  return { port: await listening(server), keys };
}

const body = `{"model":"m","input":"${'x'.repeat(300_000)}"}`;

describe('a gateway with a certificate', () => {
  test('answers with TLS, and streams', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { certificate });
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const client = await dial(gateway.url, certificate.cert);
    client.write(requestWith(token, { body }));
    const call = await api.next();
    expect((await call.body()).toString() === body).toBe(true);
    call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      call.write(event);
      await client.until(event);
    }
    call.socket.end();
    expect(parseAnswer(await client.closed)).toMatchObject({
      isComplete: true,
      body: Buffer.from('data: 1\n\ndata: 2\n\n'),
    });
  });

  test('frees the seat of a client that goes away', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { certificate });
    const client = await dial(gateway.url, certificate.cert);
    client.write(requestWith(token));
    const call = await api.next();
    client.socket.destroy();
    await call.closed;
    const next = await dial(gateway.url, certificate.cert);
    next.write(requestWith(token));
    (await api.next()).answer(200, 'next');
    expect(parseAnswer(await next.closed).body.toString()).toBe('next');
  });

  test('tells nothing to a client without TLS, and goes on', async () => {
    const api = await standIn((call) => call.answer(200, 'ok'));
    const gateway = await startGateway(api.url, { certificate });
    const plain = await exchange(gateway.url, requestWith(token));
    expect(plain.toString('latin1')).not.toContain('HTTP/1.1 2');
    expect(api.calls).toEqual([]);
    const client = await dial(gateway.url, certificate.cert);
    client.write(requestWith(token));
    expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
  });

  test('refuses a wrong token', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url, { certificate });
    const client = await dial(gateway.url, certificate.cert);
    client.write(requestWith('gw_wrong'));
    expect(parseAnswer(await client.closed).line).toBe('HTTP/1.1 401 Unauthorized');
    expect(api.calls).toEqual([]);
  });
});

describe('an API with TLS', () => {
  test('gets requests and streams its answers', async () => {
    const api = await secureApi();
    const gateway = await startGateway(`https://localhost:${api.port}`, { env });
    for (let count = 0; count < 3; count++) {
      const answer = parseAnswer(await exchange(gateway.url, requestWith(token, { body })));
      expect([answer.isComplete, answer.body.toString() === body]).toEqual([true, true]);
    }
    expect(api.keys).toEqual(Array.from({ length: 3 }, () => `Bearer ${secretOf(0)}`));
  });

  test('gets nothing if its certificate is not trusted', async () => {
    const api = await secureApi();
    const gateway = await startGateway(`https://localhost:${api.port}`, { env: {} });
    const answer = exchange(gateway.url, requestWith(token));
    await untilEnded(gateway.advance, answer);
    expect(parseAnswer(await answer).line).toBe('HTTP/1.1 502 Bad Gateway');
    expect(api.keys).toEqual([]);
  });
});

describe('a proxy', () => {
  test('tunnels requests, and sees neither them nor the key', async () => {
    const api = await secureApi();
    const proxy = await proxyTo(api.port);
    const gateway = await startGateway('https://api.fake.test', { env, proxies: { httpsProxy: proxy.url } });
    const answers = Array.from({ length: 3 }, () => exchange(gateway.url, requestWith(token, { body })));
    for (const answer of answers) expect(parseAnswer(await answer).body.toString() === body).toBe(true);
    expect(proxy.tunnels[0]).toMatchObject({ to: 'api.fake.test:443' });
    const seen = proxy.bytes();
    expect([secretOf(0), token, '"model"'].filter((each) => seen.includes(each))).toEqual([]);
    expect(api.keys).toEqual(Array.from({ length: 3 }, () => `Bearer ${secretOf(0)}`));
  });

  test('gets the user and the password of its URL, and never the header of a client', async () => {
    const api = await secureApi();
    const proxy = await proxyTo(api.port);
    const httpsProxy = proxy.url.replace('//', '//me:p%40ss@');
    const gateway = await startGateway('https://api.fake.test', { env, proxies: { httpsProxy } });
    const headers = ['Proxy-Authorization: Basic eA=='];
    expect(parseAnswer(await exchange(gateway.url, requestWith(token, { headers }))).line).toMatch(/ 200 /);
    expect(proxy.tunnels.map((each) => each.headers['proxy-authorization'])).toEqual([`Basic ${btoa('me:p@ss')}`]);
  });

  test.each([
    ['refuses the tunnel', (socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')],
    ['closes the connection', (socket: Socket) => socket.end()],
    ['resets the connection', (socket: Socket) => socket.resetAndDestroy()],
  ])('that %s is reported after three attempts', async (_name, refuse) => {
    const proxy = await proxyTo(1, refuse);
    const gateway = await startGateway('https://api.fake.test', { proxies: { httpsProxy: proxy.url } });
    const answer = exchange(gateway.url, requestWith(token));
    await untilEnded(gateway.advance, answer);
    expect(parseAnswer(await answer).line).toBe('HTTP/1.1 502 Bad Gateway');
    expect(await gateway.ended(1)).toMatchObject([{ status: 502, attempts: 3 }]);
    expect(proxy.tunnels).toHaveLength(3);
  });

  test('carries a request with a plain API, too', async () => {
    const api = await standIn((call) => call.answer(200, 'ok'));
    const proxy = await proxyTo(Number(new URL(api.url).port));
    const gateway = await startGateway('http://api.fake.test', { proxies: { httpProxy: proxy.url } });
    expect(parseAnswer(await exchange(gateway.url, requestWith(token))).body.toString()).toBe('ok');
    expect(proxy.tunnels.map(({ to }) => to)).toEqual(['api.fake.test:80']);
  });
});

/** Lets time pass until there is an answer, so that seats come back that were set aside. */
async function untilEnded(advance: (milliseconds: number) => Promise<void>, answer: Promise<unknown>): Promise<void> {
  let isOver = false;
  void answer.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
