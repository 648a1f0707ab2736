import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Block, blockNames, hoursOf } from '../../src/domain/blocks.ts';
import type { BillingCycle } from '../../src/domain/quote.ts';
import {
  areRivals,
  areSameKeys,
  areSamePurchases,
  couldBe,
  couldBeSameKey,
  judgeCancel,
  judgeDelete,
  judgeKey,
  judgeSubscribe,
  judgeVerify,
  type KeyIntent,
  overlap,
  type SeenKey,
  type SeenSubscription,
  type SubscribeIntent,
} from '../../src/domain/reconcile.ts';
import { redacted } from '../../src/domain/secrets.ts';

const hours = (...blocks: readonly Block[]) => blocks.flatMap(hoursOf).map((hour) => ({ hour, slotIndex: 0 }));
const absent = { outcome: 'not_applied' };

describe('judgeSubscribe', () => {
  const intent: SubscribeIntent = {
    action: 'subscribe',
    pool: 'kimi26',
    blocks: ['europe'],
    quantity: 1,
    billingCycle: 'month',
  };
  const seat = (id: string, more: Partial<SeenSubscription> = {}): SeenSubscription => ({
    id,
    status: 'active',
    billingCycle: 'month',
    hours: hours('europe'),
    ...more,
  });

  test('finds the new subscription', () => {
    const mine = [seat('new'), seat('old')];
    expect(judgeSubscribe(intent, { ids: ['old'] }, mine)).toEqual({ outcome: 'applied', found: [seat('new')] });
  });

  test.each([
    ['nothing', []],
    ['existing ones', [seat('old')]],
    ['other blocks', [seat('new', { hours: hours('asia') })]],
    ['more blocks', [seat('new', { hours: hours('asia', 'europe') })]],
    ['a part of the block', [seat('new', { hours: hours('europe').slice(1) })]],
    ['another cycle', [seat('new', { billingCycle: 'year' })]],
    ['what another change of this machine created', [seat('other')]],
  ])('ignores %s', (_what, mine) => {
    expect(judgeSubscribe(intent, { ids: ['old'] }, mine, new Set(['other']))).toEqual(absent);
  });

  test.each([
    ['its hours', { hours: null }],
    ['its billing cycle', { billingCycle: null }],
    ['either', { hours: undefined, billingCycle: undefined }],
  ])("accepts a new subscription for which the API doesn't state %s", (_what, unstated) => {
    expect(judgeSubscribe(intent, { ids: [] }, [seat('new', unstated)])).toMatchObject({ outcome: 'applied' });
  });

  test('accepts a new subscription of any status, because it was bought', () => {
    for (const status of ['pending_key', 'past_due', 'canceled', null]) {
      expect(judgeSubscribe(intent, { ids: [] }, [seat('new', { status })])).toMatchObject({ outcome: 'applied' });
    }
  });

  test('counts a seat for each subscription', () => {
    const mine = [seat('a'), seat('b'), seat('c')];
    expect(judgeSubscribe({ ...intent, quantity: 3 }, { ids: [] }, mine)).toEqual({ outcome: 'applied', found: mine });
  });

  test('counts the seats of a subscription with several slots for each hour', () => {
    const two = seat('new', {
      hours: [0, 1].flatMap((slotIndex) => hours('europe').map((h) => ({ ...h, slotIndex }))),
    });
    expect(judgeSubscribe({ ...intent, quantity: 2 }, { ids: [] }, [two])).toEqual({
      outcome: 'applied',
      found: [two],
    });
    expect(judgeSubscribe(intent, { ids: [] }, [two])).toMatchObject({ outcome: 'unknown' });
  });

  test('is unknown if there are more or fewer seats, and lists the ids', () => {
    expect(judgeSubscribe({ ...intent, quantity: 3 }, { ids: [] }, [seat('a'), seat('b')])).toEqual({
      outcome: 'unknown',
      why: 'there are 2 new seats instead of 3 (a, b)',
    });
    expect(judgeSubscribe(intent, { ids: [] }, [seat('a'), seat('b')])).toMatchObject({ outcome: 'unknown' });
  });

  test('considers all subscriptions new if the earlier ones are unknown', () => {
    expect(judgeSubscribe(intent, {}, [seat('a')])).toMatchObject({ outcome: 'applied' });
  });
});

describe('two purchases', () => {
  const one: SubscribeIntent = {
    action: 'subscribe',
    pool: 'kimi26',
    blocks: ['asia', 'europe'],
    quantity: 1,
    billingCycle: 'month',
    charge: 98,
  };

  test.each<[string, Partial<SubscribeIntent>, boolean, boolean]>([
    ['identical', {}, true, true],
    ['at another price', { charge: 99 }, true, true],
    ['at an unknown price', { charge: undefined }, true, true],
    ['on another pool', { pool: 'glm5' }, false, true],
    ['for fewer blocks', { blocks: ['asia'] }, false, true],
    ['for other blocks', { blocks: ['americas'] }, false, false],
    ['for more seats', { quantity: 2 }, false, true],
    ['with another billing cycle', { billingCycle: 'year' }, false, true],
  ])('compares them: %s', (_what, more, same, common) => {
    const other = { ...one, ...more };
    expect([areSamePurchases(one, other), overlap(one, other)]).toEqual([same, common]);
    expect([areSamePurchases(other, one), overlap(other, one)]).toEqual([same, common]);
  });
});

describe('two requests for a key', () => {
  const one: KeyIntent = { action: 'create-key', type: 'subscription', name: 'prod', subscriptionId: 's1' };

  test.each<[string, Partial<KeyIntent>, boolean, boolean]>([
    ['identical', {}, true, true],
    ['with spaces around the name', { name: ' prod ' }, true, true],
    ['for any subscription', { subscriptionId: undefined }, false, true],
    ['for another subscription', { subscriptionId: 's2' }, false, false],
    ['with another name', { name: 'staging' }, false, false],
    ['without a name', { name: undefined }, false, false],
    ['of another type', { type: 'credit' }, false, false],
  ])('compares them: %s', (_what, more, same, perhaps) => {
    const other = { ...one, ...more };
    expect([areSameKeys(one, other), couldBeSameKey(one, other)]).toEqual([same, perhaps]);
    expect([areSameKeys(other, one), couldBeSameKey(other, one)]).toEqual([same, perhaps]);
  });

  test('treats two without a name as the same', () => {
    const unnamed = { ...one, name: undefined };
    expect([areSameKeys(unnamed, unnamed), couldBeSameKey(unnamed, unnamed)]).toEqual([true, true]);
  });

  test('treats two with a masked name as the same', () => {
    const name = 'sk_live_0123456789abcdefghijklmnop';
    expect(areSameKeys({ ...one, name }, { ...one, name: redacted(name) })).toBe(true);
  });
});

describe('judgeKey', () => {
  const intent: KeyIntent = { action: 'create-key', type: 'subscription', name: 'prod', subscriptionId: 's1' };
  const key = (id: string, more: Partial<SeenKey> = {}): SeenKey => ({
    id,
    name: 'prod',
    keyType: 'subscription',
    subscriptionId: 's1',
    ...more,
  });

  test('finds the new key', () => {
    expect(judgeKey(intent, { ids: ['old'] }, [key('old'), key('new')])).toEqual({
      outcome: 'applied',
      found: key('new'),
    });
  });

  test.each([
    ['nothing', []],
    ['existing ones', [key('old')]],
    ['another name', [key('new', { name: 'staging' })]],
    ['a longer name', [key('new', { name: 'prod-2' })]],
    ['no name', [key('new', { name: null })]],
    ['another type', [key('new', { keyType: 'credit' })]],
    ['another subscription', [key('new', { subscriptionId: 's2' })]],
    ['what another change of this machine created', [key('other')]],
  ])('ignores %s', (_what, keys) => {
    expect(judgeKey(intent, { ids: ['old'] }, keys, new Set(['other']))).toEqual(absent);
  });

  test('accepts a new key for which the API states neither type nor subscription', () => {
    const unstated = key('new', { keyType: null, subscriptionId: undefined });
    expect(judgeKey(intent, {}, [unstated])).toEqual({ outcome: 'applied', found: unstated });
  });

  test('is unknown if several keys are new, and lists the ids', () => {
    expect(judgeKey(intent, {}, [key('a'), key('b')])).toEqual({
      outcome: 'unknown',
      why: 'there are 2 new keys that match (a, b)',
    });
  });

  test('accepts any name if none was requested', () => {
    const { name: _name, ...unnamed } = intent;
    expect(judgeKey(unnamed, {}, [key('new', { name: 'default' })])).toMatchObject({ outcome: 'applied' });
  });

  test('ignores spaces around a name', () => {
    expect(couldBe({ ...intent, name: ' prod ' }, key('new'))).toBe(true);
    expect(couldBe(intent, key('new', { name: 'prod ' }))).toBe(true);
    expect(couldBe(intent, key('new', { name: 'Prod' }))).toBe(false);
  });

  test('recognizes a name that looks like a key by what the record keeps of it', () => {
    const name = 'sk_live_abcdefgh12345678';
    const recorded = { ...intent, name: redacted(name) };
    expect(recorded.name).not.toContain('abcdefgh');
    expect(judgeKey(recorded, {}, [key('new', { name })])).toMatchObject({ outcome: 'applied' });
    expect(judgeKey(recorded, {}, [key('new', { name: 'sk_live_abcdefgh12340000' })])).toEqual(absent);
  });
});

describe("changes with results that can't be told apart", () => {
  const key: KeyIntent = { action: 'create-key', type: 'subscription', name: 'prod', subscriptionId: 's1' };

  test.each<[string, Partial<KeyIntent>, boolean]>([
    ['the same', {}, true],
    ['no name', { name: undefined }, true],
    ['no subscription', { subscriptionId: undefined }, true],
    ['blanks around the name', { name: ' prod' }, true],
    ['another name', { name: 'staging' }, false],
    ['another subscription', { subscriptionId: 's2' }, false],
    ['another type', { type: 'credit' }, false],
  ])('treats a key and one with %s as rivals', (_what, more, rivals) => {
    expect([areRivals(key, { ...key, ...more }), areRivals({ ...key, ...more }, key)]).toEqual([rivals, rivals]);
  });

  test('treats no other changes as rivals', () => {
    expect(areRivals(key, { action: 'delete-key', id: 'prod' })).toBe(false);
    expect(areRivals({ action: 'delete-key', id: 'k' }, { action: 'delete-key', id: 'k' })).toBe(false);
  });
});

test('considers a key revoked if it is no longer listed', () => {
  expect(judgeDelete('a', [{ id: 'b' }])).toEqual({ outcome: 'applied', found: 'a' });
  expect(judgeDelete('a', [{ id: 'b' }, { id: 'a' }])).toEqual(absent);
});

describe('judgeCancel', () => {
  const going = (id: string): SeenSubscription => ({ id, cancelAtPeriodEnd: false });
  const ending = (id: string): SeenSubscription => ({ id, cancelAtPeriodEnd: true });

  test("finds the subscription that ends and didn't before", () => {
    const mine = [going('a'), ending('b'), ending('c')];
    expect(judgeCancel('c', { ending: ['b'] }, mine)).toEqual({ outcome: 'applied', found: ending('c') });
  });

  test('accepts another subscription than the named one, because the API chooses', () => {
    expect(judgeCancel('a', { ending: [] }, [going('a'), ending('b')])).toEqual({
      outcome: 'applied',
      found: ending('b'),
    });
  });

  test('prefers the named subscription', () => {
    expect(judgeCancel('b', {}, [ending('a'), ending('b')])).toMatchObject({ found: { id: 'b' } });
  });

  test('ignores subscriptions that were ending before, or that another change ended', () => {
    expect(judgeCancel('a', { ending: ['b'] }, [going('a'), ending('b')])).toEqual(absent);
    expect(judgeCancel('a', {}, [going('a'), ending('b')], new Set(['b']))).toEqual(absent);
  });

  test.each<[string, SeenSubscription[]]>([
    ['no longer exists', [going('b')]],
    ['has ended', [going('b'), { id: 'a', status: 'canceled', cancelAtPeriodEnd: false }]],
    ['has no stated ending', [{ id: 'a', status: 'active' }]],
  ])('is unknown if the named subscription %s', (_what, mine) => {
    expect(judgeCancel('a', {}, mine)).toMatchObject({ outcome: 'unknown' });
  });
});

describe('judgeVerify', () => {
  test.each([
    ['rose by the amount', 50, 25, 75, { outcome: 'applied', found: { credited: 50 } }],
    ['rose by the amount, to the cent', 0.1, 0.2, 0.3, { outcome: 'applied', found: { credited: 0.1 } }],
    ['did not rise', 50, 25, 25, absent],
  ])('decides by the total ever credited, which %s', (_what, amount, before, after, verdict) => {
    expect(judgeVerify(amount, { toppedUp: before }, after)).toEqual(verdict);
  });

  test.each([
    ['rose by more', 25, 80],
    ['rose by less', 25, 74.99],
    ['fell', 25, 20],
    ['was not stated before', undefined, 75],
    ['is not stated now', 25, undefined],
  ])('is unknown if the total %s', (_what, before, after) => {
    expect(judgeVerify(50, { toppedUp: before }, after)).toMatchObject({ outcome: 'unknown' });
  });
});

/*
 * Checks the functions against a simulated server. Between the two checks of the account, anything may happen in any order: our change
 * (or not, or only after the second check), other changes of this machine, whose ids are recorded (`others`), changes by other users,
 * and removals.
 *
 * The account can't tell the following, so the properties leave it out:
 * - Who created a new identical one: one of another user instead of ours counts as ours, and in addition to ours it makes the verdict
 *   unknown.
 * - What was created and removed again before the second check.
 * - What the server does after the second check: callers check several times, and check for a purchase again before the next one.
 */
type By = 'ours' | 'recorded' | 'foreign';

const anyBlocks = fc.subarray([...blockNames], { minLength: 1 });
const anyCycle = fc.constantFrom<BillingCycle>('month', 'year');
const anyBy = fc.constantFrom<By>('recorded', 'foreign');
/** Where in a list of events something happens. `never` and `late` are after the check. */
const moment = fc.oneof(fc.nat(8), fc.constantFrom('never' as const, 'late' as const));

/** Returns the events before the check, including ours. */
function inOrder<Event>(events: readonly Event[], ours: Event, when: number | 'never' | 'late'): readonly Event[] {
  if (typeof when !== 'number') return events;
  const at = Math.min(when, events.length);
  return [...events.slice(0, at), ours, ...events.slice(at)];
}

describe('a purchase among random events', () => {
  interface Purchase {
    readonly kind: 'buy';
    readonly by: By;
    readonly blocks: readonly Block[];
    readonly cycle: BillingCycle;
    readonly quantity: number;
  }
  /** `which` picks one of the existing ones. */
  type Event = Purchase | { readonly kind: 'remove' | 'cancel'; readonly which: number };
  interface Existing {
    readonly id: string;
    readonly by: By;
    readonly blocks: readonly Block[];
    readonly cycle: BillingCycle;
    readonly ending: boolean;
  }

  const order = fc.record({ blocks: anyBlocks, billingCycle: anyCycle, quantity: fc.integer({ min: 1, max: 4 }) });
  const event = (wanted: { blocks: readonly Block[]; billingCycle: BillingCycle; quantity: number }) =>
    fc.oneof(
      fc.record({
        kind: fc.constant('buy' as const),
        by: anyBy,
        // Makes the same one more likely.
        blocks: fc.oneof(fc.constant(wanted.blocks), anyBlocks),
        cycle: fc.oneof(fc.constant(wanted.billingCycle), anyCycle),
        quantity: fc.oneof(fc.constant(wanted.quantity), fc.integer({ min: 1, max: 4 })),
      }),
      fc.record({ kind: fc.constantFrom('remove' as const, 'cancel' as const), which: fc.nat() }),
    );
  const story = order.chain((wanted) =>
    fc.record({
      wanted: fc.constant(wanted),
      earlier: fc.array(event(wanted), { maxLength: 4 }),
      meanwhile: fc.array(event(wanted), { maxLength: 5 }),
      when: moment,
      tellsHours: fc.boolean(),
      tellsCycle: fc.boolean(),
    }),
  );

  /** Simulates a server, and how one generation of it lists what it has. */
  function modelServer(tellsHours: boolean, tellsCycle: boolean) {
    let existing: Existing[] = [];
    let made = 0;
    return {
      existing: () => existing,
      carryOut(each: Event) {
        if (each.kind === 'buy') {
          const { by, blocks, cycle, quantity } = each;
          for (let seat = 0; seat < quantity; seat += 1) {
            made += 1;
            existing.push({ id: `${by}-${made}`, by, blocks, cycle, ending: false });
          }
          return;
        }
        const chosen = existing[each.which % Math.max(existing.length, 1)];
        if (each.kind === 'remove') existing = existing.filter((one) => one !== chosen);
        else existing = existing.map((one) => (one === chosen ? { ...one, ending: true } : one));
      },
      list: (): SeenSubscription[] =>
        existing.toReversed().map(({ id, blocks, cycle, ending }) => ({
          id,
          status: 'active',
          cancelAtPeriodEnd: ending,
          hours: tellsHours ? hours(...blocks) : null,
          billingCycle: tellsCycle ? cycle : null,
        })),
    };
  }

  test('is judged correctly, as far as it can be known', () => {
    fc.assert(
      fc.property(story, ({ wanted, earlier, meanwhile, when, tellsHours, tellsCycle }) => {
        const intent: SubscribeIntent = { action: 'subscribe', pool: 'kimi26', ...wanted };
        const ours: Purchase = { kind: 'buy', by: 'ours', cycle: wanted.billingCycle, ...wanted };
        const server = modelServer(tellsHours, tellsCycle);
        for (const each of earlier) server.carryOut(each);
        const before = { ids: server.list().map(({ id }) => id) };
        const known = new Set(before.ids);
        let removed = false;
        for (const each of inOrder<Event>(meanwhile, ours, when)) {
          const seats = server.existing().filter(({ by }) => by === 'ours').length;
          server.carryOut(each);
          removed ||= server.existing().filter(({ by }) => by === 'ours').length < seats;
        }
        const fresh = server.existing().filter(({ id }) => !known.has(id));
        const others = new Set(fresh.filter(({ by }) => by === 'recorded').map(({ id }) => id));
        const alike = ({ blocks, cycle }: Existing) =>
          (!tellsHours || blocks.join() === wanted.blocks.join()) && (!tellsCycle || cycle === wanted.billingCycle);
        const foreign = fresh.filter((each) => each.by === 'foreign' && alike(each));
        const made = fresh.filter(({ by }) => by === 'ours');

        const verdict = judgeSubscribe(intent, before, server.list(), others);

        if (verdict.outcome === 'applied') {
          const found = verdict.found.map(({ id }) => id);
          expect(found).toHaveLength(wanted.quantity);
          const fitting = fresh.filter((each) => each.by !== 'recorded' && alike(each)).map(({ id }) => id);
          expect(found.toSorted()).toEqual(fitting.toSorted());
        }
        // It was created and still exists, so the verdict is never that it wasn't applied.
        if (made.length > 0) expect(verdict.outcome).not.toBe('not_applied');
        if (foreign.length === 0 && !removed) {
          expect(verdict.outcome).toBe(typeof when === 'number' ? 'applied' : 'not_applied');
          if (verdict.outcome === 'applied') expect(verdict.found.every(({ id }) => id.startsWith('ours'))).toBe(true);
        }
        // If another identical one exists, it is never mistaken for ours.
        if (foreign.length > 0 && made.length === wanted.quantity) expect(verdict.outcome).toBe('unknown');
        // If ours doesn't exist, the other one matches if it has as many seats.
        if (foreign.length > 0 && made.length === 0) {
          expect(verdict.outcome).toBe(foreign.length === wanted.quantity ? 'applied' : 'unknown');
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a key among random events', () => {
  interface Created {
    readonly by: By;
    readonly name: string;
    readonly type: KeyIntent['type'];
    readonly subscriptionId: string | undefined;
  }
  type Event = ({ readonly kind: 'make' } & Created) | { readonly kind: 'revoke'; readonly which: number };
  type Existing = Created & { readonly id: string };

  const anyName = fc.constantFrom('prod', 'staging', 'default');
  const anyType = fc.constantFrom<KeyIntent['type']>('subscription', 'credit');
  const anySubscription = fc.constantFrom('s1', 's2');
  const order = fc.record({
    name: fc.option(anyName, { nil: undefined }),
    type: anyType,
    subscriptionId: fc.option(anySubscription, { nil: undefined }),
  });
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('make' as const),
      by: anyBy,
      name: anyName,
      type: anyType,
      subscriptionId: anySubscription,
    }),
    fc.record({ kind: fc.constant('revoke' as const), which: fc.nat() }),
  );

  test('is judged correctly, as far as it can be known', () => {
    fc.assert(
      fc.property(
        order,
        fc.array(event, { maxLength: 4 }),
        fc.array(event, { maxLength: 5 }),
        moment,
        fc.boolean(),
        fc.boolean(),
        (wanted, earlier, meanwhile, when, tellsType, tellsSubscription) => {
          const intent: KeyIntent = {
            action: 'create-key',
            ...wanted,
            ...(wanted.type === 'credit' ? { subscriptionId: undefined } : {}),
          };
          let existing: Existing[] = [];
          let count = 0;
          const carryOut = (each: Event) => {
            if (each.kind === 'make') {
              count += 1;
              const { by, name, type, subscriptionId } = each;
              existing.push({
                id: `${by}-${count}`,
                by,
                name,
                type,
                subscriptionId: type === 'credit' ? undefined : subscriptionId,
              });
            } else existing = existing.filter((_, at) => at !== each.which % existing.length);
          };
          const list = (): SeenKey[] =>
            existing.map(({ id, name, type, subscriptionId }) => ({
              id,
              name,
              keyType: tellsType ? type : undefined,
              subscriptionId: tellsSubscription ? subscriptionId : null,
            }));
          for (const each of earlier) carryOut(each);
          // Only those that could be mistaken for it are recorded.
          const before = {
            ids: list()
              .filter((key) => couldBe(intent, key))
              .map(({ id }) => id),
          };
          const known = new Set(existing.map(({ id }) => id));
          const ours: Event = {
            kind: 'make',
            by: 'ours',
            name: intent.name ?? 'default',
            type: intent.type,
            subscriptionId: intent.subscriptionId ?? 's1',
          };
          for (const each of inOrder<Event>(meanwhile, ours, when)) carryOut(each);
          const fresh = existing.filter(({ id }) => !known.has(id));
          const others = new Set(fresh.filter(({ by }) => by === 'recorded').map(({ id }) => id));
          const alike = ({ name, type, subscriptionId }: Existing) =>
            (intent.name === undefined || name === intent.name) &&
            (!tellsType || type === intent.type) &&
            (!tellsSubscription ||
              intent.subscriptionId === undefined ||
              subscriptionId === undefined ||
              subscriptionId === intent.subscriptionId);
          const foreign = fresh.filter((each) => each.by === 'foreign' && alike(each));
          const made = fresh.filter(({ by }) => by === 'ours');

          const verdict = judgeKey(intent, before, list(), others);

          const expected =
            made.length + foreign.length > 1
              ? 'unknown'
              : made.length + foreign.length === 1
                ? 'applied'
                : 'not_applied';
          expect(verdict.outcome).toBe(expected);
          if (verdict.outcome === 'applied') {
            expect([...made, ...foreign].map(({ id }) => id)).toEqual([verdict.found.id]);
          }
          const lost = typeof when === 'number' && made.length === 0;
          if (foreign.length === 0 && !lost) {
            expect(verdict.outcome).toBe(typeof when === 'number' ? 'applied' : 'not_applied');
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('a cancellation among random events', () => {
  interface Existing {
    readonly id: string;
    readonly ending: boolean;
  }
  type Event = { readonly kind: 'cancel'; readonly by: By } | { readonly kind: 'buy' };

  test('is judged correctly, as far as it can be known', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('cancel' as const), by: anyBy }),
      fc.record({ kind: fc.constant('buy' as const) }),
    );
    fc.assert(
      fc.property(
        // If all are ending already, no request is sent.
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }).filter((endings) => endings.includes(false)),
        fc.array(event, { maxLength: 4 }),
        moment,
        (endings, meanwhile, when) => {
          let existing: Existing[] = endings.map((ending, at) => ({ id: `s${at}`, ending }));
          const ended = new Map<By, string[]>([
            ['ours', []],
            ['recorded', []],
            ['foreign', []],
          ]);
          const before = { ending: existing.filter(({ ending }) => ending).map(({ id }) => id) };
          const named = existing.find(({ ending }) => !ending)?.id ?? 'none';
          // The API cancels the most recent one, which is the first in the list.
          const carryOut = (each: Event) => {
            if (each.kind === 'buy') existing = [{ id: `s${existing.length}`, ending: false }, ...existing];
            else {
              const latest = existing.find(({ ending }) => !ending);
              if (latest) ended.get(each.by)?.push(latest.id);
              existing = existing.map((one) => (one === latest ? { ...one, ending: true } : one));
            }
          };
          for (const each of inOrder<Event>(meanwhile, { kind: 'cancel', by: 'ours' }, when)) carryOut(each);
          const [ours] = ended.get('ours') ?? [];
          const foreign = ended.get('foreign') ?? [];
          const others = new Set(ended.get('recorded'));

          const mine = existing.map(({ id, ending }) => ({ id, cancelAtPeriodEnd: ending }));
          const verdict = judgeCancel(named, before, mine, others);

          if (verdict.outcome === 'applied') {
            expect([ours, ...foreign]).toContain(verdict.found.id);
            expect(verdict.found.cancelAtPeriodEnd).toBe(true);
            expect(before.ending).not.toContain(verdict.found.id);
          }
          if (ours !== undefined) expect(verdict.outcome).toBe('applied');
          if (foreign.length === 0) {
            expect(verdict).toMatchObject(ours === undefined ? absent : { outcome: 'applied', found: { id: ours } });
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('a payment among random events', () => {
  test('is judged correctly, as far as it can be known', () => {
    const cents = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(
        fc.nat(10_000_000),
        cents,
        fc.array(cents, { maxLength: 3 }),
        fc.boolean(),
        (start, amount, foreign, made) => {
          const others = foreign.reduce((sum, each) => sum + each, 0);
          const after = start + others + (made ? amount : 0);
          const verdict = judgeVerify(amount / 100, { toppedUp: start / 100 }, after / 100);
          if (verdict.outcome === 'applied') expect(after - start).toBe(amount);
          if (made) expect(verdict.outcome).not.toBe('not_applied');
          if (foreign.length === 0) expect(verdict.outcome).toBe(made ? 'applied' : 'not_applied');
          else if (made) expect(verdict.outcome).toBe('unknown');
        },
      ),
      { numRuns: 3000 },
    );
  });
});

test('considers a key revoked only if it is no longer listed, whatever else happens', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')), (ids) => {
      const verdict = judgeDelete(
        'a',
        ids.map((id) => ({ id })),
      );
      expect(verdict.outcome).toBe(ids.includes('a') ? 'not_applied' : 'applied');
    }),
  );
});
