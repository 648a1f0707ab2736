import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { children } from '../support/children.ts';
import { emptyFolder } from '../support/folder.ts';

const start = children('src/config/stored-keys.ts');

/** Returns a script that stores keys, one after the other. */
function storing(folder: string, name: string, count: number): string {
  return `
    import { KeyStore } from './module.mjs';
    const store = new KeyStore(${JSON.stringify(folder)}, { profile: 'default', apiUrl: 'https://api.example' }, {
      env: process.env,
      monotonic: () => performance.now(),
      pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      usesKeychain: false,
    });
    console.log('started');
    for (let at = 0; at < ${count}; at++) {
      await store.add([{ id: '${name}-' + at, name: '${name}', secret: 'sk_live_0123456789abcdefghij' }]);
      console.log('stored ' + at + '.');
    }`;
}

function namesIn(folder: string): string[] {
  const { keys }: { readonly keys: readonly { readonly id: string }[] } = JSON.parse(
    readFileSync(path.join(folder, 'secrets.json'), 'utf8'),
  );
  return keys.map(({ id }) => id);
}

describe('the file of stored keys', () => {
  test('keeps every key that several processes store at once', async () => {
    const folder = path.join(emptyFolder(), 'config');
    const names = ['a', 'b', 'c', 'd'];
    const ends = await Promise.all(names.map((name) => start(storing(folder, name, 10)).ended));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, '']));
    const expected = names.flatMap((name) => Array.from({ length: 10 }, (_, at) => `${name}-${at}`));
    expect(namesIn(folder).sort()).toEqual(expected.sort());
  });

  test('is whole after a process was killed at any moment', async () => {
    const folder = path.join(emptyFolder(), 'config');
    for (const count of [1, 3, 7, 15]) {
      const child = start(storing(folder, `k${count}`, 1000));
      await child.says(`stored ${count}.`);
      child.kill('SIGKILL');
      await child.ended;
      const names = namesIn(folder).filter((id) => id.startsWith(`k${count}-`));
      expect(names.length).toBeGreaterThan(count);
    }
  });
});
