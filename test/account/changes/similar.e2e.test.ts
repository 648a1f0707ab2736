import { expect, test } from 'vitest';
import { json, settlesIn, userOf } from '../../support/cli.ts';
import { errorOf, firstChange, isChange, lossyCustomer, outcomesOf } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, data, recordedSandbox, reset, silence } from '../../support/servers.ts';

test('finds a recent subscription to be canceled if the response is lost', async () => {
  const { me, box, api } = await lossyCustomer(({ method }, before) =>
    method === 'DELETE' && before === 0 ? { isApplied: true, response: reset } : undefined,
  );
  await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
  const bought = json(await me.ci('pools subscribe kimi26 --blocks europe --yes --json'));
  const canceled = await me.ci('pools cancel kimi26 --yes --json');
  expect([canceled.code, textAt(json(canceled), 'id')]).toEqual([0, textAt(bought, 'id')]);
  expect(api.changes).toEqual(['POST /api/pools/kimi26/subscribe', 'DELETE /api/pools/kimi26/pledge']);
  expect(outcomesOf(me)).toEqual(['subscribe applied', 'cancel applied']);
});

test('finds a purchase that was canceled since', async () => {
  const { me, box, lost } = await lossyCustomer(firstChange(true, silence));
  settlesIn(me, '1s');
  const running = me.start('pools subscribe kimi26 --blocks europe --yes');
  await lost(1);
  running.kill('SIGKILL');
  await running.ended;
  expect((await me.ci('pools cancel kimi26 --yes')).code).toBe(0);
  expect((await me.ci('history reconcile --wait')).code).toBe(0);
  expect(outcomesOf(me)).toEqual(['subscribe applied', 'cancel applied']);
  expect(listAt(await box.seen(), 'charges')).toHaveLength(1);
});

test("doesn't adopt a key with a larger budget for one with a smaller budget", async () => {
  const { me, box, lost } = await lossyCustomer(firstChange(true, silence));
  settlesIn(me, '1s');
  const running = me.start('keys create acme --credit --max-budget 5000');
  await lost(1);
  running.kill('SIGKILL');
  await running.ended;
  const again = await me.ci('keys create acme --credit --max-budget 5 --json');
  const [large, small] = listAt(await box.data('GET', '/api/keys'));
  expect(again.code).toBe(0);
  expect([at(large, 'maxBudget'), at(small, 'maxBudget')].map(Number).sort((a, b) => a - b)).toEqual([5, 5000]);
  const created = [large, small].find((key) => Number(at(key, 'maxBudget')) === 5);
  expect(textAt(json(again), 'id')).toBe(textAt(created, 'id'));
});

test('shows an adopted purchase above --max-price, and exits with 8', async () => {
  const { me, lost, api } = await lossyCustomer(firstChange(true, silence));
  settlesIn(me, '1s');
  const running = me.start('pools subscribe kimi26 --blocks europe --max-price 49 --yes');
  await lost(1);
  running.kill('SIGKILL');
  await running.ended;
  const again = await me.ci('pools subscribe kimi26 --blocks europe --max-price 10 --yes --json');
  expect([again.code, errorOf(again), api.changes.length]).toMatchObject([
    8,
    {
      code: 'price_above_maximum',
      message: 'An earlier purchase of kimi26 charged $49.00, which is above the limit of $10.00',
      outcome: 'applied',
    },
    1,
  ]);
  expect(json(again)).toMatchObject({ status: 'active' });
});

test("doesn't buy a retired plan again that reconcile found", async () => {
  let plan: string | null = null;
  const api = await recordedSandbox({
    instead: ({ method, path }) => {
      if (path === '/api/billing/status') return data({ poolPledges: [], plan });
      if (method === 'GET') return undefined;
      plan = 'pro';
      return silence;
    },
  });
  const me = userOf(api);
  settlesIn(me, '1s');
  const running = me.start('billing subscribe pro --yes');
  await api.got('POST');
  running.kill('SIGKILL');
  await running.ended;
  expect((await me.ci('history reconcile --wait')).code).toBe(0);
  expect((await me.ci('billing subscribe pro --yes')).code).toBe(0);
  expect(api.changes).toEqual(['POST /api/billing/subscribe']);
});

test("reports a refused payment with the API's message, although the credit changed in the meantime", async () => {
  let credit = 25;
  const api = await recordedSandbox({
    instead: (request) => {
      if (isChange(request)) {
        credit -= 0.14;
        return answer(400, { success: false, error: 'Transaction not confirmed yet' });
      }
      return request.path === '/api/billing/credits' ? data({ totalTopUp: credit, remaining: credit }) : undefined;
    },
  });
  const ended = await userOf(api).ci(`billing verify 0x${'ab'.repeat(32)} --amount 50 --json`);
  expect([ended.code, errorOf(ended)]).toMatchObject([6, { code: 'not_final', outcome: 'not_applied' }]);
});

test("has an unknown outcome if the account doesn't show an accepted cancellation", async () => {
  const api = await recordedSandbox({
    instead: ({ method }) => (method === 'DELETE' ? data({ canceled: true }) : undefined),
  });
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
  const ended = await userOf(api).ci('pools cancel kimi26 --settle 1s --yes --json');
  expect([ended.code, errorOf(ended)]).toMatchObject([10, { code: 'outcome_unknown', outcome: 'unknown' }]);
  expect(ended.stderr).toContain("The API accepted the change, but the account doesn't show it. Checking for");
  expect(ended.stderr).not.toContain('lost');
});
