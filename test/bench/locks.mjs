// Compares this project's lock with proper-lockfile when the holder is killed or stopped: `node test/bench/locks.mjs`
// (LIBRARY=proper-lockfile@4.1.1 for another version). It takes half a minute, because proper-lockfile keeps a lock for 10 seconds
// without a sign of its holder. The library is installed into a temporary directory.
import { spawn } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle, install } from './library.mjs';

/** How long a holder is stopped, in milliseconds. It is longer than proper-lockfile waits for a holder. */
const stoppedFor = 12_000;
const patience = 60_000;

const [kind, module, folder] = process.argv.slice(2);
if (kind) await hold();
else await compare();

/** Takes the lock, and holds it until the process is killed. */
async function hold() {
  const imported = await import(pathToFileURL(module));
  const held = () => {
    console.log('held');
    return sleep(600_000);
  };
  if (kind === 'own') {
    const { env } = process;
    const lock = { folder, name: 'bench', env, patience, monotonic: () => performance.now(), pause: sleep };
    await imported.withLock(lock, held);
  } else {
    const retries = { retries: 1_000_000, minTimeout: 30, maxTimeout: 30 };
    await imported.default.lock(folder, { retries });
    await held();
  }
}

async function compare() {
  const temporary = mkdtempSync(path.join(tmpdir(), 'ci-bench-'));
  try {
    const library = install(process.env.LIBRARY ?? 'proper-lockfile@4.1.2', temporary);
    const all = [
      { name: 'src/state/lock.ts', args: ['own', await bundle('state/lock.ts', temporary)] },
      { name: library.title, args: ['library', library.file] },
    ];
    console.log(`Node.js ${process.versions.node}\n`);
    console.log('| lock | holder killed: another gets it after | holder stopped for 12 s: another gets it |');
    console.log('| --- | --- | --- |');
    for (const { name, args } of all) {
      const row = [name, await afterKill(args, placeIn(temporary)), await whileStopped(args, placeIn(temporary))];
      console.log(`| ${row.join(' | ')} |`);
    }
    const both = await takenTwice(library.file, placeIn(temporary));
    console.log(
      `\n${library.title}, two find the lock of a killed holder, and one removes it late: ${both ? 'both get it' : 'one gets it'}`,
    );
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function placeIn(temporary) {
  return mkdtempSync(path.join(temporary, 'place-'));
}

async function afterKill(args, place) {
  const first = await holder(args, place);
  first.kill('SIGKILL');
  await new Promise((resolve) => first.on('close', resolve));
  const started = performance.now();
  const second = await holder(args, place);
  const took = performance.now() - started;
  second.kill('SIGKILL');
  return took < 1000 ? `${took.toFixed(0)} ms` : `${(took / 1000).toFixed(1)} s`;
}

async function whileStopped(args, place) {
  const first = await holder(args, place);
  first.kill('SIGSTOP');
  const second = start(args, place);
  const got = await Promise.race([untilHeld(second), sleep(stoppedFor, false)]);
  for (const each of [first, second]) each.kill('SIGKILL');
  return got ? 'yes' : 'no';
}

/** Reproduces what happens to a slow process: it finds an old lock, and removes it after another process has taken it over. */
async function takenTwice(file, place) {
  const { default: lockfile } = await import(pathToFileURL(file));
  mkdirSync(`${place}.lock`);
  utimesSync(`${place}.lock`, 0, 0);
  let go;
  const late = new Promise((resolve) => {
    go = resolve;
  });
  const slow = { ...fs, rmdir: (name, done) => void late.then(() => fs.rmdir(name, done)) };
  const onCompromised = () => {};
  const second = lockfile.lock(place, { fs: slow, onCompromised }).then(
    () => true,
    () => false,
  );
  await sleep(100);
  await lockfile.lock(place, { onCompromised });
  go();
  return second;
}

function start(args, place) {
  return spawn(process.execPath, [fileURLToPath(import.meta.url), ...args, place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function holder(args, place) {
  const child = start(args, place);
  await untilHeld(child);
  return child;
}

function untilHeld(child) {
  return new Promise((resolve) => child.stdout.once('data', () => resolve(true)));
}
