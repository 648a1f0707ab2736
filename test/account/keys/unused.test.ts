import { describe, expect, test } from 'vitest';
import { lastUseInWords, type UsedKey } from '../../../src/account/keys/last-use.ts';
import { idleTimes, keysUnusedFor } from '../../../src/account/keys/unused.ts';
import type { KeyUsage } from '../../../src/api/usage.ts';

const now = new Date('2026-04-14T09:00:00Z');
const hour = 3_600_000;
const day = 24 * hour;

function ago(milliseconds: number): string {
  return new Date(now.getTime() - milliseconds).toISOString();
}

/** Returns the usage of key `k`: its requests in the last hour, 24 hours, 7 days and 30 days; null: the API doesn't say. */
function used(...requests: readonly (number | null)[]): KeyUsage {
  const [last1h = null, last24h = null, last7d = null, last30d = null] = requests.map((count) => ({ requests: count }));
  return { id: 'k', usage: { last1h, last24h, last7d, last30d } };
}

type Found = 'unused' | 'used' | 'unknown';

/** Returns whether a key is unused for a time. @param readAgo - how long ago its usage was read */
function found(key: Omit<UsedKey, 'id'>, time: number, usage?: KeyUsage, readAgo = 0): Found {
  const reading = usage && { keys: [usage], age: readAgo };
  const { unused, unknown } = keysUnusedFor([{ id: 'k', ...key }], time, idleTimes(now, reading));
  return unused.length > 0 ? 'unused' : unknown.length > 0 ? 'unknown' : 'used';
}

describe('a key whose last use the list of keys has', () => {
  test.each<[string, Omit<UsedKey, 'id'>, Found]>([
    ['was used 31 days ago', { lastUsedAt: ago(31 * day), createdAt: ago(90 * day) }, 'unused'],
    ['was used 30 days ago', { lastUsedAt: ago(30 * day) }, 'unused'],
    ['was used 29 days ago', { lastUsedAt: ago(29 * day), createdAt: ago(90 * day) }, 'used'],
    ['was never used, and created 31 days ago', { lastUsedAt: null, createdAt: ago(31 * day) }, 'unused'],
    ['was never used, and created yesterday', { lastUsedAt: null, createdAt: ago(day) }, 'used'],
    ['was never used, and created nobody knows when', { lastUsedAt: null }, 'unknown'],
  ])('that %s', (_what, key, expected) => {
    expect(found(key, 30 * day)).toBe(expected);
  });

  test('is not compared to the usage', () => {
    expect(found({ lastUsedAt: ago(31 * day) }, 30 * day, used(1, 1, 1, 1))).toBe('unused');
  });
});

describe('a key whose last use only the usage has', () => {
  const old = { createdAt: ago(90 * day) };

  test.each<[string, number, KeyUsage, Found]>([
    ['unused for 30 days, for 30 days', 30 * day, used(0, 0, 0, 0), 'unused'],
    ['unused for 30 days, for 31 days', 31 * day, used(0, 0, 0, 0), 'unknown'],
    ['used within 30 days, for 30 days', 30 * day, used(0, 0, 0, 3), 'unknown'],
    ['used within 30 days, for 31 days', 31 * day, used(0, 0, 0, 3), 'used'],
    ['used within 30 days, for 7 days', 7 * day, used(0, 0, 0, 3), 'unused'],
    ['used within 7 days, for 30 days', 30 * day, used(0, 0, 5, 5), 'used'],
    ['used within 7 days, for 3 days', 3 * day, used(0, 0, 5, 5), 'unknown'],
    ['used within an hour, for 2 hours', 2 * hour, used(1, 1, 1, 1), 'used'],
    ['with counts that are missing', 30 * day, used(null, null, null, null), 'unknown'],
    ['with counts that contradict each other', 30 * day, used(7, 0, 0, 0), 'used'],
  ])('%s', (_what, time, usage, expected) => {
    expect(found(old, time, usage)).toBe(expected);
  });

  test('is unknown if the usage does not list it', () => {
    expect(found(old, 30 * day)).toBe('unknown');
    expect(found(old, 30 * day, { ...used(0, 0, 0, 0), id: 'another' })).toBe('unknown');
  });

  test('does not count as unused for longer than it exists', () => {
    expect(found({ createdAt: ago(2 * day) }, 7 * day, used(0, 0, 0, 0))).toBe('used');
    expect(found({ createdAt: ago(2 * day) }, 7 * day)).toBe('used');
    expect(found({}, 7 * day, used(0, 0, 0, 0))).toBe('unknown');
  });

  test('has the age that the usage says', () => {
    expect(found({}, 30 * day, { ...used(0, 0, 0, 0), createdAt: ago(40 * day) })).toBe('unused');
    expect(found({ lastUsedAt: null }, 30 * day, { ...used(), createdAt: ago(40 * day) })).toBe('unused');
  });

  test('may have been used a little earlier if the usage was read a while ago', () => {
    expect(found(old, hour, used(1, 1, 1, 1), 0.5 * hour)).toBe('unknown');
    expect(found(old, 2 * hour, used(1, 1, 1, 1), 0.5 * hour)).toBe('used');
  });
});

describe('lastUseInWords', () => {
  test.each<[Omit<UsedKey, 'id'>, KeyUsage | undefined, string]>([
    [{ lastUsedAt: ago(21 * day) }, undefined, '3 weeks ago'],
    [{ lastUsedAt: 'lately' }, undefined, 'lately'],
    [{ lastUsedAt: null }, used(1), 'never'],
    [{}, undefined, 'unknown'],
    [{}, used(1, 1, 1, 1), 'last hour'],
    [{}, used(0, 0, 4, 4), 'last 7 days'],
    [{}, used(0, 0, 0, null), 'unknown'],
    [{ createdAt: ago(90 * day) }, used(0, 0, 0, 0), 'before the last 30 days'],
    [{ createdAt: ago(3 * day) }, used(0, 0, 0, 0), 'never'],
  ])('says of %o with %o: %s', (key, usage, words) => {
    expect(lastUseInWords({ id: 'k', ...key }, now, usage)).toBe(words);
  });
});
