import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isNewer, isReleased, readKnown, writeKnown } from '../../src/update/known.ts';
import { emptyFolder } from '../support/folder.ts';

describe('what is known about newer versions', () => {
  test('is saved in a file of the user', () => {
    const file = join(emptyFolder(), 'cache', 'update.json');
    const known = { askedAt: 1, latest: '1.2.3', announcedAt: 2 };
    expect(writeKnown(file, known, {})).toBe(true);
    expect(readKnown(file)).toEqual(known);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['update.json']);
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"askedAt":"1","latest":"1.2.3-beta","announcedAt":null}',
    '{"latest":"\\u001b[2J"}',
  ])('is nothing if the file contains %s', (text) => {
    const file = join(emptyFolder(), 'update.json');
    writeFileSync(file, text);
    expect(readKnown(file)).toEqual({});
  });

  test('is nothing without a file, and is not saved if the file cannot be written', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(readKnown(join(folder, 'update.json'))).toEqual({});
    expect(writeKnown(join(folder, 'file', 'update.json'), {}, {})).toBe(false);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('');
  });
});

test.each([
  ['0.1.1', '0.1.0', true],
  ['0.10.0', '0.9.9', true],
  ['1.0.0', '0.99.99', true],
  ['0.1.0', '0.1.0', false],
  ['0.1.0', '0.1.1', false],
  ['0.9.9', '0.10.0', false],
  ['1.0.0', '1.0.0-beta.1', false],
])('returns whether %s is newer than %s: %s', (version, other, newer) => {
  expect(isNewer(version, other)).toBe(newer);
});

test.each([
  ['1.2.3', true],
  ['1.2.3-beta.1', false],
  ['1.2', false],
  ['v1.2.3', false],
  ['1.2.3\u001b[2J', false],
  [`${'9'.repeat(400)}.0.0`, false],
  [1, false],
  [undefined, false],
])('%j is announced: %s', (version, released) => {
  expect(isReleased(version)).toBe(released);
});
