import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { version } from '../../package.json';
import bun from '../../packaging/bun/package.json';
import { emptyFolder } from '../support/folder.ts';
import { needs } from '../support/programs.ts';
import { runProgram } from '../support/releases.ts';
import { listAt } from '../support/sandbox.ts';
import { data, recordedSandbox, server } from '../support/servers.ts';

const binary = path.resolve('dist/bin/ci');
const platform = `${process.platform}-${process.arch}`;
/** The libraries of the Debian package libc6-arm64-cross. */
const armLibraries = '/usr/aarch64-linux-gnu';
const subscribe = ['--sandbox', 'pools', 'subscribe', 'kimi26', '--blocks', 'europe', '--yes'];
const subscription = /^[0-9a-f-]{36}\tkimi26\teurope\tactive\t49\.00\t/;

/** Runs the binary for this machine, in an empty environment. */
function run(line: string, env: NodeJS.ProcessEnv = {}) {
  return runProgram([binary, ...line.split(' ')], { HOME: emptyFolder(), NO_UPDATE_NOTIFIER: '1', ...env });
}

describe('the build', () => {
  test.each(['--version', '-V', 'version', 'version --no-color'])('is named by ci %s', async (line) => {
    expect(await run(line)).toEqual({ code: 0, stdout: `${version} (standalone, ${platform})\n`, stderr: '' });
  });

  test('is named by ci version --json, doctor, and the User-Agent header', async () => {
    expect(JSON.parse((await run('version --json')).stdout)).toEqual({ version, build: 'standalone', platform });
    const [first, ...others] = listAt(JSON.parse((await run('--sandbox doctor --json')).stdout));
    expect(first).toEqual({ check: 'build', status: 'ok', detail: `${version} (standalone, ${platform})` });
    expect(JSON.stringify(others)).not.toContain('Node.js');
    const api = await recordedSandbox();
    await run('pools list', { CHEAPESTINFERENCE_API_URL: api.url });
    expect(api.received[0]?.headers['user-agent']).toBe(
      `cheapestinference-cli/${version} (${process.platform}; ${process.arch}) bun/${bun.version}`,
    );
  });
});

test('reads and writes the usage snapshots of the npm package, and the other way round', async () => {
  let keys = 0;
  const api = await server((request, response) => {
    response.setHeader('Date', new Date(Date.UTC(2026, 3, 14, ++keys)).toUTCString());
    const usage = { last30d: { requests: 1, tokens: 1, promptTokens: 1, completionTokens: 0 } };
    const createdAt = '2026-04-10T00:00:00.000Z';
    return data(Array.from({ length: keys }, (_, at) => ({ id: `k${at}`, name: `key ${at}`, usage, createdAt })))(
      request,
      response,
    );
  });
  const env = {
    HOME: emptyFolder(),
    CHEAPESTINFERENCE_API_URL: api.url,
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests_0123456789abcdef',
  };
  const programs = [[process.execPath, path.resolve('bin/ci.js')], [binary]];
  for (const words of [...programs, ...programs]) {
    const fresh = { ...env, NO_UPDATE_NOTIFIER: '1', XDG_CACHE_HOME: emptyFolder() };
    expect(await runProgram([...words, 'usage', 'snapshot'], fresh)).toMatchObject({ code: 0, stderr: '' });
  }
  const report = (words: readonly string[]) =>
    runProgram([...words, 'usage', 'report', '--month', '2026-04', '--json'], { ...env, NO_UPDATE_NOTIFIER: '1' });
  // One after the other: the second would say that it waits for the first.
  const one = await report([process.execPath, path.resolve('bin/ci.js')]);
  const other = await report([binary]);
  expect(JSON.parse(one.stdout)).toMatchObject({ rows: Array.from({ length: 4 }, () => ({ tokens: 1 })) });
  expect(other).toEqual(one);
});

describe('a variable of the runtime', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-evil-'));
  const evil = path.join(folder, 'evil.js');
  writeFileSync(evil, "require('node:fs').writeSync(1, 'evil\\n');");
  writeFileSync(path.join(folder, 'bunfig.toml'), `preload = [${JSON.stringify(evil)}]\n`);
  let connections = 0;
  const inspector = createServer(() => {
    connections += 1;
  }).listen(path.join(folder, 'socket'));
  afterAll(() => {
    inspector.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['BUN_BE_BUN', '1'],
    ['BUN_OPTIONS', `--preload ${evil}`],
    ['BUN_OPTIONS', `--require=${evil}`],
    ['BUN_OPTIONS', `--import ${evil}`],
    ['BUN_OPTIONS', `-r ${evil}`],
    ['BUN_OPTIONS', `--config=${path.join(folder, 'bunfig.toml')}`],
    ['BUN_OPTIONS', '--version'],
    ['BUN_OPTIONS', '--help'],
    ['BUN_OPTIONS', '--cpu-prof'],
    ['BUN_INSPECT', 'ws://127.0.0.1:9/x?wait=1'],
    ['BUN_INSPECT', 'ws://127.0.0.1:9/x?break=1'],
    ['BUN_INSPECT_CONNECT_TO', `unix://${path.join(folder, 'socket')}`],
    ['BUN_INSPECT_PRELOAD', evil],
    ['NODE_OPTIONS', `--require ${evil}`],
    ['NODE_PATH', folder],
  ])('changes nothing: %s=%s', async (name, value) => {
    const { stdout, ...ended } = await run('--sandbox pools list --json', { [name]: value });
    expect(ended).toMatchObject({ code: 0 });
    expect(listAt(JSON.parse(stdout)).length).toBeGreaterThan(1);
    expect(connections).toBe(0);
  });
});

test('runs in a directory with nothing but the binary, its libraries and /proc', async ({ skip }) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) skip('only root can change the root directory');
  const root = mkdtempSync(path.join(tmpdir(), 'ci-root-'));
  const mount = path.join(root, 'proc');
  mkdirSync(mount);
  mkdirSync(path.join(root, 'home'));
  const isMounted = spawnSync('mount', ['-t', 'proc', 'proc', mount]).status === 0;
  onTestFinished(() => {
    if (isMounted) execFileSync('umount', [mount]);
    rmSync(root, { recursive: true });
  });
  if (!isMounted) skip('this machine does not let root mount /proc');
  copyFileSync(binary, path.join(root, 'ci'));
  for (const [library] of execFileSync('ldd', [binary], { encoding: 'utf8' }).matchAll(/\/\S+/g)) {
    mkdirSync(path.join(root, path.dirname(library)), { recursive: true });
    copyFileSync(library, path.join(root, library));
  }
  const { code, stdout, stderr } = await runProgram(['chroot', root, '/ci', ...subscribe], {
    PATH: '/usr/sbin:/usr/bin',
    HOME: '/home',
  });
  expect([code, stderr]).toEqual([0, 'Sandbox: nothing is charged. See `ci sandbox --help`.\n']);
  expect(stdout).toMatch(subscription);
});

test('runs on arm64', async (context) => {
  needs(context, 'qemu-aarch64-static');
  if (!existsSync(armLibraries) && !process.env.CI) context.skip(`${armLibraries} is not installed`);
  const { compile } = await import('../../packaging/compile.mjs');
  const file = path.join(emptyFolder(), 'ci');
  await compile('linux-arm64', file);
  const arm = (...args: readonly string[]) =>
    runProgram(['qemu-aarch64-static', '-L', armLibraries, file, ...args], {
      PATH: process.env.PATH,
      HOME: emptyFolder(),
    });
  expect(await arm('--version')).toEqual({ code: 0, stdout: `${version} (standalone, linux-arm64)\n`, stderr: '' });
  const { code, stdout } = await arm(...subscribe);
  expect([code, stdout]).toEqual([0, expect.stringMatching(subscription)]);
});

test('runs on an x64 processor of 2008, without AVX', async (context) => {
  needs(context, 'qemu-x86_64-static');
  if (platform !== 'linux-x64') context.skip('the binary for this machine is not for x64');
  const { code, stdout } = await runProgram(['qemu-x86_64-static', '-cpu', 'Nehalem-v1', binary, ...subscribe], {
    PATH: process.env.PATH,
    HOME: emptyFolder(),
  });
  expect([code, stdout]).toEqual([0, expect.stringMatching(subscription)]);
});
