import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { Body, BodyTooLong, longestBody } from '../../src/api/body.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { clientOf, failure, failureFields, serve, serveSockets } from '../support/http-server.ts';

const mebibyte = Buffer.alloc(2 ** 20, ' ');

describe('a body', () => {
  test('has the bytes that arrived, regardless of the chunks', () => {
    const bytes = Buffer.from('{"name":"本番キー 🔑"}'.repeat(1000));
    for (const size of [1, 7, 65_536]) {
      const body = new Body();
      for (let at = 0; at < bytes.length; at += size) expect(body.add(bytes.subarray(at, at + size))).toBeUndefined();
      expect(body.toString()).toBe(bytes.toString());
    }
    expect(new Body().toString()).toBe('');
  });

  test('stays the same if an added chunk changes', () => {
    const body = new Body();
    const chunk = Buffer.from('abc');
    body.add(chunk);
    chunk.fill('x');
    expect(body.toString()).toBe('abc');
  });

  test('can have up to 64 MiB', () => {
    const body = new Body();
    for (let read = 0; read < longestBody; read += mebibyte.length) expect(body.add(mebibyte)).toBeUndefined();
    expect(body.toString()).toHaveLength(longestBody);
    expect(body.add(Buffer.from(' '))).toBeInstanceOf(BodyTooLong);
  });

  test('is refused at its first byte if its announced length is too large', () => {
    const byte = Buffer.from('[');
    expect(new Body().add(byte, String(longestBody))).toBeUndefined();
    expect(new Body().add(byte, String(longestBody + 1))).toBeInstanceOf(BodyTooLong);
    expect(new Body().add(byte, '9'.repeat(400))).toBeInstanceOf(BodyTooLong);
    expect(new Body().add(byte, 'many')).toBeUndefined();
  });
});

/** Sends mebibytes until the reader stops. */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const more = () => {
    while (!response.destroyed && response.write(mebibyte));
  };
  response.on('drain', more);
  more();
}

describe('an endless response', () => {
  test('ends a read once, with the limit', async () => {
    const server = await serve(stream);
    const { client } = clientOf(server.url);
    expect(await failureFields(client.read('/', z.unknown()))).toEqual({
      code: 'unexpected_response',
      exitCode: 1,
      outcome: undefined,
      status: undefined,
      retryable: false,
      message: `Can't read from ${server.url.host}: the response is larger than 64 MiB`,
    });
    expect(server.received).toHaveLength(1);
  });

  test('leaves the outcome of a change unknown, as a lost response does', async () => {
    const server = await serve(stream);
    const { client } = clientOf(server.url);
    const error = await failure(client.change('POST', '/', z.unknown(), {}));
    expect(error).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', retryable: false });
    expect(error.cause).toBeInstanceOf(CommandError);
    expect(error.cause).toMatchObject({ code: 'unexpected_response' });
    expect(server.received).toHaveLength(1);
  });

  test('leaves the client ready for the next request', async () => {
    const server = await serve((response, _request, count) => {
      if (count === 1) stream(response);
      else response.end('{"a":1}');
    });
    const { client } = clientOf(server.url);
    expect((await failure(client.read('/', z.unknown()))).code).toBe('unexpected_response');
    expect(await client.read('/', z.unknown())).toEqual({ a: 1 });
  });
});

test('refuses a response that announces too much before the rest arrives', async () => {
  const { url } = await serveSockets((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1610612736\r\n\r\n['));
  });
  const { client } = clientOf(url);
  expect((await failure(client.read('/', z.unknown()))).message).toMatch(/larger than 64 MiB/);
});

test('ignores the announced length of a response without a body', async () => {
  const { url } = await serveSockets((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1610612736\r\n\r\n'));
  });
  const { client } = clientOf(url);
  expect((await client.raw({ method: 'HEAD', path: '/', key: 'management' })).body).toBe('');
});
