import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openRefuge } from '../../src/state/undelivered.ts';
import { emptyFolder } from '../config/folder.ts';
import { children } from './children.ts';

const child = children('src/state/undelivered.ts');

function onlyFile(folder: string): string {
  const [name = '', ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  return join(folder, name);
}

describe('room for secrets', () => {
  test('is taken before there is one, in a file that only its owner can read', () => {
    const folder = join(emptyFolder(), 'not', 'there');
    openRefuge(folder);
    const file = onlyFile(folder);
    expect(file).toMatch(/undelivered-[0-9a-f]{12}\.key$/);
    expect(readFileSync(file, 'utf8')).toMatch(/^ {4096}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('is so whatever the umask', async () => {
    const folder = join(emptyFolder(), 'not', 'there');
    const script = `
      import { openRefuge } from './module.mjs';
      console.log(openRefuge(${JSON.stringify(folder)}).keep(['sk_live_x']));`;
    const { stdout } = await child(script, { shell: 'umask 0; exec "$@"' }).ended;
    const file = onlyFile(folder);
    expect(stdout).toBe(`${file}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  });

  test('is given back when all was delivered, and the folder’s other files stay', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'history.jsonl'), 'x');
    openRefuge(folder).discard();
    expect(readdirSync(folder)).toEqual(['history.jsonl']);
  });

  test('is each caller’s own', () => {
    const folder = emptyFolder();
    const [first, second] = [openRefuge(folder), openRefuge(folder)];
    const kept = [first.keep(['one']), second.keep(['two'])];
    expect(kept.map((file) => readFileSync(file, 'utf8'))).toEqual(['one\n', 'two\n']);
  });

  test('that there is not is told at once', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => openRefuge(join(folder, 'file'))).toThrowError(/EEXIST|ENOTDIR/);
    mkdirSync(join(folder, 'state'));
    expect(readdirSync(join(folder, 'state'))).toEqual([]);
  });

  test('that a full disk does not have leaves nothing behind', async () => {
    const folder = emptyFolder();
    const script = `
      import { openRefuge } from './module.mjs';
      process.on('SIGXFSZ', () => {});
      try {
        openRefuge(${JSON.stringify(folder)});
        console.log('opened');
      } catch (error) {
        console.log(error.message);
      }`;
    // No file may be longer than one block of 512 bytes; pipes may.
    const { stdout } = await child(script, { shell: 'ulimit -f 1; exec "$@"' }).ended;
    expect(stdout).toMatch(/EFBIG|the disk is full/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what is kept', () => {
  test.each([
    ['one secret', ['sk_live_a'], 'sk_live_a\n'],
    ['three, a line each', ['a', 'b', 'c'], 'a\nb\nc\n'],
    ['none', [], ''],
    ['as many as there can be seats', Array(20).fill('sk_live_0123456789abcdefghijklmnopqrstuv'), undefined],
    ['what is longer than the room', ['x'.repeat(5000)], undefined],
    ['letters of several bytes', ['schlüssel'], 'schlüssel\n'],
  ])('is just that: %s', (_what, secrets, text = `${secrets.join('\n')}\n`) => {
    const folder = emptyFolder();
    const file = openRefuge(folder).keep(secrets);
    expect(file).toBe(onlyFile(folder));
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
