import { createHash } from 'node:crypto';
import type { Block } from '../domain/blocks.ts';
import { blockNames, hoursPerBlock, startHour } from '../domain/blocks.ts';
import { halfUp } from './money.ts';

/** A pool as CheapestInference offers it. Which seats are available also depends on the account; see `seats.ts`. */
export interface Pool {
  readonly id: string;
  readonly slug: string;
  readonly modelId: string;
  readonly modelName: string;
  readonly status: 'funding' | 'activating' | 'active' | 'paused';
  readonly totalSlots: number;
  readonly manualProvisioning: boolean;
  /** Discount for yearly billing, in whole percent. */
  readonly annualDiscountPercent: number;
  readonly infraSpec: string;
  /** Cents per month and seat. */
  readonly monthlyCents: Readonly<Record<Block, number>>;
  /** Number of seats of other customers, which have the lowest slot indexes. */
  readonly heldByOthers: Readonly<Record<Block, number>>;
}

/** The prices in the Management API document: $39, $49 and $45 per month. */
const documentedPrices = { asia: 3900, europe: 4900, americas: 4500 } as const;

/** The pools of the sandbox. The first has the model that the closing example of the Management API document uses. */
export const pools: readonly Pool[] = [
  {
    id: '6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601',
    slug: 'kimi26',
    modelId: 'kimi-k2.6',
    modelName: 'Kimi K2.6',
    status: 'active',
    totalSlots: 10,
    manualProvisioning: false,
    annualDiscountPercent: 15,
    infraSpec: '8x NVIDIA B200',
    monthlyCents: documentedPrices,
    heldByOthers: { asia: 3, europe: 2, americas: 4 },
  },
  {
    id: '2f9e7a14-83bc-4d6e-a05b-7c1d9e4f3302',
    slug: 'minimax-m3',
    modelId: 'MiniMax-M3',
    modelName: 'MiniMax M3',
    status: 'active',
    totalSlots: 10,
    manualProvisioning: false,
    annualDiscountPercent: 15,
    infraSpec: '8x NVIDIA H200',
    monthlyCents: documentedPrices,
    heldByOthers: { asia: 8, europe: 3, americas: 10 },
  },
  {
    id: 'c47a0b95-1e62-4f38-8b7d-5d3e6f9a0503',
    slug: 'glm5',
    modelId: 'glm-5',
    modelName: 'GLM 5',
    status: 'active',
    totalSlots: 8,
    manualProvisioning: true,
    annualDiscountPercent: 15,
    infraSpec: '8x NVIDIA H200',
    monthlyCents: { asia: 4900, europe: 5900, americas: 5500 },
    heldByOthers: { asia: 1, europe: 2, americas: 0 },
  },
  {
    id: '91d5e2f7-6a3c-4b80-b14f-3e8c7d2b0404',
    slug: 'deepseek-v4',
    modelId: 'deepseek-v4',
    modelName: 'DeepSeek V4',
    status: 'funding',
    totalSlots: 12,
    manualProvisioning: false,
    annualDiscountPercent: 15,
    infraSpec: '16x NVIDIA H200',
    monthlyCents: { asia: 5900, europe: 6900, americas: 6500 },
    heldByOthers: { asia: 2, europe: 4, americas: 3 },
  },
  {
    id: 'e8b36d40-2c91-4a7f-9e53-1b6f8a0d3505',
    slug: 'qwen35',
    modelId: 'qwen3.5',
    modelName: 'Qwen 3.5',
    status: 'paused',
    totalSlots: 6,
    manualProvisioning: false,
    annualDiscountPercent: 15,
    infraSpec: '4x NVIDIA H200',
    monthlyCents: { asia: 2900, europe: 3900, americas: 3500 },
    heldByOthers: { asia: 1, europe: 1, americas: 1 },
  },
];

/** Returns the pool with this UUID or slug. */
export function findPool(idOrSlug: string): Pool | undefined {
  return pools.find((pool) => pool.id === idOrSlug.toLowerCase() || pool.slug === idOrSlug);
}

/** Returns the pool of a record of the account. @throws Error if it doesn't exist */
export function poolOf(record: { poolId: string }): Pool {
  const pool = pools.find(({ id }) => id === record.poolId);
  if (pool === undefined) throw new Error(`The sandbox has no pool ${record.poolId}`);
  return pool;
}

/** Returns a slot's `pricePerDay` in cents: the block's monthly price spread over its 8 hours (Unlimited Subscriptions, "Plan detail"). */
export function slotCents(pool: Pool, block: Block): number {
  return halfUp(pool.monthlyCents[block], hoursPerBlock);
}

/** Returns the hours of a block in UTC, as the API writes them: `08:00-16:00`. */
export function blockHours(block: Block): string {
  return [startHour(block), startHour(block) + hoursPerBlock]
    .map((hour) => `${String(hour).padStart(2, '0')}:00`)
    .join('-');
}

/** Returns the lowest monthly price of a block, in cents, which the API calls `minPricePerDay`. */
export function lowestMonthlyCents(pool: Pool): number {
  return Math.min(...blockNames.map((block) => pool.monthlyCents[block]));
}

/**
 * Returns the price of a period, in cents. A year is paid up front: monthlyPrice × 12 × (1 − annualDiscount), rounded half up
 * (Unlimited Subscriptions, "Subscribe").
 */
export function periodCents(pool: Pool, monthlyCents: number, cycle: 'month' | 'year'): number {
  return cycle === 'month' ? monthlyCents : halfUp(monthlyCents * 12 * (100 - pool.annualDiscountPercent), 100);
}

const slotIds = new Map<string, string>();

/** Returns the UUID of an hour of a seat, which never changes. */
export function slotId(pool: Pool, hour: number, slotIndex: number): string {
  const slot = `${pool.id} ${hour} ${slotIndex}`;
  const known = slotIds.get(slot);
  if (known !== undefined) return known;
  const hex = createHash('sha256').update(slot).digest('hex');
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  slotIds.set(slot, id);
  return id;
}
