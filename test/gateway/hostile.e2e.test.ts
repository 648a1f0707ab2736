import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { secretOf, startGateway, type TestGateway, token } from '../support/gateway.ts';
import { isBinary } from '../support/program.ts';
import {
  dial,
  exchange,
  parseAnswer,
  type RawClient,
  requestWith,
  type StandIn,
  standIn,
} from '../support/raw-http.ts';

/** Starts a gateway for a stand-in that answers every request, and keeps what it gets. */
async function setUp(seats = 1): Promise<{ api: StandIn; gateway: TestGateway }> {
  const api = await standIn(
    async (call) => {
      await call.body();
      call.answer(200, 'ok');
    },
    { records: true },
  );
  return { api, gateway: await startGateway(api.url, { seats }) };
}

/** Expects that the gateway still serves a proper client. */
async function serves(gateway: TestGateway): Promise<void> {
  expect(parseAnswer(await exchange(gateway.url, requestWith(token))).body.toString()).toBe('ok');
}

const first = `POST /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n`;
const inside = 'GET /v1/smuggled HTTP/1.1\r\nHost: h\r\n\r\n';

const malformed: readonly (readonly [name: string, bytes: string | Buffer])[] = [
  [
    'Content-Length and Transfer-Encoding',
    `${first}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inside}`,
  ],
  [
    'Transfer-Encoding and Content-Length',
    `${first}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inside}`,
  ],
  ['two lengths', `${first}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
  ['the same length twice', `${first}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ['a list of lengths', `${first}Content-Length: 5, 5\r\n\r\nhello`],
  ['a length with a sign', `${first}Content-Length: +5\r\n\r\nhello`],
  ['a negative length', `${first}Content-Length: -5\r\n\r\nhello`],
  ['a hexadecimal length', `${first}Content-Length: 0x5\r\n\r\nhello`],
  ['a huge length', `${first}Content-Length: 99999999999999999999999\r\n\r\nhello`],
  ['an encoding that is not known last', `${first}Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n${inside}`],
  ['an encoding twice', `${first}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inside}`],
  ['an encoding in a wrong spelling', `${first}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inside}`],
  ['an encoding after a tab', `${first}Transfer-Encoding:\tx\r\n\r\n0\r\n\r\n${inside}`],
  ['a space before the colon', `${first}Content-Length : 5\r\n\r\nhello`],
  ['a folded header', `${first}X-A: 1\r\n Content-Length: 5\r\nX-B: 2\r\n\r\n`],
  ['a folded first header', `GET /v1/x HTTP/1.1\r\n X-A: 1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['a carriage return in a value', `${first}X-A: 1\rX-B: 2\r\n\r\n`],
  ['a carriage return and zero in a value', `${first}X-A: 1\r\0\r\n\r\n`],
  ['zero in a value', `${first}X-A: 1\x002\r\n\r\n`],
  ['zero in a name', `${first}X\0A: 1\r\n\r\n`],
  ['a name with a space', `${first}X A: 1\r\n\r\n`],
  ['a header without a colon', `${first}X-A\r\n\r\n`],
  ['a header without a name', `${first}: 1\r\n\r\n`],
  ['a chunk size that is not a number', `${first}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`],
  ['a huge chunk size', `${first}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
  ['a chunk longer than its size', `${first}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`],
  ['no host', `GET /v1/x HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['an unknown method', `FETCH /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['another version', `GET /v1/x HTTP/3.0\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['HTTP/0.9', 'GET /v1/x\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a path with a space', `GET /v1/x y HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['a path with zero', `GET /v1/x\0 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['a path of raw bytes', `GET /v1/\xfc\xe9 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`],
  ['TLS', Buffer.from('16030100050100000100', 'hex')],
  ['endless headers', `${first}${'X-A: y\r\n'.repeat(20_000)}`],
  ['an endless header', `${first}X-A: ${'y'.repeat(200_000)}`],
  ['an endless path', `GET /v1/${'y'.repeat(200_000)}`],
];

/** What Bun sends in another form, as RFC 9112, section 6.3, allows. */
const accepted = isBinary ? ['the same length twice'] : [];

describe('a malformed request is refused, and reaches nobody:', () => {
  test.each(malformed.filter(([name]) => !accepted.includes(name)))('%s', async (_name, bytes) => {
    const { api, gateway } = await setUp();
    const answer = await exchange(gateway.url, bytes);
    if (answer.length > 0) expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.toString('latin1')).not.toContain('200 ');
    await serves(gateway);
    // A part of a body may have arrived, but never as a whole request, and nothing after it.
    const whole = await Promise.all(
      api.calls.map((call) =>
        call.body().then(
          () => call.path,
          () => '',
        ),
      ),
    );
    expect(whole.filter((each) => each !== '')).toEqual(['/v1/chat/completions']);
    expect(api.bytes().includes('smuggled')).toBe(false);
  });
});

describe('a path', () => {
  test.each([
    '/api/keys',
    '/v1/../api/keys',
    '/v1/./../api/keys',
    '/v1/%2e%2e/api/keys',
    '/v1/%2E%2e/api/keys',
    '/v1/.%2e/api/keys',
    '/v1/%2e./api/keys',
    '/v1/x/..',
    '/v1/x/.',
    '/v1/x/%2e',
    '/v1/..%2fapi/keys',
    '/v1/..%2Fapi/keys',
    '/v1/%2e%2e%2fapi%2fkeys',
    '/v1/..\\api\\keys',
    '/v1/\\..\\..\\api/keys',
    '/v1/..%5capi/keys',
    '/v1/..%5Capi/keys',
    '/v1/x/..;/../../api/keys',
    '/anthropic/v1/../../api/keys',
    '/anthropic/../api/keys',
    '/anthropic/api/keys',
    '//api/keys',
    '/v1',
    '/v1?/../api/keys',
    '/V1/models/x',
    '/v1;/../api/keys',
    '/%76%31/../api/keys',
    'http://127.0.0.1/api/keys',
    'http://127.0.0.1/v1/models',
    'http://api.cheapestinference.com/v1/x',
    'v1/x',
    '*',
    '/',
    '/sandbox/state',
  ])('%s is not sent', async (path) => {
    const { api, gateway } = await setUp();
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE']) {
      const answer = await exchange(gateway.url, requestWith(token, { method, path, body: '' }));
      expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 4(?:00|04) /);
    }
    expect(api.calls).toEqual([]);
    await serves(gateway);
  });

  test.each(['CONNECT'])('with the method %s is not sent', async (method) => {
    const { api, gateway } = await setUp();
    for (const path of ['127.0.0.1:80', '/v1/x', '/api/keys']) {
      const answer = await exchange(gateway.url, requestWith(token, { method, path, body: '' }));
      expect(answer.toString('latin1')).not.toMatch(/ 200 /);
    }
    expect(api.calls).toEqual([]);
    await serves(gateway);
  });

  test('is sent without an upgrade', async () => {
    const { api, gateway } = await setUp();
    const headers = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: eA=='];
    const answer = await exchange(
      gateway.url,
      requestWith(token, { method: 'GET', body: '', headers }).replace(
        'Connection: close',
        'Connection: upgrade, close',
      ),
    );
    expect(parseAnswer(answer).line).toBe('HTTP/1.1 200 Status');
    expect(api.bytes().toString('latin1').toLowerCase()).not.toContain('upgrade');
  });
});

/** An answer without what differs between any two. */
function comparable(answer: Buffer): string {
  return answer.toString('latin1').replace(/Date: [^\r]*/, 'Date:');
}

describe('a wrong token', () => {
  const digits = token.slice(3);
  const guesses = [
    '',
    'g',
    'gw_',
    digits,
    token.slice(0, -1),
    `${token}x`,
    `${token}${token}`,
    token.toLowerCase(),
    `gw_${'x'.repeat(digits.length)}`,
    `${token.slice(0, -1)}x`,
    `x${token.slice(1)}`,
    `${token}\t`.replace('\t', '%'),
    `"${token}"`,
    `${token},${token}`,
    `${token.slice(0, 10)} ${token.slice(10)}`,
    'x'.repeat(10_000),
    '\xfc\xff',
    secretOf(0),
    'undefined',
    'null',
    '*',
  ];

  test('gets the same answer whatever it is', async () => {
    const { api, gateway } = await setUp();
    const none = comparable(await exchange(gateway.url, requestWith('', {}).replace(/Authorization: [^\r]*\r\n/, '')));
    expect(none).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    for (const guess of guesses) {
      const bearer = await exchange(gateway.url, requestWith(guess));
      const key = await exchange(
        gateway.url,
        requestWith('', { headers: [`X-Api-Key: ${guess}`] }).replace(/Authorization: [^\r]*\r\n/, ''),
      );
      expect([guess, comparable(bearer), comparable(key)]).toEqual([guess, none, none]);
    }
    expect(api.calls).toEqual([]);
  });

  test.each([
    '/v1/chat/completions',
    '/anthropic/v1/messages',
    '/v1/models',
    '/metrics',
    '/status',
    '/lease',
    '/api/keys',
    '/',
    '/x',
  ])('opens nothing at %s', async (path) => {
    const { api, gateway } = await setUp();
    for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
      const answer = await exchange(gateway.url, requestWith('gw_wrong', { method, path }));
      expect(parseAnswer(answer, method).line).toBe('HTTP/1.1 401 Unauthorized');
    }
    expect(api.calls).toEqual([]);
  });

  test('is not made right by one in another place', async () => {
    const { api, gateway } = await setUp();
    const places = [
      { path: `/v1/x?api_key=${token}&token=${token}&key=${token}` },
      { headers: [`Cookie: token=${token}`] },
      { headers: [`Proxy-Authorization: Bearer ${token}`] },
      { headers: [`Api-Key: ${token}`, `X-Goog-Api-Key: ${token}`] },
      { body: `{"api_key":"${token}"}` },
    ];
    for (const place of places) {
      const answer = await exchange(gateway.url, requestWith('wrong', place));
      expect(parseAnswer(answer).line).toBe('HTTP/1.1 401 Unauthorized');
    }
    for (const scheme of ['Basic', 'Token', 'Bearer:', '']) {
      const text = requestWith('').replace('Bearer ', `${scheme} ${token}`);
      expect(parseAnswer(await exchange(gateway.url, text)).line).toBe('HTTP/1.1 401 Unauthorized');
    }
    expect(api.calls).toEqual([]);
  });

  test('gets its answer while its body still arrives', async () => {
    const { gateway } = await setUp();
    const client = await dial(gateway.url);
    client.write('POST /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer wrong\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(parseAnswer(await client.closed).line).toBe('HTTP/1.1 401 Unauthorized');
  });
});

describe('keys', () => {
  test.each([
    ['Authorization', [`Authorization: Bearer ${token}`], 'authorization'],
    ['Authorization in lower case', [`authorization: bearer ${token}`], 'authorization'],
    ['X-Api-Key', [`X-Api-Key: ${token}`], 'x-api-key'],
    ['both', [`Authorization: Bearer ${token}`, `x-api-key: ${token}`], 'x-api-key'],
    [
      'X-Api-Key, and another in Authorization',
      ['Authorization: Bearer sk-ant-mine', `x-api-key: ${token}`],
      'x-api-key',
    ],
    [
      'Authorization, and another in X-Api-Key',
      ['x-api-key: sk-ant-mine', `Authorization: Bearer ${token}`],
      'authorization',
    ],
  ])('in %s are replaced', async (_name, headers, name) => {
    const { api, gateway } = await setUp();
    const answer = await exchange(gateway.url, requestWith('', { headers }).replace('Authorization: Bearer \r\n', ''));
    expect(parseAnswer(answer).line).toBe('HTTP/1.1 200 Status');
    const sent = api.bytes().toString('latin1');
    expect([sent.includes(token), sent.includes('sk-ant-mine')]).toEqual([false, false]);
    expect(sent.split(secretOf(0))).toHaveLength(2);
    const [call] = api.calls;
    expect(
      call?.headers.map(([each]) => each.toLowerCase()).filter((each) => /^(?:authorization|x-api-key)$/.test(each)),
    ).toEqual([name]);
  });

  test('are masked in what is reported of a request', async () => {
    const { gateway } = await setUp();
    const body = JSON.stringify({ model: `m ${secretOf(0)}` });
    const other = token.replace('gw_V', 'gw_x');
    await exchange(gateway.url, requestWith(token, { path: `/v1/files/${other}?key=${other}`, method: 'GET' }));
    await exchange(gateway.url, requestWith(token, { path: `/v1/${secretOf(0)}`, body }));
    const [first, second] = await gateway.ended(2);
    expect(first).toMatchObject({ path: `/v1/files/gw_…${token.slice(-4)}` });
    const masked = `sk_pool_…${secretOf(0).slice(-4)}`;
    expect(second).toMatchObject({ path: `/v1/${masked}`, model: `m ${masked}` });
  });

  test.each([`/v1/files/${token}`, `/v1/x?key=${token}`])('are refused in %s', async (path) => {
    const { gateway, api } = await setUp();
    const answer = parseAnswer(await exchange(gateway.url, requestWith(token, { path, method: 'GET' })));
    expect([answer.line, answer.body.toString()]).toEqual([
      'HTTP/1.1 400 Bad Request',
      expect.stringContaining('"code":"token_in_url"'),
    ]);
    expect(api.calls).toEqual([]);
  });

  test('are not sent on in other headers', async () => {
    const { gateway, api } = await setUp();
    const headers = [`Api-Key: ${token}`, `Cookie: a=1; token=${token}`, 'X-Other: 1'];
    await exchange(gateway.url, requestWith(token, { headers }));
    expect(JSON.stringify(api.calls.map((call) => call.headers))).not.toContain(token.slice(3));
    expect(api.calls[0]?.headers).toContainEqual(['X-Other', '1']);
  });

  test('that an API repeats never reach a client', async () => {
    const api = await standIn(async (call) => {
      await call.body();
      const [, authorization = ''] = call.headers.find(([name]) => name === 'Authorization') ?? [];
      const page = `<p>Bad header: ${authorization}</p><pre>${authorization}</pre>`;
      call.write(
        `HTTP/1.1 400 Bad ${authorization}\r\nX-Sent: ${authorization}\r\nContent-Length: ${page.length}\r\n\r\n`,
      );
      for (let at = 0; at < page.length; at += 10) call.write(page.slice(at, at + 10));
    });
    const gateway = await startGateway(api.url);
    const answer = parseAnswer(await exchange(gateway.url, requestWith(token)));
    const masked = `Bearer ${'*'.repeat(secretOf(0).length)}`;
    expect([answer.line, answer.headers.find(([name]) => name === 'X-Sent')?.[1], answer.body.toString()]).toEqual([
      `HTTP/1.1 400 Bad ${masked}`,
      masked,
      `<p>Bad header: ${masked}</p><pre>${masked}</pre>`,
    ]);
  });

  test('never reach a client, nor the token the API', async () => {
    const behaviors = [200, 400, 401, 403, 404, 429, 500, 503];
    let count = 0;
    const api = await standIn(
      async (call) => {
        await call.body();
        const status = behaviors[count++ % behaviors.length] ?? 200;
        if (count % 11 === 0) call.socket.resetAndDestroy();
        else call.answer(status, `{"error":{"message":"status ${status}"}}`, status === 429 ? ['Retry-After: 0'] : []);
      },
      { records: true },
    );
    const gateway = await startGateway(api.url, { seats: 4 });
    const paths = [
      '/v1/chat/completions',
      '/anthropic/v1/messages',
      '/v1/models',
      '/v1/models/m',
      '/metrics',
      '/status',
      '/healthz',
      '/x',
    ];
    const got: Buffer[] = [];
    const requests = Array.from({ length: 10 }, () => paths)
      .flat()
      .flatMap((path) =>
        ['GET', 'POST'].map((method) => requestWith(token, { method, path, headers: ['X-Client: me'] })),
      );
    let open = requests.length;
    const answers = requests.map(async (request) => {
      got.push(await exchange(gateway.url, request));
      open--;
    });
    // Brings seats back that were set aside.
    while (open > 0) {
      await gateway.advance(3_600_000);
      await exchange(gateway.url, requestWith(token, { method: 'GET', path: '/healthz' }));
    }
    await Promise.all(answers);
    const all = Buffer.concat(got);
    expect(all.includes('sk_pool_')).toBe(false);
    expect(JSON.stringify(gateway.records)).not.toMatch(/sk_pool_|gw_/);
    expect(api.calls.length).toBeGreaterThan(50);
    expect(api.bytes().includes('gw_')).toBe(false);
  });
});

describe('connections', () => {
  test('that are slow, silent or endless hold up nobody', async () => {
    const { api, gateway } = await setUp();
    const slow: RawClient[] = [];
    for (let count = 0; count < 50; count++) {
      slow.push(await dial(gateway.url), await dial(gateway.url), await dial(gateway.url));
      slow.at(-1)?.write('POST /v1/x HTTP/1.1\r\nHo');
      // The body isn't needed to refuse it.
      slow.at(-2)?.write('POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{');
    }
    for (let round = 0; round < 20; round++) {
      for (const client of slow) if (!client.socket.destroyed) client.write('x');
      await serves(gateway);
    }
    expect(api.calls).toHaveLength(20);
  });

  test('that wait with half of the model hold no seat', async () => {
    const { gateway } = await setUp();
    for (let count = 0; count < 50; count++) {
      const client = await dial(gateway.url);
      client.write(`${first}Content-Length: 1000\r\n\r\n{"mod`);
    }
    await serves(gateway);
  });

  test('with several requests at once get their answers in order', async () => {
    const api = await standIn(async (call) => call.answer(200, (await call.body()).toString()));
    for (const seats of [1, 4]) {
      const gateway = await startGateway(api.url, { seats });
      const client = await dial(gateway.url);
      const bodies = Array.from({ length: 30 }, (_, index) => `{"model":"m","n":${index}}`);
      const texts = bodies.map((body) => requestWith(token, { body }).replace('Connection: close\r\n', ''));
      client.write(texts.join('') + requestWith('wrong', { body: '' }));
      let rest = await client.closed;
      for (const body of bodies) {
        const answer = parseAnswer(rest);
        expect(answer.body.toString()).toBe(body);
        rest = answer.rest;
      }
      expect(parseAnswer(rest).line).toBe('HTTP/1.1 401 Unauthorized');
    }
  });

  test('in a number of 10,000 hold up nobody', async () => {
    const { gateway } = await setUp();
    // The other ends are in another process, which has the same limit.
    const count = Math.min(10_000, openFileLimit() - 2000);
    const script = `
      const net = require('node:net');
      const [port, count] = process.argv.slice(1).map(Number);
      let open = 0;
      const next = (each) => {
        if (each >= count) return;
        const socket = net.connect(port, '127.0.0.1', () => {
          if (each % 3 === 0) socket.write('POST /v1/x HTTP/1.1\\r\\nHost: h\\r\\n');
          if (each % 3 === 1) socket.write('GET /v1/x HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n');
          if (++open === count) console.log('open');
          next(each + 100);
        });
        socket.on('error', (error) => console.log(error.message));
      };
      for (let each = 0; each < 100; each++) next(each);
      process.stdin.resume().on('end', () => process.exit());
    `;
    const child = spawn(process.execPath, ['-e', script, new URL(gateway.url).port, String(count)]);
    const gone = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    expect(line).toBe('open');
    for (let round = 0; round < 10; round++) await serves(gateway);
    child.stdin.end();
    await gone;
    await serves(gateway);
  });
});

/** Returns how many files a process can open. */
function openFileLimit(): number {
  const report: { userLimits?: { open_files?: { soft?: number | string } } } = JSON.parse(
    JSON.stringify(process.report.getReport()),
  );
  const limit = Number(report.userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}
