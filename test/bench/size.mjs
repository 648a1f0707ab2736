// Shows how much code each command loads before it runs, and from which libraries: `npm run size`.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chunks, withImports } from '../bundle.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const all = await chunks();
const tree = JSON.parse(execFileSync(process.execPath, [path.join(root, 'bin/ci.js'), 'help', '--json']));
const shown = new Set();

print(['command', 'own kB', 'total kB', 'libraries']);
row('ci --help');
for (const noun of tree.commands) rowsOf(noun, []);
print(['loaded on demand', 'own kB', '', 'libraries']);
for (const [name, { bytes, libraries }] of [...all].sort(([, a], [, b]) => b.bytes - a.bytes)) {
  if (!shown.has(name) && libraries.size > 0)
    print([name.replace(/-[^-]+$/, ''), kilobytes(bytes), '', librariesIn([name])]);
}
const [{ size, unpackedSize }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root }),
);
console.log(`\nThe package: ${kilobytes(size)} kB packed, ${kilobytes(unpackedSize)} kB unpacked.`);

/** Prints the rows of a command and those below it. @param above - the words before its name @param others - chunks of its parents */
function rowsOf(command, above, ...others) {
  const words = [...above, command.name];
  const file = words.join('/');
  // One file prints the completion scripts of all shells.
  const own = chunkOf(`${file}/index.ts`) ?? chunkOf(`${file}.ts`) ?? chunkOf(`${above.join('/')}/print.ts`);
  if (command.commands.length > 0) row(`ci ${words.join(' ')} --help`, own, ...others);
  if (command.exitCodes.length > 0) row(`ci ${words.join(' ')}`, own, ...others, ...sharedBy(command));
  for (const each of command.commands) rowsOf(each, words, own, ...others);
}

/** Returns the chunk that contains a file of `src/commands`. */
function chunkOf(file) {
  return [...all.keys()].find((name) =>
    all.get(name).modules.some((id) => id.endsWith(path.join('/src/commands', file))),
  );
}

/** Returns the chunks that every command loads when it runs, and those of commands that use the API. */
function sharedBy({ exitCodes }) {
  const usesApi = exitCodes.includes(9);
  return [chunkOf('../context/create.ts'), ...(usesApi ? [chunkOf('../api/index.ts')] : [])];
}

function row(name, own, ...others) {
  const loaded = withImports(all, ['main.js', own, ...others]);
  for (const each of loaded) shown.add(each);
  print([name, own ? kilobytes(all.get(own).bytes) : '', kilobytes(totalBytes(loaded)), librariesIn(loaded)]);
}

function totalBytes(names) {
  return [...names].reduce((sum, each) => sum + all.get(each).bytes, 0);
}

function librariesIn(names) {
  return [...new Set([...names].flatMap((each) => [...all.get(each).libraries.keys()]))].sort().join(', ');
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1);
}

function print([name, own, whole, libraries]) {
  console.log([name.padEnd(28), own.padStart(10), whole.padStart(10), libraries].join('  '));
}
