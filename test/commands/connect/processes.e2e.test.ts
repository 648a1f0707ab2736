import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, json, sandboxUser, type User } from '../../support/cli.ts';
import { connectionFiles, type KeyCustomer, keyCustomer, offering, treeOf } from '../../support/connections.ts';
import { keyFileOf } from '../../support/key-store.ts';
import { errorOf } from '../../support/lost.ts';
import { bin, nodeOnly, program } from '../../support/program.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { silence } from '../../support/servers.ts';

const opencode = 'config/opencode/opencode.json';

/** Tools that run a command to get the key, and what that command is in their files. */
const helpers = [
  ['claude-code', '.claude/settings.json', (text: string) => textAt(JSON.parse(text), 'apiKeyHelper')],
  [
    'pi',
    '.pi/agent/models.json',
    (text: string) => textAt(JSON.parse(text), 'providers', 'cheapestinference', 'apiKey').replace(/^!/, ''),
  ],
] as const;

/** Runs a command line in a shell as a tool would. */
function inShell(me: User, command: string, env: Environment = {}) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    ...{ cwd: me.home, env: { ...me.env, ...env }, encoding: 'utf8' },
  });
  return [status, stdout, stderr];
}

/** Runs a command as a user unknown to the system. */
const stranger = ['setpriv', '--reuid', '54321', '--clear-groups'] as const;

/** Whether the tests run as root on a machine on which another user can run the program. */
function canBeStranger(): boolean {
  if (process.getuid?.() !== 0) return false;
  const [setpriv, ...args] = stranger;
  return spawnSync(setpriv, [...args, ...program, '--version']).status === 0;
}

/** Returns the command and the arguments that Codex runs. */
function codexCommand(text: string): readonly [string, readonly string[]] {
  const [, command] = /^command = (".*")$/m.exec(text) ?? [];
  const [, args] = /^args = (\[.*\])$/m.exec(text) ?? [];
  return [JSON.parse(command ?? ''), JSON.parse(args ?? '')];
}

describe.each(helpers)('the command that %s runs for the key', (tool, name, commandIn) => {
  /** Connects the tool in a process. @returns the command in its file */
  async function commandOf({ me, at: file }: KeyCustomer, line = '', env: Environment = {}): Promise<string> {
    const { code, stderr } = await me.process(`connect ${tool} --yes ${line}`, { env });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('ci: ')]);
    return commandIn(readFileSync(file(name), 'utf8'));
  }

  test('prints exactly the secret', async () => {
    const customer = await keyCustomer();
    const command = await commandOf(customer);
    expect(command).toBe(`ci keys secret app --profile default --api-url ${customer.api.url}`);
    expect(inShell(customer.me, command)).toEqual([0, `${customer.secret}\n`, '']);
  });

  test.each(['my key', "it's mine", 'a "b" c', 'cost $HOME', '`date`', '$(date)', 'ünï', 'a;b|c&d'])(
    'works with a key named %j',
    async (key) => {
      const customer = await keyCustomer({ name: key });
      const command = await commandOf(customer);
      expect(inShell(customer.me, command)).toEqual([0, `${customer.secret}\n`, '']);
      const again = await customer.me.process(`connect ${tool} --json`);
      expect([again.code, at(json(again), 'key')]).toEqual([0, key]);
    },
  );

  test('has the ID of the key if several have its name', async () => {
    const customer = await keyCustomer();
    const stored: unknown = JSON.parse(readFileSync(keyFileOf(customer.me), 'utf8'));
    const [first] = listAt(stored, 'keys');
    const namesake = { ...Object(first), id: 'other', secret: `${customer.secret.slice(0, -4)}zzzz` };
    writeFileSync(keyFileOf(customer.me), JSON.stringify({ keys: [first, namesake] }), { mode: 0o600 });
    const command = await commandOf(customer, `--key ${customer.keyId}`);
    expect(command).toMatch(new RegExp(`keys secret ${customer.keyId} --profile default `));
    expect(inShell(customer.me, command)).toEqual([0, `${customer.secret}\n`, '']);
  });

  test('names the profile in use', async () => {
    const customer = await keyCustomer();
    const { me, api, write, secret } = customer;
    const profile = 'work';
    write(
      'config/cheapestinference/config.json',
      JSON.stringify({ profiles: { [profile]: { apiUrl: api.url } } }),
      0o600,
    );
    const text = readFileSync(keyFileOf(me), 'utf8').replace('"profile":"default"', `"profile":"${profile}"`);
    writeFileSync(keyFileOf(me), text, { mode: 0o600 });
    const env = { CHEAPESTINFERENCE_API_URL: '' };
    const command = await commandOf(customer, `--profile ${profile}`, env);
    expect(command).toBe('ci keys secret app --profile work');
    expect(inShell(me, command, env)).toEqual([0, `${secret}\n`, '']);
  });

  test.each([
    ["isn't on the PATH", undefined],
    ['is another program on the PATH', '#!/bin/sh\necho "ci: RCS version 5.10.1"\n'],
  ])('has the path of `ci` if `ci` %s', async (_what, rcs) => {
    const customer = await keyCustomer();
    const others = customer.at('others');
    mkdirSync(others);
    if (rcs !== undefined) writeFileSync(path.join(others, 'ci'), rcs, { mode: 0o755 });
    const env = { PATH: [others, path.dirname(process.execPath), '/usr/bin', '/bin'].join(path.delimiter) };
    const command = await commandOf(customer, '', env);
    expect(command).toBe(`${bin} keys secret app --profile default --api-url ${customer.api.url}`);
    expect(inShell(customer.me, command, env)).toEqual([0, `${customer.secret}\n`, '']);
  });

  test('ignores the output format of the environment', async () => {
    const customer = await keyCustomer();
    const command = await commandOf(customer);
    expect(inShell(customer.me, command, { CHEAPESTINFERENCE_OUTPUT: 'json' })).toEqual([
      0,
      `${customer.secret}\n`,
      '',
    ]);
  });

  test('works while another profile is in use', async () => {
    const customer = await keyCustomer();
    const command = await commandOf(customer);
    const config = { defaultProfile: 'work', profiles: { work: {} } };
    customer.write('config/cheapestinference/config.json', JSON.stringify(config), 0o600);
    const env = { CHEAPESTINFERENCE_PROFILE: 'work' };
    expect(inShell(customer.me, command, env)).toEqual([0, `${customer.secret}\n`, '']);
  });

  test('is refused if `ci` runs from the cache of npx', async () => {
    const customer = await keyCustomer();
    const installed = customer.at('_npx', '1a2b', 'node_modules', 'cheapestinference');
    for (const each of ['bin', 'dist', 'package.json'])
      cpSync(path.resolve(each), path.join(installed, each), { recursive: true });
    const before = treeOf(customer.me.home);
    const { code, stdout, stderr } = await customer.me.sh(
      `exec ${process.execPath} ${path.join(installed, 'bin', 'ci.js')} connect ${tool} --yes`,
      { env: { PATH: [path.dirname(process.execPath), '/usr/bin', '/bin'].join(path.delimiter) } },
    );
    expect([code, stdout, treeOf(customer.me.home)]).toEqual([2, '', before]);
    expect(stderr).toMatch(
      /^ci: (?:Claude Code|pi) runs `ci` to get its key, but `ci` isn't installed\. Run `npm install --global cheapestinference`, and then this command again\.\n$/,
    );
  });

  test('uses the name `cheapestinference` if only that is this program', async () => {
    const customer = await keyCustomer();
    const others = customer.at('others');
    mkdirSync(others);
    writeFileSync(path.join(others, 'ci'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    symlinkSync(bin, path.join(others, 'cheapestinference'));
    const env = { PATH: [others, path.dirname(process.execPath), '/usr/bin', '/bin'].join(path.delimiter) };
    const command = await commandOf(customer, '', env);
    expect(command).toBe(`cheapestinference keys secret app --profile default --api-url ${customer.api.url}`);
    expect(inShell(customer.me, command, env)).toEqual([0, `${customer.secret}\n`, '']);
  });
});

test('the command for the key of the sandbox prints it', async () => {
  const me = sandboxUser();
  expect((await me.process('keys create app --credit --store')).code).toBe(0);
  const { code, stdout } = await me.process('connect claude-code --model kimi-k2.6 --yes --json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { works: true, baseUrl: 'http://127.0.0.1:8787' }]);
  const file = path.join(me.home, '.claude', 'settings.json');
  const command = textAt(JSON.parse(readFileSync(file, 'utf8')), 'apiKeyHelper');
  expect(command).toBe('ci --sandbox keys secret app');
  const [status, printed] = inShell(me, command, { CHEAPESTINFERENCE_SANDBOX: '' });
  expect([status, printed]).toEqual([0, expect.stringMatching(/^sk_sandbox_[A-Za-z0-9_-]{32}\n$/)]);
});

test.each(['app', 'my "key"', 'cost $HOME \\ ü'])(
  'the command that codex runs prints the secret of %j',
  async (name) => {
    const customer = await keyCustomer({ name, instead: offering(['kimi-k2.6']) });
    const { code, stderr } = await customer.me.process('connect codex --yes');
    expect([code, stderr]).toEqual([0, "Codex isn't installed on this machine.\n"]);
    const [command, args] = codexCommand(readFileSync(customer.at('.codex/config.toml'), 'utf8'));
    // Codex starts the program without a shell.
    const { status, stdout } = spawnSync(command, [...args], {
      env: customer.me.env,
      cwd: customer.me.home,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, `${customer.secret}\n`]);
  },
);

test.each([
  ['goose', `GOOSE_PROVIDER=cheapestinference GOOSE_MODEL=kimi-k2.6 `, ['session']],
  ['opencode', '', []],
  ['aider', '', []],
])('the start command of %s runs it with the key', async (tool, prefix, args) => {
  const customer = await keyCustomer({ name: "it's mine" });
  const print = 'echo "$CHEAPESTINFERENCE_API_KEY $OPENAI_API_KEY $GOOSE_MODEL $*"';
  writeFileSync(customer.at('bin', tool), `#!/bin/sh\n${print}\n`, { mode: 0o755 });
  const { stdout } = await customer.me.process(`connect ${tool} --yes --json`);
  const start = textAt(JSON.parse(stdout), 'start');
  expect(start.startsWith(`${prefix}ci `)).toBe(true);
  const isOpenai = tool === 'aider';
  const expected = [customer.secret, isOpenai ? customer.secret : '', prefix === '' ? '' : 'kimi-k2.6', ...args].join(
    ' ',
  );
  const [code, printed] = inShell(customer.me, start);
  expect([code, String(printed).trimEnd()]).toEqual([0, expected.trimEnd()]);
});

describe('two at the same time', () => {
  test.each([
    ['the same tool', ['opencode', 'opencode', 'opencode', 'opencode']],
    ['different tools', ['opencode', 'kilo', 'crush', 'goose']],
  ])('connect %s: each file is whole, and --undo gives it back', async (_what, tools) => {
    const { me, write, at: file } = await keyCustomer();
    const text = '{\n  // mine\n  "theme": "dark"\n}\n';
    write(opencode, text);
    const before = treeOf(me.home);
    const ends = await Promise.all(tools.map((tool) => me.process(`connect ${tool} --yes --json`)));
    for (const { code, stderr } of ends) {
      expect([0, 1, 6]).toContain(code);
      // The later ones see that something has changed since they planned.
      if (code !== 0) expect(stderr).toMatch(/Another (?:command|program) has just changed/);
    }
    expect(ends.some(({ code }) => code === 0)).toBe(true);
    if (new Set(tools).size > 1) expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const { stdout } = await me.process('connect opencode --json --yes');
    expect(at(JSON.parse(stdout), 'status')).toBe('unchanged');
    expect(readFileSync(file(opencode), 'utf8').match(/"cheapestinference":/g)).toHaveLength(1);
    for (const tool of new Set(tools)) expect((await me.process(`connect ${tool} --undo --yes`)).code).toBe(0);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, []]);
  });
});

describe('a `ci connect` that is killed', () => {
  const dying = path.resolve('test/support/dying.cjs');
  const texts: Readonly<Record<string, string>> = {
    [opencode]: '{\n  // mine\n  "theme": "dark"\n}\n',
    '.pi/agent/settings.json': '{"theme":"dark"}',
  };

  /** Kills the command before each of its steps with files. @param check - called after each kill */
  async function killedAtEachStep(
    tool: string,
    line: string,
    prepare: (customer: KeyCustomer) => Promise<unknown>,
    check: (customer: KeyCustomer, before: Record<string, string>) => Promise<void>,
    models = ['kimi-k2.6'],
  ): Promise<number> {
    const atStep = async (count: number): Promise<boolean> => {
      const customer = await keyCustomer({ instead: offering(models) });
      for (const [name, text] of Object.entries(texts)) customer.write(name, text);
      const before = treeOf(customer.me.home);
      await prepare(customer);
      const env = {
        NODE_OPTIONS: `--require ${dying}`,
        DIES_AT: 'connections|opencode|\\.pi/',
        DIES_AFTER: `${count}`,
      };
      const { code, signal } = await customer.me.process(`connect ${tool} --yes ${line}`, { env });
      if (signal === null) expect(code).toBe(0);
      else await check(customer, before);
      return signal !== null;
    };
    for (let first = 0; ; first += 8) {
      const killed = await Promise.all(Array.from({ length: 8 }, (_, index) => atStep(first + index)));
      if (killed.includes(false)) return first + killed.indexOf(false);
    }
  }

  /** Checks that each file is as it was or as it is when the tool is connected. */
  async function requireWhole(
    { me, at: file, connect }: KeyCustomer,
    tool: string,
    names: readonly string[],
  ): Promise<void> {
    const contents = names.map((name) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : undefined));
    await connect(tool);
    for (const [index, name] of names.entries()) {
      expect([texts[name], readFileSync(file(name), 'utf8')]).toContain(contents[index]);
    }
    expect(Object.keys(treeOf(me.home)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  }

  const tools = [
    ['opencode', [opencode]],
    ['pi', ['.pi/agent/models.json', '.pi/agent/settings.json']],
  ] as const;

  test.skipIf(nodeOnly('loads a script')).each(tools)(
    'leaves files that are whole, which a second one completes (%s)',
    async (tool, names) => {
      const steps = await killedAtEachStep(
        tool,
        '',
        async () => {},
        async (customer, before) => {
          await requireWhole(customer, tool, names);
          const undone = await customer.me.ci(`connect ${tool} --undo --yes`);
          expect([undone.code, treeOf(customer.me.home), connectionFiles(customer.me)]).toEqual([0, before, []]);
        },
      );
      expect(steps).toBeGreaterThan(15);
    },
  );

  test.skipIf(nodeOnly('loads a script')).each(tools)('can be undone at once (%s)', async (tool) => {
    const steps = await killedAtEachStep(
      tool,
      '',
      async () => {},
      async ({ me }, before) => {
        const undone = await me.ci(`connect ${tool} --undo --yes`);
        const tree = Object.fromEntries(Object.entries(treeOf(me.home)).filter(([name]) => !name.endsWith('.tmp')));
        expect([undone.code, tree]).toEqual([0, before]);
        expect(connectionFiles(me).filter((name) => name.endsWith('connection.json'))).toEqual([]);
      },
    );
    expect(steps).toBeGreaterThan(15);
  });

  test.skipIf(nodeOnly('loads a script')).each(tools)(
    'while it connects another model can be undone at once (%s)',
    async (tool) => {
      const steps = await killedAtEachStep(
        tool,
        '--model glm-5.1',
        ({ connect }) => connect(`${tool} --model kimi-k2.6`),
        async ({ me }, before) => {
          const undone = await me.ci(`connect ${tool} --undo --yes`);
          const tree = Object.fromEntries(Object.entries(treeOf(me.home)).filter(([name]) => !name.endsWith('.tmp')));
          expect([undone.code, tree, connectionFiles(me)]).toEqual([0, before, []]);
        },
        ['kimi-k2.6', 'glm-5.1'],
      );
      expect(steps).toBeGreaterThan(15);
    },
  );

  test.skipIf(nodeOnly('loads a script')).each(tools)('while it undoes can be undone again (%s)', async (tool) => {
    const steps = await killedAtEachStep(
      tool,
      '--undo',
      ({ connect }) => connect(tool),
      async ({ me }, before) => {
        const undone = await me.ci(`connect ${tool} --undo --yes`);
        const tree = Object.fromEntries(Object.entries(treeOf(me.home)).filter(([name]) => !name.endsWith('.tmp')));
        expect([undone.code, tree, connectionFiles(me)]).toEqual([0, before, []]);
      },
    );
    expect(steps).toBeGreaterThan(5);
  });

  test.each([
    ['while it reads the models, changes nothing', '/v1/models', false],
    ['while it tries the key, has written the files', '/v1/chat/completions', true],
  ])('%s', async (_what, endpoint, isWritten) => {
    const {
      me,
      api,
      at: file,
    } = await keyCustomer({
      instead: ({ path: url }) => (url === endpoint ? silence : undefined),
    });
    const running = me.start('connect opencode --yes');
    await api.times(`${isWritten ? 'POST' : 'GET'} ${endpoint}`, 1);
    running.kill('SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');
    expect(existsSync(file(opencode))).toBe(isWritten);
    const undone = await me.ci('connect opencode --undo --yes --json');
    expect([undone.code, at(json(undone), 'status')]).toEqual([0, isWritten ? 'disconnected' : 'not connected']);
    expect([Object.keys(treeOf(me.home)), connectionFiles(me)]).toEqual([['config'], []]);
  });
});

describe('what cannot be written', () => {
  test.each(['/dev/null/claude', '/proc/nobody'])('is refused before anything is changed: %s', async (folder) => {
    const { me, api } = await keyCustomer();
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.ci('connect claude-code --yes', { env: { CLAUDE_CONFIG_DIR: folder } });
    expect([code, stdout, treeOf(me.home), connectionFiles(me), api.changes]).toEqual([1, '', before, [], []]);
    expect(stderr).toMatch(/^ci: Can't (?:read|write) \/(?:dev|proc)\/\S+settings\.json: [^\n]+\n$/);
    expect(stderr).not.toMatch(/ENOENT|ENOTDIR|EACCES|ENOSYS/);
  });

  test('is refused on a full disk, and leaves the file as it was', async () => {
    const { me, write } = await keyCustomer();
    write(opencode, '{}\n');
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.sh("trap '' XFSZ; ulimit -f 0; exec ci connect opencode --yes");
    expect([code, stdout, treeOf(me.home)]).toEqual([1, '', before]);
    expect(stderr).toMatch(/^ci: Can't write \S+opencode\.json: [^\n]*\n$/);
    expect(connectionFiles(me)).toEqual([]);
  });

  describe.skipIf(nodeOnly('loads a script'))('while it is written', () => {
    const failing = (file: string) => ({
      NODE_OPTIONS: `--require ${path.resolve('test/support/failing.cjs')}`,
      FAILS_AT: file,
    });

    test('leaves no record if nothing was changed', async () => {
      const { me } = await keyCustomer();
      const { code, stdout, stderr } = await me.process('connect pi --yes', { env: failing('agent/models\\.json$') });
      expect([code, stdout, connectionFiles(me)]).toEqual([1, '', []]);
      expect(stderr).toMatch(/^ci: Can't write \S+models\.json: [^\n]+\n$/);
    });

    test('can be undone if another file was changed', async () => {
      const { me, at: file, write } = await keyCustomer();
      write('.pi/agent/settings.json', '{"theme":"dark"}');
      const before = treeOf(me.home);
      const ended = await me.process('connect pi --yes --json', { env: failing('agent/settings\\.json$') });
      expect([ended.code, ended.stdout]).toEqual([1, '']);
      expect(errorOf(ended)).toMatchObject({
        ...{ code: 'file_error', outcome: 'applied' },
        hint: `Already changed: ${file('.pi/agent/models.json')}. To restore, run \`ci connect pi --undo\`.`,
      });
      expect((await me.ci('connect pi --undo --yes')).code).toBe(0);
      expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, []]);
    });
  });

  test('is refused if the record of the connection cannot be written', async () => {
    const { me } = await keyCustomer();
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.ci('connect opencode --yes', { env: { XDG_STATE_HOME: '/dev/null' } });
    expect([code, stdout, treeOf(me.home)]).toEqual([1, '', before]);
    expect(stderr).toMatch(/^ci: Can't write to \/dev\/null\/cheapestinference: [^\n]+\n$/);
  });

  describe.skipIf(!canBeStranger())('by a user who is not root', () => {
    /** Runs `ci` as the owner of the home directory, who isn't root. */
    async function asOwner({ me }: KeyCustomer, prepare: string) {
      await me.sh(`chown -R 54321 . && chmod 755 . && ${prepare}`);
      const before = treeOf(me.home);
      const ended = await me.sh(`exec ${stranger.join(' ')} ${program.join(' ')} connect opencode --yes`);
      expect([ended.code, ended.stdout, treeOf(me.home), connectionFiles(me)]).toEqual([1, '', before, []]);
      return ended.stderr;
    }

    test.each([
      ['a read-only directory', 'chmod 555 config/opencode', "Can't write"],
      ['a directory of another user', 'chown 0 config/opencode', "Can't write"],
      ['a file that only another user can read', `chown 0 ${opencode} && chmod 600 ${opencode}`, "Can't read"],
      ['a directory that nobody can enter', 'chmod 000 config/opencode', "Can't read"],
    ])('is refused in %s', async (_what, prepare, problem) => {
      const customer = await keyCustomer();
      customer.write(opencode, '{}\n');
      const stderr = await asOwner(customer, prepare);
      expect(stderr.startsWith(`ci: ${problem} ${customer.at(opencode)}: `)).toBe(true);
      expect(stderr).not.toMatch(/EACCES|EPERM/);
    });
  });

  test.each(['', 'relative'])('has no place without a home directory (HOME=%j)', async (home) => {
    const { me } = await keyCustomer();
    const before = treeOf(me.home);
    const env = { HOME: home, XDG_STATE_HOME: path.join(me.home, '.local', 'state') };
    const { code, stdout, stderr } = await me.ci('connect claude-code --yes', { env });
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      `ci: Your home directory isn't known: "${home}" in HOME is not an absolute path. Set HOME to your home directory.\n`,
    ]);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, []]);
  });

  test.skipIf(nodeOnly('starts nowhere')).each([
    ['connect opencode --project --yes', 1],
    ['connect opencode --yes', 0],
    ['connect', 0],
  ])('is only the file of a project in a working directory that was removed: ci %s', async (line, code) => {
    const { me } = await keyCustomer();
    const ended = await me.sh(`mkdir gone && cd gone && rmdir ../gone && exec ci ${line}`);
    expect(ended.code).toBe(code);
    if (code !== 0) {
      expect(ended.stderr).toMatch(/^ci: The working directory was removed, so .+ can't be found\. [^\n]+\n$/);
    }
  });
});
