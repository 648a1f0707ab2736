import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createAndDeliver, deliverExisting, type KeepKey } from '../../../src/account/secrets/delivery.ts';
import { type Description, type Destination, savedText } from '../../../src/account/secrets/destination.ts';
import { destinationChoices } from '../../../src/account/secrets/destinations.ts';
import { DotenvFile } from '../../../src/account/secrets/dotenv-file.ts';
import type { Context } from '../../../src/context/context.ts';
import { createContext } from '../../../src/context/create.ts';
import { CommandError } from '../../../src/domain/errors.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder } from '../../support/folder.ts';
import { worldWith } from '../../support/world.ts';

const keys = [
  { name: 'prod-1', apiKey: 'sk_live_0123456789abcdefghij01' },
  { name: 'prod-2', apiKey: 'sk_live_0123456789abcdefghij02' },
] as const;
const [key] = keys;

/** A terminal that can fail. */
class Terminal extends Buffered {
  errored: Error | undefined;
  /** Fails on the first text that has this in it. */
  failsOn: string | undefined;

  override write(text: string, done?: (error?: Error) => void): void {
    if (this.failsOn !== undefined && text.includes(this.failsOn)) this.errored = new Error('EIO: i/o error, write');
    if (!this.errored) this.text += text;
    done?.(this.errored);
  }
}

/** A stream that keeps what is written. */
class TextStream extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Returns a user at a terminal with a home directory, a shell and a clipboard. */
function userAtTerminal(env: Readonly<Record<string, string>> = {}) {
  const home = realpathSync(emptyFolder());
  const at = (...names: readonly string[]) => path.join(home, ...names);
  mkdirSync(at('bin'));
  mkdirSync(at('project'));
  writeFileSync(at('bin', 'xclip'), '#!/bin/sh\ntest ! -e "$HOME/broken" && cat > "$HOME/clipboard"\n');
  chmodSync(at('bin', 'xclip'), 0o755);
  const stdout = new Terminal(true, 80);
  const stderr = new TextStream();
  const context = createContext(
    worldWith({
      stdout,
      stderr,
      cwd: at('project'),
      env: {
        HOME: home,
        PATH: `${at('bin')}:${process.env.PATH}`,
        SHELL: '/bin/zsh',
        DISPLAY: ':0',
        XDG_STATE_HOME: at('state'),
        CHEAPESTINFERENCE_CONFIG_DIR: at('config'),
        NO_COLOR: '1',
        ...env,
      },
    }),
    () => ({ input: false, color: false }),
  );
  /** The files with secrets that weren't delivered. */
  const kept = () =>
    existsSync(at('state', 'cheapestinference')) ? readdirSync(at('state', 'cheapestinference')) : [];
  return { at, context, kept, stderr, stdout };
}

type TestUser = ReturnType<typeof userAtTerminal>;

/** Returns a destination that `ci setup` offers. */
function offered({ context }: TestUser, name: RegExp): Destination {
  const found = destinationChoices(context).find((each) => name.test(each.name))?.value;
  if (!found) throw new Error(`${name} is not offered`);
  return found;
}

/** Creates keys and delivers them. Returns what was printed as the result. */
async function deliver(
  context: Context,
  destination: Destination | undefined,
  {
    created = [key],
    meanwhile = () => {},
  }: { created?: readonly (typeof keys)[number][]; meanwhile?: () => void } = {},
) {
  const printed: (Description | undefined)[] = [];
  await createAndDeliver(context, {
    destination,
    create: async (keep: KeepKey) => {
      for (const each of created) keep(each);
      meanwhile();
    },
    print: async (_result, saved) => {
      printed.push(saved);
    },
  });
  return printed;
}

/** A destination, where it keeps secrets, and how it comes to fail. */
interface Case {
  readonly destination: (me: TestUser) => Destination;
  /** Makes it fail before anything is created. */
  readonly blocked: (me: TestUser) => void;
  /** Makes it fail once a key is created. */
  readonly broken: (me: TestUser) => void;
  readonly message: RegExp;
  readonly content: (me: TestUser) => string;
  readonly expected: string;
  readonly description: (me: TestUser) => object;
}

const [one, two] = keys.map(({ apiKey }) => apiKey);
const asVariables = `CHEAPESTINFERENCE_API_KEY=${one}\nCHEAPESTINFERENCE_API_KEY_2=${two}\n`;
const variables = ['CHEAPESTINFERENCE_API_KEY', 'CHEAPESTINFERENCE_API_KEY_2'];

const cases: readonly (readonly [string, Case])[] = [
  [
    'a dotenv file',
    {
      destination: (me) => offered(me, /^\.env in this directory$/),
      blocked: ({ at }) => mkdirSync(at('project', '.env')),
      broken: ({ at }) => rmSync(at('project'), { recursive: true }),
      message: /^Can't write \S+\/project\/\.env: /,
      content: ({ at }) => readFileSync(at('project', '.env'), 'utf8'),
      expected: asVariables,
      description: ({ at }) => ({
        words: `in ${at('project', '.env')}, as ${variables.join(' and ')}`,
        savedTo: at('project', '.env'),
        shownAs: '.env',
        variables,
        dotenvFile: at('project', '.env'),
        options: '--save .env',
      }),
    },
  ],
  [
    'a shell startup file',
    {
      destination: (me) => offered(me, /^Load it in new shells \(edits ~\/\.zshrc\)$/),
      blocked: ({ at }) => symlinkSync('/proc/version', at('.zshrc')),
      broken: ({ at }) => mkdirSync(at('.zshrc')),
      message: /^Can't (?:read|write) \S+\/\.zshrc: /,
      content: ({ at }) => {
        const [, loaded = ''] = /\[ -r '([^']+)' \]/.exec(readFileSync(at('.zshrc'), 'utf8')) ?? [];
        return readFileSync(loaded, 'utf8');
      },
      expected: asVariables,
      description: ({ at }) => ({
        words: 'loaded by every new zsh shell',
        savedTo: at('config', 'env'),
        shownAs: at('config', 'env'),
        variables,
        dotenvFile: at('config', 'env'),
        options: `--save ${at('config', 'env')}`,
      }),
    },
  ],
  [
    'the clipboard',
    {
      destination: (me) => offered(me, /^The clipboard$/),
      blocked: ({ at }) => writeFileSync(at('broken'), ''),
      broken: ({ at }) => writeFileSync(at('broken'), ''),
      message: /^Can't write to the clipboard: xclip failed \(exit 1\)$/,
      content: ({ at }) => readFileSync(at('clipboard'), 'utf8'),
      expected: `${one}\n${two}`,
      description: () => ({ words: 'in the clipboard', savedTo: 'the clipboard', shownAs: 'the clipboard' }),
    },
  ],
  [
    'the screen',
    {
      destination: (me) => offered(me, /^The screen \(not saved\)$/),
      blocked: ({ stdout }) => {
        stdout.errored = new Error('EIO: i/o error, write');
      },
      broken: ({ stdout }) => {
        stdout.failsOn = key.apiKey;
      },
      message: /^Can't write (?:to standard output|the result): (?:EIO: )?i\/o error(?:, write)?$/,
      content: ({ stdout }) => stdout.text,
      expected: [
        '',
        '── API key prod-1: save it now ──',
        one,
        '─────────────────────────────────',
        '',
        '── API key prod-2: save it now ──',
        two,
        '─────────────────────────────────',
        '',
      ].join('\n'),
      description: () => ({ words: 'on the screen' }),
    },
  ],
];

describe.skipIf(process.platform !== 'linux').each(cases)('%s', (_name, each) => {
  test('receives the secrets, and nothing else keeps them', async () => {
    const me = userAtTerminal();
    const printed = await deliver(me.context, each.destination(me), { created: keys });
    expect([each.content(me), me.kept()]).toEqual([each.expected, []]);
    expect(printed).toEqual([{ count: 2, ...each.description(me) }]);
    expect(me.stderr.text).toBe('');
  });

  test('refuses before anything is created if it cannot be written', async () => {
    const me = userAtTerminal();
    const destination = each.destination(me);
    each.blocked(me);
    let created = false;
    const delivery = deliver(me.context, destination, {
      meanwhile: () => {
        created = true;
      },
    });
    await expect(delivery).rejects.toMatchObject({
      code: 'file_error',
      exitCode: 1,
      message: expect.stringMatching(each.message),
    });
    expect([created, me.kept()]).toEqual([false, []]);
  });

  test('leaves the secret to the fallback file if it can no longer be written', async () => {
    const me = userAtTerminal();
    const delivery = deliver(me.context, each.destination(me), { meanwhile: () => each.broken(me) });
    await expect(delivery).rejects.toMatchObject({
      code: 'file_error',
      message: expect.stringMatching(each.message),
      hint: expect.stringMatching(/^The key was created\. Its secret is in \/.+\.key\.$/),
      outcome: 'applied',
      retryable: false,
    });
    const [file = ''] = me.kept().map((name) => me.at('state', 'cheapestinference', name));
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([`${one}\n`, 0o600]);
    expect(me.stdout.text + me.stderr.text).not.toContain(one);
  });

  test('is unchanged if nothing was created', async () => {
    const me = userAtTerminal();
    const destination = each.destination(me);
    const before = readdirSync(me.at(), { recursive: true, encoding: 'utf8' });
    const failing = createAndDeliver(me.context, {
      destination,
      create: () => Promise.reject(new CommandError('unavailable', 'sold out')),
      print: () => Promise.resolve(),
    });
    await expect(failing).rejects.toMatchObject({ code: 'unavailable', message: 'sold out' });
    const added = readdirSync(me.at(), { recursive: true, encoding: 'utf8' }).filter((name) => !before.includes(name));
    // The placeholder of the clipboard is the only trace.
    expect(added.filter((name) => !/^(?:state|config|clipboard)(?:\/cheapestinference)?$/.test(name))).toEqual([]);
    expect(me.stdout.text).toBe('');
  });
});

describe('a shell startup file', () => {
  test('that can be read but not replaced is refused', async () => {
    const me = userAtTerminal();
    symlinkSync('/proc/version', me.at('.zshrc'));
    await expect(offered(me, /^Load it in new shells/).prove({ count: 1 })).rejects.toMatchObject({
      code: 'file_error',
      message: expect.stringMatching(/^Can't write \S+\/\.zshrc: /),
    });
    expect(existsSync(me.at('config'))).toBe(false);
  });

  test('that loads the file already needs no change, and may be unwritable', async () => {
    const me = userAtTerminal();
    await deliver(me.context, offered(me, /^Load it in new shells/));
    const before = statSync(me.at('.zshrc'));
    writeFileSync(me.at('config', 'env'), '');
    await deliver(me.context, offered(me, /^Load it in new shells/), { created: [keys[1]] });
    expect([statSync(me.at('.zshrc')).ino, readFileSync(me.at('config', 'env'), 'utf8')]).toEqual([
      before.ino,
      `CHEAPESTINFERENCE_API_KEY=${two}\n`,
    ]);
  });

  test('whose dotenv file has another key is not changed without consent', async () => {
    const me = userAtTerminal();
    await deliver(me.context, offered(me, /^Load it in new shells/));
    const delivery = deliver(me.context, offered(me, /^Load it in new shells/), { created: [keys[1]] });
    await expect(delivery).rejects.toMatchObject({
      code: 'confirmation_required',
      message: `${me.at('config', 'env')} already has a value for CHEAPESTINFERENCE_API_KEY (sk_live_…ij01)`,
      outcome: 'not_applied',
    });
    expect(readFileSync(me.at('config', 'env'), 'utf8')).toBe(`CHEAPESTINFERENCE_API_KEY=${one}\n`);
  });

  test('that gets a key of the sandbox says so, in the choice and afterwards', async () => {
    const me = userAtTerminal({ CHEAPESTINFERENCE_SANDBOX: '1' });
    const destination = offered(me, /^Load the sandbox key in new shells \(edits ~\/\.zshrc\)$/);
    await createAndDeliver(me.context, {
      destination,
      create: async (keep) => keep({ name: 'try', apiKey: 'sk_sandbox_0123456789abcdefghij' }),
      print: () => Promise.resolve(),
    });
    expect(me.stderr.text.replaceAll(/\s+/g, ' ')).toBe(
      'Warning: every new zsh shell loads a sandbox key, which only the sandbox accepts. ',
    );
  });

  test('that fails after the dotenv file was written keeps the secret', async () => {
    const me = userAtTerminal();
    const delivery = deliver(me.context, offered(me, /^Load it in new shells/), {
      meanwhile: () => mkdirSync(me.at('.zshrc')),
    });
    await expect(delivery).rejects.toMatchObject({ outcome: 'applied' });
    expect(readFileSync(me.at('config', 'env'), 'utf8')).toContain(one);
    const [file = ''] = me.kept();
    expect(readFileSync(me.at('state', 'cheapestinference', file), 'utf8')).toBe(`${one}\n`);
  });
});

test('writes several secrets to a dotenv file together, or none', async () => {
  const me = userAtTerminal();
  const file = me.at('project', '.env');
  writeFileSync(file, 'A=1\n');
  const destination = new DotenvFile(me.context, '.env', { variable: 'KEY' });
  const odd = { apiKey: 'sk_\n_without_a_notation', name: 'odd' };
  const create = async (keep: KeepKey) => [key, odd].forEach(keep);
  const failing = createAndDeliver(me.context, { destination, create, print: () => Promise.resolve() });
  await expect(failing).rejects.toMatchObject({
    hint: expect.stringMatching(/^The keys were created\. Their secrets are in \/.+\.key\.$/),
  });
  expect([readFileSync(file, 'utf8'), readdirSync(me.at('project'))]).toEqual(['A=1\n', ['.env']]);
  await deliver(me.context, destination, { created: keys });
  expect(readFileSync(file, 'utf8')).toBe(`A=1\nKEY=${one}\nKEY_2=${two}\n`);
  expect(destination.describe(1)).toMatchObject({ words: `in ${file}, as KEY`, options: '--save .env --var KEY' });
});

describe('a destination of any kind', () => {
  /** A destination that tells what is done with it. */
  function spied(log: string[], failsTo?: 'prove' | 'write'): Destination {
    const step = async (name: string) => {
      log.push(name);
      if (name === failsTo) throw new CommandError('file_error', `cannot ${name}`);
    };
    return {
      prove: async () => {
        await step('prove');
        return { release: () => step('release') };
      },
      write: (written) => step(written.length === 1 ? 'write' : `write ${written.length}`),
      warning: async () => 'Mind the gap.',
      describe: (count) => ({ count, words: 'in safe hands' }),
    };
  }

  test('is proven, written, and released; the result is printed last', async () => {
    const me = userAtTerminal();
    const log: string[] = [];
    await createAndDeliver(me.context, {
      destination: spied(log),
      create: async (keep) => {
        log.push('create');
        keep(key);
      },
      print: async (_result, saved) => {
        log.push(`print: ${saved && savedText(saved)} ${me.stderr.text.trim()}`);
      },
    });
    expect(log).toEqual(['prove', 'create', 'write', 'print: The key is in safe hands. Mind the gap.', 'release']);
  });

  test('is released, and not written, if nothing was created', async () => {
    const me = userAtTerminal();
    const log: string[] = [];
    await deliver(me.context, spied(log), { created: [] });
    expect(log).toEqual(['prove', 'release']);
  });

  test('is released if writing fails', async () => {
    const me = userAtTerminal();
    const log: string[] = [];
    await expect(deliver(me.context, spied(log, 'write'))).rejects.toMatchObject({ message: 'cannot write' });
    expect(log).toEqual(['prove', 'write', 'release']);
  });

  test('is released if there is no room for undelivered secrets', async () => {
    const me = userAtTerminal({ XDG_STATE_HOME: '/dev/null/state' });
    const log: string[] = [];
    await expect(deliver(me.context, spied(log))).rejects.toMatchObject({ outcome: 'not_applied' });
    expect(log).toEqual(['prove', 'release']);
  });

  test('keeps nothing in the fallback file if only the result cannot be printed, and the error says where the secret is', async () => {
    const me = userAtTerminal();
    const failing = createAndDeliver(me.context, {
      destination: spied([]),
      create: async (keep) => keep(key),
      print: () => Promise.reject(new CommandError('filter_failed', 'jq: x')),
    });
    await expect(failing).rejects.toMatchObject({
      code: 'filter_failed',
      hint: 'The key is in safe hands.',
    });
    expect(me.kept()).toEqual([]);
  });

  test('receives the secret of an existing key, and keeps nothing if that fails', async () => {
    const me = userAtTerminal();
    const log: string[] = [];
    const print = async () => void log.push('print');
    await deliverExisting(me.context, spied(log), key, print);
    await expect(deliverExisting(me.context, spied(log, 'write'), key, print)).rejects.toMatchObject({
      message: 'cannot write',
      hint: undefined,
    });
    await expect(deliverExisting(me.context, spied(log, 'prove'), key, print)).rejects.toThrow('cannot prove');
    expect(log).toEqual(['prove', 'write', 'print', 'release', 'prove', 'write', 'release', 'prove']);
    expect(me.kept()).toEqual([]);
  });
});

test('warns about a file that Git would commit, in any directory', async () => {
  const me = userAtTerminal();
  execFileSync('git', ['init', '--quiet', me.at()], { env: { ...process.env, HOME: me.at() } });
  for (const name of [/^\.env/, /^Load it in new shells/]) await deliver(me.context, offered(me, name));
  expect(me.stderr.text.replaceAll(/\s+/g, ' ')).toMatch(
    /^Warning: Git would commit \S+\/project\/\.env .* Warning: Git would commit \S+\/config\/env /,
  );
});

test.each([
  [{ DISPLAY: '' }, 'The clipboard'],
  [{ SHELL: '/bin/tcsh' }, 'Load it'],
])("doesn't offer what this session lacks: %j", (env, missing) => {
  const names = (me: TestUser) => destinationChoices(me.context).map(({ name }) => name);
  const found = names(userAtTerminal(env));
  expect(names(userAtTerminal())).toHaveLength(5);
  expect([found.length, found.filter((name) => name.startsWith(missing))]).toEqual([4, []]);
});

test("doesn't offer the screen for a result that a program reads", () => {
  const me = userAtTerminal({ CHEAPESTINFERENCE_OUTPUT: 'json' });
  expect(destinationChoices(me.context).map(({ name }) => name)).not.toContain('The screen (not saved)');
});
