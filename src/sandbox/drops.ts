import type { Block } from '../domain/blocks.ts';
import type { Account, Drop } from './account.ts';
import type { Pool } from './catalogue.ts';
import { poolOf } from './catalogue.ts';

/** Something that happens to the seats on offer. */
interface Happening {
  at: number;
  apply: (account: Account) => Account;
}

/** The drops of a block: where there is one, the block has no other seats than theirs. */
export function dropsOf(account: Account, pool: Pool, block: Block): Drop[] {
  return (account.drops ?? []).filter((drop) => drop.poolId === pool.id && drop.block === block);
}

/** The slot indexes that an account's own seats take. */
export function ownSlots(account: Account, pool: Pool, block: Block): Set<number> {
  return new Set(
    account.subscriptions
      .filter(({ poolId, status }) => poolId === pool.id && status !== 'canceled')
      .flatMap(({ seats }) => seats.filter((seat) => seat.block === block).map(({ slotIndex }) => slotIndex)),
  );
}

/** The first thing that happens to the seats on offer. */
export function nextHappening({ drops = [] }: Account): Happening | undefined {
  let first: Happening | undefined;
  for (const [index, drop] of drops.entries()) {
    const next = happening(drop, index);
    if (next && (first === undefined || next.at < first.at)) first = next;
  }
  return first;
}

/** Has somebody else take a free seat that is on offer. @returns undefined when there is none */
export function taken(account: Account, pool: Pool, block: Block): Account | undefined {
  const index = (account.drops ?? []).findIndex(
    (drop) => drop.poolId === pool.id && drop.block === block && freeOf(account, drop).length > 0,
  );
  return index < 0 ? undefined : withSeatTaken(account, index);
}

/** The rivals come evenly spread over the time, and each takes a seat where there is one. */
function happening(drop: Drop, index: number): Happening | undefined {
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

/** The seats on offer are the highest that are not the account's own: those that others leave, and not on offer already. */
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

/** The slot indexes on offer in a drop that nobody took. */
export function freeOf(account: Account, drop: Drop): number[] {
  const mine = ownSlots(account, poolOf(drop), drop.block);
  return drop.slots.filter((slot) => !mine.has(slot));
}

function withDrop(account: Account, index: number, changed: Drop): Account {
  return { ...account, drops: (account.drops ?? []).map((drop, at) => (at === index ? changed : drop)) };
}
