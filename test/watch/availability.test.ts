import { describe, expect, test } from 'vitest';
import type { Block } from '../../src/domain/blocks.ts';
import { AvailabilityTracker, type BlockAvailability, type PoolAvailability } from '../../src/watch/availability.ts';

const minute = 60_000;

function block(name: Block, open: boolean, facts: Partial<BlockAvailability> = {}): BlockAvailability {
  return { block: name, open, state: open ? 'open' : 'sold out', freeSeats: undefined, price: 4900, ...facts };
}

function pool(name: string, ...blocks: BlockAvailability[]): PoolAvailability {
  return { pool: name, status: 'active', blocks };
}

const europe = { pool: 'kimi26', blocks: ['europe'] } as const;
const asia = { pool: 'kimi26', blocks: ['asia'] } as const;

/** Returns the events of a block that is open or closed at each of several checks, a minute apart. */
function eventsOf(...checks: readonly boolean[]): string[] {
  const tracker = new AvailabilityTracker([europe]);
  return checks.map((open, at) =>
    tracker
      .update([pool('kimi26', block('europe', open))], at * minute)
      .changes.map(({ event }) => event)
      .join(),
  );
}

describe('a block', () => {
  test('is reported once when it opens', () => {
    expect(eventsOf(false, true, true, true)).toEqual(['', 'opened', '', '']);
    expect(eventsOf(true, true)).toEqual(['opened', '']);
  });

  test("isn't reported if it is sold out from the start", () => {
    expect(eventsOf(false, false)).toEqual(['', '']);
  });

  test('is reported when it sells out', () => {
    expect(eventsOf(true, false, false)).toEqual(['opened', 'sold_out', '']);
  });

  test('that flaps is reported after two checks in a row find it open', () => {
    expect(eventsOf(true, false, true, false, true, false)).toEqual(['opened', 'sold_out', '', '', '', '']);
    expect(eventsOf(true, false, true, true, true, false)).toEqual([
      'opened',
      'sold_out',
      '',
      'opened',
      '',
      'sold_out',
    ]);
  });

  test("isn't flapping if it reopens after ten minutes", () => {
    const eightMore = Array.from({ length: 8 }, () => false);
    expect(eventsOf(true, false, ...eightMore, true).at(-1)).toBe('');
    expect(eventsOf(true, false, ...eightMore, false, true).at(-1)).toBe('opened');
  });

  test('that flaps is reported if it was bought', () => {
    const tracker = new AvailabilityTracker([europe]);
    const seen = (open: boolean) => [pool('kimi26', block('europe', open))];
    tracker.update(seen(true), 0);
    expect(tracker.reportOpening(europe, seen(true), 0)).toBeUndefined();
    tracker.update(seen(false), minute);
    expect(tracker.update(seen(true), 2 * minute)).toEqual({ changes: [], open: [europe] });
    const opened = { event: 'opened', at: 2 * minute, ...europe, status: 'active', price: 4900, freeSeats: undefined };
    expect(tracker.reportOpening(europe, seen(true), 2 * minute)).toEqual(opened);
    expect(tracker.reportOpening(europe, seen(true), 2 * minute)).toBeUndefined();
  });
});

describe('candidates', () => {
  test('keep their order, in any order of the pools', () => {
    const tracker = new AvailabilityTracker([europe, asia, { pool: 'glm5', blocks: ['asia'] }]);
    const seen = [pool('glm5', block('asia', true)), pool('kimi26', block('asia', true), block('europe', true))];
    expect(tracker.update(seen, 0).open).toEqual([europe, asia, { pool: 'glm5', blocks: ['asia'] }]);
  });

  test('of several blocks are open if all of the blocks are, with the sum of the prices and the lowest number of seats', () => {
    const both = { pool: 'kimi26', blocks: ['asia', 'europe'] } as const;
    const tracker = new AvailabilityTracker([both]);
    const asiaOpen = block('asia', true, { price: 3900, freeSeats: 3 });
    expect(tracker.update([pool('kimi26', asiaOpen, block('europe', false))], 0)).toEqual({ changes: [], open: [] });
    const seen = [pool('kimi26', asiaOpen, block('europe', true, { freeSeats: 2 }))];
    const opened = { event: 'opened', at: 1, ...both, status: 'active', price: 8800, freeSeats: 2 };
    expect(tracker.update(seen, 1)).toEqual({ changes: [opened], open: [both] });
    const closed = tracker.update([pool('kimi26', block('asia', false, { price: 3900 }), block('europe', true))], 2);
    expect(closed.changes.map(({ event, blocks }) => [event, blocks])).toEqual([['sold_out', ['asia', 'europe']]]);
  });

  test("aren't open if their pool isn't listed", () => {
    expect(new AvailabilityTracker([europe]).update([], 0)).toEqual({ changes: [], open: [] });
  });
});

test('reports changed prices and pool states, but not the first ones', () => {
  const tracker = new AvailabilityTracker([europe]);
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
    tracker
      .update(seen(status, price), at)
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
