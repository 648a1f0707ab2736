import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, json, lines, type User, userOf } from '../../support/cli.ts';
import { stateFiles, undeliveredIn } from '../../support/lost.ts';
import { needsFromNpm } from '../../support/programs.ts';
import { offlineProgram } from '../../support/recording-program.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { filesWith } from '../../support/secret-search.ts';
import { answer, type Received, recordedSandbox, server } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

const name = 'CHEAPESTINFERENCE_API_KEY';
const token = 'token-0123456789';

/** What an API of a platform does. */
interface Behavior {
  /** The names of the secrets that it has. */
  readonly existing: readonly string[];
  /** The status with which it refuses to write. */
  readonly refusal?: number;
}

/** A platform, and how its program, which is installed from npm, talks to its API. */
interface Platform {
  readonly program: string;
  readonly to: string;
  readonly words: string;
  readonly note: string;
  /** Answers a request of a user who is signed in. Undefined means that there is nothing at this path. */
  reply(request: Received, path: string, behavior: Behavior): [number, unknown] | undefined;
  readonly notFound: unknown;
  readonly unauthorized: unknown;
  /** Sets up a user. @param token - undefined if the user isn't signed in @returns the environment */
  setUp(me: User, url: string, token: string | undefined): Environment;
  /** The `--to` of a place that is missing. */
  readonly missing: string;
  /** Removes that place. Undefined if it was never there. */
  remove?(me: User): void;
  /** Returns how the API receives a secret. */
  written(secret: string, replaces: boolean): Written;
  /** What the program says, in the error of `ci`. */
  readonly messages: Readonly<Record<'signedOut' | 'expired' | 'missing' | 'refused', RegExp>>;
}

/** A change that an API receives. */
interface Written {
  readonly request: string;
  readonly body: unknown;
}

/** Links a directory to a project of Vercel. */
function link({ home }: User, projectId: string): void {
  mkdirSync(path.join(home, '.vercel'), { recursive: true });
  writeFileSync(path.join(home, '.vercel', 'project.json'), JSON.stringify({ projectId, orgId: 'team_1' }));
}

const vercel: Platform = {
  program: 'vercel',
  to: 'vercel:production',
  words: 'Vercel environment production of this directory',
  note: 'Vercel passes the key to your next deployment.\n',
  reply({ method, body }, where, { existing, refusal }) {
    const variables = existing.map((key, index) => ({
      id: `env_${index}`,
      key,
      value: 'encrypted',
      type: 'sensitive',
      target: ['production', 'preview', 'development'],
      createdAt: 1_776_157_200_000,
      updatedAt: 1_776_157_200_000,
    }));
    const replies = new Map<string, [number, unknown]>([
      [
        'GET /v2/user',
        [200, { user: { id: 'user_1', username: 'acme', email: 'dev@acme.dev', version: 'northstar' } }],
      ],
      ['GET /teams/team_1', [200, { id: 'team_1', slug: 'acme', name: 'Acme' }]],
      ['GET /v9/projects/prj_1', [200, { id: 'prj_1', name: 'web', accountId: 'team_1', link: null }]],
      ['GET /v10/projects/prj_1/env', [200, { envs: variables }]],
      ['GET /projects/prj_1/custom-environments', [200, { environments: [] }]],
      [
        'POST /v10/projects/prj_1/env',
        refusal === undefined
          ? [201, { created: { id: 'env_9', key: name }, failed: [] }]
          : [refusal, { error: { code: 'forbidden', message: `Not allowed: ${body}` } }],
      ],
    ]);
    return replies.get(`${method} ${where}`);
  },
  notFound: { error: { code: 'not_found', message: 'Not found' } },
  unauthorized: { error: { code: 'forbidden', message: 'Not authorized', invalidToken: true } },
  setUp(me, url, given) {
    const folder = path.join(me.home, 'data', 'com.vercel.cli');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ api: url }));
    if (given !== undefined) writeFileSync(path.join(folder, 'auth.json'), JSON.stringify({ token: given }));
    link(me, 'prj_1');
    return { VERCEL_TELEMETRY_DISABLED: '1' };
  },
  missing: 'vercel:production',
  remove: (me) => link(me, 'prj_2'),
  written: (secret, replaces) => ({
    request: `POST /v10/projects/prj_1/env?${replaces ? 'upsert=true&' : ''}teamId=team_1`,
    body: { type: 'sensitive', key: name, value: secret, target: ['production'], visibility: 'secret' },
  }),
  messages: {
    signedOut: /vercel: Error: No existing credentials found/,
    expired: /vercel: Error: The specified token is not valid/,
    missing: /vercel: Error: Your codebase isn’t linked to a project on Vercel/,
    refused: /vercel: Error: Not allowed: /,
  },
};

const cloudflare: Platform = {
  program: 'wrangler',
  to: 'cloudflare:my-worker',
  words: 'Cloudflare Worker my-worker',
  note: '',
  reply({ method, body }, where, { existing, refusal }) {
    if (where !== '/accounts/acme/workers/scripts/my-worker/secrets') return undefined;
    const result = (value: unknown): [number, unknown] => [
      200,
      { success: true, errors: [], messages: [], result: value },
    ];
    if (method === 'GET') return result(existing.map((each) => ({ name: each, type: 'secret_text' })));
    if (method !== 'PUT') return undefined;
    if (refusal === undefined) return result({ name, type: 'secret_text' });
    const errors = [{ code: 10000, message: `Not allowed: ${body}` }];
    return [refusal, { success: false, errors, messages: [], result: null }];
  },
  notFound: {
    success: false,
    errors: [{ code: 10007, message: 'This Worker does not exist on your account.' }],
    messages: [],
    result: null,
  },
  unauthorized: {
    success: false,
    errors: [{ code: 10000, message: 'Authentication error' }],
    messages: [],
    result: null,
  },
  setUp: (_me, url, given = '') => ({
    CLOUDFLARE_API_BASE_URL: url,
    CLOUDFLARE_API_TOKEN: given,
    CLOUDFLARE_ACCOUNT_ID: 'acme',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    // Asks for log files with the bodies of requests.
    WRANGLER_LOG: 'debug',
    WRANGLER_LOG_SANITIZE: 'false',
  }),
  missing: 'cloudflare:nope',
  written: (secret) => ({
    request: 'PUT /accounts/acme/workers/scripts/my-worker/secrets',
    body: { name, text: secret, type: 'secret_text' },
  }),
  messages: {
    signedOut: /wrangler: .*it's necessary to set a CLOUDFLARE_API_TOKEN/,
    expired: /wrangler: .*Authentication error \[code: 10000\]/,
    missing: /wrangler: .*Worker "nope" not found/,
    refused: /wrangler: .*Not allowed: /,
  },
};

/** Returns a user of a platform that has secrets of some names. Only `token` signs in to it. */
async function platformUser(
  platform: Platform,
  { existing = [], refusal, given = token }: Partial<Behavior> & { readonly given?: string | null } = {},
) {
  const names = [...existing];
  const host = await server((request, response) => {
    const [where = ''] = request.path.split('?');
    if (request.headers.authorization !== `Bearer ${token}`)
      return answer(403, platform.unauthorized)(request, response);
    const behavior = { existing: names, ...(refusal !== undefined && { refusal }) };
    const [status, body] = platform.reply(request, where, behavior) ?? [404, platform.notFound];
    if (request.method !== 'GET' && status < 300) names.push(name);
    return answer(status, body)(request, response);
  });
  const api = await recordedSandbox();
  const me = userOf(api);
  const temporary = path.join(me.home, 'tmp');
  mkdirSync(temporary);
  const env = { ...platform.setUp(me, host.url, given ?? undefined), TMPDIR: temporary };
  const secrets = async () => listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
  const written = () =>
    host.received
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path: where, body }): Written => ({ request: `${method} ${where}`, body: JSON.parse(body) }));
  return { api, me, env, host, secrets, written, program: offlineProgram(me, platform.program) };
}

describe.each([vercel, cloudflare])('the real $program', (platform) => {
  const { to, words, messages } = platform;
  const command = `keys create k --credit --to ${to}`;

  test('passes the secret to the API, and to nobody else', async (context) => {
    needsFromNpm(context, platform.program);
    const { me, env, secrets, program, written } = await platformUser(platform, { existing: ['OTHER'] });
    const { code, stdout, stderr } = await me.ci(`${command} --json`, { env });
    const [apiKey = ''] = await secrets();
    expect([code, stderr]).toEqual([0, platform.note]);
    expect(json({ stdout })).toMatchObject({ savedTo: to, variable: name });
    expect(written()).toEqual([platform.written(apiKey, false)]);
    expect(program.runs().flatMap(({ stdin }) => (stdin === '' ? [] : [stdin]))).toEqual([apiKey]);
    expect(program.violations()).toEqual([]);
    program.forget();
    expect(filesWith(apiKey, me.home)).toEqual([]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test('replaces a secret with --force, and not with --yes', async (context) => {
    needsFromNpm(context, platform.program);
    const { api, me, env, secrets, program, written } = await platformUser(platform, { existing: [name] });
    const { code, stderr } = await me.ci(`${command} --yes`, { env });
    expect([code, api.changes, written()]).toEqual([2, [], []]);
    expect(stderr).toMatch(new RegExp(`^ci: ${words} already has a value for ${name}\\. Nothing was changed\\. `));
    expect((await me.ci(`${command} --force`, { env })).code).toBe(0);
    expect(written()).toEqual([platform.written((await secrets())[0] ?? '', true)]);
    expect(program.violations()).toEqual([]);
  });

  test('replaces a secret after the answer Yes', async (context) => {
    needsFromNpm(context, platform.program);
    const { me, env, secrets, written } = await platformUser(platform, { existing: [name] });
    const session = onTerminal(me, command, { columns: 200, env });
    await session.shows(`Replace the value of ${name} in ${words}? (y/N)`);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(written()).toEqual([platform.written((await secrets())[0] ?? '', true)]);
  });

  test('creates no key for a place that is missing', async (context) => {
    needsFromNpm(context, platform.program);
    const { api, me, env, program, written } = await platformUser(platform);
    platform.remove?.(me);
    const { code, stderr } = await me.ci(`keys create k --credit --force --to ${platform.missing}`, { env });
    expect([code, api.changes, written(), program.violations()]).toEqual([1, [], [], []]);
    expect(stderr).toMatch(messages.missing);
    expect(stderr).toContain(' Nothing was created. ');
  });

  test.for([
    ['is not signed in', null, messages.signedOut],
    ['has a token that has expired', 'expired', messages.expired],
  ] as const)('creates no key for a user who %s', async ([, given, message], context) => {
    needsFromNpm(context, platform.program);
    const { api, me, env, program, written } = await platformUser(platform, { given });
    const { code, stderr } = await me.ci(`${command} --force`, { env });
    expect([code, api.changes, written(), program.violations()]).toEqual([1, [], [], []]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(' Nothing was created. ');
  });

  test('keeps the secret if the platform refuses it', async (context) => {
    needsFromNpm(context, platform.program);
    const { me, env, secrets, program } = await platformUser(platform, { refusal: 403 });
    const { code, stdout, stderr } = await me.ci(command, { env });
    const [apiKey = ''] = await secrets();
    expect([code, stdout, program.violations()]).toEqual([1, '', []]);
    expect(stderr).toMatch(messages.refused);
    expect(stderr).not.toContain(apiKey);
    const file = undeliveredIn(lines(stderr).at(-1) ?? '');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([`${apiKey}\n`, 0o600]);
    program.forget();
    expect(filesWith(apiKey, me.home)).toEqual([path.relative(me.home, file)]);
  });
});

test.for([
  ['preview', []],
  ['development', []],
  ['development', [name]],
] as const)('vercel writes to %s, which has %j', async ([environment, existing], context) => {
  needsFromNpm(context, 'vercel');
  const { me, env, secrets, written } = await platformUser(vercel, { existing });
  const { code, stderr } = await me.ci(`keys create k --credit --force --to vercel:${environment}`, { env });
  expect([code, stderr]).toEqual([0, vercel.note]);
  // The branch is missing, so that the variable applies to all.
  const body = {
    type: expect.any(String),
    key: name,
    value: (await secrets())[0],
    target: [environment],
    visibility: expect.any(String),
  };
  expect(written().map((each) => each.body)).toEqual([body]);
});

test("vercel refuses an environment that doesn't exist, and the secret is kept", async (context) => {
  needsFromNpm(context, 'vercel');
  const { me, env, secrets, written } = await platformUser(vercel);
  const { code, stderr } = await me.ci('keys create k --credit --to vercel:staging', { env });
  expect([code, stderr, written()]).toEqual([
    1,
    expect.stringMatching(/vercel: Error: Invalid environment: staging/),
    [],
  ]);
  expect(readFileSync(undeliveredIn(lines(stderr).at(-1) ?? ''), 'utf8')).toBe(`${(await secrets())[0]}\n`);
});

test('wrangler finds the Worker in the configuration of the directory', async (context) => {
  needsFromNpm(context, 'wrangler');
  const { api, me, env, secrets, written } = await platformUser(cloudflare);
  const command = 'keys create k --credit --to cloudflare';
  const { code, stderr } = await me.ci(command, { env });
  expect([code, api.changes, stderr]).toEqual([
    1,
    [],
    expect.stringMatching(/wrangler: .*Required Worker name missing/),
  ]);
  writeFileSync(path.join(me.home, 'wrangler.json'), JSON.stringify({ name: 'my-worker' }));
  expect((await me.ci(command, { env })).code).toBe(0);
  expect(written()).toEqual([cloudflare.written((await secrets())[0] ?? '', false)]);
});
