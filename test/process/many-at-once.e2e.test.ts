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

/** What those said that failed. */
function failures(ended: readonly Ended[]): string[] {
  return ended.flatMap(({ code, stderr }) => (code === 0 ? [] : [`${code}: ${stderr}`]));
}

/** What the record says became of the changes. */
async function outcomes(me: User): Promise<unknown[]> {
  return listAt(json(await me.ci('history --json'))).map((each) => at(each, 'outcome'));
}

test('subscribe --ensure to one block: one purchase, and all print it', async () => {
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

test('subscribe to one block: one purchase, and the others would have to be told --again', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const ended = await atOnce(me, () => 'pools subscribe kimi26 --blocks europe --yes');
  expect(failures(ended)).toEqual(Array(19).fill(expect.stringMatching(/^2: (?:Waiting .*\n)?ci: .*--again.*\n$/)));
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  expect(await outcomes(me)).toEqual(['applied']);
});

test('subscribe to other blocks: each waits for the one before', async () => {
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

test('keys create: every key is made once, listed, recorded, and its secret is where it was asked for', async () => {
  const api = await recordedSandbox();
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const me = userOf(api);
  const ended = await atOnce(me, (number) => `keys create key-${number} --json`);
  expect(failures(ended)).toEqual([]);
  const listed = listAt(await api.box.data('GET', '/api/keys'));
  const told = (key: unknown) => [textAt(key, 'name'), textAt(key, 'id'), textAt(key, 'apiKey')].join(' ');
  expect(ended.map((each) => told(json(each))).sort()).toEqual(listed.map(told).sort());
  expect(new Set(listed.map((key) => textAt(key, 'name')))).toEqual(new Set(twenty.map((number) => `key-${number}`)));
  expect(await outcomes(me)).toEqual(Array(20).fill('applied'));
});

test('keys create of one name without --ensure: twenty keys, each told to the one who made it', async () => {
  const api = await recordedSandbox();
  const ended = await atOnce(userOf(api), () => 'keys create same --credit --secret-only');
  expect(failures(ended)).toEqual([]);
  const listed = listAt(await api.box.data('GET', '/api/keys'));
  expect(ended.map(({ stdout }) => stdout.trim()).sort()).toEqual(listed.map((key) => textAt(key, 'apiKey')).sort());
});

test('keys create --save into one file: twenty variables', async () => {
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
])('keys create --ensure of one name, %s: one key, and all print it', async (_what, line) => {
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

test('keys delete of one key: it is gone, and all are told so', async () => {
  const api = await recordedSandbox();
  const id = textAt(await api.box.data('POST', '/api/keys/credit', { name: 'old' }), 'id');
  const ended = await atOnce(userOf(api), () => `keys delete ${id} --yes`);
  // Who looks when it is gone already is told that there is none.
  expect(failures(ended).filter((failure) => !failure.startsWith('5: '))).toEqual([]);
  expect(failures(ended).length).toBeLessThan(20);
  expect(listAt(await api.box.seen(), 'keys')).toEqual([]);
});

test('commands of the embedded sandbox share one account: no write is lost', async () => {
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

test('keys create in the embedded sandbox: every key is listed', async () => {
  const me = sandboxUser();
  const ended = await atOnce(me, (number) => `keys create key-${number} --credit --json`);
  expect(failures(ended)).toEqual([]);
  const keys = listAt(json(await me.ci('keys list --json'))).map((key) => textAt(key, 'id'));
  expect(keys.sort()).toEqual(ended.map((each) => textAt(json(each), 'id')).sort());
});
