import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { tcpProxy } from './tcp-proxy.ts';

/** Starts a server that sends everything back, and a proxy to it. */
async function echo() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return { proxy: await tcpProxy(address.port), server, sockets };
}

/** A client that collects what it receives. */
async function client(port: number) {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let received = '';
  let failure: unknown;
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of waiting) look();
  };
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
    changed();
  });
  const closed = new Promise<unknown>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code;
    });
    socket.on('close', () => resolve(failure));
  });
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed]);
  return {
    socket,
    closed,
    text: () => received,
    receives: (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!received.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

test('passes bytes both ways, and counts them', async () => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  one.socket.write('hello');
  await one.receives('hello');
  expect(proxy).toMatchObject({ accepted: 1, open: 1, bytes: { up: { passed: 5 }, down: { passed: 5 } } });
  one.socket.end();
  expect(await one.closed).toBeUndefined();
  await proxy.until(({ open }) => open === 0);
});

test('holds the bytes of one direction until it passes', async () => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  proxy.set('hold', 'down');
  one.socket.write('hello');
  await proxy.until(({ bytes }) => bytes.down.held === 5);
  expect(one.text()).toBe('');
  proxy.set('pass');
  await one.receives('hello');
  expect(proxy.bytes.down).toEqual({ passed: 5, held: 0, dropped: 0 });
});

test('forwards nothing more of a connection that has lost bytes', async () => {
  const { proxy, sockets } = await echo();
  const one = await client(proxy.port);
  one.socket.write('a');
  await one.receives('a');
  proxy.set('drop', 'up');
  one.socket.write('lost');
  await proxy.until(({ bytes }) => bytes.up.dropped === 4);
  proxy.set('pass');
  one.socket.write('too');
  await proxy.until(({ bytes }) => bytes.up.dropped === 7);
  one.socket.destroy();
  const two = await client(proxy.port);
  two.socket.write('again');
  await two.receives('again');
  // The target hasn't learned that the first client is gone.
  expect(sockets.size).toBe(2);
});

test('leaves the target unaware of a connection that begins in a partition', async () => {
  const { proxy, sockets } = await echo();
  proxy.set('hold');
  const one = await client(proxy.port);
  one.socket.write('hello');
  await proxy.until(({ bytes }) => bytes.up.held === 5);
  expect(sockets.size).toBe(0);
  proxy.set('pass');
  await one.receives('hello');
});

test('delays bytes, and keeps their order', async () => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  proxy.set({ delay: 100 }, 'up');
  const start = performance.now();
  one.socket.write('first ');
  await proxy.until(({ bytes }) => bytes.up.held === 6);
  proxy.set('pass');
  one.socket.write('second');
  await one.receives('first second');
  expect(performance.now() - start).toBeGreaterThanOrEqual(99);
});

test.each(['hold', 'drop', 'reset'] as const)('passes some bytes of a connection, and then: %s', async (then) => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  one.socket.write('12345');
  await one.receives('12345');
  proxy.set({ after: 3, then }, 'up');
  one.socket.write('abcdef');
  if (then === 'reset') expect(await one.closed).toBe('ECONNRESET');
  else await one.receives('12345abc');
  expect(proxy.bytes.up).toEqual({
    passed: 8,
    held: then === 'hold' ? 3 : 0,
    dropped: then === 'drop' ? 3 : 0,
  });
});

test('resets the open connections', async () => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  await proxy.until(({ open }) => open === 1);
  proxy.reset();
  expect(await one.closed).toBe('ECONNRESET');
});

test('refuses new connections and keeps the open ones', async () => {
  const { proxy } = await echo();
  const one = await client(proxy.port);
  await proxy.until(({ open }) => open === 1);
  proxy.refuse();
  const two = await client(proxy.port);
  expect(await two.closed).toBe('ECONNREFUSED');
  one.socket.write('hello');
  await one.receives('hello');
  await proxy.accept();
  const three = await client(proxy.port);
  three.socket.write('back');
  await three.receives('back');
});

test('resets a connection whose target refuses it', async () => {
  const { proxy } = await echo();
  proxy.leadTo(1);
  const one = await client(proxy.port);
  expect(await one.closed).toBe('ECONNRESET');
});
