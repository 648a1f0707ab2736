import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PoolSubscription } from '../../src/account/subscriptions.ts';
import { exportAccount, exportText } from '../../src/account-file/export.ts';
import type { Key } from '../../src/api/keys.ts';
import { blockNames } from '../../src/domain/blocks.ts';
import { planAccount } from '../../src/domain/plan-account.ts';
import { emptyFolder } from '../support/folder.ts';
import { hours } from '../support/hours.ts';
import { readIn } from './reading.ts';

const ids = ['s0', 's1', 's2', 's3', 's4'];

const anySubscription: fc.Arbitrary<PoolSubscription> = fc.record({
  id: fc.constant(''),
  poolSlug: fc.constantFrom('kimi26', 'glm5', '007', 'true'),
  hours: fc.oneof(
    fc
      .tuple(fc.subarray([...blockNames], { minLength: 1 }), fc.constantFrom(1, 1, 2))
      .map(([some, slots]) => hours(some, slots)),
    fc.constantFrom(
      null,
      [3].map((hour) => ({ hour })),
    ),
  ),
  billingCycle: fc.constantFrom('month', 'month', 'year', null, 'weekly'),
  status: fc.constantFrom('active', 'active', 'pending_key', 'past_due', 'canceled', null),
  cancelAtPeriodEnd: fc.constantFrom(false, false, true, null),
  currentPeriodEnd: fc.constantFrom('2026-05-14T09:00:00.000Z', null),
});

const anyKey: fc.Arbitrary<Key> = fc.record({
  id: fc.constant(''),
  name: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(
      'prod',
      'prod ',
      'null',
      '~',
      '1e3',
      '0x1F',
      'yes',
      '- a',
      'a: b',
      'a #b',
      '*a',
      '&a',
      '!a',
      '<<',
      '"',
      '{}',
      null,
    ),
  ),
  keyType: fc.constantFrom('credit', 'subscription', null, 'other'),
  keyPlan: fc.constantFrom('credits', null),
  isActive: fc.constantFrom(true, true, null, false),
  subscriptionId: fc.constantFrom(...ids, 'gone', null),
  subscriptionStatus: fc.constantFrom('active', null),
  apiKey: fc.constantFrom(`sk_live_${'Zk9'.repeat(12)}`, null),
  maxBudget: fc.constantFrom(25, 12.5, 0.01, 0.001, 1e9, null, undefined),
  rpm: fc.constantFrom(60, 1.5, null, undefined),
  tpm: fc.constantFrom(100_000, null, undefined),
});

const anyAccount = fc.record({
  subscriptions: fc
    .array(anySubscription, { maxLength: ids.length })
    .map((all) => all.map((each, at) => ({ ...each, id: ids[at] ?? '' }))),
  keys: fc.array(anyKey, { maxLength: 8 }).map((all) => all.map((each, at) => ({ ...each, id: `k${at}` }))),
});

describe('the file of any account', () => {
  test('is read back, and a plan from it is empty', async () => {
    const folder = emptyFolder();
    await fc.assert(
      fc.asyncProperty(anyAccount, async (account) => {
        const text = await exportText(exportAccount(account, 25_000), 'an account\nwith: two lines');
        expect(text).not.toContain('Zk9Zk9');
        const desired = await readIn(folder, '-', text);
        const plan = planAccount(desired, account, { updateExisting: true, allowDestroy: true });
        expect(plan.steps).toEqual([]);
        expect(desired.maxMonthlySpend).toBe(25_000);
      }),
      { numRuns: 500 },
    );
  });

  test('has as JSON what it has as YAML', async () => {
    const folder = emptyFolder();
    const places = (name: string, value: unknown) => (['line', 'column', 'file'].includes(name) ? undefined : value);
    await fc.assert(
      fc.asyncProperty(anyAccount, async (account) => {
        const exported = exportAccount(account, undefined);
        const [yaml, json] = await Promise.all([
          readIn(folder, '-', await exportText(exported, '')),
          readIn(folder, '-', JSON.stringify(exported.file)),
        ]);
        expect(JSON.stringify(json, places)).toBe(JSON.stringify(yaml, places));
      }),
      { numRuns: 100 },
    );
  });
});
