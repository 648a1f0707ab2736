import { checkedPool } from '../account/choose-pool.ts';
import { blockHours } from '../account/pools.ts';
import type { PaymentCatalog } from '../api/agent.ts';
import type { Context } from '../context/context.ts';
import { type Block, isBlock } from '../domain/blocks.ts';
import { CommandError } from '../domain/errors.ts';
import { usdcText } from '../domain/payment.ts';
import { grouped } from '../output/text.ts';

/** The parts of the context that choosing uses. */
type ChoosingContext = Pick<Context, 'connections' | 'prompts' | 'world'>;

/**
 * Returns the pool as typed, or lets the user pick one that can be bought with USDC.
 *
 * @throws CommandError (usage) for an empty name; (input_required); (unavailable) if there is none
 */
export async function choosePaidPool(
  { prompts }: Pick<Context, 'prompts'>,
  typed: string | undefined,
  catalog: () => Promise<PaymentCatalog>,
): Promise<string> {
  if (typed !== undefined) return checkedPool(typed);
  const missing = "Can't ask for the pool without a terminal. Pass its slug. Run `ci agent plans` to see the pools";
  prompts.requirePrompt(missing);
  const products = (await catalog()).products.filter(({ type }) => type !== 'credits');
  const choices = products.flatMap(({ pool, name }) =>
    pool == null ? [] : [{ name: name == null ? pool : `${pool}  ${name}`, value: pool, short: pool }],
  );
  if (choices.length === 0) {
    throw new CommandError('unavailable', "You can't buy a subscription with USDC at the moment", {
      hint: 'Nothing was paid. Run `ci agent plans` to see what you can buy.',
      outcome: 'not_applied',
    });
  }
  return prompts.search('Pool:', choices, missing);
}

/** Returns the blocks as typed, or lets the user pick some of a pool. @throws CommandError (input_required), (unavailable) */
export async function choosePaidBlocks(
  { connections, prompts, world: { timeZone } }: ChoosingContext,
  pool: string,
  typed: readonly Block[] | undefined,
  catalog: () => Promise<PaymentCatalog>,
): Promise<readonly Block[]> {
  if (typed) return typed;
  const missing =
    "Can't ask for the blocks without a terminal. Pass them, such as --blocks asia,europe or --blocks all";
  prompts.requirePrompt(missing);
  const product = (await catalog()).products.find((each) => each.pool === pool);
  const now = await connections.now();
  const choices = (product?.blocks ?? []).flatMap(({ block, priceUsdc, availableSeats }) => {
    if (!isBlock(block)) return [];
    const seats =
      availableSeats === 0 ? 'sold out' : availableSeats == null ? '' : `${grouped(availableSeats)} seats left`;
    const name = [block.padEnd(8), usdcText(priceUsdc), blockHours(block, now, timeZone), seats]
      .filter(Boolean)
      .join('  ');
    return [{ name, value: block, short: block, disabled: availableSeats === 0 ? 'sold out' : undefined }];
  });
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new CommandError('unavailable', `${pool} has no blocks that you can buy with USDC`, {
      hint: 'Nothing was paid. Run `ci agent plans` to see what you can buy.',
      outcome: 'not_applied',
    });
  }
  return prompts.pickSeveral('Blocks:', choices, missing);
}
