import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { managementKey, oneLine, secret, userOf } from '../support/cli.ts';
import { at, listAt } from '../support/sandbox.ts';
import { answer, recordedSandbox, reset, server } from '../support/servers.ts';
import { enter, onTerminal, shown } from '../support/terminal.ts';

async function signedInUser(env: Record<string, string> = {}) {
  const api = await recordedSandbox();
  return { api, me: userOf(api, env), sent: (): unknown => JSON.parse(api.received.at(-1)?.body ?? '') };
}

describe('a GET request', () => {
  test('prints the response as it came, with its envelope', async () => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('api GET /api/billing/status');
    expect([code, stderr]).toEqual([0, '']);
    const direct = await fetch(`${api.url}/api/billing/status`, {
      headers: { Authorization: `Bearer ${managementKey}` },
    });
    expect(stdout).toBe(await direct.text());
    expect(api.received[0]?.headers.authorization).toBe(`Bearer ${managementKey}`);
  });

  test('sends its fields in the query', async () => {
    const { api, me } = await signedInUser();
    await me.ci(['api', 'get', '/api/keys?page=1', '-f', 'name=a b&c', '-F', 'limit=5', '-F', 'all=true']);
    expect(api.requests).toEqual(['GET /api/keys?page=1&name=a+b%26c&limit=5&all=true']);
    expect(api.received[0]?.body).toBe('');
  });

  test('prints indented JSON on a terminal', async () => {
    const { me } = await signedInUser();
    const { code, rows } = await shown(me, 'api GET /api/billing/status');
    expect([code, rows.slice(0, 3)]).toEqual([0, ['{', '  "success": true,', '  "data": {']]);
  });

  test('fails with the exit code of an error of the API, and prints nothing on stdout', async () => {
    const { me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci('api GET /api/pools/nope');
    expect([code, stdout, stderr]).toEqual([5, '', 'ci: Pool not found.\n']);
  });

  test('prints an error as JSON with --json', async () => {
    const { me } = await signedInUser();
    const { stdout } = await me.ci('api GET /api/keys --json');
    expect(JSON.parse(stdout)).toBeTruthy();
  });
});

describe('a POST request', () => {
  test('sends text with -f, and parsed values with -F', async () => {
    const { api, me, sent } = await signedInUser();
    const { code, stdout } = await me.ci('api POST /api/keys/credit -f name=007 -F maxBudget=25.5 -F rpm=100 --yes');
    expect([code, sent()]).toEqual([0, { name: '007', maxBudget: 25.5, rpm: 100 }]);
    expect(at(JSON.parse(stdout), 'data', 'apiKey')).toMatch(secret);
    expect(api.received.at(-1)?.headers['content-type']).toBe('application/json');
  });

  test('parses true, null, numbers and JSON with -F, and sends anything else as text', async () => {
    const { me, sent } = await signedInUser();
    const typed = ['a=true', 'b=null', 'c=["x"]', 'd=plain', 'e=1e3'].flatMap((field) => ['-F', field]);
    await me.ci(['api', 'POST', '/api/keys/credit', '--yes', ...typed, '-f', 'f=true', '-f', 'g=a=b']);
    expect(sent()).toEqual({ a: true, b: null, c: ['x'], d: 'plain', e: 1000, f: 'true', g: 'a=b' });
  });

  test('sends a file or standard input with --input', async () => {
    const { api, me } = await signedInUser();
    const body = '{"blocks": ["europe"]}';
    writeFileSync(path.join(me.home, 'order.json'), body);
    expect((await me.ci('api POST /api/pools/kimi26/subscribe --input order.json --yes')).code).toBe(0);
    expect((await me.ci('api POST /api/pools/kimi26/subscribe --input - --yes', { stdin: body })).code).toBe(0);
    expect(api.received.map((each) => each.body)).toEqual([body, body]);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(2);
  });

  test('has no body without fields', async () => {
    const { api, me } = await signedInUser();
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect((await me.ci('api POST /api/keys/subscription --yes')).code).toBe(0);
    expect(api.received.at(-1)?.body).toBe('');
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'a %s needs consent: exit 2 without --yes, nothing sent',
    async (method) => {
      const { api, me } = await signedInUser();
      const { code, stdout, stderr } = await me.ci(`api ${method} /api/pools/kimi26/pledge`);
      expect([code, stdout, api.requests]).toEqual([2, '', []]);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain('--yes');
    },
  );

  test('asks for confirmation on a terminal, with No as the default', async () => {
    const { api, me } = await signedInUser();
    const session = onTerminal(me, 'api POST /api/keys/credit -f name=x');
    await session.shows('Send this request?');
    expect(session.screen).toContain('POST /api/keys/credit');
    session.type(enter);
    expect([await session.exit, api.requests]).toEqual([1, []]);
  });

  test('is sent once, and exits with 10 if the response is lost', async () => {
    const api = await server(reset);
    const { code, stdout, stderr } = await userOf(api).ci('api POST /api/keys/credit -f name=x --yes --json');
    expect([code, stdout, api.requests]).toEqual([10, '', ['POST /api/keys/credit']]);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
  });

  test('reports with --json that nothing was changed without confirmation', async () => {
    const { me } = await signedInUser();
    const { stderr } = await me.ci('api POST /api/keys/credit -f name=x --json');
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'confirmation_required', outcome: 'not_applied' });
  });
});

describe('`ci api` refuses, before anything is sent,', () => {
  test.each([
    ['an absolute URL', ['GET', 'https://example.com/api/keys']],
    ['a URL without its scheme', ['GET', '//example.com/api/keys']],
    ['a path without its slash', ['GET', 'api/keys']],
    ['a path that leads to another host', ['GET', '/\\example.com/api/keys']],
    ['a path that leads to another host after a tab', ['GET', '/\t/example.com/api/keys']],
    ['a path with encoded dots behind an encoded slash', ['GET', '/api/..%2fv1/usage']],
    ['a path with a slash encoded twice', ['GET', '/api/x/%252e%252e%252f..%252fv1/usage']],
    ['a path with an encoded backslash', ['GET', '/v1/..%5Capi/keys']],
    ['a path with dots that have a parameter', ['GET', '/api/..;x=1/v1/usage']],
    ['a path that is two slashes once it is read', ['GET', '/.//example.com/api/keys']],
    ['an empty path', ['GET', '']],
    ['an unknown method', ['FETCH', '/api/keys']],
    ['a path in the place of the method', ['/api/keys']],
    ['a field without a value', ['GET', '/api/keys', '-f', 'name']],
    ['a field without a name', ['GET', '/api/keys', '-f', '=x']],
    ['a body for a GET', ['GET', '/api/keys', '--input', '-']],
    ['fields and a body', ['POST', '/api/keys/credit', '-f', 'name=x', '--input', '-', '--yes']],
    ['a body that is not JSON', ['POST', '/api/keys/credit', '--input', '-', '--yes']],
    ['a missing file', ['POST', '/api/keys/credit', '--input', 'nothing.json', '--yes']],
  ])('%s', async (_what, args) => {
    const { api, me } = await signedInUser();
    const { code, stdout, stderr } = await me.ci(['api', ...args], { stdin: 'name: x' });
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('the key of a request', () => {
  const apiKey = 'sk_live_abcdefghijklmnopqrstuvwxyz012345';

  test('is the API key for /v1 and /anthropic, the management key for /api, and missing for the plans', async () => {
    const api = await server(answer(200, {}));
    const me = userOf(api, { CHEAPESTINFERENCE_API_KEY: apiKey });
    for (const place of ['/v1/models', '/anthropic/v1/models', '/api/keys', '/api/plans'])
      await me.ci(`api GET ${place}`);
    expect(api.received.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${apiKey}`,
      `Bearer ${apiKey}`,
      `Bearer ${managementKey}`,
      undefined,
    ]);
  });

  test.each([
    ['/api/../v1/usage', '/v1/usage', apiKey],
    ['/api/%2e%2e/v1/usage', '/v1/usage', apiKey],
    ['/api/.%2E/v1/usage?a=../b', '/v1/usage?a=../b', apiKey],
    ['/api\\..\\v1\\usage', '/v1/usage', apiKey],
    ['/api/./../anthropic/v1/models', '/anthropic/v1/models', apiKey],
    ['/v1/../api/keys', '/api/keys', managementKey],
    ['/v1/../api/plans?x=1', '/api/plans?x=1', undefined],
    ['/api/pools?x=1', '/api/pools?x=1', managementKey],
    ['/api/..', '/', undefined],
    ['/apis/keys', '/apis/keys', undefined],
    ['/API/keys', '/API/keys', undefined],
    ['/%61pi/keys', '/%61pi/keys', undefined],
    ['/api/agent/plans', '/api/agent/plans', undefined],
    ['/health', '/health', undefined],
    ['/api/keys/a%2Fb', '/api/keys/a%2Fb', managementKey],
  ])('depends on where the path leads: %s', async (typed, sent, key) => {
    const api = await server(answer(200, {}));
    const { code } = await userOf(api, { CHEAPESTINFERENCE_API_KEY: apiKey }).ci(['api', 'GET', typed]);
    expect([code, api.requests]).toEqual([0, [`GET ${sent}`]]);
    expect(api.received[0]?.headers.authorization).toBe(key && `Bearer ${key}`);
  });

  test('depends on where the path of a change leads, which the prompt shows', async () => {
    const api = await server(answer(200, {}));
    const session = onTerminal(userOf(api), 'api POST /api/x/../keys/credit -f name=x');
    await session.shows('Send this request?');
    expect(session.screen).toContain('POST /api/keys/credit');
    session.type(enter);
    expect([await session.exit, api.requests]).toEqual([1, []]);
  });

  test('is never the management key for /v1, which fails with 4 without an API key', async () => {
    const { api, me } = await signedInUser();
    const { code, stderr } = await me.ci('api GET /v1/models');
    expect([code, api.requests]).toEqual([4, []]);
    expect(stderr).toContain('CHEAPESTINFERENCE_API_KEY');
  });

  test('is not a management key in the variable of the API key', async () => {
    const { api, me } = await signedInUser({ CHEAPESTINFERENCE_API_KEY: managementKey });
    const { code, stderr } = await me.ci('api GET /v1/models');
    expect([code, api.requests]).toEqual([2, []]);
    expect(stderr).not.toContain('0123456789');
  });

  test('works for a chat completion', async () => {
    const { api, me } = await signedInUser();
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    const own = (await me.ci('keys create x --secret-only')).stdout.trim();
    const { code, stdout } = await me.ci('api POST /v1/chat/completions --input - --yes', {
      stdin: JSON.stringify({ model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] }),
      env: { CHEAPESTINFERENCE_API_KEY: own },
    });
    expect([code, at(JSON.parse(stdout), 'object')]).toEqual([0, 'chat.completion']);
    expect(api.received.at(-1)?.headers.authorization).toBe(`Bearer ${own}`);
  });

  test('is not sent to another host after a redirect', async () => {
    const other = await server(answer(200, { data: 'taken' }));
    const api = await server(
      (_request, response) => void response.writeHead(302, { Location: `${other.url}/api/keys` }).end(),
    );
    await userOf(api).ci('api GET /api/keys');
    expect(other.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  test('is masked in --debug', async () => {
    const { me } = await signedInUser();
    const { code, stderr } = await me.ci('api GET /api/keys --debug');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^> GET http.*\/api\/keys\n< 200 /);
    expect(stderr).not.toContain('0123456789');
  });
});
