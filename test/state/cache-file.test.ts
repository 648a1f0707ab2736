import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCacheFile, writeCacheFile } from '../../src/state/cache-file.ts';
import { makeFolder } from '../../src/state/folder.ts';
import { processName, thisProcess } from '../../src/state/process.ts';
import { emptyFolder } from '../support/folder.ts';

describe('a cache file', () => {
  const dead = processName({ ...thisProcess(), pid: 4_194_304 });

  test('is written and read as a whole, and drafts of killed processes are removed', () => {
    const folder = join(emptyFolder(), 'cheapestinference');
    makeFolder(folder, {});
    const file = join(folder, 'update.json');
    writeFileSync(`${file}.${dead}.0123456789ab.tmp`, 'half');
    writeFileSync(`${file}.123`, 'fresh, of an earlier version');
    writeFileSync(`${file}.124`, 'old, of an earlier version');
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(`${file}.124`, yesterday, yesterday);
    writeCacheFile(file, 'one', {});
    writeCacheFile(file, 'two', {});
    expect([readCacheFile(file), readdirSync(folder)]).toEqual(['two', ['update.json', 'update.json.123']]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('replaces a link without following it', () => {
    const folder = join(emptyFolder(), 'cheapestinference');
    makeFolder(folder, {});
    const file = join(folder, 'update.json');
    writeFileSync(join(folder, 'mine'), 'mine');
    symlinkSync('mine', file);
    symlinkSync('mine', `${file}.${process.pid}`);
    expect(() => readCacheFile(file)).toThrow('is a symbolic link');
    writeCacheFile(file, 'cached', {});
    expect([readFileSync(join(folder, 'mine'), 'utf8'), readCacheFile(file)]).toEqual(['mine', 'cached']);
  });

  test.skipIf(process.platform === 'win32')("isn't used in a directory that others can write to", () => {
    const folder = join(emptyFolder(), 'cheapestinference');
    makeFolder(folder, {});
    const file = join(folder, 'update.json');
    writeCacheFile(file, 'one', {});
    chmodSync(folder, 0o777);
    expect(() => writeCacheFile(file, 'two', {})).toThrow('Other users can write to');
    expect(() => readCacheFile(file)).toThrow('Other users can write to');
    expect([readFileSync(file, 'utf8'), readdirSync(dirname(file))]).toEqual(['one', ['update.json']]);
  });
});
