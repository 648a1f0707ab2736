import { blockNames } from '../domain/blocks.ts';
import type { DesiredSeats } from '../domain/desired-account.ts';
import type { FileMistakes } from './file-mistakes.ts';
import type { AccountFile } from './schema.ts';
import type { Tree } from './yaml-tree.ts';

/** Reads the seats of a file. What is wrong with them is added to the mistakes. */
export function desiredSeats(
  { seats = [] }: Pick<AccountFile, 'seats'>,
  tree: Tree | undefined,
  mistakes: FileMistakes,
): DesiredSeats[] {
  const lines = new Map<string, number>();
  return seats.map((entry, at) => {
    const entryTree = tree?.items?.[at];
    const place = mistakes.placeOf(entryTree?.offset ?? 0);
    const { quantity = 1, billingCycle = 'month', onSoldOut = 'fail', protected: isProtected = false } = entry;
    const pool = entry.pool.trim();
    const named = entry.blocks === 'all' ? blockNames : entry.blocks;
    for (const [index, block] of named.entries()) {
      const offset = entryTree?.fields?.get('blocks')?.items?.[index]?.offset;
      if (offset !== undefined && named.indexOf(block) < index) mistakes.add(offset, `block ${block} appears twice`);
    }
    const blocks = blockNames.filter((block) => named.includes(block));
    const same = JSON.stringify([pool, blocks, billingCycle]);
    const earlier = lines.get(same);
    if (earlier === undefined) lines.set(same, place.line);
    else mistakes.add(entryTree?.offset ?? 0, `line ${earlier} has the same seats; add up their quantity there`);
    return { pool, blocks, quantity, billingCycle, onSoldOut, isProtected, place };
  });
}
