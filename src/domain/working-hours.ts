import { type Block, blockNames, hoursOf } from './blocks.ts';
import { usageError } from './errors.ts';

/** When a person works, by the local clock: minutes since midnight. `to` may be smaller than `from`: the night shift. */
export interface WorkingHours {
  readonly from: number;
  readonly to: number;
}

const minutesPerDay = 24 * 60;

/**
 * Reads working hours as typed: `9-17`, `9:30-18`, `22–6`.
 *
 * @throws CommandError (usage)
 */
export function parseWorkingHours(text: string): WorkingHours {
  const [, fromHour, fromMinute = '0', toHour, toMinute = '0'] =
    /^(\d{1,2})(?::([0-5]\d))?\s*(?:-|–|to)\s*(\d{1,2})(?::([0-5]\d))?$/.exec(text.trim()) ?? [];
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const to = Number(toHour) * 60 + Number(toMinute);
  if (!(from < minutesPerDay && to <= minutesPerDay && from !== to)) {
    throw usageError(`"${text}" are no working hours`, 'Write them by your own clock: 9-17, 9:30-18 or 22-6.');
  }
  return { from, to: to % minutesPerDay };
}

/**
 * How many of the working hours lie in a block, today.
 *
 * @param now - decides which day it is, and with it whether it is summer time
 * @param timeZone - IANA name
 */
export function hoursWithin(block: Block, work: WorkingHours, now: Date, timeZone: string): number {
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const local = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
  let quarters = 0;
  for (const hour of hoursOf(block)) {
    for (const minute of [0, 15, 30, 45]) {
      const [hours = '', minutes = ''] = local.format(new Date(midnight + (hour * 60 + minute) * 60_000)).split(':');
      if (isWork(Number(hours) * 60 + Number(minutes), work)) quarters++;
    }
  }
  return quarters / 4;
}

/** How many hours a day are worked. */
export function hoursWorked({ from, to }: WorkingHours): number {
  return ((to - from + minutesPerDay) % minutesPerDay || minutesPerDay) / 60;
}

/** The blocks to reserve for some working hours: as few as hold three quarters of them. */
export function suggestedBlocks(work: WorkingHours, now: Date, timeZone: string): Block[] {
  const within = new Map(blockNames.map((block) => [block, hoursWithin(block, work, now, timeZone)]));
  const byHours = blockNames.toSorted((a, b) => (within.get(b) ?? 0) - (within.get(a) ?? 0));
  const chosen: Block[] = [];
  let held = 0;
  for (const block of byHours) {
    if (held >= hoursWorked(work) * 0.75) break;
    chosen.push(block);
    held += within.get(block) ?? 0;
  }
  return blockNames.filter((block) => chosen.includes(block));
}

function isWork(minute: number, { from, to }: WorkingHours): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
