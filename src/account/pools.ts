import type { Pool, PoolBlock, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockAt, blockNames, hoursOf, startHour, utcHours } from '../domain/blocks.ts';
import { occurrence } from '../domain/coverage.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { formatUsd, parseUsd, shownUsd } from '../domain/money.ts';
import { nearest } from '../domain/nearest.ts';
import { estimatedPrice, exactPrice, type Price, type PricedHour } from '../domain/quote.ts';
import { timeSpan } from '../output/time.ts';
import type { Choice } from '../prompts/question.ts';

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

/** What the user calls a pool: its slug, where it has one. */
export function poolName(pool: Pool): string {
  return pool.slug ?? pool.id;
}

/**
 * A pool's name as typed, or picked from the list.
 *
 * @throws CommandError (usage) for an empty name; (input_required) when none was typed and nobody can be asked
 */
export async function chosenPool(context: Context, typed: string | undefined): Promise<string> {
  if (typed === undefined) {
    const missing = 'which pool? Name it: `ci pools list` shows them';
    context.prompts.requireSomebody(missing);
    const pools = await (await context.api()).pools.list();
    return context.prompts.search('Which pool?', await poolChoices(context, pools), missing);
  }
  return checkedPool(typed);
}

/** @throws CommandError (usage) for an empty name */
export function checkedPool(typed: string): string {
  if (typed.trim() === '') throw usageError('the name of the pool is empty', '`ci pools list` shows the pools.');
  return typed;
}

/** Pools to choose from: model, state, lowest price, and what is free. */
export async function poolChoices({ prompts }: Context, pools: readonly Pool[]): Promise<Choice<string>[]> {
  const names = await prompts.rows([
    { cells: pools.map(poolName) },
    { cells: pools.map(({ modelName, modelId }) => modelName ?? modelId ?? ''), optional: 1 },
    { cells: pools.map(({ status }) => status ?? ''), optional: 3 },
    { cells: pools.map(({ minPricePerDay: price }) => (price == null ? '' : `from ${shownUsd(price)}`)), optional: 4 },
    { cells: pools.map(freeBlocks), optional: 2 },
  ]);
  return pools.map((pool, at) => ({ name: names[at] ?? '', value: poolName(pool), short: poolName(pool) }));
}

/** Which blocks of a pool have a seat free, in words; nothing when the list does not tell. */
function freeBlocks(pool: Pool): string {
  const states = blockNames.map((block) => [block, blockState(pool, block)] as const);
  if (states.every(([, state]) => state === 'unknown')) return '';
  const free = states.filter(([, state]) => state === 'available' || state === 'limited').map(([block]) => block);
  if (free.length === 0) return 'sold out';
  return free.length === blockNames.length ? 'all blocks free' : `free: ${free.join(', ')}`;
}

/**
 * Blocks to choose from: their hours, what each costs and has free, and which is live.
 *
 * @param onlyFree - whether a block without a free seat cannot be chosen
 */
export async function blockChoices(
  { prompts, world: { timeZone } }: Pick<Context, 'prompts' | 'world'>,
  { listed, detail, now, onlyFree }: { listed: Pool; detail: PoolDetail; now: Date; onlyFree: boolean },
): Promise<Choice<Block>[]> {
  const left = (block: Block) => freeSeats(detail, block);
  const soldOut = (block: Block) => left(block) === 0 || blockState(listed, block) === 'sold-out';
  const price = (block: Block) => blockPrice(hasListedPrices(listed, [block]) ? listed : detail, detail, block);
  const cells = (cell: (block: Block) => string) => blockNames.map(cell);
  const names = await prompts.rows([
    { cells: cells((block) => block) },
    { cells: cells((block) => `${utcHours(block)} UTC`), optional: 1 },
    { cells: cells((block) => `${localHours(block, now, timeZone)} local`) },
    { cells: cells((block) => priceText(price(block))), optional: 2 },
    { cells: cells((block) => (soldOut(block) ? 'sold out' : left(block) ? `${left(block)} free` : '')), optional: 3 },
    { cells: cells((block) => (blockAt(now.getUTCHours()) === block ? 'live now' : '')), optional: 4 },
  ]);
  return blockNames.map((block, at) => ({
    name: names[at] ?? '',
    value: block,
    short: block,
    disabled: onlyFree && soldOut(block) ? 'it is sold out' : undefined,
  }));
}

/** A price for people: `$49.00`, or `about $49.04` of an estimate; nothing for none. */
export function priceText(price: Price | undefined): string {
  return price ? `${price.exact ? '' : 'about '}${formatUsd(price.cents)}` : '';
}

/** Does something with a pool; when there is none of that name, the error names the nearest. */
export async function withPool<Result>(context: Context, name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'not_found') throw error;
    const pools = await (await context.api()).pools.list().catch(() => []);
    throw noSuchPool(name, pools, error);
  }
}

/** A pool of a list, by slug or UUID. @throws CommandError (not_found) that names the nearest */
export function findPool(pools: readonly Pool[], name: string): Pool {
  const found = pools.find((pool) => pool.slug === name || pool.id === name);
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
