import { describe, expect, test } from 'vitest';
import { json, managementKey, oneLine, secret, user } from '../support/cli.ts';
import {
  anonymous,
  type Customer,
  commandsOfTheApi,
  customerOf,
  differences,
  finalHash,
  freshHash,
  type Generation,
  generations,
  introducedLater,
  newcomerOf,
  unansweredName,
  unstated,
} from '../support/generations.ts';
import { errorOf } from '../support/lost.ts';
import { at, listAt } from '../support/sandbox.ts';
import { serveGateway } from '../support/seat-holder.ts';
import { shown } from '../support/terminal.ts';

interface TestedCommand {
  /** SUBSCRIPTION stands for the id of the subscription on kimi26. */
  readonly line: string;
  readonly stdin?: string;
  /** A command that is run before it, and killed while it waits for a response. */
  readonly killed?: string;
  /** A command that is run before it. */
  readonly after?: string;
  readonly code?: number;
  /** What the JSON contains in all generations. */
  readonly holds?: unknown;
  /** Whether it contains prices and sold-out blocks, which some generations don't list. */
  readonly stated?: true;
  /** Whether it prints the API's objects, including unknown fields. */
  readonly passedOn?: true;
}

const estimates = [
  'exact',
  'monthlyPrice',
  'charge',
  'chargeAtMost',
  'pricePerMonth',
  'listPrice',
  'dueToday',
  'perMonth',
  'charged',
  'dueTodayAtMost',
  'monthlyAfter',
];
const passedOn = true;
const stated = true;
/** The parts of an error that are the same in all generations. */
const traits = ['code', 'message', 'status', 'outcome', 'retryable'];

const slugs = (...names: readonly string[]) => names.map((slug) => ({ slug }));
const maskedSecret = expect.stringMatching(/^sk_sandbox_….{4}$/);
const wholeSecret = expect.stringMatching(secret);

const reads: readonly TestedCommand[] = [
  {
    line: 'status',
    holds: {
      creditBalance: 25,
      keys: 2,
      subscriptions: [
        { poolSlug: 'kimi26', blocks: 'asia,europe', live: true, monthlyPrice: 88, hasKey: true },
        { poolSlug: 'minimax-m3', blocks: 'asia', live: false, monthlyPrice: 39, hasKey: false },
      ],
      problems: [{ problem: 'no_key' }],
    },
  },
  { line: 'status --check', code: 3, holds: [{ problem: 'no_key' }] },
  {
    line: 'export',
    holds: {
      version: 1,
      seats: [
        { pool: 'kimi26', blocks: ['asia', 'europe'] },
        { pool: 'minimax-m3', blocks: ['asia'] },
      ],
      keys: [
        { name: 'client-acme', type: 'credit', maxBudget: 25 },
        { name: 'prod', type: 'subscription', pool: 'kimi26' },
      ],
    },
  },
  {
    line: 'plan -',
    stated,
    stdin: `version: 1
seats: [{pool: kimi26, blocks: [asia, europe]}, {pool: minimax-m3, blocks: [asia, europe]}]
keys: [{name: client-acme, type: credit, maxBudget: 50}]`,
    holds: {
      changes: [
        { action: 'cancel', pool: 'minimax-m3', requires: '--update-existing' },
        { action: 'reserve', pool: 'minimax-m3', requires: '--update-existing' },
        { action: 'rotate-key', name: 'client-acme', differences: [{ field: 'maxBudget', from: 25, to: 50 }] },
      ],
      unmanaged: [{ type: 'key', name: 'prod' }],
    },
  },
  {
    line: 'pools list',
    passedOn,
    holds: [
      { slug: 'kimi26', modelName: 'Kimi K2.6', status: 'active', minPricePerDay: 39, annualDiscount: 0.15 },
      ...slugs('minimax-m3', 'glm5', 'deepseek-v4', 'qwen35'),
    ],
  },
  { line: 'pools list --available --fields slug', holds: slugs('kimi26', 'minimax-m3', 'glm5') },
  { line: 'pools list --block americas --fields slug', holds: slugs('kimi26', 'glm5') },
  { line: 'pools list --model KIMI --status active --fields slug', holds: slugs('kimi26') },
  {
    line: 'pools view kimi26',
    passedOn,
    holds: { slug: 'kimi26', totalSlots: 10, minPricePerDay: 39, hourSlots: expect.any(Array) },
  },
  { line: 'pools view 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601', holds: { slug: 'kimi26' } },
  { line: 'pools view kimi27', code: 5 },
  {
    line: 'pools quote kimi26 --blocks europe',
    stated,
    holds: { pool: 'kimi26', blocks: ['europe'], quantity: 1, prices: [{ block: 'europe', freeSeats: 7 }] },
  },
  { line: 'pools quote glm5 --blocks all --quantity 3 --billing-cycle year', stated, holds: { pool: 'glm5' } },
  { line: 'pools quote kimi27 --blocks europe', code: 5 },
  { line: 'pools subscribe kimi26 --blocks europe --dry-run', stated, holds: { blocks: ['europe'] } },
  { line: 'pools subscribe kimi26 --blocks europe --dry-run --max-price 48.99', stated, code: 8 },
  {
    line: 'pools watch kimi26 --blocks europe --fields event,pool,blocks',
    holds: { event: 'opened', pool: 'kimi26', blocks: ['europe'] },
  },
  { line: 'pools watch kimi27 --blocks europe', code: 5 },
  {
    line: 'pools subscriptions',
    passedOn,
    holds: [
      { poolSlug: 'kimi26', status: 'active', monthlyPrice: 88, billingCycle: 'month', key: { apiKey: maskedSecret } },
      { poolSlug: 'minimax-m3', status: 'active', monthlyPrice: 39 },
    ],
  },
  { line: 'pools subscriptions minimax-m3', passedOn, holds: [{ poolSlug: 'minimax-m3' }] },
  { line: 'pools subscriptions kimi27', code: 5 },
  { line: 'pools keys kimi26', passedOn, holds: [{ name: 'prod', isActive: true, apiKey: maskedSecret }] },
  { line: 'pools keys kimi26 --reveal', holds: [{ name: 'prod', apiKey: wholeSecret }] },
  { line: 'pools keys kimi27', code: 5 },
  {
    line: 'keys list',
    passedOn,
    holds: [
      { name: 'client-acme', keyType: 'credit', isActive: true, maxBudget: 25 },
      { name: 'prod', keyType: 'subscription', isActive: true, subscriptionStatus: 'active' },
    ],
  },
  { line: 'keys list --older-than 1d --unused-for 1d', holds: [] },
  {
    line: 'usage',
    passedOn,
    holds: [
      { name: 'client-acme', type: 'credit', usage: { last24h: { requests: 0, tokens: 0 } } },
      { name: 'prod', type: 'subscription', subscription: { status: 'active' } },
    ],
  },
  { line: 'usage prod --period 7d', passedOn, holds: { name: 'prod', usage: { last7d: { requests: 0 } } } },
  { line: 'usage nobody', code: 5 },
  {
    line: 'usage --all',
    holds: [{ name: 'client-acme', period: '1h', requests: 0 }, {}, {}, {}, { name: 'prod' }, {}, {}, {}],
  },
  { line: 'usage snapshot --fields status,keys,cached', holds: { status: 'stored', keys: 2, cached: false } },
  {
    line: 'usage --self',
    passedOn,
    holds: { budget: { spent: 0 }, credits: { balance: 25 }, key: { name: 'prod', type: 'subscription' } },
  },
  {
    line: 'billing status',
    passedOn,
    holds: { status: 'active', creditBalance: 25, poolPledges: [{ poolSlug: 'kimi26' }, { poolSlug: 'minimax-m3' }] },
  },
  {
    line: 'billing credits',
    passedOn,
    holds: { totalTopUp: 25, remaining: 25, hasCreditKey: true, creditKeyCount: 1 },
  },
  { line: 'plans list', passedOn, holds: [{ slug: 'standard', priceUsdc: 20, rateLimits: { rpm_limit: 60 } }] },
  {
    line: 'agent plans',
    passedOn,
    holds: [
      { pool: 'kimi26', blocks: [{ block: 'asia', priceUsdc: 39, availableSeats: 6 }, {}, {}] },
      { pool: 'minimax-m3', blocks: [{ availableSeats: 1 }, {}, { priceUsdc: 45, availableSeats: 0 }] },
      { pool: 'glm5' },
      { type: 'credits', minAmount: 10 },
    ],
  },
  {
    line: 'history reconcile --fields action,change,outcome,ids,account,request',
    killed: `keys create ${unansweredName} --credit`,
    holds: [
      {
        action: 'create-key',
        change: `create credit key ${unansweredName}`,
        outcome: 'applied',
        ids: [expect.any(String)],
        request: { action: 'create-key', type: 'credit', name: unansweredName },
      },
    ],
  },
  { line: 'auth status', holds: { managementKey: 'mk_…cdef', valid: true } },
  { line: 'whoami', holds: { managementKey: 'mk_…cdef', valid: true } },
  { line: 'models', holds: [{ id: 'kimi-k2.6' }] },
  { line: 'connect opencode --model kimi-k2.6 --dry-run', holds: { status: 'planned', model: 'kimi-k2.6' } },
  {
    line: 'gateway export litellm',
    after: 'keys create stored --subscription SUBSCRIPTION --store',
    holds: { format: 'litellm', configuration: expect.stringContaining('kimi-k2.6'), variables: [{}] },
  },
  {
    line: 'doctor',
    holds: expect.arrayContaining([expect.objectContaining({ check: 'signed in', status: 'ok' })]),
  },
];

const changes: readonly TestedCommand[] = [
  {
    line: 'pools subscribe kimi26 --blocks europe --yes',
    passedOn,
    holds: { poolSlug: 'kimi26', status: 'active', monthlyPrice: 49 },
  },
  {
    line: 'pools subscribe kimi26 --blocks europe --quantity 2 --create-key seat --yes',
    passedOn,
    holds: {
      subscriptions: [
        { monthlyPrice: 49, key: { name: 'seat-1', apiKey: wholeSecret } },
        { monthlyPrice: 49, key: { name: 'seat-2', apiKey: wholeSecret } },
      ],
    },
  },
  {
    line: 'pools subscribe kimi26 --blocks americas --billing-cycle year --max-price 500 --create-key prod --yes',
    holds: { monthlyPrice: 45, key: { name: 'prod', apiKey: wholeSecret } },
  },
  { line: 'pools subscribe kimi26 --blocks asia,europe --ensure', holds: { poolSlug: 'kimi26', monthlyPrice: 88 } },
  { line: 'pools subscribe kimi26 --blocks all --ensure --yes', code: 6 },
  { line: 'pools subscribe kimi26 --blocks europe --again --yes', holds: { poolSlug: 'kimi26', monthlyPrice: 49 } },
  { line: 'pools subscribe glm5 --blocks asia --yes', holds: { status: 'pending_key' } },
  { line: 'pools subscribe minimax-m3 --blocks americas --yes', stated, code: 6 },
  { line: 'pools subscribe qwen35 --blocks europe --yes', code: 6 },
  { line: 'pools subscribe deepseek-v4 --blocks europe --yes', code: 6 },
  { line: 'pools subscribe kimi27 --blocks europe --yes', code: 5 },
  { line: 'pools cancel kimi26 --yes', holds: { poolSlug: 'kimi26', cancelAtPeriodEnd: true, status: 'active' } },
  { line: 'pools cancel glm5 --yes', code: 5 },
  {
    line: 'apply - --save-to secrets.ndjson --yes --max-charge 50',
    stated,
    stdin: `version: 1
seats: [{pool: kimi26, blocks: [asia, europe]}, {pool: minimax-m3, blocks: [asia]}, {pool: kimi26, blocks: [europe]}]
keys: [{name: another, type: credit, maxBudget: 50}, {name: prod, pool: kimi26}]`,
    holds: {
      changes: [
        { action: 'reserve', pool: 'kimi26', outcome: 'applied', error: null },
        { action: 'create-key', name: 'another', outcome: 'applied', error: null },
      ],
    },
  },
  { line: 'keys create another', passedOn, holds: { name: 'another', apiKey: wholeSecret } },
  { line: 'keys create another --pool kimi26', holds: { name: 'another', apiKey: wholeSecret } },
  { line: 'keys create another --pool glm5', code: 6 },
  { line: 'keys create another --subscription SUBSCRIPTION', holds: { apiKey: wholeSecret } },
  { line: 'keys create another --subscription nothing', code: 5 },
  { line: 'keys create another --credit --max-budget 25.5 --rpm 10', holds: { apiKey: wholeSecret } },
  { line: 'keys create another --save .env', holds: { apiKey: maskedSecret, variable: 'CHEAPESTINFERENCE_API_KEY' } },
  { line: 'keys create another --ensure', passedOn, holds: { name: 'another', apiKey: wholeSecret } },
  { line: 'keys create prod --ensure --fields id,name', holds: { name: 'prod' } },
  { line: 'keys create prod --ensure --reveal', holds: { name: 'prod', apiKey: wholeSecret } },
  { line: 'keys create prod --ensure --save .env', holds: { apiKey: maskedSecret } },
  { line: 'keys rotate prod --save .env --yes', holds: { name: 'prod', apiKey: maskedSecret } },
  { line: 'keys rotate prod --store --overlap 1h --yes', holds: { name: 'prod', apiKey: maskedSecret } },
  { line: 'keys rotate --pool kimi26 --store --yes', holds: { rotated: [{ name: 'prod' }], failed: [] } },
  { line: 'keys rotate nobody --store --yes', code: 5 },
  { line: 'keys rotate --resume', holds: { rotated: [], failed: [] } },
  { line: 'keys delete prod --yes', holds: { name: 'prod', deleted: true } },
  { line: 'keys delete prod client-acme --yes', holds: { deleted: [{ name: 'prod' }, { name: 'client-acme' }] } },
  { line: 'keys delete nobody --yes', code: 5 },
  { line: 'billing topup 50', passedOn, holds: { sessionUrl: expect.stringContaining('/sandbox/pay/') } },
  { line: 'billing topup 50 --method usdc', passedOn, holds: { address: expect.stringMatching(/^0x/), amount: 50 } },
  { line: `billing verify ${finalHash} --amount 50`, passedOn, holds: { credited: 50, balance: 75 } },
  { line: `billing verify ${freshHash} --amount 50`, code: 6 },
  { line: `billing verify ${finalHash} --amount 49`, code: 1 },
  { line: 'billing card', holds: { url: expect.stringContaining('/sandbox/card/') } },
  { line: 'billing subscribe standard --yes', passedOn, holds: { subscriptionId: 'sub_7', status: 'active' } },
  { line: 'billing subscribe pro --yes', code: 6 },
  { line: 'billing checkout standard', holds: { sessionUrl: 'https://checkout.stripe.com/c/pay/cs_test_7' } },
  { line: 'billing checkout pro', code: 6 },
  { line: 'billing cancel SUBSCRIPTION --yes', holds: { canceled: true } },
  { line: 'billing cancel nothing --yes', code: 5 },
  { line: 'auth login --with-key --profile work', stdin: managementKey, holds: { profile: 'work' } },
  { line: 'login --with-key --profile work', stdin: managementKey, holds: { profile: 'work' } },
];

/** Returns the output of a command in a form that can be compared between users. */
async function outputOf({ line, stdin = '', killed, after }: TestedCommand, customer: Customer) {
  const { api, me, subscriptionId } = customer;
  if (killed !== undefined) {
    const running = me.start(killed);
    await api.unanswered;
    running.kill('SIGKILL');
    expect(await running.ended).toMatchObject({ code: null, signal: 'SIGKILL', stdout: '', stderr: '' });
  }
  if (after !== undefined) {
    expect(await me.ci(after.replace('SUBSCRIPTION', subscriptionId))).toMatchObject({ code: 0 });
  }
  const words = `${line.replace('SUBSCRIPTION', subscriptionId)} --json`;
  const { code, stdout, stderr } = await me.ci(words, { stdin });
  return { code, stdout: anonymous(stdout, customer), raw: stdout, stderr };
}

/** Checks a JSON value: lists member by member, objects by the fields that are named. */
function expectHeld(value: unknown, expected: unknown): void {
  expect({ value }).toMatchObject({ value: expected });
}

describe.each(generations)('an API with %s responses', (generation) => {
  const cases = [...reads, ...changes].map((each) => [each.line, each] as const);

  test.each(cases)('supports ci %s', async (_line, command) => {
    const { code = 0, holds } = command;
    const customer = await customerOf(generation);
    const [now, here] = await Promise.all([
      customerOf('current').then((each) => outputOf(command, each)),
      outputOf(command, customer),
    ]);
    expect([here.code, now.code]).toEqual([code, code]);
    if (code !== 0 && code !== 3) {
      expect([here.stdout, now.stdout]).toEqual(['', '']);
      const same = command.stated && generation === 'documented' ? ['code', 'outcome', 'retryable'] : traits;
      const [error, before] = [errorOf(here), errorOf(now)];
      expect(same.map((name) => at(error, name))).toEqual(same.map((name) => at(before, name)));
      return;
    }
    expectHeld(JSON.parse(here.raw), holds);
    const left = unstated[generation].map((name) => `${name}: absent`);
    const added = generation === 'bare' ? [`${introducedLater}: added`] : [];
    const guessed = generation === 'documented' && command.stated ? estimates.map((name) => `${name}: changed`) : [];
    const allowed = [...left, ...added, ...guessed];
    const found = differences(JSON.parse(now.stdout), JSON.parse(here.stdout));
    expect(found.filter((each) => !allowed.includes(each))).toEqual([]);
    if (generation === 'bare' && command.passedOn) expect(here.stdout).toContain(introducedLater);
  });

  test.each([
    ['pools subscriptions', 0, []],
    ['keys list', 0, []],
    ['usage', 0, []],
    ['billing status', 0, { creditBalance: 25 }],
    ['status', 0, { subscriptions: [], keys: 0, problems: [] }],
    ['pools subscribe kimi26 --blocks europe --yes', 8, 'no_payment_method'],
    ['keys create prod', 1, 'invalid_request'],
    ['pools cancel kimi26 --yes', 5, 'not_found'],
  ])('makes ci %s exit with %d for a new user', async (line, code, expected) => {
    const { me } = await newcomerOf(generation);
    const ended = await me.ci(`${line} --json`);
    expect(ended.code).toBe(code);
    if (code === 0) expectHeld(json(ended), expected);
    else expect([ended.stdout, at(errorOf(ended), 'code')]).toEqual(['', expected]);
  });

  test('prints responses unchanged with ci api', async () => {
    const { api, me } = await customerOf(generation);
    for (const path of ['/api/keys', '/api/billing/status', '/v1/usage']) {
      const { code, stdout } = await me.ci(`api GET ${path}`);
      const key = path.startsWith('/v1') ? (me.env.CHEAPESTINFERENCE_API_KEY ?? '') : managementKey;
      const direct = await fetch(api.url + path, { headers: { Authorization: `Bearer ${key}` } });
      expect([path, code, stdout]).toEqual([path, 0, await direct.text()]);
    }
    const posted = await me.ci('api POST /api/keys/credit -f name=raw --yes');
    expect([posted.code, secret.test(posted.stdout)]).toEqual([0, true]);
    const missing = await me.ci('api GET /api/pools/kimi27');
    expect(missing).toMatchObject({ code: 5, stdout: '', stderr: 'ci: Pool not found.\n' });
  });

  test('serves a gateway', async () => {
    const { me } = await customerOf(generation);
    await me.ci('keys create stored --pool kimi26 --store');
    const gateway = await serveGateway(me);
    expect((await gateway.chat()).status).toBe(200);
    expect(await gateway.next('request')).toMatchObject({ key: 'stored', pool: 'kimi26', model: 'kimi-k2.6' });
    expect(JSON.parse((await gateway.get('/status')).text)).toMatchObject({
      seats: [{ hours: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], state: 'free' }],
    });
  });

  test("exits with 4 and the server's message if the key is refused", async () => {
    const { api } = await newcomerOf(generation);
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_revoked_0123456789' });
    for (const line of ['billing status', 'keys list', 'keys create prod', 'pools subscriptions', 'status']) {
      const { code, stdout, stderr } = await me.ci(line);
      expect([line, code, stdout]).toEqual([line, 4, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain('Invalid management key');
    }
  });

  test('buys the same, whatever the response says about it', async () => {
    const { api, box, me } = await customerOf(generation);
    await me.ci('pools subscribe kimi26 --blocks europe --quantity 2 --create-key seat --yes');
    expect(api.changes).toEqual([
      'POST /api/pools/kimi26/subscribe',
      'POST /api/keys/subscription',
      'POST /api/keys/subscription',
    ]);
    const charges = listAt(await box.seen(), 'charges');
    expect(charges.slice(-2)).toMatchObject([{ amount: '49.00' }, { amount: '49.00' }]);
  });
});

describe('a price', () => {
  const stated = { monthlyPrice: 49, charge: 49, chargeAtMost: 49, exact: true };
  const summed = { monthlyPrice: 49.04, charge: 49.04, chargeAtMost: 49.08, exact: false };
  const statedYear = { monthlyPrice: 147, charge: 1499.4, chargeAtMost: 1499.4, exact: true };
  const summedYear = { monthlyPrice: 147.12, charge: 1500.62, chargeAtMost: 1501.85, exact: false };

  test.each([
    ['current', stated, statedYear],
    ['documented', summed, summedYear],
    ['bare', stated, statedYear],
  ] as const)('in %s responses is exact only if it is stated', async (generation, month, year) => {
    const { me } = await customerOf(generation);
    expect(json(await me.ci('pools quote kimi26 --blocks europe --json'))).toMatchObject(month);
    const line = 'pools quote kimi26 --blocks europe --quantity 3 --billing-cycle year --json';
    expect(json(await me.ci(line))).toMatchObject(year);
  });

  test.each([
    ['current', '48.99', 8],
    ['current', '49', 0],
    ['bare', '48.99', 8],
    ['bare', '49', 0],
    ['documented', '49', 8],
    ['documented', '49.03', 8],
    ['documented', '49.04', 8],
    ['documented', '49.07', 8],
    ['documented', '49.08', 0],
  ] as const)('in %s responses is compared with --max-price %s by its upper bound', async (generation, limit, code) => {
    const { api, me } = await customerOf(generation);
    const ended = await me.ci(`pools subscribe kimi26 --blocks europe --max-price ${limit} --yes`);
    expect([ended.code, api.changes.length]).toEqual([code, code === 0 ? 1 : 0]);
    if (code === 0) return;
    expect(ended.stderr).toMatch(oneLine);
    expect(ended.stderr).toContain(generation === 'documented' ? 'about $49.04 (at most $49.08)' : '$49.00');
  });

  const perGeneration: readonly (readonly [Generation, RegExp, RegExp])[] = [
    ['current', /europe .*\$49\.00/, /Due today +\$49\.00$/m],
    ['documented', /europe .*about \$49\.04/, /Due today +about \$49\.04 \(at most \$49\.08\)$/m],
    ['bare', /europe .*\$49\.00/, /Due today +\$49\.00$/m],
  ];

  test.each(perGeneration)('in %s responses is shown with its precision', async (generation, view, quote) => {
    const { me } = await customerOf(generation);
    const seen = await shown(me, 'pools view kimi26');
    const quoted = await shown(me, 'pools quote kimi26 --blocks europe');
    expect([seen.code, quoted.code]).toEqual([0, 0]);
    expect(seen.screen).toMatch(view);
    expect(quoted.screen).toMatch(quote);
    if (generation !== 'documented') expect(seen.screen + quoted.screen).not.toContain('about');
  });
});

test('runs every command that uses the API against each generation', async () => {
  const ran = [...reads, ...changes].map(({ line }) => line);
  // The tests of those that pay have a chain. To stop a gateway makes no request to the API.
  const paying = ['agent subscribe', 'agent topup', 'agent claim'];
  const others = ['api', 'setup', ...paying, 'gateway', 'gateway stop'];
  const notRun = (await commandsOfTheApi(user())).filter(
    (path) => !others.includes(path) && !ran.some((line) => line === path || line.startsWith(`${path} `)),
  );
  expect(notRun).toEqual([]);
});
