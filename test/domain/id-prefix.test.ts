import { expect, test } from 'vitest';
import { findByIdPrefix, isIdPrefix } from '../../src/domain/id-prefix.ts';

const things = [
  { id: '3f6c1a2b-0d4e-4f5a-8b6c-7d8e9f0a1b2c', name: 'one' },
  { id: '3f6c1a2b-9d4e-4f5a-8b6c-7d8e9f0a1b2c', name: 'two' },
  { id: 'ffffffff-9d4e-4f5a-8b6c-7d8e9f0a1b2c', name: 'three' },
];

const find = (word: string) => findByIdPrefix(things, word, 'keys', ({ id, name }) => `${id}  ${name}`)?.name;

test.each([
  ['ffffffff', 'three'],
  ['FFFFFFFF', 'three'],
  ['ffffffff-9d', 'three'],
  ['3f6c1a2b-9', 'two'],
  ['fffffff', undefined],
  ['ffffffff-0', undefined],
  ['ffffffff9d4e', undefined],
  ['one', undefined],
  ['', undefined],
])('finds %j', (word, name) => {
  expect(find(word)).toBe(name);
});

test('refuses the beginning of several ids, and lists them', () => {
  expect(() => find('3f6c1a2b')).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: 'The IDs of 2 keys start with "3f6c1a2b"',
      hint: 'Type more of the ID:',
      lines: things.slice(0, 2).map(({ id, name }) => `${id}  ${name}`),
    }),
  );
});

test.each(['3f6c1a2b-0d4e-4f5a-8b6c-7d8e9f0a1b2c', 'kimi26', 'sub_12345678', '3f6c1a2'])(
  'takes %s for no beginning of an id',
  (word) => {
    expect(isIdPrefix(word)).toBe(false);
  },
);
