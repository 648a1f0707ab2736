import type { Pool, PoolBlock, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockNames, hoursOf, startHour, utcHours } from '../domain/blocks.ts';
import { counted } from '../domain/counted.ts';
import { occurrence } from '../domain/coverage.ts';
import { CommandError } from '../domain/errors.ts';
import { findByIdPrefix } from '../domain/id-prefix.ts';
import { formatUsd, parseUsd } from '../domain/money.ts';
import { nearest } from '../domain/nearest.ts';
import { estimatedPrice, exactPrice, type Price, type PricedHour } from '../domain/quote.ts';
import { inWords } from '../output/text.ts';
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

/** Returns the number of available seats for people: `8 seats left`; empty if it is unknown. */
export function seatsText(seats: number | undefined): string {
  if (seats === undefined) return '';
  return seats === 0 ? 'sold out' : `${counted(seats, 'seat')} left`;
}

/** Calls a function that works on a pool. If the pool doesn't exist, the error suggests similar names. */
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

/**
 * Returns a pool from the list, by slug, UUID, or the beginning of its UUID.
 *
 * @throws CommandError (not_found) with similar names; (usage) if several UUIDs begin with the text
 */
export function findPool(pools: readonly Pool[], name: string): Pool {
  const found =
    pools.find((pool) => pool.slug === name || pool.id === name) ??
    findByIdPrefix(pools, name, 'pools', (pool) => `${pool.id}  ${poolName(pool)}`);
  if (!found) throw noSuchPool(name, pools);
  return found;
}

function noSuchPool(name: string, pools: readonly Pool[], cause?: CommandError): CommandError {
  const near = nearest(name, pools.map(poolName)).slice(0, 3);
  const similar = near.length > 0 ? `Did you mean ${inWords(near, 'or')}? ` : '';
  const hint = `${similar}Run \`ci pools list\` to see all pools.`;
  return new CommandError('not_found', `Pool "${name}" doesn't exist`, { hint, status: cause?.status });
}

/** Returns a block as the list of pools has it; undefined if the list has none, as in older responses. */
export function listedBlock(pool: Pool, block: Block): PoolBlock | undefined {
  return pool.blocks?.find((each) => each.block === block) ?? undefined;
}

/** The reasons why a pool isn't open for subscriptions, by its status. */
const closedReasons = new Map([
  ['draft', 'not open yet'],
  ['funding', 'not open yet (funding)'],
  ['activating', 'not open yet (starting up)'],
  ['paused', 'paused'],
]);

/**
 * Returns why you can't subscribe to a pool now, as it follows "is": `paused`.
 *
 * @returns undefined if the pool is active, or the API doesn't state its status
 */
export function closedReason({ status }: Pool): string | undefined {
  if (status == null || status === 'active') return undefined;
  return closedReasons.get(status) ?? `not open for subscriptions (${status})`;
}

/** Returns whether a block has available seats, as the list of pools states it. */
export function blockState(pool: Pool, block: Block): 'available' | 'limited' | 'sold-out' | 'unknown' {
  const word = listedBlock(pool, block)?.status?.toLowerCase().replaceAll('_', '-');
  return word === 'available' || word === 'limited' || word === 'sold-out' ? word : 'unknown';
}

/** Returns whether a seat in a block can be bought now: the pool is active, and the list, or else its slots, show a seat. */
export function isOpen(pool: PoolDetail, block: Block): boolean {
  const state = blockState(pool, block);
  const open = state === 'unknown' ? (freeSeats(pool, block) ?? 0) > 0 : state !== 'sold-out';
  return closedReason(pool) === undefined && open;
}

/**
 * Returns how many seats of a block are available in all of its eight hours.
 *
 * @returns undefined if the response has no slots for the block
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

/** Returns how many seats are available in one hour. */
export function freeInHour(pool: PoolDetail, hour: number): number {
  return (pool.hourSlots ?? []).filter((slot) => slot.hour === hour && isFree(slot)).length;
}

/** Returns the monthly price of a block: exact if the list states it, else estimated from the slots. */
export function blockPrice(listed: Pool, detail: PoolDetail | undefined, block: Block): Price | undefined {
  const stated = listedBlock(listed, block)?.pricePerMonth;
  if (stated !== null && stated !== undefined) return exactPrice(parseUsd(stated));
  return estimatedPrice(block, pricedHours(detail));
}

/** Returns the priced hours of a pool, one for each seat and hour. */
export function pricedHours(detail: PoolDetail | undefined): PricedHour[] {
  return (detail?.hourSlots ?? []).flatMap(({ hour, pricePerDay }) =>
    pricePerDay === null || pricePerDay === undefined ? [] : [{ hour, price: parseUsd(pricePerDay) }],
  );
}

/** Returns whether the list of pools states the price of every block. */
export function hasListedPrices(pool: Pool, blocks: readonly Block[] = blockNames): boolean {
  return blocks.every((block) => listedBlock(pool, block)?.pricePerMonth != null);
}

/** Returns the hours of a block in UTC and in local time. The local hours are those of the current or next occurrence. */
export function blockHours(block: Block, now: Date, timeZone: string): string {
  return `${utcHours(block)} UTC, ${localHours(block, now, timeZone)} local`;
}

/** Returns the local hours of the current or next occurrence of a block: `13:30–21:30`. */
export function localHours(block: Block, now: Date, timeZone: string): string {
  const { from, to } = occurrence(startHour(block), now);
  return timeSpan(from, to, timeZone);
}

function isFree({ status }: { status?: string | null | undefined }): boolean {
  return status === 'available';
}
