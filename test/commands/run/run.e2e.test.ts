import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type User, user } from '../../support/cli.ts';
import { answers, clients } from '../../support/clients.ts';
import { customer } from '../../support/customer.ts';
import { keyHolder, storedSecret, storeKeys } from '../../support/key-store.ts';
import { ctrlC, onTerminal } from '../../support/terminal.ts';

/** Whether `setsid` starts a program in a session of its own. macOS has no such program. */
const hasSessions = process.platform !== 'darwin';

/** Prints the variables that a command has for the API, one per line. */
const printVariables = ['sh', '-c', 'env | grep -E "^(CHEAPEST|OPENAI|ANTHROPIC)" | sort'];

const openaiVariables = [
  `OPENAI_API_KEY=${storedSecret}`,
  'OPENAI_BASE_URL=https://api.cheapestinference.com/v1',
] as const;
const anthropicVariables = [
  'ANTHROPIC_API_KEY=',
  `ANTHROPIC_AUTH_TOKEN=${storedSecret}`,
  'ANTHROPIC_BASE_URL=https://api.cheapestinference.com/anthropic',
] as const;
const ownVariable = `CHEAPESTINFERENCE_API_KEY=${storedSecret}`;

// The first runs without loading the whole program, the second with it.
describe.each([
  ['alone', []],
  ['with a global option', ['--no-color']],
])('ci run %s', (_how, more) => {
  const run = (me: User, words: readonly string[], options = {}) => me.process(['run', ...more, ...words], options);

  test.each([
    [[], [...anthropicVariables, ownVariable, ...openaiVariables]],
    [
      ['--for', 'all'],
      [...anthropicVariables, ownVariable, ...openaiVariables],
    ],
    [
      ['--for', 'openai'],
      [ownVariable, ...openaiVariables],
    ],
    [
      ['--for', 'anthropic'],
      [...anthropicVariables, ownVariable],
    ],
    [['--for', 'none'], [ownVariable]],
    [['--for', 'none', '--model', 'kimi-k2.6'], [ownVariable]],
  ])('sets the variables of the formats (%j)', async (flags, variables) => {
    const { code, stdout, stderr } = await run(keyHolder(), [...flags, '--', ...printVariables]);
    expect([code, stdout, stderr]).toEqual([0, variables.map((line) => `${line}\n`).join(''), '']);
  });

  test('sets the models of coding tools with --model', async () => {
    const { stdout } = await run(keyHolder(), ['--model', 'kimi-k2.6', '--', ...printVariables]);
    expect(stdout.split('\n').filter((line) => line.includes('MODEL'))).toEqual([
      'ANTHROPIC_DEFAULT_HAIKU_MODEL=kimi-k2.6',
      'ANTHROPIC_DEFAULT_OPUS_MODEL=kimi-k2.6',
      'ANTHROPIC_DEFAULT_SONNET_MODEL=kimi-k2.6',
      'ANTHROPIC_MODEL=kimi-k2.6',
      'OPENAI_MODEL=kimi-k2.6',
    ]);
  });

  test("leaves the user's own keys as they are with --for none", async () => {
    const own = { ANTHROPIC_API_KEY: 'sk-ant-of-the-user', OPENAI_API_KEY: 'sk-of-the-user' };
    const { stdout } = await run(keyHolder(own), ['--for', 'none', '--', ...printVariables]);
    expect(stdout).toBe(`ANTHROPIC_API_KEY=sk-ant-of-the-user\n${ownVariable}\nOPENAI_API_KEY=sk-of-the-user\n`);
  });

  test("empties the user's own Anthropic key", async () => {
    const me = keyHolder({ ANTHROPIC_API_KEY: 'sk-ant-of-the-user', OPENAI_API_KEY: 'sk-of-the-user' });
    const { stdout } = await run(me, ['--', ...printVariables]);
    expect(stdout).toContain('ANTHROPIC_API_KEY=\n');
    expect(stdout).not.toContain('of-the-user');
  });

  test('leaves stdin, stdout and stderr to the command', async () => {
    const script = 'cat; printf "to stderr" >&2; printf "\\0\\377 end"';
    const ended = await run(keyHolder(), ['--', 'sh', '-c', script], { stdin: 'line\n' });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, 'line\n\0\ufffd end', 'to stderr']);
  });

  test('passes arguments on as they are, without a shell', async () => {
    const args = ['a b', '$HOME', '"quoted"', "it's", '*', '', '--json', '-y', '--', '--help'];
    const { stdout } = await run(keyHolder(), [
      '--',
      process.execPath,
      '-e',
      'console.log(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...args,
    ]);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  test.each([0, 1, 2, 42, 125, 127, 255])('ends with the exit code of the command (%i)', async (code) => {
    const ended = await run(keyHolder(), ['--', 'sh', '-c', `exit ${code}`]);
    expect([ended.code, ended.signal, ended.stdout, ended.stderr]).toEqual([code, null, '', '']);
  });

  test('ends with 128 plus the signal that killed the command', async () => {
    const ended = await run(keyHolder(), ['--', 'sh', '-c', 'kill -KILL $$']);
    expect([ended.code, ended.signal, ended.stderr]).toEqual([137, null, '']);
  });

  test('leaves it to the command that the output cannot be written', async () => {
    const { stdout } = await keyHolder().sh(`ci run ${more.join(' ')} -- sh -c "exit 3" > /dev/full; echo "exit $?"`);
    expect(stdout).toBe('exit 3\n');
  });

  test("exits with 127 if the program doesn't exist", async () => {
    const ended = await run(keyHolder(), ['--', 'no-such-program', '--version']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      127,
      '',
      'ci: Can\'t find "no-such-program". Check its name and your PATH. Commands of a shell need the shell: `ci run -- sh -c "…"`.\n',
    ]);
  });

  test('exits with 126 if the program is not executable', async () => {
    const me = keyHolder();
    writeFileSync(path.join(me.home, 'script'), '#!/bin/sh\n', { mode: 0o644 });
    const ended = await run(me, ['--', './script']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      126,
      '',
      'ci: Can\'t execute "./script": permission denied. Make it executable with `chmod +x`, or run it with its interpreter.\n',
    ]);
    chmodSync(path.join(me.home, 'script'), 0o755);
    expect((await run(me, ['--', './script'])).code).toBe(0);
  });

  test.each([
    [['--'], 'No command was given. Pass one after --, such as `ci run -- node app.js`.'],
    [['ls', '--', 'ls'], 'Put -- before the command, as in `ci run -- node app.js`. Run `ci run --help`.'],
    [['ls'], 'Put -- before the command, as in `ci run -- node app.js`. Run `ci run --help`.'],
    [
      ['--key', 'nope', '--', 'ls'],
      'The secret of key "nope" isn\'t stored on this machine. If you have it, store it with `ci keys secret NAME --add`. Otherwise, create a key with `ci keys create NAME --store`. These are stored:\n  prod  sk_live_…stuv',
    ],
    [
      ['--for', 'gemini', '--', 'ls'],
      '"gemini" is not a valid value for --for. Choose openai, anthropic, all or none.',
    ],
    [['--key', 'prod', '--pool', 'kimi26', '--', 'ls'], "--key and --pool can't be combined. Pass one of them."],
    [['--max-budget', '5', '--', 'ls'], '--max-budget needs --temporary. Add --temporary, or leave out --max-budget.'],
    [['--model', '', '--', 'ls'], '--model is empty. Run `ci models` to see the models of a key.'],
    [['--bogus', '--', 'ls'], 'Unknown option "--bogus". Run `ci run --help`.'],
  ])('exits with 125 and runs nothing for %j', async (words, message) => {
    const ended = await run(keyHolder(), words);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([125, '', `ci: ${message}\n`]);
  });

  test.skipIf(!hasSessions).each(['TERM', 'HUP', 'INT', 'QUIT', 'USR1', 'USR2'])('passes SIG%s on', async (signal) => {
    const me = keyHolder();
    const command = `trap 'echo got ${signal}; exit 9' ${signal}; echo ready; while :; do sleep 0.05; done`;
    // In a session of its own, it has no terminal, which would send some signals to all of its processes.
    const { stdout, stderr } = await me.sh(
      [
        'mkfifo pipe',
        `setsid ci run ${more.join(' ')} -- sh -c "${command}" > pipe &`,
        'exec 3< pipe; read -r line <&3',
        `kill -${signal} $!; cat <&3; wait $!; echo "exit $?"`,
      ].join('\n'),
    );
    expect([stdout, stderr]).toEqual([`got ${signal}\nexit 9\n`, '']);
  });

  test.skipIf(!hasSessions)('ends after the command that a signal ends', async () => {
    const me = keyHolder();
    const { stdout } = await me.sh(
      [
        'mkfifo pipe',
        `setsid ci run ${more.join(' ')} -- sh -c "echo ready; exec sleep 60" > pipe &`,
        'exec 3< pipe; read -r line <&3',
        'kill -TERM $!; wait $!; echo "exit $?"',
      ].join('\n'),
    );
    expect(stdout).toBe('exit 143\n');
  });

  test('leaves Ctrl-C to the terminal, which sends it to the command once', async () => {
    const script =
      'trap "echo interrupted" INT; echo ready; while ! read -r line; do :; done; echo "end $line"; exit 4';
    const session = onTerminal(keyHolder(), ['run', ...more, '--', 'bash', '-c', script], { pty: true });
    await session.shows('ready');
    session.type(ctrlC);
    await session.shows('interrupted');
    session.type('now\r');
    expect(await session.exit).toBe(4);
    expect(session.screen.match(/interrupted/g)).toHaveLength(1);
  });
});

test.each(['', '--no-color'])('Ctrl-C that ends the command ends ci, too (%s)', async (flag) => {
  const words = ['run', ...(flag === '' ? [] : [flag]), '--', 'sh', '-c', 'echo ready; exec sleep 60'];
  const session = onTerminal(keyHolder(), words, { pty: true });
  await session.shows('ready');
  session.type(ctrlC);
  expect(await session.exit).toBe(130);
});

test.each(['', '--no-color', '--sandbox'])('Ctrl-C ends a loop around ci run (%s)', async (flag) => {
  const me = keyHolder();
  if (flag === '--sandbox') await me.ci('--sandbox pools subscribe kimi26 --blocks europe --create-key app --yes');
  const loop = `for each in 1 2; do ci run ${flag} -- sh -c "echo ready $each; exec sleep 60"; done`;
  const session = onTerminal(me, ['run', '--', 'bash', '-c', loop], { pty: true });
  await session.shows('ready 1');
  session.type(ctrlC);
  expect(await session.exit).toBe(130);
  expect(session.screen).not.toContain('ready 2');
});

describe('the key of ci run', () => {
  const print = ['--', 'sh', '-c', 'printf %s "$OPENAI_API_KEY"'];
  const secretOf = (letter: string) => `sk_live_${letter.repeat(4)}0123456789abcdefghijklmn`;
  const keys = [
    { name: 'a', id: '11111111-1111-4111-8111-111111111111', poolSlug: 'kimi26', secret: secretOf('a') },
    { name: 'b', id: '22222222-2222-4222-8222-222222222222', poolSlug: 'glm5', secret: secretOf('b') },
  ];

  function owner(env = {}): User {
    const me = user(env);
    storeKeys(me, keys);
    return me;
  }

  test.each([
    ['its name', ['--key', 'a'], {}],
    ['its ID', ['--key', '11111111-1111-4111-8111-111111111111'], {}],
    ['the beginning of its ID', ['--key', '11111111'], {}],
    ['its pool', ['--pool', 'kimi26'], {}],
    ['the environment', [], { CHEAPESTINFERENCE_API_KEY: secretOf('a') }],
    ['its profile rather than the environment', ['--profile', 'default', '--key', 'a'], {}],
    ['its name rather than the environment', ['--key', 'a'], { CHEAPESTINFERENCE_API_KEY: secretOf('b') }],
  ])('is chosen by %s', async (_what, flags, env) => {
    const { code, stdout, stderr } = await owner(env).process(['run', ...flags, ...print]);
    expect([code, stdout, stderr]).toEqual([0, secretOf('a'), '']);
  });

  test('is the default key', async () => {
    const me = owner();
    expect((await me.ci('config set default-key b')).code).toBe(0);
    expect((await me.process(['run', ...print])).stdout).toBe(secretOf('b'));
  });

  test('is not that of the environment with an explicit profile', async () => {
    const me = user({ CHEAPESTINFERENCE_API_KEY: secretOf('b') });
    storeKeys(me, [keys[0] ?? {}]);
    const ended = await me.process(['run', '--profile', 'default', ...print]);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, secretOf('a'), '']);
  });

  test('is the default key of the sandbox, too, if it is stored there', async () => {
    const me = owner();
    await me.ci('config set default-key x');
    await me.ci('--sandbox keys create x --credit --store');
    await me.ci('--sandbox keys create y --credit --store');
    const { stdout } = await me.process(['--sandbox', 'run', ...print]);
    expect(stdout).toBe((await me.ci('--sandbox keys secret x')).stdout.trim());
    await me.ci('config set default-key a');
    expect((await me.process(['--sandbox', 'run', '--key', 'y', ...print])).code).toBe(0);
  });

  test('is named in the error if several are stored', async () => {
    const ended = await owner().process(['run', ...print]);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      125,
      '',
      `ci: 2 keys are stored on this machine. Pass the name or ID of one with --key:
  a  11111111-1111-4111-8111-111111111111  sk_live_…stuv  kimi26
  b  22222222-2222-4222-8222-222222222222  sk_live_…stuv  glm5
`,
    ]);
  });

  test('is picked from a list on a terminal', async () => {
    const session = onTerminal(owner(), ['run', ...print], { pty: true });
    await session.shows(/a +kimi26[\s\S]*b +glm5/);
    session.type('b');
    await session.shows(/Key: b\n❯ b/);
    session.type('\r');
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain(secretOf('b'));
  });

  test('of another host is not used', async () => {
    const me = owner({ CHEAPESTINFERENCE_API_URL: 'https://other.example' });
    const ended = await me.process(['run', ...print]);
    expect([ended.code, ended.stderr]).toEqual([
      125,
      'ci: No key is stored on this machine. Create one with `ci keys create NAME --store`, or store an existing one with `ci keys secret NAME --add`.\n',
    ]);
  });

  test('is not sent to a host that other users could have written to the config file', async () => {
    const me = user({ CHEAPESTINFERENCE_API_KEY: storedSecret });
    storeKeys(me, []);
    const config = path.join(me.home, 'config', 'cheapestinference', 'config.json');
    writeFileSync(config, JSON.stringify({ profiles: { default: { apiUrl: 'https://other.example' } } }));
    chmodSync(config, 0o666);
    const ended = await me.process(['run', ...print]);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      125,
      '',
      `ci: Other users can write to ${config} (mode 0666). Run \`chmod 600 ${config}\`.\n`,
    ]);
  });

  test.each([
    [
      'outside its hours',
      { subscription: { status: 'active', hours: [] } },
      (hour: number) => ({ subscription: { status: 'active', hours: [(hour + 5) % 24] } }),
      /^Warning: key "late" is outside its hours\. It works again from \d\d:00 local time \(in [45] hours\)\.\n$/,
    ],
    [
      'of a subscription that has ended',
      {},
      () => ({ subscription: { status: 'active', cancelAtPeriodEnd: true, currentPeriodEnd: '2026-01-01T00:00:00Z' } }),
      /^Warning: the subscription of key "late" has ended\.\n$/,
    ],
    [
      'of a subscription that is not paid',
      {},
      () => ({ subscription: { status: 'past_due' } }),
      /^Warning: the subscription of key "late" isn't active \(payment failed\)\.\n$/,
    ],
    ['that was revoked', {}, () => ({ isActive: false }), /^Warning: key "late" was revoked\.\n$/],
  ])('%s is pointed out', async (_what, fine, problem, warning) => {
    const me = user();
    storeKeys(me, [{ name: 'late', ...fine }]);
    expect((await me.process(['run', ...print])).stderr).toBe('');
    storeKeys(me, [{ name: 'late', ...problem(new Date().getUTCHours()) }]);
    const ended = await me.process(['run', ...print]);
    expect([ended.code, ended.stdout]).toEqual([0, storedSecret]);
    expect(ended.stderr).toMatch(warning);
  });
});

describe('the official clients', () => {
  test('answer in the sandbox', async () => {
    const me = user();
    await me.ci('--sandbox pools subscribe kimi26 --blocks europe --create-key app --yes --json');
    const { code, stdout, stderr } = await me.process(['--sandbox', 'run', '--', process.execPath, clients]);
    expect([code, stdout, stderr]).toEqual([0, answers.join(''), '']);
  });

  test('answer with a stored key of an API', async () => {
    const { me } = await customer();
    await me.ci('pools subscribe kimi26 --blocks all --create-key app --yes --json');
    const { code, stdout, stderr } = await me.process(['run', '--', process.execPath, clients]);
    expect([code, stdout, stderr]).toEqual([0, answers.join(''), '']);
  });

  test.each([
    ['a seat', ['--temporary', '--pool', 'kimi26'], 'create temporary key'],
    ['the only seat', ['--temporary'], 'create temporary key'],
    ['credit', ['--temporary', '--max-budget', '2.50'], 'create temporary credit key'],
  ])('answer with a temporary key for %s, which is revoked afterwards', async (_what, flags, change) => {
    const { me, api } = await customer();
    await me.ci('pools subscribe kimi26 --blocks all --yes --json');
    const { code, stdout, stderr } = await me.process(['run', ...flags, '--', process.execPath, clients]);
    expect([code, stdout, stderr]).toEqual([0, answers.join(''), '']);
    expect(await api.box.seen()).toMatchObject({ keys: [] });
    const [revoked, created] = (await me.ci('history')).stdout.split('\n').map((line) => line.split('\t')[2]);
    expect([revoked, created]).toEqual([
      expect.stringMatching(/^revoke key ci-run-[0-9a-f]{8}$/),
      expect.stringMatching(new RegExp(`^${change} ci-run-[0-9a-f]{8}$`)),
    ]);
  });
});
