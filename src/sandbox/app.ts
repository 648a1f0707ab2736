import { Hono } from 'hono';
import { requireManagementKey } from './authorization.ts';
import { errorReply } from './errors.ts';
import { json, Refusal } from './reply.ts';
import { anthropicRoutes } from './routes/anthropic.ts';
import { billingRoutes } from './routes/billing.ts';
import { keyRoutes } from './routes/keys.ts';
import { legacyRoutes } from './routes/legacy.ts';
import { openaiRoutes } from './routes/openai.ts';
import { pageRoutes } from './routes/pages.ts';
import { poolRoutes } from './routes/pools.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { ownUsageRoutes, usageRoutes } from './routes/usage.ts';
import { Running } from './running.ts';
import type { Store } from './store.ts';
import { paymentCatalog } from './x402.ts';

/** Paths of the Management API that need no key. */
const publicPaths = /^\/api\/(plans|agent\/plans|pools|pools\/[^/]+)$/;

/**
 * Creates the routes of the sandbox.
 *
 * @param address - returns the URL of the server, once it listens
 * @param pause - waits between two chunks of a stream
 */
export function sandboxApp(store: Store, address: () => string, pause: (milliseconds: number) => Promise<void>): Hono {
  const running = new Running();
  const app = new Hono();

  app.use(async (context, next) => {
    await next();
    context.header('Date', new Date(await sandboxTime(store)).toUTCString());
  });
  app.use('/api/*', async (context, next) => {
    const isPublic = /^(GET|HEAD)$/.test(context.req.method) && publicPaths.test(context.req.path);
    if (!isPublic) requireManagementKey(context.req.header('Authorization'));
    await next();
  });

  app.route('/api/pools', poolRoutes(store));
  app.route('/api/pools', subscriptionRoutes(store));
  app.route('/api/keys', keyRoutes(store));
  app.route('/api/billing', billingRoutes(store, address));
  app.route('/api/usage', usageRoutes(store));
  app.get('/api/agent/plans', async () => json(await paymentCatalog(store, address())));
  app.route('/api', legacyRoutes(store));
  app.route('/v1', ownUsageRoutes(store));
  app.route('/v1', openaiRoutes(store, address, running, pause));
  app.route('/anthropic/v1', anthropicRoutes(store, address, running, pause));
  app.route('/sandbox', pageRoutes(store));

  app.notFound((context) => errorReply(context.req.path, new Refusal(404, 'Not found')));
  app.onError((error, context) => errorReply(context.req.path, error));
  return app;
}

/** Returns the sandbox's time, or this machine's if the state can't be read. The response itself reports that. */
async function sandboxTime(store: Store): Promise<number> {
  try {
    return await store.run((account, now) => ({ account, result: now }));
  } catch {
    return store.now();
  }
}
