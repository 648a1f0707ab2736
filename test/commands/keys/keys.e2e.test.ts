import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, oneLine, sandboxUser, secret, settlesIn, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { errorOf, stateFiles } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import {
  answer,
  appliedThen,
  type Behavior,
  data,
  downFromChangeOn,
  type Instead,
  recordedSandbox,
  reset,
} from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

/** A customer with one subscription on kimi26. */
async function subscriber() {
  const { api, me } = await customer();
  const { stdout } = await me.ci('pools subscribe kimi26 --blocks europe --yes --json');
  return { api, me, subscriptionId: textAt(json({ stdout }), 'id') };
}

describe('keys create', () => {
  test('sends no body without a name and a subscription', async () => {
    const { api, me, subscriptionId } = await subscriber();
    const { code, stdout } = await me.ci('keys create');
    expect(code).toBe(0);
    expect(cells(stdout)).toEqual([[expect.any(String), 'default', expect.stringMatching(secret)]]);
    expect(api.received.at(-1)).toMatchObject({ method: 'POST', path: '/api/keys/subscription', body: '' });
    expect(await api.box.seen()).toMatchObject({ keys: [{ name: 'default', subscriptionId }] });
  });

  test('prints only the secret with --secret-only', async () => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci('keys create ci-run --secret-only');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^sk_sandbox_[A-Za-z0-9_-]{32}\n$/);
    const models = await fetch(`${api.url}/v1/models`, { headers: { Authorization: `Bearer ${stdout.trim()}` } });
    expect(models.status).toBe(200);
  });

  test('sets a shell variable with --secret-only', async () => {
    const me = sandboxUser();
    const { stdout } = await me.sh(
      'KEY="$(ci keys create x --credit --secret-only)" && printf "%s" "$KEY" | grep -cE "^sk_sandbox_[A-Za-z0-9_-]{32}$"',
    );
    expect(stdout).toBe('1\n');
  });

  test('uses the subscription that --subscription or --pool names', async () => {
    const { api, me, subscriptionId } = await subscriber();
    const later = json(await me.ci('pools subscribe minimax-m3 --blocks europe --yes --json'));
    await me.ci(`keys create first --subscription ${subscriptionId}`);
    await me.ci('keys create second --pool kimi26');
    await me.ci('keys create third --pool minimax-m3');
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([
      { name: 'first', subscriptionId },
      { name: 'second', subscriptionId },
      { name: 'third', subscriptionId: textAt(later, 'id') },
    ]);
  });

  test('uses the only seat without a key with --pool', async () => {
    const { api, me, subscriptionId } = await subscriber();
    await me.ci(`keys create first --subscription ${subscriptionId}`);
    const second = textAt(json(await me.ci('pools subscribe kimi26 --blocks asia --yes --json')), 'id');
    expect((await me.ci('keys create next --pool kimi26')).code).toBe(0);
    expect(listAt(await api.box.seen(), 'keys')).toMatchObject([
      { name: 'first' },
      { name: 'next', subscriptionId: second },
    ]);
  });

  test('lists the subscriptions on a --pool that has several, and exits with code 2 without a terminal', async () => {
    const { api, me, subscriptionId } = await subscriber();
    const second = textAt(json(await me.ci('pools subscribe kimi26 --blocks asia --yes --json')), 'id');
    const before = api.changes.length;
    const { code, stdout, stderr } = await me.ci('keys create x --pool kimi26');
    expect([code, stdout, api.changes.length]).toEqual([2, '', before]);
    const seats = [subscriptionId, second].map((id, at) => `${id}  kimi26  ${at === 0 ? 'europe' : 'asia'}`);
    expect(stderr.split('\n')[0]).toBe(
      'ci: You have several active subscriptions on kimi26. Pass one with --subscription:',
    );
    expect(stderr.trimEnd().split('\n').slice(1).sort()).toEqual(seats.map((seat) => `  ${seat}`).sort());
  });

  test('exits with 6 and a hint for a --pool without a subscription', async () => {
    const { api, me } = await subscriber();
    const before = api.changes.length;
    const { code, stderr } = await me.ci('keys create x --pool minimax-m3');
    expect([code, api.changes.length]).toEqual([6, before]);
    expect(stderr).toMatch(/ci pools subscribe minimax-m3/);
    expect((await me.ci('keys create x --pool nope')).code).toBe(5);
    expect((await me.ci('keys create x --subscription nope')).code).toBe(5);
  });

  test('suggests subscribing or --credit without a subscription', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).ci('keys create x');
    expect(code).toBe(1);
    expect(stderr).toMatch(/ci pools subscribe.*ci keys create NAME --credit/);
  });

  test('exits with 6 for a --pool that sends its keys by email', async () => {
    const { api, me } = await subscriber();
    await me.ci('pools subscribe glm5 --blocks asia --yes');
    const before = api.changes.length;
    const { code, stderr } = await me.ci('keys create x --pool glm5');
    expect([code, api.changes.length]).toEqual([6, before]);
    expect(stderr).toMatch(/by email/);
    expect(stderr).not.toMatch(/pools subscribe/);
  });

  test('exits with 5 for an unknown --subscription, and says where the IDs are', async () => {
    const { me } = await subscriber();
    const { code, stderr } = await me.ci('keys create x --subscription 00000000');
    expect([code, stderr]).toEqual([5, 'ci: Subscription not found. Run `ci pools subscriptions` to see the IDs.\n']);
  });

  test('creates a key with a budget and limits with --credit', async () => {
    const api = await recordedSandbox();
    const { code, stdout } = await userOf(api).ci(
      'keys create client-acme --credit --max-budget 25.50 --rpm 100 --tpm 50000 --json',
    );
    expect(code).toBe(0);
    expect(json({ stdout })).toMatchObject({ name: 'client-acme', apiKey: expect.stringMatching(secret) });
    expect(api.changes).toEqual(['POST /api/keys/credit']);
    expect(JSON.parse(api.received.at(-1)?.body ?? '')).toEqual({
      name: 'client-acme',
      maxBudget: 25.5,
      rpm: 100,
      tpm: 50_000,
    });
  });

  test.each([
    ['an empty name', ['keys', 'create', '']],
    ['a credit key without a name', ['keys', 'create', '--credit']],
    ['an empty pool', ['keys', 'create', 'x', '--pool', '']],
    ['an empty subscription', ['keys', 'create', 'x', '--subscription', '']],
    ['a pool and a subscription', ['keys', 'create', 'x', '--pool', 'kimi26', '--subscription', 'y']],
    ['a pool and credit', ['keys', 'create', 'x', '--pool', 'kimi26', '--credit']],
    ['a budget without credit', ['keys', 'create', 'x', '--max-budget', '25']],
    ['limits without credit', ['keys', 'create', 'x', '--rpm', '25']],
    ['a budget of zero', ['keys', 'create', 'x', '--credit', '--max-budget', '0']],
    ['a budget that is not a number', ['keys', 'create', 'x', '--credit', '--max-budget', 'much']],
    ['a fraction of a request per minute', ['keys', 'create', 'x', '--credit', '--rpm', '2.5']],
    ['zero tokens per minute', ['keys', 'create', 'x', '--credit', '--tpm', '0']],
    ['a variable without a file', ['keys', 'create', 'x', '--var', 'KEY']],
    ['an invalid variable name', ['keys', 'create', 'x', '--save', '.env', '--var', '1 KEY']],
    ['an empty file name', ['keys', 'create', 'x', '--save', '']],
    ['--save with --secret-only', ['keys', 'create', 'x', '--save', '.env', '--secret-only']],
    ['--ensure without a name', ['keys', 'create', '--ensure']],
    ['--reveal without --ensure', ['keys', 'create', 'x', '--reveal']],
  ])('exits with 2 and sends nothing for %s', async (_what, args) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(args);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('keys create --save', () => {
  const file = (home: string) => path.join(home, '.env');

  test("writes the secret to a file that only its owner can read, and doesn't print it", async () => {
    const { api, me } = await subscriber();
    const { code, stdout, stderr } = await me.ci('keys create prod --save .env');
    expect(code).toBe(0);
    const text = readFileSync(file(me.home), 'utf8');
    expect(text).toMatch(/^CHEAPESTINFERENCE_API_KEY=sk_sandbox_[A-Za-z0-9_-]{32}\n$/);
    expect(statSync(file(me.home)).mode & 0o777).toBe(0o600);
    const [apiKey = 'none'] = secret.exec(text) ?? [];
    expect(stdout + stderr).not.toContain(apiKey);
    const models = await fetch(`${api.url}/v1/models`, { headers: { Authorization: `Bearer ${apiKey}` } });
    expect(models.status).toBe(200);
  });

  test.each(['--json', '-o csv', '-o yaml', '-o table', '--fields apiKey', '--debug'])(
    "doesn't show the secret with %s",
    async (flags) => {
      const { me } = await subscriber();
      const { code, stdout, stderr } = await me.ci(`keys create prod --save .env ${flags}`);
      const [apiKey = 'none'] = secret.exec(readFileSync(file(me.home), 'utf8')) ?? [];
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(apiKey);
    },
  );

  test("doesn't show the secret on a terminal", async () => {
    const { me } = await subscriber();
    const { code, written } = await shown(me, 'keys create prod --save .env');
    const [apiKey = 'none'] = secret.exec(readFileSync(file(me.home), 'utf8')) ?? [];
    expect(code).toBe(0);
    expect(written).not.toContain(apiKey);
    expect(written).toContain('.env');
  });

  test('replaces its variable, and keeps every other line', async () => {
    const { me } = await subscriber();
    const before = '# mine\nexport OTHER="a b"\nLLM_KEY=old\n\nLAST=1';
    writeFileSync(file(me.home), before, { mode: 0o644 });
    expect((await me.ci('keys create prod --save .env --var LLM_KEY --force')).code).toBe(0);
    const text = readFileSync(file(me.home), 'utf8');
    const [apiKey = 'none'] = secret.exec(text) ?? [];
    expect(text).toBe(before.replace('old', apiKey));
    expect(statSync(file(me.home)).mode & 0o777).toBe(0o600);
  });

  test('adds its variable to a file that ends without a line break', async () => {
    const { me } = await subscriber();
    writeFileSync(file(me.home), 'LAST=1');
    await me.ci('keys create prod --save .env --var KEY');
    expect(readFileSync(file(me.home), 'utf8')).toMatch(/^LAST=1\nKEY=sk_sandbox_[A-Za-z0-9_-]{32}\n$/);
  });

  test("creates no key if the file can't be written", async () => {
    const { api, me } = await subscriber();
    const before = api.changes.length;
    for (const target of ['missing/.env', '.']) {
      const { code, stdout, stderr } = await me.ci(['keys', 'create', 'prod', '--save', target]);
      expect([code, stdout, api.changes.length]).toEqual([1, '', before]);
      expect(stderr).toMatch(oneLine);
    }
  });

  test('keeps the file unchanged if the key is refused', async () => {
    const me = sandboxUser();
    writeFileSync(file(me.home), 'KEEP=1\n');
    expect((await me.ci('keys create prod --save .env')).code).toBe(1);
    expect(readFileSync(file(me.home), 'utf8')).toBe('KEEP=1\n');
    // The record of changes alone is new: the room taken for an undeliverable secret is given back.
    expect((await me.sh('ls -A')).stdout).toBe('.env\n.local\nbin\ndata\n');
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test('saves a key that ci api uses for /v1', async () => {
    const { me } = await subscriber();
    await me.ci('keys create prod --save .env');
    const { code, stdout } = await me.sh('set -a; . ./.env; ci api GET /v1/models');
    expect([code, at(JSON.parse(stdout), 'data', 0, 'id')]).toEqual([0, 'kimi-k2.6']);
  });
});

describe('keys list', () => {
  test('masks secrets in every format', async () => {
    const { me } = await subscriber();
    const apiKey = (await me.ci('keys create prod --secret-only')).stdout.trim();
    const masked = `sk_sandbox_…${apiKey.slice(-4)}`;
    for (const format of ['', '--json', '-o csv', '-o yaml', '-o table', '--fields apiKey', '--debug']) {
      const { code, stdout, stderr } = await me.ci(`keys list ${format}`);
      expect([format, code, stdout.includes(masked)]).toEqual([format, 0, true]);
      expect(stdout + stderr).not.toContain(apiKey);
    }
    const { written } = await shown(me, 'keys list');
    expect(written).not.toContain(apiKey);
    for (const line of ['pools subscriptions', 'pools subscriptions --json']) {
      const { stdout } = await me.ci(line);
      expect(stdout).toContain(masked);
      expect(stdout).not.toContain(apiKey);
    }
  });

  test("prints each key in the API's fields, newest first", async () => {
    const { me, subscriptionId } = await subscriber();
    await me.ci('keys create prod');
    await me.ci('keys create client-acme --credit --max-budget 25');
    expect(json(await me.ci('keys ls --json'))).toMatchObject([
      { name: 'client-acme', keyType: 'credit', keyPlan: 'credits', isActive: true, maxBudget: 25 },
      { name: 'prod', keyType: 'subscription', keyPlan: 'kimi26', isActive: true, subscriptionId },
    ]);
    const rows = cells((await me.ci('keys list')).stdout);
    expect(rows.map((row) => row.slice(1, 4))).toEqual([
      ['client-acme', 'credit', 'true'],
      ['prod', 'subscription', 'true'],
    ]);
    expect(rows[0]).toContain('2026-04-14T09:00:00.000Z');
    expect(rows.map((row) => row.slice(-2))).toEqual([
      ['', 'false'],
      ['kimi26', 'false'],
    ]);
  });

  test('prints the pool of a key after its name, and looks it up if the list has no plans', async () => {
    const { me } = await subscriber();
    await me.ci('keys create prod');
    const { screen } = await shown(me, 'keys list', { columns: 120 });
    expect(screen).toMatch(/^ID +NAME +POOL +TYPE +.*\n\S+ +prod +kimi26 +subscription /);
    const api = await recordedSandbox({
      instead: ({ path: where }) => {
        if (where === '/api/keys') return data([{ id: 'k', name: 'prod', subscriptionId: 's' }]);
        return where === '/api/billing/status' ? data({ poolPledges: [{ id: 's', poolSlug: 'glm5' }] }) : undefined;
      },
    });
    expect(cells((await userOf(api).ci('keys list')).stdout)[0]?.slice(-2)).toEqual(['glm5', 'false']);
    expect(api.requests).toEqual(['GET /api/keys', 'GET /api/billing/status']);
    for (const format of ['--json', '-o yaml', '--jq .']) {
      const before = api.requests.length;
      await userOf(api).ci(`keys list ${format}`);
      expect([format, api.requests.slice(before)]).toEqual([format, ['GET /api/keys']]);
    }
  });
});

describe('keys delete', () => {
  /** Keys of these names, and their ids in the same order. */
  async function keys(...names: string[]) {
    const api = await recordedSandbox();
    const me = userOf(api);
    const ids: string[] = [];
    for (const name of names) ids.push(textAt(json(await me.ci(`keys create ${name} --credit --json`)), 'id'));
    const left = async () => listAt(await api.box.seen(), 'keys').map((key) => textAt(key, 'name'));
    return { api, me, ids, left };
  }

  test('revokes a key by name', async () => {
    const { me, ids, left } = await keys('a', 'b');
    const { code, stdout } = await me.ci('keys delete a --yes');
    expect([code, cells(stdout), await left()]).toEqual([0, [[ids[0], 'a', 'true']], ['b']]);
  });

  test('revokes a key by ID', async () => {
    const { me, ids, left } = await keys('a', 'b');
    const { code, stdout } = await me.ci(`keys rm ${ids[1]} --yes --json`);
    expect([code, json({ stdout }), await left()]).toEqual([0, { id: ids[1], name: 'b', deleted: true }, ['a']]);
  });

  test('revokes several keys, each once', async () => {
    const { api, me, ids, left } = await keys('a', 'b', 'c');
    const { code, stdout } = await me.ci(`keys delete a ${ids[2]} a --yes`);
    expect([code, cells(stdout).map(([id]) => id), await left()]).toEqual([0, [ids[0], ids[2]], ['b']]);
    expect(api.changes.filter((name) => name.startsWith('DELETE'))).toHaveLength(2);
  });

  test('refuses a name that two keys have, and lists both', async () => {
    const { me, ids, left } = await keys('twin', 'twin', 'c');
    const { code, stdout, stderr } = await me.ci('keys delete c twin --yes');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^ci: 2 keys are named "twin"\. Use one of their IDs:\n {2}twin {2}\S{36} {2}sk_sandbox_…\S{4}\n {2}twin {2}[^\n]+\n$/,
    );
    expect(ids.slice(0, 2).every((id) => stderr.includes(id))).toBe(true);
    expect(await left()).toEqual(['twin', 'twin', 'c']);
  });

  test('exits with 5 for an unknown key, and revokes none', async () => {
    const { me, left } = await keys('a');
    const { code, stdout, stderr } = await me.ci('keys delete a nope --yes');
    expect([code, stdout, await left()]).toEqual([5, '', ['a']]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('nope');
  });

  test.each([
    ['without --yes', ['a']],
    ['without a key', ['--yes']],
    ['with an empty name', ['', '--yes']],
  ])('exits with 2 and sends nothing %s', async (_what, args) => {
    const { api, me, left } = await keys('a');
    const before = api.requests.length;
    const { code, stdout, stderr } = await me.ci(['keys', 'delete', ...args]);
    expect([code, stdout, api.requests.length, await left()]).toEqual([2, '', before, ['a']]);
    expect(stderr).toMatch(oneLine);
  });

  test('checks and sends once after a lost response or a 404', async () => {
    const missing = answer(404, { success: false, error: 'Key not found' });
    const lost = async (instead: Instead) => {
      const api = await recordedSandbox({
        instead: (request, box) => (isKey(request) ? instead(request, box) : undefined),
      });
      const id = textAt(await api.box.data('POST', '/api/keys/credit', { name: 'a' }), 'id');
      const me = userOf(api);
      settlesIn(me, '1s');
      const ended = await me.ci('keys delete a --yes --json --settle 5s');
      expect(api.changes).toEqual([`DELETE /api/keys/${id}`]);
      return { ...ended, id, left: listAt(await api.box.seen(), 'keys').length };
    };
    const isKey = ({ path }: { path: string }) => path.startsWith('/api/keys');
    const instead =
      (behavior: Behavior): Instead =>
      ({ method }) =>
        method === 'DELETE' ? behavior : undefined;
    const done =
      (behavior: Behavior): Instead =>
      ({ method }, box) =>
        method === 'DELETE' ? appliedThen(box, behavior) : undefined;
    const [not, found, unknown, gone, listed] = await Promise.all([
      lost(instead(reset)),
      lost(done(reset)),
      lost(downFromChangeOn(reset)),
      lost(done(missing)),
      lost(instead(missing)),
    ]);
    expect([not.code, not.stdout, not.left]).toEqual([9, '', 1]);
    expect(errorOf(not)).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/. The change didn't go through$/),
      outcome: 'not_applied',
    });
    expect([found.code, json(found), found.left]).toEqual([0, { id: found.id, name: 'a', deleted: true }, 0]);
    expect(found.stderr).toMatch(/^The response was lost \(.+\), but the change went through\.\n$/);
    expect([unknown.code, unknown.stdout]).toEqual([10, '']);
    expect(errorOf(unknown)).toMatchObject({
      code: 'outcome_unknown',
      hint: expect.stringMatching(/`ci history reconcile --wait`.*`ci keys list`/),
      outcome: 'unknown',
      retryable: false,
    });
    expect([gone.code, json(gone), gone.stderr]).toEqual([0, { id: gone.id, name: 'a', deleted: true }, '']);
    expect([listed.code, listed.stdout, listed.left]).toEqual([5, '', 1]);
    expect(at(JSON.parse(listed.stderr), 'error')).toMatchObject({ code: 'not_found', outcome: 'not_applied' });
  });

  test('revokes the others if one fails, and reports each result', async () => {
    let deletions = 0;
    const api = await recordedSandbox({
      instead: ({ method }) => {
        if (method !== 'DELETE' || ++deletions !== 2) return undefined;
        return (_request, response) => void response.writeHead(409).end('{"success":false,"error":"in use"}');
      },
    });
    const me = userOf(api);
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c'])
      ids.push(textAt(json(await me.ci(`keys create ${name} --credit --json`)), 'id'));
    const { code, stdout, stderr } = await me.ci('keys delete a b c --yes --json');
    expect([code, stdout]).toEqual([6, '']);
    const error = at(JSON.parse(stderr), 'error');
    expect(error).toMatchObject({ outcome: 'applied' });
    expect(error).toMatchObject({
      message: "1 of 3 keys couldn't be revoked",
      hint: `Revoked: ${ids[0]} and ${ids[2]}. Run \`ci keys list\` to see your keys. ${ids[1]}: in use`,
    });
    expect(listAt(await api.box.seen(), 'keys').map((key) => textAt(key, 'name'))).toEqual(['b']);
  });
});

test('prints a list of keys that cut and grep can read', async () => {
  const { me } = await subscriber();
  await me.ci(['keys', 'create', 'with spaces and, a comma']);
  const { stdout } = await me.ci('keys list');
  expect(lines(stdout)).toHaveLength(1);
  expect(cells(stdout)[0]?.[1]).toBe('with spaces and, a comma');
  expect((await me.ci('keys list -o csv')).stdout).toContain(',"with spaces and, a comma",');
});
