import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  AccountPlan,
  CurrentAccount,
  CurrentKey,
  CurrentSubscription,
  PlanStep,
} from '../../src/domain/account-plan.ts';
import { type Block, blockNames, hoursOf } from '../../src/domain/blocks.ts';
import type { DesiredAccount, DesiredKey, DesiredSeats } from '../../src/domain/desired-account.ts';
import { planAccount } from '../../src/domain/plan-account.ts';
import { cpuTimer } from '../support/cpu-time.ts';
import { hours } from '../support/hours.ts';

const place = { file: 'account.yaml', line: 1, column: 1 };
const nothingAllowed = { updateExisting: false, allowDestroy: false };
const allAllowed = { updateExisting: true, allowDestroy: true };

function seats(more: Partial<DesiredSeats> = {}): DesiredSeats {
  return {
    pool: 'kimi26',
    blocks: ['europe'],
    quantity: 1,
    billingCycle: 'month',
    onSoldOut: 'fail',
    isProtected: false,
    place,
    ...more,
  };
}

function key(more: Partial<DesiredKey> = {}): DesiredKey {
  return { name: 'prod', type: 'credit', isProtected: false, place, ...more };
}

function file(more: Partial<DesiredAccount> = {}): DesiredAccount {
  return { file: 'account.yaml', maxMonthlySpend: undefined, managedPrefix: undefined, seats: [], keys: [], ...more };
}

function subscription(id: string, more: Partial<CurrentSubscription> = {}): CurrentSubscription {
  return {
    id,
    poolSlug: 'kimi26',
    status: 'active',
    billingCycle: 'month',
    cancelAtPeriodEnd: false,
    currentPeriodEnd: '2026-05-14T09:00:00.000Z',
    monthlyPrice: 49,
    hours: hours(['europe']),
    ...more,
  };
}

function account(more: Partial<CurrentAccount> = {}): CurrentAccount {
  return { subscriptions: [], keys: [], ...more };
}

/** Returns a step in one line: what it does, to what, and what is in its way. */
function line(step: PlanStep): string {
  const { action, kind, obstacle, differences } = step;
  const what =
    action === 'cancel'
      ? step.subscription
      : action === 'reserve'
        ? `${step.missing} ${step.seats.pool} ${step.seats.blocks.join(',')}`
        : action === 'revoke-key'
          ? step.name
          : step.key.name;
  const differs = differences.map(({ field, from, to }) => `${field} ${from}→${to}`).join(' ');
  return [kind, action, what, differs, obstacle && `[${obstacle.option ?? obstacle.why}]`].filter(Boolean).join(' ');
}

function lines(desired: DesiredAccount, current: CurrentAccount, options = nothingAllowed): string[] {
  return planAccount(desired, current, options).steps.map(line);
}

describe('a plan for seats', () => {
  const cases: readonly (readonly [
    string,
    readonly DesiredSeats[],
    readonly CurrentSubscription[],
    readonly string[],
  ])[] = [
    ['is empty if they are there', [seats()], [subscription('a')], []],
    [
      'reserves what is missing',
      [seats({ quantity: 3 })],
      [subscription('a')],
      ['create reserve 2 kimi26 europe quantity 1→3'],
    ],
    [
      'counts the seats of a subscription',
      [seats({ quantity: 2 })],
      [subscription('a', { hours: hours(['europe'], 2) })],
      [],
    ],
    ['ignores other pools', [seats()], [subscription('a', { poolSlug: 'glm5' })], ['create reserve 1 kimi26 europe']],
    [
      'reserves no seats again that end, without --update-existing',
      [seats()],
      [subscription('a', { cancelAtPeriodEnd: true })],
      ['create reserve 1 kimi26 europe [--update-existing]'],
    ],
    [
      'reserves no seats again whose payment failed',
      [seats()],
      [subscription('a', { status: 'past_due' })],
      ['create reserve 1 kimi26 europe [subscription a has its seats, but a failed payment]'],
    ],
    ['counts one whose key is on its way', [seats()], [subscription('a', { status: 'pending_key' })], []],
    [
      'takes a billing cycle that is not stated as it is',
      [seats({ billingCycle: 'year' })],
      [subscription('a', { billingCycle: null })],
      [],
    ],
    [
      'holds back other blocks',
      [seats()],
      [subscription('a', { hours: hours(['asia']) })],
      [
        'update cancel a blocks asia→europe [--update-existing]',
        'update reserve 1 kimi26 europe blocks asia→europe [--update-existing]',
      ],
    ],
    [
      'holds back another billing cycle',
      [seats({ billingCycle: 'year' })],
      [subscription('a')],
      [
        'update cancel a billingCycle month→year [--update-existing]',
        'update reserve 1 kimi26 europe billingCycle month→year [--update-existing]',
      ],
    ],
    [
      'holds back too many seats',
      [seats()],
      [subscription('b'), subscription('a')],
      ['update cancel b quantity 2→1 [--update-existing]'],
    ],
    [
      'never cancels protected seats',
      [seats({ isProtected: true })],
      [subscription('b'), subscription('a')],
      ['update cancel b quantity 2→1 [it is protected]'],
    ],
    [
      "doesn't guess blocks that the API doesn't state",
      [seats()],
      [subscription('a', { hours: null })],
      ["create reserve 1 kimi26 europe [the API doesn't state the blocks of subscription a]"],
    ],
    [
      "can't give up one of two seats of a subscription",
      [seats()],
      [subscription('a', { hours: hours(['europe'], 2) })],
      ['update cancel a quantity 2→1 [it has 2 seats, which can only be canceled together, and 1 of them is too many]'],
    ],
  ];

  test.each(cases)('%s', (_what, desired, subscriptions, expected) => {
    expect(lines(file({ seats: desired }), account({ subscriptions }))).toEqual(expected);
  });

  test('changes what differs with --update-existing, cancellations first', () => {
    const subscriptions = [subscription('a', { hours: hours(['asia']) })];
    expect(lines(file({ seats: [seats()] }), account({ subscriptions }), allAllowed)).toEqual([
      'update cancel a blocks asia→europe',
      'update reserve 1 kimi26 europe blocks asia→europe',
    ]);
  });

  test('replaces the seats of the same blocks rather than others', () => {
    const subscriptions = [subscription('b'), subscription('a', { hours: hours(['asia']) })];
    expect(lines(file({ seats: [seats({ billingCycle: 'year' })] }), account({ subscriptions }), allAllowed)).toEqual([
      'update cancel b billingCycle month→year',
      'update reserve 1 kimi26 europe billingCycle month→year',
    ]);
  });

  test('replaces nothing if a newer subscription would be canceled in its place', () => {
    const desired = file({ seats: [seats(), seats({ blocks: ['americas'] })] });
    const old = subscription('old', { hours: hours(['asia']) });
    const why = '[the API cancels only the most recent subscription of a pool, which is new]';
    for (const status of ['active', 'past_due']) {
      const blocks: Block[] = status === 'active' ? ['europe'] : ['asia', 'europe'];
      const current = account({ subscriptions: [subscription('new', { status, hours: hours(blocks) }), old] });
      expect(lines(desired, current, allAllowed).filter((each) => !each.includes('americas'))).toEqual(
        status === 'active'
          ? []
          : [`update cancel old blocks asia→europe ${why}`, `update reserve 1 kimi26 europe blocks asia→europe ${why}`],
      );
    }
  });

  test('replaces all subscriptions of an entry or none, and then none that are older', () => {
    const yearly = { billingCycle: 'year' } as const;
    const entries = [
      seats({ ...yearly, quantity: 2 }),
      seats({ ...yearly, blocks: ['asia'] }),
      seats({ blocks: ['americas'] }),
    ];
    const subscriptions = [
      subscription('s4'),
      subscription('s3', { hours: hours(['asia']) }),
      subscription('s2', { hours: hours(['americas']) }),
      subscription('s1'),
    ];
    const why = (id: string) => `[the API cancels only the most recent subscription of a pool, which is ${id}]`;
    expect(lines(file({ seats: entries }), account({ subscriptions }), allAllowed)).toEqual([
      `update cancel s4 billingCycle month→year ${why('s2')}`,
      `update cancel s3 billingCycle month→year ${why('s4')}`,
      `update cancel s1 billingCycle month→year ${why('s2')}`,
      `update reserve 2 kimi26 europe billingCycle month→year ${why('s2')}`,
      `update reserve 1 kimi26 asia billingCycle month→year ${why('s4')}`,
    ]);
  });

  test('gives nothing up for seats that are sold out', () => {
    const entry = seats();
    const current = account({ subscriptions: [subscription('a', { hours: hours(['asia']) })] });
    const plan = planAccount(file({ seats: [entry] }), current, { ...allAllowed, unavailable: new Set([entry]) });
    expect(plan.steps.map(line)).toEqual([
      "update cancel a blocks asia→europe [the seats that replace it aren't available]",
      "update reserve 1 kimi26 europe blocks asia→europe [the seats that replace it aren't available]",
    ]);
  });

  test('lists as unmanaged what the file does not ask for', () => {
    const subscriptions = [
      subscription('b', { hours: hours(['asia']) }),
      subscription('a'),
      subscription('c', { poolSlug: 'glm5', hours: hours(['asia', 'europe']) }),
      subscription('over', { status: 'canceled' }),
    ];
    const { steps, unmanaged } = planAccount(file({ seats: [seats()] }), account({ subscriptions }), allAllowed);
    expect(steps).toEqual([]);
    expect(unmanaged).toEqual([
      { type: 'subscription', id: 'b', name: 'kimi26 asia' },
      { type: 'subscription', id: 'c', name: 'glm5 asia,europe' },
    ]);
  });

  test('notes what has the seats, but ends or is not paid', () => {
    const subscriptions = [
      subscription('late', { status: 'past_due' }),
      subscription('ends', { cancelAtPeriodEnd: true }),
    ];
    const { notes } = planAccount(file({ seats: [seats()] }), account({ subscriptions }), nothingAllowed);
    const ends = '2026-05-14T09:00:00.000Z';
    expect(notes).toEqual([
      { type: 'past_due', subscription: 'late', pool: 'kimi26', blocks: ['europe'], ends },
      { type: 'ending', subscription: 'ends', pool: 'kimi26', blocks: ['europe'], ends },
    ]);
  });
});

describe('a plan that cancels a subscription with keys', () => {
  const subscriptions = [subscription('b'), subscription('a')];
  const keys: readonly CurrentKey[] = [
    { id: 'k1', name: 'prod ', keyType: 'subscription', subscriptionId: 'b' },
    { id: 'k2', keyType: 'subscription', subscriptionId: 'b' },
    { id: 'k3', name: 'gone', keyType: 'subscription', subscriptionId: 'b', isActive: false },
  ];
  const prod = key({ name: 'prod', type: 'subscription', pool: 'kimi26' });

  test('notes which keys end with it', () => {
    const desired = file({ seats: [seats()], keys: [prod] });
    const { steps, notes } = planAccount(desired, account({ subscriptions, keys }), allAllowed);
    expect(steps.map(line)).toEqual(['update cancel b quantity 2→1']);
    expect(notes).toEqual([{ type: 'ending-keys', subscription: 'b', keys: ['prod', 'k2'] }]);
    expect(planAccount(desired, account({ subscriptions, keys }), nothingAllowed).notes).toEqual([]);
  });

  test.each([
    ['too many seats', seats(), ['update cancel b quantity 2→1']],
    [
      'other blocks',
      seats({ blocks: ['asia'], quantity: 2 }),
      [
        'update cancel b blocks europe→asia',
        'update cancel a blocks europe→asia',
        'update reserve 2 kimi26 asia blocks europe→asia',
      ],
    ],
  ])('leaves it alone if a key is protected: %s', (_, entry, expected) => {
    const desired = file({ seats: [entry], keys: [{ ...prod, isProtected: true }] });
    const { steps, notes } = planAccount(desired, account({ subscriptions, keys }), allAllowed);
    const why = 'subscription b has key prod, which is protected';
    expect(steps.map(line)).toEqual(expected.map((each) => `${each} [${why}]`));
    expect(notes).toEqual([]);
  });
});

describe('a plan for keys', () => {
  const current: CurrentKey = { id: 'k1', name: ' prod ', keyType: 'credit', maxBudget: 25, rpm: null };
  const seatKey: CurrentKey = { id: 'k1', name: 'prod', keyType: 'subscription', subscriptionId: 'a' };
  const cases: readonly (readonly [string, Partial<DesiredKey>, readonly CurrentKey[], readonly string[]])[] = [
    ['is empty if it is there', { maxBudget: 25 }, [current], []],
    ['creates one that is missing', {}, [], ['create create-key prod']],
    ['creates one if the other is inactive', {}, [{ ...current, isActive: false }], ['create create-key prod']],
    [
      'holds back other limits',
      { maxBudget: 50 },
      [current],
      ['update rotate-key prod maxBudget 25→50 [--update-existing]'],
    ],
    ['takes null as no limit', { rpm: 60 }, [current], ['update rotate-key prod rpm undefined→60 [--update-existing]']],
    ["doesn't compare what the API leaves out", { tpm: 1000 }, [current], []],
    ["doesn't compare what the file leaves out", {}, [current], []],
    [
      'holds back another type',
      { type: 'subscription', pool: 'kimi26' },
      [current],
      ['update rotate-key prod type credit→subscription [--update-existing]'],
    ],
    ['finds its pool', { type: 'subscription', pool: 'kimi26' }, [seatKey], []],
    [
      'holds back another subscription',
      { type: 'subscription', subscription: 'b' },
      [seatKey],
      ['update rotate-key prod subscription a→b [--update-existing]'],
    ],
    [
      'needs a seat if that of its key is gone',
      { type: 'subscription', pool: 'kimi26' },
      [{ ...seatKey, subscriptionId: 'gone', subscriptionStatus: 'canceled' }],
      ['update rotate-key prod subscription gone→undefined [--update-existing]'],
    ],
    [
      'never rotates a protected key',
      { maxBudget: 50, isProtected: true },
      [current],
      ['update rotate-key prod maxBudget 25→50 [it is protected]'],
    ],
    [
      'refuses to choose between two of its name',
      {},
      [current, { ...current, id: 'k2' }],
      ['update rotate-key prod [there are 2 active keys of this name (k1, k2); revoke all but one]'],
    ],
    [
      'needs a seat on its pool',
      { type: 'subscription', pool: 'glm5' },
      [],
      ['create create-key prod [you have no active subscription on glm5, and the file reserves no seat there]'],
    ],
    [
      'needs its subscription',
      { type: 'subscription', subscription: 'nope' },
      [],
      ['create create-key prod [you have no active subscription nope]'],
    ],
  ];

  test.each(cases)('%s', (_what, desired, keys, expected) => {
    const subscriptions = [subscription('a'), subscription('b')];
    const { steps } = planAccount(file({ keys: [key(desired)] }), account({ subscriptions, keys }), nothingAllowed);
    expect(steps.map(line)).toEqual(expected);
  });

  test('uses the seat that the plan reserves, if it does', () => {
    const desired = file({ seats: [seats()], keys: [key({ type: 'subscription', pool: 'kimi26' })] });
    expect(lines(desired, account())).toEqual(['create reserve 1 kimi26 europe', 'create create-key prod']);
    const pending = account({ subscriptions: [subscription('a', { status: 'pending_key' })] });
    expect(lines(desired, pending)).toEqual([
      'create create-key prod [the first key of its subscription arrives by email, within 24 hours]',
    ]);
    const plan = planAccount(desired, account(), { ...nothingAllowed, unavailable: new Set(desired.seats) });
    expect(plan.steps.map(line)).toEqual([
      'create reserve 1 kimi26 europe',
      "create create-key prod [its seat on kimi26 isn't reserved: it isn't available]",
    ]);
  });

  test('revokes only keys with the prefix that the file does not name, and only with --allow-destroy', () => {
    const keys = [
      { id: '1', name: 'tenant-a' },
      { id: '2', name: 'tenant-b' },
      { id: '3', name: 'other' },
      { id: '4', name: null },
    ];
    const desired = file({ managedPrefix: 'tenant-', keys: [key({ name: 'tenant-a' })] });
    const plan = planAccount(desired, account({ keys }), nothingAllowed);
    expect(plan.steps.map(line)).toEqual(['destroy revoke-key tenant-b [--allow-destroy]']);
    expect(plan.unmanaged).toEqual([
      { type: 'key', id: '3', name: 'other' },
      { type: 'key', id: '4', name: '4' },
    ]);
    expect(lines(desired, account({ keys }), allAllowed)).toEqual(['destroy revoke-key tenant-b']);
  });

  test('says how many keys have limits that the API does not state', () => {
    const keys = [{ id: '1', name: 'a' }];
    const { notes } = planAccount(file({ keys: [key({ name: 'a', rpm: 1 })] }), account({ keys }), nothingAllowed);
    expect(notes).toEqual([{ type: 'limits-not-stated', keys: 1 }]);
  });

  test('of 10,000 keys takes less than a second of the processor', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `tenant-${at}`);
    const desired = file({ keys: names.map((name) => key({ name, maxBudget: 25 })) });
    const keys = names.map((name, at) => ({ id: `${at}`, name, keyType: 'credit', maxBudget: at % 2 === 0 ? 25 : 5 }));
    const used = cpuTimer();
    expect(planAccount(desired, account({ keys }), allAllowed).steps).toHaveLength(5000);
    expect(used()).toBeLessThan(1000);
  });
});

/** An account that carries out plans as the API does. */
class ModelAccount {
  subscriptions: CurrentSubscription[];
  keys: CurrentKey[];
  #count = 0;

  constructor({ subscriptions, keys }: CurrentAccount) {
    this.subscriptions = [...subscriptions];
    this.keys = [...keys];
  }

  carryOut({ steps }: AccountPlan): void {
    for (const step of steps) if (step.obstacle === undefined) this.#carryOut(step);
  }

  #carryOut(step: PlanStep): void {
    switch (step.action) {
      case 'cancel': {
        const canceled = this.subscriptions.find(
          ({ poolSlug, status, cancelAtPeriodEnd }) =>
            poolSlug === step.pool && status !== 'canceled' && cancelAtPeriodEnd !== true,
        );
        expect(canceled?.id).toBe(step.subscription);
        this.subscriptions = this.subscriptions.map((each) =>
          each === canceled ? { ...each, cancelAtPeriodEnd: true } : each,
        );
        return;
      }
      case 'reserve': {
        const { pool: poolSlug, blocks, billingCycle } = step.seats;
        for (let seat = 0; seat < step.missing; seat++) {
          const id = this.#newId();
          this.subscriptions.unshift(subscription(id, { poolSlug, billingCycle, hours: hours(blocks) }));
        }
        return;
      }
      case 'create-key':
        this.keys.push(this.#newKey(step.key));
        return;
      case 'rotate-key':
        this.keys = this.keys.map((each) => (each.id === step.id ? this.#newKey(step.key) : each));
        return;
      case 'revoke-key':
        this.keys = this.keys.map((each) => (each.id === step.id ? { ...each, isActive: false } : each));
    }
  }

  #newKey({ name, type, pool, subscription: id, maxBudget, rpm, tpm }: DesiredKey): CurrentKey {
    const base = { id: this.#newId(), name, keyType: type, isActive: true };
    if (type === 'credit') return { ...base, maxBudget: maxBudget ?? null, rpm: rpm ?? null, tpm: tpm ?? null };
    const seat = this.subscriptions.find(
      (each) => each.status === 'active' && (id === undefined ? each.poolSlug === pool : each.id === id),
    );
    expect(seat).toBeDefined();
    return { ...base, subscriptionId: seat?.id, subscriptionStatus: 'active' };
  }

  #newId(): string {
    this.#count += 1;
    return `new${this.#count}`;
  }
}

const pool = fc.constantFrom('kimi26', 'glm5');
const blocks = fc.subarray([...blockNames], { minLength: 1 });
const cycle = fc.constantFrom('month' as const, 'year' as const);
const protection = fc.boolean();
const limit = fc.option(fc.constantFrom(10, 25), { nil: undefined });
const names = ['prod', 'tenant-a', 'tenant-b', 'tenant-c', 'other'];
const ids = ['s0', 's1', 's2', 's3', 's4', 's5'];

const anySubscriptions = fc
  .array(
    fc.record({
      poolSlug: pool,
      hours: fc.oneof(
        {
          weight: 8,
          arbitrary: fc.tuple(blocks, fc.constantFrom(1, 1, 1, 2)).map(([some, slots]) => hours(some, slots)),
        },
        { weight: 1, arbitrary: fc.constantFrom(null, [{ hour: 3, slotIndex: 0 }]) },
      ),
      billingCycle: fc.oneof({ weight: 8, arbitrary: cycle }, { weight: 1, arbitrary: fc.constant(null) }),
      status: fc.constantFrom('active', 'active', 'active', 'active', 'pending_key', 'past_due', 'canceled'),
      cancelAtPeriodEnd: fc.constantFrom(false, false, false, true, null),
    }),
    { maxLength: 6 },
  )
  .map((all) => all.map((each, at) => subscription(ids[at] ?? '', each)));

const anyAccount: fc.Arbitrary<CurrentAccount> = anySubscriptions.chain((subscriptions) =>
  fc
    .array(
      fc.record({
        name: fc.constantFrom(...names, ' prod ', null),
        isActive: fc.constantFrom(true, true, null, false),
        keyType: fc.constantFrom('credit', 'subscription', null),
        subscriptionId: fc.constantFrom('gone', null, ...subscriptions.map(({ id }) => id)),
        subscriptionStatus: fc.constantFrom('active', 'canceled', null),
        maxBudget: fc.constantFrom(undefined, null, 10, 25),
        rpm: fc.constantFrom(undefined, null, 10, 25),
      }),
      { maxLength: 6 },
    )
    .map((keys) => ({ subscriptions, keys: keys.map((each, at) => ({ id: `k${at}`, ...each })) })),
);

const anyKey: fc.Arbitrary<DesiredKey> = fc
  .record({
    name: fc.constantFrom(...names),
    seat: fc.oneof(
      fc.constant(undefined),
      pool.map((each) => ({ pool: each })),
      fc.constantFrom(...ids).map((each) => ({ subscription: each })),
    ),
    maxBudget: limit,
    rpm: limit,
    isProtected: protection,
  })
  .map(({ name, seat, isProtected, ...limits }) =>
    key({ name, isProtected, ...(seat ? { type: 'subscription', ...seat } : limits) }),
  );

const anyFile: fc.Arbitrary<DesiredAccount> = fc
  .record({
    managedPrefix: fc.constantFrom(undefined, 'tenant-'),
    seats: fc.uniqueArray(
      fc
        .record({
          pool,
          blocks,
          billingCycle: cycle,
          quantity: fc.integer({ min: 1, max: 3 }),
          isProtected: protection,
        })
        .map(seats),
      { maxLength: 4, selector: (each) => JSON.stringify([each.pool, each.blocks, each.billingCycle]) },
    ),
    keys: fc.uniqueArray(anyKey, { maxLength: 4, selector: ({ name }) => name }),
  })
  .map(file);

const anyOptions = fc.record({ updateExisting: fc.boolean(), allowDestroy: fc.boolean() });

describe('any plan', () => {
  const runs = { numRuns: 3000 };

  test('leaves nothing to do when it is carried out', () => {
    fc.assert(
      fc.property(anyFile, anyAccount, anyOptions, (desired, current, options) => {
        const model = new ModelAccount(current);
        const first = planAccount(desired, model, options);
        model.carryOut(first);
        const second = planAccount(desired, model, options);
        expect(second.steps.filter(({ obstacle }) => obstacle === undefined).map(line)).toEqual([]);
        if (first.steps.every(({ obstacle }) => obstacle === undefined)) expect(second.steps.map(line)).toEqual([]);
      }),
      runs,
    );
  });

  test('leaves alone what is unmanaged, protected or has an obstacle', () => {
    fc.assert(
      fc.property(anyFile, anyAccount, anyOptions, (desired, current, options) => {
        const plan = planAccount(desired, current, options);
        const idOf = (step: PlanStep) =>
          step.action === 'cancel' ? step.subscription : 'id' in step ? step.id : undefined;
        const changed = new Set(plan.steps.filter(({ obstacle }) => obstacle === undefined).map(idOf));
        for (const { id } of plan.unmanaged) expect(changed).not.toContain(id);
        for (const step of plan.steps) if (step.obstacle) expect(changed).not.toContain(idOf(step) ?? 'none');
        const protectedNames = desired.keys.filter(({ isProtected }) => isProtected).map(({ name }) => name);
        for (const { id, name } of current.keys) {
          if (protectedNames.includes(name?.trim() ?? '')) expect(changed).not.toContain(id);
        }
        for (const { blocks: some, pool: slug, billingCycle } of desired.seats.filter((each) => each.isProtected)) {
          const mine = current.subscriptions.filter(
            (each) =>
              each.poolSlug === slug &&
              each.billingCycle === billingCycle &&
              JSON.stringify([...new Set(each.hours?.map(({ hour }) => hour))]) ===
                JSON.stringify(some.flatMap(hoursOf)),
          );
          for (const { id } of mine) expect(changed).not.toContain(id);
        }
      }),
      runs,
    );
  });

  test('only creates, unless an option allows more', () => {
    fc.assert(
      fc.property(anyFile, anyAccount, anyOptions, (desired, current, options) => {
        const { steps } = planAccount(desired, current, options);
        const kinds = new Set(steps.filter(({ obstacle }) => obstacle === undefined).map(({ kind }) => kind));
        if (!options.updateExisting) expect(kinds).not.toContain('update');
        if (!options.allowDestroy) expect(kinds).not.toContain('destroy');
      }),
      runs,
    );
  });
});
