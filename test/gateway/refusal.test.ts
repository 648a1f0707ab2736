import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Refusal, sendRefusal, tooLarge } from '../../src/gateway/refusal.ts';
import { errorReply } from '../../src/sandbox/errors.ts';
import { Refusal as SandboxRefusal } from '../../src/sandbox/reply.ts';
import { ask } from '../support/http.ts';

/** Starts a server that refuses all requests. Returns its port. */
async function refusing(refusal: Refusal, headers: readonly string[] = []): Promise<number> {
  const server = createServer((request, response) => {
    request.on('end', () => sendRefusal(request, response, refusal, headers));
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  return address.port;
}

const paths = ['/v1/chat/completions', '/anthropic/v1/messages'] as const;

describe.each(paths)('a refusal of %s', (path) => {
  test.each([
    [400, undefined],
    [401, undefined],
    [404, undefined],
    [429, 61_000],
    [502, undefined],
  ])('with the status %i is as the API answers it', async (status, retryAfter) => {
    const message = 'Some “message”.';
    const refusal: Refusal = { status, code: 'some_code', message, retryAfter };
    const port = await refusing(refusal);
    const answer = await ask(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' });
    const wait = retryAfter === undefined ? {} : { retryAfter: retryAfter / 1000 };
    const expected = errorReply(path, new SandboxRefusal(status, message, { code: 'some_code', ...wait }));
    expect(answer.status).toBe(expected.status);
    expect(JSON.parse(answer.text)).toEqual(await expected.json());
    expect(answer.headers.get('content-type')).toBe(expected.headers.get('content-type'));
    expect(answer.headers.get('retry-after')).toBe(expected.headers.get('retry-after'));
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(answer.text)));
    expect(answer.headers.has('date')).toBe(true);
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
  });
});

test.each([
  [413, 'invalid_request_error', 'request_too_large'],
  [405, 'invalid_request_error', 'invalid_request_error'],
  [503, 'server_error', 'overloaded_error'],
  [504, 'server_error', 'api_error'],
])('has types for the status %i', async (status, openai, anthropic) => {
  const port = await refusing({ ...tooLarge, status });
  const [one, other] = await Promise.all(paths.map((path) => ask(`http://127.0.0.1:${port}${path}`)));
  expect(JSON.parse(one?.text ?? '')).toEqual({
    error: { message: tooLarge.message, type: openai, param: null, code: 'request_too_large' },
  });
  expect(JSON.parse(other?.text ?? '')).toEqual({
    type: 'error',
    error: { type: anthropic, message: tooLarge.message },
  });
});

test.each([
  [-5000, '1'],
  [0, '1'],
  [1000, '1'],
  [1001, '2'],
  [3_600_000, '3600'],
])('rounds a wait of %i ms up', async (retryAfter, seconds) => {
  const port = await refusing({ status: 429, code: 'x', message: 'X.', retryAfter });
  expect((await ask(`http://127.0.0.1:${port}/v1/x`)).headers.get('retry-after')).toBe(seconds);
});

test('has no body for HEAD, and adds headers', async () => {
  const port = await refusing({ status: 429, code: 'x', message: 'X.' }, ['X-Own', 'a', 'X-Own', 'b']);
  const answer = await ask(`http://127.0.0.1:${port}/v1/x`, { method: 'HEAD' });
  expect(answer).toMatchObject({ status: 429, text: '' });
  expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0);
  expect(answer.headers.get('x-own')).toBe('a, b');
});

test("closes the connection if the body of the request isn't read", async () => {
  const server = createServer((request, response) => sendRefusal(request, response, tooLarge));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  const socket = connect(address.port, '127.0.0.1');
  socket.write('POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nx');
  let answer = '';
  for await (const data of socket) answer += String(data);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('Connection: close\r\n');
});
