import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { parseBaseUrl } from '../../src/api/base-url.ts';
import type { KeyKind } from '../../src/api/client.ts';
import {
  always,
  answer,
  clientOf,
  consumptionKey,
  failure,
  failureFields,
  managementKey,
  serve,
  serveSockets,
} from '../support/http-server.ts';
import { reservedPort } from '../support/ports.ts';
import { realTime } from '../support/world.ts';

const anything = z.unknown();
const unread = { retryable: false, code: 'unexpected_response', exitCode: 1, outcome: undefined };
const unknown = { retryable: false, code: 'outcome_unknown', exitCode: 10, outcome: 'unknown' };

/** Counts the requests that arrive on the sockets of a server, and does the same with each. */
async function faulty(fault: (socket: Socket) => void) {
  let requests = 0;
  const server = await serveSockets((socket) => {
    socket.on('data', (chunk) => {
      if (!/^(?:GET|POST|DELETE) \S+ HTTP\/1\.1\r\n/.test(chunk.toString('latin1'))) return;
      requests++;
      fault(socket);
    });
  });
  return { url: server.url, requests: () => requests };
}

function attempts(trace: readonly string[]): number {
  return trace.filter((line) => line.startsWith('> ')).length;
}

describe('a request', () => {
  test('has the method, the path, the headers and the key', async () => {
    const server = await serve(always({ success: true, data: 1 }));
    const { client } = clientOf(server.url);
    expect(await client.read('/api/x?y=1', anything)).toBe(1);
    const [request] = server.received;
    expect(request).toMatchObject({ method: 'GET', path: '/api/x?y=1', body: '' });
    expect(request?.headers).toEqual({
      host: server.url.host,
      connection: 'keep-alive',
      accept: 'application/json',
      'user-agent': 'cheapestinference-cli/1.2.3 (test)',
      authorization: `Bearer ${managementKey}`,
    });
  });

  test.each<[KeyKind, string | undefined]>([
    ['management', `Bearer ${managementKey}`],
    ['if-present', `Bearer ${managementKey}`],
    ['consumption', `Bearer ${consumptionKey}`],
    ['none', undefined],
  ])('with a key of the kind "%s" has the Authorization %s', async (key, authorization) => {
    const server = await serve(always(1));
    const { client } = clientOf(server.url);
    await client.read('/', anything, { key });
    await client.change('POST', '/', anything, {}, key);
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([authorization, authorization]);
  });

  test("has no key if none is required, and isn't sent if one is required", async () => {
    const server = await serve(always(1));
    const { client } = clientOf(server.url, { managementKey: undefined, consumptionKey: undefined });
    await client.read('/', anything, { key: 'if-present' });
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(await failureFields(client.read('/', anything))).toMatchObject({ code: 'not_signed_in', exitCode: 4 });
    expect(await failureFields(client.change('DELETE', '/', anything))).toMatchObject({ code: 'not_signed_in' });
    expect(await failureFields(client.read('/', anything, { key: 'consumption' }))).toMatchObject({
      code: 'not_signed_in',
    });
    expect(() => client.requireSignedIn()).toThrow(expect.objectContaining({ code: 'not_signed_in', exitCode: 4 }));
    expect(server.received).toHaveLength(1);
  });

  test('has a UTF-8 body, and its response is decoded across chunks', async () => {
    const server = await serve((response, { body }) => {
      const bytes = Buffer.from(body);
      const cut = bytes.indexOf(0xf0) + 2; // within a character
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(bytes.subarray(0, cut), () => response.end(bytes.subarray(cut)));
    });
    const { client } = clientOf(server.url);
    const body = { name: 'größe 世界 🔑 \u0000 \u2028' };
    expect(await client.change('POST', '/', anything, body)).toEqual(body);
    expect(server.received[0]?.headers['content-length']).toBe(String(Buffer.byteLength(JSON.stringify(body))));
  });

  test('is sent as the user typed it, and returns the response unchanged', async () => {
    const server = await serve((response) => response.writeHead(201, { 'x-a': 'b' }).end('not json'));
    const { client } = clientOf(server.url);
    const got = await client.raw({ method: 'PUT', path: '/api/y?a=b%20c', body: '{"a":1}', key: 'none' });
    expect([got.status, got.headers['x-a'], got.body]).toEqual([201, 'b', 'not json']);
    expect(server.received).toMatchObject([{ method: 'PUT', path: '/api/y?a=b%20c', body: '{"a":1}' }]);
    expect(await client.raw({ method: 'HEAD', path: '/', key: 'none' })).toMatchObject({ status: 201, body: '' });
  });

  test.each(['//evil.test/api', '/\\evil.test/', 'https://evil.test/', '//', 'https://['])(
    'never goes to another host: refuses %j as a path',
    async (path) => {
      const server = await serve(always(1));
      const { client } = clientOf(server.url);
      expect(await failureFields(client.raw({ method: 'GET', path, key: 'management' }))).toMatchObject({
        code: 'usage',
        message: `"${path}" is not a valid API path`,
      });
      expect(server.received).toEqual([]);
    },
  );
});

test('skips informational responses', async () => {
  const server = await serve((response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    answer(response, { a: 1 });
  });
  expect(await clientOf(server.url).client.read('/', anything)).toEqual({ a: 1 });
});

test("reads the server's clock from its responses", async () => {
  const ahead = new Date(Date.now() + 86_400_000).toUTCString();
  const server = await serve(always(1, 200, { date: ahead }));
  const { client } = clientOf(server.url);
  expect(client.clockOffset).toBe(0);
  await client.read('/', anything);
  expect(Math.abs(client.clockOffset - 86_400_000)).toBeLessThan(60_000);
});

test('traces every exchange without a key', async () => {
  const server = await serve((response, _request, count) =>
    count === 1 ? answer(response, '', 503, { 'retry-after': '0' }) : answer(response, { a: 1 }),
  );
  const { client, trace } = clientOf(server.url);
  await client.read('/api/x', anything);
  expect(trace.map((line) => line.replace(/\d+ ms/, 'N ms'))).toEqual([
    `> GET ${server.url.origin}/api/x`,
    '< 503 2 bytes, N ms',
    '* The API returned 503 Service Unavailable; retrying in N ms',
    `> GET ${server.url.origin}/api/x (attempt 2)`,
    '< 200 7 bytes, N ms',
  ]);
});

describe("a request that can't be sent", () => {
  test.each([
    ['a read', 'GET', undefined],
    ['a change', 'POST', 'not_applied'],
  ] as const)('is retried twice if the connection is refused: %s', async (_what, method, outcome) => {
    const { client, trace } = clientOf(new URL(`http://127.0.0.1:${await reservedPort()}`));
    const host = trace.length;
    const error = await failure(client.raw({ method, path: '/', key: 'management' }));
    expect(error).toMatchObject({ code: 'unreachable', exitCode: 9, outcome, retryable: true });
    expect(error.message).toMatch(/^Can't reach 127\.0\.0\.1:\d+: the connection was refused$/);
    expect(error.hint).toMatch(/^Check your network/);
    expect(attempts(trace) - host).toBe(3);
  });

  test('is unreachable if the host has no address, and a change is not applied', async () => {
    const { client, trace } = clientOf(new URL('https://nonexistent.invalid'));
    const error = await failure(client.change('POST', '/', anything, {}));
    expect(error).toMatchObject({ code: 'unreachable', exitCode: 9, outcome: 'not_applied', retryable: true });
    expect(error.message).toMatch(/^Can't reach nonexistent\.invalid: the host name (?:was not found|could not)/);
    expect(attempts(trace)).toBe(3);
  });

  test('times out if there is no connection, and a change is not applied', async () => {
    const silent = await serveSockets(() => {});
    const { client } = clientOf(new URL(`https://127.0.0.1:${silent.port}`), { timeout: 300 });
    expect(await failure(client.change('POST', '/', anything, {}))).toMatchObject({
      code: 'timeout',
      exitCode: 9,
      outcome: 'not_applied',
      hint: 'Try again, or allow more time with --timeout 2m.',
    });
  });
});

const faults: [string, (socket: Socket) => void, string][] = [
  ['a reset before the response', (socket) => socket.resetAndDestroy(), 'unreachable'],
  ['an end before the response', (socket) => socket.end(), 'unreachable'],
  [
    'a reset within the body',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"success":true,', () => socket.resetAndDestroy());
    },
    'unreachable',
  ],
  [
    'half a response',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"success":true,"data":{}}'),
    'unreachable',
  ],
  [
    'half a chunked response',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1a\r\n{"success":true,"data":{}}\r\n'),
    'unreachable',
  ],
  ['something other than HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'), 'unreachable'],
];

describe.each(faults)('a request whose response is %s', (_what, fault, code) => {
  test('is sent three times if it reads', async () => {
    const server = await faulty(fault);
    const { client } = clientOf(server.url);
    const error = await failure(client.read('/', anything));
    expect(error).toMatchObject({ code, exitCode: 9, outcome: undefined, retryable: true });
    expect(error.message).toMatch(/^No response from 127\.0\.0\.1:\d+: /);
    expect(server.requests()).toBe(3);
  });

  test.each(['POST', 'DELETE'] as const)(
    'is sent once if it changes something (%s), with an unknown outcome',
    async (method) => {
      const server = await faulty(fault);
      const { client } = clientOf(server.url);
      expect(await failure(client.change(method, '/', anything, {}))).toMatchObject(unknown);
      expect(server.requests()).toBe(1);
    },
  );
});

test('succeeds after two failed reads', async () => {
  let requests = 0;
  const server = await faulty((socket) => {
    if (++requests < 3) socket.resetAndDestroy();
    else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}');
  });
  expect(await clientOf(server.url).client.read('/', anything)).toEqual({ a: 1 });
  expect(requests).toBe(3);
});

describe.each([
  ['cut JSON', '{"success":true,"data":{"id"', 'The response to GET / is not valid JSON'],
  ['a web page', ' <!doctype html><html></html>', 'The response to GET / is a web page, not JSON'],
  ['an empty body', '', 'The response to GET / has an unexpected format ('],
  ['another format', '{"success":true,"data":{"b":1}}', 'The response to GET / has an unexpected format (a: '],
])('a request whose response with 200 is %s', (_what, body, message) => {
  const schema = z.looseObject({ a: z.number() });

  test('is sent once if it reads', async () => {
    const server = await serve((response) => response.writeHead(200, { 'content-length': body.length }).end(body));
    const error = await failure(clientOf(server.url).client.read('/', schema));
    expect(error).toMatchObject({ ...unread, status: 200, hint: 'Check the API URL and the proxy settings.' });
    expect(error.message.startsWith(message)).toBe(true);
    expect(error.message).not.toContain('<');
    expect(server.received).toHaveLength(1);
  });

  test('is sent once if it changes something, with an unknown outcome', async () => {
    const server = await serve((response) => response.writeHead(200).end(body));
    expect(await failure(clientOf(server.url).client.change('POST', '/', schema, {}))).toMatchObject({
      ...unknown,
      status: 200,
    });
    expect(server.received).toHaveLength(1);
  });
});

describe('a request without a response in time', () => {
  const late: [string, (response: ServerResponse) => void][] = [
    ['nothing arrives', () => {}],
    ['only the head arrives', (response) => response.writeHead(200).flushHeaders()],
    [
      'it arrives byte by byte',
      (response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ];

  test.each(late)('times out after one attempt if it reads: %s', async (_how, handler) => {
    const server = await serve(handler);
    const { client, trace } = clientOf(server.url, { timeout: 4000 });
    const error = await failure(client.read('/', anything));
    expect(error).toMatchObject({ code: 'timeout', exitCode: 9, outcome: undefined, retryable: true });
    expect(error.message).toMatch(/^No response from 127\.0\.0\.1:\d+: timed out after 4 seconds$/);
    expect(attempts(trace)).toBe(1);
  });

  test.each(late)('has an unknown outcome if it changes something: %s', async (_how, handler) => {
    const server = await serve(handler);
    const { client } = clientOf(server.url, { timeout: 4000 });
    expect(await failure(client.change('POST', '/', anything, {}))).toMatchObject(unknown);
    expect(server.received).toHaveLength(1);
  });

  test('accepts a timeout of any length', async () => {
    const server = await serve((response) => setTimeout(() => answer(response, 1), 50));
    const { client } = clientOf(server.url, { timeout: 30 * 86_400_000 });
    expect(await client.read('/', anything)).toBe(1);
  });
});

describe('a server that fails', () => {
  const page = '<html><body>502 Bad Gateway</body></html>';

  test.each([
    [500, '{"error":"oops"}', 'oops', 'server_error', 1],
    [502, page, 'The API returned 502 Bad Gateway', 'server_error', 1],
    [503, '', 'The API returned 503 Service Unavailable', 'server_error', 1],
    [504, 'upstream timed out', 'upstream timed out', 'server_error', 1],
    [408, '', 'The API returned 408 Request Timeout', 'invalid_request', 1],
    [429, '{"message":"slow down"}', 'slow down', 'rate_limited', 7],
  ])('with %i gets a read three times', async (status, body, message, code, exitCode) => {
    const server = await serve((response) => response.writeHead(status, { 'retry-after': '0' }).end(body));
    expect(await failureFields(clientOf(server.url).client.read('/', anything))).toEqual({
      code,
      exitCode,
      outcome: undefined,
      status,
      retryable: true,
      message,
    });
    expect(server.received).toHaveLength(3);
  });

  test.each([500, 502, 503, 504, 501, 520])('with %i gets a change once, with an unknown outcome', async (status) => {
    const server = await serve((response) => response.writeHead(status, { 'retry-after': '0' }).end(page));
    expect(await failure(clientOf(server.url).client.change('POST', '/', anything, {}))).toMatchObject({
      ...unknown,
      status,
      hint: undefined,
    });
    expect(server.received).toHaveLength(1);
  });

  test.each([400, 401, 402, 403, 404, 409, 410, 422, 425, 429])(
    'with %i gets a change once, and refuses it',
    async (status) => {
      const server = await serve(always({ error: 'no' }, status, { 'retry-after': '0' }));
      expect(await failure(clientOf(server.url).client.change('POST', '/', anything, {}))).toMatchObject({
        outcome: 'not_applied',
        status,
        message: 'no',
      });
      expect(server.received).toHaveLength(1);
    },
  );

  test.each([408, 499])(
    'with %i leaves the outcome of a change unknown, because a proxy stopped waiting',
    async (status) => {
      const server = await serve(always({ error: 'no' }, status));
      expect(await failure(clientOf(server.url).client.change('POST', '/', anything, {}))).toMatchObject(unknown);
      expect(server.received).toHaveLength(1);
    },
  );

  test.each([400, 401, 404, 409, 501])('with %i gets a read once', async (status) => {
    const server = await serve(always({}, status));
    expect(await failure(clientOf(server.url).client.read('/', anything))).toMatchObject({ status, retryable: false });
    expect(server.received).toHaveLength(1);
  });

  test("gets a read again after a pause if it doesn't say how long to wait", async () => {
    const server = await serve((response, _request, count) => answer(response, { count }, count < 3 ? 503 : 200));
    const { client, trace } = clientOf(server.url);
    expect(await client.read('/', anything)).toEqual({ count: 3 });
    const waits = trace.flatMap((line) => /retrying in (\d+) ms/.exec(line)?.[1] ?? []).map(Number);
    expect(waits).toHaveLength(2);
    expect([waits[0], waits[1]].map((wait = 0, at) => wait >= 150 * 2 ** at && wait <= 300 * 2 ** at)).toEqual([
      true,
      true,
    ]);
  });

  test('can report a failure with status 200', async () => {
    const server = await serve(always({ success: false, error: 'Sold out' }));
    const { client } = clientOf(server.url);
    expect(await failureFields(client.read('/', anything))).toMatchObject({
      code: 'server_error',
      message: 'Sold out',
      status: 200,
    });
    expect(await failureFields(client.change('POST', '/', anything, {}))).toMatchObject({
      code: 'server_error',
      outcome: 'not_applied',
      message: 'Sold out',
    });
    expect(server.received).toHaveLength(2);
  });
});

describe('a change that is refused with 429', () => {
  test('is not sent again, because only the account can tell its outcome', async () => {
    const server = await serve(always({}, 429, { 'retry-after': '2' }));
    expect(await failure(clientOf(server.url).client.change('POST', '/', anything, {}))).toMatchObject({
      code: 'rate_limited',
      exitCode: 7,
      outcome: 'not_applied',
      retryable: true,
      retryAfter: 2000,
      hint: 'Try again in 2 seconds.',
    });
    expect(server.received).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  test('is waited for', async () => {
    const times: number[] = [];
    const server = await serve((response, _request, count) => {
      times.push(performance.now());
      answer(response, count, count === 1 ? 503 : 200, { 'retry-after': '1' });
    });
    const { client, trace } = clientOf(server.url, realTime);
    expect(await client.read('/', anything)).toBe(2);
    expect(trace.filter((line) => line.endsWith('retrying in 1000 ms'))).toHaveLength(1);
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThan(950);
  });

  test.each(['GET', 'POST'] as const)(
    'ends a %s immediately if it exceeds the timeout, and is reported',
    async (method) => {
      const server = await serve(always({}, 429, { 'retry-after': '3600' }));
      const error = await failure(clientOf(server.url).client.raw({ method, path: '/', key: 'management' }));
      expect([error.code, error.hint]).toEqual(['rate_limited', 'Try again in 1 hour.']);
      expect(server.received).toHaveLength(1);
    },
  );

  test("as a date is measured by the server's clock", async () => {
    const server = await serve(
      always({}, 503, { date: 'Mon, 01 Jan 2035 00:00:00 GMT', 'retry-after': 'Mon, 01 Jan 2035 05:00:00 GMT' }),
    );
    expect((await failure(clientOf(server.url).client.read('/', anything))).hint).toBe('Try again in 5 hours.');
    expect(server.received).toHaveLength(1);
  });

  test('in the past means no wait', async () => {
    const server = await serve((response, _request, count) =>
      answer(response, count, count < 3 ? 503 : 200, { 'retry-after': 'Sat, 01 Jan 2000 00:00:00 GMT' }),
    );
    expect(await clientOf(server.url).client.read('/', anything)).toBe(3);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    'with %i to the same host is followed by a read, with the key',
    async (status) => {
      const server = await serve((response, { path }) =>
        path === '/a' ? response.writeHead(status, { location: '/b?c=1' }).end() : answer(response, { path }),
      );
      expect(await clientOf(server.url).client.read('/a', anything)).toEqual({ path: '/b?c=1' });
      expect(server.received.map(({ headers }) => headers.authorization)).toEqual([
        `Bearer ${managementKey}`,
        `Bearer ${managementKey}`,
      ]);
    },
  );

  test('to another port is followed without the key', async () => {
    const other = await serve(always({ a: 1 }));
    const server = await serve((response) => response.writeHead(302, { location: `${other.url.href}x` }).end());
    expect(await clientOf(server.url).client.read('/', anything)).toEqual({ a: 1 });
    expect(other.received).toMatchObject([{ path: '/x' }]);
    expect(other.received[0]?.headers.authorization).toBeUndefined();
  });

  test('to another name of this machine is followed without the key', async () => {
    const server = await serve((response, { headers }) =>
      headers.host?.startsWith('localhost')
        ? answer(response, { a: 1 })
        : response.writeHead(307, { location: `http://localhost:${server.url.port}/` }).end(),
    );
    expect(await clientOf(server.url).client.read('/', anything)).toEqual({ a: 1 });
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${managementKey}`, undefined]);
  });

  test.each([
    ['http://203.0.113.7/', 'http://203.0.113.7/'],
    ['ftp://127.0.0.1/', 'ftp://127.0.0.1/'],
    ['http://[', 'http://['],
  ])('to %s is refused', async (location) => {
    const server = await serve((response) => response.writeHead(302, { location }).end());
    const { client, trace } = clientOf(server.url);
    expect(await failure(client.read('/', anything))).toMatchObject({
      ...unread,
      status: 302,
      message: `The API returned 302 Found, a redirect to ${location}`,
      hint: 'Check the API URL with `ci auth status`.',
    });
    expect(attempts(trace)).toBe(1);
  });

  test('without a location is an error', async () => {
    const server = await serve((response) => response.writeHead(304).end());
    expect(await failure(clientOf(server.url).client.read('/', anything))).toMatchObject({
      ...unread,
      message: 'The API returned 304 Not Modified',
    });
  });

  test('in a loop is followed five times', async () => {
    const server = await serve((response) => response.writeHead(302, { location: '/' }).end());
    expect(await failure(clientOf(server.url).client.read('/', anything))).toMatchObject({ ...unread, status: 302 });
    expect(server.received).toHaveLength(6);
  });

  test.each([301, 302, 303, 307, 308])(
    'with %i is not followed by a change, whose outcome is unknown',
    async (status) => {
      const other = await serve(always({}));
      const server = await serve((response) => response.writeHead(status, { location: other.url.href }).end());
      expect(await failure(clientOf(server.url).client.change('POST', '/', anything, {}))).toMatchObject({
        ...unknown,
        status,
      });
      expect([server.received.length, other.received.length]).toEqual([1, 0]);
    },
  );
});

describe('an interrupt', () => {
  test("prevents a request that hasn't been sent", async () => {
    const server = await serve(always(1));
    const { client, interrupt } = clientOf(server.url);
    interrupt.abort();
    expect(await failureFields(client.change('POST', '/', anything, {}))).toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      outcome: 'not_applied',
    });
    expect(server.received).toEqual([]);
  });

  test.each([
    ['GET', undefined],
    ['POST', 'unknown'],
  ] as const)('of a %s in progress leaves its outcome %s', async (method, outcome) => {
    const server = await serve(() => interrupt.abort());
    const { client, interrupt } = clientOf(server.url);
    expect(await failureFields(client.raw({ method, path: '/', key: 'management' }))).toEqual({
      code: 'interrupted',
      exitCode: 130,
      outcome,
      status: undefined,
      retryable: false,
      message: 'Interrupted',
    });
    expect(server.received).toHaveLength(1);
  });

  test('while connecting means that a change is not applied', async () => {
    const silent = await serveSockets(() => interrupt.abort());
    const { client, interrupt } = clientOf(new URL(`https://127.0.0.1:${silent.port}`));
    expect(await failureFields(client.change('POST', '/', anything, {}))).toMatchObject({
      code: 'interrupted',
      outcome: 'not_applied',
    });
  });

  test('between two attempts ends a read', async () => {
    const server = await serve(always({}, 503, { 'retry-after': '15' }));
    const { client, interrupt } = clientOf(server.url, {
      trace: async (line) => {
        if (!line.includes('; retrying in ')) return;
        await setImmediate();
        interrupt.abort();
      },
    });
    expect(await failureFields(client.raw({ method: 'GET', path: '/', key: 'management' }))).toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      outcome: undefined,
      message: 'Interrupted',
    });
    expect(server.received).toHaveLength(1);
  });

  test('lets a change that was sent finish', async () => {
    const server = await serve((response) => {
      interrupt.abort();
      queueMicrotask(() => answer(response, 'done'));
    });
    const graceTimes: number[] = [];
    const { client, interrupt } = clientOf(server.url, { onGrace: (milliseconds) => graceTimes.push(milliseconds) });
    expect(await client.change('POST', '/', anything, {})).toBe('done');
    expect(graceTimes).toEqual([10_000]);
  });
});

test('sends a change once if the server closes the connection at that moment', async () => {
  const requests: string[] = [];
  const server = await serveSockets((socket) => {
    socket.on('data', (chunk) => {
      requests.push(chunk.toString('latin1').split(' ', 1)[0] ?? '');
      if (requests.at(-1) === 'GET') socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1');
      else socket.destroy();
    });
  });
  const { client } = clientOf(server.url);
  expect(await client.read('/', anything)).toBe(1);
  expect(await failure(client.change('DELETE', '/', anything))).toMatchObject(unknown);
  expect(requests).toEqual(['GET', 'DELETE']);
});

describe('parseBaseUrl', () => {
  test.each([
    ['https://api.cheapestinference.com', 'https://api.cheapestinference.com/'],
    ['HTTPS://API.Example.com:8443/', 'https://api.example.com:8443/'],
    ['https://host:443', 'https://host/'],
    ['http://127.0.0.1:8787', 'http://127.0.0.1:8787/'],
    ['http://127.1.2.3', 'http://127.1.2.3/'],
    ['http://localhost:1', 'http://localhost:1/'],
    ['http://[::1]:1', 'http://[::1]:1/'],
    ['https://host?', 'https://host/'],
  ])('accepts %s', (text, href) => {
    expect(parseBaseUrl(text).href).toBe(href);
  });

  test.each([
    ['', '"" is not a valid API URL'],
    ['api.cheapestinference.com', '"api.cheapestinference.com" is not a valid API URL'],
    ['localhost:8787', '"localhost:8787" is not a valid API URL'],
    ['ftp://host', '"ftp://host" is not a valid API URL'],
    ['file:///etc/passwd', '"file:///etc/passwd" is not a valid API URL'],
    ['https://', '"https://" is not a valid API URL'],
    [
      'http://api.cheapestinference.com',
      '"http://api.cheapestinference.com" uses plain http, which would send your key unencrypted',
    ],
    [
      'http://localhost.evil.test',
      '"http://localhost.evil.test" uses plain http, which would send your key unencrypted',
    ],
    [
      'http://127.0.0.1.evil.test',
      '"http://127.0.0.1.evil.test" uses plain http, which would send your key unencrypted',
    ],
    ['http://0.0.0.0', '"http://0.0.0.0" uses plain http, which would send your key unencrypted'],
    ['https://user@host', "The API URL can't contain a user name or a password"],
    ['http://user:secret@host', "The API URL can't contain a user name or a password"],
    ['https://host/v1', `"https://host/v1" can't have a path or a query`],
    ['https://host/?a=1', `"https://host/?a=1" can't have a path or a query`],
    ['https://host/#a', `"https://host/#a" can't have a path or a query`],
  ])('refuses %j', (text, message) => {
    expect(() => parseBaseUrl(text)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message,
        hint: message.includes('a path')
          ? 'Use https://host, without /v1 or /api.'
          : 'Use a URL such as https://host. Plain http is allowed only for this machine, such as http://127.0.0.1:8787.',
      }),
    );
  });
});

test('prints no warning for a timeout longer than a timer can wait', async () => {
  const warned = vi.spyOn(process, 'emitWarning');
  const server = await serve(always(1));
  await clientOf(server.url, { timeout: 2 ** 40 }).client.read('/', anything);
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});
