import type { Pool, PoolDetail } from '../api/pools.ts';
import type { Context } from '../context/context.ts';
import { type Block, blockAt, blockNames, utcHours } from '../domain/blocks.ts';
import { usageError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';
import type { Choice } from '../prompts/question.ts';
import type { PoolCatalog } from './pool-catalog.ts';
import {
  blockPrice,
  blockState,
  closedReason,
  findPool,
  freeSeats,
  hasListedPrices,
  localHours,
  poolName,
  priceText,
  seatsText,
} from './pools.ts';
import { refuseClosed, SeatsUnavailable } from './purchase/availability.ts';

/** The parts of the context that choosing a pool or its blocks uses. */
type ChoosingContext = Pick<Context, 'connections' | 'prompts' | 'world'>;

/** Which pools or blocks to offer. */
interface ChoiceOptions {
  /** Whether to offer only what can be bought now. Everything else is shown with the reason. */
  readonly onlyAvailable: boolean;
}

/**
 * Returns the name of a pool as typed, or lets the user pick one.
 *
 * @throws CommandError (usage) for an empty name; (input_required) if none was typed and it can't prompt; (unavailable) if no
 *   pool can be picked
 */
export async function choosePool(
  context: Pick<Context, 'prompts'>,
  typed: string | undefined,
  catalog: PoolCatalog,
  options: ChoiceOptions = { onlyAvailable: false },
): Promise<string> {
  if (typed !== undefined) return catalog.expand(checkedPool(typed));
  const missing = "Can't ask for the pool without a terminal. Pass its slug. Run `ci pools list` to see the pools.";
  context.prompts.requirePrompt(missing);
  const choices = await poolChoices(context, await catalog.list(), options);
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new SeatsUnavailable('unavailable', 'No pool has seats available', {
      hint: 'Nothing was charged. Run `ci pools watch` to wait for a seat.',
      outcome: 'not_applied',
    });
  }
  return context.prompts.search('Pool:', choices, missing);
}

/** Returns the name of a pool as typed. @throws CommandError (usage) if it is empty */
export function checkedPool(typed: string): string {
  if (typed.trim() === '') throw usageError('The pool slug is empty', 'Run `ci pools list` to see the pools.');
  return typed;
}

/** Returns the choices for a list of pools: the model, the lowest price, and what is available. Every picker of pools shows these. */
export async function poolChoices(
  { prompts }: Pick<Context, 'prompts'>,
  pools: readonly Pool[],
  { onlyAvailable }: ChoiceOptions,
): Promise<Choice<string>[]> {
  const names = await prompts.rows([
    { cells: pools.map(poolName) },
    { cells: pools.map(({ modelName, modelId }) => modelName ?? modelId ?? ''), optional: 1 },
    { cells: pools.map(({ minPricePerDay: price }) => (price == null ? '' : `from ${shownUsd(price)}`)), optional: 2 },
    { cells: pools.map((pool) => unavailableReason(pool) ?? availableBlocks(pool)) },
  ]);
  return pools.map((pool, at) => {
    const reason = unavailableReason(pool);
    return {
      name: names[at] ?? '',
      value: poolName(pool),
      short: poolName(pool),
      dimmed: reason !== undefined,
      disabled: onlyAvailable ? reason : undefined,
    };
  });
}

/** Returns why no seat of a pool can be bought now; undefined if one can be, as far as the list states it. */
function unavailableReason(pool: Pool): string | undefined {
  const isSoldOut = blockNames.every((block) => blockState(pool, block) === 'sold-out');
  return closedReason(pool) ?? (isSoldOut ? 'sold out' : undefined);
}

/** Returns the blocks of a pool that have available seats, in words; empty if the list doesn't state them. */
function availableBlocks(pool: Pool): string {
  const states = blockNames.map((block) => [block, blockState(pool, block)] as const);
  const available = states.filter(([, state]) => state === 'available' || state === 'limited').map(([block]) => block);
  if (available.length === 0) return '';
  return available.length === blockNames.length ? 'all blocks available' : `${available.join(', ')} available`;
}

/**
 * Returns the blocks as typed, or lets the user pick some.
 *
 * @param pool - slug or UUID
 * @throws CommandError (input_required) if none was typed and it can't prompt; (unavailable) if none can be picked
 */
export async function chooseBlocks(
  context: ChoosingContext,
  pool: string,
  typed: readonly Block[] | undefined,
  { catalog, onlyAvailable }: ChoiceOptions & { readonly catalog: PoolCatalog },
): Promise<readonly Block[]> {
  if (typed) return typed;
  const { connections, prompts } = context;
  const missing =
    "Can't ask for the blocks without a terminal. Pass them, such as --blocks asia,europe or --blocks all.";
  prompts.requirePrompt(missing);
  const listed = findPool(await catalog.list(), pool);
  if (onlyAvailable) refuseClosed(listed);
  const detail = await catalog.detail(listed);
  const choices = await blockChoices(context, { listed, detail, now: await connections.now(), onlyAvailable });
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new SeatsUnavailable('unavailable', `${poolName(listed)} is sold out`, {
      hint: 'Nothing was charged. Run `ci pools list --available` to see what is available.',
      outcome: 'not_applied',
    });
  }
  return prompts.pickSeveral('Blocks:', choices, missing);
}

/** Returns the choices for the blocks of a pool: the hours, the price, the available seats, and which block is live. */
export async function blockChoices(
  { prompts, world: { timeZone } }: Pick<Context, 'prompts' | 'world'>,
  {
    listed,
    detail,
    now,
    onlyAvailable,
  }: ChoiceOptions & { readonly listed: Pool; readonly detail: PoolDetail; readonly now: Date },
): Promise<Choice<Block>[]> {
  const seats = (block: Block) => freeSeats(detail, block);
  const isSoldOut = (block: Block) => seats(block) === 0 || blockState(listed, block) === 'sold-out';
  const price = (block: Block) => blockPrice(hasListedPrices(listed, [block]) ? listed : detail, detail, block);
  const cells = (cell: (block: Block) => string) => blockNames.map(cell);
  const names = await prompts.rows([
    { cells: cells((block) => block) },
    { cells: cells((block) => `${utcHours(block)} UTC`), optional: 2 },
    { cells: cells((block) => `${localHours(block, now, timeZone)} local`) },
    { cells: cells((block) => priceText(price(block))), optional: 3 },
    { cells: cells((block) => (isSoldOut(block) ? 'sold out' : seatsText(seats(block)))), optional: 4 },
    { cells: cells((block) => (blockAt(now.getUTCHours()) === block ? 'live now' : '')), optional: 1 },
  ]);
  return blockNames.map((block, at) => ({
    name: names[at] ?? '',
    value: block,
    short: block,
    disabled: onlyAvailable && isSoldOut(block) ? 'sold out' : undefined,
  }));
}
