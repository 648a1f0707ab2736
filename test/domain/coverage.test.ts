import { describe, expect, test } from 'vitest';
import { hoursOf } from '../../src/domain/blocks.ts';
import {
  blocksHeld,
  hoursHeld,
  hoursInWords,
  isLive,
  nextLive,
  occurrence,
  seatsHeld,
  staysMine,
} from '../../src/domain/coverage.ts';

const at = (time: string) => new Date(`2026-04-14T${time}Z`);
const hours = (...blocks: ('asia' | 'europe' | 'americas')[]) => blocks.flatMap(hoursOf).map((hour) => ({ hour }));

describe('the hours of a subscription', () => {
  test('are each counted once, in order', () => {
    const subscription = { hours: [{ hour: 9 }, { hour: 8 }, { hour: 9 }, { hour: 23 }] };
    expect(hoursHeld(subscription)).toEqual([8, 9, 23]);
    expect(blocksHeld(subscription)).toEqual([]);
    expect(blocksHeld({ hours: hours('americas', 'asia') })).toEqual(['asia', 'americas']);
  });

  test('are in words its blocks, or one by one where they make no whole block', () => {
    expect(hoursInWords({ hours: hours('americas', 'asia') })).toBe('asia,americas');
    expect(hoursInWords({ hours: [...hours('asia'), { hour: 8 }] })).toBe('0h,1h,2h,3h,4h,5h,6h,7h,8h');
    expect(hoursInWords({ hours: [{ hour: 16 }] })).toBe('16h');
    expect(hoursInWords({})).toBe('');
  });

  test('are none where the API does not list them', () => {
    expect([hoursHeld({}), hoursHeld({ hours: null }), blocksHeld({})]).toEqual([[], [], []]);
  });
});

describe('isLive', () => {
  const europe = { status: 'active', hours: hours('europe') };

  test.each([
    ['07:59:59.999', false],
    ['08:00:00.000', true],
    ['15:59:59.999', true],
    ['16:00:00.000', false],
  ])('at %s UTC, for 08:00–16:00, is %s', (time, live) => {
    expect(isLive(europe, at(time))).toBe(live);
  });

  test.each(['pending_key', 'past_due', 'canceled', null, undefined])('is false while the status is %s', (status) => {
    expect(isLive({ ...europe, status }, at('09:00:00'))).toBe(false);
    expect(nextLive({ ...europe, status }, at('09:00:00'))).toBeUndefined();
  });
});

describe('nextLive', () => {
  const asia = { status: 'active', hours: hours('asia') };

  test('is now while it is live', () => {
    expect(nextLive(asia, at('03:20:00'))).toEqual(at('03:20:00'));
  });

  test('is later the same day', () => {
    expect(nextLive({ status: 'active', hours: hours('americas') }, at('09:30:00'))).toEqual(at('16:00:00'));
  });

  test('is after midnight once the day’s hours are over', () => {
    expect(nextLive(asia, at('23:59:59.999'))).toEqual(new Date('2026-04-15T00:00:00Z'));
    expect(nextLive(asia, at('08:00:00'))).toEqual(new Date('2026-04-15T00:00:00Z'));
  });

  test('crosses the end of a month and of a year', () => {
    expect(nextLive(asia, new Date('2026-12-31T12:00:00Z'))).toEqual(new Date('2027-01-01T00:00:00Z'));
    expect(nextLive(asia, new Date('2028-02-29T12:00:00Z'))).toEqual(new Date('2028-03-01T00:00:00Z'));
  });

  test('is the nearest of several', () => {
    const both = { status: 'active', hours: hours('asia', 'americas') };
    expect(nextLive(both, at('12:00:00'))).toEqual(at('16:00:00'));
    expect(nextLive({ status: 'active', hours: [{ hour: 5 }, { hour: 22 }] }, at('23:00:00'))).toEqual(
      new Date('2026-04-15T05:00:00Z'),
    );
  });

  test('is never for one without hours', () => {
    expect(nextLive({ status: 'active', hours: [] }, at('12:00:00'))).toBeUndefined();
  });
});

test.each([
  ['before it', '07:00:00', '2026-04-14T08:00:00.000Z'],
  ['at its first moment', '08:00:00', '2026-04-14T08:00:00.000Z'],
  ['at its last moment', '15:59:59.999', '2026-04-14T08:00:00.000Z'],
  ['once it is over', '16:00:00', '2026-04-15T08:00:00.000Z'],
])('the occurrence of a block that counts %s', (_when, time, from) => {
  const found = occurrence(8, at(time));
  expect(found.from.toISOString()).toBe(from);
  expect(found.to.getTime() - found.from.getTime()).toBe(8 * 3_600_000);
});

describe('seatsHeld', () => {
  const active = { status: 'active', cancelAtPeriodEnd: false };

  test('counts a seat for each subscription and block', () => {
    const seats = seatsHeld([
      { ...active, hours: hours('asia', 'europe') },
      { ...active, hours: hours('europe') },
      { ...active, hours: hours('europe') },
    ]);
    expect([...seats]).toEqual([
      ['asia', 1],
      ['europe', 3],
    ]);
  });

  test('counts the seats of one subscription that lists several slots an hour', () => {
    const two = [0, 1].flatMap((slotIndex) => hours('asia').map((each) => ({ ...each, slotIndex })));
    expect([...seatsHeld([{ ...active, hours: two }])]).toEqual([['asia', 2]]);
    expect([...seatsHeld([{ ...active, hours: two.slice(1) }])]).toEqual([['asia', 1]]);
  });

  test('counts one seat where its slots differ from hour to hour or are listed twice', () => {
    const wandering = hours('asia').map((each) => ({ ...each, slotIndex: each.hour % 3 }));
    expect([...seatsHeld([{ ...active, hours: [...wandering, ...wandering] }])]).toEqual([['asia', 1]]);
  });

  test('counts what is paid and whose key is on the way', () => {
    expect([...seatsHeld([{ status: 'pending_key', hours: hours('asia') }])]).toEqual([['asia', 1]]);
  });

  test.each([
    ['ends with the period', { status: 'active', cancelAtPeriodEnd: true }],
    ['is on its way and ends', { status: 'pending_key', cancelAtPeriodEnd: true }],
    ['is past due', { status: 'past_due', cancelAtPeriodEnd: false }],
    ['has ended', { status: 'canceled' }],
    ['has no status', {}],
  ])('does not count what %s', (_what, state) => {
    expect([...seatsHeld([{ ...state, hours: hours('asia') }])]).toEqual([]);
    expect(staysMine(state)).toBe(false);
  });

  test('does not count a block that is held in part', () => {
    expect([...seatsHeld([{ ...active, hours: hours('asia').slice(0, 7) }])]).toEqual([]);
  });
});
