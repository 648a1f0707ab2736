import { describe, expect, test } from 'vitest';
import { hoursOf } from '../../src/domain/blocks.ts';
import {
  hoursInWords,
  isLive,
  nextLive,
  occurrence,
  renewingSeats,
  reservedBlocks,
  reservedHours,
  willRenew,
} from '../../src/domain/coverage.ts';

const at = (time: string) => new Date(`2026-04-14T${time}Z`);
const hours = (...blocks: ('asia' | 'europe' | 'americas')[]) => blocks.flatMap(hoursOf).map((hour) => ({ hour }));

describe('the hours of a subscription', () => {
  test('returns each hour once, in order', () => {
    const subscription = { hours: [{ hour: 9 }, { hour: 8 }, { hour: 9 }, { hour: 23 }] };
    expect(reservedHours(subscription)).toEqual([8, 9, 23]);
    expect(reservedBlocks(subscription)).toEqual([]);
    expect(reservedBlocks({ hours: hours('americas', 'asia') })).toEqual(['asia', 'americas']);
  });

  test("formats them as blocks, or one by one if they aren't whole blocks", () => {
    expect(hoursInWords({ hours: hours('americas', 'asia') })).toBe('asia,americas');
    expect(hoursInWords({ hours: [...hours('asia'), { hour: 8 }] })).toBe('0h,1h,2h,3h,4h,5h,6h,7h,8h');
    expect(hoursInWords({ hours: [{ hour: 16 }] })).toBe('16h');
    expect(hoursInWords({})).toBe('');
  });

  test("returns none if the API doesn't list them", () => {
    expect([reservedHours({}), reservedHours({ hours: null }), reservedBlocks({})]).toEqual([[], [], []]);
  });
});

describe('isLive', () => {
  const europe = { status: 'active', hours: hours('europe') };

  test.each([
    ['07:59:59.999', false],
    ['08:00:00.000', true],
    ['15:59:59.999', true],
    ['16:00:00.000', false],
  ])('returns at %s UTC, for 08:00–16:00: %s', (time, live) => {
    expect(isLive(europe, at(time))).toBe(live);
  });

  test.each(['pending_key', 'past_due', 'canceled', null, undefined])('returns false for the status %s', (status) => {
    expect(isLive({ ...europe, status }, at('09:00:00'))).toBe(false);
    expect(nextLive({ ...europe, status }, at('09:00:00'))).toBeUndefined();
  });
});

describe('nextLive', () => {
  const asia = { status: 'active', hours: hours('asia') };

  test('returns now while a key works', () => {
    expect(nextLive(asia, at('03:20:00'))).toEqual(at('03:20:00'));
  });

  test('returns a later time of the same day', () => {
    expect(nextLive({ status: 'active', hours: hours('americas') }, at('09:30:00'))).toEqual(at('16:00:00'));
  });

  test('returns a time after midnight if the hours of the day are over', () => {
    expect(nextLive(asia, at('23:59:59.999'))).toEqual(new Date('2026-04-15T00:00:00Z'));
    expect(nextLive(asia, at('08:00:00'))).toEqual(new Date('2026-04-15T00:00:00Z'));
  });

  test('crosses the end of a month and a year', () => {
    expect(nextLive(asia, new Date('2026-12-31T12:00:00Z'))).toEqual(new Date('2027-01-01T00:00:00Z'));
    expect(nextLive(asia, new Date('2028-02-29T12:00:00Z'))).toEqual(new Date('2028-03-01T00:00:00Z'));
  });

  test('returns the nearest of several', () => {
    const both = { status: 'active', hours: hours('asia', 'americas') };
    expect(nextLive(both, at('12:00:00'))).toEqual(at('16:00:00'));
    expect(nextLive({ status: 'active', hours: [{ hour: 5 }, { hour: 22 }] }, at('23:00:00'))).toEqual(
      new Date('2026-04-15T05:00:00Z'),
    );
  });

  test('returns nothing without hours', () => {
    expect(nextLive({ status: 'active', hours: [] }, at('12:00:00'))).toBeUndefined();
  });
});

test.each([
  ['before it starts', '07:00:00', '2026-04-14T08:00:00.000Z'],
  ['at its first moment', '08:00:00', '2026-04-14T08:00:00.000Z'],
  ['at its last moment', '15:59:59.999', '2026-04-14T08:00:00.000Z'],
  ['after its end', '16:00:00', '2026-04-15T08:00:00.000Z'],
])('returns the current or next occurrence of a block %s', (_when, time, from) => {
  const found = occurrence(8, at(time));
  expect(found.from.toISOString()).toBe(from);
  expect(found.to.getTime() - found.from.getTime()).toBe(8 * 3_600_000);
});

describe('renewingSeats', () => {
  const active = { status: 'active', cancelAtPeriodEnd: false };

  test('counts a seat for each subscription and block', () => {
    const seats = renewingSeats([
      { ...active, hours: hours('asia', 'europe') },
      { ...active, hours: hours('europe') },
      { ...active, hours: hours('europe') },
    ]);
    expect([...seats]).toEqual([
      ['asia', 1],
      ['europe', 3],
    ]);
  });

  test('counts the seats of a subscription with several slots for each hour', () => {
    const two = [0, 1].flatMap((slotIndex) => hours('asia').map((each) => ({ ...each, slotIndex })));
    expect([...renewingSeats([{ ...active, hours: two }])]).toEqual([['asia', 2]]);
    expect([...renewingSeats([{ ...active, hours: two.slice(1) }])]).toEqual([['asia', 1]]);
  });

  test('counts one seat if the slots differ from hour to hour or are listed twice', () => {
    const wandering = hours('asia').map((each) => ({ ...each, slotIndex: each.hour % 3 }));
    expect([...renewingSeats([{ ...active, hours: [...wandering, ...wandering] }])]).toEqual([['asia', 1]]);
  });

  test('counts subscriptions that are paid for but have no key yet', () => {
    expect([...renewingSeats([{ status: 'pending_key', hours: hours('asia') }])]).toEqual([['asia', 1]]);
  });

  test.each([
    ['ends with its billing period', { status: 'active', cancelAtPeriodEnd: true }],
    ['has no key yet and ends', { status: 'pending_key', cancelAtPeriodEnd: true }],
    ['is past due', { status: 'past_due', cancelAtPeriodEnd: false }],
    ['has ended', { status: 'canceled' }],
    ['has no status', {}],
  ])('ignores a subscription that %s', (_what, state) => {
    expect([...renewingSeats([{ ...state, hours: hours('asia') }])]).toEqual([]);
    expect(willRenew(state)).toBe(false);
  });

  test('ignores a block that is not completely reserved', () => {
    expect([...renewingSeats([{ ...active, hours: hours('asia').slice(0, 7) }])]).toEqual([]);
  });
});
