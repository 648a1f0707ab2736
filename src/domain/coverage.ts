import { type Block, hoursOf, hoursPerBlock, wholeBlocks } from './blocks.ts';

/** What is needed of a subscription to know which hours it holds. */
export interface HeldHours {
  /** `active`, `pending_key`, `past_due` or `canceled`. */
  readonly status?: string | null | undefined;
  readonly cancelAtPeriodEnd?: boolean | null | undefined;
  readonly hours?:
    | readonly { readonly hour: number; readonly slotIndex?: number | null | undefined }[]
    | null
    | undefined;
}

/** The UTC hours (0–23) that a subscription holds, each once, in order. */
export function hoursHeld(subscription: HeldHours): number[] {
  return [...new Set((subscription.hours ?? []).map(({ hour }) => hour))].sort((a, b) => a - b);
}

/** The whole blocks that a subscription holds. */
export function blocksHeld(subscription: HeldHours): Block[] {
  return wholeBlocks(hoursHeld(subscription));
}

/** What a subscription holds, in words: its blocks, or the hours one by one when they make no whole blocks. */
export function hoursInWords(subscription: HeldHours): string {
  const blocks = blocksHeld(subscription);
  const hours = hoursHeld(subscription);
  return blocks.length * hoursPerBlock === hours.length ? blocks.join(',') : hours.map((hour) => `${hour}h`).join(',');
}

/** Whether a key of the subscription answers at this moment: it is active and the UTC hour is one of its own. */
export function isLive(subscription: HeldHours, now: Date): boolean {
  return subscription.status === 'active' && hoursHeld(subscription).includes(now.getUTCHours());
}

/**
 * The moment at which a subscription goes live next; `now` when it is live already.
 *
 * @returns undefined when it holds no hour or is not active
 */
export function nextLive(subscription: HeldHours, now: Date): Date | undefined {
  if (subscription.status !== 'active') return undefined;
  if (isLive(subscription, now)) return now;
  const starts = hoursHeld(subscription).map((hour) => {
    const start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour);
    return start > now.getTime() ? start : start + 24 * 3_600_000;
  });
  return starts.length > 0 ? new Date(Math.min(...starts)) : undefined;
}

/** The first and last moment of a block's occurrence that is running at `now` or comes next. */
export function occurrence(start: number, now: Date): { from: Date; to: Date } {
  const length = hoursPerBlock * 3_600_000;
  let from = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), start);
  if (from + length <= now.getTime()) from += 24 * 3_600_000;
  return { from: new Date(from), to: new Date(from + length) };
}

/** How many seats in each block are mine to stay: paid, and not ending with the period. */
export function seatsHeld(subscriptions: Iterable<HeldHours>): Map<Block, number> {
  const seats = new Map<Block, number>();
  for (const subscription of subscriptions) {
    if (!staysMine(subscription)) continue;
    for (const block of blocksHeld(subscription)) {
      seats.set(block, (seats.get(block) ?? 0) + seatsOf(subscription, block));
    }
  }
  return seats;
}

/** How many seats a subscription has in a block: one where it holds it, unless it lists each hour with several slots. */
export function seatsOf({ hours }: HeldHours, block: Block): number {
  const slots = hoursOf(block).map(
    (hour) => new Set((hours ?? []).filter((each) => each.hour === hour).map(({ slotIndex }) => slotIndex)).size,
  );
  return Math.min(...slots);
}

/** Whether a subscription is paid for (its key may still be on the way) and will renew. */
export function staysMine({ status, cancelAtPeriodEnd }: HeldHours): boolean {
  return (status === 'active' || status === 'pending_key') && cancelAtPeriodEnd !== true;
}
