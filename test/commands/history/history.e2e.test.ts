import { appendFileSync, chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  cells,
  json,
  lines,
  managementKey,
  namesIn,
  oneLine,
  sandboxUser,
  secret,
  settlesIn,
  user,
} from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import {
  errorOf,
  firstChange,
  isChange,
  killedCustomer,
  lossyCustomer,
  madeEarlier,
  outcomesOf,
  recordOf,
  stateFiles,
  stateFolder,
} from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, forward, reset, silence, webPage } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';
import { realTime } from '../../support/world.ts';

const subscribe = 'pools subscribe kimi26 --blocks europe --yes';
const minute = 60_000;

/** Creates a customer who subscribed, created a key and revoked it. */
async function customerWithHistory() {
  const { api, me } = await customer();
  const subscription = textAt(json(await me.ci(`${subscribe} --json`)), 'id');
  const key = textAt(json(await me.ci('keys create prod --json')), 'id');
  await me.ci('keys delete prod --yes');
  return { api, me, subscription, key };
}

describe('ci history', () => {
  test('lists changes in a pipe, the newest first', async () => {
    const { me, subscription, key } = await customerWithHistory();
    const { code, stdout, stderr } = await me.ci('history');
    expect([code, stderr]).toEqual([0, '']);
    const [id, time] = [expect.stringMatching(/^[0-9a-f]{12}$/), expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)];
    expect(cells(stdout)).toEqual([
      [id, time, 'revoke key prod', 'applied', key],
      [id, time, 'create key prod', 'applied', key],
      [id, time, 'subscribe kimi26 europe, 1 seat, monthly, $49.00', 'applied', subscription],
    ]);
  });

  test('prints a table on a terminal, the newest last', async () => {
    const { me, key } = await customerWithHistory();
    madeEarlier(me, 3 * minute);
    const { code, rows } = await shown(me, 'history', { columns: 160 });
    expect(code).toBe(0);
    expect(rows[0]).toMatch(/^ID +WHEN +CHANGE +OUTCOME +CREATED OR CHANGED$/);
    expect(rows[3]).toMatch(new RegExp(`^[0-9a-f]{12} +3 minutes ago +revoke key prod +applied +${key}$`));
    const narrow = await shown(me, 'history', { columns: 80 });
    expect(narrow.rows[0]).toMatch(/^WHEN +CHANGE +OUTCOME$/);
    expect(narrow.rows.slice(1, 4).map((row) => row.replace(/^3 minutes ago +/, '').replace(/ +applied$/, ''))).toEqual(
      ['subscribe kimi26 europe, 1 seat, monthly, $49.00', 'create key prod', 'revoke key prod'],
    );
    for (const row of narrow.rows) expect(row.length).toBeLessThanOrEqual(80);
  });

  test('prints records with whole ids on a narrow terminal', async () => {
    const { me, key } = await customerWithHistory();
    const { rows } = await shown(me, 'history', { columns: 50 });
    expect(rows.slice(-4, -1)).toEqual(['OUTCOME             applied', 'CREATED OR CHANGED', `  ${key}`]);
  });

  test('prints all fields as JSON', async () => {
    const { me, subscription } = await customerWithHistory();
    const [, , first] = listAt(json(await me.ci('history --json')));
    expect(first).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      at: expect.stringMatching(/Z$/),
      action: 'subscribe',
      change: 'subscribe kimi26 europe, 1 seat, monthly, $49.00',
      outcome: 'applied',
      settledAt: expect.stringMatching(/Z$/),
      ids: [subscription],
      by: null,
      account: expect.stringMatching(/^mk_…cdef \(CHEAPESTINFERENCE_MANAGEMENT_KEY\) at 127\.0\.0\.1:\d+$/),
      request: {
        action: 'subscribe',
        pool: 'kimi26',
        blocks: ['europe'],
        quantity: 1,
        billingCycle: 'month',
        charge: 49,
      },
    });
    expect(namesIn(first)).toEqual('id at action change outcome settledAt ids account by request'.split(' '));
  });

  test('describes every kind of change in words', async () => {
    const { api, me } = await customerWithHistory();
    await me.ci('pools cancel kimi26 --yes');
    await me.ci('keys create acme --credit');
    await me.ci('billing topup 50 --method usdc');
    await me.ci('billing topup 25');
    await me.ci('billing card');
    await me.ci(`billing verify 0x${'ab'.repeat(32)} --amount 12.50`);
    await me.ci('api POST /api/keys/credit -f name=raw --yes');
    const changes = cells((await me.ci('history --fields change')).stdout).map(([change]) => change);
    const [ended] = listAt(await api.box.seen(), 'subscriptions');
    expect(changes.slice(0, 7)).toEqual([
      'POST /api/keys/credit',
      `verify $12.50 of 0x${'ab'.repeat(32)}`,
      'save a card',
      'top up $25.00 by card',
      'top up $50.00 with USDC',
      'create credit key acme',
      `cancel kimi26 ${textAt(ended, 'id')}`,
    ]);
  });

  test('shows refused changes as not applied', async () => {
    const { me } = await customerWithHistory();
    expect((await me.ci('pools subscribe minimax-m3 --blocks americas --yes')).code).toBe(6);
    expect((await me.ci('keys create x --subscription nope')).code).toBe(5);
    const [last] = listAt(json(await me.ci('history --json')));
    expect(last).toMatchObject({ action: 'create-key', outcome: 'not_applied', ids: [] });
  });

  test('lists the changes of the current account, or with --all those of all accounts', async () => {
    const { api, me } = await customerWithHistory();
    const other = { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' } };
    await me.ci('keys create theirs --credit', other);
    await me.ci('keys create boxed --credit --sandbox');
    expect(cells((await me.ci('history --fields change')).stdout)).toHaveLength(3);
    expect(cells((await me.ci('history --fields change', other)).stdout)).toEqual([['create credit key theirs']]);
    expect(cells((await me.ci('history --fields change --sandbox')).stdout)).toEqual([['create credit key boxed']]);
    const host = new URL(api.url).host;
    const all = cells((await me.ci('history --all')).stdout);
    expect(all.map((row) => [row[2], row.at(-1)])).toEqual([
      ['create credit key boxed', 'the sandbox: nothing is charged'],
      ['create credit key theirs', `mk_…6789 (CHEAPESTINFERENCE_MANAGEMENT_KEY) at ${host}`],
      ...['revoke key prod', 'create key prod', 'subscribe kimi26 europe, 1 seat, monthly, $49.00'].map((change) => [
        change,
        `mk_…cdef (CHEAPESTINFERENCE_MANAGEMENT_KEY) at ${host}`,
      ]),
    ]);
  });

  test('recognizes the account however its host is written', async () => {
    const { api, me } = await customerWithHistory();
    const env = { CHEAPESTINFERENCE_API_URL: `${api.url}/` };
    expect(cells((await me.ci('history --fields change', { env })).stdout)).toHaveLength(3);
  });

  test('lists at most --limit changes, the newest of the current account', async () => {
    const { me } = await customerWithHistory();
    await me.ci('keys create boxed --credit --sandbox');
    const listed = async (line: string) => cells((await me.ci(`history --fields change ${line}`)).stdout).flat();
    expect(await listed('--limit 1')).toEqual(['revoke key prod']);
    expect(await listed('-L 2')).toEqual(['revoke key prod', 'create key prod']);
    expect(await listed('-L 1 --all')).toEqual(['create credit key boxed']);
    expect(await listed('-L 99')).toHaveLength(3);
    for (const limit of ['0', '-1', '1.5', 'many', '']) {
      const { code, stderr } = await me.ci(['history', `--limit=${limit}`]);
      expect([code, stderr]).toEqual([
        2,
        `ci: "${limit}" is not a valid limit. Use a whole number above 0, such as 100.\n`,
      ]);
    }
  });

  test('shows the charge if it differs from the agreed price', async () => {
    const { me } = await customerWithHistory();
    const [begin, ...later] = recordOf(me);
    const end = later.find((line) => at(line, 'id') === at(begin, 'id') && at(line, 'outcome') !== undefined);
    appendFileSync(
      path.join(stateFolder(me), 'history.jsonl'),
      `${JSON.stringify({ ...Object.fromEntries(Object.entries(end ?? {})), charge: 499 })}\n`,
    );
    const shownChange = listAt(json(await me.ci('history --json'))).find((each) => at(each, 'id') === at(begin, 'id'));
    expect(shownChange).toMatchObject({
      change: 'subscribe kimi26 europe, 1 seat, monthly, $499.00',
      request: { charge: 49 },
    });
  });

  test('needs no request and no key', async () => {
    const { api, me } = await customerWithHistory();
    const before = api.requests.length;
    expect((await me.ci('history --json')).code).toBe(0);
    expect(api.requests).toHaveLength(before);
    expect((await me.ci('history', { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: '' } })).code).toBe(0);
  });

  test('prints an empty list before the first change', async () => {
    const me = user();
    expect(await me.ci('history')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await me.ci('history --json')).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' });
    expect((await shown(me, 'history')).rows[0]).toBe('No changes were made from this machine.');
  });

  test('shows the readable part of a damaged record', async () => {
    const { me } = await customerWithHistory();
    appendFileSync(path.join(stateFolder(me), 'history.jsonl'), '\0\0garbage\n{"id":');
    expect(cells((await me.ci('history')).stdout)).toHaveLength(3);
    await me.ci('keys create next --credit');
    expect(cells((await me.ci('history')).stdout)).toHaveLength(4);
  });

  test('refuses an invalid API URL', async () => {
    const { code, stderr } = await user().ci('history --api-url nope');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^ci: "nope" is not a valid API URL\./)]);
  });

  test('refuses unknown fields and verbs', async () => {
    for (const line of ['history --fields nope', 'history forget', 'history reconcile now']) {
      const { code, stderr } = await user().ci(line);
      expect([line, code]).toEqual([line, 2]);
      expect(stderr).toMatch(oneLine);
    }
  });
});

describe('the record', () => {
  test('holds no secret, whatever the command and its outcome', async () => {
    const { api, me } = await customerWithHistory();
    const key = 'sk_live_0123456789abcdefghijklmnopqrstuv';
    await me.ci(['keys', 'create', `of ${key}`, '--credit', '--save', '.env']);
    await me.ci(`api POST /api/keys/credit?key=${key} -f name=${key} --yes`);
    await me.ci(`api DELETE /api/keys/${managementKey} --yes`);
    await me.ci('pools subscribe kimi26 --blocks asia --create-key made --yes');
    await me.ci('keys create undelivered --credit --jq error(.apiKey)');
    const text = recordOf(me)
      .map((line) => JSON.stringify(line))
      .join('\n');
    const made = listAt(await api.box.data('GET', '/api/keys'));
    expect(made).toHaveLength(4);
    for (const each of made) expect(text).not.toContain(textAt(each, 'apiKey'));
    expect(text).not.toMatch(secret);
    expect(text).not.toContain(managementKey);
    expect(text.split('\n').length).toBeGreaterThan(12);
  });

  test('is private to its owner', async () => {
    const { me } = await customerWithHistory();
    const file = path.join(stateFolder(me), 'history.jsonl');
    expect([statSync(stateFolder(me)).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    chmodSync(file, 0o644);
    await me.sh('umask 0; ci keys create x --credit');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is in XDG_STATE_HOME if the variable is set', async () => {
    const me = sandboxUser();
    const { code } = await me.ci('keys create x --credit', { env: { XDG_STATE_HOME: path.join(me.home, 'state') } });
    expect(code).toBe(0);
    expect(readFileSync(path.join(me.home, 'state', 'cheapestinference', 'history.jsonl'), 'utf8')).toContain('"x"');
    expect(recordOf(me)).toEqual([]);
  });

  test('holds a change before its request is sent', async () => {
    const { me, api } = await lossyCustomer(firstChange(false, silence));
    const running = me.start('keys create x --credit --timeout 60s');
    await api.got('POST');
    expect(outcomesOf(me)).toEqual(['create-key pending']);
    expect(cells((await me.ci('history --fields outcome')).stdout)).toEqual([['running']]);
    running.kill('SIGKILL');
    await running.ended;
    expect(cells((await me.ci('history --fields outcome')).stdout)).toEqual([['pending']]);
  });
});

/** Creates a user with a `ci` that was killed during its request. */
function killed(line: string, isApplied: boolean, holding: 'nothing' | 'a subscription' = 'nothing') {
  return killedCustomer(line, isApplied, async ({ box }) => {
    if (holding === 'a subscription') await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  });
}

describe('a change of a killed process', () => {
  test.each([
    [subscribe, 'subscribe kimi26 europe, 1 seat, monthly, $49.00'],
    ['keys create x --credit', 'create credit key x'],
  ])('is reported at the next change only: %s', async (line, words) => {
    const { me } = await killed(line, true);
    const note = `The outcome of an earlier change is unknown: "${words}" (just now). Run \`ci history reconcile\` to find out.\n`;
    expect((await me.ci('keys list --json')).stderr).toBe('');
    expect((await me.ci('history --json')).stderr).toBe('');
    const next = await me.ci('keys create next --credit');
    expect([next.code, next.stderr]).toEqual([0, note]);
    const other = { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' } };
    expect((await me.ci('keys create other --credit', other)).stderr).toBe('');
    expect(outcomesOf(me)[0]).toMatch(/ pending$/);
  });

  test('is reported once, with its age, by a command with several changes', async () => {
    const { me } = await killed('keys create x --credit', false);
    await me.ci('keys create a --credit');
    await me.ci('keys create b --credit');
    madeEarlier(me, 2 * 60 * minute);
    const { stderr } = await me.ci('keys delete a b --yes');
    expect(stderr).toBe(
      'The outcome of an earlier change is unknown: "create credit key x" (2 hours ago). Run `ci history reconcile` to find out.\n',
    );
  });

  test('leaves the error as the last line of stderr with --json', async () => {
    const { me } = await killed('keys create x --credit', false);
    const { code, stderr } = await me.ci('keys create x --subscription nope --json');
    expect(code).toBe(5);
    const told = lines(stderr);
    expect(told).toHaveLength(2);
    expect(JSON.parse(told[1] ?? '')).toMatchObject({ error: { code: 'not_found', outcome: 'not_applied' } });
  });
});

describe('ci history reconcile', () => {
  test.each([
    ['a purchase', subscribe, 'subscribe', 'nothing', 'subscriptions'],
    ['a credit key', 'keys create x --credit', 'create-key', 'nothing', 'keys'],
    ['a key', 'keys create x', 'create-key', 'a subscription', 'keys'],
  ] as const)('finds that %s was applied', async (_what, line, action, after, made) => {
    const { me, box, api } = await killed(line, true, after);
    const before = api.changes.length;
    const { code, stdout } = await me.ci('history reconcile --json');
    expect(code).toBe(0);
    const [first, ...others] = listAt(await box.seen(), made);
    expect(others).toEqual([]);
    expect(json({ stdout })).toMatchObject([{ action, outcome: 'applied', ids: [textAt(first, 'id')] }]);
    expect(api.changes).toHaveLength(before);
    expect(outcomesOf(me)).toEqual([`${action} applied`]);
  });

  test.each([
    ['a purchase', subscribe, 'subscribe', 'nothing'],
    ['a key', 'keys create x', 'create-key', 'a subscription'],
    ['a cancellation', 'pools cancel kimi26 --yes', 'cancel', 'a subscription'],
  ] as const)('finds that %s was not applied', async (_what, line, action, after) => {
    const { me } = await killed(line, false, after);
    madeEarlier(me, 2 * minute + 2000);
    const { code, stdout, stderr } = await me.ci('history reconcile');
    expect([code, stderr]).toEqual([0, '']);
    expect(cells(stdout).map((row) => row.slice(3))).toEqual([['not_applied', '']]);
    expect(outcomesOf(me)).toEqual([`${action} not_applied`]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test.each([
    ['a purchase', subscribe, 'subscribe', 'nothing'],
    ['a key', 'keys create x', 'create-key', 'a subscription'],
    ['a cancellation', 'pools cancel kimi26 --yes', 'cancel', 'a subscription'],
  ] as const)('reports that %s may still go through after a minute', async (_what, line, action, after) => {
    const { me, api } = await killed(line, false, after);
    madeEarlier(me, minute);
    const before = api.requests.length;
    const { code, stdout, stderr } = await me.ci('history reconcile');
    expect([code, cells(stdout).map((row) => row.slice(3))]).toEqual([10, [['unknown', '']]]);
    expect(stderr).toMatch(
      /^[0-9a-f]{12} \(.+\): the account doesn't show it yet\. It may still go through within (?:[56]\d seconds|1 minute)\. Run `ci history reconcile --wait` to wait for it\.\nThe outcome of 1 change is still unknown\.\n$/,
    );
    expect([api.requests.length - before, outcomesOf(me)]).toEqual([1, [`${action} unknown`]]);
  });

  test('finds a change that was not visible at first', async () => {
    const { me, box } = await killed('keys create x --credit', false);
    expect((await me.ci('history reconcile')).code).toBe(10);
    const late = await box.data('POST', '/api/keys/credit', { name: 'x' });
    const ended = await me.ci('history reconcile --json');
    expect([ended.code, json(ended)]).toMatchObject([0, [{ outcome: 'applied', ids: [textAt(late, 'id')] }]]);
    expect(outcomesOf(me)).toEqual(['create-key applied']);
  });

  test('finds a change that appears during --wait', async () => {
    const { me, box } = await killed('keys create x --credit', false);
    const running = me.start('history reconcile --wait --json');
    await running.stderr(
      /^Waiting up to (?:1[01]\d seconds|2 minutes) for the outcome of "create credit key x"\. If you press Ctrl-C, it stays unknown\.\n/,
    );
    const late = await box.data('POST', '/api/keys/credit', { name: 'x' });
    const ended = await running.ended;
    expect([ended.code, json(ended)]).toMatchObject([0, [{ outcome: 'applied', ids: [textAt(late, 'id')] }]]);
  });

  test('waits with --wait until a change that was not carried out has settled', async () => {
    const { me } = await killed('keys create x --credit', false);
    settlesIn(me, '2s');
    const ended = await me.ci('history reconcile --wait --json');
    expect([ended.code, json(ended)]).toMatchObject([0, [{ outcome: 'not_applied', ids: [] }]]);
    expect(outcomesOf(me)).toEqual(['create-key not_applied']);
  });

  test('checks once more with --wait if a check took longer than the settling time', async () => {
    let slow = false;
    const { me, box, lost } = await lossyCustomer(
      (request, before) =>
        firstChange(false, silence)(request, before) ?? (slow ? { isApplied: false, response: late } : undefined),
    );
    const late: Behavior = async (request, response) => {
      slow = false;
      // Longer than the settling time, for which there is no event to wait for.
      await sleep(2500);
      await forward(box.url, request, response);
    };
    settlesIn(me, '1s');
    const running = me.start('keys create x --credit');
    await lost(1);
    running.kill('SIGKILL');
    await running.ended;
    slow = true;
    const ended = await me.ci('history reconcile --wait --json', realTime);
    expect([ended.code, json(ended)]).toMatchObject([0, [{ outcome: 'not_applied', ids: [] }]]);
  });

  test('leaves a change unknown after Ctrl-C during --wait', async () => {
    const { me } = await killed('keys create x --credit', false);
    const running = me.start('history reconcile --wait --json');
    await running.stderr(/^Waiting up to /);
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.stdout, errorOf(ended)]).toMatchObject([130, '', { code: 'interrupted' }]);
    expect(outcomesOf(me)).toEqual(['create-key pending']);
  });

  test('uses the settling time that `ci config set settling-time` sets', async () => {
    const { me } = await killed('keys create x --credit', false);
    madeEarlier(me, 10_000);
    expect((await me.ci('history reconcile')).code).toBe(10);
    expect((await me.ci('config set settling-time 5s')).code).toBe(0);
    const ended = await me.ci('history reconcile --json');
    expect([ended.code, json(ended)]).toMatchObject([0, [{ outcome: 'not_applied' }]]);
  });

  test('finds that a cancellation was applied', async () => {
    const { me, box } = await killed('pools cancel kimi26 --yes', true, 'a subscription');
    const { code, stdout } = await me.ci('history reconcile');
    const [ended] = listAt(await box.seen(), 'subscriptions');
    expect([code, cells(stdout)[0]?.slice(3)]).toEqual([0, ['applied', textAt(ended, 'id')]]);
  });

  test.each([
    [true, 'applied'],
    [false, 'not_applied'],
  ])('determines whether a revocation was carried out: %s', async (isApplied, outcome) => {
    const { me, box } = await lossyCustomer((request) =>
      request.method === 'DELETE' ? { isApplied, response: silence } : undefined,
    );
    const made = await box.data('POST', '/api/keys/credit', { name: 'old' });
    const running = me.start('keys delete old --yes');
    await expect.poll(() => outcomesOf(me)).toEqual(['delete-key pending']);
    await expect.poll(async () => listAt(await box.seen(), 'keys').length).toBe(isApplied ? 0 : 1);
    running.kill('SIGKILL');
    await running.ended;
    madeEarlier(me, 3 * minute);
    const { code, stdout } = await me.ci('history reconcile --json');
    expect(code).toBe(0);
    expect(json({ stdout })).toMatchObject([{ outcome, ids: isApplied ? [textAt(made, 'id')] : [] }]);
  });

  test('says that the secret of a key was not delivered, and what to do', async () => {
    const { me, box } = await killed('keys create x --credit', true);
    const { stderr } = await me.ci('history reconcile');
    const id = textAt(await box.seen(), 'keys', 0, 'id');
    expect(stderr).toBe(
      `Key ${id} was created, but its secret was not delivered. If the key belongs to a pool, \`ci pools keys POOL --reveal\` may show the secret. Otherwise, revoke the key with \`ci keys delete ${id}\`.\n`,
    );
  });

  test('matches a result that belongs to no other change', async () => {
    const { me } = await killed('keys create x --credit', false);
    expect((await me.ci('keys create x --credit --again')).code).toBe(0);
    madeEarlier(me, 3 * minute);
    expect(json(await me.ci('history reconcile --json'))).toMatchObject([{ outcome: 'not_applied' }]);
    expect(outcomesOf(me)).toEqual(['create-key not_applied', 'create-key applied']);
  });

  test('does not match one key to two changes', async () => {
    const { me, box } = await killed('keys create x --credit', false);
    await box.data('POST', '/api/keys/credit', { name: 'x' });
    const record = path.join(stateFolder(me), 'history.jsonl');
    const [line = ''] = lines(readFileSync(record, 'utf8'));
    appendFileSync(record, `${line.replace(/"id":"[0-9a-f]{12}"/, '"id":"0123456789ab"')}\n`);
    madeEarlier(me, 3 * minute);
    const outcomes = listAt(json(await me.ci('history reconcile --json'))).map((each) => textAt(each, 'outcome'));
    expect(outcomes.toSorted()).toEqual(['applied', 'not_applied']);
  });

  test.each([
    ['fails', answer(503, { success: false, error: 'out of order' }), 10, 'out of order'],
    ['closes the connection', reset, 10, 'no response from'],
    ['is a web page', webPage(200), 10, 'a web page'],
    ['does not answer', silence, 10, 'timed out after 1 second'],
    ['refuses the key', answer(401, { success: false, error: 'No entry' }), 4, 'No entry'],
  ])('settles nothing while the API %s', async (_what, told, expected, why) => {
    let failing = false;
    const customer = await lossyCustomer((request, before) => {
      if (before === 0 && isChange(request)) return { isApplied: true, response: silence };
      return failing ? { isApplied: false, response: told } : undefined;
    });
    const { me } = customer;
    const running = me.start(subscribe);
    await customer.lost(1);
    running.kill('SIGKILL');
    await running.ended;
    failing = true;
    // Only a request that is never answered needs a short limit.
    const limit = told === silence ? '--timeout 1s' : '';
    const { code, stdout, stderr } = await me.ci(`history reconcile ${limit}`);
    expect(code).toBe(expected);
    expect(stderr).toContain(why);
    if (expected === 10) {
      expect(cells(stdout)[0]?.slice(3)).toEqual(['pending', '']);
      expect(stderr).toMatch(/^[0-9a-f]{12} \(.+\): .+\nThe outcome of 1 change is still unknown\.\n$/);
    } else expect(stdout).toBe('');
    expect(outcomesOf(me)).toEqual(['subscribe pending']);
    failing = false;
    expect((await me.ci('history reconcile')).code).toBe(0);
    expect(outcomesOf(me)).toEqual(['subscribe applied']);
  });

  test('exits with code 4 if you are not signed in', async () => {
    const { code, stdout, stderr } = await user().ci('history reconcile');
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(oneLine);
  });

  test('sends no request if all outcomes are known', async () => {
    const { api, me } = await customerWithHistory();
    const before = api.requests.length;
    expect(await me.ci('history reconcile')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(json(await me.ci('history reconcile --json'))).toEqual([]);
    expect(api.requests).toHaveLength(before);
    expect((await shown(me, 'history reconcile')).rows[0]).toBe('All changes have a known outcome.');
  });

  test('ignores a change whose process is still running', async () => {
    const { me, api } = await lossyCustomer(firstChange(false, silence));
    const running = me.start('keys create x --credit --timeout 60s');
    await api.got('POST');
    const { code, stdout, stderr } = await me.ci('history reconcile --json');
    expect([code, json({ stdout })]).toMatchObject([10, [{ change: 'create credit key x', outcome: 'running' }]]);
    expect(stderr).toMatch(/^[0-9a-f]{12} \(create credit key x\): another ci process is working on it\.\n/);
    expect(outcomesOf(me)).toEqual(['create-key pending']);
    expect((await me.ci('keys create y --credit')).stderr).toBe('');
    running.kill('SIGKILL');
    await running.ended;
  });

  test('ignores changes of other accounts', async () => {
    const { me } = await killed('keys create x --credit', true);
    const other = { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' } };
    expect(json(await me.ci('history reconcile --json', other))).toEqual([]);
    expect(outcomesOf(me)).toEqual(['create-key pending']);
  });

  test('exits with code 10 for a raw request, and says why', async () => {
    const { me } = await killed('api POST /api/keys/credit -f name=raw --yes', true);
    const { code, stdout, stderr } = await me.ci('history reconcile');
    expect([code, cells(stdout)[0]?.slice(2)]).toEqual([10, ['POST /api/keys/credit', 'unknown', '']]);
    expect(stderr).toMatch(
      /^[0-9a-f]{12} \(.+\): ci can't tell what a raw request changes\.\nThe outcome of 1 change is still unknown\.\n$/,
    );
  });
});

test('starts a new record if its directory is lost', async () => {
  const { me } = await customerWithHistory();
  rmSync(stateFolder(me), { recursive: true });
  expect((await me.ci('keys create x --credit')).code).toBe(0);
  expect(outcomesOf(me)).toEqual(['create-key applied']);
});
