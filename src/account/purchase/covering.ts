import type { Subscription } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import { hoursInWords, renewingSeats, reservedBlocks, reservedHours, willRenew } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { counted, inWords } from '../../output/text.ts';
import type { PoolSubscription } from '../subscriptions.ts';

/**
 * Returns the subscriptions that cover the blocks with enough seats and will renew; undefined if nothing is covered.
 *
 * @param mine - my subscriptions on the pool
 * @throws CommandError (unavailable) if only part is covered, or by subscriptions that won't renew; (unexpected_response) if the API
 *   doesn't say what a subscription holds
 */
export function findCovering(
  pool: string,
  mine: readonly Subscription[],
  blocks: readonly Block[],
  quantity: number,
): PoolSubscription[] | undefined {
  const held = renewingSeats(mine);
  const covered = blocks.filter((block) => (held.get(block) ?? 0) >= quantity);
  const partly = blocks.filter((block) => (held.get(block) ?? 0) > 0);
  if (covered.length === blocks.length) {
    return mine
      .filter((each) => willRenew(each) && blocks.some((block) => reservedBlocks(each).includes(block)))
      .map((each) => ({ ...each, poolSlug: pool }));
  }
  refuseUnstated(pool, mine);
  if (partly.length === 0) {
    refuseHeld(pool, mine, blocks);
    return undefined;
  }
  const have = partly.map((block) => `${counted(held.get(block) ?? 0, 'seat')} in ${block}`);
  const missing = blocks.filter((block) => !covered.includes(block));
  throw new CommandError(
    'unavailable',
    `partly covered already: you hold ${inWords(have)}, and asked for ${quantity} in each of ${inWords(blocks)}`,
    {
      hint: `Nothing was charged. Subscribe to what is missing: \`ci pools subscribe ${pool} --blocks ${missing.join(',')}\`.`,
      outcome: 'not_applied',
    },
  );
}

/** Refuses to guess what a subscription without hours holds: with each run, the same would be bought again. */
function refuseUnstated(pool: string, mine: readonly Subscription[]): void {
  const unstated = mine.find((each) => each.status !== 'canceled' && reservedHours(each).length === 0);
  if (!unstated) return;
  throw new CommandError('unexpected_response', `the API does not say which hours of ${pool} ${unstated.id} holds`, {
    hint: 'Nothing was charged, because --ensure must know what is covered. Without --ensure it is bought.',
    outcome: 'not_applied',
  });
}

/** Refuses blocks that are paid for but won't renew, or whose payment failed: they aren't covered, and weren't asked for twice. */
function refuseHeld(pool: string, mine: readonly Subscription[], blocks: readonly Block[]): void {
  const held = mine.find(
    (each) => each.status !== 'canceled' && blocks.some((block) => reservedBlocks(each).includes(block)),
  );
  if (!held) return;
  const why = held.status === 'past_due' ? 'its payment failed' : `it ends on ${held.currentPeriodEnd}`;
  throw new CommandError('unavailable', `you hold ${hoursInWords(held)} of ${pool} in ${held.id}, and ${why}`, {
    hint: 'Nothing was charged. Without --ensure it is bought a second time.',
    outcome: 'not_applied',
  });
}
