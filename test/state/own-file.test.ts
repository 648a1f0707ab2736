import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openOwnFile } from '../../src/state/own-file.ts';
import { emptyFolder } from '../support/folder.ts';

describe.skipIf(process.platform === 'win32')('a file of this program', () => {
  function inFolder() {
    const folder = emptyFolder();
    return { folder, file: join(folder, 'history.jsonl') };
  }

  test('is created only for its owner, appended to and read', () => {
    const { file } = inFolder();
    for (const text of ['one\n', 'two\n']) {
      const descriptor = openOwnFile(file, 'a+');
      writeSync(descriptor, text);
      closeSync(descriptor);
    }
    const descriptor = openOwnFile(file, 'r');
    expect(readFileSync(descriptor, 'utf8')).toBe('one\ntwo\n');
    closeSync(descriptor);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("raises the system's error if it is missing", () => {
    expect(() => openOwnFile(inFolder().file, 'r')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test("raises the system's error if it exists and a new one is requested", () => {
    const { file } = inFolder();
    writeFileSync(file, 'x');
    expect(() => openOwnFile(file, 'wx')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });

  test.each(['r', 'r+', 'a', 'a+'] as const)('is refused if it leads to another file, with %j', (flags) => {
    const { folder, file } = inFolder();
    const profile = join(folder, '.bashrc');
    writeFileSync(profile, 'mine\n', { mode: 0o600 });
    for (const lead of [symlinkSync, linkSync]) {
      const at = `${file}-${lead.name}`;
      lead(profile, at);
      expect(() => openOwnFile(at, flags)).toThrow(
        expect.objectContaining({
          code: 'file_error',
          message: expect.stringMatching(/ (?:is a symbolic link|has 2 hard links), so it isn't used$/),
          hint: `Move it away: \`mv ${at} ${at}.old\`.`,
        }),
      );
    }
    expect(readFileSync(profile, 'utf8')).toBe('mine\n');
  });

  test('is not created through a dangling link', () => {
    const { folder, file } = inFolder();
    symlinkSync(join(folder, 'later'), file);
    expect(() => openOwnFile(file, 'a+')).toThrow('is a symbolic link');
    expect(() => openOwnFile(file, 'wx')).toThrow('EEXIST');
    expect(existsSync(join(folder, 'later'))).toBe(false);
  });

  test.each(['r', 'a', 'a+'] as const)('is refused immediately if it is a pipe, with %j', (flags) => {
    const { file } = inFolder();
    execFileSync('mkfifo', [file]);
    expect(() => openOwnFile(file, flags)).toThrow('is not a regular file');
  });

  test('is refused if others can write to it', () => {
    const { file } = inFolder();
    writeFileSync(file, '');
    chmodSync(file, 0o620);
    expect(() => openOwnFile(file, 'a+')).toThrow(
      expect.objectContaining({
        message: `Other users can write to ${file} (mode 0620)`,
        hint: expect.stringContaining(`\`chmod 600 ${file}\``),
      }),
    );
  });
});
