// Provides what the benchmarks compare: libraries from the registry, and files of src/ as modules.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/**
 * Installs a library.
 *
 * @param spec - an npm package spec, such as `conf@15.1.0`
 * @param folder - an empty directory
 * @returns the name with the version, and the file to import
 */
export function install(spec, folder) {
  const name = spec.replace(/(?<=.)@.*/, '');
  const manifest = path.join(folder, 'package.json');
  writeFileSync(manifest, '{}');
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error'];
  execFileSync('npm', ['install', ...options, spec], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const { version } = JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8'));
  return { title: `${name} ${version}`, file: createRequire(manifest).resolve(name) };
}

/** Bundles a file of `src/`, and returns the file to import. */
export async function bundle(source, folder) {
  const input = fileURLToPath(new URL(`../../src/${source}`, import.meta.url));
  const file = path.join(folder, `${path.basename(source, '.ts')}.mjs`);
  await build({ input, platform: 'node', output: { file, format: 'esm', minify: true } });
  return file;
}

/** Returns the median of the values. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
