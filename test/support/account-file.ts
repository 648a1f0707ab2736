import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { User } from './cli.ts';
import { at, listAt, type TestSandbox, textAt } from './sandbox.ts';
import { answer, type Behavior, type Instead, type Received } from './servers.ts';

/** A file that changes everything that a file can change, given an account from {@link earlierAccount}. */
const wholeFile = `version: 1
managed:
  prefix: tenant-
seats:
  - pool: kimi26
    blocks: [europe]
  - pool: minimax-m3
    blocks: [asia]
keys:
  - name: prod-api
    pool: kimi26
  - name: reports
    type: credit
    maxBudget: 5
  - name: batch
    type: credit
    rpm: 60
`;

/** Applies {@link wholeFile}. */
export const applyAll = 'apply --update-existing --allow-destroy --save-to secrets.ndjson --yes --max-charge 88 --json';

/** The changes that {@link applyAll} sends, in order. */
export const changesOfAll = [
  'DELETE /api/pools/minimax-m3/pledge',
  'POST /api/pools/kimi26/subscribe',
  'POST /api/pools/minimax-m3/subscribe',
  'POST /api/keys/credit (reports)',
  'POST /api/keys/subscription',
  'POST /api/keys/credit (batch)',
  'DELETE /api/keys/:id (batch)',
  'DELETE /api/keys/:id (tenant-gone)',
] as const;

/** Returns which of {@link changesOfAll} a request is; undefined for any other. */
export function changeOf(earlier: EarlierAccount, { method, path: url, body }: Received): string | undefined {
  if (method === 'GET') return undefined;
  if (url === '/api/keys/credit') return `POST ${url} (${textAt(JSON.parse(body), 'name')})`;
  if (url === `/api/keys/${earlier.batch}`) return 'DELETE /api/keys/:id (batch)';
  if (url === `/api/keys/${earlier.tenant}`) return 'DELETE /api/keys/:id (tenant-gone)';
  return `${method} ${url}`;
}

/** What an account has before a file is applied. */
export interface EarlierAccount {
  /** The IDs of keys. */
  readonly batch: string;
  readonly tenant: string;
}

/** Gives an account a subscription and keys that {@link wholeFile} changes. */
export async function earlierAccount(box: TestSandbox): Promise<EarlierAccount> {
  await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
  const batch = textAt(await box.data('POST', '/api/keys/credit', { name: 'batch', rpm: 30 }), 'id');
  const tenant = textAt(await box.data('POST', '/api/keys/credit', { name: 'tenant-gone' }), 'id');
  return { batch, tenant };
}

/** Writes {@link wholeFile} into the user's home directory. */
export function writeWholeFile({ home }: User): void {
  writeFileSync(path.join(home, 'account.yaml'), wholeFile);
}

/** Checks that an account is exactly as {@link wholeFile} says, and that the file of secrets has those of its new keys. */
export async function checkApplied(me: User, box: TestSandbox): Promise<void> {
  const state = await box.seen();
  const seats = listAt(state, 'subscriptions').map((each) => [
    textAt(each, 'poolSlug'),
    listAt(each, 'blocks').join(),
    at(each, 'cancelAtPeriodEnd') === true ? 'ends' : 'renews',
  ]);
  expect(seats.toSorted()).toEqual([
    ['kimi26', 'europe', 'renews'],
    ['minimax-m3', 'asia', 'renews'],
    ['minimax-m3', 'europe', 'ends'],
  ]);
  const charges = listAt(state, 'charges').map((each) => textAt(each, 'amount'));
  expect(charges.toSorted()).toEqual(['39.00', '49.00', '49.00']);
  const listed = await box.data('GET', '/api/keys');
  if (!Array.isArray(listed)) throw new Error('no list of keys');
  const keys = listed.filter((key: unknown) => at(key, 'isActive') === true);
  expect(keys.map((key) => [textAt(key, 'name'), at(key, 'rpm') ?? null]).toSorted()).toEqual([
    ['batch', 60],
    ['prod-api', null],
    ['reports', null],
  ]);
  const saved = savedIn(me).map((line) => textAt(line, 'apiKey'));
  const times = keys.map((key) => [at(key, 'name'), saved.filter((each) => each === at(key, 'apiKey')).length]);
  expect(Object.fromEntries(times)).toEqual({ batch: 1, 'prod-api': 1, reports: 1 });
}

function savedIn({ home }: User): unknown[] {
  const file = path.join(home, 'secrets.ndjson');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/** Answers the list of keys as an API does that shows no secrets again. */
function withoutSecrets(box: TestSandbox): Behavior {
  return async (request, response) => {
    const { body } = await box.call(request.method, request.path);
    const keys = listAt(body, 'data').map((key) => ({ ...Object(key), apiKey: undefined }));
    return answer(200, { success: true, data: keys })(request, response);
  };
}

/** Hides the secrets of keys that exist, if an API doesn't show them again. */
export function hiding(showsSecrets: boolean, instead: Instead): Instead {
  return (request, box) => {
    const other = instead(request, box);
    if (other || showsSecrets || request.method !== 'GET' || request.path !== '/api/keys') return other;
    return withoutSecrets(box);
  };
}

/** Lets the sandbox carry out a request, whose answer nobody gets. */
export async function commit(box: TestSandbox, request: Received): Promise<void> {
  await box.call(request.method, request.path, request.body === '' ? {} : { text: request.body });
}
