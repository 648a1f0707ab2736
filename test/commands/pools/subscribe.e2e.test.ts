import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, namesIn, oneLine, sandboxUser, secret, settlesIn, userOf } from '../../support/cli.ts';
import { errorOf } from '../../support/lost.ts';
import { day, listAt, textAt } from '../../support/sandbox.ts';
import { answer, carriedOut, data, downFromChangeOn, type Instead, recordedSandbox } from '../../support/servers.ts';

describe('what is bought', () => {
  test('one POST with the documented body, one charge', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, stderr]).toEqual([0, '']);
    const id = textAt(await api.box.seen(), 'subscriptions', 0, 'id');
    expect(cells(stdout)).toEqual([[id, 'kimi26', 'europe', 'active', '49.00', expect.any(String), '', '']]);
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
    const post = api.received.find(({ method }) => method === 'POST');
    expect(JSON.parse(post?.body ?? '')).toEqual({ blocks: ['europe'], quantity: 1, billingCycle: 'month' });
    expect(post?.headers).toMatchObject({
      authorization: 'Bearer mk_of_the_tests_0123456789abcdef',
      'content-type': 'application/json',
    });
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '49.00', reason: 'subscribe' }]);
  });

  test('all three blocks are one subscription at the sum of their prices', async () => {
    const api = await recordedSandbox();
    const bought = json(await userOf(api).ci('pools subscribe kimi26 --blocks all --yes --json'));
    expect(bought).toMatchObject({ status: 'active', monthlyPrice: 133, poolSlug: 'kimi26' });
    expect(listAt(bought, 'hours')).toHaveLength(24);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '133.00' }]);
  });

  test('three seats for a year are three subscriptions, charged upfront with the discount', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const quote = json(await me.ci('pools quote kimi26 --blocks europe --quantity 3 --billing-cycle year --json'));
    expect(quote).toMatchObject({ monthlyPrice: 147, charge: 1499.4, chargeAtMost: 1499.4, exact: true });
    const line = 'pools subscribe kimi26 --blocks europe --quantity 3 --billing-cycle year --yes';
    const { code, stdout } = await me.ci(line);
    expect(code).toBe(0);
    expect(cells(stdout).map((row) => row.slice(1, 5))).toEqual(Array(3).fill(['kimi26', 'europe', 'active', '49.00']));
    expect(api.changes).toHaveLength(1);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject(Array(3).fill({ amount: '499.80' }));
  });

  test('several seats are one JSON object that lists them', async () => {
    const bought = json(await sandboxUser().ci('pools subscribe kimi26 --blocks asia --quantity 2 --yes --json'));
    expect(namesIn(bought)).toEqual(['subscriptions']);
    expect(listAt(bought, 'subscriptions')).toMatchObject(Array(2).fill({ status: 'active', monthlyPrice: 39 }));
  });

  test('a pool can be named by its UUID', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --yes');
    expect(code).toBe(0);
    expect(listAt(await api.box.seen(), 'subscriptions')).toMatchObject([{ poolSlug: 'kimi26' }]);
  });

  test('a pool whose key comes by mail says so', async () => {
    const { code, stdout, stderr } = await sandboxUser().ci('pools subscribe glm5 --blocks asia --yes');
    expect(code).toBe(0);
    expect(cells(stdout)[0]?.slice(1, 5)).toEqual(['glm5', 'asia', 'pending_key', '49.00']);
    expect(stderr).toMatch(/by email/);
    expect(stderr).toMatch(/24 hours/);
  });

  test('a pool whose key comes by mail gets no key with --create-key, and says so', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci('pools subscribe glm5 --blocks asia --create-key prod --yes');
    expect(code).toBe(0);
    expect(stderr).toMatch(/by email/);
    expect(api.changes).toEqual(['POST /api/pools/glm5/subscribe']);
  });
});

describe('--create-key', () => {
  test('makes one key for one seat, and shows its secret', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const result = await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes --json');
    expect(result.code).toBe(0);
    const bought = json(result);
    const apiKey = textAt(bought, 'key', 'apiKey');
    expect(apiKey).toMatch(secret);
    expect(result.stderr).not.toContain(apiKey);
    expect(await api.box.seen()).toMatchObject({ keys: [{ name: 'prod', subscriptionId: textAt(bought, 'id') }] });
    const models = await fetch(`${api.url}/v1/models`, { headers: { Authorization: `Bearer ${apiKey}` } });
    expect(models.status).toBe(200);
  });

  test.each([
    ['--create-key --dry-run', /^ci: option '--create-key <name>' argument missing\./],
    ['--create-key --json', /^\{"error":\{"code":"usage","message":"option '--create-key <name>' argument missing"/],
    ['--create-key k --save --dry-run', /^ci: option '--save <file>' argument missing\./],
    ['--max-price --ensure', /^ci: option '--max-price <usd>' argument missing\./],
  ])('takes no flag for the value of another: %s charges nothing', async (flags, said) => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci(`pools subscribe kimi26 --blocks europe --yes ${flags}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(said);
    expect(api.changes).toEqual([]);
  });

  test('--save writes the keys of all seats to one file, and warns if git would commit it', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await me.sh('git init --quiet');
    const line = 'pools subscribe kimi26 --blocks europe --quantity 3 --create-key team --save .env --var KEY --yes';
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout.match(/sk_sandbox_\S+/g)]).toEqual([
      0,
      Array(3).fill(expect.stringMatching(/^sk_sandbox_….{4}$/)),
    ]);
    expect(stderr).toMatch(
      /^Warning: git would commit \S+\/\.env with the secret\. Add \/\.env to \S+ to prevent that\.\n$/,
    );
    const file = readFileSync(path.join(me.home, '.env'), 'utf8');
    expect(file).toMatch(/^KEY=sk_sandbox_\S+\nKEY_2=sk_sandbox_\S+\nKEY_3=sk_sandbox_\S+\n$/);
    const created = listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
    expect(file.match(/sk_sandbox_\S+/g)).toEqual(created.reverse());
  });

  test('--save into a file that cannot be written buys nothing', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --create-key team --save none/.env --yes',
    );
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(stderr).toMatch(/^ci: \S+\/none\/\.env cannot be written: no such file or directory\.?\n$/);
  });

  test('makes a key for every seat', async () => {
    const api = await recordedSandbox();
    const { code, stdout } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --quantity 3 --create-key team --yes',
    );
    expect(code).toBe(0);
    const secrets = cells(stdout).map((row) => row.at(-1));
    expect(new Set(secrets).size).toBe(3);
    for (const each of secrets) expect(each).toMatch(secret);
    expect(listAt(await api.box.seen(), 'keys').map((key) => textAt(key, 'name'))).toEqual([
      'team-1',
      'team-2',
      'team-3',
    ]);
  });

  test('creates a key for each seat if the response lists one of them', async () => {
    const api = await recordedSandbox({
      instead: ({ method, path: where, body }, box) =>
        method === 'POST' && where.endsWith('/subscribe')
          ? async (request, response) => {
              const bought = listAt((await box.call(method, where, { text: body })).body, 'data');
              await data(bought[0])(request, response);
            }
          : undefined,
    });
    const me = userOf(api);
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const line =
      'pools subscribe kimi26 --blocks europe --quantity 3 --create-key team --save .env --yes --again --json';
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('The API listed')]);
    expect(listAt(json({ stdout }), 'subscriptions')).toHaveLength(3);
    const keys = listAt(await api.box.seen(), 'keys');
    expect(keys).toMatchObject([{ name: 'team-1' }, { name: 'team-2' }, { name: 'team-3' }]);
    expect(new Set(keys.map((key) => textAt(key, 'subscriptionId'))).size).toBe(3);
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(/^CHEAPESTINFERENCE_API_KEY_3=sk_/m);
  });

  test('says how to create the keys of the other seats if one fails', async () => {
    let requests = 0;
    const api = await recordedSandbox({
      instead: ({ path: where }) => {
        if (where === '/api/keys/subscription') requests++;
        return where === '/api/keys/subscription' && requests === 2
          ? answer(400, { success: false, error: 'No more keys' })
          : undefined;
      },
    });
    const { code, stderr } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --quantity 4 --create-key team --yes --json',
    );
    const ids = listAt(await api.box.seen(), 'subscriptions').map((each) => textAt(each, 'id'));
    const [, , third = '', fourth = ''] = ids;
    expect([code, errorOf({ stderr })]).toMatchObject([
      1,
      {
        outcome: 'applied',
        hint: expect.stringContaining(
          `2 more seats have no key. Run \`ci keys create team-3 --subscription ${third}\` and \`ci keys create team-4 --subscription ${fourth}\`.`,
        ),
      },
    ]);
  });

  test('tells what was bought when the answer about the key is lost, and what became of the key', async () => {
    const outOfKeys = answer(500, { success: false, error: 'out of keys' });
    const lost = async (instead: Instead) => {
      const api = await recordedSandbox({ instead });
      const me = userOf(api);
      settlesIn(me, '1s');
      const ended = await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes --json --settle 5s');
      expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe', 'POST /api/keys/subscription']);
      const seen = await api.box.seen();
      expect(listAt(seen, 'charges')).toHaveLength(1);
      return { ...ended, id: textAt(seen, 'subscriptions', 0, 'id'), keys: listAt(seen, 'keys').length };
    };
    const hint = (id: string, look = 'Look with `ci keys list`') =>
      `Bought: ${id}. ${look}, then \`ci keys create prod --subscription ${id}\`.`;
    const down = downFromChangeOn(outOfKeys);
    const [not, made, unknown] = await Promise.all([
      lost(({ path }) => (path === '/api/keys/subscription' ? outOfKeys : undefined)),
      lost(({ path }, box) => (path === '/api/keys/subscription' ? carriedOut(box, outOfKeys) : undefined)),
      lost((request, box) => (request.path.startsWith('/api/keys') ? down(request, box) : undefined)),
    ]);
    expect([not.code, not.stdout, not.keys]).toEqual([1, '', 0]);
    expect(errorOf(not)).toMatchObject({
      code: 'server_error',
      message: `subscribed, but the key "prod" was not created: the response was lost (out of keys). The change didn't go through`,
      hint: hint(not.id),
      outcome: 'applied',
    });
    expect([made.code, made.stderr, made.keys]).toEqual([
      0,
      'The response was lost (out of keys), but the change went through.\n',
      1,
    ]);
    expect(json(made)).toMatchObject({ id: made.id, key: { name: 'prod', apiKey: expect.stringMatching(secret) } });
    expect([unknown.code, unknown.stdout]).toEqual([10, '']);
    expect(errorOf(unknown)).toMatchObject({
      code: 'outcome_unknown',
      message:
        'subscribed, but the key "prod" may not have been created: the response was lost (out of keys). The change may or may not have gone through: the account can\'t be checked: Closed for today',
      hint: hint(unknown.id, 'Run `ci history reconcile --wait` to find out'),
      outcome: 'unknown',
    });
  });

  test('with an empty name sends nothing', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci([
      'pools',
      'subscribe',
      'kimi26',
      '--blocks',
      'europe',
      '--create-key',
      '',
      '--yes',
    ]);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('what is refused before anything is sent', () => {
  test('without --yes and without a terminal, a subscription is not made', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe');
    expect([code, stdout, api.changes]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--yes');
  });

  test.each([
    ['a block that is none', ['kimi26', '--blocks', 'mars'], 'mars'],
    ['no block', ['kimi26', '--blocks', ''], '--blocks'],
    ['a block too many', ['kimi26', '--blocks', 'europe,all'], 'all'],
    ['no blocks at all', ['kimi26'], '--blocks'],
    ['0 seats', ['kimi26', '--blocks', 'europe', '--quantity', '0'], '1 to 20'],
    ['21 seats', ['kimi26', '--blocks', 'europe', '--quantity', '21'], '1 to 20'],
    ['half a seat', ['kimi26', '--blocks', 'europe', '--quantity', '2.5'], '1 to 20'],
    ['an empty number of seats', ['kimi26', '--blocks', 'europe', '--quantity', ''], '1 to 20'],
    ['less than no seat', ['kimi26', '--blocks', 'europe', '--quantity', '-1'], '1 to 20'],
    ['seats in letters', ['kimi26', '--blocks', 'europe', '--quantity', 'abc'], '1 to 20'],
    ['a cycle that is none', ['kimi26', '--blocks', 'europe', '--billing-cycle', 'week'], 'month or year'],
    ['a price that is none', ['kimi26', '--blocks', 'europe', '--max-price', 'cheap'], '--max-price'],
    ['a price of nothing', ['kimi26', '--blocks', 'europe', '--max-price', '0'], '--max-price'],
    ['a price below nothing', ['kimi26', '--blocks', 'europe', '--max-price', '-5'], '--max-price'],
    ['a price of parts of a cent', ['kimi26', '--blocks', 'europe', '--max-price', '48.999'], '--max-price'],
    ['an empty pool name', ['', '--blocks', 'europe'], 'pool'],
    ['a pool name of blanks', ['  ', '--blocks', 'europe'], 'pool'],
    ['no pool', ['--blocks', 'europe'], 'pool'],
    ['a field that is none', ['kimi26', '--blocks', 'europe', '--fields', 'id,nope'], 'monthlyPrice'],
    ['a format that is none', ['kimi26', '--blocks', 'europe', '--output', 'xml'], 'yaml'],
    ['a flag that is none', ['kimi26', '--blocks', 'europe', '--now'], '--now'],
    ['what is there already, and again', ['kimi26', '--blocks', 'europe', '--ensure', '--again'], '--again'],
    ['a word too many', ['kimi26', 'glm5', '--blocks', 'europe'], 'pools subscribe --help'],
    ['a time-out that is none', ['kimi26', '--blocks', 'europe', '--timeout', 'soon'], 'soon'],
  ])('%s: one line, exit 2', async (_what, args, named) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(['pools', 'subscribe', ...args, '--yes']);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(named);
  });
});

describe('what cannot be bought', () => {
  test('an unknown pool: exit 5 with the nearest names, nothing posted', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci('pools subscribe kimi27 --blocks europe --yes');
    expect([code, stdout, api.changes]).toEqual([5, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/kimi27.*kimi26/);
  });

  test.each([
    ['a sold-out block', 'minimax-m3', 'americas'],
    ['a paused pool', 'qwen35', 'europe'],
    ['a pool that is still funded', 'deepseek-v4', 'europe'],
  ])('%s: exit 6, nothing charged', async (_what, pool, block) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(`pools subscribe ${pool} --blocks ${block} --yes`);
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(oneLine);
    expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
  });

  test('more seats than are free: exit 6, nothing charged', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --quantity 9 --yes');
    expect(code).toBe(6);
    expect(stderr).toMatch(oneLine);
    expect(listAt(await api.box.seen(), 'charges')).toEqual([]);
  });

  test('no card on file: exit 8, and how to add one', async () => {
    const me = sandboxUser();
    expect((await me.ci('sandbox reset --no-card')).code).toBe(0);
    const { code, stdout, stderr } = await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, stdout]).toEqual([8, '']);
    const told = lines(stderr).at(-1);
    expect(told).toMatch(/^ci: .*No payment method found/);
    expect(told).toMatch(/dashboard|setup-intent|billing card/);
  });
});

describe('--max-price', () => {
  test.each([
    ['a cent below the charge', '48.99', 8, 0],
    ['exactly the charge', '49', 0, 1],
    ['above the charge', '49.01', 0, 1],
  ])('%s', async (_what, maximum, expected, charges) => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci(
      `pools subscribe kimi26 --blocks europe --max-price ${maximum} --yes`,
    );
    expect(code).toBe(expected);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(charges);
    expect(api.changes).toHaveLength(charges);
    if (expected === 8) expect(stderr).toMatch(/^ci: .*\$49\.00.*\$48\.99/);
  });

  test('is held against the whole charge of a year', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --billing-cycle year --max-price 499.79 --yes',
    );
    expect([code, api.changes]).toEqual([8, []]);
  });
});

describe('--ensure', () => {
  test('twice charges once, and prints the subscription that there is', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const line = 'pools subscribe kimi26 --blocks europe --ensure --yes --json';
    const first = await me.ci(line);
    const second = await me.ci(line);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(textAt(json(second), 'id')).toBe(textAt(json(first), 'id'));
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
    expect(api.changes).toHaveLength(1);
  });

  test('needs no consent where there is nothing to charge', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect((await me.ci('pools subscribe kimi26 --blocks europe --ensure')).code).toBe(0);
    const other = await me.ci('pools subscribe kimi26 --blocks asia --ensure');
    expect([other.code, api.changes.length]).toEqual([2, 1]);
  });

  test('neither counts a subscription that ends, nor buys again what it holds', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    await me.ci('api DELETE /api/pools/kimi26/pledge --yes');
    const { code, stderr } = await me.ci('pools subscribe kimi26 --blocks europe --ensure --yes');
    expect([code, listAt(await api.box.seen(), 'charges').length]).toEqual([6, 1]);
    expect(stderr).toContain(textAt(await api.box.seen(), 'subscriptions', 0, 'id'));
    expect((await me.ci('pools subscribe kimi26 --blocks asia --ensure --yes')).code).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(2);
  });

  test('never shows the secret of a key that was there before', async () => {
    const me = sandboxUser();
    const first = await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes');
    const [apiKey = 'none'] = secret.exec(first.stdout) ?? [];
    for (const format of ['', '--json', '-o csv', '-o yaml', '-o table']) {
      const { code, stdout, stderr } = await me.ci(`pools subscribe kimi26 --blocks europe --ensure --yes ${format}`);
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(apiKey);
    }
  });
});

describe('--dry-run', () => {
  test('prints the quote and posts nothing, without consent', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const { code, stdout } = await me.ci('pools subscribe kimi26 --blocks europe,asia --dry-run --json');
    expect(code).toBe(0);
    expect(json({ stdout })).toMatchObject({
      pool: 'kimi26',
      blocks: ['asia', 'europe'],
      monthlyPrice: 88,
      charge: 88,
    });
    expect(json(await me.ci('pools quote kimi26 --blocks europe,asia --json'))).toEqual(json({ stdout }));
    expect([api.changes, listAt(await api.box.seen(), 'charges')]).toEqual([[], []]);
  });

  test('posts nothing with --yes either', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --dry-run --create-key x --yes');
    expect([code, api.changes]).toEqual([0, []]);
  });

  test('above --max-price is exit 8 with nothing on stdout', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --dry-run --max-price 10 --json',
    );
    expect([code, stdout]).toEqual([8, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'price_above_maximum', outcome: 'not_applied' } });
  });
});

test('what was bought is listed, and by the API it renews a month later', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes');
  const id = textAt(await api.box.seen(), 'subscriptions', 0, 'id');
  const { code, stdout } = await me.ci('pools subscriptions');
  expect(code).toBe(0);
  expect(cells(stdout)).toEqual([
    [
      id,
      'kimi26',
      'europe',
      'active',
      '49.00',
      '2026-05-14T09:00:00.000Z',
      'false',
      expect.stringMatching(/^sk_sandbox_….{4}$/),
    ],
  ]);
  expect((await me.ci('pools subscriptions kimi26')).stdout).toBe(stdout);
  expect(await me.ci('pools subscriptions glm5')).toMatchObject({ code: 0, stdout: '' });
  expect((await me.ci('pools subscriptions kimi27')).code).toBe(5);

  await api.box.advance(31 * day);
  expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ reason: 'subscribe' }, { reason: 'renewal' }]);
});
