import diagnostics from 'node:diagnostics_channel';
import { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Gateway } from '../../src/gateway/gateway.ts';
import { seat, token } from '../support/gateway.ts';
import { dial, parseAnswer, requestWith, standIn } from '../support/raw-http.ts';
import { machineStart } from '../support/sandbox.ts';

/** Returns a function that returns the latest response of a server in this process. */
function watchResponses({ port }: URL): () => ServerResponse | undefined {
  let latest: ServerResponse | undefined;
  const watch = (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('response' in message)) return;
    const { response } = message;
    if (response instanceof ServerResponse && response.req.socket.localPort === Number(port)) latest = response;
  };
  diagnostics.subscribe('http.server.request.start', watch);
  onTestFinished(() => void diagnostics.unsubscribe('http.server.request.start', watch));
  return () => latest;
}

test('a client that reads slowly gets the end of its answer from a gateway that stops', async () => {
  const api = await standIn();
  const gateway = new Gateway({
    api: new URL(api.url),
    proxies: {},
    host: '127.0.0.1',
    port: 0,
    tokens: [{ token, client: undefined }],
    waitsOutside: false,
    queueLimit: 1,
    queueTimeout: 1_000_000,
    wall: () => machineStart,
    monotonic: () => 0,
  });
  await gateway.start();
  onTestFinished(() => gateway.close());
  gateway.update([seat(0)]);
  const response = watchResponses(new URL(gateway.url));
  const client = await dial(gateway.url);
  client.socket.pause();
  client.write(requestWith(token));
  const call = await api.next();
  await call.body();
  call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  // Until the buffers of the operating system are full.
  let size = 0;
  while (!response()?.writableLength) {
    call.write(`400\r\n${'x'.repeat(1024)}\r\n`);
    size += 1024;
    await new Promise((resolve) => setImmediate(resolve));
  }
  call.write('0\r\n\r\n');
  await expect.poll(() => gateway.status.running).toBe(0);
  const stopped = gateway.drain().then(() => gateway.close());
  await new Promise((resolve) => setImmediate(resolve));
  client.socket.resume();
  const { isComplete, body } = parseAnswer(await client.closed);
  expect([isComplete, body.length]).toEqual([true, size]);
  await stopped;
});
