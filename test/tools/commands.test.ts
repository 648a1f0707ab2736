import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { keyCommand, ownCommand } from '../../src/account/own-command.ts';
import { createContext } from '../../src/context/create.ts';
import type { GlobalOptions } from '../../src/context/global-options.ts';
import { startCommand } from '../../src/tools/start-command.ts';
import type { Start, Tool } from '../../src/tools/tool.ts';
import { tools } from '../../src/tools/tools.ts';
import { emptyFolder } from '../support/folder.ts';
import { storedSecret } from '../support/key-store.ts';
import { worldWith } from '../support/world.ts';

type Env = Readonly<Record<string, string>>;

const url = 'http://127.0.0.1:1';

/** A machine with this program at a path, and keys that are stored for the default profile. */
function newMachine({
  keys = [],
  env = {},
  options = {},
}: {
  keys?: readonly object[];
  env?: Env;
  options?: Partial<GlobalOptions>;
} = {}) {
  const home = emptyFolder();
  const [programs, others, config] = ['programs', 'others', 'config'].map((name) => path.join(home, name));
  if (!programs || !others || !config) throw new Error('there are no directories');
  for (const folder of [programs, others]) mkdirSync(folder);
  mkdirSync(path.join(config, 'cheapestinference'), { recursive: true, mode: 0o700 });
  const program = path.join(programs, 'ci.js');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  const apiUrl = 'https://api.cheapestinference.com';
  const entries = keys.map((key) => ({
    profile: 'default',
    apiUrl,
    maskedKey: 'sk_live_…stuv',
    secret: storedSecret,
    ...key,
  }));
  writeFileSync(path.join(config, 'cheapestinference', 'secrets.json'), JSON.stringify({ keys: entries }), {
    mode: 0o600,
  });
  const context = (more: Env = {}) =>
    createContext(
      worldWith({
        stdout: new PassThrough(),
        program,
        cwd: home,
        env: { HOME: home, XDG_CONFIG_HOME: config, PATH: others, ...env, ...more },
      }),
      () => ({ input: true, color: true, ...options }),
    );
  /** Puts a program of some name on the path: this one, or another. */
  const put = (name: string, isOwn: boolean) => {
    const file = path.join(others, name);
    if (isOwn) symlinkSync(program, file);
    else writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  };
  return { home, program, context, put };
}

describe('the command of this program', () => {
  test.each([
    ['`ci`', { ci: true }, 'ci'],
    ['`ci`, before `cheapestinference`', { cheapestinference: true, ci: true }, 'ci'],
    ['`cheapestinference`, if `ci` is another program', { cheapestinference: true, ci: false }, 'cheapestinference'],
    ['`cheapestinference`, if there is no `ci`', { cheapestinference: true }, 'cheapestinference'],
    ['its path, if both are other programs', { cheapestinference: false, ci: false }, undefined],
    ['its path, if it is not on the PATH', {}, undefined],
  ])('is %s', (_what, installed, name) => {
    const { program, context, put } = newMachine();
    for (const [each, isOwn] of Object.entries(installed)) put(each, isOwn);
    expect(ownCommand(context())).toEqual([name ?? program]);
  });

  test.each<[string, Env, Partial<GlobalOptions>, readonly string[]]>([
    ['the sandbox', { CHEAPESTINFERENCE_SANDBOX: '1' }, {}, ['--sandbox']],
    ['a profile', { CHEAPESTINFERENCE_PROFILE: 'work' }, {}, ['--profile', 'work']],
    ['no profile by default', {}, {}, []],
    ['no URL from the environment, which the shell has, too', { CHEAPESTINFERENCE_API_URL: url }, {}, []],
    ['a URL of an option', {}, { apiUrl: url }, ['--api-url', url]],
    [
      'a profile and a URL of an option',
      { CHEAPESTINFERENCE_PROFILE: 'work' },
      { apiUrl: url },
      ['--profile', 'work', '--api-url', url],
    ],
  ])('names %s', (_what, env, options, words) => {
    const { context, put } = newMachine({ env, options });
    put('ci', true);
    expect(ownCommand(context())).toEqual(['ci', ...words]);
  });
});

describe('the command that prints a key', () => {
  test.each<[string, Env, Partial<GlobalOptions>, readonly string[]]>([
    ['the default profile', {}, {}, ['keys', 'secret', 'my key', '--profile', 'default']],
    ['another profile', { CHEAPESTINFERENCE_PROFILE: 'work' }, {}, ['keys', 'secret', 'my key', '--profile', 'work']],
    [
      'a URL from the environment',
      { CHEAPESTINFERENCE_API_URL: url },
      {},
      ['keys', 'secret', 'my key', '--profile', 'default', '--api-url', url],
    ],
    [
      'a URL of an option',
      {},
      { apiUrl: url, profile: 'work' },
      ['keys', 'secret', 'my key', '--profile', 'work', '--api-url', url],
    ],
    ['the sandbox', { CHEAPESTINFERENCE_SANDBOX: '1' }, {}, ['--sandbox', 'keys', 'secret', 'my key']],
  ])('names %s', (_what, env, options, words) => {
    const { context, put } = newMachine({ env, options });
    put('ci', true);
    expect(keyCommand(context(), { command: ['keys', 'secret', 'my key'], title: 'pi' })).toEqual(['ci', ...words]);
  });

  test.each(['a file', 'a link'])('is refused in the cache of npx (%s)', (how) => {
    const { home, context, program } = newMachine();
    const cache = path.join(home, '_npx', '1a2b', 'node_modules', '.bin');
    mkdirSync(cache, { recursive: true });
    const file = path.join(cache, 'ci');
    if (how === 'a link') symlinkSync(program, file);
    else writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
    const { settings, world } = context({ PATH: cache });
    const temporary = { settings, world: { ...world, program: file } };
    expect(() => keyCommand(temporary, { command: ['keys', 'secret', 'app'], title: 'pi' })).toThrow(
      expect.objectContaining({
        ...{ code: 'usage', exitCode: 2 },
        message: "pi runs `ci` to get its key, but `ci` isn't installed",
        hint: 'Run `npm install --global cheapestinference`, and then this command again.',
      }),
    );
  });

  test('leaves out a `ci` on the PATH that is in the cache of npx', () => {
    const { home, context, program } = newMachine();
    const cache = path.join(home, '_npx', '1a2b', 'node_modules', '.bin');
    mkdirSync(cache, { recursive: true });
    symlinkSync(program, path.join(cache, 'ci'));
    expect(keyCommand(context({ PATH: cache }), { command: ['keys', 'secret', 'app'], title: 'pi' })[0]).toBe(program);
  });
});

describe('the command that starts a tool', () => {
  const one = { name: 'app', id: 'k1' };
  const start: Start = { words: ['tool', 'a b'] };
  const withKeyFrom = (keyFrom: Tool['keyFrom']): Tool => {
    const [tool] = tools;
    if (!tool) throw new Error('there are no tools');
    return { ...tool, keyFrom };
  };

  async function started(keys: readonly object[], keyFrom: Tool['keyFrom'], stored: object | undefined, env: Env = {}) {
    const { context, put } = newMachine({ keys });
    put('ci', true);
    const key = { secret: storedSecret, stored: stored && { maskedKey: 'sk_live_…stuv', ...stored } };
    return startCommand(context(env), { tool: withKeyFrom(keyFrom), key, start });
  }

  test.each([
    ['command', "tool 'a b'"],
    ['file', "tool 'a b'"],
    ['variable', "ci run --for none -- tool 'a b'"],
    ['OPENAI_API_KEY', "ci run --for openai -- tool 'a b'"],
    ['ANTHROPIC_AUTH_TOKEN', "ci run --for anthropic -- tool 'a b'"],
  ] as const)('sets the variables that it needs, if its key is from: %s', async (keyFrom, command) => {
    expect(await started([one], keyFrom, one)).toBe(command);
  });

  test('is the tool alone if the variable is set already', async () => {
    const env = { CHEAPESTINFERENCE_API_KEY: storedSecret };
    expect(await started([], 'variable', undefined, env)).toBe("tool 'a b'");
    expect(await started([], 'OPENAI_API_KEY', undefined, env)).toBe("ci run --for openai -- tool 'a b'");
  });

  test('names the only key if the variable is set to another one', async () => {
    const env = { CHEAPESTINFERENCE_API_KEY: 'sk_live_zyxwvutsrqponmlkjihgfedcba987654' };
    expect(await started([one], 'variable', one, env)).toBe("ci run --for none --key app -- tool 'a b'");
    expect(await started([one], 'OPENAI_API_KEY', one, env)).toBe("ci run --for openai --key app -- tool 'a b'");
  });

  test.each([
    ['by its name', [one, { name: 'b', id: 'k2' }], one, 'app'],
    ['by its ID, if another has its name', [one, { name: 'app', id: 'k2' }], one, 'k1'],
    ['by its ID, if it has no name', [{ id: 'k1' }, { id: 'k2' }], { id: 'k1' }, 'k1'],
    ['in quotes', [{ name: "it's", id: 'k1' }, one], { name: "it's", id: 'k1' }, "'it'\\''s'"],
  ])('names one of several keys %s', async (_how, keys, stored, word) => {
    expect(await started(keys, 'variable', stored)).toBe(`ci run --for none --key ${word} -- tool 'a b'`);
  });
});
