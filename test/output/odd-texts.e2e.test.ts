import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { cells, type User, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { control, driving, long, strange, uncoloured } from '../support/odd-texts.ts';
import { at } from '../support/sandbox.ts';
import { answer, data, type RecordingServer, server } from '../support/servers.ts';
import { enter, onTerminal, shown } from '../support/terminal.ts';

const texts = [...strange, ...driving];
const secretOf = (index: number) => `sk_live_${'xY7-'.repeat(6)}${String(index).padStart(8, 'Q0z')}`;
const maskedOf = (index: number) => `sk_live_…${secretOf(index).slice(-4)}`;

interface NamedKey {
  readonly id: string;
  readonly name?: string | null;
}

/** Returns keys with these names. An undefined name is missing. */
function keysOf(names: readonly (string | null | undefined)[]): readonly NamedKey[] {
  return names.map((name, index) => ({
    id: `key-${String(index).padStart(4, '0')}`,
    ...(name !== undefined && { name }),
    keyType: index % 2 ? 'credit' : 'subscription',
    isActive: index % 3 !== 0,
    createdAt: '2026-04-13T09:00:00.000Z',
    lastUsedAt: null,
  }));
}

/** Returns keys with their secrets, as the API lists them. */
function withSecrets(keys: readonly NamedKey[]) {
  return keys.map((key, index) => ({ ...key, apiKey: secretOf(index) }));
}

/** Returns keys with masked secrets, as JSON and YAML have them. */
function withMasked(keys: readonly NamedKey[]) {
  return keys.map((key, index) => ({ ...key, apiKey: maskedOf(index), stored: false }));
}

async function listing(keys: readonly NamedKey[]): Promise<User> {
  return userOf(await server(answer(200, { success: true, data: withSecrets(keys) }, { Date: clock })));
}

const clock = 'Tue, 14 Apr 2026 09:00:00 GMT';
const everyName = [...texts, long, null, undefined];
const thousand = keysOf(Array.from({ length: 1000 }, (_, index) => everyName[index % everyName.length]));

/** Returns a text as a CSV cell. An apostrophe goes before a text that a spreadsheet would run. */
function inCsv(text: string): string {
  return /^[=+\-@]/.test(text) && !/^[+-]?\d+$/.test(text) ? `'${text}` : text;
}

/** Returns the width of a line before a word. */
function startOf(line: string, word: RegExp): number {
  const found = [...line.matchAll(word)].at(-1);
  if (!found) throw new Error(`no ${word} in ${JSON.stringify(line)}`);
  return stringWidth(line.slice(0, found.index));
}

describe('1,000 keys with odd names', () => {
  test('are 1,000 lines of TSV with the same number of cells', async () => {
    const { code, stdout, stderr } = await (await listing(thousand)).ci('keys list');
    expect([code, stderr]).toEqual([0, '']);
    const rows = cells(stdout);
    expect(rows.map((row) => row[0])).toEqual(thousand.map(({ id }) => id));
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([9]));
    for (const cell of rows.flat()) expect(cell).not.toMatch(control);
    for (const [index, row] of rows.entries()) {
      const name = thousand[index]?.name ?? '';
      if (strange.includes(name) || name === long) expect(row[1]).toBe(name);
    }
  });

  test('are 1,000 rows of CSV, unchanged and without formulas', async () => {
    const { code, stdout, stderr } = await (await listing(thousand)).ci('keys list -o csv');
    expect([code, stderr]).toEqual([0, '']);
    const [header, ...rows] = csvRows(stdout);
    expect(header).toEqual([
      'id',
      'name',
      'keyType',
      'isActive',
      'apiKey',
      'createdAt',
      'lastUsedAt',
      'poolSlug',
      'stored',
    ]);
    expect(rows).toEqual(
      thousand.map((key, index) => [
        key.id,
        inCsv(key.name ?? ''),
        index % 2 ? 'credit' : 'subscription',
        String(index % 3 !== 0),
        maskedOf(index),
        '2026-04-13T09:00:00.000Z',
        '',
        '',
        'false',
      ]),
    );
  });

  test.each([
    ['--json', (text: string): unknown => JSON.parse(text)],
    ['-o yaml', (text: string): unknown => parseYaml(text)],
  ])('are complete with %s', async (flags, parse) => {
    const { code, stdout, stderr } = await (await listing(thousand)).ci(`keys list ${flags}`);
    expect([code, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toEqual(withMasked(thousand));
  });

  test.each([80, 200])(
    'are all shown on a terminal of %d columns, without control sequences but color',
    async (columns) => {
      const { code, written } = await shown(await listing(thousand), 'keys list', { columns });
      expect(code).toBe(0);
      const lines = uncoloured(written).split('\n');
      for (const line of lines) expect(line).not.toMatch(control);
      const ids = lines.flatMap((line) => line.match(/\bkey-\d{4}\b/) ?? []);
      expect(ids).toEqual(thousand.map(({ id }) => id));
    },
  );

  test.each([80, 200])('are JSON without raw control characters on a terminal of %d columns', async (columns) => {
    const { code, written } = await shown(await listing(thousand), 'keys list --json', { columns });
    expect(code).toBe(0);
    const text = uncoloured(written);
    for (const line of text.split('\n')) expect(line).not.toMatch(control);
    expect(JSON.parse(text)).toEqual(withMasked(thousand));
  });

  test.each(['-o yaml', '-o csv', '--jq .[].name', '--fields name,id', '--fields id,name,keyPlan -o table'])(
    'pass no control sequence to a terminal with %s',
    async (flags) => {
      const { code, written } = await shown(await listing(thousand), `keys list ${flags}`);
      expect(code).toBe(0);
      for (const line of uncoloured(written).split('\n')) expect(line).not.toMatch(control);
    },
  );

  test('keep half a character of UTF-16 in JSON and YAML', async () => {
    const keys = keysOf(['\ud83d', 'x\udd11']);
    const me = await listing(keys);
    expect(JSON.parse((await me.ci('keys list --json')).stdout)).toEqual(withMasked(keys));
    expect(parseYaml((await me.ci('keys list -o yaml')).stdout)).toEqual(withMasked(keys));
  });
});

describe.each([80, 200])('on a terminal of %d columns', (columns) => {
  test('keys with odd names stay in columns', async () => {
    const keys = keysOf([...texts, null, undefined]);
    const { code, written } = await shown(await listing(keys), 'keys list', { columns });
    expect(code).toBe(0);
    const [header = '', ...rows] = uncoloured(written).trimEnd().split('\n');
    expect(rows).toHaveLength(keys.length);
    for (const row of [header, ...rows]) expect([row, stringWidth(row) <= columns]).toEqual([row, true]);
    const status = startOf(header, /STATUS/g);
    const key = startOf(header, /KEY/g);
    const name = startOf(header, /NAME/g);
    for (const [index, row] of rows.entries()) {
      expect([row, startOf(row, /(?:in)?active(?= +sk_live_)/g)]).toEqual([row, status]);
      expect([row, startOf(row, /sk_live_…/g)]).toEqual([row, key]);
      expect(row.slice(0, name)).toBe(`key-${String(index).padStart(4, '0')}  `);
    }
    if (columns === 200) {
      const created = startOf(header, /AGE/g);
      for (const row of rows) expect([row, startOf(row, /1 day(?= {2})/g)]).toEqual([row, created]);
    }
  });

  test('a name of 500 characters is shown whole, in a record', async () => {
    const keys = keysOf([long, '本番キー', '👨‍👩‍👧‍👦']);
    const { code, written } = await shown(await listing(keys), 'keys list', { columns });
    expect(code).toBe(0);
    const lines = uncoloured(written).trimEnd().split('\n');
    expect(lines.filter((line) => line === '')).toHaveLength(keys.length - 1);
    const shownName = lines.find((line) => line.endsWith(long)) ?? '';
    const start = stringWidth(shownName) - long.length;
    for (const line of lines.filter((each) => each !== '')) expect(line.slice(0, start)).toMatch(/^[A-Z ]+ {2}$/);
    for (const { name, id } of keys) {
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^NAME +${name}$`)));
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^ID +${id}$`)));
    }
  });

  test('pools with odd names stay in columns', async () => {
    const pools = texts.filter((text) => stringWidth(text) <= 20).map((text, index) => poolOf(index, text));
    const me = userOf(await server(answer(200, { success: true, data: pools }, { Date: clock })));
    const { code, written } = await shown(me, 'pools list', { columns });
    expect(code).toBe(0);
    const lines = uncoloured(written).trimEnd().split('\n');
    for (const line of lines) expect(line).not.toMatch(control);
    const [header = '', ...rows] = lines;
    expect(rows).toHaveLength(pools.length);
    const [asia, americas] = [/ASIA/g, /AMERICAS/g].map((word) => startOf(header, word));
    for (const row of rows) {
      expect([row, startOf(row, /\$39\.00(?= +\$49\.00)/g)]).toEqual([row, asia]);
      expect([row, startOf(row, /sold out/g)]).toEqual([row, americas]);
    }
  });

  test('subscriptions with odd ids stay in columns', async () => {
    const me = userOf(await oddAccount());
    for (const line of [
      'pools subscriptions',
      'pools subscriptions odd',
      'billing status',
      'status',
      'status --check',
    ]) {
      const { code, written } = await shown(me, line, { columns });
      expect([line, code]).toEqual([line, line === 'status --check' ? 3 : 0]);
      const lines = uncoloured(written).trimEnd().split('\n');
      for (const each of lines) expect([line, each]).toEqual([line, expect.not.stringMatching(control)]);
      const header = lines.find((each) => /^(?:ID|POOL) .*RENEWS/.test(each));
      if (!header) continue;
      const renews = startOf(header, /RENEWS/g);
      const rows = lines.filter((each) => each.includes('in 1 month'));
      expect([line, rows.length]).toEqual([line, texts.length]);
      for (const row of rows) expect([line, row, startOf(row, /in 1 month/g)]).toEqual([line, row, renews]);
    }
  });
});

describe.each(['table', 'yaml', 'csv', 'json'])('on a terminal, with -o %s,', (format) => {
  const reads = [
    'pools list',
    'pools view odd',
    'pools quote odd --blocks europe',
    'pools subscribe odd --blocks europe --dry-run',
    'pools subscriptions',
    'pools keys odd',
    'pools keys odd --reveal',
    'keys list',
    'usage',
    'usage k',
    'usage --self',
    'billing status',
    'billing credits',
    'plans list',
    'agent plans',
    'status',
    'status --check',
    'doctor',
  ];
  const changes = [
    'pools subscribe odd --blocks europe --yes',
    'pools cancel odd --yes',
    'keys create k',
    'keys create k --credit',
    'keys delete k --yes',
    'billing topup 50 --no-input',
    'billing topup 50 --method usdc',
    'billing card --no-input',
    'billing subscribe pro --yes',
    'billing checkout pro --no-input',
  ];

  /** The commands that show no text of the API. */
  const silent = [
    'pools quote odd --blocks europe',
    'pools subscribe odd --blocks europe --dry-run',
    'doctor',
    'keys delete k --yes',
  ];

  test.each([...reads, ...changes])('ci %s passes on no control sequence of the API', async (line) => {
    const api = await everywhere(driving.join(' '));
    const { code, written } = await shown(
      userOf(api, { CHEAPESTINFERENCE_API_KEY: secretOf(1) }),
      `${line} -o ${format}`,
    );
    expect([0, 3]).toContain(code);
    if (format === 'json' && !silent.includes(line)) expect(written).toContain('cleared');
    for (const each of uncoloured(written).split('\n')) expect(each).not.toMatch(control);
  });
});

describe('on a terminal', () => {
  test('an error shows an invalid secret without control sequences', async () => {
    for (const line of ['keys create k', 'keys create k --secret-only', 'keys create k --credit --json']) {
      const api = await everywhere(driving.join(' '), `sk_live_cleared${driving.join(' ')}`);
      const { code, written } = await shown(userOf(api), line);
      expect([line, code]).toEqual([line, 1]);
      expect(written).toContain('cleared');
      for (const each of uncoloured(written).split('\n'))
        expect([line, each]).toEqual([line, expect.not.stringMatching(control)]);
    }
  });

  test.each(['api GET /api/keys', 'api GET /api/keys --jq .', 'pools view odd --jq .modelName'])(
    'ci %s passes on no control sequence of the API',
    async (line) => {
      const api = await everywhere(driving.join(' '));
      const { written } = await shown(userOf(api), line);
      expect(written).toContain('cleared');
      for (const each of uncoloured(written).split('\n')) expect(each).not.toMatch(control);
    },
  );

  test.each(['-o table', '-o json', '-o yaml', '-o csv', '--fields id,name'])(
    'no unknown field has control sequences, with %s',
    async (flags) => {
      const odd = Object.fromEntries(driving.map((text) => [text, text]));
      const api = await server(data([{ id: 'k', name: 'k', ...odd, more: [odd] }]));
      const { code, written } = await shown(userOf(api), `keys list ${flags}`);
      expect(code).toBe(0);
      for (const each of uncoloured(written).split('\n')) expect(each).not.toMatch(control);
    },
  );

  test.each(['', '--json', '--debug', '-o yaml'])(
    'no error message has control sequences, with "%s"',
    async (flags) => {
      const lines = [
        'keys list',
        'pools view odd',
        'keys create k',
        'pools subscribe odd --blocks asia --yes',
        'usage',
      ];
      for (const [at, line] of lines.entries()) {
        // A long message is truncated, so each has only a few.
        const words = `cleared? ${driving.slice(at * 6, at * 6 + 6).join(' ')}`;
        const api = await server(answer(400, { success: false, error: words }));
        const { code, written } = await shown(userOf(api), `${line} ${flags}`);
        expect([line, code]).toEqual([line, 1]);
        expect(written).toContain('cleared?');
        for (const each of uncoloured(written).split('\n')) {
          expect([line, each]).toEqual([line, expect.not.stringMatching(control)]);
        }
      }
    },
  );

  test('questions about keys to revoke hold no control sequence of the API', async () => {
    const keys = keysOf(driving);
    const me = await listing(keys);
    const session = onTerminal(me, 'keys delete', { columns: 200 });
    await session.shows('Keys to revoke:');
    session.type(` ${enter}`);
    await session.shows('immediately?');
    session.type(`n${enter}`);
    expect(await session.exit).toBe(1);
    expect(session.written).toContain('key-0000');
    // Questions move the cursor, but never do what the names contain.
    expect(session.written).not.toMatch(
      /\u001b\[2J|\u001b\[H|\u001b\[5m|\u001b\]|\u001bP|\u001bc|[\u0007\u0080-\u009f\u202a-\u202e\u2066-\u2069]/,
    );
  });
});

describe('in a pipe', () => {
  test.each([
    ['pools list', 10],
    ['pools subscriptions', 8],
    ['keys list', 9],
    ['pools keys odd', 5],
    ['usage', 7],
    ['plans list', 5],
    ['agent plans', 15],
    ['status --check', 4],
    ['doctor', 3],
    ['pools view odd', 2],
    ['pools quote odd --blocks europe', 2],
    ['billing status', 2],
    ['usage --self', 2],
    ['status', 2],
  ])('each line of ci %s has %d cells', async (line, count) => {
    const api = await everywhere(driving.join(' '));
    const { stdout } = await userOf(api, { CHEAPESTINFERENCE_API_KEY: secretOf(1) }).ci(line);
    const rows = cells(stdout);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([count]));
    for (const cell of rows.flat()) expect(cell).not.toMatch(control);
  });

  test('CSV holds the texts of pools and subscriptions unchanged', async () => {
    const api = await oddAccount();
    const [, ...rows] = csvRows((await userOf(api).ci('pools subscriptions odd -o csv --fields id,status')).stdout);
    expect(rows).toEqual(texts.map((text, index) => [`${index} ${text}`, 'active']));
    const pools = await server(data(texts.map((text, index) => poolOf(index, text))));
    const listed = await userOf(pools).ci('pools list -o csv --fields id,modelName,description');
    expect(csvRows(listed.stdout).slice(1)).toEqual(
      texts.map((text, index) => [`pool-${index}`, inCsv(text), `About ${text}`]),
    );
  });

  test('an error in JSON holds the message of the server, on one line', async () => {
    for (const text of texts.filter((each) => each.trim() !== '' && !/\s/.test(each.replaceAll(' ', '')))) {
      const api = await server(answer(400, { success: false, error: `oh: ${text}` }));
      const { code, stdout, stderr } = await userOf(api).ci('keys list --json');
      expect([text, code, stdout, stderr.split('\n').length]).toEqual([text, 1, '', 2]);
      expect(at(JSON.parse(stderr), 'error', 'message')).toBe(`oh: ${text}`.replace(/ +/g, ' ').trim());
    }
  });
});

function poolOf(index: number, text: string) {
  return {
    id: `pool-${index}`,
    slug: `odd-${index}`,
    modelId: 'odd',
    modelName: text,
    description: `About ${text}`,
    status: 'active',
    minPricePerDay: '39.00',
    blocks: [
      { block: 'asia', pricePerMonth: '39.00', status: 'available' },
      { block: 'europe', pricePerMonth: '49.00', status: 'available' },
      { block: 'americas', pricePerMonth: '45.00', status: 'sold-out' },
    ],
  };
}

/** Creates an account with a subscription for each odd text, which is in its id. */
function oddAccount(): Promise<RecordingServer> {
  const end = '2026-05-14T09:00:00.000Z';
  const hours = Array.from({ length: 8 }, (_, hour) => ({ hour: hour + 8, slotIndex: 0, pricePerDay: '6.13' }));
  const ids = texts.map((text, index) => `${index} ${text}`);
  const common = { status: 'active', currentPeriodEnd: end, cancelAtPeriodEnd: false };
  return server(({ path: asked }, response) => {
    const value = asked.endsWith('/my-subscriptions')
      ? ids.map((id) => ({ id, ...common, monthlyPrice: '49.00', hours, key: null }))
      : asked === '/api/billing/status'
        ? { poolPledges: ids.map((id) => ({ id, ...common, poolId: 'odd', poolSlug: 'odd' })), creditBalance: 25 }
        : [];
    return answer(
      200,
      { success: true, data: value },
      { Date: clock },
    )({ method: '', path: '', headers: {}, body: '' }, response);
  });
}

/** Creates a server that uses one text for every text that no command interprets. @param secret - of a new key */
function everywhere(text: string, secret = secretOf(1)): Promise<RecordingServer> {
  const pool = { ...poolOf(1, text), id: 'odd', slug: `odd`, modelId: text, models: [text], infraSpec: text };
  const key = {
    id: 'k',
    name: 'k',
    keyType: text,
    type: text,
    keyPlan: text,
    plan: text,
    isActive: true,
    createdAt: text,
  };
  const hours = Array.from({ length: 8 }, (_, hour) => ({ hour: hour + 8, slotIndex: 0 }));
  const subscription = {
    id: `sub ${text}`,
    status: 'active',
    monthlyPrice: '49.00',
    billingCycle: text,
    hours,
    key: null,
  };
  const created = { id: `id ${text}`, name: text, apiKey: secret };
  const usage = { last24h: { requests: 1, tokens: 2 } };
  const sold = { block: 'asia', hoursUtc: text, priceUsdc: 39, availableSeats: 1 };
  const pledge = { id: subscription.id, poolId: 'odd', poolSlug: 'odd', status: text, currentPeriodEnd: text };
  const answers: Readonly<Record<string, unknown>> = {
    'GET /api/pools': [pool],
    'GET /api/pools/odd': { ...pool, status: text },
    'GET /api/pools/odd/my-subscriptions': [subscription],
    'GET /api/pools/odd/my-keys': [{ ...key, name: text, apiKey: `sk_live_cleared${text}` }],
    'POST /api/pools/odd/subscribe': { ...subscription, currentPeriodEnd: text },
    'DELETE /api/pools/odd/pledge': { canceled: true },
    'GET /api/keys': [key],
    'POST /api/keys/subscription': created,
    'POST /api/keys/credit': created,
    'DELETE /api/keys/k': { deleted: true },
    'GET /api/usage': [{ ...key, name: text, usage }],
    'GET /api/usage/k': { ...key, name: text, usage },
    'GET /v1/usage': { budget: { spent: 1, resets_at: text }, plan: { slug: text, status: text }, key: { name: text } },
    'GET /api/billing/status': { status: text, creditBalance: 25, stripeCustomerId: text, poolPledges: [pledge] },
    'GET /api/billing/credits': { remaining: 25, totalTopUp: 25, note: text },
    'POST /api/billing/setup-intent': { url: `http://localhost/cleared${text}` },
    'POST /api/billing/subscribe': { subscriptionId: text, planSlug: text, status: text, key: { apiKey: text } },
    'POST /api/billing/checkout': { sessionUrl: `http://localhost/cleared${text}`, sessionId: text },
    'GET /api/plans': [{ slug: text, name: text, priceUsdc: 20 }],
    'GET /api/agent/plans': {
      network: 'base',
      asset: 'USDC',
      payTo: text,
      products: [
        {
          type: text,
          pool: text,
          name: text,
          models: [text],
          duration: text,
          blocks: [sold, { ...sold, block: text }],
        },
        { plan: text, price: 20, agentCheckout: { endpoint: text } },
        { type: 'credits', minAmount: 10, description: text },
      ],
    },
  };
  let ending = false;
  return server((request, response) => {
    const { method, path: asked, body } = request;
    ending ||= method === 'DELETE' && asked === '/api/pools/odd/pledge';
    const topup = body.includes('usdc')
      ? { address: `0x cleared${text}`, chain: text, amount: 50 }
      : { sessionUrl: `http://localhost/cleared${text}`, sessionId: text };
    if (ending && asked.endsWith('/my-subscriptions')) {
      return data([{ ...subscription, cancelAtPeriodEnd: true }])(request, response);
    }
    return data(asked.endsWith('/topup') ? topup : answers[`${method} ${asked}`])(request, response);
  });
}
