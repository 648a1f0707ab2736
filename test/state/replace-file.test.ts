import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Draft, keepAside, replaceFile } from '../../src/state/replace-file.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

const ownerOnly = { mode: 0o600 };
const isAdministrator = process.getuid?.() === 0;
const now = new Date('2026-04-14T09:00:00.123Z');

describe('a replaced file', () => {
  test('has the new content, only for its owner, and nothing is left next to it', () => {
    const folder = emptyFolder();
    const file = join(folder, 'a.json');
    writeFileSync(file, 'old', { mode: 0o644 });
    replaceFile(file, 'new', ownerOnly);
    expect([readFileSync(file, 'utf8'), modeOf(file), readdirSync(folder)]).toEqual(['new', '600', ['a.json']]);
  });

  test('has the requested mode whatever the umask is', () => {
    const file = join(emptyFolder(), 'a.json');
    const before = process.umask(0o777);
    try {
      replaceFile(file, 'new', ownerOnly);
    } finally {
      process.umask(before);
    }
    expect(modeOf(file)).toBe('600');
  });

  test('is the target of a link, and the link stays', () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real', 'b.json'), 'old');
    symlinkSync('real/b.json', join(folder, 'a.json'));
    replaceFile(join(folder, 'a.json'), 'new', ownerOnly);
    expect([readlinkSync(join(folder, 'a.json')), readFileSync(join(folder, 'real', 'b.json'), 'utf8')]).toEqual([
      'real/b.json',
      'new',
    ]);
    expect(readdirSync(join(folder, 'real'))).toEqual(['b.json']);
  });

  test.runIf(isAdministrator)('keeps its owner if root replaces it', async () => {
    const { chownSync } = await import('node:fs');
    const file = join(emptyFolder(), 'a.json');
    writeFileSync(file, 'old');
    chownSync(file, 54_321, 54_322);
    replaceFile(file, 'new', ownerOnly);
    const { uid, gid } = statSync(file);
    expect([uid, gid, modeOf(file)]).toEqual([54_321, 54_322, '600']);
  });

  test('stays if it is a folder, and nothing is left next to it', () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'a.json'));
    expect(() => replaceFile(join(folder, 'a.json'), 'new', ownerOnly)).toThrow('EISDIR');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });
});

test('keeps content aside in a file named after the time, without replacing another', () => {
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

describe('a file replaced without a mode', () => {
  test.each([0o640, 0o644, 0o755])('keeps its mode %o', (mode) => {
    const file = join(emptyFolder(), '.zshrc');
    writeFileSync(file, 'old');
    chmodSync(file, mode);
    replaceFile(file, 'new');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['new', mode]);
  });

  test.each([
    [0o000, '644'],
    [0o077, '600'],
  ])('gets the usual mode with umask %o if it is new', (umask, mode) => {
    const file = join(emptyFolder(), '.zshrc');
    const before = process.umask(umask);
    try {
      replaceFile(file, 'new');
    } finally {
      process.umask(before);
    }
    expect(modeOf(file)).toBe(mode);
  });

  test.runIf(isAdministrator)('keeps its owner if root replaces it', async () => {
    const { chownSync } = await import('node:fs');
    const file = join(emptyFolder(), '.zshrc');
    writeFileSync(file, 'old');
    chownSync(file, 54_321, 54_322);
    chmodSync(file, 0o640);
    replaceFile(file, 'new');
    const { uid, gid } = statSync(file);
    expect([uid, gid, modeOf(file)]).toEqual([54_321, 54_322, '640']);
  });
});

describe('a draft', () => {
  function drafted(size: number) {
    const folder = emptyFolder();
    const file = join(folder, 'a.json');
    writeFileSync(file, 'old');
    const draft = new Draft(file);
    draft.reserve(size);
    return { folder, file, draft, others: () => readdirSync(folder).filter((name) => name !== 'a.json') };
  }

  test('reserves its space before it has a content, and has the size of the content afterward', () => {
    const { folder, file, draft, others } = drafted(10_000);
    expect(others().map((name) => statSync(join(folder, name)).size)).toEqual([10_000]);
    draft.replace('new');
    expect([readFileSync(file, 'utf8'), others()]).toEqual(['new', []]);
  });

  test('replaces a link, not its target', () => {
    const { folder, file } = drafted(0);
    symlinkSync('a.json', join(folder, 'link'));
    new Draft(join(folder, 'link')).replace('new', { sync: false });
    expect([readFileSync(file, 'utf8'), lstatSync(join(folder, 'link')).isFile()]).toEqual(['old', true]);
  });

  test.each([
    ['the draft', 'the temporary file next to it was removed in the meantime'],
    ['its folder', 'its directory was removed in the meantime'],
  ])('notices that %s was removed', (what, message) => {
    const { folder, draft, others } = drafted(0);
    for (const each of what === 'the draft' ? others() : ['']) rmSync(join(folder, each), { recursive: true });
    expect(() => draft.requireInPlace()).toThrow(message);
  });

  test('is gone after it is discarded, and replaces nothing', () => {
    const { file, draft, others } = drafted(0);
    draft.requireInPlace();
    draft.discard();
    draft.discard();
    expect(() => draft.replace('new')).toThrow('used or discarded');
    expect([readFileSync(file, 'utf8'), others()]).toEqual(['old', []]);
  });

  test('creates a file that its owner only can read, with no other link', () => {
    const folder = emptyFolder();
    const file = join(folder, 'a.json');
    new Draft(file).create('new');
    expect([readFileSync(file, 'utf8'), modeOf(file), statSync(file).nlink, readdirSync(folder)]).toEqual([
      'new',
      '600',
      1,
      ['a.json'],
    ]);
  });

  test.each(['file', 'folder', 'link'])('creates nothing in place of a %s, and is gone then', (kind) => {
    const folder = emptyFolder();
    const file = join(folder, 'a.json');
    if (kind === 'file') writeFileSync(file, 'old');
    else if (kind === 'folder') mkdirSync(file);
    else symlinkSync('nowhere', file);
    const before = lstatSync(file).ino;
    expect(() => new Draft(file).create('new')).toThrow('EEXIST');
    expect([lstatSync(file).ino, readdirSync(folder)]).toEqual([before, ['a.json']]);
  });
});
