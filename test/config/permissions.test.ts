import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refuseOpenFile, refuseOpenFolder } from '../../src/config/permissions.ts';
import { emptyFolder } from '../support/folder.ts';

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
    [0o1777, '1777', 'Set CHEAPESTINFERENCE_CONFIG_DIR to a directory of your own.'],
  ])('a folder of mode %o is', (mode, shown, hint) => {
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
