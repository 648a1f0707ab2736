import { describe, expect, test } from 'vitest';
import { findProblems, type SubscriptionStatus } from '../../src/domain/problems.ts';

const now = new Date('2026-03-15T12:00:00Z');
const well: SubscriptionStatus = {
  id: 'sub_1',
  poolSlug: 'kimi26',
  status: 'active',
  billingCycle: 'month',
  cancelAtPeriodEnd: false,
  currentPeriodEnd: '2026-04-10T00:00:00Z',
  hours: [{ hour: 8 }],
  hasKey: true,
};

function problems(...subscriptions: Partial<SubscriptionStatus>[]): string[] {
  const subscribed = subscriptions.map((subscription) => ({ ...well, ...subscription }));
  return findProblems(subscribed, {}, now).map(({ problem }) => problem);
}

describe('findProblems', () => {
  test('finds nothing for an active subscription with a key', () => {
    expect(problems({})).toEqual([]);
  });

  test('finds a failed payment', () => {
    expect(findProblems([{ ...well, status: 'past_due' }], {}, now)).toEqual([
      {
        problem: 'past_due',
        message: 'The payment for kimi26 failed, and its API key is suspended',
        subscriptionId: 'sub_1',
        command: 'ci billing card',
      },
    ]);
  });

  test.each([
    ['2026-04-14T13:00:00Z', 'month', []],
    ['2026-04-14T11:00:00Z', 'month', ['pending_key']],
    ['2027-03-14T13:00:00Z', 'year', []],
    ['2027-03-14T11:00:00Z', 'year', ['pending_key']],
  ])(
    'finds a key that has not arrived within 24 hours: paid until %s per %s',
    (currentPeriodEnd, billingCycle, found) => {
      expect(problems({ status: 'pending_key', hasKey: false, currentPeriodEnd, billingCycle })).toEqual(found);
    },
  );

  test('counts one month back from the end of a month', () => {
    const pending: SubscriptionStatus = {
      ...well,
      status: 'pending_key',
      hasKey: false,
      currentPeriodEnd: '2026-03-31T12:00:00Z',
    };
    const at = (time: string) => findProblems([pending], {}, new Date(time)).length;
    expect([at('2026-03-01T11:00:00Z'), at('2026-03-01T13:00:00Z')]).toEqual([0, 1]);
  });

  test.each([
    ['2026-03-22T12:00:00Z', ['ending_soon']],
    ['2026-03-22T12:00:01Z', []],
  ])('finds an end within a week: %s', (currentPeriodEnd, found) => {
    expect(problems({ cancelAtPeriodEnd: true, currentPeriodEnd })).toEqual(found);
  });

  test('ignores a missing key of a subscription that ends', () => {
    expect(problems({ hasKey: false, cancelAtPeriodEnd: true })).toEqual([]);
  });

  test('returns commands that are safe to paste', () => {
    const [ending, keyless] = findProblems(
      [
        {
          ...well,
          poolSlug: 'x; reboot',
          cancelAtPeriodEnd: true,
          currentPeriodEnd: '2026-03-16T00:00:00Z',
          hours: [],
        },
        { ...well, id: '$(reboot)', hasKey: false },
      ],
      {},
      now,
    );
    expect([ending?.command, keyless?.command]).toEqual([
      "ci pools subscribe 'x; reboot'",
      "ci keys create --subscription '$(reboot)'",
    ]);
  });

  test('finds an active subscription without a key', () => {
    expect(problems({ hasKey: false }, {}, { hasKey: false, status: 'past_due' })).toEqual(['no_key', 'past_due']);
  });

  const lowBalance = {
    problem: 'low_balance',
    message: 'Your credit is below $5.00',
    subscriptionId: null,
    command: 'ci billing topup',
  };

  test.each([
    [undefined, []],
    [500, []],
    [499, [lowBalance]],
    [-100, [lowBalance]],
  ])('finds little credit that keys spend: %s cents', (credit, found) => {
    expect(findProblems([], { credit }, now)).toEqual(found);
  });

  test('finds active keys that are older than the maximum age', () => {
    const found = (count: number) => findProblems([], { oldKeys: { count, maxAge: '90d' } }, now, 'ci --sandbox');
    expect(found(0)).toEqual([]);
    expect(found(1)).toEqual([
      {
        problem: 'old_keys',
        message: '1 active key is older than 90 days',
        subscriptionId: null,
        command: 'ci --sandbox keys rotate --older-than 90d',
      },
    ]);
    expect(found(3)).toMatchObject([{ message: '3 active keys are older than 90 days' }]);
  });
});
