import type { Pool, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockAt, blockNames, utcHours } from '../domain/blocks.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import type { Choice } from '../prompts/question.ts';
import type { PoolCatalog } from './pool-catalog.ts';
import {
  blockPrice,
  blockState,
  findPool,
  freeSeats,
  hasListedPrices,
  localHours,
  poolName,
  priceText,
} from './pools.ts';

/** What asking for a pool or its blocks takes. */
type ChoosingContext = Pick<Context, 'connections' | 'prompts' | 'world'>;

/**
 * Returns the name of a pool as typed, or lets the user pick one.
 *
 * @throws CommandError (usage) for an empty name; (input_required) if none was typed and nobody can be asked
 */
export async function choosePool(
  context: Pick<Context, 'prompts'>,
  typed: string | undefined,
  catalog: PoolCatalog,
): Promise<string> {
  if (typed !== undefined) return catalog.expand(checkedPool(typed));
  const missing = 'which pool? Name it: `ci pools list` shows them';
  context.prompts.requireSomebody(missing);
  return context.prompts.search('Which pool?', await poolChoices(context, await catalog.list()), missing);
}

/** Returns the name of a pool as typed. @throws CommandError (usage) if it is empty */
export function checkedPool(typed: string): string {
  if (typed.trim() === '') throw usageError('the name of the pool is empty', '`ci pools list` shows the pools.');
  return typed;
}

/** Returns the choices of a list of pools: model, state, lowest price, and available blocks. */
export async function poolChoices(
  { prompts }: Pick<Context, 'prompts'>,
  pools: readonly Pool[],
): Promise<Choice<string>[]> {
  const names = await prompts.rows([
    { cells: pools.map(poolName) },
    { cells: pools.map(({ modelName, modelId }) => modelName ?? modelId ?? ''), optional: 1 },
    { cells: pools.map(({ status }) => status ?? ''), optional: 3 },
    { cells: pools.map(({ minPricePerDay: price }) => (price == null ? '' : `from ${shownUsd(price)}`)), optional: 4 },
    { cells: pools.map(freeBlocks), optional: 2 },
  ]);
  return pools.map((pool, at) => ({ name: names[at] ?? '', value: poolName(pool), short: poolName(pool) }));
}

/** Returns which blocks of a pool have an available seat, in words; empty if the list doesn't say. */
function freeBlocks(pool: Pool): string {
  const states = blockNames.map((block) => [block, blockState(pool, block)] as const);
  if (states.every(([, state]) => state === 'unknown')) return '';
  const free = states.filter(([, state]) => state === 'available' || state === 'limited').map(([block]) => block);
  if (free.length === 0) return 'sold out';
  return free.length === blockNames.length ? 'all blocks free' : `free: ${free.join(', ')}`;
}

/**
 * Returns the blocks as typed, or lets the user pick some.
 *
 * @param pool - slug or UUID
 * @param onlyFree - whether a block without an available seat can't be picked
 * @throws CommandError (input_required) if none was typed and nobody can be asked; (unavailable) if none can be picked
 */
export async function chooseBlocks(
  context: ChoosingContext,
  pool: string,
  typed: readonly Block[] | undefined,
  { catalog, onlyFree }: { readonly catalog: PoolCatalog; readonly onlyFree: boolean },
): Promise<readonly Block[]> {
  if (typed) return typed;
  const { connections, prompts } = context;
  const missing = 'which blocks? Name them: --blocks asia,europe or --blocks all';
  prompts.requireSomebody(missing);
  const listed = findPool(await catalog.list(), pool);
  const detail = await catalog.detail(listed);
  const choices = await blockChoices(context, { listed, detail, now: await connections.now(), onlyFree });
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new CommandError('unavailable', `${poolName(listed)} is sold out`, {
      hint: 'Nothing was charged. `ci pools list --available` shows what is open.',
      outcome: 'not_applied',
    });
  }
  return prompts.pickSeveral('Which blocks?', choices, missing);
}

/**
 * Returns the choices of a pool's blocks: their hours, price, available seats, and which one is live.
 *
 * @param onlyFree - whether a block without an available seat can't be chosen
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
