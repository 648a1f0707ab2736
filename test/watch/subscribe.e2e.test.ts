import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { scheduleDrop } from '../../src/sandbox/state.ts';
import { type Ended, jsonLines, lines, secret, settlesIn, userOf } from '../support/cli.ts';
import { comesLate, dropping } from '../support/drops.ts';
import { emptyFolder } from '../support/folder.ts';
import { customerOf, generations } from '../support/generations.ts';
import { ciHere } from '../support/in-process.ts';
import { errorOf, outcomesOf, recordOf } from '../support/lost.ts';
import { nodeOnly } from '../support/program.ts';
import { at, hour, listAt, machineStart, type TestSandbox, textAt } from '../support/sandbox.ts';
import {
  answer,
  appliedThen,
  type Behavior,
  data,
  forward,
  type Instead,
  type Received,
  type RecordingServer,
  recordedSandbox,
  reset,
  server,
} from '../support/servers.ts';

const mine = 'GET /api/pools/minimax-m3/my-subscriptions';
const list = 'GET /api/pools';
const purchase = 'POST /api/pools/minimax-m3/subscribe';
const watch = 'pools watch minimax-m3 --blocks americas --interval 50ms --json --subscribe --max-price 45 --yes';

/** Returns the names of the events, with error codes: `error unavailable`. */
function eventNames(ended: Pick<Ended, 'stdout'>): string[] {
  return jsonLines(ended).map((event) => `${at(event, 'event')} ${at(event, 'code') ?? ''}`.trimEnd());
}

async function charges(box: TestSandbox): Promise<unknown[]> {
  return listAt(await box.seen(), 'charges');
}

type Way = (box: TestSandbox) => Behavior | undefined;

/** Answers each purchase with a behavior of its own, and the rest with the last one. Undefined: the sandbox answers. */
function purchases(...ways: readonly Way[]): Instead {
  let asked = 0;
  return ({ method }, box) => (method === 'POST' ? ways[Math.min(asked++, ways.length - 1)]?.(box) : undefined);
}

const refused =
  (status: number, message: string): Way =>
  () =>
    answer(status, { success: false, error: message });
const sandboxes: Way = () => undefined;
const lost: Way = () => reset;
/** Carries out a purchase, and loses the response. */
const lostAfter: Way =
  (box) =>
  async ({ method, path: where, body }, response) => {
    await box.call(method, where, { text: body });
    response.socket?.resetAndDestroy();
  };

describe('a seat that opens', () => {
  test('is bought with the next request, which ends the watch', async () => {
    const api = await dropping({ at: [4] });
    const ended = await userOf(api).ci(watch);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(api.requests).toEqual([list, mine, mine, list, mine, list, mine, list, purchase]);
    const [charge, ...more] = await charges(api.box);
    expect([at(charge, 'amount'), more]).toEqual(['45.00', []]);
    expect(jsonLines(ended)).toMatchObject([
      { event: 'opened', pool: 'minimax-m3', blocks: ['americas'], pricePerMonth: 45, subscriptions: null },
      {
        event: 'subscribed',
        pool: 'minimax-m3',
        blocks: ['americas'],
        charge: 45,
        subscriptions: [
          { id: at(charge, 'subscriptionId'), poolSlug: 'minimax-m3', status: 'active', monthlyPrice: 45, key: null },
        ],
      },
    ]);
    expect(JSON.parse(api.received.at(-1)?.body ?? '')).toEqual({
      blocks: ['americas'],
      quantity: 1,
      billingCycle: 'month',
    });
  });

  test('is bought with the requested blocks, seats and billing cycle', async () => {
    const api = await dropping({ at: [3], seats: 2 });
    const ended = await userOf(api).ci(
      'pools watch minimax-m3 --blocks asia,americas --all-blocks --quantity 2 --billing-cycle year --interval 50ms --subscribe --max-price 1713.60 --yes',
    );
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect((await charges(api.box)).map((charge) => at(charge, 'amount'))).toEqual(['856.80', '856.80']);
    const [, subscribed = []] = lines(ended.stdout).map((line) => line.split('\t'));
    expect([subscribed[0], subscribed[3], subscribed[9], subscribed[10]?.split(',').length]).toEqual([
      'subscribed',
      'asia,americas',
      '1713.60',
      2,
    ]);
  });

  test.each(generations)('is bought from an API of the %s generation', async (generation) => {
    const { me, box } = await customerOf(generation);
    const line = 'pools watch kimi26 --blocks americas --subscribe --max-price 45.20 --yes --json';
    const ended = await me.ci(line);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', 'subscribed']]);
    expect(at((await charges(box)).at(-1), 'amount')).toBe('45.00');
  });

  test('is reported even if its block flaps', async () => {
    const api = await dropping({ at: [2, 3, 4], instead: purchases(refused(409, 'Not enough seats'), sandboxes) });
    const ended = await userOf(api).ci(watch);
    expect(eventNames(ended)).toEqual(['opened', 'error unavailable', 'sold_out', 'opened', 'subscribed']);
  });

  test('is the first available one, in the order of the arguments', async () => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci(
      'pools watch minimax-m3 kimi26 --blocks europe,americas --subscribe --max-price 46 --yes --json',
    );
    expect(ended.code).toBe(0);
    expect(eventNames(ended)).toEqual([
      'opened',
      'opened',
      'opened',
      'error price_above_maximum',
      'error price_above_maximum',
      'subscribed',
    ]);
    expect(jsonLines(ended).at(-1)).toMatchObject({ pool: 'kimi26', blocks: ['americas'], charge: 45 });
    expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe']);
  });
});

describe('consent', () => {
  test('is given in advance, and covers one purchase within the limit', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const line = 'pools watch kimi26 --blocks europe --subscribe --max-price';
    for (const [flags, code] of [
      ['49', 2],
      ['48.99 --yes', 8],
    ] as const) {
      const ended = await me.ci(`${line} ${flags}`);
      expect([ended.code, ended.stdout, api.changes]).toEqual([code, '', []]);
    }
    expect((await me.ci(`${line} 49 --yes`)).code).toBe(0);
    expect(await charges(api.box)).toHaveLength(1);
  });

  test("doesn't cover a repeat of a recent purchase without --again", async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const line = 'pools watch kimi26 --blocks europe --subscribe --max-price 49 --yes --json';
    expect((await me.ci(line)).code).toBe(0);
    const second = await me.ci(line);
    expect([second.code, second.stdout, await charges(api.box)]).toEqual([2, '', [expect.anything()]]);
    expect(errorOf(second)).toMatchObject({ code: 'confirmation_required', outcome: 'not_applied' });
    expect((await me.ci(`${line} --again`)).code).toBe(0);
    expect(await charges(api.box)).toHaveLength(2);
  });
});

describe('the price', () => {
  const pool = (price: string, status: string) => [
    { id: 'p1', slug: 'minimax-m3', status: 'active', blocks: [{ block: 'americas', status, pricePerMonth: price }] },
  ];

  /** Sells a seat with a price that changes when it opens. */
  function seller(before: string, after: string, charged = after) {
    let lists = 0;
    return server((request: Received, response) => {
      if (request.path === '/api/pools') {
        lists += 1;
        return data(lists > 3 ? pool(after, 'limited') : pool(before, 'sold-out'))(request, response);
      }
      return data(request.method === 'POST' ? { id: 's1', status: 'active', monthlyPrice: charged } : [])(
        request,
        response,
      );
    });
  }

  test('that rose above the limit of the only candidate exits with 8', async () => {
    const api = await seller('45.00', '45.01');
    const ended = await userOf(api).ci(watch);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([8, ['price_changed', 'opened'], []]);
    expect(errorOf(ended)).toMatchObject({
      code: 'price_above_maximum',
      message: 'minimax-m3 costs $45.01 today, which is above --max-price $45.00',
      outcome: 'not_applied',
    });
  });

  test.skipIf(nodeOnly('sets the clock')).each([
    ['46.00', 8, []],
    ['44.00', 0, [purchase]],
  ])('that is $%s after the machine wakes up exits with %i', async (after, code, sent) => {
    let lists = 0;
    let asleep = 0;
    const api = await server((request: Received, response) => {
      if (request.path === '/api/pools') {
        lists += 1;
        if (lists === 3) asleep = hour;
        return data(pool(lists > 3 ? after : '45.00', lists < 3 ? 'sold-out' : 'limited'))(request, response);
      }
      if (request.path === '/api/pools/p1') return data(pool(after, 'limited')[0])(request, response);
      const bought = { id: 's1', status: 'active', monthlyPrice: after };
      return data(request.method === 'POST' ? bought : [])(request, response);
    });
    const ended = await ciHere(watch, api, { now: () => Date.now() + asleep });
    expect([ended.code, api.changes]).toEqual([code, sent]);
  });

  test('that fell is accepted', async () => {
    const api = await seller('45.00', '41.00');
    const ended = await userOf(api).ci(watch);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['price_changed', 'opened', 'subscribed']]);
    expect(at(jsonLines(ended).at(-1), 'charge')).toBe(41);
  });

  test.each([
    ['46.00', 46],
    ['499.00', 499],
  ])('that rose to %s during the purchase exits with 8, with the seat and the actual charge', async (charged, usd) => {
    const api = await seller('45.00', '45.00', charged);
    const me = userOf(api);
    const ended = await me.ci(watch);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([8, ['opened', 'subscribed'], [purchase]]);
    expect(jsonLines(ended).at(-1)).toMatchObject({ charge: usd, subscriptions: [{ id: 's1', status: 'active' }] });
    expect(errorOf(ended)).toMatchObject({
      code: 'price_above_maximum',
      message: `The API charged $${charged} for minimax-m3, but you agreed to $45.00`,
      hint: expect.stringContaining('ci pools cancel minimax-m3'),
      outcome: 'applied',
    });
    expect(recordOf(me).at(-1)).toMatchObject({ outcome: 'applied', ids: ['s1'], charge: usd });
    expect(at(JSON.parse((await me.ci('history --json')).stdout), '0', 'change')).toContain(`$${charged}`);
  });

  test('that rose by a rounding error counts as the agreed price', async () => {
    const ended = await userOf(await seller('45.00', '45.00', '45.04')).ci(watch);
    expect([ended.code, ended.stderr, at(jsonLines(ended).at(-1), 'charge')]).toEqual([0, '', 45]);
  });

  test('that rose during the purchase, but not above the limit, is reported as charged', async () => {
    const api = await seller('45.00', '41.00', '44.00');
    const me = userOf(api);
    const ended = await me.ci(watch);
    expect([ended.code, ended.stderr, at(jsonLines(ended).at(-1), 'charge')]).toEqual([0, '', 44]);
    expect(recordOf(me).at(-1)).toMatchObject({ outcome: 'applied', charge: 44 });
  });

  test('that rose during the purchase is also reported if the key fails', async () => {
    const api = await server((request: Received, response) => {
      if (request.path === '/api/pools') return data(pool('45.00', 'limited'))(request, response);
      if (request.path.startsWith('/api/keys')) return answer(403, { error: 'keys are disabled' })(request, response);
      const bought = { id: 's1', status: 'active', monthlyPrice: '499.00' };
      return data(request.method === 'POST' ? bought : [])(request, response);
    });
    const ended = await userOf(api).ci(`${watch} --create-key prod`);
    expect([ended.code, eventNames(ended), at(jsonLines(ended).at(-1), 'charge')]).toEqual([
      4,
      ['opened', 'subscribed'],
      499,
    ]);
    expect(errorOf(ended)).toMatchObject({ code: 'forbidden', outcome: 'applied' });
    expect(ended.stderr).toContain('The API charged $499.00 for minimax-m3, but you agreed to $45.00');
    expect(ended.stderr).toContain('ci pools cancel minimax-m3');
  });

  test.skipIf(nodeOnly('sets the clock'))(
    'above the limit is reported once, and the watch goes on for the others',
    async () => {
      let passed = 0;
      const api = await dropping({
        at: [6],
        instead: ({ path: where }) => {
          if (where === '/api/pools' && api.requests.filter((each) => each === list).length === 9) passed = hour;
          return undefined;
        },
      });
      const line = 'pools watch kimi26 minimax-m3 --blocks americas,asia --interval 50ms --json --subscribe --yes';
      const ended = await ciHere(`${line} --max-price 38.99 --for 1h`, api, { now: () => Date.now() + passed });
      expect([ended.code, api.changes]).toEqual([6, []]);
      expect(eventNames(ended).filter((each) => each.startsWith('error'))).toEqual([
        'error price_above_maximum',
        'error price_above_maximum',
        'error price_above_maximum',
        'error price_above_maximum',
      ]);
      expect(errorOf(ended)).toMatchObject({
        code: 'unavailable',
        hint: expect.stringContaining('Nothing was charged'),
      });
    },
  );

  test('is compared to max-monthly-spend', async () => {
    const api = await dropping({ at: [3] });
    const me = userOf(api);
    await me.ci('config set max-monthly-spend 60');
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    const ended = await me.ci(watch);
    expect([ended.code, ended.stdout, api.changes]).toEqual([8, '', []]);
    expect(errorOf(ended)).toMatchObject({ code: 'price_above_maximum' });
    await me.ci('config set max-monthly-spend 84');
    expect((await me.ci(watch)).code).toBe(0);
  });
});

describe('a purchase that is refused', () => {
  test.each([
    [409, 'Not enough seats: americas is sold out'],
    [400, 'Block americas is sold out'],
    [422, 'No seats left'],
  ])('lets the watch go on if its block is sold out (%s)', async (status, message) => {
    const api = await dropping({
      at: [2],
      instead: purchases(refused(status, message), refused(status, message), sandboxes),
    });
    const ended = await userOf(api).ci(watch);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', expect.stringMatching(/^error/), 'subscribed']]);
    expect([api.changes.length, (await charges(api.box)).length]).toEqual([3, 1]);
  });

  test('leads to the next candidate at once if someone was faster', async () => {
    const api = await recordedSandbox({ instead: purchases(refused(409, 'Not enough seats'), sandboxes) });
    const ended = await userOf(api).ci(
      'pools watch minimax-m3 kimi26 --blocks asia --interval 1h --subscribe --max-price 39 --yes --json',
    );
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', 'opened', 'error unavailable', 'subscribed']]);
    // Before buying anything else, the watch checks that nothing was bought.
    expect(api.requests.slice(-3)).toEqual([purchase, mine, 'POST /api/pools/kimi26/subscribe']);
  });

  test.each([400, 402, 408, 409, 410, 422, 425, 429, 499, 500, 503, 200])(
    'is found, and made once, if it goes through despite a response of %i',
    async (status) => {
      const api = await dropping({
        at: [2],
        seats: 5,
        instead: purchases((box) =>
          appliedThen(box, answer(status, { success: false, error: 'Key provisioning failed' })),
        ),
      });
      const me = userOf(api);
      const ended = await me.ci(watch);
      expect([ended.code, eventNames(ended), api.changes]).toEqual([0, ['opened', 'subscribed'], [purchase]]);
      expect(await charges(api.box)).toHaveLength(1);
      expect(ended.stderr).toMatch(/Key provisioning failed.*, but the change went through\.\n$/);
      expect(outcomesOf(me)).toEqual(['subscribe applied']);
    },
  );

  test('ends the watch with its seats if it appears afterward', async () => {
    const api = await dropping({ at: [2], instead: comesLate(answer(409, { error: 'Not enough seats' })) });
    const me = userOf(api);
    const ended = await me.ci(`${watch} --create-key prod`);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', 'error unavailable', 'sold_out', 'subscribed']]);
    expect(api.changes).toEqual([purchase, 'POST /api/keys/subscription']);
    expect(ended.stderr).toBe('The API refused a purchase, but the purchase went through.\n');
    expect(jsonLines(ended).at(-1)).toMatchObject({
      charge: 45,
      subscriptions: [{ id: at((await charges(api.box))[0], 'subscriptionId'), key: { name: 'prod' } }],
    });
    expect(outcomesOf(me)).toEqual(['subscribe applied', 'create-key applied']);
  });

  test.each([
    ['no card', 400, 'No payment method found — add a card first', 8, 'no_payment_method'],
    ['a card that declines', 402, 'Your card was declined', 8, 'payment_required'],
    ['a refused key', 401, 'Invalid management key', 4, 'unauthorized'],
    ['an invalid request', 400, 'quantity must be an integer', 1, 'invalid_request'],
  ])('ends the watch for %s', async (_what, status, message, code, error) => {
    const api = await dropping({ at: [2], instead: purchases(refused(status, message)) });
    const ended = await userOf(api).ci(watch);
    expect([ended.code, eventNames(ended), api.changes.length]).toEqual([code, ['opened'], 1]);
    expect(errorOf(ended)).toMatchObject({ code: error, outcome: 'not_applied' });
    expect(await charges(api.box)).toEqual([]);
  });
});

describe('a purchase with a lost response', () => {
  test('that went through is found, and exits with 0', async () => {
    const api = await dropping({ at: [2], instead: purchases(lostAfter, sandboxes) });
    const ended = await userOf(api).ci(watch);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', 'subscribed']]);
    expect([api.changes.length, (await charges(api.box)).length]).toEqual([1, 1]);
    expect(ended.stderr).toMatch(/^The response was lost \(.*\), but the change went through\.\n$/);
  });

  test("isn't repeated while it may still go through", async () => {
    const api = await dropping({ at: [2], instead: purchases(lost, sandboxes) });
    const me = userOf(api);
    const watching = me.start(`${watch} --settle 100ms`);
    await watching.stdout(/"event":"error".*may or may not have gone through/);
    const before = api.requests.filter((each) => each === list).length;
    await api.times(list, before + 5);
    watching.kill('SIGINT');
    const ended = await watching.ended;
    expect([ended.code, eventNames(ended), api.changes]).toEqual([
      130,
      ['opened', 'error outcome_unknown'],
      [purchase],
    ]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'unknown' });
    expect([outcomesOf(me), await charges(api.box)]).toEqual([['subscribe unknown'], []]);
  });

  test.each([
    ['the purchase checks', '', 'error unreachable'],
    ['the watch goes on', '--settle 100ms', 'error outcome_unknown'],
  ])('that settles as not applied while %s is made again at the next opening', async (_when, flags, error) => {
    const api = await dropping({ at: [2], instead: purchases(lost, sandboxes) });
    const me = userOf(api);
    settlesIn(me, '1s');
    const ended = await me.ci(`${watch} ${flags}`);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', error, 'subscribed']]);
    expect([api.changes, (await charges(api.box)).length]).toEqual([[purchase, purchase], 1]);
    expect(outcomesOf(me)).toEqual(['subscribe not_applied', 'subscribe applied']);
  });

  test('ends the watch with --no-wait and exit code 10', async () => {
    const api = await dropping({ at: [2], instead: purchases(lost, sandboxes) });
    const ended = await userOf(api).ci(`${watch} --settle 100ms --no-wait`);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([10, ['opened'], [purchase]]);
    expect(errorOf(ended)).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      retryable: false,
      hint: expect.stringContaining('ci pools subscriptions minimax-m3'),
    });
  });

  test('that is unknown when the time is up exits with 10', async () => {
    const api = await dropping({ at: [2], instead: purchases(lost, sandboxes) });
    const me = userOf(api);
    const ended = await me.ci(`${watch} --settle 100ms --interval 1s --for 30s`);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([10, ['opened', 'error outcome_unknown'], [purchase]]);
    expect(errorOf(ended)).toMatchObject({
      code: 'outcome_unknown',
      message: 'The time limit of 30s was reached, but a purchase may still go through',
      outcome: 'unknown',
      retryable: false,
      hint: expect.stringContaining('ci history reconcile --wait'),
    });
    expect(outcomesOf(me)).toEqual(['subscribe unknown']);
  });

  test("that can't be checked is never repeated", async () => {
    let bought = false;
    const api = await dropping({
      at: [2],
      instead: ({ method, path: where }) => {
        bought ||= method === 'POST';
        return bought && where !== '/api/pools' ? reset : undefined;
      },
    });
    const me = userOf(api);
    settlesIn(me, '1s');
    const ended = await me.ci(`${watch} --settle 100ms --interval 1s --for 30s`);
    expect([ended.code, eventNames(ended).slice(0, 2), api.changes]).toEqual([
      10,
      ['opened', 'error outcome_unknown'],
      [purchase],
    ]);
    expect(errorOf(ended)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
    expect(outcomesOf(me)).toEqual(['subscribe unknown']);
  });

  test('that another ci adopts ends the watch with an error', async () => {
    let other: Ended | undefined;
    let order: Received | undefined;
    let lists = 0;
    const api = await dropping({
      at: [2],
      seats: 5,
      instead: (request, box) => {
        if (request.method === 'POST') {
          order = request;
          return reset;
        }
        if (!order || request.path !== '/api/pools' || ++lists !== 1) return undefined;
        return async (asked, response) => {
          await box.call('POST', purchase.replace('POST ', ''), { text: order?.body ?? '' });
          other = await me.ci('pools subscribe minimax-m3 --blocks americas --yes --json');
          await forward(box.url, asked, response);
        };
      },
    });
    const me = userOf(api);
    const ended = await me.ci(`${watch} --settle 100ms`);
    expect([other?.code, at(JSON.parse(other?.stdout ?? ''), 'id')]).toEqual([
      0,
      at((await charges(api.box))[0], 'subscriptionId'),
    ]);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([2, ['opened', 'error outcome_unknown'], [purchase]]);
    expect(errorOf(ended)).toMatchObject({
      code: 'confirmation_required',
      message: expect.stringContaining('another ci process counted it as its own'),
      outcome: 'applied',
    });
    expect(await charges(api.box)).toHaveLength(1);
  });

  test.skipIf(nodeOnly('sets the clock'))(
    'after a refused one ends the watch too if another ci adopts it',
    async () => {
      let asleep = 0;
      let posts = 0;
      let lists = 0;
      let order: Received | undefined;
      const stateHome = emptyFolder();
      const api = await dropping({
        at: [2],
        seats: 5,
        instead: (request, box) => {
          if (request.method === 'POST') {
            if (++posts === 1) return answer(409, { error: 'Not enough seats' });
            order = request;
            return reset;
          }
          if (request.path !== '/api/pools') return undefined;
          // The pause after the refusal passes at once.
          if (posts === 1) asleep = hour;
          if (!order || ++lists !== 1) return undefined;
          return async (asked, response) => {
            await box.call('POST', purchase.replace('POST ', ''), { text: order?.body ?? '' });
            const other = userOf(api, { XDG_STATE_HOME: stateHome });
            expect((await other.ci('pools subscribe minimax-m3 --blocks americas --yes --json')).code).toBe(0);
            await forward(box.url, asked, response);
          };
        },
      });
      const clock = { now: () => Date.now(), monotonic: () => performance.now() + asleep };
      const ended = await ciHere(`${watch} --settle 100ms`, api, { stateHome, ...clock });
      expect([ended.code, eventNames(ended), api.changes]).toEqual([
        2,
        ['opened', 'error unavailable', 'error outcome_unknown'],
        [purchase, purchase],
      ]);
      expect(errorOf(ended)).toMatchObject({
        code: 'confirmation_required',
        message: expect.stringContaining('another ci process counted it as its own'),
        outcome: 'applied',
      });
      expect(await charges(api.box)).toHaveLength(1);
    },
  );

  test('is checked after Ctrl-C, and exits with 130', async () => {
    const api = await dropping({
      at: [2],
      instead: purchases((box) => async ({ method, path: where, body }) => {
        await box.call(method, where, { text: body });
        watching.kill('SIGINT');
      }),
    });
    const watching = userOf(api).start(watch);
    const ended = await watching.ended;
    expect([ended.code, eventNames(ended), api.changes.length]).toEqual([130, ['opened', 'subscribed'], 1]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'applied' });
  });
});

describe('a purchase that appears late', () => {
  test('ends the watch', async () => {
    const api = await dropping({ at: [2], seats: 3, instead: comesLate() });
    // Long enough for a first check of the account.
    const ended = await userOf(api).ci(`${watch} --settle 3s`);
    expect([ended.code, api.changes, (await charges(api.box)).length]).toEqual([0, [purchase], 1]);
    expect(eventNames(ended)).toEqual(['opened', 'error outcome_unknown', 'subscribed']);
    expect(at(jsonLines(ended).at(-1), 'charge')).toBe(45);
    expect(ended.stderr).toMatch(
      /^The response was lost \(.*\)\. Checking for up to \d seconds? .*\nThe response to a purchase was lost, but the purchase went through\.\n$/,
    );
    expect(ended.stdout).toMatch(/"apiKey":"sk_sandbox_…/);
  });

  test('gets its key, which is saved as requested', async () => {
    const api = await dropping({ at: [2], seats: 3, instead: comesLate() });
    const me = userOf(api);
    const ended = await me.ci(`${watch} --settle 100ms --create-key prod --save .env`);
    expect([ended.code, eventNames(ended)]).toEqual([0, ['opened', 'error outcome_unknown', 'subscribed']]);
    expect(api.changes).toEqual([purchase, 'POST /api/keys/subscription']);
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(secret);
    expect(ended.stdout + ended.stderr).not.toMatch(secret);
  });

  test('is in the record as applied', async () => {
    const api = await dropping({ at: [2], seats: 3, instead: comesLate() });
    const me = userOf(api);
    await me.ci(`${watch} --settle 100ms`);
    const [charge] = await charges(api.box);
    expect(listAt(JSON.parse((await me.ci('history --json')).stdout))).toMatchObject([
      { action: 'subscribe', outcome: 'applied', ids: [at(charge, 'subscriptionId')] },
    ]);
  });

  test.skipIf(nodeOnly('sets the clock'))("isn't confused with a purchase by another ci", async () => {
    const stateHome = emptyFolder();
    let asleep = 0;
    let lost = false;
    let bought = '';
    let lists = 0;
    const api = await dropping({
      at: [2],
      seats: 3,
      instead: ({ method, path: where }, box) => {
        if (method === 'POST' && !lost) {
          lost = true;
          return reset;
        }
        if (!lost || where !== '/api/pools' || ++lists !== 2) return undefined;
        return async (request, response) => {
          const other = userOf(api, { XDG_STATE_HOME: stateHome });
          const { stdout } = await other.ci('pools subscribe minimax-m3 --blocks americas --yes --again --json');
          bought = textAt(JSON.parse(stdout), 'id');
          // The watch's own purchase can no longer take effect.
          asleep = hour;
          await forward(box.url, request, response);
        };
      },
    });
    const ended = await ciHere(`${watch} --settle 100ms`, api, { stateHome, now: () => Date.now() + asleep });
    expect([ended.code, eventNames(ended), (await charges(api.box)).length]).toEqual([
      2,
      ['opened', 'error outcome_unknown'],
      1,
    ]);
    expect(errorOf(ended)).toMatchObject({
      code: 'confirmation_required',
      message: expect.stringContaining(bought),
      outcome: 'not_applied',
    });
  });
});

describe('an earlier purchase with an unknown outcome', () => {
  const subscribe = 'pools subscribe minimax-m3 --blocks americas --yes --json --settle 100ms';

  /** A user who lost the response to the same purchase, in a sandbox where the block is open. */
  async function inDoubt(instead: Instead) {
    const api = await dropping({ at: [1], seats: 5, instead });
    const me = userOf(api);
    expect((await me.ci(subscribe)).code).toBe(10);
    return { me, api };
  }

  test('delays the watch, which adopts it if it goes through', async () => {
    let order: Received | undefined;
    let opened = 0;
    const { me, api } = await inDoubt((request, box) => {
      if (request.method === 'POST') {
        order = request;
        return reset;
      }
      if (!order || request.path !== '/api/pools' || ++opened !== 4) return undefined;
      return async (asked, response) => {
        await box.call('POST', purchase.replace('POST ', ''), { text: order?.body ?? '' });
        await forward(box.url, asked, response);
      };
    });
    const ended = await me.ci(watch);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([
      0,
      ['opened', 'error busy', 'subscribed'],
      [purchase],
    ]);
    expect(at(jsonLines(ended)[1], 'message')).toMatch(/^An earlier "subscribe minimax-m3 .* may still go through$/);
    expect(await charges(api.box)).toHaveLength(1);
  });

  test('exits with 6 with --no-wait, and is ignored with --again', async () => {
    const { me, api } = await inDoubt(purchases(lost, sandboxes));
    const ended = await me.ci(`${watch} --no-wait`);
    expect([ended.code, ended.stdout, api.changes]).toEqual([6, '', [purchase]]);
    expect(errorOf(ended)).toMatchObject({ code: 'busy', outcome: 'not_applied' });
    const again = await me.ci(`${watch} --again`);
    expect([again.code, eventNames(again), api.changes]).toEqual([0, ['opened', 'subscribed'], [purchase, purchase]]);
    expect(await charges(api.box)).toHaveLength(1);
  });

  test('delays the watch with --ensure too', async () => {
    const { me, api } = await inDoubt(purchases(lost, sandboxes));
    const ended = await me.ci(`${watch} --ensure --for 500ms`);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([10, ['opened', 'error busy'], [purchase]]);
    expect(errorOf(ended)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
  });

  test('on another pool counts toward max-monthly-spend', async () => {
    let order: Received | undefined;
    let lists = 0;
    const api = await dropping({
      at: [99],
      instead: (request, box) => {
        if (request.method === 'POST' && request.path.includes('kimi26')) {
          order = request;
          return reset;
        }
        if (!order || request.path !== '/api/pools' || ++lists !== 4) return undefined;
        return async (asked, response) => {
          await box.call('POST', '/api/pools/kimi26/subscribe', { text: order?.body ?? '' });
          await forward(box.url, asked, response);
        };
      },
    });
    const me = userOf(api);
    await me.ci('config set max-monthly-spend 80');
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes --json --settle 100ms')).code).toBe(10);
    const ended = await me.ci(watch.replace('americas', 'asia'));
    expect([ended.code, api.changes]).toEqual([8, ['POST /api/pools/kimi26/subscribe']]);
    expect(errorOf(ended)).toMatchObject({
      code: 'price_above_maximum',
      message: expect.stringContaining(
        'your subscriptions from $49.00 to $88.00 per month, which is above max-monthly-spend $80.00',
      ),
    });
    expect(await charges(api.box)).toHaveLength(1);
  });
});

describe('--ensure', () => {
  const ensure = `${watch} --ensure`;

  test('ends without a question if a candidate is already covered', async () => {
    const api = await recordedSandbox();
    const bought = await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const me = userOf(api);
    const line = 'pools watch minimax-m3 kimi26 --blocks europe --subscribe --max-price 49 --ensure --json';
    const ended = await me.ci(line);
    expect([ended.code, eventNames(ended), api.changes]).toEqual([0, ['subscribed'], []]);
    expect(jsonLines(ended)).toMatchObject([
      { pool: 'kimi26', charge: 0, subscriptions: [{ id: textAt(bought, 'id') }] },
    ]);
    expect(ended.stderr).toBe(`Already covered by ${textAt(bought, 'id')}. Nothing was charged.\n`);
    expect((await me.ci('pools watch kimi26 --blocks asia --subscribe --max-price 49 --ensure')).code).toBe(2);
  });

  test("doesn't buy what was bought elsewhere during the watch", async () => {
    let looks = 0;
    const api = await dropping({
      at: [99],
      seats: 2,
      instead: ({ path: where }, box) =>
        where.endsWith('/my-subscriptions') && ++looks === 4
          ? async (request, response) => {
              // Between two checks it opens, and its user buys a seat in the vendor's dashboard.
              await box.advance(10_000);
              await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['americas'] });
              await forward(box.url, request, response);
            }
          : undefined,
    });
    const ended = await userOf(api).ci(ensure);
    expect([ended.code, api.changes, (await charges(api.box)).length]).toEqual([0, [], 1]);
    expect(eventNames(ended).at(-1)).toBe('subscribed');
    expect(ended.stderr).toContain('Nothing was charged');
  });

  test.skipIf(nodeOnly('sets the clock'))(
    "doesn't buy what was bought elsewhere while the machine slept during a check",
    async () => {
      let asleep = 0;
      const api = await dropping({
        at: [3],
        seats: 2,
        instead: ({ path: where }, box) =>
          where === '/api/pools' && api.requests.filter((each) => each === list).length === 3
            ? async (request, response) => {
                await box.advance(10_000);
                await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['americas'] });
                asleep = hour;
                await forward(box.url, request, response);
              }
            : undefined,
      });
      const ended = await ciHere(ensure, api, { now: () => Date.now() + asleep });
      expect([ended.code, api.changes, (await charges(api.box)).length]).toEqual([0, [], 1]);
      expect(jsonLines(ended).at(-1)).toMatchObject({ event: 'subscribed', charge: 0 });
    },
  );

  test('exits with 6 if a candidate is partly covered', async () => {
    const api = await dropping({
      at: [99],
      instead: ({ path: where }, box) =>
        where === '/api/pools' && api.requests.filter((each) => each === list).length === 4
          ? async (request, response) => {
              await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'] });
              await forward(box.url, request, response);
            }
          : undefined,
    });
    const line = ensure.replace('americas', 'asia,americas --all-blocks').replace('45', '90');
    const ended = await userOf(api).ci(line);
    expect([ended.code, ended.stdout, api.changes]).toEqual([6, '', []]);
    expect(errorOf(ended)).toMatchObject({ message: expect.stringContaining('You already have') });
  });

  test("doesn't print the secret of an existing key", async () => {
    const api = await recordedSandbox();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const apiKey = textAt(await api.box.data('POST', '/api/keys/subscription', {}), 'apiKey');
    for (const format of ['--json', '', '-o table', '-o csv', '-o yaml']) {
      const line = `pools watch kimi26 --blocks europe --subscribe --max-price 49 --ensure --create-key x ${format}`;
      const { code, stdout, stderr } = await userOf(api).ci(line);
      expect(code).toBe(0);
      expect(stdout).toContain('…');
      expect(stdout + stderr).not.toContain(apiKey);
      expect(stderr).toContain('no key was created');
    }
  });

  test("doesn't buy the missing part of a candidate", async () => {
    const api = await dropping({ at: [2], seats: 3 });
    await scheduleDrop(
      { folder: api.box.folder, now: () => machineStart },
      { pool: 'minimax-m3', block: 'asia', opensIn: 0, lasts: 1e6, seats: 3, rivals: 0 },
    );
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia'] });
    const ended = await userOf(api).ci(
      'pools watch minimax-m3 --blocks asia --quantity 2 --subscribe --max-price 99 --ensure --yes --json',
    );
    expect([ended.code, ended.stdout, api.changes]).toEqual([6, '', []]);
    expect(errorOf(ended)).toMatchObject({ message: expect.stringContaining('You already have') });
  });
});

describe('--create-key', () => {
  test('is refused on a pool that sends its keys by email', async () => {
    const api = await recordedSandbox();
    const line = 'pools watch kimi26 glm5 --blocks asia --subscribe --max-price 90 --create-key k --yes';
    const { code, stdout, stderr } = await userOf(api).ci(line);
    expect([code, stdout, api.changes]).toEqual([2, '', []]);
    expect(stderr).toMatch(/^ci: --create-key doesn't work with glm5, because its keys are sent by email\./);
  });

  test('prints the key with the event', async () => {
    const api = await dropping({ at: [2] });
    const ended = await userOf(api).ci(`${watch} --create-key prod`);
    expect(ended.code).toBe(0);
    expect(jsonLines(ended).at(-1)).toMatchObject({
      event: 'subscribed',
      subscriptions: [{ key: { name: 'prod', apiKey: expect.stringMatching(secret) } }],
    });
    const [, last = ''] = lines(
      (await userOf(await dropping({ at: [2] })).ci(`${watch} --create-key prod`.replace('--json ', ''))).stdout,
    );
    expect(last.split('\t').at(-1)).toMatch(secret);
  });

  test('writes the key only to the file with --save', async () => {
    const hook = await server(answer(200, {}));
    const api = await dropping({ at: [2] });
    const me = userOf(api);
    const line = `${watch} --create-key prod --save .env --var POOL_KEY --webhook ${hook.url}/x --debug`;
    const ended = await me.ci(line);
    expect(ended.code).toBe(0);
    const file = path.join(me.home, '.env');
    const [, saved = 'nothing'] = /^POOL_KEY=(.*)\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(saved).toMatch(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ended.stdout + ended.stderr + hook.received.map(({ body }) => body).join()).not.toContain(saved);
    expect(hook.received.map(({ body }) => at(JSON.parse(body), 'event'))).toEqual(['subscribed']);
  });

  test('writes the keys of several seats to one file with --save', async () => {
    const me = userOf(await dropping({ at: [2], seats: 2 }));
    const ended = await me.ci(
      watch.replace('--max-price 45', '--quantity 2 --max-price 90 --create-key prod --save .env'),
    );
    expect([ended.code, eventNames(ended), ended.stdout]).toEqual([
      0,
      ['opened', 'subscribed'],
      expect.not.stringMatching(secret),
    ]);
    expect(readFileSync(path.join(me.home, '.env'), 'utf8')).toMatch(
      /^CHEAPESTINFERENCE_API_KEY=sk_sandbox_\S+\nCHEAPESTINFERENCE_API_KEY_2=sk_sandbox_\S+\n$/,
    );
  });

  test('passes no secret to a webhook and --exec', async () => {
    const hook = await server(answer(200, {}));
    const api = await dropping({ at: [2] });
    const line = `${watch} --create-key prod --webhook ${hook.url}/x --exec`.split(' ');
    const { code, stdout, stderr } = await userOf(api).ci([...line, 'env']);
    const [apiKey = 'none'] = secret.exec(stdout) ?? [];
    expect([code, stderr.includes(apiKey), hook.received.length]).toEqual([0, false, 1]);
    expect(stderr).toContain('CHEAPESTINFERENCE_EVENT=subscribed');
    expect(stderr).toContain('CHEAPESTINFERENCE_CHARGE=45.00');
    expect(hook.received[0]?.body).toContain('sk_sandbox_…');
    expect(hook.received[0]?.body).not.toContain(apiKey);
  });

  test("fails before the purchase if the key can't be saved", async () => {
    const api = await dropping({ at: [1] });
    const ended = await userOf(api).ci(`${watch} --create-key prod --save /nowhere/.env`);
    expect([ended.code, ended.stdout, api.changes]).toEqual([1, '', []]);
    expect(errorOf(ended)).toMatchObject({ code: 'file_error', outcome: 'not_applied' });
  });

  test('says that the seat was bought if it is interrupted', async () => {
    const api = await dropping({
      at: [2],
      instead: ({ method, path: where }) =>
        method === 'POST' && where.startsWith('/api/keys')
          ? async (_request, response) => {
              watching.kill('SIGINT');
              response.socket?.resetAndDestroy();
            }
          : undefined,
    });
    const watching = userOf(api).start(`${watch} --create-key prod`);
    const ended = await watching.ended;
    expect([ended.code, eventNames(ended)]).toEqual([130, ['opened', 'subscribed']]);
    expect(errorOf(ended)).toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('Subscribed, but key "prod" may not have been created'),
      outcome: 'unknown',
    });
  });

  test('fails before the purchase if the file can no longer be written', async () => {
    let looks = 0;
    const api: RecordingServer = await dropping({
      at: [4],
      instead: ({ method, path: where }) => {
        // The first two requests come before the watch, which checks the file then.
        if (`${method} ${where}` === list && ++looks === 3) rmSync(path.join(me.home, 'app'), { recursive: true });
        return undefined;
      },
    });
    const me = userOf(api);
    mkdirSync(path.join(me.home, 'app'));
    const ended = await me.ci(`${watch} --create-key prod --save app/.env`);
    expect([ended.code, looks, api.changes]).toEqual([1, 4, []]);
    expect(errorOf(ended)).toMatchObject({ code: 'file_error', outcome: 'not_applied' });
  });

  test("says what was bought if the key can't be created", async () => {
    const api = await dropping({
      at: [2],
      instead: ({ method, path: where }) =>
        method === 'POST' && where.startsWith('/api/keys') ? answer(403, { error: 'keys are disabled' }) : undefined,
    });
    const ended = await userOf(api).ci(`${watch} --create-key prod`);
    expect([ended.code, eventNames(ended)]).toEqual([4, ['opened', 'subscribed']]);
    expect(errorOf(ended)).toMatchObject({
      message: 'Subscribed, but key "prod" wasn\'t created: keys are disabled',
      outcome: 'applied',
    });
  });
});

describe('two watches at once', () => {
  test('end with the purchase of any candidate', async () => {
    const api = await dropping({ at: [99] });
    const me = userOf(api);
    const line =
      'pools watch minimax-m3 kimi26 --blocks americas --interval 50ms --json --subscribe --max-price 44 --yes';
    const watching = me.start(line);
    await watching.stdout(/price_above_maximum/);
    await me.ci('pools subscribe kimi26 --blocks americas --yes');
    const ended = await watching.ended;
    expect([ended.code, api.changes]).toEqual([2, ['POST /api/pools/kimi26/subscribe']]);
    expect(errorOf(ended)).toMatchObject({ code: 'confirmation_required', outcome: 'not_applied' });
  });

  test("don't end because of a failed purchase by the other one", async () => {
    const api = await dropping({
      at: [99],
      instead: ({ method }) =>
        method === 'POST'
          ? async (request, response) => {
              await api.times(list, api.requests.filter((each) => each === list).length + 3);
              await answer(409, { error: 'Not enough seats' })(request, response);
            }
          : undefined,
    });
    const me = userOf(api);
    const line =
      'pools watch minimax-m3 kimi26 --blocks americas --interval 50ms --json --subscribe --max-price 44 --yes';
    const watching = me.start(line);
    await watching.stdout(/price_above_maximum/);
    expect((await me.ci('pools subscribe kimi26 --blocks americas --yes')).code).toBe(6);
    await api.times(list, api.requests.filter((each) => each === list).length + 2);
    watching.kill('SIGINT');
    expect((await watching.ended).code).toBe(130);
  });

  test.skipIf(nodeOnly('sets the clock'))('buy one seat, even if another one opens much later', async () => {
    const stateHome = emptyFolder();
    let asleep = 0;
    let lists = 0;
    const api = await dropping({
      at: [12, 99, 100],
      instead: ({ path: where }, box) => {
        if (where !== '/api/pools' || ++lists !== 4) return undefined;
        return async (request, response) => {
          // Between two checks a seat opens, goes to another ci, and this machine is suspended.
          await box.advance(10_000);
          const other = userOf(api, { XDG_STATE_HOME: stateHome });
          expect((await other.ci('pools subscribe minimax-m3 --blocks americas --yes')).code).toBe(0);
          await box.advance(10_000);
          asleep = hour;
          await forward(box.url, request, response);
        };
      },
    });
    const ended = await ciHere(watch, api, { stateHome, now: () => Date.now() + asleep });
    expect([ended.code, ended.stdout, api.changes]).toEqual([2, '', [purchase]]);
    expect(errorOf(ended)).toMatchObject({
      message: expect.stringContaining('You bought the same thing 1 hour ago'),
    });
  });

  test('on one machine buy one seat', async () => {
    const api = await dropping({ at: [12], seats: 5 });
    const me = userOf(api);
    const both = await Promise.all([me.process(watch), me.process(watch)]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 2]);
    expect([api.changes, (await charges(api.box)).length]).toEqual([[purchase], 1]);
    const other = both.find(({ code }) => code === 2) ?? { stderr: '' };
    expect(errorOf(other)).toMatchObject({ code: 'confirmation_required', outcome: 'not_applied' });
  });

  test('on one machine buy one after the other', async () => {
    let both = Promise.resolve();
    const api = await dropping({
      at: [12],
      seats: 5,
      instead: purchases(() => async (request, response) => {
        await both;
        await forward(api.box.url, request, response);
      }),
    });
    const me = userOf(api);
    const [one, other] = [me.start(watch), me.start(watch)];
    // Answer the first purchase when the other one waits for it or was sent too.
    const waits = [one, other].flatMap(({ stdout, stderr }) => [
      stderr(/Waiting for another ci/),
      stdout(/"Another ci process is working on/),
    ]);
    both = Promise.race([...waits, api.times(purchase, 2)]).then(() => {});
    const codes = await Promise.all([one, other].map(async ({ ended }) => (await ended).code));
    expect([codes.sort(), api.changes]).toEqual([[0, 2], [purchase]]);
  });

  test('with --ensure buy one seat, and both succeed', async () => {
    const api = await dropping({ at: [12], seats: 5 });
    const me = userOf(api);
    const both = await Promise.all([me.process(`${watch} --ensure`), me.process(`${watch} --ensure`)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect([api.changes, (await charges(api.box)).length]).toEqual([[purchase], 1]);
  });
});

test('exits with 4 if the management key is revoked', async () => {
  let looks = 0;
  const api = await dropping({
    at: [99],
    instead: ({ path: where }) =>
      where.endsWith('/my-subscriptions') && ++looks > 3 ? answer(401, { error: 'key revoked' }) : undefined,
  });
  const ended = await userOf(api).ci(watch);
  expect([ended.code, ended.stdout, api.changes]).toEqual([4, '', []]);
});

test('records the purchase with its outcome', async () => {
  const api = await dropping({ at: [2], instead: purchases(refused(409, 'Not enough seats'), sandboxes) });
  const me = userOf(api);
  await me.ci(watch);
  const history = listAt(JSON.parse((await me.ci('history --json')).stdout));
  expect(history.map((change) => at(change, 'outcome')).sort()).toEqual(['applied', 'not_applied']);
  expect((await me.ci('pools list')).stderr).toBe('');
});
