import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type Ended,
  type Environment,
  managementKey,
  type Options,
  type Running,
  type User,
  user,
  words,
} from './cli.ts';
import { cleanUpClock, clockEnvironment, setClockFile } from './faketime.ts';
import { withHostName } from './host-name.ts';
import { isBinary } from './program.ts';
import type { WhenOver } from './shared.ts';

/** The account that a machine works with, and where it keeps its state. */
interface MachineSetting {
  readonly api: { readonly url: string };
  /** The URL of the database. Without one, the machine keeps its state in files. */
  readonly stateUrl?: string;
  readonly env?: Environment;
}

interface MachineOptions extends MachineSetting {
  /** Whether `setClock` works. Needs libfaketime. */
  readonly movesClock?: boolean;
  /** Registers a function to call when it isn't needed any more; by default, when the test has finished. */
  readonly whenOver?: WhenOver;
}

/**
 * A machine that runs the shipped program in real processes, with a home directory of its own. Its host name is its own, too, if the
 * tests run as root.
 */
export interface Machine {
  readonly name: string;
  readonly home: string;
  /**
   * Runs `ci` to its end, after the earlier commands of this method. It takes the process that the machine keeps for this, which is
   * ten times as fast as starting one. If the machine crashes, there is no output, and the signal is SIGKILL.
   */
  ci(line: string | readonly string[], options?: Options): Promise<Ended>;
  /** Starts `ci` in a process of its own. */
  start(line: string | readonly string[], options?: Options): Running;
  /** Stops all processes of the machine where they are, with SIGSTOP. */
  suspend(): void;
  /** Continues all processes. */
  resume(): void;
  /** Kills all processes, and waits for their end. What is on disk stays, and the machine can run commands again. */
  crash(): Promise<void>;
  /** Gives the machine an empty home directory, and another setting. */
  reset(setting: MachineSetting): void;
  /** Sets how far the clock of the machine is ahead, in hours. */
  setClock(hours: number): void;
}

/** Creates a machine, and starts the process that it keeps. */
export async function machine(name: string, options: MachineOptions): Promise<Machine> {
  const created = new TestMachine(name, options);
  await created.ci('--version');
  return created;
}

type RunningProcess = Pick<Running, 'pid' | 'kill'> & { readonly ended: Promise<unknown> };

class TestMachine implements Machine {
  readonly name: string;
  readonly #whenOver: WhenOver;
  readonly #clock: string | undefined;
  /** The processes that haven't ended. */
  readonly #running = new Set<RunningProcess>();
  #user: User;
  #member: ChildProcess | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, { movesClock = false, whenOver = onTestFinished, ...setting }: MachineOptions) {
    this.name = name;
    this.#whenOver = whenOver;
    if (movesClock) {
      const folder = mkdtempSync(path.join(tmpdir(), 'ci-clock-'));
      whenOver(() => rmSync(folder, { recursive: true }));
      this.#clock = path.join(folder, 'clock');
      this.setClock(0);
    }
    this.#user = this.#userWith(setting);
    whenOver(() => this.crash());
  }

  get home(): string {
    return this.#user.home;
  }

  ci(line: string | readonly string[], options: Options = {}): Promise<Ended> {
    const result = this.#turn.then(() => (isBinary ? this.start(line, options).ended : this.#ask(line, options)));
    this.#turn = result.catch(() => {});
    return result;
  }

  start(line: string | readonly string[], options?: Options): Running {
    const running = this.#user.start(line, options);
    this.#track(running);
    return running;
  }

  suspend(): void {
    for (const each of this.#running) each.kill('SIGSTOP');
  }

  resume(): void {
    for (const each of this.#running) each.kill('SIGCONT');
  }

  async crash(): Promise<void> {
    const running = [...this.#running];
    for (const each of running) each.kill('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
  }

  reset(setting: MachineSetting): void {
    this.#user = this.#userWith(setting);
  }

  setClock(hours: number): void {
    if (this.#clock === undefined) throw new Error('create the machine with movesClock');
    setClockFile(this.#clock, hours);
  }

  get #clockVariables(): Environment {
    return this.#clock === undefined ? {} : clockEnvironment(this.#clock);
  }

  #userWith({ api, stateUrl, env = {} }: MachineSetting): User {
    const all = {
      CHEAPESTINFERENCE_API_URL: api.url,
      CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey,
      ...(stateUrl !== undefined && { CHEAPESTINFERENCE_STATE_URL: stateUrl }),
      ...this.#clockVariables,
      ...env,
    };
    return user(all, this.#whenOver, withHostName(this.name));
  }

  /** Remembers a process until it has ended. */
  #track(process: RunningProcess): void {
    this.#running.add(process);
    const forget = () => {
      this.#running.delete(process);
      if (this.#clock !== undefined) cleanUpClock(process.pid);
    };
    process.ended.then(forget, forget);
  }

  /** Runs a command line in the kept process. */
  #ask(line: string | readonly string[], { env: more = {}, stdin = '' }: Options): Promise<Ended> {
    this.#member ??= this.#startMember();
    const member = this.#member;
    const { home, env } = this.#user;
    return new Promise((resolve) => {
      const gone = () => {
        member.off('message', done);
        resolve({ code: member.exitCode, signal: member.signalCode, stdout: '', stderr: '' });
      };
      const done = (ended: Ended) => {
        member.off('close', gone);
        resolve(ended);
      };
      member.once('close', gone).once('message', done);
      member.send({ args: words(line), cwd: home, env: { ...env, ...more }, stdin: stdin ?? '' });
    });
  }

  #startMember(): ChildProcess {
    const [file = '', ...args] = [
      ...withHostName(this.name),
      process.execPath,
      path.resolve('test/support/crowd-member.cjs'),
    ];
    const env = { PATH: process.env.PATH ?? '', ...this.#clockVariables };
    const member = spawn(file, args, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const ended = once(member, 'close').then(() => {
      this.#member = undefined;
    });
    this.#track({ pid: member.pid ?? -1, kill: (signal) => void member.kill(signal), ended });
    return member;
  }
}
