import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { World } from '../../../src/context/world.ts';
import { json, lines, type User, userOf } from '../../support/cli.ts';
import { errorOf, isChange, stateFiles, undeliveredIn } from '../../support/lost.ts';
import { nodeOnly } from '../../support/program.ts';
import { recordingProgram } from '../../support/recording-program.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { filesWith } from '../../support/secret-search.ts';
import { recordedSandbox } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';
import { realTime } from '../../support/world.ts';

const name = 'CHEAPESTINFERENCE_API_KEY';

/** Lets the two minutes that a program may take pass in a moment, but not the time of a request. */
const soonTwoMinutes: World['sleep'] = (milliseconds, signal) =>
  realTime.sleep(milliseconds === 120_000 ? 1000 : milliseconds, signal);

type Answers = Parameters<typeof recordingProgram>[2];

/** Returns a user with a program, the secrets of all keys, and the programs' record. */
async function userWith(program: string, answers: Answers, onChange: (me: User) => void = () => {}) {
  const api = await recordedSandbox({
    instead: (request) => {
      if (isChange(request)) onChange(me);
      return undefined;
    },
  });
  const me: User = userOf(api);
  const recorded = recordingProgram(me, program, answers);
  const secrets = async () => listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
  return { api, me, recorded, secrets };
}

/** Expects that a failed delivery kept the secret in a file that only its owner can read. */
function expectKept(stderr: string, apiKey = 'none') {
  const file = undeliveredIn(lines(stderr).at(-1) ?? '');
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([`${apiKey}\n`, 0o600]);
  expect(stderr).not.toContain(apiKey);
}

/** A host of secrets: how its program is run, and what it prints. */
interface Host {
  readonly to: string;
  readonly program: string;
  /** The run that shows whether there is a secret of the name, and what it prints if there is none, and if there is one. */
  readonly list: string;
  readonly without: string;
  readonly with: string;
  /** Runs after the first list, if there is no secret. */
  readonly look?: string;
  readonly write: string;
  readonly replace: string;
  readonly stdin: (secret: string) => string;
  /** Whether it lists again after writing. */
  readonly listsAgain?: true;
  readonly words: string;
  readonly note?: string;
}

// The answers are what these programs were seen to print: gh 2.23, vercel 44.7 and 60.0, wrangler 4.80. Those of glab and flyctl are
// taken from their source, because no package of them is available here.
const hosts: readonly Host[] = [
  {
    to: 'github:acme/api@production',
    program: 'gh',
    list: 'secret list --repo=acme/api --env=production',
    without: 'OTHER\tUpdated 2026-04-14\n',
    with: `OTHER\tUpdated 2026-04-14\n${name}\tUpdated 2026-04-14\n`,
    write: `secret set ${name} --repo=acme/api --env=production`,
    replace: `secret set ${name} --repo=acme/api --env=production`,
    stdin: (secret) => secret,
    words: 'GitHub environment production of acme/api',
  },
  {
    to: 'gitlab',
    program: 'glab',
    list: 'variable list',
    without: 'Listing variables for the acme/api project:\n\nKEY  PROTECTED  MASKED  EXPANDED  SCOPE\n',
    with: `KEY  PROTECTED  MASKED  EXPANDED  SCOPE\n${name}  false  true  false  *\n`,
    look: `variable get ${name}`,
    write: `variable set ${name} --masked --raw`,
    replace: `variable update ${name} --masked --raw`,
    stdin: (secret) => secret,
    words: 'GitLab project of this directory',
  },
  {
    to: 'vercel:preview',
    program: 'vercel',
    list: 'env ls preview',
    without: '',
    with: `\n name                       value      environments  created\n ${name}  Encrypted  Preview       5s ago\n`,
    // The empty argument is the branch: all.
    write: `env add ${name} preview  --yes`,
    replace: `env add ${name} preview  --force --yes`,
    stdin: (secret) => secret,
    listsAgain: true,
    words: 'Vercel environment preview of this directory',
    note: 'Vercel passes the key to your next deployment.\n',
  },
  {
    to: 'fly:my-app',
    program: 'fly',
    list: 'secrets list --app=my-app',
    without: 'NAME\tDIGEST\tCREATED AT\n',
    with: `NAME\tDIGEST\tCREATED AT\n${name}\t1f2e3d\t1h ago\n`,
    write: 'secrets import --stage --app=my-app',
    replace: 'secrets import --stage --app=my-app',
    stdin: (secret) => `${name}=${secret}\n`,
    words: 'Fly.io app my-app',
    note: 'The key is staged. Run `fly secrets deploy --app my-app` to pass it to the app.\n',
  },
  {
    to: 'cloudflare:my-worker',
    program: 'wrangler',
    list: 'secret list --name=my-worker',
    without: '[]\n',
    with: `[\n  {\n    "name": "${name}",\n    "type": "secret_text"\n  }\n]\n`,
    write: `secret put ${name} --name=my-worker`,
    replace: `secret put ${name} --name=my-worker`,
    stdin: (secret) => secret,
    words: 'Cloudflare Worker my-worker',
  },
];

describe.each(hosts)('--to $to, with a recorded $program', (host) => {
  const { to, program, list, look, write, replace, words, note = '' } = host;
  const command = `keys create k --credit --to ${to}`;
  const missing = look === undefined ? [] : [{ to: look, code: 1, stderr: '404 {message: 404 Variable Not Found}\n' }];
  const proofs = look === undefined ? [list] : [list, look];
  // A recorded program can't have its list change, so it has one file for each state.
  const emptyHost: Answers = [{ to: list, stdout: host.without }, ...missing, { to: write }];

  test('passes the secret on stdin, and to nobody else', async () => {
    const { me, recorded, secrets } = await userWith(program, emptyHost, (user) => {
      if (host.listsAgain) recordingProgram(user, program, [{ to: list, stdout: host.with }, { to: write }]);
    });
    const { code, stdout, stderr } = await me.ci(`${command} --json`);
    const [apiKey = ''] = await secrets();
    expect([code, stderr]).toEqual([0, note]);
    expect(json({ stdout })).toEqual({
      id: expect.any(String),
      name: 'k',
      apiKey: `sk_sandbox_…${apiKey.slice(-4)}`,
      savedTo: to,
      variable: name,
    });
    expect(recorded.runs()).toEqual([
      ...proofs.map((args) => ({ args, stdin: '' })),
      { args: write, stdin: host.stdin(apiKey) },
      ...(host.listsAgain ? [{ args: list, stdin: '' }] : []),
    ]);
    recorded.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test("asks for consent before it replaces a secret, and can't without a terminal", async () => {
    const { api, me, recorded } = await userWith(program, [{ to: list, stdout: host.with }]);
    const { code, stderr } = await me.ci(`${command} --yes`);
    expect([code, api.changes, recorded.lines()]).toEqual([2, [], [list]]);
    expect(stderr).toBe(
      `ci: ${words} already has a value for ${name}. Nothing was changed. Pass --force to replace it, or --var to use another variable.\n`,
    );
  });

  test('replaces a secret with --force', async () => {
    const { me, recorded, secrets } = await userWith(program, [{ to: list, stdout: host.with }, { to: replace }]);
    const { code } = await me.ci(`${command} --force`);
    const [apiKey = ''] = await secrets();
    expect([code, recorded.runs().at(1)]).toEqual([0, { args: replace, stdin: host.stdin(apiKey) }]);
  });

  test('replaces a secret after the answer Yes', async () => {
    const { me, recorded } = await userWith(program, [{ to: list, stdout: host.with }, { to: replace }]);
    const session = onTerminal(me, command, { columns: 200 });
    await session.shows(`Replace the value of ${name} in ${words}? (y/N)`);
    session.type(`y${enter}`);
    expect([await session.exit, recorded.lines().slice(0, 2)]).toEqual([0, [list, replace]]);
  });

  test('creates no key if the answer is No', async () => {
    const { api, me, recorded } = await userWith(program, [{ to: list, stdout: host.with }, { to: replace }]);
    const session = onTerminal(me, command, { columns: 200 });
    await session.shows('(y/N)');
    session.type(enter);
    expect([await session.exit, api.changes, recorded.lines()]).toEqual([1, [], [list]]);
  });

  test('creates no key if the program refuses', async () => {
    const refusal = [{ to: '', code: 1, stderr: 'You are not logged in.\nTry again.\n' }];
    const { api, me, recorded } = await userWith(program, refusal);
    const { code, stderr } = await me.ci(`${command} --json`);
    expect([code, api.changes, recorded.lines(), stateFiles(me)]).toEqual([1, [], [list], []]);
    expect(errorOf({ stderr })).toMatchObject({
      code: 'file_error',
      message: `Can't write to ${words}: ${program}: You are not logged in. Try again`,
      hint: expect.stringMatching(/^Nothing was created\. Install .+\.$/),
      outcome: 'not_applied',
    });
  });

  test('creates no key if the program is missing', async () => {
    const { api, me } = await userWith('another', []);
    const { code, stderr } = await me.ci(command, { env: { PATH: path.join(me.home, 'bin') } });
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toMatch(
      new RegExp(`^ci: Can't write to ${words}: ${program} can't be found\\. Nothing was created\\. Install .+\\n$`),
    );
  });

  test('keeps the secret if the program fails after the key was created, and shows no secret', async () => {
    const failing = [{ to: list, stdout: host.without }, ...missing, { to: write, code: 1, repeats: true as const }];
    const { me, secrets } = await userWith(program, failing);
    const { code, stdout, stderr } = await me.ci(command);
    const [apiKey = ''] = await secrets();
    expect([code, stdout]).toEqual([1, '']);
    expectKept(stderr, apiKey);
    expect(stderr).toMatch(new RegExp(`^ci: Can't write to ${words}: ${program}: bad value: .+The key was created`));
  });
});

test('writes with a version of vercel that has no --yes', async () => {
  const write = `env add ${name} production`;
  const list = { to: 'env ls', stdout: `${name}\n` };
  const unknown = { to: `${write} --force --yes`, code: 1, stderr: 'Error: unknown or unexpected option: --yes\n' };
  const { me, recorded, secrets } = await userWith('vercel', [list, unknown, { to: write }]);
  const { code } = await me.ci('keys create k --credit --force --to vercel:production');
  const [apiKey = ''] = await secrets();
  expect([code, recorded.runs()]).toMatchObject([
    0,
    [{}, {}, { args: `${write} --force`, stdin: apiKey }, { args: 'env ls production' }],
  ]);
});

describe('--to command:, which passes the secret to a program of the user', () => {
  const command = 'keys create k --credit --to command:store';

  test('passes it on stdin, without a line break, arguments or a trace', async () => {
    const { me, recorded, secrets } = await userWith('store', [
      { to: '', stdout: 'Stored.\n', stderr: 'Be careful.\n' },
    ]);
    const { code, stdout, stderr } = await me.ci(command);
    const [apiKey = ''] = await secrets();
    expect([code, stderr, recorded.runs()]).toEqual([0, '', [{ args: '', stdin: apiKey }]]);
    expect(stdout).toMatch(/\nsavedTo\tcommand:store\nvariable\t\n$/);
    recorded.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
  });

  test('finds it by a path, relative to the working directory', async () => {
    const { me, recorded } = await userWith('store', [{ to: '' }]);
    expect((await me.ci('keys create k --credit --to command:./bin/store')).code).toBe(0);
    expect((await me.ci(`keys create k --credit --to command:${me.home}/bin/store`)).code).toBe(0);
    expect(recorded.runs()).toHaveLength(2);
  });

  test.each([
    ['nope', "nope can't be found"],
    ['./data.txt', "./data.txt isn't executable"],
    ['data.txt', "data.txt can't be found"],
    ['./bin', "./bin can't be found"],
  ])('creates no key for %s', async (file, problem) => {
    const { api, me } = await userWith('store', []);
    writeFileSync(path.join(me.home, 'data.txt'), '#!/bin/sh\n', { mode: 0o644 });
    const { code, stderr } = await me.ci(['keys', 'create', 'k', '--credit', '--to', `command:${file}`]);
    expect([code, api.changes, stderr]).toEqual([
      1,
      [],
      `ci: Can't write to program ${file}: ${problem}. Nothing was created. Pass the path of an executable file, or the name of a program on your PATH.\n`,
    ]);
  });

  test.each([
    ['fails', [{ to: '', code: 3 }], 'store failed: it exited with code 3'],
    ['fails with a message', [{ to: '', code: 3, stdout: 'Locked.\n' }], 'store: Locked'],
    ['prints the secret', [{ to: '', code: 3, repeats: true }], /store: bad value: sk_sandbox_…\S{4}/],
    ['is killed', [{ to: '', signal: 'SIGTERM' }], 'store failed: it was terminated by SIGTERM'],
    ['writes megabytes', [{ to: '', code: 1, stderr: 'no\n'.repeat(1_000_000) }], 'store: no no no'],
  ] as const)('keeps the secret if it %s', async (_what, answers, message) => {
    const { me, secrets } = await userWith('store', answers);
    const { code, stdout, stderr } = await me.ci(command);
    const [apiKey = ''] = await secrets();
    expect([code, stdout]).toEqual([1, '']);
    const text = typeof message === 'string' ? message.replace(/[.()]/g, '\\$&') : message.source;
    expect(stderr).toMatch(new RegExp(`^ci: Can't write to program store: ${text}\\. The key was created\\. `));
    expectKept(stderr, apiKey);
  });

  test('succeeds if it writes megabytes', async () => {
    const { me } = await userWith('store', [{ to: '', stdout: 'x'.repeat(3_000_000) }]);
    expect((await me.ci(command)).code).toBe(0);
  });

  test.skipIf(nodeOnly('sets the clock'))('keeps the secret if it hangs', async () => {
    const { me, secrets } = await userWith('store', [{ to: '', hangs: true }]);
    const { code, stderr } = await me.ci(command, { sleep: soonTwoMinutes });
    const [apiKey = ''] = await secrets();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^ci: Can't write to program store: store failed: it didn't finish within 2 minutes\. The key /,
    );
    expectKept(stderr, apiKey);
  });

  test('keeps the secret if it is removed in the meantime', async () => {
    const { me, secrets } = await userWith('store', [], ({ home }) => rmSync(path.join(home, 'bin', 'store')));
    const { code, stderr } = await me.ci(command);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^ci: Can't write to program store: store can't be found\. The key was created\. /),
    ]);
    expectKept(stderr, (await secrets())[0]);
  });

  test('is killed by Ctrl-C, and the secret is kept', async () => {
    const { me, recorded, secrets } = await userWith('store', [{ to: '', hangs: true }]);
    const running = me.start(command);
    await expect.poll(() => recorded.runs().length).toBe(1);
    running.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expectKept(stderr, (await secrets())[0]);
  });
});

describe('a check that takes too long', () => {
  const answers: Answers = [{ to: '', hangs: true }];

  test.skipIf(nodeOnly('sets the clock'))('ends after two minutes, and creates no key', async () => {
    const { api, me } = await userWith('gh', answers);
    const { code, stderr } = await me.ci('keys create k --credit --to github', { sleep: soonTwoMinutes });
    expect([code, api.changes, stateFiles(me)]).toEqual([1, [], []]);
    expect(stderr).toMatch(
      /^ci: Can't write to GitHub repository of this directory: gh failed: it didn't finish within 2 minutes\. Nothing was created\. /,
    );
  });

  test('ends with Ctrl-C, and creates no key', async () => {
    const { api, me, recorded } = await userWith('gh', answers);
    const running = me.start('keys create k --credit --to github --json');
    await expect.poll(() => recorded.runs().length).toBe(1);
    running.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect([code, api.changes, stateFiles(me)]).toEqual([130, [], []]);
    expect(errorOf({ stderr })).toMatchObject({ code: 'interrupted', outcome: 'not_applied' });
  });
});

test('shows how to call the API only if the key is on this machine', async () => {
  const { me } = await userWith('store', [{ to: '' }]);
  const line = 'keys create --credit -o table --to command:store';
  expect((await me.ci(`${line} a`)).stderr).toBe('');
  const { stderr } = await me.ci(`${line} b --save .env`);
  expect(stderr).toContain(`. ${me.home}/.env && curl `);
});

test('writes the secret to a file and to several destinations, in their order', async () => {
  const { me, secrets } = await userWith('store', [{ to: '' }]);
  const fly = recordingProgram(me, 'fly', [{ to: 'secrets' }]);
  const { code, stdout } = await me.ci(
    'keys create k --credit --save .env --to fly --to command:store --var KEY --json',
  );
  const [apiKey = ''] = await secrets();
  expect(code).toBe(0);
  expect(json({ stdout })).toMatchObject({ savedTo: `${me.home}/.env, fly, command:store`, variable: 'KEY' });
  expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toBe(`KEY=${apiKey}\n`);
  expect(fly.runs().at(-1)).toEqual({ args: 'secrets import --stage', stdin: `KEY=${apiKey}\n` });
});

test('says which destinations have the secret if another one fails, and keeps the secret', async () => {
  const { me, secrets } = await userWith('store', [{ to: '', code: 1, stderr: 'Locked\n' }]);
  const after = recordingProgram(me, 'after', [{ to: '' }]);
  const line = 'keys create k --credit --save .env --to command:store --to command:after';
  const { code, stderr } = await me.ci(line);
  const [apiKey = ''] = await secrets();
  expect([code, after.runs()]).toEqual([1, []]);
  expect(stderr).toMatch(
    new RegExp(
      `^ci: Can't write to program store: store: Locked\\. The key is already in ${me.home}/\\.env, as ${name}\\. The key was created\\. Its secret is in /`,
    ),
  );
  expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toContain(apiKey);
  expectKept(stderr, apiKey);
});

test('changes nothing if one of several destinations fails before', async () => {
  const { api, me } = await userWith('store', [{ to: '' }]);
  const { code } = await me.ci('keys create k --credit --save .env --to command:store --to fly', {
    env: { PATH: `${me.home}/bin:${path.dirname(process.execPath)}` },
  });
  expect([code, api.changes, existsSync(path.join(me.home, '.env'))]).toEqual([1, [], false]);
});

describe('with --ensure', () => {
  test('delivers the secret of a key that exists', async () => {
    const { me, recorded, secrets } = await userWith('store', [{ to: '' }]);
    await me.ci('keys create k --credit');
    const { code, stdout, stderr } = await me.ci('keys create k --credit --ensure --to command:store');
    const [apiKey = ''] = await secrets();
    expect([code, stderr, recorded.runs()]).toEqual([
      0,
      'Key "k" already exists. Nothing was created.\n',
      [{ args: '', stdin: apiKey }],
    ]);
    expect(stdout).not.toContain(apiKey);
  });

  test('keeps nothing if that fails, because the API shows the secret again', async () => {
    const { me } = await userWith('store', [{ to: '', code: 1 }]);
    await me.ci('keys create k --credit');
    const { code, stderr } = await me.ci('keys create k --credit --ensure --to command:store');
    expect([code, lines(stderr).at(-1), stateFiles(me)]).toEqual([
      1,
      "ci: Can't write to program store: store failed: it exited with code 1.",
      ['history.jsonl'],
    ]);
  });
});

test.each([
  ['--to fly --secret-only', "--to and --secret-only can't be combined"],
  ['--var KEY', '--var needs --save or --to'],
  ['--force', '--force needs --save or --to'],
  ['--to nowhere', '"nowhere" is not a valid destination'],
  ['--to fly --var 1A', '"1A" is not a valid variable name'],
])('refuses %s, and sends nothing', async (flags, message) => {
  const { api, me } = await userWith('fly', []);
  const { code, stderr } = await me.ci(`keys create k --credit ${flags} --json`);
  expect([code, api.requests, errorOf({ stderr })]).toMatchObject([2, [], { code: 'usage', message }]);
});

describe('--to kubernetes-manifest', () => {
  const command = 'keys create k --credit --to kubernetes-manifest:production/api --var TOKEN';
  const manifest = (secret: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata:\n  name: api\n  namespace: production\ndata:\n  TOKEN: ${Buffer.from(secret).toString('base64')}\ntype: Opaque\n`;

  test.each(['', ' -o yaml', ' -o table'])('prints a Secret and nothing else (%j)', async (flags) => {
    const { me, secrets } = await userWith('none', []);
    const { code, stdout, stderr } = await me.ci(command + flags);
    const [apiKey = ''] = await secrets();
    expect([code, stdout, stderr]).toEqual([0, manifest(apiKey), '']);
    expect(filesWith(apiKey, me.home)).toEqual([]);
  });

  test('prints it beside another destination', async () => {
    const { me, secrets } = await userWith('none', []);
    const { code, stdout } = await me.ci(`${command} --save .env`);
    const [apiKey = ''] = await secrets();
    expect([code, stdout, readFileSync(`${me.home}/.env`, 'utf8')]).toEqual([0, manifest(apiKey), `TOKEN=${apiKey}\n`]);
  });

  test('quotes what YAML would read as something else', async () => {
    const { me } = await userWith('none', []);
    const { stdout } = await me.ci('keys create k --credit --to kubernetes-manifest:123/true --var null');
    expect(stdout).toMatch(/\n {2}name: "true"\n {2}namespace: "123"\ndata:\n {2}"null": /);
  });

  test.each(['--json', '-o csv', '--jq .', '--secret-only'])('is refused with %s', async (flags) => {
    const { api, me } = await userWith('none', []);
    expect([(await me.ci(`${command} ${flags}`)).code, api.requests]).toEqual([2, []]);
  });

  test.skipIf(!existsSync('/dev/full'))('creates no key if stdout is full', async () => {
    const { api, me } = await userWith('none', []);
    const { code, stderr } = await me.sh(`ci ${command} >/dev/full`);
    expect([code, api.changes, stderr]).toEqual([
      1,
      [],
      "ci: Can't write to standard output: no space left on device. Nothing was created.\n",
    ]);
  });
});
