import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { children } from '../support/children.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

const child = children('src/state/replace-file.ts');

/** Creates a file where a function of the file system fails. @returns what the child wrote, and what is in the folder */
async function created(failing: string, code: string, earlier?: string) {
  const folder = emptyFolder();
  const file = join(folder, 'file');
  if (earlier !== undefined) writeFileSync(file, earlier);
  const { stdout, stderr } = await child(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { Draft } = await import('./module.mjs');
    const draft = new Draft(${JSON.stringify(file)});
    fs.${failing} = () => { throw Object.assign(new Error('refused'), { code: '${code}' }); };
    syncBuiltinESMExports();
    try {
      draft.create('new');
      process.stdout.write('created');
    } catch (error) {
      process.stdout.write(error.code);
    }`).ended;
  return { said: stdout + stderr, file, folder };
}

describe('a file system without hard links', () => {
  test.each(['EPERM', 'ENOTSUP'])('gets a new file by a copy of the draft (%s)', async (code) => {
    const { said, file, folder } = await created('linkSync', code);
    expect([said, readFileSync(file, 'utf8'), modeOf(file), readdirSync(folder)]).toEqual([
      'created',
      'new',
      '600',
      ['file'],
    ]);
  });

  test('keeps a file that exists', async () => {
    const { said, file, folder } = await created('linkSync', 'EPERM', 'old');
    expect([said, readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['EEXIST', 'old', ['file']]);
  });
});

test('a file counts as created if its draft cannot be removed', async () => {
  const { said, file } = await created('rmSync', 'EACCES');
  expect([said, readFileSync(file, 'utf8')]).toEqual(['created', 'new']);
});
