import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json, settlesIn, type User, userOf } from '../../support/cli.ts';
import { type KeyApi, type KeyFault, keyApi } from '../../support/key-api.ts';

const create = 'keys create --from customers.csv --save-to secrets.ndjson --yes --json';
const list = 'GET /api/keys';

/** Whether a change that an earlier command sent takes effect after all. */
const endings = [
  ['takes effect', true],
  ["doesn't take effect", false],
] as const;

/** Creates a user with a file for the key `acme`. */
function userWithFile(api: KeyApi): User {
  const me = userOf(api);
  settlesIn(me, '1s');
  writeFileSync(path.join(me.home, 'customers.csv'), 'name,type\nacme,credit\n');
  return me;
}

/** Starts an API that holds the first change of a kind. */
async function holding(held: string, others: (method: string) => KeyFault | undefined = () => undefined) {
  let isHeld = false;
  return keyApi({
    faultOf: ({ method }) => {
      if (method !== held || isHeld) return others(method);
      isHeld = true;
      return 'held';
    },
  });
}

/** Runs a command, and kills it once its change has arrived. */
async function killedDuring(api: KeyApi, method: string, me: User, command: string): Promise<void> {
  const running = me.start(command);
  await api.got(method);
  running.kill('SIGKILL');
  await running.ended;
}

/** Runs a command. Carries out what is held once the command has listed the keys for the first time. */
async function laterRun(api: KeyApi, me: User, command: string, carriesOut: boolean) {
  const lists = api.requests.filter((request) => request === list).length;
  const running = me.start(command);
  await api.times(list, lists + 1);
  if (carriesOut) api.carryOut();
  return running.ended;
}

/** Returns the secrets of the file. */
function savedSecrets(me: User): string[] {
  return readFileSync(path.join(me.home, 'secrets.ndjson'), 'utf8').match(/sk_live_[\w-]+/g) ?? [];
}

test.each(endings)('creates a key again whose secret was lost, and whose revocation %s late', async (_name, isLate) => {
  let created = 0;
  const api = await holding('DELETE', (method) => (method === 'POST' && created++ === 0 ? 'masked' : undefined));
  const me = userWithFile(api);
  await killedDuring(api, 'DELETE', me, create);
  const { code, stderr, stdout } = await laterRun(api, me, create, isLate);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ existing: 0, failed: 0 });
  expect(api.active().map(({ apiKey }) => apiKey)).toEqual(savedSecrets(me));
  expect(api.keys).toHaveLength(2);
  expect(api.violations).toEqual([]);
});

test.each(endings)('creates a key only once its revocation %s', async (_name, isLate) => {
  const api = await holding('DELETE');
  const me = userWithFile(api);
  expect((await me.process(create)).code).toBe(0);
  await killedDuring(api, 'DELETE', me, 'keys delete acme --yes');
  const { code, stderr, stdout } = await laterRun(api, me, create, isLate);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject(isLate ? { created: 1, existing: 0 } : { created: 0, existing: 1 });
  const [active, second] = api.active();
  expect(second).toBeUndefined();
  expect(savedSecrets(me).filter((secret) => secret === active?.apiKey)).toHaveLength(1);
  // Nothing is left to find out.
  expect(await me.process('history reconcile --json')).toMatchObject({ code: 0 });
});

test.each(endings)('revokes a key whose creation %s late', async (_name, isLate) => {
  const api = await holding('POST');
  const me = userWithFile(api);
  await killedDuring(api, 'POST', me, create);
  const ended = await laterRun(api, me, 'keys delete --from customers.csv --yes --json', isLate);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(json(ended)).toMatchObject(isLate ? { revoked: 1, gone: 0 } : { revoked: 0, gone: 1 });
  expect(api.active()).toEqual([]);
  expect(api.keys).toHaveLength(isLate ? 1 : 0);
});

test('delivers no secret of a key whose revocation takes effect late', async () => {
  let isHeld = false;
  const api = await keyApi({
    showsSecrets: true,
    faultOf: ({ method }) => {
      if (method !== 'DELETE' || isHeld) return undefined;
      isHeld = true;
      return 'held';
    },
  });
  const me = userWithFile(api);
  const store = path.join(me.home, 'store');
  writeFileSync(store, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  writeFileSync(path.join(me.home, 'customers.csv'), 'name,type,to\nacme,credit,command:./store\n');
  const command = 'keys create --from customers.csv --yes --json';
  await killedDuring(api, 'DELETE', me, command);
  writeFileSync(store, '#!/bin/sh\ncat > vault\n', { mode: 0o755 });
  const { code, stderr } = await laterRun(api, me, command, true);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const vault = readFileSync(path.join(me.home, 'vault'), 'utf8').trim();
  expect(api.active().map(({ apiKey }) => apiKey)).toEqual([vault]);
});
