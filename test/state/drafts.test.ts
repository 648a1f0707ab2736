import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { draftOf, removeLeftovers } from '../../src/state/drafts.ts';
import { processName, thisProcess } from '../../src/state/process.ts';
import { emptyFolder } from '../support/folder.ts';

/** A process id that Linux never assigns. */
const nobody = 4_194_304;
const dead = processName({ ...thisProcess(), pid: nobody });
const elsewhere = processName({ ...thisProcess(), machine: '0123456789ab' });
const dayAndHour = 25 * 3_600_000;

function lying(folder: string, name: string, age = 0): void {
  const file = join(folder, name);
  writeFileSync(file, 'x');
  const time = new Date(Date.now() - age);
  utimesSync(file, time, time);
}

describe('the name of a draft', () => {
  test('differs each time, is next to the file, and identifies its process', () => {
    const names = [draftOf('/some/.env'), draftOf('/some/.env')];
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      expect(name).toMatch(/^\/some\/\.env\./);
      expect(basename(name)).toMatch(/\.[0-9a-f]{12}\.tmp$/);
      expect(name).toContain(`.${processName(thisProcess())}.`);
    }
  });
});

describe('removeLeftovers', () => {
  test.each([
    ['a draft', `.env.${dead}.0123456789ab.tmp`],
    ['a draft of another file', `other.json.${dead}.0123456789ab.tmp`],
    ['a lock', `.env.${dead}.01234567.lock`],
    [
      'a draft of an earlier process of the same number',
      `.env.${processName({ ...thisProcess(), started: '1' })}.0123456789ab.tmp`,
    ],
    ['a draft of another machine, after a day', `.env.${elsewhere}.0123456789ab.tmp`, dayAndHour],
  ])('removes %s of a killed process', (_what, name, age = 0) => {
    const folder = emptyFolder();
    lying(folder, name, age);
    lying(folder, '.env');
    removeLeftovers(folder);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  test.each([
    ['a draft of a running process', basename(draftOf('.env')), dayAndHour],
    ['a lock of a running process', `.env.${processName(thisProcess())}.01234567.lock`, dayAndHour],
    ['a fresh draft of another machine', `.env.${elsewhere}.0123456789ab.tmp`, 0],
    ['a file that looks like a draft', '.env.0123456789ab.tmp', dayAndHour],
    ['a file of another program', `.env.${nobody}.tmp`, dayAndHour],
    ['a file with another ending', `.env.${dead}.0123456789ab.tmp.bak`, dayAndHour],
  ])('keeps %s', (_what, name, age) => {
    const folder = emptyFolder();
    lying(folder, name, age);
    removeLeftovers(folder);
    expect(readdirSync(folder)).toEqual([name]);
  });

  test('keeps folders, whatever their name', () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, `.env.${dead}.0123456789ab.tmp`));
    removeLeftovers(folder);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('accepts a missing folder', () => {
    expect(() => removeLeftovers(join(emptyFolder(), 'none'))).not.toThrow();
  });
});
