import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cells, type Ended, json, jsonLines, sandboxUser, secret, user } from '../../support/cli.ts';
import { modeOf } from '../../support/folder.ts';
import { keyFileOf, storeKeys } from '../../support/key-store.ts';
import { errorOf, heldResponse } from '../../support/lost.ts';
import { reservedPort } from '../../support/ports.ts';
import { at, creditKey, hour, listAt, type TestSandbox, textAt } from '../../support/sandbox.ts';
import {
  gatewayClient,
  gatewayPids,
  heldCompletions,
  refusalOf,
  type SeatHolder,
  seatHolder,
  serveGateway,
  storedSeat,
  tokenOf,
} from '../../support/seat-holder.ts';
import { answer, type Behavior, forward } from '../../support/servers.ts';

const config = (...names: readonly string[]) => path.join('config', 'cheapestinference', ...names);

/** Returns the states of the seats of a gateway by their keys. */
async function statesOf(client: { get(path: string): Promise<{ text: string }> }): Promise<Record<string, unknown>> {
  const { text } = await client.get('/status');
  return Object.fromEntries(listAt(JSON.parse(text), 'seats').map((seat) => [textAt(seat, 'key'), at(seat, 'state')]));
}

/** The time of the sandbox, by which gateways tell which seats are within their hours. */
const atNine = { date: 'Tue, 14 Apr 2026 09:00:00 GMT' };

/** Returns the secrets with which completions were sent to the API. */
function keysUsed({ api }: Pick<SeatHolder, 'api'>): (string | undefined)[] {
  return api.received
    .filter(({ path: url }) => url === '/v1/chat/completions')
    .map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
}

describe('ci gateway', () => {
  test('prints an event when it listens, for each request, and at its end as JSON', async () => {
    const { me, seats } = await seatHolder();
    const gateway = await serveGateway(me);
    const completion = await gateway.chat({ 'x-client': 'editor' });
    expect(completion.status).toBe(200);
    await gateway.next('request');
    expect(await gateway.stop()).toMatchObject({ code: 0, stderr: '' });
    const file = path.join(me.home, config('gateway-token'));
    expect(gateway.events.map(({ event }) => event)).toEqual(['started', 'request', 'stopping', 'stopped']);
    const [started, request, stopping] = gateway.events;
    expect(started).toMatchObject({ url: gateway.url, tokenFile: file, key: null, message: null });
    expect(request).toMatchObject({
      ...{ client: 'editor', model: 'kimi-k2.6', path: '/v1/chat/completions', status: 200, key: seats[0].name },
      ...{ pool: 'kimi26', credit: false, attempts: 1, complete: true },
      ...{ promptTokens: expect.any(Number), completionTokens: expect.any(Number), queueTime: expect.any(Number) },
    });
    expect(stopping).toMatchObject({ message: 'Stopping.' });
    expect(new Set(gateway.events.map((event) => Object.keys(event).join()))).toHaveLength(1);
    const { stdout } = await gateway.ended;
    expect(stdout).not.toMatch(secret);
    expect(stdout).not.toContain('Hello!');
  });

  test('prints tab-separated events and notes without a terminal', async () => {
    const { me } = await seatHolder();
    const gateway = me.start('gateway --listen 127.0.0.1:0');
    const [, url = ''] = await gateway.stdout(/^started\t[^\t]+\t(http:\/\/127\.0\.0\.1:\d+)\t/);
    await gateway.stderr(/Press Ctrl-C/);
    expect((await gatewayClient(url, tokenOf(me)).chat()).status).toBe(200);
    await gateway.stdout(/^request\t/m);
    gateway.kill('SIGINT');
    const { code, stdout, stderr } = await gateway.ended;
    const rows = cells(stdout);
    expect([code, rows.map(([event]) => event)]).toEqual([0, ['started', 'request', 'stopping', 'stopped']]);
    expect(rows.filter((row) => row.length !== rows[0]?.length)).toEqual([]);
    expect(stderr).toBe(
      `Clients use ${url}/v1 or ${url}/anthropic, with the token that \`ci gateway token\` prints.\nUsing 1 seat. Press Ctrl-C to stop.\n`,
    );
  });

  test("doesn't print requests with --quiet", async () => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me, '--quiet');
    expect((await gateway.chat()).status).toBe(200);
    await gateway.stop();
    expect(gateway.events.map(({ event }) => event)).toEqual(['started', 'stopping', 'stopped']);
  });

  test('serves the seats of the embedded sandbox', async () => {
    const me = sandboxUser();
    await me.ci('pools subscribe kimi26 --blocks europe --create-key app --store --yes');
    const gateway = await serveGateway(me);
    const { status, text } = await gateway.chat();
    expect([status, textAt(JSON.parse(text), 'choices', 0, 'message', 'content')]).toEqual([
      200,
      expect.stringContaining('sandbox'),
    ]);
    expect((await gateway.stop()).code).toBe(0);
  });

  test('leaves nothing running after its end', async () => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me);
    await gateway.stop();
    await expect(gateway.get('/healthz')).rejects.toThrow();
    expect((await me.ci('gateway status')).code).toBe(5);
  });

  test.each([
    ['no stored key', () => user().ci('gateway --json')],
    [
      'a signed-in user without a seat',
      async () => {
        const { me } = await seatHolder();
        storeKeys(me, []);
        return me.ci('gateway --json');
      },
    ],
  ])('exits for %s', async (_what, run) => {
    const ended = await run();
    expect(ended.code).toBe(5);
    expect(at(errorOf(ended), 'message')).toBe('No key of a subscription is stored on this machine');
  });

  test('refuses an unknown field before it listens', async () => {
    const { me } = await seatHolder();
    const { code, stdout, stderr } = await me.ci('gateway --listen 127.0.0.1:0 --fields bogus');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('"bogus"');
  });
});

describe('the end of a gateway', () => {
  test('waits for running requests after SIGTERM, and refuses new ones', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me);
    const running = gateway.chat();
    await held.asked(1);
    const ended = gateway.stop();
    expect(await gateway.next('stopping')).toMatchObject({
      message: 'Stopping. Waiting up to 30 seconds for 1 request.',
    });
    await expect(gateway.chat()).rejects.toThrow();
    held.release();
    expect((await running).status).toBe(200);
    expect((await ended).code).toBe(0);
  });

  test('cuts off requests that take longer than --drain, and exits with 1', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me, '--drain 1ms');
    const running = gateway.chat();
    running.catch(() => {});
    await held.asked(1);
    expect((await gateway.stop()).code).toBe(1);
    await expect(running).rejects.toThrow();
    held.release();
  });

  test('refuses the requests that still wait after --drain, and reports them', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me, '--drain 1ms');
    const running = gateway.chat();
    await held.asked(1);
    const waiting = gateway.chat();
    await expect.poll(async () => at(JSON.parse((await gateway.get('/status')).text), 'queue')).toBe(1);
    gateway.kill('SIGTERM');
    expect(refusalOf(await waiting)).toEqual([503, 'stopping', 'The gateway is about to stop.']);
    await expect(running).rejects.toThrow();
    expect((await gateway.ended).code).toBe(1);
    const requests = gateway.events.filter(({ event }) => event === 'request');
    expect(requests.map(({ status }) => status)).toEqual([503, null]);
  });

  test('is immediate after a second, other signal', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me, '', { process: true });
    const running = gateway.chat();
    running.catch(() => {});
    await held.asked(1);
    gateway.kill('SIGTERM');
    await gateway.next('stopping');
    gateway.kill('SIGINT');
    expect(await gateway.ended).toMatchObject({ code: 1, signal: null });
    await expect(running).rejects.toThrow();
    held.release();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('is orderly after %s', async (signal) => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me, '', { process: true });
    gateway.kill(signal);
    expect(await gateway.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(gatewayPids(me)).toEqual([]);
  });
});

describe('SIGHUP', () => {
  test('makes it use a seat that was bought meanwhile', async () => {
    const held = heldCompletions();
    const { me, buy, seats, ...rest } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me);
    const bought = await buy('seat-2');
    gateway.kill('SIGHUP');
    expect(await gateway.next('seat_joined')).toMatchObject({ key: 'seat-2', pool: 'kimi26' });
    const answers = [gateway.chat(), gateway.chat()];
    await held.asked(2);
    held.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set(keysUsed(rest))).toEqual(new Set([seats[0].secret, bought.secret]));
  });

  test('makes a revoked key drain and leave', async () => {
    const held = heldCompletions();
    const { me, api, seats } = await seatHolder({ seats: 2, instead: held.instead });
    const gateway = await serveGateway(me);
    const answers = [gateway.chat(), gateway.chat()];
    await held.asked(2);
    await api.box.call('DELETE', `/api/keys/${seats[0].id}`);
    gateway.kill('SIGHUP');
    expect(await gateway.next('seat_left')).toMatchObject({ key: 'seat-1', pool: 'kimi26' });
    expect(await statesOf(gateway)).toEqual({ 'seat-1': 'draining', 'seat-2': 'busy' });
    held.release();
    await Promise.all(answers);
    expect(await statesOf(gateway)).toEqual({ 'seat-2': 'free' });
  });

  test('makes the seat of a subscription that has ended leave', async () => {
    const { me, api, seats, buy } = await seatHolder();
    await buy('glm', 'minimax-m3');
    await api.box.data('DELETE', '/api/pools/kimi26/pledge');
    const gateway = await serveGateway(me);
    expect(await statesOf(gateway)).toMatchObject({ [seats[0].name]: 'free' });
    await api.box.advance(31 * 24 * hour);
    gateway.kill('SIGHUP');
    expect(await gateway.next('seat_left')).toMatchObject({ key: seats[0].name });
    expect(Object.keys(await statesOf(gateway))).toEqual(['glm']);
  });

  test('says once that the account cannot be read, keeps the seats, and says when it can be read again', async () => {
    let isDown = false;
    const { me } = await seatHolder({
      instead: ({ path: url }) =>
        isDown && url.startsWith('/api/') ? answer(403, 'Closed for today', atNine) : undefined,
    });
    const gateway = await serveGateway(me);
    isDown = true;
    gateway.kill('SIGHUP');
    expect(await gateway.next('note')).toMatchObject({
      message: expect.stringMatching(/^Can't read the account: .+\. The seats stay as they are\.$/),
    });
    expect((await gateway.chat()).status).toBe(200);
    isDown = false;
    gateway.kill('SIGHUP');
    expect(await gateway.next('note')).toMatchObject({ message: 'The account can be read again.' });
  });

  test('prints no warning after many reads of the account', async () => {
    const { me, api } = await seatHolder();
    const gateway = await serveGateway(me, '', { process: true });
    const reads = () => api.received.filter(({ path: url }) => url === '/api/keys').length;
    for (let each = 0; each < 15; each++) {
      const before = reads();
      gateway.kill('SIGHUP');
      await expect.poll(reads).toBeGreaterThan(before);
    }
    expect(await gateway.stop()).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a gateway whose record cannot be written', () => {
  /** Makes it impossible to write to the directory of the records, until the function that it returns is called. */
  function block(me: SeatHolder['me']): () => void {
    const folder = path.join(me.home, '.local', 'state', 'cheapestinference', 'gateways');
    renameSync(folder, `${folder}.away`);
    writeFileSync(folder, '');
    const restore = () => {
      if (!existsSync(`${folder}.away`)) return;
      rmSync(folder);
      renameSync(`${folder}.away`, folder);
    };
    onTestFinished(restore);
    return restore;
  }

  test('goes on when its seats change, and uses the new ones when it can be written again', async () => {
    const held = heldCompletions();
    const { me, buy } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me);
    const running = gateway.chat();
    await held.asked(1);
    const restore = block(me);
    await buy('seat-2');
    gateway.kill('SIGHUP');
    expect(await gateway.next('note')).toMatchObject({
      message: expect.stringMatching(/^Can't update the seats: can't write to .+\. The seats stay as they are\.$/),
    });
    held.release();
    expect((await running).status).toBe(200);
    restore();
    gateway.kill('SIGHUP');
    expect(await gateway.next('seat_joined')).toMatchObject({ key: 'seat-2' });
    expect(await gateway.next('note')).toMatchObject({ message: 'The seats can be updated again.' });
    expect((await gateway.stop()).code).toBe(0);
  });

  test('waits for running requests after SIGTERM', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me);
    const running = gateway.chat();
    await held.asked(1);
    block(me);
    gateway.kill('SIGTERM');
    await gateway.next('stopping');
    held.release();
    expect((await running).status).toBe(200);
    expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('outside the hours of all seats', () => {
  /** Returns a user whose seat is outside its hours: its block ends at 16:00. */
  async function early(more: Parameters<typeof seatHolder>[0] = {}) {
    const holder = await seatHolder(more);
    await holder.api.box.advance(8 * hour);
    return holder;
  }

  test('a request fails with 429 and the time until the hours begin', async () => {
    const { me } = await early();
    const gateway = await serveGateway(me);
    const refused = await gateway.chat();
    expect(refusalOf(refused)).toEqual([
      429,
      'outside_reserved_hours',
      expect.stringMatching(
        /^Outside the reserved hours of all seats with the model `kimi-k2\.6`\. They start at 2026-04-15T08:00Z\.$/,
      ),
    ]);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(Math.round(seconds / 3600)).toBe(15);
    expect(await statesOf(gateway)).toEqual({ 'seat-1': 'outside hours' });
  });

  test('a request waits with --outside wait, and is answered when they begin', async () => {
    const { me, api } = await early();
    const gateway = await serveGateway(me, '--outside wait');
    const waiting = gateway.chat();
    await expect.poll(async () => at(JSON.parse((await gateway.get('/status')).text), 'queue')).toBe(1);
    await api.box.advance(16 * hour);
    gateway.kill('SIGHUP');
    expect((await waiting).status).toBe(200);
    expect(await gateway.next('request')).toMatchObject({ key: 'seat-1', credit: false });
  });

  /** Stores a credit key besides the seat's. */
  async function withCredit(limits: object = { maxBudget: 5 }) {
    const { me, api, seats } = await early();
    await api.box.data('POST', '/api/billing/topup', { amount: 50, method: 'usdc' });
    const hash = `0x${'f1'.repeat(32)}`;
    await api.box.call('POST', '/api/billing/verify-topup', { body: { txHash: hash, amount: 50 } });
    await api.box.call('POST', '/api/billing/verify-topup', { body: { txHash: hash, amount: 50 } });
    const { id, apiKey } = await creditKey(api.box, { name: 'overflow', ...limits });
    const stored = [storedSeat(seats[0]), storedSeat({ name: 'overflow', id, secret: apiKey })];
    storeKeys(me, stored, api.url);
    return { me, api, seats, credit: { id, apiKey } };
  }

  test('a request is paid with credit only with --outside credit, and says so', async () => {
    const { me, api, credit } = await withCredit();
    const gateway = await serveGateway(me, '--outside credit');
    expect(await gateway.next('note')).toMatchObject({
      message:
        'Outside the hours of all seats, requests are paid with prepaid credit through key "overflow" (budget $5.00).',
    });
    const paid = await gateway.chat();
    expect([paid.status, paid.headers.get('x-gateway-paid-with')]).toEqual([200, 'credit']);
    expect(keysUsed({ api })).toEqual([credit.apiKey]);
    expect(await gateway.next('request')).toMatchObject({ key: 'overflow', credit: true, pool: null });
    expect((await gateway.get('/metrics')).text).toContain(
      'cheapestinference_gateway_credit_requests_total{model="kimi-k2.6"} 1\n',
    );
    expect(JSON.parse((await gateway.get('/status')).text)).toMatchObject({ outside: 'credit' });
    await gateway.stop();
    expect(json(await me.ci('usage --gateway --json'))).toMatchObject([{ requests: 1, creditRequests: 1 }]);
  });

  test('a revoked credit key is named, until another one is stored', async () => {
    const { me, api, credit } = await withCredit();
    const gateway = await serveGateway(me, '--outside credit');
    await gateway.next('note');
    await api.box.call('DELETE', `/api/keys/${credit.id}`);
    const refused = await gateway.chat();
    expect(refusalOf(refused)).toEqual([503, 'credit_key_refused', expect.stringContaining('refused the key')]);
    expect(refused.headers.get('x-gateway-paid-with')).toBeNull();
    expect(await gateway.next('note')).toMatchObject({
      message:
        'The API refuses key "overflow", which pays with prepaid credit. Create another one with `ci keys create NAME --credit --max-budget 5 --store`. If the gateway was started with --credit-key, start it again with the new name.',
    });
    expect((await gateway.chat()).status).toBe(503);
    expect((await gateway.get('/metrics')).text).not.toContain('credit_requests_total{');
    await me.ci('keys create other --credit --max-budget 5 --store');
    expect(await gateway.next('note')).toMatchObject({
      message: expect.stringContaining('paid with prepaid credit through key "other" (budget $5.00)'),
    });
    expect((await gateway.chat()).headers.get('x-gateway-paid-with')).toBe('credit');
    expect(await gateway.next('note')).toMatchObject({ message: expect.stringContaining('credit pays for requests') });
    expect(gateway.events.filter(({ event }) => event === 'note')).toHaveLength(4);
  });

  test('credit is not used within the hours', async () => {
    const { me, api, seats } = await withCredit();
    await api.box.advance(16 * hour);
    const gateway = await serveGateway(me, '--outside credit --credit-key overflow');
    const answered = await gateway.chat();
    expect([answered.status, answered.headers.get('x-gateway-paid-with')]).toEqual([200, null]);
    expect(keysUsed({ api })).toEqual([seats[0].secret]);
  });

  test('a credit key is never used with --outside fail', async () => {
    const { me, api } = await withCredit();
    const gateway = await serveGateway(me);
    expect((await gateway.chat()).status).toBe(429);
    expect(keysUsed({ api })).toEqual([]);
    expect(Object.keys(await statesOf(gateway))).toEqual(['seat-1']);
  });

  test('a credit key is never used with --outside wait', async () => {
    const { me, api } = await withCredit();
    const gateway = await serveGateway(me, '--outside wait --drain 1ms');
    const waiting = gateway.chat();
    await expect.poll(async () => at(JSON.parse((await gateway.get('/status')).text), 'queue')).toBe(1);
    await gateway.stop();
    expect((await waiting).status).toBe(503);
    expect(keysUsed({ api })).toEqual([]);
  });

  test('a key without a budget is named as such', async () => {
    const { me } = await withCredit({});
    const gateway = await serveGateway(me, '--outside credit');
    expect(await gateway.next('note')).toMatchObject({ message: expect.stringContaining('(no budget)') });
  });

  test('--credit-key refuses the key of a seat', async () => {
    const { me } = await withCredit();
    const ended = await me.ci('gateway --outside credit --credit-key seat-1 --json');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([
      2,
      'Key "seat-1" belongs to a subscription, and doesn\'t use prepaid credit',
    ]);
  });

  test('--outside credit needs a stored credit key', async () => {
    const { me } = await early();
    const ended = await me.ci('gateway --outside credit --json');
    expect([ended.code, errorOf(ended)]).toEqual([
      5,
      expect.objectContaining({
        message: 'No credit key is stored on this machine',
        hint: 'Create one with `ci keys create NAME --credit --max-budget 5 --store`.',
      }),
    ]);
  });

  test('--outside credit needs --credit-key if several are stored', async () => {
    const { me, api, seats, credit } = await withCredit();
    const other = await creditKey(api.box, { name: 'other' });
    const keys = [
      seats[0],
      { name: 'overflow', id: credit.id, secret: credit.apiKey },
      { name: 'other', id: other.id, secret: other.apiKey },
    ];
    storeKeys(me, keys.map(storedSeat), api.url);
    const ended = await me.ci('gateway --outside credit --json');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([2, 'Several credit keys are stored on this machine']);
  });
});

/** Creates a key in the embedded sandbox, whose keys work nowhere else. */
async function keyInEnvironment(line: string) {
  const me = sandboxUser();
  await me.ci('pools subscribe minimax-m3 --blocks europe --yes');
  const { stdout } = await me.ci(`${line} --secret-only`);
  return { me, apiKey: stdout.trim() };
}

describe('a credit key', () => {
  test('is not used as a seat if it is stored without a type', async () => {
    const { me, api } = await seatHolder();
    const { apiKey } = await creditKey(api.box);
    storeKeys(me, [{ name: 'mystery', secret: apiKey, maskedKey: 'sk_sandbox_…' }], api.url);
    const ended = await me.ci('gateway --listen 127.0.0.1:0 --json');
    expect([ended.code, at(errorOf(ended), 'code')]).toEqual([5, 'not_found']);
    expect(api.requests).toContain('GET /v1/usage');
  });

  test('is not used as a seat if it is in CHEAPESTINFERENCE_API_KEY', async () => {
    const { me, apiKey } = await keyInEnvironment('keys create app --credit');
    const gateway = me.ci('gateway --listen 127.0.0.1:0 --json', { env: { CHEAPESTINFERENCE_API_KEY: apiKey } });
    expect((await gateway).code).toBe(5);
    await me.ci('pools subscribe kimi26 --blocks europe --create-key seat --store --yes');
    const other = await serveGateway(me, '', { env: { CHEAPESTINFERENCE_API_KEY: apiKey } });
    expect(Object.keys(await statesOf(other))).toEqual(['seat']);
  });

  test('is not used as a seat if the account cannot be read, either', async () => {
    const { me, api } = await seatHolder({
      instead: ({ path: url }) => (url.startsWith('/api/') ? answer(500, 'Down') : undefined),
    });
    const { apiKey } = await creditKey(api.box);
    storeKeys(me, [{ name: 'mystery', secret: apiKey, maskedKey: 'sk_sandbox_…' }], api.url);
    const ended = await me.ci('gateway --listen 127.0.0.1:0 --json');
    expect([ended.code, at(errorOf(ended), 'code')]).toEqual([5, 'not_found']);
  });

  test('that the API does not describe is named, and not used', async () => {
    const { me, api } = await seatHolder({
      instead: ({ path: url }) => (url === '/v1/usage' ? answer(200, { success: true, data: {} }) : undefined),
    });
    const { apiKey } = await creditKey(api.box);
    storeKeys(me, [{ name: 'mystery', secret: apiKey, maskedKey: 'sk_sandbox_…' }], api.url);
    const ended = await me.ci('gateway --listen 127.0.0.1:0 --json');
    expect(at(errorOf(ended), 'hint')).toMatch(
      /^Key "mystery" isn't used, because the API doesn't say whether it uses prepaid credit\. /,
    );
  });
});

/** Answers with the subscriptions of a pool as if each had two seats. */
function twoSlots(box: TestSandbox): Behavior {
  return async (request, response) => {
    const subscriptions = await box.data('GET', '/api/pools/kimi26/my-subscriptions');
    const doubled = listAt(subscriptions).map((each) => ({
      ...Object(each),
      hours: listAt(each, 'hours').flatMap((slot) => [slot, { ...Object(slot), slotIndex: 99 }]),
    }));
    await answer(200, { success: true, data: doubled }, atNine)(request, response);
  };
}

describe('the seats', () => {
  test('include the key of a pool in CHEAPESTINFERENCE_API_KEY', async () => {
    const { me, apiKey } = await keyInEnvironment('keys create app');
    const gateway = await serveGateway(me, '', { env: { CHEAPESTINFERENCE_API_KEY: apiKey } });
    expect(Object.keys(await statesOf(gateway))).toEqual(['app']);
    expect((await gateway.get('/v1/models')).text).toContain('MiniMax');
    expect(gateway.events.filter(({ event }) => event === 'note')).toEqual([]);
  });

  test('are one for a stored key and another one of its subscription in the environment', async () => {
    const { me, apiKey } = await keyInEnvironment('keys create app');
    await me.ci('keys create second --store');
    const gateway = await serveGateway(me, '', { env: { CHEAPESTINFERENCE_API_KEY: apiKey } });
    expect(Object.keys(await statesOf(gateway))).toEqual(['second']);
  });

  test('are without the key of the environment if --profile is passed', async () => {
    const { me, apiKey } = await keyInEnvironment('keys create app');
    const env = { CHEAPESTINFERENCE_API_KEY: apiKey };
    expect((await me.ci('gateway --listen 127.0.0.1:0 --profile default', { env })).code).toBe(5);
  });

  test('are one for several keys of a subscription', async () => {
    const { me, api, seats } = await seatHolder();
    const { subscriptionId } = seats[0];
    const other = await api.box.data('POST', '/api/keys/subscription', { subscriptionId, name: 'other' });
    const second = { name: 'other', id: textAt(other, 'id'), secret: textAt(other, 'apiKey') };
    storeKeys(me, [storedSeat(seats[0]), storedSeat(second)], api.url);
    const gateway = await serveGateway(me);
    // The one that was stored last, because a rotation revokes the other one.
    expect(Object.keys(await statesOf(gateway))).toEqual(['other']);
    expect(gateway.events.filter(({ event }) => event === 'note')).toEqual([]);
  });

  test('are as many as the slots of a subscription, also when one of its keys is replaced', async () => {
    const { me, api, seats } = await seatHolder({
      instead: ({ path: url }, box) => (url === '/api/pools/kimi26/my-subscriptions' ? twoSlots(box) : undefined),
    });
    const { subscriptionId } = seats[0];
    const keys: { name: string; id: string; secret: string }[] = [];
    for (const name of ['a', 'b', 'c']) {
      const key = await api.box.data('POST', '/api/keys/subscription', { subscriptionId, name });
      keys.push({ name, id: textAt(key, 'id'), secret: textAt(key, 'apiKey') });
    }
    const store = (names: string) =>
      storeKeys(me, keys.filter(({ name }) => names.includes(name)).map(storedSeat), api.url);
    store('ab');
    const gateway = await serveGateway(me);
    expect(await statesOf(gateway)).toEqual({ a: 'free', b: 'free' });
    store('bc');
    gateway.kill('SIGHUP');
    // The order shows that `c` has the place of `a`.
    await expect.poll(async () => Object.keys(await statesOf(gateway))).toEqual(['c', 'b']);
  });

  test('include one whose key is stored while it runs', async () => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me);
    expect((await me.ci('pools subscribe minimax-m3 --blocks europe --create-key more --store --yes')).code).toBe(0);
    expect(await gateway.next('seat_joined')).toMatchObject({ key: 'more', pool: 'minimax-m3' });
  });

  test('are without one whose key is removed while it runs', async () => {
    const { me } = await seatHolder({ seats: 2 });
    const gateway = await serveGateway(me);
    expect((await me.ci('keys secret seat-2 --remove --yes')).code).toBe(0);
    expect(await gateway.next('seat_left')).toMatchObject({ key: 'seat-2' });
  });

  test.each(['', '--overlap 2s'])('answer each request while their key is rotated %s', async (overlap) => {
    const { me, seats, api } = await seatHolder();
    const gateway = await serveGateway(me);
    const models = (await gateway.get('/v1/models')).text;
    const statuses: number[] = [];
    let isRotating = true;
    const asking = (async () => {
      while (isRotating) statuses.push((await gateway.chat()).status);
    })();
    expect((await me.ci(`keys rotate seat-1 --store --yes ${overlap}`)).code).toBe(0);
    // The gateway may learn of the new key only now.
    for (let more = 0; more < 3; more++) statuses.push((await gateway.chat()).status);
    isRotating = false;
    await asking;
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(keysUsed({ api }).at(-1)).not.toBe(seats[0].secret);
    expect(await statesOf(gateway)).toEqual({ 'seat-1': 'free' });
    expect((await gateway.get('/v1/models')).text).toBe(models);
  });

  test('answer a request whose key is rotated while the account is read', async () => {
    let holds = false;
    const held = heldResponse();
    const { me, api } = await seatHolder({
      instead: ({ path: url }) => {
        if (!holds || url !== '/api/pools') return undefined;
        holds = false;
        return held.respond;
      },
    });
    const gateway = await serveGateway(me);
    const before = api.requests.filter((each) => each === 'GET /api/pools').length;
    holds = true;
    gateway.kill('SIGHUP');
    await api.times('GET /api/pools', before + 1);
    expect((await me.ci('keys rotate seat-1 --store --yes')).code).toBe(0);
    const asked = gateway.chat();
    await expect.poll(() => statesOf(gateway)).toEqual({ 'seat-1': 'refused' });
    await held.release((request, response) => forward(api.box.url, request, response));
    expect((await asked).status).toBe(200);
  });

  test('without a stored key are named with the command that creates one', async () => {
    const { me, api } = await seatHolder();
    const id = textAt(await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }), 'id');
    const gateway = await serveGateway(me);
    expect(await gateway.next('note')).toMatchObject({
      message: `A seat of pool minimax-m3 isn't used, because its key isn't stored here. Run \`ci keys create NAME --subscription ${id} --store\`.`,
    });
  });

  test('whose key exists but is not stored are named with the command that stores it', async () => {
    const { me, api } = await seatHolder();
    const subscriptionId = textAt(
      await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }),
      'id',
    );
    await api.box.data('POST', '/api/keys/subscription', { subscriptionId, name: "ada's key" });
    const gateway = await serveGateway(me);
    expect(await gateway.next('note')).toMatchObject({
      message: `A seat of pool minimax-m3 isn't used, because its key isn't stored here. Run \`ci keys secret 'ada'\\''s key' --add\`.`,
    });
    gateway.kill('SIGHUP');
    await api.times('GET /api/pools', 2);
    await gateway.stop();
    expect(gateway.events.filter(({ event }) => event === 'note')).toHaveLength(1);
  });

  test('without any stored key are named in the error', async () => {
    const { me, seats } = await seatHolder();
    storeKeys(me, []);
    const ended = await me.ci('gateway --json');
    expect([ended.code, at(errorOf(ended), 'hint')]).toEqual([
      5,
      `You have a seat of pool kimi26. Run \`ci keys secret ${seats[0].name} --add\`.`,
    ]);
  });

  test.each([
    ['--pools minimax-m3', ['mini']],
    ['--pools kimi26', ['seat-1', 'seat-2']],
    ['--pools kimi26,minimax-m3', ['mini', 'seat-1', 'seat-2']],
    ['--keys seat-2', ['seat-2']],
    ['--keys seat-2,mini', ['mini', 'seat-2']],
    ['--keys seat-2,mini --pools kimi26', ['seat-2']],
  ])('are limited by %s', async (flags, names) => {
    const { me, buy } = await seatHolder({ seats: 2 });
    await buy('mini', 'minimax-m3');
    const gateway = await serveGateway(me, flags);
    expect(Object.keys(await statesOf(gateway)).sort()).toEqual(names);
    await gateway.stop();
    expect(gateway.events.filter(({ event }) => event === 'note')).toEqual([]);
  });

  test.each([
    ['--pools glm5', 'No key for pool "glm5" is stored on this machine'],
    ['--keys nope', 'The secret of key "nope" isn\'t stored on this machine'],
  ])('are refused with %s', async (flags, message) => {
    const { me } = await seatHolder();
    const ended = await me.ci(`gateway --listen 127.0.0.1:0 --json ${flags}`);
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([5, message]);
  });

  test('are refused if --keys names only a key that uses credit', async () => {
    const { me, api, seats } = await seatHolder();
    const { id, apiKey } = await creditKey(api.box, { name: 'overflow' });
    storeKeys(me, [storedSeat(seats[0]), storedSeat({ name: 'overflow', id, secret: apiKey })], api.url);
    const ended = await me.ci('gateway --listen 127.0.0.1:0 --json --keys overflow');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([
      5,
      'No key in --keys belongs to an active subscription',
    ]);
  });

  test('with the same name are listed with their ids', async () => {
    const { me, api, seats } = await seatHolder({ seats: 2 });
    storeKeys(
      me,
      seats.map((seat) => storedSeat({ ...seat, name: 'app' })),
      api.url,
    );
    const gateway = await serveGateway(me);
    expect(Object.keys(await statesOf(gateway))).toEqual(seats.map(({ id }) => `app (${id.slice(0, 8)})`));
  });

  test('are used if the API is down at the start, and looked at again when it is back', async () => {
    let isDown = true;
    const holder = await seatHolder({
      facts: { keyType: 'subscription', poolSlug: 'kimi26', isActive: true },
      instead: () => (isDown ? answer(503, 'Down') : undefined),
    });
    const gateway = await serveGateway(holder.me);
    expect(await gateway.next('note')).toMatchObject({
      message: expect.stringMatching(/^Can't read the account: .+\. Using what is known of the stored keys\.$/),
    });
    expect(await statesOf(gateway)).toEqual({ 'seat-1': 'free' });
    isDown = false;
    const bought = await holder.buy('seat-2');
    gateway.kill('SIGHUP');
    expect(await gateway.next('seat_joined')).toMatchObject({ key: bought.name });
    expect((await gateway.chat()).status).toBe(200);
  });

  test('are not used by a gateway whose management key is refused', async () => {
    const { me } = await seatHolder({ instead: () => answer(401, { success: false, error: 'Invalid key' }) });
    expect((await me.ci('gateway --listen 127.0.0.1:0')).code).toBe(4);
  });

  test('are served without a management key', async () => {
    const { me, api } = await seatHolder({ facts: { keyType: 'subscription', poolSlug: 'kimi26' } });
    const gateway = await serveGateway(me, '', { env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: '' } });
    expect((await gateway.chat()).status).toBe(200);
    expect(api.requests.filter((request) => request.includes('/api/'))).toEqual([]);
  });
});

describe('the address', () => {
  test('of another program is refused', async () => {
    const { me, api } = await seatHolder();
    const { host } = new URL(api.url);
    const ended = await me.ci(`gateway --listen ${host} --json`);
    expect([ended.code, errorOf(ended)]).toEqual([
      6,
      expect.objectContaining({
        code: 'busy',
        message: `Another program listens on ${host}`,
        hint: 'Choose another port with --listen, such as --listen 127.0.0.1:8789.',
      }),
    ]);
  });

  test.each([
    ['192.0.2.1:1234 --insecure', "Can't listen on 192.0.2.1:1234: it isn't an address of this machine"],
    ['no-such-host.invalid:1234 --insecure', "Can't listen on no-such-host.invalid:1234: the host can't be found"],
  ])('%s is refused', async (listen, message) => {
    const { me } = await seatHolder();
    const ended = await me.ci(`gateway --listen ${listen} --json`);
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([2, message]);
  });

  test('can be another one of this machine', async () => {
    const { me } = await seatHolder();
    const port = await reservedPort();
    const gateway = await serveGateway(me, `--listen 127.0.0.2:${port}`);
    expect(gateway.url).toBe(`http://127.0.0.2:${port}`);
    expect((await gateway.chat()).status).toBe(200);
  });

  test('of a network needs TLS, and nothing is created before', async () => {
    const { me } = await seatHolder();
    const ended = await me.ci('gateway --listen 0.0.0.0:0 --json');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([
      2,
      'Others on the network could read what is sent to 0.0.0.0',
    ]);
    expect(existsSync(path.join(me.home, config('gateway-token')))).toBe(false);
  });
});

describe('a second gateway', () => {
  test('for the same seats is refused, and the first one goes on', async () => {
    const { me } = await seatHolder();
    const first = await serveGateway(me, '', { process: true });
    const ended = await me.process('gateway --listen 127.0.0.1:0 --json');
    const [pid] = gatewayPids(me);
    expect([ended.code, errorOf(ended)]).toEqual([
      6,
      expect.objectContaining({
        code: 'busy',
        message: `The gateway at ${first.url} (process ${pid}) already uses "seat-1"`,
        hint: 'Use that one, stop it with `ci gateway stop`, or choose other seats with --pools or --keys.',
      }),
    ]);
    expect((await first.chat()).status).toBe(200);
  });

  test('sends nothing to the seats of the first one', async () => {
    const held = heldCompletions();
    const { me, api } = await seatHolder({ instead: held.instead });
    const first = await serveGateway(me, '', { process: true });
    const running = first.chat();
    await held.asked(1);
    const before = api.received.length;
    expect((await me.process('gateway --listen 127.0.0.1:0 --json')).code).toBe(6);
    expect(api.requests.slice(before)).toContain('GET /api/keys');
    expect(api.requests.slice(before).filter((each) => !each.startsWith('GET /api/'))).toEqual([]);
    held.release();
    expect((await running).status).toBe(200);
  });

  test('for other seats runs beside the first one', async () => {
    const { me, buy } = await seatHolder();
    await buy('mini', 'minimax-m3');
    await serveGateway(me, '--pools kimi26', { process: true });
    const second = await serveGateway(me, '--pools minimax-m3', { process: true });
    expect(Object.keys(await statesOf(second))).toEqual(['mini']);
    expect(gatewayPids(me)).toHaveLength(2);
  });

  test('of two that start at once is refused', async () => {
    const { me } = await seatHolder();
    const both = [1, 2].map(() => me.start('gateway --listen 127.0.0.1:0 --json'));
    const results = await Promise.all(
      both.map(({ stdout, ended }) =>
        Promise.race([stdout(/"started"/).then(() => 'serves'), ended.then(({ code }) => code)]),
      ),
    );
    expect(results.map(String).sort()).toEqual(['6', 'serves']);
  });
});

describe('the token', () => {
  const file = config('gateway-token');

  test('is created once, for this user only', async () => {
    const { me } = await seatHolder();
    const first = await serveGateway(me);
    await first.stop();
    const token = tokenOf(me);
    expect(token).toMatch(/^gw_[\w-]{43}$/);
    expect(modeOf(path.join(me.home, file))).toBe('600');
    const second = await serveGateway(me);
    expect(second.token).toBe(token);
    expect((await second.chat()).status).toBe(200);
  });

  test('is required', async () => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me);
    for (const token of ['', `${gateway.token}x`, gateway.token.slice(0, -1), 'gw_0000000000000000']) {
      const refused = await gatewayClient(gateway.url, token).chat();
      expect([token, refused.status, refused.headers.get('www-authenticate')]).toEqual([token, 401, 'Bearer']);
    }
    expect((await gatewayClient(gateway.url, '').get('/healthz')).status).toBe(200);
  });

  test('is not accepted from the key of a seat', async () => {
    const { me, seats } = await seatHolder();
    const gateway = await serveGateway(me);
    expect((await gatewayClient(gateway.url, seats[0].secret).chat()).status).toBe(401);
  });

  test('is refused if other users can read the file', async () => {
    const { me } = await seatHolder();
    await (await serveGateway(me)).stop();
    const place = path.join(me.home, file);
    chmodSync(place, 0o644);
    const ended = await me.ci('gateway --listen 127.0.0.1:0 --json');
    expect([ended.code, at(errorOf(ended), 'code'), at(errorOf(ended), 'message')]).toEqual([
      1,
      'file_error',
      `Other users can read ${place} (mode 0644), which contains a token`,
    ]);
    expect(textAt(errorOf(ended), 'hint')).toContain('remove the file');
  });

  test('of one of several clients is printed with --client', async () => {
    const { me } = await seatHolder();
    const tokens = path.join(me.home, 'tokens');
    writeFileSync(tokens, 'gw_0123456789abcdef alice\ngw_fedcba9876543210 build\n', { mode: 0o600 });
    const printed = await me.ci('gateway token --token-file tokens --client build');
    expect([printed.code, printed.stdout]).toEqual([0, 'gw_fedcba9876543210\n']);
    const missing = await me.ci('gateway token --token-file tokens --client carol --json');
    expect([missing.code, textAt(errorOf(missing), 'hint')]).toEqual([5, 'It has those of alice and build.']);
  });

  test('can be in another file', async () => {
    const { me } = await seatHolder();
    const gateway = me.start('gateway --listen 127.0.0.1:0 --json --token-file tokens/mine');
    await gateway.stdout(/"started"/);
    const token = readFileSync(path.join(me.home, 'tokens', 'mine'), 'utf8').trim();
    expect(existsSync(path.join(me.home, file))).toBe(false);
    const printed = await me.ci('gateway token --token-file tokens/mine');
    expect([printed.code, printed.stdout]).toEqual([0, `${token}\n`]);
  });

  test('names the clients if there are several', async () => {
    const { me } = await seatHolder();
    const place = path.join(me.home, file);
    const [editor, tests] = ['gw_editor_0123456789', 'gw_tests_0123456789'];
    mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
    writeFileSync(place, `# Clients\n${editor} editor\r\n\n  ${tests}   tests  \n`, { mode: 0o600 });
    const gateway = await serveGateway(me);
    for (const [token, name] of [
      [editor, 'editor'],
      [tests, 'tests'],
    ] as const) {
      await gatewayClient(gateway.url, token).chat({ 'x-client': 'another' });
      expect(await gateway.next('request')).toMatchObject({ client: name });
    }
    expect(json(await me.ci('gateway token --json'))).toEqual([
      { token: editor, client: 'editor' },
      { token: tests, client: 'tests' },
    ]);
    expect((await me.ci('gateway token')).stdout).toBe(`${editor}\teditor\n${tests}\ttests\n`);
  });

  test.each([
    ['', 'is empty'],
    ['gw_short\n', 'has a token that is too short'],
    ['sk_live_0123456789abcdefghij\n', 'has another kind of key'],
    ['gw_0123456789abcdef\ngw_fedcba9876543210\n', 'has several tokens without names'],
    ['gw_0123456789abcdef a\ngw_fedcba9876543210 a\n', 'has the same name twice'],
    ['gw_0123456789abcdef a b\n', 'has more than a name'],
    ['gw_0123456789abcdef a\ngw_0123456789abcdef b\n', 'has a token twice'],
  ])('is refused if the file (%j) %s', async (text) => {
    const { me } = await seatHolder();
    const place = path.join(me.home, file);
    mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
    writeFileSync(place, text, { mode: 0o600 });
    for (const line of ['gateway --listen 127.0.0.1:0 --json', 'gateway token --json']) {
      const ended = await me.ci(line);
      expect([line, ended.code, errorOf(ended)]).toEqual([
        line,
        1,
        expect.objectContaining({
          message: `${place} has no valid token of the gateway`,
          hint: 'It must have one token that starts with gw_, or different ones with a name each, on a line each. Remove the file to get a new token.',
        }),
      ]);
    }
    expect(readFileSync(place, 'utf8')).toBe(text);
  });

  test('is printed before the first start, and created for it', async () => {
    const me = user();
    const { code, stdout, stderr } = await me.ci('gateway token');
    expect([code, stdout, stderr]).toEqual([0, `${tokenOf(me)}\n`, '']);
    expect(json(await me.ci('gateway token --json'))).toEqual({ token: tokenOf(me), client: null });
  });

  test('is printed alone whatever CHEAPESTINFERENCE_OUTPUT says', async () => {
    const me = user({ CHEAPESTINFERENCE_OUTPUT: 'json' });
    expect((await me.ci('gateway token')).stdout).toMatch(/^gw_\S+\n$/);
  });

  test('is masked in the log of a workflow', async () => {
    const me = user({ GITHUB_ACTIONS: 'true' });
    const { stdout, stderr } = await me.ci('gateway token');
    expect(stdout + stderr).toContain(`::add-mask::${tokenOf(me)}\n`);
  });
});

test('keeps every real key out of its output and its files', async () => {
  const { me, seats } = await seatHolder({ seats: 2 });
  const gateway = await serveGateway(me, '--drain 1s');
  await gateway.chat();
  await gateway.get('/metrics');
  const pages = await Promise.all(['/metrics', '/status', '/v1/models', '/healthz'].map((name) => gateway.get(name)));
  await gateway.stop();
  const { stdout, stderr }: Ended = await gateway.ended;
  const { filesWith } = await import('../../support/secret-search.ts');
  for (const { secret: key } of seats) {
    expect(stdout + stderr + pages.map(({ text }) => text).join('')).not.toContain(key);
    expect(filesWith(key, me.home)).toEqual([path.relative(me.home, keyFileOf(me))]);
  }
  expect(jsonLines({ stdout })).toHaveLength(gateway.events.length);
});
