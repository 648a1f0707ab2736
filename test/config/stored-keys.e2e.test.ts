import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, json, oneLine, type User, user } from '../support/cli.ts';
import { crowd } from '../support/crowd.ts';
import { modeOf } from '../support/folder.ts';
import { program } from '../support/program.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { data, type RecordingServer, server } from '../support/servers.ts';

const key = 'mk_of_the_first_0123456789aaaa';
const other = 'mk_of_the_other_0123456789bbbb';

function api(): Promise<RecordingServer> {
  return server((request, response) =>
    data(request.path === '/api/pools' ? [] : { poolPledges: [], creditBalance: 25 })(request, response),
  );
}

function folderOf(me: User): string {
  return path.join(me.home, 'config', 'cheapestinference');
}

function fileOf(me: User): string {
  return path.join(folderOf(me), 'config.json');
}

/** Creates a user who signed in with the profile `default`. */
async function member() {
  const vendor = await api();
  const me = user();
  const login = (args = '', stdin = key) => me.ci(`auth login --with-key --api-url ${vendor.url} ${args}`, { stdin });
  expect((await login()).code).toBe(0);
  return { api: vendor, me, login };
}

describe('many processes at once', () => {
  const atOnce = crowd(20);

  test('save 20 logins to different profiles, and leave nothing else', async () => {
    const vendor = await api();
    const me = user();
    const names = Array.from({ length: 20 }, (_, at) => `p${at}`);
    const ended = await atOnce(
      me,
      names.map((name) => ({
        line: `auth login --with-key --profile ${name} --api-url ${vendor.url}`,
        stdin: `mk_${name}_0123456789abcdef`,
      })),
    );
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, '']));
    const saved = json(await me.ci('auth list --json'));
    expect(
      listAt(saved)
        .map((each) => textAt(each, 'profile'))
        .sort(),
    ).toEqual(names.toSorted());
    for (const name of names) {
      expect((await me.ci(`auth token --profile ${name}`)).stdout).toBe(`mk_${name}_0123456789abcdef\n`);
    }
    expect(readdirSync(folderOf(me))).toEqual(['config.json']);
    expect([modeOf(folderOf(me)), modeOf(fileOf(me))]).toEqual(['700', '600']);
  });

  test('lose no preference, login or logout', async () => {
    const { api: vendor, me } = await member();
    const lines = [
      ...['a', 'b', 'c'].map((name) => `config set timeout 45s --profile ${name}`),
      ...['a', 'b', 'c'].map((name) => `config set output json --profile ${name}`),
      ...['a', 'b'].map((name) => `auth login --with-key --profile ${name} --api-url ${vendor.url}`),
      'auth logout',
    ];
    const ended = await atOnce(
      me,
      lines.map((line) => ({ line, stdin: other })),
    );
    expect(ended.map(({ code }) => code)).toEqual(lines.map(() => 0));
    const preferred = { timeout: '45s', output: 'json' };
    expect(JSON.parse(readFileSync(fileOf(me), 'utf8'))).toEqual({
      currentProfile: 'default',
      profiles: {
        a: { ...preferred, apiUrl: vendor.url, managementKey: other },
        b: { ...preferred, apiUrl: vendor.url, managementKey: other },
        c: preferred,
      },
    });
  });
});

describe.skipIf(process.platform === 'win32')('a key that others can read or change', () => {
  const users = ['billing status', 'auth token', 'keys create prod'];
  const others = ['auth list', 'config path', 'pools list --sandbox'];

  const openings = [
    ['a file that everybody can read', 'file', 0o644, 'read', '0644'],
    ['a file that the group can read', 'file', 0o640, 'read', '0640'],
    ['a file that the group can write to', 'file', 0o620, 'write to', '0620'],
    ['a folder that everybody can write to', 'folder', 0o777, 'write to', '0777'],
    ['a folder that the group can write to', 'folder', 0o730, 'write to', '0730'],
  ] as const;

  test.each(openings)(
    'is not used in %s: exits with 1, with the command that fixes it',
    async (_what, opened, mode, access, shown) => {
      const { api: vendor, me } = await member();
      const target = opened === 'file' ? fileOf(me) : folderOf(me);
      chmodSync(target, mode);
      const sent = vendor.requests.length;
      for (const line of users) {
        const { code, stdout, stderr } = await me.ci(line);
        expect([line, code, stdout]).toEqual([line, 1, '']);
        expect(stderr).toMatch(oneLine);
        const said =
          opened === 'file'
            ? `${target} (mode ${shown}), which contains a key. Run \`chmod 600 ${target}\`. Create a new key if someone may have seen this one.`
            : `${target} (mode ${shown}). Check that everything in it is yours, then run \`chmod 700 ${target}\`.`;
        expect(stderr).toBe(`ci: Other users can ${access} ${said}\n`);
        expect(stderr).not.toContain(key);
      }
      expect(vendor.requests.length).toBe(sent);
      const { stderr } = await me.ci('billing status --json');
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'file_error', outcome: null } });
      for (const line of others) expect([line, (await me.ci(line)).code]).toEqual([line, 0]);
      const [, fix = ''] = /`(chmod [^`]*)`/.exec(stderr) ?? [];
      expect((await me.sh(fix)).code).toBe(0);
      expect((await me.ci('billing status')).code).toBe(0);
    },
  );

  test("is reported by doctor, which doesn't send it", async () => {
    const { api: vendor, me } = await member();
    chmodSync(fileOf(me), 0o644);
    const sent = vendor.received.length;
    const found = await me.ci(`doctor --json --api-url ${vendor.url}`);
    const failed = listAt(json(found)).filter((each) => textAt(each, 'status') === 'failed');
    expect([found.code, failed.map((each) => textAt(each, 'check'))]).toEqual([
      1,
      ['config file', 'management key', 'signed in'],
    ]);
    expect(vendor.received.length).toBeGreaterThan(sent);
    expect(vendor.received.slice(sent).filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test('is named with quotes that a shell accepts', async () => {
    const vendor = await api();
    const me = user({ CHEAPESTINFERENCE_CONFIG_DIR: '' });
    const folder = path.join(me.home, "Ada's $HOME; x");
    const env = { CHEAPESTINFERENCE_CONFIG_DIR: folder };
    await me.ci(`auth login --with-key --api-url ${vendor.url}`, { stdin: key, env });
    chmodSync(path.join(folder, 'config.json'), 0o666);
    const { stderr } = await me.ci('auth token', { env });
    const [, fix = ''] = /`(chmod [^`]*)`/.exec(stderr) ?? [];
    await me.sh(fix);
    expect(await me.ci('auth token', { env })).toMatchObject({ code: 0, stdout: `${key}\n` });
  });

  test('is checked behind a link', async () => {
    const { me } = await member();
    const real = path.join(me.home, 'dotfiles');
    mkdirSync(real, { mode: 0o700 });
    writeFileSync(path.join(real, 'ci.json'), readFileSync(fileOf(me)), { mode: 0o600 });
    await me.sh(`rm ${fileOf(me)}`);
    symlinkSync(path.join(real, 'ci.json'), fileOf(me));
    expect((await me.ci('auth token')).stdout).toBe(`${key}\n`);
    chmodSync(real, 0o777);
    expect((await me.ci('auth token')).stderr).toContain(`chmod 700 ${real}`);
    chmodSync(real, 0o700);
    chmodSync(path.join(real, 'ci.json'), 0o644);
    expect((await me.ci('auth token')).stderr).toContain(`chmod 600 ${path.join(real, 'ci.json')}`);
  });

  test("doesn't matter to a key in the environment, unless the host comes from the file", async () => {
    const { api: vendor, me } = await member();
    chmodSync(fileOf(me), 0o644);
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: other };
    expect((await me.ci('billing status', { env })).code).toBe(0);
    expect(vendor.received.at(-1)?.headers.authorization).toBe(`Bearer ${other}`);
    chmodSync(fileOf(me), 0o666);
    expect((await me.ci('billing status', { env })).stderr).toContain('Other users can write to');
    const both = { ...env, CHEAPESTINFERENCE_API_URL: vendor.url };
    expect((await me.ci('billing status', { env: both })).code).toBe(0);
  });

  test('is closed to others by login, with a folder of its own', async () => {
    const { me, login } = await member();
    chmodSync(fileOf(me), 0o644);
    chmodSync(folderOf(me), 0o755);
    expect((await login()).code).toBe(0);
    expect([modeOf(folderOf(me)), modeOf(fileOf(me))]).toEqual(['700', '600']);
  });

  test('is not saved by login where others can write, and a folder with other things stays as it is', async () => {
    const { api: vendor, me } = await member();
    const folder = path.join(me.home, 'shared');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'notes'), '');
    const env = { CHEAPESTINFERENCE_CONFIG_DIR: folder };
    const login = () => me.ci(`auth login --with-key --api-url ${vendor.url}`, { stdin: key, env });
    chmodSync(folder, 0o755);
    expect([(await login()).code, modeOf(folder), modeOf(path.join(folder, 'config.json'))]).toEqual([0, '755', '600']);
    await me.sh(`rm ${folder}/config.json`);
    chmodSync(folder, 0o777);
    const { code, stdout, stderr } = await login();
    expect([code, stdout, readdirSync(folder)]).toEqual([1, '', ['notes']]);
    expect(stderr).toContain(`chmod 700 ${folder}`);
    chmodSync(folder, 0o1777);
    expect((await login()).stderr).toContain('Set CHEAPESTINFERENCE_CONFIG_DIR to a directory of your own.');
  });
});

describe('a damaged file', () => {
  const damaged = '{"currentProfile":"default","profiles":{"default":{"apiUrl":"https://a';

  test.each(['auth list', 'auth token', 'billing status', 'auth switch x', 'auth logout', 'config list'])(
    'is reported by %s in one line with exit code 1, and stays',
    async (line) => {
      const { me } = await member();
      writeFileSync(fileOf(me), damaged);
      const { code, stdout, stderr } = await me.ci(line);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `ci: ${fileOf(me)} is damaged, and was left unchanged. Repair it, or run \`ci auth login\`, which keeps it under another name and creates a new one.\n`,
      );
      expect([readdirSync(folderOf(me)), readFileSync(fileOf(me), 'utf8')]).toEqual([['config.json'], damaged]);
    },
  );

  test('is kept by each login under another name, and a new one is created', async () => {
    const { api: vendor, me, login } = await member();
    for (const content of [damaged, '', '[]']) {
      writeFileSync(fileOf(me), content, { mode: 0o644 });
      const { code, stderr } = await login();
      const [, aside = ''] = new RegExp(
        `^${fileOf(me)} was damaged\\. It was kept as (${fileOf(me)}\\.damaged-\\d{8}T\\d{6}Z(?:-\\d)?), and a new file was created\\.\\n$`,
      ).exec(stderr) ?? [''];
      expect([code, readFileSync(aside, 'utf8'), modeOf(aside)]).toEqual([0, content, '600']);
    }
    expect(readdirSync(folderOf(me))).toHaveLength(4);
    expect(JSON.parse(readFileSync(fileOf(me), 'utf8'))).toEqual({
      currentProfile: 'default',
      profiles: { default: { apiUrl: vendor.url, managementKey: key } },
    });
  });

  test('stays if login has nothing to save', async () => {
    const { api: vendor, me } = await member();
    writeFileSync(fileOf(me), damaged);
    const refused = await me.ci(`auth login --with-key --api-url ${vendor.url}`, { stdin: 'sk_live_0123456789abcdef' });
    expect([refused.code, readdirSync(folderOf(me)), readFileSync(fileOf(me), 'utf8')]).toEqual([
      2,
      ['config.json'],
      damaged,
    ]);
  });
});

describe('a full disk', () => {
  /** Saves so many profiles that the file has more than one block on any disk. */
  async function wealthy() {
    const { api: vendor, me, login } = await member();
    const profiles = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [
        `profile-with-a-long-name-${at}`,
        { apiUrl: vendor.url, managementKey: key },
      ]),
    );
    writeFileSync(fileOf(me), JSON.stringify({ currentProfile: 'default', profiles }));
    return { me, login, url: vendor.url };
  }

  test.each([
    ['from the start', 'ulimit -f 0'],
    ['halfway', 'ulimit -f 1'],
  ])('leaves the file whole and is reported in one line with exit code 1: %s', async (_when, limit) => {
    const { me, url } = await wealthy();
    const before = readFileSync(fileOf(me), 'utf8');
    for (const line of [
      `printf ${other} | ci auth login --with-key --profile new --api-url ${url}`,
      'ci auth logout --profile profile-with-a-long-name-1',
      'ci auth switch profile-with-a-long-name-1',
      'ci config set timeout 45s',
    ]) {
      const { code, stdout, stderr } = await me.sh(`${limit}; ${line}`);
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(`ci: Can't write ${fileOf(me)}: file too large`);
      expect([readFileSync(fileOf(me), 'utf8'), readdirSync(folderOf(me))]).toEqual([before, ['config.json']]);
    }
  });

  test('leaves a damaged file in place', async () => {
    const { me } = await wealthy();
    const damaged = readFileSync(fileOf(me), 'utf8').slice(0, -10);
    writeFileSync(fileOf(me), damaged);
    expect((await me.sh('ulimit -f 1; ci config set timeout 45s')).code).toBe(1);
    expect([readFileSync(fileOf(me), 'utf8'), readdirSync(folderOf(me))]).toEqual([damaged, ['config.json']]);
  });
});

describe.skipIf(process.platform !== 'linux')('a home directory', () => {
  const writers = ['auth login --with-key', 'config set timeout 45s'];
  const elsewhere: Environment = { XDG_CONFIG_HOME: '', XDG_DATA_HOME: '', XDG_STATE_HOME: '' };

  /** A user with another home directory, or none. */
  async function homed(home: string) {
    const vendor = await api();
    const me = user({ ...elsewhere, HOME: home, CHEAPESTINFERENCE_API_URL: vendor.url });
    return { me, run: (line: string) => me.ci(line, { stdin: key }) };
  }

  test.each([
    [
      "that can't be written",
      '/dev/null',
      /^ci: Can't write \/dev\/null\/\.config\/cheapestinference\/config\.json: [a-z ]+\.?\n$/,
    ],
    [
      'that takes no folders',
      '/proc',
      /^ci: Can't write \/proc\/\.config\/cheapestinference\/config\.json: no such file or directory\.?\n$/,
    ],
    [
      'that is missing',
      '/nonexistent/ada',
      /^ci: The home directory \/nonexistent\/ada doesn't exist\. Create it, or /,
    ],
  ])(
    'is reported in one line with exit code 1 by commands that write, and not needed by those that read: %s',
    async (_what, home, said) => {
      const { run } = await homed(home);
      for (const line of writers) {
        const { code, stdout, stderr } = await run(line);
        expect([line, code, stdout]).toEqual([line, 1, '']);
        expect(stderr).toMatch(oneLine);
        expect(stderr).toMatch(said);
      }
      expect((await run('auth list --json')).stdout).toBe('[]\n');
      expect((await run('auth switch work')).code).toBe(5);
      expect((await run('auth logout')).code).toBe(4);
      expect((await run('pools list --json')).code).toBe(0);
      expect((await run('pools list --sandbox')).stderr).toMatch(/^ci: Can't use the state of the sandbox: [^\n]+\n$/);
      expect(existsSync('/nonexistent')).toBe(false);
    },
  );

  /** Commands that need a directory for profiles or anything else. */
  const keepers = [...writers, 'auth list', 'auth switch x', 'auth logout', 'config path', 'pools list --sandbox'];
  const withKey = { CHEAPESTINFERENCE_MANAGEMENT_KEY: other };

  test.each([
    ['that is empty', '', '"" in HOME is not an absolute path'],
    ['that is relative', 'ada', '"ada" in HOME is not an absolute path'],
  ])('is reported in one line with exit code 1, and nothing is written: %s', async (_what, home, said) => {
    const { me, run } = await homed(home);
    for (const line of keepers) {
      const { code, stdout, stderr } = await run(line);
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toBe(`ci: Your home directory isn't known: ${said}. Set HOME to your home directory.\n`);
    }
    expect((await run('auth token')).code).toBe(4);
    expect((await me.ci('billing status', { env: withKey })).code).toBe(0);
    for (const line of ['--version', '--help', 'pools --help']) expect((await run(line)).code).toBe(0);
    expect((await me.ci('keys create prod', { env: withKey })).stderr).toBe(
      `ci: The record of changes can't be kept: your home directory isn't known: ${said}. Nothing was sent. Set HOME, or set XDG_STATE_HOME to a directory that you can write to.\n`,
    );
    expect(readdirSync(me.home)).toEqual(['bin']);
  });

  test('is the one that the system knows without a variable', async () => {
    const me = user(elsewhere);
    const { stdout } = await me.sh('env -u HOME ci config path');
    expect(stdout).toMatch(/^\/.+\/\.config\/cheapestinference\/config\.json\n$/);
  });

  // Only root can run as a user that the system doesn't know.
  const stranger = { uid: 54_321, gid: 54_321, cwd: '/', env: {}, encoding: 'utf8' } as const;
  const [file, ...first] = program;
  const canBeStranger = spawnSync(file, [...first, '--version'], stranger).status === 0;

  test.runIf(canBeStranger)('is reported in one line with exit code 1 if it is unknown', () => {
    const run = (line: string, env: Environment = {}) =>
      spawnSync(file, [...first, ...line.split(' ')], { ...stranger, env, input: key });
    for (const line of keepers) {
      const { status, stdout, stderr } = run(line);
      expect([line, status, stdout, stderr]).toEqual([
        line,
        1,
        '',
        "ci: Your home directory isn't known: HOME is not set, and the system has no entry for this user. Set HOME to your home directory.\n",
      ]);
    }
    for (const line of ['--version', '--help', 'pools --help', 'help exit-codes']) expect(run(line).status).toBe(0);
    const { status, stderr } = run('config set timeout 45s', { HOME: '/' });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^ci: Can't write \S+: permission denied\.?\n$/)]);
  });
});
