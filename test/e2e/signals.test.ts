import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { at, listAt, type TestSandbox, textAt } from '../sandbox/harness.ts';
import { type Ended, json, lines, secret, userOf } from './cli.ts';
import { errorOf, firstChange, lossyCustomer, outcomesOf, stateFiles } from './lost.ts';
import { answer, recordedSandbox, silence } from './servers.ts';
import { ctrlC, onTerminal } from './terminal.ts';

const finding = 'Interrupted: finding out whether it was carried out…';
const carriedOutAfterAll = 'interrupted; what was asked for had been carried out';

/** Changes that hold still in their middle, and how the sandbox shows whether they were made. */
const changes: readonly [string, string, (box: TestSandbox) => Promise<boolean>][] = [
  ['pools subscribe minimax-m3 --blocks europe --yes', 'subscribe', async (box) => (await count(box, 'charges')) === 2],
  ['keys create new --credit', 'create-key', async (box) => (await count(box, 'keys')) === 2],
  ['keys create new', 'create-key', async (box) => (await count(box, 'keys')) === 2],
  ['keys delete old --yes', 'delete-key', async (box) => (await count(box, 'keys')) === 0],
  [
    'pools cancel kimi26 --yes',
    'cancel',
    async (box) => at((await box.seen()) ?? {}, 'subscriptions', 0, 'cancelAtPeriodEnd') === true,
  ],
];

async function count(box: TestSandbox, what: string): Promise<number> {
  return listAt(await box.seen(), what).length;
}

/** Somebody with a subscription and a key, whose next change is carried out or not, and is never answered. */
async function customer(carriedOut: boolean, instead: Parameters<typeof lossyCustomer>[0] = () => undefined) {
  const one = await lossyCustomer(
    (request, before) => firstChange(carriedOut, silence)(request, before) ?? instead(request, before),
  );
  await one.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  await one.box.data('POST', '/api/keys/credit', { name: 'old' });
  return one;
}

/** Sends a signal until the process has ended. */
async function kept(running: { ended: Promise<Ended>; kill(signal: NodeJS.Signals): void }, signal: NodeJS.Signals) {
  let over = false;
  const ended = running.ended.finally(() => {
    over = true;
  });
  while (!over) {
    running.kill(signal);
    await sleep(50);
  }
  return ended;
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of a request', (signal) => {
  test.each(changes)('that was carried out: %s', async (line, action, isMade) => {
    const { me, box, api, lost } = await customer(true);
    const running = me.start(`${line} --json --timeout 60s`);
    await lost(1);
    running.kill(signal);
    const ended = await running.ended;
    expect([ended.code, ended.signal]).toEqual([130, null]);
    expect(lines(ended.stderr)[0]).toBe(finding);
    expect(errorOf(ended)).toEqual({
      code: 'interrupted',
      message: carriedOutAfterAll,
      hint: null,
      status: null,
      retryable: false,
      outcome: 'applied',
    });
    expect(lines(ended.stderr)).toHaveLength(2);
    expect(textAt(json(ended), 'id')).not.toBe('');
    expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([true, 1, [`${action} applied`]]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test.each(changes)('that was not: %s', async (line, action, isMade) => {
    const { me, box, api, lost } = await customer(false);
    const running = me.start(`${line} --json --timeout 60s`);
    await lost(1);
    running.kill(signal);
    const ended = await running.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(errorOf(ended)).toMatchObject({
      code: 'interrupted',
      message: 'interrupted; it was not carried out',
      outcome: 'not_applied',
    });
    expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([false, 1, [`${action} not_applied`]]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });
});

describe('Ctrl-C in the middle of a request', () => {
  test('of a key that was made shows its secret all the same', async () => {
    const { me, box, lost } = await customer(true);
    const session = onTerminal(me, 'keys create new --credit --timeout 60s', { columns: 120 });
    await lost(1);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    const made = listAt(await box.data('GET', '/api/keys')).find((key) => at(key, 'name') === 'new');
    expect(session.screen).toContain(textAt(made, 'apiKey'));
    expect(session.screen).toContain(`ci: ${carriedOutAfterAll}`);
  });

  test('of a key whose secret nobody tells: exit 130, the key, and no question', async () => {
    const one = await lossyCustomer(firstChange(true, silence));
    const older = await recordedSandbox({
      instead:
        ({ method }) =>
        async (request, response) => {
          const headers = { authorization: request.headers.authorization ?? '' };
          const upstream = await fetch(one.api.url + request.path, {
            method,
            headers,
            ...(request.body && { body: request.body }),
          });
          const text = (await upstream.text()).replace(/"apiKey":"[^"]*",/g, '');
          await answer(upstream.status, text)(request, response);
        },
    });
    const session = onTerminal(userOf(older), 'keys create new --credit --timeout 60s --json', { columns: 200 });
    await one.lost(1);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    const id = textAt(await one.box.seen(), 'keys', 0, 'id');
    expect(session.written).toContain(
      `{"error":{"code":"interrupted","message":"the key new  ${id} was made, and its secret was lost with the answer"`,
    );
    expect(session.written).toContain('"outcome":"applied"');
    expect(session.written).not.toContain('?');
  });

  test('that the server carries out late is found', async () => {
    const { me, box, api, lost } = await customer(false);
    const running = me.start('keys create new --credit --timeout 60s --json');
    await lost(1);
    const looks = () => api.requests.filter((each) => each === 'GET /api/keys').length;
    const before = looks();
    running.kill('SIGINT');
    await expect.poll(looks).toBe(before + 1);
    await box.data('POST', '/api/keys/credit', { name: 'new' });
    const ended = await running.ended;
    expect([ended.code, errorOf(ended)]).toMatchObject([130, { outcome: 'applied' }]);
    expect(ended.stdout).toMatch(secret);
  });

  test('when nobody can look: exit 130, unknown, and what will tell', async () => {
    const { me, lost } = await customer(true, (request, before) =>
      before > 0 && request.path.endsWith('/my-subscriptions')
        ? { carriedOut: false, told: answer(403, { success: false, error: 'No entry' }) }
        : undefined,
    );
    const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --json --timeout 60s');
    await lost(1);
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(errorOf(ended)).toMatchObject({
      code: 'interrupted',
      outcome: 'unknown',
      hint: 'Find out with `ci pools subscriptions minimax-m3` before you run this again.',
    });
    expect(outcomesOf(me)).toEqual(['subscribe unknown']);
  });

  test('of several revocations stops after the one under way, and tells which were revoked', async () => {
    const { me, box, api, lost } = await customer(true);
    await box.data('POST', '/api/keys/credit', { name: 'older' });
    const running = me.start('keys delete old older --yes --json --timeout 60s');
    await lost(1);
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, api.changes.length, await count(box, 'keys')]).toEqual([130, 1, 1]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'applied' });
    expect(textAt(errorOf(ended), 'message')).toMatch(/^interrupted after 1 of 2 keys; revoked: [0-9a-f-]{36}$/);
  });

  test('between a purchase and its keys tells what was bought', async () => {
    const one = await lossyCustomer((request) =>
      request.path === '/api/keys/subscription' ? { carriedOut: false, told: silence } : undefined,
    );
    const running = one.me.start(
      'pools subscribe kimi26 --blocks europe --quantity 2 --create-key k --yes --json --timeout 60s',
    );
    await one.lost(1);
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, one.api.changes.length]).toEqual([130, 2]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'applied' });
    for (const each of listAt(await one.box.seen(), 'subscriptions'))
      expect(ended.stderr).toContain(textAt(each, 'id'));
    expect(outcomesOf(one.me)).toEqual(['subscribe applied', 'create-key not_applied']);
  });
});

describe('a second Ctrl-C', () => {
  test.each([
    ['SIGINT', 'pools subscribe minimax-m3 --blocks europe --yes', 'subscribe'],
    ['SIGTERM', 'pools subscribe minimax-m3 --blocks europe --yes', 'subscribe'],
    ['SIGINT', 'keys create new --credit', 'create-key'],
  ] as const)(
    'ends it at once, with 130, and leaves the change to be found out (%s, %s)',
    async (signal, line, action) => {
      const { me, api, lost } = await customer(true, (_request, before) =>
        before > 0 ? { carriedOut: false, told: silence } : undefined,
      );
      const running = me.start(`${line} --timeout 60s`);
      await lost(1);
      running.kill(signal);
      await running.stderr(/finding out/);
      await lost(2);
      const ended = await kept(running, signal);
      expect([ended.code, ended.signal, ended.stdout]).toEqual([130, null, '']);
      expect(ended.stderr).toBe(`${finding}\n`);
      expect([api.changes.length, outcomesOf(me)]).toEqual([1, [`${action} pending`]]);
      expect(stateFiles(me).filter((name) => !name.endsWith('.lock'))).toEqual(['history.jsonl']);
    },
  );

  test('leaves a change that the next command points out, and reconcile settles', async () => {
    let looking = true;
    const { me, box, lost } = await customer(true, (_request, before) =>
      before > 0 && !looking ? { carriedOut: false, told: silence } : undefined,
    );
    const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await lost(1);
    looking = false;
    running.kill('SIGINT');
    await lost(2);
    await kept(running, 'SIGINT');
    looking = true;
    expect((await me.ci('keys create new --credit')).stderr).toMatch(/^1 earlier change without a known outcome/);
    const [settled] = listAt(json(await me.ci('history reconcile --json')));
    const [, bought] = listAt(await box.seen(), 'subscriptions');
    expect(settled).toMatchObject({ outcome: 'applied', ids: [textAt(bought, 'id')] });
    expect((await me.ci('pools subscribe minimax-m3 --blocks asia --yes')).code).toBe(0);
  });

  test('that comes with the first, as some send it twice, is the same', async () => {
    for (const _turn of [1, 2, 3, 4]) {
      const { me, lost } = await customer(true);
      const running = me.start('keys create new --credit --timeout 60s --json');
      await lost(1);
      running.kill('SIGTERM');
      running.kill('SIGTERM');
      running.kill('SIGINT');
      const ended = await running.ended;
      expect([ended.code, outcomesOf(me)]).toEqual([130, ['create-key applied']]);
      expect(ended.stdout).toMatch(secret);
    }
  });
});

describe('a signal before the request leaves', () => {
  test.each(changes)('has nothing sent and nothing recorded: %s', async (line) => {
    const api = await recordedSandbox({ instead: ({ method }) => (method === 'GET' ? silence : undefined) });
    const me = userOf(api);
    const running = me.start(`${line} --json --timeout 60s`);
    await api.got('GET');
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.stdout, api.changes, stateFiles(me)]).toEqual([130, '', [], []]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'not_applied' });
  });

  test('while another is waited for has nothing sent, and the other goes on', async () => {
    const { me, box, api, lost } = await customer(true);
    const first = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await lost(1);
    const second = me.start('pools subscribe minimax-m3 --blocks asia --yes --json --timeout 60s');
    await second.stderr(/Waiting for another ci that is at work on the same account…/);
    second.kill('SIGINT');
    const ended = await second.ended;
    expect([ended.code, errorOf(ended)]).toMatchObject([130, { code: 'interrupted', outcome: 'not_applied' }]);
    first.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
    expect([api.changes.length, await count(box, 'charges')]).toEqual([1, 2]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });
});

describe('one that is waited for too long', () => {
  test('is exit 6, and nothing is sent', async () => {
    const { me, api, lost } = await customer(true);
    const first = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await lost(1);
    const { code, stdout, stderr } = await me.ci('pools subscribe minimax-m3 --blocks asia --yes --json --timeout 1s');
    expect([code, stdout, api.changes.length]).toEqual([6, '', 1]);
    expect(errorOf({ stderr })).toMatchObject({ code: 'busy', retryable: true, outcome: 'not_applied' });
    first.kill('SIGKILL');
    await first.ended;
    expect((await me.ci('pools subscribe minimax-m3 --blocks asia --yes')).code).toBe(0);
  });
});

test('what is under way keeps nobody from reading, nor from making keys', async () => {
  const { me, lost } = await customer(true);
  const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
  await lost(1);
  expect((await me.ci('pools list')).code).toBe(0);
  expect((await me.ci('keys create other --credit')).code).toBe(0);
  running.kill('SIGINT');
  await running.ended;
});
