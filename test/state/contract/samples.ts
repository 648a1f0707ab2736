import type { Intent } from '../../../src/domain/reconcile.ts';
import type { NewChange, RecordedChange, Settled } from '../../../src/state/change-log.ts';

export const account = { id: '0123456789abcdef', label: 'mk_…cdef (profile "default") at api.example' };

/** Returns a change that creates a key. */
export function creating(name: string, before: NewChange['before'] = {}): NewChange {
  return { intent: { action: 'create-key', type: 'credit', name }, before, account };
}

/** One change of each kind, with what the account was before. */
export const everyChange: readonly NewChange[] = (
  [
    [
      {
        action: 'subscribe',
        pool: 'kimi26',
        blocks: ['asia', 'europe'],
        quantity: 2,
        billingCycle: 'year',
        charge: 897.6,
      },
      { ids: ['a', 'b'] },
    ],
    [{ action: 'create-key', type: 'subscription' }, { ids: [] }],
    [
      {
        action: 'create-key',
        type: 'credit',
        name: 'prod',
        subscriptionId: 's',
        maxBudget: 0.1,
        rpm: 1,
        tpm: 2,
        temporary: true,
        replaces: 'k',
      },
      { ids: ['k'] },
    ],
    [{ action: 'delete-key', id: 'k', name: 'prod' }, {}],
    [{ action: 'cancel', pool: 'kimi26', subscription: 's' }, { ending: ['t'] }],
    [{ action: 'topup', amount: 50.5, method: 'usdc' }, { toppedUp: 1e-7 }],
    [{ action: 'verify', txHash: `0x${'ab'.repeat(32)}`, amount: 50 }, { toppedUp: 12.34 }],
    [{ action: 'card' }, {}],
    [{ action: 'checkout-plan', plan: 'pro' }, {}],
    [{ action: 'subscribe-plan', plan: 'pro' }, { plans: '{"plan":null}' }],
    [{ action: 'cancel-plan', subscription: 'sub_1' }, {}],
    [{ action: 'api', method: 'POST', path: '/api/keys/credit' }, {}],
    [
      {
        action: 'pay',
        purchase: { type: 'subscription', pool: 'kimi26', blocks: ['asia'] },
        amount: 12.5,
        chain: 'base',
        isLocal: true,
        host: 'rpc.example',
        from: '0x01',
        to: '0x02',
        nonce: 0,
        block: 123_456_789,
        hash: '0x03',
        raw: '0x04',
      },
      {},
    ],
  ] satisfies [Intent, NewChange['before']][]
).map(([intent, before]) => ({ intent, before, account }));

/** Returns an outcome. */
export function settledAs(outcome: Settled['outcome'], ids: readonly string[] = []): Settled {
  return { outcome, by: 'answer', ids };
}

export function idsIn(changes: readonly RecordedChange[]): string[] {
  return changes.map(({ id }) => id);
}

/** Returns the names of the keys in changes. */
export function namesIn(changes: readonly RecordedChange[]): (string | undefined)[] {
  return changes.map(({ intent }) => (intent.action === 'create-key' ? intent.name : undefined));
}

/**
 * Returns how far times may be off that a database recorded, in milliseconds. One that takes half a second to answer leaves that much
 * unknown about its clock, and its times are then rounded to seconds.
 *
 * @param elapsed - how long all its answers took, in milliseconds
 */
export function clockImprecision(elapsed: number): number {
  return elapsed < 500 ? 0 : elapsed + 2000;
}

/** Waits until the clock of this machine has moved on. @returns a time after everything before, in epoch milliseconds */
export async function laterMoment(): Promise<number> {
  const before = Date.now();
  while (Date.now() === before) await new Promise((resolve) => setImmediate(resolve));
  return Date.now();
}
