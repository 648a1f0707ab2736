import { describe, expect, test } from 'vitest';
import { cells, json, userOf } from '../support/cli.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { data, recordedSandbox } from '../support/servers.ts';
import { enter, onTerminal } from '../support/terminal.ts';

/** Returns a user with a seat on kimi26 and a key for it. */
async function keyHolder() {
  const api = await recordedSandbox();
  const subscription = await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const key = await api.box.data('POST', '/api/keys/subscription', { name: 'prod' });
  const [pool] = listAt(await api.box.data('GET', '/api/pools')).filter((each) => textAt(each, 'slug') === 'kimi26');
  const ids = { pool: textAt(pool, 'id'), subscription: textAt(subscription, 'id'), key: textAt(key, 'id') };
  return { api, me: userOf(api), ids };
}

const beginning = (id: string) => id.slice(0, 8);

describe('the beginning of an id, of 8 characters', () => {
  test.each([
    'pools view',
    'pools quote --blocks asia',
    'pools keys',
    'pools subscriptions',
    'pools subscribe --blocks asia --dry-run',
    'pools subscribe --blocks europe --ensure',
    'pools watch --blocks asia --json --fields event,pool,blocks',
  ])('names a pool to `ci %s`, as its slug does', async (line) => {
    const { me, ids } = await keyHolder();
    const [noun = '', verb = '', ...flags] = line.split(' ');
    const [byId, bySlug] = [beginning(ids.pool), 'kimi26'].map((name) => me.ci([noun, verb, name, ...flags]));
    const [given, expected] = [await byId, await bySlug];
    expect([given?.code, given?.stdout, given?.stderr]).toEqual([0, expected?.stdout, expected?.stderr]);
  });

  test('names a pool to `ci pools cancel`, which asks with the whole id', async () => {
    const { me, ids } = await keyHolder();
    const session = onTerminal(me, `pools cancel ${beginning(ids.pool)}`);
    await session.shows('Cancel this subscription?');
    expect(session.screen).toMatch(new RegExp(`Subscription +${ids.subscription}\nPool +kimi26`));
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
  });

  test('names a subscription and a pool to `ci keys create`', async () => {
    const { api, me, ids } = await keyHolder();
    expect((await me.ci(`keys create one --subscription ${beginning(ids.subscription)}`)).code).toBe(0);
    expect((await me.ci(`keys create two --pool ${beginning(ids.pool)}`)).code).toBe(0);
    const keys = listAt(await api.box.data('GET', '/api/keys'));
    expect(keys.map((key) => textAt(key, 'subscriptionId'))).toEqual(Array(3).fill(ids.subscription));
  });

  test('names a key to `ci usage`', async () => {
    const { me, ids } = await keyHolder();
    expect(json(await me.ci(`usage ${beginning(ids.key)} --json`))).toMatchObject({ id: ids.key });
  });

  test('names a key to `ci keys revoke`, which asks with the whole id', async () => {
    const { api, me, ids } = await keyHolder();
    const session = onTerminal(me, `keys revoke ${beginning(ids.key)}`);
    await session.shows('Revoke this key immediately?');
    expect(session.screen).toContain(ids.key);
    session.type(`y${enter}`);
    expect([await session.exit, listAt(await api.box.data('GET', '/api/keys'))]).toEqual([0, []]);
  });

  test('names a key that was revoked before, too', async () => {
    const { me, ids } = await keyHolder();
    const line = `keys revoke ${beginning(ids.key)} --yes`;
    const printed = [[ids.key, 'prod', 'true']];
    expect(cells((await me.ci(line)).stdout)).toEqual(printed);
    const again = await me.ci(line);
    expect([again.code, cells(again.stdout), again.stderr]).toEqual([0, printed, `${ids.key} was already revoked.\n`]);
  });

  test('names a pool to `ci sandbox schedule`', async () => {
    const { me, ids } = await keyHolder();
    const { code, stdout } = await me.ci(`sandbox schedule ${beginning(ids.pool)} asia --json`);
    expect([code, at(JSON.parse(stdout), 0, 'pool')]).toEqual([0, 'kimi26']);
  });

  test('costs no request for a slug', async () => {
    const { api, me } = await keyHolder();
    await me.ci('pools subscriptions kimi26');
    expect(api.requests).toEqual(['GET /api/pools/kimi26/my-subscriptions']);
  });
});

describe('the beginning of several ids', () => {
  const ids = ['3f6c1a2b-0d4e-4f5a-8b6c-7d8e9f0a1b2c', '3f6c1a2b-9d4e-4f5a-8b6c-7d8e9f0a1b2c'] as const;

  /** Returns a user whose account lists these keys. */
  async function withKeys(...keys: readonly object[]) {
    const api = await recordedSandbox({
      instead: ({ method, path }) => (method === 'GET' && path === '/api/keys' ? data(keys) : undefined),
    });
    return { api, me: userOf(api) };
  }

  test('is refused with exit code 2, and the IDs are listed, one per line', async () => {
    const { api, me } = await withKeys({ id: ids[0], name: 'prod' }, { id: ids[1], name: 'staging' });
    const { code, stdout, stderr } = await me.ci('keys delete 3f6c1a2b --yes');
    expect([code, stdout, api.changes]).toEqual([2, '', []]);
    expect(stderr).toBe(
      `ci: The IDs of 2 keys start with "3f6c1a2b". Type more of the ID:\n  prod  ${ids[0]}\n  staging  ${ids[1]}\n`,
    );
    const asJson = await me.ci('keys delete 3f6c1a2b --yes --json');
    expect(at(JSON.parse(asJson.stderr), 'error', 'hint')).toBe(
      `Type more of the ID: prod  ${ids[0]}; staging  ${ids[1]}`,
    );
  });

  test('is the name of a key first', async () => {
    const { api, me } = await withKeys({ id: ids[0], name: 'prod' }, { id: 'other', name: '3f6c1a2b' });
    await me.ci('keys delete 3f6c1a2b --yes');
    expect(api.changes).toEqual(['DELETE /api/keys/other']);
  });
});
