// Measures the time from the response that shows an open block to the request that buys it: `node test/bench/watch.mjs`
// (RUNS=200 for more runs). The server measures both in a separate thread, so that the time in the kernel counts, too.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const runs = Number(process.env.RUNS ?? 21);
/** The number of checks before the block opens. */
const checksSoldOut = 5;
const self = fileURLToPath(import.meta.url);
const bin = path.resolve(path.dirname(self), '../../bin/ci.js');

if (isMainThread) await bench();
else serve();

function serve() {
  const pool = (status) => ({
    id: '2f9e7a14-83bc-4d6e-a05b-7c1d9e4f3302',
    slug: 'minimax-m3',
    status: 'active',
    annualDiscount: 0.15,
    blocks: [{ block: 'americas', hoursUtc: '16:00-24:00', pricePerMonth: '45.00', status }],
  });
  const hours = Array.from({ length: 8 }, (_, hour) => ({ hour: 16 + hour, slotIndex: 0, pricePerDay: '5.63' }));
  const bought = { id: 's1', poolId: pool().id, status: 'active', monthlyPrice: '45.00', hours, key: null };
  let checks = 0;
  let shownAt = 0n;
  const server = createServer((request, response) => {
    const data = (value, done) => {
      response.writeHead(200, { 'content-type': 'application/json', etag: `"${checks > checksSoldOut}"` });
      response.end(JSON.stringify({ success: true, data: value }), done);
    };
    if (request.method === 'POST') {
      const took = Number(process.hrtime.bigint() - shownAt) / 1e6;
      request.resume().on('end', () => data(bought));
      parentPort.postMessage({ took });
      checks = 0;
    } else if (request.url === '/api/pools') {
      checks += 1;
      if (checks <= checksSoldOut && checks > 1) return response.writeHead(304, { etag: '"false"' }).end();
      if (checks > checksSoldOut) shownAt = process.hrtime.bigint();
      data([pool(checks > checksSoldOut ? 'limited' : 'sold-out')]);
    } else data([]);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
}

async function bench() {
  const server = new Worker(self);
  const times = [];
  const port = await new Promise((resolve) => server.once('message', ({ port }) => resolve(port)));
  server.on('message', ({ took }) => times.push(took));
  const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    CHEAPESTINFERENCE_API_URL: `http://127.0.0.1:${port}`,
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_bench_0123456789',
  };
  const words =
    'pools watch minimax-m3 --blocks americas --interval 50ms --subscribe --max-price 45 --again --yes --json';
  for (let run = 0; run < runs; run++)
    await exitOf(spawn(process.execPath, [bin, ...words.split(' ')], { env, stdio: ['ignore', 'ignore', 'inherit'] }));
  await server.terminate();
  rmSync(home, { recursive: true });
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(2);
  console.log(`${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${times.length} purchases`);
  console.log(`from the response to the request: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, worst ${at(1)} ms`);
}

function exitOf(child) {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Error(code === null ? `ci was terminated by ${signal}` : `ci exited with code ${code}`)),
    );
  });
}
