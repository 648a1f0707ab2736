// How long commands take as whole processes, and what memory: `npm run bench` (RUNS=31 for more runs, NODE=/path/to/node for
// another Node.js). They run in turn, so that a machine that slows down slows all of them; the medians are compared.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { spawn as spawnOnTerminal } from '@lydell/node-pty';
import { build } from 'rolldown';

/** How long names are fresh, in milliseconds, and no process is started to ask for them: a little less than a minute. */
const longestWarm = 45_000;
const runs = Number(process.env.RUNS ?? 21);
const node = process.env.NODE ?? process.execPath;
const folder = path.dirname(new URL(import.meta.url).pathname);
const bin = path.join(folder, '../../bin/ci.js');
const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));

const server = new Worker(path.join(folder, 'server.mjs'), { workerData: await certificate() });
const [port, tlsPort] = await new Promise((resolve) => server.once('message', resolve));
const url = `http://127.0.0.1:${port}`;
const tlsUrl = `https://127.0.0.1:${tlsPort}`;

// NODE_EXTRA_CA_CERTS, which many machines set, would have Node.js 20 read them all at each start: it is left out.
const env = {
  PATH: process.env.PATH,
  HOME: home,
  LANG: 'C.UTF-8',
  npm_config_registry: url,
  CHEAPESTINFERENCE_API_URL: url,
  CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_benchmark',
};
// What is measured is the handshake with the roots that Node.js brings; the server's certificate is from none of them.
const tls = { CHEAPESTINFERENCE_API_URL: tlsUrl, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
const ci = (line, more = {}) => ({ name: `ci ${line}`, words: [node, bin, ...line.split(' ')], ...more });
const other = (name, words, more = {}) => ({ name, words, isOther: true, ...more });
const shell = (name, script) => other(name, ['sh', '-c', script]);

const commands = [
  other('node -e 0', [node, '-e', '0']),
  ci('--version'),
  ci('--help'),
  ci('pools --help'),
  ci('pools list --json'),
  other('gh api', ['gh', 'api', `${url}/api/pools`], { env: { GH_TOKEN: 'gho_benchmark' } }),
  shell('curl | jq .', `curl -s ${url}/api/pools | jq .`),
  ci('pools list', { onTerminal: true, name: 'ci pools list, on a terminal' }),
  ci('pools list --json', { env: tls, name: 'ci pools list --json, HTTPS' }),
  ci('--complete pools', { name: 'completion, warm cache' }),
  ci('keys list --json', { name: 'ci keys list --json, 10,000 keys' }),
  shell('curl | jq ., 10,000 keys', `curl -s ${url}/api/keys | jq .`),
].filter(({ isOther, words: [program] }) => !isOther || isThere(program));

let warmed = await warm();
const times = new Map(commands.map(({ name }) => [name, []]));
for (let run = -1; run < runs; run++) {
  if (performance.now() - warmed > longestWarm) warmed = await warm();
  for (const command of commands) {
    const took = await time(command);
    if (run >= 0) times.get(command.name).push(took);
  }
}
const memory = new Map();
for (const command of commands) if (command.words[0] === node) memory.set(command.name, await peak(command));
await server.terminate();
rmSync(home, { recursive: true });
report();

/** A certificate for 127.0.0.1, made as the tests make theirs. */
async function certificate() {
  const { output } = await build({
    input: path.join(folder, '../support/certificate.ts'),
    platform: 'node',
    write: false,
  });
  const file = path.join(home, 'certificate.mjs');
  writeFileSync(file, output[0].code);
  const { selfSigned } = await import(pathToFileURL(file));
  return selfSigned('localhost');
}

function isThere(program) {
  return spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;
}

/** Has the names that a shell completes fetched, and waits until they are there. @returns when that was */
async function warm() {
  rmSync(path.join(home, '.cache'), { recursive: true, force: true });
  const { words } = commands.find(({ name }) => name.startsWith('completion'));
  for (let attempt = 0; attempt < 100; attempt++) {
    const { stdout } = spawnSync(words[0], words.slice(1), { env, encoding: 'utf8' });
    if (stdout.includes('kimi26')) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the names to complete never came');
}

/** Milliseconds from a process's start to its end. */
function time(command) {
  return command.onTerminal ? timeOnTerminal(command) : timeInPipe(command);
}

function timeInPipe({ words: [program, ...args], env: more }) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(program, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    child.on('error', reject);
    child.on('close', (code) => ended({ code, program, args, started, resolve, reject }));
  });
}

function timeOnTerminal({ words: [program, ...args] }) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawnOnTerminal(program, args, { name: 'xterm-256color', cols: 80, rows: 40, env });
    child.onData(() => {});
    child.onExit(({ exitCode: code }) => ended({ code, program, args, started, resolve, reject }));
  });
}

function ended({ code, program, args, started, resolve, reject }) {
  const took = Number(process.hrtime.bigint() - started) / 1e6;
  if (code === 0) resolve(took);
  else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`));
}

/** The most memory that a process of Node.js held, in MiB, as the system tells it. */
function peak({ words: [program, ...args], env: more }) {
  return new Promise((resolve, reject) => {
    const preloaded = ['--require', path.join(folder, 'memory.cjs'), ...args];
    const child = spawn(program, preloaded, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    let told = '';
    child.stdout.resume();
    child.stdio[3].on('data', (text) => {
      told += text;
    });
    child.on('error', reject);
    child.on('close', () => resolve(Number(told) / 1024));
  });
}

/** One table for docs/speed.md, and the same as JSON. */
function report() {
  const base = median(times.get('node -e 0'));
  const results = commands.map(({ name }) => {
    const each = times.get(name);
    return {
      name,
      milliseconds: median(each),
      fastest: Math.min(...each),
      slowest: Math.max(...each),
      ratio: median(each) / base,
      mebibytes: memory.get(name),
    };
  });
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const machine = `Node.js ${version.slice(1)} on ${process.platform}, ${cpus()[0]?.model ?? 'unknown processor'}`;
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${date}, ${machine}, medians of ${runs} runs each, interleaved\n`);
  console.log('| run | × `node -e 0` | ms | fastest–slowest | MiB |\n| --- | --- | --- | --- | --- |');
  for (const { name, milliseconds, fastest, slowest, ratio, mebibytes } of results) {
    const spread = `${fastest.toFixed(1)}–${slowest.toFixed(1)}`;
    console.log(
      `| ${name} | ${ratio.toFixed(2)} | ${milliseconds.toFixed(1)} | ${spread} | ${mebibytes?.toFixed(0) ?? ''} |`,
    );
  }
  writeFileSync('bench.json', `${JSON.stringify({ date, machine, runs, results }, null, 2)}\n`);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
