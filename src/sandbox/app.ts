import { Hono } from 'hono';
import { requireManagementKey } from './authorization.ts';
import { errorReply } from './errors.ts';
import { Refusal } from './reply.ts';
import { agentRoutes } from './routes/agent.ts';
import { anthropicRoutes } from './routes/anthropic.ts';
import { billingRoutes } from './routes/billing.ts';
import { faucetRoutes } from './routes/faucet.ts';
import { keyRoutes } from './routes/keys.ts';
import { legacyRoutes } from './routes/legacy.ts';
import { openaiRoutes } from './routes/openai.ts';
import { pageRoutes } from './routes/pages.ts';
import { poolRoutes } from './routes/pools.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { ownUsageRoutes, usageRoutes } from './routes/usage.ts';
import { Running } from './running.ts';
import type { Store } from './store.ts';
import type { RpcUrl } from './transactions.ts';

/** The requests to the Management API that need no key. */
const publicRequests =
  /^(?:(?:GET|HEAD) \/api\/(?:plans|agent\/plans|pools|pools\/[^/]+)|POST \/api\/agent\/(?:subscribe-pool|topup))$/;

/** What the routes depend on. */
interface AppOptions {
  /** Returns the URL of the server, once it listens. */
  readonly address: () => string;
  /** Waits between two chunks of a stream. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Absent: the sandbox takes no payments on a chain. */
  readonly rpcUrl?: RpcUrl | undefined;
}

/** Creates the routes of the sandbox. */
export function sandboxApp(store: Store, { address, pause, rpcUrl }: AppOptions): Hono {
  const running = new Running();
  const app = new Hono();

  app.use(async (context, next) => {
    await next();
    context.header('Date', new Date(await sandboxTime(store)).toUTCString());
  });
  app.use('/api/*', async (context, next) => {
    const { method, path } = context.req;
    if (!publicRequests.test(`${method} ${path}`)) requireManagementKey(context.req.header('Authorization'));
    await next();
  });

  app.route('/api/pools', poolRoutes(store));
  app.route('/api/pools', subscriptionRoutes(store));
  app.route('/api/keys', keyRoutes(store));
  app.route('/api/billing', billingRoutes(store, address, rpcUrl));
  app.route('/api/usage', usageRoutes(store));
  app.route('/api/agent', agentRoutes(store, address, rpcUrl));
  app.route('/api', legacyRoutes(store));
  app.route('/v1', ownUsageRoutes(store));
  app.route('/v1', openaiRoutes(store, address, running, pause));
  app.route('/anthropic/v1', anthropicRoutes(store, address, running, pause));
  app.route('/sandbox', pageRoutes(store));
  app.route('/sandbox', faucetRoutes(rpcUrl));

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
