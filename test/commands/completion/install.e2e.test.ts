import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, type User, user } from '../../support/cli.ts';
import { needs } from '../../support/programs.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { completing, shells, startShell, writeSettings } from '../../support/shells.ts';
import { ctrlC, down, enter, onTerminal } from '../../support/terminal.ts';

const start = '# >>> completion of ci (cheapestinference) >>>';
const end = '# <<< completion of ci (cheapestinference) <<<';

const checkedIn = { bash: 'ci.bash', zsh: '_ci', fish: 'ci.fish', powershell: 'ci.ps1' } as const;
type Shell = keyof typeof checkedIn;

const script = (shell: Shell) => readFileSync(path.join('completions', checkedIn[shell]), 'utf8');

/** Returns a user with the default directories and a bash that loads no completions from a directory. */
function newUser(): User {
  return user({ XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' });
}

/** Runs `ci completion install`: the files that it names, what it did to each, and the lines. */
async function installed(me: User, line: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await me.ci(`completion install ${line} --json`, { env });
  expect([code, stdout.endsWith(']\n')]).toEqual([0, true]);
  const rows = json({ stdout });
  if (!Array.isArray(rows)) throw new Error(`no list: ${stdout}`);
  return {
    stderr,
    rows: rows.map((row) => [
      path.relative(me.home, textAt(row, 'file')),
      textAt(row, 'change'),
      Number(at(row, 'firstLine')),
      Number(at(row, 'lastLine')),
    ]),
  };
}

const bashCompletion = '/usr/share/bash-completion/bash_completion';

const linesOf = (text: string) => text.split('\n').length - 1;

describe('`ci completion install`', () => {
  const cases: Readonly<
    Record<Shell, { file: string; whole: readonly string[]; rc?: string; block: readonly string[] }>
  > = {
    bash: {
      file: '.local/share/bash-completion/completions/ci',
      whole: [
        '.local/share/bash-completion/completions/ci',
        '.local/share/bash-completion/completions/cheapestinference',
      ],
      rc: '.bashrc',
      block: ["[ -r 'FILE' ] && . 'FILE'"],
    },
    zsh: {
      file: '.local/share/cheapestinference/completion',
      whole: ['.local/share/cheapestinference/completion/_ci'],
      rc: '.zshrc',
      block: [
        "fpath=('FILE' $fpath)",
        '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }',
        'autoload -Uz _ci && compdef _ci ci cheapestinference',
      ],
    },
    fish: {
      file: '',
      whole: ['.config/fish/completions/ci.fish', '.config/fish/completions/cheapestinference.fish'],
      block: [],
    },
    powershell: {
      file: '.local/share/cheapestinference/completion/ci.ps1',
      whole: ['.local/share/cheapestinference/completion/ci.ps1'],
      rc: 'Documents/profile.ps1',
      block: [". 'FILE'"],
    },
  };

  test.each(Object.entries(cases))('changes and lists the files of %s', async (name, { file, whole, rc, block }) => {
    const shell = name === 'bash' || name === 'zsh' || name === 'fish' ? name : 'powershell';
    const me = newUser();
    writeProgram(me, 'pwsh', `echo "$HOME/Documents/profile.ps1"`);
    const lines = [start, ...block.map((line) => line.replaceAll('FILE', path.join(me.home, file))), end];
    const wholes = whole.map((each) => [each, 'created', 1, linesOf(script(shell))]);
    const first = await installed(me, `${shell} --yes`);
    expect(first.rows).toEqual(rc ? [...wholes, [rc, 'created', 1, lines.length]] : wholes);
    expect(first.stderr).toBe(`Start a new ${shell} shell to use it. After updating ci, run this command again.\n`);
    for (const each of whole) expect(readFileSync(path.join(me.home, each), 'utf8')).toBe(script(shell));
    const rcFile = path.join(me.home, rc ?? 'none');
    if (rc) expect(readFileSync(rcFile, 'utf8')).toBe(`${lines.join('\n')}\n`);
    // The second installation changes nothing, and asks nothing.
    const again = await installed(me, shell);
    expect(again.rows).toEqual(first.rows.map(([each, , ...numbers]) => [each, 'unchanged', ...numbers]));
    expect(again.stderr).toBe('');
    // An older one is brought up to date, and what stands around it stays.
    writeFileSync(path.join(me.home, whole[0] ?? ''), `# Generated from the command tree: \`ci completion x\`\n`);
    if (rc) writeFileSync(rcFile, `one\n${start}\nolder\n${end}\ntwo`);
    const updated = await installed(me, `${shell} --yes`);
    expect(updated.rows).toEqual([
      [whole[0], 'updated', 1, linesOf(script(shell))],
      ...whole.slice(1).map((each) => [each, 'unchanged', 1, linesOf(script(shell))]),
      ...(rc ? [[rc, 'updated', 2, lines.length + 1]] : []),
    ]);
    expect(readFileSync(path.join(me.home, whole[0] ?? ''), 'utf8')).toBe(script(shell));
    if (rc) expect(readFileSync(rcFile, 'utf8')).toBe(`one\n${lines.join('\n')}\ntwo`);
  });

  test('keeps the lines, mode, line breaks and links of an existing file', async () => {
    const me = newUser();
    const rc = path.join(me.home, '.zshrc');
    const kept = path.join(me.home, 'dotfiles-zshrc');
    for (const before of ['alias x=y\n', 'alias x=y', 'alias x=y\r\nalias z=z\r\n', '\n\n', 'ünïcödé\n']) {
      writeFileSync(kept, before);
      chmodSync(kept, 0o640);
      if (!existsSync(rc)) symlinkSync(kept, rc);
      const { rows } = await installed(me, 'zsh --yes');
      const text = readFileSync(kept, 'utf8');
      const newline = before.includes('\r\n') ? '\r\n' : '\n';
      expect(text.startsWith(before.endsWith('\n') ? before : `${before}${newline}`)).toBe(true);
      expect(text.endsWith(`${end}${newline}`)).toBe(true);
      const [, change, firstLine, lastLine] = rows.at(-1) ?? [];
      const lines = text.split(newline);
      expect([change, lines[Number(firstLine) - 1], lines[Number(lastLine) - 1]]).toEqual(['added', start, end]);
      expect([lstatSync(rc).isSymbolicLink(), statSync(kept).mode & 0o777]).toEqual([true, 0o640]);
    }
    expect(readdirSync(me.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('creates files that only you can write to, because zsh ignores others', async () => {
    const me = newUser();
    expect((await me.sh('umask 000; ci completion install zsh --yes')).code).toBe(0);
    const folder = path.join(me.home, '.local/share/cheapestinference/completion');
    const modes = [folder, path.dirname(folder), path.join(folder, '_ci'), path.join(me.home, '.zshrc')];
    expect(modes.map((each) => statSync(each).mode & 0o777)).toEqual([0o755, 0o755, 0o644, 0o644]);
  });

  test('changes files in the directories that the environment names', async () => {
    const me = newUser();
    const place = (name: string) => path.join(me.home, name);
    const files = async (shell: string, env: Record<string, string>) =>
      (await installed(me, `${shell} --yes`, env)).rows.map(([file]) => file);
    expect(await files('zsh', { ZDOTDIR: place('z') })).toContain('z/.zshrc');
    expect(await files('fish', { XDG_CONFIG_HOME: place('c') })).toContain('c/fish/completions/ci.fish');
    expect(await files('bash', { XDG_DATA_HOME: place('d') })).toContain('d/bash-completion/completions/ci');
    const own = { BASH_COMPLETION_USER_DIR: `${place('b')}:${place('other')}` };
    expect(await files('bash', own)).toContain('b/completions/ci');
  });

  test('adds no line to a startup file if bash loads completions from a directory', async () => {
    const me = newUser();
    writeFileSync(path.join(me.home, '.bashrc'), '. /usr/share/bash-completion/bash_completion\n');
    const { rows } = await installed(me, 'bash --yes');
    expect(rows.map(([file]) => file)).toEqual([
      '.local/share/bash-completion/completions/ci',
      '.local/share/bash-completion/completions/cheapestinference',
    ]);
    expect(readFileSync(path.join(me.home, '.bashrc'), 'utf8')).not.toContain(start);
    writeFileSync(path.join(me.home, '.bashrc'), '# . /usr/share/bash-completion/bash_completion\n');
    expect((await installed(me, 'bash --yes')).rows.at(-1)).toEqual(['.bashrc', 'added', 2, 4]);
  });
});

describe('`ci completion install`: consent and errors', () => {
  /** All that is in the home folder. */
  const all = async (me: User) => (await me.sh("find . -type f -o -type l | sort | grep -v '^./bin/'")).stdout;

  test('changes nothing without confirmation or a terminal, and exits with 2', async () => {
    const me = newUser();
    for (const line of [
      'completion install zsh',
      'completion install fish --no-input',
      'completion install bash --json',
    ]) {
      const { code, stdout, stderr } = await me.ci(line);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('--yes');
    }
    expect(await all(me)).toBe('');
  });

  test('changes nothing before you confirm, and shows the changes', async () => {
    const me = newUser();
    writeFileSync(path.join(me.home, '.zshrc'), 'one\n');
    const folder = path.join(me.home, '.local/share/cheapestinference/completion');
    for (const [answer, code] of [
      [enter, 1],
      ['n\r', 1],
      [ctrlC, 130],
    ] as const) {
      const asked = onTerminal(me, 'completion install zsh', { columns: 200 });
      await asked.shows('Change these files?');
      for (const line of [
        'Completion for zsh:',
        `  ${folder}/_ci: new file`,
        `  ${me.home}/.zshrc: lines 2–6 added`,
        `    ${start}`,
        `    fpath=('${folder}' $fpath)`,
        `    ${end}`,
      ]) {
        expect(asked.screen.split('\n')).toContain(line);
      }
      asked.type(answer);
      expect(await asked.exit).toBe(code);
      expect(await all(me)).toBe('./.zshrc\n');
      expect(readFileSync(path.join(me.home, '.zshrc'), 'utf8')).toBe('one\n');
    }
    const asked = onTerminal(me, 'completion install zsh', { columns: 200 });
    await asked.shows('Change these files?');
    asked.type('y\r');
    expect(await asked.exit).toBe(0);
    expect(asked.screen).toContain('✓ Completion for zsh is set up.');
    expect(asked.screen).toContain(`${me.home}/.zshrc: lines 2–6 added`);
  });

  test('leaves files of other programs and files that cannot be read or written, and exits with 1', async () => {
    const me = newUser();
    const folder = path.join(me.home, '.config/fish/completions');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'cheapestinference.fish'), '# mine\n');
    const cases: [line: string, prepare: () => void, told: string][] = [
      ['fish', () => {}, 'cheapestinference.fish belongs to another program'],
      ['zsh', () => writeFileSync(path.join(me.home, '.zshrc'), Buffer.from([0xff, 0xfe, 0x00])), "Can't read"],
      ['zsh', () => writeFileSync(path.join(me.home, '.zshrc'), `${start}\nhalf\n`), 'but not "# <<< completion'],
      ['bash', () => mkdirSync(path.join(me.home, '.bashrc')), "Can't read"],
      ['powershell', () => writeProgram(me, 'pwsh', 'exit 1'), "Can't find the profile of PowerShell"],
      ['powershell', () => writeProgram(me, 'pwsh', 'echo nowhere'), "Can't find the profile of PowerShell"],
    ];
    for (const [shell, prepare, told] of cases) {
      prepare();
      const before = await all(me);
      const { code, stdout, stderr } = await me.ci(`completion install ${shell} --yes`);
      expect([shell, code, stdout, await all(me)]).toEqual([shell, 1, '', before]);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(told);
    }
    expect(readFileSync(path.join(folder, 'cheapestinference.fish'), 'utf8')).toBe('# mine\n');
  });

  test('changes nothing for an unknown shell, and exits with 2', async () => {
    const me = newUser();
    for (const [line, env] of [
      ['completion install tcsh --yes', {}],
      ['completion install --yes', { SHELL: '/bin/tcsh' }],
    ] as const) {
      const { code, stdout, stderr } = await me.ci(line, { env });
      expect([line, code, stdout]).toEqual([line, 2, '']);
      expect(stderr).toContain('bash, zsh, fish or powershell');
    }
    expect(await all(me)).toBe('');
  });

  test('stops at a file that cannot be written, and says what was changed before', async () => {
    const me = newUser();
    const { code, stderr } = await me.ci('completion install zsh --yes --json', { env: { ZDOTDIR: '/proc' } });
    expect(code).toBe(1);
    const error = at(JSON.parse(stderr), 'error');
    expect([textAt(error, 'code'), textAt(error, 'outcome')]).toEqual(['file_error', 'applied']);
    expect(textAt(error, 'hint')).toContain('completion/_ci');
  });
});

describe('the shell in use', () => {
  test.for(shells)('%s, regardless of the login shell', async (shell, context) => {
    needs(context, shell);
    const me = newUser();
    writeSettings(me, shell);
    const prompt = await startShell(me, shell, { SHELL: shell === 'zsh' ? '/bin/bash' : '/bin/zsh' });
    const shown = await prompt.enter('ci completion install --yes --fields shell -o csv');
    expect(shown.split('\n')).toContain(shell);
  });

  test('is asked for if it is unknown', async () => {
    const asked = onTerminal(newUser(), 'completion install', { env: { SHELL: '/bin/tcsh' }, pty: true });
    await asked.shows('Shell:');
    asked.type(down + down + enter);
    await asked.shows('Completion for fish:');
    asked.type(enter);
    expect(await asked.exit).toBe(1);
  });

  test('is the login shell if `ci` was not started from a shell', async () => {
    const me = newUser();
    const { rows } = await installed(me, '--yes', { SHELL: '/usr/local/bin/fish' });
    expect(rows[0]?.[0]).toBe('.config/fish/completions/ci.fish');
  });
});

describe('Tab completion works after the installation', () => {
  test('in bash that loads completions from a directory', async (context) => {
    needs(context, 'bash');
    if (!existsSync(bashCompletion) && !process.env.CI) context.skip('bash-completion is not installed');
    const me = newUser();
    writeSettings(me, 'bash', `. ${bashCompletion}\n`);
    expect((await installed(me, 'bash --yes')).rows).toHaveLength(2);
    const prompt = await startShell(me, 'bash');
    expect((await prompt.tab('ci pools su')).line).toBe('ci pools subscri');
    expect((await prompt.tab('cheapestinference po')).line).toBe('cheapestinference pools ');
  });

  test('in zsh with and without its own completion', async (context) => {
    needs(context, 'zsh');
    const me = newUser();
    writeSettings(me, 'zsh', 'autoload -Uz compinit; compinit -u\n');
    await installed(me, 'zsh --yes');
    const prompt = await startShell(me, 'zsh');
    expect((await prompt.tab('cheapestinference po')).line).toBe('cheapestinference pools ');
    const other = newUser();
    writeSettings(other, 'zsh', 'autoload -Uz compinit; compinit -u\nsource <(ci completion zsh)\n');
    expect((await (await startShell(other, 'zsh')).tab('ci po')).line).toBe('ci pools ');
  });

  test('in a home directory with special characters', async (context) => {
    for (const shell of shells) {
      needs(context, shell);
      const me = user();
      const home = path.join(me.home, "it's a $HOME");
      mkdirSync(home);
      const there = user({ HOME: home, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' });
      const prompt = await completing({ ...there, home }, shell);
      expect((await prompt.tab('ci po')).line).toBe('ci pools ');
    }
  });
});

/** Puts a script where the user's programs are. */
function writeProgram({ home }: User, name: string, text: string): void {
  const file = path.join(home, 'bin', name);
  writeFileSync(`${file}.new`, `#!/bin/sh\n${text}\n`);
  chmodSync(`${file}.new`, 0o755);
  renameSync(`${file}.new`, file);
}
