import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, namesIn, oneLine, sandboxUser, secret, settlesIn, userOf } from '../../support/cli.ts';
import { errorOf } from '../../support/lost.ts';
import { day, listAt, textAt } from '../../support/sandbox.ts';
import { answer, appliedThen, data, downFromChangeOn, type Instead, recordedSandbox } from '../../support/servers.ts';

/** Answers the list of pools with some fields changed. */
function listedWith(changes: object): Instead {
  return ({ method, path }, box) =>
    method === 'GET' && path === '/api/pools'
      ? async (request, response) => {
          const pools = await box.data('GET', path);
          const changed = Array.isArray(pools) ? pools.map((pool: object) => ({ ...pool, ...changes })) : pools;
          return data(changed)(request, response);
        }
      : undefined;
}

describe('a purchase', () => {
  test('sends one POST with the documented body, and charges once', async () => {
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

  test('buys all three blocks as one subscription at the sum of their prices', async () => {
    const api = await recordedSandbox();
    const bought = json(await userOf(api).ci('pools subscribe kimi26 --blocks all --yes --json'));
    expect(bought).toMatchObject({ status: 'active', monthlyPrice: 133, poolSlug: 'kimi26' });
    expect(listAt(bought, 'hours')).toHaveLength(24);
    expect(listAt(await api.box.seen(), 'charges')).toMatchObject([{ amount: '133.00' }]);
  });

  test('buys three seats for a year as three subscriptions, charged up front with the discount', async () => {
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

  test('prints several seats as one JSON object that lists them', async () => {
    const bought = json(await sandboxUser().ci('pools subscribe kimi26 --blocks asia --quantity 2 --yes --json'));
    expect(namesIn(bought)).toEqual(['subscriptions']);
    expect(listAt(bought, 'subscriptions')).toMatchObject(Array(2).fill({ status: 'active', monthlyPrice: 39 }));
  });

  test('takes the UUID of a pool', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --yes');
    expect(code).toBe(0);
    expect(listAt(await api.box.seen(), 'subscriptions')).toMatchObject([{ poolSlug: 'kimi26' }]);
  });

  test('says that the key of a pool is sent by email', async () => {
    const { code, stdout, stderr } = await sandboxUser().ci('pools subscribe glm5 --blocks asia --yes');
    expect(code).toBe(0);
    expect(cells(stdout)[0]?.slice(1, 5)).toEqual(['glm5', 'asia', 'pending_key', '49.00']);
    expect(stderr).toMatch(/by email.*24 hours/);
  });

  test.each(['', ' --save .env', ' --dry-run', ' --ensure'])(
    'refuses --create-key%s on a pool that sends its keys by email',
    async (flags) => {
      const api = await recordedSandbox();
      const me = userOf(api);
      const { code, stdout, stderr } = await me.ci(`pools subscribe glm5 --blocks asia --create-key k --yes${flags}`);
      expect([code, stdout, api.changes]).toEqual([2, '', []]);
      expect(stderr).toBe(
        "ci: --create-key doesn't work with glm5, because its keys are sent by email. Nothing was charged. Leave out --create-key and --save. The key arrives within 24 hours after you subscribe.\n",
      );
      expect(existsSync(path.join(me.home, '.env'))).toBe(false);
    },
  );

  test('says that no key was created if the API sends it by email without announcing it', async () => {
    const api = await recordedSandbox({ instead: listedWith({ manualProvisioning: null }) });
    const { code, stderr } = await userOf(api).ci('pools subscribe glm5 --blocks asia --create-key k --yes');
    expect([code, api.changes]).toEqual([0, ['POST /api/pools/glm5/subscribe']]);
    expect(stderr).toMatch(/^No key was created for 1 seat\. The API key will arrive by email/);
  });
});

describe('--create-key', () => {
  test('creates one key for one seat, and prints its secret', async () => {
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
    ['--create-key --dry-run', /^ci: Missing value: --create-key <name>\./],
    ['--create-key --json', /^\{"error":\{"code":"usage","message":"Missing value: --create-key <name>"/],
    ['--create-key k --save --dry-run', /^ci: Missing value: --save <file>\./],
    ['--max-price --ensure', /^ci: Missing value: --max-price <usd>\./],
  ])("doesn't take a flag as the value of another: %s", async (flags, said) => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci(`pools subscribe kimi26 --blocks europe --yes ${flags}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(said);
    expect(api.changes).toEqual([]);
  });

  test('writes the keys of all seats to one file, and warns if Git would commit it', async () => {
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
      /^Warning: Git would commit \S+\/\.env with the secret\. Add \/\.env to \S+ to prevent that\.\n$/,
    );
    const file = readFileSync(path.join(me.home, '.env'), 'utf8');
    expect(file).toMatch(/^KEY=sk_sandbox_\S+\nKEY_2=sk_sandbox_\S+\nKEY_3=sk_sandbox_\S+\n$/);
    const created = listAt(await api.box.data('GET', '/api/keys')).map((key) => textAt(key, 'apiKey'));
    expect(file.match(/sk_sandbox_\S+/g)).toEqual(created.reverse());
  });

  test("buys nothing if the file for --save can't be written", async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --create-key team --save none/.env --yes',
    );
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(stderr).toMatch(/^ci: Can't write \S+\/none\/\.env: no such file or directory\.?\n$/);
  });

  test('creates a key for each seat', async () => {
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

  test.each([
    ['its own price', 49],
    ['the price of all', 147],
  ])('creates a key for each seat if the response lists one of them, with %s', async (_what, monthlyPrice) => {
    const api = await recordedSandbox({
      instead: ({ method, path: where, body }, box) =>
        method === 'POST' && where.endsWith('/subscribe')
          ? async (request, response) => {
              const [first] = listAt((await box.call(method, where, { text: body })).body, 'data');
              await data(Object.assign({}, first, { monthlyPrice }))(request, response);
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

  test('says what was bought and what happened to the key if its response is lost', async () => {
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
    const hint = (id: string, look = 'Run `ci keys list` to check, then') =>
      `Bought: ${id}. ${look} \`ci keys create prod --subscription ${id}\`.`;
    const down = downFromChangeOn(outOfKeys);
    const [not, made, unknown] = await Promise.all([
      lost(({ path }) => (path === '/api/keys/subscription' ? outOfKeys : undefined)),
      lost(({ path }, box) => (path === '/api/keys/subscription' ? appliedThen(box, outOfKeys) : undefined)),
      lost((request, box) => (request.path.startsWith('/api/keys') ? down(request, box) : undefined)),
    ]);
    expect([not.code, not.stdout, not.keys]).toEqual([1, '', 0]);
    expect(errorOf(not)).toMatchObject({
      code: 'server_error',
      message: `Subscribed, but key "prod" wasn't created: the response was lost (out of keys). The change didn't go through`,
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
        'Subscribed, but key "prod" may not have been created: the response was lost (out of keys). The change may or may not have gone through: the account can\'t be checked: Closed for today',
      hint: hint(unknown.id, "Run `ci history reconcile --wait` to find out. If the key doesn't exist, run"),
      outcome: 'unknown',
    });
  });

  test('refuses an empty name before the first request', async () => {
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

describe('before the first request', () => {
  test('refuses to buy without --yes and a terminal', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe');
    expect([code, stdout, api.changes]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('--yes');
  });

  test.each([
    ['an unknown block', ['kimi26', '--blocks', 'mars'], 'mars'],
    ['an empty list of blocks', ['kimi26', '--blocks', ''], '--blocks'],
    ['a block together with all', ['kimi26', '--blocks', 'europe,all'], 'all'],
    ['no --blocks', ['kimi26'], '--blocks'],
    ['0 seats', ['kimi26', '--blocks', 'europe', '--quantity', '0'], '1 to 20'],
    ['21 seats', ['kimi26', '--blocks', 'europe', '--quantity', '21'], '1 to 20'],
    ['a fraction of a seat', ['kimi26', '--blocks', 'europe', '--quantity', '2.5'], '1 to 20'],
    ['an empty number of seats', ['kimi26', '--blocks', 'europe', '--quantity', ''], '1 to 20'],
    ['a negative number of seats', ['kimi26', '--blocks', 'europe', '--quantity', '-1'], '1 to 20'],
    ['a number of seats in letters', ['kimi26', '--blocks', 'europe', '--quantity', 'abc'], '1 to 20'],
    ['an unknown billing cycle', ['kimi26', '--blocks', 'europe', '--billing-cycle', 'week'], 'month or year'],
    ['a price that is not a number', ['kimi26', '--blocks', 'europe', '--max-price', 'cheap'], '--max-price'],
    ['a price of zero', ['kimi26', '--blocks', 'europe', '--max-price', '0'], '--max-price'],
    ['a negative price', ['kimi26', '--blocks', 'europe', '--max-price', '-5'], '--max-price'],
    ['a price with a fraction of a cent', ['kimi26', '--blocks', 'europe', '--max-price', '48.999'], '--max-price'],
    ['an empty pool name', ['', '--blocks', 'europe'], 'pool'],
    ['a pool name of blanks', ['  ', '--blocks', 'europe'], 'pool'],
    ['no pool', ['--blocks', 'europe'], 'pool'],
    ['an unknown field', ['kimi26', '--blocks', 'europe', '--fields', 'id,nope'], 'monthlyPrice'],
    ['an unknown format', ['kimi26', '--blocks', 'europe', '--output', 'xml'], 'yaml'],
    ['an unknown option', ['kimi26', '--blocks', 'europe', '--now'], '--now'],
    ['--ensure with --again', ['kimi26', '--blocks', 'europe', '--ensure', '--again'], '--again'],
    ['an extra argument', ['kimi26', 'glm5', '--blocks', 'europe'], 'pools subscribe --help'],
    ['an invalid timeout', ['kimi26', '--blocks', 'europe', '--timeout', 'soon'], 'soon'],
  ])('refuses %s', async (_what, args, named) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(['pools', 'subscribe', ...args, '--yes']);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(named);
  });
});

describe('the availability of a purchase', () => {
  test('exits with 5 for an unknown pool, with similar names', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci('pools subscribe kimi27 --blocks europe --yes');
    expect([code, stdout, api.changes]).toEqual([5, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/"kimi27" doesn't exist\. Did you mean kimi26\? Run `ci pools list` to see all pools\.$/m);
  });

  test.each([
    ['minimax-m3', '--blocks americas', 'is sold out in americas', '--blocks americas --subscribe'],
    ['minimax-m3', '--blocks all', 'is sold out in americas', '--blocks all --subscribe'],
    [
      'minimax-m3',
      '--blocks americas,asia --quantity 2 --billing-cycle year --max-price 900 --ensure',
      'is sold out in americas',
      '--blocks asia,americas --all-blocks --subscribe --quantity 2 --billing-cycle year --max-price 900.00 --ensure',
    ],
    [
      'minimax-m3',
      '--blocks americas --create-key prod --save .env.local --var KEY --force --again',
      'is sold out in americas',
      '--blocks americas --subscribe --again --create-key prod --save .env.local --var KEY --force',
    ],
    ['qwen35', '--blocks europe', 'is paused', '--blocks europe --subscribe'],
    ['deepseek-v4', '--blocks europe', 'is not open yet (funding)', '--blocks europe --subscribe'],
    ['deepseek-v4', '--blocks europe --dry-run', 'is not open yet (funding)', '--blocks europe --subscribe'],
    [
      'kimi26',
      '--blocks europe --quantity 9',
      'has only 8 seats left in europe, but you asked for 9',
      '--blocks europe --subscribe --quantity 9',
    ],
  ])('of %s %s is refused, and the error has the command to watch for it', async (pool, options, why, watch) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(`pools subscribe ${pool} ${options} --yes`);
    expect([code, stdout, api.changes]).toEqual([6, '', []]);
    expect(stderr).toBe(
      `ci: ${pool} ${why}. Nothing was charged. To buy as soon as seats are available, run \`ci pools watch ${pool} ${watch}\`.\n`,
    );
  });

  test.each(['draft', 'activating', 'closed'])('is refused for a pool with the status %s', async (status) => {
    const api = await recordedSandbox({ instead: listedWith({ status }) });
    const { code, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, api.changes]).toEqual([6, []]);
    expect(stderr).toMatch(/^ci: kimi26 is not open .*Nothing was charged\./);
  });

  test('is possible on a pool with a status that the API does not state', async () => {
    const api = await recordedSandbox({ instead: listedWith({ status: null }) });
    const { code } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, api.changes]).toEqual([0, ['POST /api/pools/kimi26/subscribe']]);
  });

  test('shows how to watch for seats that were sold a moment ago', async () => {
    const api = await recordedSandbox({
      instead: ({ method }) =>
        method === 'POST' ? answer(409, { success: false, error: 'Not enough seats: europe is sold out' }) : undefined,
    });
    const { code, stderr } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, api.changes]).toEqual([6, ['POST /api/pools/kimi26/subscribe']]);
    expect(stderr).toContain('run `ci pools watch kimi26 --blocks europe --subscribe`.');
  });

  test('exits with 8 without a saved card, and says how to add one', async () => {
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

  test('is compared to the charge for a year', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --billing-cycle year --max-price 499.79 --yes',
    );
    expect([code, api.changes]).toEqual([8, []]);
  });
});

describe('--ensure', () => {
  test('charges once when run twice, and prints the existing subscription', async () => {
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

  test('needs no consent if nothing is charged', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect((await me.ci('pools subscribe kimi26 --blocks europe --ensure')).code).toBe(0);
    const other = await me.ci('pools subscribe kimi26 --blocks asia --ensure');
    expect([other.code, api.changes.length]).toEqual([2, 1]);
  });

  test('neither counts a canceled subscription, nor buys its blocks again', async () => {
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

  test('never prints the secret of an existing key', async () => {
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
  test('prints the quote without consent, and changes nothing', async () => {
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

  test('changes nothing with --yes either', async () => {
    const api = await recordedSandbox();
    const { code } = await userOf(api).ci('pools subscribe kimi26 --blocks europe --dry-run --create-key x --yes');
    expect([code, api.changes]).toEqual([0, []]);
  });

  test('exits with 8 above --max-price, with nothing on stdout', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(
      'pools subscribe kimi26 --blocks europe --dry-run --max-price 10 --json',
    );
    expect([code, stdout]).toEqual([8, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'price_above_maximum', outcome: 'not_applied' } });
  });
});

test('lists the subscription, which renews a month later', async () => {
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
