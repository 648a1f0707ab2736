// Simulates a week of `ci pools watch` in one process. Its clock advances only while it waits between checks. Its requests are
// real, and a fifth of them fail. `node --expose-gc test/bench/week.mjs` prints the results as JSON. INTERVAL=60 sets the seconds
// between checks, DAYS=1 simulates a single day.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const interval = Number(process.env.INTERVAL ?? 15);
const hour = 3_600_000;
const days = Number(process.env.DAYS ?? 7);
const end = days * 24 * hour;
/** The `Retry-After` of a 429, in seconds. */
const retryAfter = 30;

if (isMainThread) await simulate();
else serve();

/** Returns a generator of numbers from 0 to 1 that are the same in each run. */
function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Serves a pool with a block that opens now and then. A fifth of the requests fail. */
function serve() {
  const random = seededRandom(20_260_414);
  const faults = [
    (response) => response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":"down"}'),
    (response) => response.writeHead(429, { 'retry-after': String(retryAfter) }).end('slow down'),
    (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>'),
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to the Wi-Fi</html>'),
    (response) => response.socket.resetAndDestroy(),
    (response) => response.writeHead(200, { 'content-length': '999' }).write('{"data":[', () => response.destroy()),
  ];
  /** `atOnce` is the highest number of simultaneous requests. `connections` counts the connections opened. */
  const count = { requests: 0, faults: 0, unchanged: 0, atOnce: 0, connections: 0 };
  let active = 0;
  const server = createServer((request, response) => {
    count.requests += 1;
    active += 1;
    count.atOnce = Math.max(count.atOnce, active);
    response.on('close', () => {
      active -= 1;
    });
    if (random() < 0.2) {
      count.faults += 1;
      faults[Math.floor(random() * faults.length)](response);
      return;
    }
    const status = random() < 0.02 ? 'limited' : 'sold-out';
    if (request.headers['if-none-match'] === `"${status}"`) {
      count.unchanged += 1;
      response.writeHead(304, { etag: `"${status}"` }).end();
      return;
    }
    const blocks = [{ block: 'americas', pricePerMonth: '45.00', status }];
    response.writeHead(200, { 'content-type': 'application/json', etag: `"${status}"` });
    response.end(JSON.stringify({ success: true, data: [{ id: 'p1', slug: 'minimax-m3', status: 'active', blocks }] }));
  });
  server.on('connection', () => {
    count.connections += 1;
  });
  parentPort.on('message', () => parentPort.postMessage(count));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
}

/** Waits in real time, at most until the signal is aborted. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function simulate() {
  const require = createRequire(import.meta.url);
  const { run } = require('../../dist/main.js');
  const server = new Worker(fileURLToPath(import.meta.url));
  const nextMessage = () => new Promise((resolve) => server.once('message', resolve));
  const { port } = await nextMessage();
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-week-'));
  const begin = Date.UTC(2026, 3, 14);
  const time = { passed: 0 };
  const heap = [];
  const events = {};
  const interrupt = new AbortController().signal;
  const world = {
    stdin: new PassThrough(),
    stdout: {
      write(text, done) {
        for (const line of text.split('\n').filter((each) => each !== '')) {
          const { event } = JSON.parse(line);
          events[event] = (events[event] ?? 0) + 1;
        }
        done?.();
      },
    },
    stderr: new PassThrough().resume(),
    env: {
      CHEAPESTINFERENCE_API_URL: `http://127.0.0.1:${port}`,
      CHEAPESTINFERENCE_CONFIG_DIR: folder,
      XDG_STATE_HOME: folder,
    },
    now: () => begin + time.passed,
    monotonic: () => time.passed,
    cwd: folder,
    async sleep(milliseconds, signal) {
      // Requests are real, so waits within them are, too.
      if (signal !== interrupt) return pause(milliseconds, signal);
      const before = Math.floor(time.passed / hour);
      time.passed += milliseconds;
      if (Math.floor(time.passed / hour) === before) return;
      await setImmediate();
      globalThis.gc();
      heap.push(process.memoryUsage().heapUsed);
    },
    timeZone: 'UTC',
    version: '0.0.0',
    interrupt,
  };
  const started = performance.now();
  const line = `pools watch minimax-m3 --blocks americas --forever --for ${days}d --interval ${interval}s --json`;
  const code = await run(line.split(' '), world);
  const took = performance.now() - started;
  server.postMessage('count');
  const count = await nextMessage();
  await server.terminate();
  rmSync(folder, { recursive: true });
  const [first = 0, ...later] = heap;
  // The wait is an interval after a success, 2^(n-1) s after the nth failure in a row, and Retry-After after one failure in six.
  const failed = (5 * (0.8 / (1 - 2 * 0.2)) + retryAfter) / 6;
  const planned = Math.round(end / 1000 / (0.8 * interval + 0.2 * failed));
  const grownMiB = (Math.max(...later) - first) / 2 ** 20;
  // The heap has settled by the second quarter. Half of all requests come between then and the last quarter.
  const quarter = Math.floor(heap.length / 4);
  const growth = median(heap.slice(-quarter)) - median(heap.slice(quarter, 2 * quarter));
  console.log(
    JSON.stringify({
      code,
      ...count,
      planned,
      hours: heap.length,
      passed: time.passed / end,
      firstHourMiB: first / 2 ** 20,
      grownMiB,
      bytesPerRequest: growth / (count.requests / 2),
      events,
      seconds: took / 1000,
    }),
  );
}
