import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { lines, userOf } from '../support/cli.ts';
import { at } from '../support/sandbox.ts';
import { answer, data, recordedSandbox, server } from '../support/servers.ts';

const env = { GITHUB_ACTIONS: 'true' };

/** Texts that GitHub Actions runs as commands. */
const commands = ['::add-mask::x', '  ::stop-commands::x', 'a\n::error::x', 'a\r::warning::x', 'see ##[add-mask]x'];

/** Returns the lines that GitHub Actions runs as commands: they begin with `::` after any spaces, or contain `##[`. */
function obeyed(text: string): string[] {
  return text.split(/\r\n|\r|\n/).filter((line) => /^[\s\u0085]*::/.test(line) || line.includes('##['));
}

const keys = commands.map((name) => ({ id: name, name, keyType: name, apiKey: null }));

/** Creates a user on GitHub Actions with such names and ids of keys. */
async function signedInUser() {
  return userOf(await server(data(keys)), env);
}

describe('on GitHub Actions, no text from the API is run as a command', () => {
  test.each([
    'keys list',
    'keys list -o table',
    'keys list -o csv',
    'keys list -o yaml',
    'keys list --json',
    'keys list --fields name,id',
    'keys list --jq .[].name',
    'keys list --jq .',
    'api GET /api/keys',
    'keys list --debug',
  ])('in the result of ci %s', async (line) => {
    const { code, stdout, stderr } = await (await signedInUser()).ci(line);
    expect([code, obeyed(stdout), obeyed(stderr)]).toEqual([0, [], []]);
    for (const word of ['add-mask', 'stop-commands', 'error', 'warning']) expect(stdout).toContain(word);
  });

  test('in a response that isn’t JSON', async () => {
    const text = `first\n${commands.join('\n')}\n`;
    const me = userOf(await server(answer(200, text, { 'Content-Type': 'text/plain' })), env);
    const { code, stdout } = await me.ci('api GET /v1/models', {
      env: { CHEAPESTINFERENCE_API_KEY: 'sk_live_0123456789abcdefghijklmnopqrstuv' },
    });
    expect([code, obeyed(stdout)]).toEqual([0, []]);
    expect(stdout).toContain(': :add-mask::x\n');
  });

  test.each(['', '--json', '--debug'])('in an error message, with "%s"', async (flags) => {
    for (const words of commands) {
      const me = userOf(await server(answer(400, { success: false, error: words })), env);
      const { code, stderr } = await me.ci(`keys list ${flags}`);
      expect([words, code, obeyed(stderr)]).toEqual([words, 1, []]);
    }
  });

  test('in the output of --exec', async () => {
    const api = await recordedSandbox();
    const command = "printf '::add-mask::x\\n  ::stop-commands::y\\nz ##[group]\\n'";
    const { code, stderr } = await userOf(api, env).ci([
      ...'pools watch kimi26 --blocks europe --exec'.split(' '),
      command,
    ]);
    expect([code, obeyed(stderr)]).toEqual([0, []]);
    expect(stderr).toContain(': :add-mask::x\n');
  });
});

describe('on GitHub Actions', () => {
  test.each(['keys list --json', 'api GET /api/keys', 'keys list --jq .'])(
    'JSON has the same value: %s',
    async (line) => {
      const { stdout } = await (await signedInUser()).ci(line);
      const parsed: unknown = JSON.parse(stdout);
      if (line.startsWith('api')) expect(at(parsed, 'data')).toEqual(keys);
      else expect(parsed).toEqual(keys.map((key) => ({ ...key, stored: false })));
    },
  );

  test('masks a secret, whatever the name of its key', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api, env).ci(['keys', 'create', '::stop-commands::x', '--credit']);
    expect([code, obeyed(stdout)]).toEqual([0, []]);
    expect(lines(stderr)).toEqual([expect.stringMatching(/^::add-mask::sk_sandbox_\S+$/)]);
  });
});

test('leaves texts of the API unchanged elsewhere', async () => {
  const me = userOf(await server(data(keys)));
  expect(parseYaml((await me.ci('keys list -o yaml --fields name')).stdout)).toEqual(
    keys.map(({ name }) => ({ name })),
  );
  expect((await me.ci('keys list --fields name')).stdout).toContain('::add-mask::x\n');
});
