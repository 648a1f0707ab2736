import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { type Ended, type Environment, managementKey, userOf } from '../support/cli.ts';
import { errorOf } from '../support/lost.ts';
import { data, server } from '../support/servers.ts';
import { proxyTo, secureServer } from '../support/tls-servers.ts';

const certificate = selfSigned('api.fake.test', 'localhost');
const get = 'api GET /api/a --json';
const post = 'api POST /api/a -f b=c --yes --json';

/** Creates a user whose programs trust the certificate of these tests. */
function trusting(url: string, env: Environment = {}) {
  const me = userOf({ url });
  const authority = path.join(me.home, 'authority.pem');
  writeFileSync(authority, certificate.cert);
  return (line: string) => me.process(line, { env: { NODE_EXTRA_CA_CERTS: authority, ...env } });
}

/** Expects that a command ended with an error, and returns its code, message and outcome. */
function failed(ended: Ended, code: number): unknown {
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  return errorOf(ended);
}

const succeeded = { code: 0, stdout: '{"success":true,"data":{"a":1}}', stderr: '' };

describe("a certificate that isn't trusted", () => {
  test.each([
    [get, null],
    [post, 'not_applied'],
  ])('prevents ci %s from sending anything', async (line, outcome) => {
    const { port, received } = await secureServer(certificate);
    const ci = trusting(`https://localhost:${port}`, { NODE_EXTRA_CA_CERTS: '' });
    expect(failed(await ci(line), 9)).toMatchObject({
      code: 'unreachable',
      message: `Can't reach localhost:${port}: its certificate is self-signed`,
      outcome,
    });
    expect(received).toEqual([]);
  });

  test('is tried three times', async () => {
    const { port } = await secureServer(certificate);
    const { stderr } = await trusting(`https://127.0.0.1:${port}`, { NODE_EXTRA_CA_CERTS: '' })(
      'api GET /api/a --debug',
    );
    expect(stderr.match(/^> GET /gm)).toHaveLength(3);
  });
});

describe('a certificate of a trusted authority', () => {
  test('lets requests through', async () => {
    const { port, received } = await secureServer(certificate);
    expect(await trusting(`https://localhost:${port}`)(get)).toMatchObject(succeeded);
    expect(received).toMatchObject([{ method: 'GET', headers: { authorization: `Bearer ${managementKey}` } }]);
  });

  test('may be named by SSL_CERT_FILE', async () => {
    const { port } = await secureServer(certificate);
    const me = userOf({ url: `https://localhost:${port}` });
    writeFileSync(path.join(me.home, 'authority.pem'), certificate.cert);
    // Node.js reads the variable only with this option, which the binary doesn't need.
    const env = { SSL_CERT_FILE: path.join(me.home, 'authority.pem'), NODE_OPTIONS: '--use-openssl-ca' };
    expect(await me.process(get, { env })).toMatchObject(succeeded);
  });

  test('for another host prevents a change from being sent', async () => {
    const { port, received } = await secureServer(certificate);
    const proxy = await proxyTo(port);
    const ci = trusting('https://other.fake.test', { HTTPS_PROXY: proxy.url });
    expect(failed(await ci(post), 9)).toMatchObject({
      code: 'unreachable',
      message: "Can't reach other.fake.test: its certificate is for another host",
      outcome: 'not_applied',
    });
    expect(received).toEqual([]);
  });

  test("doesn't allow a redirect to plain http, even to this machine", async () => {
    const plain = await server(data({ b: 2 }));
    const secure = await secureServer(certificate);
    secure.redirectTo(`${plain.url}/`);
    const ended = await trusting(`https://localhost:${secure.port}`)(get);
    expect(errorOf(ended)).toMatchObject({
      code: 'unexpected_response',
      message: `The API returned 302 Found, a redirect to ${plain.url}/`,
    });
    expect(plain.received).toEqual([]);
  });
});

describe('a proxy', () => {
  const api = 'https://api.fake.test';

  test.each(['HTTPS_PROXY', 'https_proxy'])(
    'in %s tunnels requests, and sees neither them nor the key',
    async (name) => {
      const { port, received } = await secureServer(certificate);
      const proxy = await proxyTo(port);
      expect(await trusting(api, { [name]: proxy.url })(get)).toMatchObject(succeeded);
      expect(proxy.tunnels).toMatchObject([{ to: 'api.fake.test:443' }]);
      expect(proxy.tunnels[0]?.headers.authorization).toBeUndefined();
      expect(proxy.bytes()).not.toContain(managementKey);
      expect(received).toMatchObject([
        { method: 'GET', headers: { host: 'api.fake.test', authorization: `Bearer ${managementKey}` } },
      ]);
    },
  );

  test('gets the user and password of its URL', async () => {
    const { port, received } = await secureServer(certificate);
    const proxy = await proxyTo(port);
    const ci = trusting(api, { HTTPS_PROXY: proxy.url.replace('//', '//me:p%40ss@') });
    expect(await ci(get)).toMatchObject(succeeded);
    expect(proxy.tunnels[0]?.headers['proxy-authorization']).toBe(`Basic ${btoa('me:p@ss')}`);
    expect(received[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  test('carries several requests of a command', async () => {
    const { port, received } = await secureServer(certificate);
    const proxy = await proxyTo(port);
    await trusting(api, { HTTPS_PROXY: proxy.url })('status');
    expect(received.length).toBeGreaterThan(1);
    expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set(['api.fake.test:443']));
  });

  test.each([['api.fake.test'], ['.fake.test'], ['other.test,api.fake.test:443'], ['*']])(
    'is bypassed for the hosts in NO_PROXY: %s',
    async (noProxy) => {
      const proxy = await proxyTo(1);
      const ci = trusting(api, { HTTPS_PROXY: proxy.url, NO_PROXY: noProxy });
      expect(failed(await ci(post), 9)).toMatchObject({ code: 'unreachable', outcome: 'not_applied' });
      expect(proxy.tunnels).toEqual([]);
    },
  );

  test("is used for hosts that NO_PROXY doesn't name", async () => {
    const { port } = await secureServer(certificate);
    const proxy = await proxyTo(port);
    const ci = trusting(api, { HTTPS_PROXY: proxy.url, NO_PROXY: 'other.test,fake.test.org' });
    expect([(await ci(get)).code, proxy.tunnels.length]).toEqual([0, 1]);
  });

  test('is never used for this machine', async () => {
    const secure = await secureServer(certificate);
    const plain = await server(data({ a: 1 }));
    const proxy = await proxyTo(secure.port);
    const urls = [`https://localhost:${secure.port}`, `https://127.0.0.1:${secure.port}`, plain.url];
    for (const url of urls) {
      const ci = trusting(url, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, ALL_PROXY: proxy.url });
      expect(await ci(get)).toMatchObject(succeeded);
    }
    expect(proxy.tunnels).toEqual([]);
  });

  test.each([
    ['refuses the tunnel', (socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'), /407/],
    ['closes the connection', (socket: Socket) => socket.end(), /: the proxy closed the connection$/],
    ['resets the connection', (socket: Socket) => socket.resetAndDestroy(), /: the connection was reset$/],
    [
      'closes the tunnel as it opens',
      (socket: Socket) => socket.end('HTTP/1.1 200 Connection Established\r\n\r\n'),
      /^Can't reach /,
    ],
  ])('that %s is tried three times, and a change is not applied', async (_what, refuse, message) => {
    const proxy = await proxyTo(1, refuse);
    const ended = await trusting(api, { HTTPS_PROXY: proxy.url })(post);
    expect(failed(ended, 9)).toMatchObject({
      code: 'unreachable',
      outcome: 'not_applied',
      message: expect.stringMatching(message),
    });
    expect(proxy.tunnels).toHaveLength(3);
  });

  test("that doesn't respond times out, and a change is not applied", async () => {
    const proxy = await proxyTo(1, () => {});
    const ended = await trusting(api, { HTTPS_PROXY: proxy.url })(`${post} --timeout 1s`);
    expect(failed(ended, 9)).toMatchObject({ code: 'timeout', outcome: 'not_applied' });
    expect(proxy.tunnels).toHaveLength(1);
  });

  test('where nothing listens is reported, and a change is not applied', async () => {
    const ended = await trusting(api, { HTTPS_PROXY: 'http://127.0.0.1:1' })(post);
    expect(failed(ended, 9)).toMatchObject({
      code: 'unreachable',
      outcome: 'not_applied',
      message: expect.stringMatching(/: the connection was refused$/),
    });
  });

  test('never causes a change to be sent twice', async () => {
    const { port, received } = await secureServer(certificate, (socket) => socket.destroy());
    const proxy = await proxyTo(port);
    const ended = await trusting(api, { HTTPS_PROXY: proxy.url })(post);
    expect(failed(ended, 10)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
    expect(received).toHaveLength(1);
  });

  test('is a usage error if its URL is invalid', async () => {
    const ended = await trusting(api, { HTTPS_PROXY: 'http://' })(post);
    expect(failed(ended, 2)).toMatchObject({
      code: 'usage',
      message: 'The proxy in HTTPS_PROXY or HTTP_PROXY is not a valid URL',
      hint: 'Use a URL such as http://host:port.',
    });
  });
});
