import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** How a child ended and what it wrote. */
interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A child process that runs some of the sources. */
export interface Child {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  /** Waits until its stdout contains a text. */
  says(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Closes its standard input. */
  release(): void;
}

interface Options {
  /** Runs it through `sh -c`, where `"$@"` is the child: `umask 0; exec "$@"`. */
  readonly shell?: string;
}

/** Lets the tests of a file run scripts in child processes, which import a module of the sources as `./module.mjs`. */
export function children(input: string): (script: string, options?: Options) => Child {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ci-children-'));
    // For a child that runs as another user.
    chmodSync(folder, 0o755);
    const bundle = await rolldown({ input, platform: 'node' });
    await bundle.write({ file: join(folder, 'module.mjs'), format: 'esm', codeSplitting: false });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (script, { shell } = {}) => {
    const source = script.replaceAll('./module.mjs', pathToFileURL(join(folder, 'module.mjs')).href);
    const node = [process.execPath, '--input-type=module', '-e', source];
    const [file = '', ...args] = shell === undefined ? node : ['/bin/sh', '-c', shell, 'sh', ...node];
    return watched(spawn(file, args, { env: { PATH: process.env.PATH } }));
  };
}

function watched(child: ChildProcessWithoutNullStreams): Child {
  let stdout = '';
  let stderr = '';
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? -1,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!stdout.includes(text)) return;
          child.stdout.off('data', look);
          resolve();
        };
        child.stdout.on('data', look);
        ended.then(() => reject(new Error(`the child ended and never said ${text}: ${stdout}${stderr}`)), reject);
        look();
      }),
    kill: (signal) => void child.kill(signal),
    release: () => void child.stdin.end(),
  };
}
