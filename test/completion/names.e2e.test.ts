import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { managementKey, sandboxUser, type User, user, userOf } from '../support/cli.ts';
import { atHand, complete } from '../support/names.ts';
import { isBinary, nodeOnly } from '../support/program.ts';
import { withResolvers } from '../support/resolvers.ts';
import { at, textAt } from '../support/sandbox.ts';
import { answer, type Behavior, data, deadUrl, recordedSandbox, server, silence, webPage } from '../support/servers.ts';

const folder = ({ home }: User) => path.join(home, '.cache', 'cheapestinference');

/** The one file that names are kept in. */
function kept(me: User): string {
  const [file, ...others] = readdirSync(folder(me)).filter((name) => name.startsWith('completion-'));
  expect(others).toEqual([]);
  return path.join(folder(me), file ?? 'none');
}

/** Moves the times of the cached names some milliseconds back. */
function age(me: User, milliseconds: number): void {
  const content: unknown = JSON.parse(readFileSync(kept(me), 'utf8'));
  const earlier = (name: string) => Number(at(content, name)) - milliseconds;
  writeFileSync(kept(me), JSON.stringify({ names: at(content, 'names'), at: earlier('at'), asked: earlier('asked') }));
}

/** Creates an API whose list of pools can be replaced. */
async function pools(...slugs: readonly string[]) {
  let now = slugs;
  const behavior: Behavior = (request, response) =>
    data(now.map((slug) => ({ id: `id-of-${slug}`, slug, modelName: 'M', status: 'active' })))(request, response);
  const api = await server((request, response) => behavior(request, response));
  return Object.assign(api, {
    become(...others: readonly string[]) {
      now = others;
    },
  });
}

test('prints a name per line, with its description after a tab', async () => {
  const me = sandboxUser();
  expect(await atHand(me, 'pools')).toEqual([
    'kimi26\tKimi K2.6, active',
    'minimax-m3\tMiniMax M3, active',
    'glm5\tGLM 5, active',
    'deepseek-v4\tDeepSeek V4, funding',
    'qwen35\tQwen 3.5, paused',
  ]);
  await me.ci('pools subscribe kimi26 --blocks europe --yes');
  await me.ci('keys create prod');
  expect(await atHand(me, 'keys')).toEqual(['prod\tsubscription']);
  expect(await atHand(me, 'subscriptions')).toEqual([expect.stringMatching(/^[0-9a-f-]{36}\tkimi26, active$/)]);
  expect(await complete(me, 'keys prod')).toEqual([]);
  const [, id = ''] = /^([0-9a-f-]{36})\t/.exec((await me.ci('keys list')).stdout) ?? [];
  expect(await complete(me, 'keys --typed')).toEqual(['prod\tsubscription', `${id}\tprod, subscription`]);
  // A key that is named already is not offered by its other name.
  for (const given of ['prod', id]) expect(await complete(me, `keys --typed ${given}`)).toEqual([]);
});

test('fetches the names of each account at most once a minute', async () => {
  const api = await pools('one');
  const me = userOf(api);
  expect(await atHand(me, 'pools')).toEqual(['one\tM, active']);
  api.become('two');
  for (let look = 0; look < 3; look += 1) expect(await complete(me, 'pools')).toEqual(['one\tM, active']);
  expect(api.requests).toEqual(['GET /api/pools']);
  const other = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_somebody_else' };
  expect(await atHand(me, 'pools', other)).toEqual(['two\tM, active']);
  expect(api.received.map(({ headers }) => headers.authorization)).toEqual([
    `Bearer ${managementKey}`,
    'Bearer mk_of_somebody_else',
  ]);
});

test('prints names older than a minute at once, and fetches them again', async () => {
  const api = await pools('one');
  const me = userOf(api);
  await atHand(me, 'pools');
  api.become('two');
  age(me, 61_000);
  expect(await complete(me, 'pools')).toEqual(['one\tM, active']);
  while ((await complete(me, 'pools'))[0]?.startsWith('one')) expect(api.requests.length).toBeLessThanOrEqual(2);
  expect(await complete(me, 'pools')).toEqual(['two\tM, active']);
  expect(api.requests).toEqual(['GET /api/pools', 'GET /api/pools']);
});

test('does not print names older than a day', async () => {
  const api = await pools('one');
  const me = userOf(api);
  await atHand(me, 'pools');
  api.become('two');
  age(me, 24 * 3_600_000 + 1);
  expect(await atHand(me, 'pools')).toEqual(['two\tM, active']);
});

test('caches names in files without secrets that only the user can read', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const made = await api.box.data('POST', '/api/keys/subscription', { name: 'prod' });
  await atHand(me, 'keys');
  expect([statSync(folder(me)).mode & 0o777, statSync(kept(me)).mode & 0o777]).toEqual([0o700, 0o600]);
  const content = readFileSync(kept(me), 'utf8');
  expect(content).toContain('prod');
  expect(content).not.toMatch(/sk_|mk_/);
  expect(content).not.toContain(textAt(made, 'apiKey').slice(-8));
  expect(kept(me)).not.toContain(managementKey);
  expect(readdirSync(folder(me))).toHaveLength(1);
});

test.each(['', '{', 'null', '[]', '{"names":[{"name":1}],"at":1}', '{"names":7}', '{"at":"x"}', '\x00\xff'])(
  'ignores a damaged cache: %j',
  async (content) => {
    const me = sandboxUser();
    const names = await atHand(me, 'pools');
    writeFileSync(kept(me), content);
    expect(await atHand(me, 'pools')).toEqual(names);
  },
);

test('fetches the names again after a change', async () => {
  const me = sandboxUser();
  await me.ci('pools subscribe kimi26 --blocks europe --yes');
  await me.ci('keys create one');
  expect(await atHand(me, 'keys')).toEqual(['one\tsubscription']);
  await me.ci('keys create two');
  expect(await atHand(me, 'keys')).toHaveLength(2);
  await me.ci('keys delete one --yes');
  expect(await atHand(me, 'keys')).toEqual(['two\tsubscription']);
  await me.ci('sandbox reset');
  expect(await complete(me, 'keys')).toEqual([]);
  // What changes nothing leaves them.
  await atHand(me, 'pools');
  await me.ci('pools list');
  await me.ci('pools subscribe kimi26 --blocks europe --dry-run');
  expect(await complete(me, 'pools')).toHaveLength(5);
});

test('does not cache a response from before a change', async () => {
  let isHeld = false;
  const { promise: held, resolve: hold } = withResolvers();
  const api = await recordedSandbox({
    instead: ({ method, path }) =>
      method === 'GET' && path === '/api/keys' && !isHeld
        ? async (request, response) => {
            isHeld = true;
            await held;
            data([{ id: 'gone', name: 'gone' }])(request, response);
          }
        : undefined,
  });
  const me = userOf(api);
  expect(await complete(me, 'keys')).toEqual([]);
  while (!isHeld) await api.got('GET');
  await me.ci('keys create fresh --credit');
  hold();
  expect((await atHand(me, 'keys')).map((line) => line.split('\t')[0])).toEqual(['fresh']);
});

describe('prints nothing, and succeeds,', () => {
  const cases: Readonly<Record<string, (me: User) => Record<string, string> | undefined>> = {
    'if not signed in': () => ({ CHEAPESTINFERENCE_API_URL: deadUrl }),
    'where the API cannot be reached': () => ({
      CHEAPESTINFERENCE_API_URL: deadUrl,
      CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey,
    }),
    'with a key that is none': () => ({ CHEAPESTINFERENCE_API_URL: deadUrl, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'x' }),
    'with an address that is none': () => ({
      CHEAPESTINFERENCE_API_URL: 'ftp://x',
      CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_x',
    }),
    'with a sandbox neither on nor off': () => ({ CHEAPESTINFERENCE_SANDBOX: 'perhaps' }),
    'with a configuration that is damaged': ({ home }) => {
      mkdirSync(path.join(home, 'config', 'cheapestinference'), { recursive: true });
      writeFileSync(path.join(home, 'config', 'cheapestinference', 'config.json'), '{');
      return undefined;
    },
    'with a configuration of another shape': ({ home }) => {
      mkdirSync(path.join(home, 'config', 'cheapestinference'), { recursive: true });
      writeFileSync(
        path.join(home, 'config', 'cheapestinference', 'config.json'),
        '{"profiles":[1,null],"currentProfile":{}}',
      );
      return { CHEAPESTINFERENCE_API_URL: deadUrl };
    },
    'with a file where the cache is to be': ({ home }) => {
      writeFileSync(path.join(home, '.cache'), '');
      return { CHEAPESTINFERENCE_SANDBOX: '1' };
    },
    'where there can be no folder for the cache': () => ({
      XDG_CACHE_HOME: '/proc/none',
      CHEAPESTINFERENCE_SANDBOX: '1',
    }),
    'with a sandbox that cannot be read': ({ home }) => {
      mkdirSync(path.join(home, 'data', 'cheapestinference', 'sandbox'), { recursive: true });
      writeFileSync(path.join(home, 'data', 'cheapestinference', 'sandbox', 'state.1.json'), '{');
      return { CHEAPESTINFERENCE_SANDBOX: '1' };
    },
  };

  test.each(Object.entries(cases))('%s', async (_what, prepare) => {
    const me = user();
    const env = prepare(me) ?? {};
    for (const request of ['pools', 'keys', 'subscriptions', 'pools'])
      expect(await complete(me, request, env)).toEqual([]);
  });

  test.each([
    ['', {}],
    ['nothing', {}],
    ['pools --profile', { CHEAPESTINFERENCE_API_URL: deadUrl }],
    ['pools --sandbox --api-url http://127.0.0.1:1', {}],
    ['keys --profile nobody', {}],
    ['profiles', {}],
    ['__proto__', { CHEAPESTINFERENCE_SANDBOX: '1' }],
  ])('for "%s"', async (request, env) => {
    expect(await complete(user(), request, env)).toEqual([]);
  });

  test.each<[string, Behavior]>([
    ['refuses the key', answer(401, { success: false, error: 'no such key' })],
    ['answers with a web page', webPage(200)],
    ['answers with something else', data({ not: 'a list' })],
  ])('if the API %s, which is not asked again at each Tab', async (_what, behavior) => {
    const api = await server(behavior);
    const me = userOf(api);
    expect(await complete(me, 'keys')).toEqual([]);
    await api.got('GET');
    // Most of them at once, because a request is repeated after ten seconds.
    const looks = await Promise.all(Array.from({ length: 3 }, () => complete(me, 'keys')));
    expect([...looks, await complete(me, 'keys')]).toEqual([[], [], [], []]);
    expect(api.requests).toEqual(['GET /api/keys']);
  });

  test('if its reader is gone', async () => {
    const me = sandboxUser();
    await atHand(me, 'pools');
    const { stdout, stderr } = await me.sh('{ ci --complete pools; echo "ended with $?" >&2; } | :');
    expect([stdout, stderr]).toEqual(['', 'ended with 0\n']);
  });
});

test('fetches in a background process without a terminal, which ends without a response', async () => {
  const { promise: closed, resolve: over } = withResolvers();
  const api = await server((request, response) => {
    response.on('close', over);
    return silence(request, response);
  });
  const me = userOf(api);
  expect(await complete(me, 'pools')).toEqual([]);
  await api.got('GET');
  const asking = processesOf(me);
  expect(asking).toHaveLength(1);
  for (const { terminal, session, pid } of asking) expect([terminal, session]).toEqual(['0', pid]);
  await closed;
  while (processesOf(me).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(api.requests).toEqual(['GET /api/pools']);
});

/** The processes in the background that work for a user. */
function processesOf({ home }: User): { pid: string; terminal: string; session: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(isBinary ? '--refresh-names' : 'refresh.js'))
          return [];
        if (readlinkSync(`/proc/${pid}/cwd`) !== home) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [, , , session = '', terminal = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ pid, terminal, session }];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

test.skipIf(nodeOnly('starts nowhere'))('works in a directory that was deleted', async () => {
  const me = sandboxUser();
  await atHand(me, 'pools');
  mkdirSync(path.join(me.home, 'gone'));
  const { stdout, stderr } = await me.sh('cd gone && rmdir ../gone && ci --complete pools | head -1');
  rmSync(path.join(me.home, 'gone'), { recursive: true, force: true });
  expect([stdout, stderr]).toEqual(['kimi26\tKimi K2.6, active\n', '']);
});
