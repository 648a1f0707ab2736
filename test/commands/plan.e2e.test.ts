import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, managementKey, sandboxUser, secret, type User, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { errorOf } from '../support/lost.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

/** Writes `account.yaml` in a user's directory. */
function write({ home }: User, text: string, name = 'account.yaml'): void {
  writeFileSync(path.join(home, name), text);
}

async function customer(instead?: (request: Received) => Behavior | undefined) {
  const api = await recordedSandbox(instead ? { instead } : {});
  return { api, box: api.box, me: userOf(api) };
}

/** Subscribes to blocks of a pool. @returns the ID of the subscription */
async function subscribed(box: TestSandbox, pool: string, blocks: readonly string[], billingCycle = 'month') {
  return textAt(await box.data('POST', `/api/pools/${pool}/subscribe`, { blocks, billingCycle }), 'id');
}

async function seatKey(box: TestSandbox, name: string, subscriptionId: string) {
  return textAt(await box.data('POST', '/api/keys/subscription', { name, subscriptionId }), 'id');
}

async function creditKey(box: TestSandbox, name: string, limits: object = {}) {
  return textAt(await box.data('POST', '/api/keys/credit', { name, ...limits }), 'id');
}

const account = `mk_…${managementKey.slice(-4)} (CHEAPESTINFERENCE_MANAGEMENT_KEY)`;

/** The fields of a change that don't apply to it. */
const none = {
  name: null,
  pool: null,
  blocks: null,
  quantity: null,
  billingCycle: null,
  keyType: null,
  id: null,
  differences: [],
  requires: null,
  blocked: null,
  dueToday: null,
  perMonth: null,
  soldOut: false,
  file: null,
  line: null,
  column: null,
};

describe('export', () => {
  test('prints the seats and keys of an account, with fingerprints and without secrets', async () => {
    const { api, box, me } = await customer();
    const kimi = await subscribed(box, 'kimi26', ['asia', 'europe']);
    await subscribed(box, 'minimax-m3', ['asia'], 'year');
    const minimax = await subscribed(box, 'minimax-m3', ['asia'], 'year');
    const glm = await subscribed(box, 'kimi26', ['americas']);
    await box.data('DELETE', '/api/pools/kimi26/pledge');
    await seatKey(box, 'prod', kimi);
    await seatKey(box, 'worker', minimax);
    await creditKey(box, '007', { maxBudget: 25, rpm: 60, tpm: 100_000 });
    const twin = await creditKey(box, 'twin');
    const other = await creditKey(box, 'twin');
    const { code, stdout, stderr } = await me.ci('export');
    expect([code, stderr]).toEqual([0, '']);
    const fingerprints = stdout.match(/sk_sandbox_…[\w-]{4}$/gm);
    expect(fingerprints).toHaveLength(3);
    const [first, second, third] = fingerprints ?? [];
    expect(
      stdout,
    ).toBe(`# yaml-language-server: $schema=https://raw.githubusercontent.com/cheapestinference/cli/main/docs/account.schema.json
# Exported from ${account} at ${new URL(api.url).host}
# To compare it with the account, run: ci plan account.yaml

version: 1
seats:
  - pool: kimi26
    blocks: [asia, europe]
  - pool: minimax-m3
    blocks: [asia]
    quantity: 2
    billingCycle: year
  # kimi26 americas (${glm}) ends on 2026-05-14, so it isn't an entry.
keys:
  - name: "007"
    type: credit
    maxBudget: 25
    rpm: 60
    tpm: 100000
    fingerprint: ${first}
  - name: prod
    type: subscription
    subscription: ${kimi}
    fingerprint: ${second}
  - name: worker
    type: subscription
    subscription: ${minimax}
    fingerprint: ${third}
  # key twin (${other}) isn't an entry: 2 active keys have its name.
  # key twin (${twin}) isn't an entry: 2 active keys have its name.
`);
    expect(stdout).not.toMatch(secret);
  });

  test("names the pool of a key if it has one active subscription, and the profile's limit", async () => {
    const { box, me } = await customer();
    await seatKey(box, 'prod', await subscribed(box, 'kimi26', ['asia', 'europe', 'americas']));
    await me.ci('config set max-monthly-spend 250');
    expect(json(await me.ci('export --json'))).toEqual({
      version: 1,
      ceilings: { maxMonthlySpend: 250 },
      seats: [{ pool: 'kimi26', blocks: 'all' }],
      keys: [
        { name: 'prod', type: 'subscription', pool: 'kimi26', fingerprint: expect.stringMatching(/^sk_sandbox_…/) },
      ],
    });
    expect((await me.ci('export -o yaml')).stdout).toBe((await me.ci('export')).stdout);
    expect(json(await me.ci('export --fields version --json'))).toEqual({ version: 1 });
  });

  test('prints an empty account', async () => {
    const { stdout } = await sandboxUser().ci('export');
    expect(stdout).toMatch(/\nversion: 1\nseats: \[\]\nkeys: \[\]\n$/);
  });

  test('sends one request for the account, one for the keys, and one for each pool', async () => {
    const { api, box, me } = await customer();
    for (const pool of ['kimi26', 'minimax-m3', 'kimi26']) await subscribed(box, pool, ['asia']);
    const before = api.requests.length;
    await me.ci('export');
    expect([...api.requests.slice(before)].sort()).toEqual([
      'GET /api/billing/status',
      'GET /api/keys',
      'GET /api/pools/kimi26/my-subscriptions',
      'GET /api/pools/minimax-m3/my-subscriptions',
    ]);
  });

  test('refuses CSV', async () => {
    const { code, stdout, stderr } = await sandboxUser().ci('export -o csv');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain("ci: The account can't be printed as CSV. Leave out --output for YAML, or pass --json.\n");
  });

  test('keeps line breaks, control characters and secrets in names out of the comments and the terminal', async () => {
    const leaked = `sk_live_${'Zk9'.repeat(12)}`;
    const names = ['a\nkeys: []', 'b\u001b[31mred', leaked, 'c # : "\'', '- x', 'yes', 'null', 'mit Ümläuten'];
    const keys = names.map((name, number) => ({ id: `k${number}`, name, keyType: 'credit', isActive: true }));
    const { me } = await customer(({ path: each }) => (each === '/api/keys' ? data(keys) : undefined));
    const { stdout } = await me.ci('export');
    expect(stdout).not.toContain(leaked);
    expect(stdout.match(/# key .*/g)).toEqual([
      "# key a keys: [] (k0) isn't an entry: its name has a control character.",
      "# key bred (k1) isn't an entry: its name has a control character.",
      "# key sk_live_…k9Zk9 (k2) isn't an entry: its name holds a secret.".replace('k9Zk9', leaked.slice(-4)),
    ]);
    expect(listAt(json(await me.ci('export --json')), 'keys').map((each) => at(each, 'name'))).toEqual(
      [...names.slice(3)].sort(),
    );
    expect((await me.ci('plan - --json', { stdin: stdout })).stdout).toContain('"differs":false');
    expect((await shown(me, 'export')).screen).not.toContain('\u001b');
  });

  test('fails if the API does not list the subscriptions', async () => {
    const { me } = await customer(({ path: each }) =>
      each === '/api/billing/status' ? data({ creditBalance: 5 }) : undefined,
    );
    const ended = await me.ci('export --json');
    expect([ended.code, ended.stdout, textAt(errorOf(ended), 'code')]).toEqual([1, '', 'unexpected_response']);
  });
});

describe('plan', () => {
  test('is empty for an exported account', async () => {
    const { api, box, me } = await customer();
    const kimi = await subscribed(box, 'kimi26', ['asia', 'europe']);
    await subscribed(box, 'minimax-m3', ['europe'], 'year');
    await subscribed(box, 'glm5', ['europe']);
    await seatKey(box, 'prod', kimi);
    await creditKey(box, 'batch', { maxBudget: 12.5, tpm: 1000 });
    await creditKey(box, 'free');
    const { stdout } = await me.ci('export');
    const changesBefore = api.changes.length;
    for (const flags of ['', ' --update-existing --allow-destroy']) {
      const ended = await me.ci(`plan - --detailed-exitcode --json${flags}`, { stdin: stdout });
      expect([ended.code, json(ended)]).toEqual([
        0,
        {
          file: 'standard input',
          account: `${account} at ${new URL(api.url).host}`,
          differs: false,
          changes: [],
          unmanaged: [],
          dueToday: 0,
          dueTodayAtMost: 0,
          monthlyBefore: expect.any(Number),
          monthlyAfter: at(json(ended), 'monthlyBefore'),
          maxMonthlySpend: null,
          exceedsMaximum: false,
          notes: [],
        },
      ]);
    }
    write(me, stdout);
    const people = await shown(me, 'plan');
    expect([people.code, people.rows]).toEqual([0, ['No changes. The account is as account.yaml says.', '']]);
    expect(await me.ci('plan')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(api.changes).toHaveLength(changesBefore);
  });

  const desired = `version: 1
ceilings: {maxMonthlySpend: 300}
managed: {prefix: tenant-}
seats:
  - pool: kimi26
    blocks: [europe]
    quantity: 2
  - pool: minimax-m3
    blocks: [americas]
    onSoldOut: skip
keys:
  - name: prod
    pool: kimi26
  - name: batch
    type: credit
    maxBudget: 25
  - {name: safe, type: credit, rpm: 60, protected: true}
`;

  async function differing() {
    const { api, box, me } = await customer();
    const asia = await subscribed(box, 'kimi26', ['asia']);
    const batch = await creditKey(box, 'batch', { maxBudget: 10 });
    const safe = await creditKey(box, 'safe');
    const old = await creditKey(box, 'tenant-old');
    const mine = await creditKey(box, 'mine');
    write(me, desired);
    return { api, box, me, asia, batch, safe, old, mine };
  }

  /** Returns the changes of the file above; with the options, all that can be made are. */
  function changesOf(
    { asia, batch, safe, old }: Awaited<ReturnType<typeof differing>>,
    { willApply }: { willApply: boolean },
  ) {
    const file = 'account.yaml';
    const update = willApply ? null : '--update-existing';
    const blocks = { field: 'blocks', from: 'asia', to: 'europe' };
    return [
      {
        ...none,
        action: 'cancel',
        kind: 'update',
        type: 'seats',
        pool: 'kimi26',
        blocks: ['asia'],
        id: asia,
        differences: [blocks],
        willApply,
        requires: update,
        perMonth: -39,
      },
      {
        ...none,
        action: 'reserve',
        kind: 'update',
        type: 'seats',
        pool: 'kimi26',
        blocks: ['europe'],
        quantity: 2,
        billingCycle: 'month',
        differences: [blocks],
        willApply,
        requires: update,
        dueToday: 98,
        perMonth: 98,
        file,
        line: 5,
        column: 5,
      },
      {
        ...none,
        action: 'reserve',
        kind: 'create',
        type: 'seats',
        pool: 'minimax-m3',
        blocks: ['americas'],
        quantity: 1,
        billingCycle: 'month',
        willApply: false,
        blocked: 'minimax-m3 is sold out in americas',
        dueToday: 45,
        perMonth: 45,
        soldOut: true,
        file,
        line: 8,
        column: 5,
      },
      {
        ...none,
        action: 'create-key',
        kind: 'create',
        type: 'key',
        name: 'prod',
        pool: 'kimi26',
        keyType: 'subscription',
        willApply: true,
        file,
        line: 12,
        column: 5,
      },
      {
        ...none,
        action: 'rotate-key',
        kind: 'update',
        type: 'key',
        name: 'batch',
        keyType: 'credit',
        id: batch,
        differences: [{ field: 'maxBudget', from: 10, to: 25 }],
        willApply,
        requires: update,
        file,
        line: 14,
        column: 5,
      },
      {
        ...none,
        action: 'rotate-key',
        kind: 'update',
        type: 'key',
        name: 'safe',
        keyType: 'credit',
        id: safe,
        differences: [{ field: 'rpm', from: null, to: 60 }],
        willApply: false,
        blocked: 'it is protected',
        file,
        line: 17,
        column: 5,
      },
      {
        ...none,
        action: 'revoke-key',
        kind: 'destroy',
        type: 'key',
        name: 'tenant-old',
        id: old,
        willApply,
        requires: willApply ? null : '--allow-destroy',
      },
    ];
  }

  test('is one JSON object with every change and what it costs', async () => {
    const all = await differing();
    const { api, me, mine } = all;
    const before = api.changes.length;
    const held = await me.ci('plan --json');
    const whole = {
      file: 'account.yaml',
      account: `${account} at ${new URL(api.url).host}`,
      differs: true,
      unmanaged: [{ type: 'key', id: mine, name: 'mine' }],
      monthlyBefore: 39,
      maxMonthlySpend: 300,
      exceedsMaximum: false,
      notes: [],
    };
    expect([held.code, held.stderr]).toEqual([0, '']);
    expect(json(held)).toEqual({
      ...whole,
      changes: changesOf(all, { willApply: false }),
      dueToday: 0,
      dueTodayAtMost: 0,
      monthlyAfter: 39,
    });
    const allowed = await me.ci('plan account.yaml --update-existing --allow-destroy --json --detailed-exitcode');
    expect([allowed.code, allowed.stderr]).toEqual([3, '']);
    expect(json(allowed)).toEqual({
      ...whole,
      changes: changesOf(all, { willApply: true }),
      dueToday: 98,
      dueTodayAtMost: 98,
      monthlyAfter: 98,
    });
    expect(api.changes).toHaveLength(before);
  });

  test('keeps the names and the order of its JSON', async () => {
    const { me } = await differing();
    const plan = json(await me.ci('plan --json'));
    expect(Object.keys(Object(plan))).toEqual([
      ...['file', 'account', 'differs', 'changes', 'unmanaged', 'dueToday', 'dueTodayAtMost', 'monthlyBefore'],
      ...['monthlyAfter', 'maxMonthlySpend', 'exceedsMaximum', 'notes'],
    ]);
    for (const change of listAt(plan, 'changes')) {
      expect(Object.keys(Object(change))).toEqual([
        ...[
          'action',
          'kind',
          'type',
          'name',
          'pool',
          'blocks',
          'quantity',
          'billingCycle',
          'keyType',
          'id',
          'differences',
        ],
        ...['willApply', 'requires', 'blocked', 'dueToday', 'perMonth', 'soldOut', 'file', 'line', 'column'],
      ]);
    }
  });

  test('is a line for each change on a terminal, then what is left alone, then the money', async () => {
    const { api, me, asia, batch, safe, old, mine } = await differing();
    const short = (id: string) => id.slice(0, 8);
    const { code, rows } = await shown(me, 'plan', { columns: 160 });
    expect(code).toBe(0);
    expect(rows).toEqual([
      `! cancel kimi26 asia (${short(asia)}) at the end of its billing period: blocks asia → europe, -$39.00 per month (needs --update-existing)`,
      '! reserve 2 seats on kimi26 in europe, billed monthly: $98.00 today, +$98.00 per month (needs --update-existing)',
      '! reserve 1 seat on minimax-m3 in americas, billed monthly: $45.00 today, +$45.00 per month (minimax-m3 is sold out in americas)',
      '+ create subscription key prod for kimi26',
      `! rotate key batch (${short(batch)}): maxBudget 10 → 25 (needs --update-existing)`,
      `! rotate key safe (${short(safe)}): rpm none → 60 (it is protected)`,
      `! revoke key tenant-old (${short(old)}) (needs --allow-destroy)`,
      '',
      'Not in account.yaml, so it is left alone:',
      `  key mine (${mine})`,
      '',
      'Changes    1 to make, 6 not made',
      'Due today  $0.00',
      'Per month  $39.00 → $39.00 (limit $300.00)',
      `Account    ${account} at ${new URL(api.url).host}`,
      '',
    ]);
    const allowed = await shown(me, 'plan --update-existing --allow-destroy', { columns: 160 });
    expect(allowed.rows.slice(0, 7).map((row) => row.charAt(0))).toEqual(['-', '+', '!', '+', '~', '!', '-']);
  });

  test('is a row for each change in a pipe and in CSV', async () => {
    const { me } = await differing();
    const rows = cells((await me.ci('plan')).stdout);
    expect(rows.map(([action, kind]) => [action, kind])).toEqual([
      ['cancel', 'update'],
      ['reserve', 'update'],
      ['reserve', 'create'],
      ['create-key', 'create'],
      ['rotate-key', 'update'],
      ['rotate-key', 'update'],
      ['revoke-key', 'destroy'],
    ]);
    const [header, ...csv] = csvRows((await me.ci('plan -o csv')).stdout);
    expect(header?.slice(0, 4)).toEqual(['action', 'kind', 'type', 'name']);
    const inCsv = csv.map((row) => row.map((cell) => cell.replace(/^'--/, '--')));
    expect(inCsv).toEqual(rows);
  });

  test('says that the price is above the limit of the file or the profile', async () => {
    const { me } = await customer();
    write(me, 'version: 1\nceilings: {maxMonthlySpend: 50}\nseats: [{pool: kimi26, blocks: all}]\n');
    expect(json(await me.ci('plan --json'))).toMatchObject({
      dueToday: 133,
      maxMonthlySpend: 50,
      exceedsMaximum: true,
      notes: [
        'Your subscriptions would cost $133.00 per month, which is above $50.00 (ceilings.maxMonthlySpend in account.yaml).',
      ],
    });
    await me.ci('config set max-monthly-spend 40');
    const { stderr } = await me.ci('plan');
    expect(lines(stderr)).toEqual([
      'Your subscriptions would cost $133.00 per month, which is above $50.00 (ceilings.maxMonthlySpend in account.yaml).',
      'Your subscriptions would cost $133.00 per month, which is above $40.00 (max-monthly-spend of profile "default").',
    ]);
  });

  test('counts a canceled subscription until it ends, for the limit only', async () => {
    const { box, me } = await customer();
    await subscribed(box, 'kimi26', ['asia']);
    write(me, 'version: 1\nceilings: {maxMonthlySpend: 60}\nseats: [{pool: kimi26, blocks: [europe]}]\n');
    expect(json(await me.ci('plan --json --update-existing'))).toMatchObject({
      monthlyBefore: 39,
      monthlyAfter: 49,
      exceedsMaximum: true,
      notes: [
        'Your subscriptions would cost $88.00 per month until the canceled ones end, which is above $60.00 (ceilings.maxMonthlySpend in account.yaml).',
      ],
    });
  });

  test('keeps the seats whose replacement is sold out', async () => {
    const { box, me } = await customer();
    await subscribed(box, 'minimax-m3', ['asia']);
    write(me, 'version: 1\nseats: [{pool: minimax-m3, blocks: [americas]}]\nkeys: [{name: a, type: credit}]\n');
    const plan = json(await me.ci('plan --json --update-existing'));
    const blocked = "the seats that replace it aren't available";
    expect(plan).toMatchObject({
      changes: [
        { action: 'cancel', willApply: false, requires: null, blocked },
        { action: 'reserve', willApply: false, requires: null, blocked, soldOut: true },
        { action: 'create-key', willApply: true },
      ],
      dueToday: 0,
      monthlyAfter: 39,
    });
  });

  test('says what is not known if the API states no price', async () => {
    const pool = { id: 'p1', slug: 'kimi26', status: 'active' };
    const { me } = await customer(({ path: each }) => {
      if (each === '/api/pools') return data([pool]);
      return each === '/api/pools/p1' ? data(pool) : undefined;
    });
    write(me, 'version: 1\nceilings: {maxMonthlySpend: 60}\nseats: [{pool: kimi26, blocks: [europe]}]\n');
    expect(json(await me.ci('plan --json'))).toMatchObject({
      changes: [{ action: 'reserve', dueToday: null, perMonth: null, willApply: true }],
      dueToday: null,
      dueTodayAtMost: null,
      monthlyAfter: null,
      exceedsMaximum: true,
      notes: [
        "The API doesn't state all prices, so ceilings.maxMonthlySpend in account.yaml can't be checked.",
        'The API returned no price for europe of kimi26.',
      ],
    });
  });

  test('names the line of a pool that does not exist', async () => {
    const { me } = await customer();
    write(me, 'version: 1\nseats:\n  - pool: kimi62\n    blocks: [europe]\n');
    const { code, stdout, stderr } = await me.ci('plan');
    expect([code, stdout, stderr]).toEqual([
      5,
      '',
      'ci: account.yaml, line 3, column 5: Pool "kimi62" doesn\'t exist. Did you mean kimi26? Run `ci pools list` to see all pools.\n',
    ]);
  });

  test('sends nothing for a file with mistakes', async () => {
    const { api, me } = await customer();
    write(me, 'version: 1\nseat: []\n');
    const { code, stdout, stderr } = await me.ci('plan');
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(/^ci: account\.yaml has a mistake\. .*\n {2}line 2, column 1: /);
  });

  test('works offline with the sandbox', async () => {
    const me = sandboxUser();
    write(me, 'version: 1\nseats: [{pool: kimi26, blocks: [europe]}]\n');
    const ended = await me.ci('plan --detailed-exitcode --json');
    expect([ended.code, at(json(ended), 'dueToday')]).toEqual([3, 49]);
  });

  test('fails as the request does that fails', async () => {
    const { me } = await customer(({ path: each }) => (each === '/api/keys' ? answer(503, 'down') : undefined));
    write(me, 'version: 1\n');
    expect(await me.ci('plan')).toMatchObject({ code: 1, stdout: '' });
  });
});
