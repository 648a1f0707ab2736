import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { StateDatabase } from '../../../src/state/postgres/database.ts';
import { initialize } from '../../../src/state/postgres/initialize.ts';
import { parseStateUrl } from '../../../src/state/postgres/state-url.ts';
import { json, type Running, settlesIn } from '../../support/cli.ts';
import { hasHostNames } from '../../support/host-name.ts';
import { type KeyApi, keyApi } from '../../support/key-api.ts';
import { type Machine, machine } from '../../support/machines.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';

const server = sharedPostgres({ fsync: false });
const names = Array.from({ length: 60 }, (_, index) => `customer-${index}`);
/** The lease is 22 seconds. */
const rotate = 'keys rotate --from customers.csv --save-to new.ndjson --concurrency 4 --timeout 1s --yes --json';
/** Its requests wait until the test has done its part. The lease is longer than two minutes. */
const patientRotate = rotate.replace('--timeout 1s', '--timeout 60s');

/** Machines that share a database, and an API with a key for each customer. */
async function team(count: number): Promise<{ readonly api: KeyApi; readonly machines: readonly Machine[] }> {
  const url = await server().freshSchema();
  const database = new StateDatabase(parseStateUrl(url), {});
  await initialize(database);
  await database.close();
  const api = await keyApi({ latency: 20 });
  const hosts = Array.from({ length: count }, (_, index) => `build-${index + 1}`);
  const machines = await Promise.all(hosts.map((name) => machine(name, { api, stateUrl: url })));
  for (const each of machines) {
    settlesIn(each, '1s');
    writeFileSync(
      path.join(each.home, 'customers.csv'),
      `name,type,maxBudget\n${names.map((name) => `${name},credit,25\n`).join('')}`,
    );
  }
  const [first] = machines;
  const { code, stderr } = (await first?.ci('keys create --from customers.csv --save-to old.ndjson --yes')) ?? {};
  expect([code, stderr]).toMatchObject([0, expect.any(String)]);
  return { api, machines };
}

/** Returns the secrets in the files for new ones. */
function saved(machines: readonly Machine[]): string[] {
  const files = machines.map(({ home }) => path.join(home, 'new.ndjson')).filter((file) => existsSync(file));
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [textAt(JSON.parse(line), 'apiKey')])),
  );
}

/** Waits until the API has got some changes since now. */
async function changed(api: KeyApi, count: number): Promise<void> {
  const goal = api.changes.length + count;
  await expect.poll(() => api.changes.length, { interval: 5 }).toBeGreaterThanOrEqual(goal);
}

/** Expects that each customer has one key, and someone has its secret. */
function expectAllReplaced(api: KeyApi, machines: readonly Machine[], old: readonly string[]): void {
  const active = api.active();
  expect(active.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(active.filter(({ id }) => old.includes(id))).toEqual([]);
  const secrets = new Set(saved(machines));
  expect(active.filter(({ apiKey }) => !secrets.has(apiKey))).toEqual([]);
}

test('shares the keys of a file between three machines, and replaces each once', async () => {
  const { api, machines } = await team(3);
  const old = api.active().map(({ id }) => id);
  // Each machine has at most four changes under way, so nine come from all three.
  api.answerAfter(api.times('POST /api/keys/credit', names.length + 9));
  const ended = await Promise.all(machines.map((each) => each.start(patientRotate).ended));
  for (const { code, stderr } of ended) expect([code, stderr]).toEqual([0, expect.any(String)]);
  const counts = ended.map((each) => listAt(json(each), 'rotated').length);
  expect(counts.reduce((sum, count) => sum + count)).toBe(names.length);
  expect(ended.map((each) => at(json(each), 'elsewhere'))).toEqual(counts.map((count) => names.length - count));
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(api.keys.length).toBe(2 * names.length);
  expectAllReplaced(api, machines, old);
});

test('goes on at once if a process of the same machine is killed', async () => {
  const { api, machines } = await team(1);
  const old = api.active().map(({ id }) => id);
  const [only] = machines;
  const killed = only?.start(patientRotate.replace('new.ndjson', 'killed.ndjson'));
  await changed(api, 10);
  const { promise: released, resolve: goOn } = withResolvers();
  api.answerAfter(released);
  const other = only?.start(patientRotate);
  // Each process has at most four changes under way, so five come from both.
  await expect.poll(() => api.unanswered.size, { interval: 5 }).toBeGreaterThanOrEqual(5);
  killed?.kill('SIGKILL');
  expect((await killed?.ended)?.signal).toBe('SIGKILL');
  goOn();
  const killedAt = performance.now();
  const { code, stderr } = (await other?.ended) ?? {};
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect(performance.now() - killedAt).toBeLessThan(60_000);
  expect(
    api
      .active()
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...names].sort());
  expect(api.active().filter(({ id }) => old.includes(id))).toEqual([]);
});

test.skipIf(!hasHostNames)('takes over the keys of a machine that has died after its lease', async () => {
  const { api, machines } = await team(2);
  const old = api.active().map(({ id }) => id);
  const [first, second] = machines.map((each) => each.start(rotate));
  await changed(api, 30);
  await machines[0]?.crash();
  expect((await first?.ended)?.signal).toBe('SIGKILL');
  const ended = await second?.ended;
  expect(ended).toMatchObject({ code: 0 });
  expectAllReplaced(api, machines, old);
});

test.skipIf(!hasHostNames)('leaves keys whose secrets go to files of another machine', async () => {
  const { api, machines } = await team(2);
  const old = api.active().map(({ id }) => id);
  const [first, second] = machines;
  const running: Running | undefined = first?.start(rotate);
  await changed(api, 15);
  await first?.crash();
  await running?.ended;
  const before = api.changes.length;
  const left = await second?.ci('keys rotate --resume --yes --json');
  expect(left).toMatchObject({ code: 0, stdout: '{"rotated":[],"failed":[]}\n' });
  expect(left?.stderr).toContain('stay with build-1, where the files for the new secrets are');
  expect(api.changes.length).toBe(before);
  // It names a place of its own.
  expect(await second?.ci(rotate)).toMatchObject({ code: 0 });
  expectAllReplaced(api, machines, old);
});

test('keeps to --rate with all machines together', async () => {
  const { api, machines } = await team(2);
  const since = performance.now();
  const ended = await Promise.all(machines.map((each) => each.start(`${rotate} --rate 40`).ended));
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  // 120 changes. Alone, each machine would need 1.5 seconds.
  expect(performance.now() - since).toBeGreaterThan(2900);
  expect(api.keys.length).toBe(2 * names.length);
});
