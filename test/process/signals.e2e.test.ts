import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Ended, json, lines, secret, settlesIn, userOf } from '../support/cli.ts';
import { errorOf, firstChange, heldResponse, lossyCustomer, outcomesOf, stateFiles } from '../support/lost.ts';
import { withResolvers } from '../support/resolvers.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import { answer, recordedSandbox, reset, silence } from '../support/servers.ts';
import { ctrlC, onTerminal } from '../support/terminal.ts';

const waiting =
  'Interrupted. Waiting up to 10 seconds for the response to a change that was already sent. Interrupt again to quit now.';
const checking = 'Interrupted. Checking whether the change went through…';
const wentThrough = 'Interrupted, but the change went through';

/** Changes that pause in the middle, and how the sandbox shows whether they were applied. */
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

/** Creates a user with a subscription and a key. The next change is applied or not, and its response is held back. */
async function interruptedCustomer(isApplied: boolean, instead: Parameters<typeof lossyCustomer>[0] = () => undefined) {
  const held = heldResponse();
  let made: { readonly status: number; readonly body: unknown } | undefined;
  const first = firstChange(false, async (request, response) => {
    if (isApplied) made = await one.box.call(request.method, request.path, { text: request.body });
    carry();
    await held.respond(request, response);
  });
  const { promise: done, resolve: carry } = withResolvers();
  const one: Awaited<ReturnType<typeof lossyCustomer>> = await lossyCustomer(
    (request, before) => first(request, before) ?? instead(request, before),
  );
  await one.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  await one.box.data('POST', '/api/keys/credit', { name: 'old' });
  return {
    ...one,
    /** Waits until the change has reached the server, and has been applied if it should be. */
    sent: () => done,
    /** Sends the response that was held back. */
    answered: () => held.release(made ? answer(made.status, made.body) : silence),
    dropped: () => held.release(reset),
  };
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

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s during a request', (signal) => {
  /** Runs a command, and signals it in the middle of its change. */
  async function interrupted(line: string, isApplied: boolean) {
    const one = await interruptedCustomer(isApplied);
    const running = one.me.start(`${line} --json --timeout 60s`);
    await one.sent();
    running.kill(signal);
    await running.stderr(/Waiting up to 10 seconds/);
    return { ...one, running };
  }

  test.each(changes)('waits for the response, and prints it: %s', async (line, action, isMade) => {
    const { running, answered, me, box, api } = await interrupted(line, true);
    await answered();
    const ended = await running.ended;
    expect([ended.code, ended.signal]).toEqual([130, null]);
    expect(lines(ended.stderr)[0]).toBe(waiting);
    expect(errorOf(ended)).toEqual({
      code: 'interrupted',
      message: wentThrough,
      hint: null,
      status: null,
      retryable: false,
      outcome: 'applied',
    });
    expect(lines(ended.stderr)).toHaveLength(2);
    expect(textAt(json(ended), 'id')).not.toBe('');
    if (action === 'create-key') expect(textAt(json(ended), 'apiKey')).toMatch(secret);
    expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([true, 1, [`${action} applied`]]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });

  test.each(changes)(
    'checks once for a change with a lost response, and prints it: %s',
    async (line, action, isMade) => {
      const { running, dropped, me, box, api } = await interrupted(line, true);
      await dropped();
      const ended = await running.ended;
      expect([ended.code, ended.signal, lines(ended.stderr).slice(0, 2)]).toEqual([130, null, [waiting, checking]]);
      expect(errorOf(ended)).toMatchObject({ code: 'interrupted', message: wentThrough, outcome: 'applied' });
      expect(lines(ended.stderr)).toHaveLength(3);
      expect(textAt(json(ended), 'id')).not.toBe('');
      expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([true, 1, [`${action} applied`]]);
      expect(stateFiles(me)).toEqual(['history.jsonl']);
    },
  );

  test.each(changes)("leaves the outcome unknown if the change isn't there yet: %s", async (line, action, isMade) => {
    const { running, dropped, me, box, api } = await interrupted(line, false);
    await dropped();
    const ended = await running.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(errorOf(ended)).toEqual({
      code: 'interrupted',
      message: 'Interrupted. The change may or may not have gone through',
      hint: expect.stringMatching(
        /^Run `ci history reconcile --wait` to find out before you try again, or check with `ci .+`\.$/,
      ),
      status: null,
      retryable: false,
      outcome: 'unknown',
    });
    expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([false, 1, [`${action} unknown`]]);
    expect(stateFiles(me)).toEqual(['history.jsonl', expect.stringMatching(/^open\/[0-9a-f]{12}\.json$/)]);
  });

  test('lets a key be saved, and leaves no temporary file', async () => {
    const { running, answered, me, box } = await interrupted('keys create new --credit --save .env', true);
    await answered();
    expect((await running.ended).code).toBe(130);
    const made = listAt(await box.data('GET', '/api/keys')).find((key) => at(key, 'name') === 'new');
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toContain(textAt(made, 'apiKey'));
    expect(readdirSync(me.home).filter((name) => name.startsWith('.env'))).toEqual(['.env']);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });
});

describe('Ctrl-C during a request', () => {
  test('waits at most 10 seconds for the response', async () => {
    const { me, sent } = await interruptedCustomer(true);
    const running = me.start('keys create new --credit --json --timeout 60s');
    await sent();
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, lines(ended.stderr).slice(0, 2)]).toEqual([130, [waiting, checking]]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'applied' });
    expect(textAt(json(ended), 'apiKey')).toMatch(secret);
  });

  test("reports a change as not applied if it has settled and isn't there", async () => {
    const { me, sent, dropped } = await interruptedCustomer(false);
    settlesIn(me, '1ms');
    const running = me.start('keys create new --credit --json --timeout 60s');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Waiting up to 10 seconds/);
    await dropped();
    const ended = await running.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(errorOf(ended)).toMatchObject({
      code: 'interrupted',
      message: "Interrupted. The change didn't go through",
      outcome: 'not_applied',
    });
    expect(outcomesOf(me)).toEqual(['create-key not_applied']);
  });

  test('waits for a key that is being created, and shows its secret', async () => {
    const { me, box, sent, answered } = await interruptedCustomer(true);
    const session = onTerminal(me, 'keys create new --credit --timeout 60s', { columns: 120, pty: true });
    await sent();
    session.type(ctrlC);
    await session.shows('Interrupt again to quit now.');
    await answered();
    expect(await session.exit).toBe(130);
    const made = listAt(await box.data('GET', '/api/keys')).find((key) => at(key, 'name') === 'new');
    expect(session.screen).toContain(textAt(made, 'apiKey'));
    expect(session.screen).toContain(`ci: ${wentThrough}`);
  });

  test("exits with 130 without a question if the secret of a key isn't available, and names the key", async () => {
    const held = heldResponse();
    const one = await lossyCustomer(firstChange(true, held.respond));
    const older = await recordedSandbox({
      instead:
        ({ method }) =>
        async (request, response) => {
          const headers = { authorization: request.headers.authorization ?? '' };
          const upstream = await fetch(one.api.url + request.path, {
            method,
            headers,
            ...(request.body && { body: request.body }),
          }).catch(() => undefined);
          if (!upstream) return reset(request, response);
          const text = (await upstream.text()).replace(/"apiKey":"[^"]*",/g, '');
          await answer(upstream.status, text)(request, response);
        },
    });
    const session = onTerminal(userOf(older), 'keys create new --credit --timeout 60s --json', {
      columns: 200,
      pty: true,
    });
    await one.lost(1);
    session.type(ctrlC);
    await session.shows('Interrupt again to quit now.');
    await held.release(reset);
    expect(await session.exit).toBe(130);
    const id = textAt(await one.box.seen(), 'keys', 0, 'id');
    expect(session.written).toContain(
      `{"error":{"code":"interrupted","message":"Key new (${id}) was created, but its secret was lost with the response"`,
    );
    expect(session.written).toContain('"outcome":"applied"');
    expect(session.written).not.toContain('?');
  });

  test('leaves a change that the server applies late for the same command to adopt', async () => {
    const { me, box, api, sent, dropped } = await interruptedCustomer(false);
    const running = me.start('keys create new --credit --timeout 60s --json');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Waiting up to 10 seconds/);
    await dropped();
    expect([(await running.ended).code, outcomesOf(me)]).toEqual([130, ['create-key unknown']]);
    const late = await box.data('POST', '/api/keys/credit', { name: 'new' });
    const again = await me.ci('keys create new --credit --json');
    expect([again.code, textAt(json(again), 'id'), api.changes.length]).toEqual([0, textAt(late, 'id'), 1]);
    expect(textAt(json(again), 'apiKey')).toMatch(secret);
    expect(outcomesOf(me)).toEqual(['create-key applied']);
  });

  test("leaves the outcome unknown if the account can't be checked", async () => {
    const { me, sent, dropped } = await interruptedCustomer(true, (request, before) =>
      before > 0 && request.path.endsWith('/my-subscriptions')
        ? { isApplied: false, response: answer(403, { success: false, error: 'No entry' }) }
        : undefined,
    );
    const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --json --timeout 60s');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Waiting up to 10 seconds/);
    await dropped();
    const ended = await running.ended;
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(errorOf(ended)).toMatchObject({
      code: 'interrupted',
      message: expect.stringMatching(
        /^Interrupted\. The change may or may not have gone through: the account can't be checked: .*No entry/,
      ),
      outcome: 'unknown',
      hint: 'Run `ci history reconcile --wait` to find out before you try again, or check with `ci pools subscriptions minimax-m3`.',
    });
    expect(outcomesOf(me)).toEqual(['subscribe unknown']);
  });

  test('stops several revocations after the current one, and lists what was revoked', async () => {
    const { me, box, api, sent, answered } = await interruptedCustomer(true);
    await box.data('POST', '/api/keys/credit', { name: 'older' });
    const running = me.start('keys delete old older --yes --json --timeout 60s');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Waiting up to 10 seconds/);
    await answered();
    const ended = await running.ended;
    expect([ended.code, api.changes.length, await count(box, 'keys')]).toEqual([130, 1, 1]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'applied' });
    expect(errorOf(ended)).toMatchObject({
      message: 'Interrupted after 1 of 2 keys',
      hint: expect.stringMatching(/^Revoked: [0-9a-f-]{36}\. Run `ci keys list` to see your keys\.$/),
    });
  });

  test('reports what was bought if it comes between a purchase and its keys', async () => {
    const held = heldResponse();
    const one = await lossyCustomer((request) =>
      request.path === '/api/keys/subscription' ? { isApplied: false, response: held.respond } : undefined,
    );
    const running = one.me.start(
      'pools subscribe kimi26 --blocks europe --quantity 2 --create-key k --yes --json --timeout 60s',
    );
    await one.lost(1);
    running.kill('SIGINT');
    await running.stderr(/Waiting up to 10 seconds/);
    await held.release(reset);
    const ended = await running.ended;
    expect([ended.code, one.api.changes.length]).toEqual([130, 2]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'unknown' });
    for (const each of listAt(await one.box.seen(), 'subscriptions'))
      expect(ended.stderr).toContain(textAt(each, 'id'));
    expect(outcomesOf(one.me)).toEqual(['subscribe applied', 'create-key unknown']);
  });
});

describe.skipIf(process.platform === 'win32')('a process that is stopped past its timeout', () => {
  test.each(changes)('reads the response that arrived in the meantime: %s', async (line, action, isMade) => {
    const { me, box, api, sent, answered } = await interruptedCustomer(true);
    const limit = 3000;
    const running = me.start(`${line} --json --timeout ${limit}ms`);
    await sent();
    running.kill('SIGSTOP');
    await answered();
    // There is no event for the expired timeout of another process.
    await sleep(limit + 200);
    running.kill('SIGCONT');
    const ended = await running.ended;
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(textAt(json(ended), 'id')).not.toBe('');
    if (action === 'create-key') expect(textAt(json(ended), 'apiKey')).toMatch(secret);
    expect([await isMade(box), api.changes.length, outcomesOf(me)]).toEqual([true, 1, [`${action} applied`]]);
  });
});

describe('a second Ctrl-C', () => {
  const unanswered = (_request: unknown, before: number) =>
    before > 0 ? { isApplied: false, response: silence } : undefined;

  test.each([
    ['SIGINT', 'pools subscribe minimax-m3 --blocks europe --yes', 'subscribe'],
    ['SIGTERM', 'pools subscribe minimax-m3 --blocks europe --yes', 'subscribe'],
    ['SIGHUP', 'keys create new --credit', 'create-key'],
    ['SIGINT', 'keys create new --credit', 'create-key'],
  ] as const)(
    'exits immediately with 130, and leaves the outcome to be found (%s, %s)',
    async (signal, line, action) => {
      const { me, api, sent } = await interruptedCustomer(true);
      const running = me.start(`${line} --timeout 60s`);
      await sent();
      running.kill(signal);
      await running.stderr(/Interrupt again to quit now\./);
      const ended = await kept(running, signal);
      expect([ended.code, ended.signal, ended.stdout]).toEqual([130, null, '']);
      expect(ended.stderr).toBe(`${waiting}\n`);
      expect([api.changes.length, outcomesOf(me)]).toEqual([1, [`${action} pending`]]);
      expect(stateFiles(me).filter((name) => !name.endsWith('.lock'))).toEqual([
        'history.jsonl',
        expect.stringMatching(/^open\/[0-9a-f]{12}\.json$/),
      ]);
    },
  );

  test('ends the check for a change with a lost response, too', async () => {
    const { me, sent, dropped, lost } = await interruptedCustomer(true, unanswered);
    const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Interrupt again to quit now\./);
    await dropped();
    await lost(2);
    const ended = await kept(running, 'SIGINT');
    expect([ended.code, ended.signal, ended.stdout]).toEqual([130, null, '']);
    expect([ended.stderr, outcomesOf(me)]).toEqual([`${waiting}\n${checking}\n`, ['subscribe pending']]);
  });

  test('leaves a change that the next command reports, and reconcile settles', async () => {
    const { me, box, sent } = await interruptedCustomer(true);
    const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await sent();
    running.kill('SIGINT');
    await running.stderr(/Interrupt again to quit now\./);
    await kept(running, 'SIGINT');
    expect((await me.ci('keys create new --credit')).stderr).toMatch(/^The outcome of an earlier change is unknown: /);
    const [settled] = listAt(json(await me.ci('history reconcile --json')));
    const [, bought] = listAt(await box.seen(), 'subscriptions');
    expect(settled).toMatchObject({ outcome: 'applied', ids: [textAt(bought, 'id')] });
    expect((await me.ci('pools subscribe minimax-m3 --blocks asia --yes')).code).toBe(0);
  });

  test('has no effect of its own right after the first, because some terminals send it twice', async () => {
    for (const _turn of [1, 2, 3, 4]) {
      const { me, sent, answered } = await interruptedCustomer(true);
      const running = me.start('keys create new --credit --timeout 60s --json');
      await sent();
      running.kill('SIGTERM');
      running.kill('SIGTERM');
      running.kill('SIGINT');
      await running.stderr(/Waiting up to 10 seconds/);
      await answered();
      const ended = await running.ended;
      expect([ended.code, outcomesOf(me)]).toEqual([130, ['create-key applied']]);
      expect(ended.stdout).toMatch(secret);
    }
  });
});

describe('a signal before the request is sent', () => {
  test.each(changes)('prevents sending and recording: %s', async (line) => {
    const api = await recordedSandbox({ instead: ({ method }) => (method === 'GET' ? silence : undefined) });
    const me = userOf(api);
    const running = me.start(`${line} --json --timeout 60s`);
    await api.got('GET');
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.stdout, api.changes, stateFiles(me)]).toEqual([130, '', [], []]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'not_applied' });
  });

  test('prevents sending while waiting for another process, which continues', async () => {
    const { me, box, api, sent, answered } = await interruptedCustomer(true);
    const first = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await sent();
    const second = me.start('pools subscribe minimax-m3 --blocks asia --yes --json --timeout 60s');
    await second.stderr(/Waiting for another ci process that is changing the same account…/);
    second.kill('SIGINT');
    const ended = await second.ended;
    expect([ended.code, errorOf(ended)]).toMatchObject([130, { code: 'interrupted', outcome: 'not_applied' }]);
    await answered();
    expect((await first.ended).code).toBe(0);
    expect([api.changes.length, await count(box, 'charges')]).toEqual([1, 2]);
    expect(stateFiles(me)).toEqual(['history.jsonl']);
  });
});

describe('a command that waits too long for another', () => {
  test('exits with 6, and sends nothing', async () => {
    const { me, api, sent } = await interruptedCustomer(true);
    const first = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
    await sent();
    const { code, stdout, stderr } = await me.ci('pools subscribe minimax-m3 --blocks asia --yes --json --timeout 1s');
    expect([code, stdout, api.changes.length]).toEqual([6, '', 1]);
    expect(errorOf({ stderr })).toMatchObject({ code: 'busy', retryable: true, outcome: 'not_applied' });
    first.kill('SIGKILL');
    await first.ended;
    expect((await me.ci('pools subscribe minimax-m3 --blocks asia --yes')).code).toBe(0);
  });
});

test("doesn't prevent reading or creating keys during another change", async () => {
  const { me, sent } = await interruptedCustomer(true);
  const running = me.start('pools subscribe minimax-m3 --blocks europe --yes --timeout 60s');
  await sent();
  expect((await me.ci('pools list')).code).toBe(0);
  expect((await me.ci('keys create other --credit')).code).toBe(0);
  running.kill('SIGKILL');
  await running.ended;
});
