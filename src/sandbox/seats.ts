import type { Block } from '../domain/blocks.ts';
import { hoursOf } from '../domain/blocks.ts';
import type { Account, Seat } from './account.ts';
import type { Pool } from './catalogue.ts';
import { slotCents } from './catalogue.ts';
import { dropsOf, ownSlots } from './drops.ts';
import { priceText } from './money.ts';

/** Returns the slot indexes that are available in all hours of a block, lowest first. */
export function freeSlots(account: Account, pool: Pool, block: Block): number[] {
  const mine = ownSlots(account, pool, block);
  const drops = dropsOf(account, pool, block);
  const offered =
    drops.length > 0
      ? [...new Set(drops.flatMap(({ slots }) => slots))].sort((a, b) => a - b)
      : Array.from({ length: pool.totalSlots }, (_, slotIndex) => slotIndex).slice(pool.heldByOthers[block]);
  return offered.filter((slotIndex) => !mine.has(slotIndex));
}

/** Returns the `hours` of a subscription, in the format of the API. */
export function seatHours(pool: Pool, seats: Seat[]): { hour: number; slotIndex: number; pricePerDay: string }[] {
  return seats.flatMap(({ block, slotIndex }) =>
    hoursOf(block).map((hour) => ({ hour, slotIndex, pricePerDay: priceText(slotCents(pool, block)) })),
  );
}
