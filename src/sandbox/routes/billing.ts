import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import type { Account } from '../account.ts';
import { timeText } from '../calendar.ts';
import { poolOf } from '../catalogue.ts';
import { activeKeyOf } from '../keys.ts';
import { dollars, microsPerCent, usdcAddress, wholeCents } from '../money.ts';
import { body, checkBody, enveloped, parseBody, Refusal } from '../reply.ts';
import { periodEnd } from '../settle.ts';
import type { Change, Store } from '../store.ts';

const largestTopUp = 1_000_000;

const amountField = z
  .number('amount must be a number of USD')
  .check(z.refine((usd) => wholeCents(usd) !== undefined, 'amount must be in whole cents'));

const topUpBody = body({
  amount: amountField.check(
    z.gte(10, 'Minimum top-up is $10'),
    z.lte(largestTopUp, `Maximum top-up is $${largestTopUp}`),
  ),
  method: z.enum(['stripe', 'usdc'], 'method must be "stripe" or "usdc"'),
});

const hashMessage = 'txHash must be 0x and 64 hexadecimal digits';

const verifyBody = body({
  txHash: z.string(hashMessage).check(z.regex(/^0x[0-9a-fA-F]{64}$/, hashMessage)),
  amount: amountField,
});

/**
 * Routes `/api/billing` (Management API, "status", "topup", "verify-topup"; Unlimited Subscriptions, "setup-intent").
 *
 * @param address - returns the URL of the server, for the pages that replace Stripe's
 */
export function billingRoutes(store: Store, address: () => string): Hono {
  const routes = new Hono();

  routes.get('/status', async () =>
    enveloped(await store.run((account) => ({ account, result: billingStatus(account) }))),
  );

  routes.get('/credits', async () =>
    enveloped(
      await store.run((account) => {
        const creditKeyCount = account.keys.filter(({ subscriptionId }) => subscriptionId === null).length;
        return {
          account,
          result: {
            totalTopUp: dollars(account.toppedUpMicros),
            remaining: dollars(account.creditMicros),
            hasCreditKey: creditKeyCount > 0,
            creditKeyCount,
          },
        };
      }),
    ),
  );

  routes.post('/topup', async (context) => {
    const { amount, method } = checkBody(topUpBody, parseBody(await context.req.text()));
    const id = randomUUID();
    await store.run((account) => {
      const topUp = { id, method, cents: Math.round(amount * 100), paid: false };
      return { account: { ...account, topUps: [...account.topUps, topUp] }, result: undefined };
    });
    return enveloped(
      method === 'stripe'
        ? { sessionUrl: `${address()}/sandbox/pay/${id}`, sessionId: `cs_sandbox_${id}` }
        : { address: usdcAddress, chain: 'base', amount: String(amount) },
    );
  });

  routes.post('/verify-topup', async (context) => {
    const { txHash, amount } = checkBody(verifyBody, parseBody(await context.req.text()));
    const verified = await store.run((account) => verify(account, txHash.toLowerCase(), Math.round(amount * 100)));
    if (verified === undefined) throw new Refusal(400, 'Transaction not final yet, try again in a few seconds');
    return enveloped(verified);
  });

  routes.post('/setup-intent', async () => {
    const id = randomUUID();
    await store.run((account) => ({
      account: { ...account, setupIntents: [...account.setupIntents, id] },
      result: undefined,
    }));
    return enveloped({ url: `${address()}/sandbox/card/${id}` });
  });

  return routes;
}

function billingStatus(account: Account) {
  return {
    subscriptions: [],
    poolPledges: account.subscriptions
      .filter(({ status }) => status !== 'canceled')
      .map((subscription) => ({
        id: subscription.id,
        poolId: subscription.poolId,
        poolSlug: poolOf(subscription).slug,
        status: subscription.status,
        currentPeriodEnd: timeText(periodEnd(subscription)),
        cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
        hasKey: activeKeyOf(account, subscription) !== undefined,
      }))
      .reverse(),
    plan: null,
    status: account.subscriptions.some(({ status }) => status === 'active') ? 'active' : null,
    creditBalance: dollars(account.creditMicros),
    stripeCustomerId: 'cus_sandbox',
    subscriptionExpiresAt: null,
    legacySubscriptionKeys: [],
  };
}

/** Credits a transaction at the second request. At the first, it isn't final yet, and the result is undefined. */
function verify(
  account: Account,
  hash: string,
  cents: number,
): Change<{ credited: number; balance: number } | undefined> {
  const seen = account.transactions.find((one) => one.hash === hash);
  if (seen?.credited) throw new Refusal(409, 'This transaction was already credited');
  const topUp = account.topUps.find((one) => one.method === 'usdc' && !one.paid && one.cents === cents);
  if (topUp === undefined || (seen !== undefined && seen.cents !== cents)) {
    throw new Refusal(400, 'The amount does not match what was sent');
  }
  if (seen === undefined) {
    const transactions = [...account.transactions, { hash, cents, credited: false }];
    return { account: { ...account, transactions }, result: undefined };
  }
  const credited: Account = {
    ...account,
    creditMicros: account.creditMicros + cents * microsPerCent,
    toppedUpMicros: account.toppedUpMicros + cents * microsPerCent,
    topUps: account.topUps.map((one) => (one.id === topUp.id ? { ...one, paid: true } : one)),
    transactions: account.transactions.map((one) => (one.hash === hash ? { ...one, credited: true } : one)),
  };
  return { account: credited, result: { credited: cents / 100, balance: dollars(credited.creditMicros) } };
}
