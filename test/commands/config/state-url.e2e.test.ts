import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { json, oneLine, type User, user } from '../../support/cli.ts';
import { data, server } from '../../support/servers.ts';
import { onTerminal, shown } from '../../support/terminal.ts';

const url = 'postgres://team:hunter2@db.test/state';
const masked = 'postgres://team:…@db.test/state';
const note =
  'Arguments end up in the history of your shell, and other users of this machine can see them. To enter a URL with a password, run `ci config set state-url -`.\n';

async function savedBy(me: User) {
  const file = (await me.ci('config path')).stdout.trim();
  return { file, content: readFileSync(file, 'utf8') };
}

describe('config set state-url', () => {
  test('reads the URL from standard input, and saves it in a file that only its owner can read', async () => {
    const me = user();
    const { code, stdout, stderr } = await me.ci('config set state-url -', { stdin: `${url}\n` });
    expect([code, stdout, stderr]).toEqual([0, `key\tstate-url\nvalue\t${masked}\norigin\tprofile "default"\n`, '']);
    const { file, content } = await savedBy(me);
    expect(JSON.parse(content)).toMatchObject({ profiles: { default: { stateUrl: url } } });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('accepts a password in an argument, and says why not to', async () => {
    const me = user();
    expect(await me.ci(`config set state-url ${url}`)).toMatchObject({ code: 0, stderr: note });
    expect(await me.ci('config set state-url postgres://team@db.test/state')).toMatchObject({ code: 0, stderr: '' });
  });

  test('asks for the URL on a terminal, and never shows it', async () => {
    const me = user();
    for (const line of ['config set state-url', 'config set state-url -']) {
      const session = onTerminal(me, line);
      await session.shows('State URL (postgres://…):');
      session.type('mysql://team:hunter2@db.test/state\r');
      await session.shows('"mysql://" is not a valid scheme for a state URL');
      session.type('\u0015');
      session.type(`${url}\r`);
      expect(await session.exit).toBe(0);
      expect(session.screen).toContain(`✓ state-url is now ${masked} in profile "default".`);
      expect(session.written).not.toContain('hunter2');
    }
  });

  test.each([
    ['config set state-url mysql://team:hunter2@db.test/state', ''],
    ['config set state-url postgres://team:hunter2/hunter2@db.test/state', ''],
    ['config set state-url postgres://team:hunter2@db.test', ''],
    ['config set state-url -', ''],
    ['config set state-url -', 'postgres://team:hunter2@db.test/state?sslmode=prefer'],
    ['config set state-url', ''],
  ])('refuses %s with %j on standard input, and changes nothing', async (line, stdin) => {
    const me = user();
    await me.ci('config set timeout 45s');
    const before = await savedBy(me);
    for (const flags of ['', ' --json', ' --debug']) {
      const { code, stdout, stderr } = await me.ci(`${line}${flags}`, { stdin });
      expect([code, stdout, stderr.includes('hunter2')]).toEqual([2, '', false]);
      if (flags === '') expect(stderr).toMatch(oneLine);
    }
    expect(await savedBy(me)).toEqual(before);
  });

  test('says that the environment overrides it', async () => {
    const me = user({ CHEAPESTINFERENCE_STATE_URL: 'postgres://team:hunter2@other.test/state' });
    const { stdout, stderr } = await me.ci('config set state-url -', { stdin: url });
    expect(stderr).toBe('CHEAPESTINFERENCE_STATE_URL is set and overrides state-url.\n');
    expect(stdout).toBe(
      'key\tstate-url\nvalue\tpostgres://team:…@other.test/state\norigin\tCHEAPESTINFERENCE_STATE_URL\n',
    );
  });

  test('is for one profile, and default removes it', async () => {
    const me = user();
    // The first profile is the current one.
    await me.ci('config set timeout 45s --profile work');
    await me.ci('config set state-url - --profile work', { stdin: url });
    expect((await me.ci('config get state-url')).stdout).toBe(`${masked}\n`);
    expect((await me.ci('config get state-url --profile other')).stdout).toBe('none\n');
    expect((await me.ci('config set state-url default --profile work')).stdout).toContain('value\tnone\n');
    expect((await savedBy(me)).content).not.toContain('db.test');
  });
});

test('config get and list mask the password in every format', async () => {
  const me = user();
  await me.ci('config set state-url -', { stdin: url });
  const { code, stdout, stderr } = await me.ci('config get state-url');
  expect([code, stdout, stderr]).toEqual([0, `${masked}\n`, 'The password is masked, because it is a secret.\n']);
  expect(json(await me.ci('config list --json'))).toContainEqual({
    key: 'state-url',
    value: masked,
    origin: 'profile "default"',
  });
  for (const line of ['config get state-url', 'config list'])
    for (const flags of ['', '--json', '-o csv', '-o yaml', '-o table', '--debug']) {
      const ended = await me.ci(`${line} ${flags}`);
      expect([ended.code, ended.stdout + ended.stderr]).toEqual([0, expect.not.stringContaining('hunter2')]);
    }
});

test('config list shows nothing of an invalid URL in the environment', async () => {
  const me = user({ CHEAPESTINFERENCE_STATE_URL: 'postgres://team:7/hunter2@db.test/state' });
  expect((await me.ci('config list')).stdout).toContain('state-url\t…\tCHEAPESTINFERENCE_STATE_URL\n');
});

test('config unset removes the URL', async () => {
  const me = user();
  await me.ci('config set state-url -', { stdin: url });
  const { code, screen } = await shown(me, 'config unset state-url');
  expect([code, screen]).toEqual([0, '✓ state-url is no longer set in profile "default". The default is none.']);
  expect((await savedBy(me)).content).not.toContain('hunter2');
});

test('auth logout removes the password, and keeps the rest of the URL', async () => {
  const vendor = await server((request, response) =>
    data(request.path === '/api/pools' ? [] : { poolPledges: [] })(request, response),
  );
  const me = user({ CHEAPESTINFERENCE_API_URL: vendor.url });
  await me.ci('auth login --with-key', { stdin: 'mk_0123456789abcdef' });
  await me.ci('config set state-url -', { stdin: url });
  const { code, stderr } = await me.ci('auth logout');
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining(
      'The password of the state database was also removed. Set it again with `ci config set state-url -`.\n',
    ),
  ]);
  expect((await me.ci('config get state-url')).stdout).toBe('postgres://team@db.test/state\n');
  expect((await savedBy(me)).content).not.toContain('hunter2');
});

test('--offline is accepted before and after a command, and does nothing without a state database', async () => {
  const me = user();
  const { stdout } = await me.ci('config list');
  expect(await me.ci('--offline config list')).toMatchObject({ code: 0, stdout, stderr: '' });
  expect(await me.ci('config list --offline')).toMatchObject({ code: 0, stdout, stderr: '' });
});
