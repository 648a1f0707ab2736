import { AsyncLocalStorage } from 'node:async_hooks';
import { vi } from 'vitest';
import type { ProcessId } from '../../src/state/process.ts';
import type { TimerOwner } from './clock.ts';

const storage = new AsyncLocalStorage<SimulatedProcess>();
const processes = new Map<string, SimulatedProcess>();
let lastNumber = 100_000;

// To the record and the locks, a simulated process looks real: it has its own identity and can be dead.
vi.mock('../../src/state/process.ts', async (importOriginal) => {
  const real = await importOriginal<typeof import('../../src/state/process.ts')>();
  return {
    ...real,
    thisProcess: () => currentProcess()?.id ?? real.thisProcess(),
    isRunning: (id: ProcessId) => processes.get(real.processName(id))?.isAlive ?? real.isRunning(id),
  };
});

const { processName, thisProcess } = await import('../../src/state/process.ts');
const { machine } = thisProcess();

/** Returns the simulated process that the running code belongs to; undefined for the test itself. */
export function currentProcess(): SimulatedProcess | undefined {
  return storage.getStore();
}

/**
 * A process that is simulated in this one. Its code is identified by its asynchronous context. While it is stopped or after it was
 * killed, neither its timers nor responses from the network reach it, and nothing else could wake it.
 */
export class SimulatedProcess implements TimerOwner {
  readonly id: ProcessId;
  /** The exit code; null while it is running and if it was killed. */
  exitCode: number | null = null;
  stdout = '';
  stderr = '';
  readonly #interrupt = new AbortController();
  #state: 'running' | 'stopped' | 'killed' | 'ended' = 'running';
  #answers: (() => void)[] = [];
  #timers: (() => void)[] = [];

  constructor() {
    lastNumber += 1;
    this.id = { machine, pid: lastNumber, started: '1' };
    processes.set(processName(this.id), this);
  }

  /** Aborted by {@link interrupt}. */
  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Whether the operating system would still list it. */
  get isAlive(): boolean {
    return this.#state === 'running' || this.#state === 'stopped';
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isKilled(): boolean {
    return this.#state === 'killed';
  }

  /** Runs code as this process. */
  run<Result>(code: () => Result): Result {
    return storage.run(this, code);
  }

  /** Records that it has ended. */
  end(exitCode: number): void {
    if (!this.isAlive) return;
    this.#state = 'ended';
    this.exitCode = exitCode;
  }

  /** Ends it as SIGKILL does. None of its code runs after that. */
  kill(): void {
    if (this.isAlive) this.#state = 'killed';
  }

  /** Stops it as SIGSTOP does. */
  stop(): void {
    if (this.isRunning) this.#state = 'stopped';
  }

  /** Continues it as SIGCONT does. Timers that are due fire before it reads what has arrived in the meantime. */
  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    // Responses go to the socket immediately, but this process reads them only in the next turn of the event loop.
    for (const answer of this.#answers.splice(0)) answer();
    const timers = this.#timers.splice(0);
    // As in Node.js, everything that a timer causes without waiting happens before the next timer.
    const next = () => {
      const timer = timers.shift();
      if (!timer) return;
      this.runTimer(timer);
      queueMicrotask(() => process.nextTick(next));
    };
    next();
  }

  /** Interrupts it as Ctrl-C, SIGTERM and SIGHUP do. */
  interrupt(): void {
    if (this.isRunning) this.run(() => this.#interrupt.abort(new Error('interrupted')));
  }

  runTimer(callback: () => void): void {
    if (this.isRunning) this.run(callback);
    else if (this.#state === 'stopped') this.#timers.push(callback);
  }

  /** Delivers something from the network now, when the process continues, or never. */
  deliver(answer: () => void): void {
    if (this.isRunning) answer();
    else if (this.#state === 'stopped') this.#answers.push(answer);
  }
}

/** Throws unless the code under test sees simulated processes. That code must not be loaded before this file. */
export function checkIdentity(process: SimulatedProcess): void {
  if (process.run(thisProcess).pid !== process.id.pid) throw new Error('src/state/process.ts was loaded too early');
}
