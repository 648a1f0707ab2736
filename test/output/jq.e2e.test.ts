import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, lines, namesIn, oneLine, sandboxUser, user, userOf } from '../support/cli.ts';
import { stateFiles, undeliveredIn } from '../support/lost.ts';
import { needs } from '../support/programs.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';
import { enter, onTerminal, shown } from '../support/terminal.ts';

/** Returns the arguments of `ci` with a jq expression. */
function filtered(line: string, program: string): string[] {
  return [...line.split(' '), '--jq', program];
}

describe('--jq', () => {
  test.each([
    ['.[0].slug', 'kimi26\n'],
    ['.[].slug', 'kimi26\nminimax-m3\nglm5\ndeepseek-v4\nqwen35\n'],
    ['.[0].minPricePerDay', '39\n'],
    ['.[0] | {slug, status}', '{"slug":"kimi26","status":"active"}\n'],
    ['[.[].slug] | length', '5\n'],
    ['.[0].models', '["kimi-k2.6"]\n'],
    ['.[0].nothing', 'null\n'],
    ['.[0].manualProvisioning', 'false\n'],
    ['empty', ''],
    ['.[] | select(.status == "nothing")', ''],
    ['.[0] | "\\(.slug)\\t\\(.status)"', 'kimi26\tactive\n'],
    ['.[0].slug, .[1].slug', 'kimi26\nminimax-m3\n'],
    ['.[0:2][] | [.slug, .totalSlots] | @tsv', 'kimi26\t10\nminimax-m3\t10\n'],
    ['map(.totalSlots) | add # all of them', '46\n'],
    ['def double: . * 2; .[0].totalSlots | double', '20\n'],
    ['"ü\\n"', 'ü\n\n'],
    ['""', '\n'],
    ['"", .[0].slug, ""', '\nkimi26\n\n'],
    ['.[0].slug as $slug | $slug', 'kimi26\n'],
    ['first(.[]) | .slug', 'kimi26\n'],
  ])('prints the same as jq for %s', async (program, expected) => {
    expect(await sandboxUser().ci(filtered('pools list', program))).toMatchObject({ code: 0, stdout: expected });
  });

  test('prints the same as jq -r -c', async (context) => {
    needs(context, 'jq');
    const me = sandboxUser();
    const input = (await me.ci('pools list --json')).stdout;
    for (const program of [
      '.',
      '.[]',
      '..|numbers',
      'group_by(.status) | map({status: .[0].status, slugs: map(.slug)})',
      '.[] | .blocks[]? | select(.status == "sold-out")',
      'sort_by(.minPricePerDay) | reverse | .[].slug',
      'map(select(.status | test("^a"))) | length',
      'to_entries[] | "\\(.key) \\(.value.slug)"',
      '.[0] | keys',
      '[.[].minPricePerDay] | max, min',
      'reduce .[] as $pool (0; . + $pool.totalSlots)',
      '.[0].slug | @base64, @json, @uri, ascii_upcase',
      'try error("x") catch .',
      '[limit(3; .[].slug)]',
      '.[0].annualDiscount * 100 | round',
      '"2026-04-14T09:00:00Z" | fromdate',
    ]) {
      const expected = spawnSync('jq', ['-r', '-c', program], { input, encoding: 'utf8' });
      expect([program, (await me.ci(filtered('pools list', program))).stdout]).toEqual([program, expected.stdout]);
    }
  });

  test('works before and after the command, and with an attached expression', async () => {
    const me = sandboxUser();
    for (const line of ['pools list --jq .[0].slug', '--jq .[0].slug pools list', 'pools list --jq=.[0].slug']) {
      expect((await me.ci(line)).stdout).toBe('kimi26\n');
    }
    expect((await me.ci('pools list --json --jq .[0].slug')).stdout).toBe('kimi26\n');
    expect((await me.ci('pools list -o json --jq .[0].slug')).stdout).toBe('kimi26\n');
  });

  test('filters the fields that --fields picks', async () => {
    const me = sandboxUser();
    expect((await me.ci('pools list --fields slug,status --jq .[0]')).stdout).toBe(
      '{"slug":"kimi26","status":"active"}\n',
    );
    expect((await me.ci('pools list --fields slug --jq .[0].status')).stdout).toBe('null\n');
    const { code, stdout } = await me.ci('pools list --fields nothing --jq .');
    expect([code, stdout]).toEqual([2, '']);
  });

  test.each([
    ['config path', '.file|endswith("config.json")', 'true\n'],
    [
      'config list',
      '.[].key',
      'output\ntimeout\nmax-monthly-spend\nsettling-time\ndefault-key\nmax-key-age\nstate-url\n',
    ],
    ['history', 'length', '0\n'],
    ['history --all', 'length', '0\n'],
    ['history reconcile', 'length', '0\n'],
    ['sandbox path', '.folder|length>0', 'true\n'],
    ['open docs', '.place', 'docs\n'],
    ['auth list', 'length', '0\n'],
    ['pools view kimi26', '.hourSlots|length', '240\n'],
    ['pools quote kimi26 --blocks all', '.monthlyPrice', '133\n'],
    ['billing status', '.creditBalance', '25\n'],
    ['billing credits', '.remaining', '25\n'],
    ['status', '.problems|length', '0\n'],
    ['status --check', 'length', '0\n'],
    ['usage', 'length', '0\n'],
    ['plans list', 'length', '0\n'],
    ['agent plans', '.[0].blocks|map(.priceUsdc)|add', '133\n'],
    ['doctor', '[.[]|select(.status!="ok")]|length', '0\n'],
    ['auth token', '.managementKey', 'mk_sandbox\n'],
    ['api GET /api/pools', '.data[0].slug', 'kimi26\n'],
  ])('works with ci %s', async (line, program, expected) => {
    const { code, stdout } = await sandboxUser().ci(filtered(line, program));
    expect([code, stdout]).toEqual([0, expected]);
  });

  test('passes no control sequence to a terminal', async () => {
    const { code, written } = await shown(sandboxUser(), filtered('pools list', '.[0].slug + "\\u001b[31m\\u009b31m"'));
    expect([code, written]).toEqual([0, expect.stringContaining('kimi26')]);
    expect(written).not.toMatch(/\x1b\[31m|\x9b/);
  });

  test.each([
    ['-o csv', 'pools list --jq .[0] -o csv'],
    ['-o table', 'pools list --jq .[0] -o table'],
  ])('cannot be combined with %s', async (_what, line) => {
    const { code, stdout, stderr } = await sandboxUser().ci(line);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/--jq/);
  });

  test('prints errors as JSON', async () => {
    const { code, stdout, stderr } = await user().ci('pools lst --jq .');
    expect([code, stdout]).toEqual([2, '']);
    expect(namesIn(at(JSON.parse(stderr), 'error'))).toEqual([
      'code',
      'message',
      'hint',
      'status',
      'retryable',
      'outcome',
    ]);
    const api = await recordedSandbox();
    const missing = await userOf(api).ci('pools view nothing --jq .slug');
    expect([missing.code, at(JSON.parse(missing.stderr), 'error', 'code')]).toEqual([5, 'not_found']);
  });
});

describe('an invalid jq expression', () => {
  const broken = [
    '.[',
    '.[0',
    'nothing_like_it',
    '.a b',
    '| .',
    ')',
    '.) , (.',
    'if . then',
    '$missing',
    '"open',
    '{a:',
    'def f: .;',
  ];

  test.each(broken)('%s exits with code 2 and sends nothing', async (program) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(filtered('pools list', program));
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(/^\{.*\}\n$/);
    const error = at(JSON.parse(stderr), 'error');
    expect(error).toMatchObject({ code: 'usage', retryable: false });
    expect(textAt(error, 'message')).toContain(program);
    expect(textAt(error, 'message')).not.toMatch(/<top-level>|checked|wasm/);
  });

  test.each([
    ['pools subscribe kimi26 --blocks europe --yes'],
    ['keys create prod'],
    ['keys create prod --credit'],
    ['pools cancel kimi26 --yes'],
    ['billing topup 25'],
    ['billing card'],
    ['billing verify 0x0123456789012345678901234567890123456789012345678901234567890123 --amount 25'],
    ['billing subscribe pro --yes'],
    ['billing cancel sub_1 --yes'],
  ])('makes ci %s send nothing and report that nothing was changed', async (line) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(filtered(line, '.['));
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'usage', outcome: 'not_applied' });
  });

  test('is reported before any question', async () => {
    const api = await recordedSandbox();
    const { code, screen } = await shown(userOf(api), filtered('pools subscribe kimi26 --blocks europe', '.['));
    expect([code, api.requests, screen.includes('Charge')]).toEqual([2, [], false]);
  });

  test.each(['pools subscribe kimi26 --blocks europe --yes', 'keys create prod --credit', 'config set output json'])(
    'is refused as early as an unknown field by ci %s',
    async (line) => {
      const api = await recordedSandbox();
      const { code, stdout, stderr } = await userOf(api).ci(`${line} --fields nothing`);
      expect([code, stdout, api.requests]).toEqual([2, '', []]);
      expect(stderr).toMatch(oneLine);
    },
  );
});

describe('a jq expression that fails', () => {
  test.each(['.[0].slug.x', 'error("mine")', '.[] | .slug | tonumber', '.slug', '.[0].slug, error("late")'])(
    'exits with 1 and prints nothing: %s',
    async (program) => {
      const { code, stdout, stderr } = await sandboxUser().ci(filtered('pools list', program));
      expect([code, stdout]).toEqual([1, '']);
      const error = at(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''), 'error');
      expect(error).toMatchObject({ code: 'filter_failed', outcome: null });
      expect(textAt(error, 'message')).not.toMatch(/^jq: error|\(at /);
    },
  );

  test('reports that ci pools subscribe bought the seat', async () => {
    const api = await recordedSandbox();
    const line = 'pools subscribe kimi26 --blocks europe --yes';
    const { code, stdout, stderr } = await userOf(api).ci(filtered(line, 'error("mine")'));
    expect([code, stdout, listAt(await api.box.seen(), 'subscriptions').length]).toEqual([1, '', 1]);
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'filter_failed', outcome: 'applied' });
  });

  test('reports that ci keys create succeeded, and where the secret is', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const { code, stdout, stderr } = await me.ci(filtered('keys create prod --credit', 'error("mine")'));
    expect([code, stdout, listAt(await api.box.seen(), 'keys').length]).toEqual([1, '', 1]);
    const [error = '', ...more] = lines(stderr);
    const file = undeliveredIn(error);
    expect(at(JSON.parse(error), 'error')).toMatchObject({
      code: 'filter_failed',
      outcome: 'applied',
      hint: `The key was created. Its secret is in ${file}.`,
    });
    expect([path.dirname(file), more]).toEqual([path.join(me.home, '.local/state/cheapestinference'), []]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expectKey(api, readFileSync(file, 'utf8'));
  });

  test.each([
    ['', 'stored on this machine. Use it with `ci run -- COMMAND`.', 'keys secret prod'],
    [' --save .env', 'in {home}/.env, as CHEAPESTINFERENCE_API_KEY.', undefined],
  ])(
    'reports that ci pools subscribe --create-key%s succeeded, and where the secret is',
    async (flags, words, line) => {
      const api = await recordedSandbox();
      const me = userOf(api);
      const subscribe = `pools subscribe kimi26 --blocks europe --create-key prod --yes${flags}`;
      const { code, stdout, stderr } = await me.ci(filtered(subscribe, 'error("mine")'));
      expect([code, stdout, listAt(await api.box.seen(), 'keys').length]).toEqual([1, '', 1]);
      expect(at(JSON.parse(stderr), 'error')).toMatchObject({
        code: 'filter_failed',
        outcome: 'applied',
        hint: `The key is ${words.replace('{home}', me.home)}`,
      });
      expect(stateFiles(me)).toEqual(['history.jsonl']);
      const saved = line === undefined ? readFileSync(path.join(me.home, '.env'), 'utf8') : (await me.ci(line)).stdout;
      await expectKey(api, saved.replace('CHEAPESTINFERENCE_API_KEY=', ''));
    },
  );

  /** Checks that a line is the secret of a key that works. */
  async function expectKey(api: Awaited<ReturnType<typeof recordedSandbox>>, line: string) {
    expect(line).toMatch(/^sk_sandbox_[A-Za-z0-9_-]{32}\n$/);
    const headers = { Authorization: `Bearer ${line.trim()}` };
    expect((await fetch(`${api.box.url}/v1/usage`, { headers })).status).toBe(200);
  }

  test('reports that pools cancel and billing topup succeeded', async () => {
    const api = await recordedSandbox();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    for (const line of ['pools cancel kimi26 --yes', 'billing topup 25']) {
      const { code, stdout, stderr } = await userOf(api).ci(filtered(line, '.x.y.z | error'));
      expect([code, stdout]).toEqual([1, '']);
      expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'filter_failed', outcome: 'applied' });
    }
    expect(api.changes.slice(-2)).toEqual(['DELETE /api/pools/kimi26/pledge', 'POST /api/billing/topup']);
  });

  test.each(['--dry-run', '--ensure --yes'])('reports no purchase with %s', async (flags) => {
    const api = await recordedSandbox();
    const me = userOf(api);
    if (flags.startsWith('--ensure')) await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const line = `pools subscribe kimi26 --blocks europe ${flags}`;
    const { code, stdout, stderr } = await me.ci(filtered(line, 'error("mine")'));
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(at(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''), 'error')).toMatchObject({
      code: 'filter_failed',
      outcome: 'not_applied',
    });
  });
});

test('prints the result after the question on a terminal', async () => {
  const api = await recordedSandbox();
  const session = onTerminal(userOf(api), filtered('pools subscribe kimi26 --blocks europe', '.status'));
  await session.shows('Charge $49.00 now?');
  session.type(`y${enter}`);
  expect(await session.exit).toBe(0);
  expect(session.screen).toMatch(/\nactive$/);
  expect(json(await userOf(api).ci('pools subscriptions --jq length'))).toBe(1);
});
