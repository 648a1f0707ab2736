import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isObject } from '../../src/domain/json.ts';
import { json, type User, userOf } from '../support/cli.ts';
import { errorOf } from '../support/lost.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import { answer, data, type Instead, recordedSandbox } from '../support/servers.ts';

const applying = 'apply --yes --max-charge 500 --json --save-to secrets.ndjson';

/** What an API does to the list that it answers. @param count - how many such lists it has answered before */
type Lie = (list: readonly unknown[], count: number) => readonly unknown[];

/** Changes the lists of some addresses. */
function lying(address: RegExp, lie: Lie): Instead {
  let count = 0;
  return ({ method, path: target }, box) => {
    if (method !== 'GET' || !address.test(target)) return undefined;
    const before = count++;
    return async (request, response) => data(lie(listAt(await box.data('GET', target)), before))(request, response);
  };
}

function without(...fields: readonly string[]) {
  return (item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).filter(([name]) => !fields.includes(name))) : item;
}

async function customer(instead: Instead) {
  const api = await recordedSandbox({ instead });
  return { api, box: api.box, me: userOf(api) };
}

function write({ home }: User, ...lines: readonly string[]): void {
  writeFileSync(path.join(home, 'account.yaml'), ['version: 1', ...lines, ''].join('\n'));
}

async function subscribed(box: TestSandbox, blocks: readonly string[] = ['asia']) {
  return textAt(await box.data('POST', '/api/pools/kimi26/subscribe', { blocks }), 'id');
}

const seat = ['seats:', '  - {pool: kimi26, blocks: [asia]}'];
const subscriptions = /\/my-subscriptions$/;
const keys = /\/api\/keys$/;
const both = /\/(?:my-subscriptions|api\/keys)$/;

describe('an API that lists something twice', () => {
  test('is read as if it listed it once', async () => {
    const { api, box, me } = await customer(lying(both, (list) => [...list, ...list]));
    const subscriptionId = await subscribed(box);
    await box.data('POST', '/api/keys/subscription', { name: 'prod', subscriptionId });
    const exported = await me.ci('export');
    expect(exported.stdout.match(/- pool/g)).toHaveLength(1);
    expect(exported.stdout).not.toMatch(/quantity|isn't an entry/);
    write(me, ...seat, 'keys:', '  - {name: prod, pool: kimi26}');
    const applied = await me.ci(`${applying} --update-existing --allow-destroy`);
    expect([applied.code, at(json(applied), 'changes')]).toEqual([0, []]);
    expect(api.changes).toEqual([]);
  });

  test('gets one request to revoke a key', async () => {
    const { api, box, me } = await customer(lying(keys, (list) => [...list, ...list]));
    const id = textAt(await box.data('POST', '/api/keys/credit', { name: 'tenant-a' }), 'id');
    write(me, 'managed: {prefix: tenant-}');
    expect(await me.ci(`${applying} --allow-destroy`)).toMatchObject({ code: 0 });
    expect(api.changes).toEqual([`DELETE /api/keys/${id}`]);
  });
});

describe('an API whose lists contradict each other', () => {
  test.each(['export', 'plan', applying])('fails `ci %s` if a pool lacks a subscription', async (line) => {
    const { api, box, me } = await customer(lying(subscriptions, () => []));
    const id = await subscribed(box);
    write(me, ...seat);
    const ended = await me.ci(line);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain(
      `The API's answers contradict each other: one lacks subscription ${id}, which your account lists`,
    );
    expect(api.changes).toEqual([]);
  });

  test('creates no key a second time if the account lacks the key of a subscription', async () => {
    const { api, box, me } = await customer(lying(keys, () => []));
    const subscriptionId = await subscribed(box);
    const key = await box.data('POST', '/api/keys/subscription', { name: 'prod', subscriptionId });
    write(me, ...seat, 'keys:', '  - {name: prod, pool: kimi26}');
    const ended = await me.ci(applying);
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(errorOf(ended)).toMatchObject({
      code: 'unexpected_response',
      message: `The API's answers contradict each other: one lacks key ${textAt(key, 'id')}, which subscription ${subscriptionId} has`,
      outcome: 'not_applied',
    });
    expect(api.changes).toEqual([]);
  });

  test('is asked again, because the account may just have been changed', async () => {
    const { box, me } = await customer(lying(subscriptions, (list, count) => (count === 0 ? [] : list)));
    await subscribed(box);
    write(me, ...seat);
    expect(await me.ci('plan --detailed-exitcode')).toMatchObject({ code: 0 });
  });
});

test('buys no seats if a subscription appears whose blocks the API does not state', async () => {
  const hidden: Instead = ({ path: target }) =>
    target === '/api/billing/status' ? data({ creditBalance: 0, poolPledges: [] }) : undefined;
  const vague = lying(subscriptions, (list) => list.map(without('hours')));
  const { api, box, me } = await customer((request, sandbox) => hidden(request, sandbox) ?? vague(request, sandbox));
  const id = await subscribed(box);
  write(me, ...seat);
  const ended = await me.ci(applying);
  expect(ended.code).toBe(1);
  expect(errorOf(ended)).toMatchObject({
    message: `The subscriptions on kimi26 have changed: the API doesn't state the blocks of subscription ${id}`,
    outcome: 'not_applied',
  });
  expect(api.changes).toEqual([]);
});

test('prints names on one line each, whatever they are', async () => {
  const rename = lying(keys, (list) =>
    list.map((key) => (isObject(key) ? { ...key, name: 'evil\n\u001b[31m  key forged' } : key)),
  );
  const { box, me } = await customer(rename);
  await box.data('POST', '/api/keys/credit', { name: 'one' });
  write(me);
  const { stderr } = await me.ci('plan --output table');
  expect(stderr).toMatch(/^ {2}key evil {3}key forged \(/m);
});

test('keeps waiting for seats while the API fails, and says so once', async () => {
  let isSold = false;
  let checks = 0;
  const { api, me } = await customer(({ method, path: target }) => {
    if (method === 'POST' && target.endsWith('/subscribe') && !isSold) {
      isSold = true;
      return answer(409, { success: false, error: 'Sold out' });
    }
    const isDown = isSold && target === '/api/pools' && ++checks > 1 && checks <= 4;
    return isDown ? answer(503, 'Down for maintenance') : undefined;
  });
  write(me, 'seats:', '  - {pool: kimi26, blocks: [asia], onSoldOut: wait}');
  const { code, stderr } = await me.ci(applying);
  expect(code).toBe(0);
  expect(checks).toBeGreaterThan(4);
  expect(stderr.match(/Can't check whether seats are available/g)).toHaveLength(1);
  expect(api.changes).toHaveLength(2);
});

test('does not advise another limit if a price is not known', async () => {
  const { box, me } = await customer(lying(subscriptions, (list) => list.map(without('monthlyPrice'))));
  await subscribed(box, ['europe']);
  write(me, 'ceilings: {maxMonthlySpend: 100}', ...seat, '  - {pool: kimi26, blocks: [europe]}');
  const ended = await me.ci(applying);
  expect(errorOf(ended)).toMatchObject({
    message: "The API doesn't state all prices, so ceilings.maxMonthlySpend in account.yaml can't be checked",
    hint: 'Nothing was charged. Run `ci plan` to see which prices are missing. Without the limit, they need not be known.',
  });
});

describe('the summary of a job', () => {
  test('is left out if it is a named pipe, which nobody may read', async () => {
    const { box, me } = await customer(() => undefined);
    write(me, 'keys:', '  - {name: batch}');
    const ended = await me.sh(`mkfifo pipe; GITHUB_STEP_SUMMARY=$PWD/pipe timeout -s KILL 20 ci ${applying}`);
    expect(ended.stderr).toBe("Can't write the summary of the job: it is a named pipe.\n");
    expect(ended.code).toBe(0);
    expect(await box.data('GET', '/api/keys')).toHaveLength(1);
  });

  test('shows no invisible characters of names', async () => {
    const { me } = await customer(() => undefined);
    write(me, 'keys:', '  - {name: "a\\u202Eb\\u200Bc"}');
    const summary = path.join(me.home, 'summary.md');
    expect(await me.ci(applying, { env: { GITHUB_STEP_SUMMARY: summary } })).toMatchObject({ code: 0 });
    expect(readFileSync(summary, 'utf8')).toContain('| create credit key abc | done |');
  });
});
