// Measures the size of libraries, bundled and minified like the build, and how long Node.js takes to load them:
// `node test/bench/loading.mjs` (RUNS=31 for more runs). Each run is a separate process, and the libraries take turns. Libraries
// that the project doesn't use are installed into a temporary directory.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { install, median } from './library.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const runs = Number(process.env.RUNS ?? 21);
const otherLibraries = ['ora@9.4.1', 'update-notifier@7.3.1'];
const object = (from) => `import * as z from '${from}'; export const schema = z.object({ name: z.string() });`;

const temporary = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
try {
  const entries = [
    { name: 'undici', code: "export { default } from 'undici';" },
    {
      name: 'src/api/transport.ts, with node:http',
      code: "export * from './src/api/transport.ts';",
    },
    { name: 'fetch in Node.js, first call', code: "export const response = await fetch('data:,');" },
    { name: 'string-width', code: "export { default } from 'string-width';" },
    { name: 'src/output/width.ts', code: "export * from './src/output/width.ts';" },
    { name: 'zod, one schema', code: object('zod') },
    { name: 'zod/mini, one schema', code: object('zod/mini') },
    { name: 'chalk', code: "export * from 'chalk';" },
    { name: 'node:child_process', code: "export * from 'node:child_process';" },
    ...otherLibraries.map((spec, at) => library(spec, path.join(temporary, `library-${at}`))),
    { name: 'src/output/spinner.ts', code: "export * from './src/output/spinner.ts';" },
    { name: 'src/update/notice.ts', code: "export * from './src/update/notice.ts';" },
  ];
  const measured = [];
  for (const [at, entry] of entries.entries()) measured.push({ ...entry, ...(await bundled(entry, at)), times: [] });
  for (let run = 0; run < runs; run++) for (const { file, times } of measured) times.push(timeOf(file));
  console.log(`Node.js ${process.versions.node}, ${runs} runs each\n`);
  console.log('| library | kB | ms to load | fastest |\n| --- | --- | --- | --- |');
  for (const { name, bytes, times } of measured) {
    const figures = [bytes / 1000, median(times), Math.min(...times)].map((each) => each.toFixed(1));
    console.log(`| ${[name, ...figures].join(' | ')} |`);
  }
} finally {
  rmSync(temporary, { recursive: true });
}

function library(spec, folder) {
  mkdirSync(folder);
  const { title, file } = install(spec, folder);
  return { name: title, code: `export { default } from ${JSON.stringify(file)};` };
}

/** Bundles an entry. Returns the file, and its size with its static imports. */
async function bundled({ code }, at) {
  const entry = '\0entry';
  const plugin = {
    name: 'entry',
    resolveId: (source, importer) => {
      if (source === entry) return entry;
      return importer === entry && source.startsWith('./') ? path.join(root, source) : null;
    },
    load: (id) => (id === entry ? code : null),
  };
  const dir = path.join(temporary, `bundle-${at}`);
  const { output } = await build({
    input: { main: entry },
    cwd: root,
    platform: 'node',
    plugins: [plugin],
    output: { dir, format: 'esm', minify: true, entryFileNames: '[name].mjs' },
    logLevel: 'silent',
  });
  const sizes = new Map(output.map((chunk) => [chunk.fileName, Buffer.byteLength(chunk.code ?? '')]));
  const loaded = new Set(['main.mjs']);
  for (const name of loaded)
    for (const each of output.find((chunk) => chunk.fileName === name)?.imports ?? []) loaded.add(each);
  const bytes = [...loaded].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  return { file: path.join(dir, 'main.mjs'), bytes };
}

function timeOf(file) {
  const script = path.join(temporary, 'time.mjs');
  writeFileSync(
    script,
    'const started = performance.now(); await import(process.argv[2]); console.log(performance.now() - started); process.exit();',
  );
  return Number(execFileSync(process.execPath, [script, file], { encoding: 'utf8' }));
}
