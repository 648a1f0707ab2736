import { describe, expect, test } from 'vitest';
import { json, settlesIn, userOf } from '../../support/cli.ts';
import { errorOf, isChange, lossyCustomer, outcomesOf } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, recordedSandbox, reset, webPage } from '../../support/servers.ts';

const hash = `0x${'ab'.repeat(32)}`;
const note = /^The response was lost \(.+\), but the change went through\.\n$/;

describe('a payment with a lost verification response', () => {
  /** Creates a user whose credit rises by an amount when the verification is requested. */
  async function payer(rise: number, answers: { readonly status?: Behavior; readonly credits?: Behavior } = {}) {
    let credit = 25;
    let asked = false;
    const api = await recordedSandbox({
      instead({ method, path }) {
        if (method !== 'GET') {
          credit += rise;
          asked = true;
          return reset;
        }
        if (path === '/api/billing/status')
          return (asked ? answers.status : undefined) ?? data({ creditBalance: credit });
        const credits = data({ totalTopUp: String(credit), remaining: String(credit) });
        return path === '/api/billing/credits' ? ((asked ? answers.credits : undefined) ?? credits) : undefined;
      },
    });
    const me = userOf(api);
    settlesIn(me, '1s');
    return { api, me };
  }
  const verify = `billing verify ${hash} --amount 12.50 --json`;

  test('is found in the credit, as if the response had arrived', async () => {
    const { api, me } = await payer(12.5);
    const { code, stdout, stderr } = await me.ci(verify);
    expect([code, json({ stdout }), api.changes.length]).toEqual([0, { credited: 12.5, balance: 37.5 }, 1]);
    expect(stderr).toMatch(note);
  });

  test("is found although the balance can't be read", async () => {
    const { me } = await payer(12.5, { status: answer(403, { success: false, error: 'No entry' }) });
    const { code, stdout } = await me.ci(verify);
    expect([code, json({ stdout })]).toEqual([0, { credited: 12.5 }]);
    expect(outcomesOf(me)).toEqual(['verify applied']);
  });

  test("is not reported as credited if the credit didn't rise", async () => {
    const { me } = await payer(0);
    const ended = await me.ci(verify);
    expect([ended.code, errorOf(ended)]).toMatchObject([9, { outcome: 'not_applied' }]);
    expect(textAt(errorOf(ended), 'message')).toMatch(/. The change didn't go through$/);
  });

  test('has an unknown outcome while the credit may still rise', async () => {
    const { me } = await payer(0);
    settlesIn(me, '10m');
    const ended = await me.ci(`${verify} --settle 1s`);
    expect([ended.code, ended.stdout, errorOf(ended)]).toMatchObject([
      10,
      '',
      { outcome: 'unknown', retryable: false },
    ]);
    expect(outcomesOf(me)).toEqual(['verify unknown']);
  });

  test('has an unknown outcome if the credit rose by another amount', async () => {
    const { me } = await payer(50);
    const ended = await me.ci(verify);
    expect([ended.code, errorOf(ended)]).toMatchObject([10, { outcome: 'unknown' }]);
    expect(ended.stderr).toContain('the credit changed by $50.00 in the meantime');
    expect(outcomesOf(me)).toEqual(['verify unknown']);
  });

  test("has an unknown outcome if the credit can't be read any more", async () => {
    const { me } = await payer(12.5, { credits: webPage(200) });
    expect((await me.ci(verify)).code).toBe(10);
  });
});

describe('a cancellation with a lost response', () => {
  /** Creates a user whose API doesn't say what is ending. */
  async function silentApi(isApplied: boolean) {
    const customer = await lossyCustomer((request, before) => {
      if (isChange(request)) return before === 0 ? { isApplied, response: reset } : undefined;
      return undefined;
    });
    const older = await recordedSandbox({
      instead:
        ({ method }) =>
        async (request, response) => {
          const headers = { authorization: request.headers.authorization ?? '' };
          const upstream = await fetch(customer.api.url + request.path, { method, headers }).catch(() => undefined);
          if (!upstream) return reset(request, response);
          const text = (await upstream.text()).replace(/"cancelAtPeriodEnd":(?:true|false),/g, '');
          return answer(upstream.status, text)(request, response);
        },
    });
    await customer.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const me = userOf(older);
    settlesIn(me, '1s');
    return { ...customer, me };
  }

  test.each([true, false])(
    "has an unknown outcome if the API doesn't say what is ending (applied: %s)",
    async (made) => {
      const { me, box } = await silentApi(made);
      const ended = await me.ci('pools cancel kimi26 --yes --json');
      expect([ended.code, ended.stdout]).toEqual([10, '']);
      const [held] = listAt(await box.seen(), 'subscriptions');
      expect(at(held, 'cancelAtPeriodEnd')).toBe(made);
      expect(errorOf(ended)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
      expect(ended.stderr).toContain(`the API doesn't say whether subscription ${textAt(held, 'id')} is canceled`);
    },
  );
});
