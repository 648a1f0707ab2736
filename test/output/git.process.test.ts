import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { gitWarning } from '../../src/output/git.ts';
import { emptyFolder } from '../support/folder.ts';
import { dotenvAt } from '../support/world.ts';

/** Keeps the settings of whoever runs the tests out. */
beforeEach(() => {
  vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** Creates an empty repository. */
function repository(): string {
  const folder = realpathSync(emptyFolder());
  git(folder, 'init', '--quiet');
  return folder;
}

/** Follows a warning to the letter. */
function follow(warning: string): void {
  const [, command, pattern = '', file = ''] =
    /^Warning: .+\. (?:Run `(.+)`, and a|A)dd (\S.*) to (\/.+) to prevent that\.$/.exec(warning) ?? [];
  if (command !== undefined) execFileSync('sh', ['-c', command], { stdio: 'pipe' });
  appendFileSync(file, `${pattern}\n`);
}

describe('a file that Git would commit', () => {
  test('causes a warning with the line to add to .gitignore', async () => {
    const folder = repository();
    const file = join(folder, '.env');
    expect(await gitWarning(file, process.env)).toBe(
      `Warning: Git would commit ${file} with the secret. Add /.env to ${folder}/.gitignore to prevent that.`,
    );
  });

  test('causes a warning with the command that untracks it', async () => {
    const folder = repository();
    const file = join(folder, '.env');
    writeFileSync(file, '');
    git(folder, 'add', '.env');
    expect(await gitWarning(file, process.env)).toBe(
      `Warning: Git tracks ${file} and would commit the secret. ` +
        `Run \`git -C ${folder} rm --cached --force -- .env\`, and add /.env to ${folder}/.gitignore to prevent that.`,
    );
  });

  test.each(['.env', '-x', 'two words', "it's", '*.env', '[a]!#', '!a', '#a', ':(top)x', '\\', 'ключ', '$HOME'])(
    'is no longer committed after following the warning, with the name %j',
    async (name) => {
      for (const state of ['new', 'added', 'committed', 'committed, ignored']) {
        const folder = join(repository(), "a folder's");
        mkdirSync(folder);
        const file = join(folder, name);
        writeFileSync(file, 'KEY=1');
        writeFileSync(join(folder, 'other.env'), '');
        git(folder, 'add', 'other.env');
        if (state !== 'new') git(folder, 'add', '--all');
        if (state.startsWith('committed')) git(folder, 'commit', '--quiet', '--message', 'all');
        if (state.endsWith('ignored')) writeFileSync(join(folder, '.gitignore'), '*\n!.gitignore\n');
        writeFileSync(file, 'KEY=2');
        const warning = await gitWarning(file, process.env);
        expect([state, warning]).toEqual([state, expect.stringMatching(state === 'new' ? /would commit/ : /tracks/)]);
        follow(warning ?? '');
        git(folder, 'add', '--all');
        const tracked = git(folder, 'ls-files', '-z').split('\0').slice(0, -1);
        expect([state, await gitWarning(file, process.env), tracked]).toEqual([
          state,
          undefined,
          ['.gitignore', 'other.env'],
        ]);
        expect(readFileSync(file, 'utf8')).toBe('KEY=2');
      }
    },
  );

  test('is found through a symbolic link', async () => {
    const folder = repository();
    mkdirSync(join(folder, 'real'));
    symlinkSync('real/env', join(folder, '.env'));
    writeFileSync(join(folder, '.gitignore'), '/.env\n');
    const dotenv = await dotenvAt(join(folder, '.env'), process.env);
    expect(await dotenv.gitWarning()).toContain(`Add /env to ${folder}/real/.gitignore`);
    await dotenv.discard();
  });

  test('is found in its own repository, whatever the environment says', async () => {
    const folder = repository();
    const other = repository();
    writeFileSync(join(other, '.gitignore'), '*\n');
    vi.stubEnv('GIT_DIR', join(other, '.git'));
    vi.stubEnv('GIT_WORK_TREE', other);
    vi.stubEnv('GIT_INDEX_FILE', join(other, '.git', 'index'));
    vi.stubEnv('GIT_LITERAL_PATHSPECS', '1');
    expect(await gitWarning(join(folder, '.env'), process.env)).toMatch(/^Warning: Git would commit /);
    expect(await gitWarning(join(other, '.env'), process.env)).toBeUndefined();
  });
});

describe('without a warning', () => {
  test.each(['.env', '.env*', '*', '/.env'])('a file is ignored by %s', async (pattern) => {
    const folder = repository();
    writeFileSync(join(folder, '.gitignore'), `${pattern}\n`);
    expect(await gitWarning(join(folder, '.env'), process.env)).toBeUndefined();
  });

  test('a file is ignored by the user or the clone', async () => {
    const [mine, clone, home] = [repository(), repository(), emptyFolder()];
    writeFileSync(join(clone, '.git', 'info', 'exclude'), '.env\n');
    expect(await gitWarning(join(clone, '.env'), process.env)).toBeUndefined();
    writeFileSync(join(home, 'ignore'), '.env\n');
    writeFileSync(join(home, 'config'), `[core]\n\texcludesFile = ${join(home, 'ignore')}\n`);
    vi.stubEnv('GIT_CONFIG_GLOBAL', join(home, 'config'));
    expect(await gitWarning(join(mine, '.env'), process.env)).toBeUndefined();
  });

  test('a file is outside of a work tree', async () => {
    const folder = emptyFolder();
    vi.stubEnv('GIT_CEILING_DIRECTORIES', join(folder, '..'));
    expect(await gitWarning(join(folder, '.env'), process.env)).toBeUndefined();
    expect(await gitWarning(join(repository(), '.git', '.env'), process.env)).toBeUndefined();
  });

  test('git is not installed', async () => {
    const folder = repository();
    vi.stubEnv('PATH', emptyFolder());
    expect(await gitWarning(join(folder, '.env'), process.env)).toBeUndefined();
  });

  test('git does not answer', async () => {
    const [folder, programs] = [repository(), emptyFolder()];
    writeFileSync(join(programs, 'git'), '#!/bin/sh\ntrap "" TERM\nexec sleep 600\n', { mode: 0o755 });
    vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
    expect(await gitWarning(join(folder, '.env'), process.env, 50)).toBeUndefined();
  });
});

test('does not run a program that the repository configures', async () => {
  const folder = repository();
  const ran = join(emptyFolder(), 'ran');
  const program = join(emptyFolder(), 'watch');
  writeFileSync(program, `#!/bin/sh\necho >${ran}\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, '.env'), '');
  git(folder, 'add', '.env');
  git(folder, 'config', 'core.fsmonitor', program);
  expect(await gitWarning(join(folder, '.env'), process.env)).toMatch(/^Warning: Git tracks /);
  expect(existsSync(ran)).toBe(false);
  git(folder, 'status');
  expect(existsSync(ran)).toBe(true);
});
