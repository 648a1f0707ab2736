import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keepAside, refuseOpenFile, refuseOpenFolder, replaceFile } from '../../src/config/own-file.ts';
import { emptyFolder } from './folder.ts';

const isAdministrator = process.getuid?.() === 0;
const now = new Date('2026-04-14T09:00:00.123Z');

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

describe('a file that is replaced', () => {
  test('holds the new text, for its owner alone, and nothing is left beside it', () => {
    const folder = emptyFolder();
    const file = join(folder, 'a.json');
    writeFileSync(file, 'old', { mode: 0o644 });
    replaceFile(file, 'new');
    expect([readFileSync(file, 'utf8'), modeOf(file), readdirSync(folder)]).toEqual(['new', '600', ['a.json']]);
  });

  test('has that mode whatever the umask is', () => {
    const file = join(emptyFolder(), 'a.json');
    const before = process.umask(0o777);
    try {
      replaceFile(file, 'new');
    } finally {
      process.umask(before);
    }
    expect(modeOf(file)).toBe('600');
  });

  test('is what a link points to, and the link stays', () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real', 'b.json'), 'old');
    symlinkSync('real/b.json', join(folder, 'a.json'));
    replaceFile(join(folder, 'a.json'), 'new');
    expect([readlinkSync(join(folder, 'a.json')), readFileSync(join(folder, 'real', 'b.json'), 'utf8')]).toEqual([
      'real/b.json',
      'new',
    ]);
    expect(readdirSync(join(folder, 'real'))).toEqual(['b.json']);
  });

  test.runIf(isAdministrator)('stays its owner’s when the administrator replaces it', async () => {
    const { chownSync } = await import('node:fs');
    const file = join(emptyFolder(), 'a.json');
    writeFileSync(file, 'old');
    chownSync(file, 54_321, 54_322);
    replaceFile(file, 'new');
    const { uid, gid } = statSync(file);
    expect([uid, gid, modeOf(file)]).toEqual([54_321, 54_322, '600']);
  });

  test('that is a folder stays, and nothing is left beside it', () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'a.json'));
    expect(() => replaceFile(join(folder, 'a.json'), 'new')).toThrow('EISDIR');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });
});

test('what is kept aside is named after the moment, and takes the place of nothing', () => {
  const folder = emptyFolder();
  const file = join(folder, 'a.json');
  const asides = ['one', 'two', 'three'].map((text) => keepAside(file, Buffer.from(text), 'damaged', now));
  const named = `${file}.damaged-20260414T090000Z`;
  expect(asides).toEqual([named, `${named}-2`, `${named}-3`]);
  expect(asides.map((aside) => [readFileSync(aside, 'utf8'), modeOf(aside)])).toEqual([
    ['one', '600'],
    ['two', '600'],
    ['three', '600'],
  ]);
});

describe.skipIf(process.platform === 'win32')('what others can write or read', () => {
  test.each([0o700, 0o750, 0o755, 0o500])('a folder of mode %o is none they can write', (mode) => {
    const folder = emptyFolder();
    chmodSync(folder, mode);
    expect(() => refuseOpenFolder(folder)).not.toThrow();
  });

  test.each([
    [0o777, '0777', 'Run `chmod 700 '],
    [0o775, '0775', 'Run `chmod 700 '],
    [0o702, '0702', 'Run `chmod 700 '],
    [0o1777, '1777', 'Set CHEAPESTINFERENCE_CONFIG_DIR to a folder of your own.'],
  ])('a folder of mode %o is', (mode, shown, hint) => {
    const folder = emptyFolder();
    chmodSync(folder, mode);
    expect(() => refuseOpenFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `${folder} can be written by others (mode ${shown})`,
        hint: expect.stringContaining(hint),
      }),
    );
  });

  test.each([
    [0o600, true, undefined],
    [0o400, true, undefined],
    [0o640, false, undefined],
    [0o644, false, undefined],
    [0o640, true, 'read'],
    [0o604, true, 'read'],
    [0o622, false, 'written'],
    [0o666, true, 'written'],
  ])('a file of mode %o that holds a secret (%s): %s', (mode, holdsSecret, done) => {
    const file = join(emptyFolder(), 'a.json');
    writeFileSync(file, '');
    chmodSync(file, mode);
    const check = () => refuseOpenFile(file, { holdsSecret });
    if (done === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ hint: expect.stringMatching(/^Run `chmod 600 \S+`/) }));
    if (done !== undefined) expect(check).toThrow(` can be ${done} by others (mode 0${mode.toString(8)})`);
  });

  test('a file that is not there is in order', () => {
    expect(() => refuseOpenFile(join(emptyFolder(), 'a.json'), { holdsSecret: true })).not.toThrow();
    expect(() => refuseOpenFile('/dev/null/a.json', { holdsSecret: true })).not.toThrow();
  });
});
