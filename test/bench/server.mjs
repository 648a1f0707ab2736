// Serves the API's responses over HTTP and HTTPS for the benchmark, in a separate thread, because the main thread measures.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

const folder = path.dirname(new URL(import.meta.url).pathname);
const responses = new Map([
  ['/api/pools', readFileSync(path.join(folder, 'pools.json'))],
  ['/api/keys', JSON.stringify({ success: true, data: Array.from({ length: 10_000 }, (_, at) => key(at)) })],
]);

/** Returns a key from an account that has one for each customer. */
function key(at) {
  const digits = String(at).padStart(12, '0');
  return {
    id: `7d0f3c51-4f6e-4c1b-9a54-${digits}`,
    name: `customer-${at}`,
    apiKey: `sk_live_${digits}`,
    type: at % 3 === 0 ? 'credit' : 'subscription',
    isActive: at % 7 !== 0,
    maxBudget: at % 3 === 0 ? 25 : null,
    rpmLimit: 100,
    tpmLimit: 100_000,
    subscriptionId: `0b6d1a9e-2c5b-4d0e-8f6a-${digits}`,
    createdAt: new Date(1_760_000_000_000 + at * 60_000).toISOString(),
    lastUsedAt: at % 2 === 0 ? new Date(1_770_000_000_000 + at * 1000).toISOString() : null,
  };
}

function respond({ url }, response) {
  const body = responses.get(url);
  response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(body);
}

const servers = [createServer(respond), createTlsServer(workerData, respond)];
const ports = servers.map(
  (each) => new Promise((resolve) => each.listen(0, '127.0.0.1', () => resolve(each.address().port))),
);
parentPort.postMessage(await Promise.all(ports));
