import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { secretOf, startGateway, token } from '../support/gateway.ts';
import { isBinary } from '../support/program.ts';
import { type Call, dial, exchange, parseAnswer, type RawClient, standIn } from '../support/raw-http.ts';

/** The headers that aren't passed on, because they are about a connection, or that differ on purpose. */
const differing = ['host', 'authorization', 'connection', 'keep-alive', 'transfer-encoding', 'trailer'];
/** What the length of a body is called depends on how it arrives. */
const framing = [...differing, 'content-length'];

type Headers = readonly (readonly [name: string, value: string])[];

function without(headers: Headers, names: readonly string[]): Headers {
  return headers.filter(([name]) => !names.includes(name.toLowerCase()) && !/^x-gateway-/i.test(name));
}

function latin1(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((each) => (typeof each === 'string' ? Buffer.from(each, 'latin1') : each)));
}

const json = '{"model":"m","messages":[{"role":"user","content":"h\u00e9llo"}]}';
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

/** Returns a request with a body and its length. */
function withLength(head: string, body: string | Buffer): readonly (string | Buffer)[] {
  return [`${head}\r\nContent-Length: ${latin1(body).length}\r\n\r\n`, body];
}

/** Requests without the host and the key, which are added after the first line. */
const requests: readonly (readonly [name: string, parts: readonly (string | Buffer)[]])[] = [
  ['a path with odd escapes', ['GET /v1/files/%41%2Fb/~a/;p=1/%zz/%C3%BC/,@:&=+$! HTTP/1.1\r\n\r\n']],
  ['a path with empty segments', ['GET /v1//files///x/ HTTP/1.1\r\n\r\n']],
  ['a path with dots in its names', ['GET /v1/files/...a/..b/c../.d/%2e%2e%2e HTTP/1.1\r\n\r\n']],
  [
    'a query with odd escapes',
    ['GET /v1/files?a=%2F%zz&b=%20+&&c==&d=[]{}|^"<>`\'&e=%C3%BC&../../api HTTP/1.1\r\n\r\n'],
  ],
  ['an empty query', ['GET /v1/files? HTTP/1.1\r\n\r\n']],
  ['a long query', [`GET /v1/files?${'x'.repeat(8000)} HTTP/1.1\r\n\r\n`]],
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH'].map(
    (method) => [`the method ${method}`, [`${method} /v1/x HTTP/1.1\r\n\r\n`]] as const,
  ),
  ['a body with DELETE', withLength('DELETE /v1/x HTTP/1.1', json)],
  ['a body with GET', withLength('GET /v1/x HTTP/1.1', json)],
  [
    'headers in any case and order, and repeated ones',
    withLength(
      'POST /v1/x HTTP/1.1\r\nX-ONE: 1\r\nx-two: 2\r\nx-One: 3\r\nCookie: a=b\r\nUser-Agent:\r\ncookie: c=d\r\nACCEPT: */*\r\naccept: text/html\r\nAnthropic-Version: 2023-06-01',
      json,
    ),
  ],
  ['headers with bytes above 127', ['GET /v1/x HTTP/1.1\r\nX-Text: \xe9\xff\x80 \xc3\xbc\r\n\r\n']],
  ['headers with spaces inside', ['GET /v1/x HTTP/1.1\r\nX-Text:   a \t b  c   \r\nX-Empty: \r\n\r\n']],
  ['a long header', [`GET /v1/x HTTP/1.1\r\nX-Long: ${'y'.repeat(12_000)}\r\n\r\n`]],
  ['a conditional request', ['GET /v1/x HTTP/1.1\r\nIf-None-Match: "a", W/"b"\r\nRange: bytes=0-1\r\n\r\n']],
  ['a body of every byte', withLength('POST /v1/files HTTP/1.1\r\nContent-Type: application/octet-stream', everyByte)],
  ['an empty body', withLength('POST /v1/x HTTP/1.1', '')],
  ['no body', ['POST /v1/x HTTP/1.1\r\n\r\n']],
  ['JSON that is not valid', withLength('POST /v1/x HTTP/1.1', '{"model":"m"')],
  ['JSON with a byte order mark', withLength('POST /v1/x HTTP/1.1', latin1('\xef\xbb\xbf', json))],
  [
    'a body in chunks',
    [
      'POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
      `1;a=b\r\n{\r\n${(json.length - 1).toString(16)}\r\n${json.slice(1)}\r\n0\r\n\r\n`,
    ],
  ],
  ['an empty body in chunks', ['POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n']],
  ['a body with gzip', withLength('POST /v1/x HTTP/1.1\r\nContent-Encoding: gzip', gzipSync(json))],
];

describe('a request arrives as it was sent:', () => {
  test.each(requests)('%s', async (_name, parts) => {
    const api = await standIn(async (call) => {
      await call.body();
      call.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      call.socket.end();
    });
    const gateway = await startGateway(api.url);
    const [first = '', ...others] = parts;
    const send = (url: string, key: string) =>
      exchange(
        url,
        latin1(
          first
            .toString('latin1')
            .replace('\r\n', `\r\nHost: h\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n`),
          ...others,
        ),
      );
    const direct = parseAnswer(await send(api.url, secretOf(0)));
    const through = parseAnswer(await send(gateway.url, token));
    expect([through.line, through.body.toString()]).toEqual([direct.line, direct.body.toString()]);
    const [wanted, got] = api.calls;
    if (!wanted || !got || api.calls.length !== 2) throw new Error(`${api.calls.length} requests arrived`);
    expect([got.method, got.path, got.secret]).toEqual([wanted.method, wanted.path, wanted.secret]);
    expect(without(got.headers, framing)).toEqual(without(wanted.headers, framing));
    expect((await got.body()).equals(await wanted.body())).toBe(true);
    const lengths = got.headers.filter(([name]) => name.toLowerCase() === 'content-length');
    if (lengths.length > 0) expect(lengths).toEqual([['content-length', String((await got.body()).length)]]);
  });

  test('not with headers that are about the connection', async () => {
    const api = await standIn((call) => call.answer(200, ''));
    const gateway = await startGateway(api.url);
    await exchange(
      gateway.url,
      `GET /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nConnection: close, X-Mine\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Mine: 1\r\nX-Other: 2\r\n\r\n`,
    );
    const names = api.calls.map(({ headers }) => headers.map(([name, value]) => `${name}: ${value}`));
    expect(names).toEqual([
      [
        `host: ${new URL(api.url).host}`,
        'connection: keep-alive',
        'X-Other: 2',
        `Authorization: Bearer ${secretOf(0)}`,
      ],
    ]);
  });
});

interface AnswerCase {
  readonly name: string;
  readonly parts: readonly (string | Buffer)[];
  /** Whether the connection ends with it. */
  readonly end?: true;
  readonly method?: string;
  /** Bun sends repeated headers together, with the name of the first one. */
  readonly nodeOnly?: true;
}

const refusalOf = (status: number) => `HTTP/1.1 ${status} No\r\nContent-Length: 13\r\n\r\n{"error":"x"}`;

/** Answers as the API sends them. */
const answers: readonly AnswerCase[] = [
  {
    name: 'with a length',
    parts: ['HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'],
  },
  { name: 'of every byte', parts: ['HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n', everyByte] },
  {
    name: 'in chunks',
    parts: [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;a=b\r\nabc\r\n2\r\n\r\n\r\n0\r\nX-Sum: 1\r\n\r\n',
    ],
  },
  { name: 'in chunks without content', parts: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'] },
  { name: 'of an empty body', parts: ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'] },
  { name: 'without a body', parts: ['HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'] },
  {
    name: 'not modified',
    parts: ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nDate: Tue, 14 Apr 2026 09:00:00 GMT\r\n\r\n'],
  },
  {
    name: 'not modified, with the length',
    parts: ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 100\r\n\r\n'],
  },
  {
    name: 'to HEAD, with a length',
    parts: ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-A: b\r\n\r\n'],
    method: 'HEAD',
  },
  { name: 'to HEAD, without a length', parts: ['HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n'], method: 'HEAD' },
  { name: 'to HEAD, in chunks', parts: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'], method: 'HEAD' },
  {
    name: 'with gzip',
    parts: [
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzipSync(json).length}\r\n\r\n`,
      gzipSync(json),
    ],
  },
  {
    name: 'with gzip that is not valid',
    parts: [
      'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/event-stream\r\nContent-Length: 4\r\n\r\ndata',
    ],
  },
  {
    name: 'until the end of the connection',
    parts: ['HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end'],
    end: true,
  },
  { name: 'of HTTP/1.0', parts: ['HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold'], end: true },
  { name: 'of HTTP/1.0 without a body', parts: ['HTTP/1.0 200 OK\r\n\r\n'], end: true },
  {
    name: 'after others that inform',
    parts: [
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ],
  },
  { name: 'with an odd status', parts: ['HTTP/1.1 299 Quite Odd: (!)\r\nContent-Length: 2\r\n\r\nok'] },
  {
    name: 'with repeated headers',
    parts: [
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX-A: 1\r\nset-cookie: c=d\r\nx-a: 2\r\nX-B:\r\nContent-Length: 0\r\n\r\n',
    ],
    nodeOnly: true,
  },
  {
    name: 'with headers of bytes above 127',
    parts: ['HTTP/1.1 200 OK\r\nX-A: \xe9\xff \xc3\xbc\r\nContent-Length: 0\r\n\r\n'],
  },
  {
    name: 'with its date',
    parts: ['HTTP/1.1 200 OK\r\nDate: Tue, 14 Apr 2026 09:00:00 GMT\r\nContent-Length: 0\r\n\r\n'],
  },
  {
    name: 'with a redirect',
    parts: ['HTTP/1.1 307 Temporary Redirect\r\nLocation: /api/keys\r\nContent-Length: 0\r\n\r\n'],
  },
  ...[400, 402, 404, 409, 413, 418, 422].map((status) => ({
    name: `with status ${status}`,
    parts: [refusalOf(status)],
  })),
  ...[403, 500, 502, 503].map((status) => ({
    name: `with status ${status} of the only seat`,
    parts: [refusalOf(status)],
  })),
];

describe('an answer arrives as it was sent:', () => {
  test.each(answers.filter(({ nodeOnly }) => !isBinary || !nodeOnly))(
    '$name',
    async ({ parts, end, method = 'POST' }) => {
      const api = await standIn((call) => {
        call.write(latin1(...parts));
        if (end || call.headers.some(([, value]) => value === 'close')) call.socket.end();
      });
      const gateway = await startGateway(api.url);
      const send = (url: string, key: string) =>
        exchange(
          url,
          `${method} /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
        );
      const direct = parseAnswer(await send(api.url, secretOf(0)), method);
      const through = parseAnswer(await send(gateway.url, token), method);
      expect(without(through.headers, differing)).toEqual(without(direct.headers, differing));
      expect(through).toMatchObject({ line: direct.line.replace('HTTP/1.0', 'HTTP/1.1'), isComplete: true });
      expect(through.body.toString('latin1')).toBe(direct.body.toString('latin1'));
      expect(through.rest).toHaveLength(0);
      expect(api.calls).toHaveLength(2);
    },
  );

  test.each(['\xe9', '', '\u0001'])('with another text after its status than "%s"', async (text) => {
    const api = await standIn((call) => call.write(`HTTP/1.1 201 ${text}\r\nContent-Length: 2\r\n\r\nok`));
    const gateway = await startGateway(api.url);
    // The seat is free for the second one.
    for (let count = 0; count < 2; count++) {
      const answer = parseAnswer(
        await exchange(
          gateway.url,
          `GET /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
        ),
      );
      expect([answer.line, answer.body.toString()]).toEqual(['HTTP/1.1 201 Created', 'ok']);
    }
  });

  test('to a client of HTTP/1.0', async () => {
    const api = await standIn((call) =>
      call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
    );
    const gateway = await startGateway(api.url);
    const { headers, body } = parseAnswer(
      await exchange(gateway.url, `GET /v1/x HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`),
    );
    expect(body.toString()).toBe('abc');
    expect(headers.map(([name]) => name.toLowerCase())).not.toContain('transfer-encoding');
  });

  test('to several requests on one connection', async () => {
    const api = await standIn(async (call) => call.answer(200, (await call.body()).toString()));
    const gateway = await startGateway(api.url);
    const client = await dial(gateway.url);
    for (const each of ['one', 'two', 'three']) {
      client.write(latin1(...withLength(`POST /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}`, each)));
      await client.until(`\r\n\r\n${each}`);
    }
    expect(api.calls).toHaveLength(3);
    // The connection to the API is used again, too.
    expect(new Set(api.calls.map(({ socket }) => socket)).size).toBe(1);
  });
});

/** Starts a request whose body the test sends. */
async function begin(url: string, framingHeader: string): Promise<RawClient> {
  const client = await dial(url);
  client.write(
    `POST /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n${framingHeader}\r\n\r\n`,
  );
  return client;
}

/** Writes as fast as the other side reads. @returns how many bytes were written, with those that still wait in this process */
async function pour(
  socket: Socket,
  bytes: number,
  progress: { written: number } = { written: 0 },
  hash?: Hash,
): Promise<void> {
  const block = randomBytes(256 * 1024);
  while (progress.written < bytes) {
    const part = block.subarray(0, Math.min(block.length, bytes - progress.written));
    hash?.update(part);
    progress.written += part.length;
    if (!socket.write(part)) await once(socket, 'drain');
  }
}

async function digestOf(call: Call): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of call.request) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: hash.digest('hex'), size };
}

const largest = 64 * 1024 * 1024;
const opening = '{"model":"m","input":"';

describe('a body of 64 MiB', () => {
  test('arrives completely', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, `Content-Length: ${largest}`);
    const hash = createHash('sha256').update(opening);
    client.write(opening);
    const poured = pour(client.socket, largest - opening.length, undefined, hash);
    const call = await api.next();
    const got = await digestOf(call);
    await poured;
    expect(got).toEqual({ digest: hash.digest('hex'), size: largest });
    call.answer(200, 'ok');
    expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
    expect(await gateway.ended(1)).toMatchObject([{ status: 200, complete: true, attempts: 1 }]);
  });

  test('arrives completely in chunks', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Transfer-Encoding: chunked');
    client.write(`${opening.length.toString(16)}\r\n${opening}\r\n`);
    const hash = createHash('sha256').update(opening);
    const left = largest - opening.length;
    client.write(`${left.toString(16)}\r\n`);
    const poured = pour(client.socket, left, undefined, hash);
    const call = await api.next();
    const digest = digestOf(call);
    await poured;
    client.write('\r\n0\r\n\r\n');
    expect(await digest).toEqual({ digest: hash.digest('hex'), size: largest });
    call.answer(200, 'ok');
    expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
  });

  test('and one byte is refused before it is sent if its length is known', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, `Content-Length: ${largest + 1}`);
    const { line, body } = parseAnswer(await client.closed);
    expect(line).toBe('HTTP/1.1 413 Payload Too Large');
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: 'request_too_large' } });
    expect(api.calls).toEqual([]);
  });

  test('and one byte never arrives completely in chunks', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Transfer-Encoding: chunked');
    client.write(`${opening.length.toString(16)}\r\n${opening}\r\n`);
    const left = largest + 1 - opening.length;
    client.write(`${left.toString(16)}\r\n`);
    const poured = pour(client.socket, left);
    const call = await api.next();
    const body = call.body();
    await poured;
    client.write('\r\n0\r\n\r\n');
    await expect(body).rejects.toThrow();
    expect(parseAnswer(await client.closed).line).toBe('HTTP/1.1 413 Payload Too Large');
    expect(await gateway.ended(1)).toMatchObject([{ status: 413 }]);
    // The seat is free again.
    const other = exchange(
      gateway.url,
      `GET /v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    );
    (await api.next()).answer(200, 'next');
    expect(parseAnswer(await other).body.toString()).toBe('next');
  });
});

describe('streams', () => {
  test('pass each event on before the next one is written', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Content-Length: 0');
    const call = await api.next();
    call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.until('\r\n\r\n');
    for (const event of [
      'data: {"n":1}\n\n',
      ': a comment\n\n',
      'event: unknown\ndata: x\n',
      '\n',
      'data: half of',
      ' a line\n\n',
    ]) {
      call.write(`${event.length.toString(16)}\r\n${event}\r\n`);
      await client.until(event);
    }
    call.write('0\r\n\r\n');
    expect(parseAnswer(await client.closed)).toMatchObject({ isComplete: true });
  });

  test('pass each byte of a character on before the next one is written', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Content-Length: 0');
    const call = await api.next();
    call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
    await client.until('\r\n\r\n');
    const text = Buffer.from('🧑‍💻ü');
    for (const [index, byte] of text.entries()) {
      call.write(Buffer.from([byte]));
      await client.until((all) => parseAnswer(all).body.equals(text.subarray(0, index + 1)));
    }
    call.socket.end();
    expect(parseAnswer(await client.closed).body.toString()).toBe('🧑‍💻ü');
  });

  test('pass each part of a request on before the next one is sent', async () => {
    const api = await standIn(undefined, { records: true });
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Content-Length: 40');
    client.write(opening);
    const call = await api.next();
    let left = 40 - opening.length;
    while (left > 0) {
      client.write('.');
      await once(call.request, 'data');
      left--;
    }
    call.answer(200, 'ok');
    expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
  });

  test('pass an answer on that begins before the request has ended', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Transfer-Encoding: chunked');
    client.write(`${opening.length.toString(16)}\r\n${opening}\r\n`);
    const call = await api.next();
    call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
    await client.until('one');
    const body = call.body();
    client.write('3\r\nend\r\n0\r\n\r\n');
    expect((await body).toString()).toBe(`${opening}end`);
    call.write('3\r\ntwo\r\n0\r\n\r\n');
    expect(parseAnswer(await client.closed)).toMatchObject({ isComplete: true, body: Buffer.from('onetwo') });
  });
});

describe('a slow reader stops the other side:', () => {
  const size = 128 * 1024 * 1024;

  /** Has the gateway do other things for so long that it could pass on everything. */
  async function otherRequests(url: string): Promise<void> {
    for (let count = 0; count < 100; count++)
      await exchange(url, 'GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
  }

  test('a client that does not read', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, 'Content-Length: 0');
    const call = await api.next();
    client.socket.pause();
    call.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    const progress = { written: 0 };
    const hash = createHash('sha256');
    const poured = pour(call.socket, size, progress, hash);
    await otherRequests(gateway.url);
    expect(progress.written).toBeLessThan(size / 2);
    client.socket.resume();
    await poured;
    const { body } = parseAnswer(await client.closed);
    expect(createHash('sha256').update(body).digest('hex')).toBe(hash.digest('hex'));
  });

  test('an API that does not read', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const client = await begin(gateway.url, `Content-Length: ${largest}`);
    client.write(opening);
    const progress = { written: opening.length };
    const hash = createHash('sha256').update(opening);
    const poured = pour(client.socket, largest, progress, hash);
    const call = await api.next();
    await otherRequests(gateway.url);
    expect(progress.written).toBeLessThan(largest / 2);
    const { digest } = await digestOf(call);
    await poured;
    expect(digest).toBe(hash.digest('hex'));
    call.answer(200, 'ok');
    expect(parseAnswer(await client.closed).body.toString()).toBe('ok');
  });

  test('requests that wait', async () => {
    const api = await standIn();
    const gateway = await startGateway(api.url);
    const first = await begin(gateway.url, 'Content-Length: 0');
    const busy = await api.next();
    const client = await begin(gateway.url, `Content-Length: ${largest}`);
    client.write(opening);
    const progress = { written: opening.length };
    const hash = createHash('sha256').update(opening);
    const poured = pour(client.socket, largest, progress, hash);
    await otherRequests(gateway.url);
    expect(progress.written).toBeLessThan(largest / 2);
    busy.answer(200, 'first');
    await first.closed;
    const { digest } = await digestOf(await api.next());
    await poured;
    expect(digest).toBe(hash.digest('hex'));
  });
});
