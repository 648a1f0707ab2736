import { fstatSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { version } from '../../package.json';
import { pause } from '../api/pause.ts';
import type { World } from '../context/world.ts';
import { fileSink, pipeSink, type Sink, written } from '../output/sink.ts';
import { report, reportAsJson, tellStack, toCommandError, wantsJson } from './report.ts';
import { type Escapes, run } from './run.ts';
import type { Stub } from './verb.ts';

/** The process as the world that a command sees, and how to wait until all is told that was said on stderr. */
function processWorld(interrupt: AbortSignal): { world: World; told: () => Promise<unknown> } {
  let stdout: Sink | undefined;
  let stderr: NodeJS.WriteStream | undefined;
  // Getters, as a stream or a time zone that is looked at costs start-up time.
  const world: World = {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= standardOutput();
      return stdout;
    },
    get stderr() {
      stderr ??= withoutCrash(process.stderr);
      return stderr;
    },
    get timeZone() {
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
    // A getter, too, because the directory may have been removed.
    get cwd() {
      return process.cwd();
    },
    env: process.env,
    async terminalHasColors() {
      return (await import('../output/color.ts')).terminalHasColors;
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
    get updateCheck() {
      // The build puts this module into a folder below the programs.
      return path.join(import.meta.dirname, '../update-check.js');
    },
  };
  return { world, told: async () => stderr && written(stderr) };
}

/** A signal that comes so soon after another is the same: `timeout` and others send it to the process and to its group. Milliseconds. */
const sameSignal = 300;

/** Runs the process's own command line and sets its exit code. The second signal ends it at once. */
export async function runProcess(nouns: readonly Stub[]): Promise<void> {
  const interrupt = new AbortController();
  let first = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!interrupt.signal.aborted) {
        first = performance.now();
        interrupt.abort(new Error('interrupted'));
      } else if (performance.now() - first > sameSignal) process.exit(130);
    });
  }
  const args = process.argv.slice(2);
  const { world, told } = processWorld(interrupt.signal);
  const escapes: Escapes = {};
  let hasCrashed = false;
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      hasCrashed = true;
      if (escapes.take) return escapes.take(error);
      tellStack(error, args, world);
      const failure = toCommandError(error, new Command());
      if (!wantsJson(args, world)) return void report(failure, args, world).finally(() => process.exit(1));
      reportAsJson(failure, world);
      process.exit(1);
    });
  }
  process.exitCode = await run(nouns, args, world, escapes);
  // What was under way may never end; and to wait for it to be torn down takes longer than to leave.
  if (!hasCrashed) await told();
  process.exit();
}

/** Made when it is first written to, and as what it is: the stream of Node.js takes longer to make than many a command. */
function standardOutput(): Sink {
  const stream = () => withoutCrash(process.stdout);
  try {
    const kind = fstatSync(1);
    if (kind.isFile()) return fileSink(1);
    if (kind.isFIFO() || kind.isSocket()) return pipeSink(1, stream);
  } catch {
    // It is closed: the stream says so.
  }
  return stream();
}

/** A reader that is gone is no reason to stop half-way through a change. */
function withoutCrash(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => {});
}
