import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { largestBody, ReplayMemory, RequestBody } from '../../src/gateway/request-body.ts';

/** A body that a server receives from a socket. */
interface Arriving {
  readonly body: RequestBody;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: Server;
  /** What was called of the options. */
  readonly calls: readonly string[];
}

/** Sends the beginning of a request to a server, and returns its body there. */
async function arriving(text: string | Buffer, memory = new ReplayMemory()): Promise<Arriving> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  const socket = connect(address.port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  socket.write(text);
  const calls: string[] = [];
  return await new Promise<Arriving>((resolve) => {
    server.on('request', (request, response) => {
      const body = new RequestBody(request, {
        memory,
        monotonic: () => performance.now(),
        onTooLarge: () => calls.push('too large'),
        onStalled: () => calls.push('stalled'),
      });
      resolve({ body, request, response, socket, server, calls });
    });
  });
}

const head = (length: number | 'chunked') =>
  `POST /v1 HTTP/1.1\r\nHost: a\r\n${length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`}\r\n\r\n`;
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** Reads to the end. Returns what was read. */
async function readAll(body: RequestBody): Promise<string> {
  const chunks: Buffer[] = [];
  await body.readUntil((each) => {
    chunks.push(each);
    return false;
  });
  return Buffer.concat(chunks).toString();
}

/** Returns a body as a stream. */
function streamOf(body: RequestBody): Readable {
  const opened = body.open();
  if (Buffer.isBuffer(opened)) throw new Error('The body is complete');
  return opened;
}

/** Reads some bytes of a stream. */
async function next(stream: Readable, length = 3): Promise<string> {
  for (;;) {
    const data: unknown = stream.read(length);
    if (data !== null) return String(data);
    await once(stream, 'readable');
  }
}

async function rest(stream: Readable): Promise<string> {
  let text = '';
  for await (const each of stream) text += String(each);
  return text;
}

describe('a body', () => {
  test.each([
    ['with a length', `${head(5)}hello`],
    ['in chunks', `${head('chunked')}${chunk('he')}${chunk('llo')}0\r\n\r\n`],
  ])('%s is opened as a whole after all of it has arrived, any number of times', async (_how, text) => {
    const { body } = await arriving(text);
    expect(await readAll(body)).toBe('hello');
    expect(String(body.open())).toBe('hello');
    expect(body.open()).toEqual(Buffer.from('hello'));
    expect(body).toMatchObject({ canReplay: true, hasFailed: false });
  });

  test('may be empty', async () => {
    const { body } = await arriving('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await readAll(body)).toBe('');
    expect(body.open()).toEqual(Buffer.alloc(0));
  });

  test('is read only until enough of it was seen', async () => {
    const { body, socket } = await arriving(`${head(10)}hello`);
    await body.readUntil((each) => each.includes('o'));
    expect(body.canReplay).toBe(true);
    const stream = streamOf(body);
    expect(await next(stream, 5)).toBe('hello');
    socket.write('world');
    expect(await rest(stream)).toBe('world');
    expect(String(body.open())).toBe('helloworld');
  });

  test('is read again from its beginning by another function', async () => {
    const { body } = await arriving(`${head(5)}hello`);
    await body.readUntil(() => true);
    expect(await readAll(body)).toBe('hello');
  });

  test('is sent to a second stream after the first one got a part', async () => {
    const { body, socket } = await arriving(`${head(9)}one`);
    const first = streamOf(body);
    expect(await next(first)).toBe('one');
    first.destroy();
    expect(body.canReplay).toBe(true);
    const second = streamOf(body);
    expect(await next(second)).toBe('one');
    socket.write('two');
    expect(await next(second)).toBe('two');
    second.destroy();
    socket.write('end');
    expect(await rest(streamOf(body))).toBe('onetwoend');
  });

  test('reaches the latest stream if the one before is destroyed later', async () => {
    const { body, socket } = await arriving(`${head(6)}one`);
    const first = streamOf(body);
    expect(await next(first)).toBe('one');
    first.read(0);
    const second = streamOf(body);
    expect(await next(second)).toBe('one');
    second.read(0);
    first.destroy();
    socket.write('two');
    expect(await rest(second)).toBe('two');
  });

  test("isn't read while nobody reads its stream", async () => {
    const { body, request } = await arriving(`${head(9)}one`);
    const stream = streamOf(body);
    expect(request.isPaused()).toBe(true);
    expect(await next(stream)).toBe('one');
    stream.read(0);
    expect(request.isPaused()).toBe(false);
    stream.destroy();
    expect(request.isPaused()).toBe(true);
  });

  test('is read as fast as it is sent on', async () => {
    const size = 8 * 1024 * 1024;
    const { body, socket } = await arriving(head(size));
    socket.write(Buffer.alloc(size, 'x'));
    const stream = streamOf(body);
    await next(stream, 1);
    // The stream has room for its high-water mark, and the source for one more chunk.
    expect(stream.readableLength).toBeLessThan(1024 * 1024);
    let got = 0;
    for await (const each of stream) got += Buffer.from(each).length;
    expect(got).toBe(size - 1);
    expect(body.open()).toHaveLength(size);
  });
});

describe('release', () => {
  test('forgets what was sent, and passes on the rest', async () => {
    const memory = new ReplayMemory(3);
    const { body, socket } = await arriving(`${head(9)}one`, memory);
    const stream = streamOf(body);
    expect(await next(stream)).toBe('one');
    expect(memory.take(1)).toBe(false);
    body.release();
    expect(body.canReplay).toBe(false);
    expect(() => body.open()).toThrow('The beginning of the body was not kept');
    expect(memory.take(3)).toBe(true);
    body.release();
    expect(memory.take(1)).toBe(false);
    memory.free(3);
    socket.write('two');
    expect(await next(stream)).toBe('two');
    expect(memory.take(3)).toBe(true);
    socket.write('end');
    expect(await rest(stream)).toBe('end');
  });

  test('forgets a body that was sent as a whole', async () => {
    const memory = new ReplayMemory(5);
    const { body } = await arriving(`${head(5)}hello`, memory);
    await readAll(body);
    expect(memory.take(1)).toBe(false);
    const whole = body.open();
    body.release();
    expect(String(whole)).toBe('hello');
    expect(body.canReplay).toBe(false);
    expect(memory.take(5)).toBe(true);
    expect(memory.take(1)).toBe(false);
  });

  test("keeps what has arrived but wasn't sent", async () => {
    const text = 'x'.repeat(500_000);
    const { body, socket, request } = await arriving(head('chunked') + chunk(text));
    const first = streamOf(body);
    await new Promise<void>((resolve) => {
      let got = 0;
      first.on('data', (each: Buffer) => {
        got += each.length;
        if (got === text.length) resolve();
      });
    });
    first.destroy();
    const stream = streamOf(body);
    expect(await next(stream)).toBe('xxx');
    socket.write('0\r\n\r\n');
    await expect.poll(() => request.complete).toBe(true);
    body.release();
    expect(await rest(stream)).toBe(text.slice(3));
  });
});

describe('the shared memory', () => {
  test('if used up, ends the reading ahead, but not the sending', async () => {
    const memory = new ReplayMemory(4);
    const { body, socket } = await arriving(`${head(9)}one`, memory);
    await body.readUntil(() => true);
    socket.write('two');
    expect(await readAll(body)).toBe('onetwo');
    expect(memory.take(4)).toBe(true);
    expect(body.canReplay).toBe(true);
    const stream = streamOf(body);
    expect(await next(stream)).toBe('one');
    expect(body.canReplay).toBe(false);
    socket.write('end');
    expect(await rest(stream)).toBe('twoend');
  });

  test('is used by several bodies', async () => {
    const memory = new ReplayMemory(6);
    const [one, two] = [await arriving(`${head(4)}1234`, memory), await arriving(`${head(4)}5678`, memory)];
    await readAll(one.body);
    expect(await readAll(two.body)).toBe('5678');
    expect(memory.take(3)).toBe(false);
    expect(memory.take(2)).toBe(true);
    memory.free(2);
    one.body.release();
    expect(await rest(streamOf(two.body))).toBe('5678');
    two.body.release();
    expect(memory.take(6)).toBe(true);
  });

  test('never gets more back than it had', () => {
    const memory = new ReplayMemory(10);
    expect([memory.take(4), memory.take(7), memory.take(6), memory.take(1)]).toEqual([true, false, true, false]);
    memory.free(6);
    expect([memory.take(7), memory.take(6)]).toEqual([false, true]);
  });
});

describe('a client', () => {
  test('that goes away ends the reading', async () => {
    const { body, socket, calls } = await arriving(`${head(9)}one`);
    const reading = readAll(body);
    socket.destroy();
    await expect(reading).rejects.toThrow('The client closed the connection');
    expect(body).toMatchObject({ canReplay: false, hasFailed: true });
    await expect(readAll(body)).rejects.toThrow('The client closed the connection');
    expect(() => body.open()).toThrow();
    expect(calls).toEqual([]);
  });

  test('that goes away before its request gets a seat is noticed, with a body larger than the buffers', async () => {
    const { body, socket, response } = await arriving(head(1_000_000));
    socket.write(Buffer.alloc(900_000));
    await body.readUntil(() => true);
    body.readAhead();
    const closed = once(response, 'close');
    socket.end();
    await closed;
    expect(body).toMatchObject({ canReplay: false, hasFailed: true });
  });

  test('that is large is read ahead only up to a limit, and then as it is sent on', async () => {
    const { body, socket } = await arriving(head(20 * 1024 * 1024));
    let hasDrained = false;
    socket.write(Buffer.alloc(20 * 1024 * 1024), () => {
      hasDrained = true;
    });
    await body.readUntil(() => true);
    body.readAhead();
    // The rest doesn't fit into the buffers of the sockets.
    expect([hasDrained, body.whole]).toEqual([false, undefined]);
    let size = 0;
    for await (const each of streamOf(body)) size += Buffer.from(each).length;
    expect(size).toBe(20 * 1024 * 1024);
  });

  test('that goes away ends the stream with an error', async () => {
    const { body, socket } = await arriving(`${head('chunked')}${chunk('one')}`);
    const stream = streamOf(body);
    expect(await next(stream)).toBe('one');
    const failed = once(stream, 'error');
    stream.resume();
    socket.destroy();
    expect(String(await failed)).toContain('The client closed the connection');
    expect(body.hasFailed).toBe(true);
  });

  test("that goes away after its request doesn't fail", async () => {
    const { body, socket, response } = await arriving(`${head(3)}one`);
    await readAll(body);
    const closed = once(response, 'close');
    socket.destroy();
    await closed;
    expect(body).toMatchObject({ canReplay: true, hasFailed: false });
  });

  test('that sends too much is refused once', async () => {
    const { body, socket, request, calls } = await arriving(head(largestBody + 3));
    const block = Buffer.alloc(1024 * 1024);
    const write = () => {
      for (let sent = 0; sent < largestBody; sent += block.length) socket.write(block);
      socket.write('one');
    };
    const stream = streamOf(body);
    const failed = once(stream, 'error');
    body.release();
    stream.resume();
    write();
    expect(String(await failed)).toContain('The body is too large');
    const closed = new Promise((resolve) => request.once('close', resolve));
    socket.destroy();
    await closed;
    await expect(readAll(body)).rejects.toThrow('The body is too large');
    expect(calls).toEqual(['too large']);
    expect(body.hasFailed).toBe(true);
  });

  test('may send the largest body', async () => {
    const memory = new ReplayMemory(1);
    const { body, socket, calls } = await arriving(head(largestBody), memory);
    socket.write(Buffer.alloc(largestBody));
    const stream = streamOf(body);
    let got = 0;
    stream.on('data', (each: Buffer) => {
      got += each.length;
    });
    await once(stream, 'end');
    expect(got).toBe(largestBody);
    expect(calls).toEqual([]);
  });

  /** A body whose beginning has arrived, and whose next part is awaited. Its clock stands still. */
  async function awaited(length: number, first: string) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { body, socket, calls } = await arriving(`${head(length)}${first}`);
    await body.readUntil(() => true);
    // It isn't read, so that the time doesn't count.
    vi.advanceTimersByTime(3_600_000);
    const stream = streamOf(body);
    expect(await next(stream, first.length)).toBe(first);
    stream.read(0);
    const send = async (text: string) => {
      socket.write(text);
      expect(await next(stream, text.length)).toBe(text);
      stream.read(0);
    };
    return { stream, calls, send };
  }

  test('that stops arriving for a minute is given up', async () => {
    const { stream, calls } = await awaited(9, 'one');
    const failed = once(stream, 'error');
    vi.advanceTimersByTime(59_999);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(calls).toEqual(['stalled']);
    expect(String(await failed)).toContain('The client sends too slowly');
  });

  test('that arrives byte by byte is given up after a minute', async () => {
    const { stream, calls, send } = await awaited(100, 'one');
    for (const byte of 'abcde') {
      vi.advanceTimersByTime(10_000);
      await send(byte);
    }
    const failed = once(stream, 'error');
    vi.advanceTimersByTime(10_000);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(calls).toEqual(['stalled']);
    await failed;
  });

  test('that arrives with 8 kB per second is not given up', async () => {
    const { calls, send } = await awaited(2_400_003, 'one');
    for (let second = 0; second < 300; second += 10) {
      vi.advanceTimersByTime(10_000);
      await send('x'.repeat(8000));
      for (let more = 0; more < 9; more++) await send('y'.repeat(8000));
    }
    expect(calls).toEqual([]);
  });
});

test('discard reads the rest, so that the connection can be used again', async () => {
  const memory = new ReplayMemory(3);
  const { body, socket, response, server } = await arriving(`${head(9)}one`, memory);
  const stream = streamOf(body);
  expect(await next(stream)).toBe('one');
  stream.read(0);
  body.discard();
  stream.destroy();
  expect(memory.take(3)).toBe(true);
  expect(body.canReplay).toBe(false);
  response.end('done');
  const following = once(server, 'request');
  socket.write(`twoend${head(0)}`);
  expect(await following).toMatchObject([{ method: 'POST' }, {}]);
  expect(body.hasFailed).toBe(false);
});

test('discard reads the rest of a large body that nobody has read', async () => {
  const { body, socket, server, response } = await arriving(`${head(5_000_000)}one`);
  await body.readUntil(() => true);
  body.discard();
  response.end('done');
  const following = once(server, 'request');
  socket.write(Buffer.alloc(4_999_997));
  socket.write(head(0));
  expect(await following).toMatchObject([{ method: 'POST' }, {}]);
});
