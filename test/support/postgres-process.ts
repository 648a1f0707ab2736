import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cleanUpClock } from './faketime.ts';
import { postgresProgram, serverUser } from './postgres-programs.ts';

/**
 * How a server ends. `fast`: disconnects the clients and writes everything to disk. `immediate`: ends without doing so, and recovers at
 * the next start. `crash`: all of its processes are killed at once.
 */
export type End = 'fast' | 'immediate' | 'crash';

/** The process of a server. */
export class PostgresProcess {
  readonly data: string;
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #log = '';

  /** @param settings - of the configuration file of PostgreSQL */
  constructor(
    data: string,
    port: number,
    settings: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>>,
  ) {
    this.data = data;
    const all = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      // Files in the data directory, which are removed with it.
      dynamic_shared_memory_type: 'mmap',
      max_connections: '200',
      shared_buffers: '32MB',
      ...settings,
    };
    this.#args = ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    this.#env = env;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is not running');
    return this.#child.pid;
  }

  /** What the server has logged. */
  get log(): string {
    return this.#log;
  }

  /** Starts the server, and waits until it accepts connections. */
  async start(): Promise<void> {
    if (this.#child) throw new Error('the server is running');
    // It ends with the process of the tests, however that ends.
    const args = ['--pdeathsig', 'QUIT', postgresProgram('postgres'), ...this.#args];
    const env = { PATH: process.env.PATH ?? '', TZ: 'UTC', ...this.#env };
    const child = spawn('setpriv', args, { cwd: '/', env, ...serverUser, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    const before = this.#log.length;
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        if (/database system is ready to accept/.test(this.#log.slice(before))) resolve();
      });
      child.once('error', reject);
      child.once('close', () => {
        this.#child = undefined;
        reject(new Error(`PostgreSQL ended: ${this.#log.slice(before)}`));
      });
    });
  }

  /** Ends the server, and waits until all of its processes have ended. */
  async stop(end: End): Promise<void> {
    const child = this.#child;
    if (!child) return;
    // All processes of the server have its standard error.
    const closed = once(child, 'close');
    const { pid } = this;
    if (end === 'crash') killAll(pid);
    else child.kill(end === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await closed;
    cleanUpClock(pid);
  }

  /** Removes what a server that crashed leaves in memory. */
  cleanUp(): void {
    const file = path.join(this.data, 'postmaster.pid');
    if (!existsSync(file)) return;
    const [, memory] = readFileSync(file, 'utf8').split('\n')[6]?.trim().split(/\s+/) ?? [];
    if (memory !== undefined) execFileSync('ipcrm', ['-m', memory], { stdio: 'ignore' });
  }
}

/** Kills a process and its children. It is stopped first, so that it can't start another. */
function killAll(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  for (const each of [...children, pid]) process.kill(each, 'SIGKILL');
}
