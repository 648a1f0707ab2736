import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { UsageCache } from '../../src/config/usage-cache.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

const hour = 3_600_000;
let folder = '';
let now = 0;

beforeEach(() => {
  folder = join(emptyFolder(), 'cache');
  now = Date.parse('2026-01-01T00:00:00Z');
});

const cache = (account = 'https://api.test mk_secret_0123456789') => new UsageCache(folder, {}, account, () => now);

function onlyFile(): string {
  const [name = ''] = readdirSync(folder);
  return join(folder, name);
}

test('starts empty, with all requests left', () => {
  expect([cache().read(), cache().left]).toEqual([undefined, 12]);
});

test('is read by another process, with its age', () => {
  cache().keep([{ id: 'key_1' }], { earliest: 5, latest: 6 });
  now += 90_000;
  expect(cache().read()).toEqual({ data: [{ id: 'key_1' }], age: 90_000, counted: { earliest: 5, latest: 6 } });
});

test('keeps the data when a request is counted, and the count when data is kept', () => {
  cache().count();
  cache().keep([{ id: 'key_1', name: 'a\nb' }], undefined);
  cache().count();
  expect([cache().read()?.data, cache().left]).toEqual([[{ id: 'key_1', name: 'a\nb' }], 10]);
});

test.each(['', '{', '{}'])('keeps the count if the data is damaged: %j', (data) => {
  cache().count();
  cache().keep([{ id: 'key_1' }], undefined);
  const [header = ''] = readFileSync(onlyFile(), 'utf8').split('\n');
  writeFileSync(onlyFile(), `${header}\n${data}`);
  expect([cache().read(), cache().left]).toEqual([undefined, 11]);
});

test('separates accounts', () => {
  cache().keep([{ id: 'key_1' }], undefined);
  expect(cache('https://api.test mk_other').read()).toBeUndefined();
});

test('counts requests for 12 hours', () => {
  for (let at = 0; at < 13; at++) cache().count();
  expect(cache().left).toBe(0);
  now += 12 * hour - 1;
  expect(cache().left).toBe(0);
  now += 1;
  expect(cache().left).toBe(12);
});

test('keeps a file that only its owner can read, without the key in its content or name', () => {
  cache().count();
  expect(modeOf(onlyFile())).toBe('600');
  expect(modeOf(folder)).toBe('700');
  expect(onlyFile() + readFileSync(onlyFile(), 'utf8')).not.toContain('secret');
});

test.each(['', '{"requests":', '[]', '{"requests":["x"]}'])('treats the damaged file %j as empty', (text) => {
  cache().count();
  writeFileSync(onlyFile(), text);
  expect([cache().read(), cache().left]).toEqual([undefined, 12]);
  cache().count();
  expect(cache().left).toBe(11);
});
