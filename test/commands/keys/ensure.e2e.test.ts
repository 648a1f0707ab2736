import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines, namesIn, oneLine, secret, type User, userOf } from '../../support/cli.ts';
import { errorOf, isChange, outcomesOf, stateFiles } from '../../support/lost.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox, reset } from '../../support/servers.ts';
import { ctrlC, enter, onTerminal, shown } from '../../support/terminal.ts';

interface World {
  /** Whether the list of keys holds their secrets, as today's does. */
  readonly listsSecrets?: boolean;
  /** Whether a pool's keys are told. */
  readonly tellsPoolKeys?: boolean;
  /** How many changes have their answers lost, from the first on; they are carried out. */
  readonly lost?: number;
  readonly refusesRevoking?: boolean;
  /** Changes the list of keys. */
  readonly listed?: (key: Record<string, unknown>) => Record<string, unknown>;
}

const members = (value: unknown): Record<string, unknown> => Object.fromEntries(Object.entries(value ?? {}));

/** Returns a user with a subscription on kimi26, and a sandbox that shows more or less of its keys. */
async function customerOfApi({
  listsSecrets = true,
  tellsPoolKeys = true,
  lost = 0,
  refusesRevoking = false,
  listed = (key) => key,
}: World = {}) {
  let losses = 0;
  const spoiled = (request: Received): Behavior | undefined => {
    if (request.method === 'GET' && request.path === '/api/keys') {
      return async (received, response) => {
        const keys = listAt(await api.box.data('GET', '/api/keys')).map((key) => {
          const { apiKey, ...rest } = members(key);
          return listed(listsSecrets ? { ...rest, apiKey } : rest);
        });
        await data(keys)(received, response);
      };
    }
    if (!tellsPoolKeys && request.path.endsWith('/my-keys')) return data([]);
    if (refusesRevoking && request.method === 'DELETE') return answer(403, { success: false, error: 'No entry' });
    if (!isChange(request) || losses >= lost) return undefined;
    losses += 1;
    return async (received, response) => {
      await api.box.call(received.method, received.path, { text: received.body });
      await reset(received, response);
    };
  };
  const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({ instead: spoiled });
  const subscription = await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const keys = async () => listAt(await api.box.data('GET', '/api/keys'));
  return { api, me: userOf(api), subscriptionId: textAt(subscription, 'id'), keys };
}

function dotenv({ home }: User): string {
  return readFileSync(path.join(home, '.env'), 'utf8');
}

/** The note for a name that another key has. */
const sameName = 'You already have a key named "prod". Use the IDs to tell the keys apart.\n';

describe('keys create --ensure', () => {
  test('creates a missing key, and shows its secret', async () => {
    const { api, me, keys } = await customerOfApi();
    const { code, stdout, stderr } = await me.ci('keys create prod --ensure --json');
    expect([code, stderr, api.changes]).toEqual([0, '', ['POST /api/keys/subscription']]);
    const made = json({ stdout });
    expect(namesIn(made)).toEqual(['id', 'name', 'apiKey']);
    expect(made).toMatchObject({ apiKey: textAt((await keys())[0], 'apiKey') });
  });

  test('does nothing if the key exists, and prints it masked', async () => {
    const { api, me } = await customerOfApi();
    const made = json(await me.ci('keys create prod --ensure --json'));
    const apiKey = textAt(made, 'apiKey');
    const again = await me.ci('keys create prod --ensure --json');
    expect([again.code, again.stderr]).toEqual([0, 'Key "prod" already exists. Nothing was created.\n']);
    expect(json(again)).toEqual({ id: textAt(made, 'id'), name: 'prod', apiKey: `sk_sandbox_…${apiKey.slice(-4)}` });
    expect(api.changes).toHaveLength(1);
    expect(outcomesOf(me)).toEqual(['create-key applied']);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test('prints an existing key masked in a pipe and on a terminal', async () => {
    const { me } = await customerOfApi();
    const [[id = '', , apiKey = ''] = []] = cells((await me.ci('keys create prod')).stdout);
    const { stdout } = await me.ci('keys create prod --ensure');
    expect(stdout).toBe(`id\t${id}\nname\tprod\napiKey\tsk_sandbox_…${apiKey.slice(-4)}\n`);
    const { code, written } = await shown(me, 'keys create prod --ensure --debug');
    expect(code).toBe(0);
    expect(written).toContain(`sk_sandbox_…${apiKey.slice(-4)}`);
    expect(written).not.toContain(apiKey);
  });

  test.each([
    ['another name', 'keys create staging', 'keys create prod', ''],
    ['a name with the same prefix', 'keys create prod-2', 'keys create prod', ''],
    ['a name in another case', 'keys create Prod', 'keys create prod', ''],
    ['credit if one for a subscription exists', 'keys create prod', 'keys create prod --credit', sameName],
    ['a subscription if one for credit exists', 'keys create prod --credit', 'keys create prod', sameName],
  ])('creates a key for %s', async (_what, first, second, note) => {
    const { me, keys } = await customerOfApi();
    expect((await me.ci(first)).code).toBe(0);
    const { code, stderr } = await me.ci(`${second} --ensure`);
    expect([code, stderr, (await keys()).length]).toEqual([0, note, 2]);
  });

  test('creates a key for another subscription, but not for the same one', async () => {
    const { api, me, subscriptionId, keys } = await customerOfApi();
    const other = textAt(await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }), 'id');
    await me.ci(`keys create prod --subscription ${subscriptionId}`);
    expect((await me.ci(`keys create prod --ensure --subscription ${subscriptionId}`)).stderr).toContain(
      'already exists',
    );
    expect((await me.ci('keys create prod --ensure --pool kimi26')).stderr).toContain('already exists');
    expect((await me.ci('keys create prod --ensure')).stderr).toContain('already exists');
    expect(await keys()).toHaveLength(1);
    expect((await me.ci(`keys create prod --ensure --subscription ${other}`)).stderr).toBe(sameName);
    expect(await keys()).toHaveLength(2);
  });

  test('creates a key if the existing one is inactive', async () => {
    const { me, keys } = await customerOfApi({ listed: (key) => ({ ...key, isActive: false }) });
    await me.ci('keys create prod');
    const { code, stderr } = await me.ci('keys create prod --ensure');
    expect([code, stderr, (await keys()).length]).toEqual([0, '', 2]);
  });

  test('accepts a key with an unknown status', async () => {
    const { me, keys } = await customerOfApi({
      listed: ({ isActive: _active, keyType: _type, subscriptionId: _id, ...key }) => key,
    });
    await me.ci('keys create prod');
    const { stderr } = await me.ci('keys create prod --ensure');
    expect([stderr, (await keys()).length]).toEqual(['Key "prod" already exists. Nothing was created.\n', 1]);
  });

  test('exits with 2 if several keys have the name, and lists them', async () => {
    const { api, me, keys } = await customerOfApi();
    await me.ci('keys create prod');
    await me.ci('keys create prod');
    const { code, stdout, stderr } = await me.ci('keys create prod --ensure');
    expect([code, stdout, api.changes.length]).toEqual([2, '', 2]);
    expect(stderr).toMatch(/^ci: 2 keys are named "prod"\. /);
    for (const key of await keys()) {
      expect(stderr).toContain(textAt(key, 'id'));
      expect(stderr).not.toContain(textAt(key, 'apiKey'));
    }
  });

  test('ignores spaces around a name', async () => {
    const { me, keys } = await customerOfApi({ listed: (key) => ({ ...key, name: String(key.name).trim() }) });
    await me.ci(['keys', 'create', ' prod ']);
    const { code, stderr } = await me.ci(['keys', 'create', ' prod ', '--ensure']);
    expect([code, stderr, (await keys()).length]).toEqual([
      0,
      'Key " prod " already exists. Nothing was created.\n',
      1,
    ]);
  });

  test('creates one key in 10 simultaneous runs', async () => {
    const { me, keys } = await customerOfApi();
    const ends = await Promise.all(Array.from({ length: 10 }, () => me.process('keys create prod --ensure --json')));
    expect(ends.map(({ code }) => code)).toEqual(Array(10).fill(0));
    expect(await keys()).toHaveLength(1);
    expect(ends.filter(({ stdout }) => secret.test(stdout))).toHaveLength(1);
    expect(new Set(ends.map((each) => textAt(json(each), 'id'))).size).toBe(1);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test.each([
    ['without a name', 'keys create --ensure'],
    ['of credit without a name', 'keys create --credit --ensure'],
    ['left out, with --reveal', 'keys create prod --reveal'],
  ])('exits with 2 and sends nothing: %s', async (_what, line) => {
    const { api, me } = await customerOfApi();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

describe('keys create --ensure --reveal', () => {
  test.each([
    ['--json', (id: string, apiKey: string) => `${JSON.stringify({ id, name: 'prod', apiKey })}\n`],
    ['--secret-only', (_id: string, apiKey: string) => `${apiKey}\n`],
    ['', (id: string, apiKey: string) => `${id}\tprod\t${apiKey}\n`],
  ])('shows the secret of the existing key (%j)', async (flags, printed) => {
    const { api, me, keys } = await customerOfApi();
    await me.ci('keys create prod');
    const { code, stdout } = await me.ci(`keys create prod --ensure --reveal ${flags}`);
    const [key] = await keys();
    expect([code, api.changes.length]).toEqual([0, 1]);
    expect(stdout).toBe(printed(textAt(key, 'id'), textAt(key, 'apiKey')));
  });

  test('exits with 2 for an existing key with --secret-only alone', async () => {
    const { api, me } = await customerOfApi();
    const made = await me.ci('keys create prod --ensure --secret-only');
    expect(made.stdout).toMatch(/^sk_sandbox_\S{32}\n$/);
    const { code, stdout, stderr } = await me.ci('keys create prod --ensure --secret-only');
    expect([code, stdout, api.changes.length]).toEqual([2, '', 1]);
    expect(stderr).toContain('Pass --reveal to confirm.');
    expect(stderr).not.toMatch(secret);
  });

  test("finds the secret among the pool's keys if the list has none", async () => {
    const { me, keys } = await customerOfApi({ listsSecrets: false });
    await me.ci('keys create prod');
    const { code, stdout } = await me.ci('keys create prod --ensure --reveal --secret-only');
    expect([code, stdout]).toEqual([0, `${textAt((await keys())[0], 'apiKey')}\n`]);
  });

  test("exits with 6 and a hint if the secret isn't available", async () => {
    const { api, me, keys } = await customerOfApi({ listsSecrets: false });
    await me.ci('keys create prod --credit');
    const { code, stdout, stderr } = await me.ci('keys create prod --credit --ensure --reveal --json');
    expect([code, stdout, api.changes.length]).toEqual([6, '', 1]);
    expect(errorOf({ stderr })).toMatchObject({ code: 'unavailable', outcome: 'not_applied' });
    expect(stderr).toContain(`ci keys delete ${textAt((await keys())[0], 'id')}`);
  });

  test('treats a masked secret as missing', async () => {
    const { me, keys } = await customerOfApi({ listed: (key) => ({ ...key, apiKey: 'sk_live_…9f3a' }) });
    await me.ci('keys create prod');
    const { code, stdout } = await me.ci('keys create prod --ensure --reveal --secret-only');
    expect([code, stdout]).toEqual([0, `${textAt((await keys())[0], 'apiKey')}\n`]);
  });
});

describe('keys create --ensure --save', () => {
  test('writes the secret of a new and of an existing key, and prints neither', async () => {
    const { api, me, keys } = await customerOfApi();
    writeFileSync(path.join(me.home, '.env'), '# mine\nOTHER=1\n');
    const line = 'keys create prod --ensure --save .env --json';
    const first = await me.ci(line);
    const apiKey = textAt((await keys())[0], 'apiKey');
    expect(dotenv(me)).toBe(`# mine\nOTHER=1\nCHEAPESTINFERENCE_API_KEY=${apiKey}\n`);
    writeFileSync(path.join(me.home, '.env'), 'OTHER=2\n');
    const second = await me.ci(line);
    expect(dotenv(me)).toBe(`OTHER=2\nCHEAPESTINFERENCE_API_KEY=${apiKey}\n`);
    expect(json(second)).toEqual(json(first));
    expect([first.code, second.code, api.changes.length]).toEqual([0, 0, 1]);
    expect(first.stdout + first.stderr + second.stdout + second.stderr).not.toContain(apiKey);
  });

  test('writes the secret to the variable that --var names', async () => {
    const { me, keys } = await customerOfApi();
    await me.ci('keys create prod');
    await me.ci('keys create prod --ensure --save .env --var SK');
    expect(dotenv(me)).toBe(`SK=${textAt((await keys())[0], 'apiKey')}\n`);
  });

  test("keeps the file if the API doesn't show the secret", async () => {
    const { me } = await customerOfApi({ listsSecrets: false });
    await me.ci('keys create prod --credit');
    writeFileSync(path.join(me.home, '.env'), 'OTHER=1\n');
    expect((await me.ci('keys create prod --credit --ensure --save .env')).code).toBe(6);
    expect(dotenv(me)).toBe('OTHER=1\n');
  });

  test("creates nothing if the file can't be written", async () => {
    const { api, me } = await customerOfApi();
    const { code } = await me.ci('keys create prod --ensure --save no/such/folder/.env');
    expect([code, api.changes]).toEqual([1, []]);
  });
});

describe('a key with a lost response', () => {
  const note =
    /^The response was lost \((?:n|N)o response from 127\.0\.0\.1:\d+: the connection was [^)]+\), but the change went through\.\n$/;

  test('is found with its secret in the list, as if the response had arrived', async () => {
    const { api, me, keys } = await customerOfApi({ lost: 1 });
    const { code, stdout, stderr } = await me.ci('keys create prod --json');
    const [key] = await keys();
    expect(code).toBe(0);
    expect(stderr).toMatch(note);
    expect(json({ stdout })).toEqual({ id: textAt(key, 'id'), name: 'prod', apiKey: textAt(key, 'apiKey') });
    expect([api.changes.length, outcomesOf(me)]).toEqual([1, ['create-key applied']]);
  });

  test("is found among the pool's keys if the list has no secrets", async () => {
    const { me, keys } = await customerOfApi({ lost: 1, listsSecrets: false });
    const { code, stdout } = await me.ci('keys create prod --secret-only');
    expect([code, stdout]).toEqual([0, `${textAt((await keys())[0], 'apiKey')}\n`]);
  });

  test('is saved', async () => {
    const { me, keys } = await customerOfApi({ lost: 1 });
    expect((await me.ci('keys create prod --save .env')).code).toBe(0);
    expect(dotenv(me)).toBe(`CHEAPESTINFERENCE_API_KEY=${textAt((await keys())[0], 'apiKey')}\n`);
  });

  test.each([
    ['in a pipe', ''],
    ['with --yes', ' --yes'],
  ])("exits with 1 and a hint if its secret isn't available (%s)", async (_where, flags) => {
    const { api, me, keys } = await customerOfApi({ lost: 1, listsSecrets: false });
    const { code, stdout, stderr } = await me.ci(`keys create prod --credit${flags}`);
    const id = textAt((await keys())[0], 'id');
    expect([code, stdout, api.changes.length, stateFiles(me)]).toEqual([1, '', 1, ['history.jsonl']]);
    expect(lines(stderr).at(-1)).toBe(
      `ci: Key prod (${id}) was created, but its secret was lost with the response. Run \`ci keys delete ${id}\` to revoke it, then create another.`,
    );
    expect(outcomesOf(me)).toEqual(['create-key applied']);
  });

  test("prints a JSON error if its secret isn't available", async () => {
    const { me } = await customerOfApi({ lost: 1, listsSecrets: false, tellsPoolKeys: false });
    expect(errorOf(await me.ci('keys create prod --json'))).toMatchObject({
      code: 'secret_lost',
      outcome: 'applied',
      retryable: false,
    });
  });

  test("writes no file if its secret isn't available", async () => {
    const { me } = await customerOfApi({ lost: 1, listsSecrets: false });
    expect((await me.ci('keys create prod --credit --save .env')).code).toBe(1);
    expect(existsSync(path.join(me.home, '.env'))).toBe(false);
  });
});

describe('a key whose secret was lost, on a terminal', () => {
  const question = /but\s+its\s+secret\s+was\s+lost\.\s+Revoke\s+it\s+and\s+create\s+another\?/;

  test('is deleted and replaced if the user agrees', async () => {
    const { api, me, keys } = await customerOfApi({ lost: 1, listsSecrets: false });
    const session = onTerminal(me, 'keys create prod --credit', { columns: 120 });
    await session.shows(question);
    const lostId = textAt((await keys())[0], 'id');
    expect(session.screen).toContain(lostId);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    const [only, ...others] = await keys();
    expect(others).toEqual([]);
    expect(textAt(only, 'id')).not.toBe(lostId);
    expect(session.screen).toContain(textAt(only, 'apiKey'));
    expect(api.changes).toEqual(['POST /api/keys/credit', `DELETE /api/keys/${lostId}`, 'POST /api/keys/credit']);
    expect(outcomesOf(me)).toEqual(['create-key applied', 'delete-key applied', 'create-key applied']);
  });

  test.each([
    ['Enter', enter],
    ['n', `n${enter}`],
  ])('stays if %s declines, and exits with 1 and a hint', async (_what, keys_) => {
    const { api, me, keys } = await customerOfApi({ lost: 1, listsSecrets: false });
    const session = onTerminal(me, 'keys create prod --credit', { columns: 120 });
    await session.shows(question);
    session.type(keys_);
    expect(await session.exit).toBe(1);
    expect(session.screen).toMatch(/ci: Key prod \(\S+\) was created, but its secret was lost with the response\./);
    expect([api.changes.length, (await keys()).length]).toEqual([1, 1]);
  });

  test('stays after Ctrl-C, and exits with 130 and the name of the key', async () => {
    const { api, me, keys } = await customerOfApi({ lost: 1, listsSecrets: false });
    const session = onTerminal(me, 'keys create prod --credit --json', { columns: 120 });
    await session.shows(question);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    const id = textAt((await keys())[0], 'id');
    const error = session.written.replace(/[\r\n]/g, '');
    expect(error).toMatch(new RegExp(`"code":"interrupted".*${id}.*"outcome":"applied"`));
    expect(api.changes).toHaveLength(1);
  });

  test("isn't deleted with --yes alone", async () => {
    const { api, me } = await customerOfApi({ lost: 1, listsSecrets: false });
    const { code, screen } = await shown(me, 'keys create prod --credit --yes', { columns: 120 });
    expect([code, api.changes.length]).toEqual([1, 1]);
    expect(screen).not.toMatch(question);
  });

  test("stays if it can't be deleted, and is reported", async () => {
    const { me, keys } = await customerOfApi({ lost: 1, listsSecrets: false, refusesRevoking: true });
    const session = onTerminal(me, 'keys create prod --credit --json', { columns: 200 });
    await session.shows(question);
    session.type(`y${enter}`);
    expect(await session.exit).toBe(4);
    const id = textAt((await keys())[0], 'id');
    expect(session.written).toMatch(
      new RegExp(`"message":"Key prod \\(${id}\\) was created, .*; No entry".*"outcome":"applied"`),
    );
  });

  test('is offered again if the second secret is lost, too', async () => {
    const { me, keys } = await customerOfApi({ lost: 3, listsSecrets: false });
    const session = onTerminal(me, 'keys create prod --credit', { columns: 120 });
    await session.shows(question);
    const first = textAt((await keys())[0], 'id');
    session.type(`y${enter}`);
    await expect.poll(async () => (await keys()).map((key) => textAt(key, 'id'))).not.toContain(first);
    await expect.poll(async () => (await keys()).length).toBe(1);
    const second = textAt((await keys())[0], 'id');
    await session.shows(new RegExp(`${second}\\)?\\s+was\\s+created,\\s+but\\s+its\\s+secret\\s+was\\s+lost`));
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect((await keys()).map((key) => textAt(key, 'id'))).toEqual([second]);
  });
});
