// Measures the gateway against a stand-in API that answers one request per key at a time: `npm run bench:gateway`.
//
//   --only NAME   one measurement: latency, busy, load, streams, soak or fairness
//   --soak        the soak with 200,000 requests instead of 20,000
//   --count N     the soak with another number of requests
//   --seed N      other faults
//   --node=ARG    an argument for the Node.js of the gateway, such as --node=--cpu-prof; can be repeated
//
// The stand-in, the gateway and the clients are processes of their own. Exits with 1 if a figure isn't what it must be.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startScript } from './calls.mjs';
import { bundle, median } from './library.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    soak: { type: 'boolean' },
    count: { type: 'string' },
    seed: { type: 'string', default: '19' },
    node: { type: 'string', multiple: true, default: [] },
  },
});
const seed = Number(options.seed);
const soakCount = Number(options.count ?? (options.soak ? 200_000 : 20_000));
const measurements = { latency, busy, load, streams, soak, fairness };
if (options.only !== undefined && !(options.only in measurements)) {
  console.error(`"${options.only}" is not a measurement. Use ${Object.keys(measurements).join(', ')}.`);
  process.exit(2);
}
const noFaults = { seed, events: [3, 3], pause: [0, 0], eventSize: 40, faults: 0 };

const rows = [];
const folder = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
const program = fileURLToPath(new URL('../../bin/ci.js', import.meta.url));
const modules = {};
for (const [name, source] of [
  ['api', '../test/support/seat-api.ts'],
  ['clients', '../test/support/seat-clients.ts'],
]) {
  modules[name] = pathToFileURL(await bundle(source, folder)).href;
}
const api = startScript('gateway-api.mjs', [modules.api, JSON.stringify(noFaults)]);
const clients = startScript('gateway-clients.mjs', [modules.clients]);
const apiUrl = await api.call('start');

try {
  for (const [name, measure] of Object.entries(measurements)) {
    if (options.only !== undefined && options.only !== name) continue;
    try {
      await measure();
    } catch (error) {
      row(name, 'not measured', { goal: '', must: '', meetsGoal: false, meetsMust: false, note: error.message });
    }
  }
} finally {
  api.child.disconnect();
  clients.child.disconnect();
  rmSync(folder, { recursive: true });
}
report();

/** Measures how much later the first byte arrives through the gateway. Direct requests and those through the gateway take turns. */
async function latency() {
  const gateway = await startGateway(1);
  await api.call('setLoad', noFaults);
  const differences = { p50: [], p99: [] };
  const direct = { p50: [], p99: [] };
  for (let round = 0; round < 7; round++) {
    const targets = [{ url: apiUrl, tokens: ['sk_direct'] }, gateway.target];
    const times = await clients.call('firstBytes', { targets, load: noFaults, count: 1500 });
    for (const [name, part] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ]) {
      const [without, through] = times.map((each) => percentile(each, part));
      differences[name].push(through - without);
      direct[name].push(without);
    }
  }
  await gateway.stop();
  for (const [name, goal, most] of [
    ['p50', 0.5, 1],
    ['p99', 2, 5],
  ]) {
    const added = median(differences[name]);
    const note = `direct ${median(direct[name]).toFixed(2)} ms, 7 rounds: ${range(differences[name], 2)} ms`;
    row(`added latency to the first byte, free seat, ${name}`, `${added.toFixed(2)} ms`, {
      goal: `≤ ${goal} ms`,
      must: `≤ ${most} ms`,
      meetsGoal: added <= goal,
      meetsMust: added <= most,
      note,
    });
  }
}

/** Measures how much of the time seats answer while requests wait, as the API sees it. */
async function busy() {
  const seats = 8;
  const gateway = await startGateway(seats);
  const answers = { ...noFaults, events: [10, 40], pause: [10, 10] };
  await api.call('setLoad', answers);
  const running = clients.call('run', { target: gateway.target, load: answers, count: 1e6, clients: 64 });
  await sleep(1000);
  await api.call('resetCounts');
  await sleep(20_000);
  const { busyTime, time, gaps, answered, violations } = await api.call('report');
  await clients.call('stop');
  await running;
  await gateway.stop();
  const share = busyTime / (time * seats);
  row('seats busy while requests wait, 8 seats, 64 clients', `${(share * 100).toFixed(2)} %`, {
    goal: '≥ 99 %',
    must: '≥ 97 %',
    meetsGoal: share >= 0.99,
    meetsMust: share >= 0.97 && violations === 0,
    note: `${answered} answers of 0.1 to 0.4 s; a key is free for ${percentile(gaps, 0.5).toFixed(2)} ms (p50), ${percentile(gaps, 0.99).toFixed(2)} ms (p99) between two`,
  });
}

/** Counts what must not happen when there are more clients than seats. */
async function load() {
  const gateway = await startGateway(8);
  const answers = { ...noFaults, events: [1, 6], pause: [0, 2] };
  await api.call('setLoad', answers);
  const started = performance.now();
  const totals = await clients.call('run', { target: gateway.target, load: answers, count: 10_000, clients: 64 });
  const took = (performance.now() - started) / 1000;
  const counted = await api.call('report');
  await gateway.stop();
  const isComplete = totals.outcomes.whole === 10_000;
  zeroRow('429 for clients, 10,000 requests, 64 clients, 8 seats', totals.statuses[429] ?? 0, {
    note: `${(10_000 / took).toFixed(0)} requests per second`,
  });
  zeroRow('requests to a seat that answers another', counted.violations);
  zeroRow('requests lost, changed, or answered twice', totals.lost + counted.twice + counted.changed, { isComplete });
}

/** Compares 1,000 streams with and without the gateway, each as fast as a model writes. */
async function streams() {
  const count = 1000;
  const [perSecond, seconds] = [20, 10];
  const answers = { ...noFaults, pause: [1000 / perSecond, 1000 / perSecond] };
  answers.events = [perSecond * seconds, perSecond * seconds];
  const direct = { url: apiUrl, tokens: Array.from({ length: count }, (_, at) => `sk_pool_${at}`) };
  const gateway = await startGateway(count);
  const memory = watchMemory(gateway.pid);
  const rates = { direct: [], through: [] };
  const openings = { direct: [], through: [] };
  let violations = 0;
  for (let round = 0; round < 5; round++) {
    for (const [name, target] of [
      ['direct', direct],
      ['through', gateway.target],
    ]) {
      await api.call('setLoad', answers);
      const { time } = await clients.call('progress');
      const running = clients.call('run', { target, load: answers, count, clients: count });
      const open = [];
      for (let progress = await clients.call('progress'); progress.ended === 0; ) {
        if (progress.begun === count) open.push(progress);
        await sleep(50);
        progress = await clients.call('progress');
      }
      const totals = await running;
      if (totals.lost > 0) throw new Error(totals.problems.join('\n'));
      if (open.length < 20) throw new Error('The machine is too busy: the streams were never all open for a second');
      const [first, last] = [open[0], open.at(-2)];
      rates[name].push(((last.bytes - first.bytes) / (last.time - first.time)) * 1000);
      openings[name].push(first.time - time);
      violations += (await api.call('report')).violations;
    }
  }
  const peak = Math.max(...(await memory.stop()).map(({ mebibytes }) => mebibytes));
  await gateway.stop();
  const share = median(rates.through) / median(rates.direct);
  const speed = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB/s`;
  row('throughput of 1,000 open streams against direct', `${(share * 100).toFixed(1)} %`, {
    goal: '100 %, within 1 %',
    must: '100 %, within 2 %',
    meetsGoal: share >= 0.99,
    meetsMust: share >= 0.98 && violations === 0,
    note: `${(count * perSecond).toLocaleString('en')} events per second; ${speed(median(rates.through))}, direct ${speed(median(rates.direct))}; all open after ${median(openings.through).toFixed(0)} ms, direct ${median(openings.direct).toFixed(0)} ms`,
  });
  row('memory of the gateway with 1,000 streams', `${peak.toFixed(0)} MiB`, {
    goal: '< 200 MiB',
    must: '< 200 MiB',
    meetsGoal: peak < 200,
    meetsMust: peak < 200,
  });
}

/** Sends many requests while connections, seats and clients fail. */
async function soak() {
  const gateway = await startGateway(32);
  const answers = { seed, events: [1, 6], pause: [0, 2], eventSize: 40, faults: 1 };
  await api.call('setLoad', answers);
  const memory = watchMemory(gateway.pid, async () => (await clients.call('progress')).ended);
  const started = performance.now();
  const totals = await clients.call('run', { target: gateway.target, load: answers, count: soakCount, clients: 128 });
  const took = (performance.now() - started) / 1000;
  const samples = await memory.stop();
  const counted = await api.call('report');
  await gateway.stop();
  for (const problem of totals.problems) console.error(problem);
  const faults = Object.entries(counted.faults).map(([name, count]) => `${count} × ${name}`);
  const name = `soak of ${soakCount.toLocaleString('en')} requests`;
  zeroRow(`${name}: lost`, totals.lost, {
    isComplete: totals.ended === soakCount,
    note: `${took.toFixed(0)} s; ${totals.outcomes.gone} clients went away; ${faults.join(', ')}`,
  });
  zeroRow(`${name}: answered twice`, counted.twice);
  zeroRow(`${name}: changed`, counted.changed);
  zeroRow(`${name}: requests to a seat that answers another`, counted.violations);
  zeroRow(`${name}: 429 for clients`, totals.statuses[429] ?? 0);
  const part = (from, to) =>
    median(samples.filter(({ at }) => at >= from * soakCount && at <= to * soakCount).map((each) => each.mebibytes));
  const [early, late] = [part(0.1, 0.3), part(0.8, 1)];
  // In a shorter run, the memory of Node.js itself still grows after the first tenth.
  const isLong = soakCount >= 200_000;
  row(`${name}: memory, last fifth against 10–30 %`, `${late.toFixed(0)} / ${early.toFixed(0)} MiB`, {
    goal: isLong ? '≤ 110 %' : 'with --soak',
    must: isLong ? '≤ 110 %' : 'with --soak',
    meetsGoal: !isLong || late <= early * 1.1,
    meetsMust: !isLong || late <= early * 1.1,
    note: Array.from({ length: 10 }, (_, at) => part(at / 10, (at + 1) / 10)?.toFixed(0) ?? '–').join(' '),
  });
}

/** Measures how long clients with few requests wait behind one with many. */
async function fairness() {
  const answerTime = 100;
  const answers = { ...noFaults, events: [10, 10], pause: [answerTime / 10, answerTime / 10] };
  const few = [1, 2, 3, 4, 5];
  const requests = [{ client: 0, count: 50 }, ...few.map((client) => ({ client, count: 2 }))];
  for (const seats of [1, 8]) {
    const gateway = await startGateway(seats);
    const shares = [];
    for (let round = 0; round < 5; round++) {
      await api.call('setLoad', answers);
      const ends = await clients.call('burst', { target: gateway.target, load: answers, requests });
      // If all six clients take turns, the second request of each has ended after 12 answers.
      const fair = Math.ceil((2 * (few.length + 1)) / seats) * answerTime;
      shares.push(Math.max(...few.map((client) => ends[client])) / fair);
    }
    await gateway.stop();
    const share = Math.max(...shares);
    row(`fairness: 50 requests against 5 × 2, ${seats} ${seats === 1 ? 'seat' : 'seats'}`, `${share.toFixed(2)} ×`, {
      goal: '≤ 2 ×',
      must: '≤ 3 ×',
      meetsGoal: share <= 2,
      meetsMust: share <= 3,
      note: 'the worst of the five clients in 5 rounds',
    });
  }
}

/** Starts a gateway with some seats. */
async function startGateway(seats) {
  const home = mkdtempSync(path.join(folder, 'home-'));
  storeKeys(path.join(home, '.config', 'cheapestinference'), seats);
  const args = ['--listen', '127.0.0.1:0', '--queue-limit', '10000', '--drain', '1s', '--quiet', '--json'];
  const child = spawn(process.execPath, [...options.node, program, 'gateway', ...args], {
    env: { PATH: process.env.PATH, HOME: home, CHEAPESTINFERENCE_API_URL: apiUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    ended.then((code) => reject(new Error(`The gateway exited with code ${code}`)));
  });
  const { url, tokenFile } = JSON.parse(first);
  return {
    pid: child.pid,
    target: { url, tokens: [readFileSync(tokenFile, 'utf8').trim()] },
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Stores keys of pools as `ci keys create --store` does. */
function storeKeys(config, count) {
  const keys = Array.from({ length: count }, (_, at) => ({
    profile: 'default',
    apiUrl,
    id: `key-${at}`,
    name: `seat-${at}`,
    maskedKey: `sk_pool_…${at}`,
    secret: `sk_pool_${at}`,
    keyType: 'subscription',
    subscriptionId: `subscription-${at}`,
    poolSlug: 'bench',
  }));
  mkdirSync(config, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(config, 'secrets.json'), JSON.stringify({ keys }), { mode: 0o600 });
}

/** Samples the memory of a process. @param position - returns what to note with each sample */
function watchMemory(pid, position = () => 0) {
  const samples = [];
  let isStopped = false;
  const watch = async () => {
    while (!isStopped) {
      const mebibytes = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
      samples.push({ at: await position(), mebibytes });
      await sleep(250);
    }
    return samples;
  };
  const watching = watch();
  return {
    stop() {
      isStopped = true;
      return watching;
    },
  };
}

function zeroRow(name, value, { isComplete = true, note } = {}) {
  const isMet = value === 0 && isComplete;
  row(name, String(value), { goal: '0', must: '0', meetsGoal: isMet, meetsMust: isMet, note });
}

function row(name, measured, { goal, must, meetsGoal, meetsMust, note = '' }) {
  rows.push({ name, measured, goal, must, meetsMust, note });
  const result = meetsMust ? (meetsGoal ? '' : ' (goal missed)') : ' (MUST MISSED)';
  console.error(`${name}: ${measured}${result}. ${note}`);
}

function report() {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `Node.js ${process.versions.node} on ${process.platform}, ${cpus()[0]?.model ?? 'unknown processor'}`;
  console.log(`\n${date}, ${machine}, ${cpus().length} processors\n`);
  console.log('| figure | measured | goal | must | |\n| --- | --- | --- | --- | --- |');
  for (const { name, measured, goal, must, meetsMust, note } of rows) {
    console.log(`| ${name} | ${meetsMust ? measured : `**${measured}**`} | ${goal} | ${must} | ${note} |`);
  }
  if (rows.some(({ meetsMust }) => !meetsMust)) process.exitCode = 1;
}

function percentile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function range(values, digits) {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}
