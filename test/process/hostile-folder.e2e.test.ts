import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { type Environment, json, type User, user, userOf } from '../support/cli.ts';
import { listening } from '../support/http-server.ts';
import { stateFiles } from '../support/lost.ts';
import { listAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

/** Code that notes in the home directory that it was executed, as a script or as a module. */
const trap = `process.getBuiltinModule('node:fs').appendFileSync(process.env.HOME + '/executed', 'executed\\n');\n`;

/** Packages that the program uses, or that a runtime could look for. */
const packages = ['commander', 'zod', 'undici', 'open', 'chalk', 'yaml', 'jq-wasm', 'ox', '@napi-rs/keyring'];

/** Returns the files of a project that tries to take over the programs that are started in it. */
function hostileFiles(variables: Environment): Record<string, string> {
  const dotenv = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  const config = `preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n`;
  const paths = JSON.stringify({ compilerOptions: { baseUrl: '.', paths: { '*': ['./evil.js'] }, jsx: 'react-jsx' } });
  const manifest = {
    name: 'cheapestinference',
    version: '99.99.99',
    type: 'module',
    main: './evil.js',
    bin: './evil.js',
    exports: './evil.js',
    imports: { '#*': './evil.js', '*': './evil.js' },
    browser: { fs: './evil.js' },
    bun: './evil.js',
    workspaces: ['node_modules/*'],
    scripts: { preinstall: 'node evil.js', pools: 'node evil.js' },
  };
  const names = ['.env', '.env.local', '.env.production', '.env.production.local', '.env.development', '.env.test'];
  return {
    'evil.js': trap,
    'index.js': trap,
    'index.ts': trap,
    'main.js': trap,
    pools: trap,
    'bunfig.toml': config,
    '.bunfig.toml': config,
    'tsconfig.json': paths,
    'jsconfig.json': paths,
    '.npmrc': 'node-options=--require ./evil.js\nscript-shell=./evil.js\n',
    'package.json': JSON.stringify(manifest),
    ...Object.fromEntries(names.map((name) => [name, dotenv.join('')])),
    ...Object.fromEntries(
      packages.flatMap((name) => [
        [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '99.0.0', main: './index.js' })],
        [`node_modules/${name}/index.js`, trap],
      ]),
    ),
  };
}

/** Creates such a project, and returns its directory, in which nothing else is. */
function hostileFolder(me: User, variables: Environment = {}): string {
  const folder = path.join(me.home, 'hostile');
  for (const [name, content] of Object.entries(hostileFiles(variables))) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

const wasExecuted = ({ home }: User) => existsSync(path.join(home, 'executed'));

test('the trap of these tests notes that it was executed', async () => {
  const me = user();
  const folder = hostileFolder(me);
  expect((await me.sh(`${process.execPath} ${folder}/evil.js`)).code).toBe(0);
  expect(wasExecuted(me)).toBe(true);
});

describe('a hostile working directory', () => {
  test.each([
    ['--version'],
    ['--help'],
    ['help topics'],
    ['pools list'],
    ['pools list -o yaml'],
    ['pools list --json --jq .[0].slug'],
    ['pools view kimi26 -o table'],
    ['pools subscribe kimi26 --blocks europe --dry-run'],
    ['status'],
    ['config list'],
    ['completion bash'],
    ['--complete profiles'],
    ['agent wallet list'],
    ['open docs --print'],
    ['unknown'],
  ])("doesn't change what ci %s does, and nothing in it is executed", async (line) => {
    const me = user({ CHEAPESTINFERENCE_SANDBOX: '1', FORCE_COLOR: '1' });
    const folder = hostileFolder(me, {
      CHEAPESTINFERENCE_SANDBOX: '0',
      CHEAPESTINFERENCE_PROFILE: 'evil',
      FORCE_COLOR: '0',
      NODE_OPTIONS: '--require ./evil.js',
      BUN_OPTIONS: '--preload ./evil.js',
      LANG: 'C',
      TZ: 'Asia/Tokyo',
    });
    mkdirSync(path.join(me.home, 'empty'));
    const [there, elsewhere] = [await me.sh(`cd ${folder} && ci ${line}`), await me.sh(`cd empty && ci ${line}`)];
    expect(there).toEqual(elsewhere);
    expect(wasExecuted(me)).toBe(false);
  });

  test("signs nobody in, and doesn't choose the API", async () => {
    const evil = await recordedSandbox();
    const me = user();
    const folder = hostileFolder(me, {
      CHEAPESTINFERENCE_API_URL: evil.url,
      CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_somebody_else_0123456789',
      CHEAPESTINFERENCE_API_KEY: 'sk_of_somebody_else_0123456789',
    });
    const { code, stderr } = await me.sh(`cd ${folder} && ci keys list`);
    expect([code, stderr]).toEqual([4, expect.stringContaining("You aren't signed in")]);
    const { stdout } = await me.sh(`cd ${folder} && ci config list --json`);
    expect(stdout).not.toContain(evil.url);
    expect([evil.requests, wasExecuted(me)]).toEqual([[], false]);
  });

  test('neither allows other certificates nor sets a proxy', async () => {
    const certificate = selfSigned();
    const received: string[] = [];
    const secure = createSecureServer(certificate, (request, response) => {
      received.push(`${request.method} ${request.url}`);
      response.end('{"success":true,"data":[]}');
    });
    const proxy = createServer((request) => received.push(`${request.method} ${request.url}`));
    proxy.on('connect', (request, socket) => {
      received.push(`CONNECT ${request.url}`);
      socket.destroy();
    });
    const [port, proxyPort] = [await listening(secure), await listening(proxy)];
    // This address leads to this machine, but isn't one of those that bypass proxies.
    const me = userOf({ url: `https://0.0.0.0:${port}` });
    const folder = hostileFolder(me, {
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_EXTRA_CA_CERTS: './ca.pem',
      SSL_CERT_FILE: './ca.pem',
      HTTPS_PROXY: `http://127.0.0.1:${proxyPort}`,
      https_proxy: `http://127.0.0.1:${proxyPort}`,
    });
    writeFileSync(path.join(folder, 'ca.pem'), certificate.cert);
    const { code, stderr } = await me.sh(`cd ${folder} && ci pools list`);
    expect([code, received]).toEqual([9, []]);
    expect(stderr).toMatch(/^ci: Can't reach 0\.0\.0\.0:\d+: its certificate is self-signed\. /);
  });

  test("isn't searched for the keychain, or for the check for updates", async () => {
    const api = await recordedSandbox();
    const me = user({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus', NO_UPDATE_NOTIFIER: '' });
    const folder = hostileFolder(me);
    const login = `printf %s mk_of_the_tests_0123456789 | ci auth login --with-key --api-url ${api.url}`;
    const { code, stderr } = await me.sh(`cd ${folder} && ${login} --keychain`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('keychain')]);
    expect((await me.sh(`cd ${folder} && ${login} && ci pools list`)).code).toBe(0);
    expect(wasExecuted(me)).toBe(false);
  });

  test('gets the key that is saved in its .env, and keeps its other lines', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const folder = hostileFolder(me, { NODE_OPTIONS: '--require ./evil.js' });
    const before = readdirSync(folder);
    expect((await me.sh(`cd ${folder} && ci keys create prod --credit --save .env`)).code).toBe(0);
    expect(readdirSync(folder)).toEqual(before);
    expect((await me.sh(`cat ${folder}/.env`)).stdout).toMatch(/^NODE_OPTIONS=--require \.\/evil\.js\n(?:#.*\n)*\w+=/);
    expect([listAt(json(await me.ci('history --json'))).length, stateFiles(me), wasExecuted(me)]).toEqual([
      1,
      ['history.jsonl'],
      false,
    ]);
  });
});

test.each(['', '.config', 'config'])(
  'ignores the settings of a runtime in the home directory: ~/%s',
  async (folder) => {
    const me = user({ CHEAPESTINFERENCE_SANDBOX: '1' });
    const { home } = me;
    mkdirSync(path.join(home, folder), { recursive: true });
    writeFileSync(path.join(home, 'evil.js'), trap);
    const config = `preload = ["${home}/evil.js"]\n`;
    for (const name of ['.bunfig.toml', 'bunfig.toml']) writeFileSync(path.join(home, folder, name), config);
    mkdirSync(path.join(home, 'elsewhere'));
    const { code, stdout } = await me.sh('cd elsewhere && ci pools list');
    expect([code, stdout.length > 0, wasExecuted(me)]).toEqual([0, true, false]);
  },
);
