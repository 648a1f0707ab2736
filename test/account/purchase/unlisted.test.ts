import { expect, test } from 'vitest';
import { unlistedPrice, unlistedPurchases } from '../../../src/account/purchase/unlisted.ts';
import type { Context } from '../../../src/context/context.ts';
import { createContext } from '../../../src/context/create.ts';
import type { SubscribeIntent } from '../../../src/domain/reconcile.ts';
import { Buffered } from '../../support/buffer.ts';
import { emptyFolder } from '../../support/folder.ts';
import { Line } from '../../support/person.ts';
import { worldWith } from '../../support/world.ts';

const monthly: SubscribeIntent = {
  action: 'subscribe',
  pool: 'kimi26',
  blocks: ['europe'],
  quantity: 2,
  billingCycle: 'month',
  charge: 98,
};

function newContext(env: Readonly<Record<string, string>> = {}): Context {
  const folder = emptyFolder();
  const stdout = new Buffered(false);
  const variables = {
    CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_tests',
    XDG_STATE_HOME: folder,
    HOME: folder,
    ...env,
  };
  return createContext(worldWith({ stdout, stderr: new Line(false), env: variables }), () => ({
    input: true,
    color: false,
  }));
}

/** Records a purchase that went through. */
async function bought(context: Context, intent: SubscribeIntent, ids: readonly string[], charge?: number) {
  const history = await context.record.history();
  const id = await history.begin({ intent, before: {}, account: await context.record.account() });
  await history.settle(id, { outcome: 'applied', by: 'answer', ids, charge });
}

/** Returns the monthly prices of what isn't listed, in cents. */
async function prices(context: Context, ...listed: string[]) {
  const found = await unlistedPurchases(
    context,
    listed.map((id) => ({ id })),
  );
  return found.map(unlistedPrice);
}

test('counts only the seats that the account does not list', async () => {
  const context = newContext();
  await bought(context, monthly, ['s1', 's2']);
  expect(await prices(context)).toEqual([9800]);
  expect(await prices(context, 's2')).toEqual([4900]);
  expect(await prices(context, 's1', 's2')).toEqual([]);
});

test('counts the price per month of a yearly purchase, and the charge if it was another one than agreed', async () => {
  const context = newContext();
  await bought(context, { ...monthly, billingCycle: 'year', charge: 999.6, monthly: 98 }, ['s1']);
  await bought(context, monthly, ['s2'], 120);
  expect(await prices(context)).toEqual([9800, 12_000]);
});

test('does not know the price of a yearly purchase that an older version recorded', async () => {
  const context = newContext();
  await bought(context, { ...monthly, billingCycle: 'year', charge: 999.6 }, ['s1']);
  expect(await prices(context)).toEqual([undefined]);
});

test('counts nothing in the embedded sandbox, which never lags', async () => {
  const context = newContext({ CHEAPESTINFERENCE_SANDBOX: '1' });
  await bought(context, monthly, ['s1']);
  expect(await prices(context)).toEqual([]);
});
