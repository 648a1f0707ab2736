import type { Pool } from '../../api/pools.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import { blockState, closedReason, poolName } from '../pools.ts';
import type { PricedPurchase } from './price.ts';

/** Reports that seats can't be bought now. They may become available later. */
export class SeatsUnavailable extends CommandError {}

/** Refuses a purchase of seats that aren't available, as far as the API states it. @throws SeatsUnavailable */
export function checkAvailable({ pool, blocks, free, quote }: PricedPurchase): void {
  refuseClosed(pool);
  const soldOut = blocks.filter((block) => free.get(block) === 0 || blockState(pool, block) === 'sold-out');
  if (soldOut.length > 0) {
    throw new SeatsUnavailable('unavailable', `${poolName(pool)} is sold out in ${inWords(soldOut)}`, {
      hint: 'Nothing was charged. Run `ci pools list --available` to see what is available.',
      outcome: 'not_applied',
    });
  }
  const short = blocks.find((block) => (free.get(block) ?? quote.quantity) < quote.quantity);
  if (short) {
    const seats = counted(free.get(short) ?? 0, 'seat');
    throw new SeatsUnavailable(
      'unavailable',
      `${poolName(pool)} has only ${seats} left in ${short}, but you asked for ${quote.quantity}`,
      { hint: 'Nothing was charged. Choose fewer seats or other blocks.', outcome: 'not_applied' },
    );
  }
}

/** Refuses a purchase from a pool that isn't open for subscriptions. @throws SeatsUnavailable */
export function refuseClosed(pool: Pool): void {
  const reason = closedReason(pool);
  if (reason === undefined) return;
  throw new SeatsUnavailable('unavailable', `${poolName(pool)} is ${reason}`, {
    hint: 'Nothing was charged. Run `ci pools list --available` to see what is available.',
    outcome: 'not_applied',
  });
}
