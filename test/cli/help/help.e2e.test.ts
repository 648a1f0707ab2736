import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { managementKey, oneLine, user } from '../../support/cli.ts';
import { versionLine } from '../../support/program.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { data, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));

const nouns = ['pools', 'keys', 'billing', 'agent', 'auth', 'config', 'sandbox', 'completion'] as const;
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
  'agent plans',
  'auth login',
  'auth logout',
  'auth status',
  'api',
  'sandbox serve',
  'sandbox reset',
  'sandbox advance',
  'sandbox schedule',
  'sandbox path',
  'agent wallet create',
  'agent wallet list',
] as const;

describe('help', () => {
  test('goes to stdout for ci itself, with --help, -h and help', async () => {
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

  test.each([...nouns, 'agent wallet'])('goes to stdout for %s, with --help, -h, help and alone', async (noun) => {
    const me = user();
    const [bare, ...others] = await Promise.all(
      [noun, `${noun} --help`, `help ${noun}`, `--sandbox ${noun} -h`].map((line) => me.ci(line)),
    );
    expect(bare).toMatchObject({ code: 0, stderr: '' });
    expect(bare?.stdout).toMatch(new RegExp(`^Usage: ci ${noun} <command> \\[options\\]\n`));
    for (const other of others) expect(other).toEqual(bare);
  });

  test.each(verbs)('goes to stdout for %s, and has examples', async (verb) => {
    const me = user();
    const [first, second] = await Promise.all([`${verb} --help`, `help ${verb}`].map((line) => me.ci(line)));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first?.stdout).toMatch(new RegExp(`^Usage: ci ${verb}\\b`));
    expect(first?.stdout).toMatch(new RegExp(`\\nExamples:\\n(?:.*\\n)*?.*\\bci ${verb}`));
    expect(second).toEqual(first);
  });

  test('lists the commands of a noun with aliases and arguments', async () => {
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

  test.each([40, 60, 80])('fits %d columns for every command and topic', async (columns) => {
    const me = user();
    const all = pathsIn(JSON.parse((await me.ci('help --json')).stdout));
    expect(all).toEqual(expect.arrayContaining([...nouns, ...verbs]));
    for (const line of ['help', ...all.map((path) => `${path} --help`), ...topics.map((topic) => `help ${topic}`)]) {
      const { code, rows } = await shown(me, line, { columns });
      expect([line, code, rows.filter((row) => row.length > columns && !isOneWord(row))]).toEqual([line, 0, []]);
    }
  });

  test('cuts no word, and has each description below its term, at 40 columns', async () => {
    const { rows } = await shown(user(), 'pools --help', { columns: 40 });
    expect(rows.slice(0, 9)).toEqual([
      'Usage: ci pools <command> [options]',
      '',
      'List pools and reserve blocks',
      '',
      'Options:',
      '  -h, --help',
      '      Show help for a command',
      '',
      'Commands:',
    ]);
  });

  test('breaks long examples into several lines that can be copied, at 40 columns', async () => {
    const { screen } = await shown(user(), '--help', { columns: 40 });
    expect(screen).toContain('  $ ci pools subscribe kimi26 \\\n    --blocks europe\n');
  });

  test.each([
    ['keys revoke', '  ci keys revoke\n  ci keys rm\n'],
    ['pools ls', '  ci pools ls\n'],
    ['auth login', '  ci login\n'],
    ['auth logout', '  ci logout\n'],
    ['auth status', '  ci whoami\n'],
  ])('has the aliases of the command (%s)', async (line, aliases) => {
    const { stdout } = await user().ci(`${line} --help`);
    expect(stdout).toContain(`\n\nAliases:\n${aliases}\nExamples:\n`);
  });

  test.each(['keys create', 'login', 'version'])('omits aliases if there are none (%s)', async (line) => {
    expect((await user().ci(`${line} --help`)).stdout).not.toContain('Aliases');
  });

  test('omits the default of an option that has none', async () => {
    const { stdout } = await user().ci('api --help');
    expect(stdout).toContain('--raw-field <key=value>');
    expect(stdout).not.toContain('default');
  });
});

const topics = ['exit-codes', 'environment', 'output'] as const;

/** Returns whether a line can't be broken. */
function isOneWord(row: string): boolean {
  return /^ *\S+(?: \\)?$/.test(row);
}

/** Returns the words that lead to each command below one: `pools`, `pools list`. */
function pathsIn(command: unknown, above = ''): string[] {
  return listAt(command, 'commands').flatMap((each) => {
    const path = `${above} ${textAt(each, 'name')}`.trim();
    return [path, ...pathsIn(each, path)];
  });
}

/** Returns a command as help lists it: `list|ls`, `view [pool]`. */
function termOf(command: unknown): string {
  const names = [textAt(command, 'name'), ...listAt(command, 'aliases')].join('|');
  const words = listAt(command, 'arguments').map((argument) => {
    const name = `${textAt(argument, 'name')}${at(argument, 'variadic') ? '...' : ''}`;
    return at(argument, 'required') ? `<${name}>` : `[${name}]`;
  });
  return [names, ...words].join(' ');
}

describe('the start page', () => {
  test('is plain text in a pipe, with exit code 0', async () => {
    const { code, stdout, stderr } = await user().ci('');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^CheapestInference CLI \d+\.\d+\.\d+\n/);
    expect(stdout).toContain("\n! You aren't signed in.\n");
    expect(stdout).toMatch(/\n {2}ci auth login {2,}\S/);
    expect(stdout).not.toContain('\x1b');
  });

  test('shows the masked key and the host in use, without a request', async () => {
    const api = await server(data({}));
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    await me.ci('auth login --with-key', { stdin: managementKey });
    const asked = api.requests.length;
    const { stdout } = await me.ci('');
    expect(stdout).toContain(`\n✓ Signed in with mk_…cdef (profile "default") at ${new URL(api.url).host}.\n`);
    expect(stdout).toMatch(/\n {2}ci status {2,}\S/);
    expect((await me.ci('--profile other')).stdout).toContain("\n! You aren't signed in.\n");
    expect((await me.ci('--sandbox')).stdout).toContain('\n✓ Sandbox:');
    expect(api.requests).toHaveLength(asked);
  });

  test.each([40, 60, 80, 200])('has color on a terminal, and fits its %d columns', async (columns) => {
    const { code, screen, written, rows } = await shown(user(), '', { columns });
    expect(code).toBe(0);
    expect(written).toContain('\x1b[1m');
    expect(screen).toContain("You aren't signed in.");
    expect(rows.filter((row) => row.length > columns)).toEqual([]);
  });

  test('is shown even if the settings are invalid', async () => {
    const me = user({ CHEAPESTINFERENCE_API_URL: 'nothing', CHEAPESTINFERENCE_SANDBOX: 'maybe', HOME: 'nowhere' });
    expect(await me.ci('')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('the version', () => {
  const version = textAt(manifest, 'version');

  test.each([['--version'], ['-V'], ['--version --json'], ['pools --version']])('ci %s', async (line) => {
    const { code, stdout, stderr } = await user().ci(line);
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(versionLine), '']);
  });

  test('is in the User-Agent header', async () => {
    const api = await server(data([]));
    await user().ci(`pools list --api-url ${api.url}`);
    expect(api.received[0]?.headers['user-agent']).toContain(`/${version} `);
  });
});

describe('a usage error is one line on stderr that says what to do, with exit code 2:', () => {
  test.each([
    ['an unknown noun', 'pool list', 'Unknown command "pool". Did you mean pools? Run `ci --help`.'],
    ['an unknown verb', 'pools lst', 'Unknown command "lst". Did you mean list? Run `ci pools --help`.'],
    ['an unknown alias', 'keys rvoke', 'Unknown command "rvoke". Did you mean revoke? Run `ci keys --help`.'],
    [
      'an unknown verb of a noun that needs none',
      'gateway sttus',
      'Unknown command "sttus". Did you mean status? Run `ci gateway --help`.',
    ],
    ['another word after such a noun', 'history xyz', 'Unknown command "xyz". Run `ci history --help`.'],
    ['an unknown option', 'pools list --availabel', '--available'],
    ['the beginning of an option', 'pools subscribe kimi26 --bil', 'Did you mean --billing-cycle?'],
    ['the beginning of several', 'pools watch --a', 'Did you mean --all-blocks, --again or --api-url?'],
    ['too many arguments', 'pools list all', 'Too many arguments: expected 0, got 1. Run `ci pools list --help`.'],
    ['a missing argument', 'sandbox advance', 'Missing argument: duration. Run `ci sandbox advance --help`.'],
    ['a missing value', 'pools quote kimi26 --blocks', 'Missing value: --blocks <names>. Run '],
    ['help for an unknown topic', 'help nothing', 'nothing'],
    ['help for an unknown verb', 'help pools nothing', 'nothing'],
    ['an unknown format', 'pools list -o xml', 'Choose table, json, csv or yaml.'],
    ['two formats', '--json pools list -o csv', 'csv'],
    ['a global option without its value', 'pools list --profile', '--profile'],
  ])('%s', async (_what, line, named) => {
    const { code, stdout, stderr } = await user().ci(line);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line.includes('--json') ? /^\{.*\}\n$/ : oneLine);
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/\.\./);
  });
});

test('help, lists and paths write nothing to the home directory', async () => {
  const me = user();
  for (const line of ['', '--version', 'pools', 'pools list --help', 'sandbox path', 'auth logout']) await me.ci(line);
  expect((await me.sh('ls -A')).stdout).toBe('bin\n');
});

test('the package installs the program under both names', async () => {
  expect(textAt(manifest, 'bin', 'cheapestinference')).toBe(textAt(manifest, 'bin', 'ci'));
});
