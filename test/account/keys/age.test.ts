import { expect, test } from 'vitest';
import { keysOlderThan } from '../../../src/account/keys/age.ts';

const now = new Date('2026-04-14T09:00:00Z');
const day = 86_400_000;

test('finds the keys that were created more than 30 days ago, in their order', () => {
  const keys = [
    { id: 'old', createdAt: '2026-03-15T08:59:59.999Z' },
    { id: 'exactly 30 days', createdAt: '2026-03-15T09:00:00Z' },
    { id: 'new', createdAt: '2026-04-14T09:00:00Z' },
    { id: 'older', createdAt: '2025-01-01T00:00:00Z' },
    { id: 'from a clock that is ahead', createdAt: '2026-04-15T00:00:00Z' },
  ];
  const { older, unknown } = keysOlderThan(keys, 30 * day, now);
  expect(older.map(({ id }) => id)).toEqual(['old', 'older']);
  expect(unknown).toEqual([]);
});

test('sets keys apart whose creation date is missing or invalid', () => {
  const keys = [{ id: 'absent' }, { id: 'null', createdAt: null }, { id: 'invalid', createdAt: 'yesterday' }];
  expect(keysOlderThan(keys, day, now)).toEqual({ older: [], unknown: keys });
});
