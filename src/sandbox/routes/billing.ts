import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { lowerCase } from '../../domain/chains.ts';
import { unitsOf } from '../../domain/usdc.ts';
import type { Account } from '../account.ts';
import { timeText } from '../calendar.ts';
import { poolOf } from '../catalogue.ts';
import { activeKeyOf } from '../keys.ts';
import { dollars, usdcAddress, wholeCents } from '../money.ts';
import { body, checkBody, enveloped, parseBody, Refusal } from '../reply.ts';
import { periodEnd } from '../settle.ts';
import type { Change, Store } from '../store.ts';
import { hashField, type RpcUrl, withCredit, withTransaction } from '../transactions.ts';

/** The smallest and the largest top-up, in USD. */
export const smallestTopUp = 10;
export const largestTopUp = 1_000_000;

const amountField = z
  .number('amount must be a number of USD')
  .check(z.refine((usd) => wholeCents(usd) !== undefined, 'amount must be in whole cents'));

const topUpBody = body({
  amount: amountField.check(
    z.gte(smallestTopUp, `Minimum top-up is $${smallestTopUp}`),
    z.lte(largestTopUp, `Maximum top-up is $${largestTopUp}`),
  ),
  method: z.enum(['stripe', 'usdc'], 'method must be "stripe" or "usdc"'),
});

const verifyBody = body({
  txHash: hashField,
  amount: amountField,
});

/**
 * Routes `/api/billing` (Management API, "status", "topup", "verify-topup"; Unlimited Subscriptions, "setup-intent").
 *
 * @param address - returns the URL of the server, for the pages that replace Stripe's
 * @param rpcUrl - absent: a USDC top-up is verified without a chain
 */
export function billingRoutes(store: Store, address: () => string, rpcUrl: RpcUrl | undefined): Hono {
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
    const hash = lowerCase(txHash);
    const cents = Math.round(amount * 100);
    const isFinal = await isFinalOn(rpcUrl, hash, cents);
    const verified = await store.run((account) => verify(account, { hash, cents, isFinal }));
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

/** Returns whether the sandbox's chain has a transaction, and it transferred the amount. @throws Refusal if it transferred another */
async function isFinalOn(rpcUrl: RpcUrl | undefined, hash: `0x${string}`, cents: number): Promise<boolean> {
  if (!rpcUrl) return false;
  const { checkIfKnown } = await import('../chain/payment.ts');
  return (await checkIfKnown(await rpcUrl(), { hash, units: unitsOf(cents) })) !== undefined;
}

/** A transaction that is said to have paid a top-up. */
interface Claim {
  readonly hash: string;
  readonly cents: number;
  /** Whether the chain confirms it. */
  readonly isFinal: boolean;
}

/** Credits a transaction that is final, or at the second request. At the first, it isn't final yet, and the result is undefined. */
function verify(
  account: Account,
  { hash, cents, isFinal }: Claim,
): Change<{ credited: number; balance: number } | undefined> {
  const seen = account.transactions.find((one) => one.hash === hash);
  if (seen?.credited) throw new Refusal(409, 'This transaction was already credited');
  const topUp = account.topUps.find((one) => one.method === 'usdc' && !one.paid && one.cents === cents);
  if (topUp === undefined || (seen !== undefined && seen.cents !== cents)) {
    throw new Refusal(400, 'The amount does not match what was sent');
  }
  if (seen === undefined && !isFinal) {
    const transactions = [...account.transactions, { hash, cents, credited: false }];
    return { account: { ...account, transactions }, result: undefined };
  }
  const credited: Account = {
    ...withCredit(withTransaction(account, hash, cents), cents),
    topUps: account.topUps.map((one) => (one.id === topUp.id ? { ...one, paid: true } : one)),
  };
  return { account: credited, result: { credited: cents / 100, balance: dollars(credited.creditMicros) } };
}
