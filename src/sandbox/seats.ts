import type { Block } from '../domain/blocks.ts';
import { hoursOf } from '../domain/blocks.ts';
import type { Account, Seat } from './account.ts';
import type { Pool } from './catalogue.ts';
import { slotCents } from './catalogue.ts';
import { priceText } from './money.ts';

/** The slot indexes of a pool that are free through the whole of a block, lowest first. */
export function freeSlots(account: Account, pool: Pool, block: Block): number[] {
  const mine = new Set(
    account.subscriptions
      .filter(({ poolId, status }) => poolId === pool.id && status !== 'canceled')
      .flatMap(({ seats }) => seats.filter((seat) => seat.block === block).map(({ slotIndex }) => slotIndex)),
  );
  return Array.from({ length: pool.totalSlots }, (_, slotIndex) => slotIndex).filter(
    (slotIndex) => slotIndex >= pool.heldByOthers[block] && !mine.has(slotIndex),
  );
}

/** A subscription's `hours` as the documents write them. */
export function seatHours(pool: Pool, seats: Seat[]): { hour: number; slotIndex: number; pricePerDay: string }[] {
  return seats.flatMap(({ block, slotIndex }) =>
    hoursOf(block).map((hour) => ({ hour, slotIndex, pricePerDay: priceText(slotCents(pool, block)) })),
  );
}
