// Measures machines that share a state database on loopback: `npm run bench:teams`. Needs PostgreSQL.
//
//   --count N     number of keys for the throughput (default: 5000)
//   --latency N   milliseconds of the stand-in API (default: 50)
//   --limit N     requests that the stand-in answers at a time (default: 64); it refuses others with 429
//   --changes N   number of changes whose time is compared (default: 40)
//
// Each machine is a process with a home of its own. Exits with 1 if a figure isn't what it must be.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { startPostgres } from './postgres.mjs';

const program = fileURLToPath(new URL('../../bin/ci.js', import.meta.url));

if (!isMainThread) serve(workerData);
else await main();

async function main() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '5000' },
      latency: { type: 'string', default: '50' },
      limit: { type: 'string', default: '64' },
      changes: { type: 'string', default: '40' },
    },
  });
  const [count, latency, limit, changes] = ['count', 'latency', 'limit', 'changes'].map((name) => Number(values[name]));
  const figures = [];
  const postgres = await startPostgres();
  try {
    const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
    execFileSync(process.execPath, [program, 'state', 'init'], {
      env: environment(home, 'http://127.0.0.1:1', postgres.url),
    });
    rmSync(home, { recursive: true });
    const idle = await startApi({ latency: 0, limit });
    const [files, database] = await compared(idle.url, postgres.url, changes);
    await idle.end();
    const added = database - files;
    figures.push([
      'added time of `keys create`, median',
      `${added.toFixed(1)} ms (${files.toFixed(1)} with files, ${database.toFixed(1)} with the database)`,
      added <= 10,
    ]);
    let single = 0;
    for (const machines of [1, 2, 4, 8]) {
      const api = await startApi({ latency, limit });
      const { seconds, created } = await createOnMachines(api.url, postgres.url, machines, count);
      const { keys, names } = await api.result();
      await api.end();
      const rate = count / seconds;
      single ||= rate;
      const reachable = Math.min(machines * single, (limit / latency) * 1000);
      figures.push([
        `keys per second, ${machines} machines, 8 requests each, ${latency} ms`,
        `${Math.round(rate)}, ${((100 * rate) / reachable).toFixed(0)} % of ${Math.round(reachable)}; ${keys} keys of ${names} names (${created.join(', ')})`,
        // All machines share the processors of this one.
        keys === count && names === count && (machines > availableParallelism() || rate >= 0.9 * reachable),
      ]);
    }
  } finally {
    await postgres.end();
  }
  for (const [name, value, isMet] of figures) console.log(`${isMet ? '  ' : '✗ '}${name}: ${value}`);
  process.exitCode = figures.every(([, , isMet]) => isMet) ? 0 : 1;
}

/** Creates keys with one file on several machines at once. @returns the seconds from the first start to the last end */
async function createOnMachines(apiUrl, stateUrl, machines, count) {
  const homes = Array.from({ length: machines }, () => mkdtempSync(path.join(tmpdir(), 'ci-bench-')));
  const rows = Array.from({ length: count }, (_, at) => `customer-${at},credit,25\n`).join('');
  for (const home of homes) writeFileSync(path.join(home, 'keys.csv'), `name,type,maxBudget\n${rows}`);
  const start = performance.now();
  const outputs = await Promise.all(
    homes.map((home) =>
      ci(home, 'keys create --from keys.csv --save-to secrets.ndjson --yes --json', apiUrl, stateUrl),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  const saved = homes.flatMap((home) => readFileSync(path.join(home, 'secrets.ndjson'), 'utf8').trim().split('\n'));
  if (new Set(saved.map((line) => JSON.parse(line).name)).size !== count) throw new Error('secrets are missing');
  for (const home of homes) rmSync(home, { recursive: true, force: true });
  return { seconds, created: outputs.map((text) => JSON.parse(text).created) };
}

/** Returns the median times of a change in milliseconds: with files, and with the database, in turns. */
async function compared(apiUrl, stateUrl, count) {
  const times = [[], []];
  const homes = [0, 1].map(() => mkdtempSync(path.join(tmpdir(), 'ci-bench-')));
  for (let at = 0; at < count + 3; at++) {
    for (const side of [0, 1]) {
      const start = performance.now();
      await ci(homes[side], `keys create key-${at}-${side} --credit --json`, apiUrl, side === 1 ? stateUrl : undefined);
      if (at >= 3) times[side].push(performance.now() - start);
    }
  }
  for (const home of homes) rmSync(home, { recursive: true, force: true });
  return times.map((each) => each.sort((one, other) => one - other)[Math.floor(each.length / 2)]);
}

function environment(home, apiUrl, stateUrl) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    CHEAPESTINFERENCE_API_URL: apiUrl,
    CHEAPESTINFERENCE_MANAGEMENT_KEY: `mk_${'a1'.repeat(16)}`,
    ...(stateUrl && { CHEAPESTINFERENCE_STATE_URL: stateUrl }),
  };
}

async function ci(home, line, apiUrl, stateUrl) {
  const child = spawn(process.execPath, [program, ...line.split(' ')], {
    cwd: home,
    env: environment(home, apiUrl, stateUrl),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [text, errors] = ['', ''];
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`ci ${line}: ${code}\n${errors}`);
  return text;
}

function startApi(options) {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (url) => {
      const result = () =>
        new Promise((answer) => {
          worker.once('message', answer);
          worker.postMessage('result');
        });
      resolve({ url, result, end: () => worker.terminate() });
    });
  });
}

/** Serves an API that creates keys, so many at a time. */
function serve({ latency, limit }) {
  const keys = [];
  let running = 0;
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const send = (status, data) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(data));
      };
      if (request.method === 'GET') {
        const isList = request.url.startsWith('/api/keys');
        return send(200, { success: true, data: isList ? keys : { stripeCustomerId: 'cus_bench', poolPledges: [] } });
      }
      if (running >= limit) return send(429, { success: false, error: 'too many requests' });
      running++;
      setTimeout(() => {
        running--;
        const { name } = JSON.parse(body);
        const key = { id: `key-${keys.length}`, name, keyType: 'credit', isActive: true };
        keys.push(key);
        const apiKey = `sk_live_${String(keys.length).padStart(8, '0')}AbCdEfGhIjKlMnOpQrStUvWx`;
        send(200, { success: true, data: { ...key, apiKey } });
      }, latency);
    });
  });
  parentPort.on('message', () =>
    parentPort.postMessage({ keys: keys.length, names: new Set(keys.map(({ name }) => name)).size }),
  );
  http.listen(0, '127.0.0.1', () => parentPort.postMessage(`http://127.0.0.1:${http.address().port}`));
}
