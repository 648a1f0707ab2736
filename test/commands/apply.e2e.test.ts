import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, secret, settlesIn, type User, userOf } from '../support/cli.ts';
import { errorOf } from '../support/lost.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, type Received, recordedSandbox, reset } from '../support/servers.ts';
import { enter, onTerminal } from '../support/terminal.ts';
import { realTime } from '../support/world.ts';

/** An account on the API, with what its user has written to `account.yaml`. */
async function account(file: string, instead?: (request: Received, box: TestSandbox) => Behavior | undefined) {
  const api = await recordedSandbox({ card: true, ...(instead && { instead }) });
  const me = userOf(api);
  const write = (name: string, text: string, mode = 0o644) => writeFileSync(path.join(me.home, name), text, { mode });
  write('account.yaml', file);
  return { api, me, box: api.box, write };
}

const oneSeat = `version: 1
seats:
  - pool: kimi26
    blocks: [europe]
`;

const seatAndKeys = `${oneSeat}keys:
  - name: prod-api
    pool: kimi26
  - name: batch
    type: credit
    maxBudget: 25
    rpm: 60
`;

const apply = 'apply --yes --max-charge 100 --save-to secrets.ndjson --json';

function changesOf(ended: { readonly stdout: string }) {
  return listAt(json(ended), 'changes').map((change) => [
    textAt(change, 'action'),
    at(change, 'name') ?? at(change, 'pool'),
    textAt(change, 'outcome'),
  ]);
}

/** The keys of the file of secrets, by name. */
function saved({ home }: User): Map<string, unknown> {
  const file = path.join(home, 'secrets.ndjson');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  return new Map(lines.map((line) => [textAt(JSON.parse(line), 'name'), JSON.parse(line)]));
}

/** Answers the list of pools as the sandbox does, with one block sold out while that is asked for. */
function soldOutWhile(isSoldOut: () => boolean, block = 'europe') {
  return ({ method, path: url }: Received, box: TestSandbox): Behavior | undefined => {
    if (!isSoldOut() || method !== 'GET' || url !== '/api/pools') return undefined;
    return async (request, response) => {
      const pools = listAt((await box.call('GET', '/api/pools')).body, 'data').map((pool) => ({
        ...Object(pool),
        blocks: listAt(pool, 'blocks').map((each) =>
          at(pool, 'slug') === 'kimi26' && at(each, 'block') === block ? { ...Object(each), status: 'sold-out' } : each,
        ),
      }));
      return answer(200, { success: true, data: pools })(request, response);
    };
  };
}

describe('an account that lacks what the file says', () => {
  test('gets its seats and keys, and their secrets are saved', async () => {
    const { api, me, box } = await account(seatAndKeys);
    const ended = await me.ci(apply);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const result = json(ended);
    const seat = textAt(listAt(await box.seen(), 'subscriptions')[0], 'id');
    expect(result).toMatchObject({
      file: 'account.yaml',
      differs: true,
      dueToday: 49,
      charged: 49,
      changes: [
        { action: 'reserve', pool: 'kimi26', id: seat, ids: [seat], outcome: 'applied', error: null, charged: 49 },
        { action: 'create-key', name: 'prod-api', outcome: 'applied', charged: null, ids: null, oldId: null },
        { action: 'create-key', name: 'batch', outcome: 'applied' },
      ],
    });
    expect(ended.stdout).not.toMatch(secret);
    expect(api.changes).toEqual([
      'POST /api/pools/kimi26/subscribe',
      'POST /api/keys/subscription',
      'POST /api/keys/credit',
    ]);
    expect(statSync(path.join(me.home, 'secrets.ndjson')).mode & 0o777).toBe(0o600);
    const keys = await box.data('GET', '/api/keys');
    if (!Array.isArray(keys)) throw new Error('no keys');
    for (const key of keys) expect(saved(me).get(textAt(key, 'name'))).toMatchObject({ apiKey: at(key, 'apiKey') });
    expect(saved(me).get('prod-api')).toMatchObject({ subscriptionId: seat });
  });

  test('gets nothing a second time', async () => {
    const { api, me } = await account(seatAndKeys);
    expect((await me.ci(apply)).code).toBe(0);
    const before = api.changes.length;
    const again = await me.ci(apply);
    expect([again.code, again.stderr, json(again)]).toEqual([
      0,
      '',
      expect.objectContaining({ differs: false, changes: [], charged: 0 }),
    ]);
    expect(api.changes.length).toBe(before);
    const plain = await me.ci('apply --yes --max-charge 0');
    expect(plain).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('gets each key on a seat of its own', async () => {
    const { me, box } = await account(
      `version: 1\nseats:\n  - {pool: kimi26, blocks: [asia], quantity: 3}\nkeys:\n${['a', 'b', 'c'].map((name) => `  - {name: ${name}, pool: kimi26}\n`).join('')}`,
    );
    expect((await me.ci('apply --yes --max-charge 117 --save-to secrets.ndjson')).code).toBe(0);
    const seats = listAt(await box.seen(), 'subscriptions').map((each) => textAt(each, 'id'));
    const used = ['a', 'b', 'c'].map((name) => at(saved(me).get(name), 'subscriptionId'));
    expect(used.toSorted()).toEqual(seats.toSorted());
  });

  test('gets the key of a new seat there, although it has another seat on the pool', async () => {
    const { me, box } = await account(
      'version: 1\nseats:\n  - {pool: kimi26, blocks: [asia]}\n  - {pool: kimi26, blocks: [europe]}\nkeys:\n  - {name: new, pool: kimi26}\n',
    );
    const old = textAt(await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] }), 'id');
    await box.data('POST', '/api/keys/subscription', { name: 'old', subscriptionId: old });
    const ended = await me.ci(apply);
    const seat = at(listAt(json(ended), 'changes')[0], 'id');
    expect(saved(me).get('new')).toMatchObject({ subscriptionId: seat });
    expect(seat).not.toBe(old);
  });

  test('sends the secret where the file says', async () => {
    const { me, write } = await account(
      'version: 1\nkeys:\n  - {name: acme, type: credit, to: "command:./store"}\n  - {name: globex, type: credit, to: "command:./store"}\n',
    );
    write('store', '#!/bin/sh\nprintf "%s %s\\n" "$CHEAPESTINFERENCE_KEY_NAME" "$(cat)" >> stored\n', 0o755);
    const ended = await me.ci('apply --yes --max-charge 0 --json');
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const stored = readFileSync(path.join(me.home, 'stored'), 'utf8').trim().split('\n').toSorted();
    expect(stored).toEqual([
      expect.stringMatching(new RegExp(`^acme ${secret.source}$`)),
      expect.stringMatching(new RegExp(`^globex ${secret.source}$`)),
    ]);
  });
});

describe('what exists and differs', () => {
  const different = `version: 1
managed: {prefix: tenant-}
seats:
  - {pool: minimax-m3, blocks: [asia]}
keys:
  - {name: batch, type: credit, rpm: 60}
  - {name: kept, type: credit, rpm: 60, protected: true}
  - {name: new, type: credit}
`;

  async function differing(file = different) {
    const customer = await account(file);
    const { box } = customer;
    const old = textAt(await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }), 'id');
    const ids: Record<string, string> = {};
    for (const name of ['batch', 'kept', 'tenant-gone', 'other'])
      ids[name] = textAt(await box.data('POST', '/api/keys/credit', { name, rpm: 30, maxBudget: 5 }), 'id');
    return { ...customer, old, ids };
  }

  test('is left as it is without options, which is an error, and the rest is done', async () => {
    const { api, me } = await differing();
    const ended = await me.ci(apply);
    expect(ended.code).toBe(6);
    expect(errorOf(ended)).toMatchObject({
      code: 'unavailable',
      message: "4 changes weren't made",
      outcome: 'applied',
    });
    expect(changesOf(ended)).toEqual([
      ['cancel', 'minimax-m3', 'skipped'],
      ['reserve', 'minimax-m3', 'skipped'],
      ['create-key', 'new', 'applied'],
      ['rotate-key', 'batch', 'skipped'],
      ['rotate-key', 'kept', 'skipped'],
      ['revoke-key', 'tenant-gone', 'skipped'],
    ]);
    expect(api.changes).toEqual(['POST /api/keys/credit']);
  });

  test('is changed with --update-existing and --allow-destroy, but not what is protected or not in the file', async () => {
    const { api, me, box, old, ids } = await differing();
    const ended = await me.ci(`${apply} --update-existing --allow-destroy`);
    expect([ended.code, changesOf(ended)]).toEqual([
      6,
      [
        ['cancel', 'minimax-m3', 'applied'],
        ['reserve', 'minimax-m3', 'applied'],
        ['create-key', 'new', 'applied'],
        ['rotate-key', 'batch', 'applied'],
        ['rotate-key', 'kept', 'skipped'],
        ['revoke-key', 'tenant-gone', 'applied'],
      ],
    ]);
    expect(api.changes).toEqual([
      'DELETE /api/pools/minimax-m3/pledge',
      'POST /api/pools/minimax-m3/subscribe',
      'POST /api/keys/credit',
      'POST /api/keys/credit',
      `DELETE /api/keys/${ids.batch}`,
      `DELETE /api/keys/${ids['tenant-gone']}`,
    ]);
    const state = await box.seen();
    const ending = listAt(state, 'subscriptions').filter((each) => at(each, 'cancelAtPeriodEnd') === true);
    expect(ending.map((each) => at(each, 'id'))).toEqual([old]);
    const keys = await box.data('GET', '/api/keys');
    if (!Array.isArray(keys)) throw new Error('no keys');
    const active = keys.filter((key) => at(key, 'isActive') === true);
    // What the file leaves out stays as it was.
    expect(active.find((key) => at(key, 'name') === 'batch')).toMatchObject({ rpm: 60, maxBudget: 5 });
    expect(active.map((key) => textAt(key, 'name')).toSorted()).toEqual(['batch', 'kept', 'new', 'other']);
    const rotated = listAt(json(ended), 'changes')[3];
    expect(rotated).toMatchObject({ oldId: ids.batch, id: at(saved(me).get('batch'), 'id') });
  });

  test("isn't an error if it is only not in the file", async () => {
    const { api, me } = await differing('version: 1\nmanaged: {prefix: tenant-}\n');
    const ended = await me.ci(apply);
    expect([ended.code, changesOf(ended), api.changes]).toEqual([0, [['revoke-key', 'tenant-gone', 'skipped']], []]);
  });
});

describe('sold-out seats', () => {
  const file = (onSoldOut: string) =>
    `version: 1\nseats:\n  - {pool: kimi26, blocks: [europe], onSoldOut: ${onSoldOut}}\nkeys:\n  - {name: seat, pool: kimi26}\n  - {name: credit, type: credit}\n`;

  test('are an error by default, before anything is changed', async () => {
    const { api, me } = await account(
      file('fail'),
      soldOutWhile(() => true),
    );
    const ended = await me.ci(apply);
    expect([ended.code, ended.stdout, api.changes]).toEqual([6, '', []]);
    expect(errorOf(ended)).toMatchObject({ code: 'unavailable', message: 'kimi26 is sold out in europe' });
  });

  test('are left out with onSoldOut: skip, and so are their keys', async () => {
    const { api, me } = await account(
      file('skip'),
      soldOutWhile(() => true),
    );
    const ended = await me.ci(apply);
    expect(ended).toMatchObject({ stderr: expect.stringContaining('kimi26 is sold out in europe. The file says') });
    expect(changesOf(ended)).toEqual([
      ['reserve', 'kimi26', 'skipped'],
      ['create-key', 'seat', 'skipped'],
      ['create-key', 'credit', 'applied'],
    ]);
    expect([ended.code, api.changes]).toEqual([0, ['POST /api/keys/credit']]);
  });

  test('are waited for with onSoldOut: wait, after everything else', async () => {
    let polls = 0;
    const { api, me } = await account(
      file('wait'),
      soldOutWhile(() => ++polls <= 40),
    );
    const ended = await me.ci(apply);
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('Waiting until europe of kimi26')]);
    expect(api.changes).toEqual([
      'POST /api/keys/credit',
      'POST /api/pools/kimi26/subscribe',
      'POST /api/keys/subscription',
    ]);
    expect(changesOf(ended).map(([, , outcome]) => outcome)).toEqual(['applied', 'applied', 'applied']);
  });

  test("aren't waited for after Ctrl-C, and the result says what was done", async () => {
    const { api, me } = await account(
      file('wait'),
      soldOutWhile(() => true),
    );
    const running = me.start(apply);
    await running.stderr(/Waiting until/);
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, changesOf(ended)]).toEqual([
      130,
      [
        ['reserve', 'kimi26', 'not_applied'],
        ['create-key', 'seat', 'not_applied'],
        ['create-key', 'credit', 'applied'],
      ],
    ]);
    expect(api.changes).toEqual(['POST /api/keys/credit']);
  });

  test('that the API refuses are treated the same', async () => {
    const refused = answer(409, { success: false, error: 'Sold out' });
    const { me } = await account(file('skip'), ({ path: url }) => (url.endsWith('/subscribe') ? refused : undefined));
    const ended = await me.ci(apply);
    expect([ended.code, changesOf(ended).map(([, , outcome]) => outcome)]).toEqual([
      0,
      ['skipped', 'skipped', 'applied'],
    ]);
  });
});

describe('money', () => {
  test.each([
    ['48.99', 8],
    ['49', 0],
  ])('is bounded by --max-charge %s', async (amount, code) => {
    const { api, me } = await account(oneSeat);
    const ended = await me.ci(`apply --yes --max-charge ${amount} --json`);
    expect([ended.code, api.changes.length]).toEqual([code, code === 0 ? 1 : 0]);
    if (code !== 0)
      expect(errorOf(ended)).toMatchObject({
        message: 'The changes cost $49.00 today, which is above --max-charge $48.99',
        outcome: 'not_applied',
      });
  });

  test('is bounded by --max-charge if a price rises after the plan', async () => {
    let lists = 0;
    const { api, me } = await account(
      'version: 1\nseats:\n  - {pool: kimi26, blocks: [asia]}\n  - {pool: kimi26, blocks: [europe]}\n',
      ({ method, path: url }, box) => {
        if (method !== 'GET' || url !== '/api/pools' || ++lists < 3) return undefined;
        return async (request, response) => {
          const text = JSON.stringify((await box.call('GET', '/api/pools')).body).replaceAll('"49.00"', '"61.01"');
          return answer(200, text)(request, response);
        };
      },
    );
    const ended = await me.ci(apply);
    expect(errorOf(ended)).toMatchObject({
      code: 'price_above_maximum',
      message: expect.stringContaining(
        'kimi26 costs $61.01 today, after $39.00 for others, which is above --max-charge',
      ),
      outcome: 'applied',
    });
    expect([ended.code, changesOf(ended), api.changes.length]).toEqual([
      8,
      [
        ['reserve', 'kimi26', 'applied'],
        ['reserve', 'kimi26', 'not_applied'],
      ],
      1,
    ]);
    expect(json(ended)).toMatchObject({ charged: 39 });
  });

  test.each([
    [
      'the ceiling of the file',
      'ceilings: {maxMonthlySpend: 80}\n',
      undefined,
      'ceilings.maxMonthlySpend in account.yaml',
    ],
    ['max-monthly-spend', '', '80', 'max-monthly-spend'],
  ])('is bounded by %s, before anything is changed', async (_what, text, limit, name) => {
    const { api, me, box } = await account(`${oneSeat}${text}`);
    await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'] });
    if (limit !== undefined) expect((await me.ci(`config set max-monthly-spend ${limit}`)).code).toBe(0);
    const ended = await me.ci(apply);
    expect([ended.code, ended.stdout, api.changes]).toEqual([8, '', []]);
    expect(errorOf(ended)).toMatchObject({ message: expect.stringContaining('$88.00 per month') });
    expect(textAt(errorOf(ended), 'message')).toContain(name);
  });

  test("that isn't there ends the purchases and the keys of the seats, but no others", async () => {
    const refused = answer(400, { success: false, error: 'No payment method found — add a card first' });
    const { api, me } = await account(
      `${seatAndKeys}  - {name: other, type: credit}\n`.replace(
        'keys:',
        '  - {pool: minimax-m3, blocks: [asia]}\nkeys:\n  - {name: mini, pool: minimax-m3}',
      ),
      ({ path: url }) => (url.endsWith('/subscribe') ? refused : undefined),
    );
    const ended = await me.ci(apply);
    expect([ended.code, changesOf(ended)]).toEqual([
      8,
      [
        ['reserve', 'kimi26', 'not_applied'],
        ['reserve', 'minimax-m3', 'not_applied'],
        ['create-key', 'mini', 'not_applied'],
        ['create-key', 'prod-api', 'not_applied'],
        ['create-key', 'batch', 'applied'],
        ['create-key', 'other', 'applied'],
      ],
    ]);
    expect(errorOf(ended)).toMatchObject({ code: 'no_payment_method', outcome: 'applied' });
    expect(api.changes.filter((each) => each.includes('subscribe'))).toHaveLength(1);
  });
});

describe('consent', () => {
  test.each([
    ['apply --json', 'confirmation_required', '--yes'],
    ['apply --yes --json', 'input_required', '--max-charge 49'],
  ])("can't be asked for without a terminal: %s", async (line, code, advice) => {
    const { api, me } = await account(oneSeat);
    const ended = await me.ci(line);
    expect([ended.code, api.requests]).toEqual([2, []]);
    expect(errorOf(ended)).toMatchObject({ code });
    expect(ended.stderr).toContain(advice);
  });

  test('is asked for once, and names what is charged, canceled, replaced and revoked', async () => {
    const { api, me, box } = await account(
      `${oneSeat.replace('europe', 'asia')}managed: {prefix: tenant-}\nkeys:\n  - {name: batch, type: credit, rpm: 60}\n`,
    );
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    await box.data('POST', '/api/keys/credit', { name: 'batch', rpm: 30 });
    await box.data('POST', '/api/keys/credit', { name: 'tenant-a' });
    const line = 'apply --update-existing --allow-destroy --save-to secrets.ndjson';
    const first = onTerminal(me, line, { columns: 140 });
    await first.shows('Make these 4 changes: charge $39.00, cancel 1 subscription, replace 1 key and revoke 1 key?');
    expect(first.screen).toMatch(/\+ reserve 1 seat on kimi26 in asia/);
    first.type(`n${enter}`);
    expect([await first.exit, api.changes, existsSync(path.join(me.home, 'secrets.ndjson'))]).toEqual([1, [], false]);
    const second = onTerminal(me, line, { columns: 140 });
    await second.shows('Make these 4 changes');
    second.type(`y${enter}`);
    expect([await second.exit, api.changes.length]).toEqual([0, 5]);
    expect(second.screen).toContain('Charged 39.00 USD in all.');
  });
});

describe('the secret of a new key', () => {
  test('needs a place, before anything is changed', async () => {
    const { api, me } = await account(seatAndKeys);
    const ended = await me.ci('apply --yes --max-charge 100');
    expect([ended.code, ended.stdout, api.changes]).toEqual([2, '', []]);
    expect(ended.stderr).toBe(
      'ci: Nothing says where the secrets of 2 new keys go. Nothing was changed. Pass --save-to FILE, such as --save-to secrets.ndjson, or add `to` to the keys:\n  account.yaml, line 6: prod-api\n  account.yaml, line 8: batch\n',
    );
  });

  test('needs a place that works before its seat is bought', async () => {
    const { api, me } = await account(`${oneSeat}keys:\n  - {name: seat, pool: kimi26, to: "command:./none"}\n`);
    const ended = await me.ci('apply --yes --max-charge 100');
    expect([ended.code === 0, api.changes]).toEqual([false, []]);
    expect(ended.stderr).toMatch(oneLine);
  });

  test("doesn't replace another one at its place", async () => {
    const { api, me, write } = await account(
      'version: 1\nkeys:\n  - {name: acme, type: credit, to: "systemd:acme.cred"}\n',
    );
    write('bin/systemd-creds', '#!/bin/sh\ncat\n', 0o755);
    write('acme.cred', 'another secret\n', 0o600);
    const ended = await me.ci('apply --yes --max-charge 0 --json');
    expect([ended.code, api.changes]).toEqual([2, []]);
    expect(errorOf(ended)).toMatchObject({ hint: expect.stringContaining('Remove what is there') });
    expect(readFileSync(path.join(me.home, 'acme.cred'), 'utf8')).toBe('another secret\n');
  });

  test("isn't written to the file that says which keys there are", async () => {
    const { api, me } = await account(seatAndKeys);
    const ended = await me.ci('apply --yes --max-charge 100 --save-to account.yaml');
    expect([ended.code, api.requests]).toEqual([2, []]);
    expect(readFileSync(path.join(me.home, 'account.yaml'), 'utf8')).toBe(seatAndKeys);
  });
});

test('names the change whose outcome is unknown, and begins no other', async () => {
  let isDown = false;
  const { api, me } = await account(seatAndKeys, ({ path: url }) => {
    if (isDown) return answer(403, 'Closed for today');
    isDown = url.endsWith('/subscribe');
    return isDown ? reset : undefined;
  });
  settlesIn(me, '1s');
  const ended = await me.ci(apply);
  expect([ended.code, changesOf(ended).map(([, , outcome]) => outcome)]).toEqual([
    10,
    ['unknown', 'not_applied', 'not_applied'],
  ]);
  expect(errorOf(ended)).toMatchObject({
    code: 'outcome_unknown',
    message: expect.stringContaining('(reserve 1 seat on kimi26 in europe'),
    hint: expect.stringContaining('Run the same command again to continue.'),
    outcome: 'unknown',
  });
  expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
});

test('buys what is missing only once if two processes apply the file at once', async () => {
  const { api, me } = await account(seatAndKeys);
  const line = 'apply --yes --max-charge 100 --save-to secrets.ndjson --json';
  const both = await Promise.all([me.start(line).ended, me.start(line).ended]);
  expect(both.map(({ code, stderr }) => [code, code === 0 ? '' : stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  expect(api.changes.toSorted()).toEqual([
    'POST /api/keys/credit',
    'POST /api/keys/subscription',
    'POST /api/pools/kimi26/subscribe',
  ]);
  expect((await me.ci('plan --detailed-exitcode', realTime)).code).toBe(0);
});

describe('the summary in GitHub Actions', () => {
  test('is a table of the changes, with nothing that Markdown would interpret, and no secrets', async () => {
    const { me, write } = await account(`${oneSeat}keys:\n  - {name: "a|b <b>*x*</b>", type: credit}\n`);
    write('summary.md', 'Before\n');
    const file = path.join(me.home, 'summary.md');
    const ended = await me.ci(apply, { env: { GITHUB_STEP_SUMMARY: file } });
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^Before\n### ci apply account\.yaml\n\n\| Change \| Outcome \| ID \| Charged \|\n/);
    expect(text).toContain('reserve 1 seat on kimi26 in europe');
    expect(text).toContain('a&#124;b &#60;b&#62;&#42;x&#42;&#60;&#47;b&#62;');
    expect(text).toContain('| done |');
    expect(text).not.toMatch(secret);
    expect(text).toMatch(/Charged &#36;49\.00 in all\./);
  });

  test("is only a note if it can't be written", async () => {
    const { me } = await account(oneSeat);
    const ended = await me.ci(apply, { env: { GITHUB_STEP_SUMMARY: me.home } });
    expect([ended.code, ended.stderr]).toEqual([0, "Can't write the summary of the job: it is a directory.\n"]);
  });
});
