import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { json, type User, user } from '../support/cli.ts';
import { answers, clients } from '../support/clients.ts';
import { customer } from '../support/customer.ts';
import { keyHolder, storedSecret } from '../support/key-store.ts';
import { needs } from '../support/programs.ts';
import { onTerminal } from '../support/terminal.ts';

const variables = {
  CHEAPESTINFERENCE_API_KEY: storedSecret,
  OPENAI_API_KEY: storedSecret,
  OPENAI_BASE_URL: 'https://api.cheapestinference.com/v1',
  ANTHROPIC_AUTH_TOKEN: storedSecret,
  ANTHROPIC_BASE_URL: 'https://api.cheapestinference.com/anthropic',
  ANTHROPIC_API_KEY: '',
};

/** How each shell evaluates the output, and then runs a command. */
const shells = [
  ['sh', 'eval "$(ci env)"; exec', 'sh'],
  ['bash', 'eval "$(ci env)"; exec', 'sh'],
  ['zsh', 'eval "$(ci env)"; exec', 'sh'],
  ['fish', 'ci env | source; exec', 'fish'],
  ['pwsh', 'ci env | Out-String | Invoke-Expression; &', 'powershell'],
] as const;

describe.each(shells)('ci env in %s', (name, line, kind) => {
  /** Runs a command in the shell, which was started by a program that isn't a shell, with another login shell. */
  function evaluated(me: User, command: string) {
    const env = { ...me.env, SHELL: kind === 'fish' ? '/bin/bash' : '/usr/bin/fish' };
    const { status, stdout, stderr } = spawnSync(name, ['-c', `${line} ${command}`], {
      env,
      cwd: me.home,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }

  test('sets the variables of a key, without the option --shell', (context) => {
    needsShell(context, name);
    const me = keyHolder({ ANTHROPIC_API_KEY: 'sk-ant-of-the-user' });
    const script = 'console.log(JSON.stringify(process.env))';
    writeFileSync(path.join(me.home, 'print.cjs'), script);
    const { status, stdout, stderr } = evaluated(me, `${process.execPath} print.cjs`);
    expect([status, stderr]).toEqual([0, '']);
    const { ANTHROPIC_API_KEY = '', ...others } = JSON.parse(stdout);
    expect({ ...others, ANTHROPIC_API_KEY }).toMatchObject(variables);
  });

  test('recognizes the shell of a script', (context) => {
    needsShell(context, name);
    const me = keyHolder();
    const shell = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(path.join(me.home, 'set-up'), `#!${shell}\n${line} printenv OPENAI_API_KEY\n`, { mode: 0o755 });
    const { stdout, stderr } = spawnSync(path.join(me.home, 'set-up'), {
      env: { ...me.env, SHELL: kind === 'fish' ? '/bin/bash' : '/usr/bin/fish' },
      cwd: me.home,
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual([`${storedSecret}\n`, '']);
  });

  test('lets the official clients answer', async (context) => {
    needsShell(context, name);
    const { me } = await customer();
    await me.ci('pools subscribe kimi26 --blocks all --create-key app --yes --json');
    const env = { ...me.env, SHELL: '/bin/false' };
    const result = await me.sh(`exec ${name} -c '${line} ${process.execPath} ${clients}'`, { env });
    expect([result.code, result.stdout, result.stderr]).toEqual([0, answers.join(''), '']);
  });

  test('quotes whatever is in a value', async (context) => {
    needsShell(context, name);
    const me = user();
    // Only a name can have such characters, which a value of the future may repeat.
    const nasty = `it's "a" \\ $HOME \`date\` %s 日本 ‘x’ ; rm -rf *`;
    const { assignments } = await import('../../src/output/assignments.ts');
    const script = assignments({ NASTY: nasty }, kind);
    writeFileSync(path.join(me.home, 'script'), script);
    writeFileSync(path.join(me.home, 'print.cjs'), 'process.stdout.write(process.env.NASTY)');
    const source = kind === 'powershell' ? 'Get-Content script -Raw | Invoke-Expression; &' : '. ./script; exec';
    const { stdout } = spawnSync(name, ['-c', `${source} ${process.execPath} print.cjs`], {
      env: me.env,
      cwd: me.home,
      encoding: 'utf8',
    });
    expect(stdout).toBe(nasty);
  });
});

/** Skips a test without its shell. Debian has no package with PowerShell. */
function needsShell(context: TestContext, name: string): void {
  if (name === 'pwsh' && spawnSync('sh', ['-c', 'command -v pwsh']).status !== 0) context.skip('pwsh is not installed');
  needs(context, name);
}

describe('ci env', () => {
  test.each([
    [
      'sh',
      `export CHEAPESTINFERENCE_API_KEY='${storedSecret}'
export OPENAI_API_KEY='${storedSecret}'
export OPENAI_BASE_URL='https://api.cheapestinference.com/v1'
export ANTHROPIC_AUTH_TOKEN='${storedSecret}'
export ANTHROPIC_BASE_URL='https://api.cheapestinference.com/anthropic'
export ANTHROPIC_API_KEY=''
`,
    ],
    [
      'fish',
      `set -gx CHEAPESTINFERENCE_API_KEY '${storedSecret}'
set -gx OPENAI_API_KEY '${storedSecret}'
set -gx OPENAI_BASE_URL 'https://api.cheapestinference.com/v1'
set -gx ANTHROPIC_AUTH_TOKEN '${storedSecret}'
set -gx ANTHROPIC_BASE_URL 'https://api.cheapestinference.com/anthropic'
set -gx ANTHROPIC_API_KEY ''
`,
    ],
    [
      'powershell',
      `$env:CHEAPESTINFERENCE_API_KEY = '${storedSecret}'
$env:OPENAI_API_KEY = '${storedSecret}'
$env:OPENAI_BASE_URL = 'https://api.cheapestinference.com/v1'
$env:ANTHROPIC_AUTH_TOKEN = '${storedSecret}'
$env:ANTHROPIC_BASE_URL = 'https://api.cheapestinference.com/anthropic'
$env:ANTHROPIC_API_KEY = ''
`,
    ],
  ])('prints commands with --shell %s', async (shell, text) => {
    const { code, stdout, stderr } = await keyHolder().ci(`env --shell ${shell}`);
    expect([code, stdout, stderr]).toEqual([0, text, '']);
  });

  test('prints a dotenv file that a program reads unchanged', async () => {
    const me = keyHolder();
    const { stdout } = await me.ci('env --for anthropic --format dotenv');
    writeFileSync(path.join(me.home, '.env'), stdout);
    const print =
      'const { ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, OPENAI_API_KEY } = process.env; console.log(JSON.stringify({ ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY, OPENAI_API_KEY }))';
    const read = spawnSync(process.execPath, ['--env-file=.env', '-e', print], {
      env: me.env,
      cwd: me.home,
      encoding: 'utf8',
    });
    expect(JSON.parse(read.stdout)).toEqual({
      ANTHROPIC_AUTH_TOKEN: storedSecret,
      ANTHROPIC_BASE_URL: variables.ANTHROPIC_BASE_URL,
      ANTHROPIC_API_KEY: '',
    });
  });

  test.each(['--format json', '--json', '-o json'])('prints an object with %s', async (flag) => {
    expect(json(await keyHolder().ci(`env ${flag}`))).toEqual(variables);
  });

  test('prints the variables of one format with --for', async () => {
    const { CHEAPESTINFERENCE_API_KEY, OPENAI_API_KEY, OPENAI_BASE_URL } = variables;
    expect(json(await keyHolder().ci('env --for openai --json'))).toEqual({
      CHEAPESTINFERENCE_API_KEY,
      OPENAI_API_KEY,
      OPENAI_BASE_URL,
    });
  });

  test('prints only the variable of its own with --for none', async () => {
    expect(json(await keyHolder().ci('env --for none --json'))).toEqual({ CHEAPESTINFERENCE_API_KEY: storedSecret });
    const { stdout } = await keyHolder().ci('env --for none --shell sh');
    expect(stdout).toBe(`export CHEAPESTINFERENCE_API_KEY='${storedSecret}'\n`);
  });

  test('prints shell commands even if the profile prefers JSON', async () => {
    const me = keyHolder();
    await me.ci('config set output json');
    expect((await me.ci('env --shell sh')).stdout).toContain(`export OPENAI_API_KEY='${storedSecret}'\n`);
    expect((await me.ci('env', { env: { SHELL: '/bin/sh' } })).stdout).toContain(`export OPENAI_API_KEY=`);
  });

  test('prints shell commands even if CHEAPESTINFERENCE_OUTPUT is set', async () => {
    const me = keyHolder({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    expect((await me.ci('env --shell sh')).stdout).toContain(`export OPENAI_API_KEY='${storedSecret}'\n`);
    expect((await me.ci('env', { env: { SHELL: '/bin/sh' } })).stdout).toContain(`export OPENAI_API_KEY=`);
    expect(json(await me.ci('env --json'))).toEqual(variables);
  });

  test('says on a terminal how to load the variables', async () => {
    const session = onTerminal(keyHolder(), 'env --shell fish --for openai');
    await session.exit;
    expect(session.screen).toContain(
      'To set these variables in fish, run:\n  ci env --for openai --shell fish | source',
    );
  });

  test('names the served sandbox with --sandbox', async () => {
    const me = user();
    await me.ci('--sandbox keys create app --credit --store');
    const { stdout, stderr } = await me.ci('--sandbox env --json');
    expect(JSON.parse(stdout)).toMatchObject({ OPENAI_BASE_URL: 'http://127.0.0.1:8787/v1' });
    expect(stderr).toBe('Programs can reach the sandbox while `ci sandbox serve` runs in another terminal.\n');
  });

  test.each([
    ['env --shell tcsh', 2, '"tcsh" is not a valid value for --shell. Choose sh, fish or powershell.'],
    ['env --shell sh --format json', 2, "--shell and --format can't be combined. Pass one of them."],
    [
      'env --pool kimi26',
      5,
      'No key for pool "kimi26" is stored on this machine. Create one with `ci keys create NAME --pool kimi26 --store`, or store an existing one with `ci keys secret NAME --add`.',
    ],
  ])('refuses %s', async (line, code, message) => {
    const ended = await keyHolder().ci(line);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([code, '', `ci: ${message}\n`]);
  });

  test('refuses a key of the sandbox for another API', async () => {
    const ended = await keyHolder({ CHEAPESTINFERENCE_API_KEY: `sk_sandbox_${'x1'.repeat(16)}` }).ci('env');
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      2,
      '',
      "ci: CHEAPESTINFERENCE_API_KEY has a key of the sandbox, which api.cheapestinference.com doesn't accept. Unset the variable, or pass --sandbox.\n",
    ]);
  });

  test('refuses a variable that holds no API key, without showing it', async () => {
    const ended = await keyHolder({ CHEAPESTINFERENCE_API_KEY: 'mk_0123456789abcdefgh' }).ci('env');
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      2,
      '',
      'ci: "mk_…efgh" from CHEAPESTINFERENCE_API_KEY is not a valid API key. API keys start with sk_. Correct or unset the variable, or pass a stored key with --key.\n',
    ]);
  });

  test('refuses a file of secrets that other users can read', async () => {
    const me = keyHolder();
    const file = path.join(me.home, 'config', 'cheapestinference', 'secrets.json');
    chmodSync(file, 0o644);
    const ended = await me.ci('env');
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toBe(
      `ci: Other users can read ${file} (mode 0644), which contains a key. Run \`chmod 600 ${file}\`. Create a new key if someone may have seen this one.\n`,
    );
  });
});
