import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isRunning, thisProcess } from '../../src/state/process.ts';
import { children } from '../support/children.ts';

const child = children('src/state/process.ts');
const onLinux = existsSync('/proc/self/stat');

/** A child that says who it is, and stays until it is released. */
const named = `
  import { thisProcess } from './module.mjs';
  console.log(JSON.stringify(thisProcess()) + '.');
  process.stdin.resume();`;

test('this process is told by its machine and number, and is running', () => {
  const own = thisProcess();
  expect(own).toEqual({ machine: expect.stringMatching(/^[0-9a-f]{12}$/), pid: process.pid, started: own.started });
  expect(own.started).toMatch(onLinux ? /^\d+$/ : /^$/);
  expect(thisProcess()).toEqual(own);
  expect(isRunning(own)).toBe(true);
});

test('another process of this machine is told from this one, and runs until it ends', async () => {
  const other = child(named);
  await other.says('.');
  const { pid } = other;
  const started = onLinux ? startOf(pid) : '';
  expect(isRunning({ ...thisProcess(), pid, started })).toBe(true);
  other.release();
  expect((await other.ended).stdout).toBe(`${JSON.stringify({ ...thisProcess(), pid, started })}.\n`);
  expect(isRunning({ ...thisProcess(), pid, started })).toBe(false);
});

describe.runIf(onLinux)('a number that was given to another process', () => {
  test('is not the process that had it', () => {
    expect(isRunning({ ...thisProcess(), started: '1' })).toBe(false);
  });

  test('cannot be told where the start was not known', () => {
    expect(isRunning({ ...thisProcess(), started: '' })).toBe(true);
  });
});

test.runIf(onLinux)('a process whose name has blanks and brackets is told by its start all the same', async () => {
  const other = child(`${named} process.title = ') 1 2 (x'; console.log(JSON.stringify(thisProcess()) + '.renamed');`);
  await other.says('.renamed');
  expect(readFileSync(`/proc/${other.pid}/stat`, 'latin1')).toContain('() 1 2 (x)');
  other.release();
  const [first = '', renamed = ''] = (await other.ended).stdout.split('\n');
  expect(renamed).toBe(`${first}renamed`);
});

test('a process of another machine cannot be asked', () => {
  expect(isRunning({ machine: '0123456789ab', pid: process.pid, started: '' })).toBeUndefined();
});

test.runIf(onLinux && process.getuid?.() === 0)('a process of another user is there', async () => {
  const script = `
    import { isRunning, thisProcess } from './module.mjs';
    process.setuid(65534);
    console.log(isRunning({ ...thisProcess(), pid: ${process.pid}, started: '${thisProcess().started}' }));`;
  expect((await child(script).ended).stdout).toBe('true\n');
});

function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? '';
}
