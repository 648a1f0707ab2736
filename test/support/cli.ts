import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { expect, onTestFinished } from 'vitest';
import { version } from '../../package.json';
import type { World } from '../../src/context/world.ts';
import { codeOf } from '../../src/domain/errors.ts';
import { managementKey, words } from './command-line.ts';
import { bin, isBinary, program } from './program.ts';
import { withoutTools } from './search-path.ts';
import type { WhenOver } from './shared.ts';
import { realTime, UserTime } from './world.ts';

export { managementKey, words };

type Run = (args: readonly string[], world: World) => Promise<number>;

/** The bundled command line, which runs in this process. */
const { run }: { readonly run: Run } = isBinary
  ? { run: () => Promise.reject(new Error('The binary runs in a process of its own.')) }
  : createRequire(import.meta.url)(path.resolve('dist/main.js'));

// All commands that run at once in this process listen to its exit.
process.setMaxListeners(0);

/** Matches variables that Node.js or the system reads. They have no effect on a command in this process. */
const ofProcess = /^(?:NODE_|LD_|UV_|SSL_CERT_|DBUS_)/;

export type Environment = Readonly<Record<string, string>>;

/** How a command ended and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running process. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Waits until stdout contains a match. */
  stdout(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until stderr contains a match. */
  stderr(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

export interface Options {
  readonly env?: Environment;
  /** The content of standard input; by default, empty. null leaves it open. */
  readonly stdin?: string | null;
}

type Streams = Pick<World, 'stdin' | 'stdout' | 'stderr'>;

/** What a test can give a command that runs in its process. */
interface HereOptions
  extends Options,
    Partial<Pick<World, 'cwd' | 'now' | 'monotonic' | 'sleep' | 'interrupt' | 'passSignals'>> {}

const searchPath = withoutTools([
  path.dirname(process.execPath),
  ...(process.env.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder)),
]);

/** A user with a home directory of their own and nothing else in the environment. */
export interface User {
  readonly home: string;
  readonly env: Environment;
  /**
   * Runs `ci` to its end, without a terminal. A line is split at its spaces; a list is taken as it is. The bundle runs in this
   * process, which takes 5 ms instead of the 200 ms of a process; the binary in one of its own, with the time of the system.
   */
  ci(line: string | readonly string[], options?: HereOptions): Promise<Ended>;
  /** Runs the bundle in this process, with streams of the test's own. @returns the exit code */
  here(line: string | readonly string[], streams: Streams, options?: Omit<HereOptions, 'stdin'>): Promise<number>;
  /** Runs `ci` to its end in a process of its own, for tests about processes. */
  process(line: string | readonly string[], options?: Options): Promise<Ended>;
  /** Starts `ci` without waiting for its end. It is killed after the test. */
  start(line: string | readonly string[], options?: Options): Running;
  /** Runs a line of shell in the home directory, with `ci` on the path. */
  sh(script: string, options?: Options): Promise<Ended>;
}

/**
 * Creates a user, whose folders are removed after the test.
 *
 * @param whenOver - registers a function to call after the test; tests that run concurrently pass their own
 * @param prefix - the words before the program in the command line of its processes
 */
export function user(env: Environment = {}, whenOver: WhenOver = onTestFinished, prefix: readonly string[] = []): User {
  const home = mkdtempSync(path.join(tmpdir(), 'ci-e2e-'));
  whenOver(() => removeHome(home));
  const programs = path.join(home, 'bin');
  mkdirSync(programs);
  symlinkSync(bin, path.join(programs, 'ci'));
  const environment: Environment = {
    PATH: [programs, ...searchPath].join(path.delimiter),
    HOME: home,
    XDG_DATA_HOME: path.join(home, 'data'),
    XDG_CONFIG_HOME: path.join(home, 'config'),
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    NO_UPDATE_NOTIFIER: '1',
    ...env,
  };
  const start = (file: string, args: readonly string[], options: Options & { cwd?: string } = {}): Running => {
    const { env: more, stdin = '', cwd = home } = options;
    const child = spawn(file, args, { cwd, env: { ...environment, ...more }, stdio: 'pipe' });
    // A command that ends before it has read its input closes the pipe.
    child.stdin.on('error', () => {});
    if (stdin !== null) child.stdin.end(stdin);
    whenOver(() => ended(child));
    return watched(child, child.stdout, child.stderr);
  };
  const [file = '', ...first] = [...prefix, ...program];
  const startCi = (line: string | readonly string[], options?: Options & { cwd?: string }) =>
    start(file, [...first, ...words(line)], options);
  const time = new UserTime();
  const here: User['here'] = (line, streams, { env: more, ...options } = {}) => {
    const env = { ...environment, ...more };
    const ignored = Object.keys(env).find((name) => ofProcess.test(name));
    if (ignored !== undefined)
      throw new Error(`${ignored} has no effect in this process. Use process() instead of ci().`);
    const interrupt = options.interrupt ?? new AbortController().signal;
    forgetLocale();
    return run(words(line), {
      ...{
        cwd: home,
        openUrl: (url: string) => browse(programs, env, url),
        timeZone: env.TZ ?? 'UTC',
        version,
        interrupt,
        ...time.start(interrupt),
        ...options,
      },
      ...streams,
      env,
    });
  };
  const inThisProcess: User['ci'] = async (line, { stdin = '', ...options } = {}) => {
    const [stdout, stderr] = [new Text(), new Text()];
    const input = stdin === null ? new PassThrough() : Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]);
    const code = await here(line, { stdin: input, stdout, stderr }, options);
    return { code, signal: null, stdout: stdout.text, stderr: stderr.text };
  };
  const inProcessOfItsOwn: User['ci'] = async (line, { interrupt, ...options } = {}) => {
    const { now = realTime.now, monotonic = realTime.monotonic, sleep = realTime.sleep } = options;
    if (now !== realTime.now || monotonic !== realTime.monotonic || sleep !== realTime.sleep)
      throw new Error("A test can't set the time of a process.");
    const running = startCi(line, options);
    const stop = () => running.kill('SIGINT');
    if (interrupt?.aborted) stop();
    interrupt?.addEventListener('abort', stop, { once: true });
    return running.ended;
  };
  return {
    home,
    env: environment,
    start: startCi,
    ci: isBinary ? inProcessOfItsOwn : inThisProcess,
    here,
    process: (line, options) => startCi(line, options).ended,
    sh: (script, options) => start('sh', ['-c', script], options).ended,
  };
}

/** Creates a user whose commands use the embedded sandbox. */
export function sandboxUser(env: Environment = {}): User {
  return user({ CHEAPESTINFERENCE_SANDBOX: '1', ...env });
}

/** Lets changes of this user settle in less than the usual two minutes. @param time - as typed: `1s` */
export function settlesIn({ home }: Pick<User, 'home'>, time: string): void {
  const folder = path.join(home, 'config', 'cheapestinference');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const profiles = { profiles: { default: { settlingTime: time } } };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(profiles), { mode: 0o600 });
}

/** Creates a user who is signed in to an API by environment variables. */
export function userOf(api: { readonly url: string }, env: Environment = {}): User {
  return user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey, ...env });
}

/** Returns what a command printed as JSON, which is one line without a terminal. */
export function json({ stdout }: { readonly stdout: string }): unknown {
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout);
}

/** Returns what a command printed as one JSON value per line, which may be nothing. */
export function jsonLines({ stdout }: { readonly stdout: string }): unknown[] {
  return stdout === '' ? [] : lines(stdout).map((line): unknown => JSON.parse(line));
}

/** Returns the names of an object's members, in order. */
export function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${JSON.stringify(value)}`);
  return Object.keys(value);
}

/** Splits lines that each end with a line break. */
export function lines(text: string): string[] {
  expect(text).toMatch(/\n$/);
  return text.slice(0, -1).split('\n');
}

/** Splits tab-separated lines into cells. */
export function cells(text: string): string[][] {
  return lines(text).map((line) => line.split('\t'));
}

/** Matches an error in one line, without a stack. */
export const oneLine = /^ci: (?!.*\n\s+at ).+\n$/;

/** Matches a secret as the API creates it. */
export const secret = /sk_(?:live|pool|sandbox)_[A-Za-z0-9_-]{32}/;

/** Opens a page as the system does, with the `xdg-open` that a test put in the user's path. */
async function browse(programs: string, env: Environment, url: string): Promise<void> {
  execFileSync(path.join(programs, 'xdg-open'), [url], { env });
}

/**
 * Removes a directory in which processes in the background may still write, such as those that fetch names for a shell.
 * Node.js doesn't list it again when it finds it not empty.
 */
function removeHome(home: string): void {
  for (let left = 100; ; left--) {
    try {
      rmSync(home, { recursive: true, force: true });
      return;
    } catch (error) {
      if (left === 0 || codeOf(error) !== 'ENOTEMPTY') throw error;
    }
  }
}

/** Collects what is written as text. */
class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** Kills a process that is still running, and waits for its end. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill('SIGKILL');
  });
}

function watched(child: ChildProcess, out: NodeJS.ReadableStream, err: NodeJS.ReadableStream): Running {
  let stdout = '';
  let stderr = '';
  out.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  err.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const wrote = (stream: NodeJS.ReadableStream, text: () => string, pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text());
        if (!match) return;
        stream.off('data', look);
        resolve(match);
      };
      stream.on('data', look);
      closed.then(() => reject(new Error(`the process ended without writing ${pattern}: ${stdout}${stderr}`)), reject);
      look();
    });
  return {
    pid: child.pid ?? -1,
    ended: closed,
    kill: (signal) => void child.kill(signal),
    stdout: (pattern) => wrote(out, () => stdout, pattern),
    stderr: (pattern) => wrote(err, () => stderr, pattern),
  };
}

/**
 * Removes the language of error messages that loading all of zod sets for every copy of zod in the process. An SDK in another test
 * may have set it, and the bundle has none.
 */
function forgetLocale(): void {
  const shared: unknown = Reflect.get(globalThis, '__zod_globalConfig');
  if (typeof shared === 'object' && shared !== null) Reflect.deleteProperty(shared, 'localeError');
}
