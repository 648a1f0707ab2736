import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { bin, type Environment, json, oneLine, type User, user } from '../support/cli.ts';
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

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

/** Somebody who signed in, as the profile `default`. */
async function member() {
  const vendor = await api();
  const me = user();
  const login = (args = '', stdin = key) => me.ci(`auth login --with-key --api-url ${vendor.url} ${args}`, { stdin });
  expect((await login()).code).toBe(0);
  return { api: vendor, me, login };
}

describe('many at once', () => {
  test('20 logins to different profiles: all are saved, and nothing else is left', async () => {
    const vendor = await api();
    const me = user();
    const names = Array.from({ length: 20 }, (_, at) => `p${at}`);
    const ended = await Promise.all(
      names.map((name) =>
        me.process(`auth login --with-key --profile ${name} --api-url ${vendor.url}`, {
          stdin: `mk_${name}_0123456789abcdef`,
        }),
      ),
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

  test('preferences, logins and logouts at once: none is lost', async () => {
    const { api: vendor, me } = await member();
    const lines = [
      ...['a', 'b', 'c'].map((name) => `config set timeout 45s --profile ${name}`),
      ...['a', 'b', 'c'].map((name) => `config set output json --profile ${name}`),
      ...['a', 'b'].map((name) => `auth login --with-key --profile ${name} --api-url ${vendor.url}`),
      'auth logout',
    ];
    const ended = await Promise.all(lines.map((line) => me.process(line, { stdin: other })));
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

describe.skipIf(process.platform === 'win32')('a key that others could have read or written', () => {
  const users = ['billing status', 'auth token', 'keys create prod'];
  const others = ['auth list', 'config path', 'pools list --sandbox'];

  const openings = [
    ['a file that all can read', 'file', 0o644, 'can be read by others (mode 0644), and it holds a key'],
    ['a file that the group can read', 'file', 0o640, 'can be read by others (mode 0640), and it holds a key'],
    ['a file that the group can write', 'file', 0o620, 'can be written by others (mode 0620), and it holds a key'],
    ['a folder that all can write', 'folder', 0o777, 'can be written by others (mode 0777)'],
    ['a folder that the group can write', 'folder', 0o730, 'can be written by others (mode 0730)'],
  ] as const;

  test.each(openings)('in %s is not used: exit 1, and the command that mends it', async (_what, opened, mode, said) => {
    const { api: vendor, me } = await member();
    const target = opened === 'file' ? fileOf(me) : folderOf(me);
    chmodSync(target, mode);
    const sent = vendor.requests.length;
    for (const line of users) {
      const { code, stdout, stderr } = await me.ci(line);
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(`ci: ${target} ${said}. Run \`chmod ${opened === 'file' ? '600' : '700'} ${target}\``);
      expect(stderr).not.toContain(key);
    }
    expect(vendor.requests.length).toBe(sent);
    const { stderr } = await me.ci('billing status --json');
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'file_error', outcome: null } });
    for (const line of others) expect([line, (await me.ci(line)).code]).toEqual([line, 0]);
    const [, mend = ''] = /`(chmod [^`]*)`/.exec(stderr) ?? [];
    expect((await me.sh(mend)).code).toBe(0);
    expect((await me.ci('billing status')).code).toBe(0);
  });

  test('is named by doctor, which does not send it', async () => {
    const { api: vendor, me } = await member();
    chmodSync(fileOf(me), 0o644);
    const sent = vendor.received.length;
    const found = await me.ci(`doctor --json --api-url ${vendor.url}`);
    const failed = listAt(json(found)).filter((each) => textAt(each, 'status') === 'failed');
    expect([found.code, failed.map((each) => textAt(each, 'check'))]).toEqual([
      1,
      ['configuration file', 'management key', 'signed in'],
    ]);
    expect(vendor.received.length).toBeGreaterThan(sent);
    expect(vendor.received.slice(sent).filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test('a folder with a name for no shell word is named so that a shell takes it', async () => {
    const vendor = await api();
    const me = user({ CHEAPESTINFERENCE_CONFIG_DIR: '' });
    const folder = path.join(me.home, "Ada's $HOME; x");
    const env = { CHEAPESTINFERENCE_CONFIG_DIR: folder };
    await me.ci(`auth login --with-key --api-url ${vendor.url}`, { stdin: key, env });
    chmodSync(path.join(folder, 'config.json'), 0o666);
    const { stderr } = await me.ci('auth token', { env });
    const [, mend = ''] = /`(chmod [^`]*)`/.exec(stderr) ?? [];
    await me.sh(mend);
    expect(await me.ci('auth token', { env })).toMatchObject({ code: 0, stdout: `${key}\n` });
  });

  test('behind a link is judged by what it points to', async () => {
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

  test('is of no matter to a key in the environment, unless the host comes from there', async () => {
    const { api: vendor, me } = await member();
    chmodSync(fileOf(me), 0o644);
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: other };
    expect((await me.ci('billing status', { env })).code).toBe(0);
    expect(vendor.received.at(-1)?.headers.authorization).toBe(`Bearer ${other}`);
    chmodSync(fileOf(me), 0o666);
    expect((await me.ci('billing status', { env })).stderr).toContain('can be written by others');
    const both = { ...env, CHEAPESTINFERENCE_API_URL: vendor.url };
    expect((await me.ci('billing status', { env: both })).code).toBe(0);
  });

  test('a login closes the file, and a folder of its own, to others', async () => {
    const { me, login } = await member();
    chmodSync(fileOf(me), 0o644);
    chmodSync(folderOf(me), 0o755);
    expect((await login()).code).toBe(0);
    expect([modeOf(folderOf(me)), modeOf(fileOf(me))]).toEqual(['700', '600']);
  });

  test('a login leaves a folder of other things as it is, and saves nothing where others can write', async () => {
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
    'is told by %s in one line, exit 1, and stays',
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

  test('is kept by login under a name of its own, each time, and a new one begun', async () => {
    const { api: vendor, me, login } = await member();
    for (const content of [damaged, '', '[]']) {
      writeFileSync(fileOf(me), content, { mode: 0o644 });
      const { code, stderr } = await login();
      const [, aside = ''] = new RegExp(
        `^${fileOf(me)} was damaged: it is kept as (${fileOf(me)}\\.damaged-\\d{8}T\\d{6}Z(?:-\\d)?), and a new one is begun\\.\\n$`,
      ).exec(stderr) ?? [''];
      expect([code, readFileSync(aside, 'utf8'), modeOf(aside)]).toEqual([0, content, '600']);
    }
    expect(readdirSync(folderOf(me))).toHaveLength(4);
    expect(JSON.parse(readFileSync(fileOf(me), 'utf8'))).toEqual({
      currentProfile: 'default',
      profiles: { default: { apiUrl: vendor.url, managementKey: key } },
    });
  });

  test('stays where login has nothing to save', async () => {
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

describe('a disk that is full', () => {
  /** Enough profiles that the file is more than one block of any disk. */
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
    ['at once', 'ulimit -f 0'],
    ['half-way', 'ulimit -f 1'],
  ])('%s leaves the file whole, and is told in one line, exit 1', async (_when, limit) => {
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
      expect(stderr).toContain(`${fileOf(me)} cannot be written: EFBIG`);
      expect([readFileSync(fileOf(me), 'utf8'), readdirSync(folderOf(me))]).toEqual([before, ['config.json']]);
    }
  });

  test('leaves a damaged file where it is', async () => {
    const { me } = await wealthy();
    const damaged = readFileSync(fileOf(me), 'utf8').slice(0, -10);
    writeFileSync(fileOf(me), damaged);
    expect((await me.sh('ulimit -f 1; ci config set timeout 45s')).code).toBe(1);
    expect([readFileSync(fileOf(me), 'utf8'), readdirSync(folderOf(me))]).toEqual([damaged, ['config.json']]);
  });
});

describe.skipIf(process.platform !== 'linux')('a home folder', () => {
  const writers = ['auth login --with-key', 'config set timeout 45s'];
  const elsewhere: Environment = { XDG_CONFIG_HOME: '', XDG_DATA_HOME: '', XDG_STATE_HOME: '' };

  /** Somebody with another home folder, or none. */
  async function homed(home: string) {
    const vendor = await api();
    const me = user({ ...elsewhere, HOME: home, CHEAPESTINFERENCE_API_URL: vendor.url });
    return { me, run: (line: string) => me.ci(line, { stdin: key }) };
  }

  test.each([
    [
      'that cannot be written',
      '/dev/null',
      /^ci: \/dev\/null\/\.config\/cheapestinference\/config\.json cannot be written: E[A-Z]+: .*\/dev\/null/,
    ],
    [
      'that takes no folders',
      '/proc',
      /^ci: \/proc\/\.config\/cheapestinference\/config\.json cannot be written: ENOENT/,
    ],
    ['that is not there', '/nonexistent/ada', /^ci: the home folder \/nonexistent\/ada is not there\. Make it/],
  ])('%s: what writes says so in one line, exit 1; what reads does without', async (_what, home, said) => {
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
    expect((await run('pools list --sandbox')).stderr).toMatch(/^ci: the sandbox cannot use its state: [^\n]+\n$/);
    expect(existsSync('/nonexistent')).toBe(false);
  });

  /** What needs a place for profiles, and what needs one for something else. */
  const keepers = [...writers, 'auth list', 'auth switch x', 'auth logout', 'config path', 'pools list --sandbox'];
  const withKey = { CHEAPESTINFERENCE_MANAGEMENT_KEY: other };

  test.each([
    ['that is empty', '', 'HOME is ""'],
    ['that is relative', 'ada', 'HOME is "ada"'],
  ])('%s is told in one line, exit 1, and nothing is written', async (_what, home, said) => {
    const { me, run } = await homed(home);
    for (const line of keepers) {
      const { code, stdout, stderr } = await run(line);
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toBe(`ci: there is no home folder: ${said}. Set HOME to a directory of your own.\n`);
    }
    expect((await run('auth token')).code).toBe(4);
    expect((await me.ci('billing status', { env: withKey })).code).toBe(0);
    for (const line of ['--version', '--help', 'pools --help']) expect((await run(line)).code).toBe(0);
    expect((await me.ci('keys create prod', { env: withKey })).stderr).toBe(
      `ci: the record of changes cannot be kept: there is no home folder: ${said}. Nothing was sent. Set HOME, or XDG_STATE_HOME to a folder that can be written.\n`,
    );
    expect(readdirSync(me.home)).toEqual(['bin']);
  });

  test('that no variable names is the one that the system knows', async () => {
    const me = user(elsewhere);
    const { stdout } = await me.sh('env -u HOME ci config path');
    expect(stdout).toMatch(/^\/.+\/\.config\/cheapestinference\/config\.json\n$/);
  });

  // A user that the system does not know can be had by its administrator alone.
  const stranger = { uid: 54_321, gid: 54_321, cwd: '/', env: {}, encoding: 'utf8' } as const;
  const canBeStranger = spawnSync(process.execPath, [bin, '--version'], stranger).status === 0;

  test.runIf(canBeStranger)('that nobody knows is told in one line, exit 1', () => {
    const run = (line: string, env: Environment = {}) =>
      spawnSync(process.execPath, [bin, ...line.split(' ')], { ...stranger, env, input: key });
    for (const line of keepers) {
      const { status, stdout, stderr } = run(line);
      expect([line, status, stdout, stderr]).toEqual([
        line,
        1,
        '',
        'ci: there is no home folder: HOME is not set, and the system knows none for this user. Set HOME to a directory of your own.\n',
      ]);
    }
    for (const line of ['--version', '--help', 'pools --help', 'help exit-codes']) expect(run(line).status).toBe(0);
    const { status, stderr } = run('config set timeout 45s', { HOME: '/' });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^ci: .* cannot be written: EACCES[^\n]*\n$/)]);
  });
});
