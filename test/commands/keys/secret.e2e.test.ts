import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, secret, type User, user } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { modeOf } from '../../support/folder.ts';
import { customerOf } from '../../support/generations.ts';
import { keyFileOf, storedEntries, storedSecret, storeKeys } from '../../support/key-store.ts';
import { errorOf, heldResponse } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { data, deadUrl } from '../../support/servers.ts';
import { onTerminal } from '../../support/terminal.ts';

const id = '3f6c1a2b-1111-4222-8333-444444444444';
const otherSecret = 'sk_live_zyxwvutsrqponmlkjihgfedcba987654';

/** A user with one stored key, whose API can't be reached. */
function keyHolder(env = {}): User {
  const me = user({ CHEAPESTINFERENCE_API_URL: deadUrl, ...env });
  storeKeys(me, [{ name: 'prod', id }], deadUrl);
  return me;
}

// The first runs without loading the whole program, the second with it.
describe.each(['', '--no-color '])('keys secret %s', (more) => {
  test.each(['prod', id, '3f6c1a2b'])('prints the secret of %s without a request', async (key) => {
    const { code, stdout, stderr } = await keyHolder().process(`keys secret ${more}${key}`);
    expect([code, stdout, stderr]).toEqual([0, `${storedSecret}\n`, '']);
  });

  test('exits with 5 and says what to do if the key is not stored', async () => {
    const ended = await keyHolder().process(`keys secret ${more}nope`);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      5,
      '',
      'ci: The secret of key "nope" isn\'t stored on this machine. If you have it, store it with `ci keys secret NAME --add`. Otherwise, create a key with `ci keys create NAME --store`. These are stored:\n  prod  3f6c1a2b-1111-4222-8333-444444444444  sk_live_…stuv\n',
    ]);
  });

  test('prints the secret alone even if the profile prefers JSON', async () => {
    const me = keyHolder();
    await me.ci('config set output json');
    expect((await me.process(`keys secret ${more}prod`)).stdout).toBe(`${storedSecret}\n`);
  });

  test('prints the secret alone even if CHEAPESTINFERENCE_OUTPUT is set', async () => {
    const me = keyHolder({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    const { code, stdout, stderr } = await me.process(`keys secret ${more}prod`);
    expect([code, stdout, stderr]).toEqual([0, `${storedSecret}\n`, '']);
  });

  test.each(['--json', '--output json', '--output=json'])('prints JSON with %s', async (option) => {
    const expected = { id, name: 'prod', apiKey: storedSecret, stored: true };
    expect(json(await keyHolder().process(`keys secret ${more}prod ${option}`))).toEqual(expected);
  });

  test('fails if the secret cannot be written', async () => {
    const { stdout, stderr } = await keyHolder().sh(`ci keys secret ${more}prod > /dev/full; echo $?`);
    expect([stdout, stderr]).toEqual(['1\n', "ci: Can't write the result: no space left on device.\n"]);
  });

  test.each([
    ['{"keys":', /is damaged, and was left unchanged\. Repair it, or move it away: `mv /],
    ['{"keys":[{"maskedKey":1}]}', /is damaged, and was left unchanged/],
    ['[]', /is damaged, and was left unchanged/],
  ])('refuses a damaged file (%s)', async (text, message) => {
    const me = keyHolder();
    writeFileSync(keyFileOf(me), text, { mode: 0o600 });
    const ended = await me.process(`keys secret ${more}prod`);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([1, '', expect.stringMatching(message)]);
  });
});

describe('keys secret --add', () => {
  test('stores a secret from standard input, which only the user can read', async () => {
    const me = user();
    const { code, stdout, stderr } = await me.ci('keys secret --add prod', { stdin: `${storedSecret}\n` });
    expect([code, cells(stdout), stderr]).toEqual([
      0,
      [
        ['id', ''],
        ['name', 'prod'],
        ['apiKey', 'sk_live_…stuv'],
        ['stored', 'true'],
      ],
      '',
    ]);
    expect((await me.ci('keys secret prod')).stdout).toBe(`${storedSecret}\n`);
    expect([modeOf(keyFileOf(me)), modeOf(path.dirname(keyFileOf(me)))]).toEqual(['600', '700']);
  });

  test('takes the ID, the pool and the hours from the account', async () => {
    const { me } = await customer();
    await me.ci('pools subscribe kimi26 --blocks europe --yes --json');
    const created = json(await me.ci('keys create prod --json'));
    const apiKey = textAt(created, 'apiKey');
    expect((await me.ci('keys secret prod --add', { stdin: apiKey })).code).toBe(0);
    expect(storedEntries(me)).toMatchObject([
      {
        id: textAt(created, 'id'),
        name: 'prod',
        secret: apiKey,
        keyType: 'subscription',
        poolSlug: 'kimi26',
        subscription: { status: 'active', hours: [8, 9, 10, 11, 12, 13, 14, 15] },
      },
    ]);
  });

  test('adds the ID to a key that was stored without the account', async () => {
    const { me, api } = await customer();
    const created = json(await me.ci('keys create prod --credit --json'));
    const apiKey = textAt(created, 'apiKey');
    storeKeys(me, [{ name: 'prod', secret: apiKey }], api.url);
    expect((await me.ci('keys secret prod --add', { stdin: apiKey })).code).toBe(0);
    expect(storedEntries(me)).toMatchObject([{ id: textAt(created, 'id'), name: 'prod', secret: apiKey }]);
    expect(storedEntries(me)).toHaveLength(1);
  });

  test('refuses the secret of another key', async () => {
    const { me } = await customer();
    await me.ci('keys create prod --credit --json');
    const ended = await me.ci('keys secret prod --add', { stdin: otherSecret });
    expect([ended.code, ended.stderr]).toEqual([
      2,
      expect.stringMatching(/^ci: This isn't the secret of key "prod", which ends in .{4}\. Nothing was stored\./),
    ]);
    expect((await me.ci('keys secret prod')).code).toBe(5);
  });

  test('notes that the account has no such key', async () => {
    const { me } = await customer();
    const ended = await me.ci('keys secret mailed --add', { stdin: otherSecret });
    expect([ended.code, ended.stderr]).toEqual([0, 'Your account has no key "mailed", so its hours aren\'t known.\n']);
    expect((await me.ci('keys secret mailed')).stdout).toBe(`${otherSecret}\n`);
  });

  test.each([
    ['', 'No secret was given. API keys start with sk_. Pass the whole secret on standard input.'],
    [
      'mk_0123456789abcdefgh',
      'mk_…efgh is a management key, not an API key. API keys start with sk_. Pass the whole secret on standard input.',
    ],
    ['hunter2', 'Not a valid API key. API keys start with sk_. Pass the whole secret on standard input.'],
    ['sk_live_…stuv', 'Not a valid API key. API keys start with sk_. Pass the whole secret on standard input.'],
  ])('refuses %j without showing it', async (stdin, message) => {
    const me = user();
    const ended = await me.ci('keys secret prod --add', { stdin });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([2, '', `ci: ${message}\n`]);
  });

  test.each([
    ['keys secret', '--add'],
    ['keys secret', '--remove --yes'],
    ['keys create', '--credit'],
    ['config set default-key', ''],
  ])('refuses a secret in place of the name: %s', async (command, flags) => {
    const { me, api } = await customer();
    const ended = await me.ci(`${command} ${storedSecret} ${flags}`);
    expect([ended.code, ended.stdout, ended.stderr, api.changes]).toEqual([
      2,
      '',
      'ci: sk_live_…stuv is a secret, not the name of a key. Arguments end up in the history of your shell. To store a secret, run `ci keys secret NAME --add`, and enter it when asked.\n',
      [],
    ]);
  });

  test('refuses the key of another API in the sandbox', async () => {
    const ended = await user().ci('--sandbox keys secret prod --add', { stdin: storedSecret });
    expect([ended.code, ended.stderr]).toEqual([
      2,
      'ci: sk_live_…stuv is not a key of the sandbox. To store it for the API, run the command without the sandbox.\n',
    ]);
  });

  test('replaces another secret only with --force', async () => {
    const me = keyHolder();
    const refused = await me.ci('keys secret prod --add --yes', { stdin: otherSecret });
    expect([refused.code, refused.stderr]).toEqual([
      2,
      'ci: Another secret of key "prod" is already stored (sk_live_…stuv). Nothing was changed. Pass --force to replace it.\n',
    ]);
    expect((await me.ci('keys secret prod')).stdout).toBe(`${storedSecret}\n`);
    expect((await me.ci('keys secret prod --add --force', { stdin: otherSecret })).code).toBe(0);
    expect((await me.ci('keys secret prod')).stdout).toBe(`${otherSecret}\n`);
    expect(storedEntries(me)).toHaveLength(1);
  });

  test('asks for the secret on a terminal, without showing it', async () => {
    const me = user();
    const session = onTerminal(me, 'keys secret prod --add');
    await session.shows('API key (sk_…):');
    session.type(`${storedSecret}\r`);
    expect(await session.exit).toBe(0);
    expect(session.written).not.toContain(storedSecret);
    expect(session.screen).toContain('Stored the secret of key "prod" on this machine.');
  });
});

describe('keys secret --remove', () => {
  test('removes the secret and leaves the key valid', async () => {
    const { me, api } = await customer();
    await me.ci('keys create prod --credit --store');
    const before = api.changes.length;
    const { code, stdout } = await me.ci('keys secret prod --remove --yes --json');
    expect([code, json({ stdout })]).toMatchObject([0, { name: 'prod', stored: false }]);
    expect([(await me.ci('keys secret prod')).code, api.changes.length]).toEqual([5, before]);
    expect(listAt(await api.box.data('GET', '/api/keys'))).toHaveLength(1);
  });

  test('needs a confirmation', async () => {
    const me = keyHolder();
    const refused = await me.ci('keys secret prod --remove');
    expect([refused.code, refused.stderr]).toEqual([
      2,
      "ci: Can't ask for confirmation without a terminal. Nothing was changed. Pass --yes to confirm.\n",
    ]);
    const session = onTerminal(me, 'keys secret prod --remove');
    await session.shows('Remove this secret from this machine?');
    session.type('\r');
    expect([await session.exit, (await me.ci('keys secret prod')).code]).toEqual([1, 0]);
  });
});

describe('the keys stored on this machine', () => {
  test('are kept by keys create --store, and shown by keys list', async () => {
    const { me, api } = await customer();
    const created = await me.ci('keys create prod --credit --store --json');
    expect(json(created)).toEqual({
      id: expect.any(String),
      name: 'prod',
      apiKey: expect.stringMatching(/^sk_sandbox_….{4}$/),
      savedTo: keyFileOf(me),
      variable: null,
    });
    await me.ci('keys create other --credit');
    const printed = (await me.ci('keys secret prod')).stdout.trim();
    expect(printed).toMatch(secret);
    expect(await fetch(`${api.url}/v1/models`, { headers: { authorization: `Bearer ${printed}` } })).toMatchObject({
      status: 200,
    });
    const listed = json(await me.ci('keys list --json --fields name,stored'));
    expect(listed).toEqual([
      { name: 'other', stored: false },
      { name: 'prod', stored: true },
    ]);
  });

  test('are kept by pools subscribe --create-key by default, each with its hours', async () => {
    const { me } = await customer();
    const bought = json(
      await me.ci('pools subscribe kimi26 --blocks asia --quantity 2 --create-key team --yes --json'),
    );
    const secrets = listAt(bought, 'subscriptions').map((each) => textAt(each, 'key', 'apiKey'));
    expect(storedEntries(me)).toMatchObject(
      secrets.map((each, index) => ({
        name: `team-${index + 1}`,
        secret: each,
        poolSlug: 'kimi26',
        subscription: { hours: [0, 1, 2, 3, 4, 5, 6, 7] },
      })),
    );
  });

  test('are masked in the result with an explicit --store', async () => {
    const { me } = await customer();
    const bought = await me.ci('pools subscribe kimi26 --blocks asia --create-key app --store --yes --json');
    expect(textAt(json(bought), 'key', 'apiKey')).toMatch(/^sk_sandbox_….{4}$/);
    expect(bought.stdout).not.toMatch(secret);
  });

  test('are removed when they are revoked', async () => {
    const { me } = await customer();
    await me.ci('keys create one --credit --store');
    await me.ci('keys create two --credit --store');
    expect((await me.ci('keys delete one --yes')).code).toBe(0);
    expect(at(storedEntries(me) ?? [], 0, 'name')).toBe('two');
    expect(storedEntries(me)).toHaveLength(1);
  });

  test('without an ID are kept when another key with their name is revoked', async () => {
    const { me, api } = await customer();
    const [mine, other] = [
      json(await me.ci('keys create twin --credit --json')),
      json(await me.ci('keys create twin --credit --json')),
    ];
    const secret = textAt(mine, 'apiKey');
    storeKeys(me, [{ name: 'twin', secret, maskedKey: `sk_…${secret.slice(-4)}` }], api.url);
    expect((await me.ci(['keys', 'delete', textAt(other, 'id'), '--yes'])).code).toBe(0);
    expect((await me.ci('keys secret twin')).stdout).toBe(`${secret}\n`);
    expect((await me.ci(['keys', 'delete', textAt(mine, 'id'), '--yes'])).code).toBe(0);
    expect(storedEntries(me)).toEqual([]);
  });

  test('of a pool that the API no longer lists are pointed out as revoked', async () => {
    const { me } = await customer();
    const created = json(await me.ci('keys create prod --credit --store --json'));
    await me.ci(`api DELETE /api/keys/${textAt(created, 'id')} --yes`);
    await me.ci('keys list');
    expect((await me.ci('env --shell sh')).stderr).toBe('Warning: key "prod" was revoked.\n');
  });

  test.each(['keys list', 'status'])('are not taken to be revoked if %s read the account before', async (command) => {
    let holds = false;
    const held = heldResponse();
    const { me, api } = await customer({
      instead: ({ method, path: url }) => {
        if (!holds || method !== 'GET' || url !== '/api/keys') return undefined;
        holds = false;
        return held.respond;
      },
    });
    await me.ci('keys create first --credit --store');
    const lists = api.requests.filter((each) => each === 'GET /api/keys').length;
    holds = true;
    const reading = me.ci(command);
    await api.times('GET /api/keys', lists + 1);
    const before = await api.box.data('GET', '/api/keys');
    expect((await me.ci('keys create second --credit --store')).code).toBe(0);
    await held.release(data(before));
    expect((await reading).code).toBe(0);
    const env = await me.ci('env --key second --shell sh');
    expect([env.code, env.stderr]).toEqual([0, '']);
  });

  test('are not taken to be revoked if the API lists them late', async () => {
    const { me } = await customer({
      instead: ({ method, path: url }) => (method === 'GET' && url === '/api/keys' ? data([]) : undefined),
    });
    const created = await me.ci('keys create prod --credit --store');
    expect([created.code, storedEntries(me)]).toEqual([0, [expect.not.objectContaining({ isActive: false })]]);
    const env = await me.ci('env --shell sh');
    expect([env.code, env.stderr]).toEqual([0, '']);
  });

  test('are printed in the result as before if a program buys and they cannot be stored', async () => {
    const { me } = await customer();
    writeFileSync(path.join(me.home, 'config'), '');
    const line = 'pools subscribe kimi26 --blocks asia --create-key app --yes --json';
    const bought = await me.ci(line);
    expect([bought.code, textAt(json(bought), 'key', 'apiKey')]).toEqual([0, expect.stringMatching(secret)]);
    expect(bought.stderr).toMatch(/^The keys aren't stored on this machine: .*\n$/);
    expect((await me.ci(`${line} --store --again`)).code).toBe(1);
  });

  test('learn that their subscription was canceled', async () => {
    const { me } = await customer();
    await me.ci('pools subscribe kimi26 --blocks all --create-key app --yes --json');
    await me.ci('pools cancel kimi26 --yes');
    expect(storedEntries(me)).toMatchObject([{ subscription: { cancelAtPeriodEnd: true } }]);
  });

  test('of one profile are unknown to another, and stay after signing out', async () => {
    const { me, api } = await customer();
    const login = `auth login --with-key --api-url ${api.url}`;
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: '' };
    const stdin = me.env.CHEAPESTINFERENCE_MANAGEMENT_KEY ?? '';
    await me.ci(`${login} --profile work`, { stdin, env });
    await me.ci('keys create prod --credit --store --profile work', { env });
    expect((await me.ci('keys secret prod', { env: { CHEAPESTINFERENCE_PROFILE: 'default' } })).code).toBe(5);
    const out = await me.ci('auth logout --profile work', { env });
    expect(out.stderr).toContain(
      'Still stored on this machine: 1 API key of this profile. To remove one, run `ci --profile work keys secret NAME --remove`.',
    );
    expect((await me.ci('keys secret prod --profile work', { env })).code).toBe(0);
  });

  test('of the sandbox are removed when it is reset', async () => {
    const me = user();
    storeKeys(me, [{ name: 'real' }]);
    await me.ci('--sandbox keys create app --credit --store');
    expect((await me.ci('--sandbox keys secret app')).code).toBe(0);
    await me.ci('sandbox reset');
    expect((await me.ci('--sandbox keys secret app')).code).toBe(5);
    expect((await me.ci('keys secret real')).stdout).toBe(`${storedSecret}\n`);
  });

  test('prevent the creation of a key that could not be stored', async () => {
    const { me, api } = await customer();
    writeFileSync(path.join(me.home, 'config'), '');
    const ended = await me.ci('keys create prod --credit --store --json');
    expect([ended.code, ended.stdout, errorOf(ended), api.changes]).toMatchObject([
      1,
      '',
      { code: 'file_error', outcome: 'not_applied' },
      [],
    ]);
  });

  test('need their IDs if they share a name', async () => {
    const me = user();
    storeKeys(me, [
      { name: 'prod', id },
      { name: 'prod', id: `9${id.slice(1)}`, secret: otherSecret },
    ]);
    const ended = await me.ci('keys secret prod');
    expect([ended.code, ended.stderr]).toEqual([
      2,
      `ci: 2 stored keys are named "prod". Use one of their IDs:
  prod  ${id}  sk_live_…stuv
  prod  9${id.slice(1)}  sk_live_…stuv
`,
    ]);
    expect((await me.ci('keys secret 9f6c1a2b')).stdout).toBe(`${otherSecret}\n`);
  });

  test('is delivered by keys create --ensure --save although the API does not show it again', async () => {
    const { me } = await customerOf('documented');
    const created = await me.ci('keys create app --credit --store --json');
    const printed = (await me.ci('keys secret app')).stdout.trim();
    const again = await me.ci('keys create app --credit --ensure --save .env');
    expect([created.code, again.code]).toEqual([0, 0]);
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toBe(`CHEAPESTINFERENCE_API_KEY=${printed}\n`);
  });
});
