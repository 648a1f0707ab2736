import { describe, expect, test } from 'vitest';
import { lacksFaketime } from '../../support/faketime.ts';
import { sharedPostgres, startPostgres } from '../../support/postgres.ts';
import { failoverPair } from '../../support/postgres-failover.ts';
import type { WhenOver } from '../../support/shared.ts';
import { tcpProxy } from '../../support/tcp-proxy.ts';
import { contest, type Fault, type Hosts, type Phase, phases } from './contest.ts';

/*
 * Two machines want the same seat, and the first one meets a fault in each phase of its purchase. By default, some of the combinations
 * run; `MACHINE_FAULTS=all` runs all of them, which takes a minute and a half on two cores.
 */

const isComplete = process.env.MACHINE_FAULTS === 'all';

/** How many contests run at once: leases last seven seconds, in which a busy machine must get to do something. */
const mostContests = 8;

const postgres = sharedPostgres({ fsync: false });

const faults: readonly Fault[] = [
  { name: 'is killed', strike: ({ first }) => first.crash() },
  {
    name: 'is killed, and its own machine goes on',
    strike: ({ first }) => first.crash(),
    isLocal: true,
    usually: ['recorded', 'in flight'],
  },
  { name: 'stands still', strike: ({ first }) => first.suspend(), heal: ({ first }) => first.resume() },
  {
    name: 'stands still while its clock is set back',
    movesClock: true,
    strike: ({ first }) => first.suspend(),
    heal({ first }) {
      first.setClock(-5);
      first.resume();
    },
    usually: ['recorded'],
  },
  {
    name: 'loses its statements',
    strike: ({ way }) => way.set('drop', 'up'),
    heal: ({ way }) => way.set('pass', 'up'),
    usually: ['recorded', 'in flight'],
  },
  {
    name: 'loses the answers of the database',
    strike: ({ way }) => way.set('drop', 'down'),
    heal: ({ way }) => way.set('pass', 'down'),
    usually: ['before it is recorded', 'before the outcome is recorded'],
  },
  {
    name: 'gets through to the database late',
    strike: ({ way }) => way.set('hold'),
    heal: ({ way }) => way.set('pass'),
    usually: ['before it is recorded', 'in flight'],
  },
  { name: 'is cut off from the API', strike: ({ cutOffApi }) => cutOffApi(), phases: ['in flight'] },
  {
    name: 'has its clock set ahead',
    movesClock: true,
    strike: ({ first }) => first.setClock(5),
    usually: ['recorded'],
  },
  {
    name: 'has its clock set back',
    movesClock: true,
    strike: ({ first }) => first.setClock(-5),
    usually: ['in flight'],
  },
];

/** Faults of the database. */
const serverFaults = [
  'is restarted',
  'crashes',
  'fails over and loses the latest changes',
  'has a clock that is hours ahead',
] as const;

/** The phases in which each runs by default. */
const usualServerFaults: Readonly<Record<(typeof serverFaults)[number], readonly Phase[]>> = {
  'is restarted': ['before the outcome is recorded'],
  crashes: ['recorded'],
  'fails over and loses the latest changes': ['in flight'],
  'has a clock that is hours ahead': ['in flight'],
};

let running = 0;
const waiting: (() => void)[] = [];

/** Runs work when few others run. */
async function inTurn<Done>(work: () => Promise<Done>): Promise<Done> {
  if (running >= mostContests) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** What must be after each contest: one purchase, no request under a lost lease, and a record that agrees. */
const fair = { charges: [1, 1], withoutLock: 0, applied: 1, open: 0, flaws: [] };

describe.concurrent.each(phases.map((phase) => [phase] as const))('buys once if, %s, the first machine', (phase) => {
  const met = faults.filter(
    ({ phases: possible = phases, usually = possible, movesClock }) =>
      (isComplete ? possible : usually).includes(phase) && !(movesClock && lacksFaketime),
  );
  test.for(met.map((fault) => [fault.name, fault] as const))('%s', async ([, fault], { onTestFinished }) => {
    const whenOver: WhenOver = (cleanUp) => onTestFinished(() => cleanUp());
    const hosts = hostsOf(() => postgres().port, postgres);
    const result = await inTurn(() => contest(hosts, phase, fault, whenOver));
    expect(result).toMatchObject(fair);
  });
});

describe.concurrent('buys once if the database', () => {
  const met = serverFaults.flatMap((name) => {
    if (name === 'has a clock that is hours ahead' && lacksFaketime) return [];
    return (isComplete ? phases : usualServerFaults[name]).map((phase) => [name, phase] as const);
  });
  test.for(met)('%s, %s', async ([name, phase], { onTestFinished }) => {
    const whenOver: WhenOver = (cleanUp) => onTestFinished(() => cleanUp());
    const result = await inTurn(async () => {
      const { hosts, ...fault } = await serverFault(name, whenOver);
      return contest(hosts, phase, { name, ...fault }, whenOver);
    });
    // A failover may lose what the record says. Until all leases have ended, nobody takes a lock from a session that was lost.
    if (name.startsWith('fails over')) expect(result).toMatchObject({ charges: [1, 1], open: 0, flaws: [] });
    else expect(result).toMatchObject(fair);
  });
});

async function serverFault(
  name: (typeof serverFaults)[number],
  whenOver: WhenOver,
): Promise<Pick<Fault, 'strike' | 'heal' | 'prepare' | 'replacesServer'> & { readonly hosts: Hosts }> {
  if (name === 'fails over and loses the latest changes') {
    const pair = await failoverPair({ fsync: false, whenOver });
    return {
      hosts: hostsOf(
        () => pair.front.port,
        () => pair.current,
      ),
      prepare: () => pair.stopReplication(),
      strike: () => pair.failOver({ losing: true }),
      replacesServer: true,
    };
  }
  const movesClock = name === 'has a clock that is hours ahead';
  const server = await startPostgres({ fsync: false, whenOver, movesClock });
  const hosts = hostsOf(
    () => server.port,
    () => server,
  );
  if (movesClock) {
    server.setClock(5);
    return { hosts, strike: ({ first }) => first.crash() };
  }
  return { hosts, strike: () => server.restart(name === 'crashes' ? 'crash' : 'fast'), replacesServer: true };
}

/** Lets each machine reach a server in a way of its own. */
function hostsOf(port: () => number, current: Hosts['current']): Hosts {
  return { current, way: (whenOver) => tcpProxy(port(), { whenOver }) };
}
