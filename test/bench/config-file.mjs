// Shows what is left of config.json if the disk fills up while this project or conf replaces it: `node test/bench/config-file.mjs`
// (LIBRARY=conf@14.0.0 for another version). The disk is full in two ways: no file may exceed 4 KiB (`ulimit -f`), or a tmpfs of
// 64 KiB has one page left, if the system allows mounting it. The library is installed into a temporary directory.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle, install } from './library.mjs';

const page = 4096;
const profile = { managementKey: `mk_${'x'.repeat(32)}`, apiUrl: 'https://api.example.test', timeout: '30s' };
const before = { profiles: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`customer-${at}`, profile])) };

const disks = {
  'files of at most 4 KiB': {
    isAvailable: true,
    // Without the trap, the limit kills the process.
    script: '"$0" "$1" prepare "$2"; (trap "" XFSZ; ulimit -f 8; "$0" "$1" "$3" "$2" "$4"); "$0" "$1" inspect "$2"',
    shell: ['sh', '-c'],
  },
  'a tmpfs with 4 KiB left': {
    isAvailable:
      spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status ===
      0,
    script:
      'mount -t tmpfs -o size=64k none "$2" && "$0" "$1" prepare "$2" && "$0" "$1" fill "$2" && "$0" "$1" "$3" "$2" "$4"; "$0" "$1" inspect "$2"',
    shell: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  },
};

const [step, folder, module] = process.argv.slice(2);
const steps = { prepare, fill, own, library, inspect };
if (step) await steps[step]();
else await compare();

function prepare() {
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(before, undefined, 2));
}

/** Fills the disk except for its last page. */
function fill() {
  const file = path.join(folder, 'filler');
  writeFileSync(file, '');
  let size = 0;
  try {
    for (; ; size += page) writeFileSync(file, Buffer.alloc(page), { flag: 'a' });
  } catch {
    truncateSync(file, size - page);
  }
}

async function own() {
  const { replaceFile } = await import(pathToFileURL(module));
  const after = { profiles: { ...before.profiles, another: profile } };
  report(() => replaceFile(path.join(folder, 'config.json'), JSON.stringify(after, undefined, 2), { mode: 0o600 }));
}

async function library() {
  const { default: Conf } = await import(pathToFileURL(module));
  const conf = new Conf({ cwd: folder });
  report(() => conf.set('profiles.another', profile));
}

function report(write) {
  try {
    write();
    console.log('no error');
  } catch (error) {
    console.log(error.code);
  }
}

function inspect() {
  const text = readFileSync(path.join(folder, 'config.json'), 'utf8');
  const others = readdirSync(folder).filter((name) => !['config.json', 'filler'].includes(name));
  console.log(`${Buffer.byteLength(text)} bytes`);
  console.log(contentOf(text));
  console.log(others.length);
}

function contentOf(text) {
  try {
    return `${Object.keys(JSON.parse(text).profiles).length} profiles`;
  } catch {
    return 'not JSON';
  }
}

async function compare() {
  const temporary = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  try {
    const conf = install(process.env.LIBRARY ?? 'conf@15.1.0', temporary);
    const writers = [
      { name: 'src/state/replace-file.ts', step: 'own', file: await bundle('state/replace-file.ts', temporary) },
      { name: conf.title, step: 'library', file: conf.file },
    ];
    const size = JSON.stringify(before, undefined, 2).length;
    console.log(`Node.js ${process.versions.node}; config.json holds ${size} bytes with 100 profiles. One is added.\n`);
    console.log('| disk | writer | reports | size of config.json afterwards | contains | other files left |');
    console.log('| --- | --- | --- | --- | --- | --- |');
    for (const [name, disk] of Object.entries(disks)) {
      if (!disk.isAvailable) console.log(`| ${name} | can't be mounted | | | | |`);
      else
        for (const writer of writers) console.log(`| ${[name, writer.name, ...attempt(disk, writer)].join(' | ')} |`);
    }
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** Lets a writer replace the file on a disk. Returns what it reports, and what the directory contains afterwards. */
function attempt({ script, shell: [program, ...options] }, { step, file }) {
  const directory = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  const args = [script, process.execPath, fileURLToPath(import.meta.url), directory, step, file];
  const { stdout } = spawnSync(program, [...options, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  rmSync(directory, { recursive: true });
  return stdout.trim().split('\n');
}
