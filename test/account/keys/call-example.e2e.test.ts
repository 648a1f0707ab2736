import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sandboxUser, secret, userOf } from '../../support/cli.ts';
import { at } from '../../support/sandbox.ts';
import { recordedSandbox } from '../../support/servers.ts';
import { onTerminal, shown } from '../../support/terminal.ts';

/** Returns the command that is shown after a new key. */
function commandIn(screen: string): string {
  const [, command = ''] = /:\n((?: {2}.+\n?)+)\s*$/.exec(screen) ?? [];
  return command;
}

describe('`ci keys create`, after a new key,', () => {
  test.each([40, 80, 120])(
    'shows a command that works as pasted, with the key from its file (%i columns)',
    async (columns) => {
      const api = await recordedSandbox();
      const me = userOf(api);
      const { code, screen, written } = await shown(me, 'keys create k --credit --save .env --var K', { columns });
      expect([code, written]).toEqual([0, expect.not.stringMatching(secret)]);
      const { stdout, stderr } = await me.sh(commandIn(screen));
      expect([stderr.includes('rror'), at(JSON.parse(stdout), 'data', 0, 'id')]).toEqual([false, 'kimi-k2.6']);
    },
  );

  test('shows the base URLs, and no file if the key was only shown', async () => {
    const api = await recordedSandbox();
    const { screen } = await shown(userOf(api), 'keys create k --credit', { columns: 120 });
    expect(screen).toContain(
      [
        `Base URL  ${api.url}/v1 (OpenAI)`,
        `          ${api.url}/anthropic (Anthropic)`,
        'To try it, set CHEAPESTINFERENCE_API_KEY to the key, then run:',
        `  curl ${api.url}/v1/models --header "Authorization: Bearer $CHEAPESTINFERENCE_API_KEY"`,
      ].join('\n'),
    );
  });

  test('shows how to serve the sandbox', async () => {
    const { screen } = await shown(sandboxUser(), 'keys create k --credit --save .env', { columns: 120 });
    expect(screen).toContain('Base URL  http://127.0.0.1:8787/v1 (OpenAI)');
    expect(screen).toContain('To try it, run `ci sandbox serve` in another terminal, then run:');
  });

  test('shows a command for sh if the shell is fish, which reads no dotenv files', async () => {
    const me = userOf(await recordedSandbox());
    const { screen } = await shown(me, 'keys create k --credit --save .env', { env: { SHELL: '/usr/bin/fish' } });
    expect(at(JSON.parse((await me.sh(commandIn(screen))).stdout), 'data', 0, 'id')).toBe('kimi-k2.6');
    expect(commandIn(screen)).toMatch(/^ {2}sh -c '/);
  });

  test.each(['--json', '--secret-only', ''])('shows nothing to programs (%j)', async (flags) => {
    const me = userOf(await recordedSandbox());
    expect((await me.ci(`keys create k --credit ${flags}`)).stderr).toBe('');
  });
});

describe('the name of a new key', () => {
  test('is asked for on a terminal: by default that of the directory, with a number if it is taken', async () => {
    const me = userOf(await recordedSandbox());
    const directory = path.basename(me.home);
    for (const name of [directory, `${directory}-2`]) {
      const session = onTerminal(me, 'keys create --credit --save k.env --force');
      await session.shows(`Key name: (${name})`);
      session.type('\r');
      expect(await session.exit).toBe(0);
      expect(session.screen.replaceAll(/\s+/g, ' ')).toContain(`Name ${name} `);
    }
    expect(readFileSync(path.join(me.home, 'k.env'), 'utf8')).toMatch(secret);
  });

  test('must be unused if it is typed at the prompt', async () => {
    const me = userOf(await recordedSandbox());
    await me.ci('keys create prod --credit');
    const session = onTerminal(me, 'keys create --credit');
    await session.shows('Key name:');
    session.type('prod\r');
    await session.shows('Key "prod" already exists. Enter another name.');
    session.type('-2\r');
    expect([await session.exit, session.screen]).toEqual([0, expect.stringContaining('prod-2')]);
  });

  test('is left to the API for a subscription without a terminal', async () => {
    const api = await recordedSandbox();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const { code, stdout } = await userOf(api).ci('keys create');
    expect([code, stdout.split('\t')[1]]).toEqual([0, 'default']);
  });

  test('gets a warning on stderr if another key has it', async () => {
    const me = userOf(await recordedSandbox());
    await me.ci('keys create prod --credit');
    const { code, stderr } = await me.ci('keys create prod --credit');
    expect([code, stderr]).toEqual([0, 'You already have a key named "prod". Use the IDs to tell the keys apart.\n']);
  });
});
