import { expect, test } from 'vitest';
import type { Destination } from '../../../src/account/secrets/destination.ts';
import { SeveralDestinations } from '../../../src/account/secrets/several-destinations.ts';
import { CommandError } from '../../../src/domain/errors.ts';

const keys = [{ apiKey: 'sk_live_0123456789abcdefghij01' }];

/** A destination that records what is done with it. */
function recorded(name: string, log: string[], failsTo?: 'prove' | 'write', error?: Error): Destination {
  const step = async (what: 'prove' | 'write' | 'release') => {
    log.push(`${what} ${name}`);
    if (what === failsTo) throw error ?? new CommandError('file_error', `Can't ${what} ${name}`);
  };
  return {
    prove: async () => {
      await step('prove');
      return { release: () => step('release') };
    },
    write: () => step('write'),
    warning: async () => (name === 'b' ? undefined : `Mind ${name}.`),
    describe: (count) => ({ count, words: `in ${name}`, savedTo: `/${name}`, options: `--to ${name}` }),
  };
}

test('proves all destinations, writes to all, and releases all', async () => {
  const log: string[] = [];
  const all = new SeveralDestinations(['a', 'b', 'c'].map((name) => recorded(name, log)));
  const { release } = await all.prove({ count: 1 });
  await all.write(keys);
  await release();
  expect(log.join(', ')).toBe('prove a, prove b, prove c, write a, write b, write c, release a, release b, release c');
  expect(await all.warning()).toBe('Mind a.\nMind c.');
  expect(all.describe(1)).toEqual({
    count: 1,
    words: 'in a, in b, and in c',
    savedTo: '/a, /b, /c',
    options: '--to a --to b --to c',
  });
});

test("releases those that are proven if another one can't be written", async () => {
  const log: string[] = [];
  const all = new SeveralDestinations([recorded('a', log), recorded('b', log, 'prove'), recorded('c', log)]);
  await expect(all.prove({ count: 1 })).rejects.toMatchObject({ message: "Can't prove b" });
  expect(log).toEqual(['prove a', 'prove b', 'release a']);
});

test('says where the secret is if another destination fails', async () => {
  const log: string[] = [];
  const all = new SeveralDestinations([
    recorded('a', log),
    recorded('b', log),
    recorded('c', log, 'write'),
    recorded('d', log),
  ]);
  await expect(all.write(keys)).rejects.toMatchObject({
    code: 'file_error',
    message: "Can't write c. The key is already in a, and in b",
  });
  expect(log).toEqual(['write a', 'write b', 'write c']);
});

test('passes on the error of the first destination', async () => {
  const all = new SeveralDestinations([recorded('a', [], 'write'), recorded('b', [])]);
  await expect(all.write(keys)).rejects.toMatchObject({ message: "Can't write a" });
});

test('says where the secret is if the result fails', async () => {
  const broken = Object.assign(new Error('EPIPE: broken pipe, write'), { code: 'EPIPE' });
  const all = new SeveralDestinations([recorded('a', []), recorded('b', [], 'write', broken)]);
  await expect(all.write(keys)).rejects.toMatchObject({
    code: 'file_error',
    message: "Can't write the result: broken pipe. The key is already in a",
  });
});
