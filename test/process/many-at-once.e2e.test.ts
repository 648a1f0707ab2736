import { expect, test } from 'vitest';
import { type Ended, json, lines, sandboxUser, type User, userOf } from '../support/cli.ts';
import { crowd } from '../support/crowd.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

const twenty = Array.from({ length: 20 }, (_each, index) => index + 1);

const together = crowd(twenty.length);

/** Runs commands in twenty processes at once. */
function atOnce(me: User, line: (number: number) => string): Promise<Ended[]> {
  return together(me, twenty.map(line));
}

/** Returns the errors of those that failed. */
function failures(ended: readonly Ended[]): string[] {
  return ended.flatMap(({ code, stderr }) => (code === 0 ? [] : [`${code}: ${stderr}`]));
}

/** Returns the recorded outcomes of the changes. */
async function outcomes(me: User): Promise<unknown[]> {
  return listAt(json(await me.ci('history --json'))).map((each) => at(each, 'outcome'));
}

test('buys once with subscribe --ensure to one block, and prints it for all', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const ended = await atOnce(me, () => 'pools subscribe kimi26 --blocks europe --ensure --yes --json');
  expect(failures(ended)).toEqual([]);
  const [bought, ...others] = listAt(await api.box.seen(), 'subscriptions');
  expect(others).toEqual([]);
  expect(new Set(ended.map((each) => textAt(json(each), 'id')))).toEqual(new Set([textAt(bought, 'id')]));
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
  expect(await outcomes(me)).toEqual(['applied']);
});

test('buys once with subscribe to one block, and asks the others for --again', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const ended = await atOnce(me, () => 'pools subscribe kimi26 --blocks europe --yes');
  expect(failures(ended)).toEqual(Array(19).fill(expect.stringMatching(/^2: (?:Waiting .*\n)?ci: .*--again.*\n$/)));
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  expect(await outcomes(me)).toEqual(['applied']);
});

test('buys other blocks one after another', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const blocks = ['asia', 'europe', 'americas'];
  const ended = await together(
    me,
    blocks.map((block) => `pools subscribe kimi26 --blocks ${block} --yes`),
  );
  expect(failures(ended)).toEqual([]);
  expect(
    listAt(await api.box.seen(), 'subscriptions')
      .flatMap((each) => at(each, 'blocks'))
      .sort(),
  ).toEqual(blocks.toSorted());
});

test('creates, lists, records and delivers every key once', async () => {
  const api = await recordedSandbox();
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const me = userOf(api);
  const ended = await atOnce(me, (number) => `keys create key-${number} --json`);
  expect(failures(ended)).toEqual([]);
  const listed = listAt(await api.box.data('GET', '/api/keys'));
  const summary = (key: unknown) => [textAt(key, 'name'), textAt(key, 'id'), textAt(key, 'apiKey')].join(' ');
  expect(ended.map((each) => summary(json(each))).sort()).toEqual(listed.map(summary).sort());
  expect(new Set(listed.map((key) => textAt(key, 'name')))).toEqual(new Set(twenty.map((number) => `key-${number}`)));
  expect(await outcomes(me)).toEqual(Array(20).fill('applied'));
});

test('creates twenty keys of one name without --ensure, each with its secret', async () => {
  const api = await recordedSandbox();
  const ended = await atOnce(userOf(api), () => 'keys create same --credit --secret-only');
  expect(failures(ended)).toEqual([]);
  const listed = listAt(await api.box.data('GET', '/api/keys'));
  expect(ended.map(({ stdout }) => stdout.trim()).sort()).toEqual(listed.map((key) => textAt(key, 'apiKey')).sort());
});

test('saves twenty variables in one file with keys create --save', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const ended = await atOnce(me, (number) => `keys create key-${number} --credit --save .env --var KEY_${number}`);
  expect(failures(ended)).toEqual([]);
  const { stdout } = await me.sh('sort .env');
  const listed = listAt(await api.box.data('GET', '/api/keys'));
  const due = listed.map((key) => `${textAt(key, 'name').replace('key-', 'KEY_')}=${textAt(key, 'apiKey')}`);
  expect(lines(stdout).sort()).toEqual(due.sort());
});

test.each([
  ['on credit', 'keys create prod --credit --ensure --json'],
  ['for a subscription', 'keys create prod --ensure --json'],
])('creates one key with keys create --ensure, and prints it for all, %s', async (_what, line) => {
  const api = await recordedSandbox();
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const me = userOf(api);
  const ended = await atOnce(me, () => line);
  expect(failures(ended)).toEqual([]);
  const [key, ...others] = listAt(await api.box.seen(), 'keys');
  expect(others).toEqual([]);
  expect(new Set(ended.map((each) => textAt(json(each), 'id')))).toEqual(new Set([textAt(key, 'id')]));
  expect(await outcomes(me)).toEqual(['applied']);
});

test('deletes one key once, and reports that to all', async () => {
  const api = await recordedSandbox();
  const id = textAt(await api.box.data('POST', '/api/keys/credit', { name: 'old' }), 'id');
  const ended = await atOnce(userOf(api), () => `keys delete ${id} --yes`);
  // A process that checks after the key is gone reports that it doesn't exist.
  expect(failures(ended).filter((failure) => !failure.startsWith('5: '))).toEqual([]);
  expect(failures(ended).length).toBeLessThan(20);
  expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
});

test('loses no write in the embedded sandbox, which all commands share', async () => {
  const me = sandboxUser();
  const before = Date.parse(textAt(json(await me.ci('sandbox advance 1m --json')), 'now'));
  const kinds = [
    'keys create key-$ --credit --json',
    'pools subscribe kimi26 --blocks europe --ensure --yes --json',
    'sandbox advance 1m --json',
    'billing topup 10 --method usdc --json',
  ];
  const ended = await atOnce(me, (number) => (kinds[number % 4] ?? '').replace('$', String(number)));
  expect(failures(ended)).toEqual([]);
  const keys = listAt(json(await me.ci('keys list --json'))).map((key) => textAt(key, 'name'));
  expect(keys.sort()).toEqual(['key-12', 'key-16', 'key-20', 'key-4', 'key-8']);
  expect(listAt(json(await me.ci('pools subscriptions --json')))).toHaveLength(1);
  const after = Date.parse(textAt(json(await me.ci('sandbox advance 1ms --json')), 'now'));
  expect(Math.floor((after - before) / 60_000)).toBe(5);
});

test('lists every key that is created in the embedded sandbox', async () => {
  const me = sandboxUser();
  const ended = await atOnce(me, (number) => `keys create key-${number} --credit --json`);
  expect(failures(ended)).toEqual([]);
  const keys = listAt(json(await me.ci('keys list --json'))).map((key) => textAt(key, 'id'));
  expect(keys.sort()).toEqual(ended.map((each) => textAt(json(each), 'id')).sort());
});
