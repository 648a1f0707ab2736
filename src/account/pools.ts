import type { Pool, PoolBlock, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockNames, hoursOf, startHour, utcHours } from '../domain/blocks.ts';
import { occurrence } from '../domain/coverage.ts';
import { CommandError } from '../domain/errors.ts';
import { findByIdPrefix } from '../domain/id-prefix.ts';
import { formatUsd, parseUsd } from '../domain/money.ts';
import { nearest } from '../domain/nearest.ts';
import { estimatedPrice, exactPrice, type Price, type PricedHour } from '../domain/quote.ts';
import { timeSpan } from '../output/time.ts';

/** The fields of a pool in the list. */
export const poolFields = [
  'id',
  'slug',
  'modelId',
  'modelName',
  'description',
  'status',
  'totalSlots',
  'minPricePerDay',
  'manualProvisioning',
  'annualDiscount',
  'models',
  'infraSpec',
  'blocks',
] as const;

/** Returns the name of a pool: its slug if it has one. */
export function poolName(pool: Pool): string {
  return pool.slug ?? pool.id;
}

/** Returns a price for people: `$49.00`, or `about $49.04` for an estimate; empty without a price. */
export function priceText(price: Price | undefined): string {
  return price ? `${price.exact ? '' : 'about '}${formatUsd(price.cents)}` : '';
}

/** Does something with a pool. The error for an unknown name suggests the nearest ones. */
export async function withPool<Result>(
  context: Pick<Context, 'api'>,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'not_found') throw error;
    const pools = await (await context.api()).pools.list().catch(() => []);
    throw noSuchPool(name, pools, error);
  }
}

/** Returns a pool of a list, by slug, UUID, or the beginning of its UUID. @throws CommandError (not_found) with the nearest names; (usage) */
export function findPool(pools: readonly Pool[], name: string): Pool {
  const found =
    pools.find((pool) => pool.slug === name || pool.id === name) ??
    findByIdPrefix(pools, name, 'pools', (pool) => `${pool.id}  ${poolName(pool)}`);
  if (!found) throw noSuchPool(name, pools);
  return found;
}

function noSuchPool(name: string, pools: readonly Pool[], cause?: CommandError): CommandError {
  const near = nearest(name, pools.map(poolName)).slice(0, 3);
  const hint = `${near.length > 0 ? `The nearest: ${near.join(', ')}. ` : ''}\`ci pools list\` shows them all.`;
  return new CommandError('not_found', `there is no pool "${name}"`, { hint, status: cause?.status });
}

/** A pool's block as the list has it; older answers have none. */
export function listedBlock(pool: Pool, block: Block): PoolBlock | undefined {
  return pool.blocks?.find((each) => each.block === block) ?? undefined;
}

/** Whether a seat of a block is free, as far as the list tells. */
export function blockState(pool: Pool, block: Block): 'available' | 'limited' | 'sold-out' | 'unknown' {
  const word = listedBlock(pool, block)?.status?.toLowerCase().replaceAll('_', '-');
  return word === 'available' || word === 'limited' || word === 'sold-out' ? word : 'unknown';
}

/** Whether a pool can be subscribed to now and the block has a seat free, by the list or else by its slots. */
export function isOpen(pool: PoolDetail, block: Block): boolean {
  const state = blockState(pool, block);
  const open = state === 'unknown' ? (freeSeats(pool, block) ?? 0) > 0 : state !== 'sold-out';
  return pool.status === 'active' && open;
}

/**
 * How many seats of a block are free: each for all of its eight hours.
 *
 * @returns undefined when the answer has no slots for the block
 */
export function freeSeats(pool: PoolDetail, block: Block): number | undefined {
  const hours = hoursOf(block);
  const slots = (pool.hourSlots ?? []).filter(({ hour }) => hours.includes(hour));
  if (slots.length === 0) return undefined;
  const free = slots.filter(isFree);
  return [...new Set(free.map(({ slotIndex }) => slotIndex))].filter((seat) =>
    hours.every((hour) => free.some((slot) => slot.slotIndex === seat && slot.hour === hour)),
  ).length;
}

/** How many seats are free in one hour. */
export function freeInHour(pool: PoolDetail, hour: number): number {
  return (pool.hourSlots ?? []).filter((slot) => slot.hour === hour && isFree(slot)).length;
}

/** The monthly price of a block: exact where the list states it, else estimated from the slots. */
export function blockPrice(listed: Pool, detail: PoolDetail | undefined, block: Block): Price | undefined {
  const stated = listedBlock(listed, block)?.pricePerMonth;
  if (stated !== null && stated !== undefined) return exactPrice(parseUsd(stated));
  return estimatedPrice(block, pricedHours(detail));
}

/** Returns the priced hours of a pool, one entry per seat and hour. */
export function pricedHours(detail: PoolDetail | undefined): PricedHour[] {
  return (detail?.hourSlots ?? []).flatMap(({ hour, pricePerDay }) =>
    pricePerDay === null || pricePerDay === undefined ? [] : [{ hour, price: parseUsd(pricePerDay) }],
  );
}

/** Whether each of some blocks has its price in the list itself. */
export function hasListedPrices(pool: Pool, blocks: readonly Block[] = blockNames): boolean {
  return blocks.every((block) => listedBlock(pool, block)?.pricePerMonth != null);
}

/** When a block runs: in UTC, and by the local clock for the occurrence that runs now or comes next. */
export function blockHours(block: Block, now: Date, timeZone: string): string {
  return `${utcHours(block)} UTC, ${localHours(block, now, timeZone)} local`;
}

/** When the occurrence of a block that runs now or comes next does so by the local clock: `13:30–21:30`. */
export function localHours(block: Block, now: Date, timeZone: string): string {
  const { from, to } = occurrence(startHour(block), now);
  return timeSpan(from, to, timeZone);
}

function isFree({ status }: { status?: string | null | undefined }): boolean {
  return status === 'available';
}
