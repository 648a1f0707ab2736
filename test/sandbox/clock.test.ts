import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account, Subscription } from '../../src/sandbox/account.ts';
import { freshAccount } from '../../src/sandbox/account.ts';
import { addMonths } from '../../src/sandbox/calendar.ts';
import { pools } from '../../src/sandbox/catalogue.ts';
import { periodEnd, settle } from '../../src/sandbox/settle.ts';
import { advanceSandbox, resetSandbox } from '../../src/sandbox/state.ts';
import { emptyFolder } from '../support/folder.ts';
import { at, creditKey, day, hour, listAt, poolKey, sandbox } from '../support/sandbox.ts';

describe('the clock', () => {
  test.each(['2026-04-14T00:00:00.000Z', '2026-04-14T09:00:00.000Z', '2026-04-14T23:59:59.999Z'])(
    'starts at 09:00 UTC of the day if the machine shows %s, and keeps running',
    async (start) => {
      let machine = Date.parse(start);
      const box = await sandbox({ now: () => machine });
      expect(at(await box.seen(), 'now')).toBe('2026-04-14T09:00:00.000Z');
      machine += 1234;
      expect(at(await box.seen(), 'now')).toBe('2026-04-14T09:00:01.234Z');
    },
  );

  test('moves forward by what is requested, also for running servers', async () => {
    const box = await sandbox();
    expect(await box.advance(90 * 60_000)).toEqual(new Date('2026-04-14T10:30:00.000Z'));
    expect(await box.advance(0)).toEqual(new Date('2026-04-14T10:30:00.000Z'));
    expect(at(await box.seen(), 'now')).toBe('2026-04-14T10:30:00.000Z');
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("doesn't move by %s", async (milliseconds) => {
    const box = await sandbox();
    await expect(box.advance(milliseconds)).rejects.toThrow(RangeError);
    await expect(box.advance(8000 * 365 * day)).rejects.toThrow(RangeError);
    expect(at(await box.seen(), 'now')).toBe('2026-04-14T09:00:00.000Z');
  });

  test('of an empty folder starts where it is advanced to', async () => {
    const now = () => Date.UTC(2026, 0, 1);
    expect(await advanceSandbox({ folder: emptyFolder(), now }, hour)).toEqual(new Date('2026-01-01T10:00:00.000Z'));
  });
});

test('reset starts a fresh account, which a running server uses', async () => {
  const box = await sandbox();
  await poolKey(box);
  await box.advance(day);
  await resetSandbox({ folder: box.folder, now: () => Date.UTC(2026, 5, 1) }, { card: false });
  expect(await box.seen()).toMatchObject({ card: false, charges: [], subscriptions: [], keys: [], creditBalance: 25 });
  await creditKey(box);
  await resetSandbox({ folder: box.folder }, { card: true });
  expect(await box.seen()).toMatchObject({ card: true, keys: [] });
});

test('renews a subscription of the 31st on the last day of shorter months', async () => {
  const box = await sandbox({ now: () => Date.UTC(2026, 0, 31) });
  await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
  await box.advance(100 * day);
  expect(listAt(await box.seen(), 'charges').map((charge) => at(charge, 'at'))).toEqual([
    '2026-01-31T09:00:00.000Z',
    '2026-02-28T09:00:00.000Z',
    '2026-03-31T09:00:00.000Z',
    '2026-04-30T09:00:00.000Z',
  ]);
  expect(at(await box.seen(), 'subscriptions', 0, 'currentPeriodEnd')).toBe('2026-05-31T09:00:00.000Z');
});

test('renews a yearly subscription of 29 February on the 28th, and on the 29th in leap years', () => {
  const anchor = Date.UTC(2028, 1, 29, 9);
  expect([12, 24, 36, 48].map((months) => new Date(addMonths(anchor, months)).toISOString().slice(0, 10))).toEqual([
    '2029-02-28',
    '2030-02-28',
    '2031-02-28',
    '2032-02-29',
  ]);
});

const origin = Date.UTC(2026, 0, 1);
const someTime = fc.integer({ min: 0, max: 900 * day }).map((after) => origin + after);

const subscriptions: fc.Arbitrary<Subscription[]> = fc
  .array(
    fc.record({
      pool: fc.constantFrom(...pools),
      status: fc.constantFrom('active' as const, 'pending_key' as const, 'past_due' as const, 'canceled' as const),
      billingCycle: fc.constantFrom('month' as const, 'year' as const),
      cancelAtPeriodEnd: fc.boolean(),
      anchor: fc.integer({ min: 0, max: 60 * day }).map((after) => origin + after),
    }),
    { maxLength: 6 },
  )
  .map((all) =>
    all.map(({ pool, ...one }, index) => ({
      ...one,
      id: `subscription ${index}`,
      poolId: pool.id,
      seats: [{ block: 'asia', slotIndex: index }],
      monthlyCents: 3900,
      createdAt: one.anchor,
      paidPeriods: 1,
      provisioning:
        one.status === 'pending_key'
          ? { at: one.anchor + 2 * hour, keyId: `key ${index}`, apiKey: `sk_pool_${index}` }
          : null,
    })),
  );

const accounts: fc.Arbitrary<Account> = fc
  .record({ subscriptions, card: fc.constantFrom('good' as const, 'declining' as const, 'none' as const) })
  .map((fields) => ({ ...freshAccount({ card: true }, origin), ...fields }));

describe('settling', () => {
  test('gives the same in two steps as in one', () => {
    fc.assert(
      fc.property(accounts, someTime, someTime, (account, one, other) => {
        const [earlier, later] = [Math.min(one, other), Math.max(one, other)];
        expect(settle(settle(account, earlier), later)).toEqual(settle(account, later));
      }),
    );
  });

  test('changes nothing the second time, and leaves nothing overdue', () => {
    fc.assert(
      fc.property(accounts, someTime, (account, now) => {
        const settled = settle(account, now);
        expect(settle(settled, now)).toBe(settled);
        const running = settled.subscriptions.filter(({ status }) => status === 'active');
        expect(running.filter((one) => periodEnd(one) <= now)).toEqual([]);
      }),
    );
  });

  test('charges each paid period once, in order', () => {
    fc.assert(
      fc.property(accounts, someTime, (account, now) => {
        const settled = settle(account, now);
        for (const { id, paidPeriods } of settled.subscriptions) {
          expect(settled.charges.filter((charge) => charge.subscriptionId === id)).toHaveLength(paidPeriods - 1);
        }
        const times = settled.charges.map((charge) => charge.at);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(new Set(settled.charges.map(({ id }) => id)).size).toBe(times.length);
      }),
    );
  });
});
