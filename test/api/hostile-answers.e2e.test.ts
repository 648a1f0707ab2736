import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, json, oneLine, type User, userOf } from '../support/cli.ts';
import { ciHere } from '../support/in-process.ts';
import { errorOf } from '../support/lost.ts';
import { nodeOnly } from '../support/program.ts';
import { at, listAt } from '../support/sandbox.ts';
import {
  answer,
  appliedThen,
  type Behavior,
  data,
  type RecordingServer,
  recordedSandbox,
  server,
} from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

/** Placeholders for values that JSON.stringify can't write. */
const [amount, count, moment, anything] = ['@amount', '@count', '@moment', '@anything'];

interface Odd {
  readonly amount?: string;
  readonly count?: string;
  readonly moment?: string;
  readonly anything?: string;
}

/** Returns JSON as sent on the wire, with the given odd values and valid ones for the rest. */
function onWire(value: unknown, odd: Odd): string {
  const all = { amount: '"49.00"', count: '7', moment: '"2026-05-14T09:00:00.000Z"', anything: '{}', ...odd };
  return Object.entries(all).reduce(
    (text, [name, written]) => text.replaceAll(`"@${name}"`, () => written),
    JSON.stringify(value),
  );
}

const clock = 'Tue, 14 Apr 2026 09:00:00 GMT';
const hours = Array.from({ length: 8 }, (_, index) => index + 8);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** An offer of blocks and credit. Its prices are valid, as the others are refused. */
const catalog = {
  version: 2,
  network: 'base',
  asset: 'USDC',
  payTo: '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1',
  products: [
    {
      type: 'subscription',
      pool: 'kimi26',
      blocks: [{ block: 'asia', priceUsdc: '39.00', availableSeats: count }],
      more: anything,
    },
    { type: 'credits', minAmount: '10.00', until: moment },
  ],
};

/** The responses of an account. */
const account: Readonly<Record<string, unknown>> = {
  'GET /api/pools': [
    {
      id: 'p1',
      slug: 'kimi26',
      modelId: 'kimi-k2.6',
      status: 'active',
      totalSlots: count,
      minPricePerDay: amount,
      annualDiscount: 0.15,
      infraSpec: anything,
      blocks: ['asia', 'europe', 'americas'].map((block) => ({ block, pricePerMonth: amount, status: 'available' })),
    },
  ],
  'GET /api/pools/kimi26': {
    id: 'p1',
    slug: 'kimi26',
    status: 'active',
    totalSlots: count,
    annualDiscount: 0.15,
    infraSpec: anything,
    hourSlots: hours.map((hour) => ({ hour, slotIndex: 0, pricePerDay: amount, status: 'available' })),
  },
  'GET /api/pools/kimi26/my-subscriptions': [
    {
      id: 's1',
      status: 'active',
      monthlyPrice: amount,
      billingCycle: 'month',
      cancelAtPeriodEnd: true,
      currentPeriodEnd: moment,
      hours: hours.map((hour) => ({ hour, slotIndex: 0, pricePerDay: amount })),
      key: null,
    },
    { id: 's2', status: 'pending_key', billingCycle: 'year', currentPeriodEnd: moment, more: anything },
  ],
  'GET /api/keys': [
    {
      id: 'k1',
      name: 'one',
      keyType: 'credit',
      maxBudget: amount,
      rpm: count,
      tpm: count,
      createdAt: moment,
      lastUsedAt: moment,
      more: anything,
    },
  ],
  'GET /api/usage': [
    {
      id: 'k1',
      name: 'one',
      createdAt: moment,
      usage: { last24h: { requests: count, tokens: count, promptTokens: count, completionTokens: count } },
      subscription: { status: 'active', expiresAt: moment },
      more: anything,
    },
    { id: 'k2', name: 'two', usage: { last24h: { requests: 1, tokens: 1 } } },
  ],
  'GET /v1/usage': {
    budget: { spent: amount, limit: amount, resets_at: moment },
    rate_limits: { rpm: count, tpm: count },
    plan: { slug: 'p', expires_at: moment },
    credits: { balance: amount },
    more: anything,
  },
  'GET /api/billing/status': {
    status: 'active',
    plan: anything,
    creditBalance: amount,
    subscriptionExpiresAt: moment,
    poolPledges: [{ id: 's1', poolId: 'p1', poolSlug: 'kimi26', status: 'active', currentPeriodEnd: moment }],
  },
  'GET /api/billing/credits': { totalTopUp: amount, remaining: amount, creditKeyCount: count, more: anything },
  'GET /api/plans': [
    { slug: 'pro', name: 'Pro', priceUsdc: amount, rateLimits: { tpm_limit: count, rpm_limit: count }, more: anything },
  ],
  'GET /api/agent/plans': { x402: catalog },
};

/** Creates an account with odd values. */
function accountWith(odd: Odd, date = clock): Promise<RecordingServer> {
  return server((request, response) => {
    const found = account[`${request.method} ${request.path}`];
    const body = onWire({ success: true, data: found ?? null }, odd);
    return answer(found === undefined ? 404 : 200, body, { Date: date })(request, response);
  });
}

const reads = [
  'pools list',
  'pools view kimi26',
  'pools subscriptions',
  'keys list',
  'status',
  'status --check',
  'usage --refresh',
  'billing status',
  'billing credits',
  'plans list',
  'agent plans',
];

/** Checks that the response is either shown, or refused as unexpected. */
function expectReadable(line: string, { code, stderr }: Pick<Ended, 'code' | 'stderr'>, isShown: boolean): void {
  const errors = stderr.split('\n').filter((each) => /^(?:ci: |\{"error")/.test(each));
  const isRefused = !isShown && code === 1;
  if (!isRefused) expect([line, code, errors]).toEqual([line, line === 'status --check' ? code : 0, []]);
  else expect([line, errors]).toEqual([line, [expect.stringMatching(refusal)]]);
}

const refusal =
  /^(?:ci: |\{"error":\{"code":"unexpected_response",.*)(?:The response to .* has an unexpected format \(|The response to GET .* (?:is nested|contains a string) )/;

const oddValues: readonly (readonly [string, Odd, 'shown' | 'refused'])[] = [
  ['an amount of 1.23456e-99', { amount: '1.23456e-99' }, 'shown'],
  ['an amount of 5e-324', { amount: '5e-324' }, 'shown'],
  ['an amount of 1e308', { amount: '1e308' }, 'refused'],
  ['an amount of 1e999', { amount: '1e999' }, 'refused'],
  ['an amount below nothing', { amount: '-49' }, 'shown'],
  ['an amount of minus nothing', { amount: '-0' }, 'shown'],
  ['an amount of 150 zeros', { amount: `1${'0'.repeat(150)}` }, 'refused'],
  ['an amount of 150 zeros in a text', { amount: `"1${'0'.repeat(150)}"` }, 'refused'],
  ['an amount with 150 zeros after its point', { amount: `"0.${'0'.repeat(150)}1"` }, 'shown'],
  ['an amount of a million digits', { amount: `"${'9'.repeat(1_000_000)}"` }, 'refused'],
  ['an amount of NaN', { amount: '"NaN"' }, 'refused'],
  ['an amount of Infinity', { amount: '"Infinity"' }, 'refused'],
  ['the largest amount that is exact', { amount: '90071992547409.91' }, 'refused'],
  ['an amount of ten billion', { amount: '1e10' }, 'shown'],
  ['an amount that is an object', { amount: '{"usd":49}' }, 'refused'],
  ['a count of 1e308', { count: '1e308' }, 'shown'],
  ['a count of 5e-324', { count: '5e-324' }, 'shown'],
  ['a count below nothing', { count: '-7' }, 'shown'],
  ['a count of 400 digits', { count: `"${'9'.repeat(400)}"` }, 'refused'],
  ['a count of NaN', { count: '"NaN"' }, 'refused'],
  ['the last moment there is', { moment: '"+275760-09-13T00:00:00.000Z"' }, 'shown'],
  ['a moment past it', { moment: '"+275760-09-13T00:00:00.001Z"' }, 'shown'],
  ['the first moment there is', { moment: '"-271821-04-20T00:00:00.000Z"' }, 'shown'],
  ['a moment of the year 275760 in words', { moment: '"Sat, 13 Sep 275760 00:00:00 GMT"' }, 'shown'],
  ['a moment of 400 digits', { moment: `"${'9'.repeat(400)}"` }, 'shown'],
  ['a moment that is a number', { moment: '8640000000000000' }, 'refused'],
  ['JSON nested 90 deep', { anything: nested(90) }, 'shown'],
  ['JSON nested 100,000 deep', { anything: nested(100_000) }, 'refused'],
  ['a text of a mebibyte', { anything: `"${'x'.repeat(2 ** 20)}"` }, 'shown'],
  ['a text of two', { anything: `"${'x'.repeat(2 ** 21)}"` }, 'refused'],
  ['a number of 1e999', { anything: '1e999' }, 'shown'],
];

describe('a response', () => {
  test.each(oddValues)('with %s is shown, or refused with a message', async (_what, odd, outcome) => {
    const api = await accountWith(odd);
    for (const line of reads) {
      for (const format of ['', ' -o table', ' -o csv', ' -o yaml', ' --json']) {
        const ended = await ciHere(line + format, api);
        expectReadable(line, ended, outcome === 'shown');
      }
    }
  });

  test.each([
    ['an amount of 1.23456e-99', { amount: '1.23456e-99' }],
    ['a count of 1e308', { count: '1e308' }],
    ['the last moment there is', { moment: '"+275760-09-13T00:00:00.000Z"' }],
    ['JSON nested 90 deep', { anything: nested(90) }],
  ])('with %s is shown by the installed program, also on a terminal', async (_what, odd) => {
    const me = userOf(await accountWith(odd), { CHEAPESTINFERENCE_API_KEY: 'sk_live_abcdefghijklmnop7890' });
    for (const line of ['pools list', 'pools view kimi26', 'keys list', 'status', 'usage', 'usage --self']) {
      expectReadable(line, await me.ci(line), true);
      const { code, written } = await shown(me, line);
      expect([line, code, written]).toEqual([line, 0, expect.not.stringMatching(/an error|^ci: /)]);
    }
  });

  test('with an amount of 1.23456e-99 is shown with all of its digits', async () => {
    const me = userOf(await accountWith({ amount: '1.23456e-99' }));
    const { code, stdout } = await me.ci('pools list --json');
    expect([code, stdout.match(/"minPricePerDay":([^,]+),/)?.[1]]).toEqual([0, '1.23456e-99']);
    expect((await me.ci('pools list -o table')).stdout).toMatch(/kimi26 .*\$0\.00/);
  });

  test('with the last possible date is shown in years', async () => {
    const me = userOf(await accountWith({ moment: '"+275760-09-13T00:00:00.000Z"' }));
    expect((await me.ci('keys list -o table --fields id,createdAt')).stdout).toMatch(/in 273,7\d\d years/);
  });

  test
    .skipIf(nodeOnly('sets the clock'))
    .each(['Sat, 13 Sep 275760 00:00:00 GMT', 'Sat, 01 Jan 10000 00:00:00 GMT', 'never'])(
    'the clock "%s" is ignored in favor of this machine\'s',
    async (date) => {
      const api = await accountWith({}, date);
      for (const line of reads)
        expectReadable(line, await ciHere(`${line} -o table`, api, { now: () => Date.UTC(2026, 4, 10) }), true);
      const { stdout } = await ciHere('pools subscriptions -o table', api, { now: () => Date.UTC(2026, 4, 10) });
      expect(stdout).toContain('ends in 4 days');
    },
  );

  test('with JSON nested 100,000 deep is reported in a sentence', async () => {
    const me = userOf(await server(answer(200, nested(100_000))));
    const { code, stderr } = await me.ci('pools list');
    expect([code, stderr]).toEqual([
      1,
      'ci: The response to GET /api/pools is nested more than 100 levels deep. Check the API URL and the proxy settings.\n',
    ]);
    expect(errorOf(await me.ci('pools list --json'))).toMatchObject({ code: 'unexpected_response', retryable: false });
  });

  test('with JSON nested 100,000 deep is printed unchanged by ci api', async () => {
    const me = userOf(await server(answer(200, nested(100_000))));
    expect(await me.ci('api GET /api/pools')).toMatchObject({ code: 0, stdout: nested(100_000) });
    expect((await shown(me, 'api GET /api/pools')).code).toBe(0);
  });

  test.each([400, 500])(
    'with an error nested 100,000 deep with status %i is reported by its status',
    async (status) => {
      const body = `${'{"error":'.repeat(100_000)}"deep"${'}'.repeat(100_000)}`;
      const { stderr } = await userOf(await server(answer(status, body))).ci('pools list');
      expect(stderr).toContain(`ci: The API returned ${status} `);
    },
  );

  test('with 200,000 keys is listed', async () => {
    const keys = Array.from({ length: 200_000 }, (_, index) => ({ id: `k${index}` }));
    const me = userOf(await server(data(keys)));
    expect((await me.ci('keys list')).stdout.split('\n')).toHaveLength(200_001);
    const { code, stdout } = await me.ci('usage -o table');
    // Besides the keys: title, blank line, header, total, and the end of the last line.
    expect([code, stdout.split('\n').length]).toEqual([0, 200_005]);
  });
});

describe('a response to a change that went through', () => {
  const subscribe = 'pools subscribe kimi26 --blocks europe --yes';
  const subscription = {
    id: 's',
    status: 'active',
    monthlyPrice: amount,
    hours: hours.map((hour) => ({ hour, pricePerDay: amount })),
  };
  test.each([
    ['with an amount of 1.23456e-99', '1.23456e-99'],
    ['with an amount of 150 zeros', `1${'0'.repeat(150)}`],
    ['with the largest number', '1e308'],
    ['nested 100,000 deep', nested(100_000)],
  ])('%s still counts as a purchase', async (_what, value) => {
    const api = await recordedSandbox({
      instead: ({ method }, box) =>
        method === 'POST' ? appliedThen(box, answer(200, onWire(subscription, { amount: value }))) : undefined,
    });
    const { code, stderr } = await userOf(api).ci(`${subscribe} --json`);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('an error in ci')]);
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
    expect(listAt(await api.box.seen(), 'subscriptions')).toHaveLength(1);
  });

  test('of 1.5 GB still counts as a purchase', async () => {
    const api = await recordedSandbox({
      instead: ({ method }, box) => (method === 'POST' ? appliedThen(box, endless) : undefined),
    });
    const { code, stderr } = await userOf(api).ci(subscribe);
    expect([code, stderr]).toEqual([0, expect.stringContaining('larger than 64 MiB')]);
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
  });

  test('with odd amounts still counts as a top-up', async () => {
    const payment = { address: '0x', chain: 'base', amount: 1.23456e-99, balance: 1e300, credited: -1e300 };
    const { code, stderr } = await userOf(await server(data(payment))).ci('billing topup 50 --method usdc -o table');
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('an error in ci')]);
  });
});

/** Sends 1.5 GB, or less if the reader stops. */
const endless: Behavior = (_request, response) => {
  const chunk = Buffer.alloc(2 ** 20, ' ');
  let left = 1536;
  const more = () => {
    while (!response.destroyed && left > 0) {
      left -= 1;
      if (!response.write(chunk)) return;
    }
    if (left === 0) response.end();
  };
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.on('drain', more);
  more();
};

/** Sends an empty list after 4 MiB of spaces, each in a chunk of its own. */
const crumbs: Behavior = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' });
  response.flushHeaders();
  response.socket?.end(`${'1\r\n \r\n'.repeat(2 ** 22)}2\r\n[]\r\n0\r\n\r\n`);
};

/** Runs a shell command, and returns the peak memory of `ci`, in MiB. */
async function weighed(api: RecordingServer, script: string): Promise<Ended & { readonly peak: number }> {
  const me = userOf(api, { NODE_OPTIONS: `--require ${path.resolve('test/support/memory.cjs')}` });
  const ended = await me.sh(`${script} 3> peak`);
  const peak = Number(readFileSync(path.join(me.home, 'peak'), 'utf8')) / 1024;
  expect(peak).toBeGreaterThan(10);
  return { ...ended, peak };
}

describe('a response of 1.5 GB', () => {
  test.skipIf(nodeOnly('loads a script'))('is refused without using much memory', async () => {
    const { code, stdout, stderr, peak } = await weighed(await server(endless), 'ci pools list --timeout 5m');
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      expect.stringMatching(
        /^ci: Can't read from 127\.0\.0\.1:\d+: the response is larger than 64 MiB\. Check the API URL and the proxy settings\.\n$/,
      ),
    ]);
    expect(peak).toBeLessThan(200);
  });

  test('is refused before it arrives if it is announced', async () => {
    const announced: Behavior = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': String(1.5 * 2 ** 30) });
      response.write('[');
    };
    const api = await server(announced);
    expect(errorOf(await userOf(api).ci('keys list --json --timeout 5m'))).toMatchObject({
      code: 'unexpected_response',
      retryable: false,
    });
    expect(api.requests).toEqual(['GET /api/keys']);
  });
});

test.skipIf(nodeOnly('loads a script'))('uses no more memory for a response byte by byte than its bytes', async () => {
  const { code, stdout, peak } = await weighed(await server(crumbs), 'ci pools list --json --timeout 5m');
  expect([code, stdout]).toEqual([0, '[]\n']);
  expect(peak).toBeLessThan(200);
});

test.each(['9'.repeat(400), '99999999999', 'Sat, 13 Sep 275760 00:00:00 GMT', '-1', 'Infinity'])(
  'ignores a Retry-After of %s',
  async (value) => {
    const api = await server(answer(429, { success: false, error: 'Slow down' }, { 'Retry-After': value }));
    const { code, stderr } = await userOf(api).ci('pools list');
    expect([code, stderr]).toEqual([7, expect.stringContaining('ci: Slow down')]);
    expect(stderr).not.toMatch(/Try again in|Infinity|NaN/);
  },
);

/** The price of a pool as it is sent. */
interface Prices {
  readonly block?: unknown;
  readonly hour?: unknown;
  readonly discount?: unknown;
  readonly status?: string;
}

/** Starts an API that sells europe of one pool at any stated price, and charges $49. */
async function shop(prices: (look: number) => Prices, held: readonly unknown[] = []) {
  let looks = 0;
  const mine: unknown[] = [...held];
  const api = await server((request, response) => {
    const { method, path: asked } = request;
    const name = `${method} ${asked}`;
    if (name === 'GET /api/pools') looks += 1;
    const { block, hour, discount = 0.15, status = 'available' } = prices(looks);
    const pool = {
      id: 'p1',
      slug: 'kimi26',
      status: 'active',
      annualDiscount: discount,
      ...(block !== undefined && { blocks: [{ block: 'europe', pricePerMonth: block, status }] }),
    };
    if (name === 'POST /api/pools/kimi26/subscribe') {
      mine.push({
        id: `s${mine.length}`,
        status: 'active',
        monthlyPrice: '49.00',
        hours: hours.map((each) => ({ hour: each, slotIndex: mine.length })),
      });
      return data(mine.at(-1))(request, response);
    }
    const slots = hours.map((each, index) => ({
      hour: each,
      slotIndex: 0,
      status: status === 'sold-out' ? 'taken' : 'available',
      pricePerDay: Array.isArray(hour) ? hour[index] : hour,
    }));
    const answers: Readonly<Record<string, unknown>> = {
      'GET /api/pools': [pool],
      'GET /api/pools/p1': { ...pool, hourSlots: slots },
      'GET /api/pools/kimi26': { ...pool, hourSlots: slots },
      'GET /api/pools/kimi26/my-subscriptions': mine,
      'GET /api/billing/status': { poolPledges: [{ id: 's', poolId: 'p1', poolSlug: 'kimi26' }] },
      'GET /api/keys': [],
    };
    return data(answers[name])(request, response);
  });
  return { api, me: userOf(api) };
}

/** Implausible prices, and how the error shows them. */
const senseless: readonly (readonly [string, Prices, string])[] = [
  ['nothing', { block: 0 }, '$0.00'],
  ['nothing, as a text', { block: '0.00' }, '$0.00'],
  ['less than nothing', { block: '-49.00' }, '-$49.00'],
  ['a billionth of a dollar', { block: 1e-9 }, '$0.00'],
  ['1.23456e-99 dollars', { block: 1.23456e-99 }, '$0.00'],
  ['99 cents', { block: '0.99' }, '$0.99'],
  ['a cent too much', { block: '100000.01' }, '$100,000.01'],
  ['nothing an hour', { hour: '0.00' }, '$0.00'],
  ['less than nothing an hour', { hour: '-6.13' }, '-$6.13'],
  ['less than nothing in one hour of eight', { hour: [6, 6, 6, 6, 6, 6, 6, '-40.00'] }, '-$40.00'],
];

function refusedAt({ code, stdout, stderr }: Ended, figure: string, api: RecordingServer): void {
  expect([code, stdout, api.changes]).toEqual([1, '', []]);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toContain(' for a seat in europe of kimi26. ');
  expect(stderr).toContain(figure);
  expect(stderr).toContain('A plausible price is $1.00 to $100,000.00 per month. Nothing was charged.');
}

describe.each(senseless)('a price of %s', (_what, prices, figure) => {
  test('is refused by subscribe --max-price', async () => {
    const { api, me } = await shop(() => prices);
    const line = 'pools subscribe kimi26 --blocks europe --yes --max-price 100001';
    refusedAt(await me.ci(line), figure, api);
    expect(errorOf(await me.ci(`${line} --json`))).toMatchObject({
      code: 'unexpected_response',
      outcome: 'not_applied',
    });
    for (const more of [' --ensure', ' --dry-run', ' --quantity 20']) {
      const { code } = await ciHere(line + more, api);
      expect([more, code, api.changes]).toEqual([more, 1, []]);
    }
  });

  test('is refused by watch --subscribe', async () => {
    const { api, me } = await shop(() => prices);
    const line = 'pools watch kimi26 --blocks europe --subscribe --yes --for 10s --interval 1s';
    refusedAt(await me.ci(`${line} --max-price 100001`), figure, api);
  });

  test('is refused under max-monthly-spend', async () => {
    const { api, me } = await shop(() => prices);
    expect((await me.ci('config set max-monthly-spend 200000')).code).toBe(0);
    refusedAt(await me.ci('pools subscribe kimi26 --blocks europe --yes'), figure, api);
  });

  test('is still listed', async () => {
    const { api } = await shop(() => prices);
    for (const line of ['pools list', 'pools list -o table', 'pools view kimi26', 'pools view kimi26 -o table']) {
      const { code, stdout } = await ciHere(line, api);
      expect([line, code, stdout]).toEqual([line, 0, expect.stringContaining('kimi26')]);
    }
  });
});

test.each(['1.00', '100000.00'])('buys at a price of $%s', async (block) => {
  const { api, me } = await shop(() => ({ block }));
  await me.ci('pools subscribe kimi26 --blocks europe --yes --max-price 100000');
  expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
});

describe('a subscription for a year', () => {
  const line = 'pools subscribe kimi26 --blocks europe --billing-cycle year --yes --max-price 10';

  test.each([1, '1', 0.9999])('is refused with a discount of %j', async (discount) => {
    const { api, me } = await shop(() => ({ block: '49.00', discount }));
    const { code, stderr } = await me.ci(line);
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toMatch(
      /a price of \$0\.\d\d per year, with (?:100|99\.99) ?% off for a seat in europe of \S+\. A plausible price is/,
    );
  });

  test.each([-0.5, 1.5, 15, '15%', 1e308])(
    'is refused with a discount of %j in an unexpected format',
    async (discount) => {
      const { api, me } = await shop(() => ({ block: '49.00', discount }));
      const { code, stderr } = await me.ci(line);
      expect([code, api.changes, stderr]).toEqual([1, [], expect.stringContaining('annualDiscount')]);
    },
  );

  test('costs twelve months with a discount of 100%', async () => {
    const { api, me } = await shop(() => ({ block: '49.00', discount: 1 }));
    const { code } = await me.ci('pools subscribe kimi26 --blocks europe --yes --max-price 49');
    expect([code, api.changes.length]).toEqual([0, 1]);
  });
});

describe('a running watch', () => {
  const line = 'pools watch kimi26 --blocks europe --subscribe --yes --max-price 49 --interval 1s --json';

  test('refuses an implausible price and names it, and buys once when the price is plausible again', async () => {
    const { api, me } = await shop((look) => {
      if (look < 3) return { block: '49.00', status: 'sold-out' };
      return { block: look < 5 ? 1e-9 : '49.00' };
    });
    const { code, stdout } = await me.ci(`${line} --for 60s`);
    expect([code, api.changes]).toEqual([0, ['POST /api/pools/kimi26/subscribe']]);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((each): unknown => JSON.parse(each));
    const errors = events.filter((each) => at(each, 'event') === 'error');
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'unexpected_response',
        pool: 'kimi26',
        message: expect.stringContaining('a price of $0.00 per month for a seat'),
      }),
    ]);
    expect(events.filter((each) => at(each, 'event') === 'subscribed')).toHaveLength(1);
  });

  test('buys nothing while the price is implausible', async () => {
    const { api, me } = await shop((look) =>
      look < 2 ? { block: '49.00', status: 'sold-out' } : { block: '-49.00', status: 'available' },
    );
    const { code } = await me.ci(`${line} --for 4s`);
    expect([code, api.changes]).toEqual([6, []]);
  });
});

describe('under max-monthly-spend, a subscription of the account', () => {
  const held = (monthlyPrice: unknown, id: string) => ({ id, status: 'active', monthlyPrice, hours: [] });
  const limited = async (prices: readonly unknown[]): Promise<{ api: RecordingServer; me: User }> => {
    const { api, me } = await shop(
      () => ({ block: '49.00' }),
      prices.map((price, index) => held(price, `h${index}`)),
    );
    expect((await me.ci('config set max-monthly-spend 90')).code).toBe(0);
    return { api, me };
  };

  test.each([
    ['-1000.00', '-$1,000.00'],
    [-0.01, '-$0.01'],
    [0, '$0.00'],
    [1e-9, '$0.00'],
  ])('at %j makes no room for another', async (price, figure) => {
    const { api, me } = await limited(['49.00', price]);
    const { code, stderr } = await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toContain(
      `The API returned a price of ${figure} per month for subscription h1, so max-monthly-spend can't be checked`,
    );
  });

  test('at an absurdly high price leaves no room', async () => {
    const { api, me } = await limited([1e10, 1e10]);
    const { code } = await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect([code, api.changes]).toEqual([8, []]);
  });

  test('at its usual price leaves the rest of the limit', async () => {
    const { api, me } = await limited(['39.00']);
    const { code, stdout } = await me.ci('pools subscribe kimi26 --blocks europe --yes --json');
    expect([code, api.changes.length]).toEqual([0, 1]);
    expect(at(json({ stdout }), 'id')).toBe('s1');
  });
});
