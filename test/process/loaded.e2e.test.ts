import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Chunk, chunks } from '../bundle.mjs';
import { type User, user } from '../support/cli.ts';
import { storeKeys } from '../support/key-store.ts';
import { listAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

// Start-up time depends on what is loaded. These tests measure no time, but check what a process has loaded when it ends.

const preload = path.resolve('test/support/loaded.cjs');
let all: ReadonlyMap<string, Chunk>;

beforeAll(async () => {
  all = await chunks();
});

interface Loaded {
  /** The chunks, relative to the project. */
  readonly files: readonly string[];
  /** The libraries in the chunks. */
  readonly libraries: readonly string[];
  /** The source files in the chunks, relative to `src`. */
  readonly sources: readonly string[];
  /** The modules of Node.js. */
  readonly builtins: readonly string[];
}

/** Returns what a command loads. */
async function loadedBy(me: User, line: string): Promise<Loaded> {
  const file = path.join(me.home, 'loaded.json');
  const { code, stderr } = await me.process(line, { env: { NODE_OPTIONS: `--require "${preload}"`, LOADED: file } });
  expect([code, stderr]).toEqual([0, '']);
  const loaded: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const files = listAt(loaded, 'files')
    .filter((each) => each !== preload)
    .map((each) => path.relative('.', String(each)));
  const chunksOf = files.map((name) => all.get(path.relative('dist', name)));
  const libraries = chunksOf.flatMap((chunk) => [...(chunk?.libraries.keys() ?? [])]);
  const modules = chunksOf.flatMap((chunk) => chunk?.modules ?? []).map((id) => path.relative('src', id));
  return {
    files,
    libraries: [...new Set(libraries)].sort(),
    sources: modules.filter((name) => !name.startsWith('..')),
    builtins: listAt(loaded, 'builtins').map(String),
  };
}

test('prints the version without loading the program', async () => {
  const { files } = await loadedBy(user(), '--version');
  expect(files).toEqual(['bin/ci.js', 'package.json']);
});

describe('help, which loads no library but commander', () => {
  test.each(['--help', '-h', 'help', 'pools --help', 'pools', 'keys --help', 'help billing'])(
    'is printed by ci %s',
    async (line) => {
      const { files, libraries } = await loadedBy(user(), line);
      expect(libraries).toEqual(['commander']);
      // This includes chunks without a library.
      for (const name of files) expect(name).toMatch(/^(?:bin\/ci|dist\/main|dist\/chunks\/[\w-]+)\.js$/);
    },
  );

  test('loads only a few of all chunks', async () => {
    const { files } = await loadedBy(user(), 'pools --help');
    const bytes = files
      .map((name) => all.get(path.relative('dist', name))?.bytes ?? 0)
      .reduce((sum, each) => sum + each);
    expect(bytes).toBeLessThan(80_000);
  });
});

test.each(['run -- true', 'run --key prod --for openai -- true', 'keys secret prod'])(
  'runs ci %s without loading the program',
  async (line) => {
    const me = user();
    storeKeys(me, [{ name: 'prod' }]);
    // The command that it runs writes nothing, because it isn't a program of Node.js.
    expect((await loadedBy(me, line)).files).toEqual(['bin/ci.js', 'dist/quick.js']);
  },
);

test('completes names with a program of its own', async () => {
  const { files } = await loadedBy(user(), '--complete profiles');
  expect(files).toEqual(['bin/ci.js', 'dist/complete.js']);
});

test.each(['config list', 'auth list', 'sandbox path'])(
  'reads config.json without a library in ci %s',
  async (line) => {
    const { libraries } = await loadedBy(user(), line);
    expect(libraries).toEqual(['commander']);
  },
);

test('loads no cryptography for the help of wallets', async () => {
  for (const line of ['agent', 'agent wallet', 'agent wallet --help']) {
    expect((await loadedBy(user(), line)).libraries).toEqual(['commander']);
  }
});

test('loads ox only for wallets, and of it no mnemonics, no other curves and no second scrypt', async () => {
  const { libraries, sources } = await loadedBy(user(), 'agent wallet list');
  expect(libraries).toEqual(['@noble/curves', '@noble/hashes', 'commander', 'ox']);
  expect(sources).toContain('wallet/keystore.ts');
  const wallets = [...all.values()].filter((chunk) => chunk.libraries.has('ox'));
  expect(wallets.map(({ bytes }) => bytes).reduce((sum, each) => sum + each)).toBeLessThan(120_000);
});

test.each([
  'billing topup 50 --method usdc --json',
  'billing verify --help',
  'history --json',
  'history reconcile --json',
])('loads neither the chain nor cryptography for ci --sandbox %s', async (line) => {
  const { libraries, sources } = await loadedBy(user(), `--sandbox ${line}`);
  expect(libraries).not.toContain('ox');
  expect(sources.filter((name) => /^(?:chain|wallet)\//.test(name))).toEqual([]);
});

test('loads neither the chain nor cryptography for the embedded sandbox', async () => {
  for (const line of ['--sandbox pools list --json', '--sandbox agent plans --json']) {
    const { libraries, sources } = await loadedBy(user(), line);
    expect(libraries).toContain('hono');
    expect(libraries).not.toContain('ox');
    expect(sources).toContain('sandbox/routes/agent.ts');
    expect(sources.filter((name) => /^(?:sandbox\/)?chain\//.test(name))).toEqual([]);
  }
});

describe('a command that uses the API, which loads the HTTP client and the schemas and no more', () => {
  const always = ['commander', 'zod'];
  // The error for an unknown pool suggests similar names.
  const ofPools = [...always, 'fastest-levenshtein'].sort();
  test.each([
    ['pools list --json', ofPools],
    ['pools list', ofPools],
    ['pools view kimi26 --json', ofPools],
    ['keys list --json', always],
    ['keys list -o csv', always],
  ])('runs as ci %s', async (line, due) => {
    const api = await recordedSandbox();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_loaded' });
    const { libraries, sources, builtins } = await loadedBy(me, line);
    expect(libraries).toEqual(due);
    // No code that changes an account, except the defaults in the context, whether a pool is open, and the age and last use of keys, and no record of changes.
    const changing =
      /^(?:account\/(?:changes\/(?!settling\.ts)|keys\/(?!age\.ts|last-use\.ts)|purchase\/(?!availability\.ts)|secrets|watch)|state\/(?:history|open-changes|record|lock|undelivered))/;
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((name) => changing.test(name))).toEqual([]);
    // Loading it takes milliseconds, and only the names of drafts and caches need it.
    expect(builtins).toContain('fs');
    expect(builtins).not.toContain('crypto');
  });
});

test('loads the code for other programs only with --to, and cross-spawn only on Windows', async () => {
  const { url } = await recordedSandbox();
  const me = user({ CHEAPESTINFERENCE_API_URL: url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_loaded' });
  const programs =
    /^(?:programs\/(?:find|run|spawn)|account\/secrets\/(?:parse|hosted|program|several|systemd|kubernetes))/;
  for (const flags of ['--save .env', '--to command:cat']) {
    const { libraries, sources } = await loadedBy(me, `keys create --credit --json ${flags} ${flags.length}`);
    expect([flags, sources.some((name) => programs.test(name))]).toEqual([flags, flags.startsWith('--to')]);
    expect(libraries).not.toContain('cross-spawn');
  }
});

test.each([
  ['pools list -o table', {}, false],
  ['pools list -o table', { FORCE_COLOR: '1' }, true],
  ['pools list', { FORCE_COLOR: '1' }, false],
  ['pools list --json', { FORCE_COLOR: '1' }, false],
])('runs ci %s with %j, and loads chalk: %s', async (line, env, isLoaded) => {
  const api = await recordedSandbox();
  const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_loaded', ...env });
  expect((await loadedBy(me, line)).libraries.includes('chalk')).toBe(isLoaded);
});
