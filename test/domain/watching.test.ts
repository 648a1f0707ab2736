import { describe, expect, test } from 'vitest';
import type { Block } from '../../src/domain/blocks.ts';
import { type SeenBlock, type SeenPool, Watch } from '../../src/domain/watching.ts';

const minute = 60_000;

function block(name: Block, open: boolean, facts: Partial<SeenBlock> = {}): SeenBlock {
  return { block: name, open, state: open ? 'open' : 'sold out', freeSeats: undefined, price: 4900, ...facts };
}

function pool(name: string, ...blocks: SeenBlock[]): SeenPool {
  return { pool: name, status: 'active', blocks };
}

const europe = { pool: 'kimi26', blocks: ['europe'] } as const;
const asia = { pool: 'kimi26', blocks: ['asia'] } as const;

/** The events of one block's checks, a minute apart: each says whether it was open. */
function told(...checks: readonly boolean[]): string[] {
  const watch = new Watch([europe]);
  return checks.map((open, at) =>
    watch
      .observe([pool('kimi26', block('europe', open))], at * minute)
      .changes.map(({ event }) => event)
      .join(),
  );
}

describe('a block', () => {
  test('that opens is told of at once, and once', () => {
    expect(told(false, true, true, true)).toEqual(['', 'opened', '', '']);
    expect(told(true, true)).toEqual(['opened', '']);
  });

  test('that is sold out from the start is nothing to tell', () => {
    expect(told(false, false)).toEqual(['', '']);
  });

  test('that closes is told of', () => {
    expect(told(true, false, false)).toEqual(['opened', 'sold_out', '']);
  });

  test('that flaps is told of once it was seen open twice in a row', () => {
    expect(told(true, false, true, false, true, false)).toEqual(['opened', 'sold_out', '', '', '', '']);
    expect(told(true, false, true, true, true, false)).toEqual(['opened', 'sold_out', '', 'opened', '', 'sold_out']);
  });

  test('that opens again after ten minutes does not flap', () => {
    const eightMore = Array.from({ length: 8 }, () => false);
    expect(told(true, false, ...eightMore, true).at(-1)).toBe('');
    expect(told(true, false, ...eightMore, false, true).at(-1)).toBe('opened');
  });

  test('that flaps is told of when it was of use', () => {
    const watch = new Watch([europe]);
    const seen = (open: boolean) => [pool('kimi26', block('europe', open))];
    watch.observe(seen(true), 0);
    expect(watch.tell(europe, seen(true), 0)).toBeUndefined();
    watch.observe(seen(false), minute);
    expect(watch.observe(seen(true), 2 * minute)).toEqual({ changes: [], open: [europe] });
    const opened = { event: 'opened', at: 2 * minute, ...europe, status: 'active', price: 4900, freeSeats: undefined };
    expect(watch.tell(europe, seen(true), 2 * minute)).toEqual(opened);
    expect(watch.tell(europe, seen(true), 2 * minute)).toBeUndefined();
  });
});

describe('candidates', () => {
  test('are told in their order, however the pools were seen', () => {
    const watch = new Watch([europe, asia, { pool: 'glm5', blocks: ['asia'] }]);
    const seen = [pool('glm5', block('asia', true)), pool('kimi26', block('asia', true), block('europe', true))];
    expect(watch.observe(seen, 0).open).toEqual([europe, asia, { pool: 'glm5', blocks: ['asia'] }]);
  });

  test('of several blocks are open when all are, with their prices added up and the fewest seats', () => {
    const both = { pool: 'kimi26', blocks: ['asia', 'europe'] } as const;
    const watch = new Watch([both]);
    const asiaOpen = block('asia', true, { price: 3900, freeSeats: 3 });
    expect(watch.observe([pool('kimi26', asiaOpen, block('europe', false))], 0)).toEqual({ changes: [], open: [] });
    const seen = [pool('kimi26', asiaOpen, block('europe', true, { freeSeats: 2 }))];
    const opened = { event: 'opened', at: 1, ...both, status: 'active', price: 8800, freeSeats: 2 };
    expect(watch.observe(seen, 1)).toEqual({ changes: [opened], open: [both] });
    const closed = watch.observe([pool('kimi26', block('asia', false, { price: 3900 }), block('europe', true))], 2);
    expect(closed.changes.map(({ event, blocks }) => [event, blocks])).toEqual([['sold_out', ['asia', 'europe']]]);
  });

  test('of a pool that is not there are not open', () => {
    expect(new Watch([europe]).observe([], 0)).toEqual({ changes: [], open: [] });
  });
});

test('prices and states of pools are told when they change, not when they are first seen', () => {
  const watch = new Watch([europe]);
  const seen = (status: string | undefined, price: number | undefined) => [
    { pool: 'kimi26', status, blocks: [block('europe', false, { price })] },
  ];
  const steps: readonly (readonly [string | undefined, number | undefined])[] = [
    ['active', 4900],
    ['active', 4900],
    ['active', 5900],
    ['active', undefined],
    ['active', 5900],
    ['paused', 4500],
    [undefined, undefined],
    ['active', 4500],
  ];
  const events = steps.map(([status, price], at) =>
    watch
      .observe(seen(status, price), at)
      .changes.map((each) => [each.event, each.previousStatus, each.status, each.previousPrice, each.price].join(' ')),
  );
  expect(events).toEqual([
    [],
    [],
    ['price_changed  active 4900 5900'],
    [],
    [],
    ['pool_status_changed active paused  ', 'price_changed  paused 5900 4500'],
    ['pool_status_changed paused   '],
    ['pool_status_changed  active  '],
  ]);
});
