import { Hono } from 'hono';
import * as z from 'zod/mini';
import { body, checkBody, enveloped, json, parseBody, Refusal } from '../reply.ts';
import { withSubscription } from '../settle.ts';
import type { Store } from '../store.ts';

const cancelBody = body({ subscriptionId: z.string('subscriptionId must be a string') });

/** Routes the retired flat plans (Management API, "Deprecated"). */
export function legacyRoutes(store: Store): Hono {
  const routes = new Hono();
  // An empty list without the envelope, as in the Usage document.
  routes.get('/plans', () => json([]));
  routes.post('/billing/subscribe', () => retired());
  routes.post('/billing/checkout', () => retired());
  routes.post('/billing/cancel', async (context) => {
    const { subscriptionId } = checkBody(cancelBody, parseBody(await context.req.text()));
    return enveloped(
      await store.run((account) => {
        const one = account.subscriptions.find(({ id, status }) => id === subscriptionId && status !== 'canceled');
        if (one === undefined) throw new Refusal(404, 'Subscription not found');
        return { account: withSubscription(account, { ...one, cancelAtPeriodEnd: true }), result: { canceled: true } };
      }),
    );
  });
  return routes;
}

function retired(): never {
  throw new Refusal(410, 'Flat plans are retired; subscribe to a pool instead');
}
