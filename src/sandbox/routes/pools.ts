import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { etag } from 'hono/etag';
import { blockNames, hoursOf } from '../../domain/blocks.ts';
import type { Account } from '../account.ts';
import type { Pool } from '../catalogue.ts';
import { blockHours, findPool, lowestMonthlyCents, pools, slotCents, slotId } from '../catalogue.ts';
import { priceText } from '../money.ts';
import { enveloped, Refusal } from '../reply.ts';
import { freeSlots } from '../seats.ts';
import type { Store } from '../store.ts';

/** Hashes synchronously. The default is several times slower, because it starts a job for every response. */
const generateDigest = (body: Uint8Array) => new Uint8Array(createHash('sha1').update(body).digest()).buffer;

/** Number of available seats up to which a block is `limited`. */
const fewSeats = 3;

/** Routes `GET /api/pools` and `GET /api/pools/:id` (Unlimited Subscriptions, "List available plans", "Plan detail"). */
export function poolRoutes(store: Store): Hono {
  const routes = new Hono();
  routes.get('/', etag({ generateDigest }), async () =>
    enveloped(await store.run((account) => ({ account, result: listed(account) }))),
  );
  routes.get('/:id', async (context) => {
    const pool = requirePool(context.req.param('id'));
    return enveloped(await store.run((account) => ({ account, result: detailed(account, pool) })));
  });
  return routes;
}

/** Returns the pool with this UUID or slug. @throws Refusal (404) */
export function requirePool(idOrSlug: string): Pool {
  const pool = findPool(idOrSlug);
  if (pool === undefined) throw new Refusal(404, 'Pool not found');
  return pool;
}

function listed(account: Account) {
  return pools.map((pool) => ({
    ...documented(pool),
    models: [pool.modelId],
    infraSpec: pool.infraSpec,
    blocks: blockNames.map((block) => ({
      block,
      hoursUtc: blockHours(block),
      pricePerMonth: priceText(pool.monthlyCents[block]),
      status: availability(freeSlots(account, pool, block).length),
    })),
  }));
}

function detailed(account: Account, pool: Pool) {
  const free = new Map(blockNames.map((block) => [block, new Set(freeSlots(account, pool, block))]));
  const seats = Array.from({ length: pool.totalSlots }, (_, slotIndex) => slotIndex);
  const hourSlots = seats.flatMap((slotIndex) =>
    blockNames.flatMap((block) =>
      hoursOf(block).map((hour) => ({
        id: slotId(pool, hour, slotIndex),
        hour,
        slotIndex,
        pricePerDay: priceText(slotCents(pool, block)),
        status: free.get(block)?.has(slotIndex) ? 'available' : 'taken',
      })),
    ),
  );
  return { ...documented(pool), hourSlots };
}

function documented(pool: Pool) {
  return {
    id: pool.id,
    slug: pool.slug,
    modelId: pool.modelId,
    modelName: pool.modelName,
    description: `Dedicated ${pool.modelName} with unlimited usage.`,
    status: pool.status,
    totalSlots: pool.totalSlots,
    minPricePerDay: priceText(lowestMonthlyCents(pool)),
    manualProvisioning: pool.manualProvisioning,
    annualDiscount: pool.annualDiscountPercent / 100,
  };
}

function availability(freeSeats: number): 'available' | 'limited' | 'sold-out' {
  if (freeSeats === 0) return 'sold-out';
  return freeSeats <= fewSeats ? 'limited' : 'available';
}
