import { type Block, blockNames, hoursOf } from './blocks.ts';
import { usageError } from './errors.ts';

/** A person's working hours in local time, in minutes since midnight. For a night shift, `to` is smaller than `from`. */
export interface WorkingHours {
  readonly from: number;
  readonly to: number;
}

const minutesPerDay = 24 * 60;

/**
 * Parses working hours: `9-17`, `9:30–18`, `9am-5pm`, `22 to 6`.
 *
 * @throws CommandError (usage)
 */
export function parseWorkingHours(text: string): WorkingHours {
  const [from, to, ...others] = text.trim().split(/\s*(?:[-‐-―−]|\bto\b)\s*/i);
  const start = minutesOf(from);
  const end = minutesOf(to);
  if (start === undefined || end === undefined || others.length > 0 || start === minutesPerDay || start === end) {
    throw usageError(
      `"${text}" is not a valid time range`,
      'Use hours in your local time, such as 9-17, 9:30-18 or 9am-5pm.',
    );
  }
  return { from: start, to: end % minutesPerDay };
}

/** Returns a time of day in minutes since midnight; undefined if it isn't one. */
function minutesOf(text = ''): number | undefined {
  const [whole, hours, minutes = '0', half] = /^(\d{1,2})(?:[:.]?([0-5]\d))?\s*(?:([ap])\.?m\.?)?$/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const hour = Number(hours);
  if (half !== undefined && (hour < 1 || hour > 12)) return undefined;
  const since = half === undefined ? hour : (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  const time = since * 60 + Number(minutes);
  return time <= minutesPerDay ? time : undefined;
}

/**
 * Returns how many of today's working hours are in a block.
 *
 * @param now - decides which day it is, and so whether daylight saving time applies
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

/** Returns how many hours long the working hours are. */
export function hoursWorked({ from, to }: WorkingHours): number {
  return ((to - from + minutesPerDay) % minutesPerDay || minutesPerDay) / 60;
}

/** Suggests blocks for some working hours: as few as cover three quarters of them. */
export function suggestedBlocks(work: WorkingHours, now: Date, timeZone: string): Block[] {
  const within = new Map(blockNames.map((block) => [block, hoursWithin(block, work, now, timeZone)]));
  const byHours = blockNames.toSorted((a, b) => (within.get(b) ?? 0) - (within.get(a) ?? 0));
  const chosen: Block[] = [];
  let covered = 0;
  for (const block of byHours) {
    if (covered >= hoursWorked(work) * 0.75) break;
    chosen.push(block);
    covered += within.get(block) ?? 0;
  }
  return blockNames.filter((block) => chosen.includes(block));
}

function isWork(minute: number, { from, to }: WorkingHours): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
