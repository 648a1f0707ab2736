import type { Block } from '../domain/blocks.ts';
import type { Account, Drop } from './account.ts';
import type { Pool } from './catalogue.ts';
import { poolOf } from './catalogue.ts';

/** An event that changes which seats are available. */
interface DropEvent {
  at: number;
  apply: (account: Account) => Account;
}

/** Returns the drops of a block. If there are any, the block has no other seats. */
export function dropsOf(account: Account, pool: Pool, block: Block): Drop[] {
  return (account.drops ?? []).filter((drop) => drop.poolId === pool.id && drop.block === block);
}

/** Returns the slot indexes of the account's own seats. */
export function ownSlots(account: Account, pool: Pool, block: Block): Set<number> {
  return new Set(
    account.subscriptions
      .filter(({ poolId, status }) => poolId === pool.id && status !== 'canceled')
      .flatMap(({ seats }) => seats.filter((seat) => seat.block === block).map(({ slotIndex }) => slotIndex)),
  );
}

/** Returns the next event of any drop. */
export function nextEvent({ drops = [] }: Account): DropEvent | undefined {
  let first: DropEvent | undefined;
  for (const [index, drop] of drops.entries()) {
    const next = eventOf(drop, index);
    if (next && (first === undefined || next.at < first.at)) first = next;
  }
  return first;
}

/** Lets a rival take an available seat. @returns undefined if none is available */
export function seatTaken(account: Account, pool: Pool, block: Block): Account | undefined {
  const index = (account.drops ?? []).findIndex(
    (drop) => drop.poolId === pool.id && drop.block === block && freeOf(account, drop).length > 0,
  );
  return index < 0 ? undefined : withSeatTaken(account, index);
}

/** Returns the next event of a drop: it opens, a rival takes a seat, or it closes. Rivals come at regular intervals. */
function eventOf(drop: Drop, index: number): DropEvent | undefined {
  const { opensAt, closesAt, rivals, rivalsSeen, phase } = drop;
  if (phase === 'over') return undefined;
  if (phase === 'due') return { at: opensAt, apply: (account) => opened(account, drop, index) };
  if (rivalsSeen === rivals) {
    return { at: closesAt, apply: (account) => withDrop(account, index, { ...drop, phase: 'over', slots: [] }) };
  }
  const at = opensAt + Math.floor(((closesAt - opensAt) * (rivalsSeen + 1)) / (rivals + 1));
  return {
    at,
    apply: (account) => withSeatTaken(withDrop(account, index, { ...drop, rivalsSeen: rivalsSeen + 1 }), index),
  };
}

/** Opens a drop. Its seats have the highest slot indexes that are neither the account's nor available already. */
function opened(account: Account, drop: Drop, index: number): Account {
  const pool = poolOf(drop);
  const kept = new Set(dropsOf(account, pool, drop.block).flatMap(({ slots }) => slots));
  for (const slot of ownSlots(account, pool, drop.block)) kept.add(slot);
  const slots = Array.from({ length: pool.totalSlots }, (_, slot) => slot).filter((slot) => !kept.has(slot));
  return withDrop(account, index, { ...drop, phase: 'open', slots: slots.slice(-drop.seats) });
}

function withSeatTaken(account: Account, index: number): Account {
  const drop = account.drops?.[index];
  if (!drop) return account;
  const [slot] = freeOf(account, drop);
  return withDrop(account, index, { ...drop, slots: drop.slots.filter((each) => each !== slot) });
}

/** Returns the slot indexes of a drop that are still available. */
export function freeOf(account: Account, drop: Drop): number[] {
  const mine = ownSlots(account, poolOf(drop), drop.block);
  return drop.slots.filter((slot) => !mine.has(slot));
}

function withDrop(account: Account, index: number, changed: Drop): Account {
  return { ...account, drops: (account.drops ?? []).map((drop, at) => (at === index ? changed : drop)) };
}
