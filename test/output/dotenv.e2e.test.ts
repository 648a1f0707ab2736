import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, json, oneLine, secret, userOf } from '../support/cli.ts';
import { emptyFolder } from '../support/folder.ts';
import { nodeOnly } from '../support/program.ts';
import { listAt } from '../support/sandbox.ts';
import { deadUrl, recordedSandbox } from '../support/servers.ts';

/** Returns the drafts and locks beside the dotenv file of a folder. */
function leftoversIn(folder: string): string[] {
  return readdirSync(folder).filter((each) => each.startsWith('.env') && each !== '.env');
}

/** Returns a user who creates credit keys, and their dotenv file. */
async function author(setting: Parameters<typeof recordedSandbox>[0] = {}) {
  const api = await recordedSandbox(setting);
  const me = userOf(api);
  const file = path.join(me.home, '.env');
  const beside = () => leftoversIn(me.home);
  return { api, me, file, beside };
}

const save = 'keys create k --credit --save .env --var KEY --force';
/** The same with another name, so that no note points out that the name is taken. */
const saveAnother = save.replace(' k ', ' another ');

describe('the file', () => {
  test.each(['000', '022', '077'])('is readable only by its owner, with any umask %s', async (umask) => {
    const { me, file, beside } = await author();
    for (const mode of [undefined, 0o644, 0o666]) {
      const line = save.replace(' k ', ` k-${mode} `);
      if (mode !== undefined) writeFileSync(file, 'KEY=old\n', { mode });
      const { code, stderr } = await me.sh(`umask ${umask}; ci ${line}`);
      expect([code, stderr, statSync(file).mode & 0o777, beside()]).toEqual([0, '', 0o600, []]);
    }
  });

  test('keeps multiline values, and is readable by a shell and Node.js', async () => {
    const { me, file } = await author();
    const before = `# mine\nexport A="one\nKEY=inside\n" # it's\r\nKEY='two\nlines' # the key\nB=2`;
    writeFileSync(file, before);
    expect((await me.ci(save)).code).toBe(0);
    const [apiKey = ''] = secret.exec(readFileSync(file, 'utf8')) ?? [];
    expect(readFileSync(file, 'utf8')).toBe(before.replace("'two\nlines'", apiKey));
    const shell = await me.sh('set -a; . ./.env; printf "%s|%s" "$KEY" "$B"');
    expect(shell.stdout).toBe(`${apiKey}|2`);
    const node = await me.sh(`node --env-file=.env -p 'process.env.KEY + "|" + process.env.B'`);
    expect(node.stdout).toBe(`${apiKey}|2\n`);
  });

  test('keeps the values of twenty simultaneous processes', async () => {
    const { api, me, file, beside } = await author();
    writeFileSync(file, 'FIRST=1\nKEY_7=old\n');
    symlinkSync('.env', path.join(me.home, 'env'));
    const names = Array.from({ length: 20 }, (_, at) => `KEY_${at}`);
    const ended = await Promise.all(
      names.map((name, at) =>
        me.process(`keys create ${name} --credit --save ${at % 2 ? '.env' : 'env'} --var ${name} --force`),
      ),
    );
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, '']));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.split('=')[0]).sort()).toEqual(['FIRST', ...names].sort());
    expect(new Set(lines.map((line) => secret.exec(line)?.[0]))).toHaveLength(21);
    expect([listAt(await api.box.seen(), 'keys').length, beside()]).toEqual([20, []]);
    expect(lstatSync(path.join(me.home, 'env')).isSymbolicLink()).toBe(true);
  });

  test.skipIf(nodeOnly('loads a script'))(
    "is complete if the process is killed at any point, and doesn't block the next one",
    async () => {
      const { me, file, beside } = await author();
      const old = `A=1\nKEY=old\n# ${'x'.repeat(5000)}\nB=2\n`;
      const dying = (steps: Environment) =>
        me.process(save, {
          env: { NODE_OPTIONS: `--require ${path.resolve('test/support/dying.cjs')}`, ...steps },
        });
      /** Checks what is left in a folder before a step. @returns whether the file is the old one or the new one */
      const stateIn = (folder: string, steps: number) => {
        // Only the draft and the lock may be left.
        const others = leftoversIn(folder);
        expect([steps, others.length <= 2]).toEqual([steps, true]);
        for (const each of others) expect(statSync(path.join(folder, each)).mode & 0o777).toBe(0o600);
        const text = readFileSync(path.join(folder, '.env'), 'utf8');
        return text === old ? 'old' : text === old.replace('old', secret.exec(text)?.[0] ?? '') ? 'new' : text;
      };
      /** Runs the next command, which removes what is left. */
      const next = async (cwd: string, steps: number) => {
        const { code } = await me.ci(save, { cwd });
        expect([steps, code, leftoversIn(cwd)]).toEqual([steps, 0, []]);
      };
      // A process that is killed leaves what is in the folder at that moment, so one that copies it before each step does for all.
      const copies = emptyFolder();
      writeFileSync(file, old);
      expect((await dying({ COPIES_TO: copies })).code).toBe(0);
      const count = readdirSync(copies).length;
      const seen: string[] = [];
      for (let steps = 0; steps < count; steps += 1) {
        const folder = path.join(copies, String(steps));
        seen.push(stateIn(folder, steps));
        await next(folder, steps);
      }
      // Old up to the one step that replaces it, and new from there on.
      expect([...seen, stateIn(me.home, count)].join(' ')).toMatch(/^(?:old ){20,}new(?: new)*$/);
      expect(beside()).toEqual([]);
      // Some are killed.
      for (let steps = 0; steps < count; steps += 7) {
        writeFileSync(file, old);
        expect([steps, (await dying({ DIES_AFTER: String(steps) })).signal]).toEqual([steps, 'SIGKILL']);
        expect([steps, stateIn(me.home, steps)]).toEqual([steps, seen[steps]]);
        await next(me.home, steps);
      }
    },
  );

  test('leaves no files of a killed process after the next save', async () => {
    const { api, me, beside } = await author({
      instead: ({ method }) => (method === 'POST' ? () => {} : undefined),
    });
    const killed = me.start(save);
    await api.got('POST');
    expect(beside()).toEqual([expect.stringMatching(/^\.env\..+\.tmp$/)]);
    // Its process is at work: the draft stays.
    const other = () =>
      me.ci('keys create other --credit --save other.env', { env: { CHEAPESTINFERENCE_API_URL: deadUrl } });
    expect((await other()).code).toBe(9);
    expect(beside()).toHaveLength(1);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(beside()).toHaveLength(1);
    expect((await other()).code).toBe(9);
    expect(readdirSync(me.home).filter((each) => each.includes('env'))).toEqual([]);
  });
});

describe('without space on the disk', () => {
  test('creates no key and leaves nothing behind', async () => {
    const { api, me, file, beside } = await author();
    const text = `A=${'x'.repeat(10_000)}\n`;
    writeFileSync(file, text);
    // The most that a file may hold: 4 or 8 KiB, as the shell counts.
    const { code, stdout, stderr } = await me.sh(`ulimit -f 8; ci ${save}`);
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(`Can't write ${file}: file too large`);
    expect([readFileSync(file, 'utf8') === text, beside()]).toEqual([true, []]);
  });

  test('keeps the file if it has grown in the meantime', async () => {
    const text = `A=${'x'.repeat(100_000)}\n`;
    const { api, me, file, beside } = await author({
      instead: ({ method }) => {
        if (method === 'POST') writeFileSync(file, text);
        return undefined;
      },
    });
    const { code, stderr } = await me.sh(`ulimit -f 64; ci ${save}`);
    expect([code, api.changes.length]).toEqual([1, 1]);
    expect(stderr).toContain('file too large');
    expect([readFileSync(file, 'utf8') === text, beside()]).toEqual([true, []]);
  });
});

describe('nothing is sent', () => {
  test.each([
    [
      'through a link out of its folder',
      'mine/.env',
      /mine\/\.env is a link to \S+\/other\/\.env, which is in another directory\. /,
    ],
    [
      'through such a link to nothing',
      'mine/later',
      /mine\/later is a link to \S+\/other\/later, which is in another directory\. /,
    ],
    ['to a pipe', 'pipe', /Can't write \S+pipe: it isn't a regular file\.?$/m],
    ['to this process’s own output', '/dev/stdout', /\/dev\/stdout is a link to \S+, which is in another directory\. /],
    ['to a folder', 'mine', /Can't write \S+mine: it is a directory\.?$/m],
  ])('for a key to be saved %s', async (_where, to, message) => {
    const { api, me } = await author();
    for (const folder of ['mine', 'other']) mkdirSync(path.join(me.home, folder));
    writeFileSync(path.join(me.home, 'other', '.env'), 'A=1\n');
    symlinkSync('../other/.env', path.join(me.home, 'mine', '.env'));
    symlinkSync('../other/later', path.join(me.home, 'mine', 'later'));
    await me.sh('mkfifo pipe');
    const before = readdirSync(me.home, { recursive: true });
    const { code, stdout, stderr } = await me.ci(['keys', 'create', 'k', '--credit', '--save', to]);
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(message);
    expect(readdirSync(me.home, { recursive: true })).toEqual(before);
    expect(readFileSync(path.join(me.home, 'other', '.env'), 'utf8')).toBe('A=1\n');
  });
});

describe('a file that Git would commit', () => {
  test('warns with a fix, and no longer once it is fixed', async () => {
    const { me, file } = await author();
    const home = realpathSync(me.home);
    await me.sh('git init --quiet');
    const { code, stdout, stderr } = await me.ci(`${save} --json`);
    expect([code, stderr]).toEqual([
      0,
      `Warning: Git would commit ${home}/.env with the secret. Add /.env to ${home}/.gitignore to prevent that.\n`,
    ]);
    expect(json({ stdout })).toMatchObject({ savedTo: file, variable: 'KEY' });
    await me.sh('echo /.env >>.gitignore');
    expect(await me.ci(saveAnother)).toMatchObject({ code: 0, stderr: '' });
  });

  test('explains how to untrack a tracked file', async () => {
    const { me, file } = await author();
    const home = realpathSync(me.home);
    writeFileSync(file, 'OTHER=sk_live_of_another_0123456789\n');
    await me.sh('git init --quiet && git add .env');
    const { code, stderr } = await me.ci(save);
    const command = `git -C ${home} rm --cached --force -- .env`;
    expect([code, stderr]).toEqual([
      0,
      `Warning: Git tracks ${home}/.env and would commit the secret. Run \`${command}\`, and add /.env to ${home}/.gitignore to prevent that.\n`,
    ]);
    const text = readFileSync(file, 'utf8');
    expect((await me.sh(`${command} && echo /.env >>.gitignore`)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(await me.ci(saveAnother)).toMatchObject({ code: 0, stderr: '' });
  });

  test("doesn't warn without Git or a repository", async () => {
    const { me } = await author();
    const env = { GIT_CEILING_DIRECTORIES: path.dirname(realpathSync(me.home)) };
    expect(await me.ci(save, { env })).toMatchObject({ code: 0, stderr: '' });
    await me.sh('git init --quiet');
    const without = { PATH: path.join(me.home, 'bin') };
    expect(await me.ci(saveAnother, { env: without })).toMatchObject({ code: 0, stderr: '' });
  });
});
