// Measures how long this project and cli-table3 take to draw a table of 1,000 rows: `node test/bench/tables.mjs` (RUNS=31 for more
// runs, LIBRARY=cli-table3@0.6.4 for another version). Each run is a separate process, because a command draws one table, and the
// two take turns. The library is installed into a temporary directory.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle, install, median } from './library.mjs';

const [kind, file] = process.argv.slice(2);
const header = ['ID', 'NAME', 'TYPE', 'STATUS', 'BUDGET', 'CREATED'];
const rows = Array.from({ length: 1000 }, (_, at) => [
  `7d0f3c51-4f6e-4c1b-9a54-${String(at).padStart(12, '0')}`,
  `\u001b[1mcustomer-${at}\u001b[22m`,
  at % 3 === 0 ? 'credit' : 'subscription',
  at % 7 === 0 ? '\u001b[31minactive\u001b[39m' : '\u001b[32mactive\u001b[39m',
  at % 3 === 0 ? '$25.00' : '',
  `${at + 1} minutes ago`,
]);
/** The style of this project's tables: columns two spaces apart, no lines, no colors. */
const style = {
  head: header,
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  chars: Object.fromEntries(
    [
      ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
      ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
    ].map((name) => [name, '']),
  ),
};

if (kind) await draw();
else await compare();

/** Draws one table, and prints how long that took and what it contains. */
async function draw() {
  const started = performance.now();
  const module = await import(pathToFileURL(file));
  const loaded = performance.now();
  const text = kind === 'own' ? module.table(header, rows) : drawnBy(module.default);
  const drawn = performance.now();
  const words = text.split(/\s+/).filter(Boolean);
  console.log(JSON.stringify({ load: loaded - started, draw: drawn - loaded, words }));
}

function drawnBy(Table) {
  const table = new Table(style);
  table.push(...rows);
  return table.toString();
}

async function compare() {
  const runs = Number(process.env.RUNS ?? 21);
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  try {
    const library = install(process.env.LIBRARY ?? 'cli-table3@0.6.5', folder);
    const all = [
      { name: 'src/output/table.ts', args: ['own', await bundle('output/table.ts', folder)], times: [] },
      { name: library.title, args: ['library', library.file], times: [] },
    ];
    for (let run = 0; run < runs; run++) for (const { args, times } of all) times.push(measured(args));
    const [own, other] = all.map(({ times }) => JSON.stringify(times[0].words));
    if (own !== other) throw new Error('the tables contain different cells');
    console.log(
      `Node.js ${process.versions.node}, ${rows.length} rows of ${header.length} columns, ${runs} runs each\n`,
    );
    console.log('| table | load, ms | draw, ms | fastest draw, ms |\n| --- | --- | --- | --- |');
    for (const { name, times } of all) {
      const load = median(times.map((each) => each.load));
      const draws = times.map((each) => each.draw);
      const figures = [load, median(draws), Math.min(...draws)].map((each) => each.toFixed(1));
      console.log(`| ${[name, ...figures].join(' | ')} |`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measured(args) {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${args[0]} exited with code ${status}`);
  return JSON.parse(stdout);
}
