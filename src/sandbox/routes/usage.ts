import { Hono } from 'hono';
import type { Account, Key } from '../account.ts';
import { bearerToken } from '../authorization.ts';
import { hour, timeText } from '../calendar.ts';
import { isActive, keyPlan, keyType, subscriptionOf } from '../keys.ts';
import { budgetPeriod, usagePeriods } from '../metering.ts';
import { dollars } from '../money.ts';
import { enveloped, json, Refusal } from '../reply.ts';
import { periodEnd } from '../settle.ts';
import type { Store } from '../store.ts';

const callsAllowed = 12;
const callsWindow = 12 * hour;

/** Routes `GET /api/usage` and `GET /api/usage/:keyId` (Usage). */
export function usageRoutes(store: Store): Hono {
  const routes = new Hono();

  routes.get('/', async () =>
    enveloped(
      await store.run((account, now) => {
        const recent = account.usageCalls.filter((at) => at > now - callsWindow);
        const [oldest] = recent;
        if (oldest !== undefined && recent.length >= callsAllowed) {
          throw new Refusal(429, 'Rate limit exceeded: 12 requests per 12 hours', {
            retryAfter: Math.ceil((oldest + callsWindow - now) / 1000),
          });
        }
        return {
          account: { ...account, usageCalls: [...recent, now] },
          result: account.keys.map((key) => keyUsage(account, key, now)).reverse(),
        };
      }),
    ),
  );

  routes.get('/:keyId', async (context) => {
    const id = context.req.param('keyId');
    return enveloped(
      await store.run((account, now) => {
        const key = account.keys.find((one) => one.id === id);
        if (key === undefined) throw new Refusal(404, 'Key not found');
        return { account, result: keyUsage(account, key, now) };
      }),
    );
  });

  return routes;
}

/** Routes `GET /v1/usage`, the usage of an API key itself (Usage). The response has no envelope. */
export function ownUsageRoutes(store: Store): Hono {
  const routes = new Hono();
  routes.get('/usage', async (context) => {
    const secret = bearerToken(context.req.header('Authorization'));
    return json(
      await store.run((account, now) => {
        const key = account.keys.find(({ apiKey }) => apiKey === secret);
        if (key === undefined)
          throw new Refusal(401, 'Missing, invalid, or unrecognized API key', { code: 'invalid_api_key' });
        if (!isActive(account, key)) throw new Refusal(403, 'This key is deactivated', { code: 'key_deactivated' });
        return { account, result: ownUsage(account, key, now) };
      }),
    );
  });
  return routes;
}

function keyUsage(account: Account, key: Key, now: number) {
  const subscription = subscriptionOf(account, key);
  return {
    id: key.id,
    name: key.name,
    type: keyType(key),
    plan: keyPlan(account, key),
    isActive: isActive(account, key),
    usage: usagePeriods(key, now),
    ...(subscription !== undefined && {
      subscription: { status: subscription.status, expiresAt: timeText(periodEnd(subscription)) },
    }),
    createdAt: timeText(key.createdAt),
  };
}

function ownUsage(account: Account, key: Key, now: number) {
  const subscription = subscriptionOf(account, key);
  const { spentMicros, resetsAt } = budgetPeriod(key, now);
  const limited = key.budgetMicros !== null;
  return {
    budget: {
      spent: dollars(spentMicros),
      limit: key.budgetMicros === null ? null : dollars(key.budgetMicros),
      duration: limited ? '30d' : null,
      resets_at: limited ? timeText(resetsAt) : null,
    },
    rate_limits: { rpm: key.rpm, tpm: key.tpm },
    plan: {
      slug: subscription === undefined ? null : keyPlan(account, key),
      status: 'active',
      expires_at: subscription === undefined ? null : timeText(periodEnd(subscription)),
    },
    credits: { balance: dollars(account.creditMicros) },
    key: { name: key.name, type: keyType(key), created_at: timeText(key.createdAt) },
  };
}
