import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, oneLine, type User, userOf } from '../../support/cli.ts';
import { creditKey, day, hello, hour, textAt } from '../../support/sandbox.ts';
import { answer, recordedSandbox, server } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const listing = 'GET /api/keys';
const usage = 'GET /api/usage';

/** The time of the API's clock. */
const date = 'Tue, 14 Apr 2026 09:00:00 GMT';

function ago(milliseconds: number): string {
  return new Date(Date.parse(date) - milliseconds).toISOString();
}

type Item = Readonly<Record<string, unknown>>;

/** Returns the usage of a key: its requests in the last hour, 24 hours, 7 days and 30 days. */
function used(id: string, ...requests: readonly number[]): Item {
  const [last1h, last24h, last7d, last30d] = requests.map((count) => ({ requests: count, tokens: 10 * count }));
  return { id, usage: { last1h, last24h, last7d, last30d } };
}

/** Starts an API with these keys. Without usage, it has used up the requests for it. */
async function apiWith(keys: readonly Item[], usages?: readonly Item[]) {
  const data = (value: unknown) => answer(200, { success: true, data: value }, { Date: date });
  const api = await server((request, response) => {
    if (request.path === '/api/keys') return data(keys)(request, response);
    const limited = answer(
      429,
      { success: false, error: 'Rate limit exceeded: 12 requests per 12 hours' },
      { Date: date },
    );
    return (usages ? data(usages) : limited)(request, response);
  });
  return { api, me: userOf(api) };
}

/** Lets the cached usage become older. */
function ageCache({ home }: User, milliseconds: number): void {
  const folder = path.join(home, '.cache', 'cheapestinference');
  const [name = 'none'] = readdirSync(folder);
  const file = path.join(folder, name);
  const text = readFileSync(file, 'utf8').replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) - milliseconds}`);
  writeFileSync(file, text);
}

async function namesOf(me: User, flags: string): Promise<string[]> {
  const { stdout } = await me.ci(`keys list ${flags} --fields name`);
  return stdout === '' ? [] : lines(stdout);
}

describe('keys list --older-than', () => {
  test('lists the keys that were created longer ago, by the clock of the API', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await creditKey(api.box, { name: 'old' });
    await api.box.advance(60 * day);
    await creditKey(api.box, { name: 'new' });
    await api.box.advance(31 * day);
    expect(await namesOf(me, '')).toEqual(['new', 'old']);
    expect(await namesOf(me, '--older-than 90d')).toEqual(['old']);
    expect(await namesOf(me, '--older-than 30d')).toEqual(['new', 'old']);
    const none = await me.ci('keys list --older-than 92d --json');
    expect(none).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' });
    expect((await shown(me, 'keys list --older-than 92d')).screen).toBe('No matching keys.');
  });

  test('says how many keys have no creation date, and leaves them out', async () => {
    const { me } = await apiWith([
      { id: 'a', name: 'old', createdAt: ago(91 * day) },
      { id: 'b', name: 'undated' },
      { id: 'c', name: 'odd', createdAt: 'last year' },
    ]);
    const { code, stdout, stderr } = await me.ci('keys list --older-than 90d --fields name');
    expect([code, stdout]).toEqual([0, 'old\n']);
    expect(stderr).toBe("2 keys aren't listed, because the API doesn't say when they were created.\n");
  });
});

describe('keys list --unused-for', () => {
  test('lists the keys whose last use is longer ago, or that were created longer ago and never used', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const busy = await creditKey(api.box, { name: 'busy' });
    const retired = await creditKey(api.box, { name: 'retired' });
    await creditKey(api.box, { name: 'forgotten' });
    const chat = ({ apiKey: key }: { readonly apiKey: string }) =>
      api.box.call('POST', '/v1/chat/completions', { body: hello, key });
    await chat(retired);
    await api.box.advance(40 * day);
    await creditKey(api.box, { name: 'fresh' });
    await chat(busy);
    expect(await namesOf(me, '--unused-for 30d')).toEqual(['forgotten', 'retired']);
    expect(await namesOf(me, '--unused-for 30d --older-than 41d')).toEqual([]);
    expect(api.requests).not.toContain(usage);
  });

  test('prints IDs that `keys delete` takes', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await creditKey(api.box, { name: 'forgotten' });
    await api.box.advance(40 * day);
    await creditKey(api.box, { name: 'fresh' });
    const { code } = await me.sh("ci keys list --unused-for 30d --json | jq -r '.[].id' | xargs ci keys delete --yes");
    expect([code, await namesOf(me, '')]).toEqual([0, ['fresh']]);
  });

  const undated = [
    { id: 'a', name: 'busy', createdAt: ago(90 * day) },
    { id: 'b', name: 'idle', createdAt: ago(90 * day) },
    { id: 'c', name: 'occasional', createdAt: ago(90 * day) },
    { id: 'd', name: 'fresh', createdAt: ago(day) },
    { id: 'e', name: 'uncounted', createdAt: ago(90 * day) },
  ];
  const counted = [used('a', 1, 2, 3, 4), used('b', 0, 0, 0, 0), used('c', 0, 0, 0, 4), used('d', 0, 0, 0, 0)];

  test('reads the usage once if the list has no last use, and leaves out what it cannot tell', async () => {
    const { api, me } = await apiWith(undated, counted);
    const first = await me.ci('keys list --unused-for 30d --fields name');
    expect([first.code, first.stdout, api.requests]).toEqual([0, 'idle\n', [listing, usage]]);
    expect(first.stderr).toBe("2 keys aren't listed, because the API doesn't say when they were last used.\n");
    const second = await me.ci('keys list --unused-for 7d --fields name');
    expect([second.stdout, api.requests.filter((name) => name === usage)]).toEqual(['idle\noccasional\n', [usage]]);
    expect(second.stderr).toBe(
      "Usage updated less than a minute ago.\n1 key isn't listed, because the API doesn't say when it was last used.\n",
    );
  });

  test('shares the cache with `ci usage`, and the limit of its requests', async () => {
    const { api, me } = await apiWith(undated, counted);
    await me.ci('keys list --unused-for 30d');
    expect((await me.ci('usage')).stderr).toMatch(/\b11 refreshes left\b/);
    expect(api.requests.filter((name) => name === usage)).toHaveLength(1);
  });

  test('reads the usage again if the cache is old for the time', async () => {
    const { api, me } = await apiWith(undated, counted);
    await me.ci('keys list --unused-for 30d');
    ageCache(me, hour / 2);
    expect((await me.ci('keys list --unused-for 30d')).stderr).toMatch(/^Usage updated 30 minutes ago\.\n/);
    expect(api.requests.filter((name) => name === usage)).toHaveLength(1);
    await me.ci('keys list --unused-for 2h');
    expect(api.requests.filter((name) => name === usage)).toHaveLength(2);
    ageCache(me, 1.5 * hour);
    await me.ci('keys list --unused-for 30d');
    expect(api.requests.filter((name) => name === usage)).toHaveLength(3);
  });

  test('does not read the usage for more than 30 days, which it cannot prove', async () => {
    const { api, me } = await apiWith(undated, counted);
    const { code, stdout, stderr } = await me.ci('keys list --unused-for 60d');
    expect([code, stdout, api.requests]).toEqual([0, '', [listing]]);
    expect(stderr).toBe("4 keys aren't listed, because the API counts usage for 30 days only.\n");
  });

  test('does not read the usage if the age of the keys is enough', async () => {
    const { api, me } = await apiWith([{ id: 'd', name: 'fresh', createdAt: ago(day) }], counted);
    expect(await me.ci('keys list --unused-for 30d')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(api.requests).toEqual([listing]);
  });

  test('exits with code 7 if the usage is needed and its requests are used up', async () => {
    const { me } = await apiWith(undated);
    const { code, stdout, stderr } = await me.ci('keys list --unused-for 30d');
    expect([code, stdout]).toEqual([7, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('12 requests per 12 hours');
  });

  test.each(['--unused-for', '--older-than'])(
    '%s refuses what is not a duration, and sends nothing',
    async (option) => {
      const { api, me } = await apiWith(undated, counted);
      const { code, stdout, stderr } = await me.ci(`keys list ${option} month`);
      expect([code, stdout, api.requests]).toEqual([2, '', []]);
      expect(stderr).toBe(
        `ci: "month" is not a valid duration for ${option}. Use a number and a unit, such as 500ms, 30s, 5m, 6h or 30d.\n`,
      );
    },
  );

  test('shows the last use from the cached usage on a terminal, without a request', async () => {
    const { api, me } = await apiWith(undated, counted);
    const rowsOf = async () =>
      (await shown(me, 'keys list --fields name,createdAt,lastUsedAt')).rows
        .filter((row) => row.trim() !== '')
        .slice(-5)
        .map((row) => row.trim().split(/ {2,}/));
    expect(await rowsOf()).toEqual([
      ['busy', '3 months', 'unknown'],
      ['idle', '3 months', 'unknown'],
      ['occasional', '3 months', 'unknown'],
      ['fresh', '1 day', 'unknown'],
      ['uncounted', '3 months', 'unknown'],
    ]);
    await me.ci('usage');
    expect(await rowsOf()).toEqual([
      ['busy', '3 months', 'last hour'],
      ['idle', '3 months', 'before the last 30 days'],
      ['occasional', '3 months', 'last 30 days'],
      ['fresh', '1 day', 'never'],
      ['uncounted', '3 months', 'unknown'],
    ]);
    expect(api.requests.filter((name) => name === usage)).toHaveLength(1);
    expect(cells((await me.ci('keys list --fields name,createdAt,lastUsedAt')).stdout)[0]).toEqual([
      'busy',
      ago(90 * day),
      '',
    ]);
  });
});

describe('keys list', () => {
  test('shows ages and last uses on a terminal, and times in JSON', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    await creditKey(api.box, { name: 'old' });
    await api.box.advance(21 * day);
    const { rows } = await shown(me, 'keys list', { columns: 160 });
    expect(rows.find((row) => row.startsWith('ID'))).toMatch(/ AGE +LAST USED /);
    expect(rows.find((row) => row.includes('old'))).toMatch(/ 3 weeks +never/);
    const [key] = [json(await me.ci('keys list --jq .[0]'))];
    expect(textAt(key, 'createdAt')).toBe('2026-04-14T09:00:00.000Z');
  });
});
