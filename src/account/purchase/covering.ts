import type { Subscription } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import { counted } from '../../domain/counted.ts';
import { hourNames, renewingSeats, reservedBlocks, reservedHours, willRenew } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { inWords } from '../../output/text.ts';
import { day } from '../../output/time.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { commandOptions } from './command-options.ts';

/**
 * Returns the subscriptions that cover the blocks with enough seats and will renew; undefined if nothing is covered.
 *
 * @param existing - the user's subscriptions on the pool
 * @throws CommandError (unavailable) if only part is covered, or if the covering subscriptions won't renew; (unexpected_response) if
 *   the API doesn't state the hours of a subscription
 */
export function findCovering(
  pool: string,
  existing: readonly Subscription[],
  blocks: readonly Block[],
  quantity: number,
): PoolSubscription[] | undefined {
  const seats = renewingSeats(existing);
  const covered = blocks.filter((block) => (seats.get(block) ?? 0) >= quantity);
  const partly = blocks.filter((block) => (seats.get(block) ?? 0) > 0);
  if (covered.length === blocks.length) {
    return existing
      .filter((each) => willRenew(each) && blocks.some((block) => reservedBlocks(each).includes(block)))
      .map((each) => ({ ...each, poolSlug: pool }));
  }
  refuseUnstated(pool, existing);
  if (partly.length === 0) {
    refuseEnding(pool, existing, blocks);
    return undefined;
  }
  const have = partly.map((block) => `${counted(seats.get(block) ?? 0, 'seat')} in ${block}`);
  throw new CommandError(
    'unavailable',
    `You already have ${inWords(have)}, but asked for ${counted(quantity, 'seat')} in ${inWords(blocks)}`,
    {
      hint: `Nothing was charged. Run ${inWords(commandsFor(pool, blocks, (block) => quantity - (seats.get(block) ?? 0)))} to add the missing seats.`,
      outcome: 'not_applied',
    },
  );
}

/** Returns the commands that buy the missing seats, one for all blocks that miss the same number. @param missing - the number, by block */
function commandsFor(pool: string, blocks: readonly Block[], missing: (block: Block) => number): string[] {
  const quantities = [...new Set(blocks.map(missing))].filter((quantity) => quantity > 0);
  return quantities.map((quantity) => {
    const names = blocks.filter((block) => missing(block) === quantity).join(',');
    const command = ['ci pools subscribe', shellWord(pool), `--blocks ${names}`, ...commandOptions({ quantity })];
    return `\`${command.join(' ')}\``;
  });
}

/** Refuses to guess the hours of a subscription: a wrong guess would buy the same blocks again with every run. */
function refuseUnstated(pool: string, existing: readonly Subscription[]): void {
  const unstated = existing.find((each) => each.status !== 'canceled' && reservedHours(each).length === 0);
  if (!unstated) return;
  throw new CommandError(
    'unexpected_response',
    `The API didn't return the hours of subscription ${unstated.id} on ${pool}`,
    {
      hint: 'Nothing was charged, because --ensure needs to know what is covered. Run the command without --ensure to buy.',
      outcome: 'not_applied',
    },
  );
}

/** Refuses blocks that the account has, but that won't renew or have a failed payment: `--ensure` must not buy them twice. */
function refuseEnding(pool: string, existing: readonly Subscription[], blocks: readonly Block[]): void {
  const subscription = existing.find(
    (each) => each.status !== 'canceled' && blocks.some((block) => reservedBlocks(each).includes(block)),
  );
  if (!subscription) return;
  const why = subscription.status === 'past_due' ? 'has a failed payment' : endsText(subscription);
  const message = `Subscription ${subscription.id} on ${pool} covers ${hourNames(subscription).join(', ')}, but ${why}`;
  throw new CommandError('unavailable', message, {
    hint: 'Nothing was charged. Run the command without --ensure to buy a second subscription.',
    outcome: 'not_applied',
  });
}

function endsText({ currentPeriodEnd }: Subscription): string {
  const end = day(new Date(currentPeriodEnd ?? ''), 'UTC');
  return end === '' ? "won't renew" : `ends on ${end}`;
}
