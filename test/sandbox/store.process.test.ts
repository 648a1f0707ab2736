import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Account } from '../../src/sandbox/account.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { resetSandbox } from '../../src/sandbox/state.ts';
import { openStore, type Store } from '../../src/sandbox/store.ts';
import { emptyFolder } from '../support/folder.ts';
import { at, creditKey, failure, listAt, machineStart, sandbox } from '../support/sandbox.ts';
import { bundleSandbox } from '../support/sandbox-bundle.ts';

const now = () => machineStart;

/** Adds a mark to the account, to detect lost and duplicate changes. */
function mark(store: Store, name: string, meanwhile: () => void = () => {}): Promise<void> {
  return store.run((account: Account) => {
    meanwhile();
    return { account: { ...account, setupIntents: [...account.setupIntents, name] }, result: undefined };
  });
}

function marks(store: Store): Promise<string[]> {
  return store.run((account) => ({ account, result: account.setupIntents }));
}

function versions(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(/^state\.(\d+)\.json$/.exec(name)?.[1]))
    .sort((a, b) => a - b);
}

describe('processes that share a folder', () => {
  let scripts = '';
  beforeAll(async () => {
    scripts = mkdtempSync(join(tmpdir(), 'sandbox-bundle-'));
    await bundleSandbox(join(scripts, 'server.mjs'));
  });
  afterAll(() => rmSync(scripts, { recursive: true, force: true }));

  /** Starts a process that creates keys over HTTP, one after the other, and prints the id of each when it is acknowledged. */
  function keyMaker(folder: string, count: number): ChildProcessWithoutNullStreams {
    const source = `
      import { startSandbox } from ${JSON.stringify(join(scripts, 'server.mjs'))};
      const sandbox = await startSandbox({ folder: ${JSON.stringify(folder)} });
      for (let count = 0; count < ${count}; count += 1) {
        const response = await fetch(sandbox.url + '/api/keys/credit', {
          method: 'POST',
          headers: { Authorization: 'Bearer mk_sandbox' },
          body: JSON.stringify({ name: 'key ' + count }),
        });
        const { data, error } = await response.json();
        if (response.status !== 200) throw new Error(response.status + ' ' + error);
        process.stdout.write(data.id + '\\n');
      }
      await sandbox.close();`;
    return spawn(process.execPath, ['--input-type=module', '-e', source], { env: {} });
  }

  async function keyIds(folder: string): Promise<unknown[]> {
    const box = await sandbox({ folder });
    return listAt(await box.data('GET', '/api/keys')).map((key) => at(key, 'id'));
  }

  test('lose nothing when ten of them write at once', async () => {
    const folder = join(emptyFolder(), 'state');
    const printed = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const child = keyMaker(folder, 20);
        let failed = '';
        child.stderr.on('data', (chunk) => {
          failed += chunk;
        });
        const exit = once(child, 'exit');
        const ids: string[] = [];
        for await (const line of createInterface(child.stdout)) ids.push(line);
        expect([await exit, failed]).toEqual([[0, null], '']);
        return ids;
      }),
    );
    const acknowledged = printed.flat();
    expect(new Set(acknowledged).size).toBe(200);
    const stored = await keyIds(folder);
    expect(stored).toHaveLength(200);
    expect(new Set(stored)).toEqual(new Set(acknowledged));
    // The first commit is the account itself. Sixteen versions and no temporary file are left.
    expect(readdirSync(folder)).toHaveLength(16);
    expect(versions(folder)).toEqual(Array.from({ length: 16 }, (_, index) => 186 + index));
  }, 60_000);

  test('lose nothing acknowledged, and stay readable, when they are killed in the middle', async () => {
    const folder = join(emptyFolder(), 'state');
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        Array.from({ length: 3 }, async (_, index) => {
          const child = keyMaker(folder, 100_000);
          let count = 0;
          for await (const line of createInterface(child.stdout)) {
            acknowledged.push(line);
            count += 1;
            if (count === 3 * (round + index) + 1) child.kill('SIGKILL');
          }
        }),
      );
      const stored = new Set(await keyIds(folder));
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      const box = await sandbox({ folder });
      acknowledged.push((await creditKey(box)).id);
    }
    expect(acknowledged.length).toBeGreaterThan(5 * 3);
  }, 60_000);
});

describe('a change', () => {
  test('is applied again if another one was first', async () => {
    const folder = emptyFolder();
    const [mine, other] = [openStore({ folder, now }), openStore({ folder, now })];
    await mark(mine, 'first');
    let attempts = 0;
    await mark(mine, 'mine', () => {
      attempts += 1;
      if (attempts <= 3) void mark(other, `other ${attempts}`);
    });
    expect(attempts).toBe(4);
    expect(await marks(mine)).toEqual(['first', 'other 1', 'other 2', 'other 3', 'mine']);
  });

  test('is applied again if its file name was removed in the meantime', async () => {
    const folder = emptyFolder();
    const [mine, other] = [openStore({ folder, now }), openStore({ folder, now })];
    await mark(mine, 'first');
    let attempts = 0;
    await mark(mine, 'mine', () => {
      attempts += 1;
      if (attempts === 1) for (let count = 0; count < 40; count += 1) void mark(other, 'other');
    });
    expect(attempts).toBe(2);
    expect(await marks(other)).toEqual(['first', ...Array(40).fill('other'), 'mine']);
    expect(versions(folder)).toEqual(Array.from({ length: 16 }, (_, index) => 27 + index));
  });

  test('fails loudly if it is unknown whether it was stored', async () => {
    const folder = emptyFolder();
    const [mine, other] = [openStore({ folder, now }), openStore({ folder, now })];
    await mark(mine, 'first');
    const change = mark(mine, 'mine', () => {
      for (let count = 0; count < 200; count += 1) void mark(other, 'other');
    });
    await expect(change).rejects.toThrow('so the change may not have been stored');
    expect(await marks(other)).toEqual(['first', ...Array(200).fill('other')]);
  });

  test('leaves no trace if it is refused, as does reading', async () => {
    const box = await sandbox();
    await creditKey(box);
    const before = readdirSync(box.folder);
    await box.call('POST', '/api/keys/credit', { body: { name: '' } });
    await box.call('DELETE', '/api/keys/none');
    await box.call('POST', '/api/pools/minimax-m3/subscribe', { body: { blocks: ['americas'] } });
    for (const path of ['/api/pools', '/api/pools/kimi26', '/api/keys', '/api/billing/status', '/sandbox/state']) {
      expect((await box.call('GET', path)).status).toBe(200);
    }
    expect(readdirSync(box.folder)).toEqual(before);
  });

  test('removes temporary files that are older than a minute', async () => {
    const folder = emptyFolder();
    const store = openStore({ folder, now });
    await mark(store, 'first');
    for (const name of ['state.1-a.tmp', 'state.2-b.tmp', 'notes.tmp']) writeFileSync(join(folder, name), '{');
    const longAgo = new Date(Date.now() - 61_000);
    for (const name of ['state.1-a.tmp', 'notes.tmp']) utimesSync(join(folder, name), longAgo, longAgo);
    await mark(store, 'second');
    expect(readdirSync(folder).sort()).toEqual(['notes.tmp', 'state.1.json', 'state.2-b.tmp', 'state.2.json']);
  });
});

describe('a store that has read a version', () => {
  test.each([1, 2, 15, 16, 17, 40])('reads the newest one after %i changes of another', async (count) => {
    const folder = emptyFolder();
    const [mine, other] = [openStore({ folder, now }), openStore({ folder, now })];
    await mark(other, 'first');
    expect(await marks(mine)).toEqual(['first']);
    for (let change = 0; change < count; change += 1) await mark(other, 'other');
    expect(await marks(mine)).toEqual(['first', ...Array(count).fill('other')]);
  });

  test('reads the one of a new folder that has the same number', async () => {
    const folder = emptyFolder();
    const mine = openStore({ folder, now });
    await mark(mine, 'first');
    expect(await marks(mine)).toEqual(['first']);
    rmSync(folder, { recursive: true });
    await mark(openStore({ folder, now }), 'anew');
    expect(versions(folder)).toEqual([1]);
    expect(await marks(mine)).toEqual(['anew']);
  });
});

describe('an invalid state', () => {
  test.each([
    ['half a file', '{"version":1,"lin'],
    ['another format', '{"version":2,"lineage":[],"account":{}}'],
    ['another value', '[]'],
  ])('is reported with a way out: %s', async (_, content) => {
    const box = await sandbox();
    const path = join(box.folder, 'state.7.json');
    writeFileSync(path, content);
    const message = `this version of ci can't read ${path}. Run \`ci sandbox reset\` to start over`;
    await expect(startSandbox({ folder: box.folder, now })).rejects.toThrow(message);
    expect(await box.call('GET', '/api/keys')).toEqual(failure(500, message));
    await resetSandbox({ folder: box.folder, now }, { card: false });
    expect(await box.seen()).toMatchObject({ card: false, keys: [] });
  });
});

test('starts again in a folder that was deleted under a running server', async () => {
  const folder = join(emptyFolder(), 'state');
  const box = await sandbox({ folder });
  await creditKey(box);
  rmSync(folder, { recursive: true });
  await creditKey(box);
  expect(listAt(await box.data('GET', '/api/keys'))).toHaveLength(1);
  expect(versions(folder)).toEqual([1]);
});
