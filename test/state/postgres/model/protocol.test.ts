import { describe, expect, test } from 'vitest';
import { type Exploration, explore } from './explore.ts';
import { type Faults, protocol, type Rules, type Setting, type Statement, type Times } from './protocol.ts';

/** Set it to visit more states, for some minutes and with a few GiB: `LARGE_MODEL=1 NODE_OPTIONS=--max-old-space-size=6000`. */
const isLarge = process.env.LARGE_MODEL === '1';

const shortest = { request: 1, lease: 1, settling: 1, noticeable: 0 };
const short = { request: 1, lease: 2, settling: 1, noticeable: 0 };
const medium = { request: 1, lease: 2, settling: 2, noticeable: 0 };
const long = { request: 1, lease: 2, settling: 3, noticeable: 1 };

const rules: Rules = {
  checksLease: true,
  countsLeaseFromRequest: true,
  endsSessionFirst: true,
  renewalNeedsOpen: true,
  renewalNeedsUnexpired: true,
  beginNeedsSession: true,
  departureNeedsSession: true,
  recordsDeparture: true,
  settlesFromDeparture: true,
  rechecksDeparture: true,
  countsRecordFromRequest: true,
  waitsToSettle: true,
  looksUpOpenChanges: true,
  endsAfterNoAnswer: ['take', 'begin', 'release'],
  takesOwnLock: false,
  checkServer: ['take', 'renew', 'begin', 'depart'],
  wait: 4,
  leaseClock: 'more',
  settlingClock: 'less',
  othersClock: 'server',
};

const noFaults: Faults = {
  lostAnswers: 0,
  kills: false,
  onOneMachine: false,
  failovers: 0,
  skews: [0],
  wrongClocks: -1,
  clockSteps: [-1, 1],
  bothClocksWrong: false,
  stopsBeforeDeparture: false,
  wrongDeaths: false,
  serverClockStep: 0,
  lateEffect: 0,
  hidesFailover: false,
};

/** What differs from a model of two processes without faults. */
interface Variant {
  readonly processes?: number;
  readonly times?: Times;
  readonly rules?: Partial<Rules>;
  readonly faults?: Partial<Faults>;
}

function settingOf({ processes = 2, times = long, rules: otherRules, faults }: Variant): Setting {
  return { processes, times, rules: { ...rules, ...otherRules }, faults: { ...noFaults, ...faults } };
}

const limit = 12_000_000;

/** Checks everything. */
function exploreAll(variant: Variant): Exploration {
  return explore(protocol(settingOf(variant)), { checksProgress: true, limit });
}

/** Checks only whether the account can end with two. */
function explorePurchases(variant: Variant): Exploration {
  return explore(protocol({ ...settingOf(variant), onlyPurchases: true }), { checksProgress: false, limit });
}

/** Shows how many states there were, and how the invariant is broken. */
function summaryOf({ states, counterexample }: Exploration): string {
  if (!counterexample) return `${states} states`;
  return `${counterexample.violation}:\n${counterexample.trace.join('\n')}`;
}

const allBut = (...left: Statement[]) => rules.checkServer.filter((statement) => !left.includes(statement));
const twice = 'the account has two';
const stuck = 'from here the work is never finished, even without further faults';

describe('the protocol holds', () => {
  const cases: [string, Variant][] = [
    ['with stops and lost responses', {}],
    ['with kills that only the lease shows', { times: medium, faults: { kills: true } }],
    ['with three processes', { processes: 3, times: shortest }],
    ['with kills on one machine', { times: medium, faults: { kills: true, onOneMachine: true } }],
    ['with a lost answer of the database', { times: shortest, faults: { lostAnswers: 1 } }],
    ['with a failover', { times: shortest, rules: { wait: 2 }, faults: { failovers: 1, skews: [-1, 0, 1] } }],
    [
      'with wrong clocks of the first process',
      { times: shortest, faults: { wrongClocks: 0 }, rules: { othersClock: 'less' } },
    ],
    [
      'with wrong clocks of the second process',
      { times: shortest, faults: { wrongClocks: 1 }, rules: { othersClock: 'less' } },
    ],
  ];
  const largeCases: typeof cases = [
    ['with a lost answer and a renewed lease', { times: medium, faults: { lostAnswers: 1 } }],
    [
      'with wrong clocks and a renewed lease',
      { times: medium, faults: { wrongClocks: 0 }, rules: { othersClock: 'less' } },
    ],
    ['with kills and two lost answers', { times: medium, faults: { kills: true, lostAnswers: 2 } }],
    ['with kills on one machine and a lost answer', { faults: { kills: true, onOneMachine: true, lostAnswers: 1 } }],
    [
      'with a failover and longer times',
      { times: medium, rules: { wait: 3 }, faults: { failovers: 1, skews: [-1, 0, 1] } },
    ],
    ['with a failover and kills', { times: shortest, rules: { wait: 2 }, faults: { kills: true, failovers: 1 } }],
    ['with two failovers', { times: shortest, rules: { wait: 2 }, faults: { failovers: 2 } }],
    ['with wrong clocks and longer times', { faults: { wrongClocks: 1 }, rules: { othersClock: 'less' } }],
  ];
  test.each([...cases, ...(isLarge ? largeCases : [])])('%s', (_, variant) => {
    const found = exploreAll(variant);
    expect(summaryOf(found)).toBe(`${found.states} states`);
    if (isLarge) console.log(summaryOf(found));
  });
});

describe('an account can end with two without', () => {
  const cases: [string, number, Variant][] = [
    ['a check of the lease', 21, { rules: { checksLease: false } }],
    ['a lease that counts from the request', 21, { rules: { countsLeaseFromRequest: false } }],
    ['the end of a session before its lock is taken', 23, { rules: { endsSessionFirst: false } }],
    [
      'a renewal that needs a session in time',
      23,
      { rules: { renewalNeedsOpen: false, renewalNeedsUnexpired: false } },
    ],
    [
      'a session for the beginning, and a check of the lease',
      21,
      { rules: { checksLease: false, beginNeedsSession: false } },
    ],
    ['a record of a late departure', 25, { rules: { recordsDeparture: false } }],
    ['a settling time from the departure', 27, { rules: { settlesFromDeparture: false } }],
    ['a second check after a departure was recorded', 33, { rules: { rechecksDeparture: false } }],
    ['an age of the record that counts from the request', 25, { rules: { countsRecordFromRequest: false } }],
    ['the settling time', 21, { rules: { waitsToSettle: false } }],
    ['a look at open changes', 17, { rules: { looksUpOpenChanges: false } }],
    ['a wait after a failover', 20, { times: shortest, rules: { wait: 0 }, faults: { failovers: 1 } }],
    [
      'a check of the server by renewals and departures',
      26,
      { times: shortest, rules: { checkServer: ['begin'] }, faults: { failovers: 1, skews: [-1] } },
    ],
    ['the monotonic clock', 22, { times: short, rules: { leaseClock: 'wall' }, faults: { wrongClocks: 0 } }],
    ['the wall clock', 21, { times: short, rules: { leaseClock: 'monotonic' }, faults: { wrongClocks: 0 } }],
    [
      'the slower clock for the own settling time',
      24,
      { times: medium, rules: { settlingClock: 'more' }, faults: { wrongClocks: 0 } },
    ],
    [
      'the slower clock for the settling time of others',
      23,
      { times: medium, rules: { othersClock: 'wall' }, faults: { wrongClocks: 1 } },
    ],
  ];
  if (isLarge)
    cases.push([
      'a check of the server by the beginning',
      23,
      { times: medium, rules: { checkServer: allBut('begin') }, faults: { failovers: 1 } },
    ]);
  test.each(cases)('%s: %i steps', (_, steps, variant) => {
    const { counterexample } = explorePurchases(variant);
    expect([counterexample?.violation, counterexample?.trace.length]).toEqual([twice, steps]);
  });
});

describe('the work can get stuck without', () => {
  const lost = (...lostStatements: Statement[]) => ({ lostAnswers: 1, lostStatements });
  const cases: [string, number, Variant][] = [
    [
      'the end of a session after an unanswered lock',
      3,
      { rules: { endsAfterNoAnswer: ['begin', 'release'] }, faults: lost('take') },
    ],
    [
      'the end of a session after an unanswered change',
      9,
      { rules: { endsAfterNoAnswer: ['take', 'release'] }, faults: lost('begin') },
    ],
    [
      'the end of a session after an unanswered release',
      14,
      { rules: { endsAfterNoAnswer: ['take', 'begin'] }, faults: lost('release') },
    ],
  ];
  if (isLarge)
    cases.push(
      [
        'the end of a session after an unanswered lock, though its own lock counts',
        16,
        { rules: { endsAfterNoAnswer: ['begin', 'release'], takesOwnLock: true }, faults: lost('take') },
      ],
      [
        'a check of the server by renewals',
        15,
        { times: medium, rules: { checkServer: allBut('renew') }, faults: { failovers: 1 } },
      ],
    );
  test.each(cases)('%s: %i steps', (_, steps, variant) => {
    const { counterexample } = exploreAll({ times: short, ...variant });
    expect([counterexample?.violation, counterexample?.trace.length]).toEqual([stuck, steps]);
  });
});

describe('an account can end with two if', () => {
  const cases: [string, number, Variant][] = [
    ['a process is stopped between its last check and the departure', 25, { faults: { stopsBeforeDeparture: true } }],
    ["the server's clock jumps", 20, { faults: { serverClockStep: 3, lostAnswers: 1, lostStatements: [] } }],
    ['the API takes longer than the settling time', 21, { times: medium, faults: { lateEffect: 1 } }],
    ['a failover goes unnoticed', 20, { times: shortest, faults: { failovers: 1, hidesFailover: true } }],
    ['a running process is called dead', 19, { faults: { onOneMachine: true, wrongDeaths: true } }],
  ];
  if (isLarge)
    cases.push([
      'a clock is set back while its machine is suspended',
      22,
      { times: medium, faults: { wrongClocks: 0, bothClocksWrong: true } },
    ]);
  test.each(cases)('%s: %i steps', (_, steps, variant) => {
    const { counterexample } = explorePurchases(variant);
    expect([counterexample?.violation, counterexample?.trace.length]).toEqual([twice, steps]);
  });
});
