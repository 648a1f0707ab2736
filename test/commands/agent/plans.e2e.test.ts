import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { cells, json, oneLine, sandboxUser, user, userOf } from '../../support/cli.ts';
import { csvRows } from '../../support/csv.ts';
import { errorOf } from '../../support/lost.ts';
import { at } from '../../support/sandbox.ts';
import { answer, type Behavior, data, deadUrl, recordedSandbox, server, webPage } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const payTo = '0x5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1';
const onBase = { network: 'base', asset: 'USDC', payTo };
const kimi = {
  type: 'subscription',
  pool: 'kimi26',
  name: 'Kimi K2.6',
  models: ['kimi-k2.6'],
  currency: 'USDC',
  duration: '30 days',
  blocks: [
    { block: 'asia', hoursUtc: '00:00-08:00 UTC', priceUsdc: '39.00', availableSeats: 7 },
    { block: 'europe', hoursUtc: '08:00-16:00 UTC', priceUsdc: 49.5, availableSeats: '0', more: true },
  ],
  more: { kept: ['as', 'it', 'is'] },
};
const credit = { type: 'credits', minAmount: '10.00', description: 'Never expires' };
const products = [kimi, credit];
/** The products as JSON has them. */
const printed = [
  {
    ...kimi,
    blocks: [
      { ...kimi.blocks[0], priceUsdc: 39 },
      { ...kimi.blocks[1], availableSeats: 0 },
    ],
  },
  { ...credit, minAmount: 10 },
];

const nested = { error: 'Payment Required', x402: { version: 2, ...onBase, facilitator: 'https://x', products } };
const accepting = {
  x402Version: 1,
  error: 'Payment Required',
  accepts: [{ scheme: 'exact', ...onBase, maxTimeoutSeconds: 300, extra: { name: 'CheapestInference', products } }],
};
const forms = [
  ['nested', nested],
  ['nested, in an envelope', { success: true, data: nested }],
  ['of version 1', accepting],
  ['of version 1, in an envelope', { success: true, data: accepting }],
  ['of version 1, nested', { error: 'Payment Required', x402: { version: 1, accepts: accepting.accepts } }],
] as const;

/** Responds to requests for the list of plans in one way, and to other requests in another. */
function split(plans: Behavior, others: Behavior): Behavior {
  return (request, response) => (request.path === '/api/agent/plans' ? plans : others)(request, response);
}

/** Returns a catalog whose only product is this one. */
function selling(product: unknown): Behavior {
  return answer(200, { x402: { ...onBase, products: [product] } });
}

describe.each(forms)('a catalog %s', (_form, body) => {
  test('is printed as JSON, with numbers as numbers and unknown fields', async () => {
    const api = await server(answer(200, body));
    expect(json(await userOf(api).ci('agent plans --json'))).toEqual(printed);
    expect(api.requests).toEqual(['GET /api/agent/plans']);
  });

  test('is read from the 402 response to an inference request if the API has no list of plans', async () => {
    const api = await server(split(answer(404, { success: false, error: 'Not found' }), answer(402, body)));
    const { code, stdout, stderr } = await userOf(api).ci('agent plans --json');
    expect([code, stderr, JSON.parse(stdout)]).toEqual([0, '', printed]);
    expect(api.requests).toEqual(['GET /api/agent/plans', 'GET /v1/models']);
  });
});

describe("a list of plans that isn't a catalog", () => {
  test.each([
    ['an empty list', data([])],
    ['a web page', webPage(200)],
    ['a web page with 404', webPage(404)],
    ['nothing', answer(200, '')],
    ['a request for a key', answer(401, { success: false, error: 'Missing management key' })],
  ])('is replaced by the catalog of an inference request (%s)', async (_what, plans) => {
    const api = await server(split(plans, answer(402, nested)));
    expect(json(await userOf(api).ci('agent plans --json'))).toEqual(printed);
  });

  test('is reported if an inference request gets no catalog either', async () => {
    const me = userOf(await server(split(data([]), data([{ id: 'kimi-k2.6' }]))));
    expect(await me.ci('agent plans')).toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        "ci: The API didn't return a list of what you can buy with USDC. Check the API URL with `ci auth status`.\n",
    });
    const page = userOf(await server(split(webPage(200), answer(404, { error: 'Not found' }))));
    expect(errorOf(await page.ci('agent plans --json'))).toMatchObject({
      code: 'unexpected_response',
      message: 'The response to GET /api/agent/plans is a web page, not JSON',
    });
  });
});

describe('the keys of the user', () => {
  const keys = {
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests_0123456789abcdef',
    CHEAPESTINFERENCE_API_KEY: `sk_live_${'a'.repeat(32)}`,
  };

  test.each([
    ['in the environment', keys],
    ['absent', {}],
    ['invalid', { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'sk_not_a_management_key' }],
  ])('are not sent, and not needed (%s)', async (_where, env) => {
    const api = await server(split(answer(404, {}), answer(402, nested)));
    const { code, stderr } = await user(env).ci(`agent plans --api-url ${api.url}`);
    expect([code, stderr]).toEqual([0, '']);
    expect(api.received.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/api/agent/plans', undefined],
      ['/v1/models', undefined],
    ]);
    for (const { headers, path } of api.received) expect(JSON.stringify([headers, path])).not.toMatch(/[ms]k_/);
  });

  test('are not sent if they are saved, even for another API', async () => {
    const api = await recordedSandbox();
    const me = user();
    const login = `auth login --with-key --api-url ${api.url}`;
    expect((await me.ci(login, { stdin: keys.CHEAPESTINFERENCE_MANAGEMENT_KEY })).code).toBe(0);
    const other = await server(answer(200, nested));
    for (const [to, url] of [
      [api, api.url],
      [other, other.url],
    ] as const) {
      expect((await me.ci(`agent plans --api-url ${url}`)).code).toBe(0);
      expect(to.received.at(-1)).toMatchObject({ path: '/api/agent/plans' });
      expect(to.received.at(-1)?.headers).not.toHaveProperty('authorization');
    }
  });
});

describe('without a terminal', () => {
  const fields =
    'type,pool,name,duration,asia.hoursUtc,asia.priceUsdc,asia.availableSeats,europe.hoursUtc,europe.priceUsdc,europe.availableSeats,americas.hoursUtc,americas.priceUsdc,americas.availableSeats,price,minAmount';
  const asia = ['00:00-08:00 UTC', '39.00', '7'];
  const europe = ['08:00-16:00 UTC', '49.50', '0'];
  const rows = [
    ['subscription', 'kimi26', 'Kimi K2.6', '30 days', ...asia, ...europe, '', '', '', '', ''],
    ['credits', '', '', '', '', '', '', '', '', '', '', '', '', '', '10.00'],
  ];

  test('prints a line per product, without a header', async () => {
    const { code, stdout, stderr } = await userOf(await server(answer(200, nested))).ci('agent plans');
    expect([code, stderr, cells(stdout)]).toEqual([0, '', rows]);
  });

  test('prints CSV, YAML, fields and what jq filters', async () => {
    const me = userOf(await server(answer(200, nested)));
    expect(csvRows((await me.ci('agent plans -o csv')).stdout)).toEqual([fields.split(','), ...rows]);
    expect(parseYaml((await me.ci('agent plans -o yaml')).stdout)).toEqual(printed);
    expect((await me.ci('agent plans --fields pool,minAmount')).stdout).toBe('kimi26\t\n\t10.00\n');
    expect(json(await me.ci('agent plans --fields pool,more --json'))).toEqual([
      { pool: 'kimi26', more: kimi.more },
      { pool: null, more: null },
    ]);
    expect((await me.ci(['agent', 'plans', '--jq', '.[0].blocks[].priceUsdc'])).stdout).toBe('39\n49.5\n');
  });

  test('prints an empty list', async () => {
    const me = userOf(await server(answer(200, { x402: { ...onBase, products: [] } })));
    expect(await me.ci('agent plans')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await me.ci('agent plans --json')).stdout).toBe('[]\n');
    expect(await me.ci('agent plans -o table')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: "You can't buy anything with USDC at the moment.\n",
    });
  });

  test('lists a plan of an older catalog with its price', async () => {
    const plan = { type: 'subscription', plan: 'pro', name: 'Pro', price: '60', duration: '30 days' };
    const me = userOf(await server(selling(plan)));
    expect(cells((await me.ci('agent plans')).stdout)).toEqual([
      ['subscription', 'pro', 'Pro', '30 days', '', '', '', '', '', '', '', '', '', '60.00', ''],
    ]);
    expect((await me.ci('agent plans -o table')).stdout).toBe(
      'POOL  BLOCK  HOURS (UTC)   USDC  SEATS  DURATION  MODELS\npro                       60.00         30 days\n',
    );
  });
});

describe('on a terminal', () => {
  const table = (width: number) => [
    `POOL    BLOCK   HOURS (UTC)   USDC     SEATS  DURATION${width < 80 ? '' : '  MODELS'}`,
    `kimi26  asia    00:00–08:00  39.00         7  30 days${width < 80 ? '' : '   kimi-k2.6'}`,
    `kimi26  europe  08:00–16:00  49.50  sold out  30 days${width < 80 ? '' : '   kimi-k2.6'}`,
    '',
    'Credit: 10.00 USDC or more',
  ];

  test.each([60, 80, 120])('shows a table in %d columns', async (columns) => {
    const me = userOf(await server(answer(200, nested)));
    const { code, rows } = await shown(me, 'agent plans', { columns });
    expect([code, rows]).toEqual([0, [...table(columns), '']]);
  });

  test('shows a record per block in 40 columns', async () => {
    const { rows } = await shown(userOf(await server(answer(200, nested))), 'agent plans', { columns: 40 });
    expect(rows.slice(0, 9)).toEqual([
      'POOL         kimi26',
      'BLOCK        asia',
      'HOURS (UTC)  00:00–08:00',
      'USDC         39.00',
      'SEATS        7',
      'DURATION     30 days',
      'MODELS       kimi-k2.6',
      '',
      'POOL         kimi26',
    ]);
    expect(rows.at(-2)).toBe('Credit: 10.00 USDC or more');
  });

  test.each([40, 60, 80, 120])('fits %d columns, whatever the catalog', async (columns) => {
    const models = Array.from({ length: 12 }, (_, index) => `a-model-with-a-long-name-${index}`);
    const many = [kimi, { ...kimi, pool: 'a-pool-with-a-name', models }, { ...kimi, blocks: [] }, { type: 'credits' }];
    const api = await server(answer(200, { x402: { ...onBase, products: many } }));
    const { code, rows } = await shown(userOf(api), 'agent plans', { columns });
    expect(code).toBe(0);
    expect(rows.filter((row) => row.length > columns && !row.includes('a-model-with-a-long-name'))).toEqual([]);
    expect(rows).toContain('Credit: unknown minimum');
  });

  test('shows credit alone, the hours of a block that the API leaves out, and others as they are', async () => {
    const alone = await shown(userOf(await server(selling(credit))), 'agent plans');
    expect(alone.rows).toEqual(['Credit: 10.00 USDC or more', '']);
    const blocks = [
      { block: 'americas', priceUsdc: 45 },
      { block: 'night', hoursUtc: 'at night', priceUsdc: '1.000001' },
    ];
    const { rows } = await shown(userOf(await server(selling({ ...kimi, blocks }))), 'agent plans');
    expect(rows.slice(1)).toEqual([
      'kimi26  americas  16:00–24:00     45.00         30 days   kimi-k2.6',
      'kimi26  night     at night     1.000001         30 days   kimi-k2.6',
      '',
    ]);
  });
});

describe('the sandbox', () => {
  test('sells blocks and credit, embedded and on a port', async () => {
    const { code, stdout, stderr } = await user().ci('agent plans --sandbox --json');
    expect([code, stderr]).toEqual([0, '']);
    const list: unknown = JSON.parse(stdout);
    expect([0, 1, 2, 3].map((index) => at(list, index, 'pool') ?? at(list, index, 'type'))).toEqual([
      'kimi26',
      'minimax-m3',
      'glm5',
      'credits',
    ]);
    expect(at(list, 0, 'blocks')).toEqual([
      { block: 'asia', hoursUtc: '00:00-08:00 UTC', priceUsdc: 39, availableSeats: 7 },
      { block: 'europe', hoursUtc: '08:00-16:00 UTC', priceUsdc: 49, availableSeats: 8 },
      { block: 'americas', hoursUtc: '16:00-24:00 UTC', priceUsdc: 45, availableSeats: 6 },
    ]);
    const api = await recordedSandbox();
    expect(at(json(await userOf(api).ci('agent plans --json')), 0, 'blocks')).toEqual(at(list, 0, 'blocks'));
    expect(api.requests).toEqual(['GET /api/agent/plans']);
  });

  test('shows what is sold out', async () => {
    const { rows } = await shown(sandboxUser(), 'agent plans');
    expect(rows).toContainEqual(expect.stringMatching(/^minimax-m3 +americas +16:00–24:00 +45\.00 +sold out +30 days/));
  });
});

describe("a catalog that can't be paid", () => {
  test.each([
    ['another token', { asset: 'DAI' }, 'The API asks for payment in "DAI", not in USDC.'],
    ['another chain', { network: 'base-sepolia' }, 'The API asks for payment on "Base Sepolia", not on Base.'],
  ])('is refused: %s', async (_what, change, message) => {
    const me = userOf(await server(answer(200, { x402: { ...nested.x402, ...change } })));
    expect(await me.ci('agent plans')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `ci: ${message} Check the API URL with \`ci auth status\`.\n`,
    });
  });

  test("is refused: a price that isn't above zero", async () => {
    const blocks = [{ ...kimi.blocks[0], priceUsdc: '-39.00' }];
    for (const behavior of [
      selling({ ...kimi, blocks }),
      split(
        answer(404, {}),
        answer(402, { x402Version: 1, accepts: [{ ...onBase, products: [{ ...kimi, blocks }] }] }),
      ),
    ]) {
      const me = userOf(await server(behavior));
      expect(await me.ci('agent plans')).toMatchObject({
        code: 1,
        stdout: '',
        stderr:
          'ci: The API returned "-39.00" as the price of asia of kimi26. A price is an amount above zero, with at most 6 decimals. Check the API URL with `ci auth status`.\n',
      });
      expect(errorOf(await me.ci('agent plans --json'))).toMatchObject({
        code: 'unexpected_response',
        retryable: false,
        outcome: null,
      });
    }
  });

  test('is refused without control sequences on a terminal', async () => {
    const odd = { ...kimi, pool: 'a\u001b[2Jb', blocks: [{ ...kimi.blocks[0], priceUsdc: '\u001b]0;x\u0007' }] };
    const { code, written } = await shown(userOf(await server(selling(odd))), 'agent plans --no-color');
    expect(code).toBe(1);
    expect(written).not.toMatch(/\u001b|\u0007/);
  });
});

test.each(['agent plans kimi26', 'agent plans --blocks asia', 'agent plan', 'agent plans -o xml'])(
  'exits with 2 and sends nothing: ci %s',
  async (line) => {
    const api = await server(answer(200, nested));
    const { code, stdout, stderr } = await userOf(api).ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  },
);

test('exits with 9 if the API is unreachable, and with 1 after a server error', async () => {
  expect((await userOf({ url: deadUrl }).ci('agent plans')).code).toBe(9);
  const api = await server(answer(500, { error: 'Down' }));
  const { code, stderr } = await userOf(api).ci('agent plans');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^ci: Down\./)]);
  expect(new Set(api.requests)).toEqual(new Set(['GET /api/agent/plans']));
});

test('`ci agent` lists its commands', async () => {
  const { code, stdout, stderr } = await user().ci('agent');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Buy with USDC on Base, without an account');
  expect(stdout).toMatch(/^ {2}plans +List what you can buy with USDC$/m);
});
