import { fstatSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { version } from '../../package.json';
import { pause } from '../api/pause.ts';
import type { World } from '../context/world.ts';
import { fileSink, pipeSink, type Sink, written } from '../output/sink.ts';
import { interruptingSignals, listenTo, type PassSignals, passedSignals, sameSignal } from '../programs/signals.ts';
import { printStack, report, reportAsJson, toCommandError, wantsJson } from './report.ts';
import { type Escapes, run } from './run.ts';
import type { Stub } from './verb.ts';

/** The properties of the world that depend on the build. */
export type Build = Pick<World, 'platform' | 'program' | 'updateCheck'>;

/** Returns the process as the world of a command, and a function that waits until its output is written. */
function processWorld(
  interrupt: AbortSignal,
  { passSignals, endWith, ...build }: Build & Required<Pick<World, 'passSignals' | 'endWith'>>,
): { world: World; flushed: () => Promise<unknown> } {
  let stdout: Sink | undefined;
  let stdoutStream: NodeJS.WriteStream | undefined;
  let stderr: NodeJS.WriteStream | undefined;
  // Getters, because creating a stream or reading the time zone costs start-up time.
  const world: World = {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= standardOutput(() => {
        stdoutStream = withoutCrash(process.stdout);
        return stdoutStream;
      });
      return stdout;
    },
    get stderr() {
      stderr ??= withoutCrash(process.stderr);
      return stderr;
    },
    get timeZone() {
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
    // Also a getter, because the directory may have been removed.
    get cwd() {
      return process.cwd();
    },
    env: process.env,
    async terminalHasColors() {
      return (await import('../output/color.ts')).terminalHasColors;
    },
    async ownTerminal() {
      return (await import('../programs/own-terminal.ts')).ownTerminal;
    },
    async openUrl(url) {
      const { default: open } = await import('open');
      const browser = await open(url);
      browser.on('error', () => {});
    },
    now: Date.now,
    monotonic: () => performance.now(),
    sleep: pause,
    version,
    interrupt,
    passSignals,
    endWith,
    ...build,
  };
  return { world, flushed: () => Promise.all([stdoutStream && ended(stdoutStream), stderr && written(stderr)]) };
}

/** The signals that are passed on to a command, but don't interrupt this one. */
const otherSignals = passedSignals.filter((each) => !interruptingSignals.includes(each));

/** Runs the command line of this process and exits. A second signal ends it immediately. */
export async function runProcess(nouns: readonly Stub[], build: Build): Promise<void> {
  const interrupt = new AbortController();
  let first = 0;
  let receive: ((signal: NodeJS.Signals) => void) | undefined;
  let lastSignal: NodeJS.Signals | undefined;
  process.once('exit', () => {
    if (lastSignal === undefined) return;
    process.removeAllListeners(lastSignal);
    process.kill(process.pid, lastSignal);
  });
  listenTo(interruptingSignals, (signal) => {
    // Node.js 20 and 22 abort at their end if they can't restore the mode of a terminal.
    if (signal === 'SIGHUP' && [0, 1, 2].some(isClosedTerminal)) lastSignal = signal;
    if (receive) receive(signal);
    else if (!interrupt.signal.aborted) {
      first = performance.now();
      interrupt.abort(new Error('interrupted'));
    } else if (performance.now() - first > sameSignal) process.exit(130);
  });
  const args = process.argv.slice(2);
  const passSignals: PassSignals = (receiver) => {
    receive = receiver;
    const end = listenTo(otherSignals, receiver);
    return () => {
      receive = undefined;
      end();
    };
  };
  const endWith = (signal: NodeJS.Signals) => {
    lastSignal = signal;
  };
  const { world, flushed } = processWorld(interrupt.signal, { ...build, passSignals, endWith });
  const escapes: Escapes = {};
  let hasCrashed = false;
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      hasCrashed = true;
      if (escapes.take) return escapes.take(error);
      printStack(error, args, world);
      const failure = toCommandError(error, new Command());
      if (!wantsJson(args, world)) return void report(failure, args, world).finally(() => process.exit(1));
      reportAsJson(failure, world);
      process.exit(1);
    });
  }
  process.exitCode = await run(nouns, args, world, escapes);
  // Exits without waiting for open connections, which may never end. After a crash, stderr may not either.
  if (!hasCrashed) await flushed();
  process.exit();
}

/** Returns whether a descriptor is that of a terminal that was closed, such as with its window. */
function isClosedTerminal(descriptor: number): boolean {
  try {
    const device = fstatSync(descriptor);
    return device.isCharacterDevice() && !isTerminal(descriptor) && device.rdev !== statSync('/dev/null').rdev;
  } catch {
    // The descriptor is closed, or the system is Windows.
    return false;
  }
}

/** Creates a sink for stdout by its kind, because creating a stream of Node.js takes longer than many commands. */
function standardOutput(stream: () => NodeJS.WriteStream): Sink {
  try {
    const kind = fstatSync(1);
    // A device such as /dev/full is like a file.
    if (kind.isFile() || (kind.isCharacterDevice() && !isTerminal(1))) return fileSink(1);
    if (kind.isFIFO() || kind.isSocket()) return pipeSink(1, stream);
  } catch {
    // stdout is closed, and the stream reports that.
  }
  return stream();
}

/** Returns whether a descriptor is a terminal. Only a device may be one, so that most commands don't load the module. */
function isTerminal(descriptor: number): boolean {
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/**
 * Ends a stream, and waits until everything has left the process. A stream of Bun calls back for a text as soon as it has taken it,
 * so that only its end shows that a slow reader has everything.
 */
function ended(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.errored) resolve();
    else stream.end(() => resolve());
  });
}

/** Ignores errors of a stream, because a closed pipe must not stop a change halfway. */
function withoutCrash(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => {});
}
