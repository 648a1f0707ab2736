import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refuseOpenFile, refuseOpenFolder } from '../../src/config/permissions.ts';
import { emptyFolder } from '../support/folder.ts';

describe.skipIf(process.platform === 'win32')('access by other users', () => {
  test.each([0o700, 0o750, 0o755, 0o500])('accepts a folder with mode %o', (mode) => {
    const folder = emptyFolder();
    chmodSync(folder, mode);
    expect(() => refuseOpenFolder(folder)).not.toThrow();
  });

  test.each([
    [0o777, '0777', 'Check that everything in it is yours, then run `chmod 700 '],
    [0o775, '0775', 'Check that everything in it is yours, then run `chmod 700 '],
    [0o702, '0702', 'Check that everything in it is yours, then run `chmod 700 '],
    [0o1777, '1777', 'Set CHEAPESTINFERENCE_CONFIG_DIR to a directory of your own.'],
  ])('refuses a folder with mode %o', (mode, shown, hint) => {
    const folder = emptyFolder();
    chmodSync(folder, mode);
    expect(() => refuseOpenFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `Other users can write to ${folder} (mode ${shown})`,
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
    [0o622, false, 'write to'],
    [0o666, true, 'write to'],
  ])('returns for a file with mode %o that contains a secret (%s): %s', (mode, holdsSecret, access) => {
    const file = join(emptyFolder(), 'a.json');
    writeFileSync(file, '');
    chmodSync(file, mode);
    const check = () => refuseOpenFile(file, { holdsSecret });
    if (access === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ hint: expect.stringMatching(/^Run `chmod 600 \S+`/) }));
    if (access !== undefined) expect(check).toThrow(`Other users can ${access} ${file} (mode 0${mode.toString(8)})`);
  });

  test('accepts a missing file', () => {
    expect(() => refuseOpenFile(join(emptyFolder(), 'a.json'), { holdsSecret: true })).not.toThrow();
    expect(() => refuseOpenFile('/dev/null/a.json', { holdsSecret: true })).not.toThrow();
  });
});
