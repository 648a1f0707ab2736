import { expect, test } from 'vitest';
import { version } from '../../package.json';
import { json, managementKey, oneLine, user, userOf } from '../support/cli.ts';
import { isBinary, versionLine } from '../support/program.ts';
import { answer, recordedSandbox, server } from '../support/servers.ts';

test('`ci login`, `ci whoami` and `ci logout` do what the commands of `ci auth` do', async () => {
  const { url } = await recordedSandbox();
  const [short, long] = [user({ CHEAPESTINFERENCE_API_URL: url }), user({ CHEAPESTINFERENCE_API_URL: url })];
  for (const [shortcut, command] of [
    ['login --with-key', 'auth login --with-key'],
    ['whoami', 'auth status'],
    ['whoami --json', 'auth status --json'],
    ['logout', 'auth logout'],
    ['logout', 'auth logout'],
  ] as const) {
    const options = { stdin: shortcut.startsWith('login') ? managementKey : '' };
    const [ended, expected] = [await short.ci(shortcut, options), await long.ci(command, options)];
    const here = (text: string) => text.replaceAll(short.home, long.home);
    expect([shortcut, ended.code, here(ended.stdout), here(ended.stderr)]).toEqual([
      shortcut,
      expected.code,
      expected.stdout,
      expected.stderr,
    ]);
  }
});

test('`ci version` prints the version, and as JSON which build runs', async () => {
  expect(await user().ci('version')).toMatchObject({ code: 0, stdout: expect.stringMatching(versionLine), stderr: '' });
  expect(json(await user().ci('version --json'))).toEqual({
    version,
    build: isBinary ? 'standalone' : 'npm',
    platform: expect.stringContaining(process.arch),
  });
});

test('`ci models` lists what /v1/models offers the API key', async () => {
  const models = [
    { id: 'kimi-k2.6', object: 'model', created: 1, owned_by: 'x' },
    { id: 'glm-5', object: 'model', created: 2, owned_by: 'y' },
  ];
  const api = await server(answer(200, { object: 'list', data: models }));
  const me = userOf(api, { CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdefghij' });
  expect(await me.ci('models')).toMatchObject({ code: 0, stdout: 'kimi-k2.6\nglm-5\n', stderr: '' });
  expect(json(await me.ci('models --json'))).toEqual(models);
  expect((await me.ci('models --fields id,owned_by')).stdout).toBe('kimi-k2.6\tx\nglm-5\ty\n');
  expect(api.requests).toEqual(Array(3).fill('GET /v1/models'));
  expect(api.received[0]?.headers.authorization).toBe('Bearer sk_live_0123456789abcdefghij');
});

test('`ci models` needs an API key, and makes no request without one', async () => {
  const api = await server(answer(200, { data: [] }));
  const { code, stdout, stderr } = await userOf(api).ci('models');
  expect([code, stdout, api.requests]).toEqual([4, '', []]);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toContain('Set CHEAPESTINFERENCE_API_KEY');
});
