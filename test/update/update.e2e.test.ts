import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Environment, type User, user } from '../support/cli.ts';
import { isBinary } from '../support/program.ts';
import { answer, type Behavior, reset, server, silence, webPage } from '../support/servers.ts';
import { onTerminal, shown } from '../support/terminal.ts';

const day = 24 * 3_600_000;
/** A command that ends immediately and doesn't prompt. */
const line = 'sandbox path';
const newest = answer(200, { name: 'cheapestinference', version: '99.0.0' });

/** Returns a user with update notices and a separate registry. */
async function userWithRegistry(registry: Behavior = newest, env: Environment = {}) {
  const npm = await server(registry);
  const me = user({ NO_UPDATE_NOTIFIER: '', npm_config_registry: npm.url, ...env });
  return { npm, me, file: path.join(me.home, '.cache', 'cheapestinference', 'update.json') };
}

function known(file: string): Record<string, unknown> {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return { ...(typeof value === 'object' ? value : {}) };
}

function know(file: string, value: object): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(value));
}

/** Returns the text after the result of a command, which is one line. */
async function textAfterResult(me: User, words = line) {
  const { code, rows } = await shown(me, words, { pty: true });
  expect(code).toBe(0);
  return rows
    .slice(1)
    .filter((row) => row !== '')
    .join(' ');
}

const notice = isBinary
  ? /^Version 99\.0\.0 is available\. Update with curl -fsSL \S+\/install\.sh \| sh -s -- --to \S+\/dist\/bin$/
  : /^Version 99\.0\.0 is available\. Update with npm install --global cheapestinference$/;

test('announces a newer version after the result of the next command, once a day', async () => {
  const { npm, me, file } = await userWithRegistry();
  expect(await textAfterResult(me)).toBe('');
  await expect.poll(() => known(file).latest).toBe('99.0.0');
  expect(npm.requests).toEqual(['GET /cheapestinference/latest']);
  expect(await textAfterResult(me)).toMatch(notice);
  expect(await textAfterResult(me)).toBe('');
  know(file, { ...known(file), announcedAt: Date.now() - day });
  expect(await textAfterResult(me)).toMatch(notice);
  expect(npm.requests).toHaveLength(1);
});

test('announces a newer version with CI=false', async () => {
  const { me, file } = await userWithRegistry(newest, { CI: 'false' });
  know(file, { askedAt: Date.now(), latest: '99.0.0' });
  expect(await textAfterResult(me)).toMatch(notice);
});

test('asks the registry again a day later', async () => {
  const { npm, me, file } = await userWithRegistry();
  know(file, { askedAt: Date.now() - day, latest: '0.0.1' });
  expect(await textAfterResult(me)).toBe('');
  await npm.got('GET');
  await expect.poll(() => known(file).latest).toBe('99.0.0');
});

test('does not announce a version that is not newer', async () => {
  const { me, file } = await userWithRegistry();
  know(file, { askedAt: Date.now(), latest: '0.0.1' });
  expect(await textAfterResult(me)).toBe('');
});

test('announces a newer version even if the clock was in the future', async () => {
  const { npm, me, file } = await userWithRegistry(reset);
  know(file, { askedAt: Date.now() + 1000 * day, announcedAt: Date.now() + 1000 * day, latest: '99.0.0' });
  expect(await textAfterResult(me)).toMatch(notice);
  await npm.got('GET');
});

test('does not wait for the registry', async () => {
  const { npm, me } = await userWithRegistry(silence);
  const session = onTerminal(me, line, { pty: true });
  expect(await session.exit).toBe(0);
  // The background process still waits for an answer, which never comes.
  await npm.got('GET');
});

describe('announces nothing if the registry returns', () => {
  test.each<[string, Behavior]>([
    ['a reset connection', reset],
    ['a web page', webPage(200)],
    ['an error', answer(503, { error: 'busy' })],
    ['a package that is not there', answer(404, 'Not found')],
    ['a version to try out', answer(200, { version: '99.0.0-beta.1' })],
    ['a version that drives a terminal', answer(200, { version: '99.0.0\u001b[2J' })],
    ['nothing of a version', answer(200, [])],
  ])('%s', async (_what, behavior) => {
    const { npm, me, file } = await userWithRegistry(behavior);
    await textAfterResult(me);
    await npm.got('GET');
    expect(await textAfterResult(me)).toBe('');
    expect(known(file).latest).toBeUndefined();
  });
});

describe('announces nothing, and does not ask the registry,', () => {
  async function quiet(words: string, env: Environment = {}) {
    const { npm, me, file } = await userWithRegistry();
    know(file, { latest: '99.0.0' });
    const { screen } = await shown(me, words, { env, pty: true });
    expect(screen).not.toContain('99.0.0');
    expect([known(file), npm.requests]).toEqual([{ latest: '99.0.0' }, []]);
  }

  test.each([
    ['in CI', line, { CI: 'true' }],
    ['with NO_UPDATE_NOTIFIER', line, { NO_UPDATE_NOTIFIER: '1' }],
    ['with --json', `${line} --json`, {}],
    ['by the version', '--version', {}],
    ['by help', '--help', {}],
    ['by the help of a command', 'sandbox path --help', {}],
    ['by the page of ci alone', '', {}],
    ['by the commands of a noun', 'sandbox', {}],
    ['by a mistake', 'sandbox pth', {}],
  ])('%s', (_where, words, env) => quiet(words, env));

  test('in a pipe', async () => {
    const { npm, me, file } = await userWithRegistry();
    know(file, { latest: '99.0.0' });
    for (const words of [line, `${line} -o table`, 'auth list'])
      expect((await me.ci(words)).stderr).not.toContain('99');
    expect([known(file), npm.requests]).toEqual([{ latest: '99.0.0' }, []]);
  });

  test('if nothing can be saved', async () => {
    const { npm, me, file } = await userWithRegistry();
    writeFileSync(path.join(me.home, '.cache'), '');
    expect(await textAfterResult(me)).toBe('');
    expect([existsSync(file), npm.requests]).toEqual([false, []]);
  });
});

test('uses the proxy of the environment for a registry on another machine', async () => {
  const tunnels: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on('connect', ({ url }, socket) => {
    tunnels.push(url);
    socket.destroy();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { me } = await userWithRegistry(newest, {
    npm_config_registry: 'https://registry.test/npm/',
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
  });
  await textAfterResult(me);
  await expect.poll(() => tunnels).toEqual(['registry.test:443']);
});
