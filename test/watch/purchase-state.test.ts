import { expect, test } from 'vitest';
import type { RecordedChange } from '../../src/state/change-log.ts';
import { thisProcess } from '../../src/state/process.ts';
import { obstacleIn, type PurchaseState, stateAfterCheck } from '../../src/watch/purchase-state.ts';

const change: RecordedChange = {
  id: 'c1',
  at: '2026-04-14T20:15:30.250Z',
  process: thisProcess(),
  account: { id: 'a1', label: 'default' },
  intent: { action: 'subscribe', pool: 'kimi26', blocks: ['asia'], quantity: 1, billingCycle: 'month' },
  before: { ids: [] },
};
const obstacle = { kind: 'unsettled', change } as const;

const idle: PurchaseState = { kind: 'idle' };
const pending: PurchaseState = { kind: 'pending', obstacle };
const unknown: PurchaseState = { kind: 'unknown', id: 'c1' };
const stillUnknown: PurchaseState = { kind: 'unknown', id: 'c1', obstacle };
const candidate = { pool: 'kimi26', blocks: ['asia'] } as const;
const held: PurchaseState = {
  kind: 'owned',
  seats: { candidate, purchase: { kind: 'covered', subscriptions: [] }, charge: 0 },
};

test.each([
  ['is pending while an earlier purchase is', idle, obstacle, pending],
  ['stays idle while nothing is pending', idle, undefined, idle],
  ['stays pending until the earlier purchase settles', pending, obstacle, pending],
  ['is idle again when the earlier purchase has settled', pending, undefined, idle],
  ['stays unknown while its own purchase is pending', unknown, obstacle, stillUnknown],
  ['stays unknown until a process settles its own purchase', stillUnknown, undefined, unknown],
  ['stays held whatever is pending', held, obstacle, held],
])('%s', (_what, before, found, after) => {
  expect(stateAfterCheck(before, found)).toEqual(after);
});

test('buys nothing while a purchase is known to be pending', () => {
  expect([idle, pending, unknown, stillUnknown, held].map(obstacleIn)).toEqual([
    undefined,
    obstacle,
    undefined,
    obstacle,
    undefined,
  ]);
});
