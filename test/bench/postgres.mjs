// Starts a PostgreSQL server for benchmarks, on disk. Its commits wait for the disk.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const password = 'bench';

/** Starts a server. @returns its URL, and a function that ends it */
export async function startPostgres() {
  const programs = programsOf();
  const directory = mkdtempSync('/var/tmp/ci-bench-postgres-');
  // The server refuses to run as root.
  const isRoot = process.getuid() === 0;
  const [user, prefix] = isRoot
    ? ['postgres', ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']]
    : [];
  const run = ([program, ...args]) => [...(prefix ?? []), path.join(programs, program), ...args];
  if (isRoot) {
    const [uid, gid] = ['-u', '-g'].map((option) => Number(execFileSync('id', [option, user], { encoding: 'utf8' })));
    chownSync(directory, uid, gid);
  }
  const data = path.join(directory, 'data');
  const secret = path.join(directory, 'password');
  writeFileSync(secret, password, { mode: 0o644 });
  const [program, ...args] = run(['initdb', '-D', data, '-A', 'scram-sha-256', '-U', 'ci', `--pwfile=${secret}`]);
  execFileSync(program, args, { stdio: 'ignore', cwd: directory });
  const port = await freePort();
  const [server, ...options] = run(['postgres', '-D', data, '-p', String(port), '-k', directory, '-h', '127.0.0.1']);
  const child = spawn(server, options, { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  await new Promise((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (log.includes('ready to accept connections')) resolve();
    });
    child.on('exit', () => reject(new Error(log)));
  });
  const end = () =>
    new Promise((resolve) => {
      child.removeAllListeners('exit');
      child.on('exit', () => {
        rmSync(directory, { recursive: true, force: true });
        resolve();
      });
      child.kill('SIGINT');
    });
  return { url: `postgres://ci:${password}@127.0.0.1:${port}/postgres`, end };
}

/** Returns the directory of the newest installed version, as Debian and Ubuntu install it. */
function programsOf() {
  const root = '/usr/lib/postgresql';
  const [newest] = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return path.join(root, newest, 'bin');
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
