import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Environment, json, oneLine, type User, user } from '../support/cli.ts';
import { keyFileOf } from '../support/key-store.ts';
import { keystoreOf, vectorAddress, vectorKey } from '../support/keystore.ts';
import { bin, nodeOnly } from '../support/program.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { answer, data, server } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

const key = 'mk_of_the_first_0123456789aaaa';
const other = 'mk_of_the_other_0123456789bbbb';
const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const instead = 'To save the key in a file that only you can read instead, run `ci auth login` without --keychain.';

function api() {
  return server((request, response) =>
    (request.headers.authorization?.includes('refused')
      ? answer(401, { success: false, error: 'No' })
      : data(request.path === '/api/pools' ? [] : { poolPledges: [] }))(request, response),
  );
}

function fileOf(me: User): string {
  return path.join(me.home, 'config', 'cheapestinference', 'config.json');
}

/** Starts an unlocked keychain, and waits until it responds. */
const unlocked = `printf '\\n' | gnome-keyring-daemon --unlock --components=secrets
  until dbus-send --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \\
    string:org.freedesktop.secrets | grep -q true; do sleep 0.05; done`;

/** Starts a desktop session with a keychain in the user's home directory. */
async function session(me: User, keyring = unlocked) {
  const script = `{ ${keyring}; } >/dev/null 2>&1; printf '%s' "$DBUS_SESSION_BUS_ADDRESS"; exec cat`;
  const child = spawn('dbus-run-session', ['--', 'sh', '-c', script], {
    env: me.env,
    cwd: me.home,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = () => {
    child.stdin.end();
    return closed;
  };
  onTestFinished(end);
  const address = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (text: Buffer) => resolve(text.toString('utf8')));
  });
  return { end, env: { DBUS_SESSION_BUS_ADDRESS: address } satisfies Environment };
}

/** Returns the names of the entries of `ci`, as another program sees them. */
function kept(me: User, env: Environment): Record<string, string> {
  const script = `
    const { findCredentials } = require(${JSON.stringify(path.resolve('node_modules/@napi-rs/keyring'))});
    console.log(JSON.stringify(findCredentials('cheapestinference')));`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { env: { ...me.env, ...env }, encoding: 'utf8' });
  return Object.fromEntries(
    listAt(JSON.parse(stdout)).map((each) => [textAt(each, 'account'), textAt(each, 'password')]),
  );
}

/** Creates a user in a session with a keychain, and an API. */
async function member() {
  const vendor = await api();
  const me = user();
  const { env, end } = await session(me);
  const ci = (line: string, stdin = '') => me.process(line, { env, stdin });
  const login = (args: string, stdin = key) => ci(`auth login --with-key --api-url ${vendor.url} ${args}`, stdin);
  return { api: vendor, host: new URL(vendor.url).host, me, env, end, ci, login, kept: () => kept(me, env) };
}

describe.skipIf(!isThere('dbus-run-session') || !isThere('gnome-keyring-daemon'))('an API key in the keychain', () => {
  const apiKey = 'sk_live_0123456789abcdefghijklmnopqrstuv';

  test('is stored there if the profile uses the keychain, and not in the file', async () => {
    const { host, me, ci, login, kept } = await member();
    await login('--keychain');
    expect((await ci('keys secret prod --add', apiKey)).code).toBe(0);
    expect(kept()).toEqual({ [`default@${host}`]: key, [`default@${host} key prod`]: apiKey });
    expect(readFileSync(keyFileOf(me), 'utf8')).not.toContain(apiKey);
    expect((await ci('keys secret prod')).stdout).toBe(`${apiKey}\n`);
    expect((await ci('run -- sh -c env')).stdout).toContain(`OPENAI_API_KEY=${apiKey}\n`);
    expect((await ci('keys secret prod --remove --yes')).code).toBe(0);
    expect(kept()).toEqual({ [`default@${host}`]: key });
  });

  test("is neither left behind nor reported as stored if the file can't be written", async () => {
    const { host, me, env, login, kept } = await member();
    await login('--keychain');
    const { code, stderr } = await me.sh(`ulimit -f 0; printf %s ${apiKey} | ci keys secret prod --add`, { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^ci: Can't write .*secrets\.json: file too large/)]);
    expect(kept()).toEqual({ [`default@${host}`]: key });
  });

  test("keeps its former secret if another one can't be written", async () => {
    const { me, env, ci, login } = await member();
    await login('--keychain');
    await ci('keys secret prod --add', apiKey);
    const other = `printf %s ${apiKey.toUpperCase().replace('SK_LIVE', 'sk_live')}`;
    const line = `${other} | (ulimit -f 0; ci keys secret prod --add --force)`;
    expect((await me.sh(line, { env })).code).toBe(1);
    expect((await ci('keys secret prod')).stdout).toBe(`${apiKey}\n`);
    expect((await me.sh('ulimit -f 0; ci keys secret prod --remove --yes', { env })).code).toBe(1);
    expect((await ci('keys secret prod')).stdout).toBe(`${apiKey}\n`);
  });

  test('moves to the file with the profile, and leaves nothing behind', async () => {
    const { host, ci, login, kept } = await member();
    await login('--keychain');
    await ci('keys secret prod --add', apiKey);
    await login('');
    expect(kept()).toEqual({ [`default@${host} key prod`]: apiKey });
    expect((await ci('keys secret prod --add', apiKey)).code).toBe(0);
    expect([kept(), (await ci('keys secret prod')).stdout]).toEqual([{}, `${apiKey}\n`]);
  });

  test('is reported if it was removed elsewhere', async () => {
    const { me, env, ci, login } = await member();
    await login('--keychain');
    await ci('keys secret prod --add', apiKey);
    const script = `const { Entry, findCredentials } = require(${JSON.stringify(path.resolve('node_modules/@napi-rs/keyring'))});
      for (const { account } of findCredentials('cheapestinference')) new Entry('cheapestinference', account).deleteCredential();`;
    spawnSync(process.execPath, ['-e', script], { env: { ...me.env, ...env } });
    expect(await ci('keys secret prod')).toMatchObject({
      code: 5,
      stdout: '',
      stderr:
        'ci: The secret of key "prod" is no longer in the keychain. Create another key with `ci keys create NAME --store`.\n',
    });
  });
});

describe.skipIf(!isThere('dbus-run-session') || !isThere('gnome-keyring-daemon'))('a key in the keychain', () => {
  test('is saved there by login --keychain, and not in the file', async () => {
    const { api: vendor, host, me, login, kept } = await member();
    const { code, stdout, stderr } = await login('--keychain');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('managementKey\tmk_…aaaa\n');
    expect(kept()).toEqual({ [`default@${host}`]: key });
    expect(JSON.parse(readFileSync(fileOf(me), 'utf8'))).toEqual({
      currentProfile: 'default',
      profiles: { default: { apiUrl: vendor.url, keychain: true, maskedKey: 'mk_…aaaa' } },
    });
  });

  test('is used like any other, and each command says where it is', async () => {
    const { api: vendor, me, env, ci, login } = await member();
    await login('--keychain');
    expect((await ci('billing status')).code).toBe(0);
    expect(vendor.received.at(-1)?.headers.authorization).toBe(`Bearer ${key}`);
    expect(await ci('auth token')).toMatchObject({ code: 0, stdout: `${key}\n`, stderr: '' });
    expect((await ci('auth status --jq .managementKey,.managementKeyOrigin')).stdout).toBe(
      'mk_…aaaa\nkeychain (profile "default")\n',
    );
    expect((await ci('auth list')).stdout).toBe(`default\ttrue\t${vendor.url}\tmk_…aaaa\tkeychain\n`);
    const found = listAt(json(await ci('doctor --json'))).find((each) => textAt(each, 'check') === 'management key');
    expect(found).toMatchObject({ status: 'ok', detail: 'mk_…aaaa from the keychain (profile "default")' });
    const { rows, written } = await shown(me, 'auth list', { env, pty: true });
    expect(rows[1]).toMatch(/^default +yes +http\S+ +mk_…aaaa +keychain$/);
    expect(written).not.toContain(key);
  });

  test('is only for its host, whatever the file says', async () => {
    const { api: vendor, me, ci, login } = await member();
    const stranger = await api();
    await login('--keychain');
    expect((await ci(`billing status --api-url ${stranger.url}`)).code).toBe(4);
    writeFileSync(fileOf(me), readFileSync(fileOf(me), 'utf8').replace(vendor.url, stranger.url));
    const { code, stderr } = await ci('billing status');
    expect([code, stderr, stranger.requests]).toEqual([
      4,
      'ci: The key of profile "default" is no longer in the system keychain. Sign in again with `ci auth login --keychain`.\n',
      [],
    ]);
  });

  test('is in one place, that of the last login', async () => {
    const { host, me, login, kept } = await member();
    await login('--keychain');
    expect((await login('', other)).stderr).toBe('Replaced mk_…aaaa.\n');
    expect([kept(), readFileSync(fileOf(me), 'utf8')]).toEqual([{}, expect.stringContaining(other)]);
    expect(readFileSync(fileOf(me), 'utf8')).not.toContain('keychain');
    await login('--keychain');
    expect(kept()).toEqual({ [`default@${host}`]: key });
    expect(readFileSync(fileOf(me), 'utf8')).not.toMatch(/mk_of_the/);
    const second = await api();
    await login(`--keychain --api-url ${second.url}`, other);
    expect(kept()).toEqual({ [`default@${new URL(second.url).host}`]: other });
  });

  test('is removed by logout, and no other key with it', async () => {
    const { host, me, ci, login, kept } = await member();
    await login('--keychain');
    await login('--keychain --profile work', other);
    const { code, stdout } = await ci('auth logout');
    expect([code, stdout]).toEqual([0, expect.stringContaining('managementKey\tmk_…aaaa\n')]);
    expect([kept(), (await ci('auth token')).code]).toEqual([{ [`work@${host}`]: other }, 4]);
    expect(readFileSync(fileOf(me), 'utf8')).not.toContain('"default":');
  });

  test('is not saved if the API refuses it', async () => {
    const { me, login, kept } = await member();
    expect((await login('--keychain', 'mk_refused_0123456789')).code).toBe(4);
    expect([kept(), existsSync(fileOf(me))]).toEqual([{}, false]);
  });

  test("is neither left behind nor lost if the profile can't be written", async () => {
    const { api: vendor, me, env, host, login, kept } = await member();
    const line = `ulimit -f 0; printf %s ${other} | ci auth login --with-key --keychain --api-url ${vendor.url}`;
    expect((await me.sh(line, { env })).stderr).toContain(': file too large');
    expect(kept()).toEqual({});
    await login('--keychain');
    expect((await me.sh(line, { env })).code).toBe(1);
    expect(kept()).toEqual({ [`default@${host}`]: key });
    expect((await me.sh('ulimit -f 0; ci auth logout', { env })).code).toBe(1);
    expect(kept()).toEqual({ [`default@${host}`]: key });
  });

  test('is reported if it was removed elsewhere, and can be signed out of', async () => {
    const { me, env, ci, login } = await member();
    await login('--keychain');
    const script = `const { Entry, findCredentials } = require(${JSON.stringify(path.resolve('node_modules/@napi-rs/keyring'))});
      for (const { account } of findCredentials('cheapestinference')) new Entry('cheapestinference', account).deleteCredential();`;
    spawnSync(process.execPath, ['-e', script], { env: { ...me.env, ...env } });
    expect(await ci('auth token')).toMatchObject({ code: 4, stdout: '', stderr: expect.stringMatching(oneLine) });
    expect([(await ci('auth logout')).code, (await ci('auth list')).stdout]).toEqual([0, '']);
  });

  test("can't be used after the end of the session: exits with 1 and sends nothing, and works without a key", async () => {
    const { api: vendor, me, env, end, ci, login } = await member();
    await login('--keychain');
    await end();
    const sent = vendor.requests.length;
    for (const line of ['billing status', 'auth token', 'auth logout']) {
      const { code, stdout, stderr } = await ci(line);
      expect([line, code, stdout]).toEqual([line, 1, '']);
      expect(stderr).toMatch(/^ci: The system keychain can't be used: .*Secret Service.*\n$/);
    }
    expect((await ci('auth list')).stdout).toContain('mk_…aaaa\tkeychain\n');
    expect((await ci('pools list --sandbox')).code).toBe(0);
    expect(vendor.requests.length).toBe(sent);
    const { code, stderr } = await login('', other);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^The old key is still in the system keychain: .*\nReplaced mk_…aaaa\.\n$/),
    ]);
    expect((await me.process('auth token', { env })).stdout).toBe(`${other}\n`);
  });

  test('is not saved if the keychain is locked without a user', async () => {
    const vendor = await api();
    const me = user();
    const { env } = await session(me, ':');
    const line = `auth login --with-key --keychain --api-url ${vendor.url}`;
    const { code, stdout, stderr } = await me.process(line, { env, stdin: key });
    expect([code, stdout, existsSync(fileOf(me))]).toEqual([1, '', false]);
    expect(stderr).toMatch(/^ci: The system keychain can't be used: .*\n$/);
  });
});

describe.skipIf(!isThere('dbus-run-session') || !isThere('gnome-keyring-daemon'))(
  'the password of a state database in the keychain',
  () => {
    const url = 'postgres://team@db.test/state';
    const entry = `default state ${url}`;
    const set = 'config set state-url -';

    test('is saved there if the key of the profile is, and not in the file', async () => {
      const { host, me, ci, login, kept } = await member();
      await login('--keychain');
      const { code, stdout, stderr } = await ci(set, 'postgres://team:hunter%40two@db.test/state\n');
      expect([code, stdout, stderr]).toEqual([
        0,
        'key\tstate-url\nvalue\tpostgres://team:…@db.test/state\norigin\tprofile "default"\n',
        'Its password is in the system keychain.\n',
      ]);
      expect(kept()).toEqual({ [`default@${host}`]: key, [entry]: 'hunter%40two' });
      expect(readFileSync(fileOf(me), 'utf8')).not.toContain('hunter');
      expect(JSON.parse(readFileSync(fileOf(me), 'utf8'))).toMatchObject({
        profiles: { default: { stateUrl: url, stateKeychain: true } },
      });
      expect((await ci('config get state-url')).stdout).toBe('postgres://team:…@db.test/state\n');
      const found = listAt(json(await ci('doctor --json'))).find((each) => textAt(each, 'check') === 'state database');
      expect(found).toMatchObject({
        status: 'failed',
        detail: expect.stringContaining("Can't use the state database postgres://db.test/state: the host name"),
      });
    });

    test('is removed with the setting, and replaced with another one', async () => {
      const { host, ci, login, kept } = await member();
      await login('--keychain');
      await ci(set, 'postgres://team:one@db.test/state');
      await ci(set, 'postgres://team:two@other.test/state');
      expect(kept()).toEqual({
        [`default@${host}`]: key,
        'default state postgres://team@other.test/state': 'two',
      });
      await ci(set, 'postgres://team@db.test/state');
      expect(kept()).toEqual({ [`default@${host}`]: key });
      await ci(set, 'postgres://team:one@db.test/state');
      expect((await ci('config unset state-url')).code).toBe(0);
      expect(kept()).toEqual({ [`default@${host}`]: key });
      expect((await ci('config get state-url')).stdout).toBe('none\n');
    });

    test('is removed by logout, which keeps the rest of the URL', async () => {
      const { ci, login, kept } = await member();
      await login('--keychain');
      await ci(set, 'postgres://team:one@db.test/state');
      expect((await ci('auth logout')).stderr).toContain('The password of the state database was also removed. ');
      expect(kept()).toEqual({});
      const found = listAt(json(await ci('doctor --json'))).find((each) => textAt(each, 'check') === 'state database');
      expect(found).toMatchObject({
        status: 'failed',
        detail:
          'The password of the state database of profile "default" is no longer in the system keychain. Set the URL again with `ci config set state-url -`.',
      });
    });

    test("is neither left behind nor lost if the profile can't be written", async () => {
      const { host, me, env, ci, login, kept } = await member();
      await login('--keychain');
      const line = `ulimit -f 0; echo postgres://team:two@db.test/state | ci ${set}`;
      expect((await me.sh(line, { env })).stderr).toContain(': file too large');
      expect(kept()).toEqual({ [`default@${host}`]: key });
      await ci(set, 'postgres://team:one@db.test/state');
      expect((await me.sh(line, { env })).code).toBe(1);
      expect((await me.sh('ulimit -f 0; ci config unset state-url', { env })).code).toBe(1);
      expect((await me.sh('ulimit -f 0; ci auth logout', { env })).code).toBe(1);
      expect(kept()).toEqual({ [`default@${host}`]: key, [entry]: 'one' });
    });
  },
);

describe('login --keychain without a keychain', () => {
  test.runIf(process.platform === 'linux')(
    'says what is missing and exits with 1 before it asks for a key, sends anything or saves anything',
    async () => {
      const vendor = await api();
      const me = user({ DBUS_SESSION_BUS_ADDRESS: `unix:path=${path.join('/nonexistent', 'bus')}` });
      const { code, stdout, stderr } = await me.process(`auth login --keychain --api-url ${vendor.url}`);
      expect([code, stdout, vendor.requests, existsSync(fileOf(me))]).toEqual([1, '', [], false]);
      expect(stderr).toMatch(/^ci: The system keychain can't be used: [^\n]+\n$/);
      expect(stderr).toContain(
        `On Linux, it is the Secret Service (GNOME Keyring, KWallet or KeePassXC) on your session's D-Bus. ${instead}`,
      );
      const asJson = await me.process(`auth login --keychain --api-url ${vendor.url} --json`);
      expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { code: 'keychain_error', outcome: 'not_applied' } });
    },
  );

  test.skipIf(nodeOnly('is about the package'))(
    'says how to install a missing package, which nothing else needs',
    async () => {
      const vendor = await api();
      const me = user();
      const program = path.join(me.home, 'program');
      await me.sh(
        `mkdir ${program} && cp -r ${path.resolve('package.json')} ${path.resolve('dist')} ${path.dirname(bin)} ${program}`,
      );
      const ci = (line: string) => me.sh(`printf %s ${key} | ${process.execPath} ${program}/bin/ci.js ${line}`);
      const { code, stdout, stderr } = await ci(`auth login --with-key --keychain --api-url ${vendor.url}`);
      expect([code, stdout, vendor.requests, existsSync(fileOf(me))]).toEqual([1, '', [], false]);
      expect(stderr).toBe(
        `ci: The system keychain needs the package @napi-rs/keyring, which isn't installed. Install it next to ci: \`npm install --global @napi-rs/keyring\`. ${instead}\n`,
      );
      expect((await ci(`auth login --with-key --api-url ${vendor.url}`)).code).toBe(0);
      expect((await ci('billing status')).code).toBe(0);
    },
  );
});

describe.skipIf(!isThere('dbus-run-session') || !isThere('gnome-keyring-daemon'))(
  'the password of a wallet in the keychain',
  () => {
    test('is saved there by --keychain, and opens the wallet', async () => {
      const me = user();
      const { env } = await session(me);
      writeFileSync(path.join(me.home, 'password'), 'correct horse\n', { mode: 0o600 });
      const imported = await me.process('agent wallet import agent --password-file password --keychain', {
        env,
        stdin: vectorKey,
      });
      expect([imported.code, imported.stderr]).toEqual([0, '']);
      const file = path.join(me.home, '.foundry', 'keystores', 'agent');
      expect(kept(me, env)).toEqual({ [`wallet ${file}`]: 'correct horse' });
      const { code, stdout } = await me.process('agent wallet address agent --keychain', { env });
      expect([code, stdout]).toEqual([0, `${vectorAddress}\n`]);
    });

    test('is missed if it is not there', async () => {
      const me = user();
      const { env } = await session(me);
      const file = path.join(me.home, 'wallet');
      writeFileSync(file, keystoreOf(vectorKey), { mode: 0o600 });
      const { code, stderr } = await me.process(`agent wallet address --keystore ${file} --keychain`, { env });
      expect([code, stderr]).toEqual([
        2,
        `ci: The keychain has no password for ${file}. Leave out --keychain to type it.\n`,
      ]);
    });
  },
);
