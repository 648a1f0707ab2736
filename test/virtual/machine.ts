import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { pause } from '../../src/api/pause.ts';
import { managementKey, words } from '../support/command-line.ts';
import { Line } from '../support/person.ts';
import { VirtualClock } from './clock.ts';
import { type Files, putBack, remembered } from './files.ts';
import { type Handler, Network } from './network.ts';
import { checkIdentity, currentProcess, SimulatedProcess } from './process.ts';
import { random } from './random.ts';

/** Returns what to type, given the output since the last input; undefined if the terminal shows no question yet. */
export type Person = (shown: string) => string | undefined;

/** How to run a command. */
interface Start {
  /** The person at the terminal; without one, standard input is empty and nothing is a terminal. */
  readonly person?: Person | undefined;
  /** More variables of its environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** The time and the files of a machine. */
export interface Saved {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Those of {@link Machine.folder}. */
  readonly files: Files;
}

/** Number of idle turns of the event loop in a row after which every process counts as waiting. */
const stillTurns = 3;

/** Resources that keep the event loop busy for a moment: file operations, connecting, child processes. Others only wait. */
const busyResources = /^(Immediate|FSReq|ProcessWrap|GetAddrInfo|\w+(Connect|Write|Shutdown|Req)Wrap|\w+REQUEST$)/;

/** Files that simulated commands don't load: entry points, which run when loaded, and files that only the bundler can read. */
const unloadable =
  /^(complete|refresh|standalone|update.check)\.ts$|^config.embedded-keyring\.ts$|^state.sqlite.open-embedded-database\.ts$|^(cli|commands).completion/;

type CommandLine = typeof import('../../src/main.ts');

let commandLine: Promise<CommandLine> | undefined;

/** Loads everything that a command may load, so that no run waits for a module. @returns the command line */
async function load(): Promise<CommandLine> {
  for (const name of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!/(?<!\.d)\.ts$/.test(name) || unloadable.test(name)) continue;
    // Uses the URL of the tests' module loader, which then needs no lookup.
    await import(/* @vite-ignore */ `/src/${name.replaceAll(path.sep, '/')}`);
  }
  return import('../../src/main.ts');
}

/**
 * A machine on which commands run as simulated processes in this one, with real files and real HTTP, on a virtual clock. The clock
 * moves only while every process waits for it, so that nothing depends on the speed of the real machine.
 */
export class Machine {
  /** Contains the state directory and other test files; removed at the end. */
  readonly folder: string;
  readonly #clock = new VirtualClock(currentProcess);
  readonly #network: Network;
  readonly #processes: SimulatedProcess[] = [];
  readonly #exitListeners = process.listeners('exit');
  readonly #failures: unknown[] = [];
  readonly #run: CommandLine['run'];

  private constructor(handler: Handler, run: CommandLine['run']) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'ci-virtual-'));
    this.#network = new Network(handler);
    this.#run = run;
  }

  /**
   * Turns a machine on. Only one can be on at a time, and it must be turned off.
   *
   * @param handler - the server that every command talks to
   * @param options - `seed` determines all random decisions
   */
  static async turnOn(handler: Handler, { seed = 1 }: { readonly seed?: number | undefined } = {}): Promise<Machine> {
    commandLine ??= load();
    const { run } = await commandLine;
    const machine = new Machine(handler, run);
    vi.spyOn(Math, 'random').mockImplementation(random(seed));
    machine.#clock.install();
    await machine.#network.start();
    return machine;
  }

  async turnOff(): Promise<void> {
    for (const each of this.#processes) each.kill();
    await this.#network.stop();
    this.#clock.uninstall();
    // Killed processes release nothing, and all of them are simulated in this process.
    for (const listener of process.listeners('exit')) {
      if (this.#exitListeners.includes(listener)) continue;
      process.off('exit', listener);
      listener.call(process, 0);
    }
    vi.mocked(Math.random).mockRestore();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Saves the time and the files. No process may be alive. */
  save(): Saved {
    this.#requireNoProcess();
    return { now: Date.now(), files: remembered(this.folder) };
  }

  /** Goes back to a time and its files. No process may be alive. Outside events that haven't happened yet are dropped. */
  restore({ now, files }: Saved): void {
    this.#requireNoProcess();
    this.#clock.uninstall();
    this.#clock.install(now);
    putBack(this.folder, files);
  }

  /** The URL of the server. */
  get url(): string {
    return this.#network.url;
  }

  /** The folder that `XDG_STATE_HOME` names. */
  get stateHome(): string {
    return path.join(this.folder, 'state');
  }

  /** Starts a command. @param line - the arguments of `ci` */
  start(line: string, { person, env: more }: Start = {}): SimulatedProcess {
    const started = new SimulatedProcess();
    checkIdentity(started);
    this.#processes.push(started);
    const stdin = new Line(person !== undefined);
    const stderr = new Line(person !== undefined);
    if (!person) stdin.end();
    let shown = '';
    stderr.on('data', (chunk: Buffer) => {
      started.stderr += chunk.toString();
      shown += chunk.toString();
      const answer = person?.(shown);
      if (answer === undefined) return;
      shown = '';
      setImmediate(() => stdin.write(`${answer}\n`));
    });
    const stdout = {
      write: (text: string, done?: () => void) => {
        started.stdout += text;
        done?.();
      },
    };
    const env = {
      HOME: this.folder,
      TERM: 'dumb',
      CHEAPESTINFERENCE_API_URL: this.url,
      CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey,
      CHEAPESTINFERENCE_CONFIG_DIR: path.join(this.folder, 'config'),
      XDG_CACHE_HOME: path.join(this.folder, 'cache'),
      XDG_DATA_HOME: path.join(this.folder, 'data'),
      XDG_STATE_HOME: this.stateHome,
      ...more,
    };
    const world = {
      stdin,
      stdout,
      stderr,
      env,
      cwd: this.folder,
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: pause,
      timeZone: 'UTC',
      version: '0.0.0',
      interrupt: started.interrupted,
    };
    started
      .run(() => this.#run(words(line), world))
      .then(
        (exitCode) => started.end(exitCode),
        (error: unknown) => this.#failures.push(error),
      );
    return started;
  }

  /**
   * Runs a command to its end.
   *
   * @param atMost - virtual milliseconds, after which it is killed
   */
  async run(line: string, { atMost, ...start }: Start & { readonly atMost: number }): Promise<SimulatedProcess> {
    const started = this.start(line, start);
    await this.until(() => !started.isAlive, atMost);
    started.kill();
    return started;
  }

  /** Schedules an outside event after some virtual milliseconds. No time passes while it runs. */
  after(milliseconds: number, happen: () => void | Promise<void>): void {
    setTimeout(() => this.#network.background(async () => happen()), milliseconds);
  }

  /** Lets virtual milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    await this.until(() => false, milliseconds);
  }

  #requireNoProcess(): void {
    if (this.#processes.some((each) => each.isAlive)) throw new Error('a process is alive');
  }

  /** Lets time pass while every process waits, until a condition is met. @param atMost - virtual milliseconds */
  async until(isSo: () => boolean, atMost: number): Promise<void> {
    let isOver = false;
    const end = setTimeout(() => {
      isOver = true;
    }, atMost);
    await this.#settle();
    while (!isOver && !isSo()) {
      this.#clock.advance();
      await this.#settle();
    }
    clearTimeout(end);
  }

  /** Waits until nothing more happens before the clock moves. */
  async #settle(): Promise<void> {
    for (let still = 0; still < stillTurns; ) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      still = this.#isStill ? still + 1 : 0;
    }
  }

  get #isStill(): boolean {
    if (this.#failures.length > 0) throw this.#failures[0];
    return (
      this.#network.isStill &&
      this.#processes.every((each) => !each.isRunning || this.#network.isHeld(each) || this.#clock.hasTimer(each)) &&
      !process.getActiveResourcesInfo().some((resource) => busyResources.test(resource))
    );
  }
}
