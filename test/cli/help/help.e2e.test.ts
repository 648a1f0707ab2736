import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { managementKey, oneLine, user } from '../../support/cli.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { data, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));

const nouns = ['pools', 'keys', 'billing', 'auth', 'sandbox', 'completion'] as const;
const verbs = [
  'pools list',
  'pools view',
  'pools quote',
  'pools subscribe',
  'pools watch',
  'pools subscriptions',
  'keys list',
  'keys create',
  'keys delete',
  'billing status',
  'auth login',
  'auth logout',
  'auth status',
  'api',
  'sandbox serve',
  'sandbox reset',
  'sandbox advance',
  'sandbox schedule',
  'sandbox path',
] as const;

describe('help is a result: exit 0, on stdout', () => {
  test('of ci itself, three ways', async () => {
    const me = user();
    const [bare, ...others] = await Promise.all(['--help', '-h', 'help'].map((line) => me.ci(line)));
    expect(bare).toMatchObject({ code: 0, stderr: '' });
    expect(bare?.stdout).toMatch(/^Usage: ci <command> \[options\]\n/);
    for (const noun of [...nouns, 'api']) expect(bare?.stdout).toMatch(new RegExp(`^  ${noun} `, 'm'));
    for (const option of ['--json', '--output', '--fields', '--profile', '--api-url', '--sandbox', '--timeout']) {
      expect(bare?.stdout).toContain(option);
    }
    for (const other of others) expect(other).toEqual(bare);
  });

  test.each(nouns)('of %s, four ways', async (noun) => {
    const me = user();
    const [bare, ...others] = await Promise.all(
      [noun, `${noun} --help`, `help ${noun}`, `--sandbox ${noun} -h`].map((line) => me.ci(line)),
    );
    expect(bare).toMatchObject({ code: 0, stderr: '' });
    expect(bare?.stdout).toMatch(new RegExp(`^Usage: ci ${noun} <command> `));
    for (const other of others) expect(other).toEqual(bare);
  });

  test.each(verbs)('of %s, with examples', async (verb) => {
    const me = user();
    const [first, second] = await Promise.all([`${verb} --help`, `help ${verb}`].map((line) => me.ci(line)));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first?.stdout).toMatch(new RegExp(`^Usage: ci ${verb}\\b`));
    expect(first?.stdout).toMatch(new RegExp(`\\nExamples:\\n(?:.*\\n)*?.*\\bci ${verb}`));
    expect(second).toEqual(first);
  });

  test('of a noun tells the names, options and arguments that its commands have', async () => {
    const me = user();
    const tree = JSON.parse((await me.ci('help --json')).stdout);
    for (const noun of listAt(tree, 'commands')) {
      const commands = listAt(noun, 'commands');
      if (commands.length === 0) continue;
      const { stdout } = await me.ci(`${textAt(noun, 'name')} --help`);
      const [, section = ''] = /\nCommands:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
      const listed = [...section.matchAll(/^ {2}(\S.*?)(?: {2}|$)/gm)];
      expect(listed.map(([, term]) => term)).toEqual(commands.map(termOf));
    }
  });

  test.each([...nouns, ...verbs])('of %s fits into 80 columns', async (line) => {
    const { code, rows } = await shown(user(), `${line} --help`);
    expect(code).toBe(0);
    // An example is to be copied: it is one line, however long.
    expect(rows.filter((row) => row.length > 80 && !row.startsWith('  $ '))).toEqual([]);
  });
});

/** A command as help lists it: `list|ls [options] <pool>`. */
function termOf(command: unknown): string {
  const names = [textAt(command, 'name'), ...listAt(command, 'aliases')].join('|');
  const options = listAt(command, 'options').length > 0 ? ['[options]'] : [];
  const words = listAt(command, 'arguments').map((argument) => {
    const name = `${textAt(argument, 'name')}${at(argument, 'variadic') ? '...' : ''}`;
    return at(argument, 'required') ? `<${name}>` : `[${name}]`;
  });
  return [names, ...options, ...words].join(' ');
}

describe('ci alone is a page of its own', () => {
  test('in a pipe plain text, exit 0', async () => {
    const { code, stdout, stderr } = await user().ci('');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ci, the command line of CheapestInference \d+\.\d+\.\d+\n/);
    expect(stdout).toContain('\n! Not signed in.\n');
    expect(stdout).toMatch(/\n {2}ci auth login {2,}\S/);
    expect(stdout).not.toContain('\x1b');
  });

  test('that knows whether somebody is signed in, masks the key and asks nobody', async () => {
    const api = await server(data({}));
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    await me.ci('auth login --with-key', { stdin: managementKey });
    const asked = api.requests.length;
    const { stdout } = await me.ci('');
    expect(stdout).toContain(`\n✓ Signed in with mk_…cdef (profile "default") at ${new URL(api.url).host}.\n`);
    expect(stdout).toMatch(/\n {2}ci status {2,}\S/);
    expect((await me.ci('--profile other')).stdout).toContain('\n! Not signed in.\n');
    expect((await me.ci('--sandbox')).stdout).toContain('\n✓ In the sandbox:');
    expect(api.requests).toHaveLength(asked);
  });

  test.each([40, 60, 80, 200])('on a terminal of %d columns in colour, and within it', async (columns) => {
    const { code, screen, written, rows } = await shown(user(), '', { columns });
    expect(code).toBe(0);
    expect(written).toContain('\x1b[1m');
    expect(screen).toContain('Not signed in.');
    expect(rows.filter((row) => row.length > columns)).toEqual([]);
  });

  test('that shows whatever else goes wrong to the commands that need it', async () => {
    const me = user({ CHEAPESTINFERENCE_API_URL: 'nothing', CHEAPESTINFERENCE_SANDBOX: 'maybe', HOME: 'nowhere' });
    expect(await me.ci('')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('the version', () => {
  const version = textAt(manifest, 'version');

  test.each([['--version'], ['-V'], ['--version --json'], ['pools --version']])('ci %s', async (line) => {
    const { code, stdout, stderr } = await user().ci(line);
    expect([code, stdout, stderr]).toEqual([0, `${version}\n`, '']);
  });

  test('is in what the API is told', async () => {
    const api = await server(data([]));
    await user().ci(`pools list --api-url ${api.url}`);
    expect(api.received[0]?.headers['user-agent']).toContain(`/${version} `);
  });
});

describe('a mistake is one line on stderr that leads on, and exit 2', () => {
  test.each([
    ['an unknown noun', 'pool list', 'pools'],
    ['an unknown verb', 'pools lst', 'list'],
    ['an unknown flag', 'pools list --availabel', '--available'],
    ['the beginning of a flag', 'pools subscribe kimi26 --bil', 'Did you mean --billing-cycle?'],
    ['the beginning of several', 'pools watch --a', 'Did you mean one of --all-blocks, --again, --api-url?'],
    ['a word too many', 'pools list all', 'ci pools list --help'],
    ['a missing word', 'sandbox advance', 'duration'],
    ['a missing value', 'pools quote kimi26 --blocks', '--blocks'],
    ['help for nothing there is', 'help nothing', 'nothing'],
    ['help for a verb that is none', 'help pools nothing', 'nothing'],
    ['a format that is none', 'pools list -o xml', 'table, json, csv or yaml'],
    ['two formats', '--json pools list -o csv', 'csv'],
    ['a global flag without its value', 'pools list --profile', '--profile'],
  ])('%s', async (_what, line, named) => {
    const { code, stdout, stderr } = await user().ci(line);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line.includes('--json') ? /^\{.*\}\n$/ : oneLine);
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/\.\./);
  });
});

test('nothing is written to the home folder by looking around', async () => {
  const me = user();
  for (const line of ['', '--version', 'pools', 'pools list --help', 'sandbox path', 'auth logout']) await me.ci(line);
  expect((await me.sh('ls -A')).stdout).toBe('bin\n');
});

test('the second name of the program runs the same', async () => {
  expect(textAt(manifest, 'bin', 'cheapestinference')).toBe(textAt(manifest, 'bin', 'ci'));
});
