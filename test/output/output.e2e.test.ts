import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { cells, json, lines, namesIn, oneLine, sandboxUser, type User, user, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { needs } from '../support/programs.ts';
import { at, listAt } from '../support/sandbox.ts';
import { answer, data, recordedSandbox, server } from '../support/servers.ts';

const banner = /^Sandbox: .*\n$/;

/** Creates a customer with a subscription and two keys. */
async function sandboxCustomer(): Promise<User> {
  const me = sandboxUser();
  await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes');
  await me.ci('keys create client-acme --credit --max-budget 25');
  return me;
}

describe('every command, in every format, prints only its result on stdout', () => {
  const reads = [
    ['pools list', 'list'],
    ['pools list --available', 'list'],
    ['pools view kimi26', 'object'],
    ['pools quote kimi26 --blocks europe', 'object'],
    ['pools subscribe kimi26 --blocks asia --dry-run', 'object'],
    ['pools subscriptions', 'list'],
    ['pools subscriptions kimi26', 'list'],
    ['keys list', 'list'],
    ['billing status', 'object'],
    ['auth status', 'object'],
    ['sandbox path', 'object'],
  ] as const;

  test.each(reads)('%s', async (line, kind) => {
    const me = await sandboxCustomer();
    const [asJson, asYaml, asCsv, asTsv, asTable] = await Promise.all(
      ['--json', '-o yaml', '-o csv', '', '-o table'].map((format) => me.ci(`${line} ${format}`)),
    );
    for (const each of [asJson, asYaml, asCsv, asTsv, asTable]) {
      expect(each?.code).toBe(0);
      expect(each?.stdout).toMatch(/\S\s*\n$/);
      expect(each?.stdout).not.toMatch(/\x1b|Sandbox:|Dry run/);
    }
    const value = json({ stdout: asJson?.stdout ?? '' });
    expect(Array.isArray(value) ? 'list' : typeof value).toBe(kind);
    expect(parseYaml(asYaml?.stdout ?? '')).toEqual(value);

    const [header = [], ...rows] = csvRows(asCsv?.stdout ?? '');
    expect(rows.length).toBe(Array.isArray(value) ? value.length : 1);
    for (const row of rows) expect(row).toHaveLength(header.length);

    const table = cells(asTsv?.stdout ?? '');
    if (kind === 'list') expect(table).toEqual(rows);
    else if (line !== 'sandbox path') expect(table).toEqual(header.map((field, column) => [field, rows[0]?.[column]]));
  });

  test.each([
    ['pools subscribe kimi26 --blocks asia --yes'],
    ['pools subscribe kimi26 --blocks asia --quantity 2 --create-key seat --yes'],
    ['pools subscribe kimi26 --blocks europe --ensure --yes'],
    ['keys create another'],
    ['keys create another --credit'],
    ['keys delete prod --yes'],
    ['keys delete prod client-acme --yes'],
    ['sandbox reset'],
    ['sandbox reset --no-card'],
    ['sandbox advance 1h'],
  ])('%s', async (line) => {
    const formats = ['--json', '-o yaml', '-o csv', ''];
    const results = await Promise.all(formats.map(async (format) => (await sandboxCustomer()).ci(`${line} ${format}`)));
    for (const { code, stdout, stderr } of results) {
      expect([code, stderr.replace(/^(?:Sandbox|Already covered).*\n/gm, '')]).toEqual([0, '']);
      expect(stdout).not.toMatch(/\x1b|Sandbox:|✓/);
    }
    const [asJson = '', asYaml = '', asCsv = '', asTsv = ''] = results.map(({ stdout }) => stdout);
    expect(namesIn(parseYaml(asYaml))).toEqual(namesIn(json({ stdout: asJson })));
    const [header = [], ...rows] = csvRows(asCsv);
    for (const row of rows) expect(row).toHaveLength(header.length);
    expect(rows.length).toBeGreaterThan(0);
    expect(cells(asTsv)[0]?.length).toBeGreaterThan(1);
  });
});

describe('JSON', () => {
  test('has the data of the API, with money as numbers and unknown fields kept', async () => {
    const pool = {
      id: 7,
      slug: 'new',
      minPricePerDay: '39.00',
      annualDiscount: 0.15,
      region: { name: 'eu' },
      blocks: null,
    };
    const api = await server(data([pool]));
    const list = await userOf(api).ci('pools list --json');
    expect(json(list)).toEqual([{ ...pool, id: '7', minPricePerDay: 39 }]);
  });

  test('accepts older responses, which have no envelope', async () => {
    const api = await server(answer(200, [{ id: 'a', slug: 'old', status: 'active', minPricePerDay: 25 }]));
    const list = await userOf(api).ci('pools list');
    expect([list.code, cells(list.stdout)[0]?.slice(0, 4)]).toEqual([0, ['old', '', 'active', '25.00']]);
  });

  test('is [] for an empty list, and TSV is empty', async () => {
    const me = sandboxUser();
    expect((await me.ci('keys list --json')).stdout).toBe('[]\n');
    expect((await me.ci('pools subscriptions --json')).stdout).toBe('[]\n');
    expect(await me.ci('keys list')).toMatchObject({ code: 0, stdout: '' });
    expect(await me.ci('pools list --model nothing-like-it')).toMatchObject({ code: 0, stdout: '' });
    expect((await me.ci('pools list --model nothing-like-it -o csv')).stdout).toBe(
      'slug,modelName,status,minPricePerDay,asia,europe,americas,asia.pricePerMonth,europe.pricePerMonth,americas.pricePerMonth\r\n',
    );
  });

  test('is chosen by CHEAPESTINFERENCE_OUTPUT, which options override', async () => {
    const me = sandboxUser({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    json(await me.ci('pools list'));
    expect((await me.ci('pools list -o csv')).stdout).toMatch(/^slug,/);
  });
});

test('global options work before and after the command', async () => {
  const me = user();
  const after = await me.ci('pools list --sandbox --json --fields slug --no-color --timeout 20s');
  const before = await me.ci('--sandbox --json --fields slug --no-color --timeout 20s pools list');
  const between = await me.ci('pools --sandbox --json list --fields slug');
  expect(after.stdout).toBe(
    '[{"slug":"kimi26"},{"slug":"minimax-m3"},{"slug":"glm5"},{"slug":"deepseek-v4"},{"slug":"qwen35"}]\n',
  );
  expect([before.stdout, between.stdout]).toEqual([after.stdout, after.stdout]);
  expect(after.stderr).toBe('');
});

describe('filters of pools list', () => {
  test.each([
    ['--available', 'kimi26 minimax-m3 glm5'],
    ['--blocks americas', 'kimi26 glm5'],
    ['--blocks asia,europe', 'kimi26 minimax-m3 glm5'],
    ['--block americas', 'kimi26 glm5'],
    ['--model KIMI', 'kimi26'],
    ['--status paused', 'qwen35'],
    ['--status active --blocks americas --model glm', 'glm5'],
  ])('%s', async (filter, slugs) => {
    const { stdout } = await sandboxUser().ci(`pools list ${filter} --fields slug`);
    expect(lines(stdout)).toEqual(slugs.split(' '));
  });

  test.each(['open', 'ACTIVE', 'draft', ''])('--status "%s" is refused with the known words', async (status) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(['pools', 'list', '--status', status]);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toBe(
      `ci: "${status}" is not a valid value for --status. Choose active, funding, activating or paused.\n`,
    );
  });

  test.each([
    ['kimi', 'Did you mean kimi26? '],
    ['glm', 'Did you mean glm5? '],
    ['gpt', ''],
  ])('the error for the pool %s suggests near names only', async (name, suggestion) => {
    const { code, stderr } = await sandboxUser().ci(`pools view ${name}`);
    expect(code).toBe(5);
    expect(lines(stderr).at(-1)).toBe(
      `ci: Pool "${name}" doesn't exist. ${suggestion}Run \`ci pools list\` to see all pools.`,
    );
  });
});

describe('--fields', () => {
  test('picks fields in the given order, in every format', async () => {
    const me = sandboxUser();
    const line = 'pools list --model kimi --fields status,slug';
    expect((await me.ci(line)).stdout).toBe('active\tkimi26\n');
    expect((await me.ci(`${line} -o csv`)).stdout).toBe('status,slug\r\nactive,kimi26\r\n');
    expect((await me.ci(`${line} -o yaml`)).stdout).toBe('- status: active\n  slug: kimi26\n');
    expect((await me.ci(`${line} --json`)).stdout).toBe('[{"status":"active","slug":"kimi26"}]\n');
    expect((await me.ci(`${line} -o table`)).stdout).toBe('STATUS  POOL\nactive  kimi26\n');
  });

  test('picks fields of an object', async () => {
    const me = sandboxUser();
    expect((await me.ci('billing status --fields creditBalance')).stdout).toBe('creditBalance\t25.00\n');
    expect((await me.ci('billing status --fields creditBalance --json')).stdout).toBe('{"creditBalance":25}\n');
  });

  test.each([
    ['pools list', 'slug'],
    ['pools view kimi26', 'hourSlots'],
    ['pools quote kimi26 --blocks europe', 'charge'],
    ['pools subscriptions', 'currentPeriodEnd'],
    ['keys list', 'keyType'],
    ['billing status', 'creditBalance'],
    ['auth status', 'managementKeyOrigin'],
    ['sandbox path', 'folder'],
  ])('refuses an unknown field of %s with exit code 2, and lists the known ones', async (line, known) => {
    for (const format of ['', '--json', '-o csv']) {
      const { code, stdout, stderr } = await sandboxUser().ci(`${line} --fields nope ${format}`);
      expect([format, code, stdout]).toEqual([format, 2, '']);
      expect(lines(stderr).at(-1)).toMatch(new RegExp(`nope.*${known}`));
    }
  });

  test.each([
    ['pools subscribe kimi26 --blocks europe --yes', 'monthlyPrice'],
    ['keys create prod', 'apiKey'],
    ['keys delete prod --yes', 'deleted'],
  ])('refuses an unknown field of %s before anything is sent', async (line, known) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(`${line} --fields nope`);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(known);
  });

  test.each([['sandbox reset'], ['sandbox advance 30d']])(
    'refuses an unknown field of %s before anything changes',
    async (line) => {
      const me = await sandboxCustomer();
      const before = await me.ci('pools subscriptions --json');
      expect((await me.ci(`${line} --fields nope`)).code).toBe(2);
      expect((await me.ci('pools subscriptions --json')).stdout).toBe(before.stdout);
    },
  );

  test('refuses an empty name with exit code 2', async () => {
    const { code, stderr } = await userOf({ url: 'http://127.0.0.1:9' }).ci('pools list --fields slug,');
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  });
});

describe('an error with --json', () => {
  test.each([
    ['an unknown command', 'frob', 2, 'usage'],
    ['an unknown verb', 'pools frob', 2, 'usage'],
    ['an unknown option', 'pools list --frob', 2, 'usage'],
    ['too many arguments', 'pools list everything', 2, 'usage'],
    ['a missing argument', 'sandbox advance', 2, 'usage'],
    ['an option without its value', 'pools quote kimi26 --blocks', 2, 'usage'],
    ['a bad value', 'pools quote kimi26 --blocks mars', 2, 'usage'],
    ['a bad duration', 'pools list --timeout never', 2, 'usage'],
    ['an unknown field', 'pools list --fields nope', 2, 'usage'],
    ['two formats', 'pools list -o csv', 2, 'usage'],
    ['a question without a terminal', 'pools view', 2, 'input_required'],
    ['missing consent', 'pools subscribe kimi26 --blocks europe', 2, 'confirmation_required'],
    ['an unknown pool', 'pools view nope', 5, 'not_found'],
    ['an unknown key', 'keys delete nope --yes', 5, 'not_found'],
    ['a sold-out block', 'pools subscribe minimax-m3 --blocks americas --yes', 6, 'unavailable'],
    ['a price too high', 'pools subscribe kimi26 --blocks europe --max-price 1 --yes', 8, 'price_above_maximum'],
    ['a key without a subscription', 'keys create prod', 1, 'invalid_request'],
    ['no saved key', 'auth logout', 4, 'not_signed_in'],
  ])('is one object on stderr, with empty stdout (%s)', async (_what, line, exitCode, errorCode) => {
    const api = await recordedSandbox();
    for (const flagged of [`${line} --json`, `--json ${line}`]) {
      const { code, stdout, stderr } = await userOf(api).ci(flagged);
      expect([flagged, code, stdout]).toEqual([flagged, exitCode, '']);
      expect(stderr).toMatch(/^\{.*\}\n$/);
      const parsed: unknown = JSON.parse(stderr);
      expect(namesIn(parsed)).toEqual(['error']);
      const error = at(parsed, 'error');
      expect(namesIn(error)).toEqual(['code', 'message', 'hint', 'status', 'retryable', 'outcome']);
      expect(error).toMatchObject({ code: errorCode, message: expect.stringMatching(/\S/), retryable: false });
    }
  });

  test('is the same with -o json, or the format from the environment', async () => {
    const me = user({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    const asked = await me.ci('pools frob -o json');
    expect(at(JSON.parse(asked.stderr), 'error', 'code')).toBe('usage');
    expect((await me.ci('pools frob')).stderr).toBe(asked.stderr);
    expect((await me.ci('pools frob --output=json')).stderr).toBe(asked.stderr);
  });

  test('has an outcome only for changes', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const change = await me.ci('pools subscribe minimax-m3 --blocks americas --yes --json');
    expect(at(JSON.parse(change.stderr), 'error', 'outcome')).toBe('not_applied');
    const read = await me.ci('pools view nope --json');
    expect(at(JSON.parse(read.stderr), 'error')).toMatchObject({ outcome: null, status: 404 });
  });

  test('is the last line on stderr in the sandbox', async () => {
    const { code, stdout, stderr } = await sandboxUser().ci('pools view nope --json');
    expect([code, stdout]).toEqual([5, '']);
    expect(JSON.parse(lines(stderr).at(-1) ?? '')).toMatchObject({ error: { code: 'not_found' } });
  });
});

describe('in a shell', () => {
  test("ci pools list --json | jq -r '.[0].slug'", async (context) => {
    needs(context, 'jq');
    const { code, stdout } = await sandboxUser().sh("ci pools list --json | jq -r '.[0].slug'");
    expect([code, stdout]).toEqual([0, 'kimi26\n']);
  });

  test('ci keys list | cut -f1', async () => {
    const me = await sandboxCustomer();
    const ids = listAt(json(await me.ci('keys list --json'))).map((key) => at(key, 'id'));
    const { code, stdout } = await me.sh('ci keys list | cut -f1');
    expect([code, lines(stdout)]).toEqual([0, ids]);
  });

  test("ci pools list | grep | awk -F'\\t'", async () => {
    const { stdout } = await sandboxUser().sh(
      "ci pools list | grep active | awk -F'\\t' '$7 != \"sold-out\" {print $1}'",
    );
    expect(stdout).toBe('kimi26\nglm5\n');
  });

  test.each([
    [
      'pools list | head -1',
      'kimi26\tKimi K2.6\tactive\t39.00\tavailable\tavailable\tavailable\t39.00\t49.00\t45.00\n',
    ],
    ['pools view kimi26 --json | head -c 1', '{'],
    ['pools --help | head -1', 'Usage: ci pools <command> [options]\n'],
  ])('ci %s ends without an error', async (line, first) => {
    const { code, stdout, stderr } = await sandboxUser().sh(`{ ci ${line.replace(' |', '; echo "exit $?" >&2; } |')}`);
    expect([code, stdout]).toEqual([0, first]);
    expect(stderr.replace(banner, '').replace(/Sandbox: .*\n/, '')).toBe('exit 0\n');
  });

  test('ci pools view | true succeeds', async () => {
    const { stderr } = await sandboxUser().sh('{ ci pools view kimi26 --json; echo "exit $?" >&2; } | true');
    expect(stderr.replace(/Sandbox: .*\n/, '')).toBe('exit 0\n');
  });

  test('a slow reader gets a long result complete', async (context) => {
    needs(context, 'jq');
    const { stdout } = await sandboxUser().sh(
      "ci pools view kimi26 --json | (read -r line; printf '%s' \"$line\") | jq '.hourSlots | length'",
    );
    expect(stdout).toBe('240\n');
  });
});

test('text from the API cannot control a terminal or break a line of TSV', async () => {
  const evil = '\u001b[2J\u001b]0;title\u0007Ki\tmi\nK2\u202e';
  const api = await server(data([{ id: '1', slug: 'evil', modelName: evil, status: 'active' }]));
  const me = userOf(api);
  expect((await me.ci('pools list')).stdout).toBe('evil\tKi mi K2\tactive\t\tunknown\tunknown\tunknown\t\t\t\n');
  const table = await me.ci('pools list -o table');
  expect(table.stdout).toMatch(/^evil +Ki mi K2 +active/m);
  expect(table.stdout).not.toMatch(/\x1b|\x07|\u202e/);
  expect(at(json(await me.ci('pools list --json')), 0, 'modelName')).toBe(evil);
});
