import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkVariable, openDotenv, withVariable } from '../../src/output/dotenv.ts';
import { emptyFolder } from '../config/folder.ts';

describe('withVariable', () => {
  test.each([
    ['', 'KEY=new\n'],
    ['A=1\n', 'A=1\nKEY=new\n'],
    ['A=1', 'A=1\nKEY=new\n'],
    ['KEY=old\nA=1\n', 'KEY=new\nA=1\n'],
    ['KEY=old', 'KEY=new'],
    ['KEY=old\r\nA=1\r\n', 'KEY=new\r\nA=1\r\n'],
    ['export KEY=old # mine\n', 'export KEY=new\n'],
    ['  KEY = "old"\n', '  KEY=new\n'],
    ['KEY=1\nKEY=2\n', 'KEY=1\nKEY=new\n'],
    ['# KEY=old\nMY_KEY=1\nKEYS=2\n', '# KEY=old\nMY_KEY=1\nKEYS=2\nKEY=new\n'],
    ['KEY\n', 'KEY\nKEY=new\n'],
    ['\n\n', '\n\nKEY=new\n'],
  ])('makes of %j %j', (before, after) => {
    expect(withVariable(before, 'KEY', 'new')).toBe(after);
  });

  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('KEY=1', 'export KEY=2', ' KEY = 3', '# KEY=4', 'KEY', 'OTHER=KEY=5', 'KEYS=6', '', '\r'),
  );
  const content = fc
    .array(line)
    .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\n')}\n`, lines.join('\r\n')));
  const isSet = (each: string) => /^\s*(?:export\s+)?KEY\s*=/.test(each);

  test('leaves every other line as it is, whatever the file holds', () => {
    fc.assert(
      fc.property(content, fc.stringMatching(/^[A-Za-z0-9_.:/@-]{1,20}$/), (before, value) => {
        const after = withVariable(before, 'KEY', value).split('\n');
        const lines = before.split('\n');
        const at = lines.findLastIndex(isSet);
        if (at < 0) {
          const kept = before === '' ? [] : before.endsWith('\n') ? lines.slice(0, -1) : lines;
          expect(after).toEqual([...kept, `KEY=${value}`, '']);
          return;
        }
        expect(after.toSpliced(at, 1)).toEqual(lines.toSpliced(at, 1));
        expect(after[at]?.trim().replace(/^export\s+/, '')).toBe(`KEY=${value}`);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['two words', 'KEY="two words"\n'],
    ['a"b\\c', 'KEY="a\\"b\\\\c"\n'],
    ['one\ntwo\r', 'KEY="one\\ntwo\\r"\n'],
    ['#1', 'KEY="#1"\n'],
  ])('keeps %j on one line, in quotes', (value, line) => {
    expect(withVariable('', 'KEY', value)).toBe(line);
  });

  test('changes nothing when done twice', () => {
    fc.assert(
      fc.property(content, (before) => {
        const once = withVariable(before, 'KEY', 'new');
        expect(withVariable(once, 'KEY', 'new')).toBe(once);
      }),
    );
  });
});

test.each(['KEY', '_a1', 'CHEAPESTINFERENCE_API_KEY'])('%s can name a variable', (name) => {
  expect(checkVariable(name)).toBe(name);
});

test.each(['', '1A', 'A-B', 'A B', 'A=B', 'Ä', 'A\n'])('%j cannot name a variable', (name) => {
  expect(() => checkVariable(name)).toThrow(
    expect.objectContaining({ code: 'usage', message: `"${name}" is no name of a variable` }),
  );
});

describe('a dotenv file', () => {
  test('is made where there is none, for its owner alone', async () => {
    const file = join(emptyFolder(), '.env');
    const dotenv = await openDotenv(file);
    expect([dotenv.file, existsSync(file)]).toEqual([file, false]);
    await dotenv.set('KEY', 'sk_live_1');
    expect(readFileSync(file, 'utf8')).toBe('KEY=sk_live_1\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is replaced whole and for its owner alone, with what was written to it in the meantime', async () => {
    const folder = emptyFolder();
    const file = join(folder, '.env');
    writeFileSync(file, 'A=1\n', { mode: 0o644 });
    const before = statSync(file).ino;
    const dotenv = await openDotenv(file);
    writeFileSync(file, 'A=2\nKEY=old\n');
    await dotenv.set('KEY', 'new');
    expect(readFileSync(file, 'utf8')).toBe('A=2\nKEY=new\n');
    expect([statSync(file).mode & 0o777, statSync(file).ino === before]).toEqual([0o600, false]);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  test('that is discarded is as it was, and nothing is left beside it', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, '.env'), 'A=1\n');
    const dotenv = await openDotenv(join(folder, '.env'));
    await dotenv.discard();
    expect(readdirSync(folder)).toEqual(['.env']);
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe('A=1\n');
  });

  test('behind a link is replaced where it is, and the link stays', async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real', 'env'), 'A=1\n');
    symlinkSync(join(folder, 'real', 'env'), join(folder, '.env'));
    const dotenv = await openDotenv(join(folder, '.env'));
    await dotenv.set('KEY', 'new');
    expect(lstatSync(join(folder, '.env')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'real', 'env'), 'utf8')).toBe('A=1\nKEY=new\n');
    expect([readdirSync(folder), readdirSync(join(folder, 'real'))]).toEqual([['.env', 'real'], ['env']]);
  });

  test.each([
    ['in a folder that is not there', (folder: string) => join(folder, 'none', '.env'), /ENOENT/],
    ['below a file', (folder: string) => join(folder, 'file', '.env'), /ENOTDIR/],
    ['that is a folder', (folder: string) => join(folder, 'dir'), /it is no file/],
    ['that is a device', () => '/dev/null', /it is no file/],
  ])('%s is refused before anything is written', async (_where, at, reason) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'dir'));
    const file = at(folder);
    const error = await openDotenv(file).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'file_error', exitCode: 1 });
    expect(String(error)).toContain(`${file} cannot be written: `);
    expect(String(error)).toMatch(reason);
    expect(readdirSync(folder)).toEqual(['dir', 'file']);
  });

  test('that turned into a folder in the meantime is a file error, and nothing is left beside it', async () => {
    const folder = emptyFolder();
    const dotenv = await openDotenv(join(folder, '.env'));
    mkdirSync(join(folder, '.env'));
    await expect(dotenv.set('KEY', 'new')).rejects.toMatchObject({ code: 'file_error' });
    expect(readdirSync(folder)).toEqual(['.env']);
  });
});
