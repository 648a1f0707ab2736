import { type Block, hoursOf, hoursPerBlock, wholeBlocks } from './blocks.ts';

/** The parts of a subscription that tell which hours it reserves. */
export interface SubscriptionHours {
  /** `active`, `pending_key`, `past_due` or `canceled`. */
  readonly status?: string | null | undefined;
  readonly cancelAtPeriodEnd?: boolean | null | undefined;
  readonly hours?:
    | readonly { readonly hour: number; readonly slotIndex?: number | null | undefined }[]
    | null
    | undefined;
}

/** Returns an active subscription that reserves some UTC hours (0–23). */
export function activeHours(hours: readonly number[]): SubscriptionHours {
  return { status: 'active', hours: hours.map((hour) => ({ hour })) };
}

/** Returns the UTC hours (0–23) that a subscription reserves, each once, in order. */
export function reservedHours(subscription: SubscriptionHours): number[] {
  return [...new Set((subscription.hours ?? []).map(({ hour }) => hour))].sort((a, b) => a - b);
}

/** Returns the whole blocks that a subscription reserves. */
export function reservedBlocks(subscription: SubscriptionHours): Block[] {
  return wholeBlocks(reservedHours(subscription));
}

/** Returns what a subscription reserves: the names of its blocks, or its hours if they aren't whole blocks. */
export function hourNames(subscription: SubscriptionHours): readonly string[] {
  const blocks = reservedBlocks(subscription);
  const hours = reservedHours(subscription);
  return blocks.length * hoursPerBlock === hours.length ? blocks : hours.map((hour) => `${hour}h`);
}

/** Formats what a subscription reserves: `asia,europe`, as options take it. */
export function hoursInWords(subscription: SubscriptionHours): string {
  return hourNames(subscription).join(',');
}

/** Returns whether the keys of a subscription work at this moment: it is active, and the UTC hour is one of its hours. */
export function isLive(subscription: SubscriptionHours, now: Date): boolean {
  return subscription.status === 'active' && reservedHours(subscription).includes(now.getUTCHours());
}

/**
 * Returns when the keys of a subscription work next; `now` if they work already.
 *
 * @returns undefined if the subscription has no hours or isn't active
 */
export function nextLive(subscription: SubscriptionHours, now: Date): Date | undefined {
  if (subscription.status !== 'active') return undefined;
  if (isLive(subscription, now)) return now;
  const starts = reservedHours(subscription).map((hour) => {
    const start = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), hour);
    return start > now.getTime() ? start : start + 24 * 3_600_000;
  });
  return starts.length > 0 ? new Date(Math.min(...starts)) : undefined;
}

/** Returns the start and end of a block: of the current one, if `now` is in it, or else of the next one. */
export function occurrence(start: number, now: Date): { from: Date; to: Date } {
  const length = hoursPerBlock * 3_600_000;
  let from = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), start);
  if (from + length <= now.getTime()) from += 24 * 3_600_000;
  return { from: new Date(from), to: new Date(from + length) };
}

/** Returns how many seats in each block belong to subscriptions that are paid for and will renew. */
export function renewingSeats(subscriptions: Iterable<SubscriptionHours>): Map<Block, number> {
  const seats = new Map<Block, number>();
  for (const subscription of subscriptions) {
    if (!willRenew(subscription)) continue;
    for (const block of reservedBlocks(subscription)) {
      seats.set(block, (seats.get(block) ?? 0) + seatsOf(subscription, block));
    }
  }
  return seats;
}

/** Returns how many seats a subscription has in a block. That is one, unless it lists several slots for each hour. */
export function seatsOf(subscription: SubscriptionHours, block: Block): number {
  return Math.min(...hoursOf(block).map((hour) => slotsAt(subscription, hour)));
}

/** Returns how many slots a subscription has at a UTC hour (0–23). */
export function slotsAt({ hours }: SubscriptionHours, hour: number): number {
  return new Set((hours ?? []).filter((each) => each.hour === hour).map(({ slotIndex }) => slotIndex)).size;
}

/** Returns whether a subscription is paid for (its key may not be delivered yet) and will renew. */
export function willRenew({ status, cancelAtPeriodEnd }: SubscriptionHours): boolean {
  return (status === 'active' || status === 'pending_key') && cancelAtPeriodEnd !== true;
}
