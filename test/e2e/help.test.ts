import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { textAt } from '../sandbox/harness.ts';
import { oneLine, user } from './cli.ts';
import { data, server } from './servers.ts';
import { shown } from './terminal.ts';

const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));

const nouns = ['pools', 'keys', 'billing', 'auth', 'sandbox', 'completion'] as const;
const verbs = [
  'pools list',
  'pools view',
  'pools quote',
  'pools subscribe',
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
  'sandbox path',
] as const;

describe('help is a result: exit 0, on stdout', () => {
  test('of ci itself, four ways', async () => {
    const me = user();
    const [bare, ...others] = await Promise.all(['', '--help', '-h', 'help'].map((line) => me.ci(line)));
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

  test.each([...nouns, ...verbs])('of %s fits into 80 columns', async (line) => {
    const { code, rows } = await shown(user(), `${line} --help`);
    expect(code).toBe(0);
    // An example is to be copied: it is one line, however long.
    expect(rows.filter((row) => row.length > 80 && !row.startsWith('  $ '))).toEqual([]);
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
    ['a word too many', 'pools list all', 'ci pools list --help'],
    ['a missing word', 'sandbox advance', 'duration'],
    ['a missing value', 'pools quote kimi26 --blocks', '--blocks'],
    ['help for nothing there is', 'help nothing', 'nothing'],
    ['help for a verb that is none', 'help pools nothing', 'nothing'],
    ['a format that is none', 'pools list -o xml', 'table, json, csv, yaml'],
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
