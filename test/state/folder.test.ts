import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, lstatSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, refuseForeignFolder } from '../../src/state/folder.ts';
import { openOwnFile } from '../../src/state/own-file.ts';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';

const child = children('src/state/folder.ts');

/** Runs a command as a user unknown to the system. */
const stranger = 'setpriv --reuid 54321 --regid 54321 --clear-groups';
const canBeStranger = process.getuid?.() === 0 && spawnSync('sh', ['-c', `${stranger} true`]).status === 0;

/** Creates a folder of this program, and its parent. */
function ours() {
  const above = emptyFolder();
  const folder = join(above, 'cheapestinference');
  makeFolder(folder, {});
  return { above, folder };
}

const refuse = (folder: string) => refuseForeignFolder(folder, 'XDG_STATE_HOME');

/** Returns the error that another user gets for a folder: its message and hint, or nothing. */
async function toldStranger(folder: string): Promise<string> {
  const script = `
    import { refuseForeignFolder } from './module.mjs';
    try {
      refuseForeignFolder(${JSON.stringify(folder)}, 'XDG_STATE_HOME');
    } catch (error) {
      console.log(error.code, error.message, error.hint);
    }`;
  const { code, stdout, stderr } = await child(script, { shell: `exec ${stranger} "$@"` }).ended;
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

describe.skipIf(process.platform === 'win32')('a folder of this program', () => {
  test('is created for its owner only, and accepted', () => {
    const { folder } = ours();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(() => refuse(folder)).not.toThrow();
  });

  test.each([
    ['that is missing', (folder: string) => join(folder, 'none')],
    ['below a missing folder', (folder: string) => join(folder, 'none', 'none')],
    ['below a file', () => '/dev/null/state'],
    ['that is a file, which writing reports', () => '/dev/null'],
  ])('is accepted: %s', (_what, at) => {
    expect(() => refuse(at(ours().folder))).not.toThrow();
  });

  test.each([0o700, 0o750, 0o755, 0o500])('is accepted with mode %o', (mode) => {
    const { folder } = ours();
    chmodSync(folder, mode);
    expect(() => refuse(folder)).not.toThrow();
  });

  test.each([
    [0o777, '0777', 'Check that everything in it is yours, then run `chmod 700 '],
    [0o775, '0775', 'Check that everything in it is yours, then run `chmod 700 '],
    [0o1777, '1777', 'Set XDG_STATE_HOME to a directory of your own.'],
  ])('is refused with mode %o, with the command that fixes it', (mode, shown, hint) => {
    const { folder } = ours();
    chmodSync(folder, mode);
    expect(() => refuse(folder)).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `Other users can write to ${folder} (mode ${shown})`,
        hint: expect.stringContaining(hint),
      }),
    );
  });

  test('is accepted after that command', () => {
    const { folder } = ours();
    chmodSync(folder, 0o777);
    let hint = '';
    try {
      refuse(folder);
    } catch (error) {
      hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
    }
    execFileSync('sh', ['-c', /`(chmod [^`]+)`/.exec(hint)?.[1] ?? 'false']);
    expect(() => refuse(folder)).not.toThrow();
  });

  test.each([
    [0o1777, true],
    [0o775, true],
    [0o755, true],
    [0o777, false],
    [0o707, false],
  ])('in a folder of mode %o is accepted: %s', (mode, inOrder) => {
    const { above, folder } = ours();
    chmodSync(above, mode);
    for (const each of [folder, join(above, 'none')]) {
      if (inOrder) expect(() => refuse(each)).not.toThrow();
      else
        expect(() => refuse(each)).toThrow(
          expect.objectContaining({
            message: `Other users can write to ${above} (mode 0${mode.toString(8)})`,
            hint: expect.stringContaining(`\`chmod o-w ${above}\``),
          }),
        );
    }
  });

  test('is accepted if it is a link to another folder of the same user', () => {
    const { above, folder } = ours();
    symlinkSync(folder, join(above, 'link'));
    expect(() => refuse(join(above, 'link'))).not.toThrow();
    chmodSync(folder, 0o777);
    expect(() => refuse(join(above, 'link'))).toThrow('Other users can write to');
  });
});

describe.skipIf(!canBeStranger)('a directory of another user', () => {
  test('is accepted for root, as in a container where another user owns the home directory', () => {
    const { folder } = ours();
    chownSync(folder, 54_321, 54_321);
    expect(() => refuse(folder)).not.toThrow();
    const file = join(folder, 'history.jsonl');
    writeFileSync(file, '');
    chownSync(file, 54_321, 54_321);
    expect(() => closeSync(openOwnFile(file, 'a+'))).not.toThrow();
    chownSync(file, 12_345, 12_345);
    expect(() => openOwnFile(file, 'a+')).toThrow('belongs to another user (uid 12345)');
  });

  test('is refused for anyone else', async () => {
    const { above, folder } = ours();
    chmodSync(above, 0o755);
    chownSync(folder, 12_345, 12_345);
    chmodSync(folder, 0o755);
    const message = await toldStranger(folder);
    expect(message).toBe(
      `file_error ${folder} belongs to another user (uid 12345) Nothing was sent. Set XDG_STATE_HOME to a directory of your own. If everything in ${folder} is yours, you can run \`sudo chown -R 54321 ${folder}\` instead.\n`,
    );
    chownSync(folder, 54_321, 54_321);
    expect(await toldStranger(folder)).toBe('');
  });

  test('is refused if it is their link to a directory of the user', async () => {
    const { above, folder } = ours();
    chmodSync(above, 0o755);
    chownSync(folder, 54_321, 54_321);
    const link = join(above, 'link');
    symlinkSync(folder, link);
    expect(await toldStranger(link)).toBe('');
    execFileSync('chown', ['-h', '12345', link]);
    expect(lstatSync(link).uid).toBe(12_345);
    expect(await toldStranger(link)).toContain(`${link} is a symbolic link that belongs to another user (uid 12345)`);
  });
});
