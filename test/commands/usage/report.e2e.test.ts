import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, type User, userOf } from '../../support/cli.ts';
import { csvRows } from '../../support/csv.ts';
import { emptyFolder } from '../../support/folder.ts';
import { at, creditKey, day, hello, hour, listAt, type TestSandbox } from '../../support/sandbox.ts';
import { data, recordedSandbox, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const month = '2026-05';

/** Uses a key. Returns the tokens. */
async function use(box: TestSandbox, { apiKey }: { readonly apiKey: string }) {
  const { body } = await box.call('POST', '/v1/chat/completions', { body: hello, key: apiKey });
  const count = (name: string) => Number(at(body, 'usage', name));
  return { promptTokens: count('prompt_tokens'), completionTokens: count('completion_tokens') };
}

async function snapshot(me: User) {
  const { code, stderr } = await me.ci('usage snapshot', { env: { XDG_CACHE_HOME: emptyFolder() } });
  expect([code, stderr]).toEqual([0, '']);
}

/** A platform with three keys. The sandbox is at 2026-05-01 00:00 UTC, when it took its first snapshot. */
async function platform() {
  const api = await recordedSandbox();
  const me = userOf(api);
  const { box } = api;
  await box.data('POST', '/api/billing/topup', { amount: 1000, method: 'card' }).catch(() => undefined);
  const [prod, dev, other] = [
    await creditKey(box, { name: 'acme-prod' }),
    await creditKey(box, { name: 'acme-dev' }),
    await creditKey(box, { name: 'globex' }),
  ];
  // Before the month.
  await use(box, prod);
  await box.advance(16 * day + 15 * hour);
  await snapshot(me);
  return { box, me, prod, dev, other };
}

/** Advances by days, with a snapshot at the end of each. */
async function days(box: TestSandbox, me: User, count: number) {
  for (let each = 0; each < count; each++) {
    await box.advance(day);
    await snapshot(me);
  }
}

describe('`ci usage report`', () => {
  test('has exactly what each key used in the month, with daily snapshots', async () => {
    const { box, me, prod, dev, other } = await platform();
    await box.advance(3 * hour);
    const each = await use(box, prod);
    await use(box, dev);
    await box.advance(-3 * hour + day).then(() => snapshot(me));
    await days(box, me, 15);
    await box.advance(5 * hour);
    await use(box, prod);
    await box.advance(19 * hour);
    await snapshot(me);
    await days(box, me, 14);
    // After the month.
    await box.advance(2 * hour);
    await use(box, other);
    await snapshot(me);
    const report = json(await me.ci(`usage report --month ${month} --json`));
    const row = (name: string, id: string, requests: number) => ({
      ...{ name, ids: [id], requests, tokens: requests * (each.promptTokens + each.completionTokens) },
      ...{ promptTokens: requests * each.promptTokens, completionTokens: requests * each.completionTokens },
      complete: true,
      gaps: [],
    });
    expect(report).toMatchObject({ month, complete: true, gaps: [], by: 'key' });
    expect(at(report, 'rows')).toMatchObject([
      row('acme-prod', prod.id, 2),
      row('acme-dev', dev.id, 1),
      row('globex', other.id, 0),
    ]);
    expect(at(report, 'rows', 0, 'atMost', 'requests')).toBe(2);
    const prices = path.join(me.home, 'prices.csv');
    writeFileSync(prices, 'name,promptPerMillion,completionPerMillion,perRequest\nacme,,,0.125\n*,1000,1000,\n');
    const billed = csvRows(
      (await me.ci(`usage report --month ${month} --by prefix --prices prices.csv -o csv`)).stdout,
    );
    const column = (name: string) => billed.map((cells) => cells[billed[0]?.indexOf(name) ?? -1]);
    expect([column('name'), column('requests'), column('cost')]).toEqual([
      ['name', 'acme', 'globex'],
      ['requests', '3', '0'],
      // 37.5 cents, rounded half up.
      ['cost', '0.38', '0.00'],
    ]);
    const { rows, screen } = await shown(me, `usage report --month ${month}`, { columns: 120 });
    expect(rows.find((line) => line.includes('acme-prod'))).toMatch(/acme-prod +2 +\d+ +\d+ +\d+ +█{12}$/);
    expect(screen).toContain('Measured from 2026-05-01 00:00 UTC to 2026-06-01 00:00 UTC.');
  });

  test('says which times no snapshot covers, and never counts them', async () => {
    const { box, me, prod } = await platform();
    await days(box, me, 2);
    await box.advance(day);
    await use(box, prod);
    // The windows of 40 days later don't reach the use.
    await box.advance(41 * day);
    await snapshot(me);
    const { stdout, stderr } = await me.ci(`usage report --month ${month} --json`);
    const report = json({ stdout });
    expect(report).toMatchObject({ complete: false });
    expect(at(report, 'gaps', 0, 'from')).toMatch(/^2026-05-02T23:59:59/);
    expect(at(report, 'rows', 0)).toMatchObject({ complete: false, atMost: { requests: null } });
    expect(stderr).toMatch(/Warning: No snapshots cover 2026-05-03 00:00 UTC to 2026-0/);
  });

  test('sums the keys of a name: a customer whose key was rotated', async () => {
    const { box, me, other } = await platform();
    await use(box, other);
    await days(box, me, 1);
    const next = await creditKey(box, { name: 'globex' });
    await use(box, next);
    await snapshot(me);
    await box.data('DELETE', `/api/keys/${other.id}`);
    await box.advance(hour);
    await snapshot(me);
    const report = json(await me.ci(`usage report --month ${month} --json`));
    expect(at(report, 'rows', 0)).toMatchObject({ name: 'globex', requests: 2 });
    expect(at(report, 'rows', 0, 'ids')).toEqual(expect.arrayContaining([other.id, next.id]));
  });

  test('says of each row that a month is incomplete until it is over', async () => {
    const { box, me } = await platform();
    await days(box, me, 2);
    const during = { now: () => Date.parse(`${month}-03T00:00:00Z`) };
    const { stdout, stderr } = await me.ci(`usage report --month ${month} --json`, during);
    expect(listAt(json({ stdout }), 'rows').map((row) => at(row, 'complete'))).toEqual([false, false, false]);
    expect(stderr).toContain(`${month} isn't over. Usage since the last snapshot is missing.`);
  });

  test('exits with code 5 without snapshots', async () => {
    const me = userOf(await server(data([])));
    const { code, stdout, stderr } = await me.ci(`usage report --month ${month}`);
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(/There are no usage snapshots for 2026-05\. .*ci usage snapshot --install/);
  });

  test.each([
    ['no month', 'usage report', /--month is missing/],
    ['an invalid month', 'usage report --month 2026-13', /"2026-13" is not a valid month\. Use a year and a month/],
    ['an unknown group', `usage report --month ${month} --by pool`, /Choose key or prefix/],
    [
      'options of `ci usage`',
      `usage --period 7d report --month ${month}`,
      /The options before "report" have no effect/,
    ],
    ['a missing price list', `usage report --month ${month} --prices none.csv`, /Can't read none\.csv: no such file/],
  ])('refuses %s', async (_what, line, words) => {
    const api = await server(data([]));
    const { code, stdout, stderr } = await userOf(api).ci(line);
    expect([code === 1 || code === 2, stdout, api.requests]).toEqual([true, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(words);
  });
});
