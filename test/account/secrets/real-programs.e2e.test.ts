import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import sodium from 'libsodium-wrappers';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { json, lines, userOf } from '../../support/cli.ts';
import { stateFiles, undeliveredIn } from '../../support/lost.ts';
import { needs } from '../../support/programs.ts';
import { recordedProgram } from '../../support/recording-program.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { filesWith } from '../../support/secret-search.ts';
import { answer, type Received, recordedSandbox, server } from '../../support/servers.ts';

const name = 'CHEAPESTINFERENCE_API_KEY';

/** Returns a user, and the secrets of all keys, the newest first. */
async function customer() {
  const api = await recordedSandbox();
  const me = userOf(api);
  const secrets = async () => listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
  return { api, me, secrets };
}

describe('gh', () => {
  /** Returns a user who is signed in to a GitHub with a repository, and the secrets that it has, decrypted. */
  async function githubUser(existing: readonly string[] = [], statusOfPut = 201) {
    await sodium.ready;
    const keys = sodium.crypto_box_keypair();
    const stored = new Map<string, string>();
    const { me, ...rest } = await customer();
    const requests: string[] = [];
    const reply = ({ method, url, text }: { method: string; url: string; text: string }): [number, unknown] => {
      const where = /^\/repos\/acme\/api(?:\/environments\/production|\/actions)\/secrets(?:\/([\w-]+))?(?:\?|$)/.exec(
        url,
      );
      if (!where) return [404, { message: 'Not Found' }];
      const [, entry] = where;
      if (method === 'GET' && entry === undefined) {
        const secrets = existing.map((each) => ({ name: each, updated_at: '2026-04-14T09:00:00Z' }));
        return [200, { total_count: secrets.length, secrets }];
      }
      if (method === 'GET') return [200, { key_id: '1', key: Buffer.from(keys.publicKey).toString('base64') }];
      if (statusOfPut !== 201) return [statusOfPut, { message: 'Resource not accessible by integration' }];
      const sealed = Buffer.from(textAt(JSON.parse(text), 'encrypted_value'), 'base64');
      stored.set(
        entry ?? '',
        Buffer.from(sodium.crypto_box_seal_open(sealed, keys.publicKey, keys.privateKey)).toString('utf8'),
      );
      return [201, {}];
    };
    const http = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { method = '', url = '' } = request;
      requests.push(`${method} ${url}`);
      const [status, body] = reply({ method, url, text: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    const socket = path.join(me.home, 'gh.sock');
    await new Promise<void>((resolve) => http.listen(socket, resolve));
    onTestFinished(() => void http.close());
    mkdirSync(path.join(me.home, 'gh'));
    writeFileSync(path.join(me.home, 'gh', 'config.yml'), `http_unix_socket: ${socket}\n`);
    const env = { GH_CONFIG_DIR: path.join(me.home, 'gh'), GH_TOKEN: 'gho_0123456789' };
    return { ...rest, me, env, requests, stored, gh: recordedProgram(me, 'gh') };
  }

  test.for(['github:acme/api', 'github:acme/api@production'])('encrypts the secret for %s', async (to, context) => {
    needs(context, 'gh');
    const { me, env, gh, secrets, stored } = await githubUser(['OTHER']);
    const { code, stderr } = await me.ci(`keys create k --credit --to ${to}`, { env });
    const [apiKey = ''] = await secrets();
    expect([code, stderr, [...stored]]).toEqual([0, '', [[name, apiKey]]]);
    expect(gh.runs()).toHaveLength(2);
    gh.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
  });

  test('finds a secret of the same name in lower case', async (context) => {
    needs(context, 'gh');
    const { api, me, env, stored } = await githubUser(['MY_KEY']);
    const line = 'keys create k --credit --to github:acme/api --var my_key';
    const { code, stderr } = await me.ci(line, { env });
    expect([code, api.changes]).toEqual([2, []]);
    expect(stderr).toMatch(/^ci: GitHub repository acme\/api already has a value for my_key\. /);
    expect([(await me.ci(`${line} --force`, { env })).code, [...stored.keys()]]).toEqual([0, ['my_key']]);
  });

  test('creates no key for a repository that is missing, or without a token', async (context) => {
    needs(context, 'gh');
    const { api, me, env } = await githubUser();
    const missing = await me.ci('keys create k --credit --to github:acme/nope', { env });
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^ci: Can't write to GitHub repository acme\/nope: gh: .*HTTP 404: Not Found.* Nothing was created\. /,
      ),
    ]);
    const signedOut = await me.ci('keys create k --credit --to github:acme/api', { env: { ...env, GH_TOKEN: '' } });
    expect([signedOut.code, signedOut.stderr]).toEqual([1, expect.stringMatching(/: gh: .*gh auth login/)]);
    expect(api.changes).toEqual([]);
  });

  test('keeps the secret if GitHub refuses it', async (context) => {
    needs(context, 'gh');
    const { me, env, secrets } = await githubUser([], 403);
    const { code, stderr } = await me.ci('keys create k --credit --to github:acme/api', { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/: gh: .*Resource not accessible by integration/)]);
    expect(readFileSync(undeliveredIn(lines(stderr).at(-1) ?? ''), 'utf8')).toBe(`${(await secrets())[0]}\n`);
  });
});

describe('kubectl', () => {
  /** Encodes a field of a protocol buffer: a text, or other fields. */
  const field = (number: number, ...content: readonly (string | Buffer)[]): Buffer => {
    const bytes = Buffer.concat(content.map((each) => Buffer.from(each)));
    const size = bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    return Buffer.concat([Buffer.from([number * 8 + 2, ...size]), bytes]);
  };
  /** The part of the API's description that kubectl before 1.27 reads: patching a Secret can be tried. Source: OpenAPIv2.proto. */
  const kind = field(2, field(2, 'group: ""\nkind: Secret\nversion: v1\n'));
  const trial = field(8, field(1, field(2, field(3, field(4, 'dryRun')))));
  const patch = field(8, trial, field(13, field(1, 'x-kubernetes-group-version-kind'), kind));
  const description = Buffer.concat([
    field(1, '2.0'),
    field(8, field(2, field(1, '/secrets/{name}'), field(2, patch))),
  ]);

  /** Returns a user of a cluster with a namespace. */
  async function clusterUser({ data, status = 200 }: { data?: Record<string, string>; status?: number } = {}) {
    const patches: Received[] = [];
    const cluster = await server((request, response) => {
      const [where] = request.path.split('?');
      const refused = (code: number, reason: string) =>
        answer(code, {
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          reason,
          code,
          message: `secrets "api": ${reason}`,
        });
      const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'api', namespace: 'production' } };
      const resources = [
        { name: 'secrets', singularName: 'secret', namespaced: true, kind: 'Secret', verbs: ['get', 'patch'] },
      ];
      const replies = new Map([
        ['/api', answer(200, { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] })],
        ['/apis', answer(200, { kind: 'APIGroupList', apiVersion: 'v1', groups: [] })],
        ['/api/v1', answer(200, { kind: 'APIResourceList', groupVersion: 'v1', resources })],
        [
          '/api/v1/namespaces/production/secrets/api',
          data ? answer(200, { ...secret, data }) : refused(404, 'NotFound'),
        ],
      ]);
      if (where === '/openapi/v2') {
        response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(description);
        return;
      }
      if (request.method === 'PATCH') {
        patches.push(request);
        const isTrial = request.path.includes('dryRun=All');
        return (isTrial || status === 200 ? answer(200, secret) : refused(status, 'Forbidden'))(request, response);
      }
      return (replies.get(where ?? '') ?? refused(404, 'NotFound'))(request, response);
    });
    const one = await customer();
    const config = path.join(one.me.home, 'kubeconfig');
    writeFileSync(
      config,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: cluster.url } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'c',
      }),
    );
    return { ...one, patches, env: { KUBECONFIG: config }, kubectl: recordedProgram(one.me, 'kubectl') };
  }

  const command = 'keys create k --credit --to kubernetes:production/api';

  /** Returns the query and the key of the Secret that a request applies. */
  function applied({ path: where, headers, body }: Received) {
    expect(headers['content-type']).toBe('application/apply-patch+yaml');
    const secret: unknown = JSON.parse(body);
    expect(secret).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'api', namespace: 'production' },
      data: { [name]: expect.any(String) },
    });
    const query = new URL(where, 'http://cluster').searchParams;
    return {
      isTrial: query.get('dryRun') === 'All',
      manager: query.get('fieldManager'),
      force: query.get('force'),
      value: Buffer.from(textAt(secret, 'data', name), 'base64').toString('utf8'),
    };
  }

  test('tries with a placeholder, and then applies the key of the Secret alone', async (context) => {
    needs(context, 'kubectl');
    const { me, env, kubectl, patches, secrets } = await clusterUser();
    const { code, stdout, stderr } = await me.ci(`${command} --json`, { env });
    const [apiKey = ''] = await secrets();
    expect([code, stderr]).toEqual([0, '']);
    expect(json({ stdout })).toMatchObject({ savedTo: 'kubernetes:production/api', variable: name });
    const manager = `cheapestinference-${name}`;
    expect(patches.map(applied)).toEqual([
      { isTrial: true, manager, force: 'false', value: 'placeholder' },
      { isTrial: false, manager, force: 'false', value: apiKey },
    ]);
    expect(kubectl.runs()).toHaveLength(3);
    kubectl.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
    expect(filesWith(Buffer.from(apiKey).toString('base64'), me.home)).toEqual([]);
  });

  test('replaces a key only with consent, and then also one that another program manages', async (context) => {
    needs(context, 'kubectl');
    const { api, me, env, patches } = await clusterUser({ data: { OTHER: 'eA==', [name]: 'eA==' } });
    const { code, stderr } = await me.ci(command, { env });
    expect([code, api.changes]).toEqual([2, []]);
    expect(stderr).toMatch(
      /^ci: Kubernetes Secret production\/api already has a value for CHEAPESTINFERENCE_API_KEY\. /,
    );
    expect(patches.map(applied)).toMatchObject([{ isTrial: true, force: 'true' }]);
    expect((await me.ci(`${command} --force`, { env })).code).toBe(0);
    expect(patches.map(applied).at(-1)).toMatchObject({ isTrial: false, force: 'true' });
  });

  test('replaces nothing in a Secret with other keys', async (context) => {
    needs(context, 'kubectl');
    const { me, env, patches } = await clusterUser({ data: { OTHER: 'eA==' } });
    expect((await me.ci(command, { env })).code).toBe(0);
    expect(patches.map(applied)).toMatchObject([{ force: 'false' }, { force: 'false' }]);
  });

  test('creates no key without a cluster', async (context) => {
    needs(context, 'kubectl');
    const { api, me } = await clusterUser();
    const { code, stderr } = await me.ci(command, { env: { KUBECONFIG: path.join(me.home, 'missing') } });
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toMatch(/^ci: Can't write to Kubernetes Secret production\/api: kubectl: .+ Nothing was created\. /);
  });

  test('keeps the secret if the cluster refuses it', async (context) => {
    needs(context, 'kubectl');
    const { me, env, secrets } = await clusterUser({ status: 403 });
    const { code, stderr } = await me.ci(command, { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/: kubectl: Error from server \(Forbidden\)/)]);
    expect(readFileSync(undeliveredIn(lines(stderr).at(-1) ?? ''), 'utf8')).toBe(`${(await secrets())[0]}\n`);
  });
});

describe('systemd-creds', () => {
  const command = 'keys create k --credit --to systemd:api-key.cred';

  /** Returns a user with a host key of their own, so that no test needs root. systemd accepts none in memory. */
  async function systemdUser(context: TestContext) {
    needs(context, 'systemd-creds');
    const folder = mkdtempSync('/var/tmp/ci-host-key-');
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const env = { SYSTEMD_CREDENTIAL_SECRET: path.join(folder, 'secret') };
    const { status, stderr } = spawnSync('systemd-creds', ['encrypt', '--name=x', '-', '-'], {
      env: { ...process.env, ...env },
      input: 'x',
      encoding: 'utf8',
    });
    if (status !== 0) context.skip(`systemd-creds can't create a host key here: ${stderr.trim()}`);
    const one = await customer();
    const file = path.join(one.me.home, 'api-key.cred');
    /** Decrypts the file as systemd does for a service. */
    const decrypted = (credential: string) =>
      execFileSync('systemd-creds', ['decrypt', `--name=${credential}`, file, '-'], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
        stdio: 'pipe',
      });
    return { ...one, env, file, decrypted, program: recordedProgram(one.me, 'systemd-creds') };
  }

  test('encrypts the secret for this machine, under the name of the file', async (context) => {
    const { me, env, file, decrypted, program, secrets } = await systemdUser(context);
    const { code, stdout, stderr } = await me.ci(`${command} --json`, { env });
    const [apiKey = ''] = await secrets();
    expect([code, stderr]).toEqual([
      0,
      `To pass the key to a service, load the credential api-key from ${file} with LoadCredentialEncrypted in its unit.\n`,
    ]);
    expect(json({ stdout })).toMatchObject({ savedTo: `systemd:${file}`, variable: null });
    expect([decrypted('api-key'), statSync(file).mode & 0o777]).toEqual([apiKey, 0o600]);
    expect(() => decrypted('other')).toThrow();
    expect(program.runs().map(({ args }) => args)).toEqual(Array(2).fill('encrypt --name=api-key - -'));
    program.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test('replaces a file only with consent', async (context) => {
    const { api, me, env, file, decrypted, secrets } = await systemdUser(context);
    writeFileSync(file, 'old', { mode: 0o644 });
    const { code, stderr } = await me.ci(`${command} --yes`, { env });
    expect([code, api.changes, readFileSync(file, 'utf8')]).toEqual([2, [], 'old']);
    expect(stderr).toBe('ci: api-key.cred already exists. Nothing was changed. Pass --force to replace it.\n');
    expect((await me.ci(`${command} --force`, { env })).code).toBe(0);
    expect([decrypted('api-key'), statSync(file).mode & 0o777]).toEqual([(await secrets())[0], 0o600]);
  });

  test("creates no key if the file can't be written", async (context) => {
    const { api, me, env } = await systemdUser(context);
    mkdirSync(path.join(me.home, 'dir.cred'));
    for (const file of ['dir.cred', '/dev/null/x', '/dev/null', 'missing/x']) {
      const line = ['keys', 'create', 'k', '--credit', '--force', '--to', `systemd:${file}`];
      const { code, stderr } = await me.ci(line, { env });
      expect([file, code, stderr]).toEqual([
        file,
        1,
        expect.stringMatching(/^ci: Can't write \/\S+: .+\. Nothing was created\.\n$/),
      ]);
    }
    expect(api.changes).toEqual([]);
  });

  test("creates no key if systemd can't encrypt", async (context) => {
    const { api, me } = await systemdUser(context);
    const { code, stderr } = await me.ci(command, { env: { SYSTEMD_CREDENTIAL_SECRET: '/dev/null/secret' } });
    expect([code, api.changes, stderr]).toEqual([
      1,
      [],
      expect.stringMatching(/^ci: Can't write \/\S+\/api-key\.cred: systemd-creds: .+ Nothing was created\. /),
    ]);
  });
});
