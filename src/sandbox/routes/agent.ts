import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import { type Block, blockNames } from '../../domain/blocks.ts';
import { lowerCase } from '../../domain/chains.ts';
import { unitsOf } from '../../domain/usdc.ts';
import type { Account, Subscription } from '../account.ts';
import { day, timeText } from '../calendar.ts';
import type { Pool } from '../catalogue.ts';
import { newKey } from '../keys.ts';
import { dollars, wholeCents } from '../money.ts';
import { body, checkBody, enveloped, json, parseBody, Refusal } from '../reply.ts';
import { freeSlots } from '../seats.ts';
import type { Change, Store } from '../store.ts';
import { hashField, type RpcUrl, requireRpcUrl, withCredit, withTransaction } from '../transactions.ts';
import { paymentCatalog } from '../x402.ts';
import { largestTopUp, smallestTopUp } from './billing.ts';
import { requirePool } from './pools.ts';
import { blocksField } from './subscriptions.ts';

/** How long a payment lasts. */
const paidTime = 30 * day;

const subscribeBody = body({
  txHash: hashField,
  poolSlug: z.string('poolSlug must be a string'),
  blocks: blocksField,
  signature: z.string('signature must be a string'),
});

const amountMessage = 'amount must be a number of USD, such as "10.00"';

const topUpBody = body({
  txHash: hashField,
  amount: z.union([z.number(), z.string().check(z.regex(/^\d{1,9}(?:\.\d{1,6})?$/, amountMessage))], amountMessage),
});

/** A subscription that was paid with a transaction. */
interface Purchase {
  readonly hash: string;
  readonly pool: Pool;
  readonly blocks: readonly Block[];
  readonly cents: number;
}

/**
 * Routes `/api/agent`, which needs no key: what can be bought with USDC on Base (x402 guide).
 *
 * @param address - returns the URL of the server
 * @param rpcUrl - absent: the sandbox has no chain, and sells nothing
 */
export function agentRoutes(store: Store, address: () => string, rpcUrl: RpcUrl | undefined): Hono {
  const routes = new Hono();

  routes.get('/plans', async () => json(await paymentCatalog(store, address())));

  routes.post('/subscribe-pool', async (context) => {
    const order = checkBody(subscribeBody, parseBody(await context.req.text()));
    const pool = requirePool(order.poolSlug);
    if (pool.status !== 'active') throw new Refusal(409, `This pool is not open for subscriptions (${pool.status})`);
    const blocks = blockNames.filter((block) => order.blocks.includes(block));
    const cents = blocks.reduce((sum, block) => sum + pool.monthlyCents[block], 0);
    const hash = lowerCase(order.txHash);
    const { checkPayment, requireSignature } = await import('../chain/payment.ts');
    const payer = await checkPayment(await requireRpcUrl(rpcUrl), { hash, units: unitsOf(cents) });
    requireSignature(order.txHash, order.signature, payer);
    return enveloped(await store.run((account, now) => subscribe(account, { hash, pool, blocks, cents }, now)));
  });

  routes.post('/topup', async (context) => {
    const { txHash, amount } = checkBody(topUpBody, parseBody(await context.req.text()));
    const cents = topUpCents(Number(amount));
    const hash = lowerCase(txHash);
    const { checkPayment } = await import('../chain/payment.ts');
    await checkPayment(await requireRpcUrl(rpcUrl), { hash, units: unitsOf(cents) });
    return enveloped(await store.run((account, now) => topUp(account, hash, cents, now)));
  });

  return routes;
}

/** Adds a subscription that ends after 30 days, and its key. The seat is the first that is available in each block. */
function subscribe(account: Account, { hash, pool, blocks, cents }: Purchase, now: number): Change<unknown> {
  const claimed = withTransaction(account, hash, cents);
  const seats = blocks.flatMap((block) =>
    freeSlots(account, pool, block)
      .slice(0, 1)
      .map((slotIndex) => ({ block, slotIndex })),
  );
  const soldOut = blocks.filter((block) => !seats.some((seat) => seat.block === block));
  if (soldOut.length > 0) throw new Refusal(409, `No seats available in ${soldOut.join(', ')}`);

  const expiresAt = now + paidTime;
  const subscription: Subscription = {
    id: randomUUID(),
    poolId: pool.id,
    status: 'active',
    seats,
    monthlyCents: cents,
    billingCycle: 'month',
    cancelAtPeriodEnd: true,
    createdAt: now,
    anchor: now,
    paidPeriods: 1,
    expiresAt,
    provisioning: null,
  };
  const key = newKey({ name: pool.modelName, subscriptionId: subscription.id }, now);
  return {
    account: {
      ...claimed,
      subscriptions: [...account.subscriptions, subscription],
      keys: [...account.keys, key],
    },
    result: {
      subscriptionId: subscription.id,
      poolSlug: pool.slug,
      blocks,
      status: subscription.status,
      expiresAt: timeText(expiresAt),
      apiKey: key.apiKey,
      keyId: key.id,
    },
  };
}

function topUp(account: Account, hash: string, cents: number, now: number): Change<unknown> {
  const key = newKey({ name: 'USDC top-up', subscriptionId: null }, now);
  const credited = withCredit(withTransaction(account, hash, cents), cents);
  return {
    account: { ...credited, keys: [...credited.keys, key] },
    result: { credited: cents / 100, balance: dollars(credited.creditMicros), apiKey: key.apiKey },
  };
}

function topUpCents(usd: number): number {
  const cents = wholeCents(usd);
  if (cents === undefined) throw new Refusal(400, 'amount must be in whole cents');
  if (usd < smallestTopUp) throw new Refusal(400, `Minimum top-up is $${smallestTopUp}`);
  if (usd > largestTopUp) throw new Refusal(400, `Maximum top-up is $${largestTopUp}`);
  return cents;
}
