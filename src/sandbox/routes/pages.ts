import { Hono } from 'hono';
import { html } from 'hono/html';
import * as z from 'zod/mini';
import { blockNames } from '../../domain/blocks.ts';
import type { Account } from '../account.ts';
import { timeText } from '../calendar.ts';
import { poolOf } from '../catalogue.ts';
import { seatTaken } from '../drops.ts';
import { isActive, keyType } from '../keys.ts';
import { dollars, priceText } from '../money.ts';
import { body, checkBody, enveloped, parseBody, Refusal } from '../reply.ts';
import { periodEnd, renew } from '../settle.ts';
import type { Store } from '../store.ts';
import { withCredit } from '../transactions.ts';
import { requirePool } from './pools.ts';

const rivalBody = body({ pool: z.string(), block: z.enum(blockNames) });

/** Routes what only the sandbox has: pages instead of Stripe's, its state, and rivals who take seats. */
export function pageRoutes(store: Store): Hono {
  const routes = new Hono();

  routes.get('/state', async () =>
    enveloped(await store.run((account, now) => ({ account, result: stateOf(account, now) }))),
  );

  routes.post('/rivals', async (context) => {
    const { pool: name, block } = checkBody(rivalBody, parseBody(await context.req.text()));
    const pool = requirePool(name);
    return enveloped(
      await store.run((account) => {
        const changed = seatTaken(account, pool, block);
        if (!changed) throw new Refusal(409, `Not enough seats: ${block} is sold out`);
        return { account: changed, result: { taken: true } };
      }),
    );
  });

  routes.get('/pay/:id', async (context) => {
    const id = context.req.param('id');
    const topUp = await store.run((account) => ({ account, result: stripeTopUp(account, id) }));
    if (topUp === undefined) return context.html(page('Unknown payment.'), 404);
    if (topUp.paid) return context.html(page('This payment is complete.'));
    return context.html(
      page(`Top-up of $${priceText(topUp.cents)}.`, html`<form method="post"><button>Pay</button></form>`),
    );
  });

  routes.post('/pay/:id', async (context) => {
    const id = context.req.param('id');
    const topUp = await store.run((account) => {
      const result = stripeTopUp(account, id);
      return { account: result === undefined || result.paid ? account : paid(account, result), result };
    });
    if (topUp === undefined) return context.html(page('Unknown payment.'), 404);
    return context.html(page('Paid. You can close this page.'));
  });

  routes.get('/card/:id', async (context) => {
    const id = context.req.param('id');
    const known = await store.run((account) => ({ account, result: account.setupIntents.includes(id) }));
    if (!known) return context.html(page('Unknown card form.'), 404);
    const form = html`<form method="post">
      <button name="card" value="good">Save a valid card</button>
      <button name="card" value="declining">Save a card that gets declined</button>
    </form>`;
    return context.html(page('Save a card in the sandbox.', form));
  });

  routes.post('/card/:id', async (context) => {
    const id = context.req.param('id');
    const declining = new URLSearchParams(await context.req.text()).get('card') === 'declining';
    const known = await store.run((account, now) => {
      if (!account.setupIntents.includes(id)) return { account, result: false };
      return { account: declining ? { ...account, card: 'declining' } : withGoodCard(account, now), result: true };
    });
    if (!known) return context.html(page('Unknown card form.'), 404);
    return context.html(page('The card is saved. You can close this page.'));
  });

  return routes;
}

function stripeTopUp(account: Account, id: string): Account['topUps'][number] | undefined {
  return account.topUps.find((topUp) => topUp.id === id && topUp.method === 'stripe');
}

function paid(account: Account, topUp: Account['topUps'][number]): Account {
  return {
    ...withCredit(account, topUp.cents),
    topUps: account.topUps.map((one) => (one === topUp ? { ...one, paid: true } : one)),
  };
}

/** Saves a card that pays, and renews subscriptions that are past due. Their period starts now. */
function withGoodCard(account: Account, now: number): Account {
  const overdue = account.subscriptions.filter(({ status }) => status === 'past_due');
  return overdue.reduce<Account>(
    (changed, subscription) => renew(changed, { ...subscription, anchor: now, paidPeriods: 0 }, now),
    { ...account, card: 'good' },
  );
}

function stateOf(account: Account, now: number) {
  return {
    now: timeText(now),
    card: account.card !== 'none',
    charges: account.charges.map(({ id, subscriptionId, cents, at, reason }) => ({
      id,
      subscriptionId,
      amount: priceText(cents),
      at: timeText(at),
      reason,
    })),
    subscriptions: account.subscriptions.map((subscription) => ({
      id: subscription.id,
      poolId: subscription.poolId,
      poolSlug: poolOf(subscription).slug,
      status: subscription.status,
      blocks: subscription.seats.map(({ block }) => block),
      monthlyPrice: priceText(subscription.monthlyCents),
      billingCycle: subscription.billingCycle,
      cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
      currentPeriodEnd: timeText(periodEnd(subscription)),
      createdAt: timeText(subscription.createdAt),
    })),
    keys: account.keys.map((key) => ({
      id: key.id,
      name: key.name,
      type: keyType(key),
      isActive: isActive(account, key),
      subscriptionId: key.subscriptionId,
      createdAt: timeText(key.createdAt),
    })),
    creditBalance: dollars(account.creditMicros),
  };
}

function page(text: string, form: ReturnType<typeof html> | '' = '') {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>CheapestInference sandbox</title>
<h1>CheapestInference sandbox</h1>
<p>${text} Nothing is charged.</p>
${form}
</html>`;
}
