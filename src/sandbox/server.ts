import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { sandboxApp } from './app.ts';
import { openStore, type StoreOptions } from './store.ts';
import type { RpcUrl } from './transactions.ts';

/** How to start a sandbox. */
export interface SandboxOptions extends StoreOptions {
  /** TCP port on 127.0.0.1. 0 or absent: any free port. */
  port?: number;
  /** Waits between two chunks of a streamed completion. By default, with a timer. */
  pause?: (milliseconds: number) => Promise<void>;
  /** Returns the URL of the chain on which payments are checked. Called for each. Absent: the sandbox takes no payments on a chain. */
  rpcUrl?: RpcUrl | undefined;
}

/** A running sandbox. */
export interface Sandbox {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Stops listening and closes all connections at once. */
  close(): Promise<void>;
}

/**
 * Starts the emulator of the API on the loopback interface. It doesn't keep the process alive.
 *
 * @throws the error of `listen` if the port is taken (`EADDRINUSE`), and an Error that names the file if the state can't be read
 */
export async function startSandbox({
  port = 0,
  pause = (milliseconds) => sleep(milliseconds),
  rpcUrl,
  ...options
}: SandboxOptions): Promise<Sandbox> {
  const store = openStore(options);
  await store.run((account) => ({ account, result: undefined }));

  let url = '';
  // Keeps the global Request and Response, because a command calls the sandbox from the same process.
  const listener = getRequestListener(sandboxApp(store, { address: () => url, pause, rpcUrl }).fetch, {
    overrideGlobalObjects: false,
  });
  const server = createServer((request, response) => void listener(request, response));
  server.on('connection', (socket: Socket) => socket.unref());

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  url = `http://127.0.0.1:${portOf(server.address())}`;
  return {
    url,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error("The sandbox doesn't listen on a port");
  return address.port;
}
