// How long a command takes as a whole process, against `node -e 0`: `npm run bench` (RUNS=31 for more runs).
// The commands run in turn, so that a machine that slows down slows all of them; the medians are compared.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const runs = Number(process.env.RUNS ?? 21);
const self = fileURLToPath(import.meta.url);
const bin = path.resolve(path.dirname(self), '../../bin/ci.js');
const pools = readFileSync(path.join(path.dirname(self), 'pools.json'));

if (isMainThread) await bench();
else serve();

/** Answers as the API would, in a thread of its own: the commands are waited for in this one. */
function serve() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(pools);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}

async function bench() {
  const server = new Worker(self);
  const port = await new Promise((resolve) => server.once('message', resolve));
  const url = `http://127.0.0.1:${port}`;
  const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  const env = { PATH: process.env.PATH, HOME: home, CHEAPESTINFERENCE_API_URL: url };
  const node = process.execPath;
  const shell = (script) => ['sh', '-c', script];
  const commands = [
    ['node -e 0', [node, '-e', '0']],
    ['ci --version', [node, bin, '--version']],
    ['ci --help', [node, bin, '--help']],
    ['ci pools --help', [node, bin, 'pools', '--help']],
    ['ci pools list --json', [node, bin, 'pools', 'list', '--json']],
    ['curl | jq', shell(`curl -s ${url}/api/pools | jq .data`)],
  ].filter(([, [program]]) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined);
  const times = new Map(commands.map(([name]) => [name, []]));
  for (let run = -1; run < runs; run++) {
    for (const [name, words] of commands) {
      const took = await time(words, env);
      if (run >= 0) times.get(name).push(took);
    }
  }
  await server.terminate();
  rmSync(home, { recursive: true });
  const base = median(times.get('node -e 0'));
  console.log(`${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${runs} runs each, interleaved`);
  console.log(['run'.padEnd(22), 'median ms', 'min', 'max', '× node -e 0'].map((cell) => cell.padStart(10)).join('  '));
  for (const [name, each] of times) {
    const cells = [median(each), Math.min(...each), Math.max(...each)].map((value) => value.toFixed(1).padStart(10));
    console.log([name.padEnd(22), ...cells, (median(each) / base).toFixed(2).padStart(10)].join('  '));
  }
}

/** Milliseconds from a process's start to its end. */
function time([program, ...args], env) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    child.on('error', reject);
    child.on('close', (code) => {
      const took = Number(process.hrtime.bigint() - started) / 1e6;
      if (code === 0) resolve(took);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`));
    });
  });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
