import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import type { WhenOver } from './shared.ts';

/** Lower ports are often those of well-known programs. */
const lowest = 10_000;
const firstAssigned = firstAssignedPort();

/**
 * Returns a TCP port on which nobody listens. Until the test has finished, no other call returns it, in no process, and the system doesn't
 * give it to anyone who asks for any port, so that a server can release it and listen on it again.
 *
 * @param whenOver - registers a function to call when the port isn't needed any more; by default, when the test has finished
 */
export async function reservedPort(whenOver: WhenOver = onTestFinished): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, firstAssigned);
    if (!(await reserve(port, whenOver))) continue;
    const probe = createServer().listen(port, '127.0.0.1');
    try {
      await once(probe, 'listening');
    } catch {
      continue;
    }
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** Takes the UDP port of the same number, which only one socket can have. The system releases it with the process. */
async function reserve(port: number, whenOver: WhenOver): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  socket.bind(port, '127.0.0.1');
  try {
    await once(socket, 'listening');
  } catch {
    socket.close();
    return false;
  }
  whenOver(() => void socket.close());
  return true;
}

/** Returns the first port of those that the system gives to programs that ask for any port. */
function firstAssignedPort(): number {
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  const first = existsSync(range) ? Number.parseInt(readFileSync(range, 'utf8'), 10) : 32_768;
  if (first < lowest + 1000) throw new Error(`the system assigns ports from ${first}: see ${range}`);
  return first;
}
