import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkVariable } from '../../src/output/dotenv.ts';
import { emptyFolder } from '../support/folder.ts';
import { dotenvAt } from '../support/world.ts';

test.each(['KEY', '_a1', 'CHEAPESTINFERENCE_API_KEY'])('accepts %s as the name of a variable', (name) => {
  expect(checkVariable(name)).toBe(name);
});

test.each(['', '1A', 'A-B', 'A B', 'A=B', 'Ä', 'A\n'])('%j cannot name a variable', (name) => {
  expect(() => checkVariable(name)).toThrow(
    expect.objectContaining({ code: 'usage', message: `"${name}" is not a valid variable name` }),
  );
});

describe('a dotenv file', () => {
  test('is created with mode 0600', async () => {
    const file = join(emptyFolder(), '.env');
    const dotenv = await dotenvAt(file);
    expect([dotenv.file, existsSync(file)]).toEqual([file, false]);
    await dotenv.set({ KEY: 'sk_live_1' });
    expect(readFileSync(file, 'utf8')).toBe('KEY=sk_live_1\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is replaced atomically with mode 0600, keeping changes made in the meantime', async () => {
    const folder = emptyFolder();
    const file = join(folder, '.env');
    writeFileSync(file, 'A=1\n', { mode: 0o644 });
    const before = statSync(file).ino;
    const dotenv = await dotenvAt(file);
    writeFileSync(file, 'A=2\nKEY=old\n');
    await dotenv.set({ KEY: 'new' });
    expect(readFileSync(file, 'utf8')).toBe('A=2\nKEY=new\n');
    expect([statSync(file).mode & 0o777, statSync(file).ino === before]).toEqual([0o600, false]);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  test('has the values of when it was opened', async () => {
    const file = join(emptyFolder(), '.env');
    writeFileSync(file, 'KEY=old\n');
    const dotenv = await dotenvAt(file);
    writeFileSync(file, 'KEY=new\n');
    expect([dotenv.get('KEY'), dotenv.get('OTHER')]).toEqual(['old', undefined]);
    await dotenv.discard();
  });

  test.each([
    ['has none', 'A=1\n', 'A=1\nKEY=new\n'],
    ['has the value that may be replaced', 'KEY=old\n', 'KEY=new\n'],
    ['has the new value already', 'KEY=new\n', 'KEY=new\n'],
  ])('is written if its variable %s', async (_what, before, after) => {
    const file = join(emptyFolder(), '.env');
    writeFileSync(file, before);
    await (await dotenvAt(file)).set({ KEY: 'new' }, new Map([['KEY', 'old']]));
    expect(readFileSync(file, 'utf8')).toBe(after);
  });

  test('is left as it was if a variable has another value than the one that may be replaced', async () => {
    const folder = emptyFolder();
    const file = join(folder, '.env');
    writeFileSync(file, 'KEY=old\nKEY_2=other\n');
    const dotenv = await dotenvAt(file);
    await expect(dotenv.set({ KEY: 'new', KEY_2: 'new' }, new Map([['KEY', 'old']]))).rejects.toMatchObject({
      code: 'file_error',
      message: `${file} was changed in the meantime: KEY_2 now has another value`,
    });
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['KEY=old\nKEY_2=other\n', ['.env']]);
  });

  test('is unchanged after being discarded, and nothing is left behind', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, '.env'), 'A=1\n');
    const dotenv = await dotenvAt(join(folder, '.env'));
    await dotenv.discard();
    expect(readdirSync(folder)).toEqual(['.env']);
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe('A=1\n');
  });

  test('is readable by its owner with any umask', async () => {
    const before = process.umask(0o777);
    onTestFinished(() => void process.umask(before));
    const file = join(emptyFolder(), '.env');
    chmodSync(dirname(file), 0o700);
    await (await dotenvAt(file)).set({ KEY: 'new' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('keeps every other byte, including invalid UTF-8', async () => {
    const file = join(emptyFolder(), '.env');
    const bytes = Buffer.from('\xef\xbb\xbfA=\xff\xfe\x00\x80\r\nB="\xe4\nKEY=1"', 'latin1');
    writeFileSync(file, bytes);
    await (await dotenvAt(file)).set({ KEY: 'ключ' });
    expect(readFileSync(file)).toEqual(Buffer.concat([bytes, Buffer.from("\nKEY='ключ'\n")]));
  });

  test('is unchanged if not every reader could read the value', async () => {
    const folder = emptyFolder();
    const file = join(folder, '.env');
    writeFileSync(file, 'A=1\n');
    const dotenv = await dotenvAt(file);
    await expect(dotenv.set({ KEY: 'sk_1\nB=2' })).rejects.toMatchObject({
      code: 'file_error',
      message: `Can't write ${file}: programs that read dotenv files don't agree on how to quote the value`,
    });
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['A=1\n', ['.env']]);
  });

  test('has a draft with reserved space and mode 0600', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, '.env'), `A=${'x'.repeat(10_000)}\n`);
    const dotenv = await dotenvAt(join(folder, '.env'));
    const [, successor = ''] = readdirSync(folder);
    expect(successor).toMatch(/^\.env\.[0-9a-f]{12}\.\d+\.(?:\d+|-)\.[0-9a-f]{12}\.tmp$/);
    const { size, blocks, mode } = statSync(join(folder, successor));
    expect([size > 14_000, blocks * 512 >= size, mode & 0o777]).toEqual([true, true, 0o600]);
    await dotenv.discard();
    await dotenv.discard();
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  test('loses no variable if opened several times', async () => {
    const folder = emptyFolder();
    const file = join(folder, '.env');
    const opened = await Promise.all(Array.from({ length: 10 }, () => dotenvAt(file)));
    await Promise.all(opened.map((dotenv, at) => dotenv.set({ [`KEY_${at}`]: `${at}` })));
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').sort();
    expect(lines).toEqual(opened.map((_dotenv, at) => `KEY_${at}=${at}`));
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  /** A folder with a folder in it and one beside it, and a file in each. */
  function folders() {
    const home = realpathSync(emptyFolder());
    const here = join(home, 'here');
    for (const each of ['here', 'here/below', 'beside']) mkdirSync(join(home, each));
    for (const each of ['here/real', 'here/below/real', 'beside/real']) writeFileSync(join(home, each), 'A=1\n');
    return { home, here, link: join(here, '.env') };
  }

  test.each([
    ['in its folder', 'real', 'real'],
    ['in its folder, by a whole path', undefined, 'real'],
    ['below its folder', 'below/real', 'below/real'],
    ['by way of another one', 'chain', 'below/real'],
    ['below a folder that is a link', 'linked/real', 'below/real'],
    ['to a name that is free', 'later', 'later'],
  ])('behind a link %s is replaced at its target, and the link stays', async (_where, leads, real) => {
    const { here, link } = folders();
    symlinkSync('below', join(here, 'linked'));
    symlinkSync('linked/real', join(here, 'chain'));
    symlinkSync(leads ?? join(here, 'real'), link);
    const before = existsSync(join(here, real)) ? 'A=1\n' : '';
    const dotenv = await dotenvAt(link);
    await dotenv.set({ KEY: 'new' });
    expect([dotenv.file, lstatSync(link).isSymbolicLink(), lstatSync(join(here, real)).isFile()]).toEqual([
      link,
      true,
      true,
    ]);
    expect([readFileSync(join(here, real), 'utf8'), readFileSync(link, 'utf8')]).toEqual(
      Array(2).fill(`${before}KEY=new\n`),
    );
    expect(statSync(link).mode & 0o777).toBe(0o600);
    const left = readdirSync(here, { recursive: true });
    expect(left.filter((each) => /\.(?:tmp|lock)$/.test(String(each)))).toEqual([]);
  });

  test('in a linked directory is the one in that directory', async () => {
    const { home } = folders();
    symlinkSync('../beside', join(home, 'here', 'link'));
    const dotenv = await dotenvAt(join(home, 'here', 'link', 'real'));
    await dotenv.set({ KEY: 'new' });
    expect(dotenv.file).toBe(join(home, 'here', 'link', 'real'));
    expect(readFileSync(join(home, 'beside', 'real'), 'utf8')).toBe('A=1\nKEY=new\n');
  });

  test.each([
    ['to a file', '../beside/real', 'beside/real'],
    ['to a name that is free', '../beside/later', 'beside/later'],
    ['into a folder that is not there', '../nowhere/.env', 'nowhere/.env'],
    ['by way of a folder that is a link', 'out/real', 'beside/real'],
    ['to its own folder by way of another', '../beside/back', 'here/real'],
    ['to the folder above', '..', ''],
  ])('behind a link that leads out of its directory, %s, is refused', async (_where, leads, end) => {
    const { home, here, link } = folders();
    symlinkSync('../beside', join(here, 'out'));
    symlinkSync('../here/real', join(home, 'beside', 'back'));
    symlinkSync(leads, link);
    const before = readdirSync(home, { recursive: true });
    await expect(dotenvAt(link)).rejects.toMatchObject({
      code: 'file_error',
      message: `${link} is a link to ${join(home, end)}, which is in another directory`,
      hint: 'Nothing was written. Pass the path of that file, or replace the link with a file.',
    });
    expect(readdirSync(home, { recursive: true })).toEqual(before);
    expect(readFileSync(join(home, 'beside', 'real'), 'utf8')).toBe('A=1\n');
  });

  test("that became a link in the meantime isn't followed", async () => {
    const { home, here, link } = folders();
    const dotenv = await dotenvAt(link);
    symlinkSync('../beside/real', link);
    await expect(dotenv.set({ KEY: 'new' })).rejects.toMatchObject({ code: 'file_error' });
    expect(readFileSync(join(home, 'beside', 'real'), 'utf8')).toBe('A=1\n');
    expect(readdirSync(here)).toEqual(['.env', 'below', 'real']);
  });

  test.each([
    ['in a folder that is not there', (folder: string) => join(folder, 'none', '.env'), /no such file or directory/],
    ['below a file', (folder: string) => join(folder, 'file', '.env'), /not a directory/],
    ['that is a folder', (folder: string) => join(folder, 'dir'), /: it is a directory$/],
    ['that is a pipe, which is not opened', (folder: string) => join(folder, 'pipe'), /: it isn't a regular file$/],
    ['that is a link to itself', (folder: string) => join(folder, 'circle'), /: its links form a loop$/],
    ['that is UTF-16', (folder: string) => join(folder, 'wide'), /: it is in UTF-16\. Save it as UTF-8$/],
    [
      'whose name leaves no room for others beside it',
      (folder: string) => join(folder, 'n'.repeat(230)),
      /name too long/,
    ],
  ])('%s is refused before anything is written', async (_where, at, reason) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    writeFileSync(join(folder, 'wide'), '\ufeffA=1\r\n', 'utf16le');
    mkdirSync(join(folder, 'dir'));
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')]);
    symlinkSync('circle', join(folder, 'circle'));
    const before = readdirSync(folder);
    const file = at(folder);
    const error = await dotenvAt(file).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'file_error', exitCode: 1, message: expect.stringMatching(reason) });
    expect(readdirSync(folder)).toEqual(before);
  });

  test("with a directory removed in the meantime is a file error, and the directory isn't created", async () => {
    const folder = join(emptyFolder(), 'app');
    mkdirSync(folder);
    const dotenv = await dotenvAt(join(folder, '.env'));
    rmSync(folder, { recursive: true });
    await expect(dotenv.set({ KEY: 'new' })).rejects.toMatchObject({
      code: 'file_error',
      message: `Can't write ${folder}/.env: its directory was removed in the meantime`,
    });
    expect(existsSync(folder)).toBe(false);
  });

  test('with a directory replaced in the meantime is a file error, and nothing is written', async () => {
    const folder = join(emptyFolder(), 'app');
    mkdirSync(folder);
    const dotenv = await dotenvAt(join(folder, '.env'));
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    await expect(dotenv.set({ KEY: 'new' })).rejects.toMatchObject({
      message: `Can't write ${folder}/.env: the temporary file next to it was removed in the meantime`,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps drafts of running processes, and removes those of killed ones', async () => {
    const folder = emptyFolder();
    const working = await dotenvAt(join(folder, 'other.env'));
    const [draft = ''] = readdirSync(folder);
    const dead = draft.replace(/\.\d+\.(\d+|-)\./, '.4194304.$1.');
    writeFileSync(join(folder, dead), 'KEY=half');
    writeFileSync(join(folder, '.env.0123456789ab.tmp'), 'of another program');
    await (await dotenvAt(join(folder, '.env'))).set({ KEY: 'new' });
    expect(readdirSync(folder).sort()).toEqual(['.env', '.env.0123456789ab.tmp', draft].sort());
    await working.set({ KEY: 'other' });
    expect(readFileSync(join(folder, 'other.env'), 'utf8')).toBe('KEY=other\n');
  });

  test('that became a directory in the meantime is a file error, and nothing is left behind', async () => {
    const folder = emptyFolder();
    const dotenv = await dotenvAt(join(folder, '.env'));
    mkdirSync(join(folder, '.env'));
    await expect(dotenv.set({ KEY: 'new' })).rejects.toMatchObject({ code: 'file_error' });
    expect(readdirSync(folder)).toEqual(['.env']);
  });
});
