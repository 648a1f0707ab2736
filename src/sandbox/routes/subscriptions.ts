import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import * as z from 'zod/mini';
import type { Block } from '../../domain/blocks.ts';
import { blockNames } from '../../domain/blocks.ts';
import type { Account, Subscription } from '../account.ts';
import { hour, timeText } from '../calendar.ts';
import type { Pool } from '../catalogue.ts';
import { periodCents } from '../catalogue.ts';
import { activeKeyOf, isActive, newSecret } from '../keys.ts';
import { priceText } from '../money.ts';
import { body, checkBody, enveloped, parseBody, Refusal } from '../reply.ts';
import { freeSlots, seatHours } from '../seats.ts';
import { newCharge, periodEnd, withSubscription } from '../settle.ts';
import type { Change, Store } from '../store.ts';
import { requirePool } from './pools.ts';

/** Time until a manually provisioned pool delivers its key ("usually within hours"). */
const provisioningTime = 2 * hour;

const quantityMessage = 'quantity must be an integer from 1 to 20';
const blocksMessage = `blocks must be an array of one or more of ${blockNames.join(', ')}`;

/** The blocks in the body of a request. */
export const blocksField = z.array(z.enum(blockNames, blocksMessage), blocksMessage).check(
  z.minLength(1, blocksMessage),
  z.refine((blocks) => new Set(blocks).size === blocks.length, 'blocks must not name a block twice'),
);

const subscribeBody = body({
  blocks: blocksField,
  quantity: z.optional(z.int(quantityMessage).check(z.gte(1, quantityMessage), z.lte(20, quantityMessage))),
  billingCycle: z.optional(z.enum(['month', 'year'], 'billingCycle must be "month" or "year"')),
});

type Order = z.infer<typeof subscribeBody>;

/** Routes the subscriptions of a pool (Unlimited Subscriptions, "Subscribe" to "Cancel subscription"). */
export function subscriptionRoutes(store: Store): Hono {
  const routes = new Hono();

  routes.post('/:id/subscribe', async (context) => {
    const pool = requirePool(context.req.param('id'));
    const order = checkBody(subscribeBody, parseBody(await context.req.text()));
    return enveloped(await store.run((account, now) => subscribe(account, pool, order, now)));
  });

  routes.get('/:id/my-subscriptions', async (context) => {
    const pool = requirePool(context.req.param('id'));
    return enveloped(
      await store.run((account) => ({
        account,
        result: ofPool(account, pool)
          .filter(({ status }) => status !== 'canceled')
          .map((subscription) => mySubscription(account, pool, subscription)),
      })),
    );
  });

  routes.get('/:id/my-keys', async (context) => {
    const pool = requirePool(context.req.param('id'));
    return enveloped(await store.run((account) => ({ account, result: myKeys(account, pool) })));
  });

  routes.delete('/:id/pledge', async (context) => {
    const pool = requirePool(context.req.param('id'));
    return enveloped(
      await store.run((account) => {
        const latest = ofPool(account, pool).find((one) => one.status !== 'canceled' && !one.cancelAtPeriodEnd);
        if (latest === undefined) throw new Refusal(404, 'No active subscription found');
        return {
          account: withSubscription(account, { ...latest, cancelAtPeriodEnd: true }),
          result: { canceled: true },
        };
      }),
    );
  });

  return routes;
}

function subscribe(account: Account, pool: Pool, order: Order, now: number): Change<unknown> {
  if (pool.status !== 'active') throw new Refusal(409, `This pool is not open for subscriptions (${pool.status})`);
  if (account.card === 'none') throw new Refusal(400, 'No payment method found — add a card first');
  if (account.card === 'declining') throw new Refusal(402, 'Your card was declined');
  const { quantity = 1, billingCycle = 'month' } = order;
  const blocks = blockNames.filter((block) => order.blocks.includes(block));
  const free = new Map(blocks.map((block) => [block, freeSlots(account, pool, block)]));
  for (const [block, slots] of free) requireSeats(block, slots.length, quantity);

  const monthlyCents = blocks.reduce((sum, block) => sum + pool.monthlyCents[block], 0);
  const bought = Array.from(
    { length: quantity },
    (_, seat): Subscription => ({
      id: randomUUID(),
      poolId: pool.id,
      status: pool.manualProvisioning ? 'pending_key' : 'active',
      seats: [...free].flatMap(([block, slots]) =>
        slots.slice(seat, seat + 1).map((slotIndex) => ({ block, slotIndex })),
      ),
      monthlyCents,
      billingCycle,
      cancelAtPeriodEnd: false,
      createdAt: now,
      anchor: now,
      paidPeriods: 1,
      provisioning: pool.manualProvisioning
        ? { at: now + provisioningTime, keyId: randomUUID(), apiKey: newSecret() }
        : null,
    }),
  );

  let changed: Account = { ...account, subscriptions: [...account.subscriptions, ...bought] };
  for (const { id } of bought) {
    const charge = newCharge(changed, id, periodCents(pool, monthlyCents, billingCycle), now, 'subscribe');
    changed = { ...changed, charges: [...changed.charges, charge] };
  }
  const answers = bought.map((subscription) => ({
    id: subscription.id,
    poolId: pool.id,
    status: subscription.status,
    monthlyPrice: priceText(monthlyCents),
    hours: seatHours(pool, subscription.seats),
    key: null,
  }));
  return { account: changed, result: quantity === 1 ? answers[0] : answers };
}

function requireSeats(block: Block, free: number, quantity: number): void {
  if (free >= quantity) return;
  throw new Refusal(409, `Not enough seats: ${block} ${free === 0 ? 'is sold out' : `has ${free} left`}`);
}

/** Returns the subscriptions on a pool, the most recent first. */
function ofPool(account: Account, pool: Pool): Subscription[] {
  return account.subscriptions.filter(({ poolId }) => poolId === pool.id).reverse();
}

function mySubscription(account: Account, pool: Pool, subscription: Subscription) {
  const key = activeKeyOf(account, subscription);
  return {
    id: subscription.id,
    status: subscription.status,
    monthlyPrice: priceText(subscription.monthlyCents),
    billingCycle: subscription.billingCycle,
    cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
    currentPeriodEnd: timeText(periodEnd(subscription)),
    hours: seatHours(pool, subscription.seats),
    key: key === undefined ? null : { id: key.id, apiKey: key.apiKey, isActive: true },
  };
}

function myKeys(account: Account, pool: Pool) {
  const subscriptionIds = new Set<string | null>(ofPool(account, pool).map(({ id }) => id));
  return account.keys
    .filter(({ subscriptionId }) => subscriptionIds.has(subscriptionId))
    .map((key) => ({
      id: key.id,
      name: key.name,
      apiKey: key.apiKey,
      isActive: isActive(account, key),
      subscriptionId: key.subscriptionId,
      createdAt: timeText(key.createdAt),
    }))
    .reverse();
}
