import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findClipboard } from '../../src/output/clipboard.ts';
import { emptyFolder } from '../support/folder.ts';

/** Returns the clipboard of a user with a script as `xclip`, and what was copied to it. */
function clipboardOf(script: string, limit?: number) {
  const folder = emptyFolder();
  const file = path.join(folder, 'xclip');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  const env = { PATH: `${folder}:${process.env.PATH}`, DISPLAY: ':0', HOME: folder };
  return { clipboard: findClipboard(env, limit), copied: () => readFileSync(path.join(folder, 'copied'), 'utf8') };
}

describe.skipIf(process.platform === 'win32')('the clipboard', () => {
  test('holds what was copied', async () => {
    const { clipboard, copied } = clipboardOf('cat > "$HOME/copied"');
    await clipboard?.copy('secret');
    expect([clipboard?.program, copied()]).toEqual(['xclip', 'secret']);
  });

  test('reports a program that fails or never answers', async () => {
    await expect(clipboardOf('exit 3').clipboard?.copy('secret')).rejects.toThrow('xclip failed (exit 3)');
    await expect(clipboardOf('exec sleep 60', 200).clipboard?.copy('secret')).rejects.toThrow("xclip didn't answer");
  });
});
