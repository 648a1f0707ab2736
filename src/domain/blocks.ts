/**
 * The three 8-hour time blocks of a day, in UTC.
 *
 * Source: Unlimited Subscriptions API, "Time blocks": asia 00:00–07:59, europe 08:00–15:59, americas 16:00–23:59.
 */
export const blockNames = ['asia', 'europe', 'americas'] as const;

/** The name of a time block, as the API spells it. */
export type Block = (typeof blockNames)[number];

/** The number of hours in a block. */
export const hoursPerBlock = 8;

/** Returns whether a word is the name of a block. */
export function isBlock(word: string): word is Block {
  return blockNames.some((name) => name === word);
}

/** Returns the UTC hour (0, 8 or 16) at which a block starts. */
export function startHour(block: Block): number {
  return blockNames.indexOf(block) * hoursPerBlock;
}

/** Returns the eight UTC hours (0–23) of a block, in order. */
export function hoursOf(block: Block): number[] {
  return Array.from({ length: hoursPerBlock }, (_, index) => startHour(block) + index);
}

/**
 * Returns the block that contains an hour.
 *
 * @param hour - UTC hour, a whole number from 0 to 23
 * @throws RangeError if it isn't
 */
export function blockAt(hour: number): Block {
  const block = Number.isInteger(hour) ? blockNames[Math.floor(hour / hoursPerBlock)] : undefined;
  if (block === undefined) throw new RangeError(`${hour} is not an hour of the day`);
  return block;
}

/** Returns the blocks that a set of UTC hours covers completely, in the order of the day. */
export function wholeBlocks(hours: Iterable<number>): Block[] {
  const covered = new Set(hours);
  return blockNames.filter((block) => hoursOf(block).every((hour) => covered.has(hour)));
}

/** Formats the hours of a block in UTC: `00:00–08:00`. */
export function utcHours(block: Block): string {
  const start = startHour(block);
  return `${clockTime(start)}–${clockTime(start + hoursPerBlock)}`;
}

function clockTime(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}
