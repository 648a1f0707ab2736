import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { reservedPort } from './ports.ts';
import type { WhenOver } from './shared.ts';
import { Lane, type LaneCount, type Mode } from './tcp-lane.ts';

/** `up`: from the client to the target. `down`: from the target to the client. */
type Direction = 'up' | 'down';

/** A proxy on a loopback port that can fail in the ways of a network. */
export interface TcpProxy {
  readonly port: number;
  /** The connections that were accepted so far. */
  readonly accepted: number;
  /** The connections that are open. */
  readonly open: number;
  /** The bytes of each direction, of all connections. */
  readonly bytes: Readonly<Record<Direction, Readonly<LaneCount>>>;
  /** Returns a URL of the target with the address of this proxy instead. */
  urlOf(url: string): string;
  /** Sets what happens to the bytes of a direction, or of both, on all connections, present and future. */
  set(mode: Mode, direction?: Direction): void;
  /** Resets all open connections. */
  reset(): void;
  /** Refuses new connections, as if nobody listened. Open connections stay. */
  refuse(): void;
  /** Accepts new connections again. */
  accept(): Promise<void>;
  /** Sets where new connections go. @param port - of a loopback address */
  leadTo(port: number): void;
  /** Waits until a condition about the counters holds: `until(({ bytes }) => bytes.up.held > 0)`. */
  until(condition: (proxy: TcpProxy) => boolean): Promise<void>;
  close(): void;
}

interface Options {
  /** Registers a function to call when the proxy isn't needed any more; by default, when the test has finished. */
  readonly whenOver?: WhenOver;
}

/** Starts a proxy to a loopback port, which passes everything on. */
export async function tcpProxy(target: number, { whenOver = onTestFinished }: Options = {}): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  const waiting = new Set<() => void>();
  const modes: Record<Direction, Mode> = { up: 'pass', down: 'pass' };
  const bytes = { up: { passed: 0, held: 0, dropped: 0 }, down: { passed: 0, held: 0, dropped: 0 } };
  const port = await reservedPort(whenOver);
  let accepted = 0;
  let to = target;
  const changed = () => {
    for (const look of waiting) look();
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted += 1;
    const connection: Connection = new Connection(client, to, modes, bytes, () => {
      if (connection.isClosed) connections.delete(connection);
      changed();
    });
    connections.add(connection);
    changed();
  });
  const listen = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  // Closing a server calls back only when all connections are closed, but it releases the port at once.
  const refuse = () => {
    if (server.listening) server.close();
  };
  const reset = () => {
    for (const connection of [...connections]) connection.reset();
  };
  await listen();
  const proxy: TcpProxy = {
    port,
    bytes,
    get accepted() {
      return accepted;
    },
    get open() {
      return connections.size;
    },
    urlOf(url) {
      const changedUrl = new URL(url);
      changedUrl.host = `127.0.0.1:${port}`;
      return changedUrl.href;
    },
    set(mode, direction) {
      for (const each of ['up', 'down'] as const) {
        if (direction !== undefined && direction !== each) continue;
        modes[each] = mode;
        for (const connection of [...connections]) connection.set(mode, each);
      }
      changed();
    },
    reset,
    refuse,
    accept: async () => {
      if (!server.listening) await listen();
    },
    leadTo(next) {
      to = next;
    },
    until: (condition) =>
      new Promise((resolve) => {
        const look = () => {
          if (!condition(proxy)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close() {
      refuse();
      reset();
    },
  };
  whenOver(() => proxy.close());
  return proxy;
}

/** A connection of a client, and the one to the target. */
class Connection {
  readonly #client: Socket;
  readonly #port: number;
  readonly #lanes: Record<Direction, Lane>;
  readonly #changed: () => void;
  #target: Socket | undefined;

  constructor(
    client: Socket,
    port: number,
    modes: Readonly<Record<Direction, Mode>>,
    counts: Readonly<Record<Direction, LaneCount>>,
    changed: () => void,
  ) {
    this.#client = client;
    this.#port = port;
    this.#changed = changed;
    const reset = () => this.reset();
    this.#lanes = { up: new Lane(modes.up, counts.up, reset), down: new Lane(modes.down, counts.down, reset) };
    this.#lanes.down.connect(client);
    this.#read(client, 'up');
    // In a partition, the target learns nothing of a new connection.
    if (modes.up !== 'hold' && modes.up !== 'drop') this.#connect();
  }

  set(mode: Mode, direction: Direction): void {
    this.#lanes[direction].mode = mode;
    this.#connectIfNeeded();
  }

  get isClosed(): boolean {
    return this.#client.destroyed && this.#target?.destroyed !== false;
  }

  reset(): void {
    this.#lanes.up.close();
    this.#lanes.down.close();
    this.#client.resetAndDestroy();
    this.#target?.resetAndDestroy();
    this.#changed();
  }

  #connectIfNeeded(): void {
    if (!this.#target && this.#lanes.up.isWaiting && !this.#client.destroyed) this.#connect();
  }

  #connect(): void {
    const target = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#target = target;
    this.#read(target, 'down');
    target.once('connect', () => this.#lanes.up.connect(target));
  }

  #read(from: Socket, direction: Direction): void {
    const lane = this.#lanes[direction];
    from.on('data', (chunk: Buffer) => {
      lane.take(chunk);
      this.#connectIfNeeded();
      this.#changed();
    });
    from.on('end', () => lane.take('end'));
    from.on('error', () => lane.take('reset'));
    from.on('close', this.#changed);
  }
}
