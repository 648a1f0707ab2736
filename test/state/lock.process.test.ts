import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CommandError } from '../../src/domain/errors.ts';
import { type Lock, withLock } from '../../src/state/lock.ts';
import { thisProcess } from '../../src/state/process.ts';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';
import { realTime } from '../support/world.ts';

const child = children('src/state/lock.ts');

const own = thisProcess();
const elsewhere = '0123456789ab';

function lockIn(folder: string, more: Partial<Lock> = {}): Lock {
  return { folder, name: 'purchase', patience: 30_000, env: {}, ...realTime, ...more };
}

/** Creates the file of a process that has the lock. */
function heldBy(
  folder: string,
  { machine = own.machine, pid = own.pid, started = own.started, name = 'purchase' } = {},
) {
  const file = join(folder, `${name}.${machine}.${pid}.${started || '-'}.deadbeef.lock`);
  writeFileSync(file, '');
  return file;
}

/** Returns whether the lock can be taken immediately. */
async function isFree(folder: string, more: Partial<Lock> = {}): Promise<boolean> {
  try {
    await withLock(lockIn(folder, { patience: 0, ...more }), async () => {});
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'busy') return false;
    throw error;
  }
}

/** Returns a script that runs `work` with the lock. Keep its stdin open until it should release the lock. */
function holding(folder: string, work: string, patience = 60_000): string {
  return `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withLock } from './module.mjs';
    const released = new Promise((resolve) => process.stdin.on('end', resolve).resume());
    const folder = ${JSON.stringify(folder)};
    const lock = { folder, name: 'purchase', env: {}, patience: ${patience}, monotonic: () => performance.now(), pause: (ms) => sleep(ms) };
    const hold = (work) => withLock(lock, work);
    ${work}
    process.exit(0);`;
}

describe('many processes', () => {
  test('take turns without losing a write, and leave nothing behind', async () => {
    const folder = emptyFolder();
    const locks = join(folder, 'locks');
    const counter = join(folder, 'counter');
    writeFileSync(counter, '0');
    const script = holding(
      locks,
      `for (let turn = 0; turn < 5; turn += 1) {
        await hold(async () => {
          const count = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
          await sleep(Math.random() * 4);
          writeFileSync(${JSON.stringify(counter)}, String(count + 1));
        });
      }`,
    );
    const ends = await Promise.all(Array.from({ length: 20 }, () => child(script).ended));
    expect(ends).toEqual(Array(20).fill({ code: 0, signal: null, stdout: '', stderr: '' }));
    expect(readFileSync(counter, 'utf8')).toBe('100');
    expect(readdirSync(locks)).toEqual([]);
  });

  test("don't wait for one that was killed with the lock", async () => {
    const folder = join(emptyFolder(), 'locks');
    const holder = child(holding(folder, `await hold(async () => { console.log('held'); await released; });`));
    await holder.says('held');
    expect(await isFree(folder)).toBe(false);
    holder.kill('SIGKILL');
    expect((await holder.ended).signal).toBe('SIGKILL');
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await isFree(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(own.started)("don't wait for a killed one that became a zombie", async () => {
    const folder = join(emptyFolder(), 'locks');
    const script = holding(
      folder,
      `await hold(async () => { console.log('held ' + process.pid); await sleep(60_000); });`,
    );
    // The shell becomes a process that never waits for its child, which stays a zombie once it is killed.
    const parent = child(script, { shell: '"$@" & exec sleep 60' });
    await parent.says('held');
    const [name = ''] = readdirSync(folder);
    const pid = Number(name.split('.')[2]);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0]).toBe('Z');
    expect(await isFree(folder)).toBe(true);
  });

  test('get the lock after one another, with one note that they wait', async () => {
    const folder = join(emptyFolder(), 'locks');
    const holder = child(holding(folder, `await hold(async () => { console.log('held'); await released; });`));
    await holder.says('held');
    let waits = 0;
    let tries = 0;
    const got = await withLock(
      lockIn(folder, {
        onWait: () => {
          waits += 1;
        },
        pause: async (milliseconds) => {
          tries += 1;
          if (tries === 3) holder.release();
          await sleep(milliseconds);
        },
      }),
      async () => readdirSync(folder),
    );
    expect(got).toHaveLength(1);
    expect([waits, tries >= 3]).toEqual([1, true]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a lock', () => {
  test('is a file with its name, machine, process and start time, only for its owner', async () => {
    const folder = join(emptyFolder(), 'state', 'locks');
    await withLock(lockIn(folder), async () => {
      const [name = '', ...others] = readdirSync(folder);
      expect(others).toEqual([]);
      expect(name).toMatch(/^purchase\.[0-9a-f]{12}\.\d+\.(?:\d+|-)\.[0-9a-f]{8}\.lock$/);
      expect(name).toContain(`.${own.machine}.${process.pid}.${own.started || '-'}.`);
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is released after work that fails, with the error of the work', async () => {
    const folder = emptyFolder();
    const failure = new Error('out of order');
    await expect(withLock(lockIn(folder), () => Promise.reject(failure))).rejects.toBe(failure);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is independent of a lock with another name, even if the names start alike', async () => {
    const folder = emptyFolder();
    const other = heldBy(folder, { name: 'purchase-of-others' });
    expect(await isFree(folder)).toBe(true);
    expect(await isFree(folder, { name: 'purchase-of' })).toBe(true);
    expect(await isFree(folder, { name: 'purchase-of-others' })).toBe(false);
    expect(readdirSync(folder)).toEqual([other.slice(folder.length + 1)]);
  });

  test('ignores other files in the folder', async () => {
    const folder = emptyFolder();
    const names = ['history.jsonl', 'purchase.lock', 'purchase.0123.x.1.00.lock', 'undelivered-00.key'];
    for (const name of names) writeFileSync(join(folder, name), 'x');
    expect(await isFree(folder)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(names.sort());
  });

  test('is not shared within a process', async () => {
    const folder = emptyFolder();
    await withLock(lockIn(folder), async () => expect(await isFree(folder)).toBe(false));
    expect(await isFree(folder)).toBe(true);
  });
});

describe('a leftover file', () => {
  test('is removed if its process has ended', async () => {
    const folder = emptyFolder();
    const gone = child('');
    await gone.ended;
    heldBy(folder, { pid: gone.pid, started: '1' });
    expect(await isFree(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(own.started)('is removed if the pid belongs to another process now', async () => {
    const folder = emptyFolder();
    heldBy(folder, { started: String(Number(own.started) - 1) });
    expect(await isFree(folder)).toBe(true);
    heldBy(folder, { started: own.started });
    expect(await isFree(folder)).toBe(false);
  });

  test('counts if the process with its pid has no known start time', async () => {
    const folder = emptyFolder();
    heldBy(folder, { started: '' });
    expect(await isFree(folder)).toBe(false);
  });

  test.each([
    ['touched just now', 0, false],
    ['touched 50 s ago', -50_000, false],
    ['touched 70 s ago', -70_000, true],
    ['touched in the future, by a wrong clock', 3_600_000, true],
  ])('of another machine, %s', async (_when, ago, free) => {
    const folder = emptyFolder();
    const file = heldBy(folder, { machine: elsewhere, pid: 1 });
    const time = new Date(Date.now() + ago);
    utimesSync(file, time, time);
    expect(await isFree(folder)).toBe(free);
    expect(readdirSync(folder)).toHaveLength(free ? 0 : 1);
  });
});

describe("a lock that can't be taken", () => {
  test('exits with 6 (busy), names the process that has it, and leaves nothing behind', async () => {
    const folder = emptyFolder();
    const file = heldBy(folder);
    const started = Date.now();
    const failure = await withLock(lockIn(folder, { patience: 150 }), async () => {}).catch((error: unknown) => error);
    expect(Date.now() - started).toBeGreaterThanOrEqual(150);
    expect(failure).toMatchObject({ code: 'busy', exitCode: 6, retryable: true, outcome: 'not_applied' });
    expect(failure).toMatchObject({ message: expect.stringContaining(`(${process.pid})`) });
    expect(readdirSync(folder)).toEqual([file.slice(folder.length + 1)]);
  });

  test('stops waiting if the pause throws', async () => {
    const folder = emptyFolder();
    heldBy(folder);
    const interrupted = new CommandError('interrupted', 'interrupted');
    const pause = () => Promise.reject(interrupted);
    await expect(withLock(lockIn(folder, { pause }), async () => {})).rejects.toBe(interrupted);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("reports a folder that can't be created, and doesn't start the work", async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    let begun = false;
    const attempt = withLock(lockIn(join(folder, 'file', 'locks')), async () => {
      begun = true;
    });
    await expect(attempt).rejects.toMatchObject({ code: 'file_error', outcome: 'not_applied' });
    expect(begun).toBe(false);
  });
});
