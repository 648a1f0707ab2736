import { describe, expect, test } from 'vitest';
import { secret, type User, userOf } from '../support/cli.ts';
import { data, recordedSandbox } from '../support/servers.ts';
import { shown } from '../support/terminal.ts';

const commands = ['pools list', 'pools view kimi26', 'pools subscriptions', 'keys list', 'billing status'] as const;

/** Creates a customer with two subscriptions, one of them canceled, and two keys. It is 09:00 UTC on 14 April 2026. */
async function busyCustomer(env: Record<string, string> = {}): Promise<User> {
  const api = await recordedSandbox();
  const { box } = api;
  await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia', 'europe', 'americas'] });
  await box.data('POST', '/api/keys/subscription', { name: 'a-rather-long-name-of-a-key' });
  await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia', 'europe'] });
  await box.data('DELETE', '/api/pools/minimax-m3/pledge');
  await box.data('POST', '/api/keys/credit', { name: 'client-acme', maxBudget: 25 });
  return userOf(api, env);
}

/** Returns how many columns a line takes. */
function widthOf(line: string): number {
  return [...line].length;
}

describe.each(commands)('ci %s on a terminal of 80 columns', (line) => {
  test.each(['UTC', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])('fits in %s', async (TZ) => {
    const { code, rows } = await shown(await busyCustomer({ TZ }), line);
    expect(code).toBe(0);
    expect(rows.length).toBeGreaterThan(2);
    expect(rows.filter((row) => widthOf(row) > 80)).toEqual([]);
  });

  test('is in color unless that is turned off', async () => {
    const me = await busyCustomer();
    const [inColour, ...plain] = await Promise.all([
      shown(me, line),
      shown(me, line, { env: { NO_COLOR: '1' } }),
      shown(me, `${line} --no-color`),
      shown(me, line, { env: { TERM: 'dumb' } }),
    ]);
    expect(inColour?.written).toMatch(/\x1b\[\d+m/);
    for (const { written } of plain) expect(written).not.toContain('\x1b');
    for (const { rows } of plain) expect(rows).toEqual(inColour?.rows);
  });

  test('is in color only if the terminal is known to support it, or with FORCE_COLOR', async () => {
    const me = await busyCustomer();
    const env = { TERM: 'vt52' };
    const [unknown, truecolor, forced] = await Promise.all([
      shown(me, line, { env, pty: true }),
      shown(me, line, { env: { ...env, COLORTERM: 'truecolor' }, pty: true }),
      shown(me, line, { env: { ...env, FORCE_COLOR: '1' }, pty: true }),
    ]);
    expect(unknown.written).not.toMatch(/\x1b\[\d+m/);
    for (const { written } of [truecolor, forced]) expect(written).toMatch(/\x1b\[\d+m/);
  });

  test('writes no control sequence to a pipe without FORCE_COLOR', async () => {
    const me = await busyCustomer();
    for (const args of [line, `${line} -o table`]) {
      const { code, stdout, stderr } = await me.ci(args);
      expect([code, stdout.includes('\x1b'), stderr.includes('\x1b')]).toEqual([0, false, false]);
    }
    const forced = await me.ci(`${line} -o table`, { env: { FORCE_COLOR: '1' } });
    expect(forced.stdout).toMatch(/\x1b\[\d+m/);
    const both = await me.ci(`${line} -o table`, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(both.stdout).not.toContain('\x1b');
  });
});

describe('local time is next to UTC', () => {
  test.each([
    ['Asia/Kolkata', ['05:30–13:30', '13:30–21:30', '21:30–05:30']],
    ['Europe/Berlin', ['02:00–10:00', '10:00–18:00', '18:00–02:00']],
    ['America/New_York', ['20:00–04:00', '04:00–12:00', '12:00–20:00']],
  ])('in %s', async (TZ, local) => {
    const me = await busyCustomer({ TZ });
    for (const line of ['pools view kimi26', 'pools quote kimi26 --blocks all']) {
      const { code, screen } = await shown(me, line);
      expect(code).toBe(0);
      for (const span of ['00:00–08:00', '08:00–16:00', '16:00–24:00', ...local]) expect(screen).toContain(span);
    }
  });

  test('only UTC is in a pipe, whatever the time zone', async () => {
    const me = await busyCustomer({ TZ: 'Asia/Kolkata' });
    for (const line of ['pools subscriptions', 'keys list', 'pools view kimi26', 'billing status --json']) {
      const { stdout } = await me.ci(line);
      expect(stdout).toBe((await me.ci(line, { env: { TZ: 'UTC' } })).stdout);
    }
    expect((await me.ci('pools subscriptions kimi26 --fields currentPeriodEnd')).stdout).toBe(
      '2026-05-14T09:00:00.000Z\n',
    );
  });
});

test('pools list shows prices and what is sold out', async () => {
  const { rows } = await shown(await busyCustomer(), 'pools list');
  expect(rows[0]).toMatch(/^POOL +MODEL +STATUS +ASIA +EUROPE +AMERICAS +YEARLY$/);
  expect(rows.find((row) => row.startsWith('kimi26'))).toMatch(/Kimi K2\.6 +active.*\$39\.00.*\$49\.00.*\$45\.00/);
  expect(rows.find((row) => row.startsWith('minimax-m3'))).toMatch(/sold out/);
});

test('pools view shows a chart of the day', async () => {
  const { screen } = await shown(await busyCustomer(), 'pools view kimi26');
  const hours = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
  expect(screen).toContain(hours.join(' '));
  expect(screen).toMatch(/left( +\d){24}/);
});

test('pools subscriptions shows what is live now and what ends', async () => {
  const { screen } = await shown(await busyCustomer(), 'pools subscriptions');
  expect(screen).toContain('live now');
  expect(screen).toMatch(/ends/);
});

test('a wide terminal shows more columns', async () => {
  const me = await busyCustomer();
  for (const line of commands) {
    const wide = await shown(me, line, { columns: 200 });
    expect([line, wide.code, wide.rows.some((row) => widthOf(row) > 200)]).toEqual([line, 0, false]);
  }
  const { screen } = await shown(me, 'keys list', { columns: 200 });
  expect(screen.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)).toHaveLength(2);
  const { rows } = await shown(me, 'pools list', { columns: 200 });
  expect(rows[0]).toMatch(/FROM\/MONTH +ASIA +EUROPE +AMERICAS +YEARLY +SEATS\/BLOCK +MODEL ID$/);
  expect(rows[1]).toMatch(/\$45\.00 +15% off +10 +kimi-k2\.6$/);
});

describe.each([60, 80, 100])('a terminal of %d columns', (columns) => {
  test.each([
    ['pools list', /^POOL .*EUROPE/],
    ['pools view kimi26', /^BLOCK +UTC +LOCAL +PRICE\/MONTH +SEATS LEFT/],
    ['pools subscriptions', /^ID +POOL +BLOCKS +STATUS/],
    ['keys list', /^ID +NAME +/],
    ['pools keys kimi26', /^ID +NAME +/],
    ['usage', /^(?:ID +)?KEY .*REQUESTS/],
    ['history', /^WHEN +CHANGE +OUTCOME/],
    ['billing status', /^POOL +SUBSCRIPTION +STATUS/],
    ['status', /^POOL +BLOCKS +NOW/],
    ['agent plans', /^POOL +BLOCK +HOURS \(UTC\) +USDC +SEATS +DURATION/],
  ])('shows ci %s as a table', async (line, header) => {
    const me = await busyCustomer();
    await me.ci('pools subscribe glm5 --blocks asia,americas --quantity 2 --yes');
    const { code, rows } = await shown(me, line, { columns });
    expect(code).toBe(0);
    expect(rows).toContainEqual(expect.stringMatching(header));
    expect(rows.filter((row) => widthOf(row) > columns && !row.startsWith('  $ '))).toEqual([]);
  });
});

test('ids are whole if there is room for them, else their first 8 characters', async () => {
  const me = await busyCustomer();
  const ids = (await me.ci('pools subscriptions --fields id')).stdout.trim().split('\n');
  const [wide, narrow] = await Promise.all([200, 80].map((columns) => shown(me, 'pools subscriptions', { columns })));
  expect(wide?.rows.slice(1, 3).map((row) => row.split(' ')[0])).toEqual(ids);
  expect(narrow?.rows.slice(1, 3).map((row) => row.split(' ')[0])).toEqual(ids.map((id) => id.slice(0, 8)));
});

test('a status of the API is shown in words', async () => {
  const me = await busyCustomer();
  const bought = await shown(me, 'pools subscribe glm5 --blocks asia --yes');
  expect(bought.screen).toMatch(/^Status +key pending$/m);
  for (const line of ['pools subscriptions', 'status', 'billing status']) {
    const { screen } = await shown(me, line);
    expect(screen).toMatch(/glm5 .*key pending/);
    expect(screen).not.toContain('pending_key');
  }
  expect((await me.ci('pools subscriptions glm5 --fields status')).stdout).toBe('pending_key\n');
});

/** Commands of every kind: tables, records, drawings, help pages, notes and errors. */
const everything = [
  ...commands,
  '',
  '--help',
  'pools',
  'pools subscribe --help',
  'help exit-codes',
  'help environment',
  'help output',
  'status',
  'status --check',
  'pools quote kimi26 --blocks all --quantity 3 --billing-cycle year',
  'pools subscribe minimax-m3 --blocks americas --yes',
  'pools subscribe kimi26 --blocks europe --create-key app --yes',
  'pools cancel minimax-m3',
  'pools view nothing',
  'pools view --block',
  'keys create prod --credit',
  'keys delete nothing',
  'billing credits',
  'billing topup 50 --method usdc',
  'billing card',
  'usage',
  'auth status',
  'config list',
  'doctor',
  'history',
  'open',
  'api GET /api/keys',
  'plans list',
  'agent plans',
] as const;

/** Returns whether a line holds what is never broken: a line of shell, or a long word. */
function holdsWhole(row: string): boolean {
  return row.startsWith('  $ ') || row.split(/\s+/).some((word) => widthOf(word) > 16);
}

describe('on a terminal of 40 columns', () => {
  test.each(everything)('ci %s breaks lines between words only', async (line) => {
    const me = await busyCustomer();
    const [narrow, wide] = [
      await shown(me, line, { columns: 40 }),
      await shown(await busyCustomer(), line, { columns: 400 }),
    ];
    expect(narrow.code).toBe(wide.code);
    expect(narrow.rows.filter((row) => widthOf(row) > 40 && !holdsWhole(row))).toEqual([]);
  });

  test('an error has the same words as everywhere', async () => {
    const me = await busyCustomer();
    const { rows } = await shown(me, 'keys delete nothing --yes', { columns: 40 });
    expect(rows.join(' ').trim()).toBe((await me.ci('keys delete nothing --yes')).stderr.trim());
    expect(rows[0]).toBe('ci: Key "nothing" doesn\'t exist. Run');
  });

  test('shows a record per row where a table is too wide', async () => {
    const { rows } = await shown(await busyCustomer(), 'pools list', { columns: 40 });
    expect(rows.slice(0, 9)).toEqual([
      'POOL        kimi26',
      'MODEL       Kimi K2.6',
      'STATUS      active',
      'FROM/MONTH  $39.00',
      'ASIA        $39.00',
      'EUROPE      $49.00',
      'AMERICAS    $45.00',
      '',
      'POOL        minimax-m3',
    ]);
  });
});

describe('without a locale with UTF-8', () => {
  test.each(everything)('ci %s is ASCII on a terminal', async (line) => {
    const { written } = await shown(await busyCustomer({ LANG: '' }), line);
    expect(written).toMatch(/^[\x00-\x7f]*$/);
  });

  test.each([
    [{ LANG: 'C' }, false],
    [{ LANG: 'de_DE.ISO-8859-1' }, false],
    [{ LC_ALL: 'C', LANG: 'C.UTF-8' }, false],
    [{ LC_CTYPE: 'C.UTF-8', LANG: 'C' }, true],
  ])('%j decides', async (env, unicode) => {
    const { screen } = await shown(await busyCustomer(env), 'pools view kimi26');
    expect(screen).toContain(unicode ? '08:00–16:00' : '08:00-16:00');
  });

  test('names without ASCII equivalents stay in columns, and hold no control characters of another encoding', async () => {
    const api = await recordedSandbox();
    const me = userOf(api, { LANG: 'C' });
    for (const name of ['größe', '本番', 'Û2J']) await api.box.data('POST', '/api/keys/credit', { name });
    const { rows, written } = await shown(me, 'keys list --fields name,keyType');
    expect(rows.slice(0, 4)).toEqual(
      ['name   TYPE', 'U2J    credit', '??     credit', 'gro?e  credit'].map((row) => row.replace('name ', 'NAME ')),
    );
    expect(written).toMatch(/^[\x00-\x7f]*$/);
    const json = await shown(me, 'keys list --json');
    expect(json.written).toMatch(/^[\x00-\x7f]*$/);
    expect(JSON.parse(json.rows.join(''))).toMatchObject([{ name: 'Û2J' }, { name: '本番' }, { name: 'größe' }]);
  });

  test('a pipe gets the same as always', async () => {
    const me = await busyCustomer();
    for (const line of ['pools view kimi26 -o table', 'keys list', 'auth status', 'doctor -o table']) {
      const [utf8, c] = [await me.ci(line), await me.ci(line, { env: { LANG: 'C' } })];
      const [first, second] = [utf8, c].map(({ stdout }) =>
        stdout.replace(/in \d+ ms|is \d+ s (?:behind|ahead of)/g, 'x'),
      );
      expect(second).toBe(first);
    }
  });
});

describe('on a dumb terminal', () => {
  test.each(everything)('ci %s writes only lines', async (line) => {
    const { written } = await shown(await busyCustomer({ TERM: 'dumb', VTE_VERSION: '7600' }), line, {
      env: { TERM: 'dumb' },
    });
    expect(written.replaceAll('\r\n', '')).toMatch(/^[^\x00-\x1f\x7f-\x9f]*$/);
  });
});

describe('without standard input', () => {
  test.each(everything)('ci %s does the same as in a pipe', async (line) => {
    const [closed, piped] = [
      await shown(await busyCustomer(), line, { closedStdin: true }),
      await (await busyCustomer()).ci(line),
    ];
    expect([closed.code, closed.written.includes('Unhandled')]).toEqual([piped.code, false]);
  });

  test('a question exits with code 2 and sends nothing', async () => {
    const api = await recordedSandbox();
    const closed = { closedStdin: true };
    const bought = await shown(userOf(api), 'pools subscribe kimi26 --blocks europe', closed);
    expect([bought.code, api.changes]).toEqual([2, []]);
    expect(bought.screen).toContain('--yes');
    expect((await shown(userOf(api), 'pools view', closed)).screen).toMatch(/^ci: Can't ask for the pool/);
    expect((await userOf(api).sh('ci auth login --with-key <&-')).code).toBe(2);
  });
});

describe('a URL is a link', () => {
  const withLinks = { VTE_VERSION: '7600' };
  const link = /\x1b\]8;;(https?:\/\/[^\x1b]+)\x1b\\\1\x1b\]8;;\x1b\\/;

  test.each(['', 'open', 'billing card', 'billing topup 50'])(
    'in ci %s if the terminal supports links',
    async (line) => {
      const { code, written } = await shown(await busyCustomer(withLinks), line);
      expect(code).toBe(0);
      expect(written).toMatch(link);
    },
  );

  test.each([
    ['a terminal that is not known to support them', {}],
    ['a dumb terminal', { ...withLinks, TERM: 'dumb' }],
    ['FORCE_HYPERLINK=0', { ...withLinks, FORCE_HYPERLINK: '0' }],
  ])("aren't printed for %s", async (_what, env) => {
    const { written } = await shown(await busyCustomer(env), 'billing card', { env });
    expect(written).toContain('http');
    expect(written).not.toContain('\x1b]8');
  });

  test("aren't printed in a pipe or in JSON", async () => {
    const me = await busyCustomer({ ...withLinks, FORCE_HYPERLINK: '1' });
    expect((await me.ci('billing card -o table')).stdout).not.toContain('\x1b');
    expect((await shown(me, 'billing card --json')).written).not.toContain('\x1b]');
  });
});

test('the secret of a new key has a line of its own, between two rules', async () => {
  for (const env of [{}, { LANG: 'C' }]) {
    const { rows } = await shown(await busyCustomer(), 'keys create prod --credit', { env: { NO_COLOR: '1', ...env } });
    const at = rows.findIndex((row) => row.includes('sk_'));
    expect(rows[at]).toMatch(new RegExp(`^${secret.source}$`));
    expect(rows[at - 1]).toMatch(/^(?:──|--) API key.*: save it now [─-]+$/);
    expect(rows[at + 1]).toMatch(/^[─-]+$/);
  }
});

test('the secret of a new key is masked if it is stored on this machine, and the last line says so', async () => {
  for (const [env, ellipsis, mark] of [
    [{}, '…', '✓'],
    [{ LANG: 'C' }, '...', '+'],
  ] as const) {
    const line = 'pools subscribe kimi26 --blocks asia --create-key prod --yes';
    const { rows, written } = await shown(await busyCustomer(), line, { env: { NO_COLOR: '1', ...env } });
    expect(written).not.toMatch(secret);
    const [key = '', ...others] = rows.filter((row) => row.includes('sk_'));
    expect([key.slice(0, -4), others]).toEqual([`Key           sk_sandbox_${ellipsis}`, []]);
    expect(rows.slice(-2)).toEqual([
      `${mark} The key is stored on this machine. Use it with \`ci run -- COMMAND\`.`,
      '',
    ]);
  }
});

test('large numbers have groups of digits', async () => {
  const credit = { remaining: 1_234_567.5, totalTopUp: 2_000_000, creditKeyCount: 1, hasCreditKey: true };
  const key = { id: 'k1', name: 'prod', usage: { last24h: { requests: 1_234_567, tokens: 89_012_345_678 } } };
  const api = await recordedSandbox({
    instead: ({ path }) =>
      path === '/api/billing/credits' ? data(credit) : path === '/api/usage' ? data([key]) : undefined,
  });
  expect((await shown(userOf(api), 'billing credits')).screen).toContain('$1,234,567.50');
  expect((await shown(userOf(api), 'usage')).screen).toMatch(/ 1,234,567 +89,012,345,678/);
  expect((await userOf(api).ci('usage')).stdout).toContain('\t1234567\t89012345678\t');
});

test('prints JSON indented on a terminal, and on one line in a pipe', async () => {
  const me = await busyCustomer();
  const { rows } = await shown(me, 'keys list --json');
  expect(rows[0]).toBe('[');
  expect(JSON.parse(rows.join('\n'))).toEqual(JSON.parse((await me.ci('keys list --json')).stdout));
});
