/**
 * The three 8-hour time blocks of a day, in UTC.
 *
 * Source: Unlimited Subscriptions API, "Time blocks": asia 00:00–07:59, europe 08:00–15:59, americas 16:00–23:59.
 */
export const blockNames = ['asia', 'europe', 'americas'] as const;

/** A time block's name as the API spells it. */
export type Block = (typeof blockNames)[number];

/** How many hours a block has. */
export const hoursPerBlock = 8;

/** Whether a word is the name of a block. */
export function isBlock(word: string): word is Block {
  return blockNames.some((name) => name === word);
}

/** The UTC hour (0, 8 or 16) at which a block begins. */
export function startHour(block: Block): number {
  return blockNames.indexOf(block) * hoursPerBlock;
}

/** The eight UTC hours (0–23) of a block, in order. */
export function hoursOf(block: Block): number[] {
  return Array.from({ length: hoursPerBlock }, (_, index) => startHour(block) + index);
}

/**
 * The block that an hour lies in.
 *
 * @param hour - UTC hour, a whole number from 0 to 23
 * @throws RangeError when the hour is none of a day's
 */
export function blockAt(hour: number): Block {
  const block = Number.isInteger(hour) ? blockNames[Math.floor(hour / hoursPerBlock)] : undefined;
  if (block === undefined) throw new RangeError(`${hour} is no hour of a day`);
  return block;
}

/** The blocks that a set of UTC hours covers whole, in the day's order. */
export function wholeBlocks(hours: Iterable<number>): Block[] {
  const held = new Set(hours);
  return blockNames.filter((block) => hoursOf(block).every((hour) => held.has(hour)));
}

/** A block's hours for people, in UTC: `00:00–08:00`. */
export function utcHours(block: Block): string {
  const start = startHour(block);
  return `${clockTime(start)}–${clockTime(start + hoursPerBlock)}`;
}

function clockTime(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}
