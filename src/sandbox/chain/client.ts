import { pause } from '../../api/pause.ts';
import { RpcClient } from '../../chain/rpc.ts';

/** Milliseconds for a request to a chain on this machine. */
const timeout = 15_000;

/** Returns a client of a chain on this machine. */
export function localClient(url: URL): RpcClient {
  return new RpcClient({
    url,
    userAgent: 'cheapestinference-sandbox',
    timeout,
    proxies: {},
    interrupt: new AbortController().signal,
    monotonic: () => performance.now(),
    // Retries at once: a shorter wait than the timeout is one before a retry, and nothing on this machine recovers that soon.
    sleep: (milliseconds, signal) => pause(milliseconds < timeout ? 0 : milliseconds, signal),
  });
}
