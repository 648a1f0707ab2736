// Measures the time and memory of commands as whole processes: `npm run bench` (RUNS=31 for more runs, NODE=/path/to/node for
// another Node.js). The commands take turns, so that a machine that slows down affects all of them. The medians are compared.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { spawn as spawnOnTerminal } from '@lydell/node-pty';
import { build } from 'rolldown';

/** How long cached names are used, in milliseconds. It is less than a minute, when `ci` would start a process to fetch them. */
const cacheLifetime = 45_000;
const runs = Number(process.env.RUNS ?? 21);
const node = process.env.NODE ?? process.execPath;
const folder = path.dirname(new URL(import.meta.url).pathname);
const bin = path.join(folder, '../../bin/ci.js');
const binary = path.join(folder, '../../dist/bin/ci');
const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));

const server = new Worker(path.join(folder, 'server.mjs'), { workerData: await certificate() });
const [port, tlsPort] = await new Promise((resolve) => server.once('message', resolve));
const url = `http://127.0.0.1:${port}`;
const tlsUrl = `https://127.0.0.1:${tlsPort}`;

storeKey();

// Without NODE_EXTRA_CA_CERTS, which makes Node.js 20 read all certificates at each start.
const env = {
  PATH: process.env.PATH,
  HOME: home,
  LANG: 'C.UTF-8',
  npm_config_registry: url,
  CHEAPESTINFERENCE_API_URL: url,
  CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_benchmark',
};
// The handshake is measured with the built-in root certificates, which don't include the server's.
const tls = { CHEAPESTINFERENCE_API_URL: tlsUrl, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
const ci = (line, { name = line, ...more } = {}) => [
  { name: `ci ${name}`, words: [node, bin, ...line.split(' ')], ...more },
  { name: `ci ${name}, binary`, words: [binary, ...line.split(' ')], ...more },
];
const other = (name, words, more = {}) => ({ name, words, isOther: true, ...more });
const shell = (name, script) => other(name, ['sh', '-c', script]);

const commands = [
  other('node -e 0', [node, '-e', '0']),
  ...ci('--version'),
  other('gh --version', ['gh', '--version']),
  ...ci('--help'),
  other('gh --help', ['gh', '--help']),
  ...ci('keys secret benchmark'),
  ...ci('run -- true'),
  other('true', ['true']),
  ...ci('pools --help'),
  ...ci('pools list --json'),
  other('gh api', ['gh', 'api', `${url}/api/pools`], { env: { GH_TOKEN: 'gho_benchmark' } }),
  shell('curl | jq .', `curl -s ${url}/api/pools | jq .`),
  ...ci('pools list', { onTerminal: true, name: 'pools list, on a terminal' }),
  ...ci('pools list --json', { env: tls, name: 'pools list --json, HTTPS' }),
  ...ci('--complete pools', { name: '--complete pools, cached' }),
  ...ci('keys list --json', { name: 'keys list --json, 10,000 keys' }),
  shell('curl | jq ., 10,000 keys', `curl -s ${url}/api/keys | jq .`),
].filter(({ isOther, words: [program] }) => !isOther || isInstalled(program));

let filledAt = await fillCache();
const times = new Map(commands.map(({ name }) => [name, []]));
for (let run = -1; run < runs; run++) {
  if (performance.now() - filledAt > cacheLifetime) filledAt = await fillCache();
  for (const command of commands) {
    const took = await time(command);
    if (run >= 0) times.get(command.name).push(took);
  }
}
const memory = new Map();
if (isInstalled('time')) for (const command of commands) memory.set(command.name, peak(command));
await server.terminate();
rmSync(home, { recursive: true });
report();

/** Returns a certificate for 127.0.0.1, created like those of the tests. */
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

/** Stores a key, as `ci keys create --store` does. */
function storeKey() {
  const config = path.join(home, '.config/cheapestinference');
  mkdirSync(config, { recursive: true, mode: 0o700 });
  const key = { profile: 'default', apiUrl: url, name: 'benchmark', maskedKey: 'sk_live_…stuv' };
  const keys = [{ ...key, secret: 'sk_live_0123456789abcdefghijklmnopqrstuv' }];
  writeFileSync(path.join(config, 'secrets.json'), JSON.stringify({ keys }), { mode: 0o600 });
}

function isInstalled(program) {
  return spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;
}

/** Fills the cache of names for completion, and returns when it was full. */
async function fillCache() {
  rmSync(path.join(home, '.cache'), { recursive: true, force: true });
  const { words } = commands.find(({ words }) => words.includes('--complete'));
  for (let attempt = 0; attempt < 100; attempt++) {
    const { stdout } = spawnSync(words[0], words.slice(1), { env, encoding: 'utf8' });
    if (stdout.includes('kimi26')) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no names to complete after 10 seconds');
}

/** Measures how long a process runs, in milliseconds. */
function time(command) {
  return command.onTerminal ? timeOnTerminal(command) : timeInPipe(command);
}

function timeInPipe({ words: [program, ...args], env: more }) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(program, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    child.on('error', reject);
    child.on('close', (code) => settle({ code, program, args, started, resolve, reject }));
  });
}

function timeOnTerminal({ words: [program, ...args] }) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawnOnTerminal(program, args, { name: 'xterm-256color', cols: 80, rows: 40, env });
    child.onData(() => {});
    child.onExit(({ exitCode: code }) => settle({ code, program, args, started, resolve, reject }));
  });
}

function settle({ code, program, args, started, resolve, reject }) {
  const took = Number(process.hrtime.bigint() - started) / 1e6;
  if (code === 0) resolve(took);
  else reject(new Error(`${program} ${args.join(' ')} exited with code ${code}`));
}

/** Measures the peak memory of a process in MiB, with GNU time. */
function peak({ words, env: more }) {
  const file = path.join(home, 'memory');
  spawnSync('time', ['-f', '%M', '-o', file, ...words], {
    env: { ...env, ...more },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return Number(readFileSync(file, 'utf8')) / 1024;
}

/** Prints the table of docs/speed.md, and writes it as JSON. */
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
