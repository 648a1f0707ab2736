// Measures `ci keys create --from` against a stand-in API that takes 50 ms for each answer: `npm run bench:bulk`.
//
//   --count N     number of keys for the throughput (default: 4000)
//   --rows N      number of rows for the memory (default: 100000)
//   --latency N   milliseconds
//
// The stand-in is a process of its own. Exits with 1 if a figure isn't what it must be.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (!isMainThread) serve(workerData.latency);
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '4000' },
      rows: { type: 'string', default: '100000' },
      latency: { type: 'string', default: '50' },
    },
  });
  const [count, rows, latency] = [values.count, values.rows, values.latency].map(Number);
  const figures = [];
  for (const concurrency of [8, 32]) {
    const api = await startApi(latency);
    const { seconds } = await create(api.url, count, concurrency);
    const plain = await plainRate(api.url, count, concurrency);
    const [rate, ideal] = [count / seconds, (concurrency / latency) * 1000];
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    figures.push([
      `keys per second, ${concurrency} at a time, ${latency} ms`,
      `${Math.round(rate)}, ${percent(rate / ideal)} of concurrency ÷ latency, ${percent(rate / plain)} of a client that does nothing else (${Math.round(plain)})`,
      rate / plain >= 0.95,
    ]);
    await api.end();
  }
  const memory = [];
  for (const size of [rows / 100, rows / 10, rows]) {
    const api = await startApi(0);
    memory.push((await create(api.url, size, 32)).memory);
    await api.end();
  }
  figures.push([
    `memory with ${rows / 100}, ${rows / 10} and ${rows} rows`,
    `${memory.map((each) => Math.round(each / 1024)).join(', ')} MiB`,
    memory[2] <= 300 * 1024,
  ]);
  for (const [name, value, isMet] of figures) console.log(`${isMet ? '  ' : '✗ '}${name}: ${value}`);
  process.exitCode = figures.every(([, , isMet]) => isMet) ? 0 : 1;
}

/** Creates keys with `ci` in a process. @returns the seconds that it reports, and its highest memory in KiB */
async function create(url, count, concurrency) {
  const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  try {
    writeFileSync(
      path.join(home, 'keys.csv'),
      `name,type,maxBudget\n${Array.from({ length: count }, (_, at) => `customer-${at},credit,25\n`).join('')}`,
    );
    const program = fileURLToPath(new URL('../../bin/ci.js', import.meta.url));
    const args = `keys create --from keys.csv --save-to secrets.ndjson --yes --json --concurrency ${concurrency}`;
    const script = `process.on('exit', () => require('node:fs').writeFileSync(3, String(process.resourceUsage().maxRSS)));`;
    writeFileSync(path.join(home, 'memory.cjs'), script);
    const child = spawn(process.execPath, ['--require', path.join(home, 'memory.cjs'), program, ...args.split(' ')], {
      cwd: home,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        CHEAPESTINFERENCE_API_URL: url,
        CHEAPESTINFERENCE_MANAGEMENT_KEY: `mk_${'a1'.repeat(16)}`,
      },
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const [text, memory] = await Promise.all([textOf(child.stdout), textOf(child.stdio[3])]);
    const summary = JSON.parse(text);
    if (summary.created !== count) throw new Error(`${summary.created} of ${count} keys were created`);
    const lines = Number(
      execFileSync('wc', ['-l', path.join(home, 'secrets.ndjson')], { encoding: 'utf8' }).split(' ')[0],
    );
    if (lines !== count) throw new Error(`${lines} of ${count} secrets were saved`);
    return { seconds: summary.seconds, memory: Number(memory) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Returns how many requests a second a client of Node.js makes that opens a connection for each, and does nothing else. */
async function plainRate(url, count, concurrency) {
  const agent = new Agent({ keepAlive: false });
  const body = JSON.stringify({ name: 'customer-1', maxBudget: 25 });
  const send = () =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${url}/api/keys/credit`, { method: 'POST', agent }, (response) => {
        response.resume().on('end', resolve);
      });
      outgoing.on('error', reject).end(body);
    });
  let left = count;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await send();
    }),
  );
  return (count / (performance.now() - start)) * 1000;
}

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

function startApi(latency) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { latency } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (url) => resolve({ url, end: () => worker.terminate() }));
  });
}

/** Serves an API that creates keys. */
function serve(latency) {
  let keys = 0;
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const answer = () => {
        response.writeHead(200, { 'content-type': 'application/json' });
        if (request.method === 'GET') return response.end('{"success":true,"data":[]}');
        keys++;
        const apiKey = `sk_live_${String(keys).padStart(8, '0')}AbCdEfGhIjKlMnOpQrStUvWx`;
        response.end(
          JSON.stringify({ success: true, data: { id: `key-${keys}`, name: JSON.parse(body).name, apiKey } }),
        );
      };
      if (latency > 0) setTimeout(answer, latency);
      else answer();
    });
  });
  http.listen(0, '127.0.0.1', () => parentPort.postMessage(`http://127.0.0.1:${http.address().port}`));
}
