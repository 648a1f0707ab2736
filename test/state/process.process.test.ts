import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isRunning, thisProcess } from '../../src/state/process.ts';
import { children } from '../support/children.ts';

const child = children('src/state/process.ts');
const onLinux = existsSync('/proc/self/stat');

/** Starts a child that prints its identity, and runs until it is released. */
const named = `
  import { thisProcess } from './module.mjs';
  console.log(JSON.stringify(thisProcess()) + '.');
  process.stdin.resume();`;

test('identifies this process by its machine and pid, and finds it running', () => {
  const own = thisProcess();
  expect(own).toEqual({ machine: expect.stringMatching(/^[0-9a-f]{12}$/), pid: process.pid, started: own.started });
  expect(own.started).toMatch(onLinux ? /^\d+$/ : /^$/);
  expect(thisProcess()).toEqual(own);
  expect(isRunning(own)).toBe(true);
});

test('distinguishes another process of this machine, and finds it running until it ends', async () => {
  const other = child(named);
  await other.says('.');
  const { pid } = other;
  const started = onLinux ? startOf(pid) : '';
  expect(isRunning({ ...thisProcess(), pid, started })).toBe(true);
  other.release();
  expect((await other.ended).stdout).toBe(`${JSON.stringify({ ...thisProcess(), pid, started })}.\n`);
  expect(isRunning({ ...thisProcess(), pid, started })).toBe(false);
});

describe.runIf(onLinux)('a reused pid', () => {
  test("doesn't count as the earlier process", () => {
    expect(isRunning({ ...thisProcess(), started: '1' })).toBe(false);
  });

  test("can't be detected without the start time", () => {
    expect(isRunning({ ...thisProcess(), started: '' })).toBe(true);
  });
});

test.runIf(onLinux)('reads the start time of a process with spaces and parentheses in its name', async () => {
  const other = child(`${named} process.title = ') 1 2 (x'; console.log(JSON.stringify(thisProcess()) + '.renamed');`);
  await other.says('.renamed');
  expect(readFileSync(`/proc/${other.pid}/stat`, 'latin1')).toContain('() 1 2 (x)');
  other.release();
  const [first = '', renamed = ''] = (await other.ended).stdout.split('\n');
  expect(renamed).toBe(`${first}renamed`);
});

test("doesn't know whether a process of another machine is running", () => {
  expect(isRunning({ machine: '0123456789ab', pid: process.pid, started: '' })).toBeUndefined();
});

test.runIf(onLinux && process.getuid?.() === 0)('finds a process of another user running', async () => {
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
