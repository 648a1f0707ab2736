import type { Model, Step } from './explore.ts';

/*
 * A model of how processes share locks in a PostgreSQL database, small enough to visit all of its states.
 *
 * Two or three processes (A, B, C) want the same one thing. Each opens a session, takes the only lock, reads the changes without an
 * outcome, looks at the account, and buys the thing if the account lacks it: it records a change, sends one request, waits for the
 * response or looks for the result, records the outcome, and frees the lock. The other parts are the database, a standby that may
 * take over, the API, and time.
 *
 * Time passes in ticks. Only what remains of a lease or a wait is part of a state, not the time itself, so that there are finitely
 * many states and no run is too long to be covered. A tick can pass between any two steps. So a stopped process, a suspended machine
 * and a slow network need no steps of their own: a process that takes no step while ticks pass is stopped. The API carries out a
 * request at any moment within the settling time after it left, or never, whether or not anyone waits for the response.
 *
 * Each statement is a transaction of its own. A statement that matters to the clocks of a process takes time: it sees its snapshot,
 * and is committed and answered later. The others take effect in one step, because the process can stop before and after it. A
 * statement without an answer was carried out, was not, or will be at any later moment. A failover replaces the database by what a
 * standby had at any earlier moment, with a clock that is ahead or behind. A process has two clocks; one can be set, the other stands
 * while its machine is suspended. Ages of records are those of the server's clock.
 *
 * A request that leaves must be the only one. That means, at the moment it leaves:
 * - no earlier request can still take effect, and none has, so that the account never has two;
 * - its process is the last to which the lock was granted, even if a failover has forgotten that;
 * - its session was not ended by another process.
 * Also, nobody is granted the lock while a request of another living process is within its time limit. Finally, from each state in
 * which no more goes wrong, all processes that are running can finish; a process that has finished keeps its session, as a watch does.
 *
 * What the protocol can't notice is left out of the model, and the test shows for each that it would be a problem: a process that is
 * stopped between its last check and the departure of its request; a machine whose clock is set back while it is suspended; a
 * server whose clock jumps; an API that is slower than the settling time; a failover to a server with the same identity; and a
 * process that is called dead while it runs. Two servers that both accept writes are not modeled: they grant a lock twice.
 */

/** The lengths of the times, in ticks. */
export interface Times {
  /** The time limit of a request. */
  readonly request: number;
  /** How long a lease lasts. */
  readonly lease: number;
  /** How long a request may take effect after it left. */
  readonly settling: number;
  /** How long after its record a request may leave without a record of that. */
  readonly noticeable: number;
}

/** The rules of the protocol. A test switches each off, to show what it is for. */
export interface Rules {
  /** A request leaves only if the lease, by the clocks of this machine, outlives its time limit. */
  readonly checksLease: boolean;
  /** A lease is counted from the moment the renewal was requested, not answered. */
  readonly countsLeaseFromRequest: boolean;
  /** A lock is taken only from a session that was ended; otherwise from one that looked expired in the statement's snapshot. */
  readonly endsSessionFirst: boolean;
  /** A renewal needs a session that wasn't ended. */
  readonly renewalNeedsOpen: boolean;
  /** A renewal needs a session that hasn't expired. */
  readonly renewalNeedsUnexpired: boolean;
  /** A change is begun only in a session that is alive. */
  readonly beginNeedsSession: boolean;
  /** The departure of a request is recorded only in a session that is alive. */
  readonly departureNeedsSession: boolean;
  /** A request that leaves noticeably later than it was recorded is recorded again. */
  readonly recordsDeparture: boolean;
  /** The settling time starts again when the departure is recorded. */
  readonly settlesFromDeparture: boolean;
  /** How recent the record is gets checked again after the departure was recorded. */
  readonly rechecksDeparture: boolean;
  /** How recent a record is gets counted from the moment it was requested, not answered. */
  readonly countsRecordFromRequest: boolean;
  /** The account is believed not to show a change only after the settling time. */
  readonly waitsToSettle: boolean;
  /** The open changes of others are looked up before a change begins. */
  readonly looksUpOpenChanges: boolean;
  /** A session ends after a statement that wasn't answered, because that may be carried out later. */
  readonly endsAfterNoAnswer: readonly ('take' | 'begin' | 'release')[];
  /** A lock that the same session has already counts as taken. */
  readonly takesOwnLock: boolean;
  /** The statements that need the server at which the session was opened. */
  readonly checkServer: readonly Statement[];
  /** How long nobody takes a lock after a failover, in ticks. */
  readonly wait: number;
  /** Leases and ages of records go by the clock by which more time has passed, or by one of the two. */
  readonly leaseClock: 'more' | 'wall' | 'monotonic';
  /** The own settling time goes by the clock by which less time has passed. */
  readonly settlingClock: 'less' | 'more';
  /** By which clock to wait for the changes of others: by the server's, by the own one by which less time has passed, or by the wall clock. */
  readonly othersClock: 'server' | 'less' | 'wall';
}

/** What can go wrong, beyond stops of any length and requests without an answer, which always can. */
export interface Faults {
  /** How many answers of the database are lost. */
  readonly lostAnswers: number;
  /** The statements whose answers may be lost; all if undefined. */
  readonly lostStatements?: readonly Statement[];
  readonly kills: boolean;
  /** Whether the processes are on one machine, so that the operating system says who has died. */
  readonly onOneMachine: boolean;
  readonly failovers: number;
  /** How far the clock of a promoted server may be ahead, in ticks. */
  readonly skews: readonly number[];
  /** Whose machine may be suspended, or have its wall clock set; -1 if nobody's. */
  readonly wrongClocks: number;
  /** By how much that wall clock may be set, in ticks. */
  readonly clockSteps: readonly number[];
  /** Whether the same clock may be set and the machine suspended. No process can notice that. */
  readonly bothClocksWrong: boolean;
  /** Whether a process can be stopped between its last check and the departure of the request. No process can notice that. */
  readonly stopsBeforeDeparture: boolean;
  /** Whether the operating system may call a process dead that isn't. */
  readonly wrongDeaths: boolean;
  /** By how much the clock of the server may be set forward, in ticks; 0 if never. */
  readonly serverClockStep: number;
  /** How much longer than the settling time a request may take, in ticks. */
  readonly lateEffect: number;
  /** Whether a failover may go unnoticed. */
  readonly hidesFailover: boolean;
}

/** The size of a model. */
export interface Setting {
  readonly processes: number;
  readonly times: Times;
  readonly rules: Rules;
  readonly faults: Faults;
  /** Whether only two purchases count as wrong, to see whether a broken rule costs money. */
  readonly onlyPurchases?: boolean;
}

const statements = ['open', 'take', 'renew', 'begin', 'depart', 'settle', 'release'] as const;
/** The statements of the protocol. Reads are part of the step that uses them. */
export type Statement = (typeof statements)[number];

/** How far a statement is. `pending` has seen its snapshot but isn't committed. */
const phases = ['none', 'pending', 'done', 'refused', 'expired'] as const;
type Phase = (typeof phases)[number];

/**
 * What a process does next. `sent` waits for the API; `checks` looks for its own change after a lost response; `done` lives on and
 * renews its session, as a watch does; `lost` sends nothing more.
 */
const places = [
  'new',
  'locks',
  'reads',
  'waits',
  'looks',
  'begins',
  'ready',
  'leaving',
  'sent',
  'checks',
  'settles',
  'releases',
  'done',
  'lost',
  'dead',
] as const;
type Place = (typeof places)[number];

/** An amount of time by the two clocks of a machine. */
interface Pair {
  monotonic: number;
  wall: number;
}

interface Process {
  place: Place;
  statement: Statement;
  phase: Phase;
  /** What is left of the lease. */
  lease: Pair;
  /** How long ago the statement was requested. */
  asked: Pair;
  /** How long ago the change was recorded, or its request left. */
  since: Pair;
  /** What a statement that is pending saw: what is left of the holder's session, or of the settling time. */
  seen: number;
  /** The age of the request, in ticks from 1, while the API may carry it out; 0 if there is none. */
  request: number;
  /** Whether the API has carried the request out. */
  isCarriedOut: boolean;
  /** What is wrong with the clocks of the machine. */
  clocks: number;
}

interface Session {
  state: 'none' | 'open' | 'ended';
  /** How long until it expires. */
  left: number;
  server: number;
}

interface Change {
  isOpen: boolean;
  /** How long until the account is believed not to show it. */
  left: number;
}

interface Database {
  sessions: Session[];
  changes: Change[];
  /** Who has the lock; -1 if nobody. */
  holder: number;
  /** The server that was noticed last, and how long nobody takes a lock. */
  known: number;
  wait: number;
}

/** A state of everything: processes, database, standby and account. */
export interface World {
  processes: Process[];
  database: Database;
  /** What a standby has, if it stopped following. */
  standby: Database | undefined;
  server: number;
  lostAnswers: number;
  /** Who runs a statement late, and which; -1 if nobody. */
  late: number;
  lateStatement: Statement;
  /** How many things the account has. */
  bought: number;
  /** Who was granted the lock last, also if that was forgotten in a failover; -1 if nobody. */
  granted: number;
  violation: number;
}

const violations = [
  '',
  'the account has two',
  'a request left while an earlier one could still take effect, or had',
  'a request left from a process that was not the last to be granted the lock',
  'a request left from a session that was ended',
  'a lock was taken over while a request of its holder was within its time limit',
] as const;

/** Returns the model of the protocol. */
export function protocol({ processes: count, times, rules, faults, onlyPurchases = false }: Setting): Model<World> {
  const { request, lease, noticeable } = times;
  const effect = times.settling + faults.lateEffect;
  const settling = rules.waitsToSettle ? times.settling : 0;
  const settlingFromRecord = rules.waitsToSettle ? times.settling + noticeable : 0;
  const longest = Math.max(lease, noticeable + 1, settlingFromRecord);

  const elapsed = ({ monotonic, wall }: Pair) =>
    rules.leaseClock === 'more' ? Math.max(monotonic, wall) : rules.leaseClock === 'wall' ? wall : monotonic;
  const left = ({ monotonic, wall }: Pair) =>
    rules.leaseClock === 'more' ? Math.min(monotonic, wall) : rules.leaseClock === 'wall' ? wall : monotonic;
  const surely = ({ monotonic, wall }: Pair) =>
    rules.settlingClock === 'less' ? Math.min(monotonic, wall) : Math.max(monotonic, wall);

  const isSame = (world: World, session: Session, statement: Statement) =>
    !rules.checkServer.includes(statement) || session.server === world.server;
  const isAlive = ({ state, left: rest }: Session) => state === 'open' && rest > 0;

  /** Runs a statement at the server. Returns what becomes of it. */
  function run(world: World, who: number, statement: Statement): Phase {
    const { database } = world;
    const process = at(world.processes, who);
    const session = at(database.sessions, who);
    const change = at(database.changes, who);
    const may = isAlive(session) && isSame(world, session, statement);
    switch (statement) {
      case 'open':
        if (database.known !== world.server) {
          database.known = world.server;
          database.wait = rules.wait;
        }
        Object.assign(session, { state: 'open', left: lease, server: world.server });
        return 'done';
      case 'take':
        if (!may) return 'expired';
        if (!rules.endsSessionFirst && database.holder >= 0) {
          process.seen = at(database.sessions, database.holder).left;
          return 'pending';
        }
        return take(world, who);
      case 'renew': {
        const isOpen = session.state === 'open' || (session.state === 'ended' && !rules.renewalNeedsOpen);
        const isInTime = session.left > 0 || !rules.renewalNeedsUnexpired;
        if (!isOpen || !isInTime || !isSame(world, session, 'renew')) return 'expired';
        session.state = 'open';
        session.left = lease;
        return 'done';
      }
      case 'begin':
      case 'depart': {
        const needs = statement === 'begin' ? rules.beginNeedsSession : rules.departureNeedsSession;
        const allowed = needs ? may : isSame(world, session, statement);
        if (!allowed || (statement === 'depart' && !change.isOpen)) return 'expired';
        process.seen = settlingFromRecord;
        return 'pending';
      }
      case 'settle':
        Object.assign(change, { isOpen: false, left: 0 });
        return 'done';
      case 'release':
        if (database.holder === who) database.holder = -1;
        return 'done';
    }
  }

  /** Commits a statement that is pending. */
  function commit(world: World, who: number, statement: Statement): Phase {
    const process = at(world.processes, who);
    const change = at(world.database.changes, who);
    const { seen } = process;
    process.seen = 0;
    if (statement === 'take') return take(world, who, seen === 0);
    if (statement === 'begin') Object.assign(change, { isOpen: true, left: seen });
    else if (rules.settlesFromDeparture) change.left = seen;
    return 'done';
  }

  function take(world: World, who: number, sawExpired = false): Phase {
    const { database, processes } = world;
    const { holder } = database;
    if (database.wait > 0) return 'refused';
    if (holder === who && !rules.takesOwnLock) return 'refused';
    const isFree = holder < 0 || holder === who || at(database.sessions, holder).state === 'ended' || sawExpired;
    if (!isFree) return 'refused';
    database.holder = who;
    world.granted = who;
    const isWaiting = ({ request: age, place }: Process) => age > 0 && age <= request && place !== 'dead';
    if (processes.some((process, other) => other !== who && isWaiting(process))) world.violation = 5;
    return 'done';
  }

  /** Continues a process whose statement was answered. */
  function receive(process: Process): void {
    const { statement, phase } = process;
    const answered = countedFrom(rules.countsRecordFromRequest, process.asked);
    Object.assign(process, { phase: 'none' });
    if (phase === 'expired') process.place = 'lost';
    if (phase === 'expired' || phase === 'refused') return;
    if (statement === 'open' || statement === 'renew') {
      const { monotonic, wall } = countedFrom(rules.countsLeaseFromRequest, process.asked);
      process.lease = { monotonic: Math.max(0, lease - monotonic), wall: Math.max(0, lease - wall) };
      if (statement === 'open') process.place = 'locks';
    } else if (statement === 'take') process.place = rules.looksUpOpenChanges ? 'reads' : 'begins';
    else if (statement === 'begin') Object.assign(process, { place: 'ready', since: answered });
    else if (statement === 'depart') {
      process.since = answered;
      if (!rules.rechecksDeparture) process.place = 'leaving';
    } else process.place = statement === 'settle' ? 'releases' : 'done';
  }

  /** Continues a process whose statement wasn't answered. */
  function giveUp(process: Process): void {
    const { statement } = process;
    process.phase = 'none';
    process.seen = 0;
    if (statement === 'open') process.place = 'lost';
    if (statement !== 'take' && statement !== 'begin' && statement !== 'release') return;
    if (rules.endsAfterNoAnswer.includes(statement)) process.place = 'lost';
    else if (statement === 'begin') process.place = 'releases';
    else if (statement === 'release') process.place = 'done';
  }

  function leave(world: World, who: number): void {
    const { database, processes } = world;
    const process = at(processes, who);
    const session = at(database.sessions, who);
    if (processes.some(({ request: age }) => age > 0) || world.bought > 0) world.violation = 2;
    if (session.server === world.server && session.state === 'ended') world.violation = 4;
    if (world.granted !== who) world.violation = 3;
    Object.assign(process, { place: 'sent', request: 1, isCarriedOut: false, since: { monotonic: 0, wall: 0 } });
  }

  /** Lets time pass. @param suspended - whose machine is suspended, so that its monotonic clock stands; -1 if none */
  function tick(world: World, suspended = -1): void {
    for (const [who, process] of world.processes.entries()) {
      const monotonic = who === suspended ? 0 : 1;
      process.lease.monotonic = Math.max(0, process.lease.monotonic - monotonic);
      process.lease.wall = Math.max(0, process.lease.wall - 1);
      for (const pair of [process.asked, process.since]) {
        pair.monotonic = Math.min(longest, pair.monotonic + monotonic);
        pair.wall = Math.min(longest, pair.wall + 1);
      }
      process.seen = Math.max(0, process.seen - 1);
      if (process.request > 0) process.request = process.request >= effect ? 0 : process.request + 1;
    }
    for (const database of [world.database, world.standby]) if (database) advance(database, 1);
  }

  /** Moves the time of a database. @param by - ticks */
  function advance(database: Database, by: number): void {
    const rest = (time: number) => Math.max(0, time - by);
    for (const session of database.sessions) if (session.state === 'open') session.left = rest(session.left);
    for (const change of database.changes) if (change.isOpen) change.left = rest(change.left);
    database.wait = rest(database.wait);
  }

  /** Returns whether a tick is no fault: no session expires that its process would have renewed. */
  function isPunctual({ processes, database }: World): boolean {
    return processes.every((process, who) => {
      const { state, left: rest } = at(database.sessions, who);
      return state !== 'open' || rest !== 1 || !canRenew(process);
    });
  }

  function canRenew({ place, lease: rest }: Process): boolean {
    return place !== 'new' && !isOver(place) && left(rest) < lease;
  }

  function steps(world: World): Step<World>[] {
    const found: Step<World>[] = [];
    const step = (label: string, isCalm: boolean, change: (next: World) => void) => {
      const next = copy(world);
      change(next);
      normalize(next);
      found.push({ label, next, isCalm });
    };
    const { processes, database, standby } = world;

    step('a tick passes', isPunctual(world), (next) => tick(next));
    for (const [who, process] of processes.entries()) stepsOf(who, process);
    if (world.late >= 0) {
      const { late: who, lateStatement } = world;
      step(`${name(who)}'s ${lateStatement} is carried out late`, true, (next) => {
        next.late = -1;
        const process = at(next.processes, who);
        const { seen } = process;
        if (run(next, who, lateStatement) === 'pending') commit(next, who, lateStatement);
        process.seen = seen;
      });
    }
    if (world.server < faults.failovers) {
      if (!standby)
        step('the standby stops following', false, (next) => {
          next.standby = copyOf(next.database);
        });
      else
        for (const skew of faults.skews)
          step(`failover to the standby${skew === 0 ? '' : `, whose clock is ${skew} ahead`}`, false, (next) => {
            next.database = copyOf(standby);
            next.standby = undefined;
            if (!faults.hidesFailover) next.server++;
            else next.server = faults.failovers;
            if (faults.hidesFailover) {
              next.database.known = next.server;
              for (const session of next.database.sessions) session.server = next.server;
            }
            advance(next.database, skew);
            for (const process of next.processes) if (process.phase === 'pending') giveUp(process);
          });
    }
    if (faults.serverClockStep > 0 && world.lostAnswers < faults.lostAnswers)
      step(`the server's clock is set ${faults.serverClockStep} ahead`, false, (next) => {
        next.lostAnswers++;
        advance(next.database, faults.serverClockStep);
      });
    return found;

    function stepsOf(who: number, process: Process): void {
      const { place, phase, statement } = process;
      const me = name(who);
      const act = (label: string, isCalm: boolean, change: (own: Process, next: World) => void) =>
        step(`${me}${label.startsWith('…') ? `'s${label.slice(1)}` : ` ${label}`}`, isCalm, (next) =>
          change(at(next.processes, who), next),
        );
      const canLose = (lost: Statement) =>
        world.lostAnswers < faults.lostAnswers && (faults.lostStatements?.includes(lost) ?? true);
      /** Requests a statement. While the answer is under way, only time can pass; that matters for some statements. */
      const ask = (wanted: Statement) => {
        act(`requests ${wanted}`, true, (own, next) => {
          Object.assign(own, { statement: wanted, asked: { monotonic: 0, wall: 0 } });
          own.phase = run(next, who, wanted);
          if (!isTimed(wanted) && own.phase !== 'pending') receive(own);
        });
        if (!canLose(wanted)) return;
        const lose = (label: string, change: (next: World) => void) =>
          act(`requests ${wanted}, ${label}`, false, (own, next) => {
            next.lostAnswers++;
            own.statement = wanted;
            change(next);
            giveUp(own);
          });
        lose('which is lost', () => {});
        if (world.late < 0)
          lose('which is delayed', (next) => Object.assign(next, { late: who, lateStatement: wanted }));
        if (!isTimed(wanted)) lose('the answer is lost', (next) => run(next, who, wanted));
      };

      if (process.request > 0 && !process.isCarriedOut)
        act('… request takes effect', true, (own, next) => {
          own.request = 0;
          own.isCarriedOut = true;
          if (++next.bought > 1) next.violation = 1;
        });
      if (phase === 'pending' && place === 'dead')
        act(`… ${statement} is committed`, true, (own, next) => {
          own.phase = commit(next, who, statement);
        });
      if (place === 'dead') return;

      if (faults.kills && place !== 'lost' && place !== 'new') act('is killed', false, goTo('dead'));
      if (faults.wrongClocks === who) clockSteps();
      if (phase !== 'none') {
        act(`gets the answer to ${statement}`, true, (own, next) => {
          if (phase === 'pending') own.phase = commit(next, who, statement);
          receive(own);
        });
        if (canLose(statement))
          act(`gets no answer to ${statement}, which is carried out`, false, (own, next) => {
            next.lostAnswers++;
            if (phase === 'pending') commit(next, who, statement);
            giveUp(own);
          });
        return;
      }
      if (place === 'done' || place === 'lost') return;
      if (canRenew(process)) ask('renew');
      switch (place) {
        case 'new':
          // Processes are alike, so that they can start in one order.
          if (who === 0 || at(processes, who - 1).place !== 'new') ask('open');
          break;
        case 'locks':
          ask('take');
          endSession();
          break;
        case 'reads': {
          const isUnderWay = (change: Change, other: number) =>
            other !== who && change.isOpen && isAlive(at(database.sessions, other));
          if (database.changes.some(isUnderWay)) break;
          if (world.bought > 0) act('finds it in the account', true, adopt);
          else if (database.changes.every(({ isOpen, left: rest }) => !isOpen || rest === 0))
            act('finds no change that may still take effect', true, goTo('looks'));
          else if (rules.othersClock !== 'server') {
            const passed = longest - Math.max(...database.changes.map(({ left: rest }) => rest));
            const since = { monotonic: passed, wall: passed };
            act('waits for a change that may still take effect', true, (own) =>
              Object.assign(own, { place: 'waits', since }),
            );
          }
          break;
        }
        case 'waits':
          if ((rules.othersClock === 'wall' ? process.since.wall : surely(process.since)) >= longest)
            act('has waited', true, goTo('looks'));
          break;
        case 'looks':
          if (world.bought > 0) act('finds it in the account', true, adopt);
          else act("doesn't find it in the account", true, goTo('begins'));
          break;
        case 'begins':
          ask('begin');
          break;
        case 'ready': {
          const isRecent = elapsed(process.since) <= noticeable || !rules.recordsDeparture;
          const isSafe = left(process.lease) >= request || !rules.checksLease;
          if (!isRecent) ask('depart');
          else if (isSafe && faults.stopsBeforeDeparture) act('may send', true, goTo('leaving'));
          else if (isSafe) act('sends its request', true, (_, next) => leave(next, who));
          break;
        }
        case 'leaving':
          if (faults.stopsBeforeDeparture || left(process.lease) >= request || !rules.checksLease)
            act('sends its request', true, (_, next) => leave(next, who));
          break;
        case 'sent':
          if (process.isCarriedOut) act('gets the response', true, goTo('settles'));
          act('gets no response', true, goTo('checks'));
          break;
        case 'checks':
          if (world.bought > 0) act('finds its change in the account', true, goTo('settles'));
          else if (surely(process.since) >= settling)
            act("doesn't find its change in the account", true, goTo('settles'));
          break;
        case 'settles':
          ask('settle');
          break;
        case 'releases':
          ask('release');
          break;
      }

      /** Closes the changes that were looked up. */
      function adopt(own: Process, next: World): void {
        for (const change of next.database.changes) Object.assign(change, { isOpen: false, left: 0 });
        own.place = 'releases';
      }

      function endSession(): void {
        const { holder } = database;
        if (holder < 0 || holder === who) return;
        const { state, left: rest } = at(database.sessions, holder);
        const isKnownDead = faults.onOneMachine && (at(processes, holder).place === 'dead' || faults.wrongDeaths);
        if (state === 'open' && (rest === 0 || isKnownDead))
          act(`ends the session of ${name(holder)}`, true, (_, next) =>
            Object.assign(at(next.database.sessions, holder), {
              state: 'ended',
              left: rules.renewalNeedsUnexpired ? 0 : rest,
            }),
          );
      }

      function clockSteps(): void {
        const canSuspend = process.clocks !== 2 || faults.bothClocksWrong;
        const canSet = process.clocks === 0 || (process.clocks === 1 && faults.bothClocksWrong);
        if (place === 'new' || place === 'lost' || place === 'done') return;
        if (canSuspend)
          step(`a tick passes while the machine of ${me} is suspended`, false, (next) => {
            tick(next, who);
            at(next.processes, who).clocks ||= 1;
          });
        if (canSet)
          for (const by of faults.clockSteps)
            act(`… wall clock is set by ${by}`, false, (own) => {
              own.clocks = 2;
              own.lease.wall = Math.max(0, own.lease.wall - by);
              own.asked.wall = Math.max(0, own.asked.wall + by);
              own.since.wall = Math.min(longest, Math.max(0, own.since.wall + by));
            });
      }
    }
  }

  /** Clears what no longer matters, so that equal states are recognized. */
  function normalize(world: World): void {
    const { processes, database } = world;
    for (let who = 0; who < processes.length; who++) {
      const process = at(processes, who);
      const { place } = process;
      const hasFinished = isOver(place);
      if (process.phase === 'none' || ((place === 'dead' || place === 'lost') && process.phase !== 'pending')) {
        process.phase = 'none';
        process.statement = 'open';
        process.seen = 0;
        clear(process.asked);
      }
      if (hasFinished || !isTimed(process.statement)) clear(process.asked);
      if (place !== 'ready' && place !== 'sent' && place !== 'checks' && place !== 'waits') clear(process.since);
      if (place === 'ready') {
        process.since.monotonic = Math.min(process.since.monotonic, noticeable + 1);
        process.since.wall = Math.min(process.since.wall, noticeable + 1);
      }
      if (place !== 'sent' && process.request === 0) process.isCarriedOut = false;
      if (!hasFinished) continue;
      clear(process.lease);
      process.clocks = 0;
      // A process that has finished renews its session in time. If it doesn't, it is like one that was killed.
      const session = at(database.sessions, who);
      if (place === 'done' && isAlive(session) && isSame(world, session, 'renew')) session.left = lease;
    }
    if (world.server >= faults.failovers) world.standby = undefined;
    if (!onlyPurchases) return;
    if (world.violation > 1) world.violation = 0;
    world.granted = -1;
  }

  const initial: World = {
    processes: range(count).map(() => ({
      place: 'new',
      statement: 'open',
      phase: 'none',
      lease: { monotonic: 0, wall: 0 },
      asked: { monotonic: 0, wall: 0 },
      since: { monotonic: 0, wall: 0 },
      seen: 0,
      request: 0,
      isCarriedOut: false,
      clocks: 0,
    })),
    database: {
      sessions: range(count).map(() => ({ state: 'none', left: 0, server: 0 })),
      changes: range(count).map(() => ({ isOpen: false, left: 0 })),
      holder: -1,
      known: 0,
      wait: 0,
    },
    standby: undefined,
    server: 0,
    lostAnswers: 0,
    late: -1,
    lateStatement: 'open',
    bought: 0,
    granted: -1,
    violation: 0,
  };

  return {
    initial,
    steps,
    encode,
    decode: (key) => decode(key, count),
    violation: ({ violation }) => violations[violation] || undefined,
    isFinished: ({ processes }) => processes.every(({ place }) => isOver(place)),
  };
}

/** Returns how much time to count. @param fromRequest - whether to count from the request of a statement, instead of its answer */
function countedFrom(fromRequest: boolean, asked: Pair): Pair {
  return fromRequest ? { ...asked } : { monotonic: 0, wall: 0 };
}

/** Returns a change of a process that only moves it on. */
function goTo(place: Place): (process: Process) => void {
  return (process) => {
    process.place = place;
  };
}

/** Returns whether a process measures how long a statement takes. */
function isTimed(statement: Statement): boolean {
  return statement !== 'take' && statement !== 'settle' && statement !== 'release';
}

function name(who: number): string {
  return 'ABCDEFG'.charAt(who);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Returns an element that exists. @throws RangeError if it doesn't */
function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`There is no element ${index}.`);
  return found;
}

function copyOf({ sessions, changes, holder, known, wait }: Database): Database {
  const copied: Database = { sessions: [], changes: [], holder, known, wait };
  for (const { state, left, server } of sessions) copied.sessions.push({ state, left, server });
  for (const { isOpen, left } of changes) copied.changes.push({ isOpen, left });
  return copied;
}

function copy(world: World): World {
  const { database, standby, server, lostAnswers, late, lateStatement, bought, granted, violation } = world;
  const processes: Process[] = [];
  for (const { place, statement, phase, lease, asked, since, seen, request, isCarriedOut, clocks } of world.processes)
    processes.push({
      place,
      statement,
      phase,
      lease: { monotonic: lease.monotonic, wall: lease.wall },
      asked: { monotonic: asked.monotonic, wall: asked.wall },
      since: { monotonic: since.monotonic, wall: since.wall },
      seen,
      request,
      isCarriedOut,
      clocks,
    });
  return {
    processes,
    database: copyOf(database),
    standby: standby && copyOf(standby),
    server,
    lostAnswers,
    late,
    lateStatement,
    bought,
    granted,
    violation,
  };
}

function clear(pair: Pair): void {
  pair.monotonic = 0;
  pair.wall = 0;
}

/** Returns whether a process sends nothing more. */
function isOver(place: Place): boolean {
  return place === 'done' || place === 'lost' || place === 'dead';
}

const placeCodes: Readonly<Record<Place, number>> = {
  new: 0,
  locks: 1,
  reads: 2,
  waits: 3,
  looks: 4,
  begins: 5,
  ready: 6,
  leaving: 7,
  sent: 8,
  checks: 9,
  settles: 10,
  releases: 11,
  done: 12,
  lost: 13,
  dead: 14,
};
const statementCodes: Readonly<Record<Statement, number>> = {
  open: 0,
  take: 1,
  renew: 2,
  begin: 3,
  depart: 4,
  settle: 5,
  release: 6,
};
const phaseCodes: Readonly<Record<Phase, number>> = { none: 0, pending: 1, done: 2, refused: 3, expired: 4 };
const sessionStates = ['none', 'open', 'ended'] as const;

function encode(world: World): string {
  const codes: number[] = [
    world.server,
    world.lostAnswers,
    world.late + 1,
    statementCodes[world.lateStatement],
    world.bought,
    world.granted + 1,
    world.violation,
  ];
  for (const { place, statement, phase, lease, asked, since, seen, request, isCarriedOut, clocks } of world.processes)
    codes.push(
      placeCodes[place],
      statementCodes[statement] * 16 + phaseCodes[phase],
      lease.monotonic * 16 + lease.wall,
      asked.monotonic * 16 + asked.wall,
      since.monotonic * 16 + since.wall,
      seen,
      request,
      (isCarriedOut ? 4 : 0) + clocks,
    );
  for (const database of [world.database, world.standby]) {
    if (!database) break;
    codes.push(database.holder + 1, database.known, database.wait);
    for (const { state, left, server } of database.sessions)
      codes.push(sessionStates.indexOf(state) * 16 + server, left);
    for (const { isOpen, left } of database.changes) codes.push((isOpen ? 16 : 0) + left);
  }
  return String.fromCharCode(...codes);
}

function decode(key: string, count: number): World {
  let position = 0;
  const next = () => key.charCodeAt(position++);
  const pair = (): Pair => {
    const code = next();
    return { monotonic: code >> 4, wall: code & 15 };
  };
  const database = (): Database => ({
    holder: next() - 1,
    known: next(),
    wait: next(),
    sessions: range(count).map(() => {
      const code = next();
      return { state: at(sessionStates, code >> 4), server: code & 15, left: next() };
    }),
    changes: range(count).map(() => {
      const code = next();
      return { isOpen: code >> 4 === 1, left: code & 15 };
    }),
  });
  const rest = {
    server: next(),
    lostAnswers: next(),
    late: next() - 1,
    lateStatement: at(statements, next()),
    bought: next(),
    granted: next() - 1,
    violation: next(),
  };
  const processes = range(count).map((): Process => {
    const place = at(places, next());
    const code = next();
    const [statement, phase] = [at(statements, code >> 4), at(phases, code & 15)];
    const [lease, asked, since] = [pair(), pair(), pair()];
    const [seen, request, last] = [next(), next(), next()];
    return { place, statement, phase, lease, asked, since, seen, request, isCarriedOut: last >= 4, clocks: last & 3 };
  });
  const current = database();
  return { ...rest, processes, database: current, standby: position < key.length ? database() : undefined };
}
