import type { ChildProcess } from 'node:child_process';
import { durationInWords } from '../domain/duration.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { spawnProgram, systemReason } from './spawn-program.ts';

/** The time that a program gets, in milliseconds. Programs that wait for a network or start slowly need much of it. */
const usualTimeout = 120_000;

/** How long output may follow the end of a program, in milliseconds. A program that it started may keep the streams open. */
const drainTime = 1000;

/** How much of each stream is kept, in bytes. */
const keptOutput = 1024 * 1024;

/** How to run a program. */
export interface ProgramOptions {
  /** All of its standard input. It isn't in the arguments or the environment, which other users can see. */
  readonly input?: string;
  /** Whether a program that exits with 0 succeeded even if it didn't read its input. */
  readonly mayIgnoreInput?: boolean;
  readonly env: Environment;
  /** The working directory; undefined: that of this process. */
  readonly cwd: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Waits until the time has passed or the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Ends the program. */
  readonly interrupt: AbortSignal;
}

/** How a program ended. */
export interface ProgramResult {
  /** Why it failed: `it exited with code 1`. Undefined if it succeeded. */
  readonly failure: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it printed more than is kept. */
  readonly isCut: boolean;
}

/**
 * Runs a program to its end, without a shell and without a terminal, so that it can't prompt.
 *
 * @param file - its absolute path
 * @throws CommandError (interrupted)
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  { input = '', mayIgnoreInput = false, env, cwd, timeout = usualTimeout, sleep, interrupt }: ProgramOptions,
): Promise<ProgramResult> {
  if (interrupt.aborted) throw interrupted();
  const over = new AbortController();
  // A group of its own has no terminal, and can be killed with everything that the program started.
  const options = { env: { ...env }, cwd, detached: process.platform !== 'win32', windowsHide: true };
  let child: ChildProcess;
  try {
    child = await spawnProgram(file, args, { ...options, stdio: 'pipe' });
  } catch (error) {
    return { failure: notStarted(error), stdout: '', stderr: '', isCut: false };
  }
  const stdout = collected(child.stdout);
  const stderr = collected(child.stderr);
  let stopped: string | undefined;
  let hasReadAll = true;
  // Closing the input fails, too, if the program has ended. Only what was written matters.
  child.stdin?.on('error', () => {});
  const stop = (why: string) => {
    stopped ??= why;
    kill(child);
  };
  const onInterrupt = () => stop('it was interrupted');
  interrupt.addEventListener('abort', onInterrupt, { once: true });
  void sleep(timeout, over.signal).then(() => {
    if (!over.signal.aborted) stop(`it didn't finish within ${durationInWords(timeout)}`);
  });
  if (input !== '') {
    child.stdin?.write(input, (error) => {
      hasReadAll = !error || mayIgnoreInput;
    });
  }
  child.stdin?.end();
  const ended = await endOf(child, () => sleep(drainTime, over.signal));
  over.abort('over');
  interrupt.removeEventListener('abort', onInterrupt);
  // A program that succeeded at the last moment did what it should.
  if (ended !== undefined && interrupt.aborted) throw interrupted();
  const failure = ended === undefined ? (hasReadAll ? undefined : "it didn't read its input") : (stopped ?? ended);
  return { failure, stdout: stdout.text(), stderr: stderr.text(), isCut: stdout.isCut() || stderr.isCut() };
}

function interrupted(): CommandError {
  return new CommandError('interrupted', 'Interrupted');
}

/**
 * Waits for the end of a program, and for its output.
 *
 * @param drain - waits until output can no longer be expected
 * @returns why it failed; undefined if it succeeded
 */
function endOf(child: ChildProcess, drain: () => Promise<void>): Promise<string | undefined> {
  return new Promise((resolve) => {
    let failure: string | undefined;
    child.once('error', (error) => resolve(notStarted(error)));
    child.once('close', () => resolve(failure));
    child.once('exit', (code, signal) => {
      failure = signal ? `it was terminated by ${signal}` : code === 0 ? undefined : `it exited with code ${code}`;
      void drain().then(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve(failure);
      });
    });
  });
}

function notStarted(error: unknown): string {
  return `it can't be started: ${systemReason(error) ?? 'unknown error'}`;
}

/** Kills a program with everything that it started in its group. */
function kill(child: ChildProcess): void {
  try {
    if (process.platform !== 'win32' && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Collects the beginning of a stream, and reads the rest, so that the program isn't held up. */
function collected(stream: NodeJS.ReadableStream | null) {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    if (size < keptOutput) chunks.push(chunk.subarray(0, keptOutput - size));
    size += chunk.length;
  });
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    isCut: () => size > keptOutput,
  };
}
