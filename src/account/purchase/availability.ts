import { CommandError } from '../../domain/errors.ts';
import { counted, inWords } from '../../output/text.ts';
import { blockState, poolName } from '../pools.ts';
import type { PricedPurchase } from './price.ts';

/** Refuses a purchase that the listed availability rules out. @throws CommandError (unavailable) */
export function checkAvailable({ pool, blocks, free, quote }: PricedPurchase): void {
  const short = blocks.find((block) => (free.get(block) ?? quote.quantity) < quote.quantity && free.get(block) !== 0);
  if (short) {
    const seats = counted(free.get(short) ?? 0, 'seat');
    throw new CommandError(
      'unavailable',
      `${poolName(pool)} has ${seats} free in ${short}, and you asked for ${quote.quantity}`,
      {
        hint: 'Nothing was charged. Take fewer seats, or other blocks.',
        outcome: 'not_applied',
      },
    );
  }
  const soldOut = blocks.filter((block) => blockState(pool, block) === 'sold-out');
  if (pool.status === 'paused' || soldOut.length > 0) {
    const what = pool.status === 'paused' ? 'is paused' : `is sold out in ${inWords(soldOut)}`;
    throw new CommandError('unavailable', `${poolName(pool)} ${what}`, {
      hint: 'Nothing was charged. `ci pools list --available` shows what is open.',
      outcome: 'not_applied',
    });
  }
}
