import { describe, expect, test } from 'vitest';
import { cells, json, lines, oneLine, settlesIn } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import {
  errorOf,
  firstChange,
  isChange,
  killedCustomer,
  lossyCustomer,
  madeEarlier,
  outcomesOf,
} from '../../support/lost.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { answer, data, reset } from '../../support/servers.ts';
import { ctrlC, enter, onTerminal, shown } from '../../support/terminal.ts';

const line = 'pools subscribe kimi26 --blocks europe';
const subscribe = `${line} --yes`;
const post = 'POST /api/pools/kimi26/subscribe';
const minute = 60_000;
const question = 'Buy it again?';
const words = 'subscribe kimi26 europe, 1 seat, monthly, $49.00';
const waiting =
  /Waiting up to [\w ]+ for an earlier change: "subscribe kimi26 europe, .+" \(.+\)\. Nothing has been sent\. Press Ctrl-C to quit\./;

/** Returns a user who bought europe of kimi26 moments ago. */
async function recentBuyer() {
  const { api, me } = await customer();
  const bought = textAt(json(await me.ci(`${subscribe} --json`)), 'id');
  const charges = async () => listAt(await api.box.seen(), 'charges').length;
  return { api, me, bought, charges };
}

describe('the same purchase within 10 minutes, without a terminal', () => {
  test('is refused with exit code 2', async () => {
    const { api, me, bought, charges } = await recentBuyer();
    const { code, stdout, stderr } = await me.ci(subscribe);
    expect([code, stdout, api.changes, await charges()]).toEqual([2, '', [post], 1]);
    expect(stderr).toBe(
      `ci: You bought the same thing just now: ${bought}. Nothing was charged. Pass --ensure to skip the purchase if your subscriptions cover it, or --again to buy it a second time.\n`,
    );
    expect(outcomesOf(me)).toEqual(['subscribe applied']);
  });

  test('is a JSON error with --json', async () => {
    const { me } = await recentBuyer();
    expect(errorOf(await me.ci(`${subscribe} --json`))).toMatchObject({
      code: 'confirmation_required',
      outcome: 'not_applied',
      retryable: false,
      status: null,
    });
  });

  test.each(['--again', '--again --json'])('is allowed with %s', async (flags) => {
    const { api, me, charges } = await recentBuyer();
    const { code, stderr } = await me.ci(`${subscribe} ${flags}`);
    expect([code, stderr, api.changes, await charges()]).toEqual([0, '', [post, post], 2]);
  });

  test('is skipped with --ensure, which prints the existing subscription', async () => {
    const { me, bought, charges } = await recentBuyer();
    const again = await me.ci(`${subscribe} --ensure --json`);
    expect([again.code, textAt(json(again), 'id'), await charges()]).toEqual([0, bought, 1]);
  });

  test("can't combine --ensure and --again", async () => {
    const { api, me } = await recentBuyer();
    const before = api.requests.length;
    const { code, stderr } = await me.ci(`${subscribe} --ensure --again`);
    expect([code, api.requests.length]).toEqual([2, before]);
    expect(stderr).toMatch(oneLine);
  });

  test('is recognized by the slug and the UUID of the pool', async () => {
    const { me, charges } = await recentBuyer();
    const { code } = await me.ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --yes');
    expect([code, await charges()]).toEqual([2, 1]);
  });

  test('is recognized in any order of the blocks', async () => {
    const { api, me, charges } = await recentBuyer();
    expect((await me.ci('pools subscribe kimi26 --blocks asia,europe --yes')).code).toBe(0);
    expect((await me.ci('pools subscribe kimi26 --blocks europe,asia --yes')).code).toBe(2);
    expect([await charges(), api.changes.length]).toEqual([2, 2]);
  });

  test.each([
    ['other blocks', 'pools subscribe kimi26 --blocks asia'],
    ['more blocks', 'pools subscribe kimi26 --blocks europe,asia'],
    ['another pool', 'pools subscribe minimax-m3 --blocks europe'],
    ['more seats', 'pools subscribe kimi26 --blocks europe --quantity 2'],
    ['another cycle', 'pools subscribe kimi26 --blocks europe --billing-cycle year'],
  ])("doesn't include %s", async (_what, other) => {
    const { api, me } = await recentBuyer();
    const { code } = await me.ci(`${other} --yes`);
    expect([code, api.changes.length]).toEqual([0, 2]);
  });

  test("doesn't include a purchase by another account", async () => {
    const { api, me } = await recentBuyer();
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' };
    expect([(await me.ci(subscribe, { env })).code, api.changes.length]).toEqual([0, 2]);
  });

  test.each([
    ['9 minutes', 9 * minute, 2, 1],
    ['10 minutes and a second', 10 * minute + 1000, 0, 2],
  ])('depends on the time since the first purchase: %s', async (_when, ago, expected, charged) => {
    const { me, charges } = await recentBuyer();
    madeEarlier(me, ago);
    const { code, stderr } = await me.ci(subscribe);
    expect([code, await charges()]).toEqual([expected, charged]);
    if (expected === 2) expect(stderr).toContain('You bought the same thing 9 minutes ago: ');
  });

  test('needs no consent after the first subscription has ended', async () => {
    const { api, me } = await recentBuyer();
    await me.ci('pools cancel kimi26 --yes');
    expect((await me.ci(subscribe)).code).toBe(2);
    await api.box.advance(32 * 24 * 60 * minute);
    // The list might lag behind a purchase that was made moments ago.
    expect((await me.ci(subscribe)).code).toBe(2);
    madeEarlier(me, 3 * minute);
    expect([(await me.ci(subscribe)).code, api.changes.filter((each) => each === post).length]).toEqual([0, 2]);
  });

  test('can still be priced with --dry-run', async () => {
    const { me } = await recentBuyer();
    expect(json(await me.ci(`${line} --dry-run --json`))).toMatchObject({ charge: 49 });
  });

  test('is made if the first one was refused', async () => {
    const api = await lossyCustomer(
      firstChange(false, answer(402, { success: false, error: 'Your card was declined' })),
    );
    expect((await api.me.ci(subscribe)).code).toBe(8);
    expect((await api.me.ci(subscribe)).code).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });
});

describe('the same purchase after one with an unknown outcome', () => {
  /** Returns a user with a purchase that has an unknown outcome. */
  async function unsure(isApplied: boolean) {
    let looking = true;
    const customer = await lossyCustomer((request, before) => {
      if (isChange(request)) return before === 0 ? { isApplied, response: reset } : undefined;
      const blind = before > 0 && !looking && request.path.endsWith('/my-subscriptions');
      return blind ? { isApplied: false, response: answer(403, { success: false, error: 'not now' }) } : undefined;
    });
    looking = false;
    settlesIn(customer.me, '1s');
    const first = await customer.me.ci(subscribe);
    looking = true;
    expect([first.code, outcomesOf(customer.me)]).toEqual([10, ['subscribe unknown']]);
    const charges = async () => listAt(await customer.box.seen(), 'charges').length;
    const bought = async () => textAt(await customer.box.seen(), 'subscriptions', 0, 'id');
    return { ...customer, charges, bought };
  }

  test.each(['', ' --no-wait', ' --ensure'])(
    'adopts the first one if it went through, and sends nothing (%j)',
    async (flag) => {
      const { me, api, charges, bought } = await unsure(true);
      const { code, stdout, stderr } = await me.ci(`${subscribe}${flag}`);
      expect([code, api.changes, await charges()]).toEqual([0, [post], 1]);
      expect(cells(stdout)[0]?.slice(0, 3)).toEqual([await bought(), 'kimi26', 'europe']);
      expect(lines(stderr)[0]).toBe(`"${words}" went through just now, so it was not sent again.`);
      expect(outcomesOf(me)).toEqual(['subscribe applied']);
      const third = await me.ci(subscribe);
      expect([third.code, third.stderr, await charges()]).toEqual([
        2,
        expect.stringContaining(`You bought the same thing just now: ${await bought()}`),
        1,
      ]);
    },
  );

  test.each(['', ' --ensure'])("is made once the first one has settled and wasn't made (%j)", async (flag) => {
    const { me, api, charges, bought } = await unsure(false);
    const { code, stdout, stderr } = await me.ci(`${subscribe}${flag}`);
    expect([code, api.changes, await charges()]).toEqual([0, [post, post], 1]);
    expect(cells(stdout)[0]?.[0]).toBe(await bought());
    expect(stderr).toMatch(waiting);
    expect(outcomesOf(me)).toEqual(['subscribe not_applied', 'subscribe applied']);
  });

  test.each(['', ' --ensure'])('exits with 6 with --no-wait while the first one may go through (%j)', async (flag) => {
    const { me, api } = await unsure(false);
    settlesIn(me, '10m');
    const ended = await me.ci(`${subscribe} --no-wait --json${flag}`);
    expect([ended.code, ended.stdout, api.changes, errorOf(ended)]).toEqual([
      6,
      '',
      [post],
      {
        code: 'busy',
        message: `An earlier "${words}" (just now) may still go through`,
        hint: 'Nothing was sent. Run `ci history reconcile --wait` to wait for its outcome, or pass --again to continue anyway.',
        status: null,
        retryable: true,
        outcome: 'not_applied',
      },
    ]);
    expect(outcomesOf(me)).toEqual(['subscribe unknown']);
  });

  test('is made with --again, which explains the risk', async () => {
    const { me, api, charges } = await unsure(true);
    const { code, stderr } = await me.ci(`${subscribe} --again`);
    expect([code, api.changes, await charges()]).toEqual([0, [post, post], 2]);
    expect(lines(stderr)[0]).toBe(
      `Continuing, although an earlier "${words}" (just now) may still go through. If it does, both take effect.`,
    );
  });

  test('adopts a purchase that `ci history reconcile` has found', async () => {
    const { me, api, charges, bought } = await unsure(true);
    expect((await me.ci('history reconcile')).code).toBe(0);
    const next = await me.ci(`${subscribe} --json`);
    expect([next.code, textAt(json(next), 'id'), api.changes, await charges()]).toEqual([0, await bought(), [post], 1]);
    expect(next.stderr).toBe(`"${words}" went through just now, so it was not sent again.\n`);
    expect((await me.ci(subscribe)).code).toBe(2);
  });

  test("is made after `ci history reconcile --wait` has found that the first one wasn't", async () => {
    const { me, charges } = await unsure(false);
    expect((await me.ci('history reconcile --wait')).code).toBe(0);
    expect(await me.ci(subscribe)).toMatchObject({ code: 0, stderr: '' });
    expect(await charges()).toBe(1);
  });

  test.each([
    ['more seats', 'pools subscribe kimi26 --blocks europe --quantity 2'],
    ['more blocks', 'pools subscribe kimi26 --blocks europe,asia'],
    ['another cycle', 'pools subscribe kimi26 --blocks europe --billing-cycle year'],
  ])('delays %s until the first outcome is known', async (_what, other) => {
    const absent = await unsure(false);
    settlesIn(absent.me, '10m');
    expect([(await absent.me.ci(`${other} --yes --no-wait`)).code, absent.api.changes]).toEqual([6, [post]]);
    const there = await unsure(true);
    expect([(await there.me.ci(`${other} --yes --no-wait`)).code, there.api.changes]).toEqual([0, [post, post]]);
    expect(outcomesOf(there.me)).toEqual(['subscribe applied', 'subscribe applied']);
  });

  test.each([
    ['other blocks', 'pools subscribe kimi26 --blocks asia'],
    ['another pool', 'pools subscribe minimax-m3 --blocks europe'],
  ])("doesn't delay %s", async (_what, other) => {
    const { me, api } = await unsure(false);
    settlesIn(me, '10m');
    const { code, stderr } = await me.ci(`${other} --yes --no-wait`);
    expect([code, api.changes.length]).toEqual([0, 2]);
    expect(stderr).toBe(
      `The outcome of an earlier change is unknown: "${words}" (just now). Run \`ci history reconcile\` to find out.\n`,
    );
  });
});

describe('the same purchase after the first process was killed', () => {
  /** Returns a user with a `ci` that was killed during a purchase. */
  async function killed(isApplied: boolean) {
    const customer = await killedCustomer(subscribe, isApplied, ({ me }) => settlesIn(me, '1s'));
    return { ...customer, charges: async () => listAt(await customer.box.seen(), 'charges').length };
  }

  test.each(['', ' --ensure', ' --no-wait'])('adopts the first purchase if it was made (%j)', async (flag) => {
    const { me, api, box, charges } = await killed(true);
    const next = await me.ci(`${subscribe} --json${flag}`);
    const bought = textAt(await box.seen(), 'subscriptions', 0, 'id');
    expect([next.code, textAt(json(next), 'id'), api.changes, await charges()]).toEqual([0, bought, [post], 1]);
    expect(lines(next.stderr)[0]).toBe(`"${words}" went through just now, so it was not sent again.`);
    expect(outcomesOf(me)).toEqual(['subscribe applied']);
  });

  test('creates the keys of the first purchase with --create-key', async () => {
    const { me, api, box } = await killed(true);
    const next = await me.ci(`${subscribe} --create-key prod --json`);
    const [made, ...others] = listAt(await box.data('GET', '/api/keys'));
    expect([next.code, others, api.changes]).toEqual([0, [], [post, 'POST /api/keys/subscription']]);
    expect(textAt(json(next), 'key', 'apiKey')).toBe(textAt(made, 'apiKey'));
  });

  test.each(['', ' --ensure'])("is made once the first one has settled and wasn't made (%j)", async (flag) => {
    const { me, api, charges } = await killed(false);
    const next = await me.ci(`${subscribe}${flag}`);
    expect([next.code, api.changes, await charges()]).toEqual([0, [post, post], 1]);
    expect(outcomesOf(me)).toEqual(['subscribe not_applied', 'subscribe applied']);
  });

  test("isn't sent again if the first one appears during the wait", async () => {
    const { me, api, box, charges } = await killed(false);
    settlesIn(me, '10m');
    const next = me.start(`${subscribe} --json`);
    await next.stderr(waiting);
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 1, billingCycle: 'month' });
    const { code, stdout } = await next.ended;
    const bought = textAt(await box.seen(), 'subscriptions', 0, 'id');
    expect([code, textAt(json({ stdout }), 'id'), api.changes, await charges()]).toEqual([0, bought, [post], 1]);
  });

  test('sends nothing if Ctrl-C ends the wait', async () => {
    const { me, api } = await killed(false);
    settlesIn(me, '10m');
    const next = me.start(`${subscribe} --json`);
    await next.stderr(waiting);
    next.kill('SIGINT');
    const ended = await next.ended;
    expect([ended.code, ended.stdout, api.changes]).toEqual([130, '', [post]]);
    expect(errorOf(ended)).toMatchObject({ code: 'interrupted', outcome: 'not_applied' });
    expect(outcomesOf(me)).toEqual(['subscribe pending']);
  });
});

describe("the same purchase after the first one wasn't found", () => {
  test("is made if the first one doesn't appear later", async () => {
    const { me, box } = await lossyCustomer(firstChange(false, reset));
    settlesIn(me, '1s');
    const first = await me.ci(`${subscribe} --json`);
    expect([first.code, errorOf(first)]).toMatchObject([9, { outcome: 'not_applied', retryable: true }]);
    expect((await me.ci(subscribe)).code).toBe(0);
    expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
  });

  test('exits with 2 if the first one appeared late', async () => {
    const { me, box, api } = await lossyCustomer(firstChange(false, reset));
    settlesIn(me, '1s');
    expect((await me.ci(subscribe)).code).toBe(9);
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 1, billingCycle: 'month' });
    const { code, stderr } = await me.ci(subscribe);
    expect([code, api.changes]).toEqual([2, [post]]);
    expect(stderr).toContain('You may have bought the same thing just now');
  });
});

test('buys after a purchase that waits for a payment in the browser, once a card is saved', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const { me, box } = await lossyCustomer(firstChange(false, data({ sessionUrl: page })));
  const first = await me.ci(`${subscribe} --json`);
  expect([first.code, errorOf(first)]).toMatchObject([8, { code: 'no_payment_method', outcome: 'not_applied' }]);
  expect(outcomesOf(me)).toEqual(['subscribe not_applied']);
  expect((await me.ci(subscribe)).code).toBe(0);
  expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
});

test('exits with 2 if the same purchase was paid in the browser meanwhile', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const { me, box } = await lossyCustomer(firstChange(true, data({ sessionUrl: page })));
  expect((await me.ci(subscribe)).code).toBe(8);
  expect((await me.ci(subscribe)).code).toBe(2);
  expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
});

describe('a repeated purchase within 10 minutes, on a terminal', () => {
  test.each(['', ' --yes'])('needs a second consent, with No as the default (%j)', async (flags) => {
    const { me, bought, charges } = await recentBuyer();
    const session = onTerminal(me, `${line}${flags}`, { columns: 120 });
    if (flags === '') {
      await session.shows('Charge $49.00 now?');
      session.type(`y${enter}`);
    }
    await session.shows(question);
    expect(session.screen).toContain(`You bought the same thing just now: ${bought}`);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(session.screen).toContain('Declined. Nothing was changed');
    expect(await charges()).toBe(1);
  });

  test('buys again after y', async () => {
    const { me, charges } = await recentBuyer();
    const session = onTerminal(me, `${line} --yes`);
    await session.shows(question);
    expect(await charges()).toBe(1);
    session.type(`y${enter}`);
    expect([await session.exit, await charges()]).toEqual([0, 2]);
  });

  test('charges nothing and exits with 130 after Ctrl-C', async () => {
    const { api, me, charges } = await recentBuyer();
    const session = onTerminal(me, `${line} --yes`);
    await session.shows(question);
    session.type(ctrlC);
    expect([await session.exit, await charges(), api.changes.length]).toEqual([130, 1, 1]);
  });

  test('needs no second consent with --again', async () => {
    const { me, charges } = await recentBuyer();
    const { code, screen } = await shown(me, `${line} --yes --again`);
    expect([code, await charges()]).toEqual([0, 2]);
    expect(screen).not.toContain(question);
  });

  test.each([
    ['--no-input', {}],
    ['', { CI: 'true' }],
  ])('exits with 2 without a question, with %j and %j in the environment', async (flags, env) => {
    const { me, charges } = await recentBuyer();
    const { code, screen } = await shown(me, `${line} --yes ${flags}`, { env });
    expect([code, await charges()]).toEqual([2, 1]);
    expect(screen).not.toContain(question);
  });

  test('is refused if another purchase was made while the question was open', async () => {
    const { me, charges } = await recentBuyer();
    const session = onTerminal(me, `${line} --yes`, { columns: 120 });
    await session.shows(question);
    expect((await me.ci(`${subscribe} --again`)).code).toBe(0);
    session.type(`y${enter}`);
    expect([await session.exit, await charges()]).toEqual([2, 2]);
    expect(session.screen).toContain('You bought the same thing just now');
  });
});

test('lets only one of two simultaneous commands buy', async () => {
  const { api, me } = await customer();
  const ends = await Promise.all([me.process(subscribe), me.process(subscribe), me.process(subscribe)]);
  expect(ends.map(({ code }) => code).toSorted()).toEqual([0, 2, 2]);
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
});
