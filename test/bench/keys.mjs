// Measures how long reading many keys takes as whole processes, compared to `curl | jq` over the same response: `npm run bench:keys`
// (RUNS=21 for more runs). The commands take turns, and the medians are compared. Exits with 1 if reading 10,000 keys takes more
// than 1.5 × the time of `curl | jq` or 150 MiB, or if 100,000 keys take more than linearly longer. Needs curl, jq and GNU time.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { median } from './library.mjs';

const runs = Number(process.env.RUNS ?? 11);
const counts = [10_000, 100_000];
/** The limits for the smaller number of keys, and for the growth of the time beyond the number of keys. */
const limits = { ratio: 1.5, mebibytes: 150, growth: 1 };
const bin = fileURLToPath(new URL('../../bin/ci.js', import.meta.url));
const home = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
// Without NODE_EXTRA_CA_CERTS, which makes Node.js 20 read all certificates at each start.
const env = { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_benchmark' };

const server = new Worker(new URL('keys-server.mjs', import.meta.url));
const port = await new Promise((resolve) => server.once('message', resolve));

/** What is measured: the arguments of `ci`, and the `jq` program with the same result. */
const row = '[.id,.name,.keyType,.isActive,.apiKey,.createdAt,.lastUsedAt,.keyPlan]|@tsv';
const since = (name) => `(now - (.${name}|.[:19]+"Z"|fromdate) > 30*86400)`;
const reports = [
  { line: 'keys list --json', program: '[.data[]|.stored=false]', flags: '-c' },
  { line: 'keys list', program: `.data[]|${row}`, flags: '-r' },
  { line: 'keys list --older-than 30d', program: `.data[]|select(${since('createdAt')})|${row}`, flags: '-r' },
  {
    line: 'keys list --unused-for 30d',
    program: `.data[]|select(.lastUsedAt == null or ${since('lastUsedAt')})|${row}`,
    flags: '-r',
    // Without the last use, `ci` reads the usage, too.
    usage: `[inputs.data[]|{key:.id,value:.usage.last30d.requests}]|from_entries as $used|$keys[].data[]|select($used[.id] == 0)|${row}`,
  },
  { line: 'status --check', program: '[.data[]|select(.isActive)]|length', flags: '-r', account: true },
  { line: 'usage --refresh', path: 'usage', program: '.data[]|[.id,.name,.usage.last24h.requests]|@tsv', flags: '-r' },
];

const results = [];
for (const generation of ['current', 'documented']) {
  for (const count of counts) for (const report of reports) results.push(await compared(report, generation, count));
}
await server.terminate();
rmSync(home, { recursive: true });
report();

/** Measures a report of a number of keys, with responses of one generation. */
async function compared({ line, path: name = 'keys', program, flags, usage, account }, generation, count) {
  const url = `http://127.0.0.1:${port}/${generation}/${count}`;
  // `ci` takes the origin only, so the server knows the account by its management key.
  const own = {
    ...env,
    CHEAPESTINFERENCE_API_URL: `http://127.0.0.1:${port}`,
    CHEAPESTINFERENCE_MANAGEMENT_KEY: `mk_${generation}_${count}`,
  };
  const ci = [process.execPath, bin, ...line.split(' ')];
  const needsUsage = usage !== undefined && generation === 'documented';
  const script = needsUsage
    ? `curl -s ${url}/api/keys > "$HOME/keys"; curl -s ${url}/api/usage | jq ${flags} -n --slurpfile keys "$HOME/keys" '${usage}'`
    : `curl -s ${url}/api/${name} | jq ${flags} '${program}'`;
  const other = ['sh', '-c', `${account ? `curl -s ${url}/api/billing/status | jq -c .; ` : ''}${script}`];
  const times = { ci: [], other: [] };
  for (let run = -1; run < runs; run++) {
    // Each run reads the usage from the API.
    rmSync(path.join(home, '.cache'), { recursive: true, force: true });
    const took = { ci: await time(ci, own), other: await time(other, env) };
    if (run >= 0) for (const each of ['ci', 'other']) times[each].push(took[each]);
  }
  rmSync(path.join(home, '.cache'), { recursive: true, force: true });
  const [own_, its] = [median(times.ci), median(times.other)];
  return { line, generation, count, milliseconds: own_, other: its, ratio: own_ / its, mebibytes: peak(ci, own) };
}

/** Measures how long a process runs, in milliseconds. */
function time([program, ...args], environment) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.resume();
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Number(process.hrtime.bigint() - started) / 1e6);
      else reject(new Error(`${program} ${args.join(' ')} exited with code ${code}`));
    });
  });
}

/** Measures the peak memory of a process in MiB, with GNU time. */
function peak(words, environment) {
  const file = path.join(home, 'memory');
  spawnSync('time', ['-f', '%M', '-o', file, ...words], { env: environment, stdio: 'ignore' });
  return Number(readFileSync(file, 'utf8')) / 1024;
}

function report() {
  const [few, many] = counts;
  console.log(`Node.js ${process.versions.node}, medians of ${runs} runs each, interleaved\n`);
  console.log('| run | API | keys | ms | `curl \\| jq`, ms | × | MiB |\n| --- | --- | --- | --- | --- | --- | --- |');
  const problems = [];
  for (const each of results) {
    const { line, generation, count, milliseconds, other, ratio, mebibytes } = each;
    const figures = [milliseconds.toFixed(0), other.toFixed(0), ratio.toFixed(2), mebibytes.toFixed(0)];
    console.log(`| ci ${line} | ${generation} | ${count.toLocaleString('en')} | ${figures.join(' | ')} |`);
    const what = `ci ${line} (${generation})`;
    if (count === few && ratio > limits.ratio) problems.push(`${what} takes ${ratio.toFixed(2)} × curl | jq`);
    if (count === few && mebibytes > limits.mebibytes) problems.push(`${what} takes ${mebibytes.toFixed(0)} MiB`);
    const more = results.find((one) => one.line === line && one.generation === generation && one.count === many);
    const growth = more.milliseconds / milliseconds / (many / few);
    if (count === few && growth > limits.growth)
      problems.push(`${what} grows ${growth.toFixed(2)} × as fast as the keys`);
  }
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
}
