import { Hono } from 'hono';
import * as z from 'zod/mini';
import type { Account, Key, Subscription } from '../account.ts';
import { timeText } from '../calendar.ts';
import { isActive, keyPlan, keyType, newKey, subscriptionOf } from '../keys.ts';
import { dollars, microsOf } from '../money.ts';
import { body, checkBody, enveloped, parseBody, Refusal } from '../reply.ts';
import { periodEnd } from '../settle.ts';
import type { Change, Store } from '../store.ts';

const nameMessage = 'name must be a non-empty string';
const nameField = z.string(nameMessage).check(z.refine((name) => name.trim() !== '', nameMessage));

const subscriptionKeyBody = body({
  name: z.optional(nameField),
  subscriptionId: z.optional(z.string('subscriptionId must be a string')),
});

const creditKeyBody = body({
  name: nameField,
  maxBudget: positive('maxBudget'),
  rpm: positive('rpm'),
  tpm: positive('tpm'),
});

/** Routes `/api/keys` (Management API, "create keys and assign them to a subscription", "Credit keys", "List all consumption keys"). */
export function keyRoutes(store: Store): Hono {
  const routes = new Hono();

  routes.get('/', async () =>
    enveloped(
      await store.run((account) => ({
        account,
        result: account.keys.map((key) => listedKey(account, key)).reverse(),
      })),
    ),
  );

  routes.post('/subscription', async (context) => {
    const order = checkBody(subscriptionKeyBody, parseBody(await context.req.text()));
    return enveloped(
      await store.run((account, now) => {
        const { id } = keyedSubscription(account, order.subscriptionId);
        return withKey(account, newKey({ name: order.name ?? 'default', subscriptionId: id }, now));
      }),
    );
  });

  routes.post('/credit', async (context) => {
    const { name, maxBudget, rpm, tpm } = checkBody(creditKeyBody, parseBody(await context.req.text()));
    const budgetMicros = maxBudget === undefined ? null : microsOf(maxBudget);
    return enveloped(
      await store.run((account, now) =>
        withKey(account, newKey({ name, subscriptionId: null, budgetMicros, rpm: rpm ?? null, tpm: tpm ?? null }, now)),
      ),
    );
  });

  routes.delete('/:id', async (context) => {
    const id = context.req.param('id');
    return enveloped(
      await store.run((account) => {
        const keys = account.keys.filter((key) => key.id !== id);
        if (keys.length === account.keys.length) throw new Refusal(404, 'Key not found');
        return { account: { ...account, keys }, result: { deleted: true } };
      }),
    );
  });

  return routes;
}

/** Returns the subscription of a new key: the given one, or the most recent active one. */
function keyedSubscription(account: Account, id: string | undefined): Subscription {
  if (id === undefined) {
    const latest = account.subscriptions.findLast(({ status }) => status === 'active');
    if (latest === undefined) throw new Refusal(400, 'You need an active pool subscription to create keys');
    return latest;
  }
  const subscription = account.subscriptions.find((one) => one.id === id);
  if (subscription === undefined) throw new Refusal(404, 'Subscription not found');
  if (subscription.status !== 'active') {
    throw new Refusal(400, `You need an active pool subscription to create keys; this one is ${subscription.status}`);
  }
  return subscription;
}

function withKey(account: Account, key: Key): Change<{ id: string; name: string; apiKey: string }> {
  const { id, name, apiKey } = key;
  return { account: { ...account, keys: [...account.keys, key] }, result: { id, name, apiKey } };
}

function listedKey(account: Account, key: Key) {
  const subscription = subscriptionOf(account, key);
  return {
    id: key.id,
    name: key.name,
    apiKey: key.apiKey,
    keyPlan: keyPlan(account, key),
    keyType: keyType(key),
    isActive: isActive(account, key),
    ...(subscription === undefined
      ? {
          maxBudget: key.budgetMicros === null ? null : dollars(key.budgetMicros),
          rpm: key.rpm,
          tpm: key.tpm,
        }
      : {
          subscriptionId: subscription.id,
          subscriptionStatus: subscription.status,
          subscriptionExpiresAt: timeText(periodEnd(subscription)),
        }),
    createdAt: timeText(key.createdAt),
    lastUsedAt: key.lastUsedAt === null ? null : timeText(key.lastUsedAt),
  };
}

function positive(field: string) {
  const message = `${field} must be a positive number`;
  return z.optional(z.number(message).check(z.positive(message)));
}
