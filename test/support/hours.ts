import { type Block, hoursOf } from '../../src/domain/blocks.ts';

/** Returns the hours of a subscription as the API lists them. @param slots - number of seats in each hour */
export function hours(blocks: readonly Block[], slots = 1): { hour: number; slotIndex: number }[] {
  return Array.from({ length: slots }, (_, slotIndex) =>
    blocks.flatMap(hoursOf).map((hour) => ({ hour, slotIndex })),
  ).flat();
}
