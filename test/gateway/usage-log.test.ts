import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { RequestRecord } from '../../src/gateway/events.ts';
import { UsageLog } from '../../src/gateway/usage-log.ts';
import { emptyFolder, modeOf } from '../support/folder.ts';

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2026, 3, 14, 9);

function record(parts: Partial<RequestRecord> = {}): RequestRecord {
  return {
    ...{
      client: 'editor',
      model: 'kimi-k2.6',
      path: '/v1/chat/completions',
      status: 200,
      key: 'seat-1',
      pool: 'kimi26',
    },
    ...{ credit: false, attempts: 1, complete: true, queueTime: 0, timeToFirstByte: 1, duration: 2 },
    ...{ promptTokens: 10, completionTokens: 20 },
    ...parts,
  };
}

/** A log with a clock that the test sets. */
function logAt(folder = emptyFolder(), account = 'mine') {
  const clock = { now: start };
  const file = path.join(folder, 'gateway-usage-2026-04.jsonl');
  return { folder, file, clock, log: new UsageLog(folder, {}, account, () => clock.now) };
}

test('sums what each client used of each model, the heaviest first', () => {
  const { log } = logAt();
  log.count(record());
  log.count(record({ client: 'tests', promptTokens: 500 }));
  log.count(record({ credit: true }));
  log.flush();
  log.count(record({ model: 'glm-5', promptTokens: undefined, completionTokens: undefined }));
  log.count(record({ model: undefined }));
  log.flush();
  const use = (client: string, model: string, numbers: readonly number[]) => {
    const [requests, creditRequests, promptTokens, completionTokens] = numbers;
    return { client, model, requests, creditRequests, promptTokens, completionTokens };
  };
  expect(log.read(hour)).toEqual([
    use('tests', 'kimi-k2.6', [1, 0, 500, 20]),
    use('editor', 'kimi-k2.6', [2, 1, 20, 40]),
    use('editor', '', [1, 0, 10, 20]),
    use('editor', 'glm-5', [1, 0, 0, 0]),
  ]);
});

test('counts only requests that the API answered', () => {
  const { file, log } = logAt();
  log.count(record({ key: undefined, status: 429 }));
  log.flush();
  expect([log.read(hour), existsSync(file)]).toEqual([[], false]);
});

test('writes a line per client and model, for this user only, without prompts', () => {
  const { file, log } = logAt();
  for (let count = 0; count < 100; count++) log.count(record());
  log.flush();
  log.flush();
  expect(readFileSync(file, 'utf8').trimStart()).toBe(
    `${JSON.stringify({
      ...{ time: start, account: 'mine', client: 'editor', model: 'kimi-k2.6', requests: 100, creditRequests: 0 },
      ...{ promptTokens: 1000, completionTokens: 2000 },
    })}\n`,
  );
  expect(modeOf(file)).toBe('600');
});

test('reads only the period and the account', () => {
  const { folder, clock, log } = logAt();
  log.count(record({ client: 'old' }));
  log.flush();
  clock.now += 2 * hour;
  log.count(record({ client: 'new' }));
  log.flush();
  const other = logAt(folder, 'other');
  other.clock.now = clock.now;
  other.log.count(record({ client: 'another account' }));
  other.log.flush();
  expect(log.read(hour).map(({ client }) => client)).toEqual(['new']);
  expect(log.read(day).map(({ client }) => client)).toEqual(['old', 'new']);
  expect(other.log.read(day).map(({ client }) => client)).toEqual(['another account']);
});

test('removes the files of months that ended more than 31 days ago', () => {
  const { folder, clock, log } = logAt();
  log.prune();
  for (const client of ['april', 'may']) {
    log.count(record({ client }));
    log.flush();
    clock.now += 30 * day;
  }
  const files = () => readdirSync(folder).sort();
  expect(files()).toEqual(['gateway-usage-2026-04.jsonl', 'gateway-usage-2026-05.jsonl']);
  clock.now = Date.UTC(2026, 5, 1) - 1;
  log.prune();
  expect(log.read(90 * day).map(({ client }) => client)).toEqual(['april', 'may']);
  clock.now++;
  log.prune();
  expect(files()).toEqual(['gateway-usage-2026-05.jsonl']);
  expect(log.read(90 * day).map(({ client }) => client)).toEqual(['may']);
});

test.each([
  ['half a line', '{"time":1776'],
  ['a line of something else', '{"hello":"world"}\n'],
  [
    'a negative count',
    `{"time":${start},"account":"mine","client":"a","model":"","requests":-1,"creditRequests":0,"promptTokens":0,"completionTokens":0}\n`,
  ],
  ['binary data', '\0\x01\xff\n'],
  ['empty lines', '\n\n'],
])('ignores %s', (_what, damage) => {
  const { file, log } = logAt();
  log.count(record());
  log.flush();
  appendFileSync(file, damage);
  expect(log.read(hour)).toMatchObject([{ client: 'editor', requests: 1 }]);
});

test('keeps what was counted if it cannot be written', () => {
  const folder = emptyFolder();
  const blocked = path.join(folder, 'state');
  writeFileSync(blocked, '');
  const log = new UsageLog(blocked, {}, 'mine', () => start);
  log.count(record());
  expect(() => log.flush()).toThrow();
  expect(() => log.flush()).toThrow();
});
