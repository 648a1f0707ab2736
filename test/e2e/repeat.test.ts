import { describe, expect, test } from 'vitest';
import { listAt, textAt } from '../sandbox/harness.ts';
import { json, oneLine, userOf } from './cli.ts';
import { errorOf, firstChange, isChange, lossyCustomer, madeEarlier, outcomesOf } from './lost.ts';
import { answer, data, recordedSandbox, reset, silence } from './servers.ts';
import { ctrlC, enter, onTerminal, shown } from './terminal.ts';

const line = 'pools subscribe kimi26 --blocks europe';
const subscribe = `${line} --yes`;
const post = 'POST /api/pools/kimi26/subscribe';
const minute = 60_000;
const question = 'Buy it once more?';

/** Somebody who bought europe of kimi26 a moment ago. */
async function customer() {
  const api = await recordedSandbox();
  const me = userOf(api);
  const bought = textAt(json(await me.ci(`${subscribe} --json`)), 'id');
  const charges = async () => listAt(await api.box.seen(), 'charges').length;
  return { api, me, bought, charges };
}

describe('the same purchase within 10 minutes, where nobody can be asked', () => {
  test('is exit 2, and nothing is sent', async () => {
    const { api, me, bought, charges } = await customer();
    const { code, stdout, stderr } = await me.ci(subscribe);
    expect([code, stdout, api.changes, await charges()]).toEqual([2, '', [post], 1]);
    expect(stderr).toBe(
      `ci: the same was bought just now: ${bought}. Nothing was charged. --ensure buys only what is not there; --again buys it a second time.\n`,
    );
    expect(outcomesOf(me)).toEqual(['subscribe applied']);
  });

  test('is an error of JSON with --json', async () => {
    const { me } = await customer();
    expect(errorOf(await me.ci(`${subscribe} --json`))).toMatchObject({
      code: 'confirmation_required',
      outcome: 'not_applied',
      retryable: false,
      status: null,
    });
  });

  test.each(['--again', '--again --json'])('is bought with %s', async (flags) => {
    const { api, me, charges } = await customer();
    const { code, stderr } = await me.ci(`${subscribe} ${flags}`);
    expect([code, stderr, api.changes, await charges()]).toEqual([0, '', [post, post], 2]);
  });

  test('is not bought with --ensure, which prints what is there', async () => {
    const { me, bought, charges } = await customer();
    const again = await me.ci(`${subscribe} --ensure --json`);
    expect([again.code, textAt(json(again), 'id'), await charges()]).toEqual([0, bought, 1]);
  });

  test('with --ensure and --again is a mistake in what was typed', async () => {
    const { api, me } = await customer();
    const before = api.requests.length;
    const { code, stderr } = await me.ci(`${subscribe} --ensure --again`);
    expect([code, api.requests.length]).toEqual([2, before]);
    expect(stderr).toMatch(oneLine);
  });

  test('is known by whatever name the pool is called', async () => {
    const { me, charges } = await customer();
    const { code } = await me.ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --yes');
    expect([code, await charges()]).toEqual([2, 1]);
  });

  test('is known in whatever order the blocks are named', async () => {
    const { api, me, charges } = await customer();
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
  ])('is not one of %s', async (_what, other) => {
    const { api, me } = await customer();
    const { code } = await me.ci(`${other} --yes`);
    expect([code, api.changes.length]).toEqual([0, 2]);
  });

  test('is not one of another account', async () => {
    const { api, me } = await customer();
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_another_account_0123456789' };
    expect([(await me.ci(subscribe, { env })).code, api.changes.length]).toEqual([0, 2]);
  });

  test.each([
    ['9 minutes', 9 * minute, 2, 1],
    ['10 minutes and a second', 10 * minute + 1000, 0, 2],
  ])('after %s', async (_when, ago, expected, charged) => {
    const { me, charges } = await customer();
    madeEarlier(me, ago);
    const { code, stderr } = await me.ci(subscribe);
    expect([code, await charges()]).toEqual([expected, charged]);
    if (expected === 2) expect(stderr).toContain('the same was bought 9 minutes ago: ');
  });

  test('is not asked about once the first is held no more', async () => {
    const { api, me } = await customer();
    await me.ci('pools cancel kimi26 --yes');
    expect((await me.ci(subscribe)).code).toBe(2);
    await api.box.advance(32 * 24 * 60 * minute);
    expect([(await me.ci(subscribe)).code, api.changes.filter((each) => each === post).length]).toEqual([0, 2]);
  });

  test('shows its price all the same with --dry-run', async () => {
    const { me } = await customer();
    expect(json(await me.ci(`${line} --dry-run --json`))).toMatchObject({ charge: 49 });
  });

  test('of which the first was refused is bought', async () => {
    const api = await lossyCustomer(
      firstChange(false, answer(402, { success: false, error: 'Your card was declined' })),
    );
    expect((await api.me.ci(subscribe)).code).toBe(8);
    expect((await api.me.ci(subscribe)).code).toBe(0);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });
});

describe('the same purchase, when of the first it is not known what became of it', () => {
  /** Somebody whose purchase was cut short, and nobody could look. */
  async function unsure(carriedOut: boolean) {
    let looking = true;
    const customer = await lossyCustomer((request, before) => {
      if (isChange(request)) return before === 0 ? { carriedOut, told: reset } : undefined;
      const blind = before > 0 && !looking && request.path.endsWith('/my-subscriptions');
      return blind ? { carriedOut: false, told: answer(403, { success: false, error: 'not now' }) } : undefined;
    });
    looking = false;
    const first = await customer.me.ci(subscribe);
    looking = true;
    expect([first.code, outcomesOf(customer.me)]).toEqual([10, ['subscribe unknown']]);
    return customer;
  }

  test.each([true, false])('it is exit 2, as it may have been bought (carried out: %s)', async (carriedOut) => {
    const { me, api } = await unsure(carriedOut);
    const { code, stderr } = await me.ci(subscribe);
    expect([code, api.changes]).toEqual([2, [post]]);
    expect(stderr).toMatch(/^ci: the same may have been bought just now\. Nothing was charged\. /);
  });

  test('and it was bought: reconciled, it still is exit 2', async () => {
    const { me, box } = await unsure(true);
    expect((await me.ci('history reconcile')).code).toBe(0);
    const { code, stderr } = await me.ci(subscribe);
    expect(code).toBe(2);
    expect(stderr).toContain(`the same was bought just now: ${textAt(await box.seen(), 'subscriptions', 0, 'id')}`);
  });

  test('and it was not: reconciled, it is bought', async () => {
    const { me, box } = await unsure(false);
    expect((await me.ci('history reconcile')).code).toBe(0);
    expect((await me.ci(subscribe)).code).toBe(0);
    expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
  });

  test('--ensure buys what is not there, and nothing else', async () => {
    for (const carriedOut of [true, false]) {
      const { me, box } = await unsure(carriedOut);
      expect((await me.ci(`${subscribe} --ensure`)).code).toBe(0);
      expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
    }
  });
});

test('the same purchase, when the first was killed in its middle, is exit 2', async () => {
  const { me, api, lost } = await lossyCustomer(firstChange(false, silence));
  const running = me.start(subscribe);
  await lost(1);
  running.kill('SIGKILL');
  await running.ended;
  expect([(await me.ci(subscribe)).code, api.changes]).toEqual([2, [post]]);
});

describe('the same purchase, when the first was not there when it was looked for', () => {
  test('is bought where it did not come later either', async () => {
    const { me, box } = await lossyCustomer(firstChange(false, reset));
    const first = await me.ci(`${subscribe} --json`);
    expect([first.code, errorOf(first)]).toMatchObject([9, { outcome: 'not_applied', retryable: true }]);
    expect((await me.ci(subscribe)).code).toBe(0);
    expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
  });

  test('is exit 2 where it came late', async () => {
    const { me, box, api } = await lossyCustomer(firstChange(false, reset));
    expect((await me.ci(subscribe)).code).toBe(9);
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 1, billingCycle: 'month' });
    const { code, stderr } = await me.ci(subscribe);
    expect([code, api.changes]).toEqual([2, [post]]);
    expect(stderr).toContain('the same may have been bought just now');
  });
});

test('the same purchase, when the first was to be paid in the browser, is bought once there is a card', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const { me, box } = await lossyCustomer(firstChange(false, data({ sessionUrl: page })));
  const first = await me.ci(`${subscribe} --json`);
  expect([first.code, errorOf(first)]).toMatchObject([8, { code: 'no_payment_method', outcome: 'not_applied' }]);
  expect(outcomesOf(me)).toEqual(['subscribe not_applied']);
  expect((await me.ci(subscribe)).code).toBe(0);
  expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
});

test('the same purchase, when the first was paid in the browser meanwhile, is exit 2', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const { me, box } = await lossyCustomer(firstChange(true, data({ sessionUrl: page })));
  expect((await me.ci(subscribe)).code).toBe(8);
  expect((await me.ci(subscribe)).code).toBe(2);
  expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
});

describe('the same purchase within 10 minutes, on a terminal', () => {
  test.each(['', ' --yes'])('is asked about again, and Enter is No (%j)', async (flags) => {
    const { me, bought, charges } = await customer();
    const session = onTerminal(me, `${line}${flags}`, { columns: 120 });
    if (flags === '') {
      await session.shows('Charge $49.00 now?');
      session.type(`y${enter}`);
    }
    await session.shows(question);
    expect(session.screen).toContain(`the same was bought just now: ${bought}`);
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect(session.screen).toContain('declined: nothing was changed');
    expect(await charges()).toBe(1);
  });

  test('y buys it once more', async () => {
    const { me, charges } = await customer();
    const session = onTerminal(me, `${line} --yes`);
    await session.shows(question);
    expect(await charges()).toBe(1);
    session.type(`y${enter}`);
    expect([await session.exit, await charges()]).toEqual([0, 2]);
  });

  test('Ctrl-C is exit 130, and nothing is charged', async () => {
    const { api, me, charges } = await customer();
    const session = onTerminal(me, `${line} --yes`);
    await session.shows(question);
    session.type(ctrlC);
    expect([await session.exit, await charges(), api.changes.length]).toEqual([130, 1, 1]);
  });

  test('--again is not asked about', async () => {
    const { me, charges } = await customer();
    const { code, screen } = await shown(me, `${line} --yes --again`);
    expect([code, await charges()]).toEqual([0, 2]);
    expect(screen).not.toContain(question);
  });

  test.each([
    ['--no-input', {}],
    ['', { CI: 'true' }],
  ])('with %j and %j in the environment nobody is asked: exit 2', async (flags, env) => {
    const { me, charges } = await customer();
    const { code, screen } = await shown(me, `${line} --yes ${flags}`, { env });
    expect([code, await charges()]).toEqual([2, 1]);
    expect(screen).not.toContain(question);
  });

  test('is asked about one purchase, and not about one that was made while the question stood', async () => {
    const { me, charges } = await customer();
    const session = onTerminal(me, `${line} --yes`, { columns: 120 });
    await session.shows(question);
    expect((await me.ci(`${subscribe} --again`)).code).toBe(0);
    session.type(`y${enter}`);
    expect([await session.exit, await charges()]).toEqual([2, 2]);
    expect(session.screen).toContain('the same was bought just now');
  });
});

test('of two that begin at once, one buys, and the other says that it did', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const ends = await Promise.all([me.ci(subscribe), me.ci(subscribe), me.ci(subscribe)]);
  expect(ends.map(({ code }) => code).toSorted()).toEqual([0, 2, 2]);
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
});
