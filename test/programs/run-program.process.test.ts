import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { pause } from '../../src/api/pause.ts';
import { type ProgramOptions, runProgram } from '../../src/programs/run-program.ts';
import { emptyFolder } from '../support/folder.ts';

/** Runs a script of sh. */
function sh(script: string, options: Partial<ProgramOptions> = {}, ...args: readonly string[]) {
  return runProgram('/bin/sh', ['-c', script, 'sh', ...args], {
    env: { PATH: process.env.PATH },
    cwd: undefined,
    sleep: pause,
    interrupt: new AbortController().signal,
    ...options,
  });
}

test('passes arguments and input unchanged, without a shell', async () => {
  const odd = ['', ' ', '"', "'", '$HOME', '`id`', '*', 'a\nb', ';'];
  const { stdout, failure } = await sh('for each; do printf "[%s]" "$each"; done; cat', { input: 'sk_1\n\n' }, ...odd);
  expect([failure, stdout]).toEqual([undefined, `${odd.map((each) => `[${each}]`).join('')}sk_1\n\n`]);
});

test('gives it the environment and the working directory, and no terminal', async () => {
  const cwd = emptyFolder();
  const { stdout } = await sh('pwd; echo "$A"; (: </dev/tty) 2>/dev/null && echo terminal; cat', {
    cwd,
    env: { A: 'b' },
  });
  expect(stdout).toBe(`${cwd}\nb\n`);
});

test.each([
  ['exit 3', 'it exited with code 3'],
  ['kill -TERM $$', 'it was terminated by SIGTERM'],
  ['exit 0', undefined],
])('reports how `%s` ends', async (script, failure) => {
  expect(await sh(`echo out; echo err >&2; ${script}`)).toEqual({
    failure,
    stdout: 'out\n',
    stderr: 'err\n',
    isCut: false,
  });
});

test("reports a program that can't be started", async () => {
  const { env, ...rest } = { env: {}, cwd: undefined, sleep: pause, interrupt: new AbortController().signal };
  const { failure } = await runProgram('/nowhere/program', [], { env, ...rest });
  expect(failure).toBe("it can't be started: no such file or directory");
});

test('accepts a program that ends before its input does', async () => {
  for (let count = 0; count < 20; count++) {
    expect((await sh('read -r line; exit 0', { input: 'one\ntwo\n' })).failure).toBeUndefined();
  }
});

test("reports a program that doesn't read its input, even if it exits with 0", async () => {
  const { failure } = await sh('exec <&-; exit 0', { input: 'x'.repeat(1_000_000) });
  expect(failure).toBe("it didn't read its input");
});

test('accepts a program that does not read its input if it may ignore it', async () => {
  const { failure } = await sh('exec <&-; exit 0', { input: 'x'.repeat(1_000_000), mayIgnoreInput: true });
  expect(failure).toBeUndefined();
  const failed = await sh('exec <&-; exit 3', { input: 'x'.repeat(1_000_000), mayIgnoreInput: true });
  expect(failed.failure).toBe('it exited with code 3');
});

test('keeps the first mebibyte of the output, and reads the rest', async () => {
  const { failure, stdout, isCut } = await sh('head -c 5000000 /dev/zero; echo end >&2');
  expect([failure, stdout.length, isCut]).toEqual([undefined, 1024 * 1024, true]);
});

test('kills a program that hangs, with the programs that it started', async () => {
  const file = path.join(emptyFolder(), 'pid');
  const isStarted = () => existsSync(file) && /\d\n/.test(readFileSync(file, 'utf8'));
  const { failure } = await sh(
    'sleep 1000 & echo $! >"$1"; wait',
    {
      sleep: async (_milliseconds, signal) => {
        while (!isStarted()) await pause(5, signal);
      },
    },
    file,
  );
  expect(failure).toBe("it didn't finish within 2 minutes");
  const child = Number(readFileSync(file, 'utf8'));
  await expect.poll(() => isAlive(child)).toBe(false);
});

test("doesn't wait for a program in the background that keeps its output open", async () => {
  const { failure, stdout } = await sh('echo out; (trap "" HUP; exec sleep 20) & exit 0', {
    sleep: (milliseconds, signal) => pause(milliseconds / 10, signal),
  });
  expect([failure, stdout]).toEqual([undefined, 'out\n']);
});

test('kills the program when the command is interrupted', async () => {
  const file = path.join(emptyFolder(), 'pid');
  const stop = new AbortController();
  const running = sh('echo $$ >"$1"; exec sleep 1000', { interrupt: stop.signal }, file);
  const outcome = expect(running).rejects.toMatchObject({ code: 'interrupted' });
  await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8')).toMatch(/\d\n/);
  stop.abort();
  await outcome;
  await expect.poll(() => isAlive(Number(readFileSync(file, 'utf8')))).toBe(false);
});

test('starts nothing after the command was interrupted', async () => {
  const file = path.join(emptyFolder(), 'started');
  const interrupt = AbortSignal.abort();
  await expect(sh(': >"$1"', { interrupt }, file)).rejects.toMatchObject({ code: 'interrupted' });
  expect(existsSync(file)).toBe(false);
});

/** Returns whether a process runs. A zombie doesn't. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = existsSync('/proc/self/stat') ? readFileSync(`/proc/${pid}/stat`, 'latin1') : '';
  return !/\) Z /.test(stat);
}
